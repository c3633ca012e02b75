//! Taking an account away: set inactive or deleted, looked for when it is not where it was, and held when so many would
//! go at once that a person should look.

use serde_json::{Value as Json, json};

use crate::auth::roles;
use crate::base::clock::{HOUR, MINUTE};
use crate::base::{Result, urls};
use crate::catalog::model::RemoteDeactivation;
use crate::db::group_commit::Step;
use crate::events::{EventName, record};
use crate::mail;
use crate::outbound::Method;
use crate::provisioning::client::{Fault, FaultKind, encoded};
use crate::provisioning::connection::event;
use crate::provisioning::engine::account::{Account, text};
use crate::provisioning::engine::lookup::Found;
use crate::provisioning::engine::outcome::{Outcome, approval_digest, event_of};
use crate::provisioning::engine::target::{Leaving, lost_lease};
use crate::provisioning::mapping;
use crate::provisioning::model::{Change, Entry, Origin, State};
use crate::provisioning::store::{connections, ledger};
use crate::scim::{AttributePath, Operation, resource};

impl Account<'_> {
    /// Takes an account away: sets it inactive, or deletes it.
    pub(super) async fn absent(&self, named: bool, delete: bool) -> Result<Outcome> {
        let Some(id) = self.entry.remote_id.clone() else { return self.absent_unknown(named, delete).await };
        let delete = delete || self.target.quirks.remote_deactivation == RemoteDeactivation::Delete;
        // What was sent last and never answered may have let them in.
        if !delete && !self.entry.active && self.entry.attempt.is_none() {
            return Ok(Outcome::synced(self.entry));
        }
        let change = if delete { Change::Delete } else { Change::Deactivate };
        let content = json!({ "remote_id": id });
        let is_given = self.entry.is_approved(&approval_digest(change, &content));
        if !named {
            if let Some(held) = self.needs_approval(change, Change::Delete, &content) {
                return Ok(held);
            }
            if !is_given && self.guard_holds().await? {
                let message = "Many people would lose their accounts at once. Look whether that is meant, then approve it.";
                if let Some(held) = self.hold(change, &content, "mass_change", message) {
                    return Ok(held);
                }
            }
        }
        let path = format!("/Users/{}", encoded(&id));
        self.engine.begin(self.target, self.entry, change, None).await?;
        let done = if delete {
            self.target.send(self.ctx, Method::Delete, &path, None, None).await.map(|_| None)
        } else {
            let operation = Operation::replace(AttributePath::of("active"), json!(false));
            self.target.change(self.ctx, &path, &[operation], None).await
        };
        match done {
            Ok(echo) => {
                let echo = match echo {
                    None if self.target.quirks.read_back && !delete => self.read_back(&path).await,
                    echo => echo,
                };
                if !delete && echo.as_ref().and_then(resource::is_active) == Some(true) {
                    // It said yes, and nothing happened (SC-19).
                    let fault = passing("not_applied", "It said yes, and the account is still active.");
                    return Ok(self.failed(change, &fault));
                }
            }
            Err(fault) if fault.kind == FaultKind::NotFound => {
                if let Some(out) = self.away(&id, change, named, delete).await? {
                    return Ok(out);
                }
            }
            Err(fault) => return Ok(self.failed(change, &fault).after(change, &fault)),
        }
        let event = event_of(self.target, self.entry, change).detail("remote_id", id);
        let mut out = if delete { Outcome::forgotten(self.entry) } else { Outcome::synced(self.entry) };
        if !named && !is_given {
            let left = connections::note_left(self.target.application.id, self.ctx.now());
            out.rows.push(Step::One(left, lost_lease));
        }
        let mut out = out.with_event(event);
        if delete {
            // Its name is free.
            out.rows.push(self.target.frees(self.entry, self.ctx.now()));
            return Ok(out);
        }
        out.finish.active = false;
        if let Some(sent) = &mut out.finish.sent {
            sent["active"] = json!(false);
        }
        Ok(out)
    }

    /// What they are called there, and the external id they have, as far as it was sent.
    fn known_names(&self) -> (String, String) {
        let sent = self.entry.sent.as_ref();
        let of = |name: &str| sent.map(|sent| text(sent, name)).filter(|text| !text.is_empty());
        let name = of("userName").unwrap_or_else(|| self.entry.name.clone());
        (name, of("externalId").unwrap_or_else(|| mapping::external_id(self.user)))
    }

    /// Nothing of theirs is known there. If something was begun and never answered, it may be there all the same (SE-02).
    async fn absent_unknown(&self, named: bool, delete: bool) -> Result<Outcome> {
        if self.entry.attempt.is_none() {
            return Ok(Outcome::forgotten(self.entry));
        }
        let (name, external_id) = self.known_names();
        match self.look_up(&name, &external_id).await {
            Ok(Found::One(found)) => {
                let is_ours =
                    resource::text(&found, &AttributePath::of("externalId")) == Some(external_id.as_str());
                if !is_ours && !self.target.quirks.no_external_id {
                    return Ok(Outcome::forgotten(self.entry));
                }
                self.absent_as(&found, named, delete).await
            }
            Ok(Found::Several) => Ok(Outcome::held(
                self.entry,
                State::Conflict,
                Change::Deactivate,
                "several_accounts",
                "Several accounts there have this user name. Set theirs inactive there, then try again.",
            )),
            Ok(Found::Nothing) => {
                // A request that nobody answered may be carried out yet.
                let now = self.ctx.now();
                let since = self.entry.failing_since.unwrap_or(now);
                if now.since(since) >= HOUR || self.target.plan.is_some() {
                    return Ok(Outcome::forgotten(self.entry));
                }
                let mut out = Outcome::held(
                    self.entry,
                    State::Pending,
                    Change::Deactivate,
                    "scim_unanswered",
                    "Making the account was never answered. It is not there; we look again for an hour.",
                );
                out.finish.failing_since = Some(since);
                out.finish.due_at = Some(now.plus(10 * MINUTE));
                Ok(out)
            }
            Err(fault) => {
                let change = if delete { Change::Delete } else { Change::Deactivate };
                Ok(self.failed(change, &fault))
            }
        }
    }

    /// Takes away the account that was found to be theirs.
    async fn absent_as(&self, found: &Json, named: bool, delete: bool) -> Result<Outcome> {
        let Some(id) = resource::id(found) else { return Ok(Outcome::forgotten(self.entry)) };
        let active = resource::is_active(found).unwrap_or(true);
        let origin = self.entry.origin.or(Some(Origin::Created));
        let entry = Entry { remote_id: Some(id), origin, active, attempt: None, ..self.entry.clone() };
        let again = Account { entry: &entry, ..*self };
        Box::pin(again.absent(named, delete)).await
    }

    /// The account is not where it was. Only when it is nowhere else is it away (SC-15).
    async fn away(&self, id: &str, change: Change, named: bool, delete: bool) -> Result<Option<Outcome>> {
        if self.target.quirks.inactive_hidden {
            return Ok(None);
        }
        let (name, external_id) = self.known_names();
        match self.look_up(&name, &external_id).await {
            Ok(Found::Nothing) => Ok(None),
            Ok(Found::One(found)) if resource::id(&found).is_some_and(|there| there != id) => {
                let is_ours =
                    resource::text(&found, &AttributePath::of("externalId")) == Some(external_id.as_str());
                if is_ours { self.absent_as(&found, named, delete).await.map(Some) } else { Ok(None) }
            }
            Ok(_) => {
                let fault =
                    passing("scim_contradiction", "It shows the account and says that there is none.");
                Ok(Some(self.failed(change, &fault)))
            }
            Err(fault) => Ok(Some(self.failed(change, &fault))),
        }
    }

    /// Whether so many leave at once that a person should look (SC-17). Before the first of them is held, it is told.
    async fn guard_holds(&self) -> Result<bool> {
        let guard = self.target.connection.settings.mass_change;
        let mut counted = self.target.leaving.lock().await;
        // Counted anew before more can go than may go unseen.
        let is_spent = |counted: &Leaving| {
            counted.asked >= i64::from(guard.count.max(1)) && !guard.holds(counted.going, counted.managed)
        };
        if counted.as_ref().is_none_or(is_spent) {
            let (mut reader, application) = (self.engine.db.reader(), self.target.application.id);
            let (managed, going) = ledger::count_leaving(&mut reader, application, self.ctx.now()).await?;
            let told = match counted.take() {
                Some(before) => before.told,
                // Those who are held wait since another run.
                None => ledger::is_any_held(&mut reader, application, "mass_change").await?,
            };
            *counted = Some(Leaving { managed, going, asked: 0, told });
        }
        let Some(counted) = counted.as_mut() else { return Ok(false) };
        counted.asked += 1;
        if !guard.holds(counted.going, counted.managed) {
            return Ok(false);
        }
        if !counted.told && self.target.plan.is_none() {
            self.tell_of_many(counted).await?;
            counted.told = true;
        }
        Ok(true)
    }

    /// By an event, and by mail to the owners.
    async fn tell_of_many(&self, counted: &Leaving) -> Result<()> {
        let (engine, application) = (self.engine, &self.target.application);
        let page = engine.base.join(&urls::admin_provisioning(&application.id.to_string()));
        let message = mail::Message::MassChange {
            application: &application.label,
            leaving: counted.going,
            managed: counted.managed,
            page: &page,
        };
        let mut tx = engine.db.begin().await?;
        let event = event(EventName::IdmMassChange, application)
            .detail("leaving", counted.going)
            .detail("managed", counted.managed);
        record(&mut tx, self.ctx, event).await?;
        for to in roles::owners(&mut tx).await? {
            mail::queue(&mut tx, self.ctx, &to, &message).await?;
        }
        tx.commit().await
    }
}

fn passing(code: &'static str, message: &str) -> Fault {
    Fault { kind: FaultKind::Passing, code, message: message.to_owned(), retry_after: None }
}
