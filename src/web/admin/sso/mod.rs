//! The SSO tab of an application: saving, activating and switching off. A bookmark has only an address here.

pub mod certificates;
pub mod form;
pub mod keys;
pub mod metadata;
pub mod page;
pub mod preview;
pub mod profile;
pub mod source;
pub mod test;
pub mod text;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::applications::lint::lint;
use crate::applications::update::{ApplicationPatch, check_version, differing_fields, update};
use crate::applications::{self, Application, Kind, sso};
use crate::base::id::ApplicationId;
use crate::base::{Error, FieldError, urls};
use crate::catalog::placeholder::{Missing, Part, parts};
use crate::catalog::sso::SsoPatch;
use crate::keys::KeyState;
use crate::web::admin::application::Loaded;
use crate::web::admin::frame::{self, After, Done};
use crate::web::admin::posted::{Posted, fault};
use crate::web::admin::seen;
use crate::web::admin::sso::form::SsoForm;
use crate::web::admin::step_up::{Asked, require_fresh};
use crate::web::context::Notes;
use crate::web::error::{Answer, Failure};
use crate::web::extract::permission::{ApplicationsRead, ApplicationsWrite};
use crate::web::extract::{Console, Person, Queried, SignedForm};
use crate::web::pages::ConfirmPage;
use crate::web::pages::application::Tab;
use crate::web::pages::application_sso::BookmarkPage;
use crate::web::pages::parts::{Crumbs, Link, Tone};
use crate::web::pages::shell::{Banner, Shell};
use crate::web::shown::application::field_label;
use crate::web::state::{Shared, Web};
use crate::web::{html, see_other};

/// `GET /admin/applications/{application}/sso`
pub async fn show_sso(
    console: Console<ApplicationsRead>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    Queried(after): Queried<After>,
) -> Answer {
    let loaded = Loaded::of(&web, &application).await?;
    let mut shell = loaded.shell(&web, &console.person, "SSO").await;
    shell.toast = frame::toast(after.done.as_deref());
    match loaded.application.kind {
        Kind::Bookmark => draw_bookmark(&web, &loaded, shell, None, StatusCode::OK),
        Kind::Saml => {
            let form = SsoForm::of(&loaded.application);
            draw(&web, &console.person, &loaded, shell, &form, StatusCode::OK).await
        }
    }
}

/// The tab with this form: as stored, or as typed.
pub async fn draw(
    web: &Web,
    person: &Person,
    loaded: &Loaded,
    mut shell: Shell,
    form: &SsoForm,
    status: StatusCode,
) -> Answer {
    let installation = &web.installation;
    let (source, banner) = source::card(web, &loaded.application, person.ctx.now()).await?.unzip();
    shell.banners.extend(banner.flatten());
    let keys = &loaded.keys;
    let (now, catalog) = (person.ctx.now(), &installation.catalog);
    let findings = lint(&mut installation.db.reader(), catalog, &loaded.application, now).await?;
    let drawn = page::Drawn {
        findings,
        shell,
        head: loaded.head(web, Tab::Sso),
        application: &loaded.application,
        form,
        key: keys.iter().find(|key| key.state == KeyState::Current),
        keys: keys::panel(web, &loaded.application, keys, person.ctx.now()).await?,
        source,
        profile: profile::panel(&loaded.application)?,
        people: loaded.people,
        testable: web.options.trial.is_some(),
        now: person.ctx.now(),
    };
    html(status, &page::page(installation, drawn)?)
}

fn draw_bookmark(
    web: &Web,
    loaded: &Loaded,
    shell: Shell,
    typed: Option<String>,
    status: StatusCode,
) -> Answer {
    let stored = loaded.application.bookmark_url.clone().unwrap_or_default();
    let bookmark = BookmarkPage {
        shell,
        app: loaded.head(web, Tab::Sso),
        active: loaded.application.is_active(),
        deactivation: page::deactivation(&loaded.application, loaded.people),
        bookmark_url: typed.unwrap_or(stored),
    };
    html(status, &bookmark)
}

