//! The form of the connection between the two sides: drawn from what is stored, read from what was posted, and turned
//! into the patch that the API would take. Secrets are read and never drawn.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};

use crate::applications::Application;
use crate::base::FieldError;
use crate::base::clock::DAY;
use crate::catalog::model::ScimAuth;
use crate::provisioning::Credentials;
use crate::provisioning::connection::{self, ConnectionPatch, NewSecret};
use crate::provisioning::model::{Change, MassChange, OnUserDelete, Settings};
use crate::provisioning::{address, tls};
use crate::web::admin::posted::{Posted, fault};
use crate::web::admin::provisioning::Connected;
use crate::web::shown::{self, time};

/// The settings of a connection as a form holds them.
#[derive(Clone, Debug, Default)]
pub struct ConnectionFields {
    /// `base_url`
    pub base_url: String,
    /// `placeholders.…`: those of the base URL.
    pub placeholders: BTreeMap<String, String>,
    /// `manage_groups`
    pub manage_groups: bool,
    /// `on_user_delete`
    pub on_user_delete: String,
    /// `confirm_delete`: that accounts are deleted for good is meant.
    pub confirm_delete: bool,
    /// `require_approval`
    pub require_approval: Vec<String>,
    /// `mass_change_count`
    pub mass_change_count: String,
    /// `mass_change_percent`
    pub mass_change_percent: String,
    /// `ca_certificate`
    pub ca_certificate: String,
    /// How Tessera proves itself.
    pub proof: ProofFields,
}

/// How Tessera proves itself, as typed.
#[derive(Clone, Debug, Default)]
pub struct ProofFields {
    /// `auth`
    pub kind: String,
    token: SecretString,
    /// `scim_username`
    pub username: String,
    password: SecretString,
    /// `token_url`
    pub token_url: String,
    /// `client_id`
    pub client_id: String,
    client_secret: SecretString,
    /// `scope`
    pub scope: String,
    /// `token_expires_at`
    pub expires_at: String,
}

/// The settings that are stored, or that a connection starts with.
pub fn settings(connected: &Connected) -> Settings {
    let stored = connected.connection.as_ref().map(|connection| connection.settings.clone());
    stored.unwrap_or_else(|| connection::starting(connected.application()))
}

impl ConnectionFields {
    /// The form of what is stored. A new connection begins with groups where the application takes them.
    #[must_use]
    pub fn of(connected: &Connected) -> Self {
        let application = connected.application();
        let settings = settings(connected);
        let template = address::template(application);
        let kind = connected.connection.as_ref().and_then(|connection| connection.auth);
        let kind = kind.unwrap_or_else(|| template.map(|t| t.auth).unwrap_or_default());
        let fresh_groups = connected.connection.is_none() && template.is_some_and(|template| template.groups);
        Self {
            base_url: address::base_template(application, &settings).unwrap_or_default(),
            placeholders: application.placeholders.clone(),
            manage_groups: settings.manage_groups || fresh_groups,
            on_user_delete: settings.on_user_delete.as_str().to_owned(),
            confirm_delete: false,
            require_approval: settings.require_approval.iter().map(|c| c.as_str().to_owned()).collect(),
            mass_change_count: settings.mass_change.count.to_string(),
            mass_change_percent: settings.mass_change.percent.to_string(),
            ca_certificate: settings.ca_certificate.unwrap_or_default(),
            proof: ProofFields { kind: kind.as_str().to_owned(), ..ProofFields::default() },
        }
    }

    /// The form as posted.
    #[must_use]
    pub fn read(connected: &Connected, posted: &Posted) -> Self {
        let application = connected.application();
        let declared = &application.made_from.placeholders;
        let mut placeholders = application.placeholders.clone();
        for token in declared.keys() {
            let name = format!("placeholders.{token}");
            // What the form did not show stays as it is.
            if posted.has(&name) {
                placeholders.insert(token.clone(), posted.owned(&name));
            }
        }
        Self {
            base_url: posted.owned("base_url"),
            placeholders,
            manage_groups: posted.ticked("manage_groups"),
            on_user_delete: posted.owned("on_user_delete"),
            confirm_delete: posted.ticked("confirm_delete"),
            require_approval: posted.all("require_approval").to_vec(),
            mass_change_count: posted.owned("mass_change_count"),
            mass_change_percent: posted.owned("mass_change_percent"),
            ca_certificate: posted.owned("ca_certificate"),
            // An active connection has a form of its own for it.
            proof: if connected.is_active() { Self::of(connected).proof } else { ProofFields::read(posted) },
        }
    }

