//! Samples of the portal and the account page.

use crate::base::accent::Accent;
use crate::web::pages::account::{AccountPage, SessionRow};
use crate::web::pages::parts::Tone;
use crate::web::pages::portal::{PortalPage, Tile};
use crate::web::pages::samples::{Drawn, Samples, draw};
use crate::web::pages::shell::{Nav, Shell};

const TILES: &[(&str, &str, Accent)] = &[
    ("Aqueduct", "Build and deploy pipelines", Accent::Verdigris),
    ("Expense desk", "Claims and company cards", Accent::Olive),
    ("Forum", "Ask anyone, find an answer", Accent::Lapis),
    ("Grafana", "Dashboards for operations", Accent::Ochre),
    ("Heap", "Product analytics", Accent::Egyptian),
    ("Interact", "The intranet: news, people, policies", Accent::Cinnabar),
    ("Learning", "Courses and certificates", Accent::Iris),
    ("Recipes and formulas", "Food laboratory records", Accent::Porphyry),
    ("Service desk", "Report a fault, request a device", Accent::Serpentine),
];

impl Samples {
    pub(super) fn person(&self, drawn: &mut Drawn) {
        draw(drawn, "portal", &self.portal("", TILES.len()));
        let mut console = self.portal("gra", 1);
        console.shell = self.person_shell("Your applications", Nav::Portal, true);
        draw(drawn, "portal-search", &console);
        draw(drawn, "portal-none", &self.portal("zzz", 0));
        let empty = PortalPage { total: 0, lately: Vec::new(), ..self.portal("", 0) };
        draw(drawn, "portal-empty", &empty);
        draw(drawn, "account", &self.account());
        let mut failed = self.account();
        failed.shell =
            self.wrong(failed.shell, &[("current_password", "That is not your present password.")]);
        draw(drawn, "account-failed", &failed);
    }

    fn tile(&self, name: &str, line: &str, accent: Accent) -> Tile {
        Tile { mark: self.mark(name, accent), line: self.t(line), href: self.t("/saml2/heap") }
    }

    fn portal(&self, query: &str, shown: usize) -> PortalPage {
        let mut tiles: Vec<Tile> =
            TILES.iter().take(shown).map(|(name, line, accent)| self.tile(name, line, *accent)).collect();
        if let Some(tile) = tiles.first_mut() {
            tile.mark.logo = Some(self.t("/static/favicon.svg"));
        }
        PortalPage {
            shell: self.person_shell("Your applications", Nav::Portal, false),
            query: if query.is_empty() { String::new() } else { self.t(query) },
            lately: vec![
                self.tile("Heap", "10 minutes ago", Accent::Egyptian),
                self.tile("Interact", "Today, 08:52", Accent::Cinnabar),
                self.tile("Aqueduct", "Yesterday", Accent::Verdigris),
                self.tile("Learning", "Monday", Accent::Iris),
            ],
            tiles,
            total: TILES.len(),
        }
    }

    pub(super) fn sessions(&self) -> Vec<SessionRow> {
        let row = |device: &str, phone, address: &str, seen: &str, current| SessionRow {
            device: self.t(device),
            phone,
            how: self.t("Signed in with a password"),
            address: self.t(address),
            seen: self.when("2026-06-12T07:30:00Z", seen),
            current,
            end_action: self.t("/account/sessions/01978c4c-90b1-7a36-8f51-2d77c0a9e3b4/end"),
        };
        vec![
            row("Firefox on Linux", false, "192.0.2.14", "Now", true),
            row("Safari on iPhone", true, "198.51.100.7", "Today, 07:30", false),
            row("Chrome on Windows", false, "203.0.113.90", "2 June", false),
        ]
    }

    fn account(&self) -> AccountPage {
        let shell = self.person_shell("Livia Ferrante", Nav::Account, false);
        let banner = self.banner(Tone::Ok, "Password changed", "You are signed out on your other devices.");
        AccountPage {
            shell: Shell { banners: vec![banner], ..shell },
            meta: self.list(&["livia.ferrante@meridian.example", "Brand manager, Marketing"]),
            facts: self.facts(&[
                ("Username", "livia.ferrante"),
                ("E-mail", "livia.ferrante@meridian.example"),
                ("Job title", "Brand manager"),
                ("Department", "Marketing"),
                ("Manager", "Priya Nair"),
                ("Location", "Bologna"),
            ]),
            username: self.t("livia.ferrante"),
            password_changed: self.t("Changed 9 months ago."),
            password_min: 15,
            sessions: self.sessions(),
        }
    }
}
