//! Signing keys of an application: making the next one, publishing it, switching to it and back.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::applications::rotation::{self, Act};
use crate::applications::{self, Application};
use crate::base::id::{ApplicationId, KeyId};
use crate::base::signature::KeyType;
use crate::base::{Ctx, Error};
use crate::keys::{self, KeyView};
use crate::web::api::answer::{Created, Done, Listing};
use crate::web::api::input::{Id, Ids, Input};
use crate::web::api::once::Key;
use crate::web::api::precondition::IfMatch;
use crate::web::api::section::{Section, operations};
use crate::web::error::Answer;
use crate::web::extract::ApiToken;
use crate::web::extract::permission::{KeysRead, KeysWrite};
use crate::web::state::Shared;

/// The operations.
pub fn section() -> Section {
    operations!(list, stage, publish, withdraw, promote, delete)
}

/// A signing key with its certificate; the private key is never shown.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = SigningKey)]
pub struct KeyAnswer {
    /// What is known of it.
    #[serde(flatten)]
    key: KeyView,
    /// The certificate.
    certificate_pem: String,
}

impl From<KeyView> for KeyAnswer {
    fn from(key: KeyView) -> Self {
        Self { certificate_pem: key.certificate_pem(), key }
    }
}

/// List signing keys
///
/// The current one first, then the next, then retired ones.
#[utoipa::path(get, path = "/applications/{id}/keys", tag = "Keys",
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 200, description = "Keys", body = Listing<KeyAnswer>)))]
async fn list(
    _: ApiToken<KeysRead>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
) -> Answer<Listing<KeyAnswer>> {
    applications::require(&mut web.installation.db.reader(), id).await?;
    let keys = keys::list(&mut web.installation.db.reader(), id).await?;
    Ok(Listing { items: keys.into_iter().map(KeyAnswer::from).collect(), next_cursor: None })
}

fn yes() -> bool {
    true
}

/// The next key: made here, or taken over.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NextKey {
    /// Its kind; that of the current key when left out.
    #[serde(default)]
    key_type: Option<KeyType>,
    /// Whether the metadata shows the certificate at once.
    #[serde(default = "yes")]
    #[schema(default = true)]
    publish: bool,
    /// A private key that was made elsewhere, PEM without a passphrase. Refused unless the settings allow it.
    #[serde(default)]
    private_key_pem: Option<String>,
    /// Its certificate, PEM.
    #[serde(default)]
    certificate_pem: Option<String>,
}

impl std::fmt::Debug for NextKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NextKey(..)")
    }
}

/// Stage the next key
///
/// Makes a key and its certificate, and shows the certificate in the metadata beside the current one, so that the
/// application can learn it before anything is signed with it.
#[utoipa::path(post, path = "/applications/{id}/keys", tag = "Keys", request_body = NextKey,
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 201, description = "The key", body = KeyAnswer)))]
async fn stage(
    caller: ApiToken<KeysWrite>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    key: Key,
    Input(next, bytes): Input<NextKey>,
) -> Answer<Response> {
    let (ctx, shared) = (caller.ctx.clone(), web.clone());
    key.once(web, &caller, &bytes, Box::pin(async move { add(&shared, &ctx, id, next).await })).await
}

async fn add(web: &Shared, ctx: &Ctx, id: ApplicationId, next: NextKey) -> Answer<Created<KeyAnswer>> {
    let installation = &web.installation;
    let application = applications::require(&mut installation.db.reader(), id).await?;
    let made = match (next.private_key_pem, next.certificate_pem, next.key_type) {
        (None, None, key_type) => {
            let key_type = match key_type {
                Some(key_type) => key_type,
                None => current_type(web, &application).await?,
            };
            installation.make_key(ctx, key_type, &application.label).await?
        }
        (Some(private), Some(certificate), None) => keys::import(&Zeroizing::new(private), &certificate)?,
        (Some(_), Some(_), Some(_)) => {
            let message = "The kind of a key that was made elsewhere shows in itself. Leave this out.";
            return Err(Error::field("key_type", "not_with_import", message).into());
        }
        (None, Some(_), _) => {
            let message = "Give the private key of this certificate too, or neither.";
            return Err(Error::field("private_key_pem", "required", message).into());
        }
        (Some(_), None, _) => {
            let message = "Give the certificate of this key too, or neither.";
            return Err(Error::field("certificate_pem", "required", message).into());
        }
    };
    let staged = rotation::stage(&installation.db, ctx, &installation.vault, id, &made, next.publish).await?;
    Ok(Created {
        location: format!("{}/applications/{id}/keys", super::ROOT),
        version: None,
        body: staged.into(),
    })
}