    /// The patch that says all this.
    pub fn patch(&self, connected: &Connected) -> Result<ConnectionPatch, Vec<FieldError>> {
        let mut faults = Vec::new();
        let on_user_delete: Option<OnUserDelete> = self.on_user_delete.parse().ok();
        if on_user_delete.is_none() {
            faults.push(fault("on_user_delete", "unknown_value", "Choose one of the three."));
        }
        let deletes = on_user_delete == Some(OnUserDelete::Delete) && !self.confirm_delete;
        if deletes && settings(connected).on_user_delete != OnUserDelete::Delete {
            faults.push(fault(
                "confirm_delete",
                "confirmation_required",
                "Tick this too: an account that is deleted can’t be had back.",
            ));
        }
        let approvals: Vec<Change> =
            self.require_approval.iter().filter_map(|change| change.parse().ok()).collect();
        let mut number = |field: &str, name: &str, text: &str, most: u32| {
            let number = text.trim().parse::<u32>().ok().filter(|number| *number <= most);
            if number.is_none() {
                let range = format!("{name}: give a whole number from 0 to {}.", shown::number(most.into()));
                faults.push(fault(field, "out_of_range", range));
            }
            number.unwrap_or_default()
        };
        let guard = MassChange {
            count: number("mass_change_count", "People", &self.mass_change_count, MassChange::MAX_COUNT),
            percent: number("mass_change_percent", "Per cent", &self.mass_change_percent, 100),
        };
        let known = connected.connection.as_ref().and_then(|connection| connection.auth);
        // Another way to prove oneself needs its own secret.
        let needed = known.is_some_and(|known| known.as_str() != self.proof.kind);
        let secret = if connected.is_active() { Ok(None) } else { self.proof.secret(needed) };
        let secret = secret.unwrap_or_else(|more| {
            faults.extend(more);
            None
        });
        if !faults.is_empty() {
            return Err(faults);
        }
        let template = address::template(connected.application());
        // The connector's own address is left to the connector, so that it may move with it.
        let own = template.and_then(|template| template.base_url.clone()).unwrap_or_default();
        let base_url = if self.base_url == own { String::new() } else { self.base_url.clone() };
        Ok(ConnectionPatch {
            base_url: Some(base_url),
            manage_groups: Some(self.manage_groups),
            on_user_delete,
            require_approval: Some(approvals),
            mass_change: Some(guard),
            mappings: None,
            ca_certificate: Some(self.ca_certificate.clone()),
            secret,
            placeholders: BTreeMap::new(),
        })
    }

    /// Whether the address becomes another one.
    #[must_use]
    pub fn moves(&self, connected: &Connected) -> bool {
        let stored = address::base_template(connected.application(), &settings(connected));
        stored.unwrap_or_default() != self.base_url
    }

    /// Whether other authorities become trusted. What is none at all is refused later.
    #[must_use]
    pub fn trusts_others(&self, connected: &Connected) -> bool {
        let typed = tls::authorities(&self.ca_certificate);
        typed.is_ok_and(|typed| typed != settings(connected).ca_certificate)
    }

    /// The placeholders whose values become others.
    #[must_use]
    pub fn changed_placeholders(&self, application: &Application) -> BTreeMap<String, Option<String>> {
        let stored = |token: &String| application.placeholders.get(token).map_or("", String::as_str);
        let changed = self.placeholders.iter().filter(|(token, value)| stored(token) != value.as_str());
        changed
            .map(|(token, value)| (token.clone(), Some(value.clone()).filter(|value| !value.is_empty())))
            .collect()
    }
}

impl ProofFields {
    /// As posted.
    #[must_use]
    pub fn read(posted: &Posted) -> Self {
        let secret = |name: &str| SecretString::from(posted.text(name));
        Self {
            kind: posted.owned("auth"),
            token: secret("token"),
            username: posted.owned("scim_username"),
            // A password may begin or end with a blank.
            password: SecretString::from(posted.raw("scim_password")),
            token_url: posted.owned("token_url"),
            client_id: posted.owned("client_id"),
            client_secret: secret("client_secret"),
            scope: posted.owned("scope"),
            expires_at: posted.owned("token_expires_at"),
        }
    }

    /// The secret that was typed; `None` when none was and none is `needed`.
    pub fn secret(&self, needed: bool) -> Result<Option<NewSecret>, Vec<FieldError>> {
        let given = |secret: &SecretString| !secret.expose_secret().is_empty();
        let one = |field: &str, code, message: &str| Err(vec![fault(field, code, message)]);
        let Ok(kind) = self.kind.parse::<ScimAuth>() else {
            return one("token", "unknown_value", "Choose how Tessera proves itself.");
        };
        let (is_given, field, ask) = match kind {
            ScimAuth::Bearer => (given(&self.token), "token", "Paste the token that the application made."),
            ScimAuth::Basic => (
                given(&self.password) || !self.username.is_empty(),
                "scim_password",
                "Give the username and the password there.",
            ),
            ScimAuth::Oauth2ClientCredentials => (
                given(&self.client_secret) || !self.client_id.is_empty() || !self.token_url.is_empty(),
                "client_secret",
                "Give the token URL, the client’s ID and its secret.",
            ),
        };
        if !is_given {
            if needed {
                return one(field, "required", ask);
            }
            if !self.expires_at.is_empty() {
                let message = "Give the date together with the token that it is of.";
                return one("token_expires_at", "token_needed", message);
            }
            return Ok(None);
        }
        // A token counts to the end of its last day.
        let end = time::parse_date(&self.expires_at).map(|at| at.plus(DAY - 1));
        if end.is_none() && !self.expires_at.is_empty() {
            return one("token_expires_at", "not_a_date", "Write the date as 2027-06-12, or leave it empty.");
        }
        let credentials = match kind {
            ScimAuth::Bearer => Credentials::Bearer { token: self.token.clone() },
            ScimAuth::Basic => {
                Credentials::Basic { username: self.username.clone(), password: self.password.clone() }
            }
            ScimAuth::Oauth2ClientCredentials => Credentials::Oauth2ClientCredentials {
                token_url: self.token_url.clone(),
                client_id: self.client_id.clone(),
                client_secret: self.client_secret.clone(),
                scope: Some(self.scope.clone()).filter(|scope| !scope.is_empty()),
            },
        };
        Ok(Some(NewSecret { credentials, expires_at: end }))
    }
}
