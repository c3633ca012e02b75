//! Operations on people. Each opens its own transaction: check, change and event commit together (W-15).

use serde_json::{Map, Value as Json};

use crate::base::clock::DAY;
use crate::base::id::UserId;
use crate::base::paging::{Page, PageRequest};
use crate::base::{Ctx, Error, FieldError, Result, Timestamp};
use crate::db::epoch::{Scope, bump};
use crate::db::{Db, Executor, Tx};
use crate::directory::login_name::{check_email, check_username, login_key};
use crate::directory::owners;
use crate::directory::person::{EmailMarks, NewPerson, Person, PersonPatch, PersonState};
use crate::directory::store::groups as group_store;
use crate::directory::store::inbound as inbound_store;
use crate::directory::store::people as store;
use crate::directory::validate::{self, Faults};
use crate::events::{Event, EventName, record};
use crate::jobs::{Notice, notify};

/// How long a name that someone gave up is kept from others (decision 18), in milliseconds.
pub const NAME_HOLD: i64 = 90 * DAY;

/// Which people a list shows.
#[derive(Clone, Debug, Default)]
pub struct PeopleFilter {
    /// Part of a name, username, e-mail or employee id, in any case.
    pub search: Option<String>,
    /// Only people in this state.
    pub state: Option<PersonState>,
}

/// Creates a person, staged.
pub async fn create(db: &Db, ctx: &Ctx, new: NewPerson) -> Result<Person> {
    let mut tx = db.begin().await?;
    let person = insert(&mut tx, ctx, new, PersonState::Staged).await?;
    tx.commit().await?;
    Ok(person)
}

/// Creates a person in the caller's transaction, with the event: for operations that also set a password.
pub async fn insert(tx: &mut Tx, ctx: &Ctx, new: NewPerson, state: PersonState) -> Result<Person> {
    insert_told(tx, ctx, new, state, |event| event).await
}

/// The same; what else the event tells is the caller's: where the person was brought in from.
pub async fn insert_told(
    tx: &mut Tx,
    ctx: &Ctx,
    new: NewPerson,
    state: PersonState,
    told: impl FnOnce(Event) -> Event + Send,
) -> Result<Person> {
    let reuse = new.reuse;
    let person = stage(ctx, new, state);
    insert_person(tx, ctx, person, reuse, told).await
}

/// Writes a new person with the event.
pub(in crate::directory) async fn insert_person(
    tx: &mut Tx,
    ctx: &Ctx,
    mut person: Person,
    reuse: bool,
    told: impl FnOnce(Event) -> Event + Send,
) -> Result<Person> {
    normalise(tx, &mut person).await?;
    claim_names(tx, &person, reuse, ctx.now()).await?;
    store::insert(tx, &person).await?;
    let event = Event::new(EventName::UserCreate)
        .target("user", person.id, &person.username)
        .detail("state", person.state.as_str())
        .personal("email", person.email.clone());
    record(tx, ctx, told(event)).await?;
    notify(tx, Notice::Person { user: person.id, leaving: false }).await?;
    bump(tx, Scope::Directory).await?;
    Ok(person)
}

/// Refuses a person who could not be created now, as [`insert`] would. Nothing is written.
pub async fn check_new(tx: &mut Tx, ctx: &Ctx, new: NewPerson) -> Result<()> {
    let now = ctx.now();
    let cutoff = if new.reuse { Timestamp(i64::MAX) } else { now.plus(-NAME_HOLD) };
    let mut person = stage(ctx, new, PersonState::Staged);
    normalise(tx, &mut person).await?;
    for (field, name) in [("username", &person.username), ("email", &person.email)] {
        let key = login_key(name);
        if !store::name_is_free(tx, &key, cutoff).await? {
            return Err(refused_name(field, store::name_is_held(tx, &key).await?));
        }
    }
    Ok(())
}

