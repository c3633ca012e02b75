//! Who of ours is in a group there. Members go by differences, in portions, and what we know of them is what we sent
//! (SC-08, SC-09); members that are not ours are left alone, and one that is refused holds up none of the others.

use std::collections::HashSet;

use serde_json::{Value as Json, json};

use crate::base::Result;
use crate::base::clock::HOUR;
use crate::catalog::model::MemberRemoval;
use crate::db::group_commit::Step;
use crate::events::Event;
use crate::outbound::Method;
use crate::provisioning::client::{Fault, FaultKind};
use crate::provisioning::engine::group::Group;
use crate::provisioning::engine::outcome::{Outcome, approval_digest, event_of};
use crate::provisioning::model::{Change, State};
use crate::provisioning::store::members::{self, Member};
use crate::scim::{Operation, resource};

/// Columns of the key of a membership.
const MEMBER_KEY: usize = 3;
/// A service that fails for so many of a portion, one by one, fails for all.
const FAILS_AT: usize = 5;
/// Memberships that are noted in one write.
const AT_ONCE: usize = 200;

impl Group<'_> {
    pub(super) async fn missing(&self) -> Result<Vec<Member>> {
        let (mut reader, application) = (self.engine.db.reader(), self.target.application.id);
        let Some(plan) = &self.target.plan else {
            return members::list_missing(&mut reader, application, self.id).await;
        };
        // Whoever would have an account by then.
        let known = members::list_known(&mut reader, application, self.id).await?;
        let people = members::list_people(&mut reader, self.id).await?;
        let members = people.into_iter().filter_map(|user| {
            let remote_id = plan.account(user)?;
            let member = Member { user, remote_id, unanswered: false, left: false };
            (!known.contains(&member) && !plan.has_member(self.id, user)).then_some(member)
        });
        Ok(members.collect())
    }

    async fn surplus(&self) -> Result<Vec<Member>> {
        let (mut reader, application) = (self.engine.db.reader(), self.target.application.id);
        let mut surplus = members::list_surplus(&mut reader, application, self.id).await?;
        if let Some(plan) = &self.target.plan {
            surplus.retain(|member| !plan.is_gone(self.id, member.user));
        }
        Ok(surplus)
    }

    /// Who is in the group by an echo that shows it, else by reading it. `None`: it never tells.
    pub(super) async fn who_is_in(&self, id: &str, echo: &Json) -> Result<Option<HashSet<String>>, Fault> {
        if self.target.quirks.members_hidden {
            return Ok(None);
        }
        if let Some(there) = members_in(echo) {
            return Ok(Some(there));
        }
        self.target.members_of(self.ctx, id).await.map(Some)
    }

    /// Who is in it. `done`: what of that is done already.
    pub(super) async fn keep_members(&self, id: &str, mut done: Done) -> Result<Outcome> {
        let mut missing = self.missing().await?;
        let mut surplus = self.surplus().await?;
        let mut out = Outcome::synced(self.entry);
        out.finish.active = true;
        if missing.is_empty() && surplus.is_empty() {
            let mut out = if self.entry.state == State::Accepted {
                self.look_whether_acted(id, out).await?
            } else {
                out
            };
            out.events.extend(self.changed(id, &done));
            return Ok(out);
        }
        let content = json!({ "add": ids(&missing), "remove": ids(&surplus) });
        if !self.is_covered(&missing, &surplus)
            && let Some(mut held) = self.needs_approval(Change::Update, &content)
        {
            held.events.extend(self.changed(id, &done));
            return Ok(held);
        }
        if self.entry.attempt == Some(Change::Update)
            || missing.iter().chain(&surplus).any(|member| member.unanswered)
        {
            // A portion was sent and never answered: adding twice is two members to some.
            match self.still_to_do(id, missing, surplus).await? {
                Ok(still) => (missing, surplus) = still,
                Err(fault) if fault.kind == FaultKind::NotFound => return self.gone().await,
                Err(fault) => return Ok(self.failed(Change::Update, &fault)),
            }
        }
        let mut refused = None;
        // Who goes comes first.
        for (people, adds) in [(&surplus, false), (&missing, true)] {
            match self.send_portions(id, people, adds, &mut done).await? {
                Sent::Done(fault) => refused = fault.or(refused),
                Sent::Gone => return self.gone().await,
                Sent::Ended(ended) => return Ok(*ended),
            }
        }
        out.events.extend(self.changed(id, &done));
        if done.not_shown > 0 {
            out.finish.state = State::Drift;
            out.finish.code = Some("not_applied".to_owned());
            out.finish.message =
                Some(format!("It said yes and doesn't show {} of those who were added.", done.not_shown));
        }
        if self.target.quirks.groups_need_approval && !missing.is_empty() {
            out.finish.state = State::Accepted;
            out.finish.message = Some(format!(
                "Sent. {} lets new members in once somebody approves them there.",
                self.target.application.label
            ));
            out.finish.due_at = Some(self.ctx.now().plus(HOUR));
        }
        if let Some(fault) = refused {
            let mut failed = self.failed(Change::Update, &fault);
            failed.finish.active = true;
            failed.finish.attempt = None;
            if let Some(approved) = &mut failed.finish.approved {
                // What is left of what was approved, and nothing that was done.
                let left = json!({ "add": done.not_added, "remove": done.not_removed });
                let was = self.entry.asked_for.as_ref().map(|was| approval_digest(Change::Update, was));
                let others = approved.split(' ').filter(|one| Some(*one) != was.as_deref());
                let now = approval_digest(Change::Update, &left);
                *approved = others.chain([now.as_str()]).collect::<Vec<_>>().join(" ");
                failed.finish.asked_for = Some(left);
            }
            failed.events.extend(out.events);
            return Ok(failed);
        }
        Ok(out)
    }

    /// Whether what was approved is this or more: a change that was interrupted goes on with what is left of it.
    fn is_covered(&self, missing: &[Member], surplus: &[Member]) -> bool {
        let Some(content) = &self.entry.asked_for else { return false };
        let has = |name: &str, people: &[Member]| {
            let named = content.get(name).and_then(Json::as_array);
            let named: HashSet<&str> = named.into_iter().flatten().filter_map(Json::as_str).collect();
            ids(people).into_iter().all(|id| named.contains(id))
        };
        (self.is_approved(Change::Update, content) && has("add", missing) && has("remove", surplus))
            || (self.is_approved(Change::Create, content) && has("members", missing) && surplus.is_empty())
    }

    /// Takes those out who are suspended or deleted here: they wait for nobody (decision 34).
    pub(super) async fn let_go(&self, id: &str, done: &mut Done) -> Result<Sent> {
        let surplus = self.surplus().await?;
        let left: Vec<Member> = surplus.into_iter().filter(|member| member.left).collect();
        self.send_portions(id, &left, false, done).await
    }

    /// Adds people, or takes them out, in portions; one who is refused holds up none of the others.
    pub(super) async fn send_portions(
        &self,
        id: &str,
        people: &[Member],
        adds: bool,
        done: &mut Done,
    ) -> Result<Sent> {
        let mut refused = None;
        let (mut reader, application) = (self.engine.db.reader(), self.target.application.id);
        done.mixed = adds && members::is_any_sent(&mut reader, application, self.id).await?;
        // Whoever was sent before and is not in it comes last: the others are not held up by them.
        let (again, fresh): (Vec<Member>, Vec<Member>) =
            people.iter().cloned().partition(|member| member.unanswered);
        let limit = self.target.membership_limit();
        for (nth, portion) in fresh.chunks(limit).chain(again.chunks(limit)).enumerate() {
            // What was begun is done in part at least.
            if nth > 0 && self.must_wait().await? {
                return Ok(Sent::ended(self.interrupted(id, done)));
            }
            let fault = match self.send_portion(id, portion, adds, done).await? {
                Ok(()) => continue,
                Err(fault) => fault,
            };
            if !is_of_members(&fault) {
                return Ok(Sent::ended(self.failed_midway(id, &fault, done)));
            }
            if self.is_gone(id).await? {
                return Ok(Sent::Gone);
            }
            // One of them is the reason.
            let mut faults = if portion.len() == 1 { vec![(&portion[0], fault)] } else { Vec::new() };
            for member in portion.iter().filter(|_| portion.len() > 1) {
                if self.must_wait().await? {
                    return Ok(Sent::ended(self.interrupted(id, done)));
                }
                match self.send_portion(id, std::slice::from_ref(member), adds, done).await? {
                    Ok(()) => {}
                    Err(fault) if fault.kind == FaultKind::Passing && faults.len() + 1 >= FAILS_AT => {
                        // It is the service, not one of them.
                        return Ok(Sent::ended(self.failed_midway(id, &fault, done)));
                    }
                    Err(fault) if is_of_members(&fault) => faults.push((member, fault)),
                    Err(fault) => return Ok(Sent::ended(self.failed_midway(id, &fault, done))),
                }
            }
            let there = if adds { self.who_came_in(id, &faults).await } else { None };
            for (member, fault) in faults {
                let member = std::slice::from_ref(member);
                if there.as_ref().is_some_and(|there| there.contains(&member[0].remote_id)) {
                    // Twice was refused, once was done.
                    self.note_found(member).await?;
                    done.added += 1;
                    continue;
                }
                // Who is not known there is in no group there.
                let is_out = fault.kind == FaultKind::NotFound;
                if is_out || (there.is_some() && !member[0].unanswered) {
                    self.note_gone(member).await?;
                }
                if adds || !is_out {
                    let left = if adds { &mut done.not_added } else { &mut done.not_removed };
                    left.push(member[0].remote_id.clone());
                    refused = Some(fault);
                } else {
                    done.removed += 1;
                }
            }
        }
        Ok(Sent::Done(refused))
    }

    /// Who is in the group, where some were refused whom we may have sent before: a service that does not take anybody
    /// twice says no to them too. `None`: that is not asked, or not told, and what was sent stays as unknown as it is.
    async fn who_came_in(&self, id: &str, faults: &[(&Member, Fault)]) -> Option<HashSet<String>> {
        let is_doubtful = |fault: &Fault| !matches!(fault.kind, FaultKind::NotFound | FaultKind::Passing);
        if !faults.iter().any(|(_, fault)| is_doubtful(fault)) {
            return None;
        }
        // One that shows nobody may hide them.
        self.who_is_in(id, &json!({})).await.ok().flatten().filter(|there| !there.is_empty())
    }

    async fn send_portion(
        &self,
        id: &str,
        portion: &[Member],
        adds: bool,
        done: &mut Done,
    ) -> Result<Result<(), Fault>> {
        self.begin(Change::Update, portion).await?;
        if adds {
            let echo = match self.add(id, portion).await {
                Ok(echo) => echo,
                Err(fault) => return Ok(Err(fault)),
            };
            match self.shown_of(id, portion, echo).await {
                None => {
                    self.note_added(portion, done.mixed).await?;
                    done.added += portion.len();
                }
                // Of the others no answer came that is one: they are looked for before they are added again.
                Some(shown) => {
                    self.note_found(&shown).await?;
                    done.added += shown.len();
                    done.not_shown += portion.len() - shown.len();
                }
            }
        } else {
            if let Err(fault) = self.remove(id, portion).await {
                return Ok(Err(fault));
            }
            self.note_gone(portion).await?;
            done.removed += portion.len();
        }
        Ok(Ok(()))
    }

    /// Between two portions: whether somebody leaves meanwhile and comes first (SC-16), or the other side takes no more for
    /// now.
    async fn must_wait(&self) -> Result<bool> {
        if self.target.plan.is_some() {
            return Ok(false);
        }
        Ok(!self.target.may_begin(self.ctx, false).await?
            || self.target.is_stopped()
            || self.engine.is_overtaken(self.ctx, self.target, false).await?)
    }

    /// What was done is noted; the rest is taken up again at once.
    fn interrupted(&self, id: &str, done: &Done) -> Outcome {
        let mut out = Outcome::synced(self.entry);
        out.finish.active = true;
        out.finish.state = State::Pending;
        out.finish.due_at = Some(self.ctx.now());
        out.finish.keep_approval(self.entry);
        out.events.extend(self.changed(id, done));
        out
    }

    pub(super) fn changed(&self, id: &str, done: &Done) -> Option<Event> {
        (done.added + done.removed > 0).then(|| {
            event_of(self.target, self.entry, Change::Update)
                .detail("remote_id", id)
                .detail("added", done.added)
                .detail("removed", done.removed)
        })
    }

    /// Who is really to be added and removed, by who is in the group now.
    async fn still_to_do(
        &self,
        id: &str,
        missing: Vec<Member>,
        surplus: Vec<Member>,
    ) -> Result<Result<(Vec<Member>, Vec<Member>), Fault>> {
        let there = match self.who_is_in(id, &json!({})).await {
            Ok(Some(there)) => there,
            Ok(None) => return Ok(Ok((missing, surplus))),
            Err(fault) => return Ok(Err(fault)),
        };
        let is_there = |member: &Member| there.contains(&member.remote_id);
        let (in_it, missing): (Vec<_>, Vec<_>) = missing.into_iter().partition(is_there);
        self.note_found(&in_it).await?;
        // Whoever is not shown may be in it all the same, where not everybody is shown: to take them out twice does no harm.
        Ok(Ok((missing, surplus)))
    }

    /// Whether the group itself is not there any more.
    async fn is_gone(&self, id: &str) -> Result<bool> {
        let looked = self.target.send(self.ctx, Method::Get, &Self::path(id), None, None).await;
        Ok(looked.is_err_and(|fault| fault.kind == FaultKind::NotFound))
    }

    /// A portion failed: those before it are noted, and this one is looked at before it is sent again.
    fn failed_midway(&self, id: &str, fault: &Fault, done: &Done) -> Outcome {
        let mut out = self.failed(Change::Update, fault);
        out.finish.attempt = Some(Change::Update);
        out.finish.active = true;
        out.events.extend(self.changed(id, done));
        out
    }

    async fn add(&self, id: &str, portion: &[Member]) -> Result<Option<Json>, Fault> {
        let operation = Operation::add_members(portion.iter().map(|member| member.remote_id.as_str()));
        self.target.change(self.ctx, &Self::path(id), &[operation], None).await
    }

    /// Those of a portion that was added whom the other side shows, where that is not all of them (SC-19). One that shows
    /// nobody may hide them.
    async fn shown_of(&self, id: &str, portion: &[Member], echo: Option<Json>) -> Option<Vec<Member>> {
        let quirks = &self.target.quirks;
        if self.target.plan.is_some() || quirks.members_hidden || quirks.groups_need_approval {
            return None;
        }
        let echo = match echo {
            None if quirks.read_back => self.read(id).await,
            echo => echo,
        };
        let there = members_in(echo.as_ref()?)?;
        if there.is_empty() && !quirks.read_back {
            return None;
        }
        let is_there = |member: &&Member| there.contains(&member.remote_id);
        let shown: Vec<Member> = portion.iter().filter(is_there).cloned().collect();
        (shown.len() < portion.len()).then_some(shown)
    }

    /// What is there now of the group, where it is shown.
    pub(super) async fn read(&self, id: &str) -> Option<Json> {
        let reply = self.target.send(self.ctx, Method::Get, &Self::path(id), None, None).await;
        reply.ok().and_then(|reply| reply.body)
    }

    /// Some take members out only one way, some only the other, some by putting the group back whole.
    pub(super) async fn remove(&self, id: &str, portion: &[Member]) -> Result<(), Fault> {
        let path = Self::path(id);
        let by_filter =
            || portion.iter().map(|member| Operation::remove_member(&member.remote_id)).collect::<Vec<_>>();
        let by_list =
            || vec![Operation::remove_member_values(portion.iter().map(|member| member.remote_id.as_str()))];
        let (first, second) = match self.target.quirks.member_removal {
            MemberRemoval::Filter => (by_filter(), by_list()),
            MemberRemoval::List => (by_list(), by_filter()),
        };
        match self.target.change(self.ctx, &path, &first, None).await {
            Err(fault) if matches!(fault.kind, FaultKind::NotImplemented | FaultKind::Refused) => {}
            done => return done.map(drop),
        }
        match self.target.change(self.ctx, &path, &second, None).await {
            Err(fault) if matches!(fault.kind, FaultKind::NotImplemented | FaultKind::Refused) => {}
            done => return done.map(drop),
        }
        // Put back whole is only what is shown whole: nobody else loses the group by it.
        let known = members::list_known(&mut self.engine.db.reader(), self.target.application.id, self.id)
            .await
            .map_err(|error| Fault {
                kind: FaultKind::Passing,
                code: "provisioning_unread",
                message: error.message.to_string(),
                retry_after: None,
            })?;
        match self.who_is_in(id, &json!({})).await? {
            Some(there) if portion.iter().all(|member| !there.contains(&member.remote_id)) => Ok(()),
            Some(there) if there.len() >= known.len() => {
                self.target.put(self.ctx, &path, &by_filter()).await.map(drop)
            }
            _ => Err(Fault {
                kind: FaultKind::Refused,
                code: "members_not_removable",
                message: "It takes members out in no way that we know, and doesn't show all of a group. Take them out there."
                    .to_owned(),
                retry_after: None,
            }),
        }
    }

    /// Notes that it is not known whether these are in it, before anything is sent of them, with the lease still ours
    /// (SE-01): whoever leaves or comes back before an answer comes is taken out, or put in, all the same. In a group that
    /// is made nobody is yet.
    pub(super) async fn begin(&self, change: Change, people: &[Member]) -> Result<()> {
        let application = self.target.application.id;
        let mut steps = vec![self.engine.fence(self.entry, Some(change), self.entry.sent.as_ref())?];
        if change == Change::Create {
            steps.push(Step::Any(members::remove_all(application, self.id)));
        }
        let send = |member: &Member| Step::Latest(members::send(application, self.id, member), MEMBER_KEY);
        steps.extend(people.iter().map(send));
        self.engine.write(self.target, steps).await
    }

    /// Nobody is in it any more.
    pub(super) async fn note_empty(&self) -> Result<()> {
        self.write_fenced(vec![Step::Any(members::remove_all(self.target.application.id, self.id))]).await
    }

    /// Notes that those of a portion, which goes by their ids, are in it.
    pub(super) async fn confirm(&self, portion: &[Member]) -> Result<()> {
        let (Some(first), Some(last)) = (portion.first(), portion.last()) else { return Ok(()) };
        if let Some(plan) = &self.target.plan {
            plan.note_members(self.id, portion.iter().map(|member| member.user));
            return Ok(());
        }
        let query = members::confirm(self.target.application.id, self.id, first.user, last.user);
        self.write_fenced(vec![Step::Any(query)]).await
    }

    /// Notes that those of a portion are in it. `mixed`: others between them were sent before, and are not.
    async fn note_added(&self, portion: &[Member], mixed: bool) -> Result<()> {
        if mixed { self.note_found(portion).await } else { self.confirm(portion).await }
    }

    /// Of those who were sent, notes who is in it and who is not.
    pub(super) async fn settle(&self, sent: Vec<Member>, there: &HashSet<String>) -> Result<usize> {
        let (taken, others): (Vec<_>, Vec<_>) =
            sent.into_iter().partition(|member| there.contains(&member.remote_id));
        self.note_found(&taken).await?;
        self.note_gone(&others).await?;
        Ok(taken.len())
    }

    /// Notes who was found in it: by us, where we had sent it, else before we came.
    pub(super) async fn note_found(&self, found: &[Member]) -> Result<()> {
        if let Some(plan) = &self.target.plan {
            plan.note_members(self.id, found.iter().map(|member| member.user));
            return Ok(());
        }
        let application = self.target.application.id;
        let find = |member: &Member| Step::Latest(members::find(application, self.id, member), MEMBER_KEY);
        for portion in found.chunks(AT_ONCE) {
            self.write_fenced(portion.iter().map(find).collect()).await?;
        }
        Ok(())
    }

    /// Notes who is not in it any more.
    pub(super) async fn note_gone(&self, gone: &[Member]) -> Result<()> {
        if let Some(plan) = &self.target.plan {
            plan.note_gone(self.id, gone.iter().map(|member| member.user));
            return Ok(());
        }
        let application = self.target.application.id;
        let remove = |member: &Member| Step::Any(members::remove(application, self.id, member));
        for portion in gone.chunks(AT_ONCE) {
            self.write_fenced(portion.iter().map(remove).collect()).await?;
        }
        Ok(())
    }

    async fn write_fenced(&self, rows: Vec<Step>) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut steps = vec![self.engine.fence(self.entry, self.entry.attempt, None)?];
        steps.extend(rows);
        self.engine.write(self.target, steps).await
    }

    /// Whether the other side has acted on what it accepted (SC-20).
    async fn look_whether_acted(&self, id: &str, mut out: Outcome) -> Result<Outcome> {
        let there = match self.who_is_in(id, &json!({})).await {
            Ok(Some(there)) => there,
            Ok(None) => return Ok(out),
            Err(fault) => return Ok(self.failed(Change::Update, &fault)),
        };
        let ours =
            members::list_accounts(&mut self.engine.db.reader(), self.target.application.id, self.id).await?;
        let waiting = ours.iter().filter(|member| !there.contains(&member.remote_id)).count();
        if waiting > 0 {
            out.finish.state = State::Accepted;
            out.finish.message = Some(format!("{waiting} of its people wait to be approved there."));
            out.finish.due_at = Some(self.ctx.now().plus(HOUR));
        }
        Ok(out)
    }
}

