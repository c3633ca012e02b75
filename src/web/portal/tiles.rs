//! `/`: what a person can open, used lately first, then A to Z.

use std::collections::HashMap;

use axum::extract::State;
use serde::Deserialize;

use crate::applications::{Application, access};
use crate::base::id::ApplicationId;
use crate::base::{Timestamp, urls};
use crate::catalog::Catalog;
use crate::signon::last_uses;
use crate::web::error::Answer;
use crate::web::extract::{Person, Queried};
use crate::web::page;
use crate::web::pages::portal::{PortalPage, Tile};
use crate::web::pages::shell::Nav;
use crate::web::shown::{application, time};
use crate::web::state::Shared;

/// Tiles of the row *used lately*.
const LATELY: usize = 4;
/// Last uses that are looked through for tiles that are still there.
const LOOKED_THROUGH: i64 = 50;

/// `?q=`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    q: String,
}

/// `GET /`
pub async fn show_portal(
    person: Person,
    State(web): State<Shared>,
    Queried(wanted): Queried<Wanted>,
) -> Answer {
    let mut reader = web.installation.db.reader();
    let tiles = access::tiles(&mut reader, person.id()).await?;
    let used = last_uses(&mut reader, person.id(), LOOKED_THROUGH).await?;
    let now = person.ctx.now();
    let by_id: HashMap<ApplicationId, &Application> = tiles.iter().map(|tile| (tile.id, tile)).collect();
    let lately = used.iter().filter_map(|(id, at)| {
        by_id.get(id).map(|application| lately_tile(&web.installation.catalog, application, *at, now))
    });
    let needle = wanted.q.trim().to_lowercase();
    let matches = |application: &&Application| {
        application.label.to_lowercase().contains(&needle)
            || application.description.to_lowercase().contains(&needle)
    };
    page(&PortalPage {
        shell: person.shell(&web, "Your applications", Nav::Portal).await,
        query: wanted.q.trim().to_owned(),
        lately: lately.take(LATELY).collect(),
        total: tiles.len(),
        tiles: tiles
            .iter()
            .filter(matches)
            .map(|application| tile(&web.installation.catalog, application, application.description.clone()))
            .collect(),
    })
}

fn tile(catalog: &Catalog, application: &Application, line: String) -> Tile {
    Tile { mark: application::mark(catalog, application), line, href: urls::idp(&application.slug) }
}

fn lately_tile(catalog: &Catalog, application: &Application, at: Timestamp, now: Timestamp) -> Tile {
    tile(catalog, application, time::when(at, now).text)
}
