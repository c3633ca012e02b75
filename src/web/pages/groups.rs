//! Groups: the list, one group, and the form.

use askama::Template;

use crate::base::urls;
use crate::web::pages::parts::{Choice, Crumbs, Decision, Mark, Pager, Status};
use crate::web::pages::shell::Shell;

/// `GET /admin/groups?q=&cursor=`.
#[derive(Template)]
#[template(path = "console/groups.html")]
pub struct GroupsPage {
    /// Around the page.
    pub shell: Shell,
    /// What was searched for.
    pub query: String,
    /// Rows, by name.
    pub rows: Vec<GroupRow>,
    /// Paging.
    pub pager: Pager,
}

/// A row of it.
#[derive(Clone)]
pub struct GroupRow {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Description; may be empty.
    pub description: String,
    /// How many people.
    pub people: String,
    /// How many applications it opens.
    pub applications: String,
    /// Whether it is built in (`Everyone`).
    pub built_in: bool,
}

/// `GET /admin/groups/{id}?q=&cursor=`.
#[derive(Template)]
#[template(path = "console/group.html")]
pub struct GroupPage {
    /// Around the page.
    pub shell: Shell,
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Description; may be empty.
    pub description: String,
    /// Whether it is built in: members are all active people, nothing of it can be edited but its applications.
    pub built_in: bool,
    /// Whether inbound SCIM may change it.
    pub scim_managed: bool,
    /// "107 people, 3 applications"
    pub summary: String,
    /// What members were searched for.
    pub query: String,
    /// Members, by name, one page of them.
    pub members: Vec<MemberRow>,
    /// Paging of the members.
    pub pager: Pager,
    /// What was typed to add a person, when that failed.
    pub add_person: String,
    /// Applications it opens.
    pub applications: Vec<GroupApplication>,
    /// Applications it could open: value is the id.
    pub bindable: Vec<Choice>,
    /// Deleting it; `None` for a built-in one.
    pub deletion: Option<Decision>,
}

/// A member.
#[derive(Clone)]
pub struct MemberRow {
    /// Id.
    pub id: String,
    /// Display name.
    pub name: String,
    /// One or two letters.
    pub initials: String,
    /// E-mail or username.
    pub email: String,
    /// Active, staged, suspended.
    pub state: Status,
}

/// An application a group opens.
#[derive(Clone)]
pub struct GroupApplication {
    /// Its mark with its label.
    pub mark: Mark,
    /// Its page.
    pub href: String,
    /// Active, draft, off.
    pub status: Status,
    /// Unbinding it, with its effects.
    pub unbind: Decision,
}

/// `GET /admin/groups/new` and `/admin/groups/{id}/edit`. Posts `name` and `description`.
#[derive(Template)]
#[template(path = "console/group_form.html")]
pub struct GroupFormPage {
    /// Around the page.
    pub shell: Shell,
    /// The way here.
    pub crumbs: Crumbs,
    /// Where it posts.
    pub action: String,
    /// Where *Cancel* leads.
    pub cancel_href: String,
    /// Whether it makes a new group.
    pub new: bool,
    /// The version that the form is drawn from; 0 for a new group.
    pub version: i64,
    /// `name`
    pub name: String,
    /// `description`
    pub description: String,
}
