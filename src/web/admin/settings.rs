//! The settings of the installation.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;

use crate::auth::Permission;
use crate::base::{Error, FieldError, urls};
use crate::settings::{self, Settings};
use crate::signon::configure::change_settings;
use crate::web::admin::frame::{self, After, Done};
use crate::web::admin::metadata_signing;
use crate::web::admin::posted::{Posted, fault};
use crate::web::admin::seen;
use crate::web::admin::step_up::{Asked, require_fresh};
use crate::web::context::Notes;
use crate::web::error::Answer;
use crate::web::extract::permission::{SettingsRead, SettingsWrite};
use crate::web::extract::{Console, Person, Queried, SignedForm};
use crate::web::pages::parts::{Fact, Facts};
use crate::web::pages::settings::{Setting, SettingsPage, SettingsSection};
use crate::web::pages::shell::{Nav, Shell};
use crate::web::state::{Shared, Web};
use crate::web::{html, see_other};

/// A number of the settings: name, label, unit, help, and where it stands.
struct Number {
    name: &'static str,
    label: &'static str,
    unit: &'static str,
    help: &'static str,
    place: fn(&mut Settings) -> &mut u32,
}

const SESSIONS: &[Number] = &[
    Number {
        name: "session_idle_minutes",
        label: "Signed out after no activity for",
        unit: "minutes",
        help: "5 to 1,440. Sessions that are kept signed in have no such limit.",
        place: |settings| &mut settings.session_idle_minutes,
    },
    Number {
        name: "session_absolute_minutes",
        label: "Signed out in any case after",
        unit: "minutes",
        help: "15 to 1,440.",
        place: |settings| &mut settings.session_absolute_minutes,
    },
    Number {
        name: "remember_days",
        label: "“Keep me signed in” lasts",
        unit: "days",
        help: "Up to 90; 0 takes the choice away.",
        place: |settings| &mut settings.remember_days,
    },
    Number {
        name: "console_idle_minutes",
        label: "The console asks for the password after",
        unit: "idle minutes",
        help: "1 to 60.",
        place: |settings| &mut settings.console_idle_minutes,
    },
];

const LIMITS: &[Number] = &[
    Number {
        name: "login_failures_per_account_minute",
        label: "Failed sign-ins of one account",
        unit: "a minute",
        help: "3 to 100. Beyond it the account is slowed down, never locked for good.",
        place: |settings| &mut settings.login_failures_per_account_minute,
    },
    Number {
        name: "login_failures_per_address_minute",
        label: "Failed sign-ins from one address",
        unit: "a minute",
        help: "An office may share one address.",
        place: |settings| &mut settings.login_failures_per_address_minute,
    },
    Number {
        name: "saml_refusals_per_address_minute",
        label: "Refused sign-in requests from one address",
        unit: "a minute",
        help: "",
        place: |settings| &mut settings.saml_refusals_per_address_minute,
    },
    Number {
        name: "api_calls_per_token_minute",
        label: "API calls of one token",
        unit: "a minute",
        help: "",
        place: |settings| &mut settings.api_calls_per_token_minute,
    },
    Number {
        name: "sign_ons_per_session_minute",
        label: "Sign-ons in one session",
        unit: "a minute",
        help: "Refusals count too.",
        place: |settings| &mut settings.sign_ons_per_session_minute,
    },
    Number {
        name: "sign_ons_per_account_minute",
        label: "Sign-ons of one person",
        unit: "a minute",
        help: "In all their sessions together.",
        place: |settings| &mut settings.sign_ons_per_account_minute,
    },
    Number {
        name: "sign_ons_per_application_minute",
        label: "Sign-ons at one application",
        unit: "a minute",
        help: "Of everybody. Keep it well above your busiest minute.",
        place: |settings| &mut settings.sign_ons_per_application_minute,
    },
];

const PROTOCOL: &[Number] = &[
    Number {
        name: "clock_skew_seconds",
        label: "Difference of clocks that is accepted",
        unit: "seconds",
        help: "Up to 300. Better set the clocks.",
        place: |settings| &mut settings.clock_skew_seconds,
    },
    Number {
        name: "request_max_age_seconds",
        label: "Oldest sign-in request that is accepted",
        unit: "seconds",
        help: "60 to 3,600.",
        place: |settings| &mut settings.request_max_age_seconds,
    },
];

/// `GET /admin/settings`
pub async fn show_settings(
    console: Console<SettingsRead>,
    State(web): State<Shared>,
    Queried(after): Queried<After>,
) -> Answer {
    draw(&web, &console.person, None, None, after.done.as_deref()).await
}

/// The shell of the page.
pub(in crate::web::admin) async fn shell(web: &Web, viewer: &Person) -> Shell {
    frame::shell(web, viewer, "Settings", Nav::Settings, Permission::SettingsWrite).await
}

