//! Batches, read with care: whoever has a token can say anything.

use portcullis_feed::usage::{
    LARGEST_BATCH_BYTES, LARGEST_BYTES, LARGEST_COUNT, LATENCY_BUCKETS, LONGEST_ENDPOINT,
    LONGEST_PATH, LONGEST_TEXT, MOST_REFUSALS, MOST_ROWS, STATUS_CLASSES,
};
use portcullis_feed::{GatewayReport, RefusalSample, UsageBatch, UsageRow};

use crate::app::gateway::Instance;

/// How many pairs a list of a row has at most.
const MOST_PAIRS: usize = 64;

/// A text is no batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBatch {
    /// It has too many bytes.
    #[error("a batch has at most {LARGEST_BATCH_BYTES} bytes")]
    TooLarge,
    /// A part of it is not as it has to be.
    #[error("`{pointer}`: {detail}")]
    Field {
        /// Where: a JSON pointer (RFC 6901).
        pointer: String,
        /// What it has to be like.
        detail: String,
    },
}

/// Reads a batch. What was counted in the future is of now; texts of refusals, which callers have chosen, are cut and
/// made visible.
pub(super) fn read(json: &[u8], now_ms: u64) -> Result<UsageBatch, InvalidBatch> {
    if json.len() > LARGEST_BATCH_BYTES {
        return Err(InvalidBatch::TooLarge);
    }
    let mut batch: UsageBatch = serde_json::from_slice(json).map_err(|error| {
        // Once more, to find out where: that costs too much for batches that are right.
        let mut reader = serde_json::Deserializer::from_slice(json);
        let found = serde_path_to_error::deserialize::<_, UsageBatch>(&mut reader).err();
        let path = found.map(|error| error.path().to_string());
        field(
            &as_pointer(path.as_deref().unwrap_or_default()),
            error.to_string(),
        )
    })?;
    let instance = batch.instance.parse::<Instance>();
    instance.map_err(|invalid| field("/instance", invalid.to_string()))?;
    if batch.number == 0 {
        return Err(field("/number", "the first batch has the number 1"));
    }
    if batch.rows.len() > MOST_ROWS {
        return Err(field("/rows", format!("at most {MOST_ROWS} rows")));
    }
    if batch.refusals.len() > MOST_REFUSALS {
        return Err(field(
            "/refusals",
            format!("at most {MOST_REFUSALS} refusals"),
        ));
    }
    batch.name = GatewayReport::name(batch.name.as_bytes());
    batch.lost = batch.lost.min(LARGEST_COUNT);
    for (place, row) in batch.rows.iter_mut().enumerate() {
        check(row).map_err(|(member, detail)| field(&format!("/rows/{place}/{member}"), detail))?;
        row.minute = row.minute.min(now_ms / 60_000);
    }
    for sample in &mut batch.refusals {
        clean(sample, now_ms);
    }
    Ok(batch)
}

/// Makes sure of a row, or tells the member that is wrong.
fn check(row: &UsageRow) -> Result<(), (&'static str, String)> {
    let text = |member, text: Option<&String>, longest| match text {
        Some(text)
            if text.is_empty() || text.len() > longest || text.contains(char::is_control) =>
        {
            Err((
                member,
                format!("1 to {longest} bytes without control characters"),
            ))
        }
        _ => Ok(()),
    };
    let count = |member, count: u64, largest| match count > largest {
        true => Err((member, format!("at most {largest}"))),
        false => Ok(()),
    };
    let pairs = |member, pairs: &[(u8, u64)], end: usize| {
        if pairs.len() > MOST_PAIRS || pairs.iter().any(|(place, _)| usize::from(*place) >= end) {
            let detail = format!("at most {MOST_PAIRS} pairs of 0 to {} and a count", end - 1);
            return Err((member, detail));
        }
        pairs
            .iter()
            .try_for_each(|(_, number)| count(member, *number, LARGEST_COUNT))
    };
    text("k", row.key_id.as_ref(), LONGEST_TEXT)?;
    text("e", row.endpoint.as_ref(), LONGEST_ENDPOINT)?;
    count("n", row.requests, LARGEST_COUNT)?;
    count("ok", row.permitted, row.requests)?;
    count("i", row.bytes_in, LARGEST_BYTES)?;
    count("o", row.bytes_out, LARGEST_BYTES)?;
    pairs("s", &row.statuses, STATUS_CLASSES)?;
    pairs("l", &row.latencies, LATENCY_BUCKETS)?;
    if row.denials.len() > MOST_PAIRS {
        return Err((
            "d",
            format!("at most {MOST_PAIRS} pairs of a reason and a count"),
        ));
    }
    row.denials.iter().try_for_each(|(reason, number)| {
        text("d", Some(reason), LONGEST_TEXT)?;
        count("d", *number, LARGEST_COUNT)
    })
}

