//! What an access profile can be given: collections and policies.

use portcullis_store::{Direction, PolicyFilter, PolicyKey, Window};

use crate::app::page::LONGEST;
use crate::app::{App, Refusal};
use crate::console::design::{Choice, choice};

/// What there is to choose from.
pub(in crate::console) struct Choices {
    pub(in crate::console) collections: Vec<Choice>,
    pub(in crate::console) policies: Vec<Choice>,
}

impl Choices {
    /// All of them, by their names.
    pub(in crate::console) async fn of(app: &App) -> Result<Self, Refusal> {
        let by_name = Window {
            order: vec![(PolicyKey::Name, Direction::Ascending)],
            after: None,
            limit: LONGEST,
        };
        let policies = app.policies(&PolicyFilter::default(), &by_name).await?;
        let policies = policies.items.into_iter();
        let policies = policies.map(|policy| choice(policy.id.to_string(), policy.name));
        Ok(Self {
            collections: collections(app).await?,
            policies: policies.collect(),
        })
    }
}

/// The collections, each with its version.
pub(in crate::console) async fn collections(app: &App) -> Result<Vec<Choice>, Refusal> {
    let known = app.collection_names().await?.into_iter();
    Ok(known
        .map(|(id, name)| choice(id.to_string(), name))
        .collect())
}
