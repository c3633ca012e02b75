//! Bringing people in from an application: who is there, choosing, and how it goes.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::base::id::{ApplicationId, ImportId};
use crate::base::{Error, Timestamp};
use crate::provisioning::import::{self, Chosen, Job, Problem, Row, RowStatus};
use crate::web::api::ROOT;
use crate::web::api::answer::Listing;
use crate::web::api::input::{Id, Ids, Input, Query, choice, page};
use crate::web::api::once::Key;
use crate::web::api::section::{Section, operations};
use crate::web::error::Answer;
use crate::web::extract::ApiToken;
use crate::web::extract::permission::{ApplicationsRead, ApplicationsWrite, PeopleWrite};
use crate::web::state::Shared;

/// The operations.
pub fn section() -> Section {
    operations!(people, begin, job, cancel)
}

/// A person of the application, as they were read.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RemotePerson {
    /// Their id there.
    remote_id: String,
    /// What they sign in as there.
    user_name: String,
    /// How they are called.
    name: String,
    /// Their e-mail address; may be empty.
    email: String,
    /// Whether they are active there. Whoever is not is not made here.
    active: bool,
    /// `new`: nobody here. `imported`: somebody here. `conflict`: not clearly either. `error`: not usable.
    status: RowStatus,
    /// Stable code of what is in the way.
    code: Option<String>,
    /// The same in words.
    message: Option<String>,
    /// Who they are here.
    user_id: Option<String>,
    /// When they were read.
    #[schema(value_type = String, format = DateTime)]
    read_at: Timestamp,
}

impl From<Row> for RemotePerson {
    fn from(row: Row) -> Self {
        Self {
            remote_id: row.remote_id,
            user_name: row.user_name,
            name: row.name,
            email: row.email,
            active: row.active,
            status: row.status,
            code: row.code,
            message: row.message,
            user_id: row.user.map(|user| user.to_string()),
            read_at: row.seen_at,
        }
    }
}

/// Which people.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PeopleQuery {
    /// `new`, `imported`, `conflict` or `error`: only these.
    status: Option<String>,
    /// 1 to 200; default 50.
    limit: Option<String>,
    /// `next_cursor` of the page before; without one they are read anew.
    cursor: Option<String>,
}

/// List an application's people
///
/// Reads everyone who is there, and says what each is to Tessera; the pages after the first show what was read then.
/// Nobody here is changed. By name.
#[utoipa::path(get, path = "/applications/{id}/import/users", tag = "Identity management",
    params(("id" = String, Path, description = "Id of the application"), PeopleQuery),
    responses((status = 200, description = "People", body = Listing<RemotePerson>)))]
async fn people(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    Query(query): Query<PeopleQuery>,
) -> Answer<Listing<RemotePerson>> {
    let status: Option<RowStatus> =
        choice("status", query.status.as_deref(), "new, imported, conflict, error")?;
    let page = page(query.limit.as_deref(), query.cursor.as_deref())?;
    if page.after.is_none() {
        web.provisioning.scan_people(&caller.ctx, id).await?;
    }
    let rows = import::list(&mut web.installation.db.reader(), id, status, &page).await?;
    Ok(rows.map(RemotePerson::from).into())
}

/// Who is brought in.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportInput {
    /// Their ids there, as they were listed.
    #[serde(default)]
    remote_ids: Vec<String>,
    /// Everyone who is new and active there, in the place of `remote_ids`.
    #[serde(default)]
    all_new: bool,
}

/// How an import goes, and who could not be brought in.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct JobBody {
    #[serde(flatten)]
    job: Job,
    /// The first 200 who were chosen and not made.
    problems: Vec<Problem>,
}

/// Import people
///
/// For whoever may make people. Goes on in the background; follow it at the address in `Location`. People are made staged, with mapped properties only.
/// 409 `import_running` while another import of the application runs. From 100 people on, its end is told by mail.
#[utoipa::path(post, path = "/applications/{id}/import", tag = "Identity management", request_body = ImportInput,
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 202, description = "The import", body = Job)))]
async fn begin(
    caller: ApiToken<PeopleWrite>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    key: Key,
    Input(input, bytes): Input<ImportInput>,
) -> Answer<Response> {
    let chosen = match (input.remote_ids, input.all_new) {
        (ids, false) => Chosen::These(ids),
        (ids, true) if ids.is_empty() => Chosen::AllNew,
        _ => return Err(Error::field("all_new", "contradiction", "Give remote_ids or all_new.").into()),
    };
    let (ctx, shared) = (caller.ctx.clone(), web.clone());
    let work = async move {
        let job = import::begin(&shared.installation.db, &ctx, id, chosen).await?;
        let location = format!("{ROOT}/applications/{id}/import/{}", job.id);
        let mut response = (StatusCode::ACCEPTED, Json(job)).into_response();
        response
            .headers_mut()
            .insert(header::LOCATION, HeaderValue::try_from(location).map_err(Error::internal)?);
        Ok(response)
    };
    key.once(web, &caller, &bytes, Box::pin(work)).await
}

/// Cancel an import
///
/// Whoever was made by then stays; nobody else is made. 409 `import_ended` when it has ended.
#[utoipa::path(post, path = "/applications/{id}/import/{job}/cancel", tag = "Identity management",
    params(("id" = String, Path, description = "Id of the application"),
        ("job" = String, Path, description = "Id of the import")),
    responses((status = 200, description = "The import", body = Job)))]
async fn cancel(
    caller: ApiToken<PeopleWrite>,
    State(web): State<Shared>,
    Ids(id, job): Ids<ApplicationId, ImportId>,
) -> Answer<Json<Job>> {
    Ok(Json(import::cancel(&web.installation.db, &caller.ctx, id, job).await?))
}

/// Show an import
#[utoipa::path(get, path = "/applications/{id}/import/{job}", tag = "Identity management",
    params(("id" = String, Path, description = "Id of the application"),
        ("job" = String, Path, description = "Id of the import")),
    responses((status = 200, description = "How it goes", body = JobBody)))]
async fn job(
    _: ApiToken<ApplicationsRead>,
    State(web): State<Shared>,
    Ids(id, job): Ids<ApplicationId, ImportId>,
) -> Answer<Json<JobBody>> {
    let mut reader = web.installation.db.reader();
    let job = import::find(&mut reader, id, job).await?.ok_or_else(|| Error::not_found("import"))?;
    let problems = import::problems(&mut reader, job.id).await?;
    Ok(Json(JobBody { job, problems }))
}
