//! A play: a control plane, an Envoy with the filter before a service, and members who may call it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use crate::{Signer, seconds_from_now};
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use xtask::stage::{
    Answer, Bootstrap, Caller, ControlPlane, Envoy, NewProfile, Operator, Parts, Request, Service,
    Tokens, within,
};

/// How long a change may take to show on a machine that may be busy. Quiet machines need milliseconds: the benchmarks
/// tell how many.
const SOON: Duration = Duration::from_secs(10);

/// A control plane, a service and an Envoy between them, all real.
#[derive(Debug)]
pub struct Play {
    /// The gate.
    pub envoy: Envoy,
    /// Where operators work. It may be stopped and started again.
    pub control_plane: ControlPlane,
    /// What stands behind the gate.
    pub service: Service,
    /// The id of the collection `orders/v1`, which everyone in a play is granted.
    pub orders: String,
}

/// Someone with an access profile that grants `orders/v1`.
#[derive(Debug, Clone)]
pub struct Member {
    /// The id of the client.
    pub client: String,
    /// The access profile and its key.
    pub profile: NewProfile,
}

impl Play {
    /// Begins with the filter as it ships and so many workers.
    ///
    /// # Errors
    /// When something does not start.
    pub fn begin(workers: usize) -> Result<Self> {
        Self::begin_as(workers, &[], Ok)
    }

    /// Begins with one worker and a control plane that has further environment variables.
    ///
    /// # Errors
    /// When something does not start.
    pub fn begin_where(environment: &[(&str, &str)]) -> Result<Self> {
        Self::begin_as(1, environment, Ok)
    }

    /// Begins with one worker and these settings of the filter.
    ///
    /// # Errors
    /// When something does not start.
    pub fn begin_set(further: &Value) -> Result<Self> {
        Self::begin_as(1, &[], |bootstrap| set(bootstrap, further))
    }

    /// Begins with the filter that has doors for tests: see its feature `test-doors`.
    ///
    /// # Errors
    /// When something does not start.
    pub fn begin_with_doors(workers: usize) -> Result<Self> {
        let module = Parts::from_environment()?.filter_with_doors();
        Self::begin_as(workers, &[], |bootstrap| {
            bootstrap.module("portcullis.wasm", &module)
        })
    }

    /// Begins with one worker, with these tokens of operators and gateways, and a control plane that has further
    /// environment variables.
    ///
    /// # Errors
    /// When something does not start.
    pub fn begin_known_by(tokens: Tokens, environment: &[(&str, &str)]) -> Result<Self> {
        Self::begin_of(1, tokens, environment, |_, bootstrap| Ok(bootstrap))
    }

    /// Begins with so many workers, a control plane that has further environment variables, and a bootstrap that is
    /// changed by someone who knows where the control plane is.
    ///
    /// # Errors
    /// When something does not start.
    pub fn begin_at(
        workers: usize,
        environment: &[(&str, &str)],
        change: impl FnOnce(SocketAddr, Bootstrap) -> Result<Bootstrap>,
    ) -> Result<Self> {
        Self::begin_of(workers, Tokens::for_tests(), environment, change)
    }

    fn begin_as(
        workers: usize,
        environment: &[(&str, &str)],
        change: impl FnOnce(Bootstrap) -> Result<Bootstrap>,
    ) -> Result<Self> {
        let change = |_, bootstrap| change(bootstrap);
        Self::begin_of(workers, Tokens::for_tests(), environment, change)
    }

    fn begin_of(
        workers: usize,
        tokens: Tokens,
        environment: &[(&str, &str)],
        change: impl FnOnce(SocketAddr, Bootstrap) -> Result<Bootstrap>,
    ) -> Result<Self> {
        let parts = Parts::from_environment()?;
        let control_plane = ControlPlane::start_with(&parts.control_plane, tokens, environment)?;
        let orders = create_orders(&control_plane.operator())?;
        let service = Service::start()?;
        let token = control_plane.tokens().gateway.clone();
        let address = control_plane.address();
        let change = |bootstrap| change(address, bootstrap);
        let envoy = start_envoy(&control_plane, &service, workers, &token, change)?;
        let play = Self {
            envoy,
            control_plane,
            service,
            orders,
        };
        until(&mut play.caller()?, "the gate is ready", |caller| {
            Ok(outcome(&caller.get("/orders/1").send()?) == "credential_missing")
        })
        .with_context(|| play.envoy.log())?;
        Ok(play)
    }

