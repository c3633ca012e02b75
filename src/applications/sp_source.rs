//! Metadata of the service provider by address: set once as an explicit act, fetched again on schedule. What a later
//! copy asks for is never taken over by itself: it waits, with every difference, until an administrator accepts it
//! (MD-308, decision 9). A copy that can't be fetched or trusted changes nothing; that it failed, and since when, is
//! kept to be told (MD-307).
//!
//! Start with [`Sources::set`] and [`Sources::refresh`]. Nothing is fetched inside a transaction; one node fetches at a
//! time, by a lease.

use futures_util::{StreamExt as _, stream};

use crate::applications::model::{Application, Kind as ApplicationKind};
use crate::applications::sp_metadata::{self, Applied, FieldChange, Mode, Reading};
use crate::applications::store::sp_source as store;
use crate::applications::update::check_version;
use crate::applications::{self, locked};
use crate::base::clock::{DAY, HOUR, MINUTE};
use crate::base::id::ApplicationId;
use crate::base::{Ctx, Error, Kind, Result, Timestamp};
use crate::catalog::Catalog;
use crate::db::epoch::{Scope, bump};
use crate::db::{Db, Executor, Tx};
use crate::events::{Event, EventName, Outcome, record};
use crate::outbound::{Answer, Caps, Method, Outbound, Request};
use crate::saml::certificate::{Certificate, parse_certificate};
use crate::saml::metadata::Trust;
use crate::threads::CpuPool;

/// Largest document, in bytes; the same as by upload (MD-302).
const MAX_DOCUMENT: usize = 2 << 20;
/// Between two fetches, unless the document says otherwise.
const USUAL: i64 = 6 * HOUR;
/// The bounds of what a document may say.
const SHORTEST: i64 = HOUR;
const LONGEST: i64 = DAY;
/// How far ahead the end of a signed document may lie (MD-307).
const HORIZON: i64 = 30 * DAY;
/// A fetch takes less; then another node may try.
const LEASE: i64 = 2 * MINUTE;
/// Sources that are fetched in one turn, and of these at the same time.
const IN_ONE_TURN: i64 = 100;
const AT_ONCE: usize = 4;
const ACCEPT: &str = "application/samlmetadata+xml, application/xml;q=0.9, text/xml;q=0.8, */*;q=0.1";

/// Where an application's metadata is fetched from, and how that went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Whose metadata it is.
    pub application: ApplicationId,
    /// The address.
    pub url: String,
    /// Which of several entities.
    pub entity_id: Option<String>,
    /// PEM: the certificate whose key must have signed it. Without one the source is unsigned.
    pub certificate: Option<String>,
    /// `ETag` of the copy fetched last.
    pub etag: Option<String>,
    /// `Last-Modified` of it.
    pub last_modified: Option<String>,
    /// Digest of what it asks for.
    pub revision: String,
    /// When it was fetched, or found unchanged.
    pub fetched_at: Timestamp,
    /// Until when it says to be valid.
    pub valid_until: Option<Timestamp>,
    /// When it was last tried.
    pub tried_at: Timestamp,
    /// Why it can't be fetched or trusted now.
    pub failing: Option<Failing>,
    /// When it is fetched next.
    pub due_at: Timestamp,
    /// What waits to be accepted.
    pub pending: Option<Pending>,
}

/// Why a source can't be used, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// Stable code.
    pub code: String,
    /// Sentence.
    pub message: String,
    /// When it first failed.
    pub since: Timestamp,
}

/// A copy that asks for something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Digest of what it asks for.
    pub revision: String,
    /// When it was found.
    pub since: Timestamp,
}

/// A source that somebody wants.
#[derive(Clone, Debug, Default)]
pub struct NewSource {
    /// The address.
    pub url: String,
    /// Which of several entities.
    pub entity_id: Option<String>,
    /// The certificate whose key must have signed it, PEM or base64 of DER.
    pub certificate: Option<String>,
    /// Digest of what was shown before: refused when the document asks for something else by now.
    pub shown: Option<String>,
}

/// What taking metadata over came to.
#[derive(Clone, Debug)]
pub struct Set {
    /// What changed, or would.
    pub applied: Applied,
    /// Digest of what the document asks for, for [`NewSource::shown`].
    pub revision: String,
}

/// What waits to be accepted, held against what is stored now.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Every field that would change.
    pub changes: Vec<FieldChange>,
    /// What is odd but usable, in words.
    pub warnings: Vec<String>,
}

