//! What is measured with tokens: their issuers, what both sides are told of them, and how the figures compare.

use std::net::SocketAddr;
use std::rc::Rc;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::gateway::{EMPTY, PLAIN, PORTCULLIS, native_token};
use super::load::{self, Load};
use super::native::{Issued, Native};
use super::report::{Row, median, paired};
use super::request::Measure;
use crate::stage::Envoy;

/// How tokens are signed.
pub const ALGORITHMS: [&str; 3] = ["HS256", "RS256", "ES256"];

/// How many tokens a turn has that nobody has seen before.
pub const FIRST_SIGHTS: usize = 2_000;

/// The most that a token that was seen before may cost above an API key, in microseconds.
const MOST_ABOVE_KEY_US: f64 = 1.0;
/// The most that an RS256 token may cost at first sight, in what it costs native `jwt_authn` without its cache.
const MOST_OF_NATIVE: f64 = 1.4;

/// An issuer, and enough tokens of one client.
pub struct Issuer {
    /// How it signs.
    pub algorithm: &'static str,
    /// The key that verifies, as a JSON Web Key.
    pub key: Value,
    /// Sent again and again.
    repeated: String,
    /// Requests with tokens that are sent once each.
    once: Rc<[String]>,
}

impl Issuer {
    /// All of them, with tokens for so many rounds and one to warm up.
    pub fn all(native: &Native, rounds: usize) -> Result<Vec<Self>> {
        let count = (rounds + 1) * FIRST_SIGHTS + 1;
        let issuer = |algorithm| {
            let Issued { key, mut tokens } = native.tokens(algorithm, algorithm, count)?;
            let repeated = tokens.pop().context("an issuer without tokens")?;
            let once = tokens.iter().map(|token| load::request(&bearer(token)));
            Ok(Self {
                algorithm,
                key,
                repeated,
                once: once.collect(),
            })
        };
        ALGORITHMS.into_iter().map(issuer).collect()
    }

    /// The access method of a profile whose tokens it issues.
    pub fn access(&self) -> Value {
        let mut jwt = json!({
            "algorithm": self.algorithm,
            "identity": {"issuer": Native::ISSUER, "client": self.algorithm},
            "audiences": [Native::AUDIENCE],
        });
        if self.key["kty"] == "oct" {
            jwt["secret"] = json!({"value": self.key["k"], "encoding": "base64"});
        } else {
            jwt["key"] = self.key.clone();
        }
        json!({"access_method": "jwt", "jwt": jwt})
    }

    fn repeatedly(&self) -> Load {
        Load::Same(Some(bearer(&self.repeated)))
    }

    fn each_once(&self) -> Load {
        Load::Different(Rc::clone(&self.once))
    }

    /// What is no token of this issuer, but looks like one.
    pub fn forged(&self) -> load::Header {
        let signed = self
            .repeated
            .rsplit_once('.')
            .map_or("", |(signed, _)| signed);
        bearer(&format!("{signed}.{}", "A".repeat(342)))
    }
}

fn bearer(token: &str) -> load::Header {
    ("authorization", format!("Bearer {token}"))
}

/// Two for each algorithm with a token that is known, two for nobody's sake, two for each algorithm with new tokens.
pub fn measures(envoy: &Envoy, issuers: &[Issuer]) -> Result<Vec<Measure>> {
    let portcullis = envoy.address_of(PORTCULLIS)?;
    let mut measures = vec![];
    let mut add = |name: String, to: SocketAddr, load| measures.push(Measure { name, to, load });
    for issuer in issuers {
        let (algorithm, load) = (issuer.algorithm, || issuer.repeatedly());
        let native = envoy.address_of(&native_token(algorithm, true))?;
        add(
            format!("native jwt_authn with cache, {algorithm} repeated"),
            native,
            load(),
        );
        add(
            format!("Portcullis, {algorithm} repeated"),
            portcullis,
            load(),
        );
    }
    if let Some(issuer) = issuers.first() {
        let (plain, empty) = (envoy.address_of(PLAIN)?, envoy.address_of(EMPTY)?);
        add(
            "no filter, tokens at first sight".into(),
            plain,
            issuer.each_once(),
        );
        add(
            "empty Wasm filter, tokens at first sight".into(),
            empty,
            issuer.each_once(),
        );
    }
    for issuer in issuers {
        let (algorithm, load) = (issuer.algorithm, || issuer.each_once());
        let native = envoy.address_of(&native_token(algorithm, false))?;
        add(
            format!("native jwt_authn without cache, {algorithm}"),
            native,
            load(),
        );
        add(
            format!("Portcullis, {algorithm} at first sight"),
            portcullis,
            load(),
        );
    }
    Ok(measures)
}

