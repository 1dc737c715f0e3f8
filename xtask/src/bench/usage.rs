//! What usage costs the control plane: taking in what many gateways count, and questions about a month of it.

use std::net::Ipv4Addr;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::others::Others;
use super::report::{Report, Row, percentile};
use super::scale::{Records, Scale, numbers};
use super::{counted, cpu, machine};
use crate::stage::{ControlPlane, Operator, Parts, Tokens};
use crate::{process, tools, workspace};

/// How often each gateway sends a batch.
const EVERY_S: u64 = 10;
/// How many rows a batch has.
const ROWS: usize = 100;
/// In how many minutes of each day profiles call in the month that is asked about.
const MINUTES_A_DAY: u64 = 3;
/// How many days it has.
const DAYS: u64 = 30;
/// How long a question about it may take.
const LONGEST_QUESTION_MS: f64 = 300.0;
/// How often each question is asked.
const ASKED: usize = 15;
/// How long it may take until what was counted is seen.
const SEEN_WITHIN: Duration = Duration::from_secs(120);

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct UsageLoad {
    /// How many gateways there are.
    pub gateways: usize,
    /// For how long they send.
    pub seconds: u64,
    /// How many profiles are active.
    pub profiles: usize,
    /// How many requests are counted one by one.
    pub requests: u32,
}

/// Measures, prints and writes what usage costs.
///
/// # Errors
/// When something does not start, or the sums are not what was sent.
pub fn usage(parts: &Parts, load: &UsageLoad) -> Result<()> {
    let scale = Scale::build()?;
    let others = Others::begin()?;
    let mut rows = taken_in(parts, &scale, load)?;
    rows.extend(asked(parts, &scale, load)?);
    rows.extend(counted::counted(parts, &tools::h2load()?, load.requests)?);
    rows.push(others.end()?);
    let report = Report {
        method: method(load),
        machine: machine::describe(None),
        rows,
    };
    report.publish(&workspace::target_directory()?.join("bench/usage.json"))
}

/// A control plane over made-up records.
fn filled(
    parts: &Parts,
    scale: &Scale,
    load: &UsageLoad,
    past: bool,
) -> Result<(TempDir, ControlPlane)> {
    let folder = TempDir::with_prefix("portcullis-usage-")?;
    let data = folder.path().join("data");
    let records = Records(load.profiles).json();
    scale.perform(&json!({"fill": {"folder": data, "records": records}}))?;
    if past {
        eprintln!("==> writing usage of {DAYS} days");
        scale.perform(&json!({"past": {
            "folder": data, "records": records, "days": DAYS, "minutes_a_day": MINUTES_A_DAY,
        }}))?;
    }
    let listen = (Ipv4Addr::LOCALHOST, 0).into();
    let tokens = Tokens::for_tests();
    let control_plane = ControlPlane::start_on(&parts.control_plane, tokens, &data, listen)?;
    Ok((folder, control_plane))
}

fn taken_in(parts: &Parts, scale: &Scale, load: &UsageLoad) -> Result<Vec<Row>> {
    let (_folder, control_plane) = filled(parts, scale, load, false)?;
    let gateways = load.gateways;
    eprintln!("==> {gateways} gateways tell usage for {} s", load.seconds);
    let mut job = scale.prepare(&json!({"tell": {
        "control_plane": control_plane.address(),
        "gateway_token": control_plane.tokens().gateway,
        "operator_token": control_plane.tokens().operator,
        "records": Records(load.profiles).json(),
        "gateways": gateways, "rows": ROWS, "every_s": EVERY_S, "seconds": load.seconds,
    }}))?;
    let pid = control_plane.pid()?;
    let (before, begin) = (cpu::of_process(pid)?, Instant::now());
    job.begin()?;
    let told = job.end()?;
    let wall = begin.elapsed();
    let used = cpu::of_process(pid)?.saturating_sub(before);
    let expected = told["requests"]
        .as_u64()
        .context("a job told no `requests`")?;
    let seen = seen(&control_plane.operator(), expected)?;

    let taken = told["statuses"]["204"].as_u64().unwrap_or(0);
    let statuses = told["statuses"]
        .as_object()
        .context("a job told no `statuses`")?;
    let others: u64 = statuses.values().filter_map(Value::as_u64).sum::<u64>() - taken;
    let failures = told["failures"].as_u64().unwrap_or(0) + others;
    let latencies = times(&told, "latencies_us")?;
    let edits = times(&told, "edits_us")?;
    let each_ten_seconds = count(taken) / wall.as_secs_f64() * 10.0;
    let name = |what: &str| format!("{gateways} gateways, {ROWS} rows each {EVERY_S} s: {what}");
    Ok(vec![
        Row::at_least(
            name("batches taken in 10 s"),
            each_ten_seconds,
            "",
            // The last of them are answered after the end.
            count(u64::try_from(gateways)?) * 0.95,
        ),
        Row::at_most(name("answers other than 204"), count(failures), "", 0.0),
        Row::measured(
            name("answered after, median"),
            percentile(&latencies, 50.0),
            "ms",
        ),
        Row::measured(
            name("answered after, 99th percentile"),
            percentile(&latencies, 99.0),
            "ms",
        ),
        Row::measured(
            name("CPU of the control plane"),
            used.as_secs_f64() / wall.as_secs_f64(),
            "cores",
        ),
        Row::measured(
            name("clients made meanwhile, median"),
            percentile(&edits, 50.0),
            "ms",
        ),
        Row::measured(
            name("clients made meanwhile, 99th percentile"),
            percentile(&edits, 99.0),
            "ms",
        ),
        Row::measured(
            name("until the last is seen in sums"),
            seen.as_secs_f64(),
            "s",
        ),
    ])
}