/// The source of an application, if it has one.
pub async fn find(executor: &mut impl Executor, application: ApplicationId) -> Result<Option<Source>> {
    store::find(executor, application).await
}

/// Until when the metadata of an application is signed to be valid, if it comes from a signed source.
pub async fn signed_until(
    executor: &mut impl Executor,
    application: ApplicationId,
) -> Result<Option<Timestamp>> {
    let source = store::find(executor, application).await?;
    Ok(source.filter(|source| source.certificate.is_some()).and_then(|source| source.valid_until))
}

/// Applications whose metadata waits to be accepted.
pub async fn list_pending(executor: &mut impl Executor) -> Result<Vec<ApplicationId>> {
    store::list_pending(executor).await
}

/// What waits to be accepted for an application, if anything does.
pub async fn waiting(
    executor: &mut impl Executor,
    catalog: &Catalog,
    application: &Application,
) -> Result<Option<Waiting>> {
    let Some(reading) = store::find_pending(executor, application.id).await? else { return Ok(None) };
    let mut warnings = reading.warnings().to_vec();
    let changes = match sp_metadata::changed_by(executor, catalog, application, reading).await {
        Ok(new) => sp_metadata::changes(&application.sso, &new.sso)?,
        // What can't be accepted as the settings are is said in its place.
        Err(error) if error.kind == Kind::Invalid => {
            warnings.extend(error.fields.iter().map(|fault| fault.message.clone()));
            Vec::new()
        }
        Err(error) => return Err(error),
    };
    Ok(Some(Waiting { changes, warnings }))
}

/// What fetching takes.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// The database.
    pub db: &'a Db,
    /// The connectors.
    pub catalog: &'a Catalog,
    /// The client.
    pub outbound: &'a Outbound,
    /// Where documents are read.
    pub cpu: &'a CpuPool,
}

/// A document as it was fetched and read.
struct Fetched {
    reading: Reading,
    etag: Option<String>,
    last_modified: Option<String>,
}

