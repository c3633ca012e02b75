//! Recorded exchanges of an application: the last ones on its activity tab, one of them with its checks, and the way to
//! one by the reference that a person was shown. A repair is only ever a way to the setting: nothing is taken out of a
//! message (decision 11).

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;

use crate::auth::Permission;
use crate::base::{Ctx, Error, Kind, Timestamp, urls};
use crate::directory::people;
use crate::saml::checks::{Check, Verdict, trace};
use crate::saml::pretty::pretty;
use crate::signon::recorder::{self, Exchange, ExchangeLine, Reference};
use crate::web::admin::application::Loaded;
use crate::web::admin::frame::{Done, with_query};
use crate::web::admin::posted::Posted;
use crate::web::error::{Answer, Failure};
use crate::web::extract::permission::{ApplicationsWrite, EventsRead};
use crate::web::extract::{Console, Queried, SignedForm};
use crate::web::pages::application::Tab;
use crate::web::pages::exchange::{CheckLine, ExchangePage, ExchangeRow, Exchanges};
use crate::web::pages::parts::{Fact, Facts, Link, Tone};
use crate::web::render::page;
use crate::web::see_other;
use crate::web::shown::time;
use crate::web::state::{Shared, Web};

/// The last exchanges, for who may look into them.
pub async fn last(
    web: &Web,
    console: &Console<EventsRead>,
    loaded: &Loaded,
) -> Result<Option<Exchanges>, Failure> {
    if console.require(Permission::ApplicationsWrite).is_err()
        || console.require(Permission::PeopleRead).is_err()
    {
        return Ok(None);
    }
    let (installation, ctx, id) = (&web.installation, console.ctx(), loaded.application.id);
    let lines = recorder::list(installation, ctx, id).await?;
    let until = recorder::recorded_until(&mut installation.db.reader(), id).await?;
    let row = |line: &ExchangeLine| ExchangeRow {
        href: urls::admin_exchange(&loaded.id(), &line.reference),
        reference: line.reference.clone(),
        when: time::when(line.recorded_at, ctx.now()),
        code: line.code.clone(),
    };
    Ok(Some(Exchanges {
        rows: lines.iter().map(row).collect(),
        record: urls::admin_record(&loaded.id()),
        recorded_until: until.filter(|until| *until > ctx.now()).map(|until| time::until(until, ctx.now())),
    }))
}

/// `POST /admin/applications/{application}/activity/record`
pub async fn record(
    console: Console<ApplicationsWrite>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    console.require(Permission::PeopleRead)?;
    let loaded = Loaded::of(&web, &application).await?;
    let minutes: i64 = posted.text("minutes").parse().map_err(|_| {
        Error::new(Kind::Invalid, "out_of_range", "Choose for how long exchanges are recorded.")
    })?;
    recorder::switch(&web.installation.db, console.ctx(), loaded.application.id, minutes).await?;
    Ok(see_other(&Done::Saved.at(&urls::admin_activity(&application))))
}

/// `?reference=`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    reference: String,
}

/// `GET /admin/exchanges?reference=`: leads to the exchange, else to what events there are of it.
pub async fn find_exchange(
    console: Console<ApplicationsWrite>,
    State(web): State<Shared>,
    Queried(wanted): Queried<Wanted>,
) -> Answer<Response> {
    console.require(Permission::PeopleRead)?;
    let found = find(&web, console.ctx(), &wanted.reference).await?;
    // What was not recorded, or is forgotten, may still be among the events.
    Ok(see_other(&found.unwrap_or_else(|| with_query(urls::admin_events(), &[("q", &wanted.reference)]))))
}

/// The page of the exchange with this reference, if there is one.
pub async fn find(web: &Web, ctx: &Ctx, reference: &str) -> Result<Option<String>, Error> {
    let Ok(reference) = reference.parse::<Reference>() else { return Ok(None) };
    let found = recorder::find_application(&web.installation, ctx, &reference).await?;
    Ok(found.map(|application| urls::admin_exchange(&application.to_string(), &reference.to_string())))
}

fn none() -> Failure {
    let message =
        "No recorded exchange has this reference. They are kept for a day; look for it among the events.";
    Error::new(Kind::NotFound, "not_found", message).into()
}

