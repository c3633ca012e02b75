//! The recorder: the last exchanges of an application as they were on the wire, for whoever has to find out why one was
//! refused. Refusals are kept always, successes only while somebody has switched that on. What could sign on or be
//! replayed is taken out, the rest is sealed and gone after a day (decision 11).
//!
//! Exchanges are kept in memory and written every few seconds, a bounded number of them: anybody can make one. So that
//! nobody can push out what others did, there is room of its own for what came with a session, and for what was fresh and
//! under the signature of the service provider; of all that came without a session little is kept of one network. It decides nothing, and
//! what it holds is never trusted.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::base::clock::{DAY, MINUTE};
use crate::base::id::{ApplicationId, UserId};
use crate::base::vocabulary::vocabulary;
use crate::base::{Actor, Ctx, Error, Kind, Random, Result, Timestamp};
use crate::db::epoch::{Scope, bump};
use crate::db::{Db, Executor};
use crate::events::{Event, EventName, record};
use crate::saml::binding::{Carried, decode_post, decode_redirect};
use crate::saml::soap;
use crate::signon::outcome::Outcome;
use crate::signon::pending::Waiting;
use crate::signon::target::Target;
use crate::signon::{Installation, store};
use crate::vault::Vault;

/// How long an exchange is kept.
const KEPT: i64 = DAY;
/// Exchanges kept of one application, in each [`Room`].
const MOST: i64 = 25;
/// Of these, those without a session that came from one network.
const MOST_OF_SOURCE: i64 = 5;
/// Exchanges waiting in memory, in each [`Room`]: in all, of one application, and without a session from one
/// network.
const WAITING: usize = 100;
const WAITING_OF_ONE: usize = 20;
const WAITING_OF_SOURCE: usize = 5;
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

/// Who is behind an exchange.
#[derive(Clone, Copy, Debug)]
pub(in crate::signon) struct Origin {
    /// Somebody is signed in.
    pub(in crate::signon) signed_in: bool,
    /// A signature of the service provider was verified, over a request in its time. Whoever sees its redirects has one.
    pub(in crate::signon) signed: bool,
}

vocabulary! {
    /// Where an exchange is kept, so that nobody pushes out what others did.
    Room {
        /// It came from anybody.
        #[default]
        Anyone = "anyone",
        /// It came fresh and under a signature of the service provider.
        Signed = "signed",
        /// It came with a session.
        Session = "session",
    }
}

impl Origin {
    fn room(self) -> Room {
        match self {
            Self { signed_in: true, .. } => Room::Session,
            Self { signed: true, .. } => Room::Signed,
            Self { .. } => Room::Anyone,
        }
    }
}

/// One that waits to be written.
#[derive(Clone, Debug)]
struct Draft {
    reference: String,
    application: ApplicationId,
    at: Timestamp,
    code: Option<String>,
    room: Room,
    /// The network, of what came without a session.
    source_prefix: Option<String>,
    waiting: Option<Waiting>,
    exchange: Exchange,
}

/// One that can be written.
pub(in crate::signon) struct Row {
    pub(in crate::signon) application: ApplicationId,
    pub(in crate::signon) line: ExchangeLine,
    pub(in crate::signon) room: Room,
    pub(in crate::signon) source_prefix: Option<String>,
    pub(in crate::signon) sealed: Vec<u8>,
    pub(in crate::signon) expires_at: Timestamp,
}

/// Exchanges not yet written, in the order in which they came.
#[derive(Debug, Default)]
pub struct Recorder {
    drafts: Mutex<Vec<Draft>>,
    /// Held while some are written: who lists waits until they are there.
    writing: tokio::sync::Mutex<()>,
}

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
    /// Notes how an exchange ended; `waiting`: the request as it came. Answers whether there is a record of it now.
    pub(in crate::signon) fn note(
        &self,
        ctx: &Ctx,
        target: &Target,
        origin: Origin,
        waiting: Option<&Waiting>,
        outcome: &Result<Outcome>,
    ) -> bool {
        let is_on = target.record_until.is_some_and(|until| ctx.now() < until);
        // On the path of every sign-on: a success is not even looked at while nobody wants it.
        if !is_on && matches!(outcome, Ok(Outcome::Post(form)) if form.told.is_none()) {
            return false;
        }
        let Some(Ending { code, mismatch, answer }) = ending(outcome) else { return false };
        let source = crate::signon::pending::source_prefix(ctx.source);
        let small = |waiting: &&Waiting| waiting.len() <= LONGEST;
        let draft = Draft {
            reference: ctx.request_id.to_string(),
            application: target.application.id,
            at: ctx.now(),
            code: code.map(str::to_owned),
            room: origin.room(),
            source_prefix: (!origin.signed_in).then(|| source.clone()),
            waiting: waiting.filter(small).cloned(),
            exchange: Exchange {
                binding: waiting.map_or(NO_REQUEST, Waiting::binding).to_owned(),
                person: person(ctx).map(|id| id.to_string()),
                source,
                request: None,
                relay_state: None,
                expected: mismatch.map(|(expected, _)| expected.clone()),
                received: mismatch.map(|(_, received)| received.clone()),
                answer,
            },
        };
        let mut drafts = self.drafts();
        let fits = has_room(&drafts, &draft);
        if fits {
            drafts.push(draft);
        }
        fits
    }

    fn drafts(&self) -> std::sync::MutexGuard<'_, Vec<Draft>> {
        self.drafts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Taken<'_> {
        Taken { recorder: self, drafts: Arc::new(std::mem::take(&mut *self.drafts())) }
    }
}

