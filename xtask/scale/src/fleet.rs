//! Many gateways at once, on a thread of their own.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::runtime::Builder;
use tokio::sync::{oneshot, watch};
use tokio::task::LocalSet;

use crate::gateway::{Gateway, Status};

/// How often a fleet is looked at by who waits for it.
const PAUSE: Duration = Duration::from_millis(2);

/// Gateways that run. They end when this is dropped.
#[derive(Debug)]
pub struct Fleet {
    statuses: Vec<watch::Receiver<Status>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Fleet {
    /// Starts them all.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(gateways: Vec<Gateway>) -> Result<Self> {
        let statuses = gateways.iter().map(Gateway::subscribe).collect();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("fleet".into())
            .spawn(move || {
                let together = LocalSet::new();
                for gateway in gateways {
                    together.spawn_local(gateway.run());
                }
                // Whether it is told or forgotten, it ends.
                runtime.block_on(together.run_until(stopped)).ok();
            })?;
        Ok(Self {
            statuses,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// How each of them is.
    pub fn statuses(&self) -> impl Iterator<Item = Status> {
        self.statuses.iter().map(|status| status.borrow().clone())
    }

    /// How one of them is.
    ///
    /// # Errors
    /// When there is none of this number.
    pub fn status(&self, number: usize) -> Result<Status> {
        let status = self.statuses.get(number);
        let status = status.with_context(|| format!("there is no gateway {number}"))?;
        Ok(status.borrow().clone())
    }

    /// Waits until all of them are so.
    ///
    /// # Errors
    /// When one is not within `limit`: how it is.
    pub fn wait(&self, limit: Duration, what: &str, is_so: impl Fn(&Status) -> bool) -> Result<()> {
        let begin = Instant::now();
        for (number, status) in self.statuses.iter().enumerate() {
            loop {
                let status = status.borrow().clone();
                if is_so(&status) {
                    break;
                }
                if begin.elapsed() > limit {
                    bail!("gateway {number}: {what}: not within {limit:?}, but {status:?}");
                }
                std::thread::sleep(PAUSE);
            }
        }
        Ok(())
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
