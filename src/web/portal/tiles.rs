//! `/`: the wall of tiles. Only what the person may use, is active and is to be shown.

use axum::extract::State;
use serde::Deserialize;

use crate::applications::access;
use crate::applications::model::Application;
use crate::base::{Result, urls};
use crate::signon::last_uses;
use crate::web::error::Answer;
use crate::web::extract::{Person, Queried};
use crate::web::pages::PortalPage;
use crate::web::pages::parts::Mark;
use crate::web::pages::portal::Tile;
use crate::web::pages::shell::Nav;
use crate::web::render::page;
use crate::web::state::Shared;
use crate::web::words::when;

#[derive(Deserialize)]
pub(super) struct Query {
    #[serde(default)]
    q: String,
}

/// The mark of an application, with its picture if it has one.
pub(in crate::web) fn mark_of(application: &Application) -> Mark {
    let logo = application
        .logo
        .as_ref()
        .map(|digest| format!("{}?v={digest}", urls::application_logo(&application.id.to_string())));
    Mark { logo, ..Mark::letter(application.label.as_str(), application.accent) }
}

fn tile(application: &Application, line: String) -> Tile {
    Tile { mark: mark_of(application), line, href: urls::idp(&application.slug) }
}

/// The portal.
pub(super) async fn portal(
    person: Person,
    State(web): State<Shared>,
    Queried(query): Queried<Query>,
) -> Answer {
    let db = &web.installation.db;
    let applications = access::tiles(&mut db.reader(), person.id()).await?;
    let lately = lately(&web, &person, &applications).await?;
    let total = applications.len();
    let wanted = query.q.trim().to_lowercase();
    let fits = |application: &&Application| {
        wanted.is_empty()
            || application.label.to_lowercase().contains(&wanted)
            || application.description.to_lowercase().contains(&wanted)
    };
    let tiles = applications
        .iter()
        .filter(fits)
        .map(|application| tile(application, application.description.clone()));
    page(&PortalPage {
        shell: person.shell(&web, "Your applications", Nav::Portal).await,
        query: query.q.trim().to_owned(),
        lately,
        tiles: tiles.collect(),
        total,
    })
}

async fn lately(web: &Shared, person: &Person, applications: &[Application]) -> Result<Vec<Tile>> {
    let now = person.ctx.now();
    let uses = last_uses(&web.installation, person.id(), 16).await?;
    let find = |id| applications.iter().find(|application| application.id == id);
    let tiles = uses.into_iter().filter_map(|(id, at)| Some(tile(find(id)?, capital(when(at, now).text))));
    Ok(tiles.take(4).collect())
}

fn capital(text: String) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => text,
    }
}
