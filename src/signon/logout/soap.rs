//! A LogoutRequest over SOAP: from server to server, without a browser. Nobody can be led to the other service
//! providers of the session then, and the answer says so.

use std::sync::Arc;

use crate::base::{Ctx, Error, Result, urls};
use crate::events::record;
use crate::saml::binding::Carried;
use crate::saml::logout::{LogoutMessage, LogoutResponseInput};
use crate::saml::soap;
use crate::saml::status::Status;
use crate::signon::logout::leg::{LegState, event_of, legs_of};
use crate::signon::logout::{UNKNOWN, end_sessions, examine, matching, refuse, skew};
use crate::signon::receive::Visitor;
use crate::signon::soap::Answer;
use crate::signon::target::Target;
use crate::signon::{Installation, refusal};

/// Ends what a LogoutRequest names, and says how it stands with the others.
pub(in crate::signon) async fn answer(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    target: &Arc<Target>,
    octets: Vec<u8>,
) -> Result<Answer> {
    let url = installation.base_url.join(&urls::idp_logout_soap(&target.application.slug));
    let decode = move || Ok(soap::decode(octets, Carried::Request));
    let request = match examine(installation, ctx, visitor, target, url, decode).await? {
        Ok((LogoutMessage::Request(request), _)) => request,
        Ok((LogoutMessage::Response(_), _)) => {
            return Err(Error::internal("a request was read as a response"));
        }
        Err(refused) => return Ok(Err(refuse(installation, ctx, target, false, &refused).await?)),
    };
    let skew = skew(installation, visitor).await?;
    let mut tx = installation.db.begin().await?;
    let matched = matching(&mut tx, ctx, target, &request, skew).await?;
    let is_known = !matched.sessions.is_empty();
    let legs = legs_of(ctx, end_sessions(&mut tx, ctx, target, matched).await?, 0);
    for leg in &legs {
        record(&mut tx, ctx, event_of(leg, LegState::Unreachable)).await?;
    }
    tx.commit().await?;
    let status = if !is_known {
        refusal::note_answered(installation, ctx, false, UNKNOWN, Some(target.application.id)).await?;
        Status::UnknownPrincipal
    } else if legs.is_empty() {
        Status::Success
    } else {
        Status::PartialLogout
    };
    let (id, issued_at, signer) = (ctx.random.saml_id(), ctx.now(), target.signer()?);
    let issuer = target.application.idp_entity_id.clone();
    let work = move || {
        let input = LogoutResponseInput {
            id: &id,
            issued_at,
            issuer: &issuer,
            destination: None,
            in_response_to: &request.id,
            status,
        };
        input.write(Some(signer.as_ref())).map(|message| soap::envelope(&message))
    };
    installation.on_cpu(work).await?.map(Ok).map_err(Error::internal)
}
