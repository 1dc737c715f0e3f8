//! The console in a real browser, before a real Envoy: what an owner does on pages is read on the wire.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use portcullis_tests::{
    Device, Person, Play, Signer, bearer, outcome, owner, until, until_answered,
};
use serde_json::json;

/// A picture for a client.
fn logo(folder: &std::path::Path) -> Result<PathBuf> {
    let path = folder.join("logo.svg");
    let drawing = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 8 8\"><circle cx=\"4\" cy=\"4\" r=\"3\"/></svg>";
    std::fs::write(&path, drawing)?;
    Ok(path)
}

/// Where the first profile on the page of its client is changed.
async fn profile_edit(page: &Person) -> Result<String> {
    let link = page.sees("article.card a[href$=\"/edit\"]").await?;
    link.attr("href").await?.context("a link without a place")
}

#[tokio::test]
async fn an_owner_walks_from_the_set_up_link_to_a_disabled_client_that_is_refused() -> Result<()> {
    let play = Play::begin(1)?;
    let folder = tempfile::tempdir()?;
    let mut caller = play.caller()?;
    // 1: an owner manages clients on a page of their own.
    let owner = owner(&play, Device::Desk).await?;
    owner.goes("/console/clients").await?;
    owner.reads("There is no client yet").await?;

    // 2: a client has a name, a description and a logo, and may be a script.
    owner.strikes("n").await?;
    owner.types("name", "Nightly export").await?;
    owner
        .types("description", "A script that runs every night")
        .await?;
    owner.chooses_file("logo", &logo(folder.path())?).await?;
    owner.sees(".drop img[src^=\"blob:\"]").await?;
    owner.presses_text("Go on to its access profile").await?;

    // 4 and 5: its access profile is asked for, with collections, a policy, an access method and addresses.
    owner.reads("Access profile of Nightly export").await?;
    owner.types("name", "Production").await?;
    owner
        .presses(&format!("input[value=\"{}\"]", play.orders))
        .await?;
    owner.types("allow", "127.0.0.1\nhere").await?;
    owner.reads("`here` is not an address").await?;
    owner.types("allow", "127.0.0.1").await?;

    // 3, 7 and 8: the profile is added, and the key is shown with its client, once.
    owner.presses_text("Add profile").await?;
    owner.reads("Nightly export: Production").await?;
    owner.reads("one key for each person").await?;
    let key = owner.text("#api-key").await?;
    assert!(key.starts_with("ptc_") && key.len() > 80, "{key}");
    assert!(owner.text("#curl-line").await?.contains(&key));
    until_answered(&mut caller, &key, "permitted")?;
    owner.presses_text("Done, I have stored it").await?;
    owner.sees("article.card").await?;
    assert!(!owner.text("main").await?.contains(&key));

    // 5: whoever calls from elsewhere is refused.
    let edit = profile_edit(&owner).await?;
    owner.goes(&edit).await?;
    owner.types("allow", "10.0.0.0/8").await?;
    owner.presses_text("Save").await?;
    owner.reads("Production is saved").await?;
    until_answered(&mut caller, &key, "address_not_allowed")?;
    owner.goes(&edit).await?;
    owner.types("allow", "127.0.0.0/8").await?;
    owner.presses_text("Save").await?;
    owner.reads("Production is saved").await?;
    until_answered(&mut caller, &key, "permitted")?;

    // 6: a JSON Web Token needs a signing method and a secret besides.
    let signer = Signer::hs256("0123456789abcdef0123456789abcdef");
    owner.presses_text("Add profile").await?;
    owner.types("name", "Reports").await?;
    owner
        .presses(&format!("input[value=\"{}\"]", play.orders))
        .await?;
    owner.presses("input[value=\"jwt\"]").await?;
    owner.presses("#algorithm option[value=\"HS256\"]").await?;
    owner
        .presses("#key_source option[value=\"secret\"]")
        .await?;
    owner
        .types("secret", "0123456789abcdef0123456789abcdef")
        .await?;
    owner.presses_text("Add profile").await?;
    let profile = owner.text("#profile-id").await?;
    let claims = json!({"sub": profile, "exp": portcullis_tests::seconds_from_now(600)});
    let token = signer.token(&claims)?;
    until(&mut caller, "the token is permitted", |caller| {
        Ok(bearer(caller, &token)? == "permitted")
    })?;
    owner.presses_text("Done, I have stored it").await?;

    // 9: a refresh revokes the key everywhere, and says so.
    owner.presses_text("Refresh…").await?;
    owner.presses("input[value=\"stop\"]").await?;
    owner.presses_text("Issue a new key").await?;
    owner.reads("Refused on 1 of 1 gateway after").await?;
    let new_key = owner.text("#api-key").await?;
    let old = caller.get("/orders/1").key(&key).send()?;
    assert_eq!(outcome(&old), "credential_revoked");
    until_answered(&mut caller, &new_key, "permitted")?;
    owner.presses_text("Done, I have stored it").await?;

    // 10 and 11: the slider shuts the client out at once, and lets it in again.
    owner.presses("#enabled").await?;
    owner.reads("Refused on 1 of 1 gateway after").await?;
    let refused = caller.get("/orders/1").key(&new_key).send()?;
    assert_eq!(outcome(&refused), "client_disabled");
    assert_eq!(bearer(&mut caller, &token)?, "client_disabled");
    owner.presses_text("Undo").await?;
    owner.reads("Nightly export is enabled").await?;
    until_answered(&mut caller, &new_key, "permitted")?;
    let (elsewhere, bytes) = owner.loaded().await?;
    assert_eq!(elsewhere, Vec::<String>::new());
    assert!(bytes < 200_000, "{bytes}");
    owner.leaves().await
}
