//! The audit: every change, who made it, and what was before and after.

use portcullis_feed::{Digest, GatewayTokenId, SecretOctets};
use portcullis_store::{
    AccessMethod, AuditFilter, AuditRecord, Author, GatewayToken, Jwt, JwtKeys, TokenSource,
};
use serde_json::{Value, json};

use crate::books::{Books, NOW_MS, author, client, collection, key, open, policy, profile};

async fn told(books: &Books, filter: AuditFilter) -> Vec<AuditRecord> {
    let mut snapshot = books.store.read().await.unwrap();
    snapshot.audit(&filter, None, 10_000).await.unwrap()
}

/// What was done, the oldest first.
async fn deeds(books: &Books) -> Vec<String> {
    let told = told(books, AuditFilter::default()).await;
    let deed = |record: &AuditRecord| format!("{} {}", record.action, record.kind);
    told.iter().rev().map(deed).collect()
}

fn state(of: Option<&serde_json::Map<String, Value>>) -> Value {
    of.cloned().map_or(Value::Null, Value::Object)
}

#[tokio::test]
async fn each_change_tells_who_made_it_when_and_what_became_of_it() {
    let books = open().await;
    let mut acme = client("Acme");
    let revision = books.put_client(&acme).await;
    acme.enabled = false;
    acme.updated_at_ms += 1;
    books.put_client(&acme).await;

    let told = told(&books, AuditFilter::default()).await;

    let [changed, made] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!((made.ordinal, changed.ordinal), (1, 2));
    assert_eq!(made.at_ms, NOW_MS);
    assert_eq!(made.author.kind, "operator");
    assert_eq!(made.author.id, author().who.id());
    assert_eq!(made.author.name, "Ann");
    assert_eq!(made.request_id.as_deref(), Some("request-1"));
    assert_eq!(
        (made.kind.as_str(), made.action.as_str()),
        ("client", "create")
    );
    assert_eq!(made.object_id, acme.id.to_string());
    assert_eq!(made.object_name.as_deref(), Some("Acme"));
    assert_eq!(made.revision, revision);
    assert_eq!(state(made.before.as_ref()), Value::Null);
    assert_eq!(
        state(made.after.as_ref()),
        json!({"name": "Acme", "description": null, "enabled": true, "logo": null})
    );
    assert_eq!(changed.action, "change");
    assert_eq!(state(changed.before.as_ref()), json!({"enabled": true}));
    assert_eq!(state(changed.after.as_ref()), json!({"enabled": false}));
}

#[tokio::test]
async fn what_goes_with_a_client_is_told_too() {
    let books = open().await;
    let (acme, _, access) = books.with_profile("orders").await;
    books
        .edit(async |edit| {
            edit.insert_key(&key(&access)).await.unwrap();
            edit.put_policy(&policy(5)).await.unwrap();
        })
        .await;
    books
        .edit(async |edit| edit.delete_client(acme.id, NOW_MS).await.unwrap())
        .await;
    assert_eq!(
        deeds(&books).await,
        [
            "create client",
            "create collection",
            "create access_profile",
            "create key",
            "create policy",
            "delete access_profile",
            "delete client"
        ]
    );
}

#[tokio::test]
async fn what_is_not_kept_or_no_change_is_not_told() {
    let books = open().await;
    let mut acme = client("Acme");
    books.put_client(&acme).await;
    acme.updated_at_ms += 1;
    books.put_client(&acme).await;
    let mut edit = books.store.edit(&author(), NOW_MS).await.unwrap();
    edit.put_client(&client("given up")).await.unwrap();
    drop(edit);
    books
        .edit(async |edit| {
            let nobody = client("nobody");
            edit.delete_client(nobody.id, NOW_MS).await.unwrap();
        })
        .await;
    assert_eq!(deeds(&books).await, ["create client"]);
}

#[tokio::test]
async fn what_the_control_plane_notes_for_itself_is_not_told() {
    let books = open().await;
    let token = GatewayToken {
        id: GatewayTokenId::from_parts(NOW_MS, 1),
        digest: Digest([0xd1; 32]),
        name: "edge".into(),
        description: None,
        source: TokenSource::Made,
        created_at_ms: NOW_MS,
        expires_at_ms: None,
        last_used_at_ms: None,
    };
    books
        .edit(async |edit| edit.put_gateway_token(&token).await.unwrap())
        .await;
    books
        .edit(async |edit| {
            edit.note_token_used(token.id, NOW_MS + 1).await.unwrap();
            edit.follow_key_sets(NOW_MS).await.unwrap();
            edit.forget_removals(NOW_MS, 10).await.unwrap();
        })
        .await;
    assert_eq!(deeds(&books).await, ["create gateway_token"]);
}

#[tokio::test]
async fn each_key_that_a_refresh_ends_is_told() {
    let books = open().await;
    let (_, _, access) = books.with_profile("orders").await;
    let [first, second] = [key(&access), key(&access)];
    books
        .edit(async |edit| {
            edit.insert_key(&first).await.unwrap();
            edit.insert_key(&second).await.unwrap();
            let until_ms = NOW_MS + 5_000;
            edit.deprecate_keys(access.id, NOW_MS, until_ms)
                .await
                .unwrap();
            edit.revoke_keys(access.id, NOW_MS).await.unwrap();
        })
        .await;
    let filter = AuditFilter {
        object: Some(first.id.clone()),
        ..AuditFilter::default()
    };
    let told = told(&books, filter).await;
    let actions: Vec<_> = told.iter().map(|record| record.action.as_str()).collect();
    assert_eq!(actions, ["revoke", "change", "create"]);
    assert_eq!(
        state(told[1].after.as_ref()),
        json!({"deprecated_at": "2027-01-15T08:00:00Z", "expires_at": "2027-01-15T08:00:05Z"})
    );
    let count = deeds(&books).await.len();
    assert_eq!(count, 3 + 6);
}

