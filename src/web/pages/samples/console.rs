//! Samples of the rest of the console.

use crate::base::accent::Accent;
use crate::web::pages::api_docs::{ApiArea, ApiDocsPage, ApiOperation};
use crate::web::pages::catalog::{CatalogPage, ConnectorPage};
use crate::web::pages::confirm::{ConfirmPage, ShownOncePage};
use crate::web::pages::events::EventsPage;
use crate::web::pages::groups::{
    GroupApplication, GroupFormPage, GroupPage, GroupRow, GroupsPage, MemberRow,
};
use crate::web::pages::parts::{Decision, Fact, Tone, When};
use crate::web::pages::samples::{Drawn, Samples, draw};
use crate::web::pages::settings::{
    MetadataKeyCard, MetadataSigning, Setting, SettingsPage, SettingsSection, TokenRow, TokensPage,
};
use crate::web::pages::setup_steps::Steps;
use crate::web::pages::shell::Nav;
use crate::web::pages::users::{
    AddressRow, PhoneRow, UserApplication, UserFormPage, UserGroup, UserPage, UserRow, UserValues, UsersPage,
};

impl Samples {
    pub(super) fn console(&self, drawn: &mut Drawn) {
        draw(drawn, "users", &self.users());
        draw(drawn, "users-none", &UsersPage { rows: Vec::new(), query: self.t("zzz"), ..self.users() });
        draw(drawn, "user", &self.user());
        draw(drawn, "user-new", &self.user_form(true));
        draw(drawn, "user-edit", &self.user_form(false));
        draw(drawn, "groups", &self.groups());
        draw(drawn, "group", &self.group(false));
        draw(drawn, "group-everyone", &self.group(true));
        draw(drawn, "group-form", &self.group_form());
        draw(drawn, "events", &self.events());
        draw(drawn, "catalog", &self.catalog());
        draw(drawn, "connector", &self.connector());
        draw(drawn, "settings", &self.settings());
        draw(drawn, "tokens", &self.tokens());
        draw(drawn, "shown-once", &self.shown_once());
        draw(drawn, "confirm", &self.confirm());
        draw(drawn, "api-docs", &self.api_docs());
    }

    fn users(&self) -> UsersPage {
        let row = |id: &str,
                   name: &str,
                   initials: &str,
                   username: &str,
                   state,
                   department: &str,
                   role: &str,
                   seen| UserRow {
            id: self.t(id),
            name: self.t(name),
            initials: self.t(initials),
            username: self.t(username),
            email: self.t(&format!("{username}@meridian.example")),
            state,
            department: self.t(department),
            role: if role.is_empty() { String::new() } else { self.t(role) },
            seen,
        };
        let seen = || self.when("2026-06-12T09:41:00Z", "Today, 09:41");
        UsersPage {
            shell: self.console_shell("Users", Nav::Users),
            query: String::new(),
            states: self.choices(
                &[("", "Any state"), ("active", "Active"), ("staged", "Staged"), ("suspended", "Suspended")],
                "",
            ),
            rows: vec![
                row(
                    "u1",
                    "Livia Ferrante",
                    "LF",
                    "livia.ferrante",
                    self.status(Tone::Ok, "Active"),
                    "Marketing",
                    "",
                    seen(),
                ),
                row(
                    "u2",
                    "Marcus Oyelaran",
                    "MO",
                    "marcus",
                    self.status(Tone::Ok, "Active"),
                    "IT",
                    "Owner",
                    seen(),
                ),
                row(
                    "u3",
                    "Priya Nair",
                    "PN",
                    "priya.nair",
                    self.status(Tone::Off, "Suspended"),
                    "Marketing",
                    "",
                    seen(),
                ),
                row(
                    "u4",
                    "Tomás Herrera",
                    "TH",
                    "tomas.herrera",
                    self.status(Tone::Draft, "Staged"),
                    "Sales",
                    "",
                    When::default(),
                ),
            ],
            pager: self.pager("4 of 2,318 people", true),
        }
    }