fn stage(ctx: &Ctx, new: NewPerson, state: PersonState) -> Person {
    let now = ctx.now();
    Person {
        id: UserId::generate(now, &ctx.random),
        username: new.username.clone(),
        email: new.email.clone(),
        profile: new.into_profile(),
        state,
        scim_managed: false,
        external_id: None,
        email_marks: EmailMarks::default(),
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

/// The person with this id.
pub async fn find(executor: &mut impl Executor, id: UserId) -> Result<Option<Person>> {
    store::find(executor, id).await
}

/// The person whose username or e-mail address this is, in any case.
pub async fn find_by_login_name(executor: &mut impl Executor, name: &str) -> Result<Option<Person>> {
    if name.len() > crate::directory::login_name::MAX_LOGIN {
        return Ok(None);
    }
    store::find_by_key(executor, &login_key(name)).await
}

/// A page of people, in the order of their usernames.
pub async fn list(db: &Db, filter: &PeopleFilter, page: &PageRequest) -> Result<Page<Person>> {
    let rows = store::list(&mut db.reader(), filter, page.after.as_deref(), page.fetch()).await?;
    Ok(Page::cut(rows, page, |person| login_key(&person.username)))
}

/// How many people there are, or how many in one state.
pub async fn count(executor: &mut impl Executor, state: Option<PersonState>) -> Result<i64> {
    store::count(executor, state).await
}

/// Changes a person. `if_match` is the version the caller saw, if it wants to be told of a change in between.
pub async fn update(
    db: &Db,
    ctx: &Ctx,
    id: UserId,
    if_match: Option<i64>,
    patch: PersonPatch,
) -> Result<Person> {
    let mut tx = db.begin().await?;
    let before = hold(&mut tx, id, if_match).await?;
    let mut after = before.clone();
    let reuse = patch.reuse;
    if let Some(username) = &patch.username {
        after.username.clone_from(username);
    }
    if let Some(email) = &patch.email {
        after.email.clone_from(email);
    }
    if let Some(managed) = patch.scim_managed {
        after.scim_managed = managed;
    }
    patch.apply(&mut after.profile);
    let after = store_change(&mut tx, ctx, before, after, reuse).await?;
    tx.commit().await?;
    Ok(after)
}

/// Writes what a person who is held has become, but for the state, with its events.
pub(in crate::directory) async fn store_change(
    tx: &mut Tx,
    ctx: &Ctx,
    before: Person,
    mut after: Person,
    reuse: bool,
) -> Result<Person> {
    normalise(tx, &mut after).await?;
    if after == before {
        return Ok(before);
    }
    let now = ctx.now();
    claim_names(tx, &after, reuse, now).await?;
    let (username, email) = (login_key(&after.username), login_key(&after.email));
    store::release_names(tx, after.id, [&username, &email], now).await?;
    after.version += 1;
    after.updated_at = now;
    store::update(tx, &after).await?;
    if after.scim_managed != before.scim_managed {
        let name =
            if after.scim_managed { EventName::ScimManagementGive } else { EventName::ScimManagementTake };
        record(tx, ctx, Event::new(name).target("user", after.id, &after.username)).await?;
    }
    if let Some(event) = changed(&before, &after)? {
        record(tx, ctx, event).await?;
        notify(tx, Notice::Profile { user: after.id }).await?;
    }
    bump(tx, Scope::Directory).await?;
    Ok(after)
}

/// Keeps a person out: sessions and links issued before end now and for good. Refused for the last owner.
pub async fn suspend(db: &Db, ctx: &Ctx, id: UserId) -> Result<Person> {
    suspend_seen(db, ctx, id, None).await
}

/// Keeps a person out as [`suspend`] does. `if_match` is the version the caller saw.
pub async fn suspend_seen(db: &Db, ctx: &Ctx, id: UserId, if_match: Option<i64>) -> Result<Person> {
    set_state(db, ctx, id, if_match, PersonState::Suspended, EventName::UserSuspend).await
}

/// Lets a person in, for the first time or again.
pub async fn activate(db: &Db, ctx: &Ctx, id: UserId) -> Result<Person> {
    activate_seen(db, ctx, id, None).await
}

/// Lets a person in as [`activate`] does. `if_match` is the version the caller saw.
pub async fn activate_seen(db: &Db, ctx: &Ctx, id: UserId, if_match: Option<i64>) -> Result<Person> {
    set_state(db, ctx, id, if_match, PersonState::Active, EventName::UserActivate).await
}

async fn set_state(
    db: &Db,
    ctx: &Ctx,
    id: UserId,
    if_match: Option<i64>,
    state: PersonState,
    name: EventName,
) -> Result<Person> {
    let mut tx = db.begin().await?;
    owners::lock(&mut tx).await?;
    let person = hold(&mut tx, id, if_match).await?;
    // From here on it is an administrator who keeps them out, or lets them in.
    inbound_store::set_held(&mut tx, id, false).await?;
    let person = set_state_in(&mut tx, ctx, person, state, name).await?;
    tx.commit().await?;
    Ok(person)
}

/// Sets the state of a person who is held; the caller has the lock of [`owners`].
pub(in crate::directory) async fn set_state_in(
    tx: &mut Tx,
    ctx: &Ctx,
    person: Person,
    state: PersonState,
    name: EventName,
) -> Result<Person> {
    if person.state == state {
        return Ok(person);
    }
    let id = person.id;
    if state != PersonState::Active {
        owners::require_another(tx, id).await?;
    }
    store::set_state(tx, id, state, ctx.now()).await?;
    let event = Event::new(name).target("user", id, &person.username).detail("before", person.state.as_str());
    record(tx, ctx, event).await?;
    notify(tx, Notice::Person { user: id, leaving: state != PersonState::Active }).await?;
    bump(tx, Scope::Directory).await?;
    bump(tx, Scope::Sessions).await?;
    locked(tx, id).await
}

/// Deletes a person with their memberships, password, role and sessions; the names stay behind as tombstones.
/// Refused for the last owner.
pub async fn delete(db: &Db, ctx: &Ctx, id: UserId) -> Result<()> {
    delete_seen(db, ctx, id, None).await
}

/// Deletes a person as [`delete`] does. `if_match` is the version the caller saw, if it wants to be told of a change
/// in between.
pub async fn delete_seen(db: &Db, ctx: &Ctx, id: UserId, if_match: Option<i64>) -> Result<()> {
    let mut tx = db.begin().await?;
    owners::lock(&mut tx).await?;
    let person = hold_with_groups(&mut tx, ctx, id).await?;
    check_version(person.version, if_match)?;
    delete_held(&mut tx, ctx, person).await?;
    tx.commit().await
}

/// Holds a person who is about to be deleted, and before them their groups, in the order in which a change of members
/// holds both: the groups will be others than before.
pub(in crate::directory) async fn hold_with_groups(tx: &mut Tx, ctx: &Ctx, id: UserId) -> Result<Person> {
    group_store::touch_groups_of(tx, id, ctx.now()).await?;
    locked(tx, id).await
}

/// Deletes a person who is held; the caller has the lock of [`owners`].
pub(in crate::directory) async fn delete_held(tx: &mut Tx, ctx: &Ctx, person: Person) -> Result<()> {
    let id = person.id;
    owners::require_another(tx, id).await?;
    let groups = group_store::ids_of_user(tx, id).await?;
    let reports = store::reports_of(tx, id).await?;
    store::release_names(tx, id, ["", ""], ctx.now()).await?;
    store::delete(tx, id).await?;
    let groups: Vec<Json> = groups.iter().map(|group| group.to_string().into()).collect();
    let event = Event::new(EventName::UserDelete)
        .target("user", id, &person.username)
        .detail("groups", groups)
        .personal("email", person.email);
    record(tx, ctx, event).await?;
    notify(tx, Notice::Deleted { user: id }).await?;
    // They have no manager any more.
    for user in reports {
        notify(tx, Notice::Profile { user }).await?;
    }
    bump(tx, Scope::Directory).await?;
    bump(tx, Scope::Sessions).await
}

/// Holds a person until the transaction ends, for operations that change what belongs to them. `if_match` is the version
/// the caller saw.
pub async fn hold(tx: &mut Tx, id: UserId, if_match: Option<i64>) -> Result<Person> {
    let person = locked(tx, id).await?;
    check_version(person.version, if_match)?;
    Ok(person)
}

async fn locked(tx: &mut Tx, id: UserId) -> Result<Person> {
    store::lock(tx, id).await?.ok_or_else(|| Error::not_found("person"))
}

/// Refuses when the caller saw another version than the stored one.
pub(in crate::directory) fn check_version(stored: i64, if_match: Option<i64>) -> Result<()> {
    if if_match.is_some_and(|seen| seen != stored) {
        return Err(Error::changed_meanwhile());
    }
    Ok(())
}

async fn normalise(tx: &mut Tx, person: &mut Person) -> Result<()> {
    let mut faults = Faults::default();
    if let Some(username) = faults.take("username", check_username(&person.username)) {
        person.username = username;
    }
    if let Some(email) = faults.take("email", check_email(&person.email)) {
        person.email = email;
    }
    person.external_id = validate::external_id(&mut faults, person.external_id.take());
    validate::profile(&mut faults, &mut person.profile);
    let manager = person.profile.manager.as_deref().filter(|id| id.parse::<UserId>().is_ok());
    if let Some(manager) = manager {
        if manager == person.id.to_string() {
            faults.add("manager", "own_manager", "A person can't be their own manager.");
        } else if !store::exists(tx, manager).await? {
            faults.add("manager", "unknown_manager", "There is no person with this id.");
        }
    }
    faults.finish()
}

async fn claim_names(tx: &mut Tx, person: &Person, reuse: bool, now: Timestamp) -> Result<()> {
    let cutoff = if reuse { Timestamp(i64::MAX) } else { now.plus(-NAME_HOLD) };
    let (username, email) = (login_key(&person.username), login_key(&person.email));
    // In the order of the keys, so that two people who swap names can't wait for each other for ever.
    let mut names = [("username", username), ("email", email)];
    names.sort_by(|a, b| a.1.cmp(&b.1));
    for (field, key) in &names {
        if !store::claim_name(tx, key, person.id, cutoff).await? {
            return Err(refused_name(field, store::name_is_held(tx, key).await?));
        }
    }
    Ok(())
}

fn refused_name(field: &'static str, held: bool) -> Error {
    let (code, message) = match (field, held) {
        ("username", true) => {
            ("username_taken", "Somebody signs in with this name. Choose another username.")
        }
        (_, true) => ("email_taken", "Somebody signs in with this address. Give another e-mail address."),
        (_, false) => (
            "recently_used",
            "Somebody else had this name less than 90 days ago. Say that you want to reuse it, or choose another.",
        ),
    };
    let mut error = Error::conflict(code, message);
    error.fields.push(FieldError { field: field.to_owned(), code: code.into(), message: message.to_owned() });
    error
}

/// The event of a change: the names of the fields, and apart from them, as personal data, what they were and are. None
/// when only who manages the person is another, which has an event of its own.
fn changed(before: &Person, after: &Person) -> Result<Option<Event>> {
    let object = |person: &Person| match serde_json::to_value(person).map_err(Error::internal)? {
        Json::Object(map) => Ok(map),
        _ => Err(Error::internal("a person is not an object")),
    };
    let (old, new): (Map<_, _>, Map<_, _>) = (object(before)?, object(after)?);
    let differs =
        |key: &str| old.get(key) != new.get(key) && !matches!(key, "version" | "updated_at" | "scim_managed");
    let mut fields: Vec<String> = new.keys().filter(|key| differs(key)).cloned().collect();
    let pick = |map: &Map<String, Json>| -> Map<String, Json> {
        fields.iter().filter_map(|key| map.get(key).map(|value| (key.clone(), value.clone()))).collect()
    };
    let (was, is) = (pick(&old), pick(&new));
    if before.email_marks != after.email_marks {
        fields.push("email_marks".to_owned());
    }
    let event = Event::new(EventName::UserUpdate)
        .target("user", after.id, &after.username)
        .personal("before", was)
        .personal("after", is);
    Ok((!fields.is_empty()).then(|| event.detail("fields", fields)))
}
