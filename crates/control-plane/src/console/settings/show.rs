//! What the control plane was started with. Nothing of it is changed here, and nothing of it is secret.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::feed_keys;
use crate::app::App;
use crate::console::design::{heading, with_code};
use crate::console::frame::{Frame, Section};
use crate::settings::ToldSetting;

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    Extension(told): Extension<Arc<[ToldSetting]>>,
    frame: Frame,
) -> Response {
    let content = html! {
        (heading("Settings", &html! {}))
        p {
            "Portcullis " (env!("CARGO_PKG_VERSION")) ", reached by browsers at " code { (app.public_url().to_string()) } "."
        }
        (feed_keys::section(&app, &frame))
        section.section aria-labelledby="started" {
            h2 #started { "What this control plane was started with" }
            p.quiet { "Settings stand in flags, the environment or a file, and take effect at the next start. Secrets are not shown." }
            div.scroll tabindex="0" role="region" aria-label="Settings" {
                table {
                    thead {
                        tr {
                            th scope="col" { "Setting" } th scope="col" { "Value" } th scope="col" { "From" }
                            th scope="col" { "What it does" }
                        }
                    }
                    tbody { @for setting in told.iter() { (line(setting)) } }
                }
            }
        }
    };
    frame.page(Section::Settings, "Settings", &content)
}

fn line(told: &ToldSetting) -> Markup {
    html! {
        tr {
            th scope="row" { code { (told.setting.key) } }
            td {
                @match (&told.value, &told.origin) {
                    (Some(value), _) => code { (value) },
                    (None, Some(_)) => "given, and secret",
                    (None, None) => span.nothing { "–" },
                }
            }
            td {
                @match &told.origin {
                    Some(origin) => (with_code(origin)),
                    None => span.nothing { "not given" },
                }
            }
            td { p.small { (with_code(told.setting.means)) } }
        }
    }
}