/// The page, with what was typed or refused.
pub(in crate::web::admin) async fn draw(
    web: &Web,
    viewer: &Person,
    typed: Option<&Posted>,
    error: Option<Error>,
    done: Option<&str>,
) -> Answer {
    let installation = &web.installation;
    let epochs = installation.epochs().await?;
    let stored = installation.settings(epochs).await?;
    let mut settings = (*stored).clone();
    let mut shell = shell(web, viewer).await;
    shell.toast = frame::toast(done);
    let status = match error {
        Some(error) => seen::refuse(&mut shell, error, urls::admin_settings())?,
        None => StatusCode::OK,
    };
    let mut section = |id: &str, title: &str, lead: &str, numbers: &[Number]| SettingsSection {
        id: id.to_owned(),
        title: title.to_owned(),
        lead: lead.to_owned(),
        settings: numbers
            .iter()
            .map(|number| Setting {
                name: number.name.to_owned(),
                label: number.label.to_owned(),
                value: match typed {
                    Some(posted) => posted.owned(number.name),
                    None => (number.place)(&mut settings).to_string(),
                },
                unit: number.unit.to_owned(),
                help: number.help.to_owned(),
                fixed: false,
            })
            .collect(),
    };
    let sections = vec![
        section("sessions", "Sessions", "How long a sign-in counts.", SESSIONS),
        section(
            "limits",
            "Limits",
            "They slow down guessing and floods. By address only failures count, since an office may share one.",
            LIMITS,
        ),
        section("protocol", "Single sign-on", "For all applications.", PROTOCOL),
    ];
    let organisation =
        typed.map_or_else(|| stored.organisation_name.clone(), |posted| posted.owned("organisation"));
    let facts = vec![
        Fact::mono("External address", installation.base_url.as_str()),
        Fact::mono("Version", env!("CARGO_PKG_VERSION")),
        Fact::new("Connectors", installation.catalog.list().len().to_string()),
    ];
    let version = stored.digest()?;
    let allow_key_import = typed.map_or(stored.allow_key_import, |posted| posted.ticked("allow_key_import"));
    let metadata = metadata_signing::panel(web, stored.sign_metadata, viewer.ctx.now()).await?;
    let facts = Facts { facts };
    let page = SettingsPage { shell, organisation, version, allow_key_import, sections, metadata, facts };
    html(status, &page)
}

/// `POST /admin/settings`
pub async fn save_settings(
    console: Console<SettingsWrite>,
    State(web): State<Shared>,
    Extension(notes): Extension<Notes>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let stored = settings::read(&mut web.installation.db.reader()).await?;
    // Whoever holds a copy of a key that comes from elsewhere signs as this installation.
    if posted.ticked("allow_key_import") && !stored.allow_key_import {
        let asked = Asked {
            action: urls::admin_settings(),
            reason: "You are about to let signing keys in that were made elsewhere. We ask again because your password was entered more than 5 minutes ago.".to_owned(),
            cancel_href: urls::admin_settings().to_owned(),
        };
        require_fresh(&web, &console.person, &notes, &posted, asked).await?;
    }
    let saved = match numbers(&posted) {
        Ok(numbers) => {
            let mut refused = Ok(());
            let change = |settings: &mut Settings| match settings.digest() {
                Ok(now) if now == posted.text("version") => {
                    settings.organisation_name = posted.owned("organisation");
                    settings.allow_key_import = posted.ticked("allow_key_import");
                    for (place, value) in numbers {
                        *place(settings) = value;
                    }
                }
                Ok(_) => refused = Err(Error::changed_meanwhile()),
                Err(error) => refused = Err(error),
            };
            change_settings(&web.installation, console.ctx(), None, change).await.and(refused)
        }
        Err(faults) => Err(Error::invalid(faults)),
    };
    match saved {
        Ok(()) => Ok(see_other(&Done::Saved.at(urls::admin_settings()))),
        Err(mut error) => {
            for field in &mut error.fields {
                if field.field == "organisation_name" {
                    "organisation".clone_into(&mut field.field);
                }
            }
            draw(&web, &console.person, Some(&posted), Some(error), None).await
        }
    }
}

type Place = fn(&mut Settings) -> &mut u32;

fn numbers(posted: &Posted) -> Result<Vec<(Place, u32)>, Vec<FieldError>> {
    let mut faults = Vec::new();
    let mut numbers = Vec::new();
    for number in SESSIONS.iter().chain(LIMITS).chain(PROTOCOL) {
        match posted.text(number.name).parse::<u32>() {
            Ok(value) => numbers.push((number.place, value)),
            Err(_) => faults.push(fault(number.name, "not_a_number", "Write a whole number.")),
        }
    }
    if faults.is_empty() { Ok(numbers) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_the_settings_has_its_input() {
        let fields = serde_json::to_value(Settings::default()).unwrap();
        let mut named: Vec<&str> = fields.as_object().unwrap().keys().map(String::as_str).collect();
        named.retain(|name| !["organisation_name", "allow_key_import", "sign_metadata"].contains(name));
        let mut inputs: Vec<&str> =
            SESSIONS.iter().chain(LIMITS).chain(PROTOCOL).map(|number| number.name).collect();
        named.sort_unstable();
        inputs.sort_unstable();
        assert_eq!(named, inputs);
    }
}
