//! Lists: in which order, and from where on. A page begins after what was seen last, wherever that stands by now: rows
//! that come and go shift nothing, and a page far down the list costs what the first one does. Which records a list has
//! is told by the filters, which stand with their kinds of records.

use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::statement::{Draft, Row, Transaction, Value};

/// By what records of a kind can be sorted.
pub trait SortKey: Copy + PartialEq + 'static {
    /// What is sorted.
    type Record;

    /// All there are, with their names.
    const ALL: &'static [(&'static str, Self)];

    /// What the database compares: never NULL.
    fn column(self) -> &'static str;

    /// Whether that is a text, and not a number.
    fn is_text(self) -> bool;

    /// The same of a record that was read.
    fn bound(self, record: &Self::Record) -> Bound;

    /// The identifier of a record, which decides between equals.
    fn id(record: &Self::Record) -> String;
}

/// Upwards or downwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The smallest first.
    Ascending,
    /// The greatest first.
    Descending,
}

/// A value by which records are sorted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Bound {
    /// Of a time.
    Number(i64),
    /// Of a name or an identifier.
    Text(String),
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window<K> {
    /// What is compared first, and so on. Equals stand in the order of their identifiers, which is that of their creation.
    pub order: Vec<(K, Direction)>,
    /// Where it begins: after a record with these values, as [`Window::bounds`] tells them.
    pub after: Option<Vec<Bound>>,
    /// How many records at most.
    pub limit: u32,
}

impl<K: SortKey> Window<K> {
    /// Where a page begins that follows a record.
    pub fn bounds(&self, record: &K::Record) -> Vec<Bound> {
        let mut bounds: Vec<_> = self
            .order
            .iter()
            .map(|(key, _)| key.bound(record))
            .collect();
        bounds.push(Bound::Text(K::id(record)));
        bounds
    }

    /// The columns that are compared: the identifier last.
    fn columns(&self) -> Vec<(&'static str, Direction)> {
        let last = self.order.last().map(|(_, direction)| *direction);
        let keys = self.order.iter();
        let mut columns: Vec<_> = keys.map(|(key, way)| (key.column(), *way)).collect();
        columns.push(("id", last.unwrap_or(Direction::Ascending)));
        columns
    }
}

impl Direction {
    const fn comparison(self) -> &'static str {
        match self {
            Self::Ascending => " > ",
            Self::Descending => " < ",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Ascending => " ASC",
            Self::Descending => " DESC",
        }
    }
}

impl From<&Bound> for Value {
    fn from(bound: &Bound) -> Self {
        match bound {
            Bound::Number(number) => Self::from(*number),
            Bound::Text(text) => Self::from(text),
        }
    }
}

/// A list while it is put together.
pub(crate) struct Selection {
    draft: Draft,
    begun: bool,
}

impl Selection {
    /// Of all records that a statement without conditions selects.
    pub(crate) fn of(statement: &'static str) -> Self {
        Self {
            draft: Draft::new(statement),
            begun: false,
        }
    }

    /// Only those for which this and a value hold, if there is one: the condition ends where the value stands.
    pub(crate) fn when(&mut self, condition: &'static str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.and().push(condition).push_bind(value);
        }
    }

    /// Only those in whose name a text stands, in whatever case.
    pub(crate) fn when_named(&mut self, text: Option<&str>) {
        if let Some(text) = text {
            let pattern = format!("%{}%", escaped(&folded(text)));
            self.and()
                .push("folded_name LIKE ")
                .push_bind(pattern)
                .push(" ESCAPE '\\'");
        }
    }

    /// Begins a further condition.
    pub(crate) fn and(&mut self) -> &mut Draft {
        let word = if self.begun { " AND " } else { " WHERE " };
        self.begun = true;
        self.draft.push(word)
    }

    /// The rows of a window.
    pub(crate) async fn rows<K: SortKey>(
        mut self,
        window: &Window<K>,
        on: &mut Transaction,
    ) -> Result<Vec<Row>, StoreError> {
        let columns = window.columns();
        if let Some(bounds) = &window.after {
            if let (Some((column, direction)), Some(bound)) = (columns.first(), bounds.first()) {
                // Implied by what follows, and such that an index leads there.
                let range = match direction {
                    Direction::Ascending => " >= ",
                    Direction::Descending => " <= ",
                };
                self.and().push(column).push(range).push_bind(bound);
            }
            push_after(self.and(), &columns, bounds);
        }
        let mut separator = " ORDER BY ";
        for (column, direction) in columns {
            self.draft
                .push(separator)
                .push(column)
                .push(direction.word());
            separator = ", ";
        }
        self.draft
            .push(" LIMIT ")
            .push_bind(i64::from(window.limit));
        self.draft.finished().fetch_all(on).await
    }
}

/// What comes after some bounds: greater in the first column, or equal there and after the others in the rest.
fn push_after(draft: &mut Draft, columns: &[(&'static str, Direction)], bounds: &[Bound]) {
    let ([(column, direction), columns @ ..], [bound, bounds @ ..]) = (columns, bounds) else {
        return;
    };
    draft
        .push("(")
        .push(column)
        .push(direction.comparison())
        .push_bind(bound);
    if !columns.is_empty() {
        draft
            .push(" OR (")
            .push(column)
            .push(" = ")
            .push_bind(bound);
        draft.push(" AND ");
        push_after(draft, columns, bounds);
        draft.push(")");
    }
    draft.push(")");
}

/// A name as it is searched and sorted by: no database folds the case of all letters, and no two do it alike.
pub(crate) fn folded(name: &str) -> String {
    name.to_lowercase()
}

/// A text that stands for itself in a pattern of `LIKE`.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
