//! The file of settings: TOML, with the keys of the table and no others.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use toml::{Table, Value};

use super::Setting;

/// What a file may have at most, so that a mistaken path is not read to its end.
const LONGEST_BYTES: u64 = 256 * 1024;

/// A file that was read.
#[derive(Debug)]
pub struct SettingsFile {
    pub(super) path: PathBuf,
    pub(super) values: BTreeMap<String, SecretString>,
}

/// A file cannot be used. What stands in it is not repeated: it may be a secret.
#[derive(Debug, thiserror::Error)]
pub enum InvalidFile {
    /// It cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is longer than any such file.
    #[error("`{}` is longer than {LONGEST_BYTES} bytes", path.display())]
    TooLong {
        /// Which one.
        path: PathBuf,
    },
    /// It is not TOML.
    #[error("`{}` is not TOML: line {line}: {reason}", path.display())]
    Malformed {
        /// Which one.
        path: PathBuf,
        /// Where.
        line: usize,
        /// Why.
        reason: String,
    },
    /// There is no such setting.
    #[error("`{}` has the unknown key `{key}`", path.display())]
    UnknownKey {
        /// Which one.
        path: PathBuf,
        /// Which key.
        key: String,
    },
    /// It cannot be the value of any setting.
    #[error("`{key}` in `{}` is neither a text, nor a number, nor a list of texts", path.display())]
    NoValue {
        /// Which one.
        path: PathBuf,
        /// Which key.
        key: String,
    },
    /// It holds a secret, and others than its owner may read it.
    #[error(
        "`{}` holds `{key}` and can be read by others: `chmod 600` it, or name a file of its own in `{key}_file`",
        path.display()
    )]
    ReadableByOthers {
        /// Which one.
        path: PathBuf,
        /// Which secret.
        key: String,
    },
}

impl SettingsFile {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, is not TOML, has a key that no setting has, or shows a secret to others.
    pub fn read(path: &Path) -> Result<Self, InvalidFile> {
        let (text, mode) = read(path)?;
        let path = || path.to_owned();
        let table: Table = text
            .parse()
            .map_err(|error| malformed(&path(), &text, &error))?;
        let mut values = BTreeMap::new();
        for (key, value) in table {
            let Some((setting, names_file)) = Setting::of_key(&key) else {
                return Err(InvalidFile::UnknownKey { path: path(), key });
            };
            let Some(text) = text_of(&value) else {
                return Err(InvalidFile::NoValue { path: path(), key });
            };
            if setting.is_secret && !names_file && !text.is_empty() && mode & 0o077 != 0 {
                return Err(InvalidFile::ReadableByOthers { path: path(), key });
            }
            values.insert(key, text.into());
        }
        Ok(Self {
            path: path(),
            values,
        })
    }
}

/// A text from a file that holds nothing else, without the line break at its end.
pub(super) fn read_secret(path: &Path) -> Result<SecretString, InvalidFile> {
    let (text, _) = read(path)?;
    Ok(text.trim_end_matches(['\r', '\n']).into())
}

/// What a file holds, and who may read it.
fn read(path: &Path) -> Result<(String, u32), InvalidFile> {
    let unreadable = |source| InvalidFile::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    // Of the open file, not of the path: that may lead elsewhere meanwhile.
    let mode = file.metadata().map_err(unreadable)?.mode();
    let mut text = String::new();
    let read = file.take(LONGEST_BYTES.saturating_add(1));
    let read = { read }.read_to_string(&mut text).map_err(unreadable)?;
    if u64::try_from(read).unwrap_or(u64::MAX) > LONGEST_BYTES {
        return Err(InvalidFile::TooLong {
            path: path.to_owned(),
        });
    }
    Ok((text, mode))
}

/// The library's own form of an error shows the line, which may hold a secret.
fn malformed(path: &Path, text: &str, error: &toml::de::Error) -> InvalidFile {
    let before = error.span().and_then(|span| text.get(..span.start));
    InvalidFile::Malformed {
        path: path.to_owned(),
        line: before.unwrap_or_default().matches('\n').count() + 1,
        reason: error.message().to_owned(),
    }
}

/// A value as a flag would have it.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Array(values) => {
            let texts = values.iter().map(Value::as_str).collect::<Option<Vec<_>>>();
            texts.map(|texts| texts.join(","))
        }
        Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) | Value::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    fn read_with(mode: u32, text: &str) -> Result<SettingsFile, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("portcullis.toml");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        SettingsFile::read(&path).map_err(|invalid| {
            let told = invalid.to_string();
            told.replace(path.to_str().unwrap(), "portcullis.toml")
        })
    }

    #[test]
    fn texts_numbers_and_lists_of_texts_are_values() {
        let text = "listen = '[::1]:80'\nkeep_removals_days = 30\n\
                    key_set_networks = ['10.0.0.0/8', 'fd00::/8']\noperator_token_file = '/token'";
        let file = read_with(0o644, text).unwrap();
        let value = |key: &str| file.values[key].expose_secret();
        assert_eq!(value("listen"), "[::1]:80");
        assert_eq!(value("keep_removals_days"), "30");
        assert_eq!(value("key_set_networks"), "10.0.0.0/8,fd00::/8");
        assert_eq!(value("operator_token_file"), "/token");
    }

    #[test]
    fn what_is_no_setting_is_named_with_its_file() {
        let refused = |text: &str| read_with(0o600, text).unwrap_err();
        for key in ["lisetn", "tls", "listen_file", "config"] {
            assert_eq!(
                refused(&format!("{key} = 'x'")),
                format!("`portcullis.toml` has the unknown key `{key}`")
            );
        }
        assert_eq!(
            refused("[tls]\nkey = 'x'"),
            "`portcullis.toml` has the unknown key `tls`"
        );
        for value in ["true", "1.5", "[1]", "{a = 'x'}", "2027-01-15"] {
            assert_eq!(
                refused(&format!("listen = {value}")),
                "`listen` in `portcullis.toml` is neither a text, nor a number, nor a list of texts"
            );
        }
    }

    #[test]
    fn what_is_no_toml_is_named_by_its_line_and_never_shown() {
        let refused = |text: &str| read_with(0o600, text).unwrap_err();
        for text in [
            "listen = 'a'\noperator_token = canary",
            "listen = 'a'\noperator_token = \"canary",
            "listen = 'a'\ncanary",
        ] {
            let told = refused(text);
            assert!(
                told.starts_with("`portcullis.toml` is not TOML: line 2: "),
                "{told}"
            );
            assert!(!told.contains("canary"), "{told}");
        }
    }

    #[test]
    fn a_secret_is_only_read_from_a_file_that_its_owner_alone_may_read() {
        let told = read_with(0o640, "operator_token = 'canary'").unwrap_err();
        assert_eq!(
            told,
            "`portcullis.toml` holds `operator_token` and can be read by others: `chmod 600` it, or \
             name a file of its own in `operator_token_file`"
        );
        assert!(read_with(0o600, "operator_token = 'canary'").is_ok());
        assert!(read_with(0o644, "operator_token = ''").is_ok());
    }

    #[test]
    fn a_file_that_is_far_too_long_is_not_read() {
        let text = "#".repeat(300 * 1024);
        let told = read_with(0o600, &text).unwrap_err();
        assert_eq!(told, "`portcullis.toml` is longer than 262144 bytes");
    }
}
