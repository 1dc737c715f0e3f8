//! Fields of forms: what was typed stays, and what is wrong with it stands beside it, tied to it for those who do not see.

use maud::{Markup, html};

use crate::app::Violation;
use crate::console::entered::{Sent, lines};

/// What a form says, and what is wrong with it.
#[derive(Debug, Clone, Default)]
pub(in crate::console) struct Filled {
    fields: Vec<(String, String)>,
    violations: Vec<Violation>,
}

/// A field of one text.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::console) struct Field<'a> {
    /// Its name in the form, and its identifier on the page.
    pub(in crate::console) name: &'a str,
    /// What it asks for.
    pub(in crate::console) label: &'a str,
    /// What helps to answer.
    pub(in crate::console) hint: &'a str,
    /// Where drafts have it: a JSON pointer. What is wrong there, or deeper, stands at this field.
    pub(in crate::console) pointer: &'a str,
    /// Of how many characters it is at most.
    pub(in crate::console) longest: u32,
    /// Whether the form cannot do without.
    pub(in crate::console) is_required: bool,
    /// Whether it is for keys, addresses and code.
    pub(in crate::console) is_code: bool,
}

/// One of several.
#[derive(Debug, Clone)]
pub(in crate::console) struct Choice {
    /// What the form says.
    pub(in crate::console) value: String,
    /// What people read.
    pub(in crate::console) label: String,
}

impl Filled {
    /// A form that says this.
    pub(in crate::console) fn with(fields: &[(&str, &str)]) -> Self {
        let fields = fields.iter();
        let fields = fields.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self {
            fields: fields.collect(),
            violations: Vec::new(),
        }
    }

    /// A form as it was sent, and what is wrong with it.
    pub(in crate::console) fn sent(sent: &Sent, violations: Vec<Violation>) -> Self {
        Self {
            fields: sent.fields().to_vec(),
            violations,
        }
    }

    /// The same, with what is wrong with it.
    pub(in crate::console) fn with_flaws(self, violations: Vec<Violation>) -> Self {
        Self { violations, ..self }
    }

