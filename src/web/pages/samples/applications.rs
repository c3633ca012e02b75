//! Samples of applications: list, adding, general, groups, activity.

use crate::base::accent::Accent;
use crate::web::pages::application::{
    ApplicationActivityPage, ApplicationGeneralPage, ApplicationGroupsPage, ApplicationHead, BoundGroup, Tab,
    Verdict,
};
use crate::web::pages::applications::{
    ApplicationNewPage, ApplicationNewValues, ApplicationRow, ApplicationSavedPage, ApplicationsPage,
    ChosenConnector, deletion,
};
use crate::web::pages::catalog::{Category, ConnectorCard};
use crate::web::pages::confirm::ConfirmPage;
use crate::web::pages::exchange::{CheckLine, ExchangePage, ExchangeRow, Exchanges};
use crate::web::pages::parts::{Choice, Decision, Link, Status, Tone};
use crate::web::pages::samples::{Drawn, Samples, draw};
use crate::web::pages::shell::{Nav, Shell};

const HEAP: &str = "01978c4c-90b1-7a36-8f51-2d77c0a9e3b4";

impl Samples {
    pub(super) fn applications(&self, drawn: &mut Drawn) {
        draw(drawn, "applications", &self.application_list());
        let empty = ApplicationsPage { rows: Vec::new(), none_yet: true, ..self.application_list() };
        draw(drawn, "applications-empty", &empty);
        let mut reader = self.application_list();
        reader.shell.can_edit = false;
        draw(drawn, "applications-auditor", &reader);
        draw(drawn, "application-new", &self.application_new());
        let undecided = ApplicationNewPage { chosen: None, ..self.application_new() };
        draw(drawn, "application-new-choose", &undecided);
        let mut wrong = self.application_new();
        wrong.shell = self.wrong(
            wrong.shell,
            &[
                ("slug", "There is an application at this address already. Choose another."),
                ("understood", "Tick this when you have read the address."),
            ],
        );
        wrong.reuse_warning =
            Some(self.t(
                "Until 3 June it was Heap (old). Links and settings at the other side may still point here.",
            ));
        draw(drawn, "application-new-wrong", &wrong);
        draw(drawn, "application-new-bookmark", &self.bookmark_new());
        draw(drawn, "application-saved", &self.application_saved());
        draw(drawn, "application-general", &self.general());
        draw(drawn, "application-groups", &self.application_groups());
        let unbound = ApplicationGroupsPage { bound: Vec::new(), verdict: None, ..self.application_groups() };
        draw(drawn, "application-groups-none", &unbound);
        draw(drawn, "application-activity", &self.activity());
        draw(drawn, "exchange", &self.exchange());
        draw(drawn, "application-delete", &self.delete_page());
    }

    pub(super) fn head(&self, tab: Tab, status: Status) -> ApplicationHead {
        ApplicationHead {
            id: self.t(HEAP),
            mark: self.mark("Heap", Accent::Egyptian),
            status,
            connector: self.t("Heap"),
            address: self.t("id.meridian.example/saml2/heap"),
            tab,
            groups: 4,
            version: 3,
            bookmark: false,
        }
    }

