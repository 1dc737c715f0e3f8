//! Where settings come from. One rule for all: a flag wins over the environment, that over the file, and that over the
//! default. An empty text counts as none, since that is how orchestrators leave one out.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::Path;
use std::str::FromStr;

use secrecy::{ExposeSecret as _, SecretString};

use super::Setting;
use super::file::{InvalidFile, SettingsFile, read_secret};
use super::table::variable;

/// All that is said about settings.
#[derive(Debug, Default)]
pub struct Sources {
    /// By key; for a secret by the key of its file.
    flags: BTreeMap<String, String>,
    /// By variable. Others than those of settings have no meaning.
    environment: BTreeMap<String, SecretString>,
    /// The file, where there is one.
    file: Option<SettingsFile>,
}

/// A setting cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSetting {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] InvalidFile),
    /// The file with a secret cannot be used.
    #[error("cannot use {origin}")]
    SecretFile {
        /// Where it is named.
        origin: String,
        /// Why.
        source: InvalidFile,
    },
    /// The value has another form.
    #[error("cannot use {origin}")]
    Unusable {
        /// Where it stands.
        origin: String,
        /// Why. It does not repeat secrets.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A secret is given in two ways, and nobody knows which one is meant.
    #[error("{one} and {other} are both given")]
    Twice {
        /// Where it stands.
        one: String,
        /// Where it stands too.
        other: String,
    },
    /// One is of no use without another.
    #[error("`{one}` needs `{other}` beside it")]
    Alone {
        /// What is given.
        one: &'static str,
        /// What is not.
        other: &'static str,
    },
}

/// A number is outside of its range, or none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no whole number from {least} to {most}")]
pub struct InvalidNumber {
    text: String,
    least: u64,
    most: u64,
}

/// A value, and where it stands.
pub(super) struct Given {
    pub(super) value: SecretString,
    pub(super) origin: String,
}

#[derive(Clone, Copy)]
enum Source {
    Flags,
    Environment,
    File,
}

impl Sources {
    /// Those of a process: its flags, its environment, and the file that it is told to read.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn of_process(
        flags: BTreeMap<String, String>,
        file: Option<&Path>,
    ) -> Result<Self, InvalidFile> {
        let is_own = |name: &String| name.starts_with(&variable(""));
        let named = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok().filter(is_own)?;
            Some((name, value.to_string_lossy().into_owned().into()))
        });
        Ok(Self {
            flags,
            environment: named.collect(),
            file: file.map(SettingsFile::read).transpose()?,
        })
    }

    /// The value of a setting, read by `parse`.
    ///
    /// # Errors
    /// When it is given twice in one place, or has another form.
    pub fn value<T, E>(
        &self,
        setting: &Setting,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, InvalidSetting>
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let Some(given) = self.given(setting)? else {
            return Ok(None);
        };
        match parse(given.value.expose_secret()) {
            Ok(value) => Ok(Some(value)),
            Err(invalid) => Err(InvalidSetting::Unusable {
                origin: given.origin,
                source: invalid.into(),
            }),
        }
    }

    /// A setting that is a text of any form.
    ///
    /// # Errors
    /// When it is given twice in one place.
    pub fn text(&self, setting: &Setting) -> Result<Option<String>, InvalidSetting> {
        self.value(setting, |text| Ok::<_, fmt::Error>(text.to_owned()))
    }

    /// A setting with a default, whose type says what it may be.
    ///
    /// # Errors
    /// When it has another form.
    pub fn parsed<T>(&self, setting: &Setting) -> Result<T, InvalidSetting>
    where
        T: FromStr<Err: Into<Box<dyn Error + Send + Sync>>> + Default,
    {
        Ok(self.value(setting, str::parse)?.unwrap_or_default())
    }

    /// A setting with a default that is a number.
    ///
    /// # Errors
    /// When it is none, or not in the range.
    pub fn number(
        &self,
        setting: &Setting,
        range: RangeInclusive<u64>,
    ) -> Result<u64, InvalidSetting> {
        let read = |text: &str| {
            let number = text.parse().ok().filter(|number| range.contains(number));
            number.ok_or_else(|| InvalidNumber {
                text: text.to_owned(),
                least: *range.start(),
                most: *range.end(),
            })
        };
        // Every number has a default.
        Ok(self.value(setting, read)?.unwrap_or(*range.start()))
    }

    pub(super) fn given(&self, setting: &Setting) -> Result<Option<Given>, InvalidSetting> {
        for source in [Source::Flags, Source::Environment, Source::File] {
            let given = self.stated(source, setting.key);
            let file = setting
                .is_secret
                .then(|| self.stated(source, &setting.file_key()))
                .flatten();
            match (given, file) {
                (Some(one), Some(other)) => {
                    return Err(InvalidSetting::Twice {
                        one: one.origin,
                        other: other.origin,
                    });
                }
                (Some(given), None) => return Ok(Some(given)),
                (None, Some(file)) => return file.followed().map(Some),
                (None, None) => {}
            }
        }
        let default = setting.default;
        Ok((!default.is_empty()).then(|| Given {
            value: default.into(),
            origin: format!("the default of `{}`", setting.key),
        }))
    }

    fn stated(&self, source: Source, key: &str) -> Option<Given> {
        let (value, origin) = match source {
            Source::Flags => {
                let flag = self.flags.get(key)?;
                let origin = format!("`--{}`", key.replace('_', "-"));
                (SecretString::from(flag.as_str()), origin)
            }
            Source::Environment => {
                let variable = variable(key);
                let value = self.environment.get(&variable)?.clone();
                (value, format!("`{variable}`"))
            }
            Source::File => {
                let file = self.file.as_ref()?;
                let origin = format!("`{key}` in `{}`", file.path.display());
                (file.values.get(key)?.clone(), origin)
            }
        };
        (!value.expose_secret().is_empty()).then_some(Given { value, origin })
    }
}

