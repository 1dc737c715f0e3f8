//! Every path that README and ARCHITECTURE write exists.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::workspace;

const DOCUMENTS: [&str; 2] = ["README.md", "ARCHITECTURE.md"];

/// What makes a word a path even when its first part does not exist.
const ENDINGS: [&str; 9] = [
    ".rs",
    ".md",
    ".toml",
    ".yaml",
    ".yml",
    ".json",
    ".sh",
    ".Dockerfile",
    "/",
];

/// Made by the tasks, so that they are not there in a fresh clone.
const MADE: [&str; 2] = ["target", "data"];

/// Whether every path exists.
///
/// # Errors
/// When one does not, or a document is missing.
pub fn check() -> Result<()> {
    let mut missing = Vec::new();
    for document in DOCUMENTS {
        let text = std::fs::read_to_string(workspace::root().join(document))
            .with_context(|| format!("`{document}` is missing"))?;
        let absent = paths(&text)
            .into_iter()
            .filter(|path| !workspace::root().join(path).exists());
        missing.extend(absent.map(|path| format!("{document} writes `{path}`")));
    }
    if !missing.is_empty() {
        bail!("not there: {}", missing.join("; "));
    }
    Ok(())
}

/// The paths in the code spans and the links of a text in Markdown.
fn paths(text: &str) -> Vec<&str> {
    let spans = text.split('`').skip(1).step_by(2);
    let links = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    spans.chain(links).filter_map(path).collect()
}

/// The path that a word is, without the line or heading to which it points.
fn path(word: &str) -> Option<&str> {
    let word = word.split('#').next()?;
    let is_plain = !word.is_empty()
        && word
            .chars()
            .all(|character| character.is_alphanumeric() || "/._-".contains(character));
    if !is_plain || word.starts_with('/') {
        return None;
    }
    let first = word.split('/').next()?;
    if MADE.contains(&first) {
        return None;
    }
    let begins_here = word.contains('/') && workspace::root().join(first).exists();
    let ends_as_one = ENDINGS.iter().any(|ending| word.ends_with(ending))
        && Path::new(word).extension() != Some("".as_ref());
    (begins_here || ends_as_one).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_spans_and_links_are_read() {
        let text = "See `xtask/src/ci.rs` and [the engine](crates/engine/src/lib.rs#L3), or `crates/absent.rs`.";
        assert_eq!(
            paths(text),
            [
                "xtask/src/ci.rs",
                "crates/absent.rs",
                "crates/engine/src/lib.rs"
            ]
        );
    }

    #[test]
    fn what_is_no_path_of_the_repository_is_left_alone() {
        let text = "`/api/v1` `application/problem+json` `x-client-id` `cargo xtask up` `target/wasm/a.wasm` \
                    [site](https://example.com/a.md) `GET`";
        assert_eq!(paths(text), Vec::<&str>::new());
    }
}
