//! Roles and what each allows: one typed table, deny by default.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::base::{Error, Result};

/// Something a caller may be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// See applications, their settings, bindings and activity.
    ApplicationsRead,
    /// Add, change, bind, activate and delete applications.
    ApplicationsWrite,
    /// See the catalog.
    CatalogRead,
    /// See keys and certificates (never a private key).
    KeysRead,
    /// Stage, promote and delete keys.
    KeysWrite,
    /// See people.
    PeopleRead,
    /// Create, change, suspend and delete people, set their passwords, end their sessions.
    PeopleWrite,
    /// See groups and their members.
    GroupsRead,
    /// Create, change and delete groups and memberships.
    GroupsWrite,
    /// See events.
    EventsRead,
    /// Export events.
    EventsExport,
    /// See the settings.
    SettingsRead,
    /// Change the settings.
    SettingsWrite,
    /// See who has which role.
    RolesRead,
    /// Give and take roles.
    RolesWrite,
    /// See API tokens (never their secrets).
    TokensRead,
    /// Create and revoke API tokens.
    TokensManage,
    /// Read people and groups over inbound SCIM, and change those that it manages.
    ScimUse,
}

impl Permission {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::ApplicationsRead,
        Self::ApplicationsWrite,
        Self::CatalogRead,
        Self::KeysRead,
        Self::KeysWrite,
        Self::PeopleRead,
        Self::PeopleWrite,
        Self::GroupsRead,
        Self::GroupsWrite,
        Self::EventsRead,
        Self::EventsExport,
        Self::SettingsRead,
        Self::SettingsWrite,
        Self::RolesRead,
        Self::RolesWrite,
        Self::TokensRead,
        Self::TokensManage,
        Self::ScimUse,
    ];
}

/// Role of an administrator, or of a token; most people have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Everything.
    Owner,
    /// Applications, their keys and bindings; reads people and groups.
    ApplicationAdmin,
    /// Reads everything, changes nothing.
    Auditor,
    /// Fills the directory over SCIM, and nothing else. Of tokens only.
    Scim,
}

impl Role {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Owner, Self::ApplicationAdmin, Self::Auditor, Self::Scim];
    /// Those that a person can have.
    pub const OF_PEOPLE: &'static [Self] = &[Self::Owner, Self::ApplicationAdmin, Self::Auditor];

    /// The name used everywhere outside the code.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::ApplicationAdmin => "application-admin",
            Self::Auditor => "auditor",
            Self::Scim => "scim",
        }
    }

    /// How the console shows it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Owner => "Owner",
            Self::ApplicationAdmin => "Application admin",
            Self::Auditor => "Auditor",
            Self::Scim => "SCIM",
        }
    }

    /// Whether the role allows it.
    #[must_use]
    pub fn allows(self, permission: Permission) -> bool {
        use Permission as P;
        match self {
            Self::Owner => true,
            Self::ApplicationAdmin => matches!(
                permission,
                P::ApplicationsRead
                    | P::ApplicationsWrite
                    | P::CatalogRead
                    | P::KeysRead
                    | P::KeysWrite
                    | P::PeopleRead
                    | P::GroupsRead
            ),
            Self::Auditor => matches!(
                permission,
                P::ApplicationsRead
                    | P::CatalogRead
                    | P::KeysRead
                    | P::PeopleRead
                    | P::GroupsRead
                    | P::EventsRead
                    | P::EventsExport
                    | P::SettingsRead
                    | P::RolesRead
                    | P::TokensRead
            ),
            Self::Scim => permission == P::ScimUse,
        }
    }

    /// Whether the role allows it, or with none what every role of people may see.
    #[must_use]
    pub fn allows_if_any(self, permission: Option<Permission>) -> bool {
        permission.map_or(Self::OF_PEOPLE.contains(&self), |permission| self.allows(permission))
    }

    /// Whether this role allows all that the other allows: only then may its holder grant the other.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        Permission::ALL.iter().all(|permission| !other.allows(*permission) || self.allows(*permission))
    }

    /// Reads a role from outside; a role that is planned but not built is refused as `not_available`.
    pub fn parse(text: &str) -> Result<Self> {
        text.parse().map_err(|()| match text {
            "help-desk" => Error::field("role", "not_available", "The role help-desk is not available yet."),
            _ => Error::field("role", "unknown_role", "Use owner, application-admin, auditor or scim."),
        })
    }
}

impl FromStr for Role {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|role| role.as_str() == text).ok_or(())
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_36_no_role_may_grant_more_than_it_has() {
        for (granter, granted) in [
            (Role::Owner, Role::ALL),
            (Role::ApplicationAdmin, &[Role::ApplicationAdmin]),
            (Role::Auditor, &[Role::Auditor]),
            (Role::Scim, &[Role::Scim]),
        ] {
            for role in Role::ALL {
                assert_eq!(granter.covers(*role), granted.contains(role), "{granter} grants {role}");
            }
        }
    }

    #[test]
    fn a_36_only_an_owner_writes_beyond_applications() {
        use Permission as P;
        let writes = [P::PeopleWrite, P::GroupsWrite, P::SettingsWrite, P::RolesWrite, P::TokensManage];
        for permission in writes {
            assert!(Role::Owner.allows(permission));
            assert!(!Role::ApplicationAdmin.allows(permission) && !Role::Auditor.allows(permission));
        }
        let of_scim = Permission::ALL.iter().filter(|permission| Role::Scim.allows(**permission));
        assert_eq!(of_scim.collect::<Vec<_>>(), [&P::ScimUse]);
        assert!(!Role::Scim.allows_if_any(None) && Role::Auditor.allows_if_any(None));
        assert!(!Role::ApplicationAdmin.allows(P::ScimUse) && !Role::Auditor.allows(P::ScimUse));
        assert!(!Role::Auditor.allows(P::ApplicationsWrite) && !Role::Auditor.allows(P::KeysWrite));
    }

    #[test]
    fn roles_that_are_not_built_are_said_so() {
        assert_eq!(Role::parse("help-desk").unwrap_err().fields[0].code, "not_available");
        assert_eq!(Role::parse("root").unwrap_err().fields[0].code, "unknown_role");
    }
}