fn clean(sample: &mut RefusalSample, now_ms: u64) {
    sample.at_ms = sample.at_ms.min(now_ms);
    cut(&mut sample.path, LONGEST_PATH);
    cut(&mut sample.reason, LONGEST_TEXT);
    cut(&mut sample.method, LONGEST_TEXT);
    let texts = [
        &mut sample.address,
        &mut sample.key_id,
        &mut sample.decision_id,
    ];
    for text in texts.into_iter().flatten() {
        cut(text, LONGEST_TEXT);
    }
    // What a filter of another mind forgot: queries hold secrets.
    if let Some(end) = sample.path.find(['?', '#']) {
        sample.path.truncate(end);
    }
}

fn cut(text: &mut String, longest: usize) {
    if text.len() > longest {
        let end = (0..=longest).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or(0));
    }
    if text.contains(char::is_control) {
        *text = text.replace(char::is_control, "?");
    }
}

fn field(pointer: &str, detail: impl Into<String>) -> InvalidBatch {
    InvalidBatch::Field {
        pointer: pointer.to_owned(),
        detail: detail.into(),
    }
}

/// `rows[3].n` as `/rows/3/n`.
fn as_pointer(path: &str) -> String {
    if path.is_empty() || path == "." {
        return String::new();
    }
    format!(
        "/{}",
        path.replace('[', "/").replace(']', "").replace('.', "/")
    )
    .replace("//", "/")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW_MS: u64 = 1_800_000_000_000;

    fn batch(row: Value) -> Value {
        json!({"instance": "00000000000000ff", "name": "edge\n1", "number": 1, "rows": [row]})
    }

    fn refused(batch: &Value) -> String {
        match read(batch.to_string().as_bytes(), NOW_MS) {
            Err(InvalidBatch::Field { pointer, .. }) => pointer,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let good = json!({"m": 1, "n": 2, "ok": 1});
        for (member, value, pointer) in [
            ("m", json!(-1), "/rows/0/m"),
            ("n", json!(LARGEST_COUNT + 1), "/rows/0/n"),
            ("ok", json!(3), "/rows/0/ok"),
            ("p", json!("cl_01jcz3v9k4m0x2p7q8r9s0t1v2"), "/rows/0/p"),
            ("k", json!(""), "/rows/0/k"),
            ("k", json!("x".repeat(65)), "/rows/0/k"),
            ("e", json!("a\u{0}"), "/rows/0/e"),
            ("s", json!([[6, 1]]), "/rows/0/s"),
            ("l", json!([[17, 1]]), "/rows/0/l"),
            ("l", json!(vec![json!([0, 1]); 65]), "/rows/0/l"),
            ("d", json!([["", 1]]), "/rows/0/d"),
            ("i", json!(LARGEST_BYTES + 1), "/rows/0/i"),
        ] {
            let mut row = good.clone();
            row[member] = value;
            assert_eq!(refused(&batch(row)), pointer);
        }
        for (member, value) in [
            ("instance", json!("ff")),
            ("number", json!(0)),
            ("rows", json!(vec![good.clone(); MOST_ROWS + 1])),
            (
                "refusals",
                json!(vec![
                    json!({"t": 1, "r": "", "s": 1, "v": "", "u": ""});
                    MOST_REFUSALS + 1
                ]),
            ),
        ] {
            let mut wrong = batch(good.clone());
            wrong[member] = value;
            assert_eq!(refused(&wrong), format!("/{member}"));
        }
        let too_large = vec![b' '; LARGEST_BATCH_BYTES + 1];
        assert_eq!(read(&too_large, NOW_MS), Err(InvalidBatch::TooLarge));
    }

    #[test]
    fn the_future_is_now_and_what_callers_chose_is_made_harmless() {
        let mut told = batch(json!({"m": u64::MAX, "n": 1}));
        told["refusals"] = json!([{
            "t": u64::MAX, "r": "quota_exceeded", "s": 429, "v": "GET",
            "u": format!("/a\u{0}{}?token=secret", "é".repeat(200)),
        }]);
        let read = read(told.to_string().as_bytes(), NOW_MS).unwrap();
        assert_eq!(read.name, "edge?1");
        assert_eq!(read.rows[0].minute, NOW_MS / 60_000);
        let sample = &read.refusals[0];
        assert_eq!(sample.at_ms, NOW_MS);
        assert_eq!(
            sample.path,
            format!("/a?{}", "é".repeat(200)).split('?').next().unwrap()
        );
    }
}
