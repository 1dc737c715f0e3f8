//! Trying what the demo prints: each line is run by a shell, as it stands, and has to answer what it says.

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::lines::{Line, Lines};
use super::sample::{self, Sample};
use super::secrets::Secrets;
use crate::stage::{Caller, Operator, within};
use crate::{process, tools, workspace};

/// How long a change may take from its request to the first answer that knows of it.
const PROMPT: Duration = Duration::from_secs(1);
/// How long is waited for a change that is late, so that it can be said how late it was.
const LATE: Duration = Duration::from_secs(10);

/// Runs all lines, and leaves the sample as it was, with a new key.
pub fn check(
    lines: &Lines,
    gateway: SocketAddr,
    operator: &Operator,
    sample: &mut Sample,
    secrets: &Secrets,
) -> Result<()> {
    tools::curl()?;
    for line in lines.requests() {
        run(line)?;
    }
    // The same connection throughout, so that its worker knows the client and the key from the request before.
    let mut caller = Caller::connect(gateway)?;
    takes_effect(&lines.disable, &mut caller, &sample.key, 403)?;
    takes_effect(&lines.enable, &mut caller, &sample.key, 200)?;
    let answer = takes_effect(&lines.refresh, &mut caller, &sample.key, 401)?;
    sample.key = new_key(&answer)?;
    sample.note(secrets)?;
    let (_, took) = await_status(&mut caller, &sample.key, 200)?;
    println!("ok: the new key answers 200 ({} ms)", took.as_millis());
    run(&lines.gateways)?;
    // Whatever the lines did, the operator's records are as the demo needs them.
    operator.enable_client(&sample.client, true)?;
    println!("everything answered what was printed");
    Ok(())
}

/// Runs a line, and says what it printed.
fn run(line: &Line) -> Result<String> {
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(&line.command)
        .current_dir(workspace::root());
    let answer = process::output(&mut shell)?;
    let status = answer
        .split_whitespace()
        .nth(1)
        .context("curl printed no status")?;
    if status != line.status.to_string() {
        bail!(
            "{}: answered {status}, not {}:\n{answer}",
            line.shows,
            line.status
        );
    }
    println!("ok: {status}: {}", line.shows);
    Ok(answer)
}

/// Runs a line that changes something, and waits until requests with the key are answered accordingly.
fn takes_effect(line: &Line, caller: &mut Caller, key: &str, status: u16) -> Result<String> {
    let begin = Instant::now();
    let answer = run(line)?;
    await_status(caller, key, status)?;
    let took = begin.elapsed();
    if took > PROMPT {
        bail!(
            "{}: took {} ms, not at most {}",
            line.shows,
            took.as_millis(),
            PROMPT.as_millis()
        );
    }
    println!(
        "ok: answered {status} {} ms after the change was asked for",
        took.as_millis()
    );
    Ok(answer)
}

fn await_status(caller: &mut Caller, key: &str, status: u16) -> Result<((), Duration)> {
    within(LATE, &format!("the key answers {status}"), || {
        let answer = caller.get(sample::PATH).key(key).send().ok()?;
        (answer.status == status).then_some(())
    })
}

fn new_key(answer: &str) -> Result<String> {
    let (_, body) = answer
        .split_once("\r\n\r\n")
        .context("curl printed no body")?;
    let body: serde_json::Value = serde_json::from_str(body)?;
    body["api_key"]
        .as_str()
        .map(str::to_owned)
        .context("the control plane showed no new key")
}
