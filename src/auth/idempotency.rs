//! Answers of creations, kept for a day under the caller's own key, so that a creation whose answer was lost can be
//! sent again without being done again. An answer may hold a secret shown once, so it is sealed like one.

use openssl::sha::Sha256;
use serde::{Deserialize, Serialize};

use crate::auth::store::idempotency as store;
use crate::base::clock::DAY;
use crate::base::id::TokenId;
use crate::base::{Ctx, Error, Kind, Result};
use crate::db::Db;
use crate::vault::Vault;

/// How long an answer is kept, in milliseconds.
pub const LIFE: i64 = DAY;

/// An answer that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its status.
    pub status: u16,
    /// Those of its headers that belong to it.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

/// The right to do the work of a key.
#[derive(Debug)]
pub struct Claim(String);

/// What a key stands for.
#[derive(Debug)]
pub enum Begun {
    /// Nothing yet: do the work, then [`keep`] or [`release`].
    Fresh(Claim),
    /// The same request, which was answered so.
    Again(Kept),
}

/// Looks a key up and claims it if it is new. `request` is a digest of what is asked: the same key for something else
/// is refused, and so is the same request while the first is being worked on.
pub async fn begin(
    db: &Db,
    ctx: &Ctx,
    vault: &Vault,
    token: TokenId,
    key: &str,
    request: &[u8; 32],
) -> Result<Begun> {
    let mut hash = Sha256::new();
    hash.update(token.to_string().as_bytes());
    hash.update(b"\n");
    hash.update(key.as_bytes());
    // A request may hold a password, and a bare digest in the database could be guessed at.
    let (key_hash, request_hash) = (hex(&hash.finish()), hex(&vault.mac("idempotency request", request)));
    let mut tx = db.begin().await?;
    let (now, expired) = (ctx.now(), ctx.now().plus(-LIFE));
    store::prune(&mut tx, expired).await?;
    if store::claim(&mut tx, &key_hash, &request_hash, now).await? {
        tx.commit().await?;
        return Ok(Begun::Fresh(Claim(key_hash)));
    }
    let found = store::find(&mut tx, &key_hash).await?.ok_or_else(busy)?;
    tx.commit().await?;
    if found.request_hash != request_hash {
        return Err(Error::new(
            Kind::Invalid,
            "idempotency_key_reused",
            "This Idempotency-Key was used for another request. Use a fresh one for each thing to be done.",
        ));
    }
    let sealed = found.body.ok_or_else(busy)?;
    let body = vault.open(&aad(&key_hash), &sealed)?;
    Ok(Begun::Again(serde_json::from_slice(&body).map_err(Error::internal)?))
}

/// Keeps the answer.
pub async fn keep(db: &Db, ctx: &Ctx, vault: &Vault, claim: Claim, answer: &Kept) -> Result<()> {
    let body = serde_json::to_vec(answer).map_err(Error::internal)?;
    let sealed = vault.seal(&aad(&claim.0), &body, &ctx.random)?;
    let mut tx = db.begin().await?;
    store::keep(&mut tx, &claim.0, answer.status, sealed).await?;
    tx.commit().await
}

/// Frees the key: nothing came of the work.
pub async fn release(db: &Db, claim: Claim) -> Result<()> {
    let mut tx = db.begin().await?;
    store::release(&mut tx, &claim.0).await?;
    tx.commit().await
}

fn busy() -> Error {
    Error::conflict(
        "idempotency_in_progress",
        "The first request with this Idempotency-Key has no answer yet, or was cut off. Look whether its work was done \
         before you send it again with a fresh key.",
    )
}

fn aad(key_hash: &str) -> String {
    format!("idempotency_keys/{key_hash}")
}

fn hex(digest: &[u8; 32]) -> String {
    use std::fmt::Write as _;
    digest.iter().fold(String::with_capacity(64), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
