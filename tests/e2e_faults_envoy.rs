//! Envoy's configuration changes while requests come in: listeners, modules, filters beside each other.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use portcullis_tests::{ListenerFile, Siege, Watch, create_orders, until_answered};
use serde_json::{Value, json};
use xtask::stage::{
    Bootstrap, Caller, ControlPlane, Envoy, Parts, Tokens, address_to_return_to, within,
};

const WORKERS: usize = 2;
const SOON: Duration = Duration::from_secs(30);

/// A siege whose listener stands in a file, with drains of one second.
struct Changeable {
    siege: Siege,
    file: ListenerFile,
    _folder: tempfile::TempDir,
}

impl Changeable {
    fn begin() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let address = address_to_return_to()?;
        let mut file = None;
        let siege = Siege::begin_with(WORKERS, |bootstrap| {
            let bootstrap = bootstrap.listener("gateway", address)?;
            let (bootstrap, taken) = ListenerFile::take_from(bootstrap, folder.path())?;
            file = Some(taken);
            Ok(bootstrap.started_with(&["--drain-time-s", "1"]))
        })?;
        Ok(Self {
            siege,
            file: file.context("the bootstrap was never asked for")?,
            _folder: folder,
        })
    }

    /// Changes the listener, and waits until Envoy has taken it. The one before still drains.
    fn change(&mut self, change: impl FnOnce(&mut ListenerFile) -> Result<()>) -> Result<()> {
        let updates = "listener_manager.lds.update_success";
        let created = "listener_manager.listener_create_success";
        let envoy = self.siege.envoy();
        let (before, listeners) = (envoy.count(updates)?, envoy.count(created)?);
        change(&mut self.file)?;
        within(SOON, "Envoy takes the listener", || {
            let is_taken = envoy.count(updates).ok()? > before
                // Each worker and no other creates it.
                && envoy.count(created).ok()? >= listeners.saturating_add(u64::try_from(WORKERS).ok()?);
            is_taken.then_some(())
        })?;
        Ok(())
    }

    fn until_drained(&self) -> Result<()> {
        let listeners = "listener_manager.total_listeners_draining";
        // Of a listener in which only these have changed, only these are replaced.
        let chains = "listener_manager.total_filter_chains_draining";
        within(SOON, "what was there before has drained", || {
            let count = |name| self.siege.envoy().count(name).ok();
            (count(listeners)? == 0 && count(chains)? == 0).then_some(())
        })?;
        Ok(())
    }

    /// Ends the traffic. Connections end with the listeners that drain; nothing else may befall a request.
    fn end(self) -> Result<()> {
        let verdict = self.siege.watch.end()?;
        ensure!(verdict.without_vm == 0, "{verdict:?}");
        Ok(())
    }
}

#[test]
fn listener_updates_disturb_no_request_and_changes_arrive_during_and_after_the_drain() {
    let mut stage = Changeable::begin().unwrap();
    for round in 0..3 {
        let settings = json!({"cache_mib": 20 + round});
        stage.change(|file| file.set(&settings)).unwrap();
        stage.siege.ensure_heard().unwrap();
        stage.until_drained().unwrap();
        stage.siege.ensure_heard().unwrap();
    }
    stage.end().unwrap();
}

/// A single caller on each worker.
fn a_caller_on_each_worker(envoy: &Envoy) -> Result<Vec<Caller>> {
    const MOST: usize = 64;
    let address = envoy.gateway()?;
    let mut callers = BTreeMap::new();
    let mut before = envoy.connections_of_workers(address)?;
    for _ in 0..MOST {
        let caller = Caller::connect(address)?;
        let (now, _) = within(SOON, "Envoy has counted the connection", || {
            let now = envoy.connections_of_workers(address).ok()?;
            (now != before).then_some(now)
        })?;
        let mut workers = now.iter().zip(&before);
        let worker = workers.position(|(now, before)| now > before);
        let worker = worker.context("no worker has a further connection")?;
        callers.entry(worker).or_insert(caller);
        if callers.len() == WORKERS {
            return Ok(callers.into_values().collect());
        }
        before = now;
    }
    bail!("{MOST} connections did not reach all workers");
}

