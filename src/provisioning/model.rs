//! What a connection is, and what the ledger holds: the words of this room.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::base::Timestamp;
use crate::base::id::{ApplicationId, GroupId, UserId};
use crate::base::vocabulary::vocabulary;
use crate::catalog::mapping::Mapping;
use crate::catalog::model::ScimAuth;

vocabulary! {
    /// Whether people and groups are sent.
    ConnectionStatus {
        /// Never yet.
        #[default]
        Draft = "draft",
        /// Yes.
        Active = "active",
        /// Not any more.
        Inactive = "inactive",
    }
}

vocabulary! {
    /// What becomes of the account of a person who is deleted here.
    OnUserDelete {
        /// It is deleted.
        Delete = "delete",
        /// It is set inactive.
        #[default]
        Suspend = "suspend",
        /// It stays as it is.
        Nothing = "nothing",
    }
}

vocabulary! {
    /// A change at the other side.
    Change {
        /// Something new is made, or an account that is there is taken over.
        #[default]
        Create = "create",
        /// What is there is changed.
        Update = "update",
        /// An account is set inactive because nothing gives it any more.
        Deactivate = "deactivate",
        /// It is deleted.
        Delete = "delete",
    }
}

vocabulary! {
    /// People or groups.
    ResourceKind {
        /// A person's account.
        #[default]
        User = "user",
        /// A group.
        Group = "group",
    }
}

vocabulary! {
    /// How it stands with one account or group.
    State {
        /// It is there as it should be, or not there as it should not.
        #[default]
        Synced = "synced",
        /// It is to be looked at, or is tried again by itself.
        Pending = "pending",
        /// A change of it was begun, and its answer is awaited. Told of what is pending, never stored.
        Running = "running",
        /// It was refused, or failed for too long; nothing more happens by itself.
        Failed = "failed",
        /// The other side has something of the same name that is not clearly the same.
        Conflict = "conflict",
        /// Somebody has to say yes first.
        AwaitingApproval = "awaiting_approval",
        /// The other side said yes and shows something else.
        Drift = "drift",
        /// The other side took it and has yet to act on it.
        Accepted = "accepted",
    }
}

/// When so many would lose their accounts at once that a person should look first (SC-17): more than `count`, if they
/// are also more than `percent` of those who are managed. Whoever is suspended or deleted by name is not among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MassChange {
    /// People, 0 to 1,000,000.
    pub count: u32,
    /// Of a hundred, 0 to 100. With 100 nothing is ever held.
    pub percent: u32,
}

impl MassChange {
    /// Most people that can be said.
    pub const MAX_COUNT: u32 = 1_000_000;

    /// Whether so many of so many are held.
    #[must_use]
    pub fn holds(self, leaving: i64, managed: i64) -> bool {
        leaving > i64::from(self.count)
            && leaving.saturating_mul(100) > managed.saturating_mul(self.percent.into())
    }
}

impl Default for MassChange {
    /// Decision 34.
    fn default() -> Self {
        Self { count: 20, percent: 10 }
    }
}

/// What an administrator can set of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Base URL of the SCIM service, a template; `None`: the connector's.
    pub base_url: Option<String>,
    /// Whether groups and who is in them are sent.
    pub manage_groups: bool,
    /// What becomes of the account of a person who is deleted here.
    pub on_user_delete: OnUserDelete,
    /// What somebody has to say yes to.
    pub require_approval: Vec<Change>,
    /// When departures wait because they are many.
    pub mass_change: MassChange,
    /// Which attribute takes its value from where.
    pub mappings: Vec<Mapping>,
    /// The certificate authorities that are trusted there in place of the public ones, PEM; `None`: the public ones.
    pub ca_certificate: Option<String>,
}

/// What Tessera shows there as a TLS client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate, DER.
    pub certificate: Vec<u8>,
    /// Its private key, sealed.
    pub sealed_key: Vec<u8>,
}

