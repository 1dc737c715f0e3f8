//! Who asks, as the log tells it.

use std::sync::{Arc, OnceLock};

use axum::http::Extensions;
use portcullis_feed::GatewayTokenId;
use portcullis_store::Who;

/// Who asks: noted by whoever lets the caller in, read when the request is over. All clones are one.
#[derive(Debug, Clone, Default)]
pub struct Asker(Arc<OnceLock<String>>);

impl Asker {
    /// Notes who an operator or a robot is.
    pub fn note_who(request: &Extensions, who: &Who) {
        Self::note(request, || match who {
            Who::Operator { id, .. } => id.to_string(),
            Who::Robot { id, .. } => id.to_string(),
            Who::OperatorToken { .. } => "operator-token".to_owned(),
            Who::Newcomer => "newcomer".to_owned(),
            Who::System { job } => (*job).to_owned(),
        });
    }

    /// Notes by which token a gateway comes.
    pub fn note_gateway(request: &Extensions, token: GatewayTokenId) {
        Self::note(request, || token.to_string());
    }

    /// The first one who knows is right.
    fn note(request: &Extensions, name: impl FnOnce() -> String) {
        if let Some(Self(asker)) = request.get() {
            asker.get_or_init(name);
        }
    }

    /// Its public id, where it has one: never a secret, and no name of a person.
    pub(super) fn name(&self) -> &str {
        self.0.get().map_or("nobody", String::as_str)
    }
}
