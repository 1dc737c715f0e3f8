//! Somebody who is logged in to the console and reads its pages, without a browser.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;

use crate::stage::Operator;

/// How long a page may take at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// An operator with a session.
pub struct Reader {
    agent: ureq::Agent,
    base: String,
    cookie: String,
}

/// A page that was read to its end.
pub struct Read {
    /// How long that took, in milliseconds.
    pub ms: f64,
    /// What it says.
    pub text: String,
}

impl Reader {
    /// Has an admin invited, who then logs in.
    pub fn log_in(control_plane: SocketAddr, operator: &Operator) -> Result<Self> {
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .max_redirects(0)
            .build();
        let agent: ureq::Agent = agent.into();
        let base = format!("http://{control_plane}");
        let draft = json!({"email": "reader@example.com", "name": "Reader", "role": "admin"});
        let invited = operator.call("POST", "/operators", &draft)?;
        let url = invited.body["link"]["url"].as_str();
        let url = url.with_context(|| format!("no link was made: {}", invited.body))?;
        let (_, token) = url.split_once("token=").context("a link without token")?;
        let password = "correct-horse-battery";
        let form = format!("token={token}&password={password}&repeated={password}");
        let request = agent.post(format!("{base}/console/link"));
        let request = request
            .header("origin", &base)
            .header("content-type", "application/x-www-form-urlencoded");
        let entered = request.send(form)?;
        let cookie = entered.headers().get("set-cookie");
        let cookie = cookie.and_then(|value| value.to_str().ok()?.split(';').next());
        let cookie = cookie
            .with_context(|| format!("logging in was answered with {}", entered.status()))?
            .to_owned();
        Ok(Self {
            agent,
            base,
            cookie,
        })
    }

    /// Reads a page.
    pub fn read(&self, path: &str) -> Result<Read> {
        let request = self.agent.get(format!("{}{path}", self.base));
        let begin = Instant::now();
        let mut answer = request.header("cookie", &self.cookie).call()?;
        let text = answer.body_mut().read_to_string()?;
        let ms = begin.elapsed().as_secs_f64() * 1e3;
        let status = answer.status().as_u16();
        ensure!(
            status == 200,
            "the page `{path}` was answered with {status}"
        );
        Ok(Read { ms, text })
    }
}

impl Read {
    /// Where the list goes on.
    pub fn next(&self) -> Result<String> {
        self.linked("rel=\"next\" href=\"")
    }

    /// The style sheet and the script that it loads.
    pub fn assets(&self) -> Result<[String; 2]> {
        Ok([
            self.linked("rel=\"stylesheet\" href=\"")?,
            self.linked("<script src=\"")?,
        ])
    }

    /// What follows a part of the page, up to the end of the attribute.
    fn linked(&self, before: &str) -> Result<String> {
        let found = self.text.split_once(before);
        match found.and_then(|(_, rest)| rest.split_once('"')) {
            Some((path, _)) => Ok(path.replace("&amp;", "&")),
            None => bail!("a page has no `{before}`"),
        }
    }
}
