//! Lists: filters, orders and cursors.

use serde_json::{Value, json};

use crate::stage::{Answer, Caller, open};

/// Follows the pages of a list to its end, and tells one member of all records.
async fn walked(operator: &Caller, path: &str, member: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut page = operator.gets(path).await.is(200);
    loop {
        found.extend(page.every(member).into_iter().map(str::to_owned));
        let Some(cursor) = page["next_cursor"].as_str() else {
            return found;
        };
        let separator = if path.contains('?') { '&' } else { '?' };
        page = operator
            .gets(&format!("{path}{separator}cursor={cursor}"))
            .await
            .is(200);
    }
}

async fn creates_clients(operator: &Caller, names: &[&str]) -> Vec<Answer> {
    let mut created = Vec::new();
    for name in names {
        created.push(operator.creates_client(name).await);
    }
    created
}

#[tokio::test]
async fn clients_are_found_by_a_part_of_their_name_in_whatever_case() {
    let stage = open().await;
    let operator = stage.operator();
    creates_clients(&operator, &["Acme", "ÉCOLE", "100% net", "a_b", "acre"]).await;
    for (asked, expected) in [
        ("AC", vec!["Acme", "acre"]),
        ("%C3%A9cole", vec!["ÉCOLE"]),
        ("%25", vec!["100% net"]),
        ("_", vec!["a_b"]),
        ("%5C", vec![]),
        ("nobody", vec![]),
    ] {
        let found = operator
            .gets(&format!("/api/v1/clients?name={asked}"))
            .await;
        assert_eq!(found.is(200).every("name"), expected, "{asked}");
    }
}

#[tokio::test]
async fn clients_are_found_by_what_their_profiles_are() {
    let stage = open().await;
    let operator = stage.operator();
    let (acme, orders, profile) = operator.creates_access("orders").await;
    let (other, bills, _) = operator.creates_access("bills").await;
    let policy = operator.creates_policy("gold").await;
    operator.gives_policy(&profile, &policy).await;
    operator.creates_client("nothing").await;
    let disabled = json!({"enabled": false});
    let path = format!("/api/v1/clients/{}", other.id());
    operator.patches(&path, disabled).await.is(200);

    for (query, expected) in [
        (format!("collection_id={}", orders.id()), vec![acme.id()]),
        (format!("policy_id={}", policy.id()), vec![acme.id()]),
        (
            format!("policy_id={}&collection_id={}", policy.id(), bills.id()),
            vec![],
        ),
        (
            "access_method=api_key".to_owned(),
            vec![acme.id(), other.id()],
        ),
        ("access_method=jwt".to_owned(), vec![]),
        ("enabled=false".to_owned(), vec![other.id()]),
        (format!("enabled=true&collection_id={}", bills.id()), vec![]),
    ] {
        let found = operator.gets(&format!("/api/v1/clients?{query}")).await;
        assert_eq!(found.is(200).every("id"), expected, "{query}");
    }
}

#[tokio::test]
async fn profiles_are_found_by_what_they_are() {
    let stage = open().await;
    let operator = stage.operator();
    let (acme, orders, first) = operator.creates_access("orders").await;
    let (_, _, second) = operator.creates_access("bills").await;
    let change = json!({
        "name": "Soon", "observe": true, "enabled": false, "expires_at": "2027-02-01T00:00:00Z",
    });
    let path = format!("/api/v1/access-profiles/{}", second.id());
    operator.patches(&path, change).await.is(200);
    for (query, expected) in [
        (format!("client_id={}", acme.id()), vec![first.id()]),
        (format!("collection_id={}", orders.id()), vec![first.id()]),
        ("name=soo".to_owned(), vec![second.id()]),
        ("observe=true".to_owned(), vec![second.id()]),
        ("enabled=true".to_owned(), vec![first.id()]),
        (
            "access_method=api_key".to_owned(),
            vec![first.id(), second.id()],
        ),
        (
            "expires_before=2027-02-01T00:00:01Z".to_owned(),
            vec![second.id()],
        ),
        ("expires_before=2027-02-01T00:00:00Z".to_owned(), vec![]),
        ("sort=expires_at".to_owned(), vec![second.id(), first.id()]),
        ("sort=-expires_at".to_owned(), vec![first.id(), second.id()]),
        ("sort=name".to_owned(), vec![first.id(), second.id()]),
        ("sort=-name".to_owned(), vec![second.id(), first.id()]),
    ] {
        let found = operator
            .gets(&format!("/api/v1/access-profiles?{query}"))
            .await;
        assert_eq!(found.is(200).every("id"), expected, "{query}");
        let pages = format!("/api/v1/access-profiles?limit=1&{query}");
        assert_eq!(walked(&operator, &pages, "id").await, expected, "{query}");
    }
}

