//! One-time links: set-up, while there is no owner, and password reset, issued by an administrator.
//! Only the SHA-256 is stored; a link is used up by one statement, its age is checked at use, and it does not outlive
//! a suspension or a new password.

use std::fmt;

use secrecy::SecretString;

use crate::auth::account;
use crate::auth::password::Passwords;
use crate::auth::policy::PolicyContext;
use crate::auth::role::Role;
use crate::auth::store::credentials;
use crate::auth::store::links::{self as store, Holder};
use crate::auth::store::roles as role_store;
use crate::auth::{roles, token_hash};
use crate::base::clock::HOUR;
use crate::base::id::UserId;
use crate::base::{Ctx, Error, Kind, Result, Timestamp};
use crate::db::epoch::{Scope, bump};
use crate::db::{Db, Executor};
use crate::directory::{NewPerson, Person, PersonState, owners, people};
use crate::events::{Event, EventName, record};
use crate::settings;

/// How long a link lives, in milliseconds.
pub const LIFE: i64 = HOUR;

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Making the first owner.
    Setup,
    /// Choosing a new password.
    Reset,
}

impl Purpose {
    /// The stored text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Reset => "reset",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A link just made: its token goes into `/setup/{token}` or `/reset/{token}`, once.
#[derive(Debug)]
pub struct Link {
    /// The token.
    pub token: SecretString,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Whether set-up is still to be done: nobody is an owner.
pub async fn is_setup_pending(executor: &mut impl Executor) -> Result<bool> {
    Ok(!role_store::owner_exists(executor).await?)
}

/// Makes a set-up link; those made before are void. Refused once there is an owner.
pub async fn create_setup(db: &Db, ctx: &Ctx) -> Result<Link> {
    let mut tx = db.begin().await?;
    owners::lock(&mut tx).await?;
    require_no_owner(&mut tx).await?;
    store::void_setup(&mut tx, ctx.now()).await?;
    let link = insert(&mut tx, ctx, Purpose::Setup, Holder { user: None, epoch: None }).await?;
    record(&mut tx, ctx, Event::new(EventName::SetupLinkCreate)).await?;
    tx.commit().await?;
    Ok(link)
}

/// Whether this set-up link can still be used: then its form may be shown.
pub async fn is_setup_link(db: &Db, ctx: &Ctx, token: &str) -> Result<bool> {
    let mut reader = db.reader();
    let found = store::find(&mut reader, &token_hash(token), Purpose::Setup, ctx.now()).await?;
    Ok(found.is_some() && is_setup_pending(&mut reader).await?)
}

/// When this link ends, if it can still be used: for the page that asks for a password.
pub async fn ends_at(db: &Db, ctx: &Ctx, token: &str) -> Result<Option<Timestamp>> {
    store::find_end(&mut db.reader(), &token_hash(token), ctx.now()).await
}

/// Makes the first owner and names the organisation. Of any number at the same instant, one becomes it.
pub async fn complete_setup(
    db: &Db,
    ctx: &Ctx,
    passwords: &Passwords,
    token: &str,
    organisation: &str,
    owner: NewPerson,
    password: &SecretString,
) -> Result<Person> {
    // Before the hash is computed: a stranger without a link costs nothing.
    if !is_setup_link(db, ctx, token).await? {
        return Err(unusable());
    }
    let context = PolicyContext::for_new(&owner, organisation);
    let hash = passwords.accept(&ctx.random, context, password).await?;
    let mut tx = db.begin().await?;
    owners::lock(&mut tx).await?;
    require_no_owner(&mut tx).await?;
    store::consume(&mut tx, &token_hash(token), Purpose::Setup, ctx.now()).await?.ok_or_else(unusable)?;
    store::void_setup(&mut tx, ctx.now()).await?;
    let person = account::insert(&mut tx, ctx, owner, Some(&hash), Some(Role::Owner)).await?;
    let mut settings = settings::read(&mut tx).await?;
    organisation.clone_into(&mut settings.organisation_name);
    settings::store(&mut tx, &settings).await?;
    let event = Event::new(EventName::SetupComplete)
        .target("user", person.id, &person.username)
        .detail("organisation_name", organisation);
    record(&mut tx, ctx, event).await?;
    bump(&mut tx, Scope::Sessions).await?;
    tx.commit().await?;
    Ok(person)
}

/// Makes a password-reset link for an active person. The caller's role covers theirs. Links made before are
/// void.
pub async fn create_reset(db: &Db, ctx: &Ctx, user: UserId) -> Result<Link> {
    let mut tx = db.begin().await?;
    let standing = credentials::standing(&mut tx, user).await?.ok_or_else(|| Error::not_found("person"))?;
    if let Some(role) = standing.role {
        roles::require_cover(&mut tx, ctx, role).await?;
    }
    if standing.state != PersonState::Active {
        return Err(Error::conflict(
            "person_not_active",
            "Only active people sign in. Activate this person first, then make the link.",
        ));
    }
    store::void_of_user(&mut tx, user, ctx.now()).await?;
    let holder = Holder { user: Some(user), epoch: Some(standing.epoch) };
    let link = insert(&mut tx, ctx, Purpose::Reset, holder).await?;
    let event = Event::new(EventName::UserResetLinkCreate).target("user", user, standing.username);
    record(&mut tx, ctx, event).await?;
    tx.commit().await?;
    Ok(link)
}

/// Whose reset link this is, if it can still be used.
pub async fn find_reset(db: &Db, ctx: &Ctx, token: &str) -> Result<Option<Person>> {
    let mut reader = db.reader();
    let found = store::find(&mut reader, &token_hash(token), Purpose::Reset, ctx.now()).await?;
    match found {
        Some(holder) => holding(&mut reader, holder).await,
        None => Ok(None),
    }
}

/// Sets the password of the link's person and ends all their sessions. Nobody is signed in by it.
pub async fn complete_reset(
    db: &Db,
    ctx: &Ctx,
    passwords: &Passwords,
    token: &str,
    password: &SecretString,
) -> Result<Person> {
    let person = find_reset(db, ctx, token).await?.ok_or_else(unusable)?;
    let organisation = settings::read(&mut db.reader()).await?.organisation_name;
    let context = PolicyContext::new(&person, &organisation);
    let hash = passwords.accept(&ctx.random, context, password).await?;
    let mut tx = db.begin().await?;
    let holder = store::consume(&mut tx, &token_hash(token), Purpose::Reset, ctx.now()).await?;
    let person = holding(&mut tx, holder.ok_or_else(unusable)?).await?.ok_or_else(unusable)?;
    account::replace_password(&mut tx, ctx, &person, &hash, None, "reset_link").await?;
    tx.commit().await?;
    Ok(person)
}

/// The holder of a link, if they are still who they were when it was made: active, and not suspended in between.
async fn holding(executor: &mut impl Executor, holder: Holder) -> Result<Option<Person>> {
    let Some(user) = holder.user else { return Ok(None) };
    let standing = credentials::standing(executor, user).await?;
    match standing {
        Some(standing) if standing.state == PersonState::Active && holder.epoch == Some(standing.epoch) => {
            people::find(executor, user).await
        }
        _ => Ok(None),
    }
}

async fn insert(tx: &mut crate::db::Tx, ctx: &Ctx, purpose: Purpose, holder: Holder) -> Result<Link> {
    let (token, now) = (ctx.random.token(), ctx.now());
    let expires_at = now.plus(LIFE);
    store::insert(tx, &token_hash(&token), purpose, holder, now, expires_at).await?;
    Ok(Link { token: SecretString::from(token), expires_at })
}

async fn require_no_owner(executor: &mut impl Executor) -> Result<()> {
    if is_setup_pending(executor).await? {
        return Ok(());
    }
    Err(Error::new(
        Kind::Gone,
        "already_set_up",
        "Tessera is set up already. Sign in, or ask an owner for access.",
    ))
}

fn unusable() -> Error {
    Error::new(
        Kind::Gone,
        "link_unusable",
        "This link can't be used any more. Links work once and for an hour; ask for a new one.",
    )
}
