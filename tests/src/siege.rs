//! A play whose gate is watched, and whose way to the control plane can be made to fail.

use anyhow::{Result, ensure};
use serde_json::json;
use xtask::stage::{Bootstrap, Envoy, Operator, Tokens};

use crate::{Conduct, FeedProxy, Member, Play, Verdict, Ward, Watch, set};

/// How often a gateway has to ask during a fault before the fault counts as met.
const MEETINGS: usize = 3;

/// A play under watch.
#[derive(Debug)]
pub struct Siege {
    /// The traffic.
    pub watch: Watch,
    /// Whose key is permitted throughout.
    pub kept: Guarded,
    /// Whose key was revoked before.
    pub revoked: Guarded,
    /// Whose key turns with its client.
    pub turning: Guarded,
    /// The play.
    pub play: Play,
    /// The way between its gate and its control plane.
    pub proxy: FeedProxy,
}

/// A member whose key is asked with all the time.
#[derive(Debug)]
pub struct Guarded {
    /// The member.
    pub member: Member,
    /// The key.
    pub ward: Ward,
}

impl Siege {
    /// Begins with so many workers.
    ///
    /// # Errors
    /// When something does not start.
    pub fn begin(workers: usize) -> Result<Self> {
        Self::begin_with(workers, Ok)
    }

    /// The same with changes of the bootstrap.
    ///
    /// # Errors
    /// When something does not start.
    pub fn begin_with(
        workers: usize,
        change: impl FnOnce(Bootstrap) -> Result<Bootstrap>,
    ) -> Result<Self> {
        Self::begin_of(workers, &[], |_| {}, |_, bootstrap| change(bootstrap))
    }

    /// Begins with further environment variables of the control plane.
    ///
    /// # Errors
    /// When something does not start.
    pub fn begin_where(workers: usize, environment: &[(&str, &str)]) -> Result<Self> {
        Self::begin_of(workers, environment, |_| {}, |_, bootstrap| Ok(bootstrap))
    }

    /// Begins with a way to the control plane that is prepared before anyone goes there, and changes of the bootstrap.
    ///
    /// # Errors
    /// When something does not start.
    pub fn begin_before(
        workers: usize,
        prepare: impl FnOnce(&FeedProxy),
        change: impl FnOnce(Bootstrap) -> Result<Bootstrap>,
    ) -> Result<Self> {
        Self::begin_of(workers, &[], prepare, |_, bootstrap| change(bootstrap))
    }

    /// Begins with a bootstrap that is changed after an operator has prepared something for it.
    ///
    /// # Errors
    /// When something does not start.
    pub fn begin_by(
        workers: usize,
        change: impl FnOnce(&Operator, Bootstrap) -> Result<Bootstrap>,
    ) -> Result<Self> {
        Self::begin_of(workers, &[], |_| {}, change)
    }

    fn begin_of(
        workers: usize,
        environment: &[(&str, &str)],
        prepare: impl FnOnce(&FeedProxy),
        change: impl FnOnce(&Operator, Bootstrap) -> Result<Bootstrap>,
    ) -> Result<Self> {
        let mut proxy = None;
        let play = Play::begin_at(workers, environment, |control_plane, bootstrap| {
            let way = proxy.insert(FeedProxy::start(control_plane)?);
            prepare(way);
            let operator = Operator::new(control_plane, &Tokens::for_tests().operator);
            let bootstrap = bootstrap.cluster("portcullis_control_plane", way.address())?;
            change(&operator, bootstrap)
        })?;
        let proxy = proxy.ok_or_else(|| anyhow::anyhow!("the bootstrap was never asked for"))?;
        let (kept, revoked) = (play.member("Kept")?, play.member("Revoked")?);
        let turning = play.member("Turning")?;
        play.operator().refresh_key(&revoked.profile.id)?;
        for caller in &mut play.envoy.callers_on_every_worker()? {
            crate::until_answered(caller, kept.key(), "permitted")?;
            crate::until_answered(caller, revoked.key(), "credential_revoked")?;
            crate::until_answered(caller, turning.key(), "permitted")?;
        }
        let watch = Watch::begin(&play.envoy)?;
        let guard = |member: Member, outcome| {
            let ward = watch.follow(member.key(), outcome);
            Guarded { member, ward }
        };
        Ok(Self {
            kept: guard(kept, "permitted"),
            revoked: guard(revoked, "credential_revoked"),
            turning: guard(turning, "permitted"),
            watch,
            play,
            proxy,
        })
    }