#[tokio::test]
async fn the_other_lists_are_filtered_and_sorted_too() {
    let stage = open().await;
    let operator = stage.operator();
    operator.creates_collection("b").await;
    operator.creates_collection("a").await;
    let public = json!({
        "name": "A", "version": "v2", "public": true,
        "endpoints": [{"method": "GET", "path": "/public"}],
    });
    operator.posts("/api/v1/collections", public).await.is(201);
    operator.creates_policy("Gold").await;
    operator.creates_policy("bronze").await;
    for (name, expires_at) in [("b", json!(null)), ("a", json!("2027-05-01T00:00:00Z"))] {
        let draft = json!({"name": name, "expires_at": expires_at});
        operator
            .posts("/api/v1/gateway-tokens", draft)
            .await
            .is(201);
    }
    for (query, expected) in [
        ("collections?sort=name,-version", vec!["A", "a", "b"]),
        ("collections?sort=-version,name", vec!["A", "a", "b"]),
        ("collections?public=true", vec!["A"]),
        ("collections?version=v1&sort=-name", vec!["b", "a"]),
        ("collections?name=a&sort=created_at", vec!["a", "A"]),
        ("policies?sort=name", vec!["bronze", "Gold"]),
        ("policies?name=ol", vec!["Gold"]),
        ("gateway-tokens?sort=name", vec!["a", "b", "default"]),
        ("gateway-tokens?sort=expires_at", vec!["a", "default", "b"]),
        (
            "gateway-tokens?expires_before=2027-06-01T00:00:00Z",
            vec!["a"],
        ),
    ] {
        let path = format!("/api/v1/{query}");
        assert_eq!(walked(&operator, &path, "name").await, expected, "{query}");
        let pages = format!("{path}&limit=1");
        assert_eq!(walked(&operator, &pages, "name").await, expected, "{query}");
    }
}

#[tokio::test]
async fn pages_stay_right_while_records_come_and_go() {
    let stage = open().await;
    let operator = stage.operator();
    let created = creates_clients(&operator, &["b", "d", "d", "f", "h"]).await;
    let first = operator
        .gets("/api/v1/clients?sort=name&limit=2")
        .await
        .is(200);
    assert_eq!(first.every("name"), ["b", "d"]);
    // What was seen last goes, and others come before and after it.
    let seen = first.every("id")[1].to_owned();
    operator
        .deletes(&format!("/api/v1/clients/{seen}"))
        .await
        .is(200);
    creates_clients(&operator, &["a", "c", "e"]).await;

    let cursor = first.text("next_cursor");
    let path = format!("/api/v1/clients?sort=name&limit=10&cursor={cursor}");
    let rest = operator.gets(&path).await.is(200);

    assert_eq!(rest.every("name"), ["d", "e", "f", "h"]);
    assert_eq!(rest.every("id")[0], created[2].id());
    assert_eq!(rest["next_cursor"], Value::Null);
}

#[tokio::test]
async fn equals_stand_in_the_order_of_their_creation_or_its_reverse() {
    let stage = open().await;
    let operator = stage.operator();
    let created = creates_clients(&operator, &["x", "X", "x", "x"]).await;
    let mut ids: Vec<_> = created
        .iter()
        .map(|client| client.id().to_owned())
        .collect();
    assert_eq!(
        walked(&operator, "/api/v1/clients?sort=name&limit=1", "id").await,
        ids
    );
    let both = "/api/v1/clients?sort=name,created_at&limit=3";
    assert_eq!(walked(&operator, both, "id").await, ids);
    ids.reverse();
    assert_eq!(
        walked(&operator, "/api/v1/clients?sort=-name&limit=1", "id").await,
        ids
    );
    let mixed = "/api/v1/clients?sort=updated_at,-created_at&limit=1";
    assert_eq!(walked(&operator, mixed, "id").await, ids);
}

