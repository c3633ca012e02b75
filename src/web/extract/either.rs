//! What a signed-in person and a program may both read: the OpenAPI document (decision 19).

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;

use crate::base::Ctx;
use crate::web::error::Failure;
use crate::web::extract::permission::AnyRole;
use crate::web::extract::sealed::Sealed;
use crate::web::extract::session::{actor_of, context_of, find};
use crate::web::extract::{Access, ApiToken, Credential};
use crate::web::state::Shared;

/// A person with a running session, or a program with a token. A request with `Authorization` is a program's, and its
/// cookies are not looked at.
#[derive(Clone, Debug)]
pub struct PersonOrToken {
    /// The context, with the person or the token as the actor.
    pub ctx: Ctx,
}

impl Sealed for PersonOrToken {}
impl Credential for PersonOrToken {
    const ACCESS: Access = Access::PersonOrToken;
}

impl FromRequestParts<Shared> for PersonOrToken {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, web: &Shared) -> Result<Self, Failure> {
        if !parts.headers.contains_key(header::AUTHORIZATION) {
            let (ctx, _) = context_of(parts)?;
            if let Some(live) = find(web, parts).await? {
                return Ok(Self { ctx: ctx.acting_as(actor_of(&live.session)) });
            }
        }
        let token = ApiToken::<AnyRole>::from_request_parts(parts, web).await?;
        Ok(Self { ctx: token.ctx })
    }
}
