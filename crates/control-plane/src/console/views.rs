//! How the pages look.

use maud::{DOCTYPE, Markup, Render, html};

use super::asset::STYLE;
use crate::app::link::LinkHolder;

/// The form by which operators log in.
pub(super) struct LogInPage {
    pub(super) email: String,
    pub(super) next: String,
    pub(super) complaint: Option<String>,
    pub(super) has_single_sign_on: bool,
}

/// The form that a link leads to.
pub(super) struct LinkPage {
    pub(super) is_first: bool,
    pub(super) token: String,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) complaint: Option<String>,
}

/// A sentence about what did not work.
pub(super) struct NoticePage {
    pub(super) title: &'static str,
    pub(super) text: String,
}

impl LinkPage {
    pub(super) fn of(holder: LinkHolder, token: String) -> Self {
        let (is_first, name, email) = match holder {
            LinkHolder::First => (true, String::new(), String::new()),
            LinkHolder::Operator(operator) => (false, operator.name, operator.email),
        };
        Self {
            is_first,
            token,
            name,
            email,
            complaint: None,
        }
    }
}

/// What all pages have around what they say.
fn page(title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · Portcullis" }
                meta name="color-scheme" content="light dark";
                link rel="stylesheet" href=(STYLE.url());
            }
            body.door {
                main {
                    p.product { "Portcullis" }
                    (content)
                }
            }
        }
    }
}

/// What is wrong with a form.
fn complaint(complaint: Option<&String>) -> Markup {
    html! {
        @if let Some(complaint) = complaint { p.complaint role="alert" { (complaint) } }
    }
}

impl Render for LogInPage {
    fn render(&self) -> Markup {
        page(
            "Log in",
            &html! {
                h1 { "Log in" }
                (complaint(self.complaint.as_ref()))
                form method="post" action="/console/log-in" {
                    @if !self.next.is_empty() { input type="hidden" name="next" value=(self.next); }
                    label for="email" { "E-mail address" }
                    input id="email" name="email" type="email" autocomplete="username" maxlength="254"
                        value=(self.email) required autofocus;
                    label for="password" { "Password" }
                    input id="password" name="password" type="password" autocomplete="current-password"
                        maxlength="256" required;
                    button.button.main type="submit" { "Log in" }
                }
                @if self.has_single_sign_on {
                    p { a.button.main href="/console/single-sign-on" { "Log in with single sign-on" } }
                }
            },
        )
    }
}

impl Render for LinkPage {
    fn render(&self) -> Markup {
        let title = if self.is_first {
            "Set up the first operator"
        } else {
            "Choose a password"
        };
        page(
            title,
            &html! {
                h1 { (title) }
                @if self.is_first {
                    p {
                        "Whoever fills this in becomes the first operator, with the role " code { "admin" }
                        ". The link works once."
                    }
                } @else {
                    p {
                        "For " strong { (self.name) } " (" (self.email)
                        "). The link works once; you are logged out everywhere else."
                    }
                }
                (complaint(self.complaint.as_ref()))
                form method="post" action="/console/link" {
                    input type="hidden" name="token" value=(self.token);
                    @if self.is_first {
                        label for="name" { "Name" }
                        input id="name" name="name" autocomplete="name" maxlength="100" value=(self.name)
                            required autofocus;
                        label for="email" { "E-mail address" }
                        input id="email" name="email" type="email" autocomplete="username" maxlength="254"
                            value=(self.email) required;
                    } @else {
                        input type="hidden" name="email" autocomplete="username" value=(self.email);
                    }
                    label for="password" { "Password" }
                    input id="password" name="password" type="password" autocomplete="new-password"
                        minlength="12" maxlength="256" aria-describedby="rule" required;
                    p.hint id="rule" { "12 characters or more, at least five of them different." }
                    label for="repeated" { "The same password again" }
                    input id="repeated" name="repeated" type="password" autocomplete="new-password"
                        minlength="12" maxlength="256" required;
                    button.button.main type="submit" { "Save and log in" }
                }
            },
        )
    }
}

impl Render for NoticePage {
    fn render(&self) -> Markup {
        page(
            self.title,
            &html! {
                h1 { (self.title) }
                p role="alert" { (self.text) }
                p { a href="/console/log-in" { "Log in" } }
            },
        )
    }
}
