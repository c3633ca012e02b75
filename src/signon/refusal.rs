//! Refusals: each with its code, its sentence and its event. Those of nobody known are counted in memory and
//! written once a minute for each code, application and source prefix, so that a flood can't fill the disk
//! (decision 17); the same counts slow the source down (decision 16). Of somebody signed in the first is written at
//! once, and its repeats within a minute are folded in the same way.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use crate::auth::throttle;
use crate::base::clock::MINUTE;
use crate::base::id::{ApplicationId, UserId};
use crate::base::{Actor, Ctx, Error, Kind, Result};
use crate::db::Db;
use crate::events::{Event, EventName, Outcome as EventOutcome, record};
use crate::saml::refusal::{Class, Refusal};
use crate::signon::Installation;
use crate::signon::outcome::Refused;
use crate::signon::pending::source_prefix;

/// Different refusals counted at a time; beyond it they are counted together.
const MAX_KINDS: usize = 10_000;

/// Counts of refusals not yet written.
#[derive(Debug, Default)]
pub struct RefusalCounts(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    minute: i64,
    by_kind: HashMap<(&'static str, Option<ApplicationId>, String), u64>,
    by_source: HashMap<String, u32>,
    /// What was written of people in this minute.
    written: HashSet<OfPerson>,
    /// How often it came again, and the last time.
    repeats: HashMap<OfPerson, (u64, Ctx)>,
}

/// A refusal of somebody who is signed in.
type OfPerson = (&'static str, Option<ApplicationId>, UserId);

impl RefusalCounts {
    /// Whether there were too many refusals in this minute: of the person, or of the network where nobody is signed
    /// in, so that whoever is signed in does not pay for a neighbour.
    #[must_use]
    pub fn is_over(&self, ctx: &Ctx, limit: u32) -> bool {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.minute == ctx.now().0.div_euclid(MINUTE)
            && counts.by_source.get(&source(ctx)).is_some_and(|count| *count >= limit)
    }

    fn count(&self, ctx: &Ctx) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = ctx.now().0.div_euclid(MINUTE);
        if counts.minute != minute {
            counts.minute = minute;
            counts.by_source.clear();
            counts.written.clear();
        }
        let source = source(ctx);
        if counts.by_source.len() < MAX_KINDS || counts.by_source.contains_key(&source) {
            *counts.by_source.entry(source).or_default() += 1;
        }
    }

    fn keep_for_event(&self, ctx: &Ctx, code: &'static str, application: Option<ApplicationId>) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (code, application, source_prefix(ctx.source));
        let key = if counts.by_kind.len() < MAX_KINDS || counts.by_kind.contains_key(&key) {
            key
        } else {
            ("many", None, "many".to_owned())
        };
        *counts.by_kind.entry(key).or_default() += 1;
    }

    /// Whether this person was refused so in this minute already: then it is only counted.
    fn is_repeat(&self, ctx: &Ctx, code: &'static str, application: Option<ApplicationId>) -> bool {
        let Actor::User { id, .. } = &ctx.actor else { return false };
        let key = (code, application, *id);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.written.contains(&key) {
            let repeat = counts.repeats.entry(key).or_insert_with(|| (0, ctx.clone()));
            *repeat = (repeat.0 + 1, ctx.clone());
            return true;
        }
        if counts.written.len() < MAX_KINDS {
            counts.written.insert(key);
        }
        false
    }

    /// The event of a first refusal could not be written: the next one is a first one again.
    fn was_not_written(&self, ctx: &Ctx, code: &'static str, application: Option<ApplicationId>) {
        let Actor::User { id, .. } = &ctx.actor else { return };
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.written.remove(&(code, application, *id));
    }

    /// Writes what was counted since the last time, one event for each kind. On a failure the counts are kept.
    pub async fn flush(&self, db: &Db, ctx: &Ctx) -> Result<()> {
        let (strangers, people) = {
            let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            (std::mem::take(&mut counts.by_kind), std::mem::take(&mut counts.repeats))
        };
        if strangers.is_empty() && people.is_empty() {
            return Ok(());
        }
        let written = write(db, ctx, &strangers, &people).await;
        if written.is_err() {
            let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            for (key, count) in strangers {
                *counts.by_kind.entry(key).or_default() += count;
            }
            for (key, (count, ctx)) in people {
                counts.repeats.entry(key).or_insert((0, ctx)).0 += count;
            }
        }
        written
    }
}

/// Whose refusals are counted together. What a page of somebody else makes a browser load is counted apart: else one
/// page with pictures could close the door to all who share its visitor's address.
fn source(ctx: &Ctx) -> String {
    let who = match (&ctx.actor, ctx.source) {
        (Actor::User { id, .. }, _) => id.to_string(),
        (_, Some(address)) => throttle::source_key(address),
        (_, None) => String::new(),
    };
    if ctx.embedded { format!("embedded {who}") } else { who }
}

async fn write(
    db: &Db,
    ctx: &Ctx,
    strangers: &HashMap<(&'static str, Option<ApplicationId>, String), u64>,
    people: &HashMap<OfPerson, (u64, Ctx)>,
) -> Result<()> {
    let mut tx = db.begin().await?;
    for ((code, application, prefix), count) in strangers {
        let event = event(code, *application).detail("count", *count);
        record(&mut tx, ctx, event.personal("source_prefix", prefix.as_str())).await?;
    }
    for ((code, application, _), (count, of_last)) in people {
        record(&mut tx, of_last, event(code, *application).detail("count", *count)).await?;
    }
    tx.commit().await
}

fn event(code: &'static str, application: Option<ApplicationId>) -> Event {
    let event = Event::new(EventName::SsoRefused).outcome(EventOutcome::Denied).detail("code", code);
    match application {
        Some(application) => event.application(application),
        None => event,
    }
}

/// Notes a refusal and counts it against its source (decision 16).
pub async fn note(
    installation: &Installation,
    ctx: &Ctx,
    signed_in: bool,
    code: &'static str,
    application: Option<ApplicationId>,
) -> Result<()> {
    installation.refusals.count(ctx);
    note_answered(installation, ctx, signed_in, code, application).await
}

/// Notes a refusal that counts against nobody, because the service provider is told of it at its ACS: `NoPassive` is
/// the ordinary answer to a silent question. Of somebody unknown it is kept for the event of the minute; of somebody
/// who is signed in it is an event of its own the first time in a minute, and one more for all repeats of that minute.
pub async fn note_answered(
    installation: &Installation,
    ctx: &Ctx,
    signed_in: bool,
    code: &'static str,
    application: Option<ApplicationId>,
) -> Result<()> {
    let counts = &installation.refusals;
    installation.metrics.refusal(code);
    if !signed_in {
        counts.keep_for_event(ctx, code, application);
        return Ok(());
    }
    if counts.is_repeat(ctx, code, application) {
        return Ok(());
    }
    let written = async {
        let mut tx = installation.db.begin().await?;
        record(&mut tx, ctx, event(code, application)).await?;
        tx.commit().await
    };
    let written = written.await;
    if written.is_err() {
        counts.was_not_written(ctx, code, application);
    }
    written
}

/// A refusal by the protocol as a page (decision 5: 400 malformed, 403 policy and signature, 503 ours).
#[must_use]
pub fn page(refusal: &Refusal, label: &str) -> Refused {
    let kind = match refusal.class() {
        Class::Malformed => Kind::Malformed,
        Class::Misbehaved | Class::Incompatible => Kind::Forbidden,
        Class::Ours => Kind::Unavailable,
    };
    Refused {
        kind,
        code: refusal.code(),
        message: refusal.reason.sentence(),
        label: Some(label.to_owned()),
        mismatch: refusal.mismatch.as_ref().map(|m| (m.expected.clone(), m.received.clone())),
        recorded: false,
    }
}

/// The keys of the application came from signed metadata that has ended (MD-307).
#[must_use]
pub fn metadata_ended(label: &str) -> Refused {
    let sentence = "The application’s signed metadata has ended and can’t be fetched anew, so its signature isn’t relied on. Tell your administrator.";
    own(Kind::Forbidden, "sp_metadata_ended", sentence, Some(label))
}

/// The address is of an application that was there until lately (decision 18).
#[must_use]
pub fn deleted(label: &str) -> Refused {
    let sentence = "This application was removed. Ask your administrator what has taken its place.";
    own(Kind::Gone, "application_deleted", sentence, Some(label))
}

/// The application is switched on, but what it is set up with is not whole any more: more is asked for than when it was
/// activated.
#[must_use]
pub fn incomplete(label: &str) -> Refused {
    let sentence = format!(
        "Something in the settings of {label} is missing, so nobody can sign in to it from here. It is not your doing. Tell your administrator: the application's page in the console says what is missing."
    );
    own(Kind::Unavailable, "application_incomplete", sentence, Some(label))
}

/// A refusal of our own.
#[must_use]
pub fn own(kind: Kind, code: &'static str, message: impl Into<String>, label: Option<&str>) -> Refused {
    Refused {
        kind,
        code,
        message: message.into(),
        label: label.map(str::to_owned),
        mismatch: None,
        recorded: false,
    }
}

/// A source that is refused too often.
#[must_use]
pub fn too_many() -> Error {
    Error::new(
        Kind::TooMany,
        "too_many_refusals",
        "Too many sign-in requests were refused in the last minute. Wait a minute, then try again.",
    )
    .retry_after(60)
}
