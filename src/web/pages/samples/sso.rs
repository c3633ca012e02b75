//! Samples of the SSO tab.

use crate::web::pages::application::Tab;
use crate::web::pages::application_sso::{
    AcsRow, ApplicationPreviewPage, ApplicationSsoPage, AttributeRow, BookmarkPage, CertificateCard,
    EarlierKey, FindingLine, IdpValues, KeyPanel, NextKey, PlaceholderField, Previewed, PreviewedAttribute,
    ProfilePanel, SloValues, SpCertificate, SpMetadataPage, SsoValues, UrlPiece, UrlPreview,
};
use crate::web::pages::parts::{Change, Choice, Decision, Fact, Tone};
use crate::web::pages::samples::{Drawn, Samples, draw};
use crate::web::pages::setup_steps::{LiveValue, Steps};
use crate::web::pages::shell::Nav;
use crate::web::pages::sp_source::EntityChoice;

const STEPS: &str =
    "1. In Heap open **Account > Manage > Account settings**. Copy your **Heap ID** into the field here.
2. Open **Single sign-on** and choose **Custom SAML**.
3. *Remote login URL*: paste {idp_url}.
4. *SAML identity provider certificate*: paste {certificate_pem}.
5. Save in Heap, come back, and press **Activate**.";

impl Samples {
    pub(super) fn sso(&self, drawn: &mut Drawn) {
        draw(drawn, "application-sso", &self.sso_page());
        draw(drawn, "application-sso-active", &self.sso_active());
        let mut wrong = self.sso_page();
        wrong.shell = self.wrong(
            wrong.shell,
            &[
                ("placeholders.YOUR_ENV", "Small letters, digits and dashes only, for example production."),
                ("acs_urls.1.url", "Start it with https://"),
                ("attributes.4.name", "There is a row of this name already."),
                ("attributes.5.by_group", "Line 2 has no = in it. Write group = value."),
            ],
        );
        draw(drawn, "application-sso-wrong", &wrong);
        draw(drawn, "sp-metadata", &self.sp_metadata());
        let several = SpMetadataPage {
            choice: Some(EntityChoice {
                search: String::new(),
                lead: self.t("The metadata describes several service providers."),
                entities: vec![
                    Choice::new(self.t("https://a.example/sp"), self.t("https://a.example/sp"), false),
                    Choice::new(self.t("https://b.example/sp"), self.t("https://b.example/sp"), false),
                ],
            }),
            ..self.sp_metadata()
        };
        draw(drawn, "sp-metadata-several", &several);
        draw(drawn, "bookmark", &self.bookmark());
        draw(drawn, "application-preview", &self.preview());
        let shell = self.wrong(self.preview().shell, &[("person", "There is nobody of that name.")]);
        let unknown = ApplicationPreviewPage { shell, previewed: None, ..self.preview() };
        draw(drawn, "application-preview-unknown", &unknown);
        let missing = vec![self.link("Heap ID is empty. It stands in: ACS URL", "/admin/applications/x/sso")];
        let missing = ApplicationPreviewPage { missing, previewed: None, ..self.preview() };
        draw(drawn, "application-preview-missing", &missing);
    }

    fn preview(&self) -> ApplicationPreviewPage {
        let attribute = |name: &str, friendly: &str, values: &[&str]| PreviewedAttribute {
            name: self.t(name),
            friendly_name: if friendly.is_empty() { String::new() } else { self.t(friendly) },
            values: values.iter().map(|value| self.t(value)).collect(),
        };
        ApplicationPreviewPage {
            shell: self.console_shell("Heap: preview", Nav::Applications),
            app: self.head(Tab::Sso, self.status(Tone::Ok, "Active")),
            person: self.t("livia"),
            missing: Vec::new(),
            previewed: Some(Previewed {
                name: self.t("Livia Ferrante"),
                verdict: self.t("She can open it through Marketing."),
                refused: false,
                facts: self.facts(&[
                    ("NameID", "livia@meridian.example"),
                    ("Audience", "https://heap.example/production"),
                ]),
                attributes: vec![
                    attribute("email", "", &["livia@meridian.example"]),
                    attribute("groups", "Groups", &["heap-editors", "heap-viewers"]),
                ],
                xml: self.t(
                    "<saml:Assertion>\n  <saml:Issuer>https://id.example</saml:Issuer>\n</saml:Assertion>",
                ),
            }),
        }
    }

    fn piece(&self, text: &str, token: &str, filled: bool) -> UrlPiece {
        let token = if token.is_empty() { String::new() } else { self.t(token) };
        UrlPiece { text: self.t(text), token, filled }
    }

