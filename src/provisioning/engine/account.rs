//! One person's account: what it should be by now, what is known to be there, and the least that leads from one to
//! the other. Look up before making, and take over what is found (SC-03, SC-04); who should not be there is set
//! inactive.

use serde_json::{Value as Json, json};

use crate::applications::access;
use crate::applications::subject::{self, Subject};
use crate::base::clock::MINUTE;
use crate::base::id::UserId;
use crate::base::{Ctx, Result};
use crate::catalog::model::{MissingAccount, Quirks};
use crate::jobs::Notice;
use crate::outbound::Method;
use crate::provisioning::client::{Fault, FaultKind, encoded};
use crate::provisioning::engine::Engine;
use crate::provisioning::engine::lookup::Found;
use crate::provisioning::engine::outcome::{Outcome, approval_digest, event_of};
use crate::provisioning::engine::target::Target;
use crate::provisioning::mapping::{self, MapFault};
use crate::provisioning::model::{Change, Entry, OnUserDelete, Origin, State};
use crate::provisioning::plan::{self, Base};
use crate::provisioning::store::ledger;
use crate::scim::{AttributePath, Operation, lacking, resource};

/// What should be there by now.
#[derive(Debug)]
pub(in crate::provisioning) enum Wanted {
    /// An active account like this.
    Active(Json),
    /// An active account, which can't be described.
    Unclear(MapFault),
    /// No active account. `named`: the person themself was suspended or deleted, and not what they are in.
    Inactive {
        /// See above.
        named: bool,
    },
    /// No account at all.
    Gone,
    /// Whatever is there.
    Anything,
}

/// What should be there of a person, and what they are called.
pub(in crate::provisioning) async fn wanted(
    engine: &Engine,
    target: &Target<'_>,
    user: UserId,
) -> Result<(Wanted, Option<String>)> {
    let mut reader = engine.db.reader();
    let id = target.application.id;
    let Some(subject) = subject::find(&mut reader, user).await? else {
        let wanted = match target.connection.settings.on_user_delete {
            OnUserDelete::Delete => Wanted::Gone,
            OnUserDelete::Suspend => Wanted::Inactive { named: true },
            OnUserDelete::Nothing => Wanted::Anything,
        };
        return Ok((wanted, None));
    };
    let name = Some(subject.person.username.clone());
    if !subject.is_active() {
        return Ok((Wanted::Inactive { named: true }, name));
    }
    if access::granting_groups(&mut reader, id, user, true).await?.is_empty() {
        return Ok((Wanted::Inactive { named: false }, name));
    }
    let manager = match &subject.person.profile.manager {
        Some(manager) => ledger::remote_id_of(&mut reader, id, manager).await?,
        None => None,
    };
    Ok((described(target, &subject, manager.as_deref()), name))
}

fn described(target: &Target<'_>, subject: &Subject, manager: Option<&str>) -> Wanted {
    let rows = &target.connection.settings.mappings;
    match mapping::resource(rows, &target.quirks, subject, manager) {
        Ok(resource) => Wanted::Active(resource),
        Err(fault) => Wanted::Unclear(fault),
    }
}

