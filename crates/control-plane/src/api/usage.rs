//! `/usage`: how many requests there were, for whom, how they ended and how long they took.

mod answer;
mod export;
mod query;
mod refused;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;

use super::answer::{Listed, ReadRefusals};
use super::asked::Asked;
use super::listing::{after_name, limit};
use crate::app::{App, Refusal};
use crate::problem::{Kind, Problem};

pub use answer::{UsageGateway, UsageSeries, UsageTop, UsageTotals};
use query::{RefusalExportQuery, UsageSeriesQuery, UsageTopQuery, UsageTotalsQuery};
pub use query::{RefusalPageQuery, UsageGatewayQuery};
pub use refused::{Place, RefusedRequest};

/// Tells the course of usage
///
/// Of all requests that fit what is asked for, or of those of each client, profile and so on that has the most requests.
/// Moments without any are left out. What gateways have counted is seen about ten seconds later.
#[utoipa::path(get, path = "/usage/series", operation_id = "read_usage_series", tag = "usage",
    params(UsageSeriesQuery),
    responses((status = 200, description = "The course of usage.", body = UsageSeries), ReadRefusals))]
pub async fn series(
    State(app): State<Arc<App>>,
    Asked(query): Asked<UsageSeriesQuery>,
) -> Result<Json<UsageSeries>, Problem> {
    let (asked, by, limit) = (query.asked()?, query.by()?, query.limit()?);
    let series = app.usage_series(&asked, by, limit).await;
    Ok(Json(series.map_err(of_query)?.into()))
}

/// Exports the course of usage
///
/// As CSV: a line for each moment of each member of the group. Texts that spreadsheets would take for formulas begin with
/// an apostrophe.
#[utoipa::path(get, path = "/usage/series/export", operation_id = "export_usage_series", tag = "usage",
    params(UsageSeriesQuery),
    responses((status = 200, description = "The course of usage.", content((String = "text/csv"))), ReadRefusals))]
pub async fn export_series(
    State(app): State<Arc<App>>,
    Asked(query): Asked<UsageSeriesQuery>,
) -> Result<Response, Problem> {
    let (asked, by, limit) = (query.asked()?, query.by()?, query.limit()?);
    let series = app.usage_series(&asked, by, limit).await;
    Ok(export::series(series.map_err(of_query)?))
}

/// Tells the sums of a period
///
/// Of all requests that fit what is asked for.
#[utoipa::path(get, path = "/usage/totals", operation_id = "read_usage_totals", tag = "usage",
    params(UsageTotalsQuery),
    responses((status = 200, description = "The sums.", body = UsageTotals), ReadRefusals))]
pub async fn totals(
    State(app): State<Arc<App>>,
    Asked(query): Asked<UsageTotalsQuery>,
) -> Result<Json<UsageTotals>, Problem> {
    let totals = app.usage_totals(&query.asked()?).await;
    Ok(Json(totals.map_err(of_query)?.into()))
}

/// Tells who has most
///
/// The clients, profiles and so on with the most requests, refused or failed requests, or bytes, and their sums.
#[utoipa::path(get, path = "/usage/top", operation_id = "read_usage_top", tag = "usage",
    params(UsageTopQuery),
    responses((status = 200, description = "From the most downwards.", body = UsageTop), ReadRefusals))]
pub async fn top(
    State(app): State<Arc<App>>,
    Asked(query): Asked<UsageTopQuery>,
) -> Result<Json<UsageTop>, Problem> {
    let (asked, limit) = (query.asked()?, query.limit()?);
    let top = app.usage_top(&asked, query.by.into(), query.order(), limit);
    Ok(Json(top.await.map_err(of_query)?.into()))
}

/// Lists refused requests
///
/// A sample of them, the newest first: all that fit whatever is asked for.
#[utoipa::path(get, path = "/usage/refusals", operation_id = "list_usage_refusals", tag = "usage",
    params(RefusalPageQuery),
    responses((status = 200, description = "A page of the refusals.", body = Listed<RefusedRequest>), ReadRefusals))]
pub async fn refusals(
    State(app): State<Arc<App>>,
    Asked(query): Asked<RefusalPageQuery>,
) -> Result<Json<Listed<RefusedRequest>>, Problem> {
    let filter = query.filter()?;
    let before = after_name::<Place>(&query)?.map(Place::bounds);
    let page = app.refused(&filter, before, limit(query.limit)?).await?;
    let names = app.names_of_refused(&page.items).await?;
    Ok(Json(Listed::of(page, &query, |refused| {
        RefusedRequest::of(refused, &names)
    })))
}

/// Exports refused requests
///
/// The newest first, as CSV of any length. Texts that spreadsheets would take for formulas begin with an apostrophe.
#[utoipa::path(get, path = "/usage/refusals/export", operation_id = "export_usage_refusals", tag = "usage",
    params(RefusalExportQuery),
    responses((status = 200, description = "The refusals.", content((String = "text/csv"))), ReadRefusals))]
pub async fn export_refusals(
    State(app): State<Arc<App>>,
    Asked(query): Asked<RefusalExportQuery>,
) -> Result<Response, Problem> {
    Ok(refused::export(app, query.filter()?).await?)
}

/// Lists the gateways that tell usage
///
/// In the order of their instances: up to which batch each is counted, and what is known to be missing.
#[utoipa::path(get, path = "/usage/gateways", operation_id = "list_usage_gateways", tag = "usage",
    params(UsageGatewayQuery),
    responses((status = 200, description = "A page of the gateways.", body = Listed<UsageGateway>), ReadRefusals))]
pub async fn gateways(
    State(app): State<Arc<App>>,
    Asked(query): Asked<UsageGatewayQuery>,
) -> Result<Json<Listed<UsageGateway>>, Problem> {
    let after: Option<String> = after_name(&query)?;
    let page = app.usage_instances(after.as_deref(), limit(query.limit)?);
    Ok(Json(Listed::of(page.await?, &query, UsageGateway::from)))
}

/// What is wrong with a question is wrong with its query.
fn of_query(refusal: Refusal) -> Problem {
    let detail = refusal.to_string();
    match refusal {
        Refusal::Invalid(violations) => violations.into_iter().fold(
            Problem::new(Kind::MalformedRequest, detail),
            |problem, violation| problem.with_error(violation.pointer, violation.detail),
        ),
        other => other.into(),
    }
}
