//! An account that is there already: looked for before one is made, and taken over where it is nobody else's (SC-05).

use serde_json::{Value as Json, json};

use crate::base::Result;
use crate::base::clock::MINUTE;
use crate::events::EventName;
use crate::provisioning::client::{Fault, FaultKind, encoded};
use crate::provisioning::engine::account::{Account, known_of};
use crate::provisioning::engine::lookup::Found;
use crate::provisioning::engine::outcome::{Outcome, approval_digest, named_event};
use crate::provisioning::mapping;
use crate::provisioning::model::{Change, Entry, Origin, ResourceKind, State};
use crate::provisioning::plan::{self, Base};
use crate::provisioning::store::ledger;
use crate::scim::{AttributePath, resource};

impl Account<'_> {
    /// By external id, which only we give, and by user name.
    pub(super) async fn look_up(&self, name: &str, external_id: &str) -> Result<Found, Fault> {
        if !self.target.quirks.no_external_id {
            match self.target.search(self.ctx, "Users", "externalId", external_id).await {
                Ok(Found::Nothing) => {}
                // Not every service filters by it.
                Err(fault) if matches!(fault.kind, FaultKind::Refused | FaultKind::NotImplemented) => {}
                other => return other,
            }
        }
        self.target.search(self.ctx, "Users", "userName", name).await
    }

    /// It was answered that nothing was made, or not what: one look, and no second POST.
    pub(super) async fn found_after(
        &self,
        wanted: &Json,
        name: &str,
        external_id: &str,
        fault: Option<Fault>,
    ) -> Result<Outcome> {
        match self.look_up(name, external_id).await {
            Ok(Found::Nothing) if fault.as_ref().is_some_and(|fault| fault.kind == FaultKind::Conflict) => {
                // It is taken, and the filter does not find it: some overlook it (SC-04).
                if let Ok(found @ (Found::One(_) | Found::Several)) =
                    self.target.seek(self.ctx, "Users", "userName", name).await
                {
                    return self.take_over(found, wanted).await;
                }
            }
            Ok(Found::Nothing) => {}
            Ok(found) => return self.take_over(found, wanted).await,
            Err(other) => {
                let mut out = self.failed(Change::Create, &other);
                out.finish.attempt = Some(Change::Create);
                out.finish.sent = Some(wanted.clone());
                return Ok(out);
            }
        }
        Ok(match fault {
            Some(fault) if fault.kind == FaultKind::Conflict => Outcome::held(
                self.entry,
                State::Conflict,
                Change::Create,
                "account_hidden",
                format!(
                    "{} says that {name} is there already, and doesn't show it. Look for a deleted or invited account there, then try again.",
                    self.target.application.label
                ),
            ),
            Some(fault) => self.not_made(wanted, &fault),
            None => {
                let fault = Fault {
                    kind: FaultKind::Passing,
                    code: "scim_no_id",
                    message: "It made an account and tells no id of it.".to_owned(),
                    retry_after: None,
                };
                self.not_made(wanted, &fault)
            }
        })
    }

    /// Whether an account that was found may be ours, then makes it as it should be (SC-05).
    pub(super) async fn take_over(&self, found: Found, wanted: &Json) -> Result<Outcome> {
        let conflict = |code: &str, message: String| {
            Outcome::held(self.entry, State::Conflict, Change::Create, code, message)
        };
        let Found::One(found) = found else {
            return Ok(conflict(
                "several_accounts",
                "Several accounts there have this user name. Leave one of them, then try again.".to_owned(),
            ));
        };
        let Some(id) = resource::id(&found) else {
            return Ok(conflict("account_without_id", "The account that is there has no id.".to_owned()));
        };
        let holder = ledger::holder_of(
            &mut self.engine.db.reader(),
            self.target.application.id,
            ResourceKind::User,
            &id,
        )
        .await?;
        if holder.is_some_and(|holder| holder != self.user.to_string()) {
            let mut out = conflict(
                "account_taken",
                "The account of this user name belongs to somebody else of ours.".to_owned(),
            );
            // They may be giving it up this moment: once more, and from then on when somebody does.
            if self.entry.code.as_deref() != Some("account_taken") {
                out.finish.due_at = Some(self.ctx.now().plus(10 * MINUTE));
            }
            return Ok(out);
        }
        // What a mapping gives as the external id proves nothing: only the one that nobody else could know.
        let is_ours = resource::text(&found, &AttributePath::of("externalId"))
            == Some(mapping::external_id(self.user).as_str());
        let content = json!({ "adopt": id });
        let is_approved = self.entry.is_approved(&approval_digest(Change::Create, &content));
        if !is_ours && !is_approved && is_privileged(&found) {
            let mut out = conflict(
                "account_privileged",
                "The account of this user name is an administrator there. Approve that it is taken over, or rename one of them.".to_owned(),
            );
            out.finish.asked = Some(approval_digest(Change::Create, &content));
            out.finish.asked_for = Some(found.clone());
            return Ok(out);
        }
        let origin = if is_ours && self.entry.attempt == Some(Change::Create) {
            Origin::Created
        } else {
            Origin::Adopted
        };
        let lookup = named_event(self.target, self.entry, EventName::UserLookupProvision)
            .detail("remote_id", id.as_str())
            .detail("origin", origin.as_str());
        let operations = plan::operations(Base::Found(&found), wanted);
        if operations.is_empty() {
            return Ok(self.linked(&id, origin, wanted, None).with_event(lookup));
        }
        // Where making is asked about, so was this.
        let asks = &self.target.connection.settings.require_approval;
        if !asks.contains(&Change::Create)
            && let Some(held) = self.needs_approval(Change::Update, Change::Update, wanted)
        {
            return Ok(held);
        }
        let path = format!("/Users/{}", encoded(&id));
        let begun = Entry { remote_id: Some(id.clone()), origin: Some(origin), ..self.entry.clone() };
        self.engine.begin(self.target, &begun, Change::Update, Some(&known_of(wanted, &found))).await?;
        match self.target.change(self.ctx, &path, &operations, Some(&found)).await {
            Ok(echo) => Ok(self
                .linked(&id, origin, wanted, echo.as_ref())
                .with_event(lookup)
                .with_event(self.updated(&operations))),
            Err(fault) => {
                // It is ours from now on, though not yet as it should be.
                let mut out = self.failed(Change::Update, &fault).with_event(lookup);
                out.finish.remote_id = Some(id);
                out.finish.origin = Some(origin.as_str());
                out.finish.active = resource::is_active(&found).unwrap_or(true);
                out.finish.sent = Some(known_of(wanted, &found));
                out.finish.attempt = None;
                Ok(out.after(Change::Update, &fault))
            }
        }
    }
}

/// Whether an account looks like that of an administrator there.
fn is_privileged(found: &Json) -> bool {
    let sounds = |text: &str| {
        let text = text.to_lowercase();
        ["admin", "owner", "root"].iter().any(|word| text.contains(word))
    };
    let of = |name: &str| resource::all(found, &AttributePath::of(name));
    let roles = of("roles").into_iter().chain(of("userType")).chain(of("role"));
    roles.into_iter().any(|role| match role {
        Json::String(text) => sounds(text),
        Json::Array(list) => {
            list.iter().any(|one| one.as_str().is_some_and(sounds) || part_sounds(one, &sounds))
        }
        other => part_sounds(other, &sounds),
    })
}

fn part_sounds(role: &Json, sounds: &impl Fn(&str) -> bool) -> bool {
    ["value", "display", "type"]
        .iter()
        .any(|part| resource::member(role, part).and_then(Json::as_str).is_some_and(sounds))
}
