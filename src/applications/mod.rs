//! Configured applications: creation from a connector, the immutable IdP URL, placeholders, single sign-on
//! settings, group bindings, logos, activation and deletion.
//!
//! It must not know sessions, requests or messages: what a sign-on needs of an application it gives by
//! [`resolved::resolve`]. Start with [`model::Application`], then [`create::create`].

pub mod access;
pub mod binding;
pub mod create;
pub mod delete;
pub mod group_rules;
pub mod lint;
pub mod logo;
pub mod model;
pub mod overview;
pub mod resolved;
pub mod rotation;
pub mod slug;
pub mod sp_algorithms;
pub mod sp_metadata;
pub mod sp_source;
pub mod sso;
mod store;
pub mod subject;
pub mod update;
pub mod upgrade;
pub mod value;

pub use model::{Application, Kind, Status};

use crate::base::id::ApplicationId;
use crate::base::paging::{Page, PageRequest};
use crate::base::{Error, Result};
use crate::db::{Executor, Tx};

/// One application.
pub async fn find(executor: &mut impl Executor, id: ApplicationId) -> Result<Option<Application>> {
    let found = store::find(executor, id).await?;
    as_shown(executor, found).await
}

async fn as_shown(executor: &mut impl Executor, found: Option<Application>) -> Result<Option<Application>> {
    match found {
        Some(application) => group_rules::shown(executor, application).await.map(Some),
        None => Ok(None),
    }
}

/// One application, or the error that there is none.
pub async fn require(executor: &mut impl Executor, id: ApplicationId) -> Result<Application> {
    find(executor, id).await?.ok_or_else(|| Error::not_found("application"))
}

/// One application, held for a change until the transaction ends.
pub(in crate::applications) async fn locked(tx: &mut Tx, id: ApplicationId) -> Result<Application> {
    store::lock(tx, id).await?.ok_or_else(|| Error::not_found("application"))
}

/// [`locked`], as people see it.
pub async fn hold(tx: &mut Tx, id: ApplicationId) -> Result<Application> {
    let application = locked(tx, id).await?;
    group_rules::shown(tx, application).await
}

/// The application behind an IdP URL.
pub async fn find_by_slug(executor: &mut impl Executor, slug: &str) -> Result<Option<Application>> {
    let found = store::find_by_slug(executor, slug).await?;
    as_shown(executor, found).await
}

/// The slug of an application.
pub async fn slug_of(executor: &mut impl Executor, id: ApplicationId) -> Result<Option<String>> {
    Ok(store::find(executor, id).await?.map(|application| application.slug))
}

/// The application behind an IdP URL for a sign-on, and for all that anybody may ask for: rules by group name groups by
/// their ids, whatever these are called now, so that no names are looked up.
pub async fn find_for_sign_on(executor: &mut impl Executor, slug: &str) -> Result<Option<Application>> {
    store::find_by_slug(executor, slug).await
}

/// One page of applications by label; `text` narrows by label.
pub async fn list(executor: &mut impl Executor, text: &str, page: &PageRequest) -> Result<Page<Application>> {
    let mut rows = Vec::new();
    for row in store::list(executor, text, page.after.as_deref(), page.fetch()).await? {
        rows.push(group_rules::shown(executor, row).await?);
    }
    Ok(Page::cut(rows, page, model::Application::sort_key))
}

/// How many applications there are.
pub async fn count(executor: &mut impl Executor) -> Result<i64> {
    store::count(executor).await
}