impl Given {
    /// What stands in the file that this names.
    fn followed(self) -> Result<Self, InvalidSetting> {
        let path = Path::new(self.value.expose_secret());
        match read_secret(path) {
            Ok(value) => Ok(Self {
                origin: format!("`{}`, which {} names", path.display(), self.origin),
                value,
            }),
            Err(source) => Err(InvalidSetting::SecretFile {
                origin: self.origin,
                source,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{KEEP_REMOVALS_DAYS, LISTEN, OPERATOR_TOKEN};
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;
    use tempfile::TempDir;

    fn written(folder: &TempDir, name: &str, text: &str) -> PathBuf {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn sources(flags: &[(&str, &str)], variables: &[(&str, &str)], file: Option<&Path>) -> Sources {
        let flag = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let variable =
            |(name, value): &(&str, &str)| ((*name).to_owned(), SecretString::from(*value));
        Sources {
            flags: flags.iter().map(flag).collect(),
            environment: variables.iter().map(variable).collect(),
            file: file.map(|path| SettingsFile::read(path).unwrap()),
        }
    }

    fn sentence(error: &dyn Error) -> String {
        let mut sentence = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            sentence = format!("{sentence}: {error}");
            cause = error.source();
        }
        sentence
    }

    #[test]
    fn a_flag_wins_over_the_environment_that_over_the_file_and_that_over_the_default() {
        let folder = tempfile::tempdir().unwrap();
        let file = written(&folder, "portcullis.toml", "listen = 'of the file'");
        let flag = [("listen", "of the flag")];
        let variable = [("PORTCULLIS_LISTEN", "of the environment")];
        let empty = [("PORTCULLIS_LISTEN", "")];
        let text = |sources: Sources| sources.text(&LISTEN).unwrap().unwrap();
        assert_eq!(text(sources(&flag, &variable, Some(&file))), "of the flag");
        assert_eq!(
            text(sources(&[], &variable, Some(&file))),
            "of the environment"
        );
        assert_eq!(text(sources(&[], &empty, Some(&file))), "of the file");
        assert_eq!(text(sources(&[], &empty, None)), "127.0.0.1:8080");
    }

    #[test]
    fn a_secret_may_stand_in_a_file_of_its_own_wherever_that_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let secret = written(&folder, "token", "canary\n");
        let secret = secret.to_str().unwrap();
        let line = format!("operator_token_file = '{secret}'");
        let file = written(&folder, "portcullis.toml", &line);
        let value = |sources: Sources| sources.text(&OPERATOR_TOKEN).unwrap();
        let canary = Some("canary".to_owned());
        assert_eq!(value(sources(&[], &[], Some(&file))), canary);
        let variable = [("PORTCULLIS_OPERATOR_TOKEN_FILE", secret)];
        assert_eq!(value(sources(&[], &variable, None)), canary);
        let flag = [("operator_token_file", secret)];
        let other = [("PORTCULLIS_OPERATOR_TOKEN", "other")];
        assert_eq!(value(sources(&flag, &other, Some(&file))), canary);
        assert_eq!(value(sources(&[], &[], None)), None);
    }

    #[test]
    fn a_secret_that_is_given_in_two_ways_at_one_place_is_refused() {
        let both = [
            ("PORTCULLIS_OPERATOR_TOKEN", "canary"),
            ("PORTCULLIS_OPERATOR_TOKEN_FILE", "/canary"),
        ];
        let refused = sources(&[], &both, None).text(&OPERATOR_TOKEN).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "`PORTCULLIS_OPERATOR_TOKEN` and `PORTCULLIS_OPERATOR_TOKEN_FILE` are both given"
        );
    }

    #[test]
    fn what_cannot_be_used_is_named_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = written(&folder, "portcullis.toml", "keep_removals_days = 3651");
        let days = |sources: Sources| {
            let refused = sources.number(&KEEP_REMOVALS_DAYS, 1..=3650).unwrap_err();
            sentence(&refused)
        };
        assert_eq!(
            days(sources(&[], &[], Some(&file))),
            format!(
                "cannot use `keep_removals_days` in `{}`: `3651` is no whole number from 1 to 3650",
                file.display()
            )
        );
        assert_eq!(
            days(sources(&[("keep_removals_days", "x")], &[], None)),
            "cannot use `--keep-removals-days`: `x` is no whole number from 1 to 3650"
        );
        let nowhere = [("PORTCULLIS_OPERATOR_TOKEN_FILE", "/nowhere/token")];
        let refused = sources(&[], &nowhere, None)
            .text(&OPERATOR_TOKEN)
            .unwrap_err();
        let told = sentence(&refused);
        assert!(
            told.starts_with(
                "cannot use `PORTCULLIS_OPERATOR_TOKEN_FILE`: cannot read `/nowhere/token`: "
            ),
            "{told}"
        );
    }

    #[test]
    fn a_debug_form_shows_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let file = written(&folder, "portcullis.toml", "secret_key = 'canary'");
        let shown = format!("{:?}", sources(&[], &[], Some(&file)));
        assert!(!shown.contains("canary"), "{shown}");
    }
}
