//! Adding an application: search, choose, name, save. All of it by query parameters and one form, so that it works
//! without JavaScript.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;

use crate::applications::create::{self, NewApplication, Surroundings, require_connector};
use crate::applications::{self, Kind, logo, slug};
use crate::auth::Permission;
use crate::base::accent::Accent;
use crate::base::id::ApplicationId;
use crate::base::{Error, FieldError, urls};
use crate::catalog::Catalog;
use crate::catalog::model::{Connector, ConnectorKind, Verified};
use crate::web::admin::catalog;
use crate::web::admin::frame;
use crate::web::admin::posted::{Posted, fault};
use crate::web::error::Answer;
use crate::web::extract::permission::{ApplicationsRead, ApplicationsWrite};
use crate::web::extract::{Console, Person, Queried, SignedUpload};
use crate::web::pages::applications::{
    ApplicationNewPage, ApplicationNewValues, ApplicationSavedPage, ChosenConnector,
};
use crate::web::pages::catalog::ConnectorCard;
use crate::web::pages::parts::{Fact, Facts, Mark, Tone};
use crate::web::pages::shell::Nav;
use crate::web::shown::application as show;
use crate::web::state::Shared;
use crate::web::{html, page, see_other};

/// Connectors that stand beside the catalog's list.
const OTHERS: &[&str] = &["custom-saml", "bookmark"];
/// Largest body: the picture and the fields around it.
pub const UPLOAD_LIMIT: usize = logo::MAX_BYTES + 32 * 1024;

/// `?q=&category=&connector=&all=`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    q: String,
    category: String,
    connector: String,
    all: String,
}

/// What was typed, or what the connector proposes.
struct Draft {
    connector: String,
    values: ApplicationNewValues,
    color: Option<Accent>,
    reuse_warning: Option<String>,
}

/// `GET /admin/applications/new`
pub async fn new_application(
    console: Console<ApplicationsWrite>,
    State(web): State<Shared>,
    Queried(wanted): Queried<Wanted>,
) -> Answer {
    let connector = web.installation.catalog.find(&wanted.connector);
    let draft = Draft {
        connector: wanted.connector.clone(),
        values: connector.map(|connector| proposed(&web.installation.catalog, connector)).unwrap_or_default(),
        color: None,
        reuse_warning: None,
    };
    draw(&web, &console.person, &wanted, draft, None).await
}

fn proposed(catalog: &Catalog, connector: &Connector) -> ApplicationNewValues {
    let own = OTHERS.contains(&connector.id.as_str());
    ApplicationNewValues {
        label: if own { String::new() } else { plainly(catalog, &connector.name).to_owned() },
        description: if own { String::new() } else { connector.description.clone() },
        show_in_portal: true,
        ..ApplicationNewValues::default()
    }
}

/// A connector's name as people call the application: without what stands in brackets at its end, unless that tells it from
/// another of the same name.
fn plainly<'n>(catalog: &Catalog, name: &'n str) -> &'n str {
    let plain = |name: &'n str| Some(name.strip_suffix(')')?.rsplit_once(" (")?.0);
    let Some(short) = plain(name) else { return name };
    let is_of_another = |other: &str| {
        other != name
            && (other == short || other.strip_prefix(short).is_some_and(|rest| rest.starts_with(" (")))
    };
    if catalog.list().any(|other| is_of_another(&other.name)) { name } else { short }
}

