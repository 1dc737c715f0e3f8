//! The bootstrap for production, with certificates of the test: what it adds to the demo's is there and works.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use portcullis_tests::create_orders;
use serde_json::{Value, json};
use xtask::process;
use xtask::stage::{
    Bootstrap, Certificate, ControlPlane, Envoy, NewProfile, Parts, Service, Tokens, within,
};

/// How long a gateway may take to hear from its control plane.
const SYNC: Duration = Duration::from_secs(20);
/// As `production.yaml` has it.
const CONTROL_PLANE_HOST: &str = "portcullis.internal";
const GATEWAY_HOST: &str = "gateway.test";

/// A gateway for production, in front of a service, and its control plane behind TLS.
struct Production {
    gateway: Envoy,
    certificate: Certificate,
    profile: NewProfile,
    _terminator: Envoy,
    _control_plane: ControlPlane,
    _service: Service,
}

impl Production {
    /// `presented` is the certificate of the control plane; the gateway trusts the authority of `certificate`.
    fn begin(certificate: Certificate, presented: &Certificate) -> Result<Self> {
        let parts = Parts::from_environment()?;
        let control_plane = ControlPlane::start(&parts.control_plane, Tokens::for_tests())?;
        let operator = control_plane.operator();
        let orders = create_orders(&operator)?;
        let client = operator.create_client("Acme")?;
        let rules = json!({"addresses": {"allow": ["127.0.0.0/8"]}});
        let profile = operator.create_profile_with(&client, "Production", &[&orders], &rules)?;
        let service = Service::start()?;

        let terminator = Envoy::start(
            &parts.envoy,
            &terminator(&control_plane, presented)?,
            1,
            &[],
        )?;
        let bootstrap = Bootstrap::shipped("production.yaml")?
            .on_free_ports()
            .module("portcullis.wasm", &parts.filter())?
            .cluster("portcullis_control_plane", terminator.gateway()?)?
            .cluster("service", service.address())?;
        let bootstrap = certificate.install(bootstrap)?;
        let environment = control_plane.tokens().gateway_environment();
        let gateway = Envoy::start(&parts.envoy, &bootstrap, 1, &environment)?;
        Ok(Self {
            gateway,
            certificate,
            profile,
            _terminator: terminator,
            _control_plane: control_plane,
            _service: service,
        })
    }

    /// The status of a request over TLS, with the client's key and further headers.
    fn status(&self, path: &str, headers: &[&str]) -> Result<u16> {
        let port = self.gateway.gateway()?.port();
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--path-as-is",
            "--output",
            "/dev/null",
            "--write-out",
            "%{http_code}",
        ])
        .arg("--cacert")
        .arg(self.certificate.certificate())
        .args(["--resolve", &format!("{GATEWAY_HOST}:{port}:127.0.0.1")])
        .args(["--header", &format!("api-token: {}", self.profile.api_key)])
        .args(headers.iter().flat_map(|header| ["--header", header]))
        .arg(format!("https://{GATEWAY_HOST}:{port}{path}"));
        Ok(process::output(&mut curl)?.trim().parse()?)
    }

    fn await_status(&self, status: u16) -> Result<()> {
        within(SYNC, &format!("the gateway answers {status}"), || {
            self.status("/orders/7", &[])
                .is_ok_and(|answered| answered == status)
                .then_some(())
        })
        .with_context(|| self.gateway.log())?;
        Ok(())
    }
}

/// An Envoy that ends TLS before the control plane, as a load balancer would: the demo's, without the filter.
fn terminator(control_plane: &ControlPlane, presented: &Certificate) -> Result<Bootstrap> {
    let context = json!({
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        "common_tls_context": {"tls_certificates": [{
            "certificate_chain": {"filename": presented.certificate()},
            "private_key": {"filename": presented.key()},
        }]}
    });
    Bootstrap::shipped("demo.yaml")?
        .on_free_ports()
        .cluster("service", control_plane.address())?
        .at("/static_resources/listeners/0/filter_chains/0", |chain| {
            chain["transport_socket"] =
                json!({"name": "envoy.transport_sockets.tls", "typed_config": context});
            let filters = &mut chain["filters"][0]["typed_config"]["http_filters"];
            if let Some(filters) = filters.as_array_mut() {
                filters.retain(|filter: &Value| filter["name"] != "portcullis");
            }
        })
}

#[test]
fn the_bootstrap_for_production_enforces_what_it_hears_over_tls() {
    let certificate = Certificate::of(&[CONTROL_PLANE_HOST, GATEWAY_HOST]).unwrap();
    let presented = certificate.clone();

    let production = Production::begin(certificate, &presented).unwrap();

    production.await_status(200).unwrap();
    let forged = "x-forwarded-for: 203.0.113.7";
    assert_eq!(production.status("/orders/7", &[forged]).unwrap(), 200);
    // Over HTTP/2 Envoy resets the stream instead of answering.
    assert!(
        production
            .status("/orders/7", &["x_client_id: cl_forged"])
            .is_err()
    );
    assert_eq!(production.status("/orders%2f7", &[]).unwrap(), 400);
    assert_eq!(production.status("//orders/./7", &[]).unwrap(), 200);
    assert_eq!(production.status("/nowhere", &[]).unwrap(), 404);
}

#[test]
fn a_control_plane_with_a_foreign_certificate_is_not_heard() {
    let certificate = Certificate::of(&[CONTROL_PLANE_HOST, GATEWAY_HOST]).unwrap();
    let presented = Certificate::of(&[CONTROL_PLANE_HOST]).unwrap();

    let production = Production::begin(certificate, &presented).unwrap();

    let refused = "cluster.portcullis_control_plane.ssl.fail_verify_error";
    within(SYNC, "the gateway has refused the certificate", || {
        (production.gateway.count(refused).ok()? > 0).then_some(())
    })
    .unwrap();
    assert_eq!(production.status("/orders/7", &[]).unwrap(), 503);
}
