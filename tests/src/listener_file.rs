//! Listeners that Envoy reads from a file, and reads again whenever the file is replaced.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use xtask::stage::Bootstrap;

use crate::settings;

/// Where the filter stands within a listener of the shipped bootstraps.
const FILTER: &str = "/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config";

/// The file, and the listener in it.
#[derive(Debug)]
pub struct ListenerFile {
    path: PathBuf,
    listener: Value,
}

impl ListenerFile {
    /// Moves the listener of a bootstrap into a file in `folder`.
    ///
    /// # Errors
    /// When the bootstrap has none.
    pub fn take_from(bootstrap: Bootstrap, folder: &Path) -> Result<(Bootstrap, Self)> {
        let path = folder.join("listeners.json");
        let mut listener = Value::Null;
        let bootstrap = bootstrap.at("", |root| {
            listener = root["static_resources"]["listeners"][0].take();
            root["static_resources"]["listeners"] = json!([]);
            root["node"] = json!({"id": "gateway", "cluster": "gateways"});
            root["dynamic_resources"] =
                json!({"lds_config": {"path_config_source": {"path": path}}});
        })?;
        let file = Self { path, listener };
        file.write()?;
        Ok((bootstrap, file))
    }

    /// Replaces the settings of the filter: the usual ones and `further`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set(&mut self, further: &Value) -> Result<()> {
        self.change("/configuration/value", settings(further).to_string())
    }

    /// Has the filter run from another module.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn load(&mut self, module: &Path) -> Result<()> {
        self.change("/vm_config/code/local/filename", module.to_string_lossy())
    }

    fn change(&mut self, pointer: &str, new: impl Into<String>) -> Result<()> {
        let value = self.listener.pointer_mut(&format!("{FILTER}{pointer}"));
        *value.with_context(|| format!("the filter has no `{pointer}`"))? = new.into().into();
        self.write()
    }

    fn write(&self) -> Result<()> {
        let mut listener = self.listener.clone();
        listener["@type"] = "type.googleapis.com/envoy.config.listener.v3.Listener".into();
        replace_file(&self.path, &json!({"resources": [listener]}))
    }
}

/// Replaces a file at once, which is what Envoy watches for.
///
/// # Errors
/// When it cannot be written.
pub fn replace_file(path: &Path, content: &Value) -> Result<()> {
    let next = path.with_extension("next");
    std::fs::write(&next, content.to_string())?;
    Ok(std::fs::rename(next, path)?)
}
