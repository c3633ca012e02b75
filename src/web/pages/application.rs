//! One application: what its tabs share, and the tabs *General*, *Groups* and *Activity*. *SSO* and
//! *Identity management* have files of their own.

use askama::Template;

use crate::base::urls;
use crate::web::pages::exchange::Exchanges;
use crate::web::pages::parts::{Choice, Decision, EventDay, Link, Mark, Pager, Sentence, Status, When};
use crate::web::pages::shell::Shell;

/// Title and tabs of an application.
#[derive(Clone)]
pub struct ApplicationHead {
    /// Id.
    pub id: String,
    /// Mark with the label.
    pub mark: Mark,
    /// Active, draft, off.
    pub status: Status,
    /// "Heap", "Custom SAML", "Bookmark".
    pub connector: String,
    /// IdP URL without its scheme; empty for a bookmark.
    pub address: String,
    /// The current tab.
    pub tab: Tab,
    /// How many groups are bound.
    pub groups: usize,
    /// The version that forms are drawn from.
    pub version: i64,
    /// Whether it is a bookmark: then the second tab is called *Bookmark*.
    pub bookmark: bool,
}

/// A tab of an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    /// General.
    General,
    /// SSO, or the bookmark's address.
    Sso,
    /// Identity management.
    Provisioning,
    /// Groups.
    Groups,
    /// Activity.
    Activity,
}

/// `GET /admin/applications/{id}/general`. Posts `label`, `description`, `color`, `show_in_portal`.
#[derive(Template)]
#[template(path = "console/application_general.html")]
pub struct ApplicationGeneralPage {
    /// Around the page.
    pub shell: Shell,
    /// Title and tabs.
    pub app: ApplicationHead,
    /// Label.
    pub label: String,
    /// Description.
    pub description: String,
    /// The twelve colours.
    pub colors: Vec<Choice>,
    /// Whether it is shown in the portal.
    pub show_in_portal: bool,
    /// `https://id.example.com/saml2/`; empty for a bookmark.
    pub idp_url_prefix: String,
    /// The slug, for ever.
    pub slug: String,
    /// When it was added, and by whom.
    pub added: String,
    /// Deleting it (see [`super::applications::deletion`]).
    pub deletion: Decision,
}

/// `GET /admin/applications/{id}/groups?person=`.
#[derive(Template)]
#[template(path = "console/application_groups.html")]
pub struct ApplicationGroupsPage {
    /// Around the page.
    pub shell: Shell,
    /// Title and tabs.
    pub app: ApplicationHead,
    /// "4 groups, 145 people"
    pub summary: String,
    /// Bound groups, by name.
    pub bound: Vec<BoundGroup>,
    /// Groups that could be bound: value is the id, label the name with its size.
    pub bindable: Vec<Choice>,
    /// What was asked: a username or an e-mail.
    pub person: String,
    /// The answer to it.
    pub verdict: Option<Verdict>,
}

/// A group bound to an application.
#[derive(Clone)]
pub struct BoundGroup {
    /// Name, and its page.
    pub group: Link,
    /// Description; may be empty.
    pub description: String,
    /// How many people.
    pub people: String,
    /// Since when it is bound.
    pub since: When,
    /// Unbinding it, with its effects.
    pub unbind: Decision,
}

/// Whether a person can sign in to an application, and why.
#[derive(Clone)]
pub struct Verdict {
    /// Whether they can.
    pub yes: bool,
    /// "Yes, Livia Ferrante can sign in to Heap"
    pub title: String,
    /// The reason.
    pub reason: Sentence,
}

/// `GET /admin/applications/{id}/activity`.
#[derive(Template)]
#[template(path = "console/application_activity.html")]
pub struct ApplicationActivityPage {
    /// Around the page.
    pub shell: Shell,
    /// Title and tabs.
    pub app: ApplicationHead,
    /// The last exchanges; `None` for who may not look into them.
    pub exchanges: Option<Exchanges>,
    /// Whether only what provisioning did is shown.
    pub provisioning: bool,
    /// Events by day, newest first.
    pub days: Vec<EventDay>,
    /// "Times are in Europe/Rome"
    pub zone: String,
    /// Paging.
    pub pager: Pager,
}