    fn person_decision(&self, id: &str, button: &str, title: &str, confirm: &str) -> Decision {
        Decision {
            id: id.to_owned(),
            action: self.t("/admin/users/u1/suspend"),
            button: self.t(button),
            title: self.t(title),
            effects: self.list(&[
                "Livia Ferrante is signed out of Tessera on 3 devices and can’t sign in again.",
                "Nothing is deleted. Activating gives everything back.",
            ]),
            confirm: self.t(confirm),
            cancel: self.t("Cancel"),
            cancel_href: self.t("/admin/users/u1"),
            destroys: id == "delete-user",
            ..Decision::default()
        }
    }

    fn user(&self) -> UserPage {
        let application = |name: &str, accent, through: &[&str], used| UserApplication {
            account: Some(self.status(Tone::Ok, "In sync")),
            mark: self.mark(name, accent),
            href: self.t("/admin/applications/x/groups"),
            through: self.list(through),
            status: self.status(Tone::Ok, "Active"),
            used,
        };
        let mut facts = self.facts(&[
            ("Username", "livia.ferrante"),
            ("Job title", "Brand manager"),
            ("Department", "Marketing"),
            ("Location", "Bologna"),
        ]);
        facts.facts.push(Fact {
            href: self.t("/admin/users/u3"),
            ..Fact::new(self.t("Manager"), self.t("Priya Nair"))
        });
        facts.facts.push(Fact::mono(self.t("Employee ID"), self.t("MF-20418")));
        let days = self.days();
        UserPage {
            shell: self.console_shell("Livia Ferrante", Nav::Users),
            id: self.t("u1"),
            name: self.t("Livia Ferrante"),
            initials: self.t("LF"),
            email: self.t("livia.ferrante@meridian.example"),
            state: self.status(Tone::Ok, "Active"),
            seen: self.t("Signed in today, 09:41"),
            facts,
            applications: vec![
                application(
                    "Heap",
                    Accent::Egyptian,
                    &["Marketing", "heap-editors"],
                    self.when("2026-06-12T09:41:00Z", "Today, 09:41"),
                ),
                application("Interact", Accent::Cinnabar, &["Everyone"], When::default()),
            ],
            groups: vec![
                UserGroup { group: self.link("Everyone", "/admin/groups/e"), remove_action: String::new() },
                UserGroup {
                    group: self.link("Marketing", "/admin/groups/m"),
                    remove_action: self.t("/admin/groups/m/members/u1/remove"),
                },
            ],
            joinable: self.choices(&[("", "Choose a group"), ("g1", "Finance")], ""),
            sessions: self.sessions(),
            lately: days.into_iter().next().map(|day| day.events).unwrap_or_default(),
            events_href: self.t("/admin/events?q=u1"),
            roles: self.choices(
                &[
                    ("", "None"),
                    ("owner", "Owner"),
                    ("application-admin", "Application admin"),
                    ("auditor", "Auditor"),
                ],
                "",
            ),
            role: self.t("None"),
            scim_managed: true,
            has_role: false,
            suspension: Some(self.person_decision(
                "suspend",
                "Suspend…",
                "Suspend Livia Ferrante?",
                "Suspend",
            )),
            can_activate: false,
            deletion: Some(self.person_decision(
                "delete-user",
                "Delete…",
                "Delete Livia Ferrante?",
                "Delete Livia Ferrante",
            )),
        }
    }

    fn user_form(&self, new: bool) -> UserFormPage {
        let title = if new { "Add user" } else { "Edit Livia Ferrante" };
        let mut shell = self.console_shell(title, Nav::Users);
        if new {
            shell = self.wrong(
                shell,
                &[("email", "Somebody else has this address: Livia Ferrante (livia.ferrante).")],
            );
        }
        UserFormPage {
            shell,
            crumbs: self.crumbs(&[("Users", "/admin/users")], title),
            action: self.t("/admin/users"),
            cancel_href: self.t("/admin/users"),
            version: 3,
            new,
            password_min: 15,
            values: UserValues {
                username: self.t("livia.ferrante"),
                email: self.t("livia.ferrante@meridian.example"),
                first_name: self.t("Livia"),
                last_name: self.t("Ferrante"),
                job_title: self.t("Brand manager"),
                department: self.t("Marketing"),
                manager: self.t("priya.nair"),
                timezone: self.t("Europe/Rome"),
                phone_numbers: vec![PhoneRow { kind: self.t("work"), value: self.t("+39 051 555 0141") }, PhoneRow::default()],
                addresses: vec![AddressRow { kind: self.t("work"), locality: self.t("Bologna"), country: self.t("IT"), ..AddressRow::default() }],
                custom: self.t("badge = 4711"),
                ..UserValues::default()
            },
            reuse_warning: new.then(|| self.t("Until 3 June it belonged to Livia Ferri. Applications that know people by username may let the new person into the old account.")),
        }
    }

