//! Samples of a connector that is written, and of a later version of one.

use crate::web::pages::application::Tab;
use crate::web::pages::connector_new::{ConnectorForm, ConnectorNewPage, WrittenConnector};
use crate::web::pages::connector_upgrade::{ConnectorUpgradePage, OfferedField};
use crate::web::pages::parts::{Change, Choice, Tone};
use crate::web::pages::samples::{Drawn, Samples, draw};
use crate::web::pages::shell::Nav;

impl Samples {
    pub(super) fn connector_pages(&self, drawn: &mut Drawn) {
        draw(drawn, "connector-new", &ConnectorNewPage { written: None, ..self.written() });
        draw(drawn, "connector-new-written", &self.written());
        draw(drawn, "connector-upgrade", &self.offered());
        let shell = self.wrong(
            self.offered().shell,
            &[("placeholders.YOUR_ENV", "Small letters, digits and dashes only, for example production.")],
        );
        draw(drawn, "connector-upgrade-wrong", &ConnectorUpgradePage { shell, ..self.offered() });
        let texts = ConnectorUpgradePage { choices: Vec::new(), placeholders: Vec::new(), ..self.offered() };
        draw(drawn, "connector-upgrade-texts", &texts);
    }

    fn written(&self) -> ConnectorNewPage {
        ConnectorNewPage {
            shell: self.console_shell("Write a connector", Nav::Catalog),
            crumbs: self.crumbs(&[("Catalog", "/admin/catalog")], "Write a connector"),
            form: ConnectorForm {
                name: self.t("Acme"),
                id: self.t("acme"),
                description: self.t("Rockets"),
                homepage: self.t("https://acme.example"),
                categories: vec![Choice::new(self.t("analytics"), self.t("Analytics"), true)],
                entity_id: self.t("https://globex.acme.example"),
                acs_url: self.t("https://globex.acme.example/saml"),
                own_part: self.t("globex"),
                scim_url: self.t("https://globex.acme.example/scim"),
            },
            written: Some(WrittenConnector {
                path: self.t("a/acme.yaml"),
                text: self.t("id: acme"),
                faults: self.list(&["Line 3: This is no address."]),
            }),
        }
    }

    fn offered(&self) -> ConnectorUpgradePage {
        let change = |field: &str, old: Option<&str>, new: Option<&str>| Change {
            field: self.t(field),
            old: old.map(|text| self.t(text)),
            new: new.map(|text| self.t(text)),
        };
        ConnectorUpgradePage {
            shell: self.console_shell("Heap: Connector", Nav::Applications),
            app: self.head(Tab::General, self.status(Tone::Ok, "Active")),
            from: 1,
            to: 2,
            revision: self.t("0f"),
            choices: vec![
                OfferedField {
                    field: self.t("sso.acs_urls"),
                    label: self.t("ACS URLs"),
                    chosen: true,
                    own: false,
                    note: self.t("The token does not go to another address."),
                    changes: vec![change(
                        "ACS URL",
                        Some("https://heapanalytics.com/saml/finish/YOUR_ID/ (index 0, default)"),
                        Some("https://heapanalytics.com/saml/finalize/YOUR_ID/ (index 0, default)"),
                    )],
                    before: Vec::new(),
                },
                OfferedField {
                    field: self.t("sso.attributes.team"),
                    label: self.t("Attribute team"),
                    chosen: false,
                    own: true,
                    note: String::new(),
                    changes: vec![change("Attribute team", Some("Location"), None)],
                    before: self.list(&["Department"]),
                },
            ],
            placeholders: self.placeholders(false),
            fixed: vec![change(
                "The steps for single sign-on",
                Some("1. Open it."),
                Some("1. Open the settings."),
            )],
        }
    }
}
