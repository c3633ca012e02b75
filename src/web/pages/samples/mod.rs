//! Every page in its states, filled with an organisation that does not exist. The tests draw all of them, plainly and
//! with hostile text in the place of every string.

mod applications;
mod connectors;
mod console;
mod gate;
mod person;
mod provisioning;
mod sp_source;
mod sso;

use askama::Template;

use crate::base::FieldError;
use crate::base::accent::Accent;
use crate::web::pages::parts::{
    Change, Crumbs, EventDay, EventLine, Fact, Facts, Link, Mark, Pager, Piece, Sentence, Status, Tone, When,
};
use crate::web::pages::shell::{Banner, Nav, Shell, SignedIn, Theme, Toast};

/// Turns a text of a sample into what stands in its place.
pub type Say = fn(&str) -> String;

/// Every sample, drawn: its name and its HTML.
///
/// # Panics
/// If a template can't be drawn, which only a failing allocation does.
#[must_use]
pub fn all_samples() -> Vec<(&'static str, String)> {
    all_samples_saying(str::to_owned)
}

/// The same with each text replaced by what `say` makes of it.
///
/// # Panics
/// As [`all_samples`].
#[must_use]
pub fn all_samples_saying(say: Say) -> Vec<(&'static str, String)> {
    let s = Samples { say };
    let mut drawn = Vec::new();
    s.gate(&mut drawn);
    s.person(&mut drawn);
    s.applications(&mut drawn);
    s.sso(&mut drawn);
    s.sp_source(&mut drawn);
    s.connector_pages(&mut drawn);
    s.provisioning(&mut drawn);
    s.console(&mut drawn);
    drawn
}

