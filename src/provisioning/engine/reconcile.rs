//! Holding the ledger against what is really there: every account and group is read, page by page, and what differs is
//! told and put right. Read whole or not at all: half a list says nothing about who is missing (SC-10). What is not ours
//! is counted, and never touched (SE-05).

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::applications;
use crate::base::clock::{DAY, HOUR, MINUTE};
use crate::base::id::ApplicationId;
use crate::base::{Ctx, Error, Kind, Result, Timestamp};
use crate::events::{EventName, Outcome as EventOutcome, record};
use crate::provisioning::client::{Fault, FaultKind};
use crate::provisioning::connection::{self, event};
use crate::provisioning::engine::membership::members_in;
use crate::provisioning::engine::{Engine, Target};
use crate::provisioning::model::{Entry, Local, ResourceKind, State};
use crate::provisioning::store::members;
use crate::provisioning::store::{connections, imports, reconcile as store};
use crate::scim::{AttributePath, resource};

/// Differences that are named in a report; the others are counted.
pub const NAMED: usize = 200;

/// What a difference is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// We know of it, and it is not there.
    Missing,
    /// It is there, and not as it was sent.
    Changed,
    /// A member of a managed group whom we did not add.
    ExtraMember,
    /// A member that we added and that is not in the group any more.
    MissingMember,
    /// It is there and none of ours.
    Unmanaged,
    /// It is of somebody who is here too, as the last reading for an import showed, and whom no group gives it.
    Known,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Named {
    /// People or groups.
    pub kind: ResourceKind,
    /// What it is called there or here.
    pub name: String,
    /// Its id there.
    pub remote_id: String,
    /// What is different.
    pub difference: Difference,
    /// Which attributes, where it was changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Drift {
    /// Accounts and groups that were read.
    pub read: usize,
    /// Not there any more; they are looked for by name, and made anew.
    pub missing: usize,
    /// Changed by somebody else; they are put right.
    pub changed: usize,
    /// Members of managed groups whom we did not add; they are left.
    pub extra_members: usize,
    /// Members that we added and somebody took out; they are added again.
    pub missing_members: usize,
    /// Accounts and groups that are none of ours; they are never touched.
    pub unmanaged: usize,
    /// Accounts of people who are here too and whom no group gives the application; they are not touched either.
    pub known: usize,
    /// The first of them, by name.
    pub items: Vec<Named>,
}

impl Drift {
    fn note(&mut self, named: Named) {
        let count = match named.difference {
            Difference::Missing => &mut self.missing,
            Difference::Changed => &mut self.changed,
            Difference::ExtraMember => &mut self.extra_members,
            Difference::MissingMember => &mut self.missing_members,
            Difference::Unmanaged => &mut self.unmanaged,
            Difference::Known => &mut self.known,
        };
        *count += 1;
        if self.items.len() < NAMED {
            self.items.push(named);
        }
    }
}

/// The next night's instant: a day from now, an hour more or less, so that not all come together.
pub(in crate::provisioning) fn next(ctx: &Ctx) -> Timestamp {
    let part = i64::from(u16::from_be_bytes(ctx.random.bytes()));
    ctx.now().plus(DAY - HOUR + 2 * HOUR * part / i64::from(u16::MAX))
}

impl Engine {
    /// Reconciles an application now. A service that can't be read whole is an error, and nothing is changed.
    pub async fn reconcile(&self, ctx: &Ctx, id: ApplicationId) -> Result<Drift> {
        let application = applications::require(&mut self.db.reader(), id).await?;
        let known =
            connections::find(&mut self.db.reader(), id).await?.ok_or_else(connection::not_configured)?;
        if !known.is_active() {
            return Err(connection::inactive());
        }
        let compare = async {
            let target = self.readable(ctx, id).await?;
            let found = match self.discover(ctx, &target).await {
                Ok(()) => self.compare(ctx, &target).await,
                Err(error) => Err(error),
            };
            self.note_read(ctx, &target, &found).await?;
            found
        };
        let found = self.alone(id, Box::pin(compare)).await;
        let mut tx = self.db.begin().await?;
        match &found {
            Ok(drift) => {
                store::note(&mut tx, id, drift, ctx.now(), next(ctx)).await?;
                let event = event(EventName::IdmReconcile, &application)
                    .detail("read", drift.read)
                    .detail("missing", drift.missing)
                    .detail("changed", drift.changed)
                    .detail("unmanaged", drift.unmanaged)
                    .detail("known", drift.known)
                    .detail("extra_members", drift.extra_members)
                    .detail("missing_members", drift.missing_members);
                record(&mut tx, ctx, event).await?;
            }
            // Others have their turn meanwhile.
            Err(error) if error.code == "provisioning_busy" => {
                store::postpone(&mut tx, id, ctx.now().plus(10 * MINUTE)).await?;
            }
            Err(error) => {
                store::postpone(&mut tx, id, ctx.now().plus(HOUR)).await?;
                let event = event(EventName::IdmReconcile, &application)
                    .outcome(EventOutcome::Failure)
                    .detail("code", error.code);
                record(&mut tx, ctx, event).await?;
            }
        }
        tx.commit().await?;
        found
    }