/// Looks at one person's entry and does what is to be done. An error is ours; what the other side says is an outcome.
pub(super) async fn look(
    engine: &Engine,
    target: &Target<'_>,
    ctx: &Ctx,
    mut entry: Entry,
    user: UserId,
) -> Result<(Entry, Outcome)> {
    let (wanted, name) = wanted(engine, target, user).await?;
    let is_gone = name.is_none();
    if let Some(name) = name {
        entry.name = name;
    }
    if matches!(wanted, Wanted::Active(_) | Wanted::Unclear(_)) {
        entry.owed = false;
    }
    let account = Account { engine, target, ctx, entry: &entry, user };
    let is_begun = |change| entry.change == Some(change) || entry.attempt == Some(change);
    // What was decided of an account is done, whatever is decided later.
    let wanted = match wanted {
        Wanted::Gone | Wanted::Anything if entry.kept => Wanted::Inactive { named: true },
        wanted => wanted,
    };
    let mut outcome = match wanted {
        Wanted::Active(resource) => account.present(&resource).await?,
        Wanted::Unclear(fault) => {
            Outcome::held(&entry, State::Failed, Change::Update, fault.code, fault.message)
        }
        Wanted::Inactive { named } => {
            let mut out = account.absent(named, false).await?;
            // It stays theirs: nobody else of this name gets it (decision 18).
            out.finish.kept = is_gone;
            if is_gone && out.finish.state == State::Synced {
                out.finish.code = Some("account_kept".to_owned());
                out.finish.message = Some("Deleted here. The account is kept, inactive.".to_owned());
            }
            out
        }
        Wanted::Gone => account.absent(true, true).await?,
        // What was under way is finished: who was to go before they were deleted goes.
        Wanted::Anything if is_begun(Change::Delete) => account.absent(true, true).await?,
        // Unless somebody said no to it.
        Wanted::Anything
            if (entry.owed || is_begun(Change::Deactivate)) && entry.code.as_deref() != Some("rejected") =>
        {
            account.absent(true, false).await?
        }
        Wanted::Anything => Outcome::forgotten(&entry),
    };
    if let Some(former) = outcome.finish.former_id.clone() {
        if outcome.finish.remote_id.as_deref() == Some(former.as_str()) {
            // It is theirs again.
            outcome.finish.former_id = None;
        } else {
            account.take_away_former(&former, &mut outcome).await?;
        }
    }
    let leaves = |change: Option<Change>| matches!(change, Some(Change::Deactivate | Change::Delete));
    // An account that is new marks its groups where it is linked.
    let is_back = outcome.finish.active && !entry.active && entry.remote_id == outcome.finish.remote_id;
    if is_back || (leaves(entry.change) && !leaves(outcome.finish.change)) {
        // Their groups there waited for it.
        outcome.notices.push(Notice::Account { application: target.application.id, user });
    }
    Ok((entry, outcome))
}

/// One person's entry while it is looked at.
pub(super) struct Account<'a> {
    pub(super) engine: &'a Engine,
    pub(super) target: &'a Target<'a>,
    pub(super) ctx: &'a Ctx,
    pub(super) entry: &'a Entry,
    pub(super) user: UserId,
}

