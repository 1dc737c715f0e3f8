//! Pages that Prometheus reads: those of Envoy and those of the control plane.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};

/// One line of such a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The name, with `_bucket` and the like.
    pub name: String,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The value.
    pub value: f64,
}

impl Sample {
    /// A label, or an empty text where it has none of this name, as Prometheus sees it.
    #[must_use]
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// All samples of a page.
///
/// # Errors
/// When a line is none.
pub fn samples(page: &str) -> Result<Vec<Sample>> {
    let lines = page.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| sample(line).with_context(|| format!("no sample: `{line}`")))
        .collect()
}

fn sample(line: &str) -> Result<Sample> {
    let (series, value) = line.rsplit_once(' ').context("no value")?;
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "_:".contains(char);
    ensure!(!name.is_empty() && name.chars().all(is_plain), "no name");
    let mut rest = labels.strip_suffix('}').context("no end of labels")?;
    let mut labels = BTreeMap::new();
    while !rest.is_empty() {
        let (label, after) = rest.split_once("=\"").context("no label")?;
        let (value, after) = quoted(after)?;
        labels.insert(label.to_owned(), value);
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    Ok(Sample {
        name: name.to_owned(),
        labels,
        value: value.parse()?,
    })
}

/// A text up to its closing quotation mark, and what comes after that.
fn quoted(text: &str) -> Result<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((place, char)) = chars.next() {
        match char {
            '"' => return Ok((value, text.get(place + 1..).unwrap_or_default())),
            '\\' => match chars.next().context("no end of text")? {
                (_, 'n') => value.push('\n'),
                (_, other) => value.push(other),
            },
            other => value.push(other),
        }
    }
    anyhow::bail!("no end of text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_read_with_their_labels() {
        let page = "# TYPE a counter\na{b=\"c d\",e=\"\\\"f\\\\\"} 7\n\nb_bucket{le=\"+Inf\"} 1.5\n# EOF\n";
        let samples = samples(page).unwrap();
        assert_eq!(samples.len(), 2);
        assert_eq!(samples[0].label("b"), "c d");
        assert_eq!(samples[0].label("e"), "\"f\\");
        assert_eq!(samples[0].label("g"), "");
        assert_eq!((samples[1].label("le"), samples[1].value), ("+Inf", 1.5));
    }

    #[test]
    fn what_is_no_sample_is_told() {
        for line in ["a", "a{b=\"c} 1", "a{b 1", "a-b 1", "a one"] {
            assert!(samples(line).is_err(), "{line}");
        }
    }
}
