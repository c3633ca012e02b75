//! The list of applications, and deleting from it.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;

use crate::applications::model::{Application, Kind, Status as ApplicationStatus};
use crate::applications::{self, delete, overview, sp_source};
use crate::auth::Permission;
use crate::base::clock::DAY;
use crate::base::id::ApplicationId;
use crate::base::{Timestamp, urls};
use crate::web::admin::ending;
use crate::web::admin::frame::{self, Done};
use crate::web::admin::posted::Posted;
use crate::web::admin::sso::page::SOON_DAYS;
use crate::web::error::{Answer, Failure};
use crate::web::extract::permission::{ApplicationsRead, ApplicationsWrite};
use crate::web::extract::{Console, Queried, SignedForm};
use crate::web::pages::ConfirmPage;
use crate::web::pages::applications::{ApplicationRow, ApplicationsPage, deletion};
use crate::web::pages::parts::{Choice, Crumbs, Link, Pager, Status, Tone};
use crate::web::pages::shell::{Banner, Nav, Shell};
use crate::web::shown::{self, application as show, time};
use crate::web::state::Shared;
use crate::web::{html, page, see_other};

/// `?q=&status=&cursor=`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    q: String,
    status: String,
    cursor: Option<String>,
    done: Option<String>,
}

/// `GET /admin/applications`
pub async fn list_applications(
    console: Console<ApplicationsRead>,
    State(web): State<Shared>,
    Queried(wanted): Queried<Wanted>,
) -> Answer {
    let installation = &web.installation;
    let mut reader = installation.db.reader();
    let status = wanted.status.parse::<ApplicationStatus>().ok();
    let text = wanted.q.trim();
    let request = frame::page_request(wanted.cursor.as_deref())?;
    let found = overview::list(&mut reader, text, status, &request).await?;
    let total = applications::count(&mut reader).await?;
    let ids: Vec<ApplicationId> = found.items.iter().map(|application| application.id).collect();
    let people = overview::count_people(&mut reader, &ids).await?;
    let ends = crate::keys::certificate_ends(&mut reader).await?;
    let changed = sp_source::list_pending(&mut reader).await?;
    let now = console.ctx().now();
    let mut shell =
        frame::shell(&web, &console.person, "Applications", Nav::Applications, Permission::ApplicationsWrite)
            .await;
    shell.toast = frame::toast(wanted.done.as_deref());
    warn_of_soonest(&web, &mut shell, &ends, now).await?;
    let rows: Vec<ApplicationRow> = found
        .items
        .iter()
        .map(|application| {
            let people = people.get(&application.id).copied().unwrap_or(0);
            let waits = if changed.contains(&application.id) { "Metadata changed" } else { "" };
            let row = row(&web, application, people, ends.get(&application.id).copied(), now);
            ApplicationRow { waits: waits.to_owned(), ..row }
        })
        .collect();
    let next = found.next_cursor.as_deref();
    page(&ApplicationsPage {
        shell,
        query: wanted.q.clone(),
        statuses: statuses(status),
        none_yet: total == 0,
        pager: Pager {
            summary: format!("{} of {}", rows.len(), shown::counted(total, "application", "applications")),
            previous: None,
            next: next.map(|cursor| {
                let pairs =
                    [("q", wanted.q.as_str()), ("status", wanted.status.as_str()), ("cursor", cursor)];
                frame::with_query(urls::admin_applications(), &pairs)
            }),
        },
        rows,
    })
}

fn statuses(chosen: Option<ApplicationStatus>) -> Vec<Choice> {
    let known = [
        (None, "", "Any status"),
        (Some(ApplicationStatus::Active), "active", "Active"),
        (Some(ApplicationStatus::Draft), "draft", "Draft"),
        (Some(ApplicationStatus::Inactive), "inactive", "Off"),
    ];
    known.iter().map(|(status, value, label)| Choice::new(*value, *label, *status == chosen)).collect()
}

fn row(
    web: &Shared,
    application: &Application,
    people: i64,
    end: Option<Timestamp>,
    now: Timestamp,
) -> ApplicationRow {
    let end = end.filter(|_| application.kind == Kind::Saml);
    let days = end.map(|end| end.since(now) / DAY);
    let tone = match days {
        Some(..=0) => Tone::Danger,
        Some(1..=30) => Tone::Warn,
        _ => Tone::Info,
    };
    ApplicationRow {
        id: application.id.to_string(),
        mark: show::mark(&web.installation.catalog, application),
        connector: show::connector_name(&web.installation.catalog, application),
        waits: String::new(),
        status: show::status(application),
        people: shown::number(people),
        certificate: end.map(|end| Status::new(tone, time::short_date(end))),
        certificate_note: end
            .filter(|_| days.is_some_and(|days| days < SOON_DAYS))
            .map(|end| time::left(end, now))
            .unwrap_or_default(),
        metadata_href: match application.kind {
            Kind::Saml => urls::idp_metadata(&application.slug),
            Kind::Bookmark => String::new(),
        },
    }
}

