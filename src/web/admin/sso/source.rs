//! Metadata by address: setting it, fetching it now, and deciding on what a later copy changes. What is taken over
//! needs a fresh password (decision 15), as by upload.

use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::applications::Application;
use crate::applications::sp_metadata::{FieldChange, Mode};
use crate::applications::sp_source::{self, NewSource, Set, Source};
use crate::base::{Error, Timestamp, urls};
use crate::catalog::placeholder::Scope;
use crate::saml::certificate::parse_certificate;
use crate::web::admin::application::Loaded;
use crate::web::admin::frame::{self, Done};
use crate::web::admin::posted::Posted;
use crate::web::admin::seen;
use crate::web::admin::sso::{confirm, metadata, required};
use crate::web::error::{Answer, Failure};
use crate::web::extract::permission::{ApplicationsRead, ApplicationsWrite};
use crate::web::extract::{Console, Fresh, Person, SignedForm};
use crate::web::pages::application::Tab;
use crate::web::pages::parts::{Decision, Fact, Facts, Link, Status, Tone};
use crate::web::pages::shell::Banner;
use crate::web::pages::sp_source::{EntityChoice, SourceCard, SpSourceChangesPage, SpSourcePage};
use crate::web::shown::time;
use crate::web::state::{Shared, Web};
use crate::web::{html, see_other};

/// What the SSO tab says of the address, and its banner when somebody should look.
pub async fn card(
    web: &Web,
    application: &Application,
    now: Timestamp,
) -> Result<Option<(SourceCard, Option<Banner>)>, Error> {
    let source = sp_source::find(&mut web.installation.db.reader(), application.id).await?;
    Ok(source.map(|source| (drawn(application, &source, now), banner(application, &source, now))))
}

fn drawn(application: &Application, source: &Source, now: Timestamp) -> SourceCard {
    let signed = source.certificate.as_deref().map(|pem| parse_certificate(pem.as_bytes()));
    let signed = match signed {
        None => "Not signed: whoever has that server decides what it says".to_owned(),
        Some(Ok(certificate)) => format!("Signed with the key of {}", certificate.subject),
        Some(Err(fault)) => fault.sentence().to_owned(),
    };
    let mut facts = vec![
        Fact::mono("Address", source.url.as_str()),
        Fact::new("Signature", signed),
        Fact::new("Last fetched", time::when(source.fetched_at, now).text),
    ];
    if let Some(failing) = &source.failing {
        let message = format!("{} It is so since {}.", failing.message, time::until(failing.since, now).text);
        facts.push(Fact::new("Result", message));
    }
    if let Some(end) = source.valid_until {
        facts.push(Fact::new("Valid until", format!("{} ({})", time::date(end), time::left(end, now))));
    }
    facts.push(Fact::new("Next fetch", time::until(source.due_at, now).text));
    let status = match (&source.failing, &source.pending) {
        (Some(_), _) => Status::new(Tone::Warn, "Failing"),
        (None, Some(_)) => Status::new(Tone::Info, "Changed"),
        (None, None) => Status::new(Tone::Ok, "Fetched"),
    };
    SourceCard { status, facts: Facts { facts }, removal: removal(application) }
}

fn banner(application: &Application, source: &Source, now: Timestamp) -> Option<Banner> {
    let (id, label) = (application.id.to_string(), &application.label);
    if let Some(pending) = &source.pending {
        let mut banner = Banner::new(
            Tone::Warn,
            format!("{label}’s metadata asks for something else"),
            format!(
                "Found {}. Nothing of it is taken over before you have seen it.",
                time::until(pending.since, now).text
            ),
        );
        banner.action = Some(Link::new("See what changes", urls::admin_sp_source_changes(&id)));
        return Some(banner);
    }
    let failing = source.failing.as_ref()?;
    if source.certificate.is_some() && source.valid_until.is_some_and(|end| end <= now) {
        let title = format!("{label}’s metadata has ended, so what {label} signs is refused");
        return Some(Banner::new(Tone::Danger, title, failing.message.as_str()));
    }
    let title = format!("{label}’s metadata can’t be fetched since {}", time::until(failing.since, now).text);
    let body = format!("{} What was taken over before stays in use.", failing.message);
    Some(Banner::new(Tone::Warn, title, body))
}

fn removal(application: &Application) -> Decision {
    let (id, label) = (application.id.to_string(), &application.label);
    Decision {
        id: "forget-source".to_owned(),
        action: urls::admin_sp_source_remove(&id),
        button: "Stop fetching…".to_owned(),
        title: format!("Stop fetching {label}’s metadata?"),
        effects: vec![
            "What was taken over from it stays as it is.".to_owned(),
            format!(
                "When {label} changes a certificate or an address, you have to be told by somebody else."
            ),
        ],
        confirm: "Stop fetching".to_owned(),
        cancel: "Keep fetching".to_owned(),
        cancel_href: urls::admin_sso(&id),
        ..Decision::default()
    }
}

