//! Requests that wait for a person to sign in: the raw message as received, under a handle that counts only in the
//! browser that brought it, for half an hour, once (decision 2). They live in the database, so they survive a
//! restart and several tabs, and are bounded for each source.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::base::clock::MINUTE;
use crate::base::id::ApplicationId;
use crate::base::{Ctx, Error, Result, Timestamp};
use crate::db::Db;
use crate::saml::binding::essential;
use crate::settings::SEEN_REQUEST_LIFETIME;
use crate::signon::issue::replayed;
use crate::signon::{Installation, store};

/// How long a handle lives, in milliseconds.
const LIFETIME: i64 = 30 * MINUTE;
/// How much is kept (decision 17).
const KEPT: Kept = Kept { rows: 500, size: 4 << 20, rows_of_browser: 20 };

/// Bounds of what is kept.
#[derive(Clone, Copy, Debug)]
pub(in crate::signon) struct Kept {
    /// Requests of one source prefix.
    pub(in crate::signon) rows: i64,
    /// Their characters; an ordinary request has one or two thousand.
    pub(in crate::signon) size: i64,
    /// Requests of one browser.
    pub(in crate::signon) rows_of_browser: i64,
}

/// What waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Waiting {
    /// An AuthnRequest by Redirect: the query as it came.
    Redirect {
        /// Without the question mark.
        raw_query: String,
    },
    /// An AuthnRequest by POST: the body as it came.
    Post {
        /// The form as octets.
        raw_body: String,
    },
    /// An AuthnRequest of an enhanced client: the envelope as it came. It is answered at once and never stored.
    Soap {
        /// The envelope.
        raw_body: String,
    },
    /// A visit to the IdP URL without a request.
    IdpInitiated {
        /// RelayState of the link, if it carried one that is allowed.
        relay_state: Option<String>,
        /// Whether the person must confirm after signing in, since the visit came from elsewhere.
        confirm: bool,
    },
}

impl Waiting {
    /// Whether an application has asked, and waits for an answer.
    #[must_use]
    pub fn is_request(&self) -> bool {
        !matches!(self, Self::IdpInitiated { .. })
    }

    /// How it came: the binding, or `none`.
    #[must_use]
    pub fn binding(&self) -> &'static str {
        match self {
            Self::Redirect { .. } => "redirect",
            Self::Post { .. } => "post",
            Self::Soap { .. } => "soap",
            Self::IdpInitiated { .. } => "none",
        }
    }

    /// Bytes as they came.
    pub(in crate::signon) fn len(&self) -> usize {
        match self {
            Self::Redirect { raw_query } => raw_query.len(),
            Self::Post { raw_body } | Self::Soap { raw_body } => raw_body.len(),
            Self::IdpInitiated { .. } => 0,
        }
    }

    /// The same octets without the parameters that mean nothing.
    fn slimmed(&self) -> Self {
        match self {
            Self::Redirect { raw_query } => Self::Redirect { raw_query: essential(raw_query) },
            Self::Post { raw_body } => Self::Post { raw_body: essential(raw_body) },
            Self::Soap { .. } | Self::IdpInitiated { .. } => self.clone(),
        }
    }
}

/// A waiting request as stored.
#[derive(Clone, Debug)]
pub struct Pending {
    /// SHA-256 of the handle.
    pub handle_hash: String,
    /// SHA-256 of the browser's cookie.
    pub browser_hash: String,
    /// The application.
    pub application: ApplicationId,
    /// When it came.
    pub received_at: Timestamp,
    /// When it stops counting.
    pub expires_at: Timestamp,
    /// When the person entered the password for this very request.
    pub authenticated_at: Option<Timestamp>,
    /// When it was answered.
    pub consumed_at: Option<Timestamp>,
}

