//! Clients: found, made, changed and removed on their pages.

use axum::body::Body;
use axum::http::{Method, header};
use serde_json::json;

use super::{says, text};
use crate::people::{Browser, logged_in};
use crate::stage::{Answer, Stage, open};
use crate::usage::{NOW_MIN, add_up, batch, tells};

/// What a page has in a field that is not seen.
pub fn hidden(page: &Answer, name: &str) -> String {
    let page = text(page);
    let (_, rest) = page
        .split_once(&format!("name=\"{name}\" value=\""))
        .unwrap_or_else(|| panic!("no `{name}` in {page}"));
    rest.split('"').next().unwrap().replace("&quot;", "\"")
}

async fn sends_parts(
    browser: &Browser,
    path: &str,
    fields: &[(&str, &str)],
    logo: &[u8],
) -> Answer {
    let mut body = Vec::new();
    let token = browser.csrf_token.as_str();
    for (name, value) in [&[("csrf_token", token)], fields].concat() {
        let part =
            format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend(part.into_bytes());
    }
    let file = "--b\r\ncontent-disposition: form-data; name=\"logo\"; filename=\"a.svg\"\r\n\
                content-type: image/svg+xml\r\n\r\n";
    body.extend(file.as_bytes());
    body.extend(logo);
    body.extend(b"\r\n--b--\r\n");
    let request = browser
        .request(Method::POST, path)
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b");
    browser.sends(request.body(Body::from(body)).unwrap()).await
}

async fn editor(stage: &Stage) -> Browser {
    logged_in(stage, "ann", "editor").await.1
}

#[tokio::test]
async fn the_list_shows_what_each_client_did_in_the_last_day_and_is_searched() {
    let stage = open().await;
    let operator = stage.operator();
    let (acme, _, profile) = operator.creates_access("Acme").await;
    operator.creates_client("Other").await;
    let key = profile["keys"][0]["id"].as_str().unwrap();
    let rows = json!([
        {"m": NOW_MIN - 60, "p": profile.id(), "n": 12_345, "ok": 12_345},
        {"m": NOW_MIN - 60, "p": profile.id(), "k": key, "n": 7, "ok": 0},
    ]);
    tells(&stage, batch(1, rows)).await.is(204);
    add_up(&stage).await;
    operator
        .patches(
            &format!("/api/v1/access-profiles/{}", profile.id()),
            json!({"addresses": {"allow": ["203.0.113.0/24"]}}),
        )
        .await
        .is(200);
    let browser = editor(&stage).await;

    let all = browser.gets("/console/clients").await.is(200);
    says(
        &all,
        &[
            "Acme",
            "Other",
            "12.3 k",
            "title=\"12,352\"",
            ">7<",
            "1 h ago",
            "never",
        ],
    );
    for (search, found) in [
        ("acm", true),
        ("zzz", false),
        (key, true),
        ("203.0.113.0/24", true),
        ("198.51.100.7", false),
    ] {
        let path = format!("/console/clients?search={search}&enabled=&collection=&sort=name");
        let shown = browser.gets(&path).await.is(200);
        assert_eq!(text(&shown).contains(acme.id()), found, "{search}");
        assert!(!text(&shown).contains(">Other<"), "{search}");
        assert_eq!(text(&shown).contains("No client fits"), !found, "{search}");
    }
}

#[tokio::test]
async fn a_long_list_goes_on_page_by_page_in_the_order_that_was_asked_for() {
    let stage = open().await;
    for number in 0..51 {
        stage
            .operator()
            .creates_client(&format!("client {number:03}"))
            .await;
    }
    let browser = editor(&stage).await;
    let first = browser
        .gets("/console/clients?sort=-created_at")
        .await
        .is(200);
    assert!(text(&first).contains("client 050") && !text(&first).contains("client 000"));
    let (_, next) = text(&first).split_once("rel=\"next\" href=\"").unwrap();
    let next = next.split('"').next().unwrap().replace("&amp;", "&");
    let second = browser.gets(&next).await.is(200);
    assert!(text(&second).contains("client 000") && !text(&second).contains("client 001"));
    assert!(text(&second).contains("From the beginning"));
}

#[tokio::test]
async fn a_new_client_has_its_logo_and_is_made_once_however_often_the_form_is_sent() {
    let stage = open().await;
    let browser = editor(&stage).await;
    let form = browser.gets("/console/clients/new").await.is(200);
    let once = hidden(&form, "once");
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 8 8\"><script>alert(1)</script><circle r=\"4\"/></svg>";
    let fields = [
        ("once", once.as_str()),
        ("name", "Acme"),
        ("description", "who\r\ncalls"),
    ];
    let mut places = Vec::new();
    for _ in 0..2 {
        let made = sends_parts(&browser, "/console/clients/new", &fields, svg)
            .await
            .is(303);
        places.push(made.headers[header::LOCATION].to_str().unwrap().to_owned());
    }
    assert_eq!(places[0], places[1]);
    let clients = stage.operator().gets("/api/v1/clients").await.is(200);
    assert_eq!(clients.every("name"), ["Acme"]);
    let list = browser.gets("/console/clients").await.is(200);
    assert!(text(&list).contains("<img class=\"picture\"") && !text(&list).contains("<circle"));
    let (_, logo) = text(&list)
        .split_once("<img class=\"picture\" src=\"")
        .unwrap();
    let logo = browser.gets(logo.split('"').next().unwrap()).await.is(200);
    assert_eq!(logo.headers[header::CONTENT_TYPE], "image/svg+xml");
    assert!(text(&logo).contains("circle") && !text(&logo).contains("script"));
    assert!(
        logo.headers["content-security-policy"]
            .to_str()
            .unwrap()
            .contains("sandbox")
    );
}

