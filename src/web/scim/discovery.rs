//! What the SCIM server says of itself (RFC 7644 §4).

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::Value;

use super::answer;
use super::request::{MAX_PAGE, Parameters};
use crate::base::{Error, Kind, urls};
use crate::directory::inbound::schema;
use crate::scim::Capabilities;
use crate::scim::discovery::resource_types;
use crate::web::error::{Answer, Failure};
use crate::web::extract::ApiToken;
use crate::web::extract::permission::ScimUse;
use crate::web::state::{Shared, Web};

/// What a server is can't be filtered, as the standard says.
fn unfiltered(parameters: &Parameters) -> Result<(), Failure> {
    if matches!(parameters.filter(), Ok(None)) {
        return Ok(());
    }
    let text = "What the server says of itself is not filtered. Leave the filter out.";
    Err(Error::forbidden("not_filterable", text).into())
}

fn one(all: Vec<Value>, id: &str) -> Answer {
    let found = all.iter().find(|one| one.get("id").and_then(Value::as_str) == Some(id));
    let found = found.ok_or_else(Failure::no_such_page)?;
    Ok(answer::json(StatusCode::OK, found))
}

/// `GET /scim/v2/ServiceProviderConfig`
pub(super) async fn show_config(
    _: ApiToken<ScimUse>,
    State(web): State<Shared>,
    parameters: Parameters,
) -> Answer {
    unfiltered(&parameters)?;
    let ours = Capabilities {
        patch: Some(true),
        filter: Some(true),
        filter_max_results: Some(MAX_PAGE),
        etag: true,
        authentication_schemes: vec!["oauthbearertoken".to_owned()],
        ..Capabilities::default()
    };
    Ok(answer::json(StatusCode::OK, &ours.to_json(&web.installation.base_url.join(urls::scim_config()))))
}

fn types(web: &Web) -> Vec<Value> {
    resource_types(&web.installation.base_url.join(urls::scim()), true)
}

/// `GET /scim/v2/ResourceTypes`
pub(super) async fn list_resource_types(
    _: ApiToken<ScimUse>,
    State(web): State<Shared>,
    parameters: Parameters,
) -> Answer {
    unfiltered(&parameters)?;
    Ok(answer::whole(types(&web)))
}

/// `GET /scim/v2/ResourceTypes/{id}`
pub(super) async fn show_resource_type(
    _: ApiToken<ScimUse>,
    State(web): State<Shared>,
    Path(name): Path<String>,
) -> Answer {
    one(types(&web), &name)
}

/// `GET /scim/v2/Schemas`
pub(super) async fn list_schemas(
    _: ApiToken<ScimUse>,
    State(web): State<Shared>,
    parameters: Parameters,
) -> Answer {
    unfiltered(&parameters)?;
    Ok(answer::whole(schema::all(web.installation.base_url.as_str())))
}

/// `GET /scim/v2/Schemas/{id}`
pub(super) async fn show_schema(
    _: ApiToken<ScimUse>,
    State(web): State<Shared>,
    Path(urn): Path<String>,
) -> Answer {
    one(schema::all(web.installation.base_url.as_str()), &urn)
}

/// What the standard names and this server does not do: `/Bulk`, `/.search` over all kinds, `/Me` for a token that is
/// nobody.
pub(super) async fn refuse(_: ApiToken<ScimUse>) -> Answer {
    let error = Error::new(
        Kind::Malformed,
        "not_implemented",
        "This is not implemented here. Send one request for each resource, and search by GET on Users or Groups.",
    );
    Err(Failure::with_status(StatusCode::NOT_IMPLEMENTED, error))
}
