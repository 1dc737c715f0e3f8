//! The console for everybody: in both themes, at a phone's width, by keys alone, without scripts, and for those who do not
//! see it. Whatever pages link to is looked at.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use anyhow::{Context as _, Result};
use portcullis_tests::{Device, Member, Person, Play, owner, until_answered};
use serde_json::json;

/// Keys as WebDriver names them.
const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";

/// Which pages are kept as pictures, by what they are called there.
const PICTURED: [(&str, &str); 5] = [
    ("overview", "/console"),
    ("clients", "/console/clients"),
    ("client", "/console/clients/ID"),
    ("access-profile", "/console/clients/ID/profiles/new"),
    ("refresh", "/console/profiles/ID/refresh"),
];

/// A play in which something has happened.
fn played() -> Result<(Play, Member)> {
    let play = Play::begin(1)?;
    let operator = play.operator();
    let gold = json!({"name": "Gold", "rate_limit": {"requests": 1_000, "per": "minute"}});
    let made = operator.call("POST", "/policies", &gold)?;
    let policy = made.body["id"].clone();
    let member = play.member_with(
        "Acme Logistics",
        &json!({"policy_id": policy, "description": "for the warehouses"}),
    )?;
    for name in ["Nightly export (script)", "Old partner", "Harbour office"] {
        play.stranger(name, &json!({"addresses": {"allow": ["10.2.0.0/16"]}}))?;
    }
    let mut caller = play.caller()?;
    until_answered(&mut caller, member.key(), "permitted")?;
    for number in 0..120 {
        let path = if number % 10 == 0 {
            "/stock"
        } else {
            "/orders/7"
        };
        caller.get(path).key(member.key()).send()?;
    }
    Ok((play, member))
}

/// A path with its identifiers taken out: pages of one kind are one page.
fn kind(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let parts = path.split('/').map(|part| {
        let is_id =
            part.contains('_') || (part.len() == 12 && part.bytes().any(|it| it.is_ascii_digit()));
        if is_id { "ID" } else { part }
    });
    parts.collect::<Vec<_>>().join("/")
}

/// One page of each kind that can be reached by links.
async fn pages(person: &Person) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut waiting = VecDeque::from(["/console".to_owned()]);
    while let Some(path) = waiting.pop_front() {
        if !seen.insert(kind(&path)) {
            continue;
        }
        person.goes(&path).await?;
        found.insert(kind(&path), path);
        for link in person.links().await? {
            let is_page = link.starts_with("/console") && !link.contains("/export");
            if is_page && !seen.contains(&kind(&link)) {
                waiting.push_back(link);
            }
        }
    }
    Ok(found)
}

#[tokio::test]
async fn no_page_keeps_anybody_out_in_either_theme() -> Result<()> {
    let (play, _) = played()?;
    let owner = owner(&play, Device::Desk).await?;
    owner.reloads_until("Acme Logistics").await?;
    let pages = pages(&owner).await?;
    assert!(pages.len() >= 10, "{pages:?}");
    let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/screenshots");
    std::fs::create_dir_all(&pictures)?;
    let mut barriers = Vec::new();
    for theme in ["light", "dark"] {
        owner.prefers(theme).await?;
        for (kind, path) in &pages {
            owner.goes(path).await?;
            let found = owner.barriers().await?;
            barriers.extend(found.into_iter().map(|it| format!("{kind}, {theme}: {it}")));
            let (elsewhere, bytes) = owner.loaded().await?;
            assert!(
                elsewhere.is_empty() && bytes < 200_000,
                "{kind}: {elsewhere:?}, {bytes}"
            );
            // One that is there stays: remove it to have it made anew.
            for (name, _) in PICTURED.iter().filter(|(_, pictured)| pictured == kind) {
                let picture = pictures.join(format!("{name}-{theme}.png"));
                if !picture.exists() {
                    owner.pictures(&picture).await?;
                }
            }
        }
    }
    assert!(barriers.is_empty(), "{}", barriers.join("\n"));
    owner.leaves().await
}

