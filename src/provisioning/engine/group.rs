//! One group: whether it should be there, what it is called, and who of ours is in it. Members go by differences, in
//! portions, and what we know of them is what we sent (SC-08, SC-09); members that are not ours are left alone.

use std::collections::HashSet;

use serde_json::{Value as Json, json};

use crate::applications::binding;
use crate::base::clock::HOUR;
use crate::base::id::{GroupId, UserId};
use crate::base::{Ctx, Result};
use crate::catalog::model::{AdoptGroups, MemberRemoval};
use crate::catalog::sso::GroupFilter;
use crate::db::group_commit::Step;
use crate::directory::groups;
use crate::outbound::Method;
use crate::provisioning::client::{Fault, FaultKind, encoded};
use crate::provisioning::engine::Engine;
use crate::provisioning::engine::outcome::{Outcome, approval_digest, event_of};
use crate::provisioning::engine::target::{Found, Target};
use crate::provisioning::mapping;
use crate::provisioning::model::{Change, Entry, Origin, ResourceKind, State};
use crate::provisioning::store::ledger;
use crate::provisioning::store::members::{self, Member};
use crate::scim::schema::GROUP_URN;
use crate::scim::{AttributePath, Operation, resource};

/// Columns of the key of a membership.
const MEMBER_KEY: usize = 3;

/// Looks at one group's entry and does what is to be done.
pub(super) async fn look(
    engine: &Engine,
    target: &Target<'_>,
    ctx: &Ctx,
    mut entry: Entry,
    id: GroupId,
) -> Result<(Entry, Outcome)> {
    let mut reader = engine.db.reader();
    let name = groups::find_name(&mut reader, id).await?;
    let is_bound =
        binding::groups_of(&mut reader, target.application.id).await?.iter().any(|(bound, _)| *bound == id);
    let exists = name.is_some();
    if let Some(name) = name {
        entry.name = name;
    }
    let is_managed = is_bound && target.connection.settings.manage_groups;
    let group = Group { engine, target, ctx, entry: &entry, id };
    let outcome = if is_managed {
        group.present().await?
    } else if exists || !entry.active {
        group.left_alone(exists)
    } else {
        group.deleted().await?
    };
    Ok((entry, outcome))
}

struct Group<'a> {
    engine: &'a Engine,
    target: &'a Target<'a>,
    ctx: &'a Ctx,
    entry: &'a Entry,
    id: GroupId,
}

