//! The page around its content.

use maud::{DOCTYPE, Markup, html};

use super::{Frame, Section};
use crate::console::asset::{SCRIPT, STYLE};
use crate::console::design::{Tone, arrival, badge};
use crate::console::notice::Notice;
use crate::console::theme::Theme;

/// What keys do, as the list of them says it.
const KEYS: [(&str, &str); 5] = [
    ("/", "goes to the search"),
    ("n", "makes a new one of what is listed"),
    ("j", "goes to the next row"),
    ("k", "goes to the row before"),
    ("?", "shows this list"),
];

pub(super) fn page(frame: &Frame, section: Section, title: &str, content: &Markup) -> Markup {
    let theme = match frame.theme {
        Theme::System => None,
        chosen => Some(chosen.name()),
    };
    html! {
        (DOCTYPE)
        html lang="en" data-theme=[theme] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Portcullis" }
                link rel="stylesheet" href=(STYLE.url());
                script src=(SCRIPT.url()) defer {}
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                (head(frame, section))
                p #offline .offline role="status" hidden {
                    "The control plane does not answer: what you see may be out of date."
                }
                main #main tabindex="-1" {
                    @if let Some(notice) = &frame.notice { (done(frame, notice)) }
                    (content)
                }
                (keys())
            }
        }
    }
}

fn head(frame: &Frame, section: Section) -> Markup {
    html! {
        header.head {
            a.product href="/console" { "Portcullis" }
            nav aria-label="Sections" {
                ul {
                    @for known in Section::NAMED {
                        @if frame.may(known.role()) {
                            li {
                                a href=(known.path()) aria-current=[(known == section).then_some("page")] {
                                    (known.label())
                                }
                            }
                        }
                    }
                }
            }
            form.search action="/console/clients" method="get" role="search" {
                label.hidden for="search" { "Search clients" }
                input #search name="search" type="search" maxlength="100" data-search
                    placeholder="Search" autocomplete="off" aria-keyshortcuts="/";
            }
            (in_sync(frame))
            (menu(frame))
        }
    }
}

/// How many gateways have everything, as it is now.
pub(super) fn in_sync(frame: &Frame) -> Markup {
    let standing = frame.standing;
    let (in_sync, expected) = (standing.in_sync, standing.expected());
    let (tone, text) = match (in_sync, expected) {
        (_, 0) => (Tone::Neutral, "no gateway".to_owned()),
        (0, all) => (Tone::Fault, format!("0 of {all} in sync")),
        (some, all) if some >= all => (Tone::Permit, format!("{some} of {all} in sync")),
        (some, all) => (Tone::Refusal, format!("{some} of {all} in sync")),
    };
    html! {
        div #in-sync .in-sync data-poll="/console/in-sync" data-every="5" { (badge(tone, &text)) }
    }
}

fn menu(frame: &Frame) -> Markup {
    let operator = &frame.operator;
    html! {
        details.menu {
            summary {
                span.initials { (initials(&operator.name)) }
                span.hidden { " Logged in as " (operator.name) }
            }
            div.menu-body {
                p { strong { (operator.name) } br; (operator.email) br; "Role: " (operator.role.as_text()) }
                form method="post" action="/console/theme" {
                    (frame.token()) (frame.back())
                    fieldset.choices {
                        legend { "Colours" }
                        @for theme in Theme::ALL {
                            button.plain type="submit" name="theme" value=(theme.name())
                                aria-pressed=(if theme == frame.theme { "true" } else { "false" }) {
                                (theme.name())
                            }
                        }
                    }
                }
                p { a href="/console/account" { "Your sessions and password" } }
                form method="post" action="/console/log-out" {
                    (frame.token())
                    button.plain type="submit" { "Log out" }
                }
            }
        }
    }
}

/// What was done just now, with what takes it back, and where it has arrived.
fn done(frame: &Frame, notice: &Notice) -> Markup {
    html! {
        div.notice role="status" {
            p {
                (notice.text) "."
                @if let Some(arrived) = &notice.arrival { " " (arrival(arrived)) }
            }
            @if let Some(undo) = &notice.undo {
                form method="post" action=(undo.action) data-enhance {
                    (frame.token()) (frame.back())
                    @for (name, value) in &undo.fields {
                        input type="hidden" name=(name) value=(value);
                    }
                    button.plain type="submit" { "Undo" }
                }
            }
        }
    }
}

fn keys() -> Markup {
    html! {
        dialog #keys aria-labelledby="keys-title" {
            h2 #keys-title { "Keys" }
            dl.pairs {
                @for (key, does) in KEYS { dt { kbd { (key) } } dd { (does) } }
            }
            form method="dialog" { button type="submit" { "Close" } }
        }
    }
}

/// The first letters of the first and the last word.
fn initials(name: &str) -> String {
    let mut words = name.split_whitespace();
    let first = words.next().and_then(|word| word.chars().next());
    let last = words.next_back().and_then(|word| word.chars().next());
    let letters = first.into_iter().chain(last);
    letters.flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_those_of_the_first_and_the_last_word() {
        assert_eq!(initials("Ann Maria Berg"), "AB");
        assert_eq!(initials("ann"), "A");
        assert_eq!(initials("  "), "");
    }
}
