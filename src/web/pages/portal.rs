//! The portal: the wall of tiles.

use askama::Template;

use crate::base::urls;
use crate::web::pages::parts::Mark;
use crate::web::pages::shell::Shell;

/// `GET /`, signed in. `?q=` searches without JavaScript.
#[derive(Template)]
#[template(path = "person/portal.html")]
pub struct PortalPage {
    /// Around the page.
    pub shell: Shell,
    /// What was searched for; empty for all.
    pub query: String,
    /// The last four used, newest first. The page shows them only with five tiles or more and no search.
    pub lately: Vec<Tile>,
    /// All tiles that match, A to Z.
    pub tiles: Vec<Tile>,
    /// How many the person has altogether.
    pub total: usize,
}

/// One tile.
#[derive(Clone)]
pub struct Tile {
    /// The application's mark.
    pub mark: Mark,
    /// Its description, or when it was last used: one short line, may be empty.
    pub line: String,
    /// The IdP URL of it (`urls::idp(slug)`), or the bookmark's own path here.
    pub href: String,
}

impl PortalPage {
    fn shows_lately(&self) -> bool {
        self.total >= 5 && self.query.is_empty() && !self.lately.is_empty()
    }
}
