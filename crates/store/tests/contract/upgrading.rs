//! Databases of earlier versions: their records stay, and mean what they meant.

use portcullis_feed::{Digest, GatewayTokenId, KeyState, Position};
use portcullis_store::{AccessMethod, ClientFilter, GatewayToken, Share, TokenSource, Window};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, SqlSafeStr as _, Sqlite};

use crate::books::{Closed, NOW_MS, client, collection, first_changes, key, names, open, profile};
use crate::ground::Ground;
use crate::usage::{FOR_EVER, NOW_MIN, batch, count, roll_up, row};

const FIRST: &str = include_str!("../../migrations/1_records.sql");

#[tokio::test]
async fn the_records_of_the_first_version_stay_as_they_were() {
    let ground = Ground::new().await;
    let acme = client("acme");
    let orders = collection("orders");
    let production = profile(&acme, &[&orders]);
    let removed = profile(&acme, &[]);
    let issued = key(&production);
    let pool = file_of(&ground).await;
    let first = Migration::new(
        1,
        "records".into(),
        MigrationType::Simple,
        FIRST.into_sql_str(),
        false,
    );
    Migrator::with_migrations(vec![first])
        .run(&pool)
        .await
        .unwrap();
    let endpoints = serde_json::to_string(&orders.endpoints).unwrap();
    for statement in [
        "INSERT INTO state VALUES (1, 'epoch-1', 3)".to_owned(),
        format!(
            "INSERT INTO clients VALUES ('{}', 'acme', NULL, TRUE, {NOW_MS}, {NOW_MS})",
            acme.id
        ),
        format!(
            "INSERT INTO collections VALUES ('{}', 'orders', 'v1', 'what it is for', \
             '{endpoints}', {NOW_MS}, {NOW_MS})",
            orders.id
        ),
        format!(
            "INSERT INTO access_profiles VALUES ('{}', '{}', NULL, 'production', NULL, '{{}}', \
             TRUE, NULL, {NOW_MS}, {NOW_MS})",
            production.id, acme.id
        ),
        format!(
            "INSERT INTO profile_collections VALUES ('{}', '{}', 0)",
            production.id, orders.id
        ),
        format!(
            "INSERT INTO api_keys VALUES ('{}', '{}', '{}', {NOW_MS}, NULL, NULL)",
            issued.id, production.id, issued.digest
        ),
        format!(
            "INSERT INTO tokens VALUES ('{}', 'operator', 'environment', {NOW_MS}), \
             ('{}', 'gateway', 'generated', {NOW_MS})",
            Digest([1; 32]),
            Digest([2; 32])
        ),
        format!(
            "INSERT INTO changes VALUES ('collection', '{}', 1, FALSE), \
             ('profile', '{}', 2, FALSE), ('profile', '{}', 3, TRUE)",
            orders.id, production.id, removed.id
        ),
    ] {
        sqlx::query(AssertSqlSafe(statement))
            .execute(&pool)
            .await
            .unwrap();
    }
    pool.close().await;

    let books = Closed { ground }.opened_as("epoch-2").await;

    let mut snapshot = books.store.read().await.unwrap();
    let position = |epoch: &str, revision| Position {
        epoch: epoch.into(),
        revision,
    };
    for (seen, share) in [
        (position("epoch-1", 3), Share::All(3)),
        (position("epoch-1", 4), Share::Nothing),
        (position("epoch-2", 3), Share::All(3)),
        (position("epoch-3", 3), Share::Nothing),
    ] {
        assert_eq!(books.store.share(&seen), share);
    }
    let told = first_changes(&mut snapshot, 0, 10, NOW_MS).await;
    let [orders_id, production_id] = [orders.id.to_string(), production.id.to_string()];
    let gone = format!("-{}", removed.id);
    assert_eq!(names(&told), [orders_id, production_id, gone]);
    let found = snapshot.profile(production.id).await.unwrap().unwrap();
    assert_eq!(found.access, AccessMethod::ApiKey);
    assert_eq!(found, production);
    assert_eq!(snapshot.collection(orders.id).await.unwrap(), Some(orders));
    let keys = snapshot.keys_of(&[production.id]).await.unwrap();
    assert_eq!(keys[&production.id], std::slice::from_ref(&issued));
    let named = ClientFilter {
        name: Some("CME".into()),
        ..ClientFilter::default()
    };
    let window = Window {
        order: Vec::new(),
        after: None,
        limit: 9,
    };
    let clients = snapshot.find_clients(&named, &window).await.unwrap();
    assert_eq!(clients, [acme]);
    let token = snapshot.operator_token().await.unwrap();
    assert_eq!(token.unwrap().digest, Digest([1; 32]));
    let token = GatewayToken {
        id: GatewayTokenId::from_parts(0, 0),
        digest: Digest([2; 32]),
        name: "default".into(),
        description: None,
        source: TokenSource::Generated,
        created_at_ms: NOW_MS,
        expires_at_ms: None,
        last_used_at_ms: None,
    };
    assert_eq!(snapshot.gateway_tokens(None, 10).await.unwrap(), [token]);
    drop(snapshot);
    assert_eq!(
        books.carried_keys(production.id).await,
        [(issued.id, KeyState::Active)]
    );
}

#[tokio::test]
async fn usage_that_was_added_up_by_days_is_found_in_weeks() {
    let books = open().await;
    let (_, _, profile) = books.with_profile("acme").await;
    let mut rows = Vec::new();
    for day in [0, 2, 5, 9, 16, 17] {
        let mut row = row(NOW_MIN - day * 24 * 60, Some(profile.id), 5 + day);
        row.statuses.push((5, day % 3));
        rows.push(row);
    }
    count(&books.store, &[batch(1, 1, rows)]).await;
    roll_up(&books.store, &FOR_EVER).await;
    let closed = books.closed().await;
    let added = weeks(&closed.ground).await;
    assert!(added.len() > 2);
    assert_eq!(added.iter().map(|week| week.2).sum::<i64>(), 79);

    let pool = file_of(&closed.ground).await;
    for statement in [
        "DROP TABLE usage_weeks",
        "DELETE FROM _sqlx_migrations WHERE version = 13",
    ] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    pool.close().await;
    let closed = closed.opened_as("epoch-2").await.closed().await;
    assert_eq!(weeks(&closed.ground).await, added);
}

type Week = (i64, i64, i64, i64, i64, i64, Option<i64>);

async fn weeks(ground: &Ground) -> Vec<Week> {
    let pool = file_of(ground).await;
    let weeks = sqlx::query_as("SELECT * FROM usage_weeks ORDER BY at, series");
    let weeks = weeks.fetch_all(&pool).await.unwrap();
    pool.close().await;
    weeks
}

/// The file of a database that is not open.
async fn file_of(ground: &Ground) -> sqlx::Pool<Sqlite> {
    let options = SqliteConnectOptions::new()
        .filename(ground.path().join("portcullis.db"))
        .create_if_missing(true);
    let pool = SqlitePoolOptions::new().connect_with(options);
    pool.await.unwrap()
}
