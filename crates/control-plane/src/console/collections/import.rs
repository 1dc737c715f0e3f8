//! Collections from OpenAPI documents: first what would change, then the change.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use portcullis_feed::CollectionId;
use portcullis_store::Collection;

use super::document::{
    DOCUMENT, FILE, REDUCED, at_names, count, name, outline, servers, with_text,
};
use super::preview::preview;
use super::{path_of, seen, tag, title};
use crate::api::asked::Named;
use crate::app::condition::Condition;
use crate::app::import::Imported;
use crate::app::{App, Committed, Refusal};
use crate::console::condition::unchanged;
use crate::console::design::{Field, Filled, heading, plural};
use crate::console::entered::Sent;
use crate::console::frame::{Frame, Section};
use crate::console::notice::Notice;
use crate::console::once::{self, once};
use crate::console::refused::{Again, again};
use crate::console::settled::{arrived, done};
use crate::identity::By;
use crate::problem::Problem;

const POINTERS: [(&str, &str); 3] = [
    ("/document", DOCUMENT),
    ("/name", "name"),
    ("/version", "version"),
];

/// A form for a document.
struct Form<'a> {
    status: StatusCode,
    /// The collection whose endpoints it replaces, if it makes no new one.
    collection: Option<&'a Collection>,
    filled: &'a Filled,
    /// What the document would change, where that was asked.
    preview: Option<Imported>,
}

pub(in crate::console) async fn show_new(State(app): State<Arc<App>>, frame: Frame) -> Response {
    let form = Form {
        status: StatusCode::OK,
        collection: None,
        filled: &Filled::default(),
        preview: None,
    };
    page(&app, &frame, form)
}

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Named(id): Named<CollectionId>,
) -> Result<Response, Problem> {
    let collection = app.collection(id).await?;
    let form = Form {
        status: StatusCode::OK,
        collection: Some(&collection),
        filled: &Filled::default(),
        preview: None,
    };
    Ok(page(&app, &frame, form))
}

pub(in crate::console) async fn send_new(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    sent: Sent,
) -> Result<Response, Problem> {
    let attempt = async {
        let outline = outline(&sent)?;
        let names = [name(&sent, "name")?, name(&sent, "version")?];
        if !sent.has("import") {
            let preview = app.preview_import(&author, outline, names).await;
            let preview = preview.map_err(at_names)?;
            return Ok(Step::Preview(Box::new(preview)));
        }
        let once = once(&frame, &sent, |made: Committed<Imported>| {
            made.record.collection.id.to_string()
        });
        let id = app.import_collection(&author, once, outline, names).await;
        Ok(Step::Done(id.map_err(at_names)?))
    };
    let outcome = match attempt.await {
        Ok(Step::Done(id)) => {
            let id: CollectionId = id.parse().map_err(|_| Refusal::AnswerLost)?;
            let notice = Notice::of("The collection is imported: access profiles can grant it now");
            return Ok(done(&app, &frame, &path_of(id), &notice));
        }
        Ok(Step::Preview(preview)) => Ok(*preview),
        Err(refusal) => Err(refusal),
    };
    again_with(&app, &frame, &sent, None, outcome)
}

pub(in crate::console) async fn send(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    Named(id): Named<CollectionId>,
    sent: Sent,
) -> Result<Response, Problem> {
    let attempt = async {
        let outline = outline(&sent)?;
        if sent.has("import") {
            let condition = unchanged(&sent, seen);
            let replaced = app
                .replace_endpoints(&author, id, condition, outline)
                .await?;
            return Ok(Step::Done(replaced));
        }
        let any = Condition::none();
        let preview = app.preview_endpoints(&author, id, any, outline).await?;
        Ok(Step::Preview(Box::new(preview)))
    };
    let outcome = match attempt.await {
        Ok(Step::Done(replaced)) => return Ok(imported(&app, &frame, replaced).await),
        Ok(Step::Preview(preview)) => Ok(*preview),
        Err(refusal) => Err(refusal),
    };
    let collection = app.collection(id).await?;
    again_with(&app, &frame, &sent, Some(&collection), outcome)
}