impl Account<'_> {
    pub(super) fn failed(&self, change: Change, fault: &Fault) -> Outcome {
        Outcome::failed(self.ctx, self.target, self.entry, change, fault)
    }

    /// Whether somebody has to say yes to this first.
    pub(super) fn needs_approval(&self, change: Change, asks: Change, content: &Json) -> Option<Outcome> {
        let is_asked = self.target.connection.settings.require_approval.contains(&asks);
        let is_given = self.entry.is_approved(&approval_digest(change, content));
        let message = "Waits for an administrator to approve it.";
        (is_asked && !is_given).then(|| self.hold(change, content, "approval_required", message)).flatten()
    }

    /// What waits for a yes. A plan goes on as if the yes were given, and notes that it is needed.
    pub(super) fn hold(&self, change: Change, content: &Json, code: &str, message: &str) -> Option<Outcome> {
        if let Some(plan) = &self.target.plan {
            plan.note_held(change, code, message);
            return None;
        }
        let mut out = Outcome::held(self.entry, State::AwaitingApproval, change, code, message);
        out.finish.asked = Some(approval_digest(change, content));
        out.finish.asked_for = Some(content.clone());
        Some(out)
    }

    async fn present(&self, wanted: &Json) -> Result<Outcome> {
        match &self.entry.remote_id {
            Some(id) => self.update(id, wanted).await,
            None => self.make(wanted).await,
        }
    }

    async fn make(&self, wanted: &Json) -> Result<Outcome> {
        let began = self.entry.attempt == Some(Change::Create);
        if !began && let Some(held) = self.needs_approval(Change::Create, Change::Create, wanted) {
            return Ok(held);
        }
        let name = text(wanted, "userName");
        let external_id = self.external_id(wanted);
        let is_absent =
            !began && self.target.people.as_ref().is_some_and(|scan| scan.is_absent(&name, &external_id));
        if !is_absent {
            match self.look_up(&name, &external_id).await {
                Err(fault) => return Ok(self.failed(Change::Create, &fault)),
                Ok(Found::Nothing) => {}
                Ok(found) => return self.take_over(found, wanted).await,
            }
        }
        // What was begun may have been something else than what would be made now.
        if began && let Some(held) = self.needs_approval(Change::Create, Change::Create, wanted) {
            return Ok(held);
        }
        self.engine.begin(self.target, self.entry, Change::Create, Some(wanted)).await?;
        match self.target.send(self.ctx, Method::Post, "/Users", Some(wanted), None).await {
            Ok(reply) => {
                let echo = reply.body.unwrap_or_default();
                let Some(id) = resource::id(&echo) else {
                    return self.found_after(wanted, &name, &external_id, None).await;
                };
                let event =
                    event_of(self.target, self.entry, Change::Create).detail("remote_id", id.as_str());
                Ok(self.linked(&id, Origin::Created, wanted, Some(&echo)).with_event(event))
            }
            // Each of these is how somebody says that it is there already (SC-04).
            Err(fault)
                if matches!(fault.kind, FaultKind::Conflict | FaultKind::Refused | FaultKind::Passing) =>
            {
                self.found_after(wanted, &name, &external_id, Some(fault)).await
            }
            Err(fault) => Ok(self.not_made(wanted, &fault)),
        }
    }

    /// It was sent and did not go well: what it was is remembered for as long as it may have been done.
    pub(super) fn not_made(&self, wanted: &Json, fault: &Fault) -> Outcome {
        let mut out = self.failed(Change::Create, fault).after(Change::Create, fault);
        out.finish.sent = out.finish.attempt.map(|_| wanted.clone());
        out
    }

    /// The external id that goes there: ours, unless the mapping gives another.
    pub(super) fn external_id(&self, wanted: &Json) -> String {
        let mapped = resource::text(wanted, &AttributePath::of("externalId"));
        mapped.map_or_else(|| mapping::external_id(self.user), str::to_owned)
    }

    pub(super) fn updated(&self, operations: &[Operation]) -> crate::events::Event {
        let fields: Vec<String> =
            operations.iter().filter_map(|op| op.path.as_ref()).map(ToString::to_string).collect();
        event_of(self.target, self.entry, Change::Update).detail("fields", fields)
    }

    /// It is there, and as it should be unless the echo says otherwise (SC-19).
    pub(super) fn linked(&self, id: &str, origin: Origin, wanted: &Json, echo: Option<&Json>) -> Outcome {
        let mut out = Outcome::synced(self.entry);
        let before = self.entry.sent.as_ref().map(|sent| text(sent, "userName"));
        if before.is_some_and(|before| before != text(wanted, "userName")) {
            // Whoever waits for the name that was given up need not wait.
            out.rows.push(self.target.frees(self.entry, self.ctx.now()));
        }
        if self.entry.remote_id.as_deref() != Some(id) {
            let application = self.target.application.id;
            out.notices.push(Notice::Account { application, user: self.user });
        }
        out.finish.remote_id = Some(id.to_owned());
        out.finish.origin = Some(origin.as_str());
        out.finish.active = true;
        out.finish.sent = Some(wanted.clone());
        // An echo without its name is no echo.
        if let Some(echo) = echo.filter(|echo| resource::member(echo, "userName").is_some()) {
            let lacks = not_shown(&self.target.quirks, wanted, echo);
            if !lacks.is_empty() {
                let list = lacks.join(", ");
                out.finish.state = State::Drift;
                out.finish.code = Some("not_applied".to_owned());
                out.finish.message = Some(format!("It said yes and shows something else for {list}."));
            }
        }
        out
    }

    async fn update(&self, id: &str, wanted: &Json) -> Result<Outcome> {
        let path = format!("/Users/{}", encoded(id));
        // Something was sent, and no answer came: what was there before says nothing any more (SE-02).
        let known = self.entry.sent.as_ref().filter(|_| self.entry.attempt.is_none());
        let mut read = None;
        let (sent, mut operations) = match known {
            Some(sent) => (sent.clone(), plan::operations(Base::Sent(sent), wanted)),
            // Nor when somebody else had a hand in it: what is there now is read first.
            None => match self.target.send(self.ctx, Method::Get, &path, None, None).await {
                Ok(reply) => {
                    let found = read.insert(reply.body.unwrap_or_default());
                    (known_of(wanted, found), plan::operations(Base::Found(found), wanted))
                }
                Err(fault) if fault.kind == FaultKind::NotFound => return self.gone(wanted).await,
                Err(fault) => return Ok(self.failed(Change::Update, &fault)),
            },
        };
        if operations.is_empty() {
            let mut out = Outcome::synced(self.entry);
            out.finish.sent = Some(wanted.clone());
            out.finish.active = true;
            if self.entry.state == State::Drift && self.entry.sent.is_some() {
                // Nothing was sent, so it still is.
                out.finish.state = State::Drift;
                (out.finish.code, out.finish.message) = (self.entry.code.clone(), self.entry.message.clone());
            }
            return Ok(out);
        }
        if let Some(held) = self.needs_approval(Change::Update, Change::Update, wanted) {
            return Ok(held);
        }
        let held = self.hold_immutable(&mut operations, wanted);
        if operations.is_empty()
            && let Some(held) = held
        {
            return Ok(held);
        }
        self.engine.begin(self.target, self.entry, Change::Update, None).await?;
        match self.target.change(self.ctx, &path, &operations, read.as_ref()).await {
            Ok(echo) => {
                let origin = self.entry.origin.unwrap_or(Origin::Adopted);
                if let Some(mut held) = held {
                    held.finish.sent = Some(applied(&sent, &operations));
                    held.finish.active = true;
                    held.finish.attempt = None;
                    return Ok(held.with_event(self.updated(&operations)));
                }
                let second = echo
                    .as_ref()
                    .and_then(resource::id)
                    .filter(|other| other != id && !self.target.quirks.immutable.is_empty());
                if let Some(second) = second {
                    return self.moved_to(id, &second, wanted, echo.as_ref()).await;
                }
                let echo = match echo {
                    None if self.target.quirks.read_back => self.read_back(&path).await,
                    echo => echo,
                };
                Ok(self.linked(id, origin, wanted, echo.as_ref()).with_event(self.updated(&operations)))
            }
            Err(fault) if fault.kind == FaultKind::NotFound => self.gone(wanted).await,
            Err(fault) => {
                let mut out = self.failed(Change::Update, &fault);
                if let Some(found) = &read {
                    // What is there is known by now.
                    out.finish.sent = Some(sent);
                    out.finish.active = resource::is_active(found).unwrap_or(true);
                    out.finish.attempt = None;
                }
                Ok(out.after(Change::Update, &fault))
            }
        }
    }

    /// What is there now, where it is worth a look; nothing of what is only planned.
    pub(super) async fn read_back(&self, path: &str) -> Option<Json> {
        if self.target.plan.is_some() {
            return None;
        }
        self.target.send(self.ctx, Method::Get, path, None, None).await.ok().and_then(|reply| reply.body)
    }

    /// A change that was approved made a second account: that is theirs from now on, and the one before is to be set
    /// inactive.
    async fn moved_to(&self, id: &str, second: &str, wanted: &Json, echo: Option<&Json>) -> Result<Outcome> {
        let moved = Entry {
            remote_id: Some(second.to_owned()),
            origin: Some(Origin::Created),
            former_id: Some(id.to_owned()),
            ..self.entry.clone()
        };
        self.engine.begin(self.target, &moved, Change::Update, None).await?;
        let event = event_of(self.target, self.entry, Change::Create)
            .detail("remote_id", second)
            .detail("remote_id_before", id);
        let mut out = self.linked(second, Origin::Created, wanted, echo).with_event(event);
        out.finish.former_id = moved.former_id;
        Ok(out)
    }

    /// Sets the account inactive that another one of theirs took the place of. Until that is done it is tried again, and
    /// nothing of it is forgotten.
    async fn take_away_former(&self, former: &str, out: &mut Outcome) -> Result<()> {
        let path = format!("/Users/{}", encoded(former));
        let off = Operation::replace(AttributePath::of("active"), json!(false));
        match self.target.change(self.ctx, &path, &[off], None).await {
            Ok(_) => {
                out.finish.former_id = None;
                let event = event_of(self.target, self.entry, Change::Deactivate);
                out.events.push(event.detail("remote_id", former));
            }
            Err(fault) if fault.kind == FaultKind::NotFound => out.finish.former_id = None,
            Err(fault) => {
                self.target.note(self.ctx, &fault);
                out.forget = false;
                let due_at = self.ctx.now().plus(10 * MINUTE);
                out.finish.due_at = Some(out.finish.due_at.map_or(due_at, |known| known.min(due_at)));
                if out.finish.state != State::Synced {
                    return Ok(());
                }
                out.finish.state = State::Conflict;
                out.finish.code = Some("second_account".to_owned());
                out.finish.message = Some(format!(
                    "{} made a second account. The one before, with the id {former}, could not be set inactive yet; it is tried again. {}",
                    self.target.application.label, fault.message
                ));
            }
        }
        Ok(())
    }

    /// What the application never lets change is asked about first; the rest is sent.
    fn hold_immutable(&self, operations: &mut Vec<Operation>, wanted: &Json) -> Option<Outcome> {
        let immutable = &self.target.quirks.immutable;
        let touches = |operation: &Operation| {
            operation
                .path
                .as_ref()
                .is_some_and(|path| immutable.iter().any(|name| name.eq_ignore_ascii_case(&path.attribute)))
        };
        let content = json!({ "immutable": wanted });
        // Not a third one before the first is away.
        let is_given = self.entry.former_id.is_none()
            && self.entry.is_approved(&approval_digest(Change::Update, &content));
        if is_given || !operations.iter().any(touches) {
            return None;
        }
        let message = format!(
            "{} never changes {} once set: it would make a second account. Approve it if that is meant.",
            self.target.application.label,
            immutable.join(" and ")
        );
        let held = self.hold(Change::Update, &content, "immutable_attribute", &message)?;
        operations.retain(|operation| !touches(operation));
        Some(held)
    }

    /// The account that we knew is not there: found again by its name, or made anew (SC-15), where the application
    /// wants it so not without a yes.
    async fn gone(&self, wanted: &Json) -> Result<Outcome> {
        let entry = Entry { remote_id: None, origin: None, sent: None, active: false, ..self.entry.clone() };
        let again = Account { entry: &entry, ..*self };
        let name = text(wanted, "userName");
        let content = json!({ "again": name });
        // Where making is asked about, so is this.
        let asks = self.target.quirks.missing_account == MissingAccount::Ask
            && !self.target.connection.settings.require_approval.contains(&Change::Create)
            && !self.entry.is_approved(&approval_digest(Change::Create, &content));
        if !asks {
            return Box::pin(again.make(wanted)).await;
        }
        match again.look_up(&name, &self.external_id(wanted)).await {
            Err(fault) => return Ok(self.failed(Change::Create, &fault)),
            Ok(Found::One(_) | Found::Several) => return Box::pin(again.make(wanted)).await,
            Ok(Found::Nothing) => {}
        }
        let message = format!(
            "The account is not there any more. {} wants somebody to look first. Approve it to have it made anew.",
            self.target.application.label
        );
        let Some(mut held) = self.hold(Change::Create, &content, "account_missing", &message) else {
            return Box::pin(again.make(wanted)).await;
        };
        // Nothing of what was known of it is so any more.
        (held.finish.sent, held.finish.active) = (None, false);
        Ok(held)
    }
}

