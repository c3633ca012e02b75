//! Giving and taking roles. A caller grants no more than it has, through whichever door it comes, and an
//! active owner is always left (W-15).

use crate::auth::role::{Permission, Role};
use crate::auth::store::{roles as store, tokens};
use crate::base::id::UserId;
use crate::base::{Actor, Ctx, Error, Result};
use crate::db::epoch::{Scope, bump};
use crate::db::{Db, Executor, Tx};
use crate::directory::{PersonState, owners, people};
use crate::events::{Event, EventName, record};

/// The role of a person.
pub async fn of_user(executor: &mut impl Executor, user: UserId) -> Result<Option<Role>> {
    store::of_user(executor, user).await
}

/// Everyone who has a role, owners first.
pub async fn holders(db: &Db) -> Result<Vec<(UserId, Role)>> {
    store::holders(&mut db.reader()).await
}

/// E-mail addresses of the active owners.
pub async fn owners(executor: &mut impl Executor) -> Result<Vec<String>> {
    store::owner_addresses(executor).await
}

/// Gives a person a role in the place of the one they have, or takes it. Counts from the person's next request on.
pub async fn set_role(db: &Db, ctx: &Ctx, user: UserId, role: Option<Role>) -> Result<()> {
    let mut tx = db.begin().await?;
    owners::lock(&mut tx).await?;
    let person = people::find(&mut tx, user).await?.ok_or_else(|| Error::not_found("person"))?;
    let before = store::of_user(&mut tx, user).await?;
    if before == role {
        return Ok(());
    }
    for touched in [before, role].into_iter().flatten() {
        require_cover(&mut tx, ctx, touched).await?;
    }
    if before == Some(Role::Owner) {
        owners::require_another(&mut tx, user).await?;
    }
    grant(&mut tx, ctx, user, &person.username, before, role).await?;
    bump(&mut tx, Scope::Sessions).await?;
    tx.commit().await
}

/// Writes the role and its event; the caller has checked who may.
pub(in crate::auth) async fn grant(
    tx: &mut Tx,
    ctx: &Ctx,
    user: UserId,
    username: &str,
    before: Option<Role>,
    role: Option<Role>,
) -> Result<()> {
    if role.is_some_and(|role| !Role::OF_PEOPLE.contains(&role)) {
        return Err(Error::field(
            "role",
            "not_of_people",
            "Only a token can have this role. Choose another.",
        ));
    }
    match role {
        Some(role) => store::set(tx, user, role, ctx.now()).await?,
        None => store::remove(tx, user).await?,
    }
    let event = Event::new(EventName::AdminRoleChange)
        .target("user", user, username)
        .detail("before", before.map(Role::as_str))
        .detail("after", role.map(Role::as_str));
    record(tx, ctx, event).await
}

/// What the caller may do now, read in the transaction of what it does.
pub(in crate::auth) async fn authority(executor: &mut impl Executor, ctx: &Ctx) -> Result<Option<Role>> {
    match &ctx.actor {
        Actor::Anonymous => Ok(None),
        // Whoever has the server's own files has everything.
        Actor::System(_) | Actor::CommandLine => Ok(Some(Role::Owner)),
        Actor::User { id, .. } => {
            let active = people::find(executor, *id).await?.is_some_and(|p| p.state == PersonState::Active);
            if active { store::of_user(executor, *id).await } else { Ok(None) }
        }
        Actor::Token { id, .. } => {
            let found = tokens::by_id(executor, *id, ctx.now()).await?;
            Ok(found.and_then(|found| crate::auth::api_token::honoured(&found)))
        }
    }
}

/// Whether the caller may do something now: what is done later in somebody's name asks again.
pub async fn may(executor: &mut impl Executor, ctx: &Ctx, permission: Permission) -> Result<bool> {
    Ok(authority(executor, ctx).await?.is_some_and(|role| role.allows(permission)))
}

/// Refuses a caller whose own role does not cover this one.
pub(in crate::auth) async fn require_cover(
    executor: &mut impl Executor,
    ctx: &Ctx,
    role: Role,
) -> Result<()> {
    match authority(executor, ctx).await? {
        Some(own) if own.covers(role) => Ok(()),
        _ => Err(Error::forbidden(
            "role_too_low",
            "This concerns a role that allows more than yours. Ask someone who has it.",
        )),
    }
}
