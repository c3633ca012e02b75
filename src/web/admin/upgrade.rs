//! A later version of an application's connector: what it says otherwise, field by field, and taking over what is
//! chosen of it. It may change where people are sent and what is said of them, so it needs a fresh password
//! (decision 15).

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::Value as Json;

use crate::applications::Application;
use crate::applications::sp_metadata::FieldChange;
use crate::applications::upgrade::offered;
use crate::base::{Error, FieldError, Result, urls};
use crate::catalog::model::{Connector, Placeholders};
use crate::catalog::upgrade::{BASE_URL, Difference, Standing};
use crate::provisioning::connection;
use crate::provisioning::upgrade::{Offer, Wanted, offer};
use crate::web::admin::application::Loaded;
use crate::web::admin::frame::Done;
use crate::web::admin::posted::Posted;
use crate::web::admin::seen;
use crate::web::admin::sso::metadata;
use crate::web::admin::sso::page::{holds, placeholder_fields};
use crate::web::error::Answer;
use crate::web::extract::permission::{ApplicationsRead, ApplicationsWrite};
use crate::web::extract::{Console, Fresh, Person, SignedForm};
use crate::web::pages::application::Tab;
use crate::web::pages::application_sso::PlaceholderField;
use crate::web::pages::connector_upgrade::{ConnectorUpgradePage, OfferedField};
use crate::web::pages::parts::{Change, Link, Tone};
use crate::web::pages::shell::{Banner, Shell};
use crate::web::shown::application::field_label;
use crate::web::state::{Shared, Web};
use crate::web::{html, see_other};

/// Says so when the catalog has another version that would change anything.
pub async fn banner(web: &Web, application: &Application) -> Result<Option<Banner>> {
    let installation = &web.installation;
    let found = offer(&mut installation.db.reader(), &installation.catalog, application).await?;
    Ok(found.map(|Offer { from, to, .. }| {
        let title = format!("The catalog has version {to} of {}’s connector", application.label);
        let body = format!("This application has version {from}, and stays as it is until you decide.");
        let mut banner = Banner::new(Tone::Info, title, body);
        let page = urls::admin_connector_upgrade(&application.id.to_string());
        banner.action = Some(Link::new("See what differs", page));
        banner
    }))
}

/// `GET /admin/applications/{application}/connector`
pub async fn show(
    console: Console<ApplicationsRead>,
    State(web): State<Shared>,
    Path(application): Path<String>,
) -> Answer {
    let loaded = Loaded::of(&web, &application).await?;
    draw(&web, &console.person, &loaded, None).await
}

/// What was chosen and typed, and why it can't be so.
struct Refused<'a> {
    posted: &'a Posted,
    error: Error,
}

async fn draw(web: &Web, person: &Person, loaded: &Loaded, refused: Option<Refused<'_>>) -> Answer {
    let application = &loaded.application;
    let catalog = &web.installation.catalog;
    let mut reader = web.installation.db.reader();
    let found = offer(&mut reader, catalog, application).await?;
    let connection = connection::find(&mut reader, application.id).await?;
    let (Some(Offer { from, to, revision, differences }), Some(connector)) =
        (found, offered(catalog, application))
    else {
        return Ok(see_other(&urls::admin_general(&loaded.id())));
    };
    let mut shell = loaded.shell_of(web, person, "Connector").await;
    let (mut typed, mut ticked, mut status) = (None, None, StatusCode::OK);
    let mut wanting = Vec::new();
    if let Some(Refused { posted, error }) = refused {
        // What the version says otherwise by now is chosen anew.
        ticked = Some(posted).filter(|_| error.code != "connector_changed_meanwhile");
        typed = Some(posted);
        status = seen::refuse(&mut shell, error, &urls::admin_general(&loaded.id()))?;
        wanting = elsewhere(&mut shell);
    }
    let (fixed, choices): (Vec<&Difference>, Vec<&Difference>) =
        differences.iter().partition(|difference| difference.standing == Standing::Fixed);
    let chosen = |difference: &Difference| match ticked {
        Some(posted) => posted.all("take").contains(&difference.field),
        None => difference.standing == Standing::Untouched,
    };
    wanting.extend(fixed.iter().filter_map(|d| d.field.strip_prefix("placeholders.").map(str::to_owned)));
    let has_secret = connection.as_ref().is_some_and(|connection| connection.secret_for.is_some());
    let page = ConnectorUpgradePage {
        app: loaded.head(web, Tab::General),
        from,
        to,
        revision,
        choices: choices.into_iter().map(|d| field(d, chosen(d), has_secret)).collect(),
        placeholders: placeholders(application, connector, connection.is_some(), &wanting, typed),
        fixed: fixed.iter().flat_map(|difference| lines(difference)).collect(),
        shell,
    };
    html(status, &page)
}

