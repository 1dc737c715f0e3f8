//! What is to be explained: a request as somebody describes it, parsed once. What it carries may be secret, so nothing
//! of it is repeated in refusals, and none of these types shows itself.

use std::net::IpAddr;

use portcullis_engine::Gate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::filter::FilterDraft;
use super::peer::{self, Origin};
use super::target::Target;
use crate::app::Violation;
use crate::app::draft::{object_if_any, object_or_default, objects};
use crate::app::time::Moment;

const LONGEST_NAME: usize = 256;
const LONGEST_VALUE: usize = 20_000;

/// A request that is to be explained.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplanationDraft {
    /// Its method.
    #[schema(min_length = 1, max_length = 32, example = "GET")]
    pub method: String,
    /// Where it goes: a URL, or a path that begins with `/`. Path and query are taken as they stand, as the filter gets
    /// them: Envoy, as it is shipped, resolves dot segments and joins slashes before that.
    #[schema(
        min_length = 1,
        max_length = 8192,
        example = "https://api.example.com/orders/7"
    )]
    pub url: String,
    /// Its headers, in their order: at most 100. The host stands in `url`.
    #[serde(default, deserialize_with = "objects::<100, _, _>")]
    #[schema(required = false, max_items = 100)]
    pub headers: Vec<HeaderDraft>,
    /// From which address it comes: that of Envoy's peer. Not known, when absent.
    #[serde(default)]
    #[schema(example = "192.0.2.1")]
    pub address: Option<String>,
    /// How many proxies before Envoy are believed in what `x-forwarded-for` says: `xff_num_trusted_hops` of Envoy.
    #[serde(default)]
    #[schema(required = false, default = 0)]
    pub trusted_hops: u8,
    /// What it presents, besides what stands in the headers.
    #[serde(default, deserialize_with = "object_if_any")]
    pub credential: Option<CredentialDraft>,
    /// When it is decided. Now, when absent. The records are those of now in any case.
    #[serde(default)]
    pub at: Option<Moment>,
    /// The settings of the filter that it meets.
    #[serde(default, deserialize_with = "object_or_default")]
    #[schema(value_type = Option<FilterDraft>, required = false)]
    pub filter: FilterDraft,
}

/// A header of a request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HeaderDraft {
    /// Its name, in any case.
    #[schema(min_length = 1, max_length = 256, example = "origin")]
    pub name: String,
    /// Its value.
    #[schema(max_length = 20000, example = "https://www.example.com")]
    pub value: String,
}

/// A credential: exactly one of these.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialDraft {
    /// The public id of an API key: it is decided as if that key was presented.
    #[serde(default)]
    #[schema(example = "bbrek47j65dw")]
    pub key_id: Option<String>,
    /// An API key in full, sent in the header for keys.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 20000, write_only)]
    pub key: Option<String>,
    /// A JSON Web Token, or a key, sent as `Authorization: Bearer`.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 20000, write_only)]
    pub token: Option<String>,
}

/// A request that can be decided on.
pub(super) struct Asked {
    pub(super) gate: Gate,
    /// All headers, pseudo-headers included.
    lines: Vec<(String, String)>,
    pub(super) method: String,
    pub(super) target: Target,
    /// The address that rules are about, and where it was found.
    pub(super) address: Option<IpAddr>,
    pub(super) origin: Origin,
    /// Which key is presented, where only its public id is known.
    pub(super) key_id: Option<String>,
    pub(super) now_ms: u64,
}

impl Asked {
    /// The headers, as a gate reads them.
    pub(super) fn headers(&self) -> Vec<(&[u8], &[u8])> {
        let lines = self.lines.iter();
        lines
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
            .collect()
    }
}

/// What stands in for a key of which only the public id is known. No key has this form: those of Portcullis begin with
/// `ptc_`, those from elsewhere have no blanks.
pub(super) fn stand_in(key_id: &str) -> String {
    format!("the key {key_id}")
}