/// Certificates named at most.
const NAMED: usize = 5;

/// A banner for the certificates that end within a week, or for the one that ends first within 60 days.
async fn warn_of_soonest(
    web: &Shared,
    shell: &mut Shell,
    ends: &std::collections::HashMap<ApplicationId, Timestamp>,
    now: Timestamp,
) -> Result<(), Failure> {
    let mut soon: Vec<(ApplicationId, Timestamp)> = ends
        .iter()
        .map(|(id, end)| (*id, *end))
        .filter(|(_, end)| end.since(now) < SOON_DAYS * DAY)
        .collect();
    soon.sort_by_key(|(id, end)| (*end, *id));
    let urgent = soon.iter().filter(|(_, end)| ending::is_urgent(*end, now)).count();
    let mut lines = Vec::new();
    for (id, end) in soon.iter().take(urgent.clamp(1, NAMED)) {
        let application = applications::find(&mut web.installation.db.reader(), *id).await?;
        if let Some(Application { label, .. }) = application {
            lines.push((label, id.to_string(), *end));
        }
    }
    let Some((label, id, end)) = lines.first() else { return Ok(()) };
    let mut banner = if urgent > 1 {
        let title = format!("Our certificates for {urgent} applications end within a week, or have ended");
        let mut banner = Banner::new(ending::tone(*end, now), title, "They may refuse what we sign then.");
        let link = |(label, id, end): &(String, String, Timestamp)| {
            Link::new(ending::line(label, *end, now), ending::repair(id))
        };
        banner.items = lines.iter().map(link).collect();
        if urgent > lines.len() {
            banner.items.push(Link::new(format!("… and {} more", urgent - lines.len()), ""));
        }
        banner
    } else {
        let body = format!("{label} may refuse what we sign with it. Make the next key in time.");
        Banner::new(ending::tone(*end, now), ending::line(label, *end, now), body)
    };
    banner.action = Some(Link::new("See the certificate", ending::repair(id)));
    shell.banners.push(banner);
    Ok(())
}

/// `POST /admin/applications/delete`: asks first unless `confirmed`, with the number to be typed.
pub async fn delete_applications(
    console: Console<ApplicationsWrite>,
    State(web): State<Shared>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let mut ids = Vec::new();
    for text in posted.all("id") {
        let id: ApplicationId = frame::id(text)?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    if ids.is_empty() {
        return Ok(see_other(urls::admin_applications()));
    }
    if !posted.confirmed() {
        return ask(&web, &console, &ids, None).await;
    }
    let installation = &web.installation;
    let typed = posted.text("count").parse::<usize>().unwrap_or(0);
    match delete::delete(&installation.db, console.ctx(), &ids, typed).await {
        Ok(_) => Ok(see_other(&Done::Deleted.at(urls::admin_applications()))),
        Err(error) if !error.fields.is_empty() => ask(&web, &console, &ids, Some(error)).await,
        Err(error) => Err(error.into()),
    }
}

async fn ask(
    web: &Shared,
    console: &Console<ApplicationsWrite>,
    ids: &[ApplicationId],
    error: Option<crate::base::Error>,
) -> Answer {
    let mut reader = web.installation.db.reader();
    let mut names = Vec::new();
    for id in ids.iter().take(delete::MAX_AT_ONCE) {
        names.push(applications::require(&mut reader, *id).await?.label);
    }
    let mut people = 0;
    for ids in ids.chunks(overview::MOST) {
        let counts = overview::count_people(&mut reader, ids).await?;
        people = counts.values().copied().fold(people, i64::max);
    }
    let them = if ids.len() == 1 { "It is open to" } else { "The most used of them is open to" };
    let texts: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let decision = deletion(&texts, &format!("{them} {} today.", shown::people(people)));
    let title = decision.title.clone();
    let mut shell =
        frame::shell(web, &console.person, &title, Nav::Applications, Permission::ApplicationsWrite).await;
    let status = match error {
        Some(error) => frame::refuse(&mut shell, error)?,
        None => StatusCode::OK,
    };
    let crumbs = Crumbs {
        way: vec![Link::new("Applications", urls::admin_applications())],
        here: "Delete".to_owned(),
    };
    html(status, &ConfirmPage { shell, crumbs, decision, names })
}
