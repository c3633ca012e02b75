//! The recorder: the last exchanges of an application as they were on the wire, for whoever has to find out why one was
//! refused. Refusals are kept always, successes only while somebody has switched that on. What could sign on or be
//! replayed is taken out, the rest is sealed and gone after a day (decision 11).
//!
//! Exchanges are kept in memory and written every few seconds, a bounded number of them: anybody can make one. It
//! decides nothing, and what it holds is never trusted.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{LazyLock, Mutex, PoisonError};

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::base::clock::{DAY, MINUTE};
use crate::base::id::{ApplicationId, UserId};
use crate::base::{Actor, Ctx, Error, Kind, Result, Timestamp};
use crate::db::epoch::{Scope, bump};
use crate::db::{Db, Executor, Tx};
use crate::events::{Event, EventName, record};
use crate::saml::binding::{decode_post, decode_redirect};
use crate::signon::outcome::Outcome;
use crate::signon::pending::Waiting;
use crate::signon::target::Target;
use crate::signon::{Installation, store};
use crate::vault::Vault;

/// How long an exchange is kept.
const KEPT: i64 = DAY;
/// Exchanges kept of one application.
const MOST: i64 = 50;
/// Exchanges waiting in memory: in all, and of one application.
const WAITING: usize = 200;
const WAITING_OF_ONE: usize = 20;
/// Longest message kept, in bytes of what came and of XML.
const LONGEST: usize = 64 * 1024;
/// How an exchange came that began here.
const NO_REQUEST: &str = "none";
/// Longest time for which successes can be recorded, in minutes.
pub const LONGEST_RECORDING: i64 = 24 * 60;

/// The reference on the page that a person was shown: ten letters and digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference(String);

impl FromStr for Reference {
    type Err = ();

    /// As somebody read it out: in any case, with blanks around it.
    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        let text = text.trim().to_ascii_uppercase();
        let fits = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if fits { Ok(Self(text)) } else { Err(()) }
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// How an exchange ended, in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ExchangeLine {
    /// The reference on the page that was shown.
    pub reference: String,
    /// When.
    #[schema(value_type = String)]
    pub recorded_at: Timestamp,
    /// Code of the refusal; `null`: an assertion was sent.
    pub code: Option<String>,
}

/// An exchange, without what could be used again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Exchange {
    /// How the request came: `redirect`, `post`; `none` where Tessera began.
    pub binding: String,
    /// Id of the person who was signed in.
    pub person: Option<String>,
    /// The network it came from.
    pub source: String,
    /// The request as XML, where it could be read; its signature value is taken out.
    pub request: Option<String>,
    /// Its RelayState; of refusals only.
    pub relay_state: Option<String>,
    /// What was registered and what came, where a refusal is about that.
    pub expected: Option<String>,
    /// See `expected`.
    pub received: Option<String>,
    /// The answer that was sent, as XML, without signature and cipher values.
    pub answer: Option<String>,
}

impl Exchange {
    /// Whether an application asked; else it began here.
    #[must_use]
    pub fn has_request(&self) -> bool {
        self.binding != NO_REQUEST
    }
}

/// One that waits to be written.
#[derive(Debug)]
struct Draft {
    reference: String,
    application: ApplicationId,
    at: Timestamp,
    code: Option<String>,
    waiting: Option<Waiting>,
    exchange: Exchange,
}

/// Exchanges not yet written.
#[derive(Debug, Default)]
pub struct Recorder(Mutex<HashMap<ApplicationId, Vec<Draft>>>);

/// What of an outcome is recorded.
struct Ending<'a> {
    code: Option<&'a str>,
    mismatch: Option<&'a (String, String)>,
    answer: Option<String>,
}

fn ending(outcome: &Result<Outcome>) -> Option<Ending<'_>> {
    match outcome {
        Ok(Outcome::Post(form)) => {
            let answer = form.saml_response.decode();
            Some(Ending { code: form.told, mismatch: None, answer })
        }
        Ok(Outcome::Refused(refused)) => {
            Some(Ending { code: Some(refused.code), mismatch: refused.mismatch.as_ref(), answer: None })
        }
        Ok(_) => None,
        // Too many requests are refused to stay cheap, and say nothing of what they are.
        Err(error) if error.kind == Kind::TooMany => None,
        Err(error) => Some(Ending { code: Some(error.code), mismatch: None, answer: None }),
    }
}

