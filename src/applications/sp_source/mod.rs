//! Metadata of the service provider by address: set once as an explicit act, fetched again on schedule. What a later
//! copy asks for is never taken over by itself: it waits, with every difference, until an administrator accepts it
//! (MD-308, decision 9). A copy that can't be fetched or trusted changes nothing; that it failed, and since when, is
//! kept to be told (MD-307).
//!
//! Start with [`Sources::set`] and [`Sources::refresh`]. Nothing is fetched inside a transaction; one node fetches at a
//! time, by a lease.

pub mod aggregate;
mod fetch;
mod refresh;

use crate::applications::model::{Application, Kind as ApplicationKind};
use crate::applications::sp_metadata::{self, Applied, FieldChange, Mode, Reading};
use crate::applications::sp_source::aggregate::Aggregates;
use crate::applications::sp_source::fetch::{Fetched, Wants, pinned};
use crate::applications::sp_source::refresh::next;
use crate::applications::store::sp_source as store;
use crate::applications::update::check_version;
use crate::applications::{self, locked};
use crate::base::id::ApplicationId;
use crate::base::{Ctx, Error, Kind, Result, Timestamp};
use crate::db::epoch::{Scope, bump};
use crate::db::{Db, Executor, Tx};
use crate::events::{Event, EventName, record};
use crate::outbound::Outbound;
use crate::threads::CpuPool;

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
    /// Without one: name only those to choose from that have this in their entity ID or a name.
    pub search: Option<String>,
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
pub async fn waiting(executor: &mut impl Executor, application: &Application) -> Result<Option<Waiting>> {
    let Some(reading) = store::find_pending(executor, application.id).await? else { return Ok(None) };
    let mut warnings = reading.warnings().to_vec();
    let changes = match sp_metadata::changed_by(executor, application, reading).await {
        Ok(new) => sp_metadata::changes(application, &new)?,
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
    /// The client.
    pub outbound: &'a Outbound,
    /// Where documents are read.
    pub cpu: &'a CpuPool,
    /// Where large ones are.
    pub aggregates: &'a Aggregates,
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
            search: wanted.search.as_deref(),
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
        let applied = sp_metadata::apply_in(&mut tx, ctx, id, reading, mode).await?;
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

    /// Takes over what waits. `revision`: what was shown; refused when something else waits by now.
    pub async fn accept(
        &self,
        ctx: &Ctx,
        id: ApplicationId,
        revision: &str,
        if_version: Option<i64>,
    ) -> Result<Set> {
        let mut tx = self.db.begin().await?;
        let application = locked(&mut tx, id).await?;
        check_version(&application, if_version)?;
        let (pending, reading) = pending(&mut tx, id, Some(revision)).await?;
        if reading.valid_until.is_some_and(|end| end <= ctx.now()) {
            return Err(ended());
        }
        let mode = Mode { dry_run: false, if_version };
        let applied = sp_metadata::apply_in(&mut tx, ctx, id, reading, mode).await?;
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
