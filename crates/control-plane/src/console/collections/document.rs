//! An OpenAPI document as forms bring it: chosen as a file, or pasted.

use portcullis_feed::Endpoint;

use crate::app::import::{self, Language, Outline, Servers};
use crate::app::text::Name;
use crate::app::{Refusal, Violation};
use crate::console::design::{Choice, Filled, choice};
use crate::console::entered::Sent;

/// The field with the text.
pub(super) const DOCUMENT: &str = "document";

/// Says how large a document was of which only a part is shown. No field of the form.
pub(super) const REDUCED: &str = "reduced";

/// How large a document may be that is shown as it came: pages stay below 200 kB.
const LARGEST_SHOWN_BYTES: usize = 64 * 1024;

/// The field with the file.
pub(super) const FILE: &str = "file";

/// What the form calls what can become of servers.
const SERVERS: [(&str, Servers); 3] = [
    ("ignore", Servers::Ignore),
    ("path", Servers::Path),
    ("host", Servers::Host),
];

/// The choices of what becomes of the servers in a document.
pub(super) fn servers() -> [Choice; 3] {
    [
        choice("ignore", "nothing: paths as they stand, any host"),
        choice("path", "their paths stand before those of the document"),
        choice("host", "their paths, and only their hosts"),
    ]
}

/// The text of the document: that of the file, if one was chosen.
///
/// # Errors
/// When it is no text.
fn text(sent: &Sent) -> Result<&str, Violation> {
    let Some(file) = sent.file(FILE) else {
        return Ok(sent.text(DOCUMENT));
    };
    std::str::from_utf8(file)
        .map_err(|_| Violation::new("/document", "the file is no text in UTF-8"))
}

/// What the document says.
///
/// # Errors
/// When it says nothing that endpoints can be made of: where.
pub(super) fn outline(sent: &Sent) -> Result<Outline, Refusal> {
    let text = text(sent).map_err(|flaw| Refusal::Invalid(vec![flaw]))?;
    let chosen = sent.text("servers");
    let servers = SERVERS.into_iter().find(|(name, _)| *name == chosen);
    let servers = servers.map_or_else(Servers::default, |(_, servers)| servers);
    import::read(text.as_bytes(), language(text), servers).map_err(at_document)
}

fn language(text: &str) -> Language {
    match text.trim_start().starts_with('{') {
        true => Language::Json,
        false => Language::Yaml,
    }
}

/// A name that the form gives in place of that of the document.
///
/// # Errors
/// When it is none.
pub(super) fn name(sent: &Sent, field: &str) -> Result<Option<Name>, Refusal> {
    let name = sent
        .given(field)
        .map(|name| Name::try_from(name.to_owned()));
    name.transpose()
        .map_err(|invalid| Refusal::Invalid(vec![Violation::new(format!("/{field}"), invalid)]))
}

/// A form with the text of its document in it, wherever that came from. Of a large one, only what endpoints are made of.
pub(super) fn with_text(filled: Filled, sent: &Sent) -> Filled {
    let Ok(text) = text(sent) else {
        return filled;
    };
    let is_large = text.len() > LARGEST_SHOWN_BYTES;
    let reduced = is_large.then(|| import::reduced(text.as_bytes(), language(text)).ok());
    match reduced.flatten() {
        Some(reduced) => filled
            .saying(DOCUMENT, reduced)
            .saying(REDUCED, format!("{} kB", text.len() / 1_000)),
        None => filled.saying(DOCUMENT, text),
    }
}

/// What is wrong with a document, at its field.
fn at_document(refusal: Refusal) -> Refusal {
    let violations = match refusal {
        Refusal::Malformed(detail) => vec![Violation::new("/document", detail)],
        Refusal::Invalid(violations) => violations
            .into_iter()
            .map(|it| match it.pointer.as_str() {
                "" => Violation::new("/document", it.detail),
                pointer => Violation::new("/document", format!("{pointer}: {}", it.detail)),
            })
            .collect(),
        refusal => return refusal,
    };
    Refusal::Invalid(violations)
}

/// What is wrong with the names that a document brings, at the fields that give others.
pub(super) fn at_names(refusal: Refusal) -> Refusal {
    let Refusal::Invalid(violations) = refusal else {
        return refusal;
    };
    let located = violations.into_iter().map(|it| match it.pointer.as_str() {
        "/info/title" => Violation::new("/name", it.detail),
        "/info/version" => Violation::new("/version", it.detail),
        _ => it,
    });
    Refusal::Invalid(located.collect())
}

/// How many there are, in a sentence.
pub(super) fn count(endpoints: &[Endpoint]) -> u64 {
    u64::try_from(endpoints.len()).unwrap_or(u64::MAX)
}
