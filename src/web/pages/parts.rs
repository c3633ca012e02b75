//! The parts that pages are put together from: inputs, marks of applications, states, decisions. Each draws itself
//! by its own small template, escaped, and is marked safe so that a page's template can place it as it is.

use askama::Template;
use askama::filters::HtmlSafe;

use crate::base::accent::Accent;
pub use crate::web::pages::inputs::{Check, Choice, Field, Select, input_id};
use crate::web::pages::shell::Shell;

/// What a colour and a shape say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Works.
    Ok,
    /// Look at this.
    Warn,
    /// Broken, refused.
    Danger,
    /// For your information.
    #[default]
    Info,
    /// Switched off.
    Off,
    /// Not ready yet.
    Draft,
    /// Something an administrator did.
    Accent,
}

impl Tone {
    /// The suffix of the CSS class.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Danger => "danger",
            Self::Info => "info",
            Self::Off => "off",
            Self::Draft => "draft",
            Self::Accent => "accent",
        }
    }

    /// The icon of a banner of this tone.
    #[must_use]
    pub fn icon(self) -> &'static str {
        match self {
            Self::Ok => "check",
            Self::Warn => "warning",
            Self::Danger => "error",
            _ => "info",
        }
    }
}

/// A link: text and where it leads. An empty `href` means plain text.
#[derive(Clone, Default)]
pub struct Link {
    /// The text.
    pub text: String,
    /// Where it leads.
    pub href: String,
}

impl Link {
    /// A link.
    pub fn new(text: impl Into<String>, href: impl Into<String>) -> Self {
        Self { text: text.into(), href: href.into() }
    }
}

/// An instant: for machines and for people.
#[derive(Clone, Default)]
pub struct When {
    /// RFC 3339, UTC.
    pub iso: String,
    /// "12 June 2026", "Today, 09:41"; empty when it never was.
    pub text: String,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"{% if !w.iso.is_empty() %}<time datetime="{{ w.iso }}">{{ w.text }}</time>{% else %}{{ w.text }}{% endif %}"#
)]
struct WhenView<'a> {
    w: &'a When,
}

impl std::fmt::Display for When {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        WhenView { w: self }.fmt(f)
    }
}

impl HtmlSafe for When {}

/// A piece of a sentence, so that names stand out and lead somewhere without any HTML from outside.
#[derive(Clone, Default)]
pub struct Piece {
    /// The text.
    pub text: String,
    /// Whether it stands out.
    pub strong: bool,
    /// Where it leads; empty for nowhere.
    pub href: String,
}

impl Piece {
    /// Plain text.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// A name that stands out.
    pub fn strong(text: impl Into<String>) -> Self {
        Self { text: text.into(), strong: true, href: String::new() }
    }
}

/// A sentence of pieces.
#[derive(Clone, Default, Template)]
#[template(
    ext = "html",
    source = r#"{% for p in pieces %}{% if p.strong %}<strong>{% endif %}{% if p.href.is_empty() %}{{ p.text }}{% else %}<a href="{{ p.href }}">{{ p.text }}</a>{% endif %}{% if p.strong %}</strong>{% endif %}{% endfor %}"#
)]
pub struct Sentence {
    /// The pieces, spaces included.
    pub pieces: Vec<Piece>,
}

impl HtmlSafe for Sentence {}

/// A property and its value.
#[derive(Clone, Default)]
pub struct Fact {
    /// "Job title".
    pub label: String,
    /// "Brand manager".
    pub value: String,
    /// Where the value leads; empty for nowhere.
    pub href: String,
    /// Whether it is an identifier, set in monospace.
    pub mono: bool,
}

impl Fact {
    /// A plain fact.
    pub fn new(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self { label: label.into(), value: value.into(), href: String::new(), mono: false }
    }

    /// An identifier.
    pub fn mono(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self { mono: true, ..Self::new(label, value) }
    }
}

/// A list of facts.
#[derive(Clone, Default, Template)]
#[template(path = "parts/facts.html")]
pub struct Facts {
    /// The facts, in order.
    pub facts: Vec<Fact>,
}

impl HtmlSafe for Facts {}

/// State of a thing: a small tessera whose shape says as much as its colour.
#[derive(Clone, Default, Template)]
#[template(ext = "html", source = r#"<span class="status status--{{ tone.as_str() }}">{{ text }}</span>"#)]
pub struct Status {
    /// Shape and colour.
    pub tone: Tone,
    /// "Active".
    pub text: String,
}

impl Status {
    /// A state.
    pub fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self { tone, text: text.into() }
    }
}

impl HtmlSafe for Status {}

/// An application's square tile: its picture, or its first letter on its colour. Hidden from assistive technology,
/// since the name always stands beside it.
#[derive(Clone)]
pub struct Mark {
    /// Name of the application, for the letter.
    pub name: String,
    /// Colour under the letter.
    pub accent: Accent,
    /// URL of the picture, if it has one (`urls::application_logo`).
    pub logo: Option<String>,
    /// Outline of the brand's glyph, in place of the letter (`catalog::glyphs`).
    pub glyph: Option<&'static str>,
}

impl Mark {
    /// A mark without picture.
    pub fn letter(name: impl Into<String>, accent: Accent) -> Self {
        Self { name: name.into(), accent, logo: None, glyph: None }
    }

    /// The same with a glyph in place of the letter, if there is one.
    #[must_use]
    pub fn with_glyph(self, glyph: Option<&'static str>) -> Self {
        Self { glyph, ..self }
    }

