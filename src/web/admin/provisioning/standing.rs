//! How it stands with each person and group, what waits for a yes, and trying again.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;

use crate::base::{Error, Kind, Timestamp, urls};
use crate::provisioning::model::{Change, Entry, Local, ResourceKind, State as Stands};
use crate::provisioning::state::{self, Decision};
use crate::web::admin::frame::{self, Done};
use crate::web::admin::posted::Posted;
use crate::web::admin::provisioning::page::in_words;
use crate::web::admin::provisioning::{Connected, Typed, draw};
use crate::web::error::{Answer, Failure};
use crate::web::extract::permission::{ApplicationsRead, ApplicationsWrite};
use crate::web::extract::{Console, Queried, SignedForm};
use crate::web::pages::application::Tab;
use crate::web::pages::application_provisioning::{EntryLine, KindLink, ProvisioningStatePage};
use crate::web::pages::parts::{Choice, Decision as PageDecision, Link, Pager, Status, Tone};
use crate::web::pages::shell::Banner;
use crate::web::shown::person::initials;
use crate::web::shown::{self, time};
use crate::web::state::{Shared, Web};
use crate::web::{html, see_other};

/// A state in words.
#[must_use]
pub fn status(entry: &Entry) -> Status {
    let (tone, text) = match entry.state {
        Stands::Synced if entry.remote_id.is_none() => (Tone::Off, "Not there"),
        Stands::Synced if entry.local.kind() == ResourceKind::User && !entry.active => {
            (Tone::Off, "Deactivated")
        }
        Stands::Synced => (Tone::Ok, "In sync"),
        Stands::Pending if entry.attempts > 0 => (Tone::Warn, "Tried again"),
        Stands::Pending => (Tone::Draft, "Waiting"),
        Stands::Running => (Tone::Info, "Under way"),
        Stands::Failed => (Tone::Danger, "Failed"),
        Stands::Conflict => (Tone::Danger, "Conflict"),
        Stands::AwaitingApproval => (Tone::Info, "To approve"),
        Stands::Drift => (Tone::Warn, "Not as sent"),
        Stands::Accepted => (Tone::Info, "Waiting there"),
    };
    Status::new(tone, text)
}

/// What is to be done, as one reads it in a list.
fn change(entry: &Entry) -> &'static str {
    match (entry.change, entry.local.kind()) {
        (None, _) => "",
        (Some(Change::Create), ResourceKind::User) => "Make the account",
        (Some(Change::Create), ResourceKind::Group) => "Make the group",
        (Some(Change::Update), ResourceKind::User) => "Change the account",
        (Some(Change::Update), ResourceKind::Group) => "Change the group",
        (Some(Change::Deactivate), _) => "Deactivate the account",
        (Some(Change::Delete), ResourceKind::User) => "Delete the account",
        (Some(Change::Delete), ResourceKind::Group) => "Delete the group",
    }
}

/// An entry as a page shows it.
#[must_use]
pub fn line(entry: Entry, now: Timestamp) -> EntryLine {
    let id = entry.local.to_string();
    let is_user = matches!(entry.local, Local::User(_));
    let href = if is_user { urls::admin_user(&id) } else { urls::admin_group(&id) };
    let waits = matches!(entry.state, Stands::Failed | Stands::Conflict | Stands::Drift);
    let next = match entry.due_at {
        Some(at) if entry.state == Stands::Pending && at > now => {
            format!("We try again {}.", in_words(at, now))
        }
        None if waits => "It waits for you.".to_owned(),
        _ => String::new(),
    };
    EntryLine {
        kind: entry.local.kind().as_str().to_owned(),
        status: status(&entry),
        change: change(&entry).to_owned(),
        since: time::when(entry.changed_at, now),
        initials: if is_user { initials(&entry.name) } else { String::new() },
        name: Link::new(entry.name, href),
        message: entry.message.unwrap_or_default(),
        code: entry.code.unwrap_or_default(),
        asked_for: entry
            .asked_for
            .filter(|_| entry.asked.is_some())
            .map(|what| format!("{what:#}"))
            .unwrap_or_default(),
        asked: entry.asked.unwrap_or_default(),
        can_retry: waits || (entry.state == Stands::Pending && entry.attempts > 0),
        next,
        id,
    }
}

