//! Lists: their order, and cursors. A cursor says where a page ended, by the values that the list is sorted by, and
//! fits only the question that it was an answer to.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_engine::api_key::digest;
use portcullis_store::{Bound, Direction, SortKey, Window};
use serde_json::Value;

use super::answer::Listed;
use super::parameters::malformed;
use super::query::ListQuery;
use crate::app::page::{LONGEST, Page};
use crate::problem::Problem;

const DEFAULT_LIMIT: u32 = 100;

/// How many bytes a cursor has at most: names have at most 100 characters.
const LONGEST_CURSOR: usize = 4_096;

/// The part of a list that a query asks for.
///
/// # Errors
/// When its order, its length or its cursor is none.
pub fn window<K: SortKey>(query: &impl ListQuery) -> Result<Window<K>, Problem> {
    let order = order::<K>(query.sort())?;
    let after = after(query)?;
    let window = Window {
        order,
        after,
        limit: limit(query.limit())?,
    };
    if !is_fit(&window) {
        return Err(no_cursor());
    }
    Ok(window)
}

/// The length of a page.
///
/// # Errors
/// When it is none that a page can have.
pub fn limit(asked: Option<u32>) -> Result<u32, Problem> {
    let limit = asked.unwrap_or(DEFAULT_LIMIT);
    if (1..=LONGEST).contains(&limit) {
        return Ok(limit);
    }
    Err(malformed("limit", &format!("`limit` is 1 to {LONGEST}")))
}

/// Where the page before ended, if it is not the first.
///
/// # Errors
/// When the cursor is none, or that of another question.
pub fn after(query: &impl ListQuery) -> Result<Option<Vec<Bound>>, Problem> {
    let Some(cursor) = query.cursor() else {
        return Ok(None);
    };
    let read = || {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (question, bounds): (String, Vec<Bound>) = serde_json::from_slice(&bytes).ok()?;
        Some((question, bounds))
    };
    let read = (cursor.len() <= LONGEST_CURSOR).then(read).flatten();
    let (question, bounds) = read.ok_or_else(no_cursor)?;
    if question != self::question(query) {
        let detail = "the `cursor` belongs to another question: only `limit` may be another one";
        return Err(malformed("cursor", detail));
    }
    Ok(Some(bounds))
}

/// The same of a list that is sorted by the names of its records alone.
///
/// # Errors
/// When the cursor is none, or that of another question.
pub fn after_name<T: FromStr>(query: &impl ListQuery) -> Result<Option<T>, Problem> {
    match after(query)?.as_deref() {
        None => Ok(None),
        Some([Bound::Text(name)]) => name.parse().map(Some).map_err(|_| no_cursor()),
        Some(_) => Err(no_cursor()),
    }
}

impl<T> Listed<T> {
    /// As the app tells it, in the words of this door.
    pub fn of<R>(page: Page<R>, query: &impl ListQuery, as_answer: impl FnMut(R) -> T) -> Self {
        Self {
            next_cursor: page.next.map(|bounds| cursor(query, &bounds)),
            items: page.items.into_iter().map(as_answer).collect(),
        }
    }
}

fn cursor(query: &impl ListQuery, bounds: &[Bound]) -> String {
    // Texts and numbers: writing them as JSON cannot fail.
    let json = serde_json::to_vec(&(question(query), bounds)).unwrap_or_default();
    URL_SAFE_NO_PAD.encode(json)
}

/// What all pages of a list have in common, in short.
fn question(query: &impl ListQuery) -> String {
    let mut question = serde_json::to_value(query).unwrap_or_default();
    if let Some(question) = question.as_object_mut() {
        question.retain(|name, value| {
            !matches!(name.as_str(), "limit" | "cursor") && *value != Value::Null
        });
    }
    let digest = digest(question.to_string().as_bytes()).0;
    URL_SAFE_NO_PAD.encode(digest.get(..8).unwrap_or_default())
}

fn order<K: SortKey>(sort: Option<&str>) -> Result<Vec<(K, Direction)>, Problem> {
    let mut order: Vec<(K, Direction)> = Vec::new();
    for member in sort.into_iter().flat_map(|sort| sort.split(',')) {
        let (name, direction) = match member.strip_prefix('-') {
            Some(name) => (name, Direction::Descending),
            None => (member, Direction::Ascending),
        };
        let Some((_, key)) = K::ALL.iter().find(|(known, _)| *known == name) else {
            let known: Vec<_> = K::ALL.iter().map(|(name, _)| *name).collect();
            let known = known.join("`, `");
            let detail = format!("`sort` names members out of `{known}`, separated by commas");
            return Err(malformed("sort", &detail));
        };
        // What stands there again decides nothing any more.
        if !order.iter().any(|(before, _)| before == key) {
            order.push((*key, direction));
        }
    }
    Ok(order)
}

/// Whether the values of the cursor are those that the list is sorted by.
fn is_fit<K: SortKey>(window: &Window<K>) -> bool {
    let Some(bounds) = &window.after else {
        return true;
    };
    let is_text = |bound: Option<&Bound>| matches!(bound, Some(Bound::Text(_)));
    let keys = window.order.iter().zip(bounds);
    bounds.len() == window.order.len().saturating_add(1)
        && is_text(bounds.last())
        && keys
            .into_iter()
            .all(|((key, _), bound)| key.is_text() == is_text(Some(bound)))
}

/// The cursor is none of this list.
fn no_cursor() -> Problem {
    let detail = "`cursor` is the `next_cursor` of the page before";
    malformed("cursor", detail)
}