    fn groups(&self) -> GroupsPage {
        let row = |id: &str, name: &str, line: &str, people: &str, applications: &str, built_in| GroupRow {
            id: self.t(id),
            name: self.t(name),
            description: self.t(line),
            people: self.t(people),
            applications: self.t(applications),
            built_in,
        };
        GroupsPage {
            shell: self.console_shell("Groups", Nav::Groups),
            query: String::new(),
            rows: vec![
                row("g0", "Everyone", "All active people", "2,318", "3", true),
                row("g1", "Data team", "Analysts and engineers", "19", "2", false),
                row("g2", "Marketing", "Brand, campaigns, events", "107", "4", false),
            ],
            pager: self.pager("3 groups", false),
        }
    }

    fn group(&self, built_in: bool) -> GroupPage {
        let member = |id: &str, name: &str, initials: &str, state| MemberRow {
            id: self.t(id),
            name: self.t(name),
            initials: self.t(initials),
            email: self.t("someone@meridian.example"),
            state,
        };
        let mut deletion = self.unbinding("delete-group", "Marketing");
        deletion.button = self.t("Delete…");
        deletion.button_label = String::new();
        deletion.title = self.t("Delete the group Marketing?");
        deletion.confirm = self.t("Delete Marketing");
        let mut shell = self.console_shell("Marketing", Nav::Groups);
        if !built_in {
            shell = self.wrong(shell, &[("user", "Nobody has the username or e-mail “tomas”.")]);
        }
        GroupPage {
            shell,
            id: self.t("g2"),
            name: self.t(if built_in { "Everyone" } else { "Marketing" }),
            description: self.t("Brand, campaigns, events"),
            built_in,
            scim_managed: !built_in,
            summary: self.t("107 people, 2 applications"),
            query: String::new(),
            members: vec![
                member("u1", "Livia Ferrante", "LF", self.status(Tone::Ok, "Active")),
                member("u3", "Priya Nair", "PN", self.status(Tone::Off, "Suspended")),
            ],
            pager: self.pager("2 of 107 people", true),
            add_person: if built_in { String::new() } else { self.t("tomas") },
            applications: vec![GroupApplication {
                mark: self.mark("Heap", Accent::Egyptian),
                href: self.t("/admin/applications/x/groups"),
                status: self.status(Tone::Ok, "Active"),
                unbind: self.unbinding("unbind-1", "Marketing"),
            }],
            bindable: self.choices(&[("", "Choose an application"), ("a", "Interact")], ""),
            deletion: (!built_in).then_some(deletion),
        }
    }

    fn group_form(&self) -> GroupFormPage {
        GroupFormPage {
            shell: self.wrong(
                self.console_shell("Add group", Nav::Groups),
                &[("name", "There is a group of this name already.")],
            ),
            crumbs: self.crumbs(&[("Groups", "/admin/groups")], "Add"),
            action: self.t("/admin/groups"),
            cancel_href: self.t("/admin/groups"),
            version: 0,
            new: true,
            name: self.t("Marketing"),
            description: self.t("Brand, campaigns, events"),
        }
    }

