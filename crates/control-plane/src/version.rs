//! Which version this is, and of which commit.

/// The number of the version.
pub const NUMBER: &str = env!("CARGO_PKG_VERSION");

/// The commit that it was built from, shortened; empty where nobody said.
pub const COMMIT: &str = env!("PORTCULLIS_COMMIT");

/// Both, as people are told.
pub const LONG: &str = env!("PORTCULLIS_VERSION");
