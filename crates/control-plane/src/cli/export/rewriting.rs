//! From the JSON of an export to YAML, record by record: however many there are, few are in memory.

use std::fmt;
use std::io::{Read, Write};

use anyhow::{Context as _, Result};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_saphyr::ser_options;

use crate::app::configuration::document::{ClientDocument, CollectionDocument, PolicyDocument};

const HEAD: &str =
    "# Exported by portcullis. docs/configuration-as-code.md says what stands here.\n";

/// Rewrites a whole export.
///
/// # Errors
/// When it broke off or is none, or cannot be written.
pub(super) fn yaml(from: impl Read, to: &mut impl Write) -> Result<()> {
    to.write_all(HEAD.as_bytes())?;
    let mut reader = serde_json::Deserializer::from_reader(from);
    let rewritten = (&mut reader).deserialize_map(Export { to });
    rewritten
        .and_then(|()| reader.end())
        .context("the export broke off, or is not that of a control plane of this version")
}

struct Export<'a, W> {
    to: &'a mut W,
}

impl<'de, W: Write> Visitor<'de> for Export<'_, W> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an export")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            match name.as_str() {
                "version" => {
                    let version: u32 = members.next_value()?;
                    let line = format!("version: {version}\n");
                    self.to
                        .write_all(line.as_bytes())
                        .map_err(A::Error::custom)?;
                }
                "policies" => {
                    members.next_value_seed(List::<PolicyDocument, W>::of(&name, self.to))?
                }
                "collections" => {
                    members.next_value_seed(List::<CollectionDocument, W>::of(&name, self.to))?;
                }
                "clients" => {
                    members.next_value_seed(List::<ClientDocument, W>::of(&name, self.to))?
                }
                _ => return Err(A::Error::custom(format!("unknown field `{name}`"))),
            }
        }
        Ok(())
    }
}

/// A list whose entries are written as they come.
struct List<'a, T, W> {
    name: &'a str,
    to: &'a mut W,
    kind: std::marker::PhantomData<T>,
}

impl<'a, T, W> List<'a, T, W> {
    const fn of(name: &'a str, to: &'a mut W) -> Self {
        Self {
            name,
            to,
            kind: std::marker::PhantomData,
        }
    }
}

impl<'de, T: Deserialize<'de> + Serialize, W: Write> DeserializeSeed<'de> for List<'_, T, W> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de> + Serialize, W: Write> Visitor<'de> for List<'_, T, W> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut write = |text: &str| self.to.write_all(text.as_bytes()).map_err(A::Error::custom);
        let mut is_empty = true;
        while let Some(entry) = entries.next_element::<T>()? {
            if is_empty {
                write(&format!("{}:\n", self.name))?;
            }
            is_empty = false;
            let options = ser_options! { prefer_block_scalars: false };
            let text = serde_saphyr::to_string_with_options(&[entry], options);
            write(&text.map_err(A::Error::custom)?)?;
        }
        if is_empty {
            write(&format!("{}: []\n", self.name))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::configuration::document::Configuration;

    fn rewritten(configuration: &Configuration) -> String {
        let json = serde_json::to_vec(configuration).unwrap();
        let mut text = Vec::new();
        yaml(json.as_slice(), &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn whatever_names_and_descriptions_say_is_read_again_as_it_was() {
        let texts = [
            "no",
            "~",
            "1.10",
            "0x1f",
            "- a",
            "a: b",
            "# a",
            "'",
            "\"",
            "{",
            "[a]",
            "&a",
            "*a",
            "!a",
            "|",
            ">",
            "% a",
            "@a",
            "`a`",
            "ünï",
            "日本",
            "🦀",
            "a #b",
            "trailing:",
            "null",
            "2027-01-31",
            "1e3",
            "<<",
            "=",
            ".inf",
            "\u{feff}bom",
            "a\u{85}b",
            "a\u{2028}b",
        ];
        let lines = [
            "a\nb",
            "a\n\n b\n",
            "\ta",
            "a\r\nb",
            " \n ",
            "- a\n- b",
            "long ".repeat(300).as_str(),
        ]
        .map(str::to_owned);
        let mut clients = Vec::new();
        for text in texts {
            if let Ok(name) = serde_json::from_value::<ClientDocument>(
                serde_json::json!({"name": text, "description": text}),
            ) {
                clients.push(name);
            }
        }
        for text in &lines {
            clients.push(
                serde_json::from_value(serde_json::json!({"name": "n", "description": text}))
                    .unwrap(),
            );
        }
        let configuration = Configuration {
            clients: Some(clients),
            policies: Some(Vec::new()),
            collections: Some(Vec::new()),
            ..Configuration::default()
        };
        let text = rewritten(&configuration);
        let read: Configuration =
            serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(read, configuration);
    }

    #[test]
    fn an_export_that_breaks_off_is_none() {
        let json = serde_json::to_vec(&Configuration::default()).unwrap();
        let broken = json.get(..json.len() - 1).unwrap();
        assert!(yaml(broken, &mut Vec::new()).is_err());
        assert!(
            yaml(
                br#"{"version":1,"clients":[{"name":"a"},"#.as_slice(),
                &mut Vec::new()
            )
            .is_err()
        );
    }
}