    fn events(&self) -> EventsPage {
        let mut shell = self.console_shell("Events", Nav::Events);
        shell.banners = vec![self.banner(Tone::Danger, "The chain is broken at 11 June, 14:02:36", "An event was changed or removed after it was sealed. Keep a copy of the database and find out who had access to it.")];
        EventsPage {
            shell,
            query: String::new(),
            names: self.choices(
                &[("", "All kinds"), ("sso_auth", "sso_auth"), ("user_login_attempt", "user_login_attempt")],
                "",
            ),
            outcomes: self.choices(
                &[("", "Any outcome"), ("success", "Succeeded"), ("failure", "Failed"), ("denied", "Denied")],
                "",
            ),
            since: self.t("2026-06-11"),
            until: self.t("2026-06-12"),
            summary: self.t("2,318 events from 11 to 12 June"),
            chain: self.status(Tone::Danger, "Chain broken"),
            chain_note: self.t("checked 4 minutes ago"),
            days: self.days(),
            zone: self.t("Times are in your time zone, Europe/Rome"),
            pager: self.pager("", true),
            export_jsonl: self.t("/admin/events/export?format=jsonl"),
            export_csv: self.t("/admin/events/export?format=csv"),
        }
    }

    fn catalog(&self) -> CatalogPage {
        CatalogPage {
            shell: self.console_shell("Catalog", Nav::Catalog),
            query: String::new(),
            found: self.t("214 connectors"),
            categories: self.categories(),
            connectors: self
                .connectors()
                .into_iter()
                .map(|mut card| {
                    card.chosen = false;
                    card
                })
                .collect(),
            more: self.t("Show all 214"),
            all_href: self.t("/admin/catalog?all=1"),
        }
    }

    fn connector(&self) -> ConnectorPage {
        ConnectorPage {
            shell: self.console_shell("Heap", Nav::Catalog),
            crumbs: self.crumbs(&[("Catalog", "/admin/catalog")], "Heap"),
            mark: self.mark("Heap", Accent::Egyptian),
            description: self.t("Product analytics"),
            verified: self.t("Checked against documentation"),
            facts: self.facts(&[
                ("Sign-on", "SAML 2.0, from here or from Heap"),
                ("Name ID", "E-mail address"),
                ("Signed", "Assertion"),
            ]),
            placeholders: vec![Fact::new(
                self.t("Heap ID"),
                self.t("Shown under Account > Manage > Account settings"),
            )],
            attributes: self.list(&["email", "firstName", "lastName"]),
            steps: Steps::from_markdown("1. Open **Account > Manage**.\n2. Paste {idp_url}.", &[]),
            sources: self.list(&["Heap help centre", "SAML single sign-on"]),
            add_href: self.t("/admin/applications/new?connector=heap"),
        }
    }

    fn settings(&self) -> SettingsPage {
        let setting = |name: &str, label: &str, value: &str, unit: &str, help: &str, fixed| Setting {
            name: name.to_owned(),
            label: self.t(label),
            value: self.t(value),
            unit: self.t(unit),
            help: if help.is_empty() { String::new() } else { self.t(help) },
            fixed,
        };
        SettingsPage {
            version: "1".to_owned(),
            allow_key_import: false,
            metadata: MetadataSigning {
                signs: true,
                full: true,
                keys: vec![
                    MetadataKeyCard {
                        title: self.t("In use"),
                        facts: self.facts(&[("Valid until", "22 November 2036"), ("SHA-256", "9C:41:AA:07")]),
                        ..MetadataKeyCard::default()
                    },
                    MetadataKeyCard {
                        title: self.t("Next"),
                        facts: self.facts(&[("Valid until", "22 November 2037"), ("SHA-256", "1B:F0:55:A9")]),
                        promotion: Some(Decision {
                            button: self.t("Switch to this one…"),
                            ..self.unbinding("promote-1", "metadata")
                        }),
                        deletion: Some(Decision {
                            button: self.t("Delete…"),
                            ..self.unbinding("delete-1", "metadata")
                        }),
                    },
                ],
            },
            shell: self.wrong(
                self.console_shell("Settings", Nav::Settings),
                &[("session_idle_hours", "Use a number from 1 to 24.")],
            ),
            organisation: self.t("Meridian Foods"),
            sections: vec![
                SettingsSection {
                    id: "sessions".to_owned(),
                    title: self.t("Sessions"),
                    lead: self.t("How long a sign-in lasts."),
                    settings: vec![
                        setting("session_idle_hours", "Ends after no use for", "80", "hours", "", false),
                        setting(
                            "session_absolute_hours",
                            "Ends in any case after",
                            "12",
                            "hours",
                            "Also told to applications as the end of the session.",
                            false,
                        ),
                    ],
                },
                SettingsSection {
                    id: "limits".to_owned(),
                    title: self.t("Limits"),
                    lead: String::new(),
                    settings: vec![setting(
                        "login_failures_per_minute",
                        "Failed sign-ins from one address",
                        "60",
                        "a minute",
                        "",
                        true,
                    )],
                },
            ],
            facts: self.facts(&[
                ("Base URL", "https://id.meridian.example"),
                ("Version", "0.1.0"),
                ("Database", "SQLite"),
            ]),
        }
    }

