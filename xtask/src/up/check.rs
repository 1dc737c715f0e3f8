//! Trying what the demo prints: each line is run by a shell, as it stands, and has to answer what it says.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::lines::{Line, Lines};
use super::sample::{self, Sample};
use super::secrets::Secrets;
use crate::stage::{Caller, Operator, within};
use crate::{process, tools, workspace};

/// How long a change may take until requests are answered accordingly. The time runs from the answer to whoever made it,
/// or from the change where the answer waited: not from the line, since a busy machine may take long to start a shell.
const PROMPT: Duration = Duration::from_secs(1);
/// How long is waited for a change that is late, so that it can be said how late it was.
const LATE: Duration = Duration::from_secs(10);
/// How long a gateway of an earlier run is expected to come back, and so waited for by a change: a minute.
const EXPECTED: Duration = Duration::from_secs(90);

/// Runs all lines, and leaves the sample as it was, with a new key.
pub fn check(
    lines: &Lines,
    gateway: SocketAddr,
    operator: &Operator,
    sample: &mut Sample,
    secrets: &Secrets,
) -> Result<()> {
    tools::curl()?;
    await_others_are_lost(operator)?;
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

/// Waits until changes wait for the gateway of this run alone.
fn await_others_are_lost(operator: &Operator) -> Result<()> {
    let count = |state: &str| {
        let path = format!("/gateways?state={state}");
        let list = operator.call("GET", &path, &Value::Null).ok()?;
        list.body["items"].as_array().map(Vec::len)
    };
    let is_alone = || Some(count("connected")? == 1 && count("silent")? == 0);
    if is_alone() != Some(true) {
        println!("changes wait for a gateway of an earlier run: until it is lost, so does this");
    }
    within(EXPECTED, "there is one gateway and no other", || {
        is_alone()?.then_some(())
    })?;
    Ok(())
}

/// Runs a line that changes something, and waits until requests with the key are answered accordingly.
fn takes_effect(line: &Line, caller: &mut Caller, key: &str, status: u16) -> Result<String> {
    let answer = run(line)?;
    let (_, since_answer) = await_status(caller, key, status)?;
    // Where the answer waited for the gateway, it says for how long.
    let waited_ms = body(&answer)?["applied"]["after_ms"].as_u64();
    let took = since_answer + Duration::from_millis(waited_ms.unwrap_or(0));
    if took > PROMPT {
        bail!(
            "{}: took {} ms, not at most {}",
            line.shows,
            took.as_millis(),
            PROMPT.as_millis()
        );
    }
    println!(
        "ok: answered {status} {} ms after the change",
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
    body(answer)?["api_key"]
        .as_str()
        .map(str::to_owned)
        .context("the control plane showed no new key")
}

fn body(answer: &str) -> Result<Value> {
    let (_, body) = answer
        .split_once("\r\n\r\n")
        .context("curl printed no body")?;
    Ok(serde_json::from_str(body)?)
}