#[tokio::test]
async fn every_page_fits_a_phone_and_keeps_nobody_out_there() -> Result<()> {
    let (play, _) = played()?;
    let owner = owner(&play, Device::Phone).await?;
    let mut barriers = Vec::new();
    for (kind, path) in pages(&owner).await? {
        owner.goes(&path).await?;
        if owner.is_too_wide().await? {
            barriers.push(format!("{kind} is wider than a phone"));
        }
        let found = owner.barriers().await?;
        barriers.extend(found.into_iter().map(|it| format!("{kind}: {it}")));
    }
    assert!(barriers.is_empty(), "{}", barriers.join("\n"));
    owner.leaves().await
}

#[tokio::test]
async fn a_client_is_made_found_and_switched_off_by_keys_alone() -> Result<()> {
    let play = Play::begin(1)?;
    let owner = owner(&play, Device::Desk).await?;
    owner.goes("/console/clients").await?;
    owner.strikes("?").await?;
    owner.sees("dialog[open]").await?;
    owner.strikes(ENTER).await?;
    owner.goes("/console/clients").await?;
    owner.strikes("n").await?;
    owner.sees("main [name=\"name\"]").await?;
    while owner.focus().await? != "name" {
        owner.strikes(TAB).await?;
    }
    owner.strikes("Acme").await?;
    owner.strikes(ENTER).await?;
    owner.reads("Access profile of Acme").await?;

    owner.goes("/console/clients").await?;
    owner.strikes("/").await?;
    assert_eq!(owner.focus().await?, "search");
    owner.strikes("acm").await?;
    owner.strikes(ENTER).await?;
    owner.sees("#found[value=\"acm\"]").await?;
    owner.strikes("j").await?;
    assert!(owner.focus().await?.contains("Acme"));
    owner.strikes(TAB).await?;
    owner.strikes(" ").await?;
    owner.reads("Acme is disabled").await?;
    let clients = play.operator().call("GET", "/clients", &json!(null))?;
    assert_eq!(clients.body["items"][0]["enabled"], false);
    owner.leaves().await
}

/// Looks again, as people do whose browsers run no scripts, until a change holds on every gateway.
async fn looks_again_until(person: &Person, said: &str) -> Result<()> {
    if person.text(".arrival").await?.contains(said) {
        return Ok(());
    }
    let place = person.place().await?;
    let link = person.sees(".arrival a").await?;
    let again = link.attr("href").await?.context("a link without a place")?;
    person.goes(&again).await?;
    person.reloads_until(said).await?;
    person.goes(&place).await
}

#[tokio::test]
async fn everything_works_without_scripts() -> Result<()> {
    let play = Play::begin(1)?;
    let mut caller = play.caller()?;
    let owner = owner(&play, Device::WithoutScripts).await?;
    owner.goes("/console/clients/new").await?;
    owner.types("name", "Acme").await?;
    owner.presses_text("Go on to its access profile").await?;
    owner.types("name", "Production").await?;
    owner.sees("[name=\"algorithm\"]").await?;
    owner
        .presses(&format!("input[value=\"{}\"]", play.orders))
        .await?;
    owner.presses_text("Add profile").await?;
    let key = owner.text("#api-key").await?;
    until_answered(&mut caller, &key, "permitted")?;
    owner.presses_text("Done, I have stored it").await?;
    owner.presses("#enabled").await?;
    owner.reads("Acme is disabled").await?;
    owner.reads("Refused on ").await?;
    until_answered(&mut caller, &key, "client_disabled")?;
    owner.presses_text("Undo").await?;
    owner.reads("Acme is enabled").await?;
    owner.reads("Permitted on ").await?;
    until_answered(&mut caller, &key, "permitted")?;
    looks_again_until(&owner, "Permitted on 1 of 1 gateway after").await?;
    owner.presses_text("Refresh…").await?;
    owner.presses("input[value=\"stop\"]").await?;
    owner.presses_text("Issue a new key").await?;
    let new_key = owner.text("#api-key").await?;
    until_answered(&mut caller, &key, "credential_revoked")?;
    until_answered(&mut caller, &new_key, "permitted")?;
    owner.leaves().await
}
