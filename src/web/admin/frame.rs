//! What the pages of the console have in common: the shell with what the viewer may do, messages after a form, ids
//! out of paths, refusals put where they belong.

use std::str::FromStr;

use axum::http::StatusCode;
use serde::Deserialize;

use crate::auth::Permission;
use crate::base::paging::{DEFAULT_LIMIT, PageRequest};
use crate::base::{Error, Kind};
use crate::web::error::Failure;
use crate::web::extract::Person;
use crate::web::pages::parts::Tone;
use crate::web::pages::shell::{Banner, Nav, Shell, Toast};
use crate::web::state::Web;

/// The shell of a page of the console; its buttons are there only for who may `edit`.
pub async fn shell(web: &Web, person: &Person, title: &str, nav: Nav, edit: Permission) -> Shell {
    let role = person.role();
    let allowed = |permission: Permission| role.is_some_and(|role| role.allows(permission));
    let sections = [
        (Nav::Applications, Permission::ApplicationsRead),
        (Nav::Catalog, Permission::CatalogRead),
        (Nav::Users, Permission::PeopleRead),
        (Nav::Groups, Permission::GroupsRead),
        (Nav::Events, Permission::EventsRead),
        (Nav::Tokens, Permission::TokensRead),
        (Nav::Settings, Permission::SettingsRead),
    ];
    let mut shell = person.shell(web, title, nav).await;
    shell.can_edit = allowed(edit);
    shell.closed = sections.iter().filter(|(_, needed)| !allowed(*needed)).map(|(nav, _)| *nav).collect();
    shell
}

/// The id in a path; a path without one leads nowhere.
pub fn id<T: FromStr>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|_| Failure::no_such_page())
}

/// The page of a list that is asked for.
pub fn page_request(cursor: Option<&str>) -> Result<PageRequest, Failure> {
    let cursor = cursor.filter(|cursor| !cursor.is_empty());
    Ok(PageRequest::parse(Some(DEFAULT_LIMIT), cursor)?)
}

/// Puts a refusal on the page that it is about: at its fields, or as a banner. Faults that are nobody's input go on to
/// the edge.
pub fn refuse(shell: &mut Shell, error: Error) -> Result<StatusCode, Failure> {
    let status = match error.kind {
        Kind::Invalid | Kind::Malformed | Kind::TooLarge => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::Conflict | Kind::PreconditionFailed => StatusCode::CONFLICT,
        _ => return Err(error.into()),
    };
    if error.fields.is_empty() {
        shell.banners.push(Banner::new(Tone::Danger, error.message, ""));
    } else {
        shell.errors = error.fields;
    }
    Ok(status)
}

/// What was just done, as it stands in the query after a form: a closed list, so that a link can't put words on a
/// page of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Done {
    /// Stored.
    Saved,
    /// Stored, and switched on.
    Activated,
    /// Switched off.
    Deactivated,
    /// A group and an application came together.
    Bound,
    /// They parted.
    Unbound,
    /// Somebody or something is there that was not.
    Added,
    /// Somebody or something is gone.
    Removed,
    /// Deleted.
    Deleted,
    /// A person may not come in any more.
    Suspended,
    /// Sessions were ended.
    SignedOut,
    /// A token was revoked.
    Revoked,
    /// The password was entered again.
    Confirmed,
    /// Another key signs.
    Switched,
    /// Something was fetched.
    Fetched,
    /// Something was let go of.
    Discarded,
    /// Another version of a connector was taken over.
    Upgraded,
    /// The same, and the SCIM service is at another address by it.
    Moved,
    /// Identity management was switched on.
    Connected,
    /// Identity management was switched off.
    Disconnected,
    /// Another token is in use.
    Renewed,
    /// Another client certificate is shown.
    Certified,
    /// Something is tried again.
    Retried,
    /// Changes that waited were approved.
    Approved,
    /// Changes that waited were rejected.
    Rejected,
    /// An application was compared with what it should hold.
    Compared,
    /// Who is at an application was read.
    Read,
}

