//! Several control planes over one PostgreSQL, all real.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use portcullis_feed::FeedKey;
use scale::gateway::Settings;
use serde_json::Value;
use xtask::stage::{ControlPlane, Envoy, Operator, Parts, Postgres, Service, Tokens, within};

use crate::bootstrap;

/// How long anything may take here, on a machine that may be busy.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// Under which all of them keep secrets.
const SECRET_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// A database server, and control planes over one database of it.
pub struct Replicas {
    /// The server. It may be stopped and started again.
    pub postgres: Postgres,
    /// Any of them may be killed and started again.
    pub planes: Vec<ControlPlane>,
}

impl Replicas {
    /// Starts so many, all at once on an empty database.
    ///
    /// # Errors
    /// When something does not start.
    pub fn begin(count: usize) -> Result<Self> {
        let postgres = Postgres::start_from_environment()?;
        let url = postgres.create("portcullis")?;
        let parts = Parts::from_environment()?;
        let environment = [
            ("PORTCULLIS_DATABASE_URL", url.as_str()),
            ("PORTCULLIS_SECRET_KEY", SECRET_KEY),
        ];
        let start =
            || ControlPlane::start_with(&parts.control_plane, Tokens::for_tests(), &environment);
        let planes = thread::scope(|scope| {
            let starting: Vec<_> = (0..count).map(|_| scope.spawn(start)).collect();
            let started = starting.into_iter().map(|starting| {
                let started = starting.join();
                started.unwrap_or_else(|_| Err(anyhow!("a control plane panicked the test")))
            });
            started.collect::<Result<Vec<_>>>()
        })?;
        Ok(Self { postgres, planes })
    }

    /// One of them.
    ///
    /// # Errors
    /// When there are not so many.
    pub fn plane(&mut self, number: usize) -> Result<&mut ControlPlane> {
        let plane = self.planes.get_mut(number);
        plane.with_context(|| format!("there is no control plane {number}"))
    }

    /// An operator of one of them.
    ///
    /// # Errors
    /// When there are not so many.
    pub fn operator(&self, number: usize) -> Result<Operator> {
        let plane = self.planes.get(number);
        let plane = plane.with_context(|| format!("there is no control plane {number}"))?;
        Ok(plane.operator())
    }

    /// Where all of them are.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.planes.iter().map(ControlPlane::address).collect()
    }

    /// An Envoy that balances over all of them.
    ///
    /// # Errors
    /// When it does not start.
    pub fn envoy(&self, service: &Service, workers: usize) -> Result<Envoy> {
        let parts = Parts::from_environment()?;
        let bootstrap = bootstrap(&parts.filter())?
            .cluster("service", service.address())?
            .cluster_of("portcullis_control_plane", &self.addresses())?;
        let tokens = Tokens::for_tests();
        let environment = tokens.gateway_environment();
        Envoy::start(&parts.envoy, &bootstrap, workers, &environment)
    }

    /// A gateway without an Envoy, which asks one of them.
    ///
    /// # Errors
    /// When there are not so many.
    pub fn gateway(&self, number: u64, plane: usize) -> Result<Settings> {
        let tokens = Tokens::for_tests();
        let address = self.addresses().get(plane).copied();
        let address = address.with_context(|| format!("there is no control plane {plane}"))?;
        let key: FeedKey = tokens.feed_key().parse()?;
        Ok(Settings {
            feed_keys: vec![key],
            ..Settings::of(number, address, &tokens.gateway)
        })
    }
}

/// Waits until one of the operators sees as many gateways connected, all of which have applied everything.
///
/// # Errors
/// When it does not: with what it sees.
pub fn until_in_step(operator: &Operator, gateways: usize) -> Result<()> {
    let mut seen = Value::Null;
    let all = |list: &Value| {
        let items = list["items"].as_array()?;
        let in_step = |it: &&Value| it["state"] == "connected" && it["lag"] == 0;
        (items.iter().filter(in_step).count() == gateways).then_some(())
    };
    within(PATIENCE, "all gateways are in step", || {
        seen = operator.call("GET", "/gateways", &Value::Null).ok()?.body;
        all(&seen)
    })
    .with_context(|| format!("{seen}"))?;
    Ok(())
}