/// `?kind=&status=&cursor=&done=`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    kind: String,
    status: String,
    cursor: Option<String>,
    done: Option<String>,
}

/// `GET /admin/applications/{application}/provisioning/state`
pub async fn show_state(
    console: Console<ApplicationsRead>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    Queried(wanted): Queried<Wanted>,
) -> Answer {
    let connected = Connected::of(&web, &application).await?;
    let id = connected.application().id;
    // What can't be read does not filter, and the form shows what counts.
    let kind: ResourceKind = wanted.kind.parse().unwrap_or_default();
    let status: Option<Stands> = wanted.status.parse().ok();
    let request = frame::page_request(wanted.cursor.as_deref())?;
    let mut reader = web.installation.db.reader();
    let found = state::list(&mut reader, id, kind, status, &request).await?;
    let counts = state::counts(&mut reader, id).await?;
    let path = urls::admin_provisioning_state(&application);
    let said = status.map_or("", Stands::as_str);
    let kind_link = |one: ResourceKind, text: &str| KindLink {
        link: Link::new(text, frame::with_query(&path, &[("kind", one.as_str()), ("status", said)])),
        count: shown::number(status.map_or_else(|| counts.all(one), |status| counts.of(one, status))),
        chosen: one == kind,
    };
    let choices = [
        ("", "Any state"),
        ("synced", "In sync"),
        ("pending", "Waiting"),
        ("running", "Under way"),
        ("failed", "Failed"),
        ("conflict", "Conflict"),
        ("awaiting_approval", "To approve"),
        ("drift", "Not as sent"),
        ("accepted", "Waiting there"),
    ];
    let next = found.next_cursor.as_deref().map(|cursor| {
        frame::with_query(&path, &[("kind", kind.as_str()), ("status", said), ("cursor", cursor)])
    });
    let mut shell = connected.shell(&web, &console.person).await;
    shell.toast = frame::toast(wanted.done.as_deref());
    let now = console.ctx().now();
    let rows: Vec<EntryLine> = found.items.into_iter().map(|entry| line(entry, now)).collect();
    let page = ProvisioningStatePage {
        app: connected.loaded.head(&web, Tab::Provisioning),
        kinds: vec![kind_link(ResourceKind::User, "People"), kind_link(ResourceKind::Group, "Groups")],
        kind: kind.as_str().to_owned(),
        statuses: choices.iter().map(|(value, label)| Choice::new(*value, *label, *value == said)).collect(),
        can_retry: rows.iter().any(|row| row.can_retry),
        rows,
        pager: Pager { summary: String::new(), previous: None, next },
        shell,
    };
    html(StatusCode::OK, &page)
}

fn local(kind: &str, id: &str) -> Option<Local> {
    match kind.parse().ok()? {
        ResourceKind::User => id.parse().ok().map(Local::User),
        ResourceKind::Group => id.parse().ok().map(Local::Group),
    }
}

/// `POST /admin/applications/{application}/provisioning/retry`: of one `kind` and `id`, or, without them, of all that
/// failed.
pub async fn retry(
    console: Console<ApplicationsWrite>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let connected = Connected::of(&web, &application).await?;
    let which = match (posted.text("kind"), posted.text("id")) {
        ("", "") => None,
        (kind, id) => Some(local(kind, id).ok_or_else(Failure::no_such_page)?),
    };
    state::retry(&web.installation.db, console.ctx(), connected.application().id, which).await?;
    Ok(see_other(&Done::Retried.at(&connected.tab())))
}

/// What a ticket on the page names.
fn ticket(text: &str, approve: bool) -> Result<Decision, Failure> {
    let mut parts = text.splitn(3, ':');
    let (kind, id, asked) = (parts.next(), parts.next(), parts.next());
    let local = local(kind.unwrap_or_default(), id.unwrap_or_default());
    let (Some(local), Some(asked)) = (local, asked) else { return Err(Failure::no_such_page()) };
    Ok(Decision { local, asked: asked.to_owned(), approve })
}

