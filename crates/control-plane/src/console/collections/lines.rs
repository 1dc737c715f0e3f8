//! Endpoints as the form says them: one on each line, such as `GET api.example.com/orders/{id}`.

use axum::response::Html;
use maud::html;
use portcullis_feed::Endpoint;
use serde_json::{Value, json};

use crate::app::collection::{endpoint_flaws, written};
use crate::app::{Refusal, Violation};
use crate::console::design::{Tone, badge, plural};
use crate::console::entered::Sent;

/// What stands after an endpoint that is disabled.
const DISABLED: &str = "disabled";

/// The field of the form, and the member of the draft.
const POINTER: &str = "/endpoints";

/// How many lines that are wrong are told.
const MOST_TOLD: usize = 20;

/// Endpoints, each with the number of its line.
pub(super) struct Lines(Vec<(usize, Endpoint)>);

/// The text of endpoints.
pub(super) fn text(endpoints: &[Endpoint]) -> String {
    let lines = endpoints.iter().map(|endpoint| {
        let line = written(endpoint);
        match endpoint.enabled {
            true => line,
            false => format!("{line} {DISABLED}"),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

impl Lines {
    /// The endpoints that a text says.
    ///
    /// # Errors
    /// When a line says none: which.
    pub(super) fn read(text: &str) -> Result<Self, Refusal> {
        let (mut endpoints, mut flaws) = (Vec::new(), Vec::new());
        for (index, line) in text.lines().enumerate() {
            let number = index.saturating_add(1);
            if line.trim().is_empty() {
                continue;
            }
            match endpoint(line) {
                Some(endpoint) => endpoints.push((number, endpoint)),
                None => flaws.push(Violation::new(
                    POINTER,
                    format!(
                        "line {number}: a method and a path are expected, such as `GET /orders/{{id}}`"
                    ),
                )),
            }
        }
        if flaws.is_empty() {
            return Ok(Self(endpoints));
        }
        Err(Refusal::Invalid(flaws))
    }

    /// As the REST interface would be told it.
    pub(super) fn draft(&self) -> Value {
        let endpoints = self.0.iter().map(|(_, endpoint)| {
            json!({
                "host": endpoint.host,
                "method": endpoint.method,
                "path": endpoint.path,
                "enabled": endpoint.enabled,
            })
        });
        endpoints.collect()
    }

    /// What was refused of single endpoints, by their lines.
    pub(super) fn located(&self, refusal: Refusal) -> Refusal {
        let Refusal::Invalid(violations) = refusal else {
            return refusal;
        };
        let violations = violations.into_iter();
        Refusal::Invalid(violations.map(|it| self.located_one(it)).collect())
    }

    fn located_one(&self, violation: Violation) -> Violation {
        let place = violation.pointer.strip_prefix("/endpoints/");
        let place = place.and_then(|place| place.split('/').next()?.parse::<usize>().ok());
        match place.and_then(|place| self.0.get(place)) {
            Some((line, _)) => {
                Violation::new(POINTER, format!("line {line}: {}", violation.detail))
            }
            None => violation,
        }
    }

    fn flaws(&self) -> Vec<Violation> {
        let endpoints: Vec<_> = self
            .0
            .iter()
            .map(|(_, endpoint)| endpoint.clone())
            .collect();
        let flaws = endpoint_flaws(&endpoints).into_iter();
        flaws.map(|flaw| self.located_one(flaw)).collect()
    }
}

fn endpoint(line: &str) -> Option<Endpoint> {
    let mut words = line.split_whitespace();
    let (method, place, state) = (words.next()?, words.next()?, words.next());
    let enabled = match state {
        None => true,
        Some(DISABLED) => false,
        Some(_) => return None,
    };
    let (host, _) = place.split_once('/')?;
    if words.next().is_some() {
        return None;
    }
    Some(Endpoint {
        host: (!host.is_empty()).then(|| host.to_owned()),
        method: method.to_owned(),
        path: place.get(host.len()..)?.to_owned(),
        enabled,
    })
}

/// What is said of the lines while they are typed: a piece of the page.
pub(in crate::console) async fn check(sent: Sent) -> Html<String> {
    let (count, flaws) = match Lines::read(sent.text("endpoints")) {
        Ok(lines) => (lines.0.len(), lines.flaws()),
        Err(Refusal::Invalid(flaws)) => (0, flaws),
        Err(_) => (0, Vec::new()),
    };
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    let more = flaws.len().saturating_sub(MOST_TOLD);
    let piece = html! {
        @if flaws.is_empty() && count > 0 { (badge(Tone::Permit, &plural(count, "endpoint"))) }
        @if !flaws.is_empty() {
            div.flaw {
                @for flaw in flaws.iter().take(MOST_TOLD) { p { (flaw.detail) } }
                @if more > 0 { p { "and " (more) " more" } }
            }
        }
    };
    Html(piece.into_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(usize, Endpoint)> {
        Lines::read(text).unwrap().0
    }

    #[test]
    fn endpoints_are_read_as_they_are_written() {
        let text = "GET /orders/{id}\nPOST api.example.com/orders\n* *.example.com/** disabled";
        let lines = read(text);
        let endpoints: Vec<_> = lines.into_iter().map(|(_, endpoint)| endpoint).collect();
        assert_eq!(endpoints[0].host, None);
        assert_eq!(endpoints[1].host.as_deref(), Some("api.example.com"));
        assert_eq!(endpoints[1].path, "/orders");
        assert!(endpoints[1].enabled && !endpoints[2].enabled);
        assert_eq!(super::text(&endpoints), text);
    }

    #[test]
    fn a_line_that_says_no_endpoint_is_named_by_its_number() {
        for text in ["GET /a\n\nGET", "x\n\n/a /b off", "\n \nGET orders"] {
            let Err(Refusal::Invalid(flaws)) = Lines::read(text) else {
                panic!("{text} was read");
            };
            assert!(
                flaws.last().unwrap().detail.starts_with("line 3: "),
                "{flaws:?}"
            );
        }
    }

    #[test]
    fn what_is_refused_of_an_endpoint_stands_at_its_line() {
        let lines = Lines::read("\nGET /a\n\nGET /b").unwrap();
        let refused = Refusal::Invalid(vec![
            Violation::new("/endpoints/1/path", "no path"),
            Violation::new("/name", "no name"),
        ]);
        let Refusal::Invalid(located) = lines.located(refused) else {
            panic!("it is another refusal");
        };
        assert_eq!(located[0], Violation::new("/endpoints", "line 4: no path"));
        assert_eq!(located[1].pointer, "/name");
    }
}