/// The form as typed, or as the connector proposes it, with what was wrong.
async fn draw(web: &Shared, person: &Person, wanted: &Wanted, draft: Draft, error: Option<Error>) -> Answer {
    let catalog = &web.installation.catalog;
    let mut shell =
        frame::shell(web, person, "Add an application", Nav::Applications, Permission::ApplicationsWrite)
            .await;
    let status = match error {
        Some(error) => frame::refuse(&mut shell, error)?,
        None => StatusCode::OK,
    };
    let here = |pairs: &[(&str, &str)]| frame::with_query(urls::admin_application_new(), pairs);
    let found = catalog::Shelf::of(catalog, &wanted.q, &wanted.category, !wanted.all.is_empty(), OTHERS);
    let card = |connector: &Connector| {
        let pairs = [
            ("q", wanted.q.as_str()),
            ("category", wanted.category.as_str()),
            ("connector", connector.id.as_str()),
        ];
        ConnectorCard {
            chosen: connector.id == draft.connector,
            href: format!("{}#add", here(&pairs)),
            ..catalog::card(connector)
        }
    };
    let chosen = catalog.find(&draft.connector);
    let color = draft.color.or(chosen.map(|connector| connector.accent)).unwrap_or(Accent::Tyrian);
    let slug_preview = if draft.values.slug.is_empty() {
        slug::derive(&draft.values.label)
    } else {
        draft.values.slug.clone()
    };
    let page = ApplicationNewPage {
        query: wanted.q.clone(),
        found: found.found.clone(),
        categories: found.categories(|category| here(&[("q", wanted.q.as_str()), ("category", category)])),
        connectors: found.connectors.iter().map(|connector| card(connector)).collect(),
        all_href: here(&[
            ("q", wanted.q.as_str()),
            ("category", wanted.category.as_str()),
            ("connector", wanted.connector.as_str()),
            ("all", "1"),
        ]),
        more: found.more.clone(),
        others: OTHERS.iter().filter_map(|id| catalog.find(id)).map(|connector| card(connector)).collect(),
        chosen: chosen.map(|connector| chosen_card(catalog, connector, color)),
        values: draft.values,
        idp_url_prefix: web.installation.base_url.join(&urls::idp("")),
        slug_preview,
        colors: show::colors(color),
        reuse_warning: draft.reuse_warning,
        shell,
    };
    html(status, &page)
}

fn chosen_card(whole: &Catalog, connector: &Connector, color: Accent) -> ChosenConnector {
    let bookmark = connector.kind == ConnectorKind::Bookmark;
    let mut facts = Vec::new();
    if !bookmark && !OTHERS.contains(&connector.id.as_str()) {
        facts.extend(catalog::facts(whole, connector));
        let needed: Vec<&str> = catalog::asked(connector).iter().map(|p| p.label.as_str()).collect();
        if !needed.is_empty() {
            facts.push(Fact::new("You will need", needed.join(", ")));
        }
    }
    ChosenConnector {
        id: connector.id.clone(),
        mark: Mark::letter(connector.name.as_str(), color).with_glyph(connector.glyph_path()),
        description: connector.description.clone(),
        verified: match connector.verified {
            Verified::None => String::new(),
            Verified::Documentation => "Checked against documentation".to_owned(),
            Verified::Live => "Verified live".to_owned(),
        },
        facts: Facts { facts },
        bookmark,
    }
}

/// `POST /admin/applications`
pub async fn create_application(
    console: Console<ApplicationsWrite>,
    State(web): State<Shared>,
    SignedUpload(upload): SignedUpload,
) -> Answer {
    let picture = upload.file("logo").cloned();
    let posted: Posted = upload.fields.read()?;
    match save(&web, &console, &posted, picture).await {
        Ok(id) => Ok(see_other(&urls::admin_application_saved(&id.to_string()))),
        Err(error) => {
            let taken = matches!(error.code, "recently_used");
            let draft = Draft {
                connector: posted.owned("connector"),
                values: ApplicationNewValues {
                    label: posted.owned("label"),
                    description: posted.owned("description"),
                    slug: posted.owned("slug"),
                    show_in_portal: posted.ticked("show_in_portal"),
                    bookmark_url: posted.owned("bookmark_url"),
                },
                color: posted.text("color").parse().ok(),
                reuse_warning: taken.then(|| error.message.clone().into_owned()),
            };
            draw(&web, &console.person, &Wanted::default(), draft, Some(at_its_field(error))).await
        }
    }
}