/// `GET /admin/applications/{application}/sso/metadata/url`
pub async fn show_form(
    console: Console<ApplicationsRead>,
    State(web): State<Shared>,
    Path(application): Path<String>,
) -> Answer {
    let loaded = Loaded::of(&web, &application).await?;
    let source = sp_source::find(&mut web.installation.db.reader(), loaded.application.id).await?;
    let (url, certificate) = match source {
        Some(source) => (source.url, source.certificate.unwrap_or_default()),
        None => (published(&loaded.application), String::new()),
    };
    form(&web, &console.person, &loaded, (url, certificate), None).await
}

/// Where the connector says that the metadata is, once its placeholders are filled; else empty.
fn published(application: &Application) -> String {
    let connector = &application.made_from;
    let Some(template) = connector.sso.sp_metadata_url.set_value() else { return String::new() };
    Scope::new(&connector.placeholders, &application.placeholders).fill(template).unwrap_or_default()
}

async fn form(
    web: &Web,
    person: &Person,
    loaded: &Loaded,
    (url, certificate): (String, String),
    refused: Option<Error>,
) -> Answer {
    let mut shell = loaded.shell(web, person, "SP metadata").await;
    let status = match refused {
        None => StatusCode::OK,
        Some(mut error) => {
            // The API calls it `url`; everything wrong with the document is about the address here.
            for field in error.fields.iter_mut().filter(|field| field.field != "certificate") {
                "metadata_url".clone_into(&mut field.field);
            }
            if error.fields.is_empty() {
                error = Error::field("metadata_url", error.code, error.message.into_owned());
            }
            frame::refuse(&mut shell, error)?
        }
    };
    let app = loaded.head(web, Tab::Sso);
    html(status, &SpSourcePage { shell, app, url, certificate })
}

/// `POST /admin/applications/{application}/sso/metadata/url`: first what it would change, then, when that is accepted,
/// the change.
pub async fn set_source(
    console: Fresh<ApplicationsWrite>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let loaded = Loaded::of(&web, &application).await?;
    let given = |name: &str| Some(posted.owned(name)).filter(|text| !text.is_empty());
    let typed = (posted.owned("metadata_url"), posted.owned("certificate"));
    if typed.0.is_empty() {
        let error = required("metadata_url", "Give the address of the metadata.");
        return form(&web, &console.person, &loaded, typed, Some(error)).await;
    }
    let confirmed = posted.confirmed();
    let wanted = NewSource {
        url: typed.0.clone(),
        // Who searches on has not chosen yet.
        entity_id: given("entity_id").filter(|_| !posted.ticked("find")),
        search: given("q"),
        certificate: given("certificate"),
        shown: given("revision").filter(|_| confirmed),
    };
    let if_version = if confirmed { seen::version(&posted) } else { None };
    let sources = web.installation.sp_sources();
    let id = loaded.application.id;
    let first = Mode { dry_run: true, if_version: None };
    let mode = Mode { dry_run: !confirmed, if_version };
    let set = match sources.set(console.ctx(), id, wanted.clone(), mode).await {
        Ok(_) if confirmed => return Ok(see_other(&Done::Saved.at(&urls::admin_sso(&application)))),
        // What it would change now is shown anew.
        Err(error) if seen::is_meanwhile(&error) || error.code == "metadata_changed_meanwhile" => {
            let again = NewSource { shown: None, ..wanted.clone() };
            sources.set(console.ctx(), id, again, first).await.map(|set| (set, Some(error)))
        }
        other => other.map(|set| (set, None)),
    };
    match set {
        Ok((set, refused)) => {
            let loaded = Loaded::by_id(&web, id).await?;
            let mut page = changes_page(&web, &console.person, &loaded, &wanted.url).await;
            let status = note_meanwhile(&mut page, refused, &loaded)?;
            page.carried = carried(&typed, &set, wanted.entity_id);
            page.changes = set.applied.changes.iter().flat_map(metadata::changes).collect();
            page.notes = set.applied.warnings;
            html(status, &page)
        }
        Err(error) if error.code == "entity_id_required" => {
            let mut page = changes_page(&web, &console.person, &loaded, &wanted.url).await;
            page.carried = vec![("metadata_url".to_owned(), typed.0), ("certificate".to_owned(), typed.1)];
            page.choice = Some(EntityChoice::of(&error, wanted.search.as_deref()));
            html(StatusCode::OK, &page)
        }
        Err(error) => form(&web, &console.person, &loaded, typed, Some(error)).await,
    }
}

fn carried(
    (url, certificate): &(String, String),
    set: &Set,
    entity_id: Option<String>,
) -> Vec<(String, String)> {
    let mut out = vec![
        ("metadata_url".to_owned(), url.clone()),
        ("certificate".to_owned(), certificate.clone()),
        ("revision".to_owned(), set.revision.clone()),
    ];
    out.extend(entity_id.map(|id| ("entity_id".to_owned(), id)));
    out
}