/// A connection to an application's SCIM service.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Whose.
    pub application: ApplicationId,
    /// Whether people and groups are sent.
    pub status: ConnectionStatus,
    /// What an administrator set.
    pub settings: Settings,
    /// How Tessera proves itself there; `None`: no secret was given yet.
    pub auth: Option<ScimAuth>,
    /// The secret, sealed.
    pub sealed_secret: Option<Vec<u8>>,
    /// The address that the secret was given for.
    pub secret_for: Option<String>,
    /// What is shown there as a TLS client; made where the connector asks for it.
    pub client: Option<Box<ClientCertificate>>,
    /// The address whose ids the ledger holds.
    pub ledger_for: Option<String>,
    /// When the secret was given.
    pub secret_set_at: Option<Timestamp>,
    /// When the secret ends, as the administrator was told.
    pub secret_expires_at: Option<Timestamp>,
    /// What the other side says it can.
    pub capabilities: Option<Json>,
    /// When it last answered as a SCIM service should.
    pub verified_at: Option<Timestamp>,
    /// When it first took a change.
    pub written_at: Option<Timestamp>,
    /// How it fails, if it does.
    pub failing: Option<Failing>,
    /// Nothing is sent before this instant.
    pub paused_until: Timestamp,
    /// When what is there was last compared.
    pub reconciled_at: Option<Timestamp>,
    /// What was found then.
    pub drift: Option<Json>,
    /// Counts changes of what an administrator sets; the `ETag`.
    pub version: i64,
    /// Since when.
    pub created_at: Timestamp,
    /// Changed last.
    pub updated_at: Timestamp,
}

impl Connection {
    /// Whether people and groups are sent.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.status == ConnectionStatus::Active
    }
}

/// Why the other side can't be reached or refuses everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// Stable code.
    pub code: String,
    /// What happened and what to do.
    pub message: String,
    /// Since when.
    pub since: Timestamp,
    /// How often in a row.
    pub times: i64,
}

/// Who made what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// We did.
    Created,
    /// It was there before.
    Adopted,
}

impl Origin {
    /// The text in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Adopted => "adopted",
        }
    }
}

impl FromStr for Origin {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "created" => Ok(Self::Created),
            "adopted" => Ok(Self::Adopted),
            _ => Err(()),
        }
    }
}

/// The person or group that an entry of the ledger is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Local {
    /// A person.
    User(UserId),
    /// A group.
    Group(GroupId),
}

impl Entry {
    /// Whether exactly this was approved.
    #[must_use]
    pub fn is_approved(&self, digest: &str) -> bool {
        self.approved.as_deref().is_some_and(|approved| approved.split(' ').any(|one| one == digest))
    }
}

impl Local {
    /// People or groups.
    #[must_use]
    pub fn kind(self) -> ResourceKind {
        match self {
            Self::User(_) => ResourceKind::User,
            Self::Group(_) => ResourceKind::Group,
        }
    }
}

impl fmt::Display for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => id.fmt(f),
            Self::Group(id) => id.fmt(f),
        }
    }
}

/// An entry of the ledger: what an application is known to hold of one person or group, and what is to be done.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Of which application.
    pub application: ApplicationId,
    /// Of whom.
    pub local: Local,
    /// What they were called last.
    pub name: String,
    /// Its id there; `None`: nothing of theirs is known there.
    pub remote_id: Option<String>,
    /// Who made it.
    pub origin: Option<Origin>,
    /// Whether it is active there, as far as we know.
    pub active: bool,
    /// Their person was deleted here, and what was decided then keeps the account, inactive.
    pub kept: bool,
    /// Nothing gives them the application any more, and it is still to be taken away.
    pub owed: bool,
    /// Another account of theirs there that is still to be taken away.
    pub former_id: Option<String>,
    /// The resource as it was last confirmed.
    pub sent: Option<Json>,
    /// Raised by whatever may concern it.
    pub marks: i64,
    /// When it is looked at next; `None`: nothing is to be done.
    pub due_at: Option<Timestamp>,
    /// How it stands.
    pub state: State,
    /// A change that was begun and whose outcome is not known.
    pub attempt: Option<Change>,
    /// How often in a row it failed.
    pub attempts: i64,
    /// Since when it fails.
    pub failing_since: Option<Timestamp>,
    /// What waits for approval, or failed.
    pub change: Option<Change>,
    /// Digest of what waits for approval.
    pub asked: Option<String>,
    /// What waits for approval, or was approved: the resource, or what would change.
    pub asked_for: Option<Json>,
    /// Digests of what was approved, with spaces between.
    pub approved: Option<String>,
    /// Stable code of the last failure.
    pub code: Option<String>,
    /// What happened last, in words.
    pub message: Option<String>,
    /// Since when it is so.
    pub changed_at: Timestamp,
}
