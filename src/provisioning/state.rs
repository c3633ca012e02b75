//! What administrators see of the ledger, and what they decide: how it stands with each person and group, what waits
//! for their yes, and trying again.

use crate::applications::{self, Application};
use crate::base::id::{ApplicationId, UserId};
use crate::base::paging::{Page, PageRequest};
use crate::base::{Ctx, Error, Result, Timestamp};
use crate::db::{Db, Executor, Tx};
use crate::events::{Event, EventName, record};
use crate::provisioning::connection;
use crate::provisioning::model::{Entry, Local, ResourceKind, State};
use crate::provisioning::store::{connections, ledger, state as store};

/// Most entries that are decided on at once.
pub const MAX_DECISIONS: usize = 1000;
/// Entries that are decided on in one transaction, where it is on all.
const PORTION: i64 = 200;

/// How many entries are in each state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(Vec<(ResourceKind, State, i64)>);

impl Counts {
    /// How many of a kind are in a state.
    #[must_use]
    pub fn of(&self, kind: ResourceKind, state: State) -> i64 {
        self.0.iter().filter(|(k, s, _)| *k == kind && *s == state).map(|(_, _, n)| n).sum()
    }

    /// How many there are of a kind.
    #[must_use]
    pub fn all(&self, kind: ResourceKind) -> i64 {
        self.0.iter().filter(|(k, _, _)| *k == kind).map(|(_, _, n)| n).sum()
    }
}

/// How many entries of an application are in each state.
pub async fn counts(executor: &mut impl Executor, id: ApplicationId) -> Result<Counts> {
    Ok(Counts(ledger::count_states(executor, id).await?))
}

/// One page of the entries of a kind, by id; `state`: only those.
pub async fn list(
    executor: &mut impl Executor,
    id: ApplicationId,
    kind: ResourceKind,
    state: Option<State>,
    page: &PageRequest,
) -> Result<Page<Entry>> {
    let state = state.map_or("", State::as_str);
    let after = page.after.as_deref().unwrap_or("");
    let rows = ledger::list(executor, id, kind, state, after, page.fetch()).await?;
    Ok(Page::cut(rows, page, |entry| entry.local.to_string()))
}

/// What waits for a yes, people before groups.
pub async fn approvals(
    executor: &mut impl Executor,
    id: ApplicationId,
    kind: Option<ResourceKind>,
    page: &PageRequest,
) -> Result<Page<Entry>> {
    let after = page.after.as_deref().unwrap_or("");
    let rows = ledger::list_approvals(executor, id, kind, after, page.fetch()).await?;
    Ok(Page::cut(rows, page, |entry| format!("{}{}", turn(entry.local.kind()), entry.local)))
}

/// In which order kinds are listed.
fn turn(kind: ResourceKind) -> char {
    match kind {
        ResourceKind::User => '1',
        ResourceKind::Group => '2',
    }
}

/// How it stands with a person at each application that is active, by application.
pub async fn of_user(executor: &mut impl Executor, user: UserId) -> Result<Vec<Entry>> {
    ledger::list_of_user(executor, user).await
}

/// A decision on what waits.
#[derive(Clone, Debug)]
pub struct Decision {
    /// On whose account, or on which group.
    pub local: Local,
    /// Digest of what was shown.
    pub asked: String,
    /// Yes, or no.
    pub approve: bool,
}

/// Decides, all or none: refused when one of them is not what was shown any more.
pub async fn decide(db: &Db, ctx: &Ctx, id: ApplicationId, decisions: &[Decision]) -> Result<()> {
    if decisions.is_empty() || decisions.len() > MAX_DECISIONS {
        return Err(Error::field("items", "out_of_range", "Decide on 1 to 1,000 at once."));
    }
    let mut tx = db.begin().await?;
    let application = applications::require(&mut tx, id).await?;
    connections::find(&mut tx, id).await?.ok_or_else(connection::not_configured)?;
    for decision in decisions {
        let entry = ledger::find(&mut tx, id, decision.local).await?.ok_or_else(decided)?;
        if !decide_one(&mut tx, ctx, &application, &entry, &decision.asked, decision.approve).await? {
            return Err(decided());
        }
    }
    tx.commit().await
}

/// How many changes wait since no later than an instant.
pub async fn count_asked(executor: &mut impl Executor, id: ApplicationId, until: Timestamp) -> Result<i64> {
    ledger::count_asked(executor, id, until).await
}

/// Decides on all that waits since no later than an instant, in portions; what came later was not seen. Answers on how
/// many.
pub async fn decide_all(
    db: &Db,
    ctx: &Ctx,
    id: ApplicationId,
    approve: bool,
    until: Timestamp,
) -> Result<usize> {
    let mut count = 0;
    loop {
        let mut tx = db.begin().await?;
        let application = applications::require(&mut tx, id).await?;
        connections::find(&mut tx, id).await?.ok_or_else(connection::not_configured)?;
        let mut decided = 0;
        for entry in ledger::list_asked(&mut tx, id, until, PORTION).await? {
            let asked = entry.asked.as_deref().unwrap_or_default();
            decided += usize::from(decide_one(&mut tx, ctx, &application, &entry, asked, approve).await?);
        }
        if decided == 0 {
            return Ok(count);
        }
        tx.commit().await?;
        count += decided;
    }
}

/// Answers whether it still was what is decided on.
async fn decide_one(
    tx: &mut Tx,
    ctx: &Ctx,
    application: &Application,
    entry: &Entry,
    asked: &str,
    approve: bool,
) -> Result<bool> {
    let (id, local) = (application.id, entry.local);
    let was_so = if approve {
        store::approve(tx, id, local, asked, ctx.now()).await?
    } else {
        store::reject(tx, id, local, asked, ctx.now()).await?
    };
    if was_so {
        let event = Event::new(EventName::IdmApproval)
            .target(local.kind().as_str(), local, entry.name.as_str())
            .application(id)
            .detail("application", application.label.as_str())
            .detail("approved", approve)
            .detail("change", entry.change.map_or("", |change| change.as_str()));
        record(tx, ctx, event).await?;
    }
    Ok(was_so)
}

fn decided() -> Error {
    Error::conflict(
        "approval_changed",
        "Something of this has changed or was decided meanwhile. Load the list again.",
    )
}

/// Has one entry, or everything that failed, tried again at once. Answers how many.
pub async fn retry(db: &Db, ctx: &Ctx, id: ApplicationId, which: Option<Local>) -> Result<u64> {
    let mut tx = db.begin().await?;
    let application = applications::require(&mut tx, id).await?;
    let known = connections::find(&mut tx, id).await?.ok_or_else(connection::not_configured)?;
    if !known.is_active() {
        return Err(connection::inactive());
    }
    let count = match which {
        Some(local) => {
            if !store::retry(&mut tx, id, local, ctx.now()).await? {
                return Err(Error::not_found("account or group of this application"));
            }
            1
        }
        None => store::retry_all(&mut tx, id, ctx.now()).await?,
    };
    // Whoever says so has mended what was broken.
    tx.run(connections::recover(id)).await?;
    let event = connection::event(EventName::IdmRetry, &application).detail("count", count);
    record(&mut tx, ctx, event).await?;
    tx.commit().await?;
    Ok(count)
}
