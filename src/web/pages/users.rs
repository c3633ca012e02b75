//! People: the list, one person, and the form.

use askama::Template;

use crate::base::urls;
use crate::web::pages::account::SessionRow;
use crate::web::pages::parts::{Choice, Crumbs, Decision, EventLine, Facts, Link, Mark, Pager, Status, When};
use crate::web::pages::shell::Shell;

/// `GET /admin/users?q=&state=&cursor=`.
#[derive(Template)]
#[template(path = "console/users.html")]
pub struct UsersPage {
    /// Around the page.
    pub shell: Shell,
    /// What was searched for.
    pub query: String,
    /// States to filter by.
    pub states: Vec<Choice>,
    /// Rows, by name.
    pub rows: Vec<UserRow>,
    /// Paging.
    pub pager: Pager,
}

/// A row of it.
#[derive(Clone)]
pub struct UserRow {
    /// Id.
    pub id: String,
    /// Display name.
    pub name: String,
    /// One or two letters.
    pub initials: String,
    /// Username.
    pub username: String,
    /// E-mail.
    pub email: String,
    /// Active, staged, suspended.
    pub state: Status,
    /// Department; may be empty.
    pub department: String,
    /// Role; empty for none.
    pub role: String,
    /// Last sign-in.
    pub seen: When,
}

/// `GET /admin/users/{id}`.
#[derive(Template)]
#[template(path = "console/user.html")]
pub struct UserPage {
    /// Around the page.
    pub shell: Shell,
    /// Id.
    pub id: String,
    /// Display name.
    pub name: String,
    /// One or two letters.
    pub initials: String,
    /// E-mail.
    pub email: String,
    /// Active, staged, suspended.
    pub state: Status,
    /// "Signed in today, 09:41"; may be empty.
    pub seen: String,
    /// Properties that have a value.
    pub facts: Facts,
    /// Applications they can open, by name.
    pub applications: Vec<UserApplication>,
    /// Groups they are in.
    pub groups: Vec<UserGroup>,
    /// Groups they could be added to: value is the id.
    pub joinable: Vec<Choice>,
    /// Sessions, newest first.
    pub sessions: Vec<SessionRow>,
    /// Their last events.
    pub lately: Vec<EventLine>,
    /// All their events.
    pub events_href: String,
    /// Roles to give, the present one marked; empty: the viewer may not give roles.
    pub roles: Vec<Choice>,
    /// Role in words: "Owner", "None".
    pub role: String,
    /// Whether inbound SCIM may change them.
    pub scim_managed: bool,
    /// Whether they have a role, so that it may not.
    pub has_role: bool,
    /// Suspending; `None` when they are suspended (then *Activate* is offered) or may not be.
    pub suspension: Option<Decision>,
    /// Whether *Activate* is offered.
    pub can_activate: bool,
    /// Deleting; `None` when they may not be (the last owner, oneself).
    pub deletion: Option<Decision>,
}

/// An application a person can open.
#[derive(Clone)]
pub struct UserApplication {
    /// Its mark with its label.
    pub mark: Mark,
    /// Its page.
    pub href: String,
    /// The groups that give it.
    pub through: Vec<String>,
    /// How it stands with their account there; `None` where nothing is provisioned.
    pub account: Option<Status>,
    /// Whether it is active; an inactive one opens for nobody.
    pub status: Status,
    /// Last sign-on there.
    pub used: When,
}

/// A group a person is in.
#[derive(Clone)]
pub struct UserGroup {
    /// Name and page.
    pub group: Link,
    /// Where *Remove* posts; empty for `Everyone`, which nobody leaves.
    pub remove_action: String,
}

/// `GET /admin/users/new` and `/admin/users/{id}/edit`. Inputs are the names of `POST /users`; `phone_numbers.{n}.type`,
/// `phone_numbers.{n}.value`, `addresses.{n}.type` and its parts, `custom` as `name = value` lines.
#[derive(Template)]
#[template(path = "console/user_form.html")]
pub struct UserFormPage {
    /// Around the page.
    pub shell: Shell,
    /// The way here.
    pub crumbs: Crumbs,
    /// Where it posts: `urls::admin_users()` or `urls::admin_user_edit(id)`.
    pub action: String,
    /// Where *Cancel* leads.
    pub cancel_href: String,
    /// Whether it makes a new person: then a password may be given.
    pub new: bool,
    /// The version that the form is drawn from; 0 for a new person.
    pub version: i64,
    /// Shortest password.
    pub password_min: u32,
    /// What was typed, or what is.
    pub values: UserValues,
    /// What a freed username or e-mail would inherit: shown with a checkbox `reuse`.
    pub reuse_warning: Option<String>,
}

/// The properties of a person, as text.
#[derive(Clone, Default)]
pub struct UserValues {
    /// `username`
    pub username: String,
    /// `email`
    pub email: String,
    /// `first_name`
    pub first_name: String,
    /// `middle_name`
    pub middle_name: String,
    /// `last_name`
    pub last_name: String,
    /// `display_name`
    pub display_name: String,
    /// `employee_identifier`
    pub employee_identifier: String,
    /// `employee_type`
    pub employee_type: String,
    /// `job_title`
    pub job_title: String,
    /// `department`
    pub department: String,
    /// `company`
    pub company: String,
    /// `cost_center`
    pub cost_center: String,
    /// `location`
    pub location: String,
    /// `manager`: username or e-mail of the manager, as typed.
    pub manager: String,
    /// `locale`
    pub locale: String,
    /// `preferred_language`
    pub preferred_language: String,
    /// `timezone`
    pub timezone: String,
    /// Phone numbers, the last row empty for another.
    pub phone_numbers: Vec<PhoneRow>,
    /// Addresses, the last row empty for another.
    pub addresses: Vec<AddressRow>,
    /// Custom attributes, `name = value`, one a line.
    pub custom: String,
}

/// A phone number.
#[derive(Clone, Default)]
pub struct PhoneRow {
    /// `work`, `mobile`, …
    pub kind: String,
    /// The number.
    pub value: String,
}

/// A postal address.
#[derive(Clone, Default)]
pub struct AddressRow {
    /// `work`, `home`
    pub kind: String,
    /// `street_address`
    pub street_address: String,
    /// `locality`
    pub locality: String,
    /// `region`
    pub region: String,
    /// `postal_code`
    pub postal_code: String,
    /// `country`
    pub country: String,
}
