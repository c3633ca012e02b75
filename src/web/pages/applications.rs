//! The list of applications, and the form of a new one.

use askama::Template;

use crate::base::urls;
use crate::web::pages::catalog::{Category, ConnectorCard};
use crate::web::pages::parts::{Choice, Decision, Facts, Mark, Pager, Status, Tone};
use crate::web::pages::shell::Shell;

/// `GET /admin/applications?q=&status=`.
#[derive(Template)]
#[template(path = "console/applications.html")]
pub struct ApplicationsPage {
    /// Around the page; banners tell of certificates that end soon.
    pub shell: Shell,
    /// What was searched for.
    pub query: String,
    /// States to filter by, the chosen one marked; the first is "Any status".
    pub statuses: Vec<Choice>,
    /// Rows, by name.
    pub rows: Vec<ApplicationRow>,
    /// Whether there is none at all, not even without the filter.
    pub none_yet: bool,
    /// Paging.
    pub pager: Pager,
}

/// A row of it.
#[derive(Clone)]
pub struct ApplicationRow {
    /// Id, posted as `id` when ticked.
    pub id: String,
    /// Mark with the label.
    pub mark: Mark,
    /// "Heap", "Custom SAML", "Bookmark".
    pub connector: String,
    /// What waits to be looked at: "Metadata changed"; empty when nothing does.
    pub waits: String,
    /// Sign-on: active, draft, off.
    pub status: Status,
    /// How many people may open it.
    pub people: String,
    /// When the certificate ends, with a warning's shape when soon; `None` for a bookmark.
    pub certificate: Option<Status>,
    /// "67 days left"; may be empty.
    pub certificate_note: String,
    /// Our metadata for it; empty for a bookmark.
    pub metadata_href: String,
}

/// `GET /admin/applications/new?q=&category=&connector=`. Posts `connector`, `label`, `description`, `color`, `logo`,
/// `show_in_portal`, `slug`, `understood`, `reuse`, `bookmark_url` and `csrf` to `/admin/applications` (multipart).
#[derive(Template)]
#[template(path = "console/application_new.html")]
pub struct ApplicationNewPage {
    /// Around the page.
    pub shell: Shell,
    /// What was searched for.
    pub query: String,
    /// "6 of 214 connectors match “hea”"
    pub found: String,
    /// Categories with counts, the chosen one marked; the first is *All*.
    pub categories: Vec<Category>,
    /// Connectors that match, the chosen one marked: the first of them, or all.
    pub connectors: Vec<ConnectorCard>,
    /// "Show all 214"; empty where all are there.
    pub more: String,
    /// Where all are.
    pub all_href: String,
    /// *Custom SAML application* and *Bookmark*, always offered.
    pub others: Vec<ConnectorCard>,
    /// The chosen connector, with what one should know before. `None` until one is chosen: the page then stops there.
    pub chosen: Option<ChosenConnector>,
    /// The form.
    pub values: ApplicationNewValues,
    /// `https://id.example.com/saml2/`
    pub idp_url_prefix: String,
    /// The slug that the form would give now: what was typed, else made from the label.
    pub slug_preview: String,
    /// The twelve colours: value is the accent's name, label its name in words.
    pub colors: Vec<Choice>,
    /// What somebody with the freed address would inherit (409 `recently_used`): shown with a checkbox `reuse`.
    pub reuse_warning: Option<String>,
}

/// The connector that was chosen.
#[derive(Clone)]
pub struct ChosenConnector {
    /// Its id: `heap`, `custom-saml`, `bookmark`.
    pub id: String,
    /// Its mark with its name.
    pub mark: Mark,
    /// "Product analytics"
    pub description: String,
    /// "Checked against documentation"; empty for none.
    pub verified: String,
    /// What one should know: sign-on, accounts, values needed.
    pub facts: Facts,
    /// Whether it is a bookmark: then `bookmark_url` is asked and there is no IdP URL.
    pub bookmark: bool,
}

impl ChosenConnector {
    fn portal_help(&self) -> String {
        if self.bookmark {
            "Off: there is no tile.".to_owned()
        } else {
            format!("Off: people can still sign in when they start at {} itself.", self.mark.name)
        }
    }
}

/// What was typed for a new application.
#[derive(Clone, Default)]
pub struct ApplicationNewValues {
    /// Label.
    pub label: String,
    /// Description.
    pub description: String,
    /// Slug, may be empty.
    pub slug: String,
    /// Whether it is shown in the portal.
    pub show_in_portal: bool,
    /// Address of a bookmark.
    pub bookmark_url: String,
}

/// After saving: what is now true, and the one next step (*Configure application*, *Close*).
#[derive(Template)]
#[template(path = "console/application_saved.html")]
pub struct ApplicationSavedPage {
    /// Around the page.
    pub shell: Shell,
    /// The new application.
    pub mark: Mark,
    /// Its id.
    pub id: String,
    /// Its IdP URL, absolute; empty for a bookmark.
    pub idp_url: String,
}

/// The decision to delete the given number of applications; `hidden` carries their ids. For the list's own dialog the
/// numbers are filled in by `ui.js`, for [`super::ConfirmPage`] by the handler.
#[must_use]
pub fn deletion(ids: &[String], people: &str) -> Decision {
    let count = u32::try_from(ids.len()).unwrap_or(u32::MAX);
    let what = if count == 1 { "1 application".to_owned() } else { format!("{count} applications") };
    Decision {
        id: "delete".to_owned(),
        action: urls::admin_applications_delete().to_owned(),
        button: "Delete…".to_owned(),
        button_label: String::new(),
        title: format!("Delete {what}?"),
        effects: vec![
            format!("People can no longer sign in to {} through Tessera. {people}", if count == 1 { "it" } else { "them" }),
            "Keys, certificates and IdP URLs are gone for good. Adding the application again makes new ones, which it \
             has to be given."
                .to_owned(),
            "Accounts inside the applications stay as they are. Nothing is sent to them.".to_owned(),
        ],
        hidden: ids.iter().map(|id| ("id".to_owned(), id.clone())).collect(),
        confirm: format!("Delete {what}"),
        cancel: if count == 1 { "Keep it" } else { "Keep them" }.to_owned(),
        cancel_href: urls::admin_applications().to_owned(),
        typed_count: Some(count),
        destroys: true,
    }
}
