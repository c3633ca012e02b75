//! Samples of the tab *Identity management* and the pages beside it.

use crate::web::pages::application::Tab;
use crate::web::pages::application_provisioning::{
    ApplicationProvisioningPage, ClientCertificate, ComparisonPage, DifferenceLine, DryRunLine, DryRunPage,
    EntryLine, KindLink, MappingForm, MappingRow, ProofForm, ProvisioningPreviewPage, ProvisioningStatePage,
    RequestLine, SettingsForm, Standing,
};
use crate::web::pages::parts::{Choice, Decision, Fact, Facts, Tone};
use crate::web::pages::provisioning_import::{ImportRun, ProvisioningImportPage, RemoteLine};
use crate::web::pages::samples::{Drawn, Samples, draw};
use crate::web::pages::setup_steps::Steps;
use crate::web::pages::shell::Nav;

impl Samples {
    pub(super) fn provisioning(&self, drawn: &mut Drawn) {
        draw(drawn, "application-provisioning", &self.provisioning_page());
        draw(drawn, "application-provisioning-new", &self.provisioning_new());
        let mut wrong = self.provisioning_new();
        wrong.shell = self.wrong(
            wrong.shell,
            &[
                ("placeholders.YOUR_ID", "Digits only, for example 1234567890."),
                ("base_url", "Start it with https://"),
                ("ca_certificate", "Give the authority's certificate in PEM."),
                ("token", "A token has no spaces."),
            ],
        );
        draw(drawn, "application-provisioning-wrong", &wrong);
        let mut mapping = self.provisioning_page();
        mapping.shell = self.wrong(
            mapping.shell,
            &[
                ("mappings.1.by_group", "Line 2 has no = in it. Write group = value."),
                ("mappings", "userName is required. Put its row back."),
                ("add", "Choose an attribute from the list."),
            ],
        );
        draw(drawn, "application-provisioning-mapping-wrong", &mapping);
        draw(drawn, "provisioning-dry-run", &self.dry_run());
        let nothing = DryRunPage { carried: None, steps: Vec::new(), ..self.dry_run() };
        draw(drawn, "provisioning-dry-run-nothing", &nothing);
        draw(drawn, "provisioning-preview", &self.provisioning_preview());
        let fault = self.t("Mara has no value for userName.");
        let without = ProvisioningPreviewPage { fault, ..self.provisioning_preview() };
        draw(drawn, "provisioning-preview-fault", &without);
        draw(drawn, "provisioning-state", &self.provisioning_state());
        draw(drawn, "provisioning-comparison", &self.comparison());
        draw(drawn, "provisioning-import", &self.import());
        let running = ImportRun { running: true, ..self.import().run.unwrap_or_default() };
        draw(
            drawn,
            "provisioning-import-running",
            &ProvisioningImportPage { run: Some(running), ..self.import() },
        );
        let first = ProvisioningImportPage { run: None, read: String::new(), ..self.import() };
        draw(drawn, "provisioning-import-first", &first);
    }

    fn mapping_row(&self, scim: &str, remote: &str, required: bool) -> MappingRow {
        MappingRow {
            scim: self.t(scim),
            remote: self.t(remote),
            required,
            note: if required { self.t("Heap never lets it change") } else { String::new() },
            enabled: true,
            kind: "source".to_owned(),
            source: self.t("email"),
            constant: self.t("a constant"),
            by_group: self.t("heap-admins = Admin\n* = Analyst"),
            transforms: self.t("lower"),
            ..MappingRow::default()
        }
    }

    fn entry(&self, name: &str, message: &str) -> EntryLine {
        EntryLine {
            kind: "user".to_owned(),
            id: self.t("0190"),
            name: self.link(name, "/admin/users/0190"),
            initials: self.t("TH"),
            status: self.status(Tone::Danger, "Failed"),
            change: self.t("Change the account"),
            message: self.t(message),
            code: self.t("scim_uniqueness"),
            since: self.when("2026-06-12T09:38:00Z", "Today, 09:38"),
            next: self.t("It waits for you."),
            asked: self.t("5f2a"),
            asked_for: self.t("{\n  \"userName\": \"hanna\"\n}"),
            can_retry: true,
        }
    }

