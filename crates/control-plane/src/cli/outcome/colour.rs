//! Colours of a terminal (ECMA-48), or none.

use std::io::{IsTerminal as _, stdout};

/// What stands before and after what is coloured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Colours {
    pub(super) added: &'static str,
    pub(super) changed: &'static str,
    pub(super) removed: &'static str,
    pub(super) warning: &'static str,
    pub(super) end: &'static str,
}

impl Colours {
    /// Those of a terminal, if the standard output is one and nobody objects (<https://no-color.org>).
    pub(super) fn of_the_terminal() -> Self {
        let objects = std::env::var_os("NO_COLOR").is_some_and(|text| !text.is_empty());
        if objects || !stdout().is_terminal() {
            return Self::default();
        }
        Self {
            added: "\u{1b}[32m",
            changed: "\u{1b}[33m",
            removed: "\u{1b}[31m",
            warning: "\u{1b}[1;31m",
            end: "\u{1b}[0m",
        }
    }
}
