//! One group: whether it should be there and what it is called. Who is in it has a [file](super::membership) of its own.

use serde_json::{Value as Json, json};

use crate::applications::binding;
use crate::base::clock::MINUTE;
use crate::base::id::{GroupId, UserId};
use crate::base::{Ctx, Result};
use crate::catalog::model::AdoptGroups;
use crate::catalog::sso::GroupFilter;
use crate::db::group_commit::Step;
use crate::directory::groups;
use crate::outbound::Method;
use crate::provisioning::client::{Fault, FaultKind, encoded};
use crate::provisioning::engine::Engine;
use crate::provisioning::engine::lookup::Found;
use crate::provisioning::engine::membership::{Done, Sent, ids};
use crate::provisioning::engine::outcome::{Outcome, approval_digest, event_of};
use crate::provisioning::engine::target::Target;
use crate::provisioning::mapping;
use crate::provisioning::model::{Change, Entry, Origin, ResourceKind, State};
use crate::provisioning::store::ledger;
use crate::provisioning::store::members::{self, Member};
use crate::scim::schema::GROUP_URN;
use crate::scim::{AttributePath, Operation, resource};

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
    if !is_managed && entry.remote_id.is_none() {
        let group = Group { engine, target, ctx, entry: &entry, id };
        match group.find_begun().await {
            Ok(found) => {
                if let Some(id) = found.as_ref().and_then(resource::id) {
                    entry = group.linked(&id, Origin::Created);
                }
            }
            Err(fault) => {
                let out = group.failed(Change::Create, &fault);
                return Ok((entry, out));
            }
        }
    }
    let group = Group { engine, target, ctx, entry: &entry, id };
    let outcome = if is_managed {
        group.present().await?
    } else if exists || (!entry.active && entry.attempt.is_none()) {
        group.left_alone(exists)
    } else {
        group.deleted().await?
    };
    Ok((entry, outcome))
}

/// One group's entry while it is looked at.
pub(super) struct Group<'a> {
    pub(super) engine: &'a Engine,
    pub(super) target: &'a Target<'a>,
    pub(super) ctx: &'a Ctx,
    pub(super) entry: &'a Entry,
    pub(super) id: GroupId,
}