/// How many members were added and taken out.
#[derive(Debug, Default)]
pub(super) struct Done {
    added: usize,
    removed: usize,
    /// Of those who were added, how many the other side does not show.
    not_shown: usize,
    /// Of others no answer came yet.
    mixed: bool,
    /// The ids of those who were not taken in.
    not_added: Vec<String>,
    /// The ids of those who were not let out.
    not_removed: Vec<String>,
}

/// What came of portions.
pub(super) enum Sent {
    /// All were sent; how the last was refused who was.
    Done(Option<Fault>),
    /// The group is not there any more.
    Gone,
    /// No more is sent now.
    Ended(Box<Outcome>),
}

impl Sent {
    fn ended(outcome: Outcome) -> Self {
        Self::Ended(Box::new(outcome))
    }
}

/// Whether a refusal may be about one of those who were named.
fn is_of_members(fault: &Fault) -> bool {
    match fault.kind {
        FaultKind::NotFound | FaultKind::Refused | FaultKind::Conflict => true,
        FaultKind::Passing => fault.code == "scim_unavailable" && fault.retry_after.is_none(),
        _ => false,
    }
}

/// The ids of the members that a group shows; `None`: it shows none, and may have some.
pub(super) fn members_in(group: &Json) -> Option<HashSet<String>> {
    let list = resource::member(group, "members")?.as_array()?;

    let id = |member: &Json| match member {
        Json::String(id) => Some(id.clone()),
        member => resource::member(member, "value").and_then(Json::as_str).map(str::to_owned),
    };
    Some(list.iter().filter_map(id).collect())
}

pub(super) fn ids(members: &[Member]) -> Vec<&str> {
    members.iter().map(|member| member.remote_id.as_str()).collect()
}
