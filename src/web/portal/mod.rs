//! The portal: a person's tiles, and the pictures on them.

mod logo;
mod tiles;

use crate::base::urls;
use crate::web::routes::Routes;

/// The routes of this module.
pub(in crate::web) fn routes() -> Routes {
    Routes::new()
        .get(urls::portal(), tiles::portal)
        .get(&urls::application_logo("{application}"), logo::picture)
}
