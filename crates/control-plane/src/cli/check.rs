//! `portcullis check`.

mod cases;
mod report;
mod schema;

use std::path::PathBuf;

use super::planned::Planned;
use super::remote::Remote;
use super::{Exit, Failure, Output, output};
use cases::CaseFile;
use report::Report;

pub use schema::schema;

/// Run files of cases: requests, and what gateways are expected to decide about them.
///
/// By the gateways' own engine, on the records that they are told, all of one moment. Ends with 0 where every case is
/// met, with 3 where one is not.
#[derive(clap::Args)]
pub struct Check {
    /// Files of cases in YAML: docs/explain.md tells what stands in them.
    #[arg(required_unless_present = "schema", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print the JSON Schema of files of cases, and do nothing else.
    #[arg(long, conflicts_with = "files")]
    schema: bool,
    /// Access profiles and collections that no case comes to count as a case that is not met.
    #[arg(long)]
    require_coverage: bool,
    #[command(flatten)]
    planned: Planned,
    #[command(flatten)]
    remote: Remote,
}

impl Check {
    pub(super) fn run(self, form: Output) -> Result<Exit, Failure> {
        if self.schema {
            output::print(&schema())?;
            return Ok(Exit::Done);
        }
        let mut files = Vec::with_capacity(self.files.len());
        for path in &self.files {
            files.push(CaseFile::read(path)?);
        }
        let mut requests = Vec::new();
        for file in &files {
            requests.extend(file.requests()?);
        }
        let told = self.planned.explain(&self.remote, requests)?;
        let report = Report::of(&files, told, self.require_coverage)?;
        form.write(&report)?;
        Ok(if report.is_met() {
            Exit::Done
        } else {
            Exit::Differs
        })
    }
}
