//! What is seen of a page by who judges it: its width, what it loads, and what keeps people out.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;
use xtask::test::AXE;

use super::{Person, named};

impl Person {
    /// Whether the page is wider than its window.
    ///
    /// # Errors
    /// When the browser does not say.
    pub async fn is_too_wide(&self) -> Result<bool> {
        let script =
            "return document.documentElement.scrollWidth > document.documentElement.clientWidth";
        let answer = self.driver.execute(script, Vec::new()).await?;
        Ok(answer.as_bool().unwrap_or(true))
    }

    /// What the page loaded from elsewhere, and how many bytes it loaded in all.
    ///
    /// # Errors
    /// When the browser does not say.
    pub async fn loaded(&self) -> Result<(Vec<String>, u64)> {
        let script = "const all = [...performance.getEntriesByType('navigation'), \
                      ...performance.getEntriesByType('resource')];
                      return [all.map(e => e.name), all.reduce((sum, e) => sum + e.decodedBodySize, 0)]";
        let told = self.driver.execute(script, Vec::new()).await?;
        let names = told[0].as_array().cloned().unwrap_or_default();
        let names = names.iter().filter_map(Value::as_str);
        let elsewhere =
            names.filter(|name| !name.starts_with(&self.base) && !name.starts_with("blob:"));
        Ok((
            elsewhere.map(str::to_owned).collect(),
            told[1].as_u64().unwrap_or(0),
        ))
    }

    /// What keeps people from using the page, by the rules of levels A and AA: nothing, where all is well.
    ///
    /// # Errors
    /// When it cannot be looked for.
    pub async fn barriers(&self) -> Result<Vec<String>> {
        let axe = std::fs::read_to_string(named(AXE)?)?;
        self.driver.execute(&axe, Vec::new()).await?;
        let script = "const done = arguments[arguments.length - 1];
            axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}).then(
                found => done(found.violations.map(rule =>
                    rule.id + ': ' + rule.nodes.map(node => node.html + ' ' + node.failureSummary).join('; '))),
                error => done(['axe failed: ' + error]));";
        let answer = self.driver.execute_async(script, Vec::new()).await?;
        let found = answer.as_array().cloned().context("axe says nothing")?;
        Ok(found
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect())
    }

    /// Keeps what is seen of the page as a picture.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub async fn pictures(&self, path: &Path) -> Result<()> {
        Ok(std::fs::write(path, self.driver.screenshot().await?)?)
    }

    /// Where the links of the page lead, as paths, when they lead here.
    ///
    /// # Errors
    /// When the browser does not say.
    pub async fn links(&self) -> Result<Vec<String>> {
        let script = "return [...document.links].map(link => link.href)";
        let answer = self.driver.execute(script, Vec::new()).await?;
        let links = answer.as_array().cloned().unwrap_or_default();
        let paths = links
            .iter()
            .filter_map(|link| link.as_str()?.strip_prefix(&self.base));
        Ok(paths.map(str::to_owned).collect())
    }
}