/// `GET /admin/applications/{application}/activity/{exchange}`
pub async fn show_exchange(
    console: Console<ApplicationsWrite>,
    State(web): State<Shared>,
    Path((application, reference)): Path<(String, String)>,
) -> Answer<Response> {
    console.require(Permission::PeopleRead)?;
    let loaded = Loaded::of(&web, &application).await?;
    let reference: Reference = reference.parse().map_err(|()| none())?;
    let (ctx, id) = (console.ctx(), loaded.application.id);
    let (line, exchange) = recorder::open(&web.installation, ctx, id, &reference).await?;
    let all = trace(line.code.as_deref(), exchange.has_request());
    let mut shell = loaded.shell(&web, &console.person, "exchange").await;
    shell.title = format!("{}: exchange {}", loaded.application.label, line.reference);
    page(&ExchangePage {
        shell,
        app: loaded.head(&web, Tab::Activity),
        reference: line.reference.clone(),
        facts: facts(&line, &exchange, person_of(&web, &exchange).await?),
        not_reached: all.iter().filter(|check| check.verdict == Verdict::NotReached).count(),
        checks: checks(all),
        expected: exchange.expected.unwrap_or_default(),
        received: exchange.received.unwrap_or_default(),
        repair: line.code.as_deref().and_then(|code| repair(&application, code)),
        request: exchange.request.as_deref().map(pretty).unwrap_or_default(),
        answer: exchange.answer.as_deref().map(pretty).unwrap_or_default(),
    })
}

/// The name of who was signed in; of somebody who is gone the id.
async fn person_of(web: &Web, exchange: &Exchange) -> Result<Option<String>, Error> {
    let Some(text) = &exchange.person else { return Ok(None) };
    let found = match text.parse() {
        Ok(id) => people::find(&mut web.installation.db.reader(), id).await?,
        Err(_) => None,
    };
    Ok(Some(found.map_or_else(|| text.clone(), |person| person.username)))
}

fn facts(line: &ExchangeLine, exchange: &Exchange, person: Option<String>) -> Facts {
    let at = |at: Timestamp| at.to_xs_date_time();
    let binding = match exchange.binding.as_str() {
        "redirect" => "By redirect, from the application",
        "post" => "By form, from the application",
        "soap" => "By SOAP, from a client without a browser",
        _ => "None: it began here",
    };
    let mut facts = vec![
        Fact::new("When", at(line.recorded_at)),
        Fact::new("Request", binding),
        Fact::mono("From", exchange.source.as_str()),
    ];
    if let Some(code) = &line.code {
        facts.push(Fact::mono("Code", code.as_str()));
    }
    if let Some(person) = person {
        facts.push(Fact::new("Signed in", person));
    }
    if let Some(state) = &exchange.relay_state {
        facts.push(Fact::mono("RelayState", state.as_str()));
    }
    Facts { facts }
}

fn checks(all: Vec<Check>) -> Vec<CheckLine> {
    all.into_iter()
        .filter_map(|check| {
            let (tone, verdict) = match check.verdict {
                Verdict::Passed => (Tone::Ok, "Held"),
                Verdict::Failed => (Tone::Danger, "Failed"),
                // They are counted.
                Verdict::NotReached => return None,
            };
            let (verdict, title, section) =
                (verdict.to_owned(), check.title.to_owned(), check.section.to_owned());
            Some(CheckLine { tone, verdict, title, section })
        })
        .collect()
}

/// Where what failed is set, and what to do there.
fn repair(application: &str, code: &str) -> Option<Link> {
    let sso = |text: &str, anchor: &str| {
        Some(Link::new(text, format!("{}#{anchor}", urls::admin_sso(application))))
    };
    match code {
        "issuer_unknown" | "issuer_missing" => {
            sso("Compare the SP entity ID with what the application sends", "f-sp-entity-id")
        }
        "acs_unregistered" | "acs_index_unknown" | "acs_none_registered" => {
            sso("Look at the ACS URLs, or upload the application’s current metadata", "h-sp")
        }
        "signature_key_unknown" | "signature_invalid" | "required_key_missing" => {
            sso("Look at the certificates of the application", "h-spc")
        }
        "signature_missing" => {
            sso("Look at whether unsigned requests are refused", "f-require-signed-requests")
        }
        "signature_enveloped_on_redirect" => {
            sso("Look at whether such signatures are accepted", "f-redirect-enveloped-signature")
        }
        "name_id_policy" | "name_id_empty" | "name_id_not_an_address" => {
            sso("Look at the Name ID", "f-name-id-format")
        }
        "authn_context" => sso("Look at the kinds of sign-in it may ask for", "f-authn-contexts"),
        "attribute_service_unknown" | "attribute_too_long" => sso("Look at the attributes", "h-att"),
        "application_incomplete" | "application_not_active" => sso("Look at the settings", "h-sp"),
        "not_bound" => Some(Link::new("Bind a group of this person", urls::admin_bindings(application))),
        _ => None,
    }
}
