//! `/tokens`: by what robots manage records.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use portcullis_feed::RobotTokenId;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{Answer, Listed, ReadRefusals, WriteRefusals};
use super::asked::{Asked, Changes, Named};
use super::listing::{after_name, limit};
use super::new::{KeyHeaders, New};
use super::query::PageQuery;
use super::tag::{Preconditions, ReadHeaders, TaggedAs, WriteHeaders};
use crate::app::App;
use crate::app::robot_token::{NewRobotToken, RobotTokenDraft};
use crate::app::role::RoleName;
use crate::app::time::Moment;
use crate::identity::By;
use crate::problem::Problem;

/// A token as it may be shown at any time: never the token itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct Token {
    /// Its public name.
    #[schema(value_type = String, example = "rt_01jcz3v9k4m0x2p7q8r9s0t1v2")]
    pub id: RobotTokenId,
    /// What people call it.
    #[schema(example = "Deployment pipeline")]
    pub name: String,
    /// More about it.
    pub description: Option<String>,
    /// What it may do at most.
    pub role: RoleName,
    /// What it is good for, by the first part of paths. Everything that its role permits, when null.
    pub resources: Option<Vec<String>>,
    /// When it was created.
    pub created_at: Moment,
    /// When it stops opening anything. Never, when null.
    pub expires_at: Option<Moment>,
    /// When it was used last, to within a minute or so. Null, when it never was.
    pub last_used_at: Option<Moment>,
}

/// A new token.
#[derive(Serialize, ToSchema)]
pub struct ShownToken {
    /// What is known of it later.
    #[serde(flatten)]
    pub record: Token,
    /// The whole token. Shown only now: the control plane keeps its digest.
    #[schema(example = "ptr_…")]
    pub token: String,
}

impl From<portcullis_store::RobotToken> for Token {
    fn from(stored: portcullis_store::RobotToken) -> Self {
        Self {
            id: stored.id,
            name: stored.name,
            description: stored.description,
            role: stored.role.into(),
            resources: stored.resources,
            created_at: Moment::from_ms(stored.created_at_ms),
            expires_at: stored.expires_at_ms.map(Moment::from_ms),
            last_used_at: stored.last_used_at_ms.map(Moment::from_ms),
        }
    }
}

impl Token {
    /// Without what becomes different by itself: that a robot came by it is no reason not to change it.
    fn seen(stored: &portcullis_store::RobotToken) -> Self {
        Self {
            last_used_at: None,
            ..Self::from(stored.clone())
        }
    }

    fn tagged(stored: portcullis_store::RobotToken) -> TaggedAs<Self> {
        TaggedAs::of(stored, Self::seen)
    }
}

/// Makes a token for a robot
///
/// The answer shows it, only this once. Robots send it as `Authorization: Bearer`.
#[utoipa::path(post, path = "/tokens", operation_id = "create_token", tag = "tokens",
    params(KeyHeaders),
    request_body = RobotTokenDraft,
    responses((status = 201, description = "The token.", body = ShownToken), WriteRefusals))]
pub async fn create(
    State(app): State<Arc<App>>,
    By(author): By,
    New { draft, asking }: New<RobotTokenDraft>,
) -> Result<Answer, Problem> {
    let once = asking.once(|made| {
        let NewRobotToken { token, record } = made.record;
        let TaggedAs { record, tag } = Token::tagged(record);
        let location = format!("tokens/{}", record.id);
        let answer = Answer::created(&location, &ShownToken { record, token });
        answer.with(header::ETAG, tag.as_str()).shown_once()
    });
    Ok(app.create_robot_token(&author, once, draft).await?)
}

/// Lists the tokens of robots
#[utoipa::path(get, path = "/tokens", operation_id = "list_tokens", tag = "tokens",
    params(PageQuery),
    responses((status = 200, description = "A page of the tokens.", body = Listed<Token>), ReadRefusals))]
pub async fn list(
    State(app): State<Arc<App>>,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<Listed<Token>>, Problem> {
    let page = app
        .robot_tokens(after_name(&query)?, limit(query.limit)?)
        .await?;
    Ok(Json(Listed::of(page, &query, Token::from)))
}

/// Reads a token of a robot
#[utoipa::path(get, path = "/tokens/{id}", operation_id = "read_token", tag = "tokens",
    params(("id" = String, Path, description = "The identifier of the token."), ReadHeaders),
    responses((status = 200, description = "The token.", body = Token), ReadRefusals))]
pub async fn read(
    State(app): State<Arc<App>>,
    Named(id): Named<RobotTokenId>,
) -> Result<TaggedAs<Token>, Problem> {
    Ok(Token::tagged(app.robot_token(id).await?))
}

/// Changes a token of a robot
///
/// A JSON merge patch: what is absent stays, `null` clears. The token itself stays, and may do from now on what is said
/// here.
#[utoipa::path(patch, path = "/tokens/{id}", operation_id = "change_token", tag = "tokens",
    params(("id" = String, Path, description = "The identifier of the token."), WriteHeaders),
    request_body = RobotTokenDraft,
    responses((status = 200, description = "The token.", body = Token), WriteRefusals))]
pub async fn change(
    State(app): State<Arc<App>>,
    By(author): By,
    Named(id): Named<RobotTokenId>,
    preconditions: Preconditions,
    Changes(patch): Changes,
) -> Result<TaggedAs<Token>, Problem> {
    let condition = preconditions.of(Token::seen);
    let changed = app
        .change_robot_token(&author, id, condition, patch)
        .await?;
    Ok(Token::tagged(changed))
}

/// Withdraws a token of a robot
///
/// At once.
#[utoipa::path(delete, path = "/tokens/{id}", operation_id = "delete_token", tag = "tokens",
    params(("id" = String, Path, description = "The identifier of the token."), WriteHeaders),
    responses((status = 204, description = "The token is gone."), WriteRefusals))]
pub async fn delete(
    State(app): State<Arc<App>>,
    By(author): By,
    Named(id): Named<RobotTokenId>,
    preconditions: Preconditions,
) -> Result<StatusCode, Problem> {
    let condition = preconditions.of(Token::seen);
    app.delete_robot_token(&author, id, condition).await?;
    Ok(StatusCode::NO_CONTENT)
}