    /// The mark in 28 px.
    #[must_use]
    pub fn small(&self) -> MarkView<'_> {
        MarkView { mark: self, size: " monogram--s" }
    }

    /// The mark in 40 px.
    #[must_use]
    pub fn medium(&self) -> MarkView<'_> {
        MarkView { mark: self, size: "" }
    }

    /// The mark in 56 px.
    #[must_use]
    pub fn large(&self) -> MarkView<'_> {
        MarkView { mark: self, size: " monogram--l" }
    }

    /// The mark in 80 px, for the doorway.
    #[must_use]
    pub fn huge(&self) -> MarkView<'_> {
        MarkView { mark: self, size: " monogram--xl" }
    }

    fn initial(&self) -> String {
        self.name
            .trim()
            .chars()
            .find(|c| c.is_alphanumeric())
            .map_or_else(|| "·".to_owned(), |c| c.to_uppercase().collect())
    }
}

/// A mark in one of its sizes.
#[derive(Template)]
#[template(path = "parts/mark.html")]
pub struct MarkView<'a> {
    mark: &'a Mark,
    size: &'static str,
}

impl HtmlSafe for MarkView<'_> {}

/// A value that is pasted elsewhere.
#[derive(Clone, Template)]
#[template(path = "parts/copy.html")]
pub struct CopyValue {
    /// Unique on the page.
    pub id: String,
    /// "IdP URL".
    pub label: String,
    /// The value.
    pub value: String,
    /// Whether a long value is cut on the screen (it is copied whole).
    pub clip: bool,
}

impl CopyValue {
    /// Cuts a long value on the screen; it is copied whole.
    #[must_use]
    pub fn clipped(mut self) -> Self {
        self.clip = true;
        self
    }
}

impl HtmlSafe for CopyValue {}

/// A decision that costs something. Its button posts to `action`; without `confirmed` in the form the handler
/// answers with a [`super::ConfirmPage`] of the same decision, and a dialog saves that round trip where JavaScript runs.
#[derive(Clone, Default)]
pub struct Decision {
    /// Unique on the page, of letters, digits and dashes: `unbind-3`.
    pub id: String,
    /// Where it posts.
    pub action: String,
    /// The button that leads here: "Unbind…".
    pub button: String,
    /// Name of that button for assistive technology, where several look the same: "Unbind Marketing"; may be empty.
    pub button_label: String,
    /// "Unbind Marketing from Heap?"
    pub title: String,
    /// What it does to people, one sentence each.
    pub effects: Vec<String>,
    /// Hidden inputs, name and value, besides `csrf` and `confirmed`.
    pub hidden: Vec<(String, String)>,
    /// "Unbind Marketing".
    pub confirm: String,
    /// "Keep it bound".
    pub cancel: String,
    /// Where *cancel* leads on the page.
    pub cancel_href: String,
    /// The number that must be typed into `count`, for a deletion of several.
    pub typed_count: Option<u32>,
    /// Whether what is lost can't be had back: a red button.
    pub destroys: bool,
}

/// The button that leads to a decision, and its dialog.
#[derive(Template)]
#[template(path = "parts/ask.html")]
pub struct Ask {
    shell: Shell,
    decision: Decision,
    class: &'static str,
}

impl Ask {
    /// The button of this decision.
    #[must_use]
    pub fn new(shell: &Shell, decision: &Decision) -> Self {
        Self { shell: shell.clone(), decision: decision.clone(), class: "" }
    }

    /// Low, for tables.
    #[must_use]
    pub fn small(mut self) -> Self {
        self.class = " btn--s";
        self
    }
}

impl HtmlSafe for Ask {}

/// Where one is: the way from the list to this page.
#[derive(Clone, Default)]
pub struct Crumbs {
    /// The way, without the page itself.
    pub way: Vec<Link>,
    /// The page itself.
    pub here: String,
}

/// What the paging of a list needs.
#[derive(Clone, Default)]
pub struct Pager {
    /// "50 of 2,318 people"; no total where counting costs too much.
    pub summary: String,
    /// URL of the page before; `None` on the first.
    pub previous: Option<String>,
    /// URL of the page after; `None` on the last.
    pub next: Option<String>,
}

/// An event as people read it.
#[derive(Clone, Default)]
pub struct EventLine {
    /// The instant, with seconds in its text: "09:41:07".
    pub when: When,
    /// Outcome: [`Tone::Ok`], [`Tone::Warn`], [`Tone::Danger`], or [`Tone::Accent`] for an administrator's act.
    pub tone: Tone,
    /// Who did what, how it went.
    pub sentence: Sentence,
    /// Name of the event: `sso_auth`.
    pub name: String,
    /// "Firefox on Linux, 192.0.2.14, reference 4F7K-29QD-M1XA".
    pub meta: String,
    /// Folded facts: event id, seal, code, reference.
    pub details: Vec<Fact>,
    /// What changed, old and new, folded too.
    pub changes: Vec<Change>,
}

/// The events of one day.
#[derive(Clone, Default)]
pub struct EventDay {
    /// "Today, Friday 12 June".
    pub label: String,
    /// Newest first.
    pub events: Vec<EventLine>,
}

/// A value that changes.
#[derive(Clone, Default)]
pub struct Change {
    /// Name of the field.
    pub field: String,
    /// What it was; `None` when there was nothing.
    pub old: Option<String>,
    /// What it becomes; `None` when nothing is left.
    pub new: Option<String>,
}