#[tokio::test]
async fn no_secret_is_told_but_that_it_is_another_one_is() {
    let books = open().await;
    let (acme, orders, mut access) = books.with_profile("orders").await;
    let secret = |text: &str| Jwt {
        algorithm: portcullis_feed::Algorithm::HS256,
        keys: JwtKeys::Secret(SecretOctets(text.into())),
        identity: None,
        issuers: vec!["https://id.example.com".into()],
        audiences: vec![],
        required_claims: [].into(),
        max_lifetime_s: None,
        allows_no_expiry: false,
    };
    let canaries = [
        "canary-one-0123456789abcdef0123456",
        "canary-two-0123456789abcdef0123456",
    ];
    for canary in canaries {
        access.access = AccessMethod::Jwt(Box::new(secret(canary)));
        books.put_profile(&access).await;
    }
    let other = profile(&acme, &[&orders]);
    books.put_profile(&other).await;
    let issued = key(&other);
    books
        .edit(async |edit| {
            edit.insert_key(&issued).await.unwrap();
            edit.insert_feed_key(&[0xfe; 32], NOW_MS).await.unwrap();
            edit.replace_operator_token(Digest([0xd2; 32]), TokenSource::Generated, NOW_MS)
                .await
                .unwrap();
        })
        .await;
    let all = told(&books, AuditFilter::default()).await;
    let written = format!("{all:?}");
    for secret in [
        "canary",
        "Y2FuYXJ5",
        &issued.digest.to_string(),
        &"d2".repeat(32),
        &"fe".repeat(32),
    ] {
        assert!(!written.contains(secret), "{secret}: {written}");
    }
    let filter = AuditFilter {
        object: Some(access.id.to_string()),
        ..AuditFilter::default()
    };
    let changed = &told(&books, filter).await[0];
    let fingerprint = |of: &Option<serde_json::Map<String, Value>>| {
        of.as_ref().unwrap()["jwt"]["secret"]["fingerprint"].clone()
    };
    assert!(fingerprint(&changed.before).is_string());
    assert_ne!(fingerprint(&changed.before), fingerprint(&changed.after));
}

#[tokio::test]
async fn the_audit_is_read_by_whatever_is_known_of_a_change() {
    let books = open().await;
    let robot = Author::system("a job");
    let [ours, theirs] = [client("ours"), client("theirs")];
    books.put_client(&ours).await;
    let mut edit = books.store.edit(&robot, NOW_MS + 10).await.unwrap();
    edit.put_client(&theirs).await.unwrap();
    edit.delete_client(ours.id, NOW_MS).await.unwrap();
    edit.commit().await.unwrap();

    let count = async |change: &dyn Fn(&mut AuditFilter)| {
        let mut filter = AuditFilter::default();
        change(&mut filter);
        told(&books, filter).await.len()
    };
    assert_eq!(count(&|_| {}).await, 3);
    let ann = author().who.id();
    assert_eq!(count(&|filter| filter.author = ann.clone()).await, 1);
    assert_eq!(
        count(&|filter| filter.author = Some("system".into())).await,
        2
    );
    assert_eq!(
        count(&|filter| filter.kind = Some("client".into())).await,
        3
    );
    assert_eq!(
        count(&|filter| filter.kind = Some("policy".into())).await,
        0
    );
    let id = Some(ours.id.to_string());
    assert_eq!(count(&|filter| filter.object = id.clone()).await, 2);
    assert_eq!(
        count(&|filter| filter.action = Some("delete".into())).await,
        1
    );
    assert_eq!(
        count(&|filter| filter.since_ms = Some(NOW_MS + 10)).await,
        2
    );
    assert_eq!(
        count(&|filter| filter.until_ms = Some(NOW_MS + 10)).await,
        1
    );
    let request = Some("request-1".to_owned());
    assert_eq!(
        count(&|filter| filter.request_id = request.clone()).await,
        1
    );

    let mut snapshot = books.store.read().await.unwrap();
    let any = AuditFilter::default();
    let older = snapshot.audit(&any, Some(3), 1).await.unwrap();
    assert_eq!(older.len(), 1);
    assert_eq!(older[0].ordinal, 2);
}

#[tokio::test]
async fn a_large_edit_is_told_whole_and_in_order() {
    let books = open().await;
    let clients: Vec<_> = (0..1_300)
        .map(|number| client(&format!("c{number}")))
        .collect();
    books
        .edit(async |edit| {
            for client in &clients {
                edit.put_client(client).await.unwrap();
            }
        })
        .await;
    books.put_collection(&collection("orders")).await;
    let told = told(&books, AuditFilter::default()).await;
    let ordinals: Vec<_> = told.iter().rev().map(|record| record.ordinal).collect();
    assert_eq!(ordinals, (1..=1_301).collect::<Vec<_>>());
    let names = told.iter().rev().map(|record| record.object_name.clone());
    let written: Vec<_> = clients
        .iter()
        .map(|client| Some(client.name.clone()))
        .collect();
    assert_eq!(names.take(1_300).collect::<Vec<_>>(), written);
}
