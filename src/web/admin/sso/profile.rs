//! The deployment profile of an application: applying it, with every change shown first, and leaving it.

use axum::extract::{Path, State};

use crate::applications::{Application, sp_metadata, sso};
use crate::base::{Error, Result, urls};
use crate::catalog::sso::{Change, Profile, SsoPatch};
use crate::web::admin::application::Loaded;
use crate::web::admin::frame::{self, Done};
use crate::web::admin::posted::Posted;
use crate::web::admin::seen;
use crate::web::admin::sso::form::SsoForm;
use crate::web::admin::sso::{confirm, draw, metadata};
use crate::web::error::Answer;
use crate::web::extract::permission::ApplicationsWrite;
use crate::web::extract::{Fresh, SignedForm};
use crate::web::pages::application_sso::ProfilePanel;
use crate::web::pages::parts::{Decision, Status, Tone};
use crate::web::see_other;
use crate::web::state::Shared;

/// What the tab says of the profile.
pub fn panel(application: &Application) -> Result<ProfilePanel> {
    let departures = application.sso.departures()?.len();
    let (status, leaving) = match application.sso.profile {
        Profile::None => (Status::new(Tone::Off, "None"), None),
        Profile::Saml2int if departures == 0 => (Status::new(Tone::Ok, "saml2int"), Some(Profile::None)),
        Profile::Saml2int => (Status::new(Tone::Warn, "saml2int, not kept to"), Some(Profile::None)),
    };
    let applying = leaving.is_none() || departures > 0;
    Ok(ProfilePanel {
        status,
        application: applying.then(|| decision(application, Profile::Saml2int)),
        leaving: leaving.map(|profile| decision(application, profile)),
    })
}

fn patch(profile: Profile) -> SsoPatch {
    SsoPatch { profile: Change::Set(profile), ..SsoPatch::default() }
}

/// Applying or leaving it, with all that would change.
fn decision(application: &Application, profile: Profile) -> Decision {
    let (id, label) = (application.id.to_string(), &application.label);
    let leaves = profile == Profile::None;
    let mut effects = match sso::patched(application, patch(profile)) {
        Ok(new) => effects(application, &new).unwrap_or_else(|error| vec![error.message.into_owned()]),
        // It says so once more when it is tried.
        Err(error) => vec![error.message.into_owned()],
    };
    if leaves {
        effects.push("The settings stay as they are; nobody is told any more where they depart.".to_owned());
    } else if effects.is_empty() {
        effects.push("No setting that can be changed here departs from it.".to_owned());
    } else {
        effects.push(format!("Check that {label} takes it so: it counts from the next sign-on on."));
    }
    Decision {
        id: format!("profile-{}", profile.as_str()),
        action: urls::admin_sso_profile(&id),
        button: if leaves { "Leave it…" } else { "Apply saml2int…" }.to_owned(),
        title: if leaves {
            format!("Let {label} keep to no profile?")
        } else {
            format!("Set up {label} as saml2int demands?")
        },
        effects,
        hidden: vec![
            ("profile".to_owned(), profile.as_str().to_owned()),
            ("version".to_owned(), application.version.to_string()),
        ],
        confirm: if leaves { "Leave it" } else { "Apply it" }.to_owned(),
        cancel: "Leave the settings".to_owned(),
        cancel_href: urls::admin_sso(&id),
        ..Decision::default()
    }
}

fn effects(old: &Application, new: &Application) -> Result<Vec<String>> {
    let changes = sp_metadata::changes(old, new)?;
    let told = changes.iter().filter(|change| change.field != "profile").flat_map(metadata::changes);
    let value = |text: Option<String>| text.unwrap_or_else(|| "nothing".to_owned());
    Ok(told
        .map(|change| format!("{}: {} instead of {}.", change.field, value(change.new), value(change.old)))
        .collect())
}

/// `POST /admin/applications/{application}/sso/profile` with `profile`: asks first unless `confirmed`.
pub async fn set_profile(
    console: Fresh<ApplicationsWrite>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let loaded = Loaded::of(&web, &application).await?;
    let db = &web.installation.db;
    let changed = match posted.text("profile").parse::<Profile>() {
        Err(()) => Err(Error::field("profile", "unknown_value", "Choose one of the profiles.")),
        Ok(profile) if !posted.confirmed() => {
            let decision = decision(&loaded.application, profile);
            return confirm(&web, &console.person, &loaded, decision, "Profile").await;
        }
        Ok(profile) => {
            let (id, version) = (loaded.application.id, seen::version(&posted));
            sso::patch(db, console.ctx(), id, patch(profile), version).await
        }
    };
    match changed {
        Ok(_) => Ok(see_other(&Done::Saved.at(&urls::admin_sso(&application)))),
        Err(error) => {
            let loaded = Loaded::by_id(&web, loaded.application.id).await?;
            let mut shell = loaded.shell(&web, &console.person, "SSO").await;
            let status = if seen::is_meanwhile(&error) {
                seen::refuse(&mut shell, error, &urls::admin_sso(&application))?
            } else {
                frame::refuse(&mut shell, error)?
            };
            draw(&web, &console.person, &loaded, shell, &SsoForm::of(&loaded.application), status).await
        }
    }
}
