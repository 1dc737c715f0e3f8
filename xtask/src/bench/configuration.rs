//! What configuration in files costs: from an export to a plan, to its application on an empty database, and back; and
//! how fast clients are made one by one.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;
use tempfile::TempDir;

use super::machine;
use super::others::Others;
use super::populated::Populated;
use super::report::{Report, Row};
use super::scale::{Records, Scale};
use crate::stage::{ControlPlane, Parts, Tokens};
use crate::workspace;

/// How long a plan, its application and an export may take together.
const LONGEST_ROUND_S: f64 = 30.0;
/// How many clients are to be made each second.
const CREATED_PER_SECOND: f64 = 500.0;
/// The exit code of a plan that finds something to change.
const DIFFERS: i32 = 3;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Configuration {
    /// How many profiles the files have.
    pub profiles: usize,
    /// How many clients are made one by one.
    pub clients: usize,
}

/// The command line, with files of its own.
struct Caller<'a> {
    binary: &'a Path,
    folder: TempDir,
}

/// Measures, prints and writes what configuration in files costs.
///
/// # Errors
/// When something does not start, or what comes back is not what was applied.
pub fn configuration(parts: &Parts, how_much: &Configuration) -> Result<()> {
    let scale = Scale::build()?;
    let records = Records(how_much.profiles);
    let populated = Populated::of(&scale, records)?;
    let others = Others::begin()?;
    let mut rows = round(parts, &populated)?;
    rows.extend(created(parts, &scale, how_much.clients)?);
    rows.push(others.end()?);
    let report = Report {
        method: method(how_much),
        machine: machine::describe(None),
        rows,
    };
    report.publish(&workspace::target_directory()?.join("bench/configuration.json"))
}

/// From one database to another, and back.
fn round(parts: &Parts, populated: &Populated) -> Result<Vec<Row>> {
    let Records(profiles) = populated.records;
    eprintln!("==> moving {profiles} profiles by export and apply");
    let caller = Caller::new(&parts.control_plane)?;
    let serving = populated.serve(&parts.control_plane)?;
    let first_export = caller.export(&serving.control_plane, "first.yaml")?;
    drop(serving);

    let empty = ControlPlane::start(&parts.control_plane, Tokens::for_tests())?;
    let secrets = ["--secrets-key", "secrets.key"];
    let plan = ["plan", "first.yaml", "--save", "saved.plan"];
    let plan = caller.run(&empty, &[&plan[..], &secrets].concat(), DIFFERS)?;
    let apply = ["apply", "--plan", "saved.plan"];
    let apply = caller.run(&empty, &[&apply[..], &secrets].concat(), 0)?;
    let export = caller.export(&empty, "second.yaml")?;
    let again = caller.run(
        &empty,
        &[&["plan", "second.yaml"][..], &secrets].concat(),
        0,
    )?;
    let peak = peak_memory(empty.pid()?)?;

    let name = |what: &str| format!("{profiles} profiles: {what}");
    let bytes = std::fs::metadata(caller.folder.path().join("second.yaml"))?.len();
    #[expect(clippy::cast_precision_loss, reason = "a file is not that large")]
    let megabytes = bytes as f64 / 1e6;
    Ok(vec![
        Row::measured(name("`export` of them"), first_export, "s"),
        Row::measured(name("`plan` on an empty database"), plan, "s"),
        Row::measured(name("`apply` of that plan"), apply, "s"),
        Row::measured(name("`export` afterwards"), export, "s"),
        Row::at_most(
            name("`plan`, `apply` and `export` together"),
            plan + apply + export,
            "s",
            LONGEST_ROUND_S,
        ),
        Row::measured(name("`plan` that finds nothing to change"), again, "s"),
        Row::measured(name("their file"), megabytes, "MB"),
        Row::measured(name("the most memory of the control plane"), peak, "MB"),
    ])
}

/// Clients, one by one.
fn created(parts: &Parts, scale: &Scale, clients: usize) -> Result<Vec<Row>> {
    eprintln!("==> creating {clients} clients one by one");
    let control_plane = ControlPlane::start(&parts.control_plane, Tokens::for_tests())?;
    let told = scale
        .prepare(&json!({"create": {
            "control_plane": control_plane.address(),
            "token": control_plane.tokens().operator,
            "records": Records(clients.saturating_mul(2)).json(),
            "clients": clients,
        }}))?
        .perform()?;
    let per_second = told["per_second"]
        .as_f64()
        .context("a job told no `per_second`")?;
    Ok(vec![Row::at_least(
        "clients created over REST one after the other",
        per_second,
        "/ s",
        CREATED_PER_SECOND,
    )])
}

impl<'a> Caller<'a> {
    fn new(binary: &'a Path) -> Result<Self> {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = TempDir::with_prefix("portcullis-configuration-")?;
        let key = folder.path().join("secrets.key");
        std::fs::write(&key, "5".repeat(64))?;
        std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { binary, folder })
    }

    fn export(&self, control_plane: &ControlPlane, file: &str) -> Result<f64> {
        let words = ["export", "--secrets-key", "secrets.key", "--file", file];
        self.run(control_plane, &words, 0)
    }

    /// Runs a subcommand, and tells how many seconds it took.
    fn run(&self, control_plane: &ControlPlane, words: &[&str], exit: i32) -> Result<f64> {
        let begin = Instant::now();
        let output = Command::new(self.binary)
            .args(words)
            .current_dir(self.folder.path())
            .env(
                "PORTCULLIS_SERVER",
                format!("http://{}", control_plane.address()),
            )
            .env("PORTCULLIS_TOKEN", &control_plane.tokens().operator)
            .output()?;
        let seconds = begin.elapsed().as_secs_f64();
        if output.status.code() != Some(exit) {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!(
                "`portcullis {}` ended with {}: {said}",
                words.join(" "),
                output.status
            );
        }
        ensure!(
            output.stderr.is_empty(),
            "`portcullis {}` complained",
            words.join(" ")
        );
        Ok(seconds)
    }
}

/// The most that a process ever had in memory, in megabytes.
fn peak_memory(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/status");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read `{path}`"))?;
    let kilobytes = text
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    let kilobytes: f64 = kilobytes
        .with_context(|| format!("`{path}` has no line `VmHWM`"))?
        .trim()
        .parse()?;
    Ok(kilobytes * 1024.0 / 1e6)
}

fn method(how_much: &Configuration) -> String {
    let Configuration { profiles, clients } = *how_much;
    format!(
        "All programs share the cores of this machine; the control plane and the command line are compiled as they ship, \
         and the database is SQLite. {profiles} made-up profiles with their clients and keys are exported from one \
         database, with sealed secrets, planned and applied on an empty one, exported again, and planned again, when \
         nothing may be left to change; each is a run of `portcullis` from its start to its end. Then {clients} clients \
         are made over REST on one connection, each after the answer to the one before it."
    )
}
