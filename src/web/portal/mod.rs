//! The portal: the wall of tiles, and the pictures on them.

mod logo;
mod tiles;

use crate::base::urls;
use crate::web::routes::Routes;

/// The routes of the portal.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .get(urls::portal(), tiles::show_portal)
        .get(&urls::application_logo("{application}"), logo::send_logo)
}
