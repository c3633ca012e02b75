//! What service providers ask from server to server (SOAP, Bindings 3.2). Whoever asks is believed by its signature alone,
//! and told in its own way what went wrong.

use crate::base::{Ctx, Kind, Result};
use crate::db::epoch::Epochs;
use crate::signon::logout::{saml_target, soap};
use crate::signon::outcome::Refused;
use crate::signon::receive::{Visitor, note_error};
use crate::signon::{Installation, admission, artifact};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The end of sessions.
    Logout,
    /// What an artifact stands for.
    Artifact,
}

/// The envelope of the answer, or why there is none.
pub(in crate::signon) type Answer = std::result::Result<String, Refused>;

/// An envelope has come.
pub async fn arrive(
    installation: &Installation,
    ctx: &Ctx,
    epochs: Epochs,
    slug: &str,
    service: Service,
    octets: Vec<u8>,
) -> Result<Answer> {
    // A server has no session and no browser.
    let visitor = Visitor { session: None, browser: "", epochs };
    match look_at(installation, ctx, visitor, slug, service, octets).await {
        Ok(answer) => Ok(answer),
        Err(error) => {
            note_error(installation, ctx, visitor, slug, &error).await?;
            if error.kind == Kind::Internal {
                return Err(error);
            }
            Ok(Err(error.into()))
        }
    }
}

async fn look_at(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    slug: &str,
    service: Service,
    octets: Vec<u8>,
) -> Result<Answer> {
    admission::at_the_door(installation, ctx, visitor).await?;
    let target = match saml_target(installation, ctx, visitor, slug).await? {
        Ok(target) => target,
        Err(refused) => return Ok(Err(refused)),
    };
    match service {
        Service::Logout => soap::answer(installation, ctx, visitor, &target, octets).await,
        Service::Artifact => artifact::answer(installation, ctx, visitor, &target, octets).await,
    }
}