impl Group<'_> {
    pub(super) fn failed(&self, change: Change, fault: &Fault) -> Outcome {
        Outcome::failed(self.ctx, self.target, self.entry, change, fault)
    }

    /// A group that was begun to be made, and no answer came, may be there all the same (SE-02), by the name that it had.
    async fn find_begun(&self) -> Result<Option<Json>, Fault> {
        if self.entry.attempt != Some(Change::Create) {
            return Ok(None);
        }
        let begun = self.entry.sent.as_ref().and_then(|sent| sent.get("displayName")).and_then(Json::as_str);
        let name = begun.unwrap_or(&self.entry.name);
        match self.target.search(self.ctx, "Groups", "displayName", name).await {
            // Where no external id is taken, the name is all that there is.
            Ok(Found::One(found)) => {
                let is_ours = self.target.quirks.no_external_id || self.is_ours(&found);
                Ok(is_ours.then_some(found))
            }
            Ok(Found::Nothing | Found::Several) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    fn is_ours(&self, found: &Json) -> bool {
        resource::text(found, &AttributePath::of("externalId")) == Some(self.external_id().as_str())
    }

    /// Not bound any more, or groups are not managed: what is there stays, and we remember what it was.
    fn left_alone(&self, exists: bool) -> Outcome {
        if self.entry.remote_id.is_none() || !exists {
            return self.forgotten();
        }
        let mut out = Outcome::synced(self.entry);
        out.finish.active = false;
        out.finish.message = Some("It is not kept in step any more.".to_owned());
        out
    }

    /// Nothing of it is to be remembered.
    fn forgotten(&self) -> Outcome {
        let mut out = Outcome::forgotten(self.entry);
        out.rows.push(Step::Any(members::remove_all(self.target.application.id, self.id)));
        out
    }

    pub(super) fn needs_approval(&self, change: Change, content: &Json) -> Option<Outcome> {
        let is_asked = self.target.connection.settings.require_approval.contains(&change);
        let message = "Waits for an administrator to approve it.";
        (is_asked && !self.is_approved(change, content))
            .then(|| self.hold(change, content, "approval_required", message))
            .flatten()
    }

    pub(super) fn is_approved(&self, change: Change, content: &Json) -> bool {
        self.entry.is_approved(&approval_digest(change, content))
    }

    /// What waits for a yes. A plan goes on as if the yes were given, and notes that it is needed.
    fn hold(&self, change: Change, content: &Json, code: &str, message: &str) -> Option<Outcome> {
        if let Some(plan) = &self.target.plan {
            plan.note_held(change, code, message);
            return None;
        }
        let mut out = Outcome::held(self.entry, State::AwaitingApproval, change, code, message);
        out.finish.asked = Some(approval_digest(change, content));
        out.finish.asked_for = Some(content.clone());
        Some(out)
    }

    pub(super) fn path(id: &str) -> String {
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

    async fn make(&self) -> Result<Outcome> {
        let people = self.missing().await?;
        // Whoever gets an account marks the groups they are in.
        let empty = || {
            let mut out = Outcome::synced(self.entry);
            out.finish.active = true;
            out.finish.message = Some("Nobody of it has an account there, so it is not made.".to_owned());
            out
        };
        if people.is_empty() && self.entry.attempt.is_none() {
            return Ok(empty());
        }
        let began = self.entry.attempt == Some(Change::Create);
        let wanted = json!({ "displayName": self.entry.name, "members": ids(&people) });
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
            match self.find_begun().await {
                Err(fault) => return Ok(self.failed(Change::Create, &fault)),
                Ok(Some(found)) => return self.take_over(Found::One(found)).await,
                Ok(None) => {}
            }
            match self.target.search(self.ctx, "Groups", "displayName", &self.entry.name).await {
                Err(fault) => return Ok(self.failed(Change::Create, &fault)),
                Ok(Found::Nothing) => {}
                Ok(found) => return self.take_over(found).await,
            }
        }
        if people.is_empty() {
            return Ok(empty());
        }
        // What was begun may have been something else than what would be made now.
        if began && let Some(held) = self.needs_approval(Change::Create, &wanted) {
            return Ok(held);
        }
        self.post(&people).await
    }

    /// Makes the group with the first portion of its people, then adds the others.
    async fn post(&self, people: &[Member]) -> Result<Outcome> {
        let first: Vec<Member> = people.iter().take(self.target.membership_limit()).cloned().collect();
        let mut body = json!({
            "schemas": [GROUP_URN],
            "displayName": self.entry.name,
            "members": first.iter().map(|member| json!({ "value": member.remote_id })).collect::<Vec<_>>(),
        });
        if !self.target.quirks.no_external_id {
            body["externalId"] = json!(self.external_id());
        }
        let sent = Some(json!({ "displayName": self.entry.name }));
        let begun = Entry { attempt: Some(Change::Create), sent, ..self.entry.clone() };
        let begun = Group { entry: &begun, ..*self };
        begun.begin(Change::Create, &first).await?;
        let reply = match self.target.send(self.ctx, Method::Post, "/Groups", Some(&body), None).await {
            Ok(reply) => reply,
            Err(fault) if fault.kind == FaultKind::Conflict => {
                // Whoever is in the one that is there did not come in by us.
                begun.note_empty().await?;
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
            Err(fault) => return Ok(self.not_made(&begun, &fault)),
        };
        let echo = reply.body.unwrap_or_default();
        let Some(id) = resource::id(&echo) else {
            let fault = Fault {
                kind: FaultKind::Lost,
                code: "scim_no_id",
                message: "It made a group and tells no id of it.".to_owned(),
                retry_after: None,
            };
            return Ok(self.not_made(&begun, &fault));
        };
        let mut entry = self.linked(&id, Origin::Created);
        let taken = match self.who_is_in(&id, &echo).await {
            Ok(Some(there)) => begun.settle(first, &there).await?,
            Ok(None) => {
                begun.confirm(&first).await?;
                first.len()
            }
            Err(_) => {
                // Who of them is in it is looked at before any is added again.
                entry.attempt = Some(Change::Update);
                0
            }
        };
        let made = Group { entry: &entry, ..*self };
        let event = event_of(self.target, self.entry, Change::Create)
            .detail("remote_id", id.as_str())
            .detail("members", taken);
        Ok(made.keep_members(&id, Done::default()).await?.with_event(event))
    }

    /// What was begun is remembered for as long as it may have been done.
    fn not_made(&self, begun: &Group<'_>, fault: &Fault) -> Outcome {
        let mut out = self.failed(Change::Create, fault).after(Change::Create, fault);
        if out.finish.attempt.is_some() {
            out.finish.sent.clone_from(&begun.entry.sent);
        }
        out
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
            let mut out = conflict("group_taken", "The group of this name belongs to another group of ours.");
            // That one may be giving the name up this moment: once more, and from then on when one does.
            if self.entry.code.as_deref() != Some("group_taken") {
                out.finish.due_at = Some(self.ctx.now().plus(10 * MINUTE));
            }
            return Ok(out);
        }
        let is_ours = self.is_ours(&found);
        let content = json!({ "adopt": id });
        let privileged =
            GroupFilter { include: self.target.quirks.privileged_groups.clone(), exclude: Vec::new() };
        let is_privileged = !privileged.include.is_empty() && privileged.accepts(&self.entry.name);
        let asks = is_privileged || self.target.quirks.adopt_groups == AdoptGroups::Ask;
        let message =
            "A group of this name is there already. Approve that it is taken over, or rename one of them.";
        if asks
            && !is_ours
            && !self.is_approved(Change::Create, &content)
            && let Some(held) = self.hold(Change::Create, &content, "group_exists", message)
        {
            return Ok(held);
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
                group.note_found(&found).await?;
            }
            Ok(None) => {}
            Err(fault) => return Ok(self.failed(Change::Create, &fault)),
        }
        let event = event_of(self.target, self.entry, Change::Update)
            .detail("remote_id", id.as_str())
            .detail("taken_over", true);
        Ok(group.keep(&id).await?.with_event(event))
    }

    /// Who left, then the group's name, then who is in it.
    async fn keep(&self, id: &str) -> Result<Outcome> {
        let mut done = Done::default();
        match self.let_go(id, &mut done).await? {
            // Who was refused is tried with the others once more, and told of.
            Sent::Done(_) => {}
            Sent::Gone => return self.gone().await,
            Sent::Ended(ended) => return Ok(*ended),
        }
        let known = self.entry.sent.as_ref().and_then(|sent| sent.get("displayName")).and_then(Json::as_str);
        if known == Some(self.entry.name.as_str()) {
            return self.keep_members(id, done).await;
        }
        if let Some(mut held) =
            self.needs_approval(Change::Update, &json!({ "displayName": self.entry.name }))
        {
            held.events.extend(self.changed(id, &done));
            return Ok(held);
        }
        // Until an answer comes, what it is called there is not known.
        let begun = Entry { sent: Some(json!({})), ..self.entry.clone() };
        let begun = Group { entry: &begun, ..*self };
        let fence = self.engine.fence(self.entry, self.entry.attempt, begun.entry.sent.as_ref())?;
        self.engine.write(self.target, vec![fence]).await?;
        let rename = Operation::replace(AttributePath::of("displayName"), json!(self.entry.name));
        match self.target.change(self.ctx, &Self::path(id), &[rename], None).await {
            Ok(echo) => {
                let event = event_of(self.target, self.entry, Change::Update)
                    .detail("remote_id", id)
                    .detail("name", self.entry.name.as_str());
                let sent = Some(json!({ "displayName": self.entry.name }));
                let entry = Entry { sent, ..self.entry.clone() };
                let is_shown = self.shows_name(id, echo).await;
                let mut kept = Group { entry: &entry, ..*self }.keep_members(id, done).await?;
                if is_shown {
                    // Whoever waits for the name that was given up need not wait.
                    kept.rows.push(self.target.frees(self.entry, self.ctx.now()));
                } else {
                    // The next look tries it again.
                    kept.finish.sent = Some(json!({}));
                }
                if !is_shown && kept.finish.state == State::Synced {
                    kept.finish.state = State::Drift;
                    kept.finish.code = Some("not_applied".to_owned());
                    kept.finish.message = Some("It said yes and shows another name.".to_owned());
                }
                Ok(kept.with_event(event))
            }
            Err(fault) if fault.kind == FaultKind::NotFound => self.gone().await,
            Err(fault) => {
                // A name that is refused holds up nobody who comes or goes.
                let mut failed = begun.failed(Change::Update, &fault);
                let kept = begun.keep_members(id, done).await?;
                if !matches!(kept.finish.state, State::Synced | State::Accepted) {
                    return Ok(kept);
                }
                failed.events.extend(kept.events);
                failed.finish.active = true;
                failed.finish.attempt = kept.finish.attempt;
                // Who was approved is in it by now; what is approved still is the name.
                let name = json!({ "displayName": self.entry.name });
                failed.finish.approved =
                    self.is_approved(Change::Update, &name).then(|| approval_digest(Change::Update, &name));
                failed.finish.asked_for = None;
                Ok(failed)
            }
        }
    }

    /// Whether the name that was given is the one it has, as far as that is told (SC-19).
    async fn shows_name(&self, id: &str, echo: Option<Json>) -> bool {
        let echo = match echo {
            None if self.target.quirks.read_back && self.target.plan.is_none() => self.read(id).await,
            echo => echo,
        };
        let shown = echo.as_ref().and_then(|echo| resource::text(echo, &AttributePath::of("displayName")));
        shown.is_none_or(|shown| shown == self.entry.name)
    }

    /// The group that we knew is not there: found again by its name, or made anew.
    pub(super) async fn gone(&self) -> Result<Outcome> {
        let entry = Entry { remote_id: None, origin: None, sent: None, attempt: None, ..self.entry.clone() };
        let again = Group { entry: &entry, ..*self };
        again.note_empty().await?;
        Box::pin(again.make()).await
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
            match self.send_portions(id, &ours, false, &mut Done::default()).await? {
                Sent::Done(None) | Sent::Gone => {}
                Sent::Done(Some(fault)) => return Ok(self.failed(Change::Delete, &fault)),
                Sent::Ended(ended) => return Ok(*ended),
            }
        }
        let mut out = self.forgotten().with_event(event);
        out.rows.push(self.target.frees(self.entry, self.ctx.now()));
        Ok(out)
    }
}
