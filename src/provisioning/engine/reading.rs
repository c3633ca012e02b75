//! Reading all that is there, for whoever needs to know: before many are made, for a comparison, for an import. Nobody
//! reads while the other side wants to be left alone (SC-13), and whoever leaves comes first (SC-16).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value as Json;

use crate::base::clock::{HOUR, MINUTE};
use crate::base::id::ApplicationId;
use crate::base::{Ctx, Error, Kind, Result, Timestamp};
use crate::provisioning::client::Fault;
use crate::provisioning::engine::lease::busy;
use crate::provisioning::engine::lookup::Scan;
use crate::provisioning::engine::pages::Pages;
use crate::provisioning::engine::{Engine, Target};
use crate::provisioning::model::ResourceKind;
use crate::provisioning::store::ledger;
use crate::scim::AttributePath;

/// From so many new ones on, all that are there are read first, instead of one look for each.
pub(super) const WORTH_SCANNING: i64 = 20;
/// For how long what was read then is good, in milliseconds. Who is made by others meanwhile answers 409.
const SCAN_LASTS: i64 = 10 * MINUTE;
/// The same of people where requests are few. Not of groups, whose names not every service holds apart.
const SCAN_LASTS_PACED: i64 = 2 * HOUR;

/// What was read ahead, for as long as it is good: also for the next time, where the other side takes so few requests that
/// reading uses them up.
#[derive(Debug, Default)]
pub(super) struct Ahead(Mutex<HashMap<(ApplicationId, ResourceKind), Read>>);

#[derive(Clone, Debug)]
struct Read {
    /// The version of the connection.
    version: i64,
    /// What was seen; `None`: it could not be read whole, or somebody who leaves came between.
    scan: Option<Arc<Scan>>,
    until: Timestamp,
}

impl Ahead {
    fn find(&self, target: &Target<'_>, kind: ResourceKind, now: Timestamp) -> Option<Read> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let read = known.get(&(target.id(), kind))?;
        (read.version == target.version() && now < read.until).then(|| read.clone())
    }

    fn keep(&self, target: &Target<'_>, kind: ResourceKind, read: Read) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert((target.id(), kind), read);
    }

    /// Nobody is new any more.
    pub(super) fn forget(&self, application: ApplicationId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(known, _), _| *known != application);
    }
}

impl Engine {
    /// When many are new, all that are there are read first: once, since whoever we make we know of.
    pub(super) async fn look_ahead(
        &self,
        ctx: &Ctx,
        target: &mut Target<'_>,
        kind: ResourceKind,
    ) -> Result<()> {
        let known = match self.ahead.find(target, kind, ctx.now()) {
            Some(read) => read.scan,
            None => self.read_ahead(ctx, target, kind).await?,
        };
        match kind {
            ResourceKind::User => target.people = known,
            ResourceKind::Group => target.groups = known,
        }
        Ok(())
    }

    async fn read_ahead(
        &self,
        ctx: &Ctx,
        target: &Target<'_>,
        kind: ResourceKind,
    ) -> Result<Option<Arc<Scan>>> {
        let (application, now) = (target.application.id, ctx.now());
        let fresh = ledger::count_new_due(&mut self.db.reader(), application, kind, now).await?;
        if fresh < WORTH_SCANNING {
            return Ok(None);
        }
        let (scan, lasts) = match self.scan(ctx, target, kind, true).await? {
            Scanned::Whole(scan) if target.is_paced() && kind == ResourceKind::User => {
                (Some(Arc::new(scan)), SCAN_LASTS_PACED)
            }
            Scanned::Whole(scan) => (Some(Arc::new(scan)), SCAN_LASTS),
            // Not again for each batch, nor from the beginning whenever somebody leaves: they are looked for one by one.
            Scanned::Unreadable | Scanned::Overtaken => (None, SCAN_LASTS),
        };
        let read = Read { version: target.version(), scan: scan.clone(), until: ctx.now().plus(lasts) };
        self.ahead.keep(target, kind, read);
        Ok(scan)
    }

    /// Looks through all of a kind; with `gives_way` not while somebody leaves.
    pub(super) async fn scan(
        &self,
        ctx: &Ctx,
        target: &Target<'_>,
        kind: ResourceKind,
        gives_way: bool,
    ) -> Result<Scanned> {
        let (resources, name, more) = match kind {
            ResourceKind::User => ("Users", "userName", ""),
            ResourceKind::Group => ("Groups", "displayName", "&excludedAttributes=members"),
        };
        let name = AttributePath::of(name);
        let mut scan = Scan::default();
        let mut pages = target.pages(resources, more);
        loop {
            if gives_way && self.is_overtaken(ctx, target, false).await? {
                return Ok(Scanned::Overtaken);
            }
            match pages.next(ctx).await {
                Ok(Some(page)) => page.iter().for_each(|found| scan.add(found, &name)),
                Ok(None) => return Ok(Scanned::Whole(scan)),
                Err(fault) => {
                    target.note(ctx, &fault);
                    return Ok(Scanned::Unreadable);
                }
            }
        }
    }

    /// The next page of a list that somebody reads, unless somebody leaves: they come first (SC-16).
    pub(in crate::provisioning) async fn next_page(
        &self,
        ctx: &Ctx,
        target: &Target<'_>,
        pages: &mut Pages<'_, '_>,
        unread: fn(Fault) -> Error,
    ) -> Result<Option<Vec<Json>>> {
        if self.is_overtaken(ctx, target, false).await? {
            return Err(busy());
        }
        pages.next(ctx).await.map_err(|fault| {
            target.note(ctx, &fault);
            unread(fault)
        })
    }

    /// Notes how the other side did while all that is there was read. A failure that says nothing of the whole is no
    /// recovery either.
    pub(in crate::provisioning) async fn note_read<T>(
        &self,
        ctx: &Ctx,
        target: &Target<'_>,
        read: &Result<T>,
    ) -> Result<()> {
        if read.is_ok() || target.is_stopped() {
            self.note_health(ctx, target).await?;
        }
        Ok(())
    }

    /// The application for whoever wants to read all that is there: refused where it can't be, or where it wants to be
    /// left alone for a while (SC-13).
    pub(in crate::provisioning) async fn readable(&self, ctx: &Ctx, id: ApplicationId) -> Result<Target<'_>> {
        let target = self.target(ctx, id).await?.ok_or_else(|| {
            Error::conflict(
                "needs_token",
                "The connection can't be used before its address and token are put right.",
            )
        })?;
        if target.connection.paused_until > ctx.now() {
            return Err(Error::new(
                Kind::Unavailable,
                "provisioning_paused",
                "The application wants to be asked less often, or failed. Nothing is sent for a while; try again later.",
            ));
        }
        Ok(target)
    }
}

/// What came of looking through all that is there.
pub(super) enum Scanned {
    /// All was seen.
    Whole(Scan),
    /// It could not be read whole.
    Unreadable,
    /// Somebody leaves, or the connection was changed.
    Overtaken,
}

impl Scanned {
    /// What was seen, if it was all.
    pub(super) fn whole(self) -> Option<Scan> {
        match self {
            Self::Whole(scan) => Some(scan),
            Self::Unreadable | Self::Overtaken => None,
        }
    }
}
