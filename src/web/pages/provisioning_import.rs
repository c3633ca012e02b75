//! Bringing people in from an application: who is there, choosing, and how it goes.

use askama::Template;

use crate::base::urls;
use crate::web::pages::application::{ApplicationHead, Tab};
use crate::web::pages::application_provisioning::KindLink;
use crate::web::pages::parts::{Link, Pager, Status};
use crate::web::pages::shell::Shell;

/// `GET /admin/applications/{id}/provisioning/import`.
#[derive(Template)]
#[template(path = "console/provisioning_import.html")]
pub struct ProvisioningImportPage {
    /// Around the page.
    pub shell: Shell,
    /// Title and tabs.
    pub app: ApplicationHead,
    /// Whether the application can be asked.
    pub active: bool,
    /// Whether the viewer may bring people in.
    pub can_import: bool,
    /// Whether anybody on this page can be ticked.
    pub can_choose: bool,
    /// The import that began last.
    pub run: Option<ImportRun>,
    /// "Read today at 14:03"; empty: never.
    pub read: String,
    /// All, new, imported …, as links; the chosen one is marked.
    pub filters: Vec<KindLink>,
    /// The people.
    pub rows: Vec<RemoteLine>,
    /// Paging.
    pub pager: Pager,
    /// "Import all 150 new people"; empty when there are none.
    pub all_new: String,
}

/// How an import goes.
#[derive(Clone, Default)]
pub struct ImportRun {
    /// Its id.
    pub id: String,
    /// Whether it still runs.
    pub running: bool,
    /// "Importing 150 people", "142 people were imported"
    pub title: String,
    /// How many were chosen.
    pub total: i64,
    /// How many it is through with.
    pub done: i64,
    /// "61 of 150 done"
    pub progress: String,
    /// What else is to be said, a sentence each.
    pub lines: Vec<String>,
    /// Who could not be made, and why.
    pub problems: Vec<(String, String)>,
}

/// A person of the application.
#[derive(Clone, Default)]
pub struct RemoteLine {
    /// Their id there.
    pub remote_id: String,
    /// How they are called.
    pub name: String,
    /// Their address or user name there; may be empty.
    pub sub: String,
    /// One or two letters.
    pub initials: String,
    /// New, imported, in conflict.
    pub status: Status,
    /// What is in the way; may be empty.
    pub note: String,
    /// Who they are here.
    pub here: Option<Link>,
    /// Whether they can be chosen.
    pub can_be_chosen: bool,
}
