//! The connection to an application's SCIM service: configuring it, its secret, switching it on and off. Switching on
//! asks the other side and only reads there (decision 31).

use std::collections::BTreeMap;

use secrecy::SecretString;

use crate::applications::{Application, group_rules};
use crate::base::id::ApplicationId;
use crate::base::{Error, Kind, Result, Timestamp};
use crate::catalog::mapping::Mapping;
use crate::catalog::model::Quirks;
use crate::catalog::sso::{GroupRule, ValueFrom};
use crate::db::{Db, Executor};
use crate::events::{Event, EventName};
use crate::outbound::Outbound;
use crate::provisioning::address::{self, Credentials};
use crate::provisioning::mapping;
use crate::provisioning::model::{Change, Connection, MassChange, OnUserDelete, Settings};
use crate::provisioning::store::connections as store;
use crate::vault::Vault;

/// What operations on connections need.
#[derive(Clone, Copy, Debug)]
pub struct Connections<'a> {
    /// The database.
    pub db: &'a Db,
    /// Seals secrets.
    pub vault: &'a Vault,
    /// The way out.
    pub outbound: &'a Outbound,
}

/// A secret as it is given.
#[derive(Clone, Debug)]
pub struct NewSecret {
    /// How Tessera proves itself.
    pub credentials: Credentials,
    /// When it ends, as far as the administrator knows.
    pub expires_at: Option<Timestamp>,
}

/// What may change of a connection; what is left out stays.
#[derive(Clone, Debug, Default)]
pub struct ConnectionPatch {
    /// Base URL, a template; empty: the connector's.
    pub base_url: Option<String>,
    /// Whether groups and who is in them are sent.
    pub manage_groups: Option<bool>,
    /// What becomes of the account of a person who is deleted here.
    pub on_user_delete: Option<OnUserDelete>,
    /// What somebody has to say yes to.
    pub require_approval: Option<Vec<Change>>,
    /// When departures wait because they are many.
    pub mass_change: Option<MassChange>,
    /// Which attribute takes its value from where.
    pub mappings: Option<Vec<Mapping>>,
    /// The certificate authorities that are trusted there in place of the public ones, PEM; empty: the public ones.
    pub ca_certificate: Option<String>,
    /// How Tessera proves itself.
    pub secret: Option<NewSecret>,
    /// Placeholders of the application that are filled in otherwise, `None`: emptied. All of it counts, or nothing.
    pub placeholders: BTreeMap<String, Option<String>>,
}

/// The connection of an application as people see it: rules name groups by their names of now.
pub async fn find(executor: &mut impl Executor, id: ApplicationId) -> Result<Option<Connection>> {
    let Some(mut connection) = store::find(executor, id).await? else { return Ok(None) };
    group_rules::to_names(executor, rules(&mut connection.settings).map(|(_, rule)| rule)).await?;
    Ok(Some(connection))
}

/// Every connection, each as [`find`] answers it and all as of one moment.
pub async fn list(executor: &mut impl Executor) -> Result<Vec<Connection>> {
    let mut connections = store::list(executor).await?;
    for connection in &mut connections {
        group_rules::to_names(executor, rules(&mut connection.settings).map(|(_, rule)| rule)).await?;
    }
    Ok(connections)
}

/// The labels of other applications that are kept in step at the same address. Where the tokens are of one tenant, each
/// would undo what the other does.
pub async fn sharing(executor: &mut impl Executor, id: ApplicationId, url: &str) -> Result<Vec<String>> {
    store::list_sharing(executor, id, url).await
}

/// The connection of an application, or the error that there is none.
pub async fn require(executor: &mut impl Executor, id: ApplicationId) -> Result<Connection> {
    find(executor, id).await?.ok_or_else(not_configured)
}

/// The error of an application that is connected to nothing.
#[must_use]
pub fn not_configured() -> Error {
    Error::new(
        Kind::NotFound,
        "provisioning_not_configured",
        "Identity management is not configured for this application. Give its base URL and token first.",
    )
}

/// The error of an application whose connection is not switched on.
#[must_use]
pub fn inactive() -> Error {
    Error::conflict(
        "provisioning_inactive",
        "Identity management is not active for this application. Activate it first.",
    )
}

/// The settings that a connection of this application starts with.
#[must_use]
pub fn starting(application: &Application) -> Settings {
    Settings {
        base_url: None,
        manage_groups: false,
        on_user_delete: OnUserDelete::default(),
        require_approval: Vec::new(),
        mass_change: MassChange::default(),
        mappings: mapping::starting(address::template(application)),
        ca_certificate: None,
    }
}

/// What is peculiar to an application's SCIM service.
#[must_use]
pub fn quirks(application: &Application) -> Quirks {
    address::template(application).map(|template| template.quirks.clone()).unwrap_or_default()
}

pub(in crate::provisioning) fn rules(
    settings: &mut Settings,
) -> impl Iterator<Item = (String, &mut GroupRule)> + Send {
    let rows = settings.mappings.iter_mut().enumerate();
    rows.filter_map(|(at, row)| match &mut row.value {
        ValueFrom::ByGroup(by) => Some((at, by)),
        _ => None,
    })
    .flat_map(|(at, by)| {
        let named = move |(i, rule)| (format!("mappings.{at}.by_group.{i}.group"), rule);
        by.rules.iter_mut().enumerate().map(named)
    })
}

pub(in crate::provisioning) fn event(name: EventName, application: &Application) -> Event {
    Event::new(name)
        .target("application", application.id, application.label.as_str())
        .application(application.id)
}

/// A token as it is mostly given.
#[must_use]
pub fn bearer(token: SecretString) -> Credentials {
    Credentials::Bearer { token }
}