    fn tokens(&self) -> TokensPage {
        let mut revocation = self.unbinding("revoke-1", "terraform");
        revocation.button = self.t("Revoke…");
        revocation.button_label = self.t("Revoke terraform");
        revocation.title = self.t("Revoke the token terraform?");
        revocation.effects = self.list(&["Programs that use it are refused at once."]);
        revocation.confirm = self.t("Revoke terraform");
        revocation.cancel = self.t("Keep it");
        TokensPage {
            shell: self.console_shell("API tokens", Nav::Tokens),
            rows: vec![TokenRow {
                name: self.t("terraform"),
                hint: self.t("tsr_4Wk…"),
                role: self.t("Application admin"),
                made_by: self.t("Marcus Oyelaran"),
                made: self.when("2026-03-03T10:00:00Z", "3 March 2026"),
                used: When::default(),
                status: self.status(Tone::Warn, "Ends soon"),
                ends: self.when("2026-06-14T10:00:00Z", "14 June 2026"),
                revocation: Some(revocation),
            }],
            name: String::new(),
            roles: self.choices(
                &[
                    ("auditor", "Read only (auditor)"),
                    ("application-admin", "Manage (application admin)"),
                    ("owner", "Everything (owner)"),
                ],
                "auditor",
            ),
            lifetimes: self
                .choices(&[("30", "In 30 days"), ("90", "In 90 days"), ("365", "In a year")], "90"),
        }
    }

    fn shown_once(&self) -> ShownOncePage {
        ShownOncePage {
            shell: self.console_shell("Reset link for Livia Ferrante", Nav::Users),
            crumbs: self
                .crumbs(&[("Users", "/admin/users"), ("Livia Ferrante", "/admin/users/u1")], "Reset link"),
            lead: self
                .t("Give it to Livia Ferrante by a way you trust. It works once, until tomorrow, 10:30."),
            label: self.t("Reset link"),
            secret: self.t("https://id.meridian.example/reset/4WkZqT0bR1o"),
            done_href: self.t("/admin/users/u1"),
        }
    }

    fn confirm(&self) -> ConfirmPage {
        ConfirmPage {
            shell: self.console_shell("Suspend Livia Ferrante", Nav::Users),
            crumbs: self
                .crumbs(&[("Users", "/admin/users"), ("Livia Ferrante", "/admin/users/u1")], "Suspend"),
            decision: self.person_decision("suspend", "Suspend…", "Suspend Livia Ferrante?", "Suspend"),
            names: Vec::new(),
        }
    }

    fn api_docs(&self) -> ApiDocsPage {
        let operation = |method: &str, path: &str, summary: &str| ApiOperation {
            method: self.t(method),
            path: self.t(path),
            summary: self.t(summary),
        };
        ApiDocsPage {
            shell: self.console_shell("REST API", Nav::Api),
            base: self.t("https://id.meridian.example/api/v1"),
            areas: vec![ApiArea {
                id: "applications".to_owned(),
                name: self.t("Applications"),
                lead: self.t("Lists are paged by cursor."),
                operations: vec![
                    operation("GET", "/applications", "Lists applications"),
                    operation("POST", "/applications", "Adds one from the catalog"),
                    operation("DELETE", "/applications/{id}", "Deletes one with its key and address"),
                ],
            }],
        }
    }
}
