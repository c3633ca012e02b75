//! Reading all that is there, for whoever needs to know: before many are made, for a comparison, for an import. Nobody
//! reads while the other side wants to be left alone (SC-13), and whoever leaves comes first (SC-16).

use serde_json::Value as Json;

use crate::base::clock::MINUTE;
use crate::base::id::ApplicationId;
use crate::base::{Ctx, Error, Kind, Result};
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

impl Engine {
    /// When many are new, all that are there are read first: once, since whoever we make we know of. Answers whether it is
    /// worth trying again.
    pub(super) async fn look_ahead(
        &self,
        ctx: &Ctx,
        target: &mut Target<'_>,
        kind: ResourceKind,
    ) -> Result<bool> {
        let known = match kind {
            ResourceKind::User => &mut target.people,
            ResourceKind::Group => &mut target.groups,
        };
        known.take_if(|scan| ctx.now().since(scan.at) > SCAN_LASTS);
        if known.is_some() {
            return Ok(true);
        }
        let fresh =
            ledger::count_new_due(&mut self.db.reader(), target.application.id, kind, ctx.now()).await?;
        if fresh < WORTH_SCANNING {
            return Ok(true);
        }
        match self.scan(ctx, target, kind, true).await? {
            Scanned::Whole(scan) if kind == ResourceKind::User => target.people = Some(scan),
            Scanned::Whole(scan) => target.groups = Some(scan),
            Scanned::Overtaken => {}
            Scanned::Unreadable => return Ok(false),
        }
        Ok(true)
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
        let mut scan = Scan::begun(ctx.now());
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
