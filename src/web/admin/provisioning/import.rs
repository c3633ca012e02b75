//! Bringing people in from an application.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;

use crate::auth::Permission;
use crate::base::{Error, Kind, Timestamp, urls};
use crate::provisioning::import::{self, Chosen, Counts, Job, MAILED_FROM, Row, RowStatus};
use crate::web::admin::frame::{self, Done};
use crate::web::admin::posted::Posted;
use crate::web::admin::provisioning::{Connected, refuse};
use crate::web::error::Answer;
use crate::web::extract::permission::{ApplicationsRead, ApplicationsWrite, PeopleWrite};
use crate::web::extract::{Console, Person, Queried, SignedForm};
use crate::web::pages::application::Tab;
use crate::web::pages::application_provisioning::KindLink;
use crate::web::pages::parts::{Link, Pager, Status, Tone};
use crate::web::pages::provisioning_import::{ImportRun, ProvisioningImportPage, RemoteLine};
use crate::web::pages::shell::{Banner, Shell};
use crate::web::shown::person::initials;
use crate::web::shown::{self, time};
use crate::web::state::{Shared, Web};
use crate::web::{html, see_other};

/// `?status=&cursor=&done=`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    status: String,
    cursor: Option<String>,
    done: Option<String>,
}

/// `GET /admin/applications/{application}/provisioning/import`: as they were read last.
pub async fn show_import(
    console: Console<ApplicationsRead>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    Queried(wanted): Queried<Wanted>,
) -> Answer {
    let connected = Connected::of(&web, &application).await?;
    let mut shell = connected.shell(&web, &console.person).await;
    shell.toast = frame::toast(wanted.done.as_deref());
    show(&web, &console.person, &connected, shell, &wanted, StatusCode::OK).await
}

async fn show(
    web: &Web,
    person: &Person,
    connected: &Connected,
    shell: Shell,
    wanted: &Wanted,
    status: StatusCode,
) -> Answer {
    let (id, now) = (connected.application().id, person.ctx.now());
    let mut reader = web.installation.db.reader();
    let counts = import::counts(&mut reader, id).await?;
    // Whoever comes to import wants those who are new.
    let only: Option<RowStatus> = match wanted.status.as_str() {
        "all" => None,
        text => Some(text.parse().unwrap_or_default()),
    };
    let said = only.map_or("all", RowStatus::as_str);
    let request = frame::page_request(wanted.cursor.as_deref())?;
    let found = import::list(&mut reader, id, only, &request).await?;
    let job = import::latest(&mut reader, id).await?;
    let run = match job {
        Some(job) => {
            let problems = import::problems(&mut reader, job.id).await?;
            Some(run(
                &job,
                problems.into_iter().map(|one| (one.name, one.message)).collect(),
                connected.label(),
                web.installation.mailer.is_set_up(),
                now,
            ))
        }
        None => None,
    };
    let path = urls::admin_provisioning_import(&connected.loaded.id());
    let next = found
        .next_cursor
        .as_deref()
        .map(|cursor| frame::with_query(&path, &[("status", said), ("cursor", cursor)]));
    let page = ProvisioningImportPage {
        app: connected.loaded.head(web, Tab::Provisioning),
        active: connected.is_active(),
        // Whoever looks after applications makes nobody by it (IM-03).
        can_import: person.role().is_some_and(|role| role.allows(Permission::PeopleWrite)),
        all_new: all_new(&counts),
        filters: filters(&counts, &path, said),
        read: counts.read_at.map(|at| read(at, now)).unwrap_or_default(),
        can_choose: found.items.iter().any(Row::can_be_chosen),
        rows: found.items.into_iter().map(|row| line(row, connected.label())).collect(),
        pager: Pager { summary: String::new(), previous: None, next },
        run,
        shell,
    };
    html(status, &page)
}

fn read(at: Timestamp, now: Timestamp) -> String {
    format!("Read {}", time::until(at, now).text)
}

fn all_new(counts: &Counts) -> String {
    match counts.open {
        0 => String::new(),
        1 => "Import the new person".to_owned(),
        open => format!("Import all {} new people", shown::number(open)),
    }
}

fn filters(counts: &Counts, path: &str, said: &str) -> Vec<KindLink> {
    let all = [
        ("new", "New", counts.new),
        ("imported", "Imported", counts.imported),
        ("conflict", "Conflict", counts.conflict),
        ("error", "Not usable", counts.error),
        ("all", "All", counts.all),
    ];
    let is_shown =
        |name: &str, count: i64| count > 0 || matches!(name, "new" | "imported" | "all") || name == said;
    all.into_iter()
        .filter(|(name, _, count)| is_shown(name, *count))
        .map(|(name, text, count)| KindLink {
            link: Link::new(text, frame::with_query(path, &[("status", name)])),
            count: shown::number(count),
            chosen: name == said,
        })
        .collect()
}

