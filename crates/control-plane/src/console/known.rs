//! Lets those to the pages who are logged in, and makes pages of what was refused. What changes something has to come from
//! a page of this control plane.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use url::form_urlencoded;

use super::frame::{Frame, Shown};
use super::{notice, pages, theme};
use crate::app::App;
use crate::app::session::csrf_token;
use crate::identity::{self, refuse_other_sites};
use crate::problem::Problem;
use crate::requests::Asker;

/// Over all pages but those by which one logs in.
pub(super) async fn known_only(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(secret) = identity::secret(request.headers(), &app) else {
        return log_in(request.method(), request.uri());
    };
    let present = match app.present_session(&secret).await {
        Ok(Some(present)) => present,
        Ok(None) => return log_in(request.method(), request.uri()),
        Err(refusal) => return pages::refused(refusal),
    };
    Asker::note_who(request.extensions(), &present.identity.who);
    let csrf_token = csrf_token(&secret);
    let notice = notice::brought(request.headers(), &csrf_token);
    let brought_one = notice.is_some();
    let frame = Frame {
        operator: present.operator.clone(),
        theme: theme::chosen(request.headers()),
        path: path(request.uri()),
        csrf_token,
        notice,
        standing: app.standing_of_gateways(),
    };
    let refused =
        is_changing(request.method()).then(|| refuse_other_sites(request.headers(), &app));
    if let Some(Err(problem)) = refused {
        return frame.problem(&problem);
    }
    request.extensions_mut().insert(present.identity.clone());
    request.extensions_mut().insert(present);
    request.extensions_mut().insert(frame.clone());
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        return frame.problem(&problem);
    }
    if brought_one && response.extensions().get::<Shown>().is_some() {
        notice::forget(response.headers_mut(), &app);
    }
    response
}

/// Whoever wants to see a page comes back to it; what a form would have done has to be asked for again.
fn log_in(method: &Method, uri: &Uri) -> Response {
    let next = path(uri);
    if is_changing(method) || next == pages::HOME {
        return Redirect::to("/console/log-in").into_response();
    }
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("next", &next)
        .finish();
    Redirect::to(&format!("/console/log-in?{query}")).into_response()
}

fn is_changing(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD)
}

fn path(uri: &Uri) -> String {
    uri.path_and_query()
        .map_or_else(|| pages::HOME.to_owned(), ToString::to_string)
}
