//! Keys that our metadata is signed with: making the other one, switching to it and back.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use crate::base::id::KeyId;
use crate::keys::metadata::{self, MetadataKey};
use crate::signon::configure;
use crate::web::api::answer::{Created, Done, Listing};
use crate::web::api::input::Id;
use crate::web::api::once::Key;
use crate::web::api::section::{Section, operations};
use crate::web::error::Answer;
use crate::web::extract::ApiToken;
use crate::web::extract::permission::{SettingsRead, SettingsWrite};
use crate::web::state::Shared;

/// The operations.
pub fn section() -> Section {
    operations!(list, stage, promote, delete)
}

/// A key that metadata is signed with; the private key is never shown.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = MetadataSigningKey)]
pub struct MetadataKeyAnswer {
    /// What is known of it.
    #[serde(flatten)]
    key: MetadataKey,
    /// The certificate.
    certificate_pem: String,
}

impl From<MetadataKey> for MetadataKeyAnswer {
    fn from(key: MetadataKey) -> Self {
        Self { certificate_pem: key.certificate_pem(), key }
    }
}

/// List the keys that metadata is signed with
///
/// The one that signs, then the other one: the next, or the retired one that signed before. The first is made when
/// `sign_metadata` is switched on in the settings.
#[utoipa::path(get, path = "/metadata-keys", tag = "Settings",
    responses((status = 200, description = "Keys", body = Listing<MetadataKeyAnswer>)))]
async fn list(_: ApiToken<SettingsRead>, State(web): State<Shared>) -> Answer<Listing<MetadataKeyAnswer>> {
    let keys = metadata::list(&mut web.installation.db.reader()).await?;
    Ok(Listing { items: keys.into_iter().map(MetadataKeyAnswer::from).collect(), next_cursor: None })
}

/// Make another key to sign metadata with
///
/// Its certificate is given out at `/saml2/metadata-certificate.pem` after that of the one that signs. 409
/// `too_many_keys` while there are two.
#[utoipa::path(post, path = "/metadata-keys", tag = "Settings",
    responses((status = 201, description = "The key", body = MetadataKeyAnswer)))]
async fn stage(caller: ApiToken<SettingsWrite>, State(web): State<Shared>, key: Key) -> Answer<Response> {
    let (ctx, shared) = (caller.ctx.clone(), web.clone());
    let work = async move {
        let staged = configure::stage_metadata_key(&shared.installation, &ctx).await?;
        let location = format!("{}/metadata-keys", super::ROOT);
        Ok(Created { location, version: None, body: MetadataKeyAnswer::from(staged) })
    };
    key.once(web, &caller, &[], Box::pin(work)).await
}

/// Sign metadata with a key
///
/// From now on; the one before stays, so that it can be gone back to.
#[utoipa::path(post, path = "/metadata-keys/{id}/promote", tag = "Settings",
    params(("id" = String, Path, description = "Id of the key")),
    responses((status = 200, description = "The key, current", body = MetadataKeyAnswer)))]
async fn promote(
    caller: ApiToken<SettingsWrite>,
    State(web): State<Shared>,
    Id(id): Id<KeyId>,
    key: Key,
) -> Answer<Response> {
    let (ctx, shared) = (caller.ctx.clone(), web.clone());
    let work = async move {
        let promoted = configure::promote_metadata_key(&shared.installation.db, &ctx, id).await?;
        Ok(axum::Json(MetadataKeyAnswer::from(promoted)))
    };
    key.once(web, &caller, &[], Box::pin(work)).await
}

/// Delete a key that does not sign metadata
#[utoipa::path(delete, path = "/metadata-keys/{id}", tag = "Settings",
    params(("id" = String, Path, description = "Id of the key")),
    responses((status = 204, description = "Deleted")))]
async fn delete(
    caller: ApiToken<SettingsWrite>,
    State(web): State<Shared>,
    Id(id): Id<KeyId>,
) -> Answer<Done> {
    configure::delete_metadata_key(&web.installation.db, &caller.ctx, id).await?;
    Ok(Done)
}
