//! Who of ours is in a group there. Members go by differences, in portions, and what we know of them is what we sent
//! (SC-08, SC-09); members that are not ours are left alone, and one that is refused holds up none of the others.

use std::collections::HashSet;

use serde_json::{Value as Json, json};

use crate::base::Result;
use crate::base::clock::HOUR;
use crate::catalog::model::MemberRemoval;
use crate::db::group_commit::Step;
use crate::outbound::Method;
use crate::provisioning::client::{Fault, FaultKind};
use crate::provisioning::engine::group::Group;
use crate::provisioning::engine::outcome::{Outcome, event_of};
use crate::provisioning::model::{Change, State};
use crate::provisioning::store::members::{self, Member};
use crate::scim::{Operation, resource};

/// Columns of the key of a membership.
const MEMBER_KEY: usize = 3;

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
            let member = Member { user, remote_id: plan.account(user)?, unanswered: false };
            (!known.contains(&member) && !plan.has_member(self.id, user)).then_some(member)
        });
        Ok(members.collect())
    }

    /// Who is in the group by an echo that shows it, else by reading it. `None`: it never tells.
    pub(super) async fn who_is_in(&self, id: &str, echo: &Json) -> Result<Option<HashSet<String>>, Fault> {
        if self.target.quirks.members_hidden {
            return Ok(None);
        }
        if let Some(list) = resource::member(echo, "members").and_then(Json::as_array) {
            return Ok(Some(ids_of(list)));
        }
        let reply = self.target.send(self.ctx, Method::Get, &Self::path(id), None, None).await?;
        let list =
            reply.body.as_ref().and_then(|body| resource::member(body, "members")).and_then(Json::as_array);
        Ok(Some(list.map(|list| ids_of(list)).unwrap_or_default()))
    }

    pub(super) async fn keep_members(&self, id: &str) -> Result<Outcome> {
        let application = self.target.application.id;
        let mut missing = self.missing().await?;
        let mut surplus = members::list_surplus(&mut self.engine.db.reader(), application, self.id).await?;
        let mut out = Outcome::synced(self.entry);
        out.finish.active = true;
        if missing.is_empty() && surplus.is_empty() {
            if self.entry.state == State::Accepted {
                return self.look_whether_acted(id, out).await;
            }
            return Ok(out);
        }
        if let Some(held) =
            self.needs_approval(Change::Update, &json!({ "add": ids(&missing), "remove": ids(&surplus) }))
        {
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
        let event = event_of(self.target, self.entry, Change::Update)
            .detail("remote_id", id)
            .detail("added", missing.len())
            .detail("removed", surplus.len());
        let limit = self.target.membership_limit();
        let mut refused = None;
        for portion in missing.chunks(limit) {
            self.begin(Change::Update, portion).await?;
            match self.add(id, portion).await {
                Ok(()) => self.confirm(portion).await?,
                Err(fault) if is_of_members(&fault) => {
                    if self.is_gone(id).await? {
                        return self.gone().await;
                    }
                    // One of them is the reason: the others need not wait for that one, nor do those who leave.
                    refused = self.add_singly(id, portion).await?.or(refused);
                }
                Err(fault) => return Ok(self.failed_midway(&fault)),
            }
        }
        for portion in surplus.chunks(limit) {
            self.engine.begin(self.target, self.entry, Change::Update, None).await?;
            match self.remove(id, portion).await {
                Ok(()) => self.note_gone(portion).await?,
                Err(fault) if fault.kind == FaultKind::NotFound => {
                    return self.gone_or_member(id, fault).await;
                }
                Err(fault) => return Ok(self.failed_midway(&fault)),
            }
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
            let mut out = self.failed(Change::Update, &fault);
            out.finish.active = true;
            out.finish.attempt = None;
            return Ok(out);
        }
        if missing.is_empty() && surplus.is_empty() { Ok(out) } else { Ok(out.with_event(event)) }
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
        let (surplus, gone): (Vec<_>, Vec<_>) = surplus.into_iter().partition(is_there);
        self.note_found(&in_it).await?;
        self.note_gone(&gone).await?;
        Ok(Ok((missing, surplus)))
    }

    /// Adds members one by one; answers how the last of those was refused that were.
    async fn add_singly(&self, id: &str, portion: &[Member]) -> Result<Option<Fault>> {
        let mut refused = None;
        for member in portion {
            match self.add(id, std::slice::from_ref(member)).await {
                Ok(()) => self.confirm(std::slice::from_ref(member)).await?,
                Err(fault) if is_of_members(&fault) => refused = Some(fault),
                Err(fault) => return Ok(Some(fault)),
            }
        }
        Ok(refused)
    }

    /// Whether the group itself is not there any more.
    async fn is_gone(&self, id: &str) -> Result<bool> {
        let looked = self.target.send(self.ctx, Method::Get, &Self::path(id), None, None).await;
        Ok(looked.is_err_and(|fault| fault.kind == FaultKind::NotFound))
    }

    /// A portion failed: those before it are noted, and this one is looked at before it is sent again.
    fn failed_midway(&self, fault: &Fault) -> Outcome {
        let mut out = self.failed(Change::Update, fault);
        out.finish.attempt = Some(Change::Update);
        out
    }

    async fn add(&self, id: &str, portion: &[Member]) -> Result<(), Fault> {
        let operation = Operation::add_members(portion.iter().map(|member| member.remote_id.as_str()));
        self.target.change(self.ctx, &Self::path(id), &[operation], None).await.map(drop)
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
        self.target.put(self.ctx, &path, &by_filter()).await.map(drop)
    }

    /// Notes that these are added, before it is sent, with the lease still ours (SE-01): whoever leaves before an answer
    /// comes is taken out all the same.
    pub(super) async fn begin(&self, change: Change, added: &[Member]) -> Result<()> {
        let application = self.target.application.id;
        let mut steps = vec![self.engine.fence(self.entry, Some(change), self.entry.sent.as_ref())?];
        let send = |member: &Member| Step::Latest(members::send(application, self.id, member), MEMBER_KEY);
        steps.extend(added.iter().map(send));
        self.engine.write(self.target, steps).await
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
        self.write_fenced(found.iter().map(find).collect()).await
    }

    /// Notes who is not in it any more.
    pub(super) async fn note_gone(&self, gone: &[Member]) -> Result<()> {
        let application = self.target.application.id;
        let remove = |member: &Member| Step::Any(members::remove(application, self.id, member));
        self.write_fenced(gone.iter().map(remove).collect()).await
    }

    async fn write_fenced(&self, rows: Vec<Step>) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut steps = vec![self.engine.fence(self.entry, self.entry.attempt, None)?];
        steps.extend(rows);
        self.engine.write(self.target, steps).await
    }

    /// Something is not there: the group, or one of those who were named.
    async fn gone_or_member(&self, id: &str, fault: Fault) -> Result<Outcome> {
        match self.target.send(self.ctx, Method::Get, &Self::path(id), None, None).await {
            Err(other) if other.kind == FaultKind::NotFound => self.gone().await,
            Err(other) => Ok(self.failed(Change::Update, &other)),
            Ok(_) => Ok(self.failed_midway(&fault)),
        }
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

/// Whether a refusal may be about one of those who were named.
fn is_of_members(fault: &Fault) -> bool {
    match fault.kind {
        FaultKind::NotFound | FaultKind::Refused | FaultKind::Conflict => true,
        FaultKind::Passing => fault.code == "scim_unavailable" && fault.retry_after.is_none(),
        _ => false,
    }
}

fn ids_of(list: &[Json]) -> HashSet<String> {
    let id = |member: &Json| match member {
        Json::String(id) => Some(id.clone()),
        member => resource::member(member, "value").and_then(Json::as_str).map(str::to_owned),
    };
    list.iter().filter_map(id).collect()
}

pub(super) fn ids(members: &[Member]) -> Vec<&str> {
    members.iter().map(|member| member.remote_id.as_str()).collect()
}
