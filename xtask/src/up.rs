//! `cargo xtask up`: the whole of Portcullis on this machine, with a sample client, until Ctrl-C.
//! All that stays is the data directory.

mod check;
mod lines;
mod ports;
mod sample;
mod secrets;

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::assemble::assemble;
use crate::stage::{Bootstrap, Caller, ControlPlane, Envoy, Parts, Service, Tokens, within};
use crate::{wasm, workspace};
use lines::Lines;
use sample::Sample;
use secrets::Secrets;

/// How long the gateway may take until it knows the sample.
const SYNC: Duration = Duration::from_secs(30);
/// How often is looked whether everything still runs.
const PULSE: Duration = Duration::from_millis(500);

/// The processes of the demo. They end when this is dropped: those that call before those that are called.
struct Demo {
    envoy: Envoy,
    control_plane: ControlPlane,
    service: Service,
}

/// Builds and starts everything, prints what to try, and waits for Ctrl-C; or, with `check`, tries it and ends.
///
/// # Errors
/// When something cannot be built or started, ends by itself, or, with `check`, does not do what is printed.
pub fn up(check: bool) -> Result<()> {
    let (interrupt, interrupted) = mpsc::channel();
    let parts = assemble(&[&wasm::FILTER])?;
    // The processes on stage hear Ctrl-C as well. Handled here, it still lets every guard end what it guards.
    ctrlc::set_handler(move || {
        // Without a receiver everything is ending already.
        interrupt.send(()).ok();
    })?;

    let data = workspace::root().join("data");
    let secrets = Secrets::in_directory(&data)?;
    let mut demo = Demo::start(&parts, &data, &secrets)?;
    let gateway = demo.envoy.gateway()?;
    let operator = demo.control_plane.operator();
    let mut sample = Sample::in_order(&operator, &secrets).with_context(|| {
        format!(
            "cannot put the sample in order; without `{}` it begins anew",
            data.display()
        )
    })?;
    demo.await_sample(&mut sample, &secrets)?;

    let lines = Lines::new(&sample, gateway, demo.control_plane.address(), &secrets)?;
    demo.introduce(&secrets);
    println!("{lines}");
    if check {
        return check::check(&lines, gateway, &operator, &mut sample, &secrets);
    }
    println!("Ctrl-C ends everything but `{}`.", secrets::shown(&data));
    loop {
        match interrupted.recv_timeout(PULSE) {
            Err(mpsc::RecvTimeoutError::Timeout) => demo.still_runs()?,
            Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

impl Demo {
    fn start(parts: &Parts, data: &Path, secrets: &Secrets) -> Result<Self> {
        let tokens = Tokens::new(&secrets.operator, &secrets.gateway, secrets.feed_seed);
        let service = Service::start()?;
        let control_plane = ControlPlane::start_on(
            &parts.control_plane,
            tokens,
            &data.join("control-plane"),
            ports::usual_or_free("the control plane", 8080)?,
        )?;
        let bootstrap = Bootstrap::shipped("demo.yaml")?
            .admin(ports::usual_or_free("Envoy's admin page", 9901)?)
            .listener("gateway", ports::usual_or_free("the gateway", 10000)?)?
            .cluster("portcullis_control_plane", control_plane.address())?
            .cluster("service", service.address())?
            .module("portcullis.wasm", &parts.filter())?;
        let environment = control_plane.tokens().gateway_environment();
        let envoy = Envoy::start(&parts.envoy, &bootstrap, 2, &environment)?;
        Ok(Self {
            envoy,
            control_plane,
            service,
        })
    }

    /// Waits until the gateway knows the sample. A key that was refreshed since it was noted is replaced.
    fn await_sample(&self, sample: &mut Sample, secrets: &Secrets) -> Result<()> {
        let gateway = self.envoy.gateway()?;
        let status_with = |header: &str, value: &str| -> Option<u16> {
            let mut caller = Caller::connect(gateway).ok()?;
            let request = caller.get(sample::PATH).header(header, value);
            Some(request.send().ok()?.status)
        };
        let status = |key: &str| status_with("api-token", key);
        let token = format!("Bearer {}", sample.token()?);
        let settled = within(SYNC, "the gateway has heard from the control plane", || {
            status(&sample.key).filter(|status| *status != 503)
        });
        let (status_of_key, _) = settled.with_context(|| self.envoy.log())?;
        if status_of_key != 200 {
            sample.refresh_keys(&self.control_plane.operator(), secrets)?;
        }
        within(SYNC, "the gateway permits the sample key and token", || {
            let is_known = status(&sample.key)? == 200
                && status(&sample.foreign_key)? == 403
                && status_with("authorization", &token)? == 200;
            is_known.then_some(())
        })
        .with_context(|| self.envoy.log())?;
        Ok(())
    }

    fn introduce(&self, secrets: &Secrets) {
        let control_plane = self.control_plane.address();
        println!();
        println!("Portcullis is up.");
        println!("  control plane   http://{control_plane}/api/v1");
        println!("  its OpenAPI     http://{control_plane}/api/v1/openapi.json");
        println!(
            "  operator token  in {}",
            secrets::shown(&secrets.operator_file)
        );
        println!("  Envoy's admin   http://{}", self.envoy.admin_address());
        println!(
            "  sample service  http://{} (answers with what reached it)",
            self.service.address()
        );
        println!();
    }

    fn still_runs(&mut self) -> Result<()> {
        if let Some(status) = self.envoy.ended() {
            bail!("Envoy ended with {status}:\n{}", self.envoy.log());
        }
        if let Some(status) = self.control_plane.ended() {
            bail!(
                "the control plane ended with {status}:\n{}",
                self.control_plane.log()
            );
        }
        Ok(())
    }
}
