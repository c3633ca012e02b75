//! Reading who is at the application, and what each of them is to us.

use crate::applications;
use crate::base::id::{ApplicationId, UserId};
use crate::base::{Ctx, Error, Kind, Result};
use crate::db::Tx;
use crate::directory::people;
use crate::provisioning::client::Fault;
use crate::provisioning::connection::not_configured;
use crate::provisioning::engine::Engine;
use crate::provisioning::import::person::{self, Known};
use crate::provisioning::import::{Row, RowStatus};
use crate::provisioning::model::ResourceKind;
use crate::provisioning::store::{connections, imports as store, ledger};

impl Engine {
    /// Reads everyone who is at an application, page by page, and stages them. Half a list is an error; what was staged
    /// before then stays, and is read again the next time. Nobody here is changed.
    pub async fn scan_people(&self, ctx: &Ctx, id: ApplicationId) -> Result<()> {
        applications::require(&mut self.db.reader(), id).await?;
        let connection = connections::find(&mut self.db.reader(), id).await?.ok_or_else(not_configured)?;
        if !connection.is_active() {
            return Err(Error::conflict(
                "provisioning_inactive",
                "Identity management is not active for this application. Activate it first.",
            ));
        }
        let Some(target) = self.target(ctx, id).await? else {
            return Err(Error::conflict(
                "needs_token",
                "The connection can't be used before its address and token are put right.",
            ));
        };
        let began = ctx.now();
        let mut pages = target.pages("Users", "");
        while let Some(page) = pages.next(ctx).await.map_err(|fault| unread(&fault))? {
            let mut tx = self.db.begin().await?;
            for found in &page {
                let known = person::read(&connection.settings.mappings, found);
                // What has no id can't be meant later.
                if !known.remote_id.is_empty() {
                    stage(&mut tx, ctx, id, known).await?;
                }
            }
            tx.commit().await?;
        }
        let mut tx = self.db.begin().await?;
        store::forget_unseen(&mut tx, id, began).await?;
        tx.commit().await
    }
}

async fn stage(tx: &mut Tx, ctx: &Ctx, id: ApplicationId, known: Known) -> Result<()> {
    let holder = ledger::holder_of(tx, id, ResourceKind::User, &known.remote_id).await?;
    let linked = match holder {
        Some(holder) => holder.parse::<UserId>().ok(),
        None => store::user_of(tx, id, &known.remote_id).await?,
    };
    let verdict = match linked {
        Some(user) if people::find(tx, user).await?.is_some() => Verdict::here(user),
        _ => judge(tx, ctx, &known).await?,
    };
    let row = Row {
        remote_id: known.remote_id,
        user_name: known.user_name,
        name: known.name,
        email: known.email,
        active: known.active,
        status: verdict.status,
        code: verdict.code,
        message: verdict.message,
        user: verdict.user,
        waiting: false,
        seen_at: ctx.now(),
    };
    store::stage(tx, id, &row, &known.person).await
}

/// What somebody is to us.
pub(in crate::provisioning) struct Verdict {
    pub(in crate::provisioning) status: RowStatus,
    pub(in crate::provisioning) code: Option<String>,
    pub(in crate::provisioning) message: Option<String>,
    pub(in crate::provisioning) user: Option<UserId>,
}

impl Verdict {
    fn here(user: UserId) -> Self {
        Self { status: RowStatus::Imported, code: None, message: None, user: Some(user) }
    }

    fn not(status: RowStatus, code: &str, message: String) -> Self {
        Self { status, code: Some(code.to_owned()), message: Some(message), user: None }
    }

    /// What a refusal to make somebody says of them.
    pub(super) fn of(error: &Error) -> Self {
        let fields: Vec<&str> = error.fields.iter().map(|field| field.message.as_str()).collect();
        let named = |field: &crate::base::FieldError| format!("{}: {}", field.field, field.message);
        let message = match fields.as_slice() {
            [] => error.message.to_string(),
            [_] if error.kind == Kind::Conflict => error.message.to_string(),
            _ => error.fields.iter().map(named).collect::<Vec<_>>().join(" "),
        };
        let code =
            error.fields.first().map_or_else(|| error.code.to_string(), |field| field.code.to_string());
        let status = if error.kind == Kind::Conflict { RowStatus::Conflict } else { RowStatus::Error };
        Self::not(status, &code, message)
    }
}

/// By both names: both of the same person here is that person, both of nobody is somebody new, and everything in between
/// is for a person to settle (IM-02).
async fn judge(tx: &mut Tx, ctx: &Ctx, known: &Known) -> Result<Verdict> {
    let by_name = people::find_by_login_name(tx, &known.person.username).await?;
    let by_email = people::find_by_login_name(tx, &known.person.email).await?;
    let conflict = |code: &str, message: String| Ok(Verdict::not(RowStatus::Conflict, code, message));
    match (by_name, by_email) {
        (Some(one), Some(other)) if one.id == other.id => Ok(Verdict::here(one.id)),
        (Some(one), _) => conflict(
            "username_taken",
            format!(
                "{} here has this username and another e-mail address. Change one of the two, then look again.",
                one.shown_name()
            ),
        ),
        (None, Some(other)) => conflict(
            "email_taken",
            format!(
                "{} here has this e-mail address and another username. Change one of the two, then look again.",
                other.shown_name()
            ),
        ),
        (None, None) => match people::check_new(tx, ctx, known.person.clone()).await {
            Ok(()) => Ok(Verdict { status: RowStatus::New, code: None, message: None, user: None }),
            Err(error) if matches!(error.kind, Kind::Invalid | Kind::Conflict) => Ok(Verdict::of(&error)),
            Err(error) => Err(error),
        },
    }
}

fn unread(fault: &Fault) -> Error {
    let kind = if fault.kind.is_passing() { Kind::Unavailable } else { Kind::Invalid };
    Error::new(
        kind,
        fault.code,
        format!("Its people could not be read whole, so nothing new is shown. {}", fault.message),
    )
}