    fn application_list(&self) -> ApplicationsPage {
        let row = |id: &str,
                   name: &str,
                   connector: &str,
                   accent,
                   status,
                   people: &str,
                   until: Option<(Tone, &str)>,
                   note: &str| {
            ApplicationRow {
                id: self.t(id),
                mark: self.mark(name, accent),
                connector: self.t(connector),
                waits: if id == "a3" { self.t("Metadata changed") } else { String::new() },
                status,
                people: self.t(people),
                metadata_href: if until.is_some() { self.t("/saml2/x/metadata") } else { String::new() },
                certificate: until.map(|(tone, text)| self.status(tone, text)),
                certificate_note: if note.is_empty() { String::new() } else { self.t(note) },
            }
        };
        let on = || self.status(Tone::Ok, "Active");
        let mut shell = self.console_shell("Applications", Nav::Applications);
        let mut banner = self.banner(
            Tone::Warn,
            "Interact’s certificate expires in 6 days",
            "On 18 June nobody will be able to sign in to Interact.",
        );
        banner.action = Some(self.link("See what to do", "/admin/applications/x/sso"));
        shell.banners = vec![banner];
        ApplicationsPage {
            shell: self.toast(shell, "Forum is deleted."),
            query: String::new(),
            statuses: self.choices(
                &[("", "Any status"), ("active", "Active"), ("draft", "Draft"), ("inactive", "Off")],
                "",
            ),
            rows: vec![
                row("a1", "Expense desk", "Bookmark", Accent::Olive, on(), "212", None, ""),
                row(
                    "a2",
                    "Grafana",
                    "Grafana",
                    Accent::Ochre,
                    on(),
                    "38",
                    Some((Tone::Info, "14 Nov 2028")),
                    "",
                ),
                row(
                    "a3",
                    "Heap",
                    "Heap",
                    Accent::Egyptian,
                    on(),
                    "145",
                    Some((Tone::Info, "18 Aug 2026")),
                    "67 days left",
                ),
                row(
                    "a4",
                    "Interact",
                    "Interact Software",
                    Accent::Cinnabar,
                    on(),
                    "1,204",
                    Some((Tone::Warn, "18 Jun 2026")),
                    "6 days left",
                ),
                row(
                    "a5",
                    "Keeper",
                    "Keeper",
                    Accent::Porphyry,
                    self.status(Tone::Draft, "Draft"),
                    "0",
                    Some((Tone::Info, "12 Jun 2029")),
                    "",
                ),
                row(
                    "a6",
                    "Tabularium",
                    "Custom SAML",
                    Accent::Umber,
                    self.status(Tone::Off, "Off"),
                    "27",
                    Some((Tone::Info, "19 Jan 2029")),
                    "",
                ),
            ],
            none_yet: false,
            pager: self.pager("6 of 14 applications", true),
        }
    }

    pub(super) fn choices(&self, choices: &[(&str, &str)], chosen: &str) -> Vec<Choice> {
        choices.iter().map(|(value, label)| Choice::new(*value, self.t(label), *value == chosen)).collect()
    }

    fn colors(&self, chosen: Accent) -> Vec<Choice> {
        Accent::ALL.iter().map(|a| Choice::new(a.as_str(), self.t(a.as_str()), *a == chosen)).collect()
    }

    pub(super) fn card(
        &self,
        id: &str,
        name: &str,
        line: &str,
        accent: Accent,
        badge: &str,
    ) -> ConnectorCard {
        ConnectorCard {
            id: self.t(id),
            mark: self.mark(name, accent),
            description: self.t(line),
            badge: if badge.is_empty() { String::new() } else { self.t(badge) },
            badge_tone: Tone::Ok,
            href: self.t("/admin/applications/new?connector=heap"),
            chosen: id == "heap",
        }
    }

    pub(super) fn categories(&self) -> Vec<Category> {
        let category = |name: &str, count, current| Category {
            name: self.t(name),
            value: self.t(name),
            count,
            href: self.t("?q=hea&category=x"),
            current,
        };
        vec![
            category("All", 6, true),
            category("Analytics", 2, false),
            category("Health and safety", 2, false),
            category("People", 2, false),
        ]
    }

    pub(super) fn connectors(&self) -> Vec<ConnectorCard> {
        vec![
            self.card("heap", "Heap", "Product analytics", Accent::Egyptian, ""),
            self.card("headcount", "Headcount", "People planning", Accent::Cinnabar, "Verified live"),
            self.card("healthbox", "Health box", "Occupational health", Accent::Serpentine, ""),
            self.card("heartbeat", "Heartbeat", "Status pages", Accent::Porphyry, ""),
            self.card("theatre", "Theatre", "Webinars and recordings", Accent::Iris, ""),
            self.card("heatmap", "Heat map", "Web analytics", Accent::Ochre, ""),
        ]
    }

