//! Which role each operation needs: said where its route stands, enforced there, and told in the OpenAPI document.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use portcullis_store::Role;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::app::App;
use crate::app::role::Identity;
use crate::problem::{Kind, Problem};

/// What an operation tells of its role in the OpenAPI document.
pub const ROLE_MEMBER: &str = "x-role";

/// The role of operations that anybody may call.
pub const NOBODY: &str = "none";

/// Routes by the role that they need.
pub trait ByRole {
    /// For those who may look at records, and everybody else who is known.
    #[must_use]
    fn viewer(self, routes: UtoipaMethodRouter<Arc<App>>) -> Self;

    /// For those who may change records.
    #[must_use]
    fn editor(self, routes: UtoipaMethodRouter<Arc<App>>) -> Self;

    /// For those who decide about access to the control plane.
    #[must_use]
    fn admin(self, routes: UtoipaMethodRouter<Arc<App>>) -> Self;
}

impl ByRole for OpenApiRouter<Arc<App>> {
    fn viewer(self, routes: UtoipaMethodRouter<Arc<App>>) -> Self {
        self.routes(needing(Role::Viewer, routes))
    }

    fn editor(self, routes: UtoipaMethodRouter<Arc<App>>) -> Self {
        self.routes(needing(Role::Editor, routes))
    }

    fn admin(self, routes: UtoipaMethodRouter<Arc<App>>) -> Self {
        self.routes(needing(Role::Admin, routes))
    }
}

/// Routes that need nobody to be known.
pub fn open(
    (schemas, mut paths, methods): UtoipaMethodRouter<Arc<App>>,
) -> UtoipaMethodRouter<Arc<App>> {
    for item in paths.paths.values_mut() {
        for operation in operations(item) {
            tell(operation, NOBODY);
            operation.security = Some(Vec::new());
        }
    }
    (schemas, paths, methods)
}

#[derive(Clone)]
struct Need {
    role: Role,
    resource: Arc<str>,
}

fn needing(
    role: Role,
    (schemas, mut paths, methods): UtoipaMethodRouter<Arc<App>>,
) -> UtoipaMethodRouter<Arc<App>> {
    let mut resource = "";
    for (path, item) in &mut paths.paths {
        resource = path.split('/').nth(1).unwrap_or_default();
        for operation in operations(item) {
            tell(operation, role.as_text());
        }
    }
    let resource = Arc::from(resource);
    let need = Need { role, resource };
    let methods = methods.route_layer(from_fn_with_state(need, permitted));
    (schemas, paths, methods)
}

async fn permitted(State(need): State<Need>, request: Request, next: Next) -> Response {
    let identity = request.extensions().get::<Identity>();
    let Some(identity) = identity else {
        return Problem::new(Kind::Unauthorized, "it is not known who asks").into_response();
    };
    if identity.may(need.role, &need.resource) {
        return next.run(request).await;
    }
    let needed = need.role.as_text();
    let detail = if identity.role < need.role {
        let role = identity.role.as_text();
        format!("this needs the role `{needed}`, and yours is `{role}`")
    } else {
        format!("the token is not good for `{}`", need.resource)
    };
    Problem::new(Kind::Forbidden, detail).into_response()
}

fn tell(operation: &mut Operation, role: &str) {
    let told = ExtensionsBuilder::new().add(ROLE_MEMBER, role).build();
    operation.extensions.get_or_insert_default().merge(told);
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem {
        get,
        put,
        post,
        delete,
        patch,
        ..
    } = item;
    [get, put, post, delete, patch].into_iter().flatten()
}
