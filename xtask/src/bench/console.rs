//! How quickly the console's pages are made over many records, and how large they are.

mod reader;

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::machine;
use super::others::Others;
use super::populated::{Populated, Serving};
use super::report::{Report, Row};
use super::scale::{Records, Scale};
use crate::stage::{Operator, Parts};
use crate::workspace;
use reader::{Read, Reader};

/// How long a page may take, at the median.
const LONGEST_PAGE_MS: f64 = 50.0;
/// How large a page may be with what it loads.
const LARGEST_PAGE_KB: f64 = 200.0;
/// How many days of usage there are, in how many minutes of each day who is active called, and how many refusals are
/// kept of these days.
const DAYS: u64 = 30;
const MINUTES_A_DAY: u64 = 3;
const REFUSALS: u64 = 5_000;
/// How many pages of clients are passed before the later one.
const PASSED: usize = 20;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Console {
    /// How many profiles there are. Three of them belong to two clients.
    pub profiles: usize,
    /// How many of them have called lately.
    pub active: usize,
    /// How often each page is read.
    pub rounds: usize,
}

/// A page that is measured.
struct Page {
    name: &'static str,
    path: String,
}

/// Measures, prints and writes how quickly pages are made.
///
/// # Errors
/// When something does not start, or a page is not answered.
pub fn console(parts: &Parts, how_much: &Console) -> Result<()> {
    let scale = Scale::build()?;
    let populated = Populated::of(&scale, Records(how_much.profiles))?;
    let serving = populated.serve_after(&parts.control_plane, |data| {
        write_past(&scale, data, how_much)
    })?;
    let others = Others::begin()?;
    let mut rows = read_all(&serving, how_much)?;
    rows.push(others.end()?);
    let report = Report {
        method: method(how_much),
        machine: machine::describe(None),
        rows,
    };
    report.publish(&workspace::target_directory()?.join("bench/console.json"))
}

fn write_past(scale: &Scale, data: &Path, how_much: &Console) -> Result<()> {
    let active = how_much.active;
    eprintln!("==> writing {DAYS} days of usage of {active} profiles");
    let past = json!({"past": {
        "folder": data, "records": Records(active).json(), "days": DAYS,
        "minutes_a_day": MINUTES_A_DAY, "refusals": REFUSALS,
    }});
    scale.perform(&past).map(drop)
}

fn read_all(serving: &Serving, how_much: &Console) -> Result<Vec<Row>> {
    let control_plane = &serving.control_plane;
    let operator = control_plane.operator();
    let reader = Reader::log_in(control_plane.address(), &operator)?;
    let first = reader.read("/console")?;
    let pages = pages(&operator, &reader)?;
    eprintln!(
        "==> reading {} pages {} times",
        pages.len(),
        how_much.rounds
    );
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); pages.len()];
    let mut largest: Vec<usize> = vec![0; pages.len()];
    for _ in 0..how_much.rounds {
        let measured = times.iter_mut().zip(&mut largest);
        for (page, (times, largest)) in pages.iter().zip(measured) {
            let read = reader.read(&page.path)?;
            times.push(read.ms);
            *largest = read.text.len().max(*largest);
        }
    }
    let loaded = loaded(&reader, &first)?;
    let mut rows = vec![
        Row::measured("the first page after the start: Overview", first.ms, "ms"),
        Row::measured(
            "style sheet and script, which browsers keep",
            kilobytes(loaded),
            "KB",
        ),
    ];
    for (page, times) in pages.iter().zip(&times) {
        rows.push(Row::median_of(page.name, times, "ms").aiming_at(LONGEST_PAGE_MS));
    }
    for (page, largest) in pages.iter().zip(largest) {
        let name = format!("{}: size with style sheet and script", page.name);
        let size = kilobytes(largest.saturating_add(loaded));
        rows.push(Row::at_most(name, size, "KB", LARGEST_PAGE_KB));
    }
    Ok(rows)
}