    fn application_new(&self) -> ApplicationNewPage {
        ApplicationNewPage {
            shell: self.console_shell("Add an application", Nav::Applications),
            query: self.t("hea"),
            found: self.t("6 of 214 connectors match “hea”"),
            categories: self.categories(),
            connectors: self.connectors(),
            more: self.t("Show all 214"),
            all_href: self.t("/admin/applications/new?all=1"),
            others: vec![
                self.card(
                    "custom-saml",
                    "Custom SAML application",
                    "Anything that speaks SAML 2.0",
                    Accent::Basalt,
                    "",
                ),
                self.card("bookmark", "Bookmark", "A tile that opens a web address", Accent::Umber, ""),
            ],
            chosen: Some(ChosenConnector {
                id: self.t("heap"),
                mark: self.mark("Heap", Accent::Egyptian),
                description: self.t("Product analytics, heap.io"),
                verified: self.t("Checked against documentation"),
                facts: self.facts(&[
                    ("Sign-on", "SAML 2.0, from here or from Heap"),
                    ("Accounts", "Made on first sign-in (JIT)"),
                    ("You will need", "Heap ID"),
                    ("Good to know", "Heap never lets an e-mail address change"),
                ]),
                bookmark: false,
            }),
            values: ApplicationNewValues {
                label: self.t("Heap"),
                description: self.t("Product analytics"),
                slug: String::new(),
                show_in_portal: true,
                bookmark_url: String::new(),
            },
            idp_url_prefix: self.t("https://id.meridian.example/saml2/"),
            slug_preview: self.t("heap"),
            colors: self.colors(Accent::Egyptian),
            reuse_warning: None,
        }
    }

    fn bookmark_new(&self) -> ApplicationNewPage {
        let mut page = self.application_new();
        if let Some(chosen) = &mut page.chosen {
            chosen.bookmark = true;
            chosen.mark = self.mark("Bookmark", Accent::Umber);
            chosen.verified.clear();
            chosen.facts.facts.clear();
        }
        page.values.bookmark_url = self.t("https://expenses.meridian.example");
        page
    }

    fn application_saved(&self) -> ApplicationSavedPage {
        ApplicationSavedPage {
            shell: self.console_shell("Heap is saved", Nav::Applications),
            mark: self.mark("Heap", Accent::Egyptian),
            id: self.t(HEAP),
            idp_url: self.t("https://id.meridian.example/saml2/heap"),
        }
    }

    fn general(&self) -> ApplicationGeneralPage {
        let mut app = self.head(Tab::General, self.status(Tone::Ok, "Active"));
        app.mark.logo = Some(self.t("/static/favicon.svg"));
        ApplicationGeneralPage {
            shell: self.toast(
                self.console_shell("Heap", Nav::Applications),
                "Saved. People see the new name at once.",
            ),
            app,
            label: self.t("Heap"),
            description: self.t("Product analytics"),
            colors: self.colors(Accent::Egyptian),
            show_in_portal: true,
            idp_url_prefix: self.t("https://id.meridian.example/saml2/"),
            slug: self.t("heap"),
            added: self.t("Added 3 March 2026 by Marcus Oyelaran."),
            deletion: deletion(&[self.t(HEAP)], &self.t("145 people can open it today.")),
        }
    }

    pub(super) fn unbinding(&self, id: &str, group: &str) -> Decision {
        Decision {
            id: id.to_owned(),
            action: self.t("/admin/applications/x/groups/y/unbind"),
            button: self.t("Unbind…"),
            button_label: self.t(&format!("Unbind {group}")),
            title: self.t(&format!("Unbind {group} from Heap?")),
            effects: self.list(&[
                "86 people lose Heap at once. The other 21 stay, because they are in another bound group.",
                "Their work in Heap stays as it is.",
            ]),
            hidden: Vec::new(),
            confirm: self.t(&format!("Unbind {group}")),
            cancel: self.t("Keep it bound"),
            cancel_href: self.t("/admin/applications/x/groups"),
            typed_count: None,
            destroys: true,
        }
    }

