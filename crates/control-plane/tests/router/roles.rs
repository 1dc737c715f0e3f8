//! Which role each operation needs: tried with every role, and with none.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::stage::{Caller, Stage, open};

/// The operations of the document, with the role that each tells.
fn operations() -> Vec<(Method, String, String)> {
    let document = portcullis_control_plane::api::openapi::document();
    let document: Value = serde_json::from_str(&document.text()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else {
                continue;
            };
            if operation.is_object() {
                let role = operation["x-role"].as_str().unwrap_or_default();
                assert!(!role.is_empty(), "{method} {path} tells no role");
                operations.push((method, path.clone(), role.to_owned()));
            }
        }
    }
    operations
}

async fn callers(stage: &Stage) -> Vec<(&'static str, Caller)> {
    let mut callers = Vec::new();
    for role in ["viewer", "editor", "admin"] {
        let draft = json!({"name": role, "role": role});
        let made = stage
            .operator()
            .posts("/api/v1/tokens", draft)
            .await
            .is(201);
        callers.push((role, stage.caller(Some(made.text("token")))));
    }
    callers
}

/// Asks for it with a body that nothing can be done with, about records that are not there.
async fn status(caller: &Caller, method: &Method, path: &str) -> StatusCode {
    let mut place = String::new();
    for part in path.split('/').skip(1) {
        place.push('/');
        place.push_str(if part.starts_with('{') {
            "nothing"
        } else {
            part
        });
    }
    let request = caller
        .request(method.clone(), &place)
        .header(header::CONTENT_TYPE, "application/json");
    caller
        .sends(request.body(Body::from("{}")).unwrap())
        .await
        .status
}

#[tokio::test]
async fn each_operation_is_open_to_its_role_and_to_no_smaller_one() {
    let stage = open().await;
    let callers = callers(&stage).await;
    let operations = operations();
    assert!(operations.len() >= 50, "{}", operations.len());
    for (method, path, role) in &operations {
        let unknown = status(&stage.stranger(), method, path).await;
        let gateway = status(&stage.gateway(), method, path).await;
        if role == "none" {
            assert_ne!(unknown, StatusCode::FORBIDDEN, "{method} {path}");
            continue;
        }
        assert_eq!(unknown, StatusCode::UNAUTHORIZED, "{method} {path}");
        assert_eq!(gateway, StatusCode::UNAUTHORIZED, "{method} {path}");
        let needed = ["viewer", "editor", "admin"]
            .iter()
            .position(|known| known == role);
        for (place, (name, caller)) in callers.iter().enumerate() {
            let status = status(caller, method, path).await;
            let is_open = place >= needed.unwrap();
            let is_refused = status == StatusCode::FORBIDDEN;
            // What needs a session is not there for robots, whatever their role.
            assert_ne!(
                status,
                StatusCode::UNAUTHORIZED,
                "{method} {path} as {name}"
            );
            let is_of_sessions = path.starts_with("/api/v1/sessions");
            assert!(
                is_refused != is_open || is_of_sessions,
                "{method} {path} as {name}: {status}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_changed_needs_more_than_the_smallest_role() {
    for (method, path, role) in operations() {
        let is_of_oneself = path.starts_with("/api/v1/session");
        // It is sent as a body, and changes nothing.
        let is_question =
            path.starts_with("/api/v1/explain") || path == "/api/v1/configuration/plan";
        if method != Method::GET && !is_of_oneself && !is_question {
            assert_ne!(role, "viewer", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_refusal_says_which_role_is_needed() {
    let stage = open().await;
    let callers = callers(&stage).await;
    let (_, viewer) = &callers[0];
    let refused = viewer
        .posts("/api/v1/clients", json!({"name": "Acme"}))
        .await
        .is(403);
    assert_eq!(
        refused.headers[header::CONTENT_TYPE],
        "application/problem+json"
    );
    assert_eq!(refused["type"], "urn:portcullis:problem:forbidden");
    assert_eq!(
        refused["detail"],
        "this needs the role `editor`, and yours is `viewer`"
    );
}
