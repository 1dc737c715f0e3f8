//! A whole decision on hostile headers: nothing passes without a credential that opens it, and nothing secret shows.
//!
//! An input is a line with the number of the settings and the caller's address, then a header on each line, `name: value`.
//! A `$name$` in a value stands for the credential of that name, `$name/basic$` for it as HTTP Basic has it. A line
//! `hs256 HEADER CLAIMS` (`es256`, `rs256`), two JSON objects with a tabulator between, is a token signed with the
//! issuer's key, sent as `Bearer`.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_engine::jwt::{PureRust, VerifiedTokens};
use portcullis_engine::limit::Uncounted;
use portcullis_engine::path::Path;
use portcullis_engine::{
    Decision, DenialReason, Gate, GateSettings, Permit, Registry as _, Request, World,
};
use portcullis_feed::{Algorithm, ProfileId};
use portcullis_registry::{View, Writer};

use crate::hearing::Heard;
use crate::memory::Memory;
use crate::path::parameters;
use crate::world::{self, CREDENTIALS};
use crate::{NOW_MS, issuer};

/// What services could take for an identity of ours, folded.
const IDENTITY: [&str; 4] = [
    "x-client-id",
    "x-client-name",
    "x-access-profile-id",
    "x-api-collection",
];
/// The same, where a claim of tokens is passed on.
const CLAIM: &str = "x-tenant";
const PARAMETER: &[u8] = b"api-key";
const MOST_HEADERS: usize = 40;

thread_local! {
    static VIEW: View<Memory> = view();
    static GATES: [Gate; 4] = gates();
}

/// A request that an input describes.
struct Call {
    gate: usize,
    address: Option<IpAddr>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The credentials in it that open something: their text, and whose they are.
    genuine: Vec<(String, ProfileId)>,
}

/// Checks a request.
///
/// # Panics
/// When something passes that must not, or a secret shows.
pub fn check(input: &[u8]) {
    let _ = judged(input);
}

/// Checks a request, and answers why it is refused, if it is.
fn judged(input: &[u8]) -> Option<DenialReason> {
    let call = read(input);
    let headers: Vec<(&[u8], &[u8])> = call
        .headers
        .iter()
        .map(|(name, value)| (name.as_slice(), value.as_slice()))
        .collect();
    let request = Request {
        headers: &headers,
        address: &|| call.address,
    };
    let verified = VerifiedTokens::new(1 << 16, (1, 2));
    let world = World {
        now_ms: &|| NOW_MS,
        signatures: &PureRust,
        verified: &verified,
        limits: &Uncounted,
    };
    GATES.with(|gates| {
        VIEW.with(|view| {
            let gate = &gates[call.gate];
            let decision = gate.decide(&request, view, &world);
            check_decision(&call, view, &decision);
            // The second time, tokens are known, and somebody listens.
            let mut heard = Heard::default();
            let again = gate.decide_aloud(&request, view, &world, &mut heard);
            assert_eq!(format!("{decision:?}"), format!("{again:?}"));
            let told = match &decision {
                Ok(permit) => permit.observed().map(|denial| denial.reason),
                Err(denial) => Some(denial.reason),
            };
            assert_eq!(heard.refused, told);
            decision.err().map(|denial| denial.reason)
        })
    })
}

fn read(input: &[u8]) -> Call {
    let mut lines = input.split(|byte| *byte == b'\n');
    let first = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let (gate, address) = first.split_once(' ').unwrap_or((&first, ""));
    let mut call = Call {
        gate: gate.parse().unwrap_or(0_usize) % 4,
        address: address.parse().ok(),
        headers: vec![],
        genuine: vec![],
    };
    for line in lines.take(MOST_HEADERS) {
        let signed = [
            (&b"hs256 "[..], Algorithm::HS256, world::HS256),
            (b"es256 ", Algorithm::ES256, world::ES256),
            (b"rs256 ", Algorithm::RS256, world::RS256),
        ];
        let signed = signed.into_iter().find_map(|(word, algorithm, profile)| {
            Some((line.strip_prefix(word)?, algorithm, profile))
        });
        if let Some((parts, algorithm, profile)) = signed {
            let mut parts = parts.splitn(2, |byte| *byte == b'\t');
            let (header, claims) = (
                parts.next().unwrap_or_default(),
                parts.next().unwrap_or_default(),
            );
            let token = issuer::sign(algorithm, header, claims);
            let value = format!("Bearer {token}").into_bytes();
            call.headers.push((b"authorization".to_vec(), value));
            call.genuine.push((token, world::profile_id(profile)));
            continue;
        }
        let colon = line
            .iter()
            .skip(1)
            .position(|byte| *byte == b':')
            .map(|at| at + 1);
        let (name, value) = line.split_at(colon.unwrap_or(line.len()));
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        let value = call.filled(value);
        // Envoy hands names over in lower case.
        call.headers.push((name.to_ascii_lowercase(), value));
    }
    call
}

