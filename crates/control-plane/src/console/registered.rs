//! The pages and forms of those who are logged in: which role each needs is said where its route stands, and enforced here.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get, post};
use portcullis_store::Role;

use crate::app::App;
use crate::app::role::Identity;
use crate::problem::{Kind, Problem};

/// A page, or what its forms do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// `GET` for what is shown, `POST` for what a form does.
    pub method: Method,
    /// Where it is, with the names of its parameters in braces.
    pub path: &'static str,
    /// The smallest role that may.
    pub role: Role,
}

/// All of them, while they are put together.
#[derive(Default)]
pub(super) struct Pages {
    router: Router<Arc<App>>,
    table: Vec<Page>,
}

impl Pages {
    /// A page.
    pub(super) fn shows<H: Handler<T, Arc<App>>, T: 'static>(
        self,
        role: Role,
        path: &'static str,
        handler: H,
    ) -> Self {
        self.route(Method::GET, role, path, get(handler))
    }

    /// What a form does.
    pub(super) fn does<H: Handler<T, Arc<App>>, T: 'static>(
        self,
        role: Role,
        path: &'static str,
        handler: H,
    ) -> Self {
        self.route(Method::POST, role, path, post(handler))
    }

    /// The pages of a section.
    pub(super) fn with(self, section: impl FnOnce(Self) -> Self) -> Self {
        section(self)
    }

    fn route(
        mut self,
        method: Method,
        role: Role,
        path: &'static str,
        handler: MethodRouter<Arc<App>>,
    ) -> Self {
        let handler = handler.route_layer(from_fn_with_state(role, permitted));
        self.router = self.router.route(path, handler);
        self.table.push(Page { method, path, role });
        self
    }

    pub(super) fn into_router(self) -> Router<Arc<App>> {
        self.router
    }

    pub(super) fn into_table(self) -> Vec<Page> {
        self.table
    }
}

async fn permitted(State(needed): State<Role>, request: Request, next: Next) -> Response {
    let identity = request.extensions().get::<Identity>();
    let Some(identity) = identity else {
        return Problem::new(Kind::Unauthorized, "it is not known who asks").into_response();
    };
    if identity.role >= needed {
        return next.run(request).await;
    }
    let (needed, role) = (needed.as_text(), identity.role.as_text());
    let detail = format!("this needs the role `{needed}`, and yours is `{role}`");
    Problem::new(Kind::Forbidden, detail).into_response()
}
