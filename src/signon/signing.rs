//! Writing and signing a response on the pool of cores, and making what belongs to it durable before it leaves.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::auth::SessionView;
use crate::base::{Ctx, Error, Result};
use crate::db::group_commit::Step;
use crate::saml::encrypt::Encryption;
use crate::saml::response::{Base64, Lifetimes, ResponseInput};
use crate::signon::Installation;
use crate::signon::issue::Prepared;
use crate::signon::target::Target;

/// Whom a response goes to, and under which session.
pub(in crate::signon) struct Addressed {
    pub(in crate::signon) session_index: String,
    pub(in crate::signon) acs_url: String,
    pub(in crate::signon) audience: String,
    pub(in crate::signon) in_response_to: Option<String>,
}

/// Signs on the pool of cores and makes the steps durable from there, so that the request is woken once, with both done.
pub(in crate::signon) async fn sign_and_keep(
    installation: &Installation,
    signing: impl FnOnce() -> Result<Base64> + Send + 'static,
    steps: Vec<Step>,
) -> Result<Base64> {
    let (done, answer) = oneshot::channel();
    let commits = installation.commits.clone();
    installation.spawn_on_cpu(move || {
        // Who went away meanwhile needs no answer: a response that is not kept was never sent.
        if done.is_closed() {
            return;
        }
        match signing() {
            Ok(signed) => commits.write_then(steps, move |kept| {
                let _ = done.send(kept.map(|()| signed));
            }),
            Err(error) => {
                let _ = done.send(Err(error));
            }
        }
    });
    answer.await.map_err(|_| Error::internal("signing has panicked, or the writing task has ended"))?
}

/// Writes and signs the response on a bounded pool; answers it in base64.
pub(in crate::signon) async fn sign(
    installation: &Installation,
    ctx: &Ctx,
    target: &Arc<Target>,
    session: &SessionView,
    prepared: Prepared,
    to: Addressed,
) -> Result<Base64> {
    installation.on_cpu(signing(ctx, target, session, prepared, to)?).await?
}

/// Nothing is encrypted for a key out of signed metadata that has ended, and nothing is sent plain instead (MD-307).
fn metadata_ended() -> Error {
    Error::forbidden(
        "sp_metadata_ended",
        "The application’s signed metadata has ended and can’t be fetched anew, so nothing is encrypted for it. Tell your administrator.",
    )
}

/// The work of writing and signing the response, in base64.
pub(in crate::signon) fn signing(
    ctx: &Ctx,
    target: &Target,
    session: &SessionView,
    prepared: Prepared,
    to: Addressed,
) -> Result<impl FnOnce() -> Result<Base64> + Send + 'static> {
    let (response_id, assertion_id) = (ctx.random.saml_id(), ctx.random.saml_id());
    let (issued_at, authn_instant) = (ctx.now(), session.authenticated_at);
    let session_end = (!session.remembered).then_some(session.expires_at);
    let (signer, mode) = (target.signer()?, target.settings()?.sign);
    if target.metadata_has_ended(ctx.now()) && (target.settings()?.encrypts() || prepared.encrypt_name_id) {
        return Err(metadata_ended());
    }
    let (recipient, random) = (target.recipient()?, ctx.random.clone());
    let (assertion, name_id) = (target.settings()?.encrypt_assertion, prepared.encrypt_name_id);
    let issuer = target.application.idp_entity_id.clone();
    Ok(move || {
        let input = ResponseInput {
            response_id: &response_id,
            assertion_id: &assertion_id,
            issued_at,
            issuer: &issuer,
            acs_url: &to.acs_url,
            in_response_to: to.in_response_to.as_deref(),
            audience: &to.audience,
            name_id: &prepared.name_id,
            authn_instant,
            session_index: &to.session_index,
            session_not_on_or_after: session_end,
            authn_context_class: &prepared.context_class,
            attributes: &prepared.attributes,
            lifetimes: Lifetimes::default(),
            encryption: recipient.as_deref().map(|recipient| Encryption {
                recipient,
                random: &random,
                assertion,
                name_id,
            }),
        };
        input.sign(mode, signer.as_ref()).map(|response| response.to_base64()).map_err(Error::internal)
    })
}
