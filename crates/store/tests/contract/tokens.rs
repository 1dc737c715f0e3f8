//! Tokens: one of operators, many of gateways.

use portcullis_feed::{Digest, GatewayTokenId};
use portcullis_store::{GatewayToken, OperatorToken, TokenSource};

use crate::books::{NOW_MS, author, open};

fn token(number: u8, source: TokenSource) -> GatewayToken {
    GatewayToken {
        id: GatewayTokenId::from_parts(NOW_MS, number.into()),
        digest: Digest([number; 32]),
        name: format!("edge {number}"),
        description: Some("the ones at the edge".into()),
        source,
        created_at_ms: NOW_MS,
        expires_at_ms: Some(NOW_MS + 1),
        last_used_at_ms: None,
    }
}

#[tokio::test]
async fn operators_have_one_token() {
    let books = open().await;
    let [old, new] = [1, 2].map(|byte| Digest([byte; 32]));
    let replace = async |digest, source| {
        books
            .edit(async |edit| {
                let replaced = edit.replace_operator_token(digest, source, NOW_MS);
                replaced.await.unwrap();
            })
            .await
    };
    books
        .edit(async |edit| {
            let token = token(3, TokenSource::Generated);
            edit.put_gateway_token(&token).await.unwrap();
        })
        .await;

    replace(old, TokenSource::Generated).await;
    replace(new, TokenSource::Environment).await;

    let mut snapshot = books.store.read().await.unwrap();
    let known = snapshot.operator_token().await.unwrap();
    let expected = OperatorToken {
        digest: new,
        source: TokenSource::Environment,
    };
    assert_eq!(known, Some(expected));
    assert_eq!(snapshot.gateway_tokens(None, 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn tokens_of_gateways_are_kept_listed_changed_and_removed() {
    let books = open().await;
    let mut first = token(1, TokenSource::Environment);
    let second = token(2, TokenSource::Made);
    books
        .edit(async |edit| {
            edit.put_gateway_token(&second).await.unwrap();
            edit.put_gateway_token(&first).await.unwrap();
        })
        .await;
    first.name = "another".into();
    first.description = None;
    first.source = TokenSource::Made;
    first.expires_at_ms = None;
    books
        .edit(async |edit| edit.put_gateway_token(&first).await.unwrap())
        .await;
    first.last_used_at_ms = Some(NOW_MS + 7);
    books
        .edit(async |edit| {
            edit.note_token_used(first.id, NOW_MS + 7).await.unwrap();
        })
        .await;

    let mut snapshot = books.store.read().await.unwrap();
    let all = snapshot.gateway_tokens(None, 9).await.unwrap();
    assert_eq!(all, [first.clone(), second.clone()]);
    let page = snapshot.gateway_tokens(None, 1).await.unwrap();
    assert_eq!(page, std::slice::from_ref(&first));
    let rest = snapshot.gateway_tokens(Some(first.id), 9).await.unwrap();
    assert_eq!(rest, std::slice::from_ref(&second));
    drop(snapshot);

    books
        .edit(async |edit| edit.delete_gateway_token(first.id).await.unwrap())
        .await;
    let mut snapshot = books.store.read().await.unwrap();
    assert_eq!(snapshot.gateway_token(first.id).await.unwrap(), None);
    assert_eq!(
        snapshot.gateway_token(second.id).await.unwrap(),
        Some(second)
    );
}

#[tokio::test]
async fn no_token_is_an_operators_and_a_gateways() {
    let books = open().await;
    let token = token(1, TokenSource::Made);
    books
        .edit(async |edit| edit.put_gateway_token(&token).await.unwrap())
        .await;
    let mut edit = books.store.edit(&author(), NOW_MS).await.unwrap();
    let refused = edit.replace_operator_token(token.digest, TokenSource::Environment, NOW_MS);
    assert!(refused.await.is_err());
}
