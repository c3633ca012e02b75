//! Responses by artifact (Bindings 3.6, ART-601): kept for a minute, sealed, and given once, to the service provider
//! that they were made for.
//!
//! An artifact is worth as much as a response until it is used, so only its hash is stored.

use std::sync::Arc;

use crate::auth::SessionView;
use crate::base::clock::MINUTE;
use crate::base::id::{ApplicationId, SessionId};
use crate::base::{Ctx, Error, Random, Result, Timestamp, urls};
use crate::db::Query;
use crate::saml::artifact::{Artifact, ArtifactResolve, ArtifactResponseInput, receive};
use crate::saml::binding::Carried;
use crate::saml::receive::{Endpoint, Timing};
use crate::saml::response::Base64;
use crate::saml::soap;
use crate::settings::SEEN_REQUEST_LIFETIME;
use crate::signon::issue::replayed;
use crate::signon::pending::{hash, source_prefix};
use crate::signon::receive::Visitor;
use crate::signon::soap::Answer;
use crate::signon::target::Target;
use crate::signon::{Installation, refusal, store};
use crate::vault::Vault;

/// How long an artifact counts.
const LIFETIME: i64 = MINUTE;
/// Errors kept of one network: anybody can have one made.
const ERRORS: i64 = 50;
/// Code of a request for an artifact that stands for nothing.
const UNKNOWN: &str = "artifact_unknown";

/// An artifact, and the row that keeps what it stands for.
pub(in crate::signon) struct Kept {
    pub(in crate::signon) artifact: Base64,
    pub(in crate::signon) row: Query,
}

/// What of a response is kept beside it.
pub(in crate::signon) struct Row<'a> {
    pub(in crate::signon) handle_hash: &'a str,
    pub(in crate::signon) application: ApplicationId,
    /// The session that it signs on with; none of an error.
    pub(in crate::signon) session: Option<SessionId>,
    pub(in crate::signon) sealed: &'a [u8],
    /// Of an error.
    pub(in crate::signon) source_prefix: Option<&'a str>,
    pub(in crate::signon) issued_at: Timestamp,
    pub(in crate::signon) expires_at: Timestamp,
}

/// Makes artifacts of one application; goes along to the pool of cores.
pub(in crate::signon) struct Keeper {
    vault: Vault,
    random: Random,
    application: ApplicationId,
    idp_entity_id: String,
    session: Option<SessionId>,
    source_prefix: Option<String>,
    now: Timestamp,
}

impl Keeper {
    fn new(installation: &Installation, ctx: &Ctx, target: &Target) -> Self {
        Self {
            vault: installation.vault.clone(),
            random: ctx.random.clone(),
            application: target.application.id,
            idp_entity_id: target.application.idp_entity_id.clone(),
            session: None,
            source_prefix: None,
            now: ctx.now(),
        }
    }

    /// For a response that signs the person of this session on. It counts only as long as that session does.
    pub(in crate::signon) fn of_session(
        installation: &Installation,
        ctx: &Ctx,
        target: &Target,
        session: &SessionView,
    ) -> Self {
        Self { session: Some(session.session_id), ..Self::new(installation, ctx, target) }
    }

    /// For an error, which needs nobody to be signed in.
    pub(in crate::signon) fn of_error(installation: &Installation, ctx: &Ctx, target: &Target) -> Self {
        Self { source_prefix: Some(source_prefix(ctx.source)), ..Self::new(installation, ctx, target) }
    }

    /// An artifact for this message.
    pub(in crate::signon) fn keep(self, message: &str) -> Result<Kept> {
        let artifact = Artifact::fresh(&self.idp_entity_id, &self.random).to_base64();
        let handle_hash = hash(artifact.as_str());
        let sealed = self.vault.seal(&bound_to(&handle_hash), message.as_bytes(), &self.random)?;
        let row = store::artifact::insert(&Row {
            handle_hash: &handle_hash,
            application: self.application,
            session: self.session,
            sealed: &sealed,
            source_prefix: self.source_prefix.as_deref(),
            issued_at: self.now,
            expires_at: self.now.plus(LIFETIME),
        });
        Ok(Kept { artifact, row })
    }
}

fn bound_to(handle_hash: &str) -> String {
    format!("artifacts/{handle_hash}")
}

/// Keeps an error, of one network a bounded number; answers its artifact.
pub(in crate::signon) async fn write_error(
    installation: &Installation,
    ctx: &Ctx,
    kept: Kept,
) -> Result<Base64> {
    installation.disk.check(&installation.db).await?;
    let mut tx = installation.db.begin().await?;
    tx.run(kept.row).await?;
    store::artifact::evict_errors(&mut tx, &source_prefix(ctx.source), ERRORS).await?;
    tx.commit().await?;
    Ok(kept.artifact)
}

/// Gives a service provider what an artifact of its own stands for, once.
pub(in crate::signon) async fn answer(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    target: &Arc<Target>,
    octets: Vec<u8>,
) -> Result<Answer> {
    let id = target.application.id;
    let settings = installation.settings(visitor.epochs).await?;
    let skew = i64::from(settings.clock_skew_seconds) * 1000;
    let timing = Timing::at(ctx.now()).within(skew, i64::from(settings.request_max_age_seconds) * 1000);
    let url = installation.base_url.join(&urls::idp_artifact(&target.application.slug));
    let asked_of = target.clone();
    let examine = move || -> Result<_> {
        let endpoint = Endpoint { url: &url, entity_id: &asked_of.application.idp_entity_id };
        let message = soap::decode(octets, Carried::Request);
        Ok(receive(&message, &asked_of.service_provider()?, &endpoint, timing))
    };
    let request = match installation.on_cpu(examine).await?? {
        Ok(request) => request,
        Err(refused) => {
            refusal::note(installation, ctx, false, refused.code(), Some(id)).await?;
            return Ok(Err(refusal::page(&refused, &target.application.label)));
        }
    };
    let message = take(installation, ctx, id, &request).await?;
    if message.is_none() {
        refusal::note_answered(installation, ctx, false, UNKNOWN, Some(id)).await?;
    }
    let (answer_id, issued_at, signer) = (ctx.random.saml_id(), ctx.now(), target.signer()?);
    let issuer = target.application.idp_entity_id.clone();
    let work = move || {
        let input = ArtifactResponseInput {
            id: &answer_id,
            issued_at,
            issuer: &issuer,
            in_response_to: &request.id,
            message: message.as_deref(),
        };
        input.sign(signer.as_ref()).map(|answer| soap::envelope(&answer))
    };
    installation.on_cpu(work).await?.map(Ok).map_err(Error::internal)
}

/// Takes what an artifact of this application stands for, once. What was made for another application, was taken, is
/// too old, or belongs to a session that has ended since, is nothing.
async fn take(
    installation: &Installation,
    ctx: &Ctx,
    application: ApplicationId,
    request: &ArtifactResolve,
) -> Result<Option<String>> {
    let handle_hash = hash(&request.artifact);
    let mut tx = installation.db.begin().await?;
    let expires_at = ctx.now().plus(SEEN_REQUEST_LIFETIME);
    tx.run_one(store::insert_seen(application, &request.id, expires_at), replayed).await?;
    let sealed = store::artifact::take(&mut tx, application, &handle_hash, ctx.now()).await?;
    tx.commit().await?;
    let Some(sealed) = sealed else { return Ok(None) };
    let opened = installation.vault.open(&bound_to(&handle_hash), &sealed)?;
    String::from_utf8(opened.to_vec()).map(Some).map_err(Error::internal)
}
