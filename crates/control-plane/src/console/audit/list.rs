//! Changes of records, the newest first.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::html;

use super::entry::line;
use super::filters::{AuditWanted, ON_PAGE, filters};
use crate::api::answer::Listed;
use crate::api::listing::after_name;
use crate::app::App;
use crate::console::asked::Wanted;
use crate::console::design::{Look, empty, heading, link_button, pagination};
use crate::console::frame::{Frame, Section};
use crate::problem::Problem;

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Wanted(wanted): Wanted<AuditWanted>,
) -> Result<Response, Problem> {
    let filter = wanted.filter()?;
    let page = app.audit(&filter, after_name(&wanted)?, ON_PAGE).await?;
    let listed = Listed::of(page, &wanted, |record| record);
    let now_ms = app.now_ms();
    let content = html! {
        (heading("Audit", &html! {
            (link_button(Look::Usual, &wanted.export_path("csv"), "Export as CSV"))
            (link_button(Look::Usual, &wanted.export_path("jsonl"), "Export as JSON lines"))
        }))
        (filters(&wanted))
        @if listed.items.is_empty() {
            (empty("No change fits.", &html! { p { a href="/console/audit" { "Show all changes" } } }))
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Changes" {
                table data-rows {
                    thead {
                        tr {
                            th scope="col" { "When" } th scope="col" { "Who" } th scope="col" { "What" }
                            th scope="col" { "Record" } th scope="col" { "Before and after" }
                        }
                    }
                    tbody { @for record in &listed.items { (line(record, now_ms)) } }
                }
            }
            (pagination(&frame.path, listed.next_cursor.as_deref()))
        }
    };
    Ok(frame.page(Section::Audit, "Audit", &content))
}
