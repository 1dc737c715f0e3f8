//! What the demo prints to be tried: each line with what it answers.

use std::fmt;
use std::net::SocketAddr;

use anyhow::Result;

use super::sample::{self, Sample};
use super::secrets::{self, Secrets};

/// A line for a shell, and the status that it answers.
pub struct Line {
    /// What it shows.
    pub shows: &'static str,
    /// The status of the answer.
    pub status: u16,
    /// What to type.
    pub command: String,
}

/// All lines of the demo.
pub struct Lines {
    /// With the sample key.
    pub with_key: Line,
    /// Without a key.
    pub without_key: Line,
    /// With the key of the profile for elsewhere.
    pub from_elsewhere: Line,
    /// With a token.
    pub with_token: Line,
    /// With a token that somebody else has signed.
    pub with_forged_token: Line,
    /// Disables the client.
    pub disable: Line,
    /// Enables the client.
    pub enable: Line,
    /// Refreshes the sample key.
    pub refresh: Line,
    /// Shows the gateways.
    pub gateways: Line,
}

impl Lines {
    /// The lines for a demo that runs.
    pub fn new(
        sample: &Sample,
        gateway: SocketAddr,
        control_plane: SocketAddr,
        secrets: &Secrets,
    ) -> Result<Self> {
        let request = format!("curl -si http://{gateway}{}", sample::PATH);
        let call = |key: &str| format!("{request} -H 'api-token: {key}'");
        let call_with_token = |token: &str| format!("{request} -H 'authorization: Bearer {token}'");
        let good = sample.token()?;
        let forged = Sample {
            token_secret: secrets::random()?,
            ..sample.clone()
        };
        let token = secrets::shown(&secrets.operator_file);
        let manage = |method: &str, path: &str, body: &str| {
            let body = if body.is_empty() {
                String::new()
            } else {
                format!(" -H 'content-type: application/json' -d '{body}'")
            };
            format!(
                "curl -si -X {method} 'http://{control_plane}/api/v1/{path}' \
                 -H \"authorization: Bearer $(cat {token})\"{body}"
            )
        };
        let client = format!("clients/{}", sample.client);
        let refresh = format!(
            "access-profiles/{}/key/refresh?wait=applied",
            sample.profile
        );
        let line = |shows, status, command| Line {
            shows,
            status,
            command,
        };
        Ok(Self {
            with_key: line("with the sample key", 200, call(&sample.key)),
            without_key: line("without a key", 401, request.clone()),
            from_elsewhere: line(
                "with the key of a profile for addresses elsewhere",
                403,
                call(&sample.foreign_key),
            ),
            with_token: line(
                "with a token (JWT) that names its profile",
                200,
                call_with_token(&good),
            ),
            with_forged_token: line(
                "with the same, signed with another secret",
                401,
                call_with_token(&forged.token()?),
            ),
            disable: line(
                "disables the client; the first line then answers 403",
                200,
                manage("PATCH", &client, r#"{"enabled": false}"#),
            ),
            enable: line(
                "enables the client; the first line then answers 200",
                200,
                manage("PATCH", &client, r#"{"enabled": true}"#),
            ),
            refresh: line(
                "refreshes the key, and answers with the new one when every worker refuses the old one: the first line \
                 then answers 401",
                200,
                manage("POST", &refresh, ""),
            ),
            gateways: line(
                "which gateways there are, and what all of their workers have applied",
                200,
                manage("GET", "gateways", ""),
            ),
        })
    }
}

impl Lines {
    /// Those that go through the gateway.
    pub fn requests(&self) -> [&Line; 5] {
        [
            &self.with_key,
            &self.without_key,
            &self.from_elsewhere,
            &self.with_token,
            &self.with_forged_token,
        ]
    }
}

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Requests through the gateway:\n")?;
        for line in self.requests() {
            writeln!(f, "# {}: {}\n{}\n", line.status, line.shows, line.command)?;
        }
        writeln!(f, "Changes, which reach the gateway within a second:\n")?;
        for line in [&self.disable, &self.enable, &self.refresh, &self.gateways] {
            writeln!(f, "# {}: {}\n{}\n", line.status, line.shows, line.command)?;
        }
        Ok(())
    }
}