/// The figures of [`measures`], and how they compare with one another and with those of an API key.
pub fn rows(measures: &[Measure], costs: &[Vec<f64>], api_key: &[f64]) -> Vec<Row> {
    let each = measures.iter().zip(costs);
    let mut rows: Vec<Row> = each
        .map(|(measure, costs)| Row::median_of(measure.name.as_str(), costs, "µs CPU"))
        .collect();
    let Some((repeated, firsts)) = costs.split_at_checked(2 * ALGORITHMS.len()) else {
        return rows;
    };
    let compared = |name: String, values: &[f64], unit| Row::measured(name, median(values), unit);
    for (algorithm, pair) in ALGORITHMS.into_iter().zip(repeated.chunks_exact(2)) {
        let [_, ours] = pair else { continue };
        let above = paired(ours, api_key, |ours, key| ours - key);
        let name = format!("Portcullis, {algorithm} repeated: above an API key");
        rows.push(compared(name, &above, "µs CPU").aiming_at(MOST_ABOVE_KEY_US));
    }
    let [plain, _, firsts @ ..] = firsts else {
        return rows;
    };
    for (algorithm, pair) in ALGORITHMS.into_iter().zip(firsts.chunks_exact(2)) {
        let [native, ours] = pair else { continue };
        let aimed = |row: Row| match algorithm {
            "RS256" => row.aiming_at(MOST_OF_NATIVE),
            _ => row,
        };
        let whole = paired(ours, native, |ours, native| ours / native);
        let name = format!("Portcullis, {algorithm} at first sight: of the native one");
        rows.push(aimed(compared(name, &whole, "×")));
        let added = |costs| paired(costs, plain, |with, without| with - without);
        let share = paired(&added(ours), &added(native), |ours, native| ours / native);
        let name = format!("Portcullis, {algorithm} at first sight: of what the native one adds");
        rows.push(aimed(compared(name, &share, "×")));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What rows say whose measures cost 20, 22, 24, … µs, beside an API key of 21.5.
    fn values() -> Vec<(String, f64, Option<bool>)> {
        let to = SocketAddr::from(([127, 0, 0, 1], 1));
        let measure = |number| Measure {
            name: format!("measure {number}"),
            to,
            load: Load::Same(None),
        };
        let measures: Vec<Measure> = (0..14).map(measure).collect();
        let costs: Vec<Vec<f64>> = (0..14_u32)
            .map(|number| vec![f64::from(20 + 2 * number)])
            .collect();
        let rows = rows(&measures, &costs, &[21.5]);
        let said = rows.into_iter().skip(14);
        said.map(|row| (row.measure, row.value, row.holds))
            .collect()
    }

    #[test]
    fn figures_are_compared_with_their_counterparts() {
        let values = values();
        let expect = |measure: &str, value: f64, holds: Option<bool>| {
            let name = format!("Portcullis, {measure}");
            assert!(
                values.contains(&(name, value, holds)),
                "{measure}: {values:?}"
            );
        };
        expect("HS256 repeated: above an API key", 0.5, Some(true));
        expect("RS256 repeated: above an API key", 4.5, Some(false));
        // Without a filter 32, native RS256 40, ours 42.
        expect("RS256 at first sight: of the native one", 1.05, Some(true));
        expect(
            "RS256 at first sight: of what the native one adds",
            1.25,
            Some(true),
        );
        expect("ES256 at first sight: of the native one", 1.045, None);
    }
}
