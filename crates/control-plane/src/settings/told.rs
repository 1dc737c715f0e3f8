//! Settings as operators may see them: what is secret only says that it is given, and where.

use secrecy::ExposeSecret as _;

use super::{InvalidSetting, SETTINGS, Setting, Sources};

/// A setting, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldSetting {
    /// Which one.
    pub setting: Setting,
    /// Its value. Absent, when it is secret, or not given and without a default.
    pub value: Option<String>,
    /// Where it stands. Absent, when it is not given.
    pub origin: Option<String>,
}

impl Sources {
    /// All settings, as they may be shown.
    ///
    /// # Errors
    /// When one is given twice in one place.
    pub fn told(&self) -> Result<Vec<ToldSetting>, InvalidSetting> {
        let told = SETTINGS.iter().map(|setting| {
            let given = self.given(setting)?;
            let is_shown = !setting.is_secret;
            Ok(ToldSetting {
                setting: *setting,
                value: given
                    .as_ref()
                    .filter(|_| is_shown)
                    .map(|given| given.value.expose_secret().to_owned()),
                origin: given.map(|given| given.origin),
            })
        });
        told.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn what_is_secret_is_never_told_and_all_else_is() {
        let flags = [
            ("key_environment", "test"),
            ("database_url", "postgres://me:canary@db/x"),
        ];
        let flags = flags.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let sources = Sources::of_process(BTreeMap::from(flags), None).unwrap();
        let told = sources.told().unwrap();
        assert_eq!(told.len(), SETTINGS.len());
        let of = |key: &str| told.iter().find(|it| it.setting.key == key).unwrap();
        assert_eq!(of("key_environment").value.as_deref(), Some("test"));
        assert_eq!(of("keep_removals_days").value.as_deref(), Some("7"));
        let database = of("database_url");
        assert_eq!(database.value, None);
        assert_eq!(database.origin.as_deref(), Some("`--database-url`"));
        assert!(!format!("{told:?}").contains("canary"));
    }
}
