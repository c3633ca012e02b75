//! Comparing an application with what it should hold, and what was found.

use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::base::{Error, Timestamp, urls};
use crate::provisioning::engine::reconcile::{Difference, Drift, NAMED, Named};
use crate::provisioning::model::{Change, ResourceKind};
use crate::web::admin::frame::{self, After, Done};
use crate::web::admin::posted::Posted;
use crate::web::admin::provisioning::{Connected, Typed, draw, refuse};
use crate::web::error::Answer;
use crate::web::extract::permission::{ApplicationsRead, ApplicationsWrite};
use crate::web::extract::{Console, Queried, SignedForm};
use crate::web::pages::application::Tab;
use crate::web::pages::application_provisioning::{ComparisonPage, DifferenceLine};
use crate::web::pages::parts::{Status, Tone};
use crate::web::shown::{self, time};
use crate::web::state::Shared;
use crate::web::{html, see_other};

/// `GET /admin/applications/{application}/provisioning/comparison`
pub async fn show_comparison(
    console: Console<ApplicationsRead>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    Queried(after): Queried<After>,
) -> Answer {
    let connected = Connected::of(&web, &application).await?;
    let mut shell = connected.shell(&web, &console.person).await;
    shell.toast = frame::toast(after.done.as_deref());
    let own = connected.connection.as_ref();
    let drift: Option<Drift> = own
        .and_then(|own| own.drift.clone())
        .map(serde_json::from_value)
        .transpose()
        .map_err(Error::internal)?;
    let mut page = ComparisonPage {
        app: connected.loaded.head(&web, Tab::Provisioning),
        active: connected.is_active(),
        when: compared(own.and_then(|own| own.reconciled_at), console.ctx().now()),
        figures: Vec::new(),
        items: Vec::new(),
        more: String::new(),
        shell,
    };
    if let Some(drift) = drift {
        let asked = own.map(|own| own.settings.require_approval.clone()).unwrap_or_default();
        fill(&mut page, drift, connected.label(), &asked);
    }
    html(StatusCode::OK, &page)
}

fn compared(at: Option<Timestamp>, now: Timestamp) -> String {
    let Some(at) = at else { return String::new() };
    let text = time::until(at, now).text;
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}", letters.as_str())
}

fn fill(page: &mut ComparisonPage, drift: Drift, label: &str, asked: &[Change]) {
    let number = |count: usize| shown::number(i64::try_from(count).unwrap_or(i64::MAX));
    page.figures = vec![
        ("Read".to_owned(), number(drift.read)),
        ("Changed there".to_owned(), number(drift.changed)),
        ("Missing there".to_owned(), number(drift.missing)),
        ("Members missing".to_owned(), number(drift.missing_members)),
        ("Members not ours".to_owned(), number(drift.extra_members)),
        ("Not ours".to_owned(), number(drift.unmanaged)),
    ];
    if drift.known > 0 {
        page.figures.push(("Here, not managed".to_owned(), number(drift.known)));
    }
    let all = drift.changed
        + drift.missing
        + drift.missing_members
        + drift.extra_members
        + drift.unmanaged
        + drift.known;
    if all > drift.items.len() {
        page.more =
            format!("The first {NAMED} are named; {} more are counted.", number(all - drift.items.len()));
    }
    page.items = drift.items.into_iter().map(|named| line(named, label, asked)).collect();
}

fn line(named: Named, label: &str, asked: &[Change]) -> DifferenceLine {
    let once = |change| if asked.contains(&change) { " once you approve it" } else { "" };
    let (tone, text, message) = match named.difference {
        Difference::Missing => {
            let once = once(Change::Create);
            (Tone::Warn, "Missing there", format!("It is looked for by its name, and made anew{once}."))
        }
        Difference::Changed => (
            Tone::Warn,
            "Changed there",
            format!(
                "Somebody changed {} in {label}. It is put right{}.",
                named.fields.join(", "),
                once(Change::Update)
            ),
        ),
        Difference::ExtraMember => (
            Tone::Info,
            "A member who is not ours",
            "Somebody else added this account to the group. It is left there.".to_owned(),
        ),
        Difference::MissingMember => (
            Tone::Warn,
            "A member is missing",
            format!(
                "Somebody took this account out of the group. It is added again{}.",
                once(Change::Update)
            ),
        ),
        Difference::Unmanaged => (
            Tone::Off,
            "Not ours",
            "It was there before or was made by somebody else. We never touch it.".to_owned(),
        ),
        Difference::Known => (
            Tone::Info,
            "Here, not managed",
            "This person is here too. The account is managed once they are in a bound group.".to_owned(),
        ),
    };
    DifferenceLine {
        name: named.name,
        kind: match named.kind {
            ResourceKind::User => "Person".to_owned(),
            ResourceKind::Group => "Group".to_owned(),
        },
        remote_id: named.remote_id,
        status: Status::new(tone, text),
        message,
    }
}

/// `POST /admin/applications/{application}/provisioning/comparison`: reads everything there, now.
pub async fn compare(
    console: Console<ApplicationsWrite>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    SignedForm(_): SignedForm<Posted>,
) -> Answer {
    let connected = Connected::of(&web, &application).await?;
    match web.provisioning.reconcile(console.ctx(), connected.application().id).await {
        Ok(_) => {
            let path = urls::admin_provisioning_comparison(&application);
            Ok(see_other(&Done::Compared.at(&path)))
        }
        Err(error) => {
            let now = connected.again(&web).await?;
            let mut shell = now.shell(&web, &console.person).await;
            let title = format!("{} could not be compared", now.label());
            let status = refuse(&mut shell, error, &now.tab(), &title)?;
            draw(&web, &console.person, &now, shell, Typed::default(), status).await
        }
    }
}