impl Recorder {
    /// Notes how an exchange ended; `waiting`: the request as it came.
    pub(in crate::signon) fn note(
        &self,
        ctx: &Ctx,
        target: &Target,
        waiting: Option<&Waiting>,
        outcome: &Result<Outcome>,
    ) {
        let is_on = target.record_until.is_some_and(|until| ctx.now() < until);
        // On the path of every sign-on: a success is not even looked at while nobody wants it.
        if !is_on && matches!(outcome, Ok(Outcome::Post(form)) if form.told.is_none()) {
            return;
        }
        let Some(Ending { code, mismatch, answer }) = ending(outcome) else { return };
        let small = |waiting: &&Waiting| waiting.len() <= LONGEST;
        let draft = Draft {
            reference: ctx.request_id.to_string(),
            application: target.application.id,
            at: ctx.now(),
            code: code.map(str::to_owned),
            waiting: waiting.filter(small).cloned(),
            exchange: Exchange {
                binding: waiting.map_or(NO_REQUEST, Waiting::binding).to_owned(),
                person: person(ctx).map(|id| id.to_string()),
                source: crate::signon::pending::source_prefix(ctx.source),
                request: None,
                relay_state: None,
                expected: mismatch.map(|(expected, _)| expected.clone()),
                received: mismatch.map(|(_, received)| received.clone()),
                answer,
            },
        };
        let mut drafts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if drafts.values().map(Vec::len).sum::<usize>() < WAITING {
            let of_one = drafts.entry(draft.application).or_default();
            if of_one.len() < WAITING_OF_ONE {
                of_one.push(draft);
            }
        }
    }

    /// Writes what was noted since the last time, and forgets what is too old. On a failure it is lost.
    pub async fn flush(&self, db: &Db, vault: &Vault, ctx: &Ctx) -> Result<()> {
        let drafts = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if drafts.is_empty() {
            return Ok(());
        }
        let mut tx = db.begin().await?;
        for (application, drafts) in drafts {
            for draft in drafts {
                write(&mut tx, vault, ctx, draft).await?;
            }
            store::prune_exchanges(&mut tx, application, MOST, ctx.now()).await?;
        }
        tx.commit().await
    }
}

fn person(ctx: &Ctx) -> Option<UserId> {
    if let Actor::User { id, .. } = &ctx.actor { Some(*id) } else { None }
}

async fn write(tx: &mut Tx, vault: &Vault, ctx: &Ctx, draft: Draft) -> Result<()> {
    let Draft { reference, application, at, code, waiting, mut exchange } = draft;
    let decoded = match &waiting {
        Some(Waiting::Redirect { raw_query }) => decode_redirect(raw_query).ok(),
        Some(Waiting::Post { raw_body }) => decode_post(raw_body).ok(),
        Some(Waiting::IdpInitiated { .. }) | None => None,
    };
    if let Some(message) = decoded {
        exchange.request = Some(without_secrets(&String::from_utf8_lossy(&message.xml)));
        if code.is_some() {
            exchange.relay_state = message.relay_state.map(|state| state.as_str().to_owned());
        }
    }
    exchange.answer = exchange.answer.as_deref().map(without_secrets);
    let plain = serde_json::to_vec(&exchange).map_err(Error::internal)?;
    let sealed = vault.seal(&aad(&reference), &plain, &ctx.random)?;
    let line = ExchangeLine { reference, recorded_at: at, code };
    store::insert_exchange(tx, application, &line, &sealed, at.plus(KEPT)).await
}

fn aad(reference: &str) -> String {
    format!("exchanges/{reference}")
}

/// The XML without what could be used again, and not longer than is kept.
fn without_secrets(xml: &str) -> String {
    static SECRET: LazyLock<Regex> = LazyLock::new(|| {
        #[expect(clippy::expect_used, reason = "a literal, tried by the test below")]
        Regex::new(r"(<(?:[\w.\-]+:)?(?:SignatureValue|CipherValue)(?:\s[^>]*)?>)[^<]*").expect("it is one")
    });
    let mut out = SECRET.replace_all(xml, "$1(taken out)").into_owned();
    if out.len() > LONGEST {
        let cut = (0..=LONGEST).rev().find(|at| out.is_char_boundary(*at)).unwrap_or(0);
        out.truncate(cut);
        out.push_str("… (cut)");
    }
    out
}