impl Call {
    /// A value with credentials in place of their names.
    fn filled(&mut self, value: &[u8]) -> Vec<u8> {
        let mut filled = vec![];
        for (at, part) in value.split(|byte| *byte == b'$').enumerate() {
            let text = String::from_utf8_lossy(part);
            let (name, is_basic) = match text.strip_suffix("/basic") {
                Some(name) => (name, true),
                None => (text.as_ref(), false),
            };
            match CREDENTIALS.iter().find(|it| at % 2 == 1 && it.name == name) {
                Some(it) => {
                    let text = it.text.clone();
                    filled.extend(if is_basic {
                        STANDARD.encode(format!("api-token:{text}")).into_bytes()
                    } else {
                        text.clone().into_bytes()
                    });
                    if it.is_good {
                        self.genuine.push((text, it.profile));
                    }
                }
                None => filled.extend(part),
            }
        }
        filled
    }

    fn all(&self, name: &[u8]) -> impl Iterator<Item = &[u8]> {
        self.headers
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.as_slice())
    }

    fn last(&self, name: &[u8]) -> &[u8] {
        self.all(name).last().unwrap_or_default()
    }

    /// Whether a credential stands somewhere in the request as a whole.
    fn presents(&self, credential: &str) -> bool {
        let credential = credential.as_bytes();
        let basic = |text: &[u8]| {
            let padded = STANDARD
                .decode(text)
                .or_else(|_| base64::engine::general_purpose::STANDARD_NO_PAD.decode(text));
            padded.is_ok_and(|pair| pair.strip_prefix(b"api-token:") == Some(credential))
        };
        let by_header = self
            .all(b"api-token")
            .any(|value| value.trim_ascii() == credential);
        let by_scheme = self.all(b"authorization").any(|value| {
            let words = value.split(|byte| matches!(byte, b' ' | b','));
            words
                .map(<[u8]>::trim_ascii)
                .any(|word| word == credential || basic(word))
        });
        let by_query = parameters(self.last(b":path"), PARAMETER)
            .any(|value| value.trim_ascii() == credential);
        by_header || by_scheme || by_query
    }
}

fn check_decision(call: &Call, view: &View<Memory>, decision: &Decision<'_>) {
    let shown = format!("{decision:?}");
    let secrets = CREDENTIALS.iter().map(|it| it.text.as_str());
    for secret in secrets.chain(call.genuine.iter().map(|(text, _)| text.as_str())) {
        assert!(!shown.contains(secret), "a credential shows");
    }
    assert!(!shown.contains("canary"), "a secret shows");
    let stripped = match decision {
        Ok(permit) => permit.stripped(),
        Err(denial) => denial.stripped(),
    };
    for (name, _) in &call.headers {
        let folded = String::from_utf8_lossy(name).replace(['_', '.'], "-");
        let is_identity =
            IDENTITY.contains(&folded.as_str()) || (call.gate == 1 && folded == CLAIM);
        assert!(
            !is_identity || stripped.contains(&name.as_slice()),
            "{name:?} is not stripped"
        );
    }
    match decision {
        Ok(permit) => check_permit(call, view, permit),
        Err(denial) => {
            let is_unproven = matches!(
                denial.reason,
                DenialReason::CredentialMissing | DenialReason::CredentialInvalid
            );
            assert!(!is_unproven || (denial.holder.is_none() && denial.collection.is_none()));
            assert_ne!(denial.reason, DenialReason::NotReady);
        }
    }
}