/// `POST /admin/applications/{application}/sso` with `action=save|activate`. Both save; *activate* then switches on.
pub async fn save_sso(
    console: Console<ApplicationsWrite>,
    State(web): State<Shared>,
    Extension(notes): Extension<Notes>,
    Path(application): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let loaded = Loaded::of(&web, &application).await?;
    if loaded.application.kind == Kind::Bookmark {
        return save_bookmark(&web, &console, &loaded, &posted).await;
    }
    let form = read_form(&loaded.application, &posted);
    let version = seen::version(&posted);
    if let Err(error) = check_version(&loaded.application, version) {
        return refused(&web, &console.person, &loaded, &form, error).await;
    }
    let patch = match wanted(&loaded.application, &form) {
        Ok(patch) => patch,
        Err(error) => return refused(&web, &console.person, &loaded, &form, error).await,
    };
    if weighs(&loaded.application, &patch)? {
        let asked = Asked {
            action: &urls::admin_sso(&application),
            reason: format!(
                "You are about to change what {} is sent, or where to. We ask again because your password was entered more than 5 minutes ago.",
                loaded.application.label
            ),
            cancel_href: urls::admin_sso(&application),
        };
        require_fresh(&web, &console.person, &notes, &posted, asked).await?;
    }
    let installation = &web.installation;
    let (db, id) = (&installation.db, loaded.application.id);
    let saved = match sso::patch(db, console.ctx(), id, patch, version).await {
        Ok(saved) => saved,
        Err(error) => return refused(&web, &console.person, &loaded, &form, error).await,
    };
    if posted.text("action") != "activate" {
        return Ok(see_other(&Done::Saved.at(&urls::admin_sso(&application))));
    }
    match sso::activate(db, console.ctx(), id, Some(saved.version)).await {
        Ok(_) => Ok(see_other(&Done::Activated.at(&urls::admin_sso(&application)))),
        Err(error) => incomplete(&web, &console.person, id, error).await,
    }
}

fn read_form(application: &Application, posted: &Posted) -> SsoForm {
    let declared = &application.made_from.placeholders;
    let tokens: Vec<&str> = declared.keys().map(String::as_str).collect();
    let jit = application.sso.attributes.iter().filter(|attribute| attribute.jit.is_some());
    let fixed: Vec<&str> = jit.map(|attribute| attribute.name.as_str()).collect();
    SsoForm::read(posted, &tokens, &fixed)
}

/// The patch of the form, once all of it can be accepted: so that a password is asked for only then.
fn wanted(application: &Application, form: &SsoForm) -> Result<SsoPatch, Error> {
    let patch = form.patch(&application.sso).map_err(Error::invalid)?;
    sso::patched(application, patch.clone())?;
    Ok(patch)
}

/// Whether a patch touches what needs a fresh password (decision 15): whom assertions are for and where they go, who
/// they name and what they say, where people are sent with it when they sign out, and what is asked of requests and
/// promised of answers. A placeholder counts where it lands in one of these.
fn weighs(application: &Application, patch: &SsoPatch) -> Result<bool, Failure> {
    let new = sso::patched(application, patch.clone())?;
    let (old, now) = (&application.sso, &new.sso);
    let addressed =
        old.acs_urls != now.acs_urls || old.sp_entity_id != now.sp_entity_id || old.slo != now.slo;
    let said = old.name_id != now.name_id
        || old.omit_name_id != now.omit_name_id
        || old.subject_identifier != now.subject_identifier
        || old.attributes != now.attributes
        || old.authn_contexts != now.authn_contexts;
    let opened = (!old.allow_missing_destination && now.allow_missing_destination)
        || (!old.redirect_enveloped_signature && now.redirect_enveloped_signature)
        || (old.sign_error_responses && !now.sign_error_responses)
        || (!old.ecp && now.ecp)
        || (old.require_signed_requests && !now.require_signed_requests)
        || (old.encrypt_assertion && !now.encrypt_assertion)
        || (old.encrypt_name_id && !now.encrypt_name_id);
    if addressed || said || opened {
        return Ok(true);
    }
    let declared = &application.made_from.placeholders;
    let weighty = |field: &str| {
        ["acs_urls", "sp_entity_id", "name_id", "attributes", "slo"]
            .iter()
            .any(|start| field.starts_with(start))
    };
    let templates = now.templates();
    let scim = application.made_from.provisioning.as_ref().and_then(|scim| scim.base_url.as_deref());
    let places = templates.iter().filter(|(field, _)| weighty(field)).map(|(_, text)| *text).chain(scim);
    let lands = places.flat_map(|place| parts(place, declared)).any(|part| {
        let Part::Token(token) = part else { return false };
        application.placeholders.get(token) != new.placeholders.get(token)
    });
    Ok(lands)
}

