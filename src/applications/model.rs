//! What a configured application is.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::Timestamp;
use crate::base::accent::Accent;
use crate::base::id::ApplicationId;
use crate::catalog::model::Connector;
use crate::catalog::sso::SsoSettings;

macro_rules! text_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }
        impl $name {
            /// The text in the database and in JSON.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
        impl FromStr for $name {
            type Err = ();
            fn from_str(text: &str) -> Result<Self, ()> {
                match text { $($text => Ok(Self::$variant),)+ _ => Err(()) }
            }
        }
    };
}

text_enum! {
    /// What sort of tile it is.
    Kind {
        /// Single sign-on.
        Saml = "saml",
        /// A link.
        Bookmark = "bookmark",
    }
}

text_enum! {
    /// Whether people can use it.
    Status {
        /// Never yet.
        Draft = "draft",
        /// Yes.
        Active = "active",
        /// Not any more.
        Inactive = "inactive",
    }
}

/// A configured application.
#[derive(Clone, Debug, PartialEq)]
pub struct Application {
    /// Its id.
    pub id: ApplicationId,
    /// What sort of tile it is.
    pub kind: Kind,
    /// The connector it was made from, as it was then: a later one of the catalog changes nothing of this application
    /// until somebody accepts it.
    pub made_from: Arc<Connector>,
    /// Name on the tile.
    pub label: String,
    /// Sentence under it.
    pub description: String,
    /// Last part of the IdP URL. Never changes.
    pub slug: String,
    /// Colour of the tile without a logo.
    pub accent: Accent,
    /// Whether the portal shows it to those who may use it.
    pub show_in_portal: bool,
    /// Whether people can use it.
    pub status: Status,
    /// Entity ID of Tessera towards this application: an absolute URI, unique, written out in full.
    pub idp_entity_id: String,
    /// Where a bookmark leads.
    pub bookmark_url: Option<String>,
    /// Values of the connector's placeholders, as typed by the administrator.
    pub placeholders: BTreeMap<String, String>,
    /// Single sign-on settings; templates where placeholders stand.
    pub sso: SsoSettings,
    /// SHA-256 of the logo, when there is one.
    pub logo: Option<String>,
    /// Counts changes; the `ETag`.
    pub version: i64,
    /// Since when.
    pub created_at: Timestamp,
    /// Changed last.
    pub updated_at: Timestamp,
}

impl Application {
    /// Key by which lists are sorted: label without case, then id.
    #[must_use]
    pub fn sort_key(&self) -> String {
        format!("{}\u{1f}{}", label_key(&self.label), self.id)
    }

    /// Whether people with a bound group can use it.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.status == Status::Active
    }
}

/// A label without case, for sorting and searching.
#[must_use]
pub fn label_key(label: &str) -> String {
    label.trim().to_lowercase()
}
