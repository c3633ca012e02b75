//! Where an application's SCIM service is, and how Tessera proves itself there. A secret belongs to the address that
//! it was given for, and to whom was trusted there: when one of them changes it is sent nowhere, until it is given again
//! (decision 32).

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::applications::Application;
use crate::base::id::ApplicationId;
use crate::base::{Error, FieldError, Kind, Random, Result};
use crate::catalog::model::{Provisioning, ScimAuth};
use crate::catalog::placeholder::{LocationRules, Missing, Scope};
use crate::keys;
use crate::outbound::Outbound;
use crate::provisioning::model::{Connection, Settings};
use crate::vault::Vault;

/// What the connector of an application says of SCIM.
#[must_use]
pub fn template(application: &Application) -> Option<&Provisioning> {
    application.made_from.provisioning.as_ref()
}

/// The base URL as a template: the administrator's, else the connector's.
pub fn base_template(application: &Application, settings: &Settings) -> Option<String> {
    settings.base_url.clone().or_else(|| template(application)?.base_url.clone())
}

/// Which placeholders of the base URL have no value yet.
pub fn missing(application: &Application, settings: &Settings) -> Vec<Missing> {
    let declared = &application.made_from.placeholders;
    let Some(template) = base_template(application, settings) else { return Vec::new() };
    Scope::new(declared, &application.placeholders).missing_in([("base_url", template.as_str())])
}

/// The base URL with every placeholder filled, without a slash at its end. Refused when it can't be asked at all.
pub fn base_url(outbound: &Outbound, application: &Application, settings: &Settings) -> Result<String> {
    let Some(template) = base_template(application, settings) else {
        return Err(fault("required", "Paste the base URL that the application shows for SCIM."));
    };
    let declared = &application.made_from.placeholders;
    // What may be reached by plain http is the outbound client's to say.
    let rules = LocationRules { plain_http: true, fragment: false };
    let filled = Scope::new(declared, &application.placeholders)
        .fill_field("provisioning.base_url", &template, rules)
        .map_err(|fault| {
            Error::invalid(vec![FieldError {
                field: "base_url".to_owned(),
                code: fault.code().into(),
                message: fault.to_string(),
            }])
        })?;
    if filled.contains('?') {
        return Err(fault("unusable_address", "Leave out what begins with a question mark."));
    }
    outbound.check(&filled).map_err(|failure| failure.of_field("base_url"))?;
    Ok(filled.trim_end_matches('/').to_owned())
}

fn fault(code: &'static str, message: &str) -> Error {
    Error::field("base_url", code, message)
}

/// A secret, as it is sealed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Sealed {
    Bearer {
        token: String,
    },
    Basic {
        username: String,
        password: String,
    },
    Oauth2ClientCredentials {
        token_url: String,
        client_id: String,
        client_secret: String,
        scope: Option<String>,
    },
}

/// How Tessera proves itself.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// A token.
    Bearer {
        /// It.
        token: SecretString,
    },
    /// Username and password.
    Basic {
        /// The username.
        username: String,
        /// The password.
        password: SecretString,
    },
    /// A token that is fetched (RFC 6749 4.4).
    Oauth2ClientCredentials {
        /// Where it is fetched.
        token_url: String,
        /// Id of the client.
        client_id: String,
        /// Secret of the client.
        client_secret: SecretString,
        /// What it is asked for.
        scope: Option<String>,
    },
}

impl Credentials {
    /// Which kind they are of.
    #[must_use]
    pub fn kind(&self) -> ScimAuth {
        match self {
            Self::Bearer { .. } => ScimAuth::Bearer,
            Self::Basic { .. } => ScimAuth::Basic,
            Self::Oauth2ClientCredentials { .. } => ScimAuth::Oauth2ClientCredentials,
        }
    }