/// The tab as typed, with what was wrong at its fields.
async fn refused(web: &Web, person: &Person, loaded: &Loaded, form: &SsoForm, error: Error) -> Answer {
    // What is drawn around the form, and the version in it, is what is stored now.
    let now;
    let loaded = if seen::is_meanwhile(&error) {
        now = Loaded::by_id(web, loaded.application.id).await?;
        &now
    } else {
        loaded
    };
    let mut shell = loaded.shell(web, person, "SSO").await;
    let missing = matches!(error.code, "placeholders_unfilled" | "sso_incomplete");
    let over = seen::is_meanwhile(&error);
    let status = seen::refuse(&mut shell, error, &urls::admin_sso(&loaded.id()))?;
    if over {
        shell.banners.extend(differences(&loaded.application, form));
    }
    let typed = Application { placeholders: form.placeholders.clone(), ..loaded.application.clone() };
    in_words(&mut shell.errors, &sso::missing(&typed));
    shell.errors = shell.errors.into_iter().map(|error| at_its_input(error, form)).collect();
    if missing {
        let title = "An active application has to stay complete, so nothing was saved";
        shell.banners.push(Banner::new(
            Tone::Warn,
            title,
            "Fill in what is missing, or switch it off first.",
        ));
    }
    draw(web, person, loaded, shell, form, status).await
}

/// The settings are saved; switching on was refused, by name and place.
async fn incomplete(web: &Web, person: &Person, id: ApplicationId, error: Error) -> Answer {
    let loaded = Loaded::by_id(web, id).await?;
    let form = SsoForm::of(&loaded.application);
    let mut shell = loaded.shell(web, person, "SSO").await;
    let status = frame::refuse(&mut shell, error)?;
    in_words(&mut shell.errors, &sso::missing(&loaded.application));
    shell.errors = shell.errors.into_iter().map(|error| at_its_input(error, &form)).collect();
    let title = "Saved, and not switched on yet";
    let body = "Fill in what is missing, and press Activate again.";
    shell.banners.push(Banner::new(Tone::Info, title, body));
    draw(web, person, &loaded, shell, &form, status).await
}

/// Placeholders that have no value, by their labels and by the names of their places on this page; the API names
/// fields instead.
pub(in crate::web::admin) fn in_words(errors: &mut [FieldError], missing: &[Missing]) {
    for error in errors.iter_mut().filter(|error| error.code == "placeholder_unfilled") {
        let token = error.field.strip_prefix("placeholders.");
        if let Some(missing) = missing.iter().find(|missing| Some(missing.placeholder.as_str()) == token) {
            let places: Vec<String> = missing.used_in.iter().map(|field| field_label(field)).collect();
            let (label, places) = (&missing.label, places.join(", "));
            error.message = format!("Fill in {label} before you activate. It stands in: {places}.");
        }
    }
}

/// What saving the typed form now would change of what is stored, where it can be said at all.
fn differences(stored: &Application, form: &SsoForm) -> Option<Banner> {
    let patch = form.patch(&stored.sso).ok()?;
    let new = sso::patched(stored, patch).ok()?;
    let fields = differing_fields(stored, &new);
    if fields.is_empty() {
        return Some(Banner::new(Tone::Info, "What you typed is what is stored now", ""));
    }
    let mut banner = Banner::new(Tone::Info, "Saving now would change", "");
    let label = |field: &String| Link::new(field_label(field.strip_prefix("sso.").unwrap_or(field)), "");
    banner.items = fields.iter().map(label).collect();
    Some(banner)
}

