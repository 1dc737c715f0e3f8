//! The stage itself: what the other sentences rely on, tried without Portcullis.

use std::collections::BTreeSet;

use anyhow::Result;
use xtask::stage::{Bootstrap, Caller, Envoy, Parts, Service};

fn an_envoy_without_portcullis(service: &Service, workers: usize) -> Result<Envoy> {
    let parts = Parts::from_environment()?;
    let bootstrap = Bootstrap::shipped("demo.yaml")?
        .on_free_ports()
        .cluster("service", service.address())?
        .module("portcullis.wasm", &parts.modules.join("empty.wasm"))?;
    Envoy::start(&parts.envoy, &bootstrap, workers, &[])
}

#[test]
fn the_service_answers_with_what_reached_it_and_remembers_it() {
    let service = Service::start().unwrap();
    let envoy = an_envoy_without_portcullis(&service, 1).unwrap();
    let mut caller = Caller::connect(envoy.gateway().unwrap()).unwrap();

    let first = caller
        .get("/orders/7?full=1")
        .header("x-tag", "a")
        .header("X-Tag", b"\xff")
        .send()
        .unwrap();
    let second = caller
        .request("POST", "/orders")
        .send_with_body(b"{}")
        .unwrap();

    assert_eq!((first.status, second.status), (200, 200));
    assert_eq!(first.json()["path"], "/orders/7?full=1");
    let seen = service.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].values("x-tag"), ["a", "\u{fffd}"]);
    assert_eq!(seen[1].method, "POST");
}

#[test]
fn the_access_log_tells_the_request_without_its_query() {
    let service = Service::start().unwrap();
    let envoy = an_envoy_without_portcullis(&service, 1).unwrap();
    let mut caller = Caller::connect(envoy.gateway().unwrap()).unwrap();

    caller.get("/orders?api-token=secret").send().unwrap();

    let line = envoy.access_of("gateway.test").unwrap();
    assert_eq!(
        (line["path"].as_str(), line["status"].as_u64()),
        (Some("/orders"), Some(200))
    );
    assert!(!line.to_string().contains("secret"), "{line}");
}

#[test]
fn callers_reach_every_worker() {
    let service = Service::start().unwrap();
    let envoy = an_envoy_without_portcullis(&service, 4).unwrap();

    let mut callers = envoy.callers_on_every_worker().unwrap();

    let statuses: BTreeSet<u16> = callers
        .iter_mut()
        .map(|caller| caller.get("/").send().unwrap().status)
        .collect();
    assert_eq!(statuses, BTreeSet::from([200]));
}

#[test]
fn an_envoy_that_refuses_its_bootstrap_says_why() {
    let parts = Parts::from_environment().unwrap();
    let bootstrap = Bootstrap::shipped("demo.yaml")
        .unwrap()
        .on_free_ports()
        .module("portcullis.wasm", "/nowhere.wasm".as_ref())
        .unwrap();

    let refusal = Envoy::start(&parts.envoy, &bootstrap, 1, &[]).unwrap_err();

    assert!(
        format!("{refusal:#}").contains("/nowhere.wasm"),
        "{refusal:#}"
    );
}
