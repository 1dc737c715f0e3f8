//! The registry in trouble of every kind: VMs fall, are held up for long and go on as if nothing had been, while records
//! change, the control plane is opened again and put back. Which VM goes on at each access to shared memory is chance,
//! and chance is the same for the same seed.

mod chance;
mod keys;
mod model;
mod vm;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use keys::Keys;
use model::Model;
use vm::Vm;
use world::{Stop, World};

/// What a simulation is to be like.
#[derive(Debug, Clone, Copy)]
struct Plan {
    seed: u64,
    vms: usize,
    trouble_steps: u64,
    steps_between_changes: u64,
    /// Whether older copies of the records are put back.
    restores: bool,
    /// Whether all pages are looked at for what is left of older generations, and not only a few.
    tidies: bool,
    weakness: Option<Weakness>,
}

/// What the shared memory forgets, to see whether it would be missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weakness {
    /// In which term a page was written.
    NoTerms,
    /// That the ledger is only written by who has read it since.
    NoVersions,
}

impl Plan {
    fn of(seed: u64) -> Self {
        Self {
            seed,
            vms: 2 + (seed % 3) as usize,
            trouble_steps: 1_500 + (seed % 7) * 500,
            steps_between_changes: 20 + (seed % 5) * 40,
            restores: true,
            tidies: seed.is_multiple_of(64),
            weakness: None,
        }
    }

    /// What goes wrong.
    fn failure(self) -> Option<String> {
        let world = Arc::new(World::new(self, Model::new(Keys::all())));
        let vms: Vec<_> = (0..self.vms)
            .map(|vm| {
                let world = Arc::clone(&world);
                std::thread::spawn(move || live(&world, vm, self.tidies))
            })
            .collect();
        world.run(vms.iter().map(|vm| vm.thread().clone()).collect());
        for vm in vms {
            if let Err(panic) = vm.join() {
                resume_unwind(panic);
            }
        }
        let mut state = world.state();
        state.check_keys();
        state.failure()
    }
}

/// A VM falls and is made anew until the simulation ends.
fn live(world: &Arc<World>, vm: usize, tidies: bool) {
    drop(world.await_turn(vm));
    let ended = loop {
        let fall = catch_unwind(AssertUnwindSafe(|| {
            let mut this = Vm::new(world, vm, tidies);
            loop {
                this.turn();
            }
        }));
        match fall.map_err(|fall| fall.downcast::<Stop>()) {
            Err(Ok(stop)) if matches!(*stop, Stop::Fallen) => {}
            Err(Ok(_)) => break Ok(()),
            Err(Err(panic)) => break Err(panic),
            Ok(()) => break Ok(()),
        }
    };
    world.end();
    if let Err(panic) = ended {
        resume_unwind(panic);
    }
}

/// The first of so many simulations that goes wrong, and how. Several run at a time, since each mostly waits for one of
/// its threads to hand over to another.
fn first_failure(count: u64, change: impl Fn(Plan) -> Plan + Sync) -> Option<(u64, String)> {
    const AT_A_TIME: u64 = 4;
    let next = AtomicU64::new(0);
    let first = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let mut known = first.lock().unwrap_or_else(PoisonError::into_inner);
                    let is_beaten = matches!(&*known, Some((earlier, _)) if *earlier < seed);
                    if seed >= count || is_beaten {
                        return;
                    }
                    drop(known);
                    if let Some(failure) = change(Plan::of(seed)).failure() {
                        known = first.lock().unwrap_or_else(PoisonError::into_inner);
                        if known.as_ref().is_none_or(|(earlier, _)| seed < *earlier) {
                            *known = Some((seed, failure));
                        }
                    }
                }
            });
        }
    });
    first.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// How many simulations there are, unless `PORTCULLIS_SIMULATIONS` says how many are wanted.
fn count() -> u64 {
    let wanted = std::env::var("PORTCULLIS_SIMULATIONS").ok();
    wanted.and_then(|count| count.parse().ok()).unwrap_or(500)
}

#[test]
fn whatever_falls_or_is_held_up_no_vm_sees_what_was_not_so_since_its_revision() {
    assert_eq!(first_failure(count(), |plan| plan), None);
}

#[test]
fn the_simulation_would_notice_pages_that_know_no_terms() {
    let careless = |plan| Plan {
        weakness: Some(Weakness::NoTerms),
        ..plan
    };
    assert!(first_failure(count(), careless).is_some());
}

#[test]
fn the_simulation_would_notice_a_ledger_that_is_written_unread() {
    let careless = |plan| Plan {
        weakness: Some(Weakness::NoVersions),
        ..plan
    };
    assert!(first_failure(count(), careless).is_some());
}
