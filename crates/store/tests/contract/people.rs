//! Operators, their sessions and links, and the tokens of robots.

use portcullis_feed::{Digest, OperatorId, RobotTokenId, SessionId};
use portcullis_store::{
    AuditFilter, Link, LogInMethod, Operator, Password, ProviderIdentity, RobotToken, Role, Session,
};

use crate::books::{Books, NOW_MS, open};

fn operator(number: u8, role: Role) -> Operator {
    Operator {
        id: OperatorId::from_parts(NOW_MS, number.into()),
        email: format!("o{number}@example.com"),
        name: format!("O {number}"),
        role,
        enabled: true,
        password: Some(Password {
            hash: "$argon2id$canary".into(),
            changed_at_ms: NOW_MS,
        }),
        provider: Some(ProviderIdentity {
            issuer: "https://id.example.com".into(),
            subject: format!("subject {number}"),
        }),
        created_at_ms: NOW_MS,
        updated_at_ms: NOW_MS + 1,
        last_log_in_at_ms: None,
    }
}

fn session(number: u8, of: &Operator) -> Session {
    Session {
        id: SessionId::from_parts(NOW_MS, number.into()),
        digest: Digest([number; 32]),
        operator_id: of.id,
        method: LogInMethod::SingleSignOn,
        address: Some("203.0.113.7".into()),
        user_agent: None,
        created_at_ms: NOW_MS,
        last_used_at_ms: NOW_MS,
        expires_at_ms: NOW_MS + 1_000,
    }
}

async fn put(books: &Books, operators: &[&Operator], sessions: &[&Session]) {
    books
        .edit(async |edit| {
            for operator in operators {
                edit.put_operator(operator).await.unwrap();
            }
            for session in sessions {
                edit.insert_session(session).await.unwrap();
            }
        })
        .await;
}

#[tokio::test]
async fn operators_come_back_as_they_went_in_by_whatever_they_are_known() {
    let books = open().await;
    let mut ann = operator(1, Role::Admin);
    let bob = operator(2, Role::Viewer);
    put(&books, &[&bob, &ann], &[]).await;
    ann.password = None;
    ann.provider = None;
    ann.role = Role::Editor;
    ann.enabled = false;
    ann.last_log_in_at_ms = Some(NOW_MS + 2);
    put(&books, &[&ann], &[]).await;

    let mut snapshot = books.store.read().await.unwrap();
    assert_eq!(snapshot.operator(ann.id).await.unwrap(), Some(ann.clone()));
    let by_email = snapshot.operator_by_email("o2@example.com").await.unwrap();
    assert_eq!(by_email, Some(bob.clone()));
    let identity = bob.provider.as_ref().unwrap();
    let by_provider = snapshot.operator_by_provider(identity).await.unwrap();
    assert_eq!(by_provider, Some(bob.clone()));
    assert_eq!(
        snapshot.operators(None, 9).await.unwrap(),
        [ann.clone(), bob.clone()]
    );
    assert_eq!(snapshot.operators(Some(ann.id), 9).await.unwrap(), [bob]);
    assert_eq!(snapshot.count_operators().await.unwrap(), 2);
}

#[tokio::test]
async fn two_operators_never_have_the_same_address_or_the_same_identity() {
    let books = open().await;
    let ann = operator(1, Role::Admin);
    put(&books, &[&ann], &[]).await;
    let mut twin = operator(2, Role::Admin);
    twin.email.clone_from(&ann.email);
    let mut other = operator(3, Role::Admin);
    other.provider.clone_from(&ann.provider);
    for operator in [twin, other] {
        let mut edit = books
            .store
            .edit(&crate::books::author(), NOW_MS)
            .await
            .unwrap();
        assert!(edit.put_operator(&operator).await.is_err());
    }
}

#[tokio::test]
async fn an_enabled_admin_besides_one_is_found_and_nobody_else() {
    let books = open().await;
    let ann = operator(1, Role::Admin);
    let mut bob = operator(2, Role::Admin);
    bob.enabled = false;
    put(&books, &[&ann, &bob, &operator(3, Role::Editor)], &[]).await;
    let has_another = async || {
        let mut snapshot = books.store.read().await.unwrap();
        snapshot.has_admin_besides(ann.id).await.unwrap()
    };
    assert!(!has_another().await);
    bob.enabled = true;
    put(&books, &[&bob], &[]).await;
    assert!(has_another().await);
}

