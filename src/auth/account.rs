//! People together with their passwords: creating them, and setting a password by hand or as one's own.

use std::fmt;

use secrecy::SecretString;
use serde::de::value::{MapAccessDeserializer, StringDeserializer};
use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{RefOr, schema::SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use crate::auth::password::Passwords;
use crate::auth::policy::PolicyContext;
use crate::auth::reauthenticate::{self, Proof};
use crate::auth::role::Role;
use crate::auth::session::{NewSession, SessionView};
use crate::auth::store::{credentials, links, roles as role_store, sessions};
use crate::auth::{roles, throttle};
use crate::base::id::{SessionId, UserId};
use crate::base::{Ctx, Error, Result, Timestamp};
use crate::db::epoch::{Scope, bump};
use crate::db::{Db, Executor, Tx};
use crate::directory::{NewPerson, Person, PersonState, people};
use crate::events::{Event, EventName, record};
use crate::settings;
use crate::vault::Vault;

/// A person to be created, perhaps with a password (active) or without (staged). Reads as [`NewPerson`] with one
/// more field, `password`.
#[derive(Debug, Default)]
pub struct NewAccount {
    /// The person.
    pub person: NewPerson,
    /// The password, if the person is to sign in at once.
    pub password: Option<SecretString>,
    /// The role, for the command line; not read from JSON.
    pub role: Option<Role>,
}

impl<'de> Deserialize<'de> for NewAccount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Account;
        impl<'de> Visitor<'de> for Account {
            type Value = NewAccount;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<NewAccount, A::Error> {
                let mut password = None;
                let person = PersonOf { map, password: &mut password, seen: false };
                let person = NewPerson::deserialize(MapAccessDeserializer::new(person))?;
                Ok(NewAccount { person, password, role: None })
            }
        }
        deserializer.deserialize_map(Account)
    }
}

/// The fields of the person alone; the password is put aside. A field that comes twice is refused, as everywhere.
struct PersonOf<'p, A> {
    map: A,
    password: &'p mut Option<SecretString>,
    seen: bool,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for PersonOf<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        while let Some(key) = self.map.next_key::<String>()? {
            if key != "password" {
                return seed.deserialize(StringDeserializer::<A::Error>::new(key)).map(Some);
            }
            if std::mem::replace(&mut self.seen, true) {
                return Err(A::Error::duplicate_field("password"));
            }
            *self.password = self.map.next_value::<Option<String>>()?.map(SecretString::from);
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

impl PartialSchema for NewAccount {
    fn schema() -> RefOr<Schema> {
        let mut schema = NewPerson::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            let password = ObjectBuilder::new()
                .schema_type(Type::String)
                .format(Some(SchemaFormat::Custom("password".to_owned())))
                .description(Some(
                    "With a password the person is active at once, without one staged. Never shown again.",
                ))
                .build();
            object.properties.insert("password".to_owned(), password.into());
        }
        schema
    }
}

impl ToSchema for NewAccount {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        NewPerson::schemas(schemas);
    }
}

/// Creates a person: active with a password, else staged.
pub async fn create(db: &Db, ctx: &Ctx, passwords: &Passwords, new: NewAccount) -> Result<Person> {
    let hash = match &new.password {
        Some(password) => Some(accept_new(db, ctx, passwords, &new.person, password).await?),
        None => None,
    };
    let mut tx = db.begin().await?;
    if let Some(role) = new.role {
        roles::require_cover(&mut tx, ctx, role).await?;
    }
    let person = insert(&mut tx, ctx, new.person, hash.as_deref(), new.role).await?;
    tx.commit().await?;
    Ok(person)
}

/// Checks and hashes the password of a person who is to be created.
pub(in crate::auth) async fn accept_new(
    db: &Db,
    ctx: &Ctx,
    passwords: &Passwords,
    person: &NewPerson,
    password: &SecretString,
) -> Result<String> {
    let organisation = settings::read(&mut db.reader()).await?.organisation_name;
    passwords.accept(&ctx.random, PolicyContext::for_new(person, &organisation), password).await
}