    pub(super) fn placeholders(&self, filled: bool) -> Vec<PlaceholderField> {
        let env = if filled { "production" } else { "YOUR_ENV" };
        let acs = || UrlPreview {
            label: self.t("ACS URL"),
            pieces: vec![
                self.piece("https://heap.example/saml/acs/", "", true),
                self.piece("3816204975", "YOUR_ID", true),
                self.piece("?env=", "", true),
                self.piece(env, "YOUR_ENV", filled),
            ],
        };
        let entity = UrlPreview {
            label: self.t("SP entity ID"),
            pieces: vec![self.piece("https://heap.example/", "", true), self.piece(env, "YOUR_ENV", filled)],
        };
        vec![
            PlaceholderField {
                token: "YOUR_ID".to_owned(),
                label: self.t("Heap ID"),
                help: self.t("In Heap: Account › Manage › Account settings. Digits only."),
                value: self.t("3816204975"),
                example: self.t("1234567890"),
                pattern: self.t("[0-9]+"),
                used_in: vec![acs()],
            },
            PlaceholderField {
                token: "YOUR_ENV".to_owned(),
                label: self.t("Heap environment"),
                help: self.t("The name after “env=” in Heap’s address bar."),
                value: if filled { self.t("production") } else { String::new() },
                example: self.t("production"),
                pattern: self.t("[a-z0-9-]+"),
                used_in: vec![entity, acs()],
            },
        ]
    }

    fn attribute(&self, name: &str, kind: &str, value: &str, fixed: bool) -> AttributeRow {
        let value_of = |wanted: &str| if kind == wanted { self.t(value) } else { String::new() };
        AttributeRow {
            name: if name.is_empty() { String::new() } else { self.t(name) },
            fixed,
            jit: fixed,
            enabled: name != "role",
            kind: kind.to_owned(),
            source: if kind == "source" { value.to_owned() } else { "email".to_owned() },
            constant: value_of("constant"),
            include: value_of("groups"),
            by_group: value_of("by_group"),
            name_format: "basic".to_owned(),
            ..AttributeRow::default()
        }
    }

    fn sso_values(&self) -> SsoValues {
        SsoValues {
            idp_entity_id: self.t("https://id.meridian.example/saml2/heap/metadata"),
            sp_entity_id: self.t("https://heap.example/YOUR_ENV"),
            name_id_formats: self.choices(
                &[
                    ("emailAddress", "E-mail address"),
                    ("persistent", "Persistent"),
                    ("unspecified", "Unspecified"),
                ],
                "emailAddress",
            ),
            name_id_sources: self.choices(&[("email", "E-mail"), ("username", "Username")], "email"),
            login_url: String::new(),
            default_relay_state: self.t("https://heap.example/app/YOUR_ID"),
            relay_states: String::new(),
            sign: vec![
                Choice::explained("response", self.t("Response"), self.t("The envelope"), false),
                Choice::explained("assertion", self.t("Assertion"), self.t("What Heap expects"), true),
                Choice::explained("both", self.t("Both"), self.t("Strictest"), false),
            ],
            signature_algorithms: self
                .choices(&[("rsa-sha256", "RSA-SHA256"), ("rsa-sha512", "RSA-SHA512")], "rsa-sha256"),
            require_signed_requests: false,
            encrypt_assertion: true,
            encrypt_name_id: false,
            encryption_algorithms: self
                .choices(&[("aes256-gcm", "AES-256-GCM"), ("aes128-gcm", "AES-128-GCM")], "aes256-gcm"),
            key_transports: self.choices(
                &[("rsa-oaep-mgf1p", "RSA-OAEP (SHA-1)"), ("rsa-oaep-sha256", "RSA-OAEP (SHA-256)")],
                "rsa-oaep-mgf1p",
            ),
            idp_initiated: self
                .choices(&[("on", "Sign in at once"), ("confirm", "Ask first"), ("off", "Refuse")], "on"),
            deny_to: self.choices(&[("page", "Say so here"), ("sp", "Tell the application")], "page"),
            authn_contexts: self.t("https://refeds.org/profile/sfa"),
            sign_error_responses: false,
            redirect_enveloped_signature: false,
            subject_identifiers: self.choices(
                &[("none", "None"), ("pairwise-id", "pairwise-id (another at each application)")],
                "none",
            ),
            omit_name_id: false,
            ecp: false,
            slo: SloValues {
                redirect_url: self.t("https://heapanalytics.com/saml/YOUR_ID/logout"),
                ..SloValues::default()
            },
        }
    }

    fn certificate(&self) -> CertificateCard {
        let mut facts = self.facts(&[("Valid until", "18 August 2028 (2 years left)"), ("Key", "RSA 2048")]);
        facts.facts.push(Fact::mono(
            self.t("SHA-256"),
            self.t("9C:41:7E:02:B8:D5:63:1F:77:40:A2:5C:10:E9:3B:88:A4:0E"),
        ));
        CertificateCard {
            facts,
            from: self.t("18 Aug 2025"),
            until: self.t("18 Aug 2028"),
            days_used: 298,
            days_total: 1095,
            ends_soon: false,
        }
    }

