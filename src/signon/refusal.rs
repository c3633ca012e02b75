//! Refusals: each with its code, its sentence and its event. Those of nobody known are counted in memory and
//! written once a minute for each code, application and source prefix, so that a flood can't fill the disk
//! (decision 17); the same counts slow the source down (decision 16).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::base::clock::MINUTE;
use crate::base::id::ApplicationId;
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
}

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

    /// Writes what was counted since the last time, one event for each kind. On a failure the counts are kept.
    pub async fn flush(&self, db: &Db, ctx: &Ctx) -> Result<()> {
        let taken = std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).by_kind);
        if taken.is_empty() {
            return Ok(());
        }
        let written = write(db, ctx, &taken).await;
        if written.is_err() {
            let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            for (key, count) in taken {
                *counts.by_kind.entry(key).or_default() += count;
            }
        }
        written
    }
}

/// Whose refusals are counted together.
fn source(ctx: &Ctx) -> String {
    match &ctx.actor {
        Actor::User { id, .. } => id.to_string(),
        _ => source_prefix(ctx.source),
    }
}

async fn write(
    db: &Db,
    ctx: &Ctx,
    counts: &HashMap<(&'static str, Option<ApplicationId>, String), u64>,
) -> Result<()> {
    let mut tx = db.begin().await?;
    for ((code, application, prefix), count) in counts {
        let mut event = Event::new(EventName::SsoRefused)
            .outcome(EventOutcome::Denied)
            .detail("code", *code)
            .detail("count", *count)
            .personal("source_prefix", prefix.as_str());
        if let Some(application) = application {
            event = event.application(*application);
        }
        record(&mut tx, ctx, event).await?;
    }
    tx.commit().await
}

/// Notes a refusal: counted when nobody is signed in, an event of its own when somebody is.
pub async fn note(
    installation: &Installation,
    ctx: &Ctx,
    signed_in: bool,
    code: &'static str,
    application: Option<ApplicationId>,
) -> Result<()> {
    let counts = &installation.refusals;
    installation.metrics.refusal(code);
    counts.count(ctx);
    if !signed_in {
        counts.keep_for_event(ctx, code, application);
        return Ok(());
    }
    let mut event = Event::new(EventName::SsoRefused).outcome(EventOutcome::Denied).detail("code", code);
    if let Some(application) = application {
        event = event.application(application);
    }
    let mut tx = installation.db.begin().await?;
    record(&mut tx, ctx, event).await?;
    tx.commit().await
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
    }
}

/// The address is of an application that was there until lately (decision 18).
#[must_use]
pub fn deleted(label: &str) -> Refused {
    let sentence = "This application was removed. Ask your administrator what has taken its place.";
    own(Kind::Gone, "application_deleted", sentence, Some(label))
}

/// A refusal of our own.
#[must_use]
pub fn own(kind: Kind, code: &'static str, message: impl Into<String>, label: Option<&str>) -> Refused {
    Refused { kind, code, message: message.into(), label: label.map(str::to_owned), mismatch: None }
}

/// A source that is refused too often.
#[must_use]
pub fn too_many() -> Error {
    Error::new(
        Kind::TooMany,
        "too_many_refusals",
        "Too many sign-in requests from your network were refused. Wait a minute, then try again.",
    )
    .retry_after(60)
}
