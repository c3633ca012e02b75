//! Sessions: begun by [`crate::auth::sign_in()`], checked at each request, ended by hand, by time, or by what happens
//! to their person (W-08). Only the SHA-256 of the token is stored.

use std::collections::{BTreeSet, HashMap};

use secrecy::SecretString;
use serde::Serialize;

use crate::auth::role::Role;
use crate::auth::store::credentials::Standing;
use crate::auth::store::{links, sessions, throttles};
use crate::auth::token_hash;
use crate::base::clock::{DAY, MINUTE};
use crate::base::id::{SessionId, UserId};
use crate::base::{Ctx, Error, Result, Timestamp};
use crate::db::epoch::{Scope, bump};
use crate::db::{Db, Executor, Tx};
use crate::directory::people;
use crate::events::{Event, EventName, record};
use crate::settings::{self, Settings};

/// How long ended sessions, used links and old failures are kept.
const KEEP: i64 = 30 * DAY;
/// How often *last seen* is written.
const SEEN_EVERY: i64 = MINUTE;

/// A running session, as handlers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionView {
    /// Id of the session; the token is not among its data.
    pub session_id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// Their username.
    pub username: String,
    /// Their address.
    pub email: String,
    /// How they are shown.
    pub display_name: String,
    /// Their role, if they have one.
    pub role: Option<Role>,
    /// When they signed in.
    pub created_at: Timestamp,
    /// When they last proved who they are, by password: the `AuthnInstant`.
    pub authenticated_at: Timestamp,
    /// When the session was last used before now, to the minute.
    pub last_seen_at: Timestamp,
    /// When it ends whatever happens.
    pub expires_at: Timestamp,
    /// *Keep me signed in* was chosen: no idle limit, and no `SessionNotOnOrAfter`.
    pub remembered: bool,
}

/// A session just begun or renewed, with its token: shown to the browser once, and kept nowhere.
#[derive(Debug)]
pub struct NewSession {
    /// The value of the cookie.
    pub token: SecretString,
    /// The session.
    pub session: SessionView,
}

/// A running session in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct SessionSummary {
    /// Id of the session.
    #[schema(value_type = String)]
    pub id: SessionId,
    /// When it began.
    #[schema(value_type = String)]
    pub created_at: Timestamp,
    /// When the password was last given.
    #[schema(value_type = String)]
    pub authenticated_at: Timestamp,
    /// When it was last used.
    #[schema(value_type = String)]
    pub last_seen_at: Timestamp,
    /// When it ends whatever happens.
    #[schema(value_type = String)]
    pub expires_at: Timestamp,
    /// *Keep me signed in* was chosen.
    pub remembered: bool,
    /// Address it began from.
    pub source: Option<String>,
    /// Browser it began in.
    pub user_agent: Option<String>,
}

/// The times that end a session.
#[derive(Clone, Copy, Debug)]
pub(in crate::auth) struct Limits {
    idle: i64,
    absolute: i64,
    remembered: i64,
}

impl Limits {
    pub(in crate::auth) fn of(settings: &Settings) -> Self {
        let absolute = i64::from(settings.session_absolute_minutes) * MINUTE;
        Self {
            idle: i64::from(settings.session_idle_minutes) * MINUTE,
            absolute,
            remembered: absolute.max(i64::from(settings.remember_days) * DAY),
        }
    }

    /// When a session begun then ends whatever happens.
    fn end(&self, created_at: Timestamp, remembered: bool) -> Timestamp {
        created_at.plus(if remembered { self.remembered } else { self.absolute })
    }

    /// The view with its end by today's settings, or `None` when it is over.
    pub(in crate::auth) fn judge(&self, mut view: SessionView, now: Timestamp) -> Option<SessionView> {
        view.expires_at = view.expires_at.min(self.end(view.created_at, view.remembered));
        let idle = !view.remembered && now >= view.last_seen_at.plus(self.idle);
        (now < view.expires_at && !idle).then_some(view)
    }
}

/// The view of a session that begins now.
pub(in crate::auth) fn begin(
    ctx: &Ctx,
    settings: &Settings,
    user_id: UserId,
    standing: &Standing,
    remember: bool,
) -> SessionView {
    let now = ctx.now();
    let remembered = remember && settings.remember_days > 0;
    SessionView {
        session_id: SessionId::generate(now, &ctx.random),
        user_id,
        username: standing.username.clone(),
        email: standing.email.clone(),
        display_name: standing.display_name.clone(),
        role: standing.role,
        created_at: now,
        authenticated_at: now,
        last_seen_at: now,
        expires_at: Limits::of(settings).end(now, remembered),
        remembered,
    }
}