    /// What it says of itself is read anew every night: services learn (SC-01).
    async fn discover(&self, ctx: &Ctx, target: &Target<'_>) -> Result<()> {
        let Some(capabilities) = target.discover(ctx).await.map_err(|fault| {
            target.note(ctx, &fault);
            unread(fault)
        })?
        else {
            return Ok(());
        };
        let text = serde_json::to_string(&capabilities).map_err(Error::internal)?;
        let mut tx = self.db.begin().await?;
        connections::note_verified(&mut tx, target.id(), text, ctx.now()).await?;
        tx.commit().await
    }

    /// Page by page: only the ids of those who were seen are kept. What is on a page counts at once; who is missing shows
    /// when all pages were read.
    async fn compare(&self, ctx: &Ctx, target: &Target<'_>) -> Result<Drift> {
        let mut drift = Drift::default();
        self.compare_kind(ctx, target, ResourceKind::User, &mut drift).await?;
        if target.manages_groups() {
            self.compare_kind(ctx, target, ResourceKind::Group, &mut drift).await?;
        }
        Ok(drift)
    }

    async fn compare_kind(
        &self,
        ctx: &Ctx,
        target: &Target<'_>,
        kind: ResourceKind,
        drift: &mut Drift,
    ) -> Result<()> {
        let resources = match kind {
            ResourceKind::User => "Users",
            ResourceKind::Group => "Groups",
        };
        let mut there = HashSet::new();
        let mut pages = target.pages(resources, "");
        while let Some(page) = self.next_page(ctx, target, &mut pages, unread).await? {
            drift.read += page.len();
            for found in page {
                let seen = Seen::of(found);
                self.compare_one(ctx, target, kind, &seen, drift).await?;
                there.insert(seen.id);
            }
        }
        for (remote_id, name) in store::list_linked(&mut self.db.reader(), target.id(), kind).await? {
            if there.contains(&remote_id) {
                continue;
            }
            let Some(entry) = store::find(&mut self.db.reader(), target.id(), kind, &remote_id).await? else {
                continue;
            };
            drift.note(Named { kind, name, remote_id, difference: Difference::Missing, fields: Vec::new() });
            let mut tx = self.db.begin().await?;
            store::missing(&mut tx, &entry, ctx.now()).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    async fn compare_one(
        &self,
        ctx: &Ctx,
        target: &Target<'_>,
        kind: ResourceKind,
        seen: &Seen,
        drift: &mut Drift,
    ) -> Result<()> {
        let named = |difference, fields| Named {
            kind,
            name: seen.name.clone(),
            remote_id: seen.id.clone(),
            difference,
            fields,
        };
        let Some(entry) = store::find(&mut self.db.reader(), target.id(), kind, &seen.id).await? else {
            let is_known = kind == ResourceKind::User
                && imports::is_of_ours(&mut self.db.reader(), target.id(), &seen.id).await?;
            let difference = if is_known { Difference::Known } else { Difference::Unmanaged };
            drift.note(named(difference, Vec::new()));
            return Ok(());
        };
        if kind == ResourceKind::Group && !entry.active {
            // Not kept in step any more: whatever became of it is right.
            return Ok(());
        }
        let fields = seen.differs(target, &entry, kind);
        if is_known_to_differ(&entry) {
            let mut tx = self.db.begin().await?;
            store::once_more(&mut tx, &entry, ctx.now()).await?;
            tx.commit().await?;
        } else if !fields.is_empty() {
            drift.note(named(Difference::Changed, fields));
            let mut tx = self.db.begin().await?;
            store::changed(&mut tx, &entry, seen.active, ctx.now()).await?;
            tx.commit().await?;
        }
        if kind == ResourceKind::Group {
            self.compare_members(ctx, target, seen, drift).await?;
        }
        Ok(())
    }

    async fn compare_members(
        &self,
        ctx: &Ctx,
        target: &Target<'_>,
        group: &Seen,
        drift: &mut Drift,
    ) -> Result<()> {
        if target.hides_members() {
            return Ok(());
        }
        let Some(entry) =
            store::find(&mut self.db.reader(), target.id(), ResourceKind::Group, &group.id).await?
        else {
            return Ok(());
        };
        let Local::Group(local) = entry.local else { return Ok(()) };
        let known = members::list_known(&mut self.db.reader(), target.id(), local).await?;
        let there = match &group.members {
            Some(there) => there.clone(),
            None if known.is_empty() => return Ok(()),
            // Some show them only to who asks for the group; an empty group has none to show.
            None => match target.members_of(ctx, &group.id).await {
                Ok(there) => there,
                Err(fault) if fault.kind == FaultKind::NotFound => return Ok(()),
                Err(fault) => return Err(unread(fault)),
            },
        };
        let ours: HashSet<&str> = known.iter().map(|member| member.remote_id.as_str()).collect();
        let named = |remote_id: &str, difference| Named {
            kind: ResourceKind::Group,
            name: group.name.clone(),
            remote_id: remote_id.to_owned(),
            difference,
            fields: Vec::new(),
        };
        for extra in there.iter().filter(|id| !ours.contains(id.as_str())) {
            drift.note(named(extra, Difference::ExtraMember));
        }
        let mut gone: Vec<_> = known.iter().filter(|member| !there.contains(&member.remote_id)).collect();
        if !gone.is_empty() && group.members.is_some() {
            // A list may show them cut short: who is in it is asked of the group itself.
            match target.members_of(ctx, &group.id).await {
                Ok(there) => gone.retain(|member| !there.contains(&member.remote_id)),
                Err(fault) if fault.kind == FaultKind::NotFound => return Ok(()),
                Err(fault) => return Err(unread(fault)),
            }
        }
        if gone.is_empty() {
            return Ok(());
        }
        let mut tx = self.db.begin().await?;
        for member in gone {
            // Of whom no answer came, it is known that they may not be there.
            if !member.unanswered {
                drift.note(named(&member.remote_id, Difference::MissingMember));
            }
            // They are looked for before they are added again; and if they leave before that, taken out all the same.
            tx.run(members::send(target.id(), local, member)).await?;
        }
        store::look_again(&mut tx, &entry, ctx.now()).await?;
        tx.commit().await
    }
}

/// What is kept of a resource while all are read.
struct Seen {
    id: String,
    name: String,
    active: bool,
    resource: Json,
    members: Option<HashSet<String>>,
}

impl Seen {
    fn of(mut found: Json) -> Self {
        let text = |name: &str| resource::text(&found, &AttributePath::of(name)).map(str::to_owned);
        let name = text("userName").or_else(|| text("displayName")).unwrap_or_default();
        let id = resource::id(&found).unwrap_or_default();
        let members = members_in(&found);
        if let Some(object) = found.as_object_mut() {
            object.remove("members");
        }
        Self { id, name, active: resource::is_active(&found).unwrap_or(true), resource: found, members }
    }

    /// The attributes that are not as they were sent.
    fn differs(&self, target: &Target<'_>, entry: &Entry, kind: ResourceKind) -> Vec<String> {
        let Some(sent) = &entry.sent else { return Vec::new() };
        let mut fields = target.not_shown(sent, &self.resource);
        let active = "active".to_owned();
        if kind == ResourceKind::User && self.active != entry.active && !fields.contains(&active) {
            fields.push(active);
        }
        fields
    }
}

/// Whether it is known already that it shows something else than it said yes to.
fn is_known_to_differ(entry: &Entry) -> bool {
    entry.state == State::Drift && entry.code.as_deref() == Some("not_applied")
}

/// It could not be read whole.
fn unread(fault: Fault) -> Error {
    let kind = if fault.kind.is_passing() { Kind::Unavailable } else { Kind::Invalid };
    Error::new(
        kind,
        fault.code,
        format!("It could not be read whole, so nothing was compared. {}", fault.message),
    )
}
