//! Envoy takes a new listener configuration while it runs: the VM stays, its root contexts come and go.

use std::path::{Path, PathBuf};

use anyhow::Result;
use portcullis_tests::{Play, outcome, until};
use serde_json::{Value, json};
use xtask::stage::{Bootstrap, Caller};

/// A listener that Envoy reads from a file, and reads again whenever the file is replaced.
struct ListenerFile {
    path: PathBuf,
    listener: Value,
}

impl ListenerFile {
    /// Moves the listener of a bootstrap into a file in `folder`.
    fn take_from(bootstrap: Bootstrap, folder: &Path) -> Result<(Bootstrap, Self)> {
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

    /// Has callers send their key in another header from now on.
    fn rename_credential_header(&mut self, name: &str) -> Result<()> {
        let configuration = json!({
            "control_plane": {"cluster": "portcullis_control_plane"},
            "credential_header": name,
        });
        let filter = "/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config/configuration/value";
        if let Some(value) = self.listener.pointer_mut(filter) {
            *value = configuration.to_string().into();
        }
        self.write()
    }

    fn write(&self) -> Result<()> {
        let mut listener = self.listener.clone();
        listener["@type"] = "type.googleapis.com/envoy.config.listener.v3.Listener".into();
        let next = self.path.with_extension("next");
        std::fs::write(&next, json!({"resources": [listener]}).to_string())?;
        Ok(std::fs::rename(next, &self.path)?)
    }
}

#[test]
fn a_listener_update_changes_the_settings_and_loses_neither_records_nor_later_changes() {
    let play = Play::begin(1).unwrap();
    let member = play.member("Acme").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut file = None;
    let envoy = play
        .another_envoy(|bootstrap| {
            let (bootstrap, listener) = ListenerFile::take_from(bootstrap, folder.path())?;
            file = Some(listener);
            Ok(bootstrap)
        })
        .unwrap();
    let mut file = file.unwrap();
    let connect = || Caller::connect(envoy.gateway()?);
    let answered = |header: &str, expected: &str| {
        until(
            &mut play.caller()?,
            &format!("{header}: {expected}"),
            |_| {
                let mut caller = connect()?;
                let answer = caller
                    .get("/orders/1")
                    .header(header, member.key())
                    .send()?;
                Ok(outcome(&answer) == expected)
            },
        )
    };
    answered("api-token", "permitted").unwrap();
    let mut early = connect().unwrap();
    early.get("/orders/1").key(member.key()).send().unwrap();

    for round in 0..4 {
        let header = format!("x-key-{round}");
        file.rename_credential_header(&header).unwrap();
        answered(&header, "permitted").unwrap();
        answered("api-token", "credential_missing").unwrap();
        // The connection of before is still served by the configuration of before, until Envoy closes it.
        let answer = early.get("/orders/1").key(member.key()).send().unwrap();
        assert!(
            ["permitted", "credential_missing"].contains(&outcome(&answer).as_str()),
            "round {round}: {} {}",
            answer.status,
            answer.text()
        );
        let operator = play.operator();
        operator.enable_client(&member.client, false).unwrap();
        answered(&header, "client_disabled").unwrap();
        operator.enable_client(&member.client, true).unwrap();
        answered(&header, "permitted").unwrap();
    }
}
