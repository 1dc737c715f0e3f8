//! What an operator and a gateway can do: the rules about records. No HTTP, no SQL.

pub mod access_profile;
pub mod api_key;
pub mod attention;
pub mod audit;
pub mod callers;
pub mod changes;
pub mod client;
pub mod collection;
pub mod condition;
pub mod configuration;
pub mod draft;
pub mod email;
pub mod explanation;
pub mod feed_key;
pub mod gateway;
pub mod gateway_token;
pub mod granted;
pub mod import;
pub mod jwt;
pub mod key_material;
pub mod key_set;
pub(crate) mod laborious;
pub mod link;
pub mod logo;
pub mod meters;
pub mod news;
pub mod once;
pub mod operator;
pub mod page;
pub mod password;
pub mod policy;
pub mod public_url;
pub mod quota;
pub mod refusal;
pub mod removals;
pub mod robot_token;
pub mod role;
pub mod session;
pub mod single_sign_on;
pub mod survey;
pub mod text;
mod throttle;
pub mod time;
pub mod token;
pub mod usage;
mod uses;
pub mod world;

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use portcullis_engine::api_key::{ApiKey, InvalidEnvironment};
use portcullis_feed::Revision;
use portcullis_store::{Author, Edit, Store, StoreError};
use tokio::sync::Notify;

use changes::Pages;
use feed_key::FeedKeys;
use gateway::Gateways;
use gateway_token::Admissions;
use key_set::Networks;
use link::ShownLink;
use meters::AppMeters;
use password::Turns;
use public_url::PublicUrl;
use single_sign_on::SingleSignOn;
use survey::Surveys;
use throttle::Throttle;
use usage::{Collected, Intake, Keeping};
use uses::Uses;

pub use refusal::{Refusal, Violation};
pub use world::{Clock, Entropy, NoEntropy, World};

/// The records and what is needed to work on them.
pub struct App {
    store: Store,
    world: World,
    key_environment: String,
    key_set_networks: Networks,
    key_sets_wanted: Notify,
    pages: Pages,
    feed_keys: FeedKeys,
    admissions: Admissions,
    gateways: Arc<Gateways>,
    passwords: Turns,
    public_url: OnceLock<PublicUrl>,
    single_sign_on: OnceLock<SingleSignOn>,
    throttle: Throttle,
    uses: Uses,
    usage: Intake,
    usage_collected: Collected,
    usage_keeping: OnceLock<Keeping>,
    surveys: Surveys,
    meters: AppMeters,
}

/// What an edit did, and the revision at which gateways know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed<T> {
    /// What there is now.
    pub record: T,
    /// A gateway that has seen it has seen the edit.
    pub revision: Revision,
    /// What became of the draft that its author may not expect.
    pub notices: Vec<Notice>,
}

/// Something that was understood in another way than it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Where: a JSON pointer (RFC 6901) into the body.
    pub pointer: String,
    /// What became of it.
    pub detail: String,
}

impl<T> Committed<T> {
    async fn by(edit: Edit, record: T) -> Result<Self, Refusal> {
        let revision = edit.commit().await?;
        Ok(Self {
            record,
            revision,
            notices: Vec::new(),
        })
    }

    fn with_notices(mut self, notices: Vec<Notice>) -> Self {
        self.notices = notices;
        self
    }
}

impl App {
    /// Over a store. New keys name the environment.
    ///
    /// # Errors
    /// When the environment cannot be part of a key.
    pub fn new(
        store: Store,
        world: World,
        key_environment: &str,
    ) -> Result<Self, InvalidEnvironment> {
        ApiKey::compose(key_environment, [0; 12], [0; 32])?;
        let gateways = Gateways::new(store.clone(), world.clock.clone());
        let meters = AppMeters::default();
        store.watch_commits(meters.commit_watcher());
        Ok(Self {
            store,
            world,
            key_environment: key_environment.to_owned(),
            key_set_networks: Networks::default(),
            key_sets_wanted: Notify::new(),
            pages: Pages::default(),
            feed_keys: FeedKeys::default(),
            admissions: Admissions::none(),
            gateways,
            passwords: Turns::default(),
            public_url: OnceLock::new(),
            single_sign_on: OnceLock::new(),
            throttle: Throttle::default(),
            uses: Uses::default(),
            usage: Intake::default(),
            usage_collected: Collected::default(),
            usage_keeping: OnceLock::new(),
            surveys: Surveys::default(),
            meters,
        })
    }

    /// Says by which URL browsers come. Only what is said first counts.
    pub fn set_public_url(&self, url: PublicUrl) {
        let _ = self.public_url.set(url);
    }

    /// By which URL browsers come: this machine's own address, as long as nothing else is said.
    #[must_use]
    pub fn public_url(&self) -> &PublicUrl {
        self.public_url.get_or_init(PublicUrl::of_this_machine)
    }

    /// Where a link leads.
    #[must_use]
    pub fn link_url(&self, link: &ShownLink) -> String {
        format!("{}/console/link?token={}", self.public_url(), link.token)
    }

    /// A name for a request that has none. Without randomness it is the time, which may be another's too.
    #[must_use]
    pub fn new_request_id(&self) -> String {
        let name = self.world.new_name();
        name.unwrap_or_else(|NoEntropy| format!("{:032x}", self.world.clock.now_ms()))
    }

    /// Begins to change records, in the name of an author.
    pub(crate) async fn edit(&self, author: &Author) -> Result<Edit, StoreError> {
        let began = Instant::now();
        let edit = self.store.edit(author, self.world.clock.now_ms()).await;
        self.meters
            .edit_waits
            .observe(began.elapsed().as_secs_f64());
        edit
    }

    /// What is counted of its work.
    #[must_use]
    pub const fn meters(&self) -> &AppMeters {
        &self.meters
    }

    /// Whether the database answers.
    pub async fn is_ready(&self) -> bool {
        match self.store.read().await {
            Ok(mut snapshot) => snapshot.head().await.is_ok(),
            Err(_) => false,
        }
    }

    /// Ends the work on the database.
    pub async fn close(&self) {
        self.save_gateways_or_say_why().await;
        self.store.close().await;
    }
}
