//! `/operators`: the people who manage records.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::Response;
use portcullis_feed::OperatorId;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{Answer, Listed, ReadRefusals, WriteRefusals, shown_once};
use super::asked::{Asked, Changes, Named};
use super::listing::{after_name, limit};
use super::new::{KeyHeaders, New};
use super::query::PageQuery;
use super::tag::{Preconditions, ReadHeaders, TaggedAs, WriteHeaders};
use crate::app::link::ShownLink;
use crate::app::operator::{self, OperatorDraft};
use crate::app::role::RoleName;
use crate::app::time::Moment;
use crate::app::{App, Committed};
use crate::identity::By;
use crate::problem::Problem;

/// An operator.
#[derive(Debug, Serialize, ToSchema)]
pub struct Operator {
    /// Their public name.
    #[schema(value_type = String, example = "op_01jcz3v9k4m0x2p7q8r9s0t1v2")]
    pub id: OperatorId,
    /// The name to log in with.
    #[schema(example = "ann@example.com")]
    pub email: String,
    /// What people call them.
    #[schema(example = "Ann")]
    pub name: String,
    /// What they may do.
    pub role: RoleName,
    /// A disabled operator can do nothing.
    pub enabled: bool,
    /// When they chose their password. Null, as long as they have none.
    pub password_changed_at: Option<Moment>,
    /// By which an identity provider knows them. Null, as long as they never came by one.
    pub single_sign_on: Option<ProviderIdentity>,
    /// When they were added.
    pub created_at: Moment,
    /// When they were last changed.
    pub updated_at: Moment,
    /// When they logged in last.
    pub last_log_in_at: Option<Moment>,
}

/// By which an identity provider knows an operator.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProviderIdentity {
    /// Which provider.
    #[schema(example = "https://id.example.com")]
    pub issuer: String,
    /// Its name for them.
    pub subject: String,
}

/// A link that works once, by which an operator chooses their password.
#[derive(Debug, Serialize, ToSchema)]
pub struct Link {
    /// Where it leads. Shown only now: the control plane keeps a digest.
    #[schema(example = "https://portcullis.example.com/console/link?token=ptl_…")]
    pub url: String,
    /// When it stops working.
    pub expires_at: Moment,
}

/// A new operator.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvitedOperator {
    /// What is known of them later.
    #[serde(flatten)]
    pub operator: Operator,
    /// By which they choose their password.
    pub link: Link,
}

impl From<portcullis_store::Operator> for Operator {
    fn from(stored: portcullis_store::Operator) -> Self {
        let changed_at_ms = stored.password.map(|password| password.changed_at_ms);
        Self {
            id: stored.id,
            email: stored.email,
            name: stored.name,
            role: stored.role.into(),
            enabled: stored.enabled,
            password_changed_at: changed_at_ms.map(Moment::from_ms),
            single_sign_on: stored.provider.map(|provider| ProviderIdentity {
                issuer: provider.issuer,
                subject: provider.subject,
            }),
            created_at: Moment::from_ms(stored.created_at_ms),
            updated_at: Moment::from_ms(stored.updated_at_ms),
            last_log_in_at: stored.last_log_in_at_ms.map(Moment::from_ms),
        }
    }
}

impl Operator {
    /// Without what becomes different by itself: that somebody logged in is no reason not to change them.
    fn seen(stored: &portcullis_store::Operator) -> Self {
        Self {
            last_log_in_at: None,
            ..Self::from(stored.clone())
        }
    }

    fn tagged(stored: portcullis_store::Operator) -> TaggedAs<Self> {
        TaggedAs::of(stored, Self::seen)
    }
}

impl Link {
    fn of(shown: &ShownLink, app: &App) -> Self {
        Self {
            url: app.link_url(shown),
            expires_at: Moment::from_ms(shown.expires_at_ms),
        }
    }
}

/// Adds an operator
///
/// The answer shows a link, only this once, by which they choose their password.
#[utoipa::path(post, path = "/operators", operation_id = "create_operator", tag = "operators",
    params(KeyHeaders),
    request_body = OperatorDraft,
    responses((status = 201, description = "The operator.", body = InvitedOperator), WriteRefusals))]
