//! A play whose gate is watched, and whose way to the control plane can be made to fail.

use anyhow::{Result, ensure};
use xtask::stage::{Bootstrap, Operator};

use crate::{Conduct, FeedProxy, Member, Play, Verdict, Ward, Watch};

/// How often a gateway has to ask during a fault before the fault counts as met.
const MEETINGS: usize = 3;

/// A play under watch. Three keys are asked with all the time: one that is permitted throughout, one that was revoked
/// before, and one that turns with its client.
#[derive(Debug)]
pub struct Siege {
    /// The traffic.
    pub watch: Watch,
    /// Whose key turns.
    pub turning: Member,
    /// That key.
    pub ward: Ward,
    /// The play.
    pub play: Play,
    /// The way between its gate and its control plane.
    pub proxy: FeedProxy,
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
        let mut proxy = None;
        let play = Play::begin_at(workers, |control_plane, bootstrap| {
            let way = proxy.insert(FeedProxy::start(control_plane)?);
            change(bootstrap.cluster("portcullis_control_plane", way.address())?)
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
        let _ = watch.follow(kept.key(), "permitted");
        let _ = watch.follow(revoked.key(), "credential_revoked");
        Ok(Self {
            ward: watch.follow(turning.key(), "permitted"),
            watch,
            turning,
            play,
            proxy,
        })
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
        self.ward.may_turn("client_disabled");
        self.operator().enable_client(&self.turning.client, false)
    }

    /// The gate goes on deciding by what it knew before it was switched off.
    ///
    /// # Errors
    /// When it does not.
    pub fn ensure_unheard(&self) -> Result<()> {
        let outcomes = self.ward.outcomes_now()?;
        ensure!(
            outcomes == ["permitted"],
            "the change arrived in spite of the fault: {outcomes:?}"
        );
        Ok(())
    }

    /// What was missed arrives, and further changes do. Then every answer is judged.
    ///
    /// # Errors
    /// When something does not arrive, or an answer was wrong.
    pub fn recover(self) -> Result<Verdict> {
        self.ward.until_turned(&self.play.envoy)?;
        self.ward.turn("permitted", &self.play.envoy, || {
            self.operator().enable_client(&self.turning.client, true)
        })?;
        self.watch.end()
    }

    /// The whole course of a fault on the way to the control plane that keeps every change away: it begins, a client is
    /// switched off meanwhile, the gate decides by what it knew; it ends, and everything arrives without a hand.
    ///
    /// # Errors
    /// When it goes otherwise.
    pub fn survive(self, fault: Conduct) -> Result<()> {
        self.proxy.conduct(fault);
        self.switch_off()?;
        self.proxy.until_asked(MEETINGS)?;
        self.ensure_unheard()?;
        self.proxy.conduct(Conduct::Pass);
        self.recover()?.undisturbed()
    }
}