fn line(row: Row, label: &str) -> RemoteLine {
    let (tone, text) = match row.status {
        RowStatus::New if row.waiting => (Tone::Info, "Being imported"),
        RowStatus::New => (Tone::Info, "New"),
        RowStatus::Imported => (Tone::Ok, "Imported"),
        RowStatus::Conflict => (Tone::Danger, "Conflict"),
        RowStatus::Error => (Tone::Warn, "Not usable"),
    };
    let note = match row.message.clone() {
        _ if row.status == RowStatus::New && !row.active => {
            format!("Suspended in {label}: can’t be imported.")
        }
        Some(message) => message,
        None => String::new(),
    };
    let can_be_chosen = row.can_be_chosen();
    let here = row.user.filter(|_| row.status == RowStatus::Imported);
    let here = here.map(|user| Link::new("Their page here", urls::admin_user(&user.to_string())));
    RemoteLine {
        initials: initials(&row.name),
        sub: if row.email.is_empty() { row.user_name } else { row.email },
        status: Status::new(tone, text),
        remote_id: row.remote_id,
        name: row.name,
        note,
        here,
        can_be_chosen,
    }
}

fn people(count: i64) -> String {
    if count == 1 { "1 person".to_owned() } else { format!("{} people", shown::number(count)) }
}

fn run(job: &Job, problems: Vec<(String, String)>, label: &str, has_mail: bool, now: Timestamp) -> ImportRun {
    let were = |count: i64| if count == 1 { "was" } else { "were" };
    let mut lines = Vec::new();
    if job.is_running() {
        if job.total >= MAILED_FROM && has_mail {
            lines.push("We send you a mail at the end.".to_owned());
        }
    } else {
        if job.skipped > 0 {
            lines.push(format!(
                "{} {} left out: suspended in {label}, or here already.",
                people(job.skipped),
                were(job.skipped)
            ));
        }
        if job.failed > 0 {
            lines.push(format!("{} could not be imported.", people(job.failed)));
        }
        if job.imported > 0 {
            lines.push(
                "They are staged: activate them, and bring them into a bound group, when they may come in."
                    .to_owned(),
            );
        }
    }
    if let Some(end) = job.finished_at {
        lines.insert(0, format!("It ended {}.", shown::time::until(end, now).text));
    }
    let title = if job.is_running() {
        format!("Importing {}", people(job.total))
    } else if job.is_cancelled() {
        format!("Import stopped: {} of {} imported", shown::number(job.imported), people(job.total))
    } else {
        format!("{} {} imported", people(job.imported), were(job.imported))
    };
    ImportRun {
        id: job.id.to_string(),
        running: job.is_running(),
        title,
        total: job.total,
        done: job.done(),
        progress: format!("{} of {} done", shown::number(job.done()), shown::number(job.total)),
        lines,
        problems: if job.is_running() { Vec::new() } else { problems },
    }
}

/// `POST /admin/applications/{application}/provisioning/import/scan`
pub async fn scan(
    console: Console<ApplicationsWrite>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    SignedForm(_): SignedForm<Posted>,
) -> Answer {
    let connected = Connected::of(&web, &application).await?;
    match web.provisioning.scan_people(console.ctx(), connected.application().id).await {
        Ok(()) => Ok(see_other(&Done::Read.at(&urls::admin_provisioning_import(&application)))),
        Err(error) => {
            let now = connected.again(&web).await?;
            let mut shell = now.shell(&web, &console.person).await;
            let title = format!("The people of {} could not be read", now.label());
            let status = refuse(&mut shell, error, &now.tab(), &title)?;
            show(&web, &console.person, &now, shell, &Wanted::default(), status).await
        }
    }
}

/// `POST /admin/applications/{application}/provisioning/import`: `action=chosen` with every ticked `remote`, or
/// `action=all_new`.
pub async fn begin(
    console: Console<PeopleWrite>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let connected = Connected::of(&web, &application).await?;
    let chosen = match posted.text("action") {
        "all_new" => Chosen::AllNew,
        _ => Chosen::These(posted.all("remote").to_vec()),
    };
    let id = connected.application().id;
    match import::begin(&web.installation.db, console.ctx(), id, chosen).await {
        Ok(_) => Ok(see_other(&urls::admin_provisioning_import(&application))),
        Err(error) if matches!(error.kind, Kind::Invalid | Kind::Conflict) => {
            let mut shell = connected.shell(&web, &console.person).await;
            let status = if error.kind == Kind::Conflict {
                StatusCode::CONFLICT
            } else {
                StatusCode::UNPROCESSABLE_ENTITY
            };
            shell.banners.insert(0, Banner::new(Tone::Danger, "Nobody was imported", why(&error)));
            show(&web, &console.person, &connected, shell, &Wanted::default(), status).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /admin/applications/{application}/provisioning/import/stop`: the `job` that is shown.
pub async fn stop(
    console: Console<PeopleWrite>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let connected = Connected::of(&web, &application).await?;
    let job = posted.text("job").parse().map_err(|_| Error::not_found("import"))?;
    match import::cancel(&web.installation.db, console.ctx(), connected.application().id, job).await {
        // The page shows what became of it, also when it came to its end meanwhile.
        Err(error) if error.code != "import_ended" => Err(error.into()),
        _ => Ok(see_other(&urls::admin_provisioning_import(&application))),
    }
}

fn why(error: &Error) -> String {
    error.fields.first().map_or_else(|| error.message.to_string(), |field| field.message.clone())
}
