//! The console: one file for each page or family of pages. A handler reads the request, calls operations of the rooms
//! below and fills a page of [`crate::web::pages`]; forms lead on by 303, and come back with what was typed when
//! something of them can't be accepted.
//!
//! Start with [`routes`]. What all pages share stands in [`frame`]; the password that is asked for again in
//! [`step_up`].

pub mod application;
pub mod application_new;
pub mod applications;
pub mod bindings;
pub mod catalog;
pub mod connector_new;
pub mod ending;
pub mod events;
mod exchanges;
pub mod frame;
pub mod groups;
pub mod metadata_signing;
pub mod posted;
pub mod provisioning;
mod scim;
pub mod seen;
pub mod settings;
pub mod sso;
pub mod step_up;
pub mod tokens;
pub mod upgrade;
pub mod user;
pub mod user_form;
pub mod users;

use crate::base::urls;
use crate::web::error::Answer;
use crate::web::extract::Console;
use crate::web::extract::permission::AnyRole;
use crate::web::routes::{METADATA_FORM_LIMIT, Routes};
use crate::web::see_other;

/// The routes of the console.
#[must_use]
pub fn routes() -> Routes {
    application_routes().with(provisioning_routes()).with(people_routes()).with(system_routes())
}

fn application_routes() -> Routes {
    let app = "{application}";
    Routes::new()
        .get(urls::admin_applications(), applications::list_applications)
        .post_up_to(
            application_new::UPLOAD_LIMIT,
            urls::admin_applications(),
            application_new::create_application,
        )
        .get(urls::admin_application_new(), application_new::new_application)
        .post(urls::admin_applications_delete(), applications::delete_applications)
        .get("/admin/applications/{application}", application::open_application)
        .get(&urls::admin_application_saved(app), application_new::application_saved)
        .get(&urls::admin_general(app), application::show_general)
        .post(&urls::admin_general(app), application::save_general)
        .post_up_to(application_new::UPLOAD_LIMIT, &urls::admin_logo(app), application::upload_logo)
        .post(&urls::admin_logo_remove(app), application::remove_logo)
        .get(&urls::admin_sso(app), sso::show_sso)
        .post(&urls::admin_sso(app), sso::save_sso)
        .post(&urls::admin_sso_deactivate(app), sso::deactivate)
        .post(&urls::admin_sso_test(app), sso::test::test_sign_on)
        .get(&urls::admin_sso_preview(app), sso::preview::show_preview)
        .post(&urls::admin_sso_profile(app), sso::profile::set_profile)
        .post_up_to(METADATA_FORM_LIMIT, &urls::admin_sp_metadata(app), sso::metadata::sp_metadata)
        .get(&urls::admin_connector_upgrade(app), upgrade::show)
        .post(&urls::admin_connector_upgrade(app), upgrade::take_over)
        .get(&urls::admin_sp_source(app), sso::source::show_form)
        .post(&urls::admin_sp_source(app), sso::source::set_source)
        .post(&urls::admin_sp_source_refresh(app), sso::source::refresh)
        .get(&urls::admin_sp_source_changes(app), sso::source::show_changes)
        .post(&urls::admin_sp_source_accept(app), sso::source::accept)
        .post(&urls::admin_sp_source_discard(app), sso::source::discard)
        .post(&urls::admin_sp_source_remove(app), sso::source::remove)
        .post_up_to(
            sso::certificates::UPLOAD_LIMIT,
            &urls::admin_sp_certificates(app),
            sso::certificates::add_certificate,
        )
        .post(&urls::admin_sp_certificate_remove(app, "{certificate}"), sso::certificates::remove_certificate)
        .post(&urls::admin_keys(app), sso::keys::stage)
        .get(&urls::admin_key_certificate(app, "{key}"), sso::keys::certificate)
        .post(&urls::admin_key_publish(app, "{key}"), sso::keys::publish)
        .post(&urls::admin_key_withdraw(app, "{key}"), sso::keys::withdraw)
        .post(&urls::admin_key_promote(app, "{key}"), sso::keys::promote)
        .post(&urls::admin_key_delete(app, "{key}"), sso::keys::delete)
        .post(&urls::admin_key_test(app, "{key}"), sso::keys::test)
        .get(&urls::admin_bindings(app), bindings::show_bindings)
        .post(&urls::admin_bind(app), bindings::bind)
        .post(&urls::admin_unbind(app, "{group}"), bindings::unbind)
        .get(&urls::admin_activity(app), application::show_activity)
        .post(&urls::admin_record(app), exchanges::record)
        .get(&urls::admin_exchange(app, "{exchange}"), exchanges::show_exchange)
        .get(urls::admin_exchange_find(), exchanges::find_exchange)
        .get(urls::admin_catalog(), catalog::list_connectors)
        .get(urls::admin_connector_new(), connector_new::show)
        .get(&urls::admin_connector("{connector}"), catalog::show_connector)
}