impl Group<'_> {
    fn failed(&self, change: Change, fault: &Fault) -> Outcome {
        Outcome::failed(self.ctx, self.target, self.entry, change, fault)
    }

    /// Not bound any more, or groups are not managed: what is there stays, and we remember what it was.
    fn left_alone(&self, exists: bool) -> Outcome {
        if self.entry.remote_id.is_none() || !exists {
            let mut out = Outcome::forgotten(self.entry);
            out.rows = Vec::new();
            return out;
        }
        let mut out = Outcome::synced(self.entry);
        out.finish.active = false;
        out.finish.message = Some("It is not kept in step any more.".to_owned());
        out
    }

    fn needs_approval(&self, change: Change, content: &Json) -> Option<Outcome> {
        let is_asked = self.target.connection.settings.require_approval.contains(&change);
        (is_asked && !self.is_approved(change, content)).then(|| {
            self.hold(change, content, "approval_required", "Waits for an administrator to approve it.")
        })
    }

    fn is_approved(&self, change: Change, content: &Json) -> bool {
        self.entry.is_approved(&approval_digest(change, content))
    }

    fn hold(&self, change: Change, content: &Json, code: &str, message: &str) -> Outcome {
        let mut out = Outcome::held(self.entry, State::AwaitingApproval, change, code, message);
        out.finish.asked = Some(approval_digest(change, content));
        out
    }

    fn path(id: &str) -> String {
        format!("/Groups/{}", encoded(id))
    }

    fn external_id(&self) -> String {
        // The same kind of id as people have.
        self.id.to_string().parse::<UserId>().map(mapping::external_id).unwrap_or_default()
    }

    async fn present(&self) -> Result<Outcome> {
        match self.entry.remote_id.clone() {
            Some(id) => self.keep(&id).await,
            None => self.make().await,
        }
    }

    async fn missing(&self) -> Result<Vec<Member>> {
        let (mut reader, application) = (self.engine.db.reader(), self.target.application.id);
        let Some(plan) = &self.target.plan else {
            return members::list_missing(&mut reader, application, self.id).await;
        };
        // Whoever would have an account by then.
        let known = members::list_known(&mut reader, application, self.id).await?;
        let people = members::list_people(&mut reader, self.id).await?;
        let members = people.into_iter().filter_map(|user| {
            let member = Member { user, remote_id: plan.account(user)? };
            (!known.contains(&member) && !plan.has_member(self.id, user)).then_some(member)
        });
        Ok(members.collect())
    }

    async fn make(&self) -> Result<Outcome> {
        let people = self.missing().await?;
        if people.is_empty() && self.entry.attempt.is_none() {
            // Whoever gets an account marks the groups they are in.
            let mut out = Outcome::synced(self.entry);
            out.finish.active = true;
            out.finish.message = Some("Nobody of it has an account there, so it is not made.".to_owned());
            return Ok(out);
        }
        let began = self.entry.attempt == Some(Change::Create);
        let wanted = json!({ "displayName": self.entry.name });
        if !began && let Some(held) = self.needs_approval(Change::Create, &wanted) {
            return Ok(held);
        }
        let is_absent = !began
            && self
                .target
                .groups
                .as_ref()
                .is_some_and(|scan| scan.is_absent(&self.entry.name, &self.external_id()));
        if !is_absent {
            match self.target.search(self.ctx, "Groups", "displayName", &self.entry.name).await {
                Err(fault) => return Ok(self.failed(Change::Create, &fault)),
                Ok(Found::Nothing) => {}
                Ok(found) => return self.take_over(found).await,
            }
        }
        let limit = self.target.membership_limit();
        let first: Vec<Member> = people.into_iter().take(limit).collect();
        let mut body = json!({
            "schemas": [GROUP_URN],
            "displayName": self.entry.name,
            "members": first.iter().map(|member| json!({ "value": member.remote_id })).collect::<Vec<_>>(),
        });
        if !self.target.quirks.no_external_id {
            body["externalId"] = json!(self.external_id());
        }
        self.engine.begin(self.target, self.entry, Change::Create, None).await?;
        let reply = match self.target.send(self.ctx, Method::Post, "/Groups", Some(&body), None).await {
            Ok(reply) => reply,
            Err(fault) if fault.kind == FaultKind::Conflict => {
                return match self.target.search(self.ctx, "Groups", "displayName", &self.entry.name).await {
                    Ok(Found::Nothing) => Ok(Outcome::held(
                        self.entry,
                        State::Conflict,
                        Change::Create,
                        "group_hidden",
                        "It says that a group of this name is there already, and doesn't show it. Look for it there, then try again.",
                    )),
                    Ok(found) => self.take_over(found).await,
                    Err(fault) => Ok(self.failed(Change::Create, &fault)),
                };
            }
            Err(fault) => return Ok(self.failed(Change::Create, &fault).after(Change::Create, &fault)),
        };
        let echo = reply.body.unwrap_or_default();
        let Some(id) = resource::id(&echo) else {
            let fault = Fault {
                kind: FaultKind::Lost,
                code: "scim_no_id",
                message: "It made a group and tells no id of it.".to_owned(),
                retry_after: None,
            };
            return Ok(self.failed(Change::Create, &fault).after(Change::Create, &fault));
        };
        let mut entry = self.linked(&id, Origin::Created);
        let taken = match self.who_is_in(&id, &echo).await {
            Ok(Some(there)) => first.into_iter().filter(|member| there.contains(&member.remote_id)).collect(),
            Ok(None) => first,
            Err(_) => {
                // Who of them is in it is looked at before any is added again.
                entry.attempt = Some(Change::Update);
                Vec::new()
            }
        };
        let made = Group { entry: &entry, ..*self };
        let event = event_of(self.target, self.entry, Change::Create)
            .detail("remote_id", id.as_str())
            .detail("members", taken.len());
        made.note(&taken, &[]).await?;
        Ok(made.keep_members(&id).await?.with_event(event))
    }

    /// Who is in the group by an echo that shows it, else by reading it. `None`: it never tells.
    async fn who_is_in(&self, id: &str, echo: &Json) -> Result<Option<HashSet<String>>, Fault> {
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

    fn linked(&self, id: &str, origin: Origin) -> Entry {
        Entry {
            remote_id: Some(id.to_owned()),
            origin: Some(origin),
            active: true,
            sent: Some(json!({ "displayName": self.entry.name })),
            attempt: None,
            ..self.entry.clone()
        }
    }

    /// A group of this name is there: it is taken over, unless somebody should be asked (decision 33).
    async fn take_over(&self, found: Found) -> Result<Outcome> {
        let conflict = |code: &str, message: &str| {
            Outcome::held(self.entry, State::Conflict, Change::Create, code, message)
        };
        let Found::One(found) = found else {
            return Ok(conflict(
                "several_groups",
                "Several groups there have this name. Leave one of them, then try again.",
            ));
        };
        let Some(id) = resource::id(&found) else {
            return Ok(conflict("group_without_id", "The group that is there has no id."));
        };
        let mut reader = self.engine.db.reader();
        let holder =
            ledger::holder_of(&mut reader, self.target.application.id, ResourceKind::Group, &id).await?;
        if holder.is_some_and(|holder| holder != self.id.to_string()) {
            return Ok(conflict("group_taken", "The group of this name belongs to another group of ours."));
        }
        let is_ours =
            resource::text(&found, &AttributePath::of("externalId")) == Some(self.external_id().as_str());
        let content = json!({ "adopt": id });
        let privileged =
            GroupFilter { include: self.target.quirks.privileged_groups.clone(), exclude: Vec::new() };
        let is_privileged = !privileged.include.is_empty() && privileged.accepts(&self.entry.name);
        let asks = is_privileged || self.target.quirks.adopt_groups == AdoptGroups::Ask;
        if asks && !is_ours && !self.is_approved(Change::Create, &content) {
            return Ok(self.hold(
                Change::Create,
                &content,
                "group_exists",
                "A group of this name is there already. Approve that it is taken over, or rename one of them.",
            ));
        }
        let origin = if is_ours && self.entry.attempt == Some(Change::Create) {
            Origin::Created
        } else {
            Origin::Adopted
        };
        let mut entry = self.linked(&id, origin);
        if resource::text(&found, &AttributePath::of("displayName")) != Some(self.entry.name.as_str()) {
            // The same but for its case.
            entry.sent = None;
        }
        let group = Group { entry: &entry, ..*self };
        // Who is in it already need not be added.
        match group.who_is_in(&id, &json!({})).await {
            Ok(Some(there)) => {
                let accounts =
                    members::list_accounts(&mut self.engine.db.reader(), self.target.application.id, self.id)
                        .await?;
                let found: Vec<Member> =
                    accounts.into_iter().filter(|member| there.contains(&member.remote_id)).collect();
                group.note_as(&found, &[], true).await?;
            }
            Ok(None) => {}
            Err(fault) => return Ok(self.failed(Change::Create, &fault)),
        }
        let event = event_of(self.target, self.entry, Change::Update)
            .detail("remote_id", id.as_str())
            .detail("taken_over", true);
        Ok(group.keep(&id).await?.with_event(event))
    }

    /// The group's name, then who is in it.
    async fn keep(&self, id: &str) -> Result<Outcome> {
        let known = self.entry.sent.as_ref().and_then(|sent| sent.get("displayName")).and_then(Json::as_str);
        if known == Some(self.entry.name.as_str()) {
            return self.keep_members(id).await;
        }
        if let Some(held) = self.needs_approval(Change::Update, &json!({ "displayName": self.entry.name })) {
            return Ok(held);
        }
        let rename = Operation::replace(AttributePath::of("displayName"), json!(self.entry.name));
        match self.target.change(self.ctx, &Self::path(id), &[rename]).await {
            Ok(_) => {
                let event = event_of(self.target, self.entry, Change::Update)
                    .detail("remote_id", id)
                    .detail("name", self.entry.name.as_str());
                let sent = Some(json!({ "displayName": self.entry.name }));
                let entry = Entry { sent, ..self.entry.clone() };
                Ok(Group { entry: &entry, ..*self }.keep_members(id).await?.with_event(event))
            }
            Err(fault) if fault.kind == FaultKind::NotFound => self.gone().await,
            Err(fault) => Ok(self.failed(Change::Update, &fault)),
        }
    }

    async fn keep_members(&self, id: &str) -> Result<Outcome> {
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
        if self.entry.attempt == Some(Change::Update) {
            // A portion was sent and never answered: adding twice is two members to some.
            match self.who_is_in(id, &json!({})).await {
                Ok(Some(there)) => {
                    let (in_it, still): (Vec<_>, Vec<_>) =
                        missing.into_iter().partition(|member| there.contains(&member.remote_id));
                    let (left, gone): (Vec<_>, Vec<_>) =
                        surplus.into_iter().partition(|member| there.contains(&member.remote_id));
                    self.note(&in_it, &gone).await?;
                    (missing, surplus) = (still, left);
                }
                Ok(None) => {}
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
            self.engine.begin(self.target, self.entry, Change::Update, None).await?;
            match self.add(id, portion).await {
                Ok(()) => self.note(portion, &[]).await?,
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
                Ok(()) => self.note(&[], portion).await?,
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

    /// Adds members one by one; answers how the last of those was refused that were.
    async fn add_singly(&self, id: &str, portion: &[Member]) -> Result<Option<Fault>> {
        let mut refused = None;
        for member in portion {
            match self.add(id, std::slice::from_ref(member)).await {
                Ok(()) => self.note(std::slice::from_ref(member), &[]).await?,
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
        self.target.change(self.ctx, &Self::path(id), &[operation]).await.map(drop)
    }

    /// Some take members out only one way, some only the other, some by putting the group back whole.
    async fn remove(&self, id: &str, portion: &[Member]) -> Result<(), Fault> {
        let path = Self::path(id);
        let by_filter =
            || portion.iter().map(|member| Operation::remove_member(&member.remote_id)).collect::<Vec<_>>();
        let by_list =
            || vec![Operation::remove_member_values(portion.iter().map(|member| member.remote_id.as_str()))];
        let (first, second) = match self.target.quirks.member_removal {
            MemberRemoval::Filter => (by_filter(), by_list()),
            MemberRemoval::List => (by_list(), by_filter()),
        };
        match self.target.change(self.ctx, &path, &first).await {
            Err(fault) if matches!(fault.kind, FaultKind::NotImplemented | FaultKind::Refused) => {}
            done => return done.map(drop),
        }
        match self.target.change(self.ctx, &path, &second).await {
            Err(fault) if matches!(fault.kind, FaultKind::NotImplemented | FaultKind::Refused) => {}
            done => return done.map(drop),
        }
        self.target.put(self.ctx, &path, &by_filter()).await.map(drop)
    }

    /// Notes who is in it now and who is not, with the lease still ours.
    async fn note(&self, added: &[Member], removed: &[Member]) -> Result<()> {
        self.note_as(added, removed, false).await
    }

    async fn note_as(&self, added: &[Member], removed: &[Member], found: bool) -> Result<()> {
        let application = self.target.application.id;
        if added.is_empty() && removed.is_empty() {
            return Ok(());
        }
        if let Some(plan) = &self.target.plan {
            plan.note_members(self.id, added.iter().map(|member| member.user));
            return Ok(());
        }
        let add =
            |member: &Member| Step::Latest(members::add(application, self.id, member, found), MEMBER_KEY);
        let mut steps = vec![self.engine.fence(self.entry, self.entry.attempt, None)?];
        steps.extend(added.iter().map(add));
        for member in removed {
            steps.push(Step::One(
                members::remove(application, self.id, member.user),
                super::outcome::marked_meanwhile,
            ));
        }
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

    /// The group that we knew is not there: found again by its name, or made anew.
    async fn gone(&self) -> Result<Outcome> {
        self.engine.write(self.target, vec![self.engine.fence(self.entry, None, None)?]).await?;
        self.engine.run_query(self.target, members::remove_all(self.target.application.id, self.id)).await?;
        let entry = Entry { remote_id: None, origin: None, sent: None, attempt: None, ..self.entry.clone() };
        let again = Group { entry: &entry, ..*self };
        Box::pin(again.make()).await
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

    /// A group of ours that was kept in step is deleted here: one that we made goes, one that we took over is cleared of
    /// what we added (decision 33).
    async fn deleted(&self) -> Result<Outcome> {
        let application = self.target.application.id;
        let Some(id) = &self.entry.remote_id else { return Ok(Outcome::forgotten(self.entry)) };
        let content = json!({ "remote_id": id });
        if let Some(held) = self.needs_approval(Change::Delete, &content) {
            return Ok(held);
        }
        let event = event_of(self.target, self.entry, Change::Delete).detail("remote_id", id.as_str());
        if self.entry.origin == Some(Origin::Created) {
            match self.target.send(self.ctx, Method::Delete, &Self::path(id), None, None).await {
                Ok(_) => {}
                Err(fault) if fault.kind == FaultKind::NotFound => {}
                Err(fault) => return Ok(self.failed(Change::Delete, &fault)),
            }
        } else {
            let ours = members::list_ours(&mut self.engine.db.reader(), application, self.id).await?;
            for portion in ours.chunks(self.target.membership_limit()) {
                match self.remove(id, portion).await {
                    Ok(()) => self.note(&[], portion).await?,
                    Err(fault) if fault.kind == FaultKind::NotFound => break,
                    Err(fault) => return Ok(self.failed(Change::Delete, &fault)),
                }
            }
        }
        self.engine.run_query(self.target, members::remove_all(application, self.id)).await?;
        Ok(Outcome::forgotten(self.entry).with_event(event))
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

fn ids(members: &[Member]) -> Vec<&str> {
    members.iter().map(|member| member.remote_id.as_str()).collect()
}