/// Writes a person with password and role; the caller has checked who may.
pub(in crate::auth) async fn insert(
    tx: &mut Tx,
    ctx: &Ctx,
    new: NewPerson,
    hash: Option<&str>,
    role: Option<Role>,
) -> Result<Person> {
    let state = if hash.is_some() { PersonState::Active } else { PersonState::Staged };
    let person = people::insert(tx, ctx, new, state).await?;
    if let Some(hash) = hash {
        credentials::set_password(tx, person.id, hash, ctx.now()).await?;
    }
    if role.is_some() {
        roles::grant(tx, ctx, person.id, &person.username, None, role).await?;
    }
    Ok(person)
}

/// When the person's password was last set; `None` when there is none.
pub async fn password_changed_at(executor: &mut impl Executor, user: UserId) -> Result<Option<Timestamp>> {
    credentials::password_changed_at(executor, user).await
}

/// Sets a person's password for them and ends all their sessions. The caller's role covers theirs.
pub async fn set_password(
    db: &Db,
    ctx: &Ctx,
    passwords: &Passwords,
    user: UserId,
    password: &SecretString,
) -> Result<()> {
    set_password_seen(db, ctx, passwords, user, None, password).await
}

/// Sets a person's password as [`set_password`] does. `if_match` is the version of the person that the caller saw.
pub async fn set_password_seen(
    db: &Db,
    ctx: &Ctx,
    passwords: &Passwords,
    user: UserId,
    if_match: Option<i64>,
    password: &SecretString,
) -> Result<()> {
    let mut reader = db.reader();
    let person = people::find(&mut reader, user).await?.ok_or_else(|| Error::not_found("person"))?;
    let organisation = settings::read(&mut reader).await?.organisation_name;
    let context = PolicyContext::new(&person, &organisation);
    let hash = passwords.accept(&ctx.random, context, password).await?;
    let mut tx = db.begin().await?;
    people::hold(&mut tx, user, if_match).await?;
    if let Some(role) = role_store::of_user(&mut tx, user).await? {
        roles::require_cover(&mut tx, ctx, role).await?;
    }
    replace_password(&mut tx, ctx, &person, &hash, None, "administrator").await?;
    tx.commit().await
}

/// Changes one's own password, with the current one. Ends all other sessions; this one gets a new token.
pub async fn change_password(
    db: &Db,
    ctx: &Ctx,
    vault: &Vault,
    passwords: &Passwords,
    session: &SessionView,
    [current, new]: [&SecretString; 2],
) -> Result<NewSession> {
    let proof: Proof = reauthenticate::prove(db, ctx, vault, passwords, session, current).await?;
    let mut reader = db.reader();
    let person =
        people::find(&mut reader, session.user_id).await?.ok_or_else(|| Error::not_found("person"))?;
    let organisation = settings::read(&mut reader).await?.organisation_name;
    let hash = passwords.accept(&ctx.random, PolicyContext::new(&person, &organisation), new).await?;
    let mut tx = db.begin().await?;
    links::void_of_user(&mut tx, person.id, ctx.now()).await?;
    reauthenticate::hold(&mut tx, &proof, &hash).await?;
    let renewed = reauthenticate::rotate(&mut tx, ctx, session).await?;
    replace_password(&mut tx, ctx, &person, &hash, Some(session.session_id), "self").await?;
    tx.commit().await?;
    Ok(renewed)
}

/// Puts a new hash in place: links die, sessions but `keep` end, failures are forgotten, the event says by whom.
pub(in crate::auth) async fn replace_password(
    tx: &mut Tx,
    ctx: &Ctx,
    person: &Person,
    hash: &str,
    keep: Option<SessionId>,
    by: &'static str,
) -> Result<()> {
    let now = ctx.now();
    links::void_of_user(tx, person.id, now).await?;
    throttle::clear(tx, person.id).await?;
    credentials::set_password(tx, person.id, hash, now).await?;
    let ended = sessions::end_all(tx, person.id, keep, now).await?;
    let event = Event::new(EventName::UserPasswordChange)
        .target("user", person.id, &person.username)
        .detail("by", by)
        .detail("sessions_ended", i64::try_from(ended).unwrap_or(i64::MAX));
    record(tx, ctx, event).await?;
    bump(tx, Scope::Sessions).await
}