pub async fn create(
    State(app): State<Arc<App>>,
    By(author): By,
    New { draft, asking }: New<OperatorDraft>,
) -> Result<Answer, Problem> {
    let inviting = Arc::clone(&app);
    let once = asking.once(move |invited: Committed<operator::InvitedOperator>| {
        let link = Link::of(&invited.record.link, &inviting);
        let TaggedAs { record, tag } = Operator::tagged(invited.record.operator);
        let location = format!("operators/{}", record.id);
        let operator = record;
        let answer = Answer::created(&location, &InvitedOperator { operator, link });
        answer.with(header::ETAG, tag.as_str()).shown_once()
    });
    Ok(app.create_operator(&author, once, draft).await?)
}

/// Lists the operators
#[utoipa::path(get, path = "/operators", operation_id = "list_operators", tag = "operators",
    params(PageQuery),
    responses((status = 200, description = "A page of the operators.", body = Listed<Operator>), ReadRefusals))]
pub async fn list(
    State(app): State<Arc<App>>,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<Listed<Operator>>, Problem> {
    let page = app
        .operators(after_name(&query)?, limit(query.limit)?)
        .await?;
    Ok(Json(Listed::of(page, &query, Operator::from)))
}

/// Reads an operator
#[utoipa::path(get, path = "/operators/{id}", operation_id = "read_operator", tag = "operators",
    params(("id" = String, Path, description = "The identifier of the operator."), ReadHeaders),
    responses((status = 200, description = "The operator.", body = Operator), ReadRefusals))]
pub async fn read(
    State(app): State<Arc<App>>,
    Named(id): Named<OperatorId>,
) -> Result<TaggedAs<Operator>, Problem> {
    Ok(Operator::tagged(app.operator(id).await?))
}

/// Changes an operator
///
/// A JSON merge patch: what is absent stays. Who is disabled is logged out everywhere at once. The last enabled operator
/// with the role `admin` keeps that.
#[utoipa::path(patch, path = "/operators/{id}", operation_id = "change_operator", tag = "operators",
    params(("id" = String, Path, description = "The identifier of the operator."), WriteHeaders),
    request_body = OperatorDraft,
    responses((status = 200, description = "The operator.", body = Operator), WriteRefusals))]
pub async fn change(
    State(app): State<Arc<App>>,
    By(author): By,
    Named(id): Named<OperatorId>,
    preconditions: Preconditions,
    Changes(patch): Changes,
) -> Result<TaggedAs<Operator>, Problem> {
    let condition = preconditions.of(Operator::seen);
    let changed = app.change_operator(&author, id, condition, patch).await?;
    Ok(Operator::tagged(changed))
}

/// Removes an operator
///
/// They are logged out everywhere at once. What they changed keeps their name in the audit. The last enabled operator
/// with the role `admin` stays.
#[utoipa::path(delete, path = "/operators/{id}", operation_id = "delete_operator", tag = "operators",
    params(("id" = String, Path, description = "The identifier of the operator."), WriteHeaders),
    responses((status = 204, description = "The operator is gone."), WriteRefusals))]
pub async fn delete(
    State(app): State<Arc<App>>,
    By(author): By,
    Named(id): Named<OperatorId>,
    preconditions: Preconditions,
) -> Result<StatusCode, Problem> {
    let condition = preconditions.of(Operator::seen);
    app.delete_operator(&author, id, condition).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a link by which an operator chooses a password
///
/// For who is new, and for who has forgotten it. Older links of theirs stop working; their password and their sessions
/// last until the link is used.
#[utoipa::path(post, path = "/operators/{id}/link", operation_id = "create_operator_link", tag = "operators",
    params(("id" = String, Path, description = "The identifier of the operator.")),
    responses((status = 201, description = "The link.", body = Link), WriteRefusals))]
pub async fn link(
    State(app): State<Arc<App>>,
    By(author): By,
    Named(id): Named<OperatorId>,
) -> Result<Response, Problem> {
    let shown = app.create_link(&author, id).await?;
    let link = Link::of(&shown, &app);
    Ok(shown_once((StatusCode::CREATED, Json(link))))
}
