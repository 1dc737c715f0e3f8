//! Texts that people have stored are shown, and do nothing else.

use serde_json::json;

use super::doors::places;
use crate::people::logged_in;
use crate::stage::open;

const TEXTS: [&str; 2] = [
    "\"><script>alert(1)</script>",
    "'{{7*7}}<img src=x onerror=alert(1)>",
];

#[tokio::test]
async fn stored_and_reflected_texts_are_never_part_of_a_page() {
    let stage = open().await;
    let operator = stage.operator();
    let mut places: Vec<String> = places(&stage)
        .await
        .into_iter()
        .filter(|(page, _)| page.method == "GET")
        .map(|(_, place)| place)
        .collect();
    for record in stage.operator().all_records().await {
        for one in record.as_array().unwrap() {
            let list = match one["id"].as_str().unwrap().split('_').next().unwrap() {
                "cl" => "clients",
                "ap" => "access-profiles",
                "po" => "policies",
                _ => "collections",
            };
            let path = format!("/api/v1/{list}/{}", one["id"].as_str().unwrap());
            let texts = json!({"name": TEXTS[0], "description": TEXTS[1]});
            operator.patches(&path, texts).await.is(200);
        }
    }
    let token = json!({"name": TEXTS[0], "description": TEXTS[1]});
    operator
        .posts("/api/v1/gateway-tokens", token)
        .await
        .is(201);
    let robot = json!({"name": TEXTS[0], "description": TEXTS[1], "role": "viewer"});
    operator.posts("/api/v1/tokens", robot).await.is(201);
    let zed = json!({"name": TEXTS[0], "email": "zed@example.com", "role": "viewer"});
    operator.posts("/api/v1/operators", zed).await.is(201);
    let (_, browser) = logged_in(&stage, "ann", "admin").await;
    let reflected = url::form_urlencoded::byte_serialize(TEXTS[0].as_bytes()).collect::<String>();
    places.push(format!("/console/clients?search={reflected}"));
    places.push(format!("/console/clients?{reflected}={reflected}"));
    places.push(format!("/console/clients?sort={reflected}"));
    for list in ["collections", "policies"] {
        places.push(format!("/console/{list}?name={reflected}"));
    }
    places.push(format!(
        "/console/refusals?reason={reflected}&who={reflected}&key={reflected}"
    ));
    places.push(format!(
        "/console/explain?url={reflected}&id={reflected}&method={reflected}&reason={reflected}"
    ));
    places.push(format!(
        "/console/audit?author={reflected}&object={reflected}&request_id={reflected}"
    ));
    places.push(format!("/console/gateways?state={reflected}"));
    let mut seen = 0;
    for place in places {
        let shown = browser.gets(&place).await;
        let page = shown.body.as_str().unwrap_or_default();
        assert!(!page.contains("<script>"), "{place}: {page}");
        assert!(!page.contains("<img src=x"), "{place}: {page}");
        assert!(!page.contains(">49<"), "{place}");
        seen += page.matches("&lt;script&gt;").count();
    }
    assert!(seen > 5, "{seen}");
}