/// Saying yes, and no, to all that waits at an instant.
#[must_use]
pub fn decide_all(connected: &Connected, count: i64, now: Timestamp) -> Vec<PageDecision> {
    let label = connected.label();
    let all = shown::number(count);
    let of = |action: &str, verb: &str, effects: Vec<String>| PageDecision {
        id: action.replace('_', "-"),
        action: urls::admin_provisioning_approvals(&connected.loaded.id()),
        button: format!("{verb} all {all}…"),
        title: format!("{verb} all {all} changes that wait?"),
        effects,
        hidden: vec![("action".to_owned(), action.to_owned()), ("until".to_owned(), now.0.to_string())],
        confirm: format!("{verb} all {all}"),
        cancel: "Decide one by one".to_owned(),
        cancel_href: connected.tab(),
        ..PageDecision::default()
    };
    vec![
        of(
            "approve_all",
            "Approve",
            vec![
                format!("All of it is sent to {label} now, also what this page does not show."),
                "What comes to wait from now on is asked about by itself.".to_owned(),
            ],
        ),
        of(
            "reject_all",
            "Reject",
            vec![
                format!("Nothing of it is sent: {label} keeps what it holds."),
                "Each stands as failed until you retry it; then you are asked again.".to_owned(),
            ],
        ),
    ]
}

/// `POST /admin/applications/{application}/provisioning/approvals`: `action=approve|reject` decides on every ticked
/// `entry`; `approve` and `reject` name one; `action=approve_all|reject_all` decides on all that waited `until` an
/// instant, and asks first unless `confirmed`.
pub async fn decide(
    console: Console<ApplicationsWrite>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let connected = Connected::of(&web, &application).await?;
    if let "approve_all" | "reject_all" = posted.text("action") {
        return decide_on_all(&web, &console, &connected, &posted).await;
    }
    let (approve, tickets) = match (posted.text("approve"), posted.text("reject")) {
        ("", "") => (posted.text("action") == "approve", posted.all("entry").to_vec()),
        ("", one) => (false, vec![one.to_owned()]),
        (one, _) => (true, vec![one.to_owned()]),
    };
    let decisions: Vec<Decision> =
        tickets.iter().map(|text| ticket(text, approve)).collect::<Result<_, _>>()?;
    let decided = if decisions.is_empty() {
        Err(Error::conflict(
            "nothing_ticked",
            "Nothing was decided: nothing was ticked. Tick what you decide on.",
        ))
    } else {
        state::decide(&web.installation.db, console.ctx(), connected.application().id, &decisions).await
    };
    match decided {
        Ok(()) if approve => Ok(see_other(&Done::Approved.at(&connected.tab()))),
        Ok(()) => Ok(see_other(&Done::Rejected.at(&connected.tab()))),
        Err(error) if error.kind == Kind::Conflict => {
            let now = connected.again(&web).await?;
            let mut shell = now.shell(&web, &console.person).await;
            let (title, body) = if error.code == "approval_changed" {
                (
                    "Nothing was decided: something of it has changed meanwhile",
                    "Somebody else decided, or what would be sent is another thing now. The list below is as it is now; look again, then decide.",
                )
            } else {
                (
                    "Nothing was decided: nothing was ticked",
                    "Tick what you decide on, or use the buttons beside it.",
                )
            };
            shell.banners.insert(0, Banner::new(Tone::Warn, title, body));
            draw(&web, &console.person, &now, shell, Typed::default(), StatusCode::CONFLICT).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn decide_on_all(
    web: &Web,
    console: &Console<ApplicationsWrite>,
    connected: &Connected,
    posted: &Posted,
) -> Answer {
    let (id, db) = (connected.application().id, &web.installation.db);
    let approve = posted.text("action") == "approve_all";
    let now = console.ctx().now();
    let until = posted.text("until").parse().map(Timestamp).map_err(|_| Failure::no_such_page())?.min(now);
    if !posted.confirmed() {
        let count = state::count_asked(&mut db.reader(), id, until).await?;
        let decision = decide_all(connected, count, until).swap_remove(usize::from(!approve));
        return connected.ask(web, &console.person, decision, "Approvals").await;
    }
    state::decide_all(db, console.ctx(), id, approve, until).await?;
    let done = if approve { Done::Approved } else { Done::Rejected };
    Ok(see_other(&done.at(&connected.tab())))
}
