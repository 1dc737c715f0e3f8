//! The names of records as they are searched and sorted by. Records are written with them; those that an earlier
//! version wrote get them when the database is opened.

use crate::list::folded;
use crate::statement::query;
use crate::{Edit, StoreError};

/// How many names are read at once.
const AT_ONCE: usize = 1_000;

/// For each table with names: those that are not folded yet, and how one is.
const TABLES: [(&str, &str); 5] = [
    (
        "SELECT id, name FROM clients WHERE folded_name IS NULL LIMIT 1000",
        "UPDATE clients SET folded_name = $1 WHERE id = $2",
    ),
    (
        "SELECT id, name FROM access_profiles WHERE folded_name IS NULL LIMIT 1000",
        "UPDATE access_profiles SET folded_name = $1 WHERE id = $2",
    ),
    (
        "SELECT id, name FROM collections WHERE folded_name IS NULL LIMIT 1000",
        "UPDATE collections SET folded_name = $1 WHERE id = $2",
    ),
    (
        "SELECT id, name FROM policies WHERE folded_name IS NULL LIMIT 1000",
        "UPDATE policies SET folded_name = $1 WHERE id = $2",
    ),
    (
        "SELECT id, name FROM tokens \
         WHERE kind = 'gateway' AND name IS NOT NULL AND folded_name IS NULL LIMIT 1000",
        "UPDATE tokens SET folded_name = $1 WHERE id = $2",
    ),
];

impl Edit {
    /// Folds all names that are not folded yet.
    pub(crate) async fn fold_names(&mut self) -> Result<(), StoreError> {
        for (unfolded, fold) in TABLES {
            loop {
                let found = query(unfolded)
                    .fetch_all(&mut self.read().transaction)
                    .await?;
                for row in &found {
                    let (id, name): (String, String) = (row.try_get("id")?, row.try_get("name")?);
                    query(fold)
                        .bind(folded(&name))
                        .bind(id)
                        .execute(&mut self.read().transaction)
                        .await?;
                }
                if found.len() < AT_ONCE {
                    break;
                }
            }
        }
        Ok(())
    }
}
