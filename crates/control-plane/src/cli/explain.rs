//! `portcullis explain`.

mod told;

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::{Map, Value, json};

use super::planned::Planned;
use super::remote::Remote;
use super::{Exit, Failure, Output};
use crate::app::explanation::Verdict;

pub(super) use told::{Mark, Told};

/// Settings of the filter that say nothing about requests.
const OF_THE_VM: [&str; 3] = ["control_plane", "cache_mib", "max_staleness_s"];

/// Explain what gateways decide about a request, check by check.
///
/// By the gateways' own engine, on the records that they are told. Nothing is changed, and what is presented is neither
/// kept nor repeated. Ends with 0 where the request passes, with 3 where it is refused.
#[derive(clap::Args)]
pub struct Explain {
    /// The method, such as GET.
    method: String,
    /// Where it goes: a URL, or a path for any host.
    url: String,
    /// A header, as `name: value`. May be given several times.
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    headers: Vec<String>,
    /// From which address: that of Envoy's peer.
    #[arg(long)]
    address: Option<String>,
    /// How many proxies before Envoy are believed in what `x-forwarded-for` says (`xff_num_trusted_hops`).
    #[arg(long, default_value_t = 0)]
    trusted_hops: u8,
    #[command(flatten)]
    credential: Credential,
    /// When, such as 2027-01-31T12:00:00Z. Now, when absent.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// A file with the JSON that configures the filter in Envoy, where that is not as usual.
    #[arg(long, value_name = "FILE")]
    filter: Option<PathBuf>,
    #[command(flatten)]
    planned: Planned,
    #[command(flatten)]
    remote: Remote,
}

/// What is presented.
#[derive(clap::Args)]
#[group(multiple = false)]
struct Credential {
    /// The public id of an API key: as if that key was presented.
    #[arg(long, value_name = "ID")]
    key_id: Option<String>,
    /// An API key in full. Others may see it in the list of processes: prefer --key-id or --key-file.
    #[arg(long)]
    key: Option<String>,
    /// A file with an API key, or `-` for the standard input.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// A file with a JSON Web Token, or `-` for the standard input.
    #[arg(long, value_name = "FILE")]
    jwt_file: Option<PathBuf>,
}

impl Explain {
    pub(super) fn run(self, output: Output) -> Result<Exit, Failure> {
        let request = format!("{} {}", self.method, self.url);
        let draft = json!({
            "method": self.method,
            "url": self.url,
            "headers": headers(&self.headers)?,
            "address": self.address,
            "trusted_hops": self.trusted_hops,
            "credential": self.credential.read()?,
            "at": self.at,
            "filter": self.filter.as_deref().map(filter).transpose()?,
        });
        let told = self.planned.explain(&self.remote, vec![draft])?;
        let explanation = told.explanations.into_iter().next();
        let explanation = explanation.context("the control plane explained nothing")?;
        let exit = match explanation.decision {
            Verdict::Permitted => Exit::Done,
            Verdict::Refused => Exit::Differs,
        };
        output.write(&Told {
            request: &request,
            explanation: &explanation,
        })?;
        Ok(exit)
    }
}

impl Credential {
    fn read(self) -> anyhow::Result<Option<Value>> {
        let file = |path: Option<PathBuf>| path.as_deref().map(secret).transpose();
        let (key_file, jwt_file) = (file(self.key_file)?, file(self.jwt_file)?);
        let given = [
            ("key_id", self.key_id),
            ("key", self.key.or(key_file)),
            ("token", jwt_file),
        ];
        let given = given
            .into_iter()
            .find_map(|(member, text)| Some((member, text?)));
        Ok(given.map(|(member, text)| json!({ member: text })))
    }
}

/// The headers of the command line as the control plane takes them.
fn headers(lines: &[String]) -> anyhow::Result<Vec<Value>> {
    lines
        .iter()
        .enumerate()
        .map(|(index, line)| {
            // The line is not repeated: it may hold a credential.
            let Some((name, value)) = line.split_once(':') else {
                bail!(
                    "header {} is not of the form `name: value`",
                    index.saturating_add(1)
                );
            };
            Ok(json!({"name": name.trim(), "value": value.trim()}))
        })
        .collect()
}

/// The content of a file, or of the standard input, without the line break at its end.
pub(super) fn secret(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin()
            .read_to_string(&mut text)
            .context("cannot read the standard input")?;
    } else {
        text = fs::read_to_string(path)
            .with_context(|| format!("cannot read `{}`", path.display()))?;
    }
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// What a configuration of the filter says about requests.
pub(super) fn filter(path: &Path) -> anyhow::Result<Map<String, Value>> {
    let shown = path.display();
    let text = fs::read(path).with_context(|| format!("cannot read `{shown}`"))?;
    let mut settings: Map<String, Value> =
        serde_json::from_slice(&text).with_context(|| format!("`{shown}` is no JSON object"))?;
    settings.retain(|name, _| !OF_THE_VM.contains(&name.as_str()));
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_split_at_its_first_colon_and_never_repeated() {
        let good = headers(&["Origin:https://a.example ".to_owned()]).unwrap();
        assert_eq!(
            good,
            [json!({"name": "Origin", "value": "https://a.example"})]
        );
        let refused = headers(&["a: b".to_owned(), "hush".to_owned()]).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "header 2 is not of the form `name: value`"
        );
    }

    #[test]
    fn of_a_configuration_only_what_concerns_requests_is_sent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("filter.json");
        let settings = json!({"control_plane": {"cluster": "c"}, "cache_mib": 1, "observe": true});
        fs::write(&path, settings.to_string()).unwrap();
        assert_eq!(
            Value::Object(filter(&path).unwrap()),
            json!({"observe": true})
        );
        fs::write(&path, "[]").unwrap();
        assert!(
            filter(&path)
                .unwrap_err()
                .to_string()
                .ends_with("is no JSON object")
        );
    }
}