    fn provisioning_new(&self) -> ApplicationProvisioningPage {
        let explained = |value: &str, label: &str, help: &str, chosen: bool| {
            Choice::explained(value, self.t(label), self.t(help), chosen)
        };
        ApplicationProvisioningPage {
            shell: self.console_shell("Heap: identity management", Nav::Applications),
            app: self.head(Tab::Provisioning, self.status(Tone::Ok, "Active")),
            active: false,
            usable: false,
            deactivation: None,
            standing: None,
            troubles: Vec::new(),
            troubles_title: String::new(),
            waiting: Vec::new(),
            waiting_title: String::new(),
            waiting_all: Vec::new(),
            settings: SettingsForm {
                base_url: self.t("https://heap.example/scim/v2/YOUR_ID"),
                base_url_help: self.t("The connector knows its shape."),
                resolved_url: String::new(),
                manage_groups: true,
                groups_offered: true,
                on_user_delete: vec![
                    explained("suspend", "Suspend", "Keeps their work in Heap", true),
                    explained("delete", "Delete", "Can’t be undone", false),
                    explained("nothing", "Do nothing", "You tidy up in Heap", false),
                ],
                confirm_delete: false,
                require_approval: vec![
                    explained("create", "an account is made", "Taking over counts too.", true),
                    explained("delete", "an account is deleted", "", false),
                ],
                mass_change_count: self.t("20"),
                mass_change_percent: self.t("10"),
                mails: true,
                ca_certificate: String::new(),
            },
            proof: ProofForm {
                kinds: vec![
                    Choice::new("bearer", self.t("Token"), true),
                    Choice::new("basic", self.t("Username and password"), false),
                    Choice::new("oauth2_client_credentials", self.t("OAuth 2"), false),
                ],
                ..ProofForm::default()
            },
            certificate: None,
            placeholders: self.placeholders(false).into_iter().take(1).collect(),
            version: 0,
            mapping: MappingForm::default(),
            hints: self.list(&["Heap never changes userName once set."]),
            steps: Steps::from_markdown(&self.t("1. In Heap switch on **SCIM**.\n2. Make a token."), &[]),
            steps_source: self.t("Steps checked against: Heap’s help centre"),
        }
    }

    fn provisioning_page(&self) -> ApplicationProvisioningPage {
        let by_group =
            MappingRow { kind: "by_group".to_owned(), ..self.mapping_row("role", "Heap Role", false) };
        let kept = MappingRow { kind: "kept".to_owned(), ..self.mapping_row("title", "", false) };
        ApplicationProvisioningPage {
            active: true,
            usable: true,
            version: 4,
            deactivation: Some(Decision {
                id: "deactivate".to_owned(),
                action: "/admin/applications/x/provisioning/deactivate".to_owned(),
                button: self.t("Deactivate…"),
                title: self.t("Deactivate identity management of Heap?"),
                effects: self.list(&["128 people keep their accounts."]),
                confirm: self.t("Deactivate"),
                cancel: self.t("Keep it active"),
                cancel_href: self.t("/admin/applications/x/provisioning"),
                ..Decision::default()
            }),
            standing: Some(Standing {
                status: self.status(Tone::Ok, "Active"),
                title: self.t("Connected to Heap, and verified"),
                lines: self.list(&["Checked today at 09:38 UTC: we could read what is there."]),
                figures: [
                    ("People in sync", "128"),
                    ("Groups in sync", "4"),
                    ("Waiting", "14"),
                    ("Need a look", "3"),
                ]
                .iter()
                .map(|(label, figure)| (self.t(label), self.t(figure)))
                .collect(),
                done: 131,
                all: 145,
                pending: 14,
                progress: self.t("131 of 145 done"),
                compared: self.t("Compared today at 02:10 UTC"),
            }),
            troubles: vec![
                self.entry("Tomás Herrera", "Heap already has another account with this e-mail address."),
                EntryLine { initials: String::new(), ..self.entry("heap-admins", "Heap did not answer.") },
            ],
            troubles_title: self.t("1 person and 1 group could not be kept in sync"),
            waiting: vec![self.entry("Hanna Lindqvist", "Make the account in Heap.")],
            waiting_title: self.t("1 change waits for your yes"),
            settings: SettingsForm {
                ca_certificate: self.t("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"),
                ..self.provisioning_new().settings
            },
            certificate: Some(ClientCertificate {
                facts: Facts {
                    facts: vec![
                        Fact::new("Valid until", self.t("12 June 2036 (3,650 days left)")),
                        Fact::mono("SHA-256", self.t("9C:41:00:AB")),
                    ],
                },
                download: "/admin/applications/x/provisioning/certificate.pem".to_owned(),
                renewal: Decision {
                    id: "certificate".to_owned(),
                    action: "/admin/applications/x/provisioning/certificate".to_owned(),
                    button: self.t("Make a new certificate…"),
                    title: self.t("Make a new certificate for Heap?"),
                    effects: self.list(&["The one before is gone for good."]),
                    confirm: self.t("Make a new certificate"),
                    cancel: self.t("Keep the one before"),
                    cancel_href: self.t("/admin/applications/x/provisioning"),
                    ..Decision::default()
                },
            }),
            proof: ProofForm {
                known: self.t("Set 3 March 2026."),
                expires_at: self.t("2027-06-12"),
                ..self.provisioning_new().proof
            },
            mapping: MappingForm {
                rows: vec![self.mapping_row("userName", "User name", true), by_group, kept],
                properties: vec![Choice::new(self.t("email"), self.t("E-mail"), false)],
                addable: vec![
                    Choice::new("", self.t("Add an attribute"), true),
                    Choice::new(self.t("title"), self.t("title"), false),
                ],
                unsaved: false,
            },
            ..self.provisioning_new()
        }
    }