type Drawn = Vec<(&'static str, String)>;

fn draw(into: &mut Drawn, name: &'static str, page: &impl Template) {
    into.push((name, page.render().expect("a page of plain strings can always be drawn")));
}

/// The one who fills samples.
struct Samples {
    say: Say,
}

impl Samples {
    fn t(&self, text: &str) -> String {
        (self.say)(text)
    }

    fn list(&self, texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| self.t(text)).collect()
    }

    /// Shell of a page at the gate.
    fn gate_shell(&self, title: &str) -> Shell {
        Shell {
            organisation: self.t("Meridian Foods"),
            title: self.t(title),
            csrf: self.t("c2Vzc2lvbi1ib3VuZC10b2tlbg"),
            ..Shell::default()
        }
    }

    /// Shell of a person's page.
    fn person_shell(&self, title: &str, nav: Nav, console: bool) -> Shell {
        let person = SignedIn {
            name: self.t("Livia Ferrante"),
            initials: self.t("LF"),
            role: String::new(),
            can_open_console: console,
        };
        Shell { person: Some(person), nav, ..self.gate_shell(title) }
    }

    /// Shell of a page of the console.
    fn console_shell(&self, title: &str, nav: Nav) -> Shell {
        let person = SignedIn {
            name: self.t("Marcus Oyelaran"),
            initials: self.t("MO"),
            role: self.t("Owner"),
            can_open_console: true,
        };
        Shell { person: Some(person), nav, can_edit: true, ..self.gate_shell(title) }
    }

    fn dark(shell: Shell) -> Shell {
        Shell { theme: Theme::Dark, ..shell }
    }

    fn wrong(&self, shell: Shell, errors: &[(&str, &str)]) -> Shell {
        let errors = errors
            .iter()
            .map(|(field, message)| FieldError {
                field: (*field).to_owned(),
                code: "sample".into(),
                message: self.t(message),
            })
            .collect();
        Shell { errors, ..shell }
    }

    fn toast(&self, shell: Shell, text: &str) -> Shell {
        Shell { toast: Some(Toast { failed: false, text: self.t(text) }), ..shell }
    }

    fn banner(&self, tone: Tone, title: &str, body: &str) -> Banner {
        Banner::new(tone, self.t(title), self.t(body))
    }

    fn mark(&self, name: &str, accent: Accent) -> Mark {
        Mark::letter(self.t(name), accent)
    }

    fn link(&self, text: &str, href: &str) -> Link {
        Link::new(self.t(text), self.t(href))
    }

    fn when(&self, iso: &str, text: &str) -> When {
        When { iso: self.t(iso), text: self.t(text) }
    }

    fn status(&self, tone: Tone, text: &str) -> Status {
        Status::new(tone, self.t(text))
    }

    fn facts(&self, facts: &[(&str, &str)]) -> Facts {
        Facts { facts: facts.iter().map(|(label, value)| Fact::new(self.t(label), self.t(value))).collect() }
    }

    fn mono(&self, label: &str, value: &str) -> Fact {
        Fact::mono(self.t(label), self.t(value))
    }

    fn crumbs(&self, way: &[(&str, &str)], here: &str) -> Crumbs {
        Crumbs { way: way.iter().map(|(text, href)| self.link(text, href)).collect(), here: self.t(here) }
    }

    fn pager(&self, summary: &str, more: bool) -> Pager {
        Pager { summary: self.t(summary), previous: None, next: more.then(|| self.t("?cursor=YWJj")) }
    }

    /// A sentence whose odd pieces stand out.
    fn sentence(&self, pieces: &[&str]) -> Sentence {
        let piece =
            |(n, text): (usize, &&str)| Piece { text: self.t(text), strong: n % 2 == 1, href: String::new() };
        Sentence { pieces: pieces.iter().enumerate().map(piece).collect() }
    }

    fn event(&self, time: &str, tone: Tone, pieces: &[&str], name: &str, meta: &str) -> EventLine {
        EventLine {
            when: self.when(&format!("2026-06-12T{time}Z"), time),
            tone,
            sentence: self.sentence(pieces),
            name: self.t(name),
            meta: self.t(meta),
            ..EventLine::default()
        }
    }

    fn days(&self) -> Vec<EventDay> {
        let mut changed = self.event(
            "11:20:09",
            Tone::Accent,
            &["", "Priya Nair", " changed ", "Grafana"],
            "application_update",
            "Console, 198.51.100.20",
        );
        changed.changes = vec![
            Change { field: self.t("sign"), old: Some(self.t("assertion")), new: Some(self.t("both")) },
            Change {
                field: self.t("login_url"),
                old: None,
                new: Some(self.t("https://grafana.example/login")),
            },
        ];
        changed.details = vec![
            self.mono("Event id", "01978c4c-90b1-7a36-8f51-2d77c0a9e3b4"),
            self.mono("Seal", "b7e1…40fa, follows 19cd…e277"),
        ];
        let today = vec![
            self.event(
                "09:41:07",
                Tone::Ok,
                &["", "Livia Ferrante", " signed in to ", "Heap"],
                "sso_auth",
                "Firefox on Linux, 192.0.2.14, SP-initiated",
            ),
            self.event(
                "09:40:12",
                Tone::Danger,
                &["", "Livia Ferrante", " was refused at ", "Keeper", ": in no group that is bound to it"],
                "sso_auth",
                "192.0.2.14, reference 4F7K-29QD-M1XA",
            ),
            self.event(
                "09:38:51",
                Tone::Accent,
                &["", "Marcus Oyelaran", " bound ", "Marketing", " to ", "Heap"],
                "application_group_bind",
                "Console, 192.0.2.3",
            ),
        ];
        let before = vec![
            self.event(
                "22:17:03",
                Tone::Warn,
                &["Someone failed to sign in as ", "marcus", " 6 times; that address now has to wait"],
                "user_login_attempt",
                "203.0.113.0/24, 6 attempts",
            ),
            changed,
        ];
        vec![
            EventDay { label: self.t("Today, Friday 12 June"), events: today },
            EventDay { label: self.t("Thursday 11 June"), events: before },
        ]
    }
}