/// Waits until the sums are what was sent, and tells how long that took.
fn seen(operator: &Operator, expected: u64) -> Result<Duration> {
    let begin = Instant::now();
    loop {
        let totals = ask(operator, "totals?resolution=day")?;
        let counted = totals["requests"].as_u64().unwrap_or(0);
        ensure!(
            counted <= expected,
            "{counted} requests are counted, and {expected} were sent"
        );
        if counted == expected {
            return Ok(begin.elapsed());
        }
        if begin.elapsed() > SEEN_WITHIN {
            bail!("{counted} requests are counted, and {expected} were sent");
        }
        thread::sleep(Duration::from_millis(200));
    }
}

fn asked(parts: &Parts, scale: &Scale, load: &UsageLoad) -> Result<Vec<Row>> {
    let (_folder, control_plane) = filled(parts, scale, load, true)?;
    let operator = control_plane.operator();
    let since = month()?;
    let of_month = |path: &str| {
        let joint = if path.contains('?') { '&' } else { '?' };
        format!("{path}{joint}since={since}")
    };
    let top = ask(&operator, &of_month("top?by=client"))?;
    let client = top["items"][0]["id"].as_str().context("nobody has most")?;
    let questions = [
        ("the course, by the day".to_owned(), of_month("series")),
        (
            "the course, by the hour".to_owned(),
            of_month("series?resolution=hour"),
        ),
        (
            "sums with percentiles and reasons".to_owned(),
            of_month("totals"),
        ),
        (
            "the ten clients with the most requests".to_owned(),
            of_month("top?by=client"),
        ),
        (
            "the ten profiles with the most requests".to_owned(),
            of_month("top?by=profile"),
        ),
        (
            "the ten endpoints with the most bytes".to_owned(),
            of_month("top?by=endpoint&order=bytes"),
        ),
        (
            "the course of the ten largest clients".to_owned(),
            of_month("series?group_by=client"),
        ),
        (
            "the course of one client by key".to_owned(),
            of_month(&format!("series?client_id={client}&group_by=key")),
        ),
    ];
    let profiles = load.profiles;
    let mut rows = Vec::new();
    for (what, path) in questions {
        let mut times = Vec::new();
        for _ in 0..ASKED {
            let begin = Instant::now();
            ask(&operator, &path)?;
            times.push(begin.elapsed().as_secs_f64() * 1e3);
        }
        let name = format!("{DAYS} days, {profiles} active profiles: {what}");
        rows.push(Row::median_of(name, &times, "ms").aiming_at(LONGEST_QUESTION_MS));
    }
    Ok(rows)
}

/// The first moment of the last days, today included.
fn month() -> Result<String> {
    let ago = format!("{} days ago", DAYS - 1);
    let format = "+%Y-%m-%dT00:00:00Z";
    let printed = process::output(Command::new("date").args(["--utc", "--date", &ago, format]))?;
    Ok(printed.trim().to_owned())
}

fn ask(operator: &Operator, path: &str) -> Result<Value> {
    let reply = operator.call("GET", &format!("/usage/{path}"), &Value::Null)?;
    ensure!(
        reply.status == 200,
        "`{path}` was answered with {}: {}",
        reply.status,
        reply.body
    );
    Ok(reply.body)
}

/// In milliseconds.
fn times(told: &Value, member: &str) -> Result<Vec<f64>> {
    let micros = numbers(told, member)?;
    Ok(micros.into_iter().map(|micros| micros / 1e3).collect())
}

#[expect(clippy::cast_precision_loss, reason = "nobody sends that many")]
const fn count(number: u64) -> f64 {
    number as f64
}

fn method(load: &UsageLoad) -> String {
    let UsageLoad {
        gateways,
        seconds,
        profiles,
        requests,
    } = *load;
    format!(
        "All programs share the cores of this machine; the control plane is compiled as it ships, and the database is \
         SQLite. {gateways} simulated gateways each send a batch of {ROWS} rows every {EVERY_S} s, evenly spread, for \
         {seconds} s, of {profiles} profiles in turn, and again until it is taken; meanwhile a client is made ten times a \
         second over REST. An answer is timed from the moment in which its batch should have been sent. Afterwards the \
         sums have to be exactly what was sent. The questions are about {DAYS} days in which each of {profiles} profiles \
         called in {MINUTES_A_DAY} minutes of each day, asked over REST one after the other, {ASKED} times each; medians. Of {requests} \
         requests: {}",
        counted::METHOD,
    )
}