/// What is measured: the pages in the order of the navigation.
fn pages(operator: &Operator, reader: &Reader) -> Result<Vec<Page>> {
    let busiest = identifier(operator, "/usage/top?by=client&limit=1", "/items/0/id")?;
    let profiles = format!("/access-profiles?client_id={busiest}");
    let profile = identifier(operator, &profiles, "/items/0/id")?;
    let collection = identifier(operator, "/collections?limit=1", "/items/0/id")?;
    let policy = policy_with_quota(operator)?;
    let newest = identifier(
        operator,
        "/clients?limit=1&sort=-created_at",
        "/items/0/name",
    )?;
    let page = |name, path: String| Page { name, path };
    let explained = format!(
        "/console/explain?method=GET&url=https%3A%2F%2Fapi.example.com%2Fv1%2Forders%2F7&address=127.0.0.1\
         &credential=profile&id={profile}"
    );
    Ok(vec![
        page("Overview, 30 days", "/console".to_owned()),
        page("Overview, 24 hours", "/console?period=1d".to_owned()),
        page("Overview, 90 days", "/console?period=90d".to_owned()),
        page("Overview of a client", format!("/console?client={busiest}")),
        page(
            "Overview of a collection",
            format!("/console?collection={collection}"),
        ),
        page("Clients", "/console/clients".to_owned()),
        page("Clients, a later page", later(reader)?),
        page(
            "Clients, found by a part of many names",
            "/console/clients?search=logistics".to_owned(),
        ),
        page(
            "Clients, found by a whole name",
            format!("/console/clients?search={}", encoded(&newest)),
        ),
        page(
            "Clients, found by an address",
            "/console/clients?search=203.0.113.9".to_owned(),
        ),
        page(
            "Clients, with a collection",
            format!("/console/clients?collection={collection}"),
        ),
        page("a client", format!("/console/clients/{busiest}")),
        page(
            "an access profile",
            format!("/console/profiles/{profile}/edit"),
        ),
        page(
            "refreshing a key",
            format!("/console/profiles/{profile}/refresh"),
        ),
        page("Collections", "/console/collections".to_owned()),
        page("a collection", format!("/console/collections/{collection}")),
        page("Policies", "/console/policies".to_owned()),
        page("a policy", format!("/console/policies/{policy}")),
        page(
            "changing a policy",
            format!("/console/policies/{policy}/edit"),
        ),
        page("Refusals", "/console/refusals".to_owned()),
        page(
            "Refusals of a client",
            format!("/console/refusals?who={busiest}"),
        ),
        page("Explain", "/console/explain".to_owned()),
        page("Explain, a request", explained),
        page("Gateways", "/console/gateways".to_owned()),
        page("Audit", "/console/audit".to_owned()),
        page("Operators", "/console/operators".to_owned()),
        page("Settings", "/console/settings".to_owned()),
    ])
}

/// A text of what the REST interface answers.
fn identifier(operator: &Operator, path: &str, pointer: &str) -> Result<String> {
    let reply = operator.call("GET", path, &Value::Null)?;
    let found = reply.body.pointer(pointer).and_then(Value::as_str);
    let found = found.with_context(|| format!("`{path}` has no `{pointer}`: {}", reply.body))?;
    Ok(found.to_owned())
}

/// A policy with a quota: its page tells how much each profile has used.
fn policy_with_quota(operator: &Operator) -> Result<String> {
    let reply = operator.call("GET", "/policies", &Value::Null)?;
    let policies = reply.body["items"].as_array();
    let found = policies
        .into_iter()
        .flatten()
        .find(|policy| policy["quota"].is_object());
    let id = found.and_then(|policy| policy["id"].as_str());
    Ok(id.context("no policy has a quota")?.to_owned())
}

/// A page far down the list of clients.
fn later(reader: &Reader) -> Result<String> {
    let mut path = "/console/clients".to_owned();
    for _ in 0..PASSED {
        path = reader.read(&path)?.next()?;
    }
    Ok(path)
}

/// How many bytes a page loads besides itself.
fn loaded(reader: &Reader, page: &Read) -> Result<usize> {
    let mut bytes = 0_usize;
    for asset in page.assets()? {
        bytes = bytes.saturating_add(reader.read(&asset)?.text.len());
    }
    Ok(bytes)
}

/// A text as the query of a URL takes it.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a page is not that large")]
fn kilobytes(bytes: usize) -> f64 {
    bytes as f64 / 1e3
}

fn method(how_much: &Console) -> String {
    let Console {
        profiles,
        active,
        rounds,
    } = *how_much;
    format!(
        "The control plane is compiled as it ships, and the database is SQLite: {profiles} made-up profiles of two clients \
         for each three of them, of which {active} called in {MINUTES_A_DAY} minutes of each of the last {DAYS} days, and \
         {REFUSALS} refusals. An admin is logged in, and reads the pages one after the other over one kept connection, all \
         of them {rounds} times; medians of the time from the request to the last byte of the page. Nothing is compressed. \
         No gateway is there."
    )
}