    fn keys(&self) -> KeyPanel {
        let decision = |id: &str, button: &str, title: &str| Decision {
            id: id.to_owned(),
            action: self.t("/admin/applications/1/sso/keys/2/promote"),
            button: self.t(button),
            title: self.t(title),
            effects: vec![self.t("From the next sign-on on, Heap must know the certificate 1B:F0:55:A9….")],
            confirm: self.t("Switch"),
            cancel: self.t("Leave it"),
            cancel_href: self.t("/admin/applications/1/sso"),
            ..Decision::default()
        };
        let facts = self.facts(&[("Valid until", "12 June 2029 (3 years left)"), ("Key", "RSA 2048")]);
        KeyPanel {
            current: self.certificate(),
            next: Some(NextKey {
                facts: facts.clone(),
                published: true,
                fetched: vec![self.t("203.0.113.7 (python-requests/2.31), 2 hours ago")],
                download: self.t("/admin/applications/1/sso/keys/2/certificate.pem"),
                publish: self.t("/admin/applications/1/sso/keys/2/publish"),
                withdraw: self.t("/admin/applications/1/sso/keys/2/withdraw"),
                trial: Some(self.t("/admin/applications/1/sso/keys/2/test")),
                promotion: decision("promote-2", "Switch to this one…", "Sign for Heap with the next key?"),
                deletion: decision("delete-2", "Delete…", "Delete this key of Heap?"),
            }),
            earlier: vec![EarlierKey {
                facts,
                published: true,
                back: None,
                publish: self.t("/admin/applications/1/sso/keys/3/publish"),
                withdraw: self.t("/admin/applications/1/sso/keys/3/withdraw"),
                deletion: decision("delete-3", "Delete…", "Delete this key of Heap?"),
            }],
            key_types: self.choices(&[("rsa-2048", "RSA 2048"), ("ecdsa-p256", "ECDSA P-256")], "rsa-2048"),
        }
    }

    fn idp_values(&self) -> IdpValues {
        IdpValues {
            url: self.t("https://id.meridian.example/saml2/heap"),
            metadata_url: self.t("https://id.meridian.example/saml2/heap/metadata"),
            metadata_download: self.t("https://id.meridian.example/saml2/heap/metadata?download=1"),
            metadata_file: self.t("tessera-heap-metadata.xml"),
            certificate_download: self.t("https://id.meridian.example/saml2/heap/certificate.pem"),
            logout_url: self.t("https://id.meridian.example/saml2/heap/logout"),
            certificate_pem: self
                .t("-----BEGIN CERTIFICATE-----\nMIIEITCCAomgAwIBAgIUQ3…\n-----END CERTIFICATE-----"),
        }
    }

    fn steps(&self) -> Steps {
        let idp = self.idp_values();
        let values = [
            LiveValue { name: "idp_url", label: "IdP URL", value: idp.url },
            LiveValue { name: "certificate_pem", label: "Certificate", value: idp.certificate_pem },
        ];
        Steps::from_markdown(STEPS, &values)
    }

    fn deactivation(&self) -> Decision {
        Decision {
            id: "deactivate".to_owned(),
            action: self.t("/admin/applications/x/sso/deactivate"),
            button: self.t("Deactivate…"),
            title: self.t("Switch off sign-on to Heap?"),
            effects: self.list(&[
                "145 people can no longer sign in to it, and its tile disappears. Those who are inside stay until Heap signs them out.",
                "Its address, key and settings are kept. Activate it again at any time.",
            ]),
            confirm: self.t("Deactivate"),
            cancel: self.t("Keep it on"),
            cancel_href: self.t("/admin/applications/x/sso"),
            ..Decision::default()
        }
    }

