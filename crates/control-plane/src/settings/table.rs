//! The one table of settings: what the file, the environment, the flags, `--help` and the documentation know.

use std::fmt::Write as _;

/// A setting of `portcullis serve`. Its key names it everywhere: `key_set_ca` in the file is `--key-set-ca` among the
/// flags and `PORTCULLIS_KEY_SET_CA` in the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub key: &'static str,
    /// What its value is, as `--help` shows it.
    pub value: &'static str,
    /// Its value where nobody says anything. Empty for none.
    pub default: &'static str,
    /// Whether nobody may read it: then it is no flag, since other users of a machine see those, and may stand in a file
    /// of its own, which `<key>_file` names.
    pub is_secret: bool,
    /// What it does, as Markdown.
    pub means: &'static str,
}

macro_rules! settings {
    ($($name:ident = $kind:ident $key:literal, $value:literal, $default:literal, $means:literal;)*) => {
        $(
            #[doc = concat!("`", $key, "`")]
            pub const $name: Setting = Setting {
                key: $key,
                value: $value,
                default: $default,
                is_secret: settings!(@is_secret $kind),
                means: $means,
            };
        )*

        /// All of them, in the order of the documentation.
        pub const SETTINGS: &[Setting] = &[$($name),*];
    };
    (@is_secret open) => { false };
    (@is_secret secret) => { true };
}

settings! {
    LISTEN = open "listen", "ADDRESS", "127.0.0.1:8080",
        "where REST and the feed answer; port 0 is a free one";
    TLS_CERTIFICATE = open "tls_certificate", "FILE", "",
        "a PEM file with the certificate of the listener and those up to its authority: with it, HTTPS is spoken instead of HTTP";
    TLS_KEY = open "tls_key", "FILE", "",
        "a PEM file with the private key of that certificate. Both files are read again when they change, and on SIGHUP";
    METRICS_LISTEN = open "metrics_listen", "ADDRESS", "",
        "where `/metrics`, `/healthz` and `/readyz` answer to those who watch, without any token: an address that only they reach, such as `127.0.0.1:9464`";
    DATA = open "data", "FOLDER", "./data",
        "the folder of the SQLite database, one process at a time; and of `secret.key`";
    DATABASE_URL = secret "database_url", "URL", "",
        "a PostgreSQL database instead of the file, `postgres://USER:PASSWORD@HOST:PORT/DATABASE`; any number of processes: see `database.md`. `?sslmode=verify-full&sslrootcert=FILE` and the other parameters of libpq are understood. `--database URL` gives it as a flag, which other users of the machine see";
    PUBLIC_URL = open "public_url", "URL", "",
        "by which URL browsers reach it, such as `https://portcullis.example.com`; the address on which it listens where there is none. Links lead there; with `https`, cookies travel over TLS only";
    SSO_ISSUER = open "sso_issuer", "URL", "",
        "the identity provider by which operators may log in, such as `https://id.example.com`: see `operators.md`";
    SSO_CLIENT_ID = open "sso_client_id", "ID", "",
        "the provider's name for the control plane";
    SSO_CLIENT_SECRET = secret "sso_client_secret", "SECRET", "",
        "what the control plane proves itself with to the provider";
    SSO_DOMAINS = open "sso_domains", "DOMAINS", "",
        "the domains of e-mail addresses from which operators may come, with commas between them; all where there is none";
    SSO_ROLES = open "sso_roles", "RULES", "",
        "which claims give which role, such as `groups:platform-team=admin,groups:api-owners=editor`";
    SSO_DEFAULT_ROLE = open "sso_default_role", "ROLE", "",
        "the role of those to whom no claim gives one. Without it they have to be invited first";
    KEY_ENVIRONMENT = open "key_environment", "NAME", "live",
        "what new API keys name: 1 to 12 of a-z and 0-9";
    KEY_SET_NETWORKS = open "key_set_networks", "NETWORKS", "",
        "networks, such as `10.0.0.0/8,fd00::/8`, that key sets of tokens may be fetched from though they are not public; only there `http` will do";
    KEY_SET_CA = open "key_set_ca", "FILE", "",
        "a PEM file with certificates of authorities that are believed besides the public ones when key sets are fetched";
    KEEP_REMOVALS_DAYS = open "keep_removals_days", "DAYS", "7",
        "for how many days gateways are told what was removed (1 to 3650). A gateway that was away for longer fetches everything again, beside what it has";
    KEEP_USAGE_MINUTES = open "keep_usage_minutes", "TIME", "2d",
        "for how long usage is kept by the minute, such as `12h` or `2d` (1 hour to 31 days): see `usage.md`";
    KEEP_USAGE_HOURS = open "keep_usage_hours", "TIME", "90d",
        "for how long usage is kept by the hour (1 day to 3650 days)";
    KEEP_USAGE_DAYS = open "keep_usage_days", "TIME", "730d",
        "for how long usage is kept by the day (2 days to 36500 days)";
    KEEP_REFUSALS = open "keep_refusals", "TIME", "7d",
        "for how long the sample of refused requests is kept (1 hour to 366 days), of which there are 100,000 at most";
    LOG = open "log", "DIRECTIVES", "info",
        "what to log on the standard error, such as `info` or `portcullis_control_plane=debug`";
    LOG_FORMAT = open "log_format", "FORM", "text",
        "in which form: `text`, or `json` for one object a line";
    MAX_CONNECTIONS = open "max_connections", "NUMBER", "10000",
        "how many connections there may be (1 to 1000000): further ones are closed at once. A gateway has one or two";
    MAX_CONNECTIONS_PER_ADDRESS = open "max_connections_per_address", "NUMBER", "5000",
        "how many of them from one IPv4 address, or one IPv6 network of 64 bits (1 to 1000000)";
    MAX_STREAMS = open "max_streams", "NUMBER", "256",
        "how many requests one HTTP/2 connection may have open (1 to 10000)";
    HEADER_TIMEOUT_S = open "header_timeout_s", "SECONDS", "30",
        "how long the head of a request may take, with TLS and all that comes before it, and how long an HTTP/1.1 connection may idle (1 to 3600)";
    REQUEST_TIMEOUT_S = open "request_timeout_s", "SECONDS", "30",
        "how long a request may take until its answer begins, its body included (1 to 3600). A large body has a second more for each 256 KiB. Waiting for changes (`wait`) comes on top";
    STOP_TIMEOUT_S = open "stop_timeout_s", "SECONDS", "10",
        "how long requests may take to end after SIGTERM or SIGINT (0 to 3600); a second signal ends the process at once";
    OPERATOR_TOKEN = secret "operator_token", "TOKEN", "",
        "a token with the role `admin`, of 32 characters or more, besides the operators and tokens that `operators.md` is about. Made at the first start where there is none";
    GATEWAY_TOKEN = secret "gateway_token", "TOKEN", "",
        "a token for gateways, of 32 characters or more, besides those made over REST: see `gateways.md`. Made at a start without any";
    SECRET_KEY = secret "secret_key", "KEY", "",
        "the key under which secrets of tokens are stored: 64 hexadecimal digits, such as `openssl rand -hex 32` prints; two with a comma between them while it is replaced: see `database.md`. The file `secret.key` in the data folder where there is none";
    FEED_SIGNING_KEY = secret "feed_signing_key", "KEY", "",
        "a key that signs what gateways are told, besides those that the control plane keeps: the secret half, in base64url or as 64 hexadecimal digits, such as `portcullis feed-key` prints it";
}