    /// The gate.
    #[must_use]
    pub const fn envoy(&self) -> &Envoy {
        &self.play.envoy
    }

    /// An operator.
    #[must_use]
    pub fn operator(&self) -> Operator {
        self.play.operator()
    }

    /// Switches the client off whose key turns. Whether the gate hears of it is another matter.
    ///
    /// # Errors
    /// When the control plane refuses.
    pub fn switch_off(&self) -> Result<()> {
        self.turning.ward.may_turn("client_disabled");
        self.enable(false)
    }

    fn enable(&self, enabled: bool) -> Result<()> {
        let client = &self.turning.member.client;
        self.operator().enable_client(client, enabled)
    }

    /// Changes arrive: the client is switched off, and on again.
    ///
    /// # Errors
    /// When one does not arrive.
    pub fn ensure_heard(&self) -> Result<()> {
        let (ward, envoy) = (&self.turning.ward, self.envoy());
        ward.turn("client_disabled", envoy, || self.enable(false))?;
        ward.turn("permitted", envoy, || self.enable(true))
    }

    /// The gate goes on deciding by what it knew before it was switched off.
    ///
    /// # Errors
    /// When it does not.
    pub fn ensure_unheard(&self) -> Result<()> {
        let outcomes = self.turning.ward.outcomes_now()?;
        ensure!(
            outcomes == ["permitted"],
            "the change arrived in spite of the fault: {outcomes:?}"
        );
        Ok(())
    }

    /// What was missed arrives: the client is off everywhere. It is switched on again, and that arrives too.
    ///
    /// # Errors
    /// When something does not arrive.
    pub fn catch_up(&self) -> Result<()> {
        let (ward, envoy) = (&self.turning.ward, self.envoy());
        ward.until_turned(envoy)?;
        ward.turn("permitted", envoy, || self.enable(true))
    }

    /// The same, and then every answer is judged.
    ///
    /// # Errors
    /// When something does not arrive, or an answer was wrong.
    pub fn recover(self) -> Result<Verdict> {
        self.catch_up()?;
        self.watch.end()
    }

    /// The whole course of a fault on the way to the control plane that keeps every change away: it begins, a client is
    /// switched off meanwhile, the gate decides by what it knew; it ends, and everything arrives without a hand.
    ///
    /// # Errors
    /// When it goes otherwise.
    pub fn survive(self, fault: Conduct) -> Result<()> {
        self.survive_until(fault, |_| Ok(()))
    }

    /// The same, with something else to be found true before the fault ends.
    ///
    /// # Errors
    /// When it goes otherwise.
    pub fn survive_until(
        self,
        fault: Conduct,
        is_met: impl FnOnce(&Self) -> Result<()>,
    ) -> Result<()> {
        self.proxy.conduct(fault);
        self.switch_off()?;
        self.proxy.until_asked(MEETINGS)?;
        self.ensure_unheard()?;
        is_met(&self)?;
        self.proxy.conduct(Conduct::Pass);
        self.recover()?.undisturbed()
    }
}

/// With a gate that asks for no signatures.
///
/// # Errors
/// When the bootstrap has no filter.
pub fn believing_anyone(bootstrap: Bootstrap) -> Result<Bootstrap> {
    let control_plane = json!({"cluster": "portcullis_control_plane", "authority": "portcullis"});
    set(bootstrap, &json!({"control_plane": control_plane}))
}
