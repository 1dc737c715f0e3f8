//! Which changes are asked for.

use portcullis_store::AuditFilter;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::export::{Format, InvalidFormat};
use crate::api::parameters::malformed_value;
use crate::app::time::Moment;
use crate::problem::Problem;

macro_rules! audit_query {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
        #[serde(deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub struct $name {
            /// Only those of this author: an identifier, or the kind of authors that have none.
            pub author: Option<String>,
            /// Only those of records of this kind.
            pub kind: Option<String>,
            /// Only those of the record with this identifier.
            pub object: Option<String>,
            /// Only these: `create`, `change`, `delete` or `revoke`.
            pub action: Option<String>,
            /// Only those that were made then or later.
            #[param(example = "2027-01-01T00:00:00Z", format = DateTime)]
            pub since: Option<String>,
            /// Only those that were made before then.
            #[param(example = "2027-02-01T00:00:00Z", format = DateTime)]
            pub until: Option<String>,
            /// Only those in answer to this request.
            pub request_id: Option<String>,
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl $name {
            /// Those that fit.
            pub(super) fn filter(&self) -> Result<AuditFilter, Problem> {
                Ok(AuditFilter {
                    author: self.author.clone(),
                    kind: self.kind.clone(),
                    object: self.object.clone(),
                    action: self.action.clone(),
                    since_ms: moment("since", self.since.as_deref())?,
                    until_ms: moment("until", self.until.as_deref())?,
                    request_id: self.request_id.clone(),
                })
            }
        }
    };
}

audit_query! {
    /// Which changes.
    AuditPageQuery {
        /// How many records at most: 1 to 1,000, 100 when absent.
        #[param(minimum = 1, maximum = 1000, default = 100)]
        limit: Option<u32>,
        /// Where the page before ended: its `next_cursor`. All else has to be asked as it was for that page, save `limit`.
        cursor: Option<String>,
    }
}

audit_query! {
    /// Which changes, in which form.
    AuditExportQuery {
        /// `csv`, with a line of names first; or `jsonl`, with an object as in `/audit` on each line. The latter, when
        /// absent.
        #[param(example = "csv")]
        format: Option<String>,
    }
}

impl AuditExportQuery {
    /// In which form.
    pub(super) fn format(&self) -> Result<Format, Problem> {
        let Some(text) = &self.format else {
            return Ok(Format::JsonLines);
        };
        let read = text.parse();
        read.map_err(|invalid: InvalidFormat| malformed_value("format", &invalid.to_string()))
    }
}

fn moment(name: &str, text: Option<&str>) -> Result<Option<u64>, Problem> {
    let Some(text) = text else {
        return Ok(None);
    };
    let moment = Moment::try_from(text.to_owned());
    let moment = moment.map_err(|invalid| malformed_value(name, &invalid.to_string()))?;
    Ok(Some(moment.as_ms()))
}