async fn changes_page(web: &Web, person: &Person, loaded: &Loaded, url: &str) -> SpSourceChangesPage {
    SpSourceChangesPage {
        shell: loaded.shell(web, person, "SP metadata").await,
        app: loaded.head(web, Tab::Sso),
        url: url.to_owned(),
        action: urls::admin_sp_source(&loaded.id()),
        carried: Vec::new(),
        choice: None,
        changes: Vec::new(),
        notes: Vec::new(),
        discard: None,
    }
}

/// Says that something else is shown than before, and why.
fn note_meanwhile(
    page: &mut SpSourceChangesPage,
    refused: Option<Error>,
    loaded: &Loaded,
) -> Result<StatusCode, Failure> {
    match refused {
        None => Ok(StatusCode::OK),
        Some(error) if seen::is_meanwhile(&error) => {
            seen::refuse(&mut page.shell, error, &urls::admin_sso(&loaded.id()))
        }
        Some(error) => frame::refuse(&mut page.shell, error),
    }
}

/// `GET /admin/applications/{application}/sso/metadata/changes`: what a later copy asks for.
pub async fn show_changes(
    console: Console<ApplicationsRead>,
    State(web): State<Shared>,
    Path(application): Path<String>,
) -> Answer {
    let loaded = Loaded::of(&web, &application).await?;
    draw_changes(&web, &console.person, &loaded, None).await
}

async fn draw_changes(web: &Web, person: &Person, loaded: &Loaded, refused: Option<Error>) -> Answer {
    let mut reader = web.installation.db.reader();
    let stored = &loaded.application;
    let source = sp_source::find(&mut reader, stored.id).await?;
    let waiting = sp_source::waiting(&mut reader, stored).await?;
    let pending = source.and_then(|source| source.pending.map(|pending| (source.url, pending.revision)));
    let (Some((url, revision)), Some(waiting)) = (pending, waiting) else {
        return Ok(see_other(&urls::admin_sso(&loaded.id())));
    };
    let mut page = changes_page(web, person, loaded, &url).await;
    let status = note_meanwhile(&mut page, refused, loaded)?;
    page.action = urls::admin_sp_source_accept(&loaded.id());
    page.discard = Some(urls::admin_sp_source_discard(&loaded.id()));
    page.carried = vec![("revision".to_owned(), revision)];
    page.changes = lines(&waiting.changes);
    page.notes = waiting.warnings;
    html(status, &page)
}

fn lines(changes: &[FieldChange]) -> Vec<crate::web::pages::parts::Change> {
    changes.iter().flat_map(metadata::changes).collect()
}

/// `POST /admin/applications/{application}/sso/metadata/accept`
pub async fn accept(
    console: Fresh<ApplicationsWrite>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let loaded = Loaded::of(&web, &application).await?;
    let sources = web.installation.sp_sources();
    let (id, version) = (loaded.application.id, seen::version(&posted));
    match sources.accept(console.ctx(), id, posted.text("revision"), version).await {
        Ok(_) => Ok(see_other(&Done::Saved.at(&urls::admin_sso(&application)))),
        Err(error) => {
            let loaded = Loaded::by_id(&web, id).await?;
            draw_changes(&web, &console.person, &loaded, Some(error)).await
        }
    }
}

/// `POST /admin/applications/{application}/sso/metadata/discard`
pub async fn discard(
    console: Console<ApplicationsWrite>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let loaded = Loaded::of(&web, &application).await?;
    let sources = web.installation.sp_sources();
    let revision = Some(posted.text("revision"));
    match sources.discard(console.ctx(), loaded.application.id, revision).await {
        Ok(_) => Ok(see_other(&Done::Discarded.at(&urls::admin_sso(&application)))),
        Err(error) => draw_changes(&web, &console.person, &loaded, Some(error)).await,
    }
}

/// `POST /admin/applications/{application}/sso/metadata/refresh`
pub async fn refresh(
    console: Console<ApplicationsWrite>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    SignedForm(_): SignedForm<Posted>,
) -> Answer {
    let loaded = Loaded::of(&web, &application).await?;
    let sources = web.installation.sp_sources();
    // That it failed, or runs already, is told on the tab.
    match sources.refresh(console.ctx(), loaded.application.id).await {
        Ok(_) => Ok(see_other(&Done::Fetched.at(&urls::admin_sso(&application)))),
        Err(error) if error.code == "metadata_refresh_running" => {
            Ok(see_other(&urls::admin_sso(&application)))
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /admin/applications/{application}/sso/metadata/remove`: asks first unless `confirmed`.
pub async fn remove(
    console: Console<ApplicationsWrite>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let loaded = Loaded::of(&web, &application).await?;
    if !posted.confirmed() {
        let decision = removal(&loaded.application);
        return confirm(&web, &console.person, &loaded, decision, "Stop fetching").await;
    }
    web.installation.sp_sources().remove(console.ctx(), loaded.application.id).await?;
    Ok(see_other(&Done::Removed.at(&urls::admin_sso(&application))))
}
