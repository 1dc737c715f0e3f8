//! The licences of all dependencies are among those that `deny.toml` allows. With cargo-deny on the machine it decides,
//! also on sources and bans; without, the expressions in the manifests are read here.

use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use spdx::{Expression, LicenseReq, ParseMode};

use crate::{process, workspace};

#[derive(Deserialize)]
struct Deny {
    licenses: Licences,
}

#[derive(Deserialize)]
struct Licences {
    allow: Vec<String>,
    #[serde(default)]
    exceptions: Vec<Exception>,
}

/// What one package alone may have.
#[derive(Deserialize)]
struct Exception {
    allow: Vec<String>,
    #[serde(rename = "crate")]
    package: String,
}

impl Licences {
    /// What a package may have.
    fn of(&self, package: &str) -> Vec<String> {
        let own = self.exceptions.iter().filter(|it| it.package == package);
        let own = own.flat_map(|exception| &exception.allow);
        self.allow.iter().chain(own).cloned().collect()
    }
}

/// Whether every dependency may be used.
///
/// # Errors
/// When one may not: which.
pub fn check() -> Result<()> {
    let has_cargo_deny = process::probe(Command::new("cargo-deny").arg("--version")).is_some();
    if has_cargo_deny {
        return process::run(workspace::cargo().args([
            "deny",
            "--workspace",
            "check",
            "bans",
            "licenses",
            "sources",
        ]));
    }
    eprintln!("cargo-deny is not installed: licences are read from the manifests");
    eprintln!(
        "advisories are not checked: their database is not within reach of a check that works offline"
    );
    let text = std::fs::read_to_string(workspace::root().join("deny.toml"))?;
    let deny: Deny = toml::from_str(&text).context("`deny.toml` is not what cargo-deny reads")?;
    let metadata = workspace::metadata(&[])?;
    let refused: Vec<String> = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|package| {
            let licence = package["license"].as_str().unwrap_or_default();
            let name = package["name"].as_str().unwrap_or_default();
            let is_allowed = is_allowed(licence, &deny.licenses.of(name));
            (!is_allowed).then(|| format!("`{name}` ({licence})"))
        })
        .collect();
    if !refused.is_empty() {
        bail!("licences that are not allowed: {}", refused.join(", "));
    }
    Ok(())
}

/// Whether an expression such as `MIT OR Apache-2.0` is satisfied by the allowed licences.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let is_named = |requirement: &LicenseReq| {
        let text = requirement.to_string();
        allowed.contains(&text)
    };
    Expression::parse_mode(expression, ParseMode::LAX)
        .is_ok_and(|expression| expression.evaluate(is_named))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_allowed_when_the_choice_it_leaves_is() {
        let allowed = [
            "MIT".to_owned(),
            "Apache-2.0 WITH LLVM-exception".to_owned(),
        ];
        for expression in [
            "MIT",
            "MIT OR GPL-3.0",
            "MIT/Apache-2.0",
            "Apache-2.0 WITH LLVM-exception AND MIT",
        ] {
            assert!(is_allowed(expression, &allowed), "{expression}");
        }
        for expression in ["", "GPL-3.0", "MIT AND GPL-3.0", "Apache-2.0"] {
            assert!(!is_allowed(expression, &allowed), "{expression}");
        }
    }
}
