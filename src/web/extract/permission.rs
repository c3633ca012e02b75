//! Permissions as types, so that a handler's signature states its own: `Console<PeopleWrite>`.

use axum::extract::MatchedPath;
use axum::http::request::Parts;

use crate::auth::Permission;
use crate::base::{Actor, Ctx, Error};
use crate::events::{self, Event, EventName, Outcome};
use crate::web::state::Web;

/// A permission that a credential must have.
pub trait Needs: Send + Sync + 'static {
    /// The permission; `None`: any role will do.
    const PERMISSION: Option<Permission>;
}

/// Records that somebody known was refused an action (W-14): once a minute for each kind of action, so that nobody fills
/// the disk by asking. The log has a line for each.
pub(in crate::web) async fn note_refusal(web: &Web, ctx: &Ctx, parts: &Parts) -> Result<(), Error> {
    let route = parts.extensions.get::<MatchedPath>().map_or("-", MatchedPath::as_str);
    note_denial(web, ctx, parts.method.as_str(), route).await
}

/// The same, of a route by its template.
pub(in crate::web) async fn note_denial(
    web: &Web,
    ctx: &Ctx,
    method: &str,
    route: &str,
) -> Result<(), Error> {
    let who = match &ctx.actor {
        Actor::User { id, .. } => id.to_string(),
        Actor::Token { id, .. } => id.to_string(),
        _ => String::new(),
    };
    let denial = (who, format!("{method} {route}"));
    if web.denials.call(denial.clone(), ctx.now(), 1).is_err() {
        return Ok(());
    }
    let event = Event::new(EventName::AuthorizationDenied)
        .outcome(Outcome::Denied)
        .detail("method", method)
        .detail("route", route);
    let written = web.installation.commits.write(events::steps(ctx, event)?).await;
    if written.is_err() {
        web.denials.forget(&denial);
    }
    written
}

/// Any role; of tokens, any that a person can have.
#[derive(Clone, Copy, Debug)]
pub struct AnyRole;

impl Needs for AnyRole {
    const PERMISSION: Option<Permission> = None;
}

macro_rules! permissions {
    ($($name:ident)*) => {
        $(
            #[doc = concat!("[`Permission::", stringify!($name), "`].")]
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            impl Needs for $name {
                const PERMISSION: Option<Permission> = Some(Permission::$name);
            }
        )*

        #[cfg(test)]
        const COVERED: &[Permission] = &[$(Permission::$name),*];
    };
}

permissions! {
    ApplicationsRead ApplicationsWrite CatalogRead KeysRead KeysWrite PeopleRead PeopleWrite GroupsRead GroupsWrite
    EventsRead EventsExport SettingsRead SettingsWrite RolesRead RolesWrite TokensRead TokensManage ScimUse
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_has_its_type() {
        assert!(Permission::ALL.iter().all(|permission| COVERED.contains(permission)));
    }
}
