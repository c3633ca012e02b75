//! Metadata of the service provider, by upload or paste: first what it would change, then, when that is accepted, the
//! change (decision 9).

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::applications::sp_metadata::{Applied, FieldChange, Mode, apply, read};
use crate::base::{Error, Result, urls};
use crate::saml::metadata::Wanted;
use crate::web::admin::application::Loaded;
use crate::web::admin::frame::{self, Done};
use crate::web::admin::posted::Posted;
use crate::web::admin::seen;
use crate::web::admin::sso::form::SsoForm;
use crate::web::admin::sso::{draw, required};
use crate::web::error::Answer;
use crate::web::extract::permission::ApplicationsWrite;
use crate::web::extract::{Fresh, SignedUpload};
use crate::web::pages::application::Tab;
use crate::web::pages::application_sso::SpMetadataPage;
use crate::web::pages::parts::{Change, Crumbs, Link};
use crate::web::pages::sp_source::EntityChoice;
use crate::web::shown::application::field_label;
use crate::web::shown::event;
use crate::web::state::{Shared, Web};
use crate::web::{html, see_other};

/// `POST /admin/applications/{application}/sso/metadata`
pub async fn sp_metadata(
    console: Fresh<ApplicationsWrite>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    SignedUpload(upload): SignedUpload,
) -> Answer {
    let loaded = Loaded::of(&web, &application).await?;
    let file = upload.file("metadata_file").cloned();
    let posted: Posted = upload.fields.read()?;
    let document = match &file {
        Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        None => posted.raw("metadata").to_owned(),
    };
    let given = |name: &str| Some(posted.text(name)).filter(|text| !text.is_empty());
    // Who searches on has not chosen yet.
    let entity_id = given("entity_id").filter(|_| !posted.ticked("find"));
    let wanted = Wanted { entity_id, search: given("q") };
    let confirmed = posted.confirmed();
    let outcome = if document.trim().is_empty() {
        Err(required("metadata", "Upload the metadata file of the application, or paste it here."))
    } else {
        let if_version = if confirmed { seen::version(&posted) } else { None };
        let mode = Mode { dry_run: !confirmed, if_version };
        read_and_apply(&web, &console, &loaded, &document, wanted, mode).await
    };
    match outcome {
        Ok(_) if confirmed => Ok(see_other(&Done::Saved.at(&urls::admin_sso(&application)))),
        Ok(applied) => show_changes(&web, &console, &loaded, document, &applied, None).await,
        Err(error) if seen::is_meanwhile(&error) => {
            again(&web, &console, &loaded, document, entity_id, error).await
        }
        Err(error) if error.code == "entity_id_required" => {
            choose(&web, &console, &loaded, document, wanted, &error).await
        }
        Err(error) => refused(&web, &console, &loaded, error).await,
    }
}

/// Reads the document on the pool of cores, then does with it what `mode` says.
async fn read_and_apply(
    web: &Web,
    console: &Fresh<ApplicationsWrite>,
    loaded: &Loaded,
    document: &str,
    wanted: Wanted<'_>,
    mode: Mode,
) -> Result<Applied> {
    let installation = &web.installation;
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let (entity_id, search) = (owned(wanted.entity_id), owned(wanted.search));
    let (now, document) = (console.ctx().now(), document.to_owned());
    let work = move || {
        let wanted = Wanted { entity_id: entity_id.as_deref(), search: search.as_deref() };
        read(document.as_bytes(), wanted, now)
    };
    let reading = installation.on_cpu(work).await??;
    apply(&installation.db, console.ctx(), loaded.application.id, reading, mode).await
}

async fn show_changes(
    web: &Web,
    console: &Fresh<ApplicationsWrite>,
    loaded: &Loaded,
    document: String,
    applied: &Applied,
    refused: Option<Error>,
) -> Answer {
    let mut page = page(web, console, loaded, document).await;
    let status = match refused {
        Some(error) => seen::refuse(&mut page.shell, error, &urls::admin_sso(&loaded.id()))?,
        None => StatusCode::OK,
    };
    page.entity_id = applied.application.sso.sp_entity_id.clone().unwrap_or_default();
    let declared = &applied.application.made_from.placeholders;
    page.changes = applied
        .changes
        .iter()
        .flat_map(|change| {
            let token = change.field.strip_prefix("placeholders.");
            let asked = token.and_then(|token| declared.get(token));
            changes(change).into_iter().map(move |shown| match asked {
                Some(asked) => Change { field: asked.label.clone(), ..shown },
                None => shown,
            })
        })
        .collect();
    page.notes.clone_from(&applied.warnings);
    html(status, &page)
}

