//! The control plane's address comes and goes: its name, and the list of its endpoints.

use std::time::Duration;

use anyhow::{Context as _, Result};
use portcullis_tests::{Conduct, NameServer, Siege, replace_file};
use serde_json::{Value, json};
use xtask::stage::{Bootstrap, within};

const WORKERS: usize = 2;
const SOON: Duration = Duration::from_secs(30);
/// How often the gateway finds nobody to ask.
const IN_VAIN: u64 = 3;

/// With another way in which Envoy finds the control plane. `change` gets the cluster with one address.
fn found_by(bootstrap: Bootstrap, change: impl FnOnce(&mut Value)) -> Result<Bootstrap> {
    let mut change = Some(change);
    let bootstrap = bootstrap.at("/static_resources/clusters", |clusters| {
        let clusters = clusters.as_array_mut().into_iter().flatten();
        let mut wanted = clusters.filter(|it| it["name"] == "portcullis_control_plane");
        if let Some((cluster, change)) = wanted.next().zip(change.take()) {
            change(cluster);
        }
    })?;
    Ok(bootstrap)
}

/// Has the address vanish while a client is switched off, and come back.
fn survive(siege: Siege, vanish: impl FnOnce(), come_back: impl FnOnce()) -> Result<()> {
    let in_vain = "cluster.portcullis_control_plane.upstream_cx_none_healthy";
    let members = "cluster.portcullis_control_plane.membership_total";
    vanish();
    within(SOON, "Envoy knows no address", || {
        (siege.envoy().count(members).ok()? == 0).then_some(())
    })?;
    // The question that is open would still be answered over its connection.
    siege.proxy.conduct(Conduct::Away);
    let connections = "cluster.portcullis_control_plane.upstream_cx_active";
    within(SOON, "the connections are gone", || {
        (siege.envoy().count(connections).ok()? == 0).then_some(())
    })?;
    siege.switch_off()?;
    siege.proxy.conduct(Conduct::Pass);
    let before = siege.envoy().count(in_vain)?;
    within(SOON, "the gateway finds nobody to ask", || {
        (siege.envoy().count(in_vain).ok()? >= before + IN_VAIN).then_some(())
    })?;
    siege.ensure_unheard()?;
    come_back();
    siege.recover()?.undisturbed()
}

#[test]
fn a_control_plane_whose_name_is_gone_is_found_again_when_the_name_is_back() {
    let names = NameServer::start().unwrap();
    let server = names.address();
    let siege = Siege::begin_with(WORKERS, |bootstrap| {
        found_by(bootstrap, |cluster| {
            cluster["type"] = "STRICT_DNS".into();
            cluster["dns_lookup_family"] = "V4_ONLY".into();
            cluster["dns_refresh_rate"] = "0.05s".into();
            cluster["dns_failure_refresh_rate"] =
                json!({"base_interval": "0.05s", "max_interval": "0.1s"});
            cluster["typed_dns_resolver_config"] = json!({
                "name": "envoy.network.dns_resolver.cares",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
                    "resolvers": [{"socket_address": {
                        "address": server.ip().to_string(), "port_value": server.port(),
                    }}],
                },
            });
            let endpoint = cluster.pointer_mut(
                "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address/address",
            );
            if let Some(address) = endpoint {
                *address = "control-plane.portcullis.test".into();
            }
        })
    })
    .unwrap();
    survive(siege, || names.know(false), || names.know(true)).unwrap();
    assert!(names.denied() > 0);
}

#[test]
fn a_control_plane_whose_endpoint_is_taken_off_the_list_is_found_again_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("endpoints.json");
    let assignment = |endpoints: &Value| {
        let mut resource =
            json!({"cluster_name": "portcullis_control_plane", "endpoints": endpoints});
        resource["@type"] =
            "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment".into();
        json!({"resources": [resource]})
    };
    let mut endpoints = Value::Null;
    let siege = Siege::begin_with(WORKERS, |bootstrap| {
        let bootstrap = found_by(bootstrap, |cluster| {
            endpoints = cluster["load_assignment"]["endpoints"].take();
            if let Some(cluster) = cluster.as_object_mut() {
                cluster.remove("load_assignment");
            }
            cluster["type"] = "EDS".into();
            cluster["eds_cluster_config"] =
                json!({"eds_config": {"path_config_source": {"path": list}}});
        })?;
        replace_file(&list, &assignment(&endpoints)).context("the first list")?;
        bootstrap.at("", |root| {
            root["node"] = json!({"id": "gateway", "cluster": "gateways"});
        })
    })
    .unwrap();
    let replace = |endpoints: &Value| replace_file(&list, &assignment(endpoints)).unwrap();
    survive(siege, || replace(&json!([])), || replace(&endpoints)).unwrap();
}
