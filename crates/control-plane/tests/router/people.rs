//! The vocabulary of tests about operators: who they are, and the browsers they use.

use axum::body::Body;
use axum::http::{Method, Request, header};
use portcullis_control_plane::app::password::NewPassword;
use portcullis_control_plane::app::session::{Visitor, csrf_token};
use serde_json::{Value, json};

use crate::stage::{Answer, Caller, Stage};

pub const PASSWORD: &str = "correct horse battery";

/// A browser that is logged in.
pub struct Browser {
    caller: Caller,
    pub secret: String,
    pub csrf_token: String,
}

/// An operator who has not chosen a password yet, and the token of their link.
pub async fn invited(stage: &Stage, name: &str, role: &str) -> (Answer, String) {
    let draft = json!({"email": format!("{name}@example.com"), "name": name, "role": role});
    let invited = stage.operator().posts("/api/v1/operators", draft).await;
    let invited = invited.is(201);
    let url = invited["link"]["url"].as_str().unwrap();
    let (place, token) = url.split_once("?token=").unwrap();
    assert_eq!(place, "http://127.0.0.1:8080/console/link");
    let token = token.to_owned();
    (invited, token)
}

/// An operator who is logged in.
pub async fn logged_in(stage: &Stage, name: &str, role: &str) -> (Answer, Browser) {
    let (operator, token) = invited(stage, name, role).await;
    let password = NewPassword::try_from(PASSWORD.to_owned()).unwrap();
    let opened = stage
        .app
        .use_link(&token, None, password, Visitor::default());
    let secret = opened.await.unwrap().secret;
    (operator, Browser::with(stage, &secret))
}

impl Browser {
    /// With the cookie that opens a session.
    pub fn with(stage: &Stage, secret: &str) -> Self {
        Self {
            caller: stage.stranger(),
            secret: secret.to_owned(),
            csrf_token: csrf_token(secret),
        }
    }

    /// A request as pages of the control plane make it.
    pub fn request(&self, method: Method, path: &str) -> axum::http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header(
                header::COOKIE,
                format!("other=1; portcullis={}", self.secret),
            )
            .header(header::ORIGIN, "http://127.0.0.1:8080")
            .header("x-csrf-token", &self.csrf_token)
    }

    pub async fn sends(&self, request: Request<Body>) -> Answer {
        self.caller.sends(request).await
    }

    pub async fn asks(&self, method: Method, path: &str, body: Value) -> Answer {
        let request = self
            .request(method, path)
            .header(header::CONTENT_TYPE, "application/json");
        let body = match body {
            Value::Null => Body::empty(),
            body => Body::from(body.to_string()),
        };
        self.sends(request.body(body).unwrap()).await
    }

    pub async fn gets(&self, path: &str) -> Answer {
        self.asks(Method::GET, path, Value::Null).await
    }
}

impl Browser {
    /// Sends a form of a page, with the token of the session.
    pub async fn sends_form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let fields = [&[("csrf_token", self.csrf_token.as_str())], fields].concat();
        let request = self
            .request(Method::POST, path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.sends(request.body(Body::from(form(&fields))).unwrap())
            .await
    }

    /// Goes where an answer leads, with what it has a browser keep.
    pub async fn follows(&self, answer: &Answer) -> Answer {
        let place = answer.headers[header::LOCATION].to_str().unwrap();
        let kept = answer.headers.get_all(header::SET_COOKIE).iter();
        let kept = kept.map(|cookie| cookie.to_str().unwrap().split("; ").next().unwrap());
        let cookies = kept.fold(format!("portcullis={}", self.secret), |all, one| {
            format!("{all}; {one}")
        });
        let request = Request::builder()
            .uri(place.split('#').next().unwrap())
            .header(header::COOKIE, cookies);
        self.sends(request.body(Body::empty()).unwrap()).await
    }
}

/// Fields as forms send them.
pub fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}

/// Logs in over REST, from no browser.
pub async fn logs_in(stage: &Stage, email: &str, password: &str) -> Answer {
    let log_in = json!({"email": email, "password": password});
    stage.stranger().posts("/api/v1/session", log_in).await
}

/// What an answer has a browser keep: the value of the cookie, and the terms on which it does.
pub fn cookie(answer: &Answer) -> (String, String) {
    let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap();
    let (pair, terms) = cookie.split_once("; ").unwrap();
    let (_, value) = pair.split_once('=').unwrap();
    (value.to_owned(), terms.to_owned())
}