    /// Refuses what no header field can carry, before it is sealed.
    pub fn check(&self) -> Result<()> {
        const LONGEST: usize = 4096;
        let fault = |field: &str, code: &'static str, message: &str| Err(Error::field(field, code, message));
        let unusable =
            |text: &str| text.is_empty() || text.len() > LONGEST || text.chars().any(char::is_control);
        match self {
            Self::Bearer { token } => {
                let token = token.expose_secret();
                if unusable(token) || token.chars().any(|c| c == ' ' || !c.is_ascii()) {
                    return fault(
                        "token",
                        "token_unusable",
                        "A token has no spaces, line ends or letters beyond ASCII. Copy it again, whole and alone.",
                    );
                }
            }
            Self::Basic { username, password } => {
                if unusable(username) || username.contains(':') || unusable(password.expose_secret()) {
                    return fault(
                        "auth",
                        "password_unusable",
                        "Give a username without a colon, and a password, each at most 4,096 characters.",
                    );
                }
            }
            Self::Oauth2ClientCredentials { client_id, client_secret, scope, .. } => {
                if unusable(client_id)
                    || unusable(client_secret.expose_secret())
                    || scope.as_deref().is_some_and(unusable)
                {
                    return fault(
                        "auth",
                        "client_unusable",
                        "Give the client's ID and secret, each at most 4,096 characters and without line ends.",
                    );
                }
            }
        }
        Ok(())
    }

    /// Seals them for one application, one address, and whom we trust there (PEM; `None`: the public authorities).
    pub fn seal(
        &self,
        vault: &Vault,
        random: &Random,
        application: ApplicationId,
        address: &str,
        trusted: Option<&str>,
    ) -> Result<Vec<u8>> {
        let plain = |secret: &SecretString| secret.expose_secret().to_owned();
        let sealed = match self {
            Self::Bearer { token } => Sealed::Bearer { token: plain(token) },
            Self::Basic { username, password } => {
                Sealed::Basic { username: username.clone(), password: plain(password) }
            }
            Self::Oauth2ClientCredentials { token_url, client_id, client_secret, scope } => {
                Sealed::Oauth2ClientCredentials {
                    token_url: token_url.clone(),
                    client_id: client_id.clone(),
                    client_secret: plain(client_secret),
                    scope: scope.clone(),
                }
            }
        };
        let text = zeroize::Zeroizing::new(serde_json::to_string(&sealed).map_err(Error::internal)?);
        vault.seal(&row(application, address, trusted), text.as_bytes(), random)
    }
}

fn row(application: ApplicationId, address: &str, trusted: Option<&str>) -> String {
    let trusted = trusted.map(|pem| format!("{}/", keys::fingerprint(pem.as_bytes()))).unwrap_or_default();
    format!("connections/{application}/{trusted}{address}")
}

/// SHA-256 of a connection's secret as it is sealed.
#[must_use]
pub fn secret_digest(connection: &Connection) -> [u8; 32] {
    openssl::sha::sha256(connection.sealed_secret.as_deref().unwrap_or_default())
}

/// The secret of a connection for this address, or the refusal that it needs another one.
pub fn credentials(vault: &Vault, connection: &Connection, address: &str) -> Result<Credentials> {
    let (Some(sealed), Some(given_for)) = (&connection.sealed_secret, &connection.secret_for) else {
        return Err(needs_token("Give the token that the application made for SCIM."));
    };
    if given_for != address {
        return Err(needs_token(
            "The address is another than the one the token was given for. Give the token again; it was not sent to the new address.",
        ));
    }
    let trusted = connection.settings.ca_certificate.as_deref();
    let plain = vault.open(&row(connection.application, address, trusted), sealed)?;
    let secret = |text: String| SecretString::from(text);
    Ok(match serde_json::from_slice(&plain).map_err(Error::internal)? {
        Sealed::Bearer { token } => Credentials::Bearer { token: secret(token) },
        Sealed::Basic { username, password } => Credentials::Basic { username, password: secret(password) },
        Sealed::Oauth2ClientCredentials { token_url, client_id, client_secret, scope } => {
            let client_secret = secret(client_secret);
            Credentials::Oauth2ClientCredentials { token_url, client_id, client_secret, scope }
        }
    })
}

/// The connection can't be used before a secret is given.
fn needs_token(message: &'static str) -> Error {
    Error::new(Kind::Conflict, "needs_token", message)
}
