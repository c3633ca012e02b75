//! *Preview*: what the application would be told of a person now. Nothing is signed, stored or sent.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;

use crate::applications::Kind;
use crate::auth::Permission;
use crate::base::{Error, urls};
use crate::catalog::sso::SignMode;
use crate::directory::people;
use crate::saml::pretty::pretty;
use crate::signon::preview::{Preview, PreviewAttribute, PreviewRefusal, preview};
use crate::web::admin::application::Loaded;
use crate::web::admin::frame;
use crate::web::admin::sso::page::missing_links;
use crate::web::error::{Answer, Failure};
use crate::web::extract::permission::ApplicationsWrite;
use crate::web::extract::{Console, Queried};
use crate::web::html;
use crate::web::pages::ApplicationPreviewPage;
use crate::web::pages::application::Tab;
use crate::web::pages::application_sso::{Previewed, PreviewedAttribute};
use crate::web::pages::parts::{Fact, Facts, Link};
use crate::web::state::Shared;

/// `?person=`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    person: String,
}

/// `GET /admin/applications/{application}/sso/preview?person=`: of the viewer, when nobody is named.
pub async fn show_preview(
    console: Console<ApplicationsWrite>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    Queried(wanted): Queried<Wanted>,
) -> Answer {
    console.require(Permission::PeopleRead)?;
    let loaded = Loaded::of(&web, &application).await?;
    if loaded.application.kind == Kind::Bookmark {
        return Err(Failure::no_such_page());
    }
    let installation = &web.installation;
    let name = match wanted.person.trim() {
        "" => console.person.live.session.username.clone(),
        name => name.to_owned(),
    };
    let mut shell = loaded.shell(&web, &console.person, "preview").await;
    let missing: Vec<Link> = missing_links(&loaded.application)
        .into_iter()
        .map(|link| Link::new(link.text, format!("{}{}", urls::admin_sso(&loaded.id()), link.href)))
        .collect();
    let (mut status, mut previewed) = (StatusCode::OK, None);
    if missing.is_empty() {
        let found = people::find_by_login_name(&mut installation.db.reader(), &name).await?;
        let shown = match found {
            Some(person) => preview(installation, console.ctx(), &loaded.application, person.id)
                .await?
                .map(|preview| drawn(&loaded, person.shown_name(), preview)),
            None => None,
        };
        if shown.is_none() {
            let message = "There is nobody of that name. Give a username or an e-mail address, whole.";
            status = frame::refuse(&mut shell, Error::field("person", "unknown_person", message))?;
        }
        previewed = shown;
    }
    let app = loaded.head(&web, Tab::Sso);
    html(status, &ApplicationPreviewPage { shell, app, person: name, missing, previewed })
}

/// Names in one line; of many, the first few.
fn listed(names: &[String]) -> String {
    const MOST: usize = 5;
    let shown = names.iter().take(MOST).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Why, to the administrator: the refusal's own words are for the person.
fn reason(refusal: PreviewRefusal, name: &str, label: &str, groups: &[String], bound: &[String]) -> String {
    match refusal.code {
        "application_not_active" => format!("{label} is not switched on. Activate it first."),
        "not_bound" if bound.is_empty() => {
            format!("No group is bound to {label}, so nobody can open it. Bind one on the tab Groups.")
        }
        "not_bound" => format!(
            "{name} is in {}; bound to {label} is {}. Add {name} to a group that is bound, or bind another on the tab Groups.",
            if groups.is_empty() { "no group".to_owned() } else { listed(groups) },
            listed(bound)
        ),
        "person_not_active" => format!("The account of {name} is not active."),
        _ => refusal.message,
    }
}

fn drawn(loaded: &Loaded, name: impl Into<String>, preview: Preview) -> Previewed {
    let name = name.into();
    let label = &loaded.application.label;
    let refused = preview.refusal.is_some();
    let verdict = match (preview.refusal, preview.by_group) {
        (Some(refusal), _) => reason(refusal, &name, label, &preview.groups, &preview.bound_groups),
        (None, Some(group)) => format!("{name} can open {label} through {group}."),
        (None, None) => format!("{name} can open {label}."),
    };
    let signed = match preview.sign {
        SignMode::Response => "The response",
        SignMode::Assertion => "The assertion",
        SignMode::Both => "The response and the assertion",
    };
    let name_id = preview.name_id.map_or_else(|| "None".to_owned(), |name_id| name_id.value);
    let facts = vec![
        Fact::mono("NameID", name_id),
        Fact::mono("Issuer", preview.issuer),
        Fact::mono("Audience", preview.audience),
        Fact::mono("Posted to", preview.recipient),
        Fact::new("Signed", signed),
    ];
    let attribute = |attribute: PreviewAttribute| PreviewedAttribute {
        name: attribute.name,
        friendly_name: attribute.friendly_name.unwrap_or_default(),
        values: attribute.values,
    };
    Previewed {
        name,
        verdict,
        refused,
        facts: Facts { facts },
        attributes: preview.attributes.into_iter().map(attribute).collect(),
        xml: preview.xml.as_deref().map(pretty).unwrap_or_default(),
    }
}
