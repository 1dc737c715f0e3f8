//! Many write at every control plane at once, and no gateway misses anything.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use portcullis_feed::{ChangePage, ChangedObject, Revision};
use portcullis_tests::{PATIENCE, Replicas, create_orders, until_in_step};
use scale::{Fleet, Gateway};
use serde_json::{Value, json};
use xtask::stage::{Operator, within};

const PLANES: usize = 3;
const WRITERS: usize = 9;
const GATEWAYS: usize = 9;
/// How many changes of profiles there are at least, in how many profiles of each writer.
const CHANGES: usize = 10_000;
const PROFILES: usize = 10;

/// What a gateway has taken.
#[derive(Default)]
struct Taken {
    revision: Revision,
    pages: usize,
    /// Where a page did not go on from the one before.
    gaps: Vec<(Revision, Revision)>,
    objects: HashMap<String, Revision>,
}

impl Taken {
    fn take(&mut self, page: &ChangePage) {
        if page.after != self.revision {
            self.gaps.push((self.revision, page.after));
        }
        self.pages += 1;
        for change in &page.changes {
            let object = match &change.object {
                ChangedObject::Profile(profile) => profile.id.to_string(),
                ChangedObject::ProfileRemoved(id) => id.to_string(),
                ChangedObject::Collection(collection) => collection.id.to_string(),
                ChangedObject::CollectionRemoved(id) => id.to_string(),
            };
            let before = self.objects.insert(object, change.revision);
            if before.is_some_and(|before| before >= change.revision) {
                self.gaps.push((change.revision, change.revision));
            }
        }
        self.revision = page.revision;
    }
}

fn witnessed(replicas: &Replicas, number: usize) -> Result<(Arc<Mutex<Taken>>, Gateway)> {
    let taken = Arc::new(Mutex::new(Taken::default()));
    let witness = Arc::clone(&taken);
    let mut settings = replicas.gateway(u64::try_from(number)?, number % PLANES)?;
    // Small pages: a busy reader is always on its way through several.
    settings.limit = 100;
    let gateway = Gateway::new(settings).witnessed_by(Arc::new(move |page, _| {
        let mut taken = witness.lock().unwrap_or_else(PoisonError::into_inner);
        taken.take(page);
    }));
    Ok((taken, gateway))
}

/// Changes a client, and tells the revision. A control plane that is too busy for it is asked again: the change is the
/// same however often it is made.
fn change(operator: &Operator, client: &str, members: &Value) -> Result<u64> {
    let path = format!("/clients/{client}");
    let (reply, _) = within(PATIENCE, "the change is taken", || {
        let reply = operator.call("PATCH", &path, members);
        let is_refused = reply.as_ref().is_ok_and(|reply| reply.status == 503);
        (!is_refused).then_some(reply)
    })?;
    let reply = reply?;
    ensure!(reply.status == 200, "{reply:?}");
    reply.body["revision"].as_u64().context("no revision")
}

#[test]
fn no_gateway_misses_a_revision_while_many_write_at_every_control_plane() {
    let replicas = Replicas::begin(PLANES).unwrap();
    let orders = create_orders(&replicas.operator(0).unwrap()).unwrap();
    let mut clients = Vec::new();
    for number in 0..WRITERS {
        let operator = replicas.operator(0).unwrap();
        let client = operator.create_client(&format!("Writer {number}")).unwrap();
        for profile in 0..PROFILES {
            let name = format!("Profile {profile}");
            operator.create_profile(&client, &name, &[&orders]).unwrap();
        }
        clients.push(client);
    }
    let (taken, gateways): (Vec<_>, Vec<_>) = (0..GATEWAYS)
        .map(|number| witnessed(&replicas, number).unwrap())
        .unzip();
    let fleet = Fleet::start(gateways).unwrap();

    let began = Instant::now();
    let newest = thread::scope(|scope| {
        let writing: Vec<_> = clients
            .iter()
            .enumerate()
            .map(|(number, client)| {
                let operator = replicas.operator(number % PLANES).unwrap();
                scope.spawn(move || {
                    let mut newest = 0;
                    for number in 0..CHANGES.div_ceil(WRITERS * PROFILES) {
                        let enabled = json!({"enabled": number % 2 == 1});
                        let revision = change(&operator, client, &enabled).unwrap();
                        assert!(revision > newest, "{revision} after {newest}");
                        newest = revision;
                    }
                    newest
                })
            })
            .collect();
        let ended = writing.into_iter().map(|writer| writer.join().unwrap());
        ended.max().unwrap()
    });
    let took = began.elapsed();

    assert!(newest >= u64::try_from(CHANGES).unwrap(), "{newest}");
    let has_all = |status: &scale::gateway::Status| {
        let position = status.position.as_ref();
        position.is_some_and(|position| position.revision == newest)
    };
    fleet.wait(PATIENCE, "it has everything", has_all).unwrap();
    for status in fleet.statuses() {
        let wrong = (status.signature_failures, status.restarts);
        assert_eq!(wrong, (0, 0), "{status:?}");
        // It may have been turned away by a control plane that was too busy, and by nothing else.
        let failure = status.last_failure.as_deref();
        assert!(failure.is_none_or(|it| it == "status 503"), "{status:?}");
    }
    // One that comes only now is told how everything is, and no more.
    let (last, gateway) = witnessed(&replicas, GATEWAYS).unwrap();
    let late = Fleet::start(vec![gateway]).unwrap();
    late.wait(PATIENCE, "it has everything", has_all).unwrap();
    let expected = &last.lock().unwrap().objects;
    assert_eq!(expected.len(), WRITERS * PROFILES + 2);
    let mut pages = 0;
    for (number, taken) in taken.iter().enumerate() {
        let taken = taken.lock().unwrap();
        assert_eq!(taken.gaps, [], "gateway {number}");
        assert_eq!(taken.objects, *expected, "gateway {number}");
        pages += taken.pages;
    }
    println!("{newest} revisions in {took:?}, read by {GATEWAYS} gateways in {pages} pages");

    for plane in 0..PLANES {
        until_in_step(&replicas.operator(plane).unwrap(), GATEWAYS + 1).unwrap();
    }
}