impl Done {
    /// Its place in the query.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Saved => "saved",
            Self::Activated => "activated",
            Self::Deactivated => "deactivated",
            Self::Bound => "bound",
            Self::Unbound => "unbound",
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Deleted => "deleted",
            Self::Suspended => "suspended",
            Self::SignedOut => "signed_out",
            Self::Revoked => "revoked",
            Self::Confirmed => "confirmed",
            Self::Switched => "switched",
            Self::Fetched => "fetched",
            Self::Discarded => "discarded",
            Self::Upgraded => "upgraded",
            Self::Moved => "moved",
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::Renewed => "renewed",
            Self::Certified => "certified",
            Self::Retried => "retried",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Compared => "compared",
            Self::Read => "read",
        }
    }

    /// What is now true.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Saved => "Saved.",
            Self::Activated => "Switched on. It can be opened by the people of the groups bound to it.",
            Self::Deactivated => "Switched off. Nobody can open it from here.",
            Self::Bound => "Bound. It counts from the next sign-on on.",
            Self::Unbound => "Unbound. It counts from the next sign-on on.",
            Self::Added => "Added.",
            Self::Removed => "Removed.",
            Self::Deleted => "Deleted.",
            Self::Suspended => "Suspended. Every session of this person has ended.",
            Self::SignedOut => "Signed out everywhere.",
            Self::Revoked => "Revoked. Programs that use it are refused at once.",
            Self::Switched => "Switched. The next sign-on is signed with it.",
            Self::Fetched => "Asked for. What came of it stands below.",
            Self::Discarded => "Discarded. The same is not put forward again.",
            Self::Upgraded => "Taken over. It counts from the next sign-on on.",
            Self::Moved => "Taken over. The address is another one: give its token, and activate again.",
            Self::Connected => "Connected, and verified. The people of the bound groups are sent now.",
            Self::Disconnected => "Deactivated. Nothing is sent any more.",
            Self::Renewed => "The new token is saved, and the old one is gone.",
            Self::Certified => "The new certificate is made. Put it where the old one is.",
            Self::Retried => "It is tried again now.",
            Self::Approved => "Approved. It is sent now.",
            Self::Rejected => "Rejected. Nothing of it is sent.",
            Self::Compared => "Compared. What was found stands below.",
            Self::Read => "Read. Choose who comes in.",
            Self::Confirmed => "Your password is confirmed. Go on where you were.",
        }
    }

    /// The path with this in its query.
    #[must_use]
    pub fn at(self, path: &str) -> String {
        format!("{path}?done={}", self.code())
    }
}

/// The part of a query that says what was just done. What is not on the list is not said.
#[must_use]
pub fn toast(done: Option<&str>) -> Option<Toast> {
    let done: Done = serde_json::from_value(serde_json::Value::from(done?)).ok()?;
    Some(Toast { failed: false, text: done.sentence().to_owned() })
}

/// A query that carries nothing else.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct After {
    /// What was just done.
    pub done: Option<String>,
}

/// The next page of a list with its filters: `path?q=…&cursor=…`.
#[must_use]
pub fn with_query(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let mut any = false;
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
        any = true;
    }
    if any { format!("{path}?{}", query.finish()) } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_says_only_what_is_on_the_list() {
        assert_eq!(toast(Some("saved")).unwrap().text, "Saved.");
        assert!(toast(Some("<script>")).is_none() && toast(Some("")).is_none() && toast(None).is_none());
        assert_eq!(Done::SignedOut.at("/admin/users/x"), "/admin/users/x?done=signed_out");
        assert!(toast(Some(Done::SignedOut.code())).is_some());
    }

    #[test]
    fn queries_leave_out_what_is_empty_and_encode_the_rest() {
        assert_eq!(with_query("/x", &[("q", ""), ("a", "b&c")]), "/x?a=b%26c");
        assert_eq!(with_query("/x", &[("q", "")]), "/x");
    }
}