pub(in crate::signon) fn hash(secret: &str) -> String {
    use std::fmt::Write as _;
    openssl::sha::sha256(secret.as_bytes()).iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// The part of an address that limits count by: /24 of IPv4, /64 of IPv6.
#[must_use]
pub fn source_prefix(source: Option<IpAddr>) -> String {
    match source.map(|ip| ip.to_canonical()) {
        Some(IpAddr::V4(ip)) => {
            let [a, b, c, _] = ip.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        Some(IpAddr::V6(ip)) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        None => "none".to_owned(),
    }
}

/// Parks a request; answers the handle, whose hash alone is stored. `remember`: ID of a signed request, which must
/// not come twice (SAML-131).
pub async fn park(
    installation: &Installation,
    ctx: &Ctx,
    application: ApplicationId,
    browser_secret: &str,
    waiting: &Waiting,
    remember: Option<&str>,
) -> Result<String> {
    installation.disk.check(&installation.db).await?;
    let handle = ctx.random.token();
    let pending = Pending {
        handle_hash: hash(&handle),
        browser_hash: hash(browser_secret),
        application,
        received_at: ctx.now(),
        expires_at: ctx.now().plus(LIFETIME),
        authenticated_at: None,
        consumed_at: None,
    };
    let request = serde_json::to_string(&waiting.slimmed()).map_err(Error::internal)?;
    let prefix = source_prefix(ctx.source);
    let mut tx = installation.db.begin().await?;
    if let Some(request_id) = remember {
        let seen = store::insert_seen(application, request_id, ctx.now().plus(SEEN_REQUEST_LIFETIME));
        tx.run_one(seen, replayed).await?;
    }
    store::insert_pending(&mut tx, &pending, &request, &prefix).await?;
    store::evict_pending(&mut tx, &prefix, &pending.browser_hash, KEPT).await?;
    tx.commit().await?;
    Ok(handle)
}

/// The waiting request of a handle: only for the browser that brought it, in time, and not yet answered.
pub async fn find(
    db: &Db,
    ctx: &Ctx,
    handle: &str,
    browser_secret: &str,
) -> Result<Option<(Pending, Waiting)>> {
    if handle.len() > 64 {
        return Ok(None);
    }
    let Some((pending, request)) = store::find_pending(&mut db.reader(), &hash(handle)).await? else {
        return Ok(None);
    };
    let counts = pending.browser_hash == hash(browser_secret)
        && ctx.now() < pending.expires_at
        && pending.consumed_at.is_none();
    if !counts {
        return Ok(None);
    }
    Ok(Some((pending, serde_json::from_str(&request).map_err(Error::internal)?)))
}

/// Gives a waiting request, which a form of another site brought, to the browser that has now opened a page of ours.
/// `hop_secret` came with that form; without it nothing changes, and nothing is written: anybody can make one up.
pub async fn hand_over(
    db: &Db,
    ctx: &Ctx,
    handle: &str,
    hop_secret: &str,
    browser_secret: &str,
) -> Result<()> {
    let Some((pending, _)) = find(db, ctx, handle, hop_secret).await? else { return Ok(()) };
    let browser_hash = hash(browser_secret);
    let mut tx = db.begin().await?;
    store::set_pending_browser(&mut tx, &pending.handle_hash, &pending.browser_hash, &browser_hash).await?;
    store::evict_pending(&mut tx, &source_prefix(ctx.source), &browser_hash, KEPT).await?;
    tx.commit().await
}

/// Notes that the person proved who they are for this very request (ForceAuthn, SAML-118).
pub async fn mark_authenticated(db: &Db, pending: &Pending, at: Timestamp) -> Result<()> {
    let mut tx = db.begin().await?;
    store::set_pending_authenticated(&mut tx, &pending.handle_hash, at).await?;
    tx.commit().await
}

/// Forgets what is past its time. Run now and then; nothing relies on it.
pub async fn sweep(db: &Db, now: Timestamp) -> Result<u64> {
    let mut tx = db.begin().await?;
    let gone = store::delete_expired(&mut tx, now).await?;
    tx.commit().await?;
    Ok(gone)
}
