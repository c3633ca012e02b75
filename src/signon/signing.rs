//! Writing and signing a response on the pool of cores, and making what belongs to it durable before it leaves.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::auth::SessionView;
use crate::base::binding::AcsBinding;
use crate::base::{Ctx, Error, Result};
use crate::db::group_commit::Step;
use crate::saml::ecp::ClientAdvice;
use crate::saml::encrypt::Encryption;
use crate::saml::response::{Base64, Lifetimes, ResponseInput, SignMode};
use crate::signon::Installation;
use crate::signon::artifact::{Keeper, Kept};
use crate::signon::issue::Prepared;
use crate::signon::target::Target;

/// Who takes a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::signon) enum Taker {
    /// The application: encrypted for it as its settings say.
    Application,
    /// The built-in service provider, which shows it: it holds none of the application's keys, so nothing is encrypted.
    /// Audience and recipient are its own.
    BuiltIn,
}

/// Whom a response goes to, and under which session.
pub(in crate::signon) struct Addressed {
    pub(in crate::signon) taker: Taker,
    pub(in crate::signon) session_index: String,
    pub(in crate::signon) acs_url: String,
    pub(in crate::signon) binding: AcsBinding,
    pub(in crate::signon) audience: String,
    pub(in crate::signon) in_response_to: Option<String>,
    pub(in crate::signon) advice: Option<ClientAdvice>,
}

/// A response as it is sent, and what it is fetched by where the browser does not carry it.
pub(in crate::signon) struct Signed {
    pub(in crate::signon) saml_response: Base64,
    pub(in crate::signon) artifact: Option<Base64>,
}

/// Signs on the pool of cores and makes the steps durable from there, so that the request is woken once, with both done.
pub(in crate::signon) async fn sign_and_keep(
    installation: &Installation,
    signing: impl FnOnce() -> Result<(Base64, Option<Kept>)> + Send + 'static,
    mut steps: Vec<Step>,
) -> Result<Signed> {
    let (done, answer) = oneshot::channel();
    let commits = installation.commits.clone();
    installation.spawn_on_cpu(move || {
        // Who went away meanwhile needs no answer: a response that is not kept was never sent.
        if done.is_closed() {
            return;
        }
        match signing() {
            Ok((saml_response, kept)) => {
                let artifact = kept.map(|Kept { artifact, row }| {
                    steps.push(Step::Row(row));
                    artifact
                });
                commits.write_then(steps, move |written| {
                    let _ = done.send(written.map(|()| Signed { saml_response, artifact }));
                });
            }
            Err(error) => {
                let _ = done.send(Err(error));
            }
        }
    });
    answer.await.map_err(|_| Error::internal("signing has panicked, or the writing task has ended"))?
}

/// Writes and signs a response by POST on a bounded pool; answers it in base64.
pub(in crate::signon) async fn sign(
    installation: &Installation,
    ctx: &Ctx,
    target: &Arc<Target>,
    session: &SessionView,
    prepared: Prepared,
    to: Addressed,
) -> Result<Base64> {
    let (signed, _) =
        installation.on_cpu(signing(installation, ctx, target, session, prepared, to)?).await??;
    Ok(signed)
}

/// Nothing is encrypted for a key out of signed metadata that has ended, and nothing is sent plain instead (MD-307).
fn metadata_ended() -> Error {
    Error::forbidden(
        "sp_encryption_key_ended",
        "The application’s signed metadata has ended and can’t be fetched anew, so nothing is encrypted for it. Tell your administrator.",
    )
}

/// The work of writing and signing the response, in base64; by artifact, with what has to be kept for it.
pub(in crate::signon) fn signing(
    installation: &Installation,
    ctx: &Ctx,
    target: &Target,
    session: &SessionView,
    prepared: Prepared,
    to: Addressed,
) -> Result<impl FnOnce() -> Result<(Base64, Option<Kept>)> + Send + 'static> {
    let (response_id, assertion_id) = (ctx.random.saml_id(), ctx.random.saml_id());
    let (issued_at, authn_instant) = (ctx.now(), session.authenticated_at);
    let session_end = (!session.remembered).then_some(session.expires_at);
    let (signer, mode) = (target.signer()?, target.settings()?.sign);
    let holds_key = to.advice.as_ref().is_some_and(|advice| advice.generated_key.is_some());
    let recipient = match to.taker {
        Taker::BuiltIn => None,
        Taker::Application => {
            let encrypts = target.settings()?.encrypts() || prepared.encrypt_name_id || holds_key;
            if encrypts && target.metadata_has_ended(ctx.now()) {
                return Err(metadata_ended());
            }
            target.recipient()?
        }
    };
    let random = ctx.random.clone();
    let assertion = target.settings()?.encrypt_assertion || holds_key;
    let name_id = prepared.encrypt_name_id;
    let issuer = target.application.idp_entity_id.clone();
    let by_artifact = to.binding == AcsBinding::Artifact;
    let keeper = by_artifact.then(|| Keeper::of_session(installation, ctx, target, session));
    // What an artifact stands for is signed itself, whatever carries it (ART-601).
    let mode = if by_artifact { SignMode::Both } else { mode };
    Ok(move || {
        let input = ResponseInput {
            response_id: &response_id,
            assertion_id: &assertion_id,
            issued_at,
            issuer: &issuer,
            acs_url: &to.acs_url,
            in_response_to: to.in_response_to.as_deref(),
            audience: &to.audience,
            name_id: prepared.name_id.as_ref(),
            authn_instant,
            session_index: &to.session_index,
            session_not_on_or_after: session_end,
            authn_context_class: &prepared.context_class,
            attributes: &prepared.attributes,
            advice: to.advice.as_ref(),
            lifetimes: Lifetimes::default(),
            encryption: recipient.as_deref().map(|recipient| Encryption {
                recipient,
                random: &random,
                assertion,
                name_id,
            }),
        };
        let response = input.sign(mode, signer.as_ref()).map_err(Error::internal)?;
        let kept = keeper.map(|keeper| keeper.keep(response.as_xml())).transpose()?;
        Ok((response.to_base64(), kept))
    })
}