    fn sso_page(&self) -> ApplicationSsoPage {
        ApplicationSsoPage {
            shell: self.console_shell("Heap: SSO", Nav::Applications),
            app: self.head(Tab::Sso, self.status(Tone::Draft, "Draft")),
            active: false,
            deactivation: self.deactivation(),
            missing: vec![self.link(
                "Heap environment is empty. It stands in: ACS URL, SP entity ID",
                "#f-placeholders-YOUR-ENV",
            )],
            findings: vec![FindingLine {
                tone: Tone::Warn,
                grade: self.t("Warning"),
                message: self.t("Our certificate for it ends on 2026-08-18, in 34 days."),
                repair: self.t("Make the next key and give it to the application in time."),
                href: String::new(),
            }],
            profile: ProfilePanel {
                status: self.status(Tone::Warn, "saml2int, not kept to"),
                application: Some(Decision {
                    id: "profile-saml2int".to_owned(),
                    button: self.t("Apply saml2int…"),
                    title: self.t("Set up Heap as saml2int demands?"),
                    effects: self.list(&["What is signed: both instead of assertion."]),
                    ..self.deactivation()
                }),
                leaving: None,
            },
            testable: false,
            placeholders: self.placeholders(false),
            values: self.sso_values(),
            acs_urls: vec![
                AcsRow {
                    url: self.t("https://heap.example/saml/acs/YOUR_ID?env=YOUR_ENV"),
                    index: self.t("0"),
                    default: true,
                    binding: self.t("post"),
                },
                AcsRow { index: self.t("1"), ..AcsRow::default() },
            ],
            attributes: vec![
                self.attribute("email", "source", "email", true),
                self.attribute("firstName", "source", "first_name", true),
                self.attribute("role", "constant", "Analyst", true),
                self.attribute("department", "source", "department", false),
                self.attribute("groups", "groups", "heap-*", false),
                self.attribute("tier", "by_group", "Marketing = editor\n* = viewer", false),
                self.attribute("", "source", "email", false),
            ],
            asks_for: self.list(&["mail (required)", "displayName"]),
            properties: self.choices(
                &[
                    ("email", "E-mail"),
                    ("first_name", "First name"),
                    ("last_name", "Last name"),
                    ("department", "Department"),
                ],
                "",
            ),
            sp_certificates: Vec::new(),
            certificate_uses: self
                .choices(&[("both", "Signatures and encryption"), ("signing", "Signatures only")], "both"),
            keys: self.keys(),
            source: None,
            idp: self.idp_values(),
            steps: self.steps(),
            steps_source: self.t("Steps checked against Heap’s help centre, “SAML single sign-on”."),
        }
    }

    fn sso_active(&self) -> ApplicationSsoPage {
        let mut removal = self.deactivation();
        "remove-certificate-1".clone_into(&mut removal.id);
        removal.button = self.t("Remove…");
        removal.title = self.t("Remove this certificate of Heap?");
        let mut page = self.sso_page();
        page.shell = self.toast(page.shell, "Heap is active. 145 people can sign in.");
        page.app.status = self.status(Tone::Ok, "Active");
        page.active = true;
        page.missing.clear();
        page.testable = true;
        page.placeholders = self.placeholders(true);
        page.keys.current.ends_soon = true;
        page.keys.current.days_used = 1040;
        page.values.require_signed_requests = true;
        page.sp_certificates = vec![SpCertificate {
            subject: self.t("CN=Heap SAML, O=Heap Inc."),
            uses: self.list(&["Signatures", "Encryption"]),
            facts: self.facts(&[("Valid until", "3 May 2026"), ("SHA-256", "1B:F0:55:A9:37:CC:80:E2")]),
            expired: true,
            removal,
        }];
        page.source = Some(self.source_card());
        page.steps = Steps::default();
        page
    }

    fn sp_metadata(&self) -> SpMetadataPage {
        let change = |field: &str, old: Option<&str>, new: Option<&str>| Change {
            field: self.t(field),
            old: old.map(|text| self.t(text)),
            new: new.map(|text| self.t(text)),
        };
        SpMetadataPage {
            shell: self.console_shell("Heap: SP metadata", Nav::Applications),
            app: self.head(Tab::Sso, self.status(Tone::Ok, "Active")),
            crumbs: self.crumbs(&[("Applications", "/admin/applications")], "Heap"),
            entity_id: self.t("https://heap.example/production"),
            choice: None,
            changes: vec![
                change(
                    "ACS URL 0",
                    Some("https://heap.example/saml/acs/1"),
                    Some("https://heap.example/saml/acs/2"),
                ),
                change("ACS URL 1", None, Some("https://heap.example/saml/acs/backup")),
                change("Certificate", Some("1B:F0:55:A9"), None),
            ],
            notes: self.list(&[
                "It asks for the encryption of assertions. That is not available yet, and was left out.",
            ]),
            document: self.t("<EntityDescriptor entityID=\"https://heap.example/production\"/>"),
        }
    }

    fn bookmark(&self) -> BookmarkPage {
        let mut app = self.head(Tab::Sso, self.status(Tone::Ok, "Active"));
        app.bookmark = true;
        app.connector = self.t("Bookmark");
        app.address = String::new();
        BookmarkPage {
            shell: self.wrong(
                self.console_shell("Expense desk", Nav::Applications),
                &[("bookmark_url", "Start it with https://")],
            ),
            app,
            active: true,
            deactivation: self.deactivation(),
            bookmark_url: self.t("expenses.meridian.example"),
        }
    }
}
