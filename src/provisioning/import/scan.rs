//! Reading who is at the application, and what each of them is to us.

use crate::applications;
use crate::base::id::{ApplicationId, UserId};
use crate::base::{Ctx, Error, Kind, Result};
use crate::db::Tx;
use crate::directory::people;
use crate::provisioning::client::Fault;
use crate::provisioning::connection;
use crate::provisioning::engine::{Engine, Target};
use crate::provisioning::import::person::{self, Known};
use crate::provisioning::import::{Row, RowStatus};
use crate::provisioning::model::ResourceKind;
use crate::provisioning::store::{connections, imports as store, ledger};

impl Engine {
    /// Reads everyone who is at an application, page by page, and stages them. Half a list is an error; what was staged
    /// before then stays, and is read again the next time. Nobody here is changed.
    pub async fn scan_people(&self, ctx: &Ctx, id: ApplicationId) -> Result<()> {
        applications::require(&mut self.db.reader(), id).await?;
        let known =
            connections::find(&mut self.db.reader(), id).await?.ok_or_else(connection::not_configured)?;
        if !known.is_active() {
            return Err(connection::inactive());
        }
        let read = async {
            let target = self.readable(ctx, id).await?;
            let read = self.stage_all(ctx, &target).await;
            self.note_read(ctx, &target, &read).await?;
            read
        };
        self.alone(id, Box::pin(read)).await
    }

    async fn stage_all(&self, ctx: &Ctx, target: &Target<'_>) -> Result<()> {
        let began = ctx.now();
        let mut pages = target.pages("Users", "");
        while let Some(page) = self.next_page(ctx, target, &mut pages, unread).await? {
            let mut tx = self.db.begin().await?;
            require_same(&mut tx, target).await?;
            for found in &page {
                let person = person::read(target.mappings(), found);
                // What has no id can't be meant later.
                if !person.remote_id.is_empty() {
                    stage(&mut tx, ctx, target.id(), person).await?;
                }
            }
            tx.commit().await?;
        }
        let mut tx = self.db.begin().await?;
        require_same(&mut tx, target).await?;
        store::settle_unseen(&mut tx, target.id(), began, target.hides_inactive()).await?;
        tx.commit().await
    }
}

/// Holds the connection, which must be as it was when reading began: whoever was read elsewhere is nobody here.
async fn require_same(tx: &mut Tx, target: &Target<'_>) -> Result<()> {
    let now = connections::lock(tx, target.id()).await?;
    if now.is_some_and(|now| now.version == target.version()) {
        return Ok(());
    }
    Err(Error::conflict(
        "connection_changed",
        "The connection has been changed meanwhile. Read the people again.",
    ))
}

async fn stage(tx: &mut Tx, ctx: &Ctx, id: ApplicationId, known: Known) -> Result<()> {
    // An import that makes them at this moment comes first.
    let made = store::hold(tx, id, &known.remote_id).await?;
    let holder = ledger::holder_of(tx, id, ResourceKind::User, &known.remote_id).await?;
    let linked = match holder {
        Some(holder) => holder.parse::<UserId>().ok(),
        None => made,
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
        let named = |field: &crate::base::FieldError| {
            let name = match field.field.as_str() {
                "username" => "User name".to_owned(),
                "email" => "E-mail".to_owned(),
                other => other.replace('_', " "),
            };
            format!("{name}: {}", field.message)
        };
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

fn unread(fault: Fault) -> Error {
    let kind = if fault.kind.is_passing() { Kind::Unavailable } else { Kind::Invalid };
    Error::new(
        kind,
        fault.code,
        format!("Its people could not be read whole, so nothing new is shown. {}", fault.message),
    )
}