/// Conflicts about the address belong to its field.
fn at_its_field(mut error: Error) -> Error {
    if matches!(error.code, "recently_used" | "slug_taken") && error.fields.is_empty() {
        error.fields.push(fault("slug", error.code, error.message.clone()));
    }
    error
}

async fn save(
    web: &Shared,
    console: &Console<ApplicationsWrite>,
    posted: &Posted,
    picture: Option<Bytes>,
) -> Result<ApplicationId, Error> {
    let installation = &web.installation;
    let connector = require_connector(&installation.catalog, posted.text("connector"))?;
    let saml = connector.kind == ConnectorKind::Saml;
    if saml && !posted.ticked("understood") {
        let message = "Tick this when you have read the address: it can never be changed.";
        return Err(Error::field("understood", "required", message));
    }
    let new = read(posted, saml)?;
    // What can be refused is refused before a key is made.
    applications::update::check_label(new.label.as_deref().unwrap_or_default())?;
    let png = match picture {
        Some(bytes) => Some(installation.on_cpu(move || logo::re_encode(&bytes)).await??),
        None => None,
    };
    let key = if saml {
        let name = new.label.as_deref().unwrap_or(&connector.name);
        Some(installation.make_first_key(console.ctx(), connector, name).await?)
    } else {
        None
    };
    let around = Surroundings {
        catalog: &installation.catalog,
        vault: &installation.vault,
        base_url: &installation.base_url,
    };
    let made = create::create(&installation.db, console.ctx(), around, new, key.as_ref()).await?;
    if let Some(png) = png {
        logo::set(&installation.db, console.ctx(), made.id, png).await?;
    }
    Ok(made.id)
}

fn read(posted: &Posted, saml: bool) -> Result<NewApplication, Error> {
    let color = match posted.text("color") {
        "" => None,
        text => Some(text.parse::<Accent>().map_err(|()| Error::invalid(vec![unknown_color()]))?),
    };
    Ok(NewApplication {
        connector: posted.owned("connector"),
        label: Some(posted.owned("label")),
        description: Some(posted.owned("description")),
        slug: Some(posted.owned("slug")).filter(|slug| saml && !slug.is_empty()),
        show_in_portal: Some(posted.ticked("show_in_portal")),
        color,
        bookmark_url: Some(posted.owned("bookmark_url")).filter(|_| !saml),
        reuse: posted.ticked("reuse"),
    })
}

/// A colour that is none of the twelve.
pub fn unknown_color() -> FieldError {
    fault("color", "unknown_value", "Choose one of the twelve colours.")
}

/// `GET /admin/applications/{application}/saved`
pub async fn application_saved(
    console: Console<ApplicationsRead>,
    State(web): State<Shared>,
    Path(application): Path<String>,
) -> Answer {
    let id: ApplicationId = frame::id(&application)?;
    let application = applications::require(&mut web.installation.db.reader(), id).await?;
    let title = format!("{} is saved", application.label);
    let shell =
        frame::shell(&web, &console.person, &title, Nav::Applications, Permission::ApplicationsWrite).await;
    let idp_url = match application.kind {
        Kind::Saml => web.installation.base_url.join(&urls::idp(&application.slug)),
        Kind::Bookmark => String::new(),
    };
    let page_of_it = ApplicationSavedPage {
        shell,
        mark: show::mark(&web.installation.catalog, &application),
        id: application.id.to_string(),
        idp_url,
    };
    page(&page_of_it)
}

/// The badge of a connector: how its facts were checked.
#[must_use]
pub fn badge(connector: &Connector) -> (&'static str, Tone) {
    match connector.verified {
        // A form to be filled in has no facts.
        Verified::None if connector.sources.is_empty() => ("", Tone::Off),
        Verified::None => ("Not checked", Tone::Off),
        Verified::Documentation => ("Checked against documentation", Tone::Info),
        Verified::Live => ("Verified live", Tone::Ok),
    }
}