    /// The same without a field.
    pub(in crate::console) fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self
    }

    /// The same, where a field says something else.
    pub(in crate::console) fn saying(self, name: &str, text: impl Into<String>) -> Self {
        let mut filled = self.without(name);
        filled.fields.push((name.to_owned(), text.into()));
        filled
    }

    /// What a field says.
    pub(in crate::console) fn text(&self, name: &str) -> &str {
        let mut fields = self.fields.iter();
        let found = fields.find(|(known, _)| known == name);
        found.map(|(_, text)| text.as_str()).unwrap_or_default()
    }

    /// The lines of a field that say anything.
    pub(in crate::console) fn lines(&self, name: &str) -> Vec<String> {
        lines(self.text(name))
    }

    /// All that is said by one name.
    pub(in crate::console) fn all<'a>(
        &'a self,
        name: &'a str,
    ) -> impl Iterator<Item = &'a str> + 'a {
        let named = self.fields.iter().filter(move |(known, _)| known == name);
        named.map(|(_, text)| text.as_str())
    }

    /// What is wrong at a place of the draft, or deeper.
    pub(in crate::console) fn flaws<'a>(
        &'a self,
        pointer: &'a str,
    ) -> impl Iterator<Item = &'a str> + 'a {
        let is_there = move |violation: &&Violation| {
            let rest = violation.pointer.strip_prefix(pointer);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.violations
            .iter()
            .filter(is_there)
            .map(|it| it.detail.as_str())
    }

    /// What is wrong at a place of the draft itself.
    pub(in crate::console) fn exact_flaws<'a>(
        &'a self,
        pointer: &'a str,
    ) -> impl Iterator<Item = &'a str> + 'a {
        let there = self
            .violations
            .iter()
            .filter(move |it| it.pointer == pointer);
        there.map(|it| it.detail.as_str())
    }

    /// What is wrong, all in one place: with links to the fields that have it. `pointers` are those of the fields.
    pub(in crate::console) fn summary(&self, pointers: &[(&str, &str)]) -> Markup {
        html! {
            @if !self.violations.is_empty() {
                div.complaint role="alert" tabindex="-1" data-focus {
                    p { strong { "This cannot be saved yet." } }
                    ul {
                        @for violation in &self.violations {
                            @let field = pointers.iter().find(|(pointer, _)| violation.pointer.starts_with(pointer));
                            li {
                                @if let Some((_, name)) = field {
                                    a href={ "#" (name) } { (violation.detail) }
                                } @else {
                                    (violation.detail)
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

impl Field<'_> {
    /// On one line.
    pub(in crate::console) fn line(&self, filled: &Filled) -> Markup {
        self.input("text", filled)
    }

    /// Of another kind than text, such as `datetime-local`. A `password` is never shown again.
    pub(in crate::console) fn input(&self, kind: &str, filled: &Filled) -> Markup {
        let value = Some(filled.text(self.name)).filter(|_| kind != "password");
        self.around(filled, &html! {
            input id=(self.name) name=(self.name) type=(kind) value=[value]
                maxlength=[self.longest()] required[self.is_required] class=[self.is_code.then_some("code")]
                aria-describedby=[self.describers(filled)] aria-invalid=[self.is_flawed(filled).then_some("true")]
                autocomplete="off" spellcheck=[self.is_code.then_some("false")];
        })
    }

    /// On several lines.
    pub(in crate::console) fn area(&self, filled: &Filled, lines: u32) -> Markup {
        self.around(filled, &html! {
            textarea id=(self.name) name=(self.name) rows=(lines) maxlength=[self.longest()] required[self.is_required]
                class=[self.is_code.then_some("code")] aria-describedby=[self.describers(filled)]
                aria-invalid=[self.is_flawed(filled).then_some("true")]
                spellcheck=[self.is_code.then_some("false")] {
                // The first line break of an area is none of its text (HTML, 13.1.2.5).
                "\n" (filled.text(self.name))
            }
        })
    }

    /// On several lines that are checked on the server while they are typed: what it says of them stands below.
    pub(in crate::console) fn checked_area(
        &self,
        filled: &Filled,
        lines: u32,
        check: &str,
        told: &str,
    ) -> Markup {
        self.around(filled, &html! {
            textarea id=(self.name) name=(self.name) rows=(lines) class=[self.is_code.then_some("code")]
                aria-describedby=[self.describers(filled)] aria-invalid=[self.is_flawed(filled).then_some("true")]
                spellcheck="false" data-check=(check) data-told=(told) {
                "\n" (filled.text(self.name))
            }
            div id=(told) aria-live="polite" {}
        })
    }

    /// One of several.
    pub(in crate::console) fn select(&self, filled: &Filled, choices: &[Choice]) -> Markup {
        let chosen = filled.text(self.name);
        self.around(filled, &html! {
            select id=(self.name) name=(self.name) required[self.is_required]
                aria-describedby=[self.describers(filled)] aria-invalid=[self.is_flawed(filled).then_some("true")] {
                @for choice in choices {
                    option value=(choice.value) selected[choice.value == chosen] { (choice.label) }
                }
            }
        })
    }

    /// One of several, in the form of a list: short, and never wrong.
    pub(in crate::console) fn filter(&self, filled: &Filled, choices: &[Choice]) -> Markup {
        let plain = Self {
            is_required: true,
            ..*self
        };
        let chosen = filled.text(self.name);
        plain.around(filled, &html! {
            select id=(self.name) name=(self.name) {
                @for choice in choices {
                    option value=(choice.value) selected[choice.value == chosen] { (choice.label) }
                }
            }
        })
    }

    /// A text, in the form of a list.
    pub(in crate::console) fn filter_text(&self, kind: &str, filled: &Filled) -> Markup {
        let plain = Self {
            is_required: true,
            ..*self
        };
        plain.around(filled, &html! {
            input id=(self.name) name=(self.name) type=(kind) value=(filled.text(self.name))
                maxlength=[self.longest()] class=[self.is_code.then_some("code")] autocomplete="off";
        })
    }

    fn around(&self, filled: &Filled, control: &Markup) -> Markup {
        html! {
            div.field {
                label for=(self.name) {
                    (self.label)
                    @if !self.is_required { span.optional { " (optional)" } }
                }
                @if !self.hint.is_empty() { p.hint id={ (self.name) "-hint" } { (self.hint) } }
                (control)
                (self.flaws(filled))
            }
        }
    }

    fn flaws(&self, filled: &Filled) -> Markup {
        html! {
            @if self.is_flawed(filled) {
                div.flaw id={ (self.name) "-flaw" } {
                    @for flaw in filled.flaws(self.pointer) { p { (flaw) } }
                }
            }
        }
    }

    fn longest(&self) -> Option<u32> {
        (self.longest > 0).then_some(self.longest)
    }

    fn is_flawed(&self, filled: &Filled) -> bool {
        !self.pointer.is_empty() && filled.flaws(self.pointer).next().is_some()
    }

    fn describers(&self, filled: &Filled) -> Option<String> {
        let hint = (!self.hint.is_empty()).then(|| format!("{}-hint", self.name));
        let flaw = self
            .is_flawed(filled)
            .then(|| format!("{}-flaw", self.name));
        let all: Vec<String> = hint.into_iter().chain(flaw).collect();
        (!all.is_empty()).then(|| all.join(" "))
    }
}

/// A choice.
pub(in crate::console) fn choice(value: impl Into<String>, label: impl Into<String>) -> Choice {
    Choice {
        value: value.into(),
        label: label.into(),
    }
}
