//! SQL of API tokens.

use crate::auth::api_token::ApiToken;
use crate::auth::role::Role;
use crate::base::id::{TokenId, UserId};
use crate::base::{Error, Result, Timestamp};
use crate::db::{Executor, Row, Tx, sql};
use crate::directory::PersonState;

/// A live token with what its maker may do now.
pub(in crate::auth) struct Found {
    pub(in crate::auth) token: ApiToken,
    pub(in crate::auth) creator_state: Option<PersonState>,
    pub(in crate::auth) creator_role: Option<Role>,
}

fn read(row: &Row) -> Result<ApiToken> {
    Ok(ApiToken {
        id: row.parse("id")?,
        name: row.text("name")?,
        role: row.parse("role")?,
        last_four: row.text("last_four")?,
        created_by: row.opt_parse("created_by")?,
        created_by_token: row.opt_parse("created_by_token")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        last_used_at: row.opt_time("last_used_at")?,
        revoked_at: row.opt_time("revoked_at")?,
    })
}

pub(in crate::auth) async fn insert(tx: &mut Tx, token: &ApiToken, token_hash: &str) -> Result<()> {
    let query =
        sql("INSERT INTO api_tokens (id, name, token_hash, last_four, role, created_by, created_by_token, \
         created_at, expires_at, last_used_at, revoked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL, NULL)")
        .bind_text(token.id)
        .bind(&token.name)
        .bind(token_hash)
        .bind(&token.last_four)
        .bind(token.role.as_str())
        .bind(token.created_by.map(|id| id.to_string()))
        .bind(token.created_by_token.map(|id| id.to_string()))
        .bind(token.created_at)
        .bind(token.expires_at);
    tx.run(query).await.map(drop)
}

/// The token of this hash, if it is neither revoked nor expired, and the token it was made with is not either.
pub(in crate::auth) async fn by_hash(
    executor: &mut impl Executor,
    token_hash: &str,
    now: Timestamp,
) -> Result<Option<Found>> {
    let query = sql(
        "SELECT t.id, t.name, t.role, t.last_four, t.created_by, t.created_by_token, t.created_at, \
         t.expires_at, t.last_used_at, t.revoked_at, u.state AS creator_state, r.role AS creator_role \
         FROM api_tokens t LEFT JOIN users u ON u.id = t.created_by LEFT JOIN roles r ON r.user_id = t.created_by \
         WHERE t.token_hash = $1 AND t.revoked_at IS NULL AND t.expires_at > $2 \
         AND (t.created_by_token IS NULL OR EXISTS (SELECT 1 FROM api_tokens p \
         WHERE p.id = t.created_by_token AND p.revoked_at IS NULL AND p.expires_at > $2))",
    );
    let Some(row) = executor.optional(query.bind(token_hash).bind(now)).await? else { return Ok(None) };
    found(&row).map(Some)
}

/// The same by id, for what a token does with its own rights.
pub(in crate::auth) async fn by_id(
    executor: &mut impl Executor,
    id: TokenId,
    now: Timestamp,
) -> Result<Option<Found>> {
    let query = sql(
        "SELECT t.id, t.name, t.role, t.last_four, t.created_by, t.created_by_token, t.created_at, \
         t.expires_at, t.last_used_at, t.revoked_at, u.state AS creator_state, r.role AS creator_role \
         FROM api_tokens t LEFT JOIN users u ON u.id = t.created_by LEFT JOIN roles r ON r.user_id = t.created_by \
         WHERE t.id = $1 AND t.revoked_at IS NULL AND t.expires_at > $2 \
         AND (t.created_by_token IS NULL OR EXISTS (SELECT 1 FROM api_tokens p \
         WHERE p.id = t.created_by_token AND p.revoked_at IS NULL AND p.expires_at > $2))",
    );
    let Some(row) = executor.optional(query.bind_text(id).bind(now)).await? else { return Ok(None) };
    found(&row).map(Some)
}

fn found(row: &Row) -> Result<Found> {
    Ok(Found {
        token: read(row)?,
        creator_state: row.opt_parse("creator_state")?,
        creator_role: row.opt_parse("creator_role")?,
    })
}

/// Tokens, newest first, before the id `before`.
pub(in crate::auth) async fn list(
    executor: &mut impl Executor,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<ApiToken>> {
    let query = sql(
        "SELECT id, name, role, last_four, created_by, created_by_token, created_at, expires_at, last_used_at, \
         revoked_at FROM api_tokens WHERE id < $1 ORDER BY id DESC LIMIT $2",
    );
    executor.all(query.bind(before.unwrap_or("~")).bind(limit)).await?.iter().map(read).collect()
}

/// Revokes the token and answers its name.
pub(in crate::auth) async fn revoke(tx: &mut Tx, id: TokenId, now: Timestamp) -> Result<String> {
    let query =
        sql("UPDATE api_tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING name");
    let row = tx.optional(query.bind_text(id).bind(now)).await?;
    row.ok_or_else(|| Error::not_found("token"))?.text("name")
}

/// Revokes what was made with the token, one generation, and answers the ids and names. The token itself comes first:
/// whoever makes another with it waits for its row.
pub(in crate::auth) async fn revoke_made_with(
    tx: &mut Tx,
    id: TokenId,
    now: Timestamp,
) -> Result<Vec<(TokenId, String)>> {
    let query =
        sql("UPDATE api_tokens SET revoked_at = $2 WHERE created_by_token = $1 AND revoked_at IS NULL \
         RETURNING id, name");
    let rows = tx.all(query.bind_text(id).bind(now)).await?;
    rows.iter().map(|row| Ok((row.parse("id")?, row.text("name")?))).collect()
}

/// Keeps every other writer away from the token until the transaction ends.
pub(in crate::auth) async fn hold(tx: &mut Tx, id: TokenId) -> Result<()> {
    tx.run(sql("UPDATE api_tokens SET role = role WHERE id = $1").bind_text(id)).await.map(drop)
}

pub(in crate::auth) async fn touch(tx: &mut Tx, id: TokenId, now: Timestamp) -> Result<()> {
    tx.run(sql("UPDATE api_tokens SET last_used_at = $2 WHERE id = $1").bind_text(id).bind(now))
        .await
        .map(drop)
}

/// Who made a token; `None`: nobody, or there is no such token.
pub(in crate::auth) async fn maker(executor: &mut impl Executor, id: TokenId) -> Result<Option<UserId>> {
    let query = sql("SELECT created_by FROM api_tokens WHERE id = $1").bind_text(id);
    Ok(executor.optional(query).await?.map(|row| row.opt_parse("created_by")).transpose()?.flatten())
}