impl Setting {
    /// The setting of a key, and whether the key names the file of a secret instead of the secret.
    #[must_use]
    pub fn of_key(key: &str) -> Option<(Self, bool)> {
        SETTINGS.iter().find_map(|setting| {
            let names_file = setting.is_secret && setting.file_key() == key;
            (setting.key == key || names_file).then_some((*setting, names_file))
        })
    }

    /// The key that names a file with the secret.
    #[must_use]
    pub fn file_key(&self) -> String {
        format!("{}_file", self.key)
    }

    /// Its flag, without the dashes before it.
    #[must_use]
    pub fn flag(&self) -> String {
        let key = if self.is_secret {
            self.file_key()
        } else {
            self.key.to_owned()
        };
        key.replace('_', "-")
    }

    /// Its variable in the environment.
    #[must_use]
    pub fn variable(&self) -> String {
        variable(self.key)
    }

    /// The table of all, as Markdown.
    #[must_use]
    pub fn table() -> String {
        let mut table =
            "| key in the file | flag | variable | default | means |\n|---|---|---|---|---|\n"
                .to_owned();
        for setting in SETTINGS {
            let (key, variable) = (setting.key, setting.variable());
            let (key, variable) = match setting.is_secret {
                true => (
                    format!("`{key}`, `{key}_file`"),
                    format!("`{variable}`, `{variable}_FILE`"),
                ),
                false => (format!("`{key}`"), format!("`{variable}`")),
            };
            let default = match setting.default {
                "" => "none".to_owned(),
                default => format!("`{default}`"),
            };
            let (flag, means) = (setting.flag(), setting.means);
            let _ = writeln!(
                table,
                "| {key} | `--{flag}` | {variable} | {default} | {means} |"
            );
        }
        table
    }
}

/// The variable of a key.
pub(super) fn variable(key: &str) -> String {
    format!("PORTCULLIS_{}", key.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_the_table_as_it_is() {
        let documented = include_str!("../../../../docs/configuration.md");
        assert!(
            documented.contains(&Setting::table()),
            "docs/configuration.md needs this table:\n{}",
            Setting::table()
        );
    }

    #[test]
    fn no_two_settings_have_a_key_in_common() {
        let keys = || {
            let own = SETTINGS.iter().map(|setting| setting.key.to_owned());
            let files = SETTINGS.iter().filter(|setting| setting.is_secret);
            own.chain(files.map(Setting::file_key))
        };
        for key in keys() {
            assert_eq!(keys().filter(|other| *other == key).count(), 1, "{key}");
        }
    }
}