/// Somebody changed the application between the preview and the acceptance: what it would change now is shown anew.
async fn again(
    web: &Web,
    console: &Fresh<ApplicationsWrite>,
    before: &Loaded,
    document: String,
    entity_id: Option<&str>,
    error: Error,
) -> Answer {
    let loaded = Loaded::by_id(web, before.application.id).await?;
    let mode = Mode { dry_run: true, if_version: None };
    match read_and_apply(web, console, &loaded, &document, entity_id.into(), mode).await {
        Ok(applied) => show_changes(web, console, &loaded, document, &applied, Some(error)).await,
        Err(error) => refused(web, console, &loaded, error).await,
    }
}

async fn choose(
    web: &Web,
    console: &Fresh<ApplicationsWrite>,
    loaded: &Loaded,
    document: String,
    wanted: Wanted<'_>,
    error: &Error,
) -> Answer {
    let mut page = page(web, console, loaded, document).await;
    page.choice = Some(EntityChoice::of(error, wanted.search));
    html(StatusCode::OK, &page)
}

async fn page(
    web: &Web,
    console: &Fresh<ApplicationsWrite>,
    loaded: &Loaded,
    document: String,
) -> SpMetadataPage {
    let label = loaded.application.label.as_str();
    SpMetadataPage {
        shell: loaded.shell(web, &console.person, "SP metadata").await,
        app: loaded.head(web, Tab::Sso),
        crumbs: Crumbs {
            way: vec![
                Link::new("Applications", urls::admin_applications()),
                Link::new(label, urls::admin_sso(&loaded.id())),
            ],
            here: "SP metadata".to_owned(),
        },
        entity_id: String::new(),
        choice: None,
        changes: Vec::new(),
        notes: Vec::new(),
        document,
    }
}

async fn refused(web: &Web, console: &Fresh<ApplicationsWrite>, loaded: &Loaded, mut error: Error) -> Answer {
    if error.fields.iter().all(|field| field.field == "entity_id") {
        error.fields = vec![super::fault("metadata", error.code, error.message.clone())];
    }
    let mut shell = loaded.shell(web, &console.person, "SSO").await;
    let status = frame::refuse(&mut shell, error)?;
    draw(web, &console.person, loaded, shell, &SsoForm::of(&loaded.application), status).await
}

/// A difference in the lines that a person can compare: lists row by row, groups of settings one by one, certificates by
/// how they begin.
pub(in crate::web::admin) fn changes(change: &FieldChange) -> Vec<Change> {
    use serde_json::Value as Json;
    let one = |field: String, old: Option<String>, new: Option<String>| Change { field, old, new };
    if let (Json::Object(old), Json::Object(new)) = (&change.old, &change.new) {
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let differing = names.into_iter().filter(|name| old.get(*name) != new.get(*name));
        let shown = |side: &serde_json::Map<String, Json>, name| side.get(name).and_then(event::shown);
        return differing
            .map(|name| {
                one(field_label(&format!("{}.{name}", change.field)), shown(old, name), shown(new, name))
            })
            .collect();
    }
    let (Json::Array(old), Json::Array(new)) = (&change.old, &change.new) else {
        return vec![one(field_label(&change.field), event::shown(&change.old), event::shown(&change.new))];
    };
    (0..old.len().max(new.len()))
        .filter(|at| old.get(*at) != new.get(*at))
        .map(|at| {
            let field = field_label(&format!("{}.{at}", change.field));
            one(field, old.get(at).and_then(row), new.get(at).and_then(row))
        })
        .collect()
}

fn row(value: &serde_json::Value) -> Option<String> {
    if let Some(url) = value.get("url").and_then(serde_json::Value::as_str) {
        let index = value.get("index").map(ToString::to_string).unwrap_or_default();
        let default = value.get("default").and_then(serde_json::Value::as_bool) == Some(true);
        let by = match value.get("binding").and_then(serde_json::Value::as_str) {
            Some("artifact") => ", by artifact",
            Some("paos") => ", by PAOS",
            _ => "",
        };
        return Some(format!("{url} (index {index}{by}{})", if default { ", default" } else { "" }));
    }
    match value.as_str() {
        Some(pem) if pem.starts_with("-----BEGIN") => {
            let certificate = crate::saml::certificate::parse_certificate(pem.as_bytes()).ok()?;
            Some(format!("{}, SHA-256 {}", certificate.subject, certificate.fingerprint))
        }
        _ => event::shown(value),
    }
}
