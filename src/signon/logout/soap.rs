//! A LogoutRequest over SOAP: from server to server, without a browser. The other service providers of the session can
//! only be told in the same way then, and the answer says whether all of them were.

use std::sync::Arc;

use crate::base::{Ctx, Error, Result, urls};
use crate::saml::binding::Carried;
use crate::saml::logout::{LogoutMessage, LogoutResponseInput};
use crate::saml::soap;
use crate::saml::status::Status;
use crate::signon::logout::leg::legs_of;
use crate::signon::logout::run::{self, Run};
use crate::signon::logout::{UNKNOWN, end_sessions, examine, matching, refuse, skew};
use crate::signon::receive::Visitor;
use crate::signon::soap::Answer;
use crate::signon::target::Target;
use crate::signon::{Installation, admission, refusal};

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
    admission::at_a_sign_out(installation, ctx, &target.application)?;
    let skew = skew(installation, visitor).await?;
    let mut tx = installation.db.begin().await?;
    let matched = matching(&mut tx, ctx, target, &request, skew).await?;
    let is_known = !matched.sessions.is_empty();
    let mut run = Run::of_browser(ctx, &ctx.random.token());
    run.application = Some(target.application.id);
    run.request_id = Some(request.id.clone());
    let open = end_sessions(&mut tx, ctx, target, matched).await?;
    let mut legs = legs_of(ctx, open, 0, run.application);
    if !legs.is_empty() {
        run::insert(&mut tx, ctx, &run, &legs).await?;
    }
    tx.commit().await?;
    let complete = legs.is_empty() || run::go_through(installation, ctx, visitor, &run, &mut legs).await?;
    let status = if !is_known {
        refusal::note_answered(installation, ctx, false, UNKNOWN, Some(target.application.id)).await?;
        Status::UnknownPrincipal
    } else if complete {
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
