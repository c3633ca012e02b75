//! People in the console: their role allows it, and the password is not too long ago (decision 15, W-09).

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::auth::{Permission, SessionView};
use crate::base::clock::MINUTE;
use crate::base::id::UserId;
use crate::base::{Ctx, Error, Timestamp, urls};
use crate::settings::Settings;
use crate::web::error::Failure;
use crate::web::extract::permission::{Needs, note_refusal};
use crate::web::extract::sealed::Sealed;
use crate::web::extract::session::{Person, epochs_of, way_back, with_next};
use crate::web::extract::{Access, Credential};
use crate::web::pages::{Nav, Shell};
use crate::web::paths::SafePath;
use crate::web::render::see_other;
use crate::web::state::{Shared, Web};

/// How long a password counts as fresh.
const FRESH: i64 = 5 * MINUTE;

/// A person in the console whose role allows `P`.
#[derive(Clone, Debug)]
pub struct Console<P> {
    /// The person.
    pub person: Person,
    needs: PhantomData<P>,
}

/// The same, with the password given within five minutes: for keys, roles, certificates and what else decides who
/// gets in where.
#[derive(Clone, Debug)]
pub struct Fresh<P> {
    /// The person.
    pub person: Person,
    needs: PhantomData<P>,
}

macro_rules! console_person {
    ($($name:ident)*) => { $(
        impl<P> $name<P> {
            /// The context, with the person as the actor.
            #[must_use]
            pub fn ctx(&self) -> &Ctx {
                &self.person.ctx
            }

            /// Who it is.
            #[must_use]
            pub fn id(&self) -> UserId {
                self.person.id()
            }

            /// Demands another permission, for what depends on the body of the request.
            pub fn require(&self, permission: Permission) -> Result<(), Failure> {
                require(&self.person.live.session, Some(permission))
            }

            /// The shell of a page of the console, ready for forms.
            pub async fn shell(&self, web: &Web, title: &str, nav: Nav) -> Shell {
                self.person.shell(web, title, nav).await
            }
        }

        impl<P> Sealed for $name<P> {}
        impl<P: Needs> Credential for $name<P> {
            const ACCESS: Access = Access::$name(P::PERMISSION);
        }
    )* };
}

console_person! { Console Fresh }

impl<P: Needs> FromRequestParts<Shared> for Console<P> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, web: &Shared) -> Result<Self, Failure> {
        Ok(Self { person: enter(parts, web, P::PERMISSION, None).await?, needs: PhantomData })
    }
}

impl<P: Needs> FromRequestParts<Shared> for Fresh<P> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, web: &Shared) -> Result<Self, Failure> {
        Ok(Self { person: enter(parts, web, P::PERMISSION, Some(FRESH)).await?, needs: PhantomData })
    }
}

async fn enter(
    parts: &mut Parts,
    web: &Shared,
    permission: Option<Permission>,
    within: Option<i64>,
) -> Result<Person, Failure> {
    let person = <Person as FromRequestParts<Shared>>::from_request_parts(parts, web).await?;
    let session = &person.live.session;
    if let Err(refused) = require(session, permission) {
        note_refusal(web, &person.ctx, parts).await?;
        return Err(refused);
    }
    let epochs = epochs_of(web, parts).await?;
    let settings = web.installation.settings(epochs).await?;
    let now = person.ctx.now();
    let last_use = web.console_use(session.session_id);
    if !is_open(session.authenticated_at, last_use, now, &settings, within) {
        let next = way_back(parts).unwrap_or_else(|| page_of(parts));
        return Err(see_other(&with_next(urls::confirm_password(), &next)).into());
    }
    web.used_console(session.session_id, now);
    Ok(person)
}

fn require(session: &SessionView, permission: Option<Permission>) -> Result<(), Failure> {
    let allowed =
        session.role.is_some_and(|role| permission.is_none_or(|permission| role.allows(permission)));
    if allowed { Ok(()) } else { Err(not_allowed()) }
}

fn not_allowed() -> Failure {
    Error::forbidden("not_allowed", "Your role does not allow this. Ask an owner of this installation.")
        .into()
}

/// Whether the password is recent enough: given or the console used within the idle time, the password in any case
/// within the longest session, and within `within` where more is asked.
fn is_open(
    authenticated_at: Timestamp,
    last_use: Option<Timestamp>,
    now: Timestamp,
    settings: &Settings,
    within: Option<i64>,
) -> bool {
    let age = now.since(authenticated_at);
    let idle = now.since(last_use.map_or(authenticated_at, |used| used.max(authenticated_at)));
    idle < i64::from(settings.console_idle_minutes) * MINUTE
        && age < i64::from(settings.session_absolute_minutes) * MINUTE
        && within.is_none_or(|limit| age < limit)
}

/// The page that a form of this path stands on, as near as can be told: the form has to be sent again anyway.
fn page_of(parts: &Parts) -> SafePath {
    let path = parts.uri.path();
    let segments: Vec<&str> = path.split('/').collect();
    let depth = match segments.get(2) {
        Some(&"applications") => 5,
        Some(&"settings") => 3,
        _ => 4,
    };
    let segments = &segments[..depth.min(segments.len())];
    let page = SafePath::parse(&segments.join("/"));
    page.or_else(|| SafePath::parse(urls::admin())).expect("the console's entrance is a page of ours")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNED_IN: Timestamp = Timestamp(0);

    fn open(last_use: Option<i64>, now: i64, within: Option<i64>) -> bool {
        let last_use = last_use.map(|minute| Timestamp(minute * MINUTE));
        is_open(SIGNED_IN, last_use, Timestamp(now * MINUTE), &Settings::default(), within)
    }

    #[test]
    fn w_09_the_console_asks_again_after_fifteen_idle_minutes() {
        assert!(open(None, 14, None));
        assert!(!open(None, 15, None), "signed in long ago, not seen in the console");
        assert!(open(Some(14), 28, None));
        assert!(!open(Some(14), 29, None));
        assert!(!open(Some(12 * 60 - 1), 12 * 60, None), "in use all day");
    }

    #[test]
    fn w_09_what_matters_asks_again_after_five_minutes() {
        assert!(open(Some(4), 4, Some(FRESH)));
        assert!(!open(Some(4), 5, Some(FRESH)));
    }

    #[test]
    fn a_22_a_form_that_is_too_late_leads_back_to_its_page() {
        let of = |path: &str| {
            let (parts, ()) = axum::http::Request::post(path).body(()).unwrap().into_parts();
            page_of(&parts).as_str().to_owned()
        };
        assert_eq!(of("/admin/applications/0190/sso/deactivate"), "/admin/applications/0190/sso");
        assert_eq!(of("/admin/users/0190/role"), "/admin/users/0190");
        assert_eq!(of("/admin/settings"), "/admin/settings");
        assert_eq!(of("/admin/settings/metadata/keys"), "/admin/settings");
    }
}