async fn current_type(web: &Shared, application: &Application) -> Result<KeyType, Error> {
    let keys = keys::list(&mut web.installation.db.reader(), application.id).await?;
    Ok(keys.first().map_or_else(KeyType::default, |key| key.key_type))
}

async fn act(web: Shared, caller: ApiToken<KeysWrite>, which: Which, key: Key, act: Act) -> Answer<Response> {
    let (ctx, shared) = (caller.ctx.clone(), web.clone());
    let Ids(id, signing_key) = which;
    let work = async move {
        let done = rotation::act(&shared.installation.db, &ctx, id, signing_key, act).await?;
        Ok(Json(KeyAnswer::from(done)).into_response())
    };
    key.once(web, &caller, &[], Box::pin(work)).await
}

type Which = Ids<ApplicationId, KeyId>;

/// Publish a certificate
///
/// The metadata shows it from now on. Publishing it again changes nothing.
#[utoipa::path(post, path = "/applications/{id}/keys/{key}/publish", tag = "Keys",
    params(("id" = String, Path, description = "Id of the application"), ("key" = String, Path, description = "Id of the key")),
    responses((status = 200, description = "The key now", body = KeyAnswer)))]
async fn publish(
    caller: ApiToken<KeysWrite>,
    State(web): State<Shared>,
    which: Which,
    key: Key,
) -> Answer<Response> {
    act(web, caller, which, key, Act::Publish).await
}

/// Withdraw a certificate
///
/// The metadata does not show it any more. The current one can't be withdrawn: 409 `key_in_use`.
#[utoipa::path(post, path = "/applications/{id}/keys/{key}/withdraw", tag = "Keys",
    params(("id" = String, Path, description = "Id of the application"), ("key" = String, Path, description = "Id of the key")),
    responses((status = 200, description = "The key now", body = KeyAnswer)))]
async fn withdraw(
    caller: ApiToken<KeysWrite>,
    State(web): State<Shared>,
    which: Which,
    key: Key,
) -> Answer<Response> {
    act(web, caller, which, key, Act::Withdraw).await
}

/// Switch to a key
///
/// It signs from the next sign-on on. The one before is retired and stays in the metadata; promoting that one is the
/// way back. A certificate that the metadata does not show is refused: 409 `key_not_published`.
#[utoipa::path(post, path = "/applications/{id}/keys/{key}/promote", tag = "Keys",
    params(("id" = String, Path, description = "Id of the application"), ("key" = String, Path, description = "Id of the key")),
    responses((status = 200, description = "The key now", body = KeyAnswer)))]
async fn promote(
    caller: ApiToken<KeysWrite>,
    State(web): State<Shared>,
    which: Which,
    key: Key,
) -> Answer<Response> {
    act(web, caller, which, key, Act::Promote).await
}

/// Delete a key
///
/// Its private part is gone for good. The current one can't be deleted: 409 `key_in_use`.
#[utoipa::path(delete, path = "/applications/{id}/keys/{key}", tag = "Keys",
    params(("id" = String, Path, description = "Id of the application"), ("key" = String, Path, description = "Id of the key")),
    responses((status = 204, description = "Deleted")))]
async fn delete(
    caller: ApiToken<KeysWrite>,
    State(web): State<Shared>,
    Ids(id, key): Which,
    seen: IfMatch,
) -> Answer<Done> {
    seen.unversioned()?;
    rotation::delete(&web.installation.db, &caller.ctx, id, key).await?;
    Ok(Done)
}
