//! Which control plane a subcommand speaks to, and what becomes of its refusals.

use std::path::PathBuf;

use super::{Exit, Failure};
use crate::client::{Client, ClientError, Token};

/// The kind of problem that says that somebody else was faster.
const PLAN_OVERTAKEN: &str = "urn:portcullis:problem:plan-overtaken";

/// Which control plane. The token comes from the environment variable PORTCULLIS_TOKEN, or from a file.
#[derive(clap::Args)]
pub struct Remote {
    /// The URL of the control plane.
    #[arg(
        long,
        env = "PORTCULLIS_SERVER",
        default_value = "http://127.0.0.1:8080",
        value_name = "URL"
    )]
    server: String,
    /// The file with the token, where PORTCULLIS_TOKEN gives none.
    #[arg(long, env = "PORTCULLIS_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// A PEM file with the certificates of the authorities that are believed, instead of the public ones.
    #[arg(long, env = "PORTCULLIS_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl Remote {
    /// The way there. Nothing is sent yet.
    ///
    /// # Errors
    /// When there is no token, or something that was named cannot be used.
    pub fn connect(&self) -> Result<Client, Failure> {
        let token = std::env::var("PORTCULLIS_TOKEN").ok();
        // An empty variable counts as none.
        let named = |path: &PathBuf| !path.as_os_str().is_empty();
        let token_file = self
            .token_file
            .as_deref()
            .filter(|_| self.token_file.as_ref().is_some_and(named));
        let ca = self
            .ca
            .as_deref()
            .filter(|_| self.ca.as_ref().is_some_and(named));
        let token = Token::settle(token, token_file)?;
        Ok(Client::new(&self.server, token, ca)?)
    }
}

/// How a subcommand ends that the control plane did not help.
pub fn failure(error: ClientError) -> Failure {
    let exit = match &error {
        ClientError::Unreached { .. } => Exit::Unreachable,
        ClientError::Refused(problem) if matches!(problem.status, 401 | 403) => Exit::Unreachable,
        ClientError::Refused(problem) if problem.kind == PLAN_OVERTAKEN => Exit::Conflict,
        _ => Exit::Failed,
    };
    Failure::of(exit, error)
}
