//! The shipped bootstraps of Envoy, with other addresses and paths, and what Envoy is started with beside one. Everything
//! else stays as it ships.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::workspace;

/// A bootstrap of Envoy.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    root: Value,
    pub(super) arguments: Vec<String>,
    pub(super) environment: Vec<(String, String)>,
}

impl Bootstrap {
    /// One of the files in `envoy/`, such as `demo.yaml`, with its addresses as they ship.
    ///
    /// # Errors
    /// When there is no such file, or it is not YAML.
    pub fn shipped(name: &str) -> Result<Self> {
        Self::read(&workspace::root().join("envoy").join(name))
    }

    /// A bootstrap in a file.
    ///
    /// # Errors
    /// When there is no such file, or it is not YAML.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read `{}`", path.display()))?;
        Self::parse(&text).with_context(|| format!("`{}` is not YAML", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        Ok(Self {
            root: serde_saphyr::from_str(text)?,
            arguments: vec![],
            environment: vec![],
        })
    }

    /// With free ports of this machine for the admin page and all listeners.
    #[must_use]
    pub fn on_free_ports(mut self) -> Self {
        let free = address(SocketAddr::from(([127, 0, 0, 1], 0)));
        self.root["admin"]["address"] = free.clone();
        for listener in elements(&mut self.root["static_resources"]["listeners"]) {
            listener["address"] = free.clone();
        }
        self
    }

    /// With the admin page elsewhere.
    #[must_use]
    pub fn admin(mut self, at: SocketAddr) -> Self {
        self.root["admin"]["address"] = address(at);
        self
    }

    /// With a listener elsewhere.
    ///
    /// # Errors
    /// When there is no listener of this name.
    pub fn listener(mut self, name: &str, at: SocketAddr) -> Result<Self> {
        named(&mut self.root["static_resources"]["listeners"], name)?["address"] = address(at);
        Ok(self)
    }

    /// With a cluster that consists of one address.
    ///
    /// # Errors
    /// When there is no cluster of this name.
    pub fn cluster(self, name: &str, at: SocketAddr) -> Result<Self> {
        self.cluster_of(name, &[at])
    }

    /// With a cluster that consists of several addresses.
    ///
    /// # Errors
    /// When there is no cluster of this name.
    pub fn cluster_of(mut self, name: &str, at: &[SocketAddr]) -> Result<Self> {
        let cluster = named(&mut self.root["static_resources"]["clusters"], name)?;
        cluster["type"] = json!("STATIC");
        let endpoint = |at: &SocketAddr| json!({"endpoint": {"address": address(*at)}});
        let endpoints: Vec<_> = at.iter().map(endpoint).collect();
        cluster["load_assignment"]["endpoints"] = json!([{ "lb_endpoints": endpoints }]);
        Ok(self)
    }

    /// With another module in every Wasm filter whose module is called `file_name`.
    ///
    /// # Errors
    /// When there is no such filter.
    pub fn module(self, file_name: &str, module: &Path) -> Result<Self> {
        let ending = format!("/{file_name}");
        self.replace(&module.to_string_lossy(), |text| text.ends_with(&ending))
            .with_context(|| format!("no filter loads `{file_name}`"))
    }

    /// With one text in place of another, wherever it stands as a whole value.
    ///
    /// # Errors
    /// When it stands nowhere.
    pub fn value(self, old: &str, new: &str) -> Result<Self> {
        self.replace(new, |text| text == old)
            .with_context(|| format!("`{old}` stands nowhere"))
    }

    /// With another configuration for the filter called `portcullis`: the JSON that it reads.
    ///
    /// # Errors
    /// When there is no such filter.
    pub fn configuration(self, configuration: &str) -> Result<Self> {
        self.replace(configuration, |text| text.contains(r#""control_plane""#))
            .context("no filter is configured")
    }

    /// Whatever else a test has to change, by JSON pointer (RFC 6901).
    ///
    /// # Errors
    /// When the pointer leads nowhere.
    pub fn at(mut self, pointer: &str, change: impl FnOnce(&mut Value)) -> Result<Self> {
        let place = self.root.pointer_mut(pointer);
        change(place.with_context(|| format!("`{pointer}` leads nowhere"))?);
        Ok(self)
    }

    /// With further arguments for Envoy, such as `--drain-time-s 1`.
    #[must_use]
    pub fn started_with(mut self, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned());
        self.arguments.extend(arguments);
        self
    }

    /// With a further environment variable for Envoy.
    #[must_use]
    pub fn started_where(mut self, variable: &str, value: &str) -> Self {
        self.environment.push((variable.into(), value.into()));
        self
    }

    /// The bootstrap as JSON, which Envoy reads as well as YAML.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.root.to_string()
    }

    fn replace(mut self, new: &str, is_wanted: impl Fn(&str) -> bool) -> Result<Self> {
        let mut count = 0;
        visit(&mut self.root, &mut |text| {
            if is_wanted(text) {
                new.clone_into(text);
                count += 1;
            }
        });
        if count == 0 {
            bail!("nothing to replace");
        }
        Ok(self)
    }
}

fn address(at: SocketAddr) -> Value {
    json!({"socket_address": {"address": at.ip().to_string(), "port_value": at.port()}})
}

fn elements(value: &mut Value) -> impl Iterator<Item = &mut Value> {
    value.as_array_mut().into_iter().flatten()
}

fn named<'a>(list: &'a mut Value, name: &str) -> Result<&'a mut Value> {
    elements(list)
        .find(|element| element["name"] == name)
        .with_context(|| format!("the bootstrap has no `{name}`"))
}

fn visit(value: &mut Value, visitor: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => visitor(text),
        Value::Array(list) => list.iter_mut().for_each(|element| visit(element, visitor)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|member| visit(member, visitor)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_paths_are_replaced_and_nothing_else() {
        let shipped = Bootstrap::shipped("demo.yaml").unwrap();
        let pointer = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
        let settings = |bootstrap: &Bootstrap| {
            let manager = bootstrap.root.pointer(pointer).unwrap();
            (
                manager["use_remote_address"].clone(),
                manager["access_log"].clone(),
            )
        };

        let moved = shipped
            .clone()
            .on_free_ports()
            .cluster("service", SocketAddr::from(([127, 0, 0, 1], 7)))
            .unwrap()
            .module("portcullis.wasm", Path::new("/elsewhere.wasm"))
            .unwrap();

        assert_eq!(settings(&moved), settings(&shipped));
        let json = moved.to_json();
        assert!(
            json.contains("/elsewhere.wasm") && json.contains(r#""port_value":7"#),
            "{json}"
        );
        assert!(!json.contains("10000") && !json.contains("9901"), "{json}");
    }

    #[test]
    fn what_the_bootstrap_lacks_is_named() {
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let refusal = Bootstrap::shipped("demo.yaml")
            .unwrap()
            .cluster("absent", anywhere)
            .unwrap_err();
        assert_eq!(refusal.to_string(), "the bootstrap has no `absent`");
    }
}
