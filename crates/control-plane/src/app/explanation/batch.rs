//! Many explanations on the records of one moment, and what none of them touched: for files of cases.

use std::collections::HashSet;

use portcullis_feed::Revision;
use portcullis_store::Snapshot;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::{Explanation, Reference};
use super::asked::ExplanationDraft;
use super::sentences::label;
use crate::app::Refusal;
use crate::app::configuration::document::Configuration;
use crate::app::configuration::prune::Pruned;
use crate::app::draft::{object_if_any, objects};

/// How many requests are explained at once at most.
pub(super) const MOST: usize = 10_000;
/// How many records are named at most that no request came to.
const MOST_NAMED: usize = 100;
const PAGE: u32 = 1_000;

/// Requests that are to be explained on the records of one moment.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchDraft {
    /// The requests: 1 to 10,000.
    #[serde(deserialize_with = "objects::<MOST, _, _>")]
    #[schema(min_items = 1, max_items = 10000)]
    pub requests: Vec<ExplanationDraft>,
    /// A configuration: it is decided as if it was applied. As things are, when absent.
    #[serde(default, deserialize_with = "object_if_any")]
    pub configuration: Option<Configuration>,
    /// Of which kinds applying it removes everything that it does not speak of.
    #[serde(default)]
    #[schema(required = false)]
    pub prune: Vec<Pruned>,
}

/// What is decided about each of several requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Explanations {
    /// One for each request, in their order.
    pub explanations: Vec<Explanation>,
    /// The access profiles by which none of them calls.
    pub unexercised_profiles: Unexercised,
    /// The collections that none of them calls.
    pub unexercised_collections: Unexercised,
    /// Up to which change it is decided.
    #[schema(value_type = u64)]
    pub revision: Revision,
}

/// Records that no request came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Unexercised {
    /// How many there are.
    pub count: u64,
    /// The first hundred of them, in the order of creation.
    pub first: Vec<Reference>,
}

impl Explanations {
    /// Puts explanations together with what they have left out.
    pub(super) async fn of(
        explanations: Vec<Explanation>,
        revision: Revision,
        snapshot: &mut Snapshot,
    ) -> Result<Self, Refusal> {
        let ids = |reference: fn(&Explanation) -> Option<&Reference>| {
            let found = explanations.iter().filter_map(reference);
            found.map(|it| it.id.clone()).collect::<HashSet<String>>()
        };
        let profiles = ids(|it| it.access_profile.as_ref());
        let collections = ids(|it| it.collection.as_ref());
        let all = snapshot.told_collections().await?;
        let all = all.iter().map(|it| Reference {
            id: it.id.to_string(),
            name: label(it),
        });
        let mut untouched: Vec<Reference> =
            all.filter(|it| !collections.contains(&it.id)).collect();
        untouched.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        let unexercised_collections = Unexercised {
            count: u64::try_from(untouched.len()).unwrap_or(u64::MAX),
            first: untouched.into_iter().take(MOST_NAMED).collect(),
        };
        Ok(Self {
            unexercised_profiles: unexercised_profiles(&profiles, snapshot).await?,
            unexercised_collections,
            explanations,
            revision,
        })
    }
}

async fn unexercised_profiles(
    exercised: &HashSet<String>,
    snapshot: &mut Snapshot,
) -> Result<Unexercised, Refusal> {
    let all = snapshot.profile_count().await?;
    let known = u64::try_from(exercised.len()).unwrap_or(u64::MAX);
    let mut unexercised = Unexercised {
        // Whatever calls is one of them.
        count: all.saturating_sub(known),
        first: Vec::new(),
    };
    let mut after = None;
    loop {
        let page = snapshot.profile_names_after(after, PAGE).await?;
        after = page.last().map(|profile| profile.id);
        let more = page.into_iter().map(|profile| Reference {
            id: profile.id.to_string(),
            name: profile.name,
        });
        let more = more.filter(|profile| !exercised.contains(&profile.id));
        let room = MOST_NAMED.saturating_sub(unexercised.first.len());
        unexercised.first.extend(more.take(room));
        if after.is_none() || unexercised.first.len() == MOST_NAMED {
            return Ok(unexercised);
        }
    }
}
