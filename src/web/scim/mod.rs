//! Inbound SCIM 2.0 under `/scim/v2`: bearer tokens, people and groups, errors in the standard's form. A handler reads
//! what was sent, calls one operation of `directory` and shows what came of it; cookies are never looked at.
//!
//! Start with [`users`]; [`error`] tells how refusals are written, [`discovery`] what the server says of itself.

mod answer;
mod discovery;
pub mod error;
mod groups;
mod request;
mod users;

use crate::base::urls;
use crate::web::routes::Routes;

/// The routes.
#[must_use]
pub fn routes() -> Routes {
    let id = "{id}";
    Routes::new()
        .get(urls::scim_users(), users::list_users)
        .post(urls::scim_users(), users::create_user)
        .get(&urls::scim_user(id), users::show_user)
        .put(&urls::scim_user(id), users::replace_user)
        .patch(&urls::scim_user(id), users::patch_user)
        .delete(&urls::scim_user(id), users::delete_user)
        .get(urls::scim_groups(), groups::list_groups)
        .post(urls::scim_groups(), groups::create_group)
        .get(&urls::scim_group(id), groups::show_group)
        .put(&urls::scim_group(id), groups::replace_group)
        .patch(&urls::scim_group(id), groups::patch_group)
        .delete(&urls::scim_group(id), groups::delete_group)
        .get(urls::scim_config(), discovery::show_config)
        .get(urls::scim_resource_types(), discovery::list_resource_types)
        .get(&urls::scim_resource_type(id), discovery::show_resource_type)
        .get(urls::scim_schemas(), discovery::list_schemas)
        .get(&urls::scim_schema(id), discovery::show_schema)
        .post(urls::scim_search(), discovery::refuse)
        .post(urls::scim_bulk(), discovery::refuse)
        .get(urls::scim_me(), discovery::refuse)
}
