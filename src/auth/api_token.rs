//! API tokens (W-11): `tsr_`, 30 random characters of 62 (178 bits) and a checksum of 6, by which a leaked one is
//! recognised. Only the SHA-256 is stored. A token made by a person counts only while that person is active and has
//! a role that covers the token's: whoever loses a role loses it everywhere at once (W-08). A token made with a token
//! lives no longer than that one: it ends with it, and is revoked with it.

use openssl::sha::sha256;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::auth::role::Role;
use crate::auth::roles;
use crate::auth::store::tokens::{self as store, Found};
use crate::auth::token_hash;
use crate::base::clock::{DAY, MINUTE};
use crate::base::id::{TokenId, UserId};
use crate::base::paging::{Page, PageRequest};
use crate::base::{Actor, Ctx, Error, Random, Result, Timestamp};
use crate::db::epoch::{Scope, bump};
use crate::db::{Db, Executor, Tx};
use crate::directory::PersonState;
use crate::events::{Event, EventName, record};

const PREFIX: &str = "tsr_";
const BODY: usize = 30;
const CHECKSUM: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Longest life of a token, in days.
pub const MAX_DAYS: u32 = 365;
/// Life of a token when nothing is said (decision 19), in days.
pub const DEFAULT_DAYS: u32 = 90;

/// A token as listed: everything but the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ApiToken {
    /// The id.
    #[schema(value_type = String)]
    pub id: TokenId,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Its last four characters, by which people tell tokens apart.
    pub last_four: String,
    /// Who made it; `null` when it was made at the command line.
    #[schema(value_type = Option<String>)]
    pub created_by: Option<UserId>,
    /// Id of the token it was made with, which it does not outlive; `null` when a person or the command line made it.
    #[schema(value_type = Option<String>)]
    pub created_by_token: Option<TokenId>,
    /// When it was made.
    #[schema(value_type = String)]
    pub created_at: Timestamp,
    /// When it ends.
    #[schema(value_type = String)]
    pub expires_at: Timestamp,
    /// When it was last used, to the minute.
    #[schema(value_type = Option<String>)]
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    #[schema(value_type = Option<String>)]
    pub revoked_at: Option<Timestamp>,
}

/// A token to be made.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiToken {
    /// What it is for: 1 to 80 characters.
    pub name: String,
    /// What it may do; `auditor` when nothing is said.
    #[serde(default)]
    pub role: Option<String>,
    /// Days until it ends, 1 to 365; 90 when nothing is said. Made with a token, it ends with that one at the latest.
    #[serde(default)]
    pub expires_in_days: Option<u32>,
}

/// A token just made, with its secret: shown once.
#[derive(Debug)]
pub struct CreatedToken {
    /// The secret.
    pub token: SecretString,
    /// What is known of it from now on.
    pub api_token: ApiToken,
}

/// A token that was presented and is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenView {
    /// The id.
    pub id: TokenId,
    /// Its name, for events.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Makes a token. Its role is covered by the caller's own.
pub async fn create(db: &Db, ctx: &Ctx, new: NewApiToken) -> Result<CreatedToken> {
    let name = new.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > 80 || name.chars().any(char::is_control) {
        return Err(Error::field("name", "unusable_name", "Give the token a name of 1 to 80 characters."));
    }
    let days = new.expires_in_days.unwrap_or(DEFAULT_DAYS);
    if !(1..=MAX_DAYS).contains(&days) {
        return Err(Error::field("expires_in_days", "out_of_range", "Use a number from 1 to 365 days."));
    }
    let role = new.role.as_deref().map_or(Ok(Role::Auditor), Role::parse)?;
    let (token, now) = (generate(&ctx.random), ctx.now());
    let mut tx = db.begin().await?;
    let parent = parent(&mut tx, ctx).await?;
    roles::require_cover(&mut tx, ctx, role).await?;
    let created_by = match (&ctx.actor, &parent) {
        (Actor::User { id, .. }, _) => Some(*id),
        (_, Some(parent)) => parent.created_by,
        _ => None,
    };
    let ends = now.plus(i64::from(days) * DAY);
    let api_token = ApiToken {
        id: TokenId::generate(now, &ctx.random),
        name,
        role,
        last_four: token[token.len() - 4..].to_owned(),
        created_by,
        created_by_token: parent.as_ref().map(|parent| parent.id),
        created_at: now,
        expires_at: parent.as_ref().map_or(ends, |parent| ends.min(parent.expires_at)),
        last_used_at: None,
        revoked_at: None,
    };
    store::insert(&mut tx, &api_token, &token_hash(&token)).await?;
    let event = Event::new(EventName::TokenCreate)
        .target("token", api_token.id, &api_token.name)
        .detail("role", role.as_str())
        .detail("expires_at", api_token.expires_at.to_rfc3339());
    record(&mut tx, ctx, event).await?;
    tx.commit().await?;
    Ok(CreatedToken { token: SecretString::from(token), api_token })
}

