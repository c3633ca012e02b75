//! What every page has around its content: who is signed in, where one is, the CSRF token, banners, the errors of
//! the form that came back. Templates reach the parts through it: `shell.field(…)`, `shell.icon(…)`.

use std::borrow::Borrow;
use std::fmt;

use crate::base::{FieldError, urls};
use crate::web::assets::asset_url;
use crate::web::pages::parts::{Check, Choice, CopyValue, Decision, Field, Link, Select, Tone};

/// Around the content of every page.
#[derive(Clone, Default)]
pub struct Shell {
    /// Name of the organisation, from the settings.
    pub organisation: String,
    /// Title of the page without the product's name: "Sign in to Heap".
    pub title: String,
    /// Who is signed in; `None` at the gate.
    pub person: Option<SignedIn>,
    /// The navigation item that is current.
    pub nav: Nav,
    /// Synchroniser token of every form of this page.
    pub csrf: String,
    /// Colours the person chose.
    pub theme: Theme,
    /// What holds while the page is open, drawn under the title.
    pub banners: Vec<Banner>,
    /// What was just done.
    pub toast: Option<Toast>,
    /// What was wrong with the form that came back: listed above it and beside each field. `field` is the
    /// `name` of the input.
    pub errors: Vec<FieldError>,
    /// Reference of this request, for the log and the help desk; empty when there is none.
    pub reference: String,
    /// Whether the person may change things in the console; an auditor may not, and sees no buttons.
    pub can_edit: bool,
    /// Parts of the console that the person's role does not open: they are left out of the navigation.
    pub closed: Vec<Nav>,
}

/// Who is signed in.
#[derive(Clone)]
pub struct SignedIn {
    /// Display name.
    pub name: String,
    /// One or two letters for the round token.
    pub initials: String,
    /// Role in words: "Owner"; empty for people without one.
    pub role: String,
    /// Whether the bar shows *Console*.
    pub can_open_console: bool,
}

/// The current item of the navigation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nav {
    /// None of them.
    #[default]
    None,
    /// The portal.
    Portal,
    /// The person's own page.
    Account,
    /// Applications of the console.
    Applications,
    /// Catalog.
    Catalog,
    /// People.
    Users,
    /// Groups.
    Groups,
    /// Events.
    Events,
    /// Settings.
    Settings,
    /// API tokens.
    Tokens,
    /// What the REST API can do.
    Api,
}

/// Colours of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the device says.
    #[default]
    Auto,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// The value of `data-theme` and of the form field `theme`; empty for [`Theme::Auto`].
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// A message that holds while it is so.
#[derive(Clone)]
pub struct Banner {
    /// [`Tone::Ok`], [`Tone::Warn`], [`Tone::Danger`] or [`Tone::Info`].
    pub tone: Tone,
    /// What is so.
    pub title: String,
    /// What follows from it, what to do; empty when the title says it all.
    pub body: String,
    /// A list below the body; a link with an empty `href` is plain text.
    pub items: Vec<Link>,
    /// A button.
    pub action: Option<Link>,
}

impl Banner {
    /// A banner of a title and a sentence.
    pub fn new(tone: Tone, title: impl Into<String>, body: impl Into<String>) -> Self {
        Self { tone, title: title.into(), body: body.into(), items: Vec::new(), action: None }
    }
}

/// What was just done, and is now true.
#[derive(Clone)]
pub struct Toast {
    /// Whether it failed.
    pub failed: bool,
    /// One sentence.
    pub text: String,
}

impl Shell {
    /// The URL of a file under `assets/`, with its version.
    #[must_use]
    pub fn asset(&self, name: &str) -> String {
        asset_url(name)
    }

    /// An icon of the house, hidden from assistive technology: the text beside it says what it means.
    #[must_use]
    pub fn icon(&self, name: &'static str) -> Icon {
        Icon { name, class: "icon" }
    }

    /// The same, 16 px.
    #[must_use]
    pub fn small_icon(&self, name: &'static str) -> Icon {
        Icon { name, class: "icon icon--s" }
    }

    /// The hidden CSRF field, first thing in every form that posts.
    #[must_use]
    pub fn csrf_field(&self) -> CsrfField {
        CsrfField { token: self.csrf.clone() }
    }

    /// What was wrong with the input of this name.
    #[must_use]
    pub fn error_of(&self, name: &str) -> Option<&str> {
        self.errors.iter().find(|error| error.field == name).map(|error| error.message.as_str())
    }

    /// A text input with its label and, if it came back wrong, its error.
    #[must_use]
    pub fn field(&self, name: &str, label: &str, value: &str) -> Field {
        Field::new(name, label, value, self.error_of(name))
    }

    /// A list to choose one from.
    #[must_use]
    pub fn select(&self, name: &str, label: &str, choices: &[Choice]) -> Select {
        Select::new(name, label, choices, self.error_of(name))
    }

    /// A checkbox.
    #[must_use]
    pub fn check(&self, name: &str, label: &str, checked: impl Borrow<bool>) -> Check {
        Check::new(name, label, *checked.borrow(), self.error_of(name))
    }

    /// A value to be pasted elsewhere, with its copy button.
    #[must_use]
    pub fn copy(&self, id: &str, label: &str, value: &str) -> CopyValue {
        CopyValue { id: id.to_owned(), label: label.to_owned(), value: value.to_owned(), clip: false }
    }

    /// The button that leads to a decision: opens the dialog, or posts to its page without JavaScript.
    #[must_use]
    pub fn ask(&self, decision: &Decision) -> crate::web::pages::parts::Ask {
        crate::web::pages::parts::Ask::new(self, decision)
    }

    /// Whether the navigation shows this part.
    #[must_use]
    pub fn opens(&self, part: Nav) -> bool {
        !self.closed.contains(&part)
    }

    /// Where the brand leads: the portal, or nothing when nobody is signed in.
    #[must_use]
    pub fn home(&self) -> &'static str {
        if self.person.is_some() { urls::portal() } else { urls::login() }
    }
}

/// An icon out of `icons.svg`.
pub struct Icon {
    name: &'static str,
    class: &'static str,
}

impl fmt::Display for Icon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, class } = self;
        write!(
            f,
            r#"<svg class="{class}" aria-hidden="true"><use href="{}#i-{name}"/></svg>"#,
            asset_url("icons.svg")
        )
    }
}

// Name and class are literals of ours, the URL is built from a file name: nothing in it comes from a person.
impl askama::filters::HtmlSafe for Icon {}

/// The hidden field that carries the synchroniser token (A-23).
#[derive(askama::Template)]
#[template(ext = "html", source = r#"<input type="hidden" name="csrf" value="{{ token }}">"#)]
pub struct CsrfField {
    token: String,
}

impl askama::filters::HtmlSafe for CsrfField {}