/// Whether text can be a session token at all: 43 URL-safe characters.
fn is_token(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The session of a token as the database has it, with the limits it was judged by. Does not count as use.
pub(in crate::auth) async fn load(db: &Db, ctx: &Ctx, token: &str) -> Result<Option<(SessionView, Limits)>> {
    if !is_token(token) {
        return Ok(None);
    }
    let mut reader = db.reader();
    let Some(view) = sessions::by_token(&mut reader, &token_hash(token)).await? else { return Ok(None) };
    let limits = Limits::of(&settings::read(&mut reader).await?);
    Ok(limits.judge(view, ctx.now()).map(|view| (view, limits)))
}

/// The running session of a token, if it has one, straight from the database. Handlers use
/// [`crate::auth::SessionCache`].
pub async fn authenticate(db: &Db, ctx: &Ctx, token: &str) -> Result<Option<SessionView>> {
    let Some((view, _)) = load(db, ctx, token).await? else { return Ok(None) };
    if is_due(view.last_seen_at, ctx.now()) {
        seen(db, ctx, &view).await;
    }
    Ok(Some(view))
}

/// The session that a token is or was of, also when it has ended: whether a browser is the one that a session ended in.
pub async fn id_of(executor: &mut impl Executor, token: &str) -> Result<Option<SessionId>> {
    sessions::id_by_token(executor, &token_hash(token)).await
}

/// Whether *last seen* is to be written again.
pub(in crate::auth) fn is_due(last_seen: Timestamp, now: Timestamp) -> bool {
    now.since(last_seen) >= SEEN_EVERY
}

/// Writes *last seen*. A person goes on working while the disk is full (AV-03), so a failure is only logged: the
/// session then ends earlier than it had to, never later.
pub(in crate::auth) async fn seen(db: &Db, ctx: &Ctx, view: &SessionView) {
    let written = async {
        let mut tx = db.begin().await?;
        sessions::touch(&mut tx, view.session_id, ctx.now()).await?;
        tx.commit().await
    };
    if let Err(error) = written.await {
        tracing::warn!(session = %view.session_id, code = error.code, "the use of a session could not be written");
    }
}

/// The running sessions of a person, newest first, at most 200.
pub async fn list(db: &Db, ctx: &Ctx, user: UserId) -> Result<Vec<SessionSummary>> {
    sessions::list(&mut db.reader(), user, ctx.now()).await
}

/// When each of these people last signed in, as far as their sessions are kept; a page of people at most.
pub async fn last_sign_ins(
    executor: &mut impl Executor,
    users: &[UserId],
) -> Result<HashMap<UserId, Timestamp>> {
    if users.len() > sessions::PAGE {
        return Err(Error::internal("more people than a page of them"));
    }
    sessions::last_sign_ins(executor, users).await
}

/// Signs out: ends this session. Signing out of one that has ended is no error.
pub async fn sign_out(db: &Db, ctx: &Ctx, session: &SessionView) -> Result<()> {
    let mut tx = db.begin().await?;
    sign_out_in(&mut tx, ctx, session).await?;
    tx.commit().await
}

/// The same in the caller's transaction.
pub async fn sign_out_in(tx: &mut Tx, ctx: &Ctx, session: &SessionView) -> Result<()> {
    if sessions::end(tx, session.session_id, session.user_id, ctx.now()).await? {
        let event = Event::new(EventName::UserLogout)
            .target("user", session.user_id, &session.username)
            .detail("session", session.session_id.to_string());
        record(tx, ctx, event).await?;
        bump(tx, Scope::Sessions).await?;
    }
    Ok(())
}

/// Ends sessions in the caller's transaction, because one of their applications asked for it; answers which were running.
/// The events are the caller's. They are ended in the order of their ids, and all of them before the epoch is raised, so
/// that nobody who ends one of them meanwhile waits for this and is waited for.
pub async fn end_in(tx: &mut Tx, ctx: &Ctx, ids: BTreeSet<SessionId>) -> Result<Vec<SessionId>> {
    let mut ended = Vec::new();
    for session in ids {
        if sessions::end_any(tx, session, ctx.now()).await? {
            ended.push(session);
        }
    }
    if !ended.is_empty() {
        bump(tx, Scope::Sessions).await?;
    }
    Ok(ended)
}

/// Ends one session of this person; another person's session is as unknown as none.
pub async fn revoke(db: &Db, ctx: &Ctx, user: UserId, session: SessionId) -> Result<()> {
    let mut tx = db.begin().await?;
    let person = people::find(&mut tx, user).await?.ok_or_else(|| Error::not_found("session"))?;
    if !sessions::end(&mut tx, session, user, ctx.now()).await? {
        return Err(Error::not_found("session"));
    }
    let event = Event::new(EventName::SessionRevoke)
        .target("user", user, person.username)
        .detail("session", session.to_string());
    record(&mut tx, ctx, event).await?;
    bump(&mut tx, Scope::Sessions).await?;
    tx.commit().await
}

/// *Sign out everywhere*: ends all sessions of a person but `keep`. Answers how many ended.
pub async fn revoke_all(db: &Db, ctx: &Ctx, user: UserId, keep: Option<SessionId>) -> Result<u64> {
    let mut tx = db.begin().await?;
    let person = people::find(&mut tx, user).await?.ok_or_else(|| Error::not_found("person"))?;
    let ended = sessions::end_all(&mut tx, user, keep, ctx.now()).await?;
    if ended > 0 {
        let event = Event::new(EventName::SessionRevoke)
            .target("user", user, person.username)
            .detail("sessions", i64::try_from(ended).unwrap_or(i64::MAX));
        record(&mut tx, ctx, event).await?;
        bump(&mut tx, Scope::Sessions).await?;
    }
    tx.commit().await?;
    Ok(ended)
}

/// Deletes what is over for 30 days: sessions, links, and failures. Nothing depends on it being run: times are
/// checked at use.
pub async fn prune(db: &Db, ctx: &Ctx) -> Result<u64> {
    let (now, before) = (ctx.now(), ctx.now().plus(-KEEP));
    let mut tx = db.begin().await?;
    let gone = sessions::prune(&mut tx, before).await?
        + links::prune(&mut tx, before).await?
        + throttles::prune(&mut tx, before, now).await?;
    tx.commit().await?;
    Ok(gone)
}

/// How many sessions have neither ended nor come to their last instant; some of them may be idle for too long.
pub async fn count_unexpired(executor: &mut impl Executor, now: Timestamp) -> Result<i64> {
    sessions::count_unexpired(executor, now).await
}
