//! People over SCIM: read, created, replaced, patched, deleted. Each change is one transaction of the directory's own
//! operations, with their events and notices.

use std::collections::HashMap;

use serde_json::Value;

use super::list::{Asked, Listed};
use super::{Outcome, Seen, check_schemas, list, require_managed, user};
use crate::base::id::{GroupId, UserId};
use crate::base::{Ctx, Error, Result};
use crate::db::{Db, Executor};
use crate::directory::person::{EmailMarks, Person, PersonState, Profile};
use crate::directory::store::inbound as store;
use crate::directory::{owners, people};
use crate::events::EventName;
use crate::scim::schema::USER_URN;
use crate::scim::{PatchOp, ScimError, sent};

/// Groups of people, by person.
pub type GroupsOf = HashMap<UserId, Vec<(GroupId, String)>>;

/// The person as a user; `origin` is where this installation is reached. Without `groups` they are left out.
#[must_use]
pub fn shown(origin: &str, person: &Person, groups: Option<&GroupsOf>) -> Value {
    let groups = groups.map(|groups| groups.get(&person.id).map_or(&[][..], Vec::as_slice));
    user::to_json(origin, person, groups)
}

/// The tag of the person's version, without quotes.
#[must_use]
pub fn tag(person: &Person) -> String {
    user::tag(person)
}

/// The groups that these people are in, `Everyone` among them where somebody is active.
pub async fn groups_of(executor: &mut impl Executor, people: &[Person]) -> Result<GroupsOf> {
    let ids: Vec<UserId> = people.iter().map(|person| person.id).collect();
    store::groups_of(executor, &ids).await
}

/// A page of people, by username.
///
/// # Errors
/// `invalidFilter`, and `tooMany` when there are more people than one search goes through.
pub async fn list(db: &Db, origin: &str, asked: &Asked<'_>) -> Outcome<Listed<Person>> {
    list::users(db, origin, asked).await
}

fn read(sent: Value) -> std::result::Result<Value, ScimError> {
    check_schemas(USER_URN, &sent)?;
    sent::written(USER_URN, "userName", sent)
}

/// Creates a person, who is inbound SCIM's: active, unless the user says otherwise; then they wait to be let in.
pub async fn create(db: &Db, ctx: &Ctx, sent: Value) -> Outcome<Person> {
    let now = ctx.now();
    let mut person = Person {
        id: UserId::generate(now, &ctx.random),
        username: String::new(),
        email: String::new(),
        profile: Profile::default(),
        state: PersonState::Active,
        scim_managed: true,
        external_id: None,
        email_marks: EmailMarks::default(),
        version: 1,
        created_at: now,
        updated_at: now,
    };
    if user::apply(&read(sent)?, &mut person)? == Some(false) {
        person.state = PersonState::Staged;
    }
    let mut tx = db.begin().await?;
    let person = people::insert_person(&mut tx, ctx, person, false, |event| event).await?;
    if person.state == PersonState::Staged {
        store::set_held(&mut tx, person.id, true).await?;
    }
    tx.commit().await?;
    Ok(person)
}

/// Puts a user in the place of what is known of a person. What the user does not say goes; whether the person is active
/// stays as it is unless the user says.
pub async fn replace(db: &Db, ctx: &Ctx, id: UserId, seen: &Seen, sent: Value) -> Outcome<Person> {
    let user = read(sent)?;
    change(db, ctx, id, seen, |_| Ok(user)).await
}

/// Patches a person as they are at this moment; `origin` is where this installation is reached.
pub async fn patch(
    db: &Db,
    ctx: &Ctx,
    origin: &str,
    id: UserId,
    seen: &Seen,
    patch: &PatchOp,
) -> Outcome<Person> {
    let patched = |person: &Person| {
        let mut user = user::to_json(origin, person, None);
        patch.apply(&mut user)?;
        sent::written(USER_URN, "userName", user)
    };
    change(db, ctx, id, seen, patched).await
}

async fn change(
    db: &Db,
    ctx: &Ctx,
    id: UserId,
    seen: &Seen,
    user: impl FnOnce(&Person) -> std::result::Result<Value, ScimError> + Send,
) -> Outcome<Person> {
    let mut tx = db.begin().await?;
    // Nobody becomes an owner, or gets a role, while it is decided that they have none.
    owners::lock(&mut tx).await?;
    let before = people::hold(&mut tx, id, None).await?;
    require_managed(&mut tx, &before).await?;
    seen.check(&tag(&before))?;
    let mut after = before.clone();
    let user = user(&before)?;
    let active = user::apply(&user, &mut after)?;
    let mut person = people::store_change(&mut tx, ctx, before, after, false).await?;
    match active {
        // Whom an administrator keeps out is let in by an administrator.
        Some(true) if person.state != PersonState::Active && store::is_held(&mut tx, id).await? => {
            let (state, name) = (PersonState::Active, EventName::UserActivate);
            person = people::set_state_in(&mut tx, ctx, person, state, name).await?;
            store::set_held(&mut tx, id, false).await?;
        }
        // Who was never let in is not active already.
        Some(false) if person.state == PersonState::Active => {
            let (state, name) = (PersonState::Suspended, EventName::UserSuspend);
            person = people::set_state_in(&mut tx, ctx, person, state, name).await?;
            store::set_held(&mut tx, id, true).await?;
        }
        _ => {}
    }
    tx.commit().await?;
    Ok(person)
}

/// Deletes a person as the console does.
pub async fn delete(db: &Db, ctx: &Ctx, id: UserId, seen: &Seen) -> Outcome<()> {
    let mut tx = db.begin().await?;
    owners::lock(&mut tx).await?;
    let person = people::hold_with_groups(&mut tx, ctx, id).await?;
    require_managed(&mut tx, &person).await?;
    seen.check(&tag(&person))?;
    people::delete_held(&mut tx, ctx, person).await?;
    tx.commit().await?;
    Ok(())
}

/// Whether it is inbound SCIM that keeps the person out: it may let them in again.
pub async fn is_held(executor: &mut impl Executor, id: UserId) -> Result<bool> {
    store::is_held(executor, id).await
}

/// The person with this id.
pub async fn find(executor: &mut impl Executor, id: UserId) -> Result<Person> {
    people::find(executor, id).await?.ok_or_else(|| Error::not_found("person"))
}
