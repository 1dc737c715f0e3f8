//! Limits in a file, in the form that the Redis-backed `ratelimit` reads: the most specific descriptor decides, one
//! without a value stands for all values, and what is found nowhere is not limited.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::AskedLimit;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    domain: String,
    #[serde(default)]
    descriptors: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Descriptor {
    key: String,
    value: Option<String>,
    rate_limit: Option<Limit>,
    #[serde(default)]
    descriptors: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Limit {
    unit: Unit,
    requests_per_unit: u32,
}

/// In the order of the protocol.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Unit {
    Second = 1,
    Minute = 2,
    Hour = 3,
    Day = 4,
}

/// How many requests in which unit a file allows.
pub(super) fn limit(path: &Path, asked: &AskedLimit) -> Result<Option<(u32, i32)>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read `{}`", path.display()))?;
    let limits: Limits = serde_saphyr::from_str(&text)?;
    if limits.domain != asked.domain {
        return Ok(None);
    }
    let mut level = &limits.descriptors;
    let mut found = None;
    for (key, value) in &asked.entries {
        let exact = |it: &&Descriptor| it.key == *key && it.value.as_deref() == Some(value);
        let any = |it: &&Descriptor| it.key == *key && it.value.is_none();
        found = level.iter().find(exact).or_else(|| level.iter().find(any));
        let Some(descriptor) = found else {
            return Ok(None);
        };
        level = &descriptor.descriptors;
    }
    let limit = found.and_then(|descriptor| descriptor.rate_limit.as_ref());
    Ok(limit.map(|limit| (limit.requests_per_unit, limit.unit as i32)))
}