/// Leaves the errors that have an input on the page, and tells the others in a banner. Answers the placeholders among
/// them.
fn elsewhere(shell: &mut Shell) -> Vec<String> {
    let token = |field: &str| field.strip_prefix("placeholders.").map(str::to_owned);
    let errors = std::mem::take(&mut shell.errors);
    let (here, others): (Vec<_>, Vec<_>) =
        errors.into_iter().partition(|error| token(&error.field).is_some());
    if !others.is_empty() {
        let mut banner = Banner::new(Tone::Danger, "It can’t be taken over like this", "");
        let item = |error: FieldError| Link::new(format!("{}: {}", label(&error.field), error.message), "");
        banner.items = others.into_iter().map(item).collect();
        shell.banners.insert(0, banner);
    }
    shell.errors = here;
    shell.errors.iter().filter_map(|error| token(&error.field)).collect()
}

fn field(difference: &Difference, chosen: bool, has_secret: bool) -> OfferedField {
    let moves = difference.field == BASE_URL && has_secret;
    OfferedField {
        field: difference.field.clone(),
        label: label(&difference.field),
        chosen,
        own: difference.standing == Standing::Own,
        note: if moves {
            "The token does not go to another address: give one for it on the tab Identity management, and activate again."
                .to_owned()
        } else {
            String::new()
        },
        changes: compared(&difference.field, &difference.own, &difference.after),
        before: compared(&difference.field, &difference.before, &Json::Null)
            .into_iter()
            .filter_map(|change| change.old)
            .collect(),
    }
}

fn lines(difference: &Difference) -> Vec<Change> {
    let named = label(&difference.field);
    let mut lines = compared(&difference.field, &difference.own, &difference.after);
    for line in &mut lines {
        line.field.clone_from(&named);
    }
    lines
}

/// A difference in lines that a person can compare.
fn compared(field: &str, old: &Json, new: &Json) -> Vec<Change> {
    let named = label(field);
    let one = |old: Option<String>, new: Option<String>| Change { field: named.clone(), old, new };
    if field.starts_with("setup.") {
        let lines =
            |text: &Json| text.as_str().unwrap_or_default().lines().map(str::to_owned).collect::<Vec<_>>();
        let (old, new) = (lines(old), lines(new));
        let gone = old.iter().filter(|line| !new.contains(line)).map(|line| one(Some(line.clone()), None));
        let come = new.iter().filter(|line| !old.contains(line)).map(|line| one(None, Some(line.clone())));
        return gone.chain(come).collect();
    }
    if field.starts_with("placeholders.") {
        return vec![one(described(&but_for(old, new)), described(&but_for(new, old)))];
    }
    let is_row = ["sso.attributes.", "provisioning.mappings."].iter();
    if is_row.into_iter().any(|start| field.starts_with(start)) {
        return vec![one(described(old), described(new))];
    }
    let short = field.strip_prefix("sso.").or_else(|| field.strip_prefix("provisioning."));
    let field = short.unwrap_or(field).to_owned();
    metadata::changes(&FieldChange { field, old: old.clone(), new: new.clone() })
}

/// What a placeholder says otherwise than the other one, if there is one, and its label.
fn but_for(one: &Json, other: &Json) -> Json {
    let mut out = one.clone();
    if let (Some(map), Some(other)) = (out.as_object_mut(), other.as_object()) {
        map.retain(|key, value| key == "label" || other.get(key) != Some(value));
    }
    out
}

/// A row in words: where its value comes from, and whatever else it says. Nothing for no row.
fn described(row: &Json) -> Option<String> {
    let row = row.as_object()?;
    let mut said: Vec<String> = Vec::new();
    for (key, value) in row {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match key.as_str() {
            "name" | "scim" => {}
            "source" => said.insert(0, format!("from {text}")),
            "constant" => said.insert(0, format!("always {text}")),
            "enabled" if value == true => {}
            "enabled" => said.push("switched off".to_owned()),
            "jit" => said.push(format!("{text} for new accounts")),
            "required" => said.push("required".to_owned()),
            _ => said.push(format!("{} {text}", key.replace('_', " "))),
        }
    }
    Some(said.join(", "))
}