fn check_permit(call: &Call, view: &View<Memory>, permit: &Permit<'_>) {
    let target = call.last(b":path");
    if let Some(holder) = permit.holder() {
        let id = holder.profile();
        let is_proven =
            |(text, profile): &(String, ProfileId)| *profile == id && call.presents(text);
        assert!(call.genuine.iter().any(is_proven), "{id} was not proven");
        if call.gate != 2 {
            for (name, value) in &call.headers {
                let carries = name == b"api-token" && !value.trim_ascii().is_empty();
                assert!(!carries || permit.stripped().contains(&name.as_slice()));
            }
            let target = permit.target().unwrap_or(target);
            assert!(call.gate != 1 || parameters(target, PARAMETER).next().is_none());
        }
    }
    if let Some(denial) = permit.observed() {
        let is_observed = denial
            .holder
            .as_ref()
            .is_some_and(|it| it.conditions().observe);
        assert!(call.gate == 3 || is_observed && denial.reason.is_about_rights());
        return;
    }
    let path = Path::parse(target).unwrap_or_else(|_| panic!("{target:?} is ambiguous"));
    let collection = permit
        .collection()
        .unwrap_or_else(|| panic!("{target:?} is of no collection"));
    assert!(!path.is_dubious() || collection.allows_dubious_paths);
    let is_preflight =
        call.gate == 1 && call.last(b":method") == b"OPTIONS" && permit.holder().is_none();
    if collection.public || is_preflight {
        return;
    }
    let endpoint = view
        .routes()
        .and_then(|routes| routes.find(b"", call.last(b":method"), &path).cloned());
    let endpoint = endpoint.unwrap_or_else(|| panic!("{target:?} is no endpoint"));
    assert!(endpoint.enabled && endpoint.collection.id == collection.id);
    let holder = permit.holder();
    let holder = holder.unwrap_or_else(|| panic!("nobody may call {target:?}"));
    assert!(holder.is_granted(&collection.id));
    let conditions = holder.conditions();
    assert!(conditions.profile_enabled && conditions.client_enabled);
    assert!(conditions.addresses.allows(call.address));
}

fn view() -> View<Memory> {
    let memory = Memory::default();
    let applied = Writer::new(memory.clone(), 1).apply(&world::page());
    assert_eq!(applied.map(|progress| progress.unreadable), Ok(vec![]));
    let view = View::new(memory, 1 << 20);
    view.refresh();
    view
}

/// As it comes; everything switched on; credentials passed on; everything only observed.
fn gates() -> [Gate; 4] {
    let all_on = GateSettings {
        query_parameter: Some("api-key".into()),
        claim_headers: vec![(CLAIM.into(), "tenant".into())],
        passes_preflight: true,
        ..GateSettings::default()
    };
    let forwarding = GateSettings {
        query_parameter: Some("api-key".into()),
        forwards_credential: true,
        names_by_key_id: false,
        ..GateSettings::default()
    };
    let observing = GateSettings {
        observe: true,
        ..GateSettings::default()
    };
    [GateSettings::default(), all_on, forwarding, observing]
        .map(|settings| Gate::new(settings).unwrap_or_else(|error| panic!("{error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the seeds come to: were all refused for one reason, nothing would be tried.
    #[test]
    fn seeds_pass_or_are_refused_for_what_their_names_say() {
        for (seed, expected) in [
            ("key", None),
            ("own-key-basic", None),
            ("key-in-query", None),
            ("deprecated", None),
            ("near", None),
            ("watched", None),
            ("observing", None),
            ("public", None),
            ("dubious", None),
            ("preflight", None),
            ("hs256", None),
            ("es256", None),
            ("rs256", None),
            ("signed", None),
            ("named-by-key", None),
            ("signed-identity", None),
            ("signed-by-kid", None),
            ("none", Some(DenialReason::CredentialMissing)),
            ("token-as-key", Some(DenialReason::CredentialInvalid)),
            ("name-as-key", Some(DenialReason::CredentialInvalid)),
            ("signed-for-another", Some(DenialReason::CredentialInvalid)),
            ("signed-expired", Some(DenialReason::CredentialExpired)),
            ("revoked", Some(DenialReason::CredentialRevoked)),
            ("expired", Some(DenialReason::CredentialExpired)),
            ("disabled", Some(DenialReason::ProfileDisabled)),
            ("far", Some(DenialReason::AddressNotAllowed)),
            ("two-keys", Some(DenialReason::RequestAmbiguous)),
            ("dubious-elsewhere", Some(DenialReason::RequestAmbiguous)),
            ("not-granted", Some(DenialReason::CollectionNotGranted)),
            ("switched-off", Some(DenialReason::EndpointDisabled)),
        ] {
            let path = format!("{}/seeds/request/{seed}", env!("CARGO_MANIFEST_DIR"));
            let input = std::fs::read(path).unwrap();
            assert_eq!(judged(&input), expected, "{seed}");
        }
    }
}