fn provisioning_routes() -> Routes {
    let app = "{application}";
    Routes::new()
        .get(&urls::admin_provisioning(app), provisioning::show_provisioning)
        .post(&urls::admin_provisioning(app), provisioning::save_provisioning)
        .post(&urls::admin_provisioning_token(app), provisioning::update_token)
        .get(&urls::admin_provisioning_certificate(app), provisioning::certificate::download)
        .post(&urls::admin_provisioning_certificate_make(app), provisioning::certificate::make)
        .post(&urls::admin_provisioning_deactivate(app), provisioning::deactivate)
        .post(&urls::admin_provisioning_mapping(app), provisioning::mapping::change_mapping)
        .post(&urls::admin_provisioning_dry_run(app), provisioning::dry_run::show_dry_run)
        .get(&urls::admin_provisioning_preview(app), provisioning::preview::show_preview)
        .get(&urls::admin_provisioning_state(app), provisioning::standing::show_state)
        .post(&urls::admin_provisioning_retry(app), provisioning::standing::retry)
        .post(&urls::admin_provisioning_approvals(app), provisioning::standing::decide)
        .get(&urls::admin_provisioning_import(app), provisioning::import::show_import)
        .post(&urls::admin_provisioning_import(app), provisioning::import::begin)
        .post(&urls::admin_provisioning_import_scan(app), provisioning::import::scan)
        .post(&urls::admin_provisioning_import_stop(app), provisioning::import::stop)
        .get(&urls::admin_provisioning_comparison(app), provisioning::comparison::show_comparison)
        .post(&urls::admin_provisioning_comparison(app), provisioning::comparison::compare)
}

fn people_routes() -> Routes {
    let (user, group) = ("{user}", "{group}");
    Routes::new()
        .get(urls::admin_users(), users::list_users)
        .post(urls::admin_users(), user_form::create_user)
        .get(urls::admin_user_new(), user_form::new_user)
        .get(&urls::admin_user(user), user::show_user)
        .get(&urls::admin_user_edit(user), user_form::edit_user)
        .post(&urls::admin_user_edit(user), user_form::save_user)
        .post(&urls::admin_user_suspend(user), user::suspend_user)
        .post(&urls::admin_user_activate(user), user::activate_user)
        .post(&urls::admin_user_delete(user), user::delete_user)
        .post(&urls::admin_user_reset_link(user), user::make_reset_link)
        .post(&urls::admin_user_sign_out(user), user::sign_out_user)
        .post(&urls::admin_user_groups(user), user::add_to_group)
        .post(&urls::admin_user_role(user), user::set_role)
        .post(&urls::admin_user_scim(user), scim::manage_user)
        .get(urls::admin_groups(), groups::list_groups)
        .post(urls::admin_groups(), groups::create_group)
        .get(urls::admin_group_new(), groups::new_group)
        .get(&urls::admin_group(group), groups::show_group)
        .get(&urls::admin_group_edit(group), groups::edit_group)
        .post(&urls::admin_group_edit(group), groups::save_group)
        .post(&urls::admin_group_delete(group), groups::delete_group)
        .post(&urls::admin_group_scim(group), scim::manage_group)
        .post(&urls::admin_group_member_add(group), groups::add_member)
        .post(&urls::admin_group_member_remove(group, user), groups::remove_member)
        .post(&urls::admin_group_bind(group), groups::bind_application)
        .post(&urls::admin_group_unbind(group, "{application}"), groups::unbind_application)
}

fn system_routes() -> Routes {
    Routes::new()
        .get(urls::admin(), enter)
        .get(urls::admin_events(), events::list_events)
        .get(urls::admin_events_export(), events::export_events)
        .get(urls::admin_settings(), settings::show_settings)
        .post(urls::admin_settings(), settings::save_settings)
        .post(urls::admin_metadata_signing(), metadata_signing::set_signing)
        .post(urls::admin_metadata_keys(), metadata_signing::stage)
        .post(&urls::admin_metadata_key_promote("{key}"), metadata_signing::promote)
        .post(&urls::admin_metadata_key_delete("{key}"), metadata_signing::delete)
        .get(urls::admin_tokens(), tokens::list_tokens)
        .post(urls::admin_tokens(), tokens::create_token)
        .post(&urls::admin_token_revoke("{token}"), tokens::revoke_token)
}

/// `GET /admin`: every role may see the applications.
async fn enter(_: Console<AnyRole>) -> Answer {
    Ok(see_other(urls::admin_applications()))
}