impl Sources<'_> {
    /// Fetches metadata and takes it over, and remembers where it came from. A dry run stores nothing.
    pub async fn set(&self, ctx: &Ctx, id: ApplicationId, wanted: NewSource, mode: Mode) -> Result<Set> {
        let application = applications::require(&mut self.db.reader(), id).await?;
        require_saml(&application)?;
        check_version(&application, mode.if_version)?;
        let certificate = wanted.certificate.as_deref().map(pinned).transpose()?;
        let wants = Wants {
            url: &wanted.url,
            entity_id: wanted.entity_id.as_deref(),
            certificate: certificate.as_deref(),
        };
        let fetched = self.fetch(ctx, &wants, None).await?;
        let Fetched { reading, etag, last_modified } = fetched.ok_or_else(unasked)?;
        let revision = reading.revision()?;
        if wanted.shown.as_ref().is_some_and(|shown| *shown != revision) {
            return Err(changed_meanwhile());
        }
        let now = ctx.now();
        let source = Source {
            application: id,
            due_at: next(ctx, &reading),
            url: wanted.url,
            entity_id: wanted.entity_id,
            certificate,
            etag,
            last_modified,
            revision: revision.clone(),
            fetched_at: now,
            valid_until: reading.valid_until,
            tried_at: now,
            failing: None,
            pending: None,
        };
        let mut tx = self.db.begin().await?;
        let applied = sp_metadata::apply_in(&mut tx, ctx, self.catalog, id, reading, mode).await?;
        if !mode.dry_run {
            store::put(&mut tx, &source).await?;
            bump(&mut tx, Scope::Applications).await?;
            let event = event(EventName::SpMetadataSourceSet, &applied.application)
                .detail("url", source.url.as_str())
                .detail("signed", source.certificate.is_some());
            record(&mut tx, ctx, event).await?;
            tx.commit().await?;
        }
        Ok(Set { applied, revision })
    }

    /// Fetches every source that is due, a few at a time. Answers how many were.
    pub async fn refresh_due(&self, ctx: &Ctx) -> Result<usize> {
        let due = store::list_due(&mut self.db.reader(), ctx.now(), IN_ONE_TURN).await?;
        let count = due.len();
        let one = async |id: ApplicationId| match self.fetch_again(ctx, id, ctx.now()).await {
            Ok(_) => {}
            Err(error) => {
                tracing::error!(%id, code = error.code, cause = ?error.internal_cause(), "metadata was not refreshed");
            }
        };
        stream::iter(due).for_each_concurrent(AT_ONCE, one).await;
        Ok(count)
    }

    /// Fetches a source now, due or not. That it failed is no error: the answer tells of it.
    pub async fn refresh(&self, ctx: &Ctx, id: ApplicationId) -> Result<Source> {
        if !self.fetch_again(ctx, id, Timestamp(i64::MAX)).await? {
            // Somebody has it at this moment, or there is none.
            require(&mut self.db.reader(), id).await?;
            return Err(Error::conflict(
                "metadata_refresh_running",
                "The metadata is being fetched at this moment. Look again in a minute.",
            ));
        }
        require(&mut self.db.reader(), id).await
    }

    /// Answers whether it was this node's to fetch.
    async fn fetch_again(&self, ctx: &Ctx, id: ApplicationId, due_by: Timestamp) -> Result<bool> {
        let lease = ctx.now().plus(LEASE);
        let mut tx = self.db.begin().await?;
        let ours = store::lease(&mut tx, id, ctx.now(), lease, due_by).await?;
        let source = store::find(&mut tx, id).await?;
        tx.commit().await?;
        let Some(source) = source.filter(|_| ours) else { return Ok(false) };
        let wants = Wants {
            url: &source.url,
            entity_id: source.entity_id.as_deref(),
            certificate: source.certificate.as_deref(),
        };
        let fetched = match self.fetch(ctx, &wants, Some(&source)).await {
            // An unchanged copy whose end has passed is no better than none.
            Ok(None)
                if source.certificate.is_some() && source.valid_until.is_some_and(|end| end <= ctx.now()) =>
            {
                Err(ended())
            }
            other => other,
        };
        let noted = match fetched {
            Ok(fetched) => self.note_copy(ctx, source.clone(), fetched, lease).await,
            Err(error) => Err(error),
        };
        match noted {
            Ok(()) => Ok(true),
            // The document's fault, or its server's.
            Err(error) if matches!(error.kind, Kind::Invalid | Kind::Conflict) => {
                self.note_failure(ctx, source, &error, lease).await?;
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }

    async fn note_copy(
        &self,
        ctx: &Ctx,
        mut source: Source,
        fetched: Option<Fetched>,
        lease: Timestamp,
    ) -> Result<()> {
        let now = ctx.now();
        (source.fetched_at, source.tried_at, source.failing) = (now, now, None);
        let Some(Fetched { reading, etag, last_modified }) = fetched else {
            source.due_at = soon(ctx, USUAL, source.valid_until);
            let mut tx = self.db.begin().await?;
            store::note(&mut tx, &source, lease).await?;
            return tx.commit().await;
        };
        let known = std::mem::replace(&mut source.revision, reading.revision()?);
        let end_moved = source.valid_until != reading.valid_until;
        (source.etag, source.last_modified) = (etag, last_modified);
        (source.valid_until, source.due_at) = (reading.valid_until, next(ctx, &reading));
        let mut tx = self.db.begin().await?;
        let application = locked(&mut tx, source.application).await?;
        if !store::note(&mut tx, &source, lease).await? {
            return Ok(());
        }
        if end_moved && source.certificate.is_some() {
            bump(&mut tx, Scope::Applications).await?;
        }
        if source.revision != known {
            self.find_changes(&mut tx, ctx, &application, &source, &reading).await?;
        }
        tx.commit().await
    }

    /// Another copy than before: what it would change waits, or nothing does.
    async fn find_changes(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        application: &Application,
        source: &Source,
        reading: &Reading,
    ) -> Result<()> {
        let changed = sp_metadata::changed_by(tx, self.catalog, application, reading.clone()).await;
        let changes = match changed {
            Ok(new) => Some(sp_metadata::changes(&application.sso, &new.sso)?),
            // It waits all the same: whoever looks at it is told what stands in its way.
            Err(error) if error.kind == Kind::Invalid => None,
            Err(error) => return Err(error),
        };
        if changes.as_ref().is_some_and(Vec::is_empty) {
            return store::set_pending(tx, application.id, None).await;
        }
        let changes = changes.unwrap_or_default();
        let pending = Pending { revision: source.revision.clone(), since: ctx.now() };
        store::set_pending(tx, application.id, Some((reading, &pending))).await?;
        let fields: Vec<&str> = changes.iter().map(|change| change.field.as_str()).collect();
        let event = event(EventName::SpMetadataChange, application)
            .detail("revision", pending.revision.as_str())
            .detail("fields", fields);
        record(tx, ctx, event).await
    }

    /// Keeps the last good copy. The first of several failures is an event.
    async fn note_failure(
        &self,
        ctx: &Ctx,
        mut source: Source,
        error: &Error,
        lease: Timestamp,
    ) -> Result<()> {
        let now = ctx.now();
        let first = source.failing.is_none();
        let since = source.failing.as_ref().map_or(now, |failing| failing.since);
        source.failing =
            Some(Failing { code: error.code.to_owned(), message: error.message.to_string(), since });
        (source.tried_at, source.due_at) = (now, soon(ctx, SHORTEST, None));
        let mut tx = self.db.begin().await?;
        let application = locked(&mut tx, source.application).await?;
        if !store::note(&mut tx, &source, lease).await? {
            return Ok(());
        }
        if first {
            let event = event(EventName::SpMetadataFailure, &application)
                .outcome(Outcome::Failure)
                .detail("code", error.code)
                .detail("url", source.url.as_str());
            record(&mut tx, ctx, event).await?;
        }
        tx.commit().await
    }

    /// Takes over what waits. `revision`: what was shown; refused when something else waits by now.
    pub async fn accept(
        &self,
        ctx: &Ctx,
        id: ApplicationId,
        revision: Option<&str>,
        if_version: Option<i64>,
    ) -> Result<Set> {
        let mut tx = self.db.begin().await?;
        let application = locked(&mut tx, id).await?;
        check_version(&application, if_version)?;
        let (pending, reading) = pending(&mut tx, id, revision).await?;
        if reading.valid_until.is_some_and(|end| end <= ctx.now()) {
            return Err(ended());
        }
        let mode = Mode { dry_run: false, if_version };
        let applied = sp_metadata::apply_in(&mut tx, ctx, self.catalog, id, reading, mode).await?;
        store::set_pending(&mut tx, id, None).await?;
        let event =
            event(EventName::SpMetadataAccept, &application).detail("revision", pending.revision.as_str());
        record(&mut tx, ctx, event).await?;
        tx.commit().await?;
        Ok(Set { applied, revision: pending.revision })
    }

    /// Lets go of what waits. The same copy is not put forward again; another one is.
    pub async fn discard(&self, ctx: &Ctx, id: ApplicationId, revision: Option<&str>) -> Result<Source> {
        let mut tx = self.db.begin().await?;
        let application = locked(&mut tx, id).await?;
        let (pending, _) = pending(&mut tx, id, revision).await?;
        store::set_pending(&mut tx, id, None).await?;
        let event = event(EventName::SpMetadataDiscard, &application).detail("revision", pending.revision);
        record(&mut tx, ctx, event).await?;
        let source = require(&mut tx, id).await?;
        tx.commit().await?;
        Ok(source)
    }

    /// Fetches no more; what was taken over stays.
    pub async fn remove(&self, ctx: &Ctx, id: ApplicationId) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let application = locked(&mut tx, id).await?;
        let source = require(&mut tx, id).await?;
        store::delete(&mut tx, id).await?;
        bump(&mut tx, Scope::Applications).await?;
        let event = event(EventName::SpMetadataSourceRemove, &application).detail("url", source.url);
        record(&mut tx, ctx, event).await?;
        tx.commit().await
    }

    /// Fetches and reads a document; `None`: it is still the copy of `before`.
    async fn fetch(&self, ctx: &Ctx, wants: &Wants<'_>, before: Option<&Source>) -> Result<Option<Fetched>> {
        let caps = Caps { body: MAX_DOCUMENT, ..Caps::default() };
        let mut request = Request { caps, ..Request::new(Method::Get, wants.url) }.header("accept", ACCEPT);
        if let Some(etag) = before.and_then(|source| source.etag.as_deref()) {
            request = request.header("if-none-match", etag);
        }
        if let Some(instant) = before.and_then(|source| source.last_modified.as_deref()) {
            request = request.header("if-modified-since", instant);
        }
        let answer = self.outbound.send(request).await.map_err(|failure| failure.of_field("url"))?;
        match answer.status {
            200 => {}
            304 if before.is_some() => return Ok(None),
            status => return Err(no_document(wants.url, status)),
        }
        let (etag, last_modified) = (kept(&answer, "etag"), kept(&answer, "last-modified"));
        let (entity_id, now) = (wants.entity_id.map(str::to_owned), ctx.now());
        let trust = wants.certificate.map(trust).transpose()?;
        let read = move || {
            let (body, entity_id) = (&answer.body, entity_id.as_deref());
            match &trust {
                Some(trust) => sp_metadata::read_signed(body, entity_id, now, trust),
                None => sp_metadata::read(body, entity_id, now),
            }
        };
        let reading = self.cpu.run(read).await??;
        Ok(Some(Fetched { reading, etag, last_modified }))
    }
}

