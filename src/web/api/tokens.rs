//! API tokens, and who the caller is.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use crate::auth::{self, NewApiToken, Role, api_token};
use crate::base::Timestamp;
use crate::base::id::TokenId;
use crate::web::api::answer::{Created, Done, Listing};
use crate::web::api::bindings::PageQuery;
use crate::web::api::input::{Id, Input, Query};
use crate::web::api::once::Key;
use crate::web::api::precondition::IfMatch;
use crate::web::api::section::{Section, operations};
use crate::web::error::Answer;
use crate::web::extract::ApiToken;
use crate::web::extract::permission::{AnyRole, TokensManage, TokensRead};
use crate::web::state::Shared;

/// The operations.
pub fn section() -> Section {
    operations!(list, create, revoke, me)
}

/// List API tokens
///
/// Newest first, ended and revoked ones among them. The secrets are not shown.
#[utoipa::path(get, path = "/tokens", tag = "API tokens", params(PageQuery),
    responses((status = 200, description = "Tokens", body = Listing<auth::ApiToken>)))]
async fn list(
    _: ApiToken<TokensRead>,
    State(web): State<Shared>,
    Query(query): Query<PageQuery>,
) -> Answer<Listing<auth::ApiToken>> {
    Ok(api_token::list(&web.installation.db, &query.page()?).await?.into())
}

/// A token just made.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TokenAnswer {
    /// The token itself. Shown this once.
    token: String,
    /// What is known of it from now on.
    #[serde(flatten)]
    api_token: auth::ApiToken,
}

/// Make an API token
///
/// It lives no longer than the token of this call: it ends with it at the latest, and is revoked with it.
#[utoipa::path(post, path = "/tokens", tag = "API tokens", request_body = NewApiToken,
    responses((status = 201, description = "The token", body = TokenAnswer)))]
async fn create(
    caller: ApiToken<TokensManage>,
    State(web): State<Shared>,
    key: Key,
    Input(new, bytes): Input<NewApiToken>,
) -> Answer<Response> {
    let (ctx, shared) = (caller.ctx.clone(), web.clone());
    key.once(
        web,
        &caller,
        &bytes,
        Box::pin(async move {
            let made = api_token::create(&shared.installation.db, &ctx, new).await?;
            Ok(Created {
                location: format!("{}/tokens/{}", super::ROOT, made.api_token.id),
                version: None,
                body: TokenAnswer { token: made.expose().to_owned(), api_token: made.api_token },
            })
        }),
    )
    .await
}

/// Revoke an API token
///
/// It is refused from the next call on, and so are the tokens that were made with it.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "API tokens",
    params(("id" = String, Path, description = "Id of the token")),
    responses((status = 204, description = "Revoked")))]
async fn revoke(
    caller: ApiToken<TokensManage>,
    State(web): State<Shared>,
    Id(id): Id<TokenId>,
    seen: IfMatch,
) -> Answer<Done> {
    seen.unversioned()?;
    api_token::revoke(&web.installation.db, &caller.ctx, id).await?;
    Ok(Done)
}

/// Who calls.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Me {
    /// `token`.
    kind: &'static str,
    /// Id of the token.
    #[schema(value_type = String)]
    id: TokenId,
    /// Its name.
    name: String,
    /// What it may do.
    role: Role,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Show the caller
#[utoipa::path(get, path = "/me", tag = "API tokens",
    responses((status = 200, description = "The token of this call", body = Me)))]
async fn me(caller: ApiToken<AnyRole>) -> Json<Me> {
    let token = caller.token;
    Json(Me { kind: "token", id: token.id, name: token.name, role: token.role, expires_at: token.expires_at })
}
