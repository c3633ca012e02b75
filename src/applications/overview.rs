//! What lists say of many applications at once: people, states. One statement a page, whatever its length.

use std::collections::HashMap;

use crate::applications::model::{Application, Status};
use crate::applications::store;
use crate::base::id::{ApplicationId, GroupId};
use crate::base::paging::{Page, PageRequest};
use crate::base::{Error, Result, Timestamp};
use crate::db::Executor;

/// Most applications that are asked about at once: a page of them.
pub const MOST: usize = store::PAGE;

/// One page of applications by label, in one state if it is named; `text` narrows by label and address.
pub async fn list(
    executor: &mut impl Executor,
    text: &str,
    status: Option<Status>,
    page: &PageRequest,
) -> Result<Page<Application>> {
    let rows = store::list_in(executor, text, status, page.after.as_deref(), page.fetch()).await?;
    Ok(Page::cut(rows, page, Application::sort_key))
}

/// How many active people may use each of these applications, at most [`MOST`] of them.
pub async fn count_people(
    executor: &mut impl Executor,
    applications: &[ApplicationId],
) -> Result<HashMap<ApplicationId, i64>> {
    if applications.len() > MOST {
        return Err(Error::internal("more applications than a page of them"));
    }
    store::count_people_of(executor, applications).await
}

/// How many applications each group is bound to; groups with none are left out.
pub async fn count_by_group(executor: &mut impl Executor) -> Result<HashMap<GroupId, i64>> {
    store::count_bindings_by_group(executor).await
}

/// When the current certificate of each application ends, by slug: one statement.
pub async fn certificate_ends(executor: &mut impl Executor) -> Result<Vec<(String, Timestamp)>> {
    store::list_certificate_ends(executor).await
}

/// A group bound to an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundGroup {
    /// Its id.
    pub id: GroupId,
    /// Its name.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// Whether it is `Everyone`.
    pub built_in: bool,
    /// How many active people are in it.
    pub people: i64,
    /// Since when it is bound.
    pub since: Timestamp,
}

/// The groups bound to an application, by name.
pub async fn bound_groups(
    executor: &mut impl Executor,
    application: ApplicationId,
) -> Result<Vec<BoundGroup>> {
    store::list_bound(executor, application).await
}
