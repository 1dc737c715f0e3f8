//! The headers of a request, read in one pass.

use std::borrow::Cow;

use super::{Gate, fold, length_bit};
use crate::credential::Presentation;
use crate::query;

/// What the gate needs of the headers.
#[derive(Default)]
pub(super) struct Headers<'a> {
    pub(super) method: &'a [u8],
    pub(super) authority: &'a [u8],
    pub(super) path: &'a [u8],
    pub(super) origin: Option<&'a [u8]>,
    pub(super) preflight_method: Option<&'a [u8]>,
    pub(super) presentation: Presentation<'a>,
    /// The names of headers that carried a credential.
    pub(super) carriers: Vec<&'a [u8]>,
    /// The names of headers that a service could take for ours.
    pub(super) forged: Vec<&'a [u8]>,
    /// The target of the request without the credential that it carried.
    pub(super) target: Option<Vec<u8>>,
}

impl Gate {
    pub(super) fn read<'a>(&self, headers: &[(&'a [u8], &'a [u8])]) -> Headers<'a> {
        let mut read = Headers::default();
        for &(name, value) in headers {
            match name {
                b":method" => read.method = value,
                b":authority" => read.authority = value,
                b":path" => read.path = value,
                b"authorization" => {
                    let is_ours = read.presentation.note_authorization(value);
                    if is_ours {
                        note(&mut read.carriers, name);
                    }
                }
                b"origin" => read.origin = Some(value),
                b"access-control-request-method" => read.preflight_method = Some(value),
                _ if name == self.credential_header.as_ref() => {
                    read.presentation.note_key(value);
                    note(&mut read.carriers, name);
                }
                _ if self.claims_identity(name) => note(&mut read.forged, name),
                _ => {}
            }
        }
        if let Some(parameter) = &self.query_parameter
            && let Some(extracted) = query::extract(read.path, parameter)
        {
            for value in extracted.values {
                let value = value.trim_ascii().to_vec();
                read.presentation.note_parameter(Cow::Owned(value));
            }
            read.target = Some(extracted.target);
        }
        read
    }

    /// Whether a service might take this header for one of ours, however it spells names: some fold case, and some
    /// turn `-`, `_` and `.` into one another.
    fn claims_identity(&self, name: &[u8]) -> bool {
        self.identity_lengths & length_bit(name.len()) != 0
            && self.ours.iter().any(|ours| {
                ours.len() == name.len() && ours.iter().zip(name).all(|(&a, &b)| a == fold(b))
            })
    }
}

fn note<'a>(names: &mut Vec<&'a [u8]>, name: &'a [u8]) {
    if !names.contains(&name) {
        names.push(name);
    }
}
