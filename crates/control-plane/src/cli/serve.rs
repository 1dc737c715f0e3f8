//! `portcullis serve`: its flags are the table of settings.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Arg, ArgMatches, Command, value_parser};

use super::{Exit, Failure};
use crate::app::World;
use crate::log;
use crate::serve::serve;
use crate::settings::{DATABASE_URL, SETTINGS, Setting, Settings, Sources};
use crate::traces::Traces;
use crate::usage_export::UsageExport;

const CONFIG: &str = "config";
const DATABASE: &str = "database";

/// Run the control plane.
pub struct Serve {
    file: Option<PathBuf>,
    flags: BTreeMap<String, String>,
}

impl Serve {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let sources = Sources::of_process(self.flags, self.file.as_deref())?;
        let settings = Settings::of(&sources)?;
        let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
        let world = World::of_the_system();
        let traces = Traces::of_environment(runtime.handle().clone())?;
        let export = UsageExport::of_environment(runtime.handle().clone(), &world)?;
        log::begin(&settings.log, traces.as_ref());
        let served = runtime.block_on(serve(settings, world, export));
        if let Some(traces) = traces {
            traces.end();
        }
        served?;
        Ok(Exit::Done)
    }
}

impl clap::FromArgMatches for Serve {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = BTreeMap::new();
        for setting in SETTINGS {
            let key = key(setting);
            if let Some(value) = matches.get_one::<String>(&key) {
                flags.insert(key, value.clone());
            }
        }
        if let Some(url) = matches.get_one::<String>(DATABASE) {
            flags.insert(DATABASE_URL.key.to_owned(), url.clone());
        }
        let file = matches.get_one::<PathBuf>(CONFIG).cloned();
        Ok(Self {
            // An empty variable counts as none.
            file: file.filter(|path| !path.as_os_str().is_empty()),
            flags,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl clap::Args for Serve {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new(CONFIG)
            .long(CONFIG)
            .env("PORTCULLIS_CONFIG")
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .help("a TOML file with settings, by the keys that docs/configuration.md lists");
        let command = command
            .about("Run the control plane")
            .long_about(
                "Run the control plane.\n\nA flag wins over the environment, that over the file of --config, and that \
                 over the default. Secrets are no flags, since other users of a machine can see those: they come from \
                 the environment, or from files. A token that nobody gives is made at the first start and printed once; \
                 so is a key for secrets, in the data folder, and a key that signs what gateways are told.",
            )
            .arg(config)
            .arg(
                Arg::new(DATABASE)
                    .long(DATABASE)
                    .value_name(DATABASE_URL.value)
                    .help("the URL of --database-url-file itself: other users of the machine see it"),
            );
        SETTINGS.iter().fold(command, |command, setting| {
            command.arg(
                Arg::new(key(setting))
                    .long(setting.flag())
                    .value_name(if setting.is_secret {
                        "FILE"
                    } else {
                        setting.value
                    })
                    .help(help(setting)),
            )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// By which key a flag is known.
fn key(setting: &Setting) -> String {
    match setting.is_secret {
        true => setting.file_key(),
        false => setting.key.to_owned(),
    }
}

/// As a terminal shows it.
fn help(setting: &Setting) -> String {
    let means = setting.means.replace('`', "");
    let variable = setting.variable();
    let default = match setting.default {
        "" => String::new(),
        default => format!(" [default: {default}]"),
    };
    match setting.is_secret {
        true => format!(
            "a file with {means} [env: {variable}_FILE, or {variable} for the value itself]"
        ),
        false => format!("{means} [env: {variable}]{default}"),
    }
}