#[tokio::test]
async fn a_changed_name_is_found_and_sorted_anew() {
    let stage = open().await;
    let operator = stage.operator();
    let created = creates_clients(&operator, &["a", "b"]).await;
    let path = format!("/api/v1/clients/{}", created[0].id());
    stage.pass_ms(1);
    operator
        .patches(&path, json!({"name": "Zoo"}))
        .await
        .is(200);
    let sorted = operator.gets("/api/v1/clients?sort=name").await;
    assert_eq!(sorted.every("name"), ["b", "Zoo"]);
    let latest = operator.gets("/api/v1/clients?sort=-updated_at").await;
    assert_eq!(latest.every("name"), ["Zoo", "b"]);
    let found = operator.gets("/api/v1/clients?name=zO").await;
    assert_eq!(found.every("name"), ["Zoo"]);
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_by_the_name_of_the_parameter() {
    let stage = open().await;
    let operator = stage.operator();
    creates_clients(&operator, &["a", "b"]).await;
    let page = operator.gets("/api/v1/clients?limit=1&sort=name").await;
    let cursor = page.text("next_cursor");
    let by_creation = operator.gets("/api/v1/clients?limit=1").await;
    let by_creation = by_creation.text("next_cursor");
    for (query, parameter) in [
        ("clients?nmae=x".to_owned(), "nmae"),
        ("clients?limit=0".to_owned(), "limit"),
        ("clients?limit=x".to_owned(), "limit"),
        ("clients?limit=1&limit=2".to_owned(), "limit"),
        ("clients?name=".to_owned(), "name"),
        (format!("clients?name={}", "x".repeat(101)), "name"),
        ("clients?enabled=yes".to_owned(), "enabled"),
        ("clients?access_method=password".to_owned(), "access_method"),
        ("clients?collection_id=orders".to_owned(), "collection_id"),
        ("clients?sort=".to_owned(), "sort"),
        ("clients?sort=enabled".to_owned(), "sort"),
        ("clients?sort=name,,name".to_owned(), "sort"),
        ("clients?sort=--name".to_owned(), "sort"),
        ("clients?cursor=x".to_owned(), "cursor"),
        ("clients?cursor=".to_owned(), "cursor"),
        (format!("clients?cursor={cursor}"), "cursor"),
        (format!("clients?sort=-name&cursor={cursor}"), "cursor"),
        (
            format!("clients?sort=name&name=a&cursor={cursor}"),
            "cursor",
        ),
        (format!("clients?sort=name&cursor={by_creation}"), "cursor"),
        (format!("clients?sort=name&cursor={cursor}A"), "cursor"),
        (
            format!("policies?sort=name&cursor={}", cursor.replace('W', "V")),
            "cursor",
        ),
        (
            "access-profiles?expires_before=tomorrow".to_owned(),
            "expires_before",
        ),
        ("collections?public=1".to_owned(), "public"),
        ("gateways?state=gone".to_owned(), "state"),
        ("gateways?cursor=x".to_owned(), "cursor"),
        ("gateways?sort=name".to_owned(), "sort"),
    ] {
        let refused = operator.gets(&format!("/api/v1/{query}")).await;
        assert_eq!(refused.status, 400, "{query}: {}", refused.body);
        let detail = refused.points_at(&format!("?{parameter}"));
        assert!(
            detail.contains(&format!("`{parameter}`")),
            "{query}: {detail}"
        );
    }
}

#[tokio::test]
async fn no_operation_passes_over_a_parameter_that_it_does_not_know() {
    let stage = open().await;
    let operator = stage.operator();
    let client = operator.creates_client("Acme").await;
    let path = format!("/api/v1/clients/{}?nmae=x", client.id());
    operator.gets(&path).await.is(400).points_at("?nmae");
    operator
        .patches(&path, json!({}))
        .await
        .is(400)
        .points_at("?nmae");
    operator.deletes(&path).await.is(400).points_at("?nmae");
    let create = "/api/v1/clients?dry_run=true";
    let refused = operator.posts(create, json!({"name": "x"})).await.is(400);
    refused.points_at("?dry_run");
    assert_eq!(
        operator.gets("/api/v1/clients").await.every("name"),
        ["Acme"]
    );
}
