//! JSON Web Tokens (RFC 7519) as an access gate needs them: read strictly, identified, verified, their claims checked.
//! In which order, the gate says.
//!
//! | module | holds |
//! |---|---|
//! | [`token`] | a token as it arrived |
//! | [`record`] | what is kept of a profile with tokens |
//! | [`key`] | the keys of a profile |
//! | [`signature`] | whether a signature is good |
//! | [`claims`] | whether the claims are good |
//! | [`verified`] | the tokens that were verified lately |

pub mod claims;
mod der;
mod json;
pub mod key;
pub mod record;
pub mod signature;
pub mod token;
pub mod verified;

pub use key::{InvalidKey, VerificationKey};
pub use record::TokenRecord;
pub use signature::{PureRust, Signatures};
pub use token::{InvalidToken, Token, looks_like_token};
pub use verified::VerifiedTokens;