/// How far a form came.
enum Step<T> {
    Preview(Box<Imported>),
    Done(T),
}

async fn imported(app: &App, frame: &Frame, replaced: Committed<Imported>) -> Response {
    let Imported {
        collection,
        difference,
    } = replaced.record;
    let text = format!(
        "{} has the endpoints of the document: {} added, {} removed",
        title(&collection),
        plural(count(&difference.added), "endpoint"),
        plural(count(&difference.removed), "endpoint"),
    );
    let arrival = arrived(app, replaced.revision, "applied").await;
    let notice = Notice::of(text).with_arrival(arrival);
    done(app, frame, &path_of(collection.id), &notice)
}

/// The form once more: with what it would do, or with what is wrong.
fn again_with(
    app: &App,
    frame: &Frame,
    sent: &Sent,
    collection: Option<&Collection>,
    outcome: Result<Imported, Refusal>,
) -> Result<Response, Problem> {
    let (status, filled, preview) = match outcome {
        Ok(preview) => {
            let filled = Filled::sent(sent, Vec::new());
            (StatusCode::OK, filled, Some(preview))
        }
        Err(refusal) => {
            let Again { status, filled } = again(sent, refusal)?;
            (status, filled, None)
        }
    };
    let form = Form {
        status,
        collection,
        filled: &with_text(filled, sent),
        preview,
    };
    Ok(page(app, frame, form))
}

fn page(app: &App, frame: &Frame, form: Form<'_>) -> Response {
    let (title, path) = match form.collection {
        Some(collection) => (
            format!("Import into {}", title(collection)),
            path_of(collection.id),
        ),
        None => (
            "Import an OpenAPI document".to_owned(),
            "/console/collections".to_owned(),
        ),
    };
    let content = html! {
        (heading(&title, &html! {}))
        p {
            "OpenAPI 3, as JSON or YAML: each method of each path becomes an endpoint. "
            @if form.collection.is_some() { "They take the place of those that it has; what is disabled stays so." }
        }
        form.form method="post" action={ (path) "/import" } enctype="multipart/form-data" {
            (frame.token())
            @match form.collection {
                Some(collection) => (tag(collection)),
                None => (once::name(app)),
            }
            (form.filled.summary(&POINTERS))
            @if let Some(imported) = &form.preview { (preview(imported)) }
            (fields(&form))
            div.actions {
                @if form.preview.is_some() {
                    button.button.main type="submit" name="import" value="yes" { "Import it" }
                    button.button type="submit" name="preview" value="yes" { "Preview again" }
                } @else {
                    button.button.main type="submit" name="preview" value="yes" { "Show what changes" }
                }
                a.button href=(path) { "Cancel" }
            }
        }
    };
    frame.page_with(form.status, Section::Collections, &title, &content)
}

fn fields(form: &Form<'_>) -> Markup {
    let filled = form.filled;
    html! {
        div.field {
            label for=(FILE) { "File" span.optional { " (optional)" } }
            p.hint #file-hint { "Drop it here, or choose it. Its text takes the place of what is pasted below." }
            div.drop data-drop { input id=(FILE) name=(FILE) type="file" accept=".json,.yaml,.yml" aria-describedby="file-hint"; }
        }
        @if !filled.text(REDUCED).is_empty() {
            p.hint {
                "Of the document, which has " (filled.text(REDUCED)) ", only that stands here of which endpoints are made: its \
                 paths and methods, servers and names."
            }
        }
        (Field { name: DOCUMENT, label: "Document", pointer: "/document", is_code: true, ..Field::default() }
            .area(filled, 16))
        (Field { name: "servers", label: "What becomes of the servers that it names", is_required: true, ..Field::default() }
            .select(filled, &servers()))
        @if form.collection.is_none() {
            (Field { name: "name", label: "Name", pointer: "/name", longest: 100, hint: "The title of the document, when empty.",
                ..Field::default() }.line(filled))
            (Field { name: "version", label: "Version", pointer: "/version", longest: 100,
                hint: "The version of the document, when empty.", ..Field::default() }.line(filled))
        }
    }
}