#[test]
fn vms_are_still_woken_at_once_when_the_listener_they_began_with_is_gone() {
    let mut stage = Changeable::begin().unwrap();
    stage
        .change(|file| file.set(&json!({"cache_mib": 20})))
        .unwrap();
    stage.until_drained().unwrap();
    // Ticks alone, half a second apart, would now and then bring a change within this time to one VM, but hardly to all
    // of them, and not time and again. A busy machine may take longer for some.
    let at_once = Duration::from_millis(100);
    let mut callers = a_caller_on_each_worker(stage.siege.envoy()).unwrap();
    let key = stage.siege.turning.member.key().to_owned();
    let mut times = vec![];
    let is_at_once = |time: &&Duration| **time < at_once;
    while times.iter().filter(is_at_once).count() < 6 {
        assert!(times.len() < 40, "{times:?}");
        let enabled = times.len() % 2 == 1;
        let outcome = ["client_disabled", "permitted"][usize::from(enabled)];
        stage.siege.turning.ward.may_turn(outcome);
        let client = &stage.siege.turning.member.client;
        let operator = stage.siege.operator();
        operator.enable_client(client, enabled).unwrap();
        let begun = Instant::now();
        for caller in &mut callers {
            until_answered(caller, &key, outcome).unwrap();
        }
        times.push(begun.elapsed());
    }
    stage.end().unwrap();
}

#[test]
fn another_build_of_the_filter_takes_over_beside_the_old_one_and_back_again() {
    let parts = Parts::from_environment().unwrap();
    let mut stage = Changeable::begin().unwrap();
    for module in [parts.filter_with_doors(), parts.filter()] {
        stage.change(|file| file.load(&module)).unwrap();
        stage.siege.ensure_heard().unwrap();
        stage.until_drained().unwrap();
        stage.siege.ensure_heard().unwrap();
    }
    stage.end().unwrap();
}

/// A copy of the filter whose keys in shared memory begin as those of another format would.
fn filter_of_another_format(folder: &Path) -> Result<PathBuf> {
    let mut module = std::fs::read(Parts::from_environment()?.filter())?;
    let mut count = 0;
    for at in 0..module.len().saturating_sub(3) {
        if let [b'p', b'c', number, b'/'] = &mut module[at..at + 4]
            && number.is_ascii_digit()
        {
            *number = b'9';
            count += 1;
        }
    }
    ensure!(count >= 4, "only {count} keys were found in the filter");
    let path = folder.join("another-format.wasm");
    std::fs::write(&path, module)?;
    Ok(path)
}

#[test]
fn a_filter_of_another_format_fills_its_own_registry_beside_the_old_one_and_can_be_taken_back() {
    let mut stage = Changeable::begin().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let other = filter_of_another_format(folder.path()).unwrap();
    let parts = Parts::from_environment().unwrap();
    let wards = [
        &stage.siege.kept,
        &stage.siege.revoked,
        &stage.siege.turning,
    ]
    .map(|guarded| guarded.ward.clone());
    let [kept, revoked, turning] = &wards;
    // It knows nobody yet, and says so, until it has asked.
    for ward in &wards {
        ward.may_turn("not_ready");
    }
    kept.may_turn("permitted");
    revoked.may_turn("credential_revoked");
    turning.may_turn("permitted");
    stage.change(|file| file.load(&other)).unwrap();
    for ward in &wards {
        ward.until_turned(stage.siege.envoy()).unwrap();
    }
    stage.siege.ensure_heard().unwrap();
    stage.until_drained().unwrap();
    stage.siege.switch_off().unwrap();
    turning.until_turned(stage.siege.envoy()).unwrap();
    // The older registry is as its last VM left it, until its next one has asked. When that was long ago, it counts as
    // deserted as soon as a VM has looked, and nobody is known by it until then.
    turning.may_turn("permitted");
    for ward in &wards {
        ward.may_turn("not_ready");
    }
    kept.may_turn("permitted");
    revoked.may_turn("credential_revoked");
    turning.may_turn("client_disabled");
    stage.change(|file| file.load(&parts.filter())).unwrap();
    for ward in &wards {
        ward.until_turned(stage.siege.envoy()).unwrap();
    }
    stage.siege.catch_up().unwrap();
    stage.until_drained().unwrap();
    stage.siege.ensure_heard().unwrap();
    stage.end().unwrap();
}

