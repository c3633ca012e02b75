//! Samples of metadata by address.

use crate::web::pages::application::Tab;
use crate::web::pages::parts::{Change, Choice, Decision, Tone};
use crate::web::pages::samples::{Drawn, Samples, draw};
use crate::web::pages::shell::Nav;
use crate::web::pages::sp_source::{EntityChoice, SourceCard, SpSourceChangesPage, SpSourcePage};

impl Samples {
    pub(super) fn sp_source(&self, drawn: &mut Drawn) {
        draw(drawn, "sp-source", &self.source_form());
        let shell = self.wrong(
            self.source_form().shell,
            &[
                ("metadata_url", "There is no address for heap.example. Check the spelling."),
                ("certificate", "This is not a certificate. Paste it in PEM."),
            ],
        );
        draw(drawn, "sp-source-wrong", &SpSourcePage { shell, ..self.source_form() });
        draw(drawn, "sp-source-changes", &self.source_changes());
        let waiting = SpSourceChangesPage {
            discard: Some(self.t("/admin/applications/x/sso/metadata/discard")),
            ..self.source_changes()
        };
        draw(drawn, "sp-source-waiting", &waiting);
        let several = SpSourceChangesPage {
            choice: Some(EntityChoice {
                search: self.t("example"),
                lead: self.t("The metadata describes several service providers."),
                entities: vec![
                    Choice::new(self.t("https://a.example/sp"), self.t("https://a.example/sp"), false),
                    Choice::new(self.t("https://b.example/sp"), self.t("https://b.example/sp"), false),
                ],
            }),
            changes: Vec::new(),
            ..self.source_changes()
        };
        draw(drawn, "sp-source-several", &several);
    }

    /// A source that fails.
    pub(super) fn source_card(&self) -> SourceCard {
        SourceCard {
            status: self.status(Tone::Warn, "Failing"),
            facts: self.facts(&[
                ("Address", "https://heap.example/saml/metadata.xml"),
                ("Signature", "Signed with the key of CN=Heap metadata"),
                ("Last fetched", "Yesterday, 17:02"),
                ("Result", "heap.example took too long. Try again later. It is so since today at 03:10 UTC."),
                ("Next fetch", "today at 10:40 UTC"),
            ]),
            removal: Decision {
                id: "forget-source".to_owned(),
                action: self.t("/admin/applications/x/sso/metadata/remove"),
                button: self.t("Stop fetching…"),
                title: self.t("Stop fetching Heap’s metadata?"),
                effects: self.list(&["What was taken over from it stays as it is."]),
                confirm: self.t("Stop fetching"),
                cancel: self.t("Keep fetching"),
                cancel_href: self.t("/admin/applications/x/sso"),
                ..Decision::default()
            },
        }
    }

    fn source_form(&self) -> SpSourcePage {
        SpSourcePage {
            shell: self.console_shell("Heap: SP metadata", Nav::Applications),
            app: self.head(Tab::Sso, self.status(Tone::Ok, "Active")),
            url: self.t("https://heap.example/saml/metadata.xml"),
            certificate: self.t("-----BEGIN CERTIFICATE-----"),
        }
    }

    fn source_changes(&self) -> SpSourceChangesPage {
        let change = |field: &str, old: Option<&str>, new: Option<&str>| Change {
            field: self.t(field),
            old: old.map(|text| self.t(text)),
            new: new.map(|text| self.t(text)),
        };
        SpSourceChangesPage {
            shell: self.console_shell("Heap: SP metadata", Nav::Applications),
            app: self.head(Tab::Sso, self.status(Tone::Ok, "Active")),
            url: self.t("https://heap.example/saml/metadata.xml"),
            action: self.t("/admin/applications/x/sso/metadata/url"),
            carried: vec![("revision".to_owned(), self.t("0f"))],
            choice: None,
            changes: vec![
                change("ACS URL 0", Some("https://heap.example/acs/1"), Some("https://heap.example/acs/2")),
                change("Certificate", Some("1B:F0:55:A9"), None),
            ],
            notes: self.list(&["This certificate has expired. It still works."]),
            discard: None,
        }
    }
}
