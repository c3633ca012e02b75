//! What clients say of a connection: its settings and how Tessera proves itself there. Secrets are read and never shown.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::Deserialize;

use crate::base::{Error, Timestamp};
use crate::catalog::mapping::{Mapping, MappingForm};
use crate::provisioning::Credentials;
use crate::provisioning::connection::{self, ConnectionPatch, NewSecret};
use crate::provisioning::model::{Change, MassChange, OnUserDelete};

/// How Tessera proves itself to a SCIM service. Never shown again.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Auth {
    /// A token.
    Bearer {
        /// The token.
        #[schema(value_type = String)]
        token: SecretString,
    },
    /// Username and password.
    Basic {
        /// Username.
        username: String,
        /// Password.
        #[schema(value_type = String)]
        password: SecretString,
    },
    /// A token that is fetched with client credentials (RFC 6749 4.4).
    Oauth2ClientCredentials {
        /// Where it is fetched.
        token_url: String,
        /// Id of the client.
        client_id: String,
        /// Secret of the client.
        #[schema(value_type = String)]
        client_secret: SecretString,
        /// What it is asked for.
        #[serde(default)]
        scope: Option<String>,
    },
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Auth(..)")
    }
}

impl From<Auth> for Credentials {
    fn from(auth: Auth) -> Self {
        match auth {
            Auth::Bearer { token } => Self::Bearer { token },
            Auth::Basic { username, password } => Self::Basic { username, password },
            Auth::Oauth2ClientCredentials { token_url, client_id, client_secret, scope } => {
                Self::Oauth2ClientCredentials { token_url, client_id, client_secret, scope }
            }
        }
    }
}

/// Changes of a connection; what is left out stays.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProvisioningInput {
    /// Base URL of the SCIM service; placeholders may stand in it. Empty: the connector's. Another address drops the
    /// token.
    #[serde(default)]
    base_url: Option<String>,
    /// A bearer token; the short form of `auth`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    token: Option<SecretString>,
    /// How Tessera proves itself there.
    #[serde(default)]
    auth: Option<Auth>,
    /// When the secret ends, so that you are warned before.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    token_expires_at: Option<Timestamp>,
    /// Whether groups, and who is in them, are sent.
    #[serde(default)]
    manage_groups: Option<bool>,
    /// What becomes of the account of a person who is deleted here.
    #[serde(default)]
    on_user_delete: Option<OnUserDelete>,
    /// What somebody has to say yes to: `create`, `update`, `delete`.
    #[serde(default)]
    require_approval: Option<Vec<Change>>,
    /// When departures wait for a yes because they are many: more than `count` people (20) and more than `percent` of a
    /// hundred (10) of those who are managed.
    #[serde(default)]
    mass_change: Option<MassChange>,
    /// The mapping, whole.
    #[serde(default)]
    #[schema(value_type = Option<Vec<MappingForm>>)]
    mappings: Option<Vec<Mapping>>,
    /// Certificates (PEM, at most 64 KiB) of the authorities that are trusted for this application in place of the public
    /// ones. Empty: the public ones. Another choice drops the token.
    #[serde(default)]
    ca_certificate: Option<String>,
}

impl ProvisioningInput {
    pub(super) fn into_patch(self) -> Result<ConnectionPatch, Error> {
        let credentials = one_secret(self.token, self.auth)?;
        if credentials.is_none() && self.token_expires_at.is_some() {
            return Err(Error::field(
                "token_expires_at",
                "token_needed",
                "Give it together with the token it is of.",
            ));
        }
        let expires_at = self.token_expires_at;
        Ok(ConnectionPatch {
            base_url: self.base_url,
            manage_groups: self.manage_groups,
            on_user_delete: self.on_user_delete,
            require_approval: self.require_approval,
            mass_change: self.mass_change,
            mappings: self.mappings,
            ca_certificate: self.ca_certificate,
            secret: credentials.map(|credentials| NewSecret { credentials, expires_at }),
            placeholders: BTreeMap::new(),
        })
    }
}

pub(super) fn one_secret(
    token: Option<SecretString>,
    auth: Option<Auth>,
) -> Result<Option<Credentials>, Error> {
    match (token, auth) {
        (Some(_), Some(_)) => Err(Error::field("token", "two_secrets", "Give token or auth, not both.")),
        (Some(token), None) => Ok(Some(connection::bearer(token))),
        (None, auth) => Ok(auth.map(Credentials::from)),
    }
}

/// Another secret.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenInput {
    /// A bearer token; the short form of `auth`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub(super) token: Option<SecretString>,
    /// How Tessera proves itself there.
    #[serde(default)]
    pub(super) auth: Option<Auth>,
    /// When the secret ends.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) token_expires_at: Option<Timestamp>,
}
