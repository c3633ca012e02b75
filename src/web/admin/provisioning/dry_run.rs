//! Exactly which requests would be sent, before any is.

use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::base::urls;
use crate::provisioning::connection::ConnectionPatch;
use crate::provisioning::engine::dry_run::{DryRun, Planned, Step};
use crate::provisioning::model::{Local, State as Stands};
use crate::web::admin::posted::Posted;
use crate::web::admin::provisioning::{Connected, refuse};
use crate::web::error::Answer;
use crate::web::extract::permission::ApplicationsWrite;
use crate::web::extract::{Console, Person, SignedForm};
use crate::web::html;
use crate::web::pages::application::Tab;
use crate::web::pages::application_provisioning::{DryRunLine, DryRunPage, RequestLine};
use crate::web::pages::parts::Link;
use crate::web::shown;
use crate::web::shown::person::initials;
use crate::web::state::{Shared, Web};

/// People and groups that are shown; the others are counted.
const SHOWN: usize = 200;

/// `POST /admin/applications/{application}/provisioning/dry-run`: of what is stored.
pub async fn show_dry_run(
    console: Console<ApplicationsWrite>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    SignedForm(_): SignedForm<Posted>,
) -> Answer {
    let connected = Connected::of(&web, &application).await?;
    draw(&web, &console.person, &connected, ConnectionPatch::default(), None).await
}

/// The page of what would be sent with this patch. `carried`: the fields of a form that is not saved yet.
pub async fn draw(
    web: &Web,
    person: &Person,
    connected: &Connected,
    patch: ConnectionPatch,
    carried: Option<Vec<(String, String)>>,
) -> Answer {
    let mut shell = connected.shell(web, person).await;
    let found = web.provisioning.dry_run(&person.ctx, connected.application().id, patch).await;
    let (status, run) = match found {
        Ok(run) => (StatusCode::OK, Some(run)),
        Err(mut error) => {
            // The inputs that it is about are on another page.
            if let Some(first) = error.fields.first() {
                error.message = first.message.clone().into();
                error.fields.clear();
            }
            let title = format!("What would be sent to {} could not be found out", connected.label());
            (refuse(&mut shell, error, &connected.tab(), &title)?, None)
        }
    };
    let app = connected.loaded.head(web, Tab::Provisioning);
    let mut page =
        DryRunPage { shell, app, carried, figures: Vec::new(), steps: Vec::new(), more: String::new() };
    if let Some(run) = run {
        fill(&mut page, run);
    }
    html(status, &page)
}

fn fill(page: &mut DryRunPage, run: DryRun) {
    let number = |count: usize| shown::number(i64::try_from(count).unwrap_or(i64::MAX));
    page.figures = vec![
        ("Looked at".to_owned(), number(run.looked_at)),
        ("Requests".to_owned(), number(run.requests)),
        ("Nothing to do".to_owned(), number(run.unchanged)),
        ("Held, or to approve".to_owned(), number(run.held)),
    ];
    let more = run.looked_at.saturating_sub(run.unchanged).saturating_sub(run.steps.len().min(SHOWN));
    if more > 0 {
        page.more = format!("{} more people and groups are counted above and not listed.", number(more));
    }
    page.steps = run.steps.into_iter().take(SHOWN).map(line).collect();
}

fn line(step: Step) -> DryRunLine {
    let id = step.local.to_string();
    let (href, initials) = match step.local {
        Local::User(_) => (urls::admin_user(&id), initials(&step.name)),
        Local::Group(_) => (urls::admin_group(&id), String::new()),
    };
    let waits = step.held.as_ref().is_some_and(|held| held.state == Stands::AwaitingApproval);
    let (held, code) = match step.held {
        // Nothing waits yet.
        Some(held) if held.code == "approval_required" => {
            ("It would wait for an administrator to approve it.".to_owned(), held.code)
        }
        Some(held) => (held.message, held.code),
        None => Default::default(),
    };
    DryRunLine {
        name: Link::new(step.name, href),
        initials,
        held,
        waits,
        code,
        requests: step.requests.into_iter().map(request).collect(),
    }
}

fn request(planned: Planned) -> RequestLine {
    RequestLine {
        method: planned.method.as_str().to_owned(),
        path: planned.path,
        body: planned.body.map(|body| format!("{body:#}")).unwrap_or_default(),
    }
}