/// What of the wanted resource an account already shows: what is known to be sent, though it was not we who sent it.
pub(super) fn known_of(wanted: &Json, found: &Json) -> Json {
    let mut known = json!({});
    for (name, value) in wanted.as_object().into_iter().flatten() {
        if lacking(&json!({ name: value }), found).is_empty() {
            known[name] = value.clone();
        }
    }
    known
}

fn applied(sent: &Json, operations: &[Operation]) -> Json {
    let mut out = sent.clone();
    // What can't be applied to what we know is sent again; that does no harm.
    let _ = crate::scim::PatchOp::from(operations.to_vec()).apply(&mut out);
    out
}

pub(super) fn text(resource: &Json, attribute: &str) -> String {
    resource::text(resource, &AttributePath::of(attribute)).unwrap_or_default().to_owned()
}

/// The attributes that a service should show and does not, as far as it is known to care for them.
pub(super) fn not_shown(quirks: &Quirks, wanted: &Json, shown: &Json) -> Vec<String> {
    let paths = lacking(wanted, shown).into_iter().map(|path| path.to_string());
    paths.filter(|path| !quirks.unknown_attributes_ignored || is_core(path)).collect()
}

fn is_core(path: &str) -> bool {
    ["userName", "active", "emails", "name"].iter().any(|core| path.starts_with(core))
}
