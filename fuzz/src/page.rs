//! Pages of the feed: whatever they hold, one that is refused changes nothing, and one that is applied is applied as a
//! whole, also when leaders fall in the middle of it.
//!
//! An input is a line with how many writes the first leader survives, then pages as JSON, one on each line.

use std::collections::BTreeSet;

use portcullis_engine::holder::Record;
use portcullis_engine::path::Path;
use portcullis_engine::{Holder, Registry as _};
use portcullis_feed::{ChangePage, ChangedObject, Digest, Profile};
use portcullis_registry::{RefusedPage, View, Writer};

use crate::memory::Memory;
use crate::world;

/// Paths that are asked for after every page.
const PATHS: [&str; 6] = ["/", "/a", "/a/b", "/v1/orders/7", "/files/x/y", "/status"];

/// Checks pages.
///
/// # Panics
/// When a page does what it must not.
pub fn check(input: &[u8]) {
    let mut lines = input.split(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let survived = std::str::from_utf8(first)
        .ok()
        .and_then(|text| text.parse::<usize>().ok());
    let memory = Memory::default();
    let mut digests: BTreeSet<Digest> = filed(&world::page()).collect();
    let mut writer = Writer::new(memory.clone(), 1);
    for line in lines.take(8) {
        let Ok(mut page) = ChangePage::from_json(line) else {
            continue;
        };
        assert_eq!(read(&write(&page)), page, "a page survives being written");
        page.changes.truncate(32);
        digests.extend(filed(&page));
        apply(&memory, &mut writer, &page, survived, &digests);
    }
}

/// Applies a page, and beside it in other ways that must come to the same.
fn apply(
    memory: &Memory,
    writer: &mut Writer<Memory>,
    page: &ChangePage,
    survived: Option<usize>,
    digests: &BTreeSet<Digest>,
) {
    let Ok(position) = writer.position() else {
        panic!("nobody else leads");
    };
    let before = memory.values();
    let fallen = memory.copied();
    let outcome = writer.apply(page);
    let shown = shown(memory, digests);
    match outcome {
        Err(RefusedPage::LeadershipLost | RefusedPage::InDoubt) => panic!("nobody else leads"),
        Err(_) => {
            assert_eq!(memory.values(), before);
            return;
        }
        Ok(progress) => {
            let next = (Some(page.epoch.clone()), page.revision);
            assert_eq!(writer.position(), Ok(next));
            assert_eq!(progress.is_behind, page.revision < page.head);
            check_holders(page, &shown);
        }
    }
    // The leader falls after some writes; the next one applies the same page again, and once more.
    fallen.fail_after(survived);
    let _ = Writer::new(fallen.clone(), 1).apply(page);
    fallen.fail_after(None);
    let mut next = Writer::new(fallen.clone(), 2);
    if next.position() == Ok(position) {
        match next.apply(page) {
            Ok(_) => {}
            // The database was opened again meanwhile: nobody knows what became of what was half applied.
            Err(RefusedPage::InDoubt) => return assert_eq!(next.position(), Ok((None, 0))),
            Err(refused) => panic!("the next leader refuses what the first one took: {refused}"),
        }
    }
    assert_eq!(self::shown(&fallen, digests), shown);
    if page.revision > page.after {
        let values = fallen.values();
        assert!(next.apply(page).is_err());
        assert_eq!(fallen.values(), values);
    }
}

/// What a VM that has just started finds: the holder of each digest, and the collection of each path.
type Shown = (Vec<Option<Holder>>, Vec<Option<String>>, Option<u64>);

fn shown(memory: &Memory, digests: &BTreeSet<Digest>) -> Shown {
    let view = View::new(memory.clone(), 1 << 16);
    view.refresh();
    let holder = |digest| view.stored(digest).map(|holder| Holder::clone(&holder));
    let routes = view.routes();
    let label = |text: &&str| {
        let path = Path::parse(text.as_bytes()).ok()?;
        let endpoint = routes.as_ref()?.find(b"api.example", b"GET", &path)?;
        Some(format!("{:?}", endpoint.collection))
    };
    (
        digests.iter().map(holder).collect(),
        PATHS.iter().map(label).collect(),
        view.applied().map(|applied| applied.revision),
    )
}

/// Whoever opens something is a profile that a page brought.
fn check_holders(page: &ChangePage, (holders, _, _): &Shown) {
    let removed = page
        .changes
        .iter()
        .filter_map(|change| match &change.object {
            ChangedObject::ProfileRemoved(id) => Some((change.revision, *id)),
            _ => None,
        });
    for (revision, id) in removed {
        let is_back = page.changes.iter().any(|later| {
            let brings =
                matches!(&later.object, ChangedObject::Profile(profile) if profile.id == id);
            later.revision > revision && brings
        });
        let is_gone = holders
            .iter()
            .flatten()
            .all(|holder| holder.profile() != id);
        assert!(is_back || is_gone, "{id} is removed and opens something");
    }
}

/// The digests that the profiles of a page are found by.
fn filed(page: &ChangePage) -> impl Iterator<Item = Digest> {
    let of = |profile: &Profile| Record::of(profile).unwrap_or_default();
    page.changes
        .iter()
        .flat_map(move |change| match &change.object {
            ChangedObject::Profile(profile) => {
                of(profile).into_iter().map(|(digest, _)| digest).collect()
            }
            _ => vec![],
        })
}

fn write(page: &ChangePage) -> Vec<u8> {
    serde_json::to_vec(page).unwrap_or_default()
}

fn read(text: &[u8]) -> ChangePage {
    ChangePage::from_json(text)
        .unwrap_or_else(|error| panic!("what was written is not read: {error}"))
}