/// What a fetch needs to know.
struct Wants<'a> {
    url: &'a str,
    entity_id: Option<&'a str>,
    certificate: Option<&'a str>,
}

fn require_saml(application: &Application) -> Result<()> {
    if application.kind == ApplicationKind::Saml {
        return Ok(());
    }
    Err(Error::conflict("not_saml", "A bookmark only opens an address. It has no single sign-on settings."))
}

async fn require(executor: &mut impl Executor, id: ApplicationId) -> Result<Source> {
    store::find(executor, id).await?.ok_or_else(|| Error::not_found("metadata address"))
}

async fn pending(tx: &mut Tx, id: ApplicationId, shown: Option<&str>) -> Result<(Pending, Reading)> {
    let source = require(tx, id).await?;
    let (Some(pending), Some(reading)) = (source.pending, store::find_pending(tx, id).await?) else {
        return Err(Error::conflict(
            "metadata_nothing_pending",
            "No other metadata waits to be accepted. Somebody else may have seen to it.",
        ));
    };
    if shown.is_some_and(|shown| shown != pending.revision) {
        return Err(changed_meanwhile());
    }
    Ok((pending, reading))
}

fn event(name: EventName, application: &Application) -> Event {
    let label = application.label.as_str();
    Event::new(name).target("application", application.id, label).application(application.id)
}

