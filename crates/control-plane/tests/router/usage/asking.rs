//! The course of usage, its sums, and who has most of it.

use axum::http::{Method, header};
use serde_json::{Value, json};

use super::{NOW_MIN, add_up, asks, batch, tells};
use crate::stage::{Stage, open};

/// Two clients: one with many requests in two minutes, one with few; and somebody unknown.
async fn busy() -> (Stage, Value, Value) {
    let stage = open().await;
    let operator = stage.operator();
    let (acme, orders, production) = operator.creates_access("acme").await;
    let (other, _, theirs) = operator.creates_access("=other").await;
    let row = |minute: u64, profile: &Value, key: &str, requests: u64| {
        json!({
            "m": minute, "p": profile, "k": key, "c": orders["id"], "e": "GET /orders/{id}",
            "n": requests, "ok": requests - 1, "s": [[2, requests - 2], [5, 1], [4, 1]],
            "d": [["quota_exceeded", 1]], "i": requests * 10, "o": requests * 100,
            "l": [[3, requests]],
        })
    };
    let rows = json!([
        row(NOW_MIN - 2, &production["id"], "keykeykeykey", 100),
        row(NOW_MIN - 1, &production["id"], "keykeykeynew", 200),
        row(NOW_MIN - 1, &theirs["id"], "theirtheirth", 10),
        {"m": NOW_MIN - 1, "n": 4, "s": [[4, 4]], "d": [["credential_missing", 4]]},
    ]);
    tells(&stage, batch(1, rows)).await.is(204);
    add_up(&stage).await;
    (stage, acme["id"].clone(), other["id"].clone())
}

