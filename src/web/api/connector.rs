//! The connector that an application was made from, and a later version of it: what that would change, and taking it
//! over. Nothing of an application changes with the catalog alone.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::applications::{self, Application};
use crate::base::Result;
use crate::base::id::ApplicationId;
use crate::catalog::upgrade::Difference;
use crate::provisioning::upgrade::{self, Offer, Wanted};
use crate::web::api::answer::Tagged;
use crate::web::api::input::{Id, object};
use crate::web::api::once::Key;
use crate::web::api::precondition::IfMatch;
use crate::web::api::section::{Section, operations};
use crate::web::error::Answer;
use crate::web::extract::permission::{ApplicationsRead, ApplicationsWrite};
use crate::web::extract::{ApiToken, RawBody};
use crate::web::state::Shared;

/// The operations.
pub fn section() -> Section {
    operations!(show, take_over)
}

/// A later version of the connector.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ConnectorOffer {
    /// Its number.
    version: u32,
    /// Name it to take the version over.
    revision: String,
    /// What it says otherwise.
    differences: Vec<Difference>,
}

/// The connector of an application.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ApplicationConnector {
    /// Its id.
    connector: String,
    /// The version that the application has, from when it was made or last took another over.
    version: u32,
    /// Another version in the catalog; `null` while there is none, or none that says anything else.
    offer: Option<ConnectorOffer>,
}

async fn shown(web: &Shared, application: &Application) -> Result<Tagged<ApplicationConnector>> {
    let installation = &web.installation;
    let offer = upgrade::offer(&mut installation.db.reader(), &installation.catalog, application).await?;
    let offer = offer.map(|Offer { to, revision, differences, .. }| ConnectorOffer {
        version: to,
        revision,
        differences,
    });
    let made_from = &application.made_from;
    let body = ApplicationConnector { connector: made_from.id.clone(), version: made_from.version, offer };
    Ok(Tagged(application.version, body))
}

/// Show an application's connector
///
/// An application keeps what it took over from its connector. When the catalog has a later version that says something
/// else, `offer` holds every difference: its field, what both versions say and what the application has.
#[utoipa::path(get, path = "/applications/{id}/connector", tag = "Applications",
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 200, description = "The connector, and what a later version says", body = ApplicationConnector)))]
async fn show(
    _: ApiToken<ApplicationsRead>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
) -> Answer<Tagged<ApplicationConnector>> {
    let application = applications::require(&mut web.installation.db.reader(), id).await?;
    Ok(shown(&web, &application).await?)
}

/// What is taken over of a later version.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeOver {
    /// `revision` of what was shown; refused with 409 `connector_changed_meanwhile` when the catalog has another by now.
    revision: String,
    /// The fields to take over, of those whose standing is `untouched` or `own`. Left out: all that are `untouched`. What is
    /// `fixed` comes with the version.
    #[serde(default)]
    take: Option<Vec<String>>,
    /// Values of placeholders, where the version has others; `null` empties one.
    #[serde(default)]
    placeholders: BTreeMap<String, Option<String>>,
}

/// Take over a later version of the connector
///
/// All of it or nothing: an active application must stay complete. Another address for SCIM puts identity management in
/// need of a token. 409 `connector_nothing_newer` when there is nothing to take over.
#[utoipa::path(post, path = "/applications/{id}/connector", tag = "Applications", request_body = TakeOver,
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 200, description = "The connector as it is now", body = ApplicationConnector)))]
async fn take_over(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    seen: IfMatch,
    key: Key,
    RawBody(bytes): RawBody,
) -> Answer<Response> {
    let TakeOver { revision, take, placeholders } = object(&bytes)?;
    let wanted = Wanted { revision, take, placeholders };
    let (ctx, shared) = (caller.ctx.clone(), web.clone());
    let work = async move {
        let version = seen.version()?;
        let connections = shared.provisioning.connections();
        let catalog = &shared.installation.catalog;
        let upgraded = connections.upgrade(&ctx, catalog, id, wanted, version).await?;
        Ok(shown(&shared, &upgraded.application).await?)
    };
    key.once(web, &caller, &bytes, Box::pin(work)).await
}