/// "Attribute email", "ACS URLs", "The steps for single sign-on".
fn label(field: &str) -> String {
    let after = |prefix: &str| field.strip_prefix(prefix);
    if let Some(name) = after("sso.attributes.") {
        format!("Attribute {name}")
    } else if let Some(name) = after("provisioning.mappings.") {
        format!("Mapping of {name}")
    } else if let Some(quirk) = after("provisioning.quirks.") {
        format!("What is peculiar over SCIM: {}", quirk.replace('_', " "))
    } else {
        match field {
            "setup.sso" => "The steps for single sign-on".to_owned(),
            "setup.provisioning" => "The steps for identity management".to_owned(),
            "provisioning.base_url" => field_label("base_url"),
            "provisioning.auth" => "How Tessera proves itself over SCIM".to_owned(),
            "provisioning.groups" => "Groups over SCIM".to_owned(),
            "sso.initiation" => "Who may begin a sign-on".to_owned(),
            other => field_label(after("sso.").unwrap_or(other)),
        }
    }
}

/// The placeholders that the version has anew or otherwise, that were refused, or that it uses and that have no value.
fn placeholders(
    application: &Application,
    to: &Connector,
    is_connected: bool,
    wanting: &[String],
    posted: Option<&Posted>,
) -> Vec<PlaceholderField> {
    let templates = to.templates().unwrap_or_default();
    let counts = |field: &str| field.starts_with("sso.") || (is_connected && field == BASE_URL);
    let used = |token: &str| {
        let mut places = templates.iter().filter(|(field, _)| counts(field));
        places.any(|(_, text)| holds(text, token, &to.placeholders))
    };
    let mut values = application.placeholders.clone();
    let is_asked = |token: &String| {
        wanting.contains(token)
            || (application.placeholders.get(token).is_none_or(String::is_empty) && used(token))
    };
    let asked: Placeholders = to
        .placeholders
        .iter()
        .filter(|(token, _)| is_asked(token))
        .map(|(t, p)| (t.clone(), p.clone()))
        .collect();
    for token in asked.keys() {
        let name = format!("placeholders.{token}");
        if let Some(posted) = posted.filter(|posted| posted.has(&name)) {
            values.insert(token.clone(), posted.owned(&name));
        }
    }
    let texts: Vec<(String, &str)> = templates
        .iter()
        .map(|(field, text)| {
            let shown = field.strip_prefix("sso.").or_else(|| field.strip_prefix("provisioning."));
            (shown.unwrap_or(field).to_owned(), text.as_str())
        })
        .collect();
    placeholder_fields(&asked, &values, &texts)
}

/// `POST /admin/applications/{application}/connector` with `revision`, `take` and `placeholders.TOKEN`.
pub async fn take_over(
    console: Fresh<ApplicationsWrite>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let loaded = Loaded::of(&web, &application).await?;
    let catalog = &web.installation.catalog;
    let Some(to) = offered(catalog, &loaded.application) else {
        return Ok(see_other(&urls::admin_general(&application)));
    };
    let typed: BTreeMap<String, Option<String>> = to
        .placeholders
        .keys()
        .map(|token| (token, format!("placeholders.{token}")))
        .filter(|(_, name)| posted.has(name))
        .map(|(token, name)| (token.clone(), Some(posted.owned(&name))))
        .collect();
    let wanted = Wanted {
        revision: posted.owned("revision"),
        take: Some(posted.all("take").to_vec()),
        placeholders: typed,
    };
    let (id, version) = (loaded.application.id, seen::version(&posted));
    let connections = web.provisioning.connections();
    match connections.upgrade(console.ctx(), catalog, id, wanted, version).await {
        Ok(upgraded) if upgraded.disconnected => {
            Ok(see_other(&Done::Moved.at(&urls::admin_provisioning(&application))))
        }
        Ok(_) => Ok(see_other(&Done::Upgraded.at(&urls::admin_general(&application)))),
        Err(error) => {
            let loaded = Loaded::by_id(&web, id).await?;
            draw(&web, &console.person, &loaded, Some(Refused { posted: &posted, error })).await
        }
    }
}