#[tokio::test]
async fn sessions_are_opened_used_and_ended() {
    let books = open().await;
    let (ann, bob) = (operator(1, Role::Viewer), operator(2, Role::Viewer));
    let [first, second, other] = [session(1, &ann), session(2, &ann), session(3, &bob)];
    put(&books, &[&ann, &bob], &[&first, &second, &other]).await;
    let listed = async |of: Option<OperatorId>| {
        let mut snapshot = books.store.read().await.unwrap();
        let found = snapshot.sessions(of, None, 9).await.unwrap();
        found.iter().map(|session| session.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(None).await, [first.id, second.id, other.id]);
    assert_eq!(listed(Some(ann.id)).await, [first.id, second.id]);

    books
        .edit(async |edit| {
            edit.note_session_used(first.id, NOW_MS + 500)
                .await
                .unwrap();
            edit.note_session_used(first.id, NOW_MS + 400)
                .await
                .unwrap();
            edit.end_sessions_of(ann.id, Some(first.id)).await.unwrap();
        })
        .await;
    let mut snapshot = books.store.read().await.unwrap();
    let found = snapshot.session_opened_by(first.digest).await.unwrap();
    assert_eq!(found.unwrap().last_used_at_ms, NOW_MS + 500);
    assert_eq!(
        snapshot.session_opened_by(second.digest).await.unwrap(),
        None
    );
    drop(snapshot);

    books
        .edit(async |edit| edit.forget_sessions(NOW_MS, NOW_MS).await.unwrap())
        .await;
    assert_eq!(listed(None).await, [first.id]);
    books
        .edit(async |edit| edit.delete_operator(ann.id).await.unwrap())
        .await;
    assert_eq!(listed(None).await, []);
}

#[tokio::test]
async fn a_link_replaces_the_older_one_of_its_operator_and_expires() {
    let books = open().await;
    let ann = operator(1, Role::Viewer);
    put(&books, &[&ann], &[]).await;
    let link = |number: u8, operator_id| Link {
        digest: Digest([number; 32]),
        operator_id,
        expires_at_ms: NOW_MS + u64::from(number),
    };
    let links = [
        link(1, None),
        link(2, None),
        link(3, Some(ann.id)),
        link(4, Some(ann.id)),
    ];
    let known = async || {
        let mut snapshot = books.store.read().await.unwrap();
        let mut known = Vec::new();
        for link in &links {
            known.push(snapshot.link(link.digest).await.unwrap().as_ref() == Some(link));
        }
        known
    };
    books
        .edit(async |edit| {
            for link in &links {
                edit.replace_link(link).await.unwrap();
            }
        })
        .await;
    assert_eq!(known().await, [true, true, false, true]);
    books
        .edit(async |edit| edit.forget_sessions(NOW_MS + 1, 0).await.unwrap())
        .await;
    assert_eq!(known().await, [false, true, false, true]);
    books
        .edit(async |edit| {
            edit.delete_first_links().await.unwrap();
            edit.delete_link(links[3].digest).await.unwrap();
        })
        .await;
    assert_eq!(known().await, [false; 4]);
}

#[tokio::test]
async fn tokens_of_robots_are_kept_found_changed_and_removed() {
    let books = open().await;
    let mut token = RobotToken {
        id: RobotTokenId::from_parts(NOW_MS, 1),
        digest: Digest([0xd3; 32]),
        name: "pipeline".into(),
        description: Some("deploys".into()),
        role: Role::Editor,
        resources: Some(vec!["clients".into()]),
        created_at_ms: NOW_MS,
        expires_at_ms: Some(NOW_MS + 1),
        last_used_at_ms: None,
    };
    let put = async |token: &RobotToken| {
        books
            .edit(async |edit| edit.put_robot_token(token).await.unwrap())
            .await;
    };
    put(&token).await;
    token.resources = None;
    token.role = Role::Viewer;
    put(&token).await;
    books
        .edit(async |edit| {
            let used = edit.note_robot_token_used(token.id, NOW_MS + 9);
            used.await.unwrap();
        })
        .await;
    put(&token).await;
    token.last_used_at_ms = Some(NOW_MS + 9);
    let mut snapshot = books.store.read().await.unwrap();
    let found = snapshot.robot_token_by_digest(token.digest).await.unwrap();
    assert_eq!(found, Some(token.clone()));
    assert_eq!(
        snapshot.robot_tokens(None, 9).await.unwrap(),
        [token.clone()]
    );
    drop(snapshot);
    books
        .edit(async |edit| edit.delete_robot_token(token.id).await.unwrap())
        .await;
    let mut snapshot = books.store.read().await.unwrap();
    assert_eq!(snapshot.robot_token(token.id).await.unwrap(), None);

    let told = snapshot
        .audit(&AuditFilter::default(), None, 9)
        .await
        .unwrap();
    let actions: Vec<_> = told.iter().map(|record| record.action.as_str()).collect();
    assert_eq!(actions, ["delete", "change", "create"]);
    assert!(!format!("{told:?}").contains("d3d3"));
}

#[tokio::test]
async fn no_hash_of_a_password_and_no_digest_of_a_session_is_in_the_audit() {
    let books = open().await;
    let mut ann = operator(1, Role::Viewer);
    put(&books, &[&ann], &[&session(0xd4, &ann)]).await;
    ann.password = Some(Password {
        hash: "$argon2id$another canary".into(),
        changed_at_ms: NOW_MS + 60_000,
    });
    put(&books, &[&ann], &[]).await;
    let mut snapshot = books.store.read().await.unwrap();
    let told = snapshot
        .audit(&AuditFilter::default(), None, 9)
        .await
        .unwrap();
    let written = format!("{told:?}");
    assert!(
        !written.contains("canary") && !written.contains("d4d4"),
        "{written}"
    );
    assert_eq!(told.len(), 3);
    let after = told[0].after.as_ref().unwrap();
    assert_eq!(after["password_changed_at"], "2027-01-15T08:01:00Z");
}
