//! A file of limits that is kept current until the process is asked to stop.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use tokio::time::sleep;

use super::file::{self, Readers};
use super::limits::{LimitServer, Limits};
use crate::cli::{Exit, Failure, Output, remote};
use crate::client::{Client, ClientError};
use crate::stops::Stops;

/// Whom to ask, and which file to keep.
pub(super) struct Following {
    client: Client,
    server: LimitServer,
    path: PathBuf,
    every: Duration,
    output: Output,
}

impl Following {
    pub(super) const fn new(
        client: Client,
        server: LimitServer,
        path: PathBuf,
        every: Duration,
        output: Output,
    ) -> Self {
        Self {
            client,
            server,
            path,
            every,
            output,
        }
    }

    /// Keeps the file current. The first answer has to be good: later ones may stay away, and the file stays as it is.
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        let ended = runtime.block_on(Arc::new(self).until_stopped());
        // Nobody waits for a question that is still on its way.
        runtime.shutdown_background();
        ended
    }

    async fn until_stopped(self: Arc<Self>) -> Result<Exit, Failure> {
        let mut stops = Stops::listen().context("cannot receive signals")?;
        let mut has_succeeded = false;
        let mut is_troubled = false;
        loop {
            let this = Arc::clone(&self);
            let asked = tokio::task::spawn_blocking(move || Limits::ask(&this.client));
            let asked = tokio::select! {
                asked = asked => asked.context("a question broke down")?,
                () = stops.next() => return Ok(Exit::Done),
            };
            match asked {
                Ok(limits) => {
                    self.keep(&limits)?;
                    has_succeeded = true;
                    is_troubled = false;
                }
                Err(error) if has_succeeded && passes_by(&error) => {
                    if !is_troubled {
                        self.say_of_trouble(error);
                    }
                    is_troubled = true;
                }
                Err(error) => return Err(remote::failure(error)),
            }
            tokio::select! {
                () = sleep(self.every) => {}
                () = stops.next() => return Ok(Exit::Done),
            }
        }
    }

    /// Writes the file, unless it says the same already.
    fn keep(&self, limits: &Limits) -> Result<(), Failure> {
        let text = limits.written_for(self.server, self.output)?;
        if fs::read(&self.path).is_ok_and(|there| there == text.as_bytes()) {
            return Ok(());
        }
        file::replace(&self.path, Readers::Everybody, |to| {
            to.write_all(text.as_bytes())?;
            Ok(())
        })?;
        file::announce(&self.path)?;
        let path = self.path.display();
        let count = limits.count();
        self.say(match self.output {
            Output::Text => format!("wrote `{path}`: policies with a rate limit: {count}"),
            Output::Json => json!({"wrote": path.to_string(), "policies": count}).to_string(),
        });
        Ok(())
    }

    fn say_of_trouble(&self, error: ClientError) {
        let context = format!(
            "`{}` stays as it is until the control plane answers again",
            self.path.display()
        );
        let failure = remote::failure(error);
        let told = Failure {
            error: failure.error.context(context),
            ..failure
        };
        self.say(self.output.failure(&told));
    }

    /// The standard output is for results only. Whoever closed the other one does not want to know.
    fn say(&self, line: String) {
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}

/// Whether asking again may help, without anybody who does something here.
fn passes_by(error: &ClientError) -> bool {
    match error {
        ClientError::Unreached { .. } | ClientError::BrokenOff(_) => true,
        ClientError::Refused(problem) => problem.status == 429 || problem.status >= 500,
        _ => false,
    }
}