/// With a second listener, `other`, whose filter has a VM of its own and asks another control plane.
fn with_another_filter(bootstrap: Bootstrap, control_plane: SocketAddr) -> Result<Bootstrap> {
    let copy = |list: &mut Value, of: &str, name: &str, change: &dyn Fn(&mut Value)| {
        let found = list.as_array_mut().and_then(|elements| {
            let mut copy = elements.iter().find(|it| it["name"] == of)?.clone();
            copy["name"] = name.into();
            change(&mut copy);
            elements.push(copy);
            Some(())
        });
        found.with_context(|| format!("no `{of}`"))
    };
    let mut outcome = Ok(());
    let bootstrap = bootstrap.at("/static_resources", |resources| {
        let clusters = &mut resources["clusters"];
        outcome = copy(
            clusters,
            "portcullis_control_plane",
            "other_control_plane",
            &|_| {},
        )
        .and_then(|()| {
            let listeners = &mut resources["listeners"];
            copy(listeners, "gateway", "other", &|listener| {
                let config = listener.pointer_mut(
                    "/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config",
                );
                if let Some(config) = config {
                    config["vm_config"]["vm_id"] = "other".into();
                    let settings = json!({"control_plane": {"cluster": "other_control_plane"}});
                    config["configuration"]["value"] = settings.to_string().into();
                }
            })
        });
    })?;
    outcome?;
    bootstrap.cluster("other_control_plane", control_plane)
}

#[test]
fn two_filters_of_one_envoy_follow_their_own_control_planes_and_share_nothing() {
    let parts = Parts::from_environment().unwrap();
    let mut other = ControlPlane::start(&parts.control_plane, Tokens::for_tests()).unwrap();
    let operator = other.operator();
    let orders = create_orders(&operator).unwrap();
    let client = operator.create_client("Other").unwrap();
    let profile = operator
        .create_profile(&client, "Production", &[&orders])
        .unwrap();
    let address = other.address();
    let mut siege =
        Siege::begin_with(WORKERS, |bootstrap| with_another_filter(bootstrap, address)).unwrap();
    let watch = Watch::begin_at(siege.envoy(), "other").unwrap();
    arrives(siege.envoy(), &profile.api_key).unwrap();
    let theirs = watch.follow(&profile.api_key, "permitted");
    let _ = watch.follow(siege.kept.member.key(), "credential_invalid");
    let _ = siege.watch.follow(&profile.api_key, "credential_invalid");

    siege.play.control_plane.kill();
    theirs
        .turn("client_disabled", siege.envoy(), || {
            operator.enable_client(&client, false)
        })
        .unwrap();
    siege.play.control_plane.restart().unwrap();
    other.kill();
    siege.ensure_heard().unwrap();
    siege.watch.end().unwrap().undisturbed().unwrap();
    watch.end().unwrap().undisturbed().unwrap();
}

/// A key arrives at the listener `other`.
fn arrives(envoy: &Envoy, key: &str) -> Result<()> {
    for caller in &mut envoy.callers_on_every_worker_of("other")? {
        until_answered(caller, key, "permitted")?;
    }
    Ok(())
}
