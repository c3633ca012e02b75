//! Fetching again: when it is due, or when somebody asks. What a copy asks for waits; a failure is noted, and what was
//! taken over before stays.

use futures_util::{StreamExt as _, stream};

use crate::applications::locked;
use crate::applications::model::Application;
use crate::applications::sp_metadata::{self, Reading};
use crate::applications::sp_source::fetch::{Fetched, Wants};
use crate::applications::sp_source::{Failing, Pending, Source, Sources, ended, event, require};
use crate::applications::store::sp_source as store;
use crate::base::clock::{DAY, HOUR, MINUTE};
use crate::base::id::ApplicationId;
use crate::base::{Ctx, Error, Kind, Result, Timestamp};
use crate::db::Tx;
use crate::db::epoch::{Scope, bump};
use crate::events::{EventName, Outcome, record};

/// Between two fetches, unless the document says otherwise.
const USUAL: i64 = 6 * HOUR;
/// The bounds of what a document may say.
const SHORTEST: i64 = HOUR;
const LONGEST: i64 = DAY;
/// A fetch takes less, one of an aggregate that waits for its turn too; then another node may try.
const LEASE: i64 = 10 * MINUTE;
/// Sources that are fetched in one turn, and of these at the same time.
const IN_ONE_TURN: i64 = 100;
const AT_ONCE: usize = 4;

impl Sources<'_> {
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
            search: None,
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
        let new = sp_metadata::changed_by(tx, application, reading.clone()).await?;
        let changes = sp_metadata::changes(application, &new)?;
        if changes.is_empty() {
            return store::set_pending(tx, application.id, None).await;
        }
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
}

/// When to fetch next, by what the document says.
pub(super) fn next(ctx: &Ctx, reading: &Reading) -> Timestamp {
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