    /// One more Envoy of one worker, with other settings, in front of the same service.
    ///
    /// # Errors
    /// When it does not start.
    pub fn another_envoy(
        &self,
        change: impl FnOnce(Bootstrap) -> Result<Bootstrap>,
    ) -> Result<Envoy> {
        self.another_envoy_with_token(&self.control_plane.tokens().gateway, change)
    }

    /// The same with a gateway token of the test's choice.
    ///
    /// # Errors
    /// When it does not start.
    pub fn another_envoy_with_token(
        &self,
        token: &str,
        change: impl FnOnce(Bootstrap) -> Result<Bootstrap>,
    ) -> Result<Envoy> {
        start_envoy(&self.control_plane, &self.service, 1, token, change)
    }

    /// Someone who calls the gate over a connection of their own.
    ///
    /// # Errors
    /// When nothing listens.
    pub fn caller(&self) -> Result<Caller> {
        Caller::connect(self.envoy.gateway()?)
    }

    /// Someone who manages records.
    #[must_use]
    pub fn operator(&self) -> Operator {
        self.control_plane.operator()
    }

    /// A new client with an access profile, known to the gate.
    ///
    /// # Errors
    /// When the control plane refuses it, or the gate does not hear of it.
    pub fn member(&self, name: &str) -> Result<Member> {
        self.member_with(name, &json!({}))
    }

    /// The same with further members of the access profile, such as `{"addresses": {"allow": ["10.0.0.0/8"]}}`.
    ///
    /// # Errors
    /// When the control plane refuses it, or the gate does not hear of it.
    pub fn member_with(&self, name: &str, further: &Value) -> Result<Member> {
        let member = self.stranger(name, further)?;
        let mut caller = self.caller()?;
        until(&mut caller, "the gate has heard of the profile", |caller| {
            let answer = caller.get("/orders/1").key(member.key()).send()?;
            Ok(outcome(&answer) != "credential_invalid")
        })
        .with_context(|| self.envoy.log())?;
        Ok(member)
    }

    /// A new client whose access profile takes tokens: `further` are members of its `jwt`. The gate knows it once a
    /// token of the signer that names it as `sub` is permitted.
    ///
    /// # Errors
    /// When the control plane refuses it, or the gate does not hear of it.
    pub fn token_member(&self, name: &str, signer: &Signer, further: &Value) -> Result<Member> {
        let mut jwt = signer.jwt();
        merge(&mut jwt, further);
        let member = self.stranger(name, &json!({"access_method": "jwt", "jwt": jwt}))?;
        let claims = member.claims();
        let mut caller = self.caller()?;
        until(&mut caller, "the gate has heard of the profile", |caller| {
            Ok(bearer(caller, &signer.token(&claims)?)? == "permitted")
        })
        .with_context(|| self.envoy.log())?;
        Ok(member)
    }

    /// A new collection in version `v1` with further members, whose routes every worker knows.
    ///
    /// # Errors
    /// When the control plane refuses it, or a gate does not hear of it.
    pub fn collection(&self, name: &str, endpoints: &Value, further: &Value) -> Result<String> {
        let mut draft = json!({"name": name, "version": "v1", "endpoints": endpoints});
        merge(&mut draft, further);
        let created = self
            .operator()
            .call("POST", "/collections?wait=applied", &draft)?;
        let waiting_for = &created.body["applied"]["waiting_for"];
        ensure!(*waiting_for == json!([]), "not known: {created:?}");
        Ok(text(&created.body, "id")?.to_owned())
    }

    /// A new client with an access profile, which the gate may not know yet.
    ///
    /// # Errors
    /// When the control plane refuses it.
    pub fn stranger(&self, name: &str, further: &Value) -> Result<Member> {
        let operator = self.operator();
        let client = operator.create_client(name)?;
        let profile =
            operator.create_profile_with(&client, "Production", &[&self.orders], further)?;
        Ok(Member { client, profile })
    }
}

/// The outcome of `/orders/1` for a token.
///
/// # Errors
/// When there is no answer.
pub fn bearer(caller: &mut Caller, token: &str) -> Result<String> {
    bearer_at(caller, "/orders/1", token)
}

/// The outcome of a path for a token.
///
/// # Errors
/// When there is no answer.
pub fn bearer_at(caller: &mut Caller, path: &str, token: &str) -> Result<String> {
    let request = caller.get(path);
    let answer = request.header("authorization", format!("Bearer {token}"));
    Ok(outcome(&answer.send()?))
}