/// The token that makes this one and hands on its own maker, held so that nobody revokes it meanwhile.
async fn parent(tx: &mut Tx, ctx: &Ctx) -> Result<Option<ApiToken>> {
    let Actor::Token { id, .. } = &ctx.actor else { return Ok(None) };
    store::hold(tx, *id).await?;
    Ok(store::by_id(tx, *id, ctx.now()).await?.map(|found| found.token))
}

/// A page of tokens, newest first, revoked and expired ones among them.
pub async fn list(db: &Db, page: &PageRequest) -> Result<Page<ApiToken>> {
    let rows = store::list(&mut db.reader(), page.after.as_deref(), page.fetch()).await?;
    Ok(Page::cut(rows, page, |token| token.id.to_string()))
}

/// Who made a token; `None`: nobody who is known.
pub async fn maker(executor: &mut impl Executor, id: TokenId) -> Result<Option<UserId>> {
    store::maker(executor, id).await
}

/// Revokes a token and all that were made with it: they are refused from the next request on.
pub async fn revoke(db: &Db, ctx: &Ctx, id: TokenId) -> Result<()> {
    let mut tx = db.begin().await?;
    let mut revoked = vec![(id, store::revoke(&mut tx, id, ctx.now()).await?)];
    while let Some((id, name)) = revoked.pop() {
        record(&mut tx, ctx, Event::new(EventName::TokenRevoke).target("token", id, name)).await?;
        revoked.extend(store::revoke_made_with(&mut tx, id, ctx.now()).await?);
    }
    bump(&mut tx, Scope::Sessions).await?;
    tx.commit().await
}

/// The token that was presented, if it is good now.
pub async fn authenticate(db: &Db, ctx: &Ctx, token: &str) -> Result<Option<TokenView>> {
    if !is_well_formed(token) {
        return Ok(None);
    }
    let now = ctx.now();
    let Some(found) = store::by_hash(&mut db.reader(), &token_hash(token), now).await? else {
        return Ok(None);
    };
    let Some(role) = honoured(&found) else { return Ok(None) };
    let token = found.token;
    if token.last_used_at.is_none_or(|used| now.since(used) >= MINUTE) {
        used(db, token.id, now).await;
    }
    Ok(Some(TokenView { id: token.id, name: token.name, role, expires_at: token.expires_at }))
}

/// Writes *last used*; a failure is only logged, so that reads go on while the disk is full (AV-03).
async fn used(db: &Db, id: TokenId, now: Timestamp) {
    let written = async {
        let mut tx = db.begin().await?;
        store::touch(&mut tx, id, now).await?;
        tx.commit().await
    };
    if let Err(error) = written.await {
        tracing::warn!(token = %id, code = error.code, "the use of an API token could not be written");
    }
}

/// The token's role, if its maker may still do what it may.
pub(in crate::auth) fn honoured(found: &Found) -> Option<Role> {
    let role = found.token.role;
    if found.token.created_by.is_none() {
        return Some(role);
    }
    let active = found.creator_state == Some(PersonState::Active);
    (active && found.creator_role.is_some_and(|own| own.covers(role))).then_some(role)
}

fn generate(random: &Random) -> String {
    let mut token = String::with_capacity(PREFIX.len() + BODY + CHECKSUM);
    token.push_str(PREFIX);
    while token.len() < PREFIX.len() + BODY {
        let byte = random.bytes::<1>()[0];
        // 248 is the largest multiple of 62 in a byte: above it some characters would come more often.
        if byte < 248 {
            token.push(char::from(ALPHABET[usize::from(byte % 62)]));
        }
    }
    let checksum = checksum(&token);
    token.push_str(&checksum);
    token
}

fn checksum(text: &str) -> String {
    let digest = sha256(text.as_bytes());
    let mut number = u64::from_be_bytes(digest[..8].try_into().expect("a SHA-256 digest has 32 bytes"));
    (0..CHECKSUM)
        .map(|_| {
            let digit = usize::try_from(number % 62).expect("a number below 62 fits");
            number /= 62;
            char::from(ALPHABET[digit])
        })
        .collect()
}

/// Whether text can be a token: prefix, length, characters, checksum.
#[must_use]
pub fn is_well_formed(text: &str) -> bool {
    text.len() == PREFIX.len() + BODY + CHECKSUM
        && text.strip_prefix(PREFIX).is_some_and(|rest| rest.bytes().all(|b| ALPHABET.contains(&b)))
        && text.ends_with(&checksum(&text[..PREFIX.len() + BODY]))
}

/// The secret of a token just made, to be shown once.
impl CreatedToken {
    /// The text to show.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.token.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w_11_tokens_have_a_prefix_and_a_checksum() {
        let random = Random::seeded(1);
        let token = generate(&random);
        assert!(token.starts_with("tsr_") && token.len() == 40 && is_well_formed(&token), "{token}");
        assert_ne!(token, generate(&random));
        for i in 0..token.len() {
            let mut bent = token.clone().into_bytes();
            bent[i] = if bent[i] == b'x' { b'y' } else { b'x' };
            assert!(!is_well_formed(std::str::from_utf8(&bent).unwrap()), "character {i}");
        }
        for bad in ["", "tsr_", "é", &token[..39], &format!("{token}0"), &"é".repeat(20)] {
            assert!(!is_well_formed(bad), "{bad}");
        }
    }
}
