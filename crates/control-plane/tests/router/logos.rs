//! `/api/v1/clients/{id}/logo`

use axum::body::Body;
use axum::http::Method;
use serde_json::Value;

use crate::stage::{Answer, Caller, open};

pub const SVG: &str =
    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 8 8\"><circle r=\"4\"/></svg>";

pub async fn puts(operator: &Caller, path: &str, kind: &str, content: impl Into<Body>) -> Answer {
    let headers = [("content-type", kind)];
    operator
        .says_with(Method::PUT, path, &headers, content)
        .await
}

/// The smallest PNG there is: one grey pixel.
pub fn pixel() -> Vec<u8> {
    let header = [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n'];
    let parts: [&[u8]; 4] = [
        &header,
        b"\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\x3a\x7e\x9b\x55",
        b"\0\0\0\x0aIDAT\x78\xda\x63\x68\0\0\0\x82\0\x81\xda\x45\x08\x3b",
        b"\0\0\0\0IEND\xae\x42\x60\x82",
    ];
    parts.concat()
}

#[tokio::test]
async fn a_logo_is_put_shown_and_taken_away() {
    let stage = open().await;
    let operator = stage.operator();
    let client = operator.creates_client("Acme").await;
    assert_eq!(client["logo"], Value::Null);
    let path = format!("/api/v1/clients/{}", client.id());
    let logo = format!("{path}/logo");
    operator.gets(&logo).await.is(404);
    operator.deletes(&logo).await.is(404);

    for (kind, content) in [
        ("image/svg+xml", SVG.as_bytes().to_vec()),
        ("image/png", pixel()),
    ] {
        let put = puts(&operator, &logo, kind, content).await.is(200);
        assert_eq!(put["logo"].as_str().unwrap().len(), 64, "{}", put.body);
        put.revision();
        let shown = operator.gets(&logo).await.is(200);
        for (name, value) in [
            ("content-type", kind),
            (
                "content-security-policy",
                "default-src 'none'; style-src 'unsafe-inline'; sandbox",
            ),
            ("x-content-type-options", "nosniff"),
            ("cache-control", "private, no-cache"),
        ] {
            assert_eq!(shown.headers[name], value, "{kind}");
        }
        let known = [("if-none-match", shown.headers["etag"].to_str().unwrap())];
        let unmodified = operator
            .says_with(Method::GET, &logo, &known, Body::empty())
            .await;
        assert_eq!(
            unmodified.is(304).headers["x-content-type-options"],
            "nosniff"
        );
        let read = operator.gets(&path).await;
        assert_eq!(read["logo"], put["logo"]);
        assert_ne!(read.tag(), client.tag());
    }
    operator
        .patches(&path, serde_json::json!({"name": "Other"}))
        .await
        .is(200);
    operator.gets(&logo).await.is(200);
    let taken = operator.deletes(&logo).await.is(200);
    assert_eq!(taken["logo"], Value::Null);
    operator.gets(&logo).await.is(404);
}

#[tokio::test]
async fn a_logo_goes_with_its_client() {
    let stage = open().await;
    let operator = stage.operator();
    let client = operator.creates_client("Acme").await;
    let path = format!("/api/v1/clients/{}", client.id());
    puts(&operator, &format!("{path}/logo"), "image/png", pixel())
        .await
        .is(200);
    operator.deletes(&path).await.is(200);
    operator.gets(&format!("{path}/logo")).await.is(404);
    puts(&operator, &format!("{path}/logo"), "image/png", pixel())
        .await
        .is(404);
}

#[tokio::test]
async fn what_is_no_picture_is_refused_and_the_logo_stays() {
    let stage = open().await;
    let operator = stage.operator();
    let client = operator.creates_client("Acme").await;
    let logo = format!("/api/v1/clients/{}/logo", client.id());
    puts(&operator, &logo, "image/svg+xml", SVG).await.is(200);
    let before = operator.gets(&logo).await.body;
    for (kind, content, status) in [
        ("image/png", b"GIF89a".to_vec(), 422),
        ("image/png", Vec::new(), 422),
        ("image/png", pixel()[..40].to_vec(), 422),
        ("image/svg+xml", b"<html><body/></html>".to_vec(), 422),
        ("image/svg+xml", b"<svg".to_vec(), 422),
        ("image/gif", b"GIF89a".to_vec(), 415),
        ("application/json", b"{}".to_vec(), 415),
        ("image/png", vec![0; 300 * 1024], 413),
    ] {
        let refused = puts(&operator, &logo, kind, content).await;
        assert_eq!(refused.status, status, "{kind}: {}", refused.body);
    }
    assert_eq!(operator.gets(&logo).await.body, before);
}

#[tokio::test]
async fn of_two_who_put_a_logo_the_second_learns_of_the_first() {
    let stage = open().await;
    let operator = stage.operator();
    let client = operator.creates_client("Acme").await;
    let logo = format!("/api/v1/clients/{}/logo", client.id());
    let first = [("content-type", "image/png"), ("if-none-match", "*")];
    operator
        .says_with(Method::PUT, &logo, &first, pixel())
        .await
        .is(200);
    operator
        .says_with(Method::PUT, &logo, &first, pixel())
        .await
        .is(412);
    let other = [("content-type", "image/png"), ("if-match", "\"another\"")];
    operator
        .says_with(Method::PUT, &logo, &other, pixel())
        .await
        .is(412);
    operator.deletes_if(&logo, "\"another\"").await.is(412);
    let seen = operator.gets(&logo).await.tag();
    operator.deletes_if(&logo, &seen).await.is(200);
}