/// Puts the members of one JSON object into another.
pub fn merge(object: &mut Value, further: &Value) {
    for (member, value) in further.as_object().into_iter().flatten() {
        object[member] = value.clone();
    }
}

/// With further settings of the filter.
///
/// # Errors
/// When the bootstrap has no filter.
pub fn set(bootstrap: Bootstrap, further: &Value) -> Result<Bootstrap> {
    bootstrap.configuration(&settings(further).to_string())
}

/// The usual settings of the filter, and further ones.
#[must_use]
pub fn settings(further: &Value) -> Value {
    let mut settings = json!({
        "control_plane": {
            "cluster": "portcullis_control_plane",
            "authority": "portcullis",
            "feed_keys": "environment",
        },
    });
    merge(&mut settings, further);
    settings
}

/// A GET request to a host of its own, by which it can be found in the access log.
pub fn get_at<'c>(caller: &'c mut Caller, host: &str, path: &str) -> Request<'c> {
    caller.request_line(format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n").as_bytes())
}

impl Member {
    /// The key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.profile.api_key
    }

    /// What a token says that names the profile and is good for ten minutes.
    #[must_use]
    pub fn claims(&self) -> Value {
        json!({"sub": self.profile.id, "exp": seconds_from_now(600)})
    }
}

/// The shipped bootstrap of the demo on free ports, with the filter and nothing behind it yet.
///
/// # Errors
/// When the bootstrap is not as it ships.
pub fn bootstrap(filter: &Path) -> Result<Bootstrap> {
    Bootstrap::shipped("demo.yaml")?
        .on_free_ports()
        .module("portcullis.wasm", filter)
}

/// Starts an Envoy with the shipped bootstrap of the demo. It need not become ready: the control plane may not run yet.
///
/// # Errors
/// When it does not start.
pub fn start_envoy(
    control_plane: &ControlPlane,
    service: &Service,
    workers: usize,
    token: &str,
    change: impl FnOnce(Bootstrap) -> Result<Bootstrap>,
) -> Result<Envoy> {
    let parts = Parts::from_environment()?;
    let bootstrap = bootstrap(&parts.filter())?
        .cluster("service", service.address())?
        .cluster("portcullis_control_plane", control_plane.address())?;
    Envoy::start(
        &parts.envoy,
        &change(bootstrap)?,
        workers,
        &control_plane.tokens().gateway_environment_with(token),
    )
}

/// Creates `orders/v1`, with an endpoint that is switched off, and `stock/v1`, which nobody is granted.
///
/// # Errors
/// When the control plane refuses.
pub fn create_orders(operator: &Operator) -> Result<String> {
    operator.create_collection("stock", &json!([{"method": "GET", "path": "/stock"}]))?;
    operator.create_collection(
        "orders",
        &json!([
            {"method": "GET", "path": "/orders/{id}"},
            {"method": "POST", "path": "/orders"},
            {"method": "GET", "path": "/orders/archive", "enabled": false},
        ]),
    )
}

/// Waits until something holds for a caller.
///
/// # Errors
/// When it does not.
pub fn until(
    caller: &mut Caller,
    what: &str,
    mut holds: impl FnMut(&mut Caller) -> Result<bool>,
) -> Result<()> {
    let (outcome, _) = within(SOON, what, || match holds(caller) {
        Ok(true) => Some(Ok(())),
        Ok(false) => None,
        Err(error) => Some(Err(error)),
    })?;
    outcome
}

/// Waits until `/orders/1` has this outcome for a key.
///
/// # Errors
/// When it does not.
pub fn until_answered(caller: &mut Caller, key: &str, expected: &str) -> Result<()> {
    let what = format!("the outcome is {expected}");
    until(caller, &what, |caller| {
        Ok(outcome(&caller.get("/orders/1").key(key).send()?) == expected)
    })
}

/// `permitted` for what reached the service, else the code of the refusal, or the status where there is none.
#[must_use]
pub fn outcome(answer: &Answer) -> String {
    match answer.status {
        200 => "permitted".into(),
        status => answer.code().unwrap_or_else(|| status.to_string()),
    }
}

/// A member of a JSON object, as text.
///
/// # Errors
/// When there is none.
pub fn text<'v>(value: &'v Value, member: &str) -> Result<&'v str> {
    value[member]
        .as_str()
        .with_context(|| format!("no `{member}` in {value}"))
}