/// Whether another one may wait.
fn has_room(drafts: &[Draft], new: &Draft) -> bool {
    let (mut all, mut of_one, mut of_source) = (0, 0, 0);
    for draft in drafts.iter().filter(|draft| draft.room == new.room) {
        all += 1;
        if draft.application == new.application {
            of_one += 1;
            if new.source_prefix.is_some() && draft.source_prefix == new.source_prefix {
                of_source += 1;
            }
        }
    }
    all < WAITING && of_one < WAITING_OF_ONE && of_source < WAITING_OF_SOURCE
}

/// Drafts that are being written. Those that are not, whatever the reason, go back to where they waited, before what has
/// come since.
struct Taken<'a> {
    recorder: &'a Recorder,
    drafts: Arc<Vec<Draft>>,
}

impl Taken<'_> {
    fn are_written(&mut self) {
        self.drafts = Arc::default();
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if self.drafts.is_empty() {
            return;
        }
        let mut drafts = self.recorder.drafts();
        let newer = std::mem::replace(&mut *drafts, Arc::unwrap_or_clone(std::mem::take(&mut self.drafts)));
        for draft in newer {
            if has_room(&drafts, &draft) {
                drafts.push(draft);
            }
        }
    }
}

/// Writes what was noted since the last time, and forgets what is too old. What can't be written waits for the next
/// time, within the same bounds.
pub async fn flush(installation: &Installation, ctx: &Ctx) -> Result<()> {
    let recorder = &installation.recorder;
    let _turn = recorder.writing.lock().await;
    let mut taken = recorder.take();
    if taken.drafts.is_empty() {
        return Ok(());
    }
    // Inflating, taking out and sealing is work for a core, and none of it is done while others wait to write.
    let (drafts, vault, random) = (taken.drafts.clone(), installation.vault.clone(), ctx.random.clone());
    let rows = move || drafts.iter().filter_map(|draft| sealed(draft, &vault, &random)).collect::<Vec<_>>();
    let rows = installation.on_cpu(rows).await?;
    let applications: BTreeSet<ApplicationId> = rows.iter().map(|row| row.application).collect();
    let mut tx = installation.db.begin().await?;
    for row in &rows {
        store::insert_exchange(&mut tx, row).await?;
    }
    store::delete_old_exchanges(&mut tx, ctx.now()).await?;
    for application in applications {
        store::prune_exchanges(&mut tx, application, MOST, MOST_OF_SOURCE).await?;
    }
    tx.commit().await?;
    taken.are_written();
    Ok(())
}

fn person(ctx: &Ctx) -> Option<UserId> {
    if let Actor::User { id, .. } = &ctx.actor { Some(*id) } else { None }
}

/// What is kept of a draft. One that can't be sealed would not be the next time either, and is given up.
fn sealed(draft: &Draft, vault: &Vault, random: &Random) -> Option<Row> {
    match seal(draft, vault, random) {
        Ok(row) => Some(row),
        Err(error) => {
            tracing::warn!(
                code = error.code,
                reference = %draft.reference,
                cause = ?error.internal_cause(),
                "an exchange could not be sealed, so there is no record of it"
            );
            None
        }
    }
}

fn seal(draft: &Draft, vault: &Vault, random: &Random) -> Result<Row> {
    let mut exchange = draft.exchange.clone();
    let decoded = match &draft.waiting {
        Some(Waiting::Redirect { raw_query }) => decode_redirect(raw_query).ok(),
        Some(Waiting::Post { raw_body }) => decode_post(raw_body).ok(),
        // What a client says beside the message is its own affair.
        Some(Waiting::Soap { raw_body }) => {
            soap::message(raw_body).map(|message| soap::decode(message.as_bytes().to_vec(), Carried::Request))
        }
        Some(Waiting::IdpInitiated { .. }) | None => None,
    };
    if let Some(message) = decoded {
        exchange.request = Some(without_secrets(&String::from_utf8_lossy(&message.xml)));
        if draft.code.is_some() {
            exchange.relay_state = message.relay_state.map(|state| state.as_str().to_owned());
        }
    }
    exchange.answer = exchange.answer.as_deref().map(without_secrets);
    let plain = serde_json::to_vec(&exchange).map_err(Error::internal)?;
    Ok(Row {
        application: draft.application,
        line: ExchangeLine {
            reference: draft.reference.clone(),
            recorded_at: draft.at,
            code: draft.code.clone(),
        },
        room: draft.room,
        source_prefix: draft.source_prefix.clone(),
        sealed: vault.seal(&aad(&draft.reference), &plain, random)?,
        expires_at: draft.at.plus(KEPT),
    })
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
    flush(installation, ctx).await?;
    store::list_exchanges(&mut installation.db.reader(), application, ctx.now()).await
}

/// The application of the exchange with this reference.
pub async fn find_application(
    installation: &Installation,
    ctx: &Ctx,
    reference: &Reference,
) -> Result<Option<ApplicationId>> {
    let reference = reference.0.as_str();
    flush(installation, ctx).await?;
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
    flush(installation, ctx).await?;
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
