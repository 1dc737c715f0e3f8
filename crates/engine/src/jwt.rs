//! JSON Web Tokens (RFC 7519) as access gates need them: read strictly, identified, verified, their claims checked.
//!
//! | module | holds |
//! |---|---|
//! | [`key`] | the keys of a profile |
//! | [`signature`] | whether a signature is good |

mod der;
pub mod key;
pub mod signature;

pub use key::{InvalidKey, VerificationKey};
pub use signature::{PureRust, Signatures};