fn read_pinned(text: &str) -> Result<Certificate> {
    parse_certificate(text.trim().as_bytes())
        .map_err(|fault| Error::field("certificate", fault.code(), fault.sentence().to_owned()))
}

/// The certificate as it is stored.
fn pinned(text: &str) -> Result<String> {
    read_pinned(text).map(|certificate| certificate.to_pem())
}

fn trust(pem: &str) -> Result<Trust> {
    Ok(Trust { key: read_pinned(pem)?.key, horizon: HORIZON })
}

/// A field that is sent back as it came; one of unusual length is not worth it.
fn kept(answer: &Answer, name: &str) -> Option<String> {
    answer.header(name).filter(|value| (1..=256).contains(&value.len())).map(str::to_owned)
}

/// When to fetch next, by what the document says.
fn next(ctx: &Ctx, reading: &Reading) -> Timestamp {
    soon(ctx, reading.cache_duration.unwrap_or(USUAL), reading.valid_until)
}

/// After `time`, within bounds and a tenth more or less, so that sources don't come together; well before the end.
fn soon(ctx: &Ctx, time: i64, end: Option<Timestamp>) -> Timestamp {
    let now = ctx.now();
    let left = end.map_or(i64::MAX, |end| end.since(now) / 2);
    let time = time.min(left).clamp(SHORTEST, LONGEST);
    let tenth = i64::from(u16::from_be_bytes(ctx.random.bytes())) * (time / 10) / i64::from(u16::MAX);
    now.plus(time - time / 20 + tenth)
}

fn no_document(url: &str, status: u16) -> Error {
    let host =
        url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    let message = format!("{host} answered with status {status} instead of metadata. Check the address.");
    Error::field("url", "metadata_not_there", message).with_code("metadata_not_there")
}

fn unasked() -> Error {
    Error::field(
        "url",
        "metadata_not_there",
        "The server answered that nothing has changed, which was not asked.",
    )
    .with_code("metadata_not_there")
}

fn ended() -> Error {
    Error::field(
        "url",
        "metadata_expired",
        "The metadata is valid no longer. Its publisher has to sign a new one.",
    )
    .with_code("metadata_expired")
}

fn changed_meanwhile() -> Error {
    Error::conflict(
        "metadata_changed_meanwhile",
        "The metadata asks for something else by now than what was shown. Look at what it would change, then decide.",
    )
}