#[tokio::test]
async fn a_form_that_is_wrong_comes_back_as_it_was_with_what_is_wrong_at_the_field() {
    let stage = open().await;
    let browser = editor(&stage).await;
    let fields = [("name", " "), ("description", "kept as typed")];
    let again = sends_parts(&browser, "/console/clients/new", &fields, b"")
        .await
        .is(422);
    says(
        &again,
        &[
            "kept as typed",
            "a name has 1 to 100 characters",
            "id=\"name-flaw\"",
            "aria-invalid=\"true\"",
        ],
    );
    let fields = [("name", "Acme"), ("description", "")];
    let again = sends_parts(&browser, "/console/clients/new", &fields, b"no picture")
        .await
        .is(422);
    assert!(
        text(&again).contains("id=\"logo-flaw\""),
        "{}",
        text(&again)
    );
    assert_eq!(
        stage.operator().gets("/api/v1/clients").await["items"],
        json!([])
    );
}

#[tokio::test]
async fn a_form_about_an_older_state_is_not_saved_and_shows_what_is_different() {
    let stage = open().await;
    let client = stage.operator().creates_client("Acme").await;
    let path = format!("/api/v1/clients/{}", client.id());
    let edit = format!("/console/clients/{}/edit", client.id());
    let browser = editor(&stage).await;
    let tag = hidden(&browser.gets(&edit).await.is(200), "tag");
    stage.pass_ms(1_000);
    stage
        .operator()
        .patches(&path, json!({"name": "Acme Ltd"}))
        .await
        .is(200);

    let fields = [
        ("tag", tag.as_str()),
        ("name", "Acme"),
        ("description", "mine"),
    ];
    let again = browser.sends_form(&edit, &fields).await.is(412);
    says(
        &again,
        &[
            "somebody else has changed the client",
            "Acme Ltd",
            "mine",
            "What is different now",
        ],
    );
    assert_eq!(stage.operator().gets(&path).await["name"], "Acme Ltd");
    let tag = hidden(&again, "tag");
    let fields = [
        ("tag", tag.as_str()),
        ("name", "Acme"),
        ("description", "mine"),
    ];
    browser.sends_form(&edit, &fields).await.is(303);
    assert_eq!(stage.operator().gets(&path).await["description"], "mine");
}

#[tokio::test]
async fn the_slider_acts_at_once_says_so_and_can_be_taken_back() {
    let stage = open().await;
    let client = stage.operator().creates_client("Acme").await;
    let path = format!("/api/v1/clients/{}", client.id());
    let slider = format!("/console/clients/{}/enabled", client.id());
    let browser = editor(&stage).await;
    let fields = [("enabled", "false"), ("back", "/console/clients")];
    let off = browser.sends_form(&slider, &fields).await.is(303);
    assert_eq!(stage.operator().gets(&path).await["enabled"], false);
    let shown = browser.follows(&off).await.is(200);
    says(
        &shown,
        &[
            "Acme is disabled: its callers are refused",
            "No gateway is connected",
            "Undo",
        ],
    );
    assert!(
        shown.headers[header::SET_COOKIE]
            .to_str()
            .unwrap()
            .contains("Max-Age=0")
    );
    browser
        .sends_form(&slider, &[("enabled", "true")])
        .await
        .is(303);
    assert_eq!(stage.operator().gets(&path).await["enabled"], true);
    browser
        .sends_form(&slider, &[("enabled", "perhaps")])
        .await
        .is(422);
}

#[tokio::test]
async fn what_a_removal_takes_along_is_said_before_and_after() {
    let stage = open().await;
    let (client, _, _) = stage.operator().creates_access("Acme").await;
    let path = format!("/console/clients/{}/delete", client.id());
    let browser = editor(&stage).await;
    let asked = browser.gets(&path).await.is(200);
    assert!(
        text(&asked).contains("1 access profile and 1 API key"),
        "{}",
        text(&asked)
    );
    browser
        .sends_form(&path, &[("tag", "\"of another state\"")])
        .await
        .is(412);
    let tag = hidden(&asked, "tag");
    let gone = browser.sends_form(&path, &[("tag", &tag)]).await.is(303);
    let list = browser.follows(&gone).await.is(200);
    assert!(text(&list).contains("Acme is gone, with 1 access profile and 1 API key"));
    browser.gets(&path).await.is(404);
}