    fn application_groups(&self) -> ApplicationGroupsPage {
        let row = |n: usize, name: &str, line: &str, people: &str| BoundGroup {
            group: Link::new(self.t(name), self.t("/admin/groups/y")),
            description: if line.is_empty() { String::new() } else { self.t(line) },
            people: self.t(people),
            since: self.when("2026-03-03T10:00:00Z", "3 Mar 2026"),
            unbind: self.unbinding(&format!("unbind-{n}"), name),
        };
        ApplicationGroupsPage {
            shell: self.console_shell("Heap: groups", Nav::Applications),
            app: self.head(Tab::Groups, self.status(Tone::Ok, "Active")),
            summary: self.t("4 groups, 145 people"),
            bound: vec![
                row(1, "Data team", "Analysts and engineers", "19"),
                row(2, "heap-admins", "Administer Heap itself", "4"),
                row(3, "Marketing", "", "107"),
            ],
            bindable: self
                .choices(&[("", "Choose a group"), ("g1", "Finance (31)"), ("g2", "Field sales (88)")], ""),
            person: self.t("livia.ferrante"),
            verdict: Some(Verdict {
                yes: true,
                title: self.t("Yes, Livia Ferrante can sign in to Heap"),
                reason: self.sentence(&[
                    "In ",
                    "Marketing",
                    " and in ",
                    "heap-editors",
                    ". Unbinding both would end it.",
                ]),
            }),
        }
    }

    fn activity(&self) -> ApplicationActivityPage {
        ApplicationActivityPage {
            provisioning: false,
            shell: self.console_shell("Heap: activity", Nav::Applications),
            app: self.head(Tab::Activity, self.status(Tone::Ok, "Active")),
            exchanges: Some(Exchanges {
                rows: vec![
                    ExchangeRow {
                        href: "/admin/applications/a1/activity/K7MQ2X4PWD".to_owned(),
                        reference: self.t("K7MQ2X4PWD"),
                        when: self.when("2026-06-11T09:41:07Z", "Today, 09:41"),
                        code: Some(self.t("acs_unregistered")),
                    },
                    ExchangeRow {
                        href: "/admin/applications/a1/activity/3HF9TZ6BNA".to_owned(),
                        reference: self.t("3HF9TZ6BNA"),
                        when: self.when("2026-06-11T09:38:00Z", "Today, 09:38"),
                        code: None,
                    },
                ],
                record: "/admin/applications/a1/activity/record".to_owned(),
                recorded_until: None,
            }),
            days: self.days(),
            zone: self.t("Times are in Europe/Rome"),
            pager: self.pager("", true),
        }
    }

    fn exchange(&self) -> ExchangePage {
        let check = |tone, verdict: &str, title: &str, section: &str| CheckLine {
            tone,
            verdict: self.t(verdict),
            title: self.t(title),
            section: self.t(section),
        };
        ExchangePage {
            shell: self.console_shell("Heap: exchange K7MQ2X4PWD", Nav::Applications),
            app: self.head(Tab::Activity, self.status(Tone::Ok, "Active")),
            reference: self.t("K7MQ2X4PWD"),
            facts: self.facts(&[
                ("When", "2026-06-11T09:41:07Z"),
                ("Request", "By redirect, from the application"),
                ("Code", "acs_unregistered"),
            ]),
            checks: vec![
                check(Tone::Ok, "Held", "It is fresh", "Core 3.2.1"),
                check(Tone::Danger, "Failed", "The answer goes to a registered address", "Core 3.4.1"),
            ],
            not_reached: 12,
            expected: self.t("https://heap.example/saml/acs/1"),
            received: self.t("https://heap.example/saml/acs/2"),
            repair: Some(Link::new(self.t("Look at the ACS URLs"), "/admin/applications/a1/sso#h-sp")),
            request: self.t("<samlp:AuthnRequest ID=\"_1\">\n  <saml:Issuer>https://heap.example</saml:Issuer>\n</samlp:AuthnRequest>"),
            answer: String::new(),
        }
    }

    fn delete_page(&self) -> ConfirmPage {
        let ids = [self.t("a5"), self.t("a6")];
        let shell = self.wrong(
            Shell { title: self.t("Delete 2 applications"), ..self.console_shell("", Nav::Applications) },
            &[("count", "That is not the number. Type 2.")],
        );
        ConfirmPage {
            shell,
            crumbs: self.crumbs(&[("Applications", "/admin/applications")], "Delete"),
            decision: deletion(&ids, &self.t("27 people can open them today.")),
            names: self.list(&["Keeper", "Tabularium"]),
        }
    }
}