impl ExplanationDraft {
    /// The request, at a time unless it has its own.
    ///
    /// # Errors
    /// When it is none. Names the members, and repeats nothing of what they say.
    pub(super) fn into_asked(self, now_ms: u64) -> Result<Asked, Vec<Violation>> {
        let mut violations = Vec::new();
        if !is_name(&self.method, 32) {
            let detail = "an HTTP method such as `GET` is expected";
            violations.push(Violation::new("/method", detail));
        }
        let target = Target::parse(&self.url)
            .map_err(|invalid| violations.push(Violation::new("/url", invalid)));
        let headers = self.headers.iter().enumerate();
        violations.extend(headers.filter_map(|(index, header)| flaw(index, header)));
        let address = self.address.map(|text| text.trim().parse::<IpAddr>());
        if matches!(address, Some(Err(_))) {
            let detail = "an IPv4 or IPv6 address is expected";
            violations.push(Violation::new("/address", detail));
        }
        let credential_header = self.filter.credential_header();
        let presented = self
            .credential
            .map(|it| it.into_presented(&credential_header));
        let presented = presented
            .transpose()
            .map_err(|violation| violations.push(violation));
        let gate = self.filter.into_gate();
        let gate = gate.map_err(|invalid| violations.push(Violation::new("/filter", invalid)));
        let (Ok(target), Ok(presented), Ok(gate), []) = (target, presented, gate, &*violations)
        else {
            return Err(violations);
        };

        let mut lines = vec![
            (":method".to_owned(), self.method.clone()),
            (":authority".to_owned(), target.authority.clone()),
            (":path".to_owned(), target.path.clone()),
        ];
        let headers = self.headers.into_iter();
        lines.extend(headers.map(|it| (it.name.to_ascii_lowercase(), it.value)));
        let forwarded = lines.iter().filter(|(name, _)| name == "x-forwarded-for");
        let (address, origin) = peer::judged(
            address.and_then(Result::ok),
            self.trusted_hops,
            forwarded.map(|(_, value)| value.as_str()),
        );
        let (line, key_id) = presented.map_or((None, None), |it| (Some(it.line), it.key_id));
        lines.extend(line);
        Ok(Asked {
            gate,
            lines,
            method: self.method,
            target,
            address,
            origin,
            key_id,
            now_ms: self.at.map_or(now_ms, Moment::as_ms),
        })
    }
}

/// A credential in its header.
struct Presented {
    line: (String, String),
    key_id: Option<String>,
}

impl CredentialDraft {
    fn into_presented(self, credential_header: &str) -> Result<Presented, Violation> {
        let header = |value| (credential_header.to_owned(), value);
        let invalid = |member: &str, detail: &str| {
            let pointer = format!("/credential{member}");
            Err(Violation::new(pointer, detail))
        };
        const FORM: &str = "1 to 20,000 characters are expected, and no control characters";
        match (self.key_id, self.key, self.token) {
            (Some(id), None, None) if is_key_id(&id) => Ok(Presented {
                line: header(stand_in(&id)),
                key_id: Some(id),
            }),
            (Some(_), None, None) => invalid(
                "/key_id",
                "the public id of a key is expected: its 12 letters and digits after `ptc_…_`",
            ),
            (None, Some(key), None) if is_value(&key) => Ok(Presented {
                line: header(key),
                key_id: None,
            }),
            (None, Some(_), None) => invalid("/key", FORM),
            (None, None, Some(token)) if is_value(&token) => Ok(Presented {
                line: ("authorization".to_owned(), format!("Bearer {token}")),
                key_id: None,
            }),
            (None, None, Some(_)) => invalid("/token", FORM),
            (None, None, None)
            | (Some(_), Some(_), _)
            | (Some(_), _, Some(_))
            | (_, Some(_), Some(_)) => {
                invalid("", "exactly one of `key_id`, `key` and `token` is expected")
            }
        }
    }
}

fn flaw(index: usize, header: &HeaderDraft) -> Option<Violation> {
    let at = |member, detail| Some(Violation::new(format!("/headers/{index}/{member}"), detail));
    if header.name.eq_ignore_ascii_case("host") {
        return at("name", "the host of a request stands in `url`");
    }
    if !is_name(&header.name, LONGEST_NAME) {
        return at(
            "name",
            "the name of a header is expected (RFC 9110 section 5.1): at most 256 characters",
        );
    }
    if header.value.len() > LONGEST_VALUE || header.value.contains(is_stray) {
        return at(
            "value",
            "at most 20,000 characters are expected, and no control characters",
        );
    }
    None
}

/// Whether a text is a token as of RFC 9110 section 5.6.2: methods and names of headers are.
fn is_name(text: &str, longest: usize) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (1..=longest).contains(&text.len()) && text.bytes().all(is_token)
}

fn is_value(text: &str) -> bool {
    (1..=LONGEST_VALUE).contains(&text.len()) && !text.contains(is_stray)
}

fn is_stray(character: char) -> bool {
    character.is_ascii_control() && character != '\t'
}

fn is_key_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
