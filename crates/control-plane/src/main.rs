//! The binary `portcullis`: reads its arguments, and says in one sentence why it does not go on.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use portcullis_control_plane::api::openapi;
use portcullis_control_plane::app::World;
use portcullis_control_plane::app::feed_key::{ChosenFeedKey, NewFeedKey};
use portcullis_control_plane::app::key_set::Networks;
use portcullis_control_plane::app::removals::Days;
use portcullis_control_plane::app::token::{ChosenToken, ChosenTokens};
use portcullis_control_plane::secret_key::ChosenSecretKey;
use portcullis_control_plane::serve::{Settings, serve};
use portcullis_store::PostgresUrl;
use tracing_subscriber::EnvFilter;

/// Portcullis: API clients and access policies for services behind Envoy.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run the control plane.
    ///
    /// Tokens come from the environment variables PORTCULLIS_OPERATOR_TOKEN and PORTCULLIS_GATEWAY_TOKEN (at least 32
    /// characters). Without them the first start makes new ones and prints them once; further ones for gateways are
    /// made over REST. The key under which secrets are stored comes from PORTCULLIS_SECRET_KEY (64 hexadecimal digits),
    /// or from the file `secret.key` in the data folder, which the first start makes. What gateways are told is signed
    /// with the key that PORTCULLIS_FEED_SIGNING_KEY gives, and with those that are made over REST; the first start
    /// makes one if it is given none.
    Serve(ServeArguments),
    /// Print a new key for signing what gateways are told, as two lines for environments: the secret half for the
    /// control plane, and the public half for gateways.
    FeedKey,
    /// Print the OpenAPI document of the REST interface.
    Openapi,
}

#[derive(clap::Args)]
struct ServeArguments {
    /// Where to listen. Port 0 is a free one.
    #[arg(long, env = "PORTCULLIS_LISTEN", default_value = "127.0.0.1:8080")]
    listen: String,
    /// The folder of the database. It is made when it is missing.
    #[arg(long, env = "PORTCULLIS_DATA", default_value = "./data")]
    data: PathBuf,
    /// The PostgreSQL database that holds the records instead of one in the folder, such as
    /// `postgres://portcullis:PASSWORD@db.example/portcullis`. Better given by the environment, since it has a password.
    #[arg(long, env = "PORTCULLIS_DATABASE_URL", hide_env_values = true)]
    database: Option<PostgresUrl>,
    /// What new API keys name: 1 to 12 of a-z and 0-9.
    #[arg(long, env = "PORTCULLIS_KEY_ENVIRONMENT", default_value = "live")]
    key_environment: String,
    /// From which networks keys of tokens may be fetched though they are not public, such as `10.0.0.0/8,fd00::/8`.
    /// Only there `http` will do.
    #[arg(long, env = "PORTCULLIS_KEY_SET_NETWORKS", default_value = "")]
    key_set_networks: Networks,
    /// A PEM file with the certificates of authorities that are believed besides the public ones when keys are fetched.
    #[arg(long, env = "PORTCULLIS_KEY_SET_CA")]
    key_set_ca: Option<PathBuf>,
    /// For how many days gateways are told what was removed. Those that were away for longer fetch everything again.
    #[arg(long, env = "PORTCULLIS_KEEP_REMOVALS_DAYS", default_value_t = 7,
        value_parser = clap::value_parser!(u32).range(1..=3650))]
    keep_removals_days: u32,
    /// What to log on the standard error, such as `info` or `portcullis_control_plane=debug`.
    #[arg(long, env = "PORTCULLIS_LOG", default_value = "info")]
    log: String,
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "portcullis: {}", sentence(&error));
            ExitCode::FAILURE
        }
    }
}

/// The causes in one line. Some libraries repeat a cause in the words of its effect: it is said once.
fn sentence(error: &anyhow::Error) -> String {
    let mut sentence = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if sentence.is_empty() {
            sentence = cause;
        } else if !sentence.ends_with(&cause) {
            sentence = format!("{sentence}: {cause}");
        }
    }
    sentence.replace('\n', " ")
}

fn run(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Openapi => Ok(write!(std::io::stdout(), "{}", openapi::document())?),
        Task::FeedKey => {
            let drawn = NewFeedKey::draw(&World::of_the_system().entropy)?;
            Ok(write!(std::io::stdout(), "{drawn}")?)
        }
        Task::Serve(arguments) => {
            log_to_standard_error(&arguments.log)?;
            let settings = Settings {
                listen: arguments.listen,
                data: arguments.data,
                database: arguments.database,
                key_environment: arguments.key_environment,
                key_set_networks: arguments.key_set_networks,
                // An empty variable counts as none here too.
                key_set_ca: arguments
                    .key_set_ca
                    .filter(|path| !path.as_os_str().is_empty()),
                secret_key: chosen_secret_key("PORTCULLIS_SECRET_KEY")?,
                tokens: ChosenTokens {
                    operator: chosen_token("PORTCULLIS_OPERATOR_TOKEN")?,
                    gateway: chosen_token("PORTCULLIS_GATEWAY_TOKEN")?,
                },
                feed_key: chosen("PORTCULLIS_FEED_SIGNING_KEY", |text| {
                    ChosenFeedKey::try_from(text.as_str())
                })?,
                keep_removals: Days(arguments.keep_removals_days),
            };
            tokio::runtime::Runtime::new()
                .context("cannot start the runtime")?
                .block_on(serve(settings, World::of_the_system()))?;
            Ok(())
        }
    }
}

fn log_to_standard_error(directives: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(directives)
        .with_context(|| format!("`{directives}` does not say what to log"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    Ok(())
}

fn chosen_token(variable: &str) -> anyhow::Result<Option<ChosenToken>> {
    chosen(variable, ChosenToken::try_from)
}

fn chosen_secret_key(variable: &str) -> anyhow::Result<Option<ChosenSecretKey>> {
    chosen(variable, |text| ChosenSecretKey::try_from(text.as_str()))
}

/// An empty variable counts as none: that is how orchestrators leave one out.
fn chosen<T, E>(
    variable: &str,
    parse: impl FnOnce(String) -> Result<T, E>,
) -> anyhow::Result<Option<T>>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let Some(text) = std::env::var_os(variable).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let parsed = parse(text.to_string_lossy().into_owned());
    Ok(Some(
        parsed.with_context(|| format!("cannot use {variable}"))?,
    ))
}