#[tokio::test]
async fn the_course_of_usage_is_told_by_the_minute_and_adds_up() {
    let (stage, acme, _) = busy().await;
    let series = asks(&stage, "series?since=2027-01-15T07:00:00Z")
        .await
        .is(200);
    assert_eq!(series["resolution"], "minute");
    assert_eq!(series["since"], "2027-01-15T07:00:00Z");
    assert_eq!(series["until"], "2027-01-15T08:00:00Z");
    let points = series["items"][0]["points"].as_array().unwrap();
    assert_eq!(points.len(), 2);
    assert_eq!(
        points[0],
        json!({
            "at": "2027-01-15T07:58:00Z", "requests": 100, "permitted": 99, "refused": 1,
            "statuses": {"2xx": 98, "4xx": 1, "5xx": 1}, "bytes_in": 1_000, "bytes_out": 10_000,
            "latency": {"p50_ms": 7.5, "p95_ms": 9.8, "p99_ms": 10.0},
        })
    );
    assert_eq!(points[1]["requests"], 214);

    for (resolution, at) in [
        ("hour", "2027-01-15T07:00:00Z"),
        ("day", "2027-01-15T00:00:00Z"),
    ] {
        let path = format!("series?group_by=client&resolution={resolution}");
        let series = asks(&stage, &path).await.is(200);
        let items = series["items"].as_array().unwrap();
        assert_eq!(items.len(), 3);
        assert_eq!(
            (&items[0]["id"], &items[0]["name"]),
            (&acme, &json!("acme"))
        );
        assert_eq!(items[0]["points"][0]["at"], at);
        assert_eq!(items[0]["points"][0]["requests"], 300);
        assert_eq!(
            (&items[2]["id"], &items[2]["name"]),
            (&json!(null), &json!(null))
        );
    }
    let most = asks(&stage, "series?group_by=client&limit=1").await.is(200);
    assert_eq!(most["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn statuses_and_reasons_are_told_apart_and_filtered() {
    let (stage, acme, _) = busy().await;
    let acme = acme.as_str().unwrap();
    let sums = async |query: &str| {
        let series = asks(&stage, &format!("series?resolution=day&{query}"))
            .await
            .is(200);
        let items = series["items"].as_array().unwrap().clone();
        let told = items.iter().map(|item| {
            let id = item["id"].as_str().unwrap_or("-").to_owned();
            (id, item["points"][0]["requests"].as_u64().unwrap_or(0))
        });
        told.collect::<Vec<_>>()
    };
    let told = |pairs: &[(&str, u64)]| {
        let told = pairs.iter().map(|(id, count)| ((*id).to_owned(), *count));
        told.collect::<Vec<_>>()
    };
    let statuses = told(&[("2xx", 304), ("4xx", 7), ("5xx", 3)]);
    assert_eq!(sums("group_by=status").await, statuses);
    let of_acme = format!("group_by=status&client_id={acme}");
    assert_eq!(
        sums(&of_acme).await,
        told(&[("2xx", 296), ("4xx", 2), ("5xx", 2)])
    );
    assert_eq!(
        sums("group_by=status&status=5xx").await,
        told(&[("5xx", 3)])
    );
    let reasons = told(&[("credential_missing", 4), ("quota_exceeded", 3)]);
    assert_eq!(sums("group_by=reason").await, reasons);
    let of_acme = format!("group_by=reason&client_id={acme}");
    assert_eq!(sums(&of_acme).await, told(&[("quota_exceeded", 2)]));
    assert_eq!(sums("reason=quota_exceeded").await, told(&[("-", 3)]));
    assert_eq!(sums("status=5xx").await, told(&[("-", 3)]));
    let by_key = told(&[("keykeykeynew", 200), ("keykeykeykey", 100)]);
    let of_acme = format!("group_by=key&client_id={acme}");
    assert_eq!(sums(&of_acme).await, by_key);
    assert_eq!(
        sums("endpoint=GET%20/orders/%7Bid%7D").await,
        told(&[("-", 310)])
    );
    assert_eq!(sums("key_id=keykeykeykey").await, told(&[("-", 100)]));
    assert_eq!(sums("key_id=unknownkeyid").await, told(&[("-", 0)]));
}

#[tokio::test]
async fn sums_have_reasons_and_percentiles() {
    let (stage, acme, _) = busy().await;
    let totals = asks(&stage, "totals").await.is(200);
    assert_eq!(totals["resolution"], "hour");
    assert_eq!(
        (&totals["requests"], &totals["refused"]),
        (&json!(314), &json!(7))
    );
    let reasons = json!({"credential_missing": 4, "quota_exceeded": 3});
    assert_eq!(totals["reasons"], reasons);
    assert_eq!(totals["latency"]["p99_ms"], 10.0);
    let acme = acme.as_str().unwrap();
    let totals = asks(&stage, &format!("totals?client_id={acme}&status=5xx"))
        .await
        .is(200);
    assert_eq!(totals["requests"], 2);
    assert_eq!(
        (&totals["permitted"], &totals["reasons"]),
        (&json!(null), &json!({}))
    );
}

#[tokio::test]
async fn who_has_most_is_told_with_names() {
    let (stage, acme, other) = busy().await;
    let top = asks(&stage, "top?by=client").await.is(200);
    let ids: Vec<_> = top["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].clone())
        .collect();
    assert_eq!(ids, [acme.clone(), other.clone(), json!(null)]);
    assert_eq!(top["items"][0]["name"], "acme");
    assert_eq!(top["items"][0]["requests"], 300);
    let refused = asks(&stage, "top?by=client&order=refused&limit=1")
        .await
        .is(200);
    assert_eq!(refused["items"][0]["id"], json!(null));
    let failed = asks(&stage, "top?by=client&order=failed").await.is(200);
    assert_eq!(failed["items"].as_array().unwrap().len(), 2);
    let endpoints = asks(&stage, "top?by=endpoint&order=bytes").await.is(200);
    assert_eq!(endpoints["items"][0]["id"], "GET /orders/{id}");
    let collections = asks(&stage, "top?by=collection").await.is(200);
    assert_eq!(collections["items"][0]["name"], "acme v1");
    let reasons = asks(&stage, "top?by=reason").await.is(200);
    assert_eq!(
        reasons["items"][0],
        json!({"id": "credential_missing", "name": null, "requests": 4})
    );

    let path = format!("/api/v1/clients/{}", acme.as_str().unwrap());
    stage.operator().deletes(&path).await.is(200);
    let top = asks(&stage, "top?by=client").await.is(200);
    assert_eq!(
        (&top["items"][0]["id"], &top["items"][0]["name"]),
        (&acme, &json!(null))
    );
    assert_eq!(top["items"][0]["requests"], 300);
}

#[tokio::test]
async fn the_course_of_usage_is_exported_for_spreadsheets() {
    let (stage, acme, _) = busy().await;
    let path = "/api/v1/usage/series/export?group_by=client&resolution=hour";
    let request = stage.operator().request(Method::GET, path);
    let request = request.body(axum::body::Body::empty()).unwrap();
    let (head, body) = stage.operator().sends_raw(request).await;
    assert_eq!(head.status, 200);
    assert_eq!(
        head.headers[header::CONTENT_TYPE],
        "text/csv; charset=utf-8; header=present"
    );
    let mut csv = csv::Reader::from_reader(&body[..]);
    let columns: Vec<_> = csv.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(columns[..4], ["at", "id", "name", "requests"]);
    let rows: Vec<Vec<String>> = csv
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect())
        .collect();
    let first = [
        "2027-01-15T07:00:00Z",
        acme.as_str().unwrap(),
        "acme",
        "300",
        "298",
        "2",
    ];
    assert_eq!(rows[0][..6], first);
    assert_eq!(rows[1][2], "'=other");
    assert_eq!(rows[0][14..], ["7.5", "9.8", "10"]);
    assert_eq!(rows.len(), 3);
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused_at_the_parameter() {
    let stage = open().await;
    for (path, pointer) in [
        ("series?group_by=colour", "?group_by"),
        ("series?since=yesterday", "?since"),
        ("series?since=2027-01-15T09:00:00Z", "?until"),
        (
            "series?since=2000-01-01T00:00:00Z&resolution=minute",
            "?since",
        ),
        ("series?resolution=week", "?resolution"),
        ("series?limit=0", "?limit"),
        ("series?limit=101", "?limit"),
        ("series?client_id=acme", "?client_id"),
        ("series?key_id=no", "?key_id"),
        ("series?status=6xx", "?status"),
        ("series?status=5xx&reason=quota_exceeded", "?status"),
        ("series?group_by=status&reason=quota_exceeded", "?group_by"),
        ("series?group_by=reason&status=5xx", "?group_by"),
        ("series?endpoint=%00", "?endpoint"),
        ("series?reason=", "?reason"),
        ("series?colour=blue", "?colour"),
        ("series/export?limit=x", "?limit"),
        ("totals?group_by=client", "?group_by"),
        ("top", "?by"),
        ("top?by=status", "?by"),
        ("top?by=client&order=colour", "?order"),
        ("refusals?cursor=x", "?cursor"),
        ("refusals?limit=0", "?limit"),
        ("refusals?status=429", "?status"),
        ("refusals/export?profile_id=x", "?profile_id"),
        ("gateways?limit=1001", "?limit"),
    ] {
        let refused = asks(&stage, path).await;
        assert_eq!(refused.status, 400, "{path}: {}", refused.body);
        refused.points_at(pointer);
    }
}