    fn dry_run(&self) -> DryRunPage {
        let request = |method: &str, path: &str, body: &str| RequestLine {
            method: self.t(method),
            path: self.t(path),
            body: if body.is_empty() { String::new() } else { self.t(body) },
        };
        DryRunPage {
            shell: self.console_shell("Heap: identity management", Nav::Applications),
            app: self.head(Tab::Provisioning, self.status(Tone::Ok, "Active")),
            carried: Some(vec![("mappings.0.scim".to_owned(), self.t("userName"))]),
            figures: [("Looked at", "145"), ("Requests", "2")]
                .iter()
                .map(|(label, figure)| (self.t(label), self.t(figure)))
                .collect(),
            steps: vec![
                DryRunLine {
                    name: self.link("Livia Ferrante", "/admin/users/0190"),
                    initials: self.t("LF"),
                    requests: vec![
                        request("POST", "/Users", "{\n  \"userName\": \"livia\"\n}"),
                        request("DELETE", "/Users/7", ""),
                    ],
                    ..DryRunLine::default()
                },
                DryRunLine {
                    name: self.link("heap-admins", "/admin/groups/0190"),
                    held: self.t("Heap has a group of this name."),
                    code: self.t("group_exists"),
                    ..DryRunLine::default()
                },
            ],
            more: self.t("40 more are counted above and not listed."),
        }
    }

    fn provisioning_preview(&self) -> ProvisioningPreviewPage {
        ProvisioningPreviewPage {
            shell: self.console_shell("Heap: identity management", Nav::Applications),
            app: self.head(Tab::Provisioning, self.status(Tone::Ok, "Active")),
            person: self.t("livia"),
            name: self.t("Livia Ferrante"),
            fault: String::new(),
            resource: self.t("{\n  \"userName\": \"livia@meridian.example\"\n}"),
        }
    }

    fn provisioning_state(&self) -> ProvisioningStatePage {
        let kind = |text: &str, chosen: bool| KindLink {
            link: self.link(text, "?kind=user"),
            count: self.t("128"),
            chosen,
        };
        ProvisioningStatePage {
            shell: self.console_shell("Heap: identity management", Nav::Applications),
            app: self.head(Tab::Provisioning, self.status(Tone::Ok, "Active")),
            kinds: vec![kind("People", true), kind("Groups", false)],
            kind: self.t("user"),
            statuses: vec![Choice::new("", self.t("Any state"), true)],
            rows: vec![self.entry("Tomás Herrera", "Heap did not answer in 30 seconds.")],
            pager: self.pager("", true),
            can_retry: true,
        }
    }

    fn import(&self) -> ProvisioningImportPage {
        let filter = |text: &str, chosen: bool| KindLink {
            link: self.link(text, "?status=new"),
            count: self.t("150"),
            chosen,
        };
        let line = |name: &str, status: (Tone, &str), note: &str| RemoteLine {
            remote_id: self.t("7"),
            name: self.t(name),
            sub: self.t("adaeze@meridian.example"),
            initials: self.t("AO"),
            status: self.status(status.0, status.1),
            note: self.t(note),
            here: None,
            can_be_chosen: note.is_empty(),
        };
        ProvisioningImportPage {
            shell: self.console_shell("Heap: identity management", Nav::Applications),
            app: self.head(Tab::Provisioning, self.status(Tone::Ok, "Active")),
            active: true,
            can_import: true,
            can_choose: true,
            run: Some(ImportRun {
                id: String::new(),
                running: false,
                title: self.t("61 people were imported"),
                total: 150,
                done: 61,
                progress: self.t("61 of 150 done"),
                lines: self.list(&["2 people were left out."]),
                problems: vec![(self.t("Odd Name"), self.t("Use letters, digits and ._%+@- only."))],
            }),
            read: self.t("Read today at 14:03"),
            filters: vec![filter("New", true), filter("Imported", false)],
            rows: vec![
                line("Adaeze Obi", (Tone::Info, "New"), ""),
                line("Old Contractor", (Tone::Info, "New"), "Suspended in Heap: can’t be imported."),
                RemoteLine {
                    here: Some(self.link("Their page here", "/admin/users/0190")),
                    ..line("Livia Ferrante", (Tone::Ok, "Imported"), "Here.")
                },
            ],
            pager: self.pager("", true),
            all_new: self.t("Import all 150 new people"),
        }
    }

    fn comparison(&self) -> ComparisonPage {
        ComparisonPage {
            shell: self.console_shell("Heap: identity management", Nav::Applications),
            app: self.head(Tab::Provisioning, self.status(Tone::Ok, "Active")),
            active: true,
            when: self.t("Today at 02:10 UTC"),
            figures: vec![(self.t("Read"), self.t("145")), (self.t("Changed there"), self.t("1"))],
            items: vec![DifferenceLine {
                name: self.t("livia@meridian.example"),
                kind: self.t("Person"),
                remote_id: self.t("8f2c-77"),
                status: self.status(Tone::Warn, "Changed there"),
                message: self.t("Somebody changed title in Heap. It is put right."),
            }],
            more: self.t("3 more are counted."),
        }
    }
}