/// Names an error after the input that shows it, where the settings name a part that has none of its own.
fn at_its_input(error: FieldError, form: &SsoForm) -> FieldError {
    let FieldError { field, code, message } = error;
    let parts: Vec<&str> = field.split('.').collect();
    let name = match parts.as_slice() {
        ["acs_urls"] => format!("acs_urls.{}.url", form.acs_urls.len()),
        ["attributes"] => format!("attributes.{}.name", form.attributes.len()),
        ["attributes", at] => format!("attributes.{at}.source"),
        ["attributes", at, "by_group" | "default", ..] => format!("attributes.{at}.by_group"),
        ["relay_states", ..] => "relay_states".to_owned(),
        ["authn_contexts", ..] => "authn_contexts".to_owned(),
        ["name_id", "format"] => field.clone(),
        ["name_id", ..] => "name_id.source".to_owned(),
        ["sp_certificates" | "sp_encryption_certificates", ..] => "certificate".to_owned(),
        _ => field.clone(),
    };
    FieldError { field: name, code, message }
}

async fn save_bookmark(
    web: &Web,
    console: &Console<ApplicationsWrite>,
    loaded: &Loaded,
    posted: &Posted,
) -> Answer {
    let installation = &web.installation;
    let (db, id) = (&installation.db, loaded.application.id);
    let tab = urls::admin_sso(&loaded.id());
    let patch =
        ApplicationPatch { bookmark_url: Some(posted.owned("bookmark_url")), ..ApplicationPatch::default() };
    // The button in the head of the page belongs to this form, so both come with the address.
    let saved = match update(db, console.ctx(), id, patch, seen::version(posted)).await {
        Ok(saved) => saved,
        Err(error) => {
            let loaded = Loaded::by_id(web, id).await?;
            let mut shell = loaded.shell(web, &console.person, "SSO").await;
            let status = seen::refuse(&mut shell, error, &tab)?;
            return draw_bookmark(web, &loaded, shell, Some(posted.owned("bookmark_url")), status);
        }
    };
    if posted.text("action") != "activate" {
        return Ok(see_other(&Done::Saved.at(&tab)));
    }
    sso::activate(db, console.ctx(), id, Some(saved.version)).await?;
    Ok(see_other(&Done::Activated.at(&tab)))
}

/// `POST /admin/applications/{application}/sso/deactivate`: asks first unless `confirmed`.
pub async fn deactivate(
    console: Console<ApplicationsWrite>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let loaded = Loaded::of(&web, &application).await?;
    if posted.confirmed() {
        let id = loaded.application.id;
        applications::sso::deactivate(&web.installation.db, console.ctx(), id, None).await?;
        return Ok(see_other(&Done::Deactivated.at(&urls::admin_sso(&application))));
    }
    let decision = page::deactivation(&loaded.application, loaded.people);
    confirm(&web, &console.person, &loaded, decision, "Deactivate").await
}

/// The page of a decision about an application's sign-on.
pub async fn confirm(
    web: &Web,
    person: &Person,
    loaded: &Loaded,
    decision: crate::web::pages::parts::Decision,
    here: &str,
) -> Answer {
    let mut shell = loaded.shell(web, person, "SSO").await;
    shell.title.clone_from(&decision.title);
    let crumbs = Crumbs {
        way: vec![
            Link::new("Applications", urls::admin_applications()),
            Link::new(loaded.application.label.as_str(), urls::admin_sso(&loaded.id())),
        ],
        here: here.to_owned(),
    };
    html(StatusCode::OK, &ConfirmPage { shell, crumbs, decision, names: Vec::new() })
}

/// An input that was left empty.
fn required(field: &str, message: &str) -> Error {
    Error::invalid(vec![fault(field, "required", message)])
}
