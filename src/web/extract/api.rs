//! Programs with bearer tokens. Cookies are never looked at here.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use crate::auth::{Permission, TokenView, api_token};
use crate::base::{Actor, Ctx, Error, Kind};
use crate::web::api::once;
use crate::web::error::Failure;
use crate::web::extract::permission::{Needs, note_refusal};
use crate::web::extract::sealed::Sealed;
use crate::web::extract::session::context_of;
use crate::web::extract::{Access, Credential};
use crate::web::state::Shared;

/// A program whose token's role allows `P`.
#[derive(Clone, Debug)]
pub struct ApiToken<P> {
    /// The context, with the token as the actor.
    pub ctx: Ctx,
    /// The token.
    pub token: TokenView,
    needs: PhantomData<P>,
}

impl<P> ApiToken<P> {
    /// Demands another permission, for what depends on the body of the request.
    pub fn require(&self, permission: Permission) -> Result<(), Failure> {
        require(&self.token, Some(permission))
    }
}

impl<P> Sealed for ApiToken<P> {}
impl<P: Needs> Credential for ApiToken<P> {
    const ACCESS: Access = Access::Token(P::PERMISSION);
}

impl<P: Needs> FromRequestParts<Shared> for ApiToken<P> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, web: &Shared) -> Result<Self, Failure> {
        let (ctx, notes) = context_of(parts)?;
        let installation = &web.installation;
        let secret = bearer(&parts.headers).ok_or_else(no_token)?;
        let token = api_token::authenticate(&installation.db, &ctx, secret).await?.ok_or_else(bad_token)?;
        let ctx = ctx.acting_as(Actor::Token { id: token.id, name: token.name.as_str().into() });
        notes.actor(&ctx.actor);
        let settings = installation.settings(installation.epochs().await?).await?;
        web.token_calls.call(token.id, ctx.now(), settings.api_calls_per_token_minute).map_err(too_many)?;
        if let Err(refused) = require(&token, P::PERMISSION) {
            note_refusal(web, &ctx, parts).await?;
            return Err(refused);
        }
        once::usable(&parts.headers)?;
        Ok(Self { ctx, token, needs: PhantomData })
    }
}

fn require(token: &TokenView, permission: Option<Permission>) -> Result<(), Failure> {
    if token.role.allows_if_any(permission) {
        return Ok(());
    }
    Err(Error::forbidden(
        "not_allowed",
        "The role of this token does not allow this. Use one with another role.",
    )
    .into())
}

/// The credential of the one `Authorization` header.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().filter(|_| values.next().is_none())?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn no_token() -> Failure {
    let text = "Send an API token: Authorization: Bearer, then the token.";
    Error::new(Kind::Unauthenticated, "token_missing", text).into()
}

fn bad_token() -> Failure {
    let text = "This API token is not known, has ended, or was revoked. Create another one.";
    Error::new(Kind::Unauthenticated, "token_unknown", text).into()
}

fn too_many(seconds: u32) -> Failure {
    let text = "Too many calls with this token. Wait as long as Retry-After says.";
    Error::new(Kind::TooMany, "too_many_calls", text).retry_after(seconds).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_one_bearer_header_counts() {
        let with = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, HeaderValue::from_static(value));
            }
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(with(&["Bearer abc"]).as_deref(), Some("abc"));
        assert_eq!(with(&["bearer abc"]).as_deref(), Some("abc"));
        assert_eq!(with(&["Basic abc"]), None);
        assert_eq!(with(&["abc"]), None);
        assert_eq!(with(&["Bearer abc", "Bearer def"]), None);
    }
}