/// The last exchanges of an application, the newest first.
pub async fn list(
    installation: &Installation,
    ctx: &Ctx,
    application: ApplicationId,
) -> Result<Vec<ExchangeLine>> {
    installation.recorder.flush(&installation.db, &installation.vault, ctx).await?;
    store::list_exchanges(&mut installation.db.reader(), application, ctx.now()).await
}

/// The application of the exchange with this reference.
pub async fn find_application(
    installation: &Installation,
    ctx: &Ctx,
    reference: &Reference,
) -> Result<Option<ApplicationId>> {
    let reference = reference.0.as_str();
    installation.recorder.flush(&installation.db, &installation.vault, ctx).await?;
    store::find_exchange_application(&mut installation.db.reader(), reference, ctx.now()).await
}

/// One exchange. Opening it is an event: it may hold what an assertion said of a person.
pub async fn open(
    installation: &Installation,
    ctx: &Ctx,
    application: ApplicationId,
    reference: &Reference,
) -> Result<(ExchangeLine, Exchange)> {
    let reference = reference.0.as_str();
    installation.recorder.flush(&installation.db, &installation.vault, ctx).await?;
    let mut tx = installation.db.begin().await?;
    let found = store::find_exchange(&mut tx, application, reference, ctx.now()).await?;
    let (line, sealed) = found.ok_or_else(|| Error::not_found("exchange"))?;
    let event = Event::new(EventName::ExchangeOpen).application(application).detail("reference", reference);
    record(&mut tx, ctx, event).await?;
    tx.commit().await?;
    let plain = installation.vault.open(&aad(reference), &sealed)?;
    Ok((line, serde_json::from_slice(&plain).map_err(Error::internal)?))
}

/// Records successes too, for so many minutes from now; 0 stops it. Answers until when.
pub async fn switch(
    db: &Db,
    ctx: &Ctx,
    application: ApplicationId,
    minutes: i64,
) -> Result<Option<Timestamp>> {
    if !(0..=LONGEST_RECORDING).contains(&minutes) {
        let message = "Record for 1 to 1,440 minutes, or for 0 to stop.";
        return Err(Error::field("minutes", "out_of_range", message));
    }
    let until = (minutes > 0).then(|| ctx.now().plus(minutes * MINUTE));
    let mut tx = db.begin().await?;
    let known = crate::applications::require(&mut tx, application).await?;
    store::set_recording(&mut tx, application, until).await?;
    let event = Event::new(EventName::ExchangeRecord)
        .target("application", application, known.label.as_str())
        .application(application)
        .detail("minutes", minutes);
    record(&mut tx, ctx, event).await?;
    bump(&mut tx, Scope::Applications).await?;
    tx.commit().await?;
    Ok(until)
}

/// Forgets exchanges that are too old.
pub async fn sweep(db: &Db, now: Timestamp) -> Result<u64> {
    let mut tx = db.begin().await?;
    let gone = store::delete_old_exchanges(&mut tx, now).await?;
    tx.commit().await?;
    Ok(gone)
}

/// Until when successes are recorded.
pub async fn recorded_until(
    executor: &mut impl Executor,
    application: ApplicationId,
) -> Result<Option<Timestamp>> {
    store::find_recording(executor, application).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decision_11_what_could_be_used_again_is_taken_out() {
        let xml = "<ds:SignatureValue>AAAA\nBBBB</ds:SignatureValue><SignatureValue Id=\"x\">CCCC</SignatureValue>\
                   <xenc:CipherValue>DDDD</xenc:CipherValue><a>EEEE</a><ds:SignatureValue>FFFF";
        let left = without_secrets(xml);
        for gone in ["AAAA", "BBBB", "CCCC", "DDDD", "FFFF"] {
            assert!(!left.contains(gone), "{left}");
        }
        assert!(
            left.contains("<a>EEEE</a>") && left.contains("<xenc:CipherValue>(taken out)</xenc:CipherValue>")
        );
        let long = "é".repeat(LONGEST);
        assert!(without_secrets(&long).len() < LONGEST + 20);
    }
}
