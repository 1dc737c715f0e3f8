//! A state in a word, with a sign: never by its colour alone.

use maud::{Markup, html};

/// What a state means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::console) enum Tone {
    /// Neither good nor bad.
    Neutral,
    /// All is well.
    Permit,
    /// Something is refused, or wants to be looked at.
    Refusal,
    /// Something is broken.
    Fault,
}

impl Tone {
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Permit => "permit",
            Self::Refusal => "refusal",
            Self::Fault => "fault",
        }
    }

    const fn sign(self) -> &'static str {
        match self {
            Self::Neutral => "–",
            Self::Permit => "✓",
            Self::Refusal => "!",
            Self::Fault => "✗",
        }
    }
}

pub(in crate::console) fn badge(tone: Tone, text: &str) -> Markup {
    html! {
        span class={ "badge " (tone.class()) } {
            span aria-hidden="true" { (tone.sign()) } " " (text)
        }
    }
}
