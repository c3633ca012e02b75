//! Taking over a later version of an application's connector: single sign-on and identity management in one
//! transaction. Another address of the SCIM service gets no secret that was not given for it (decision 32).

use std::collections::BTreeMap;

use crate::applications::update::check_version;
use crate::applications::upgrade::{Taken, changes, offered, upgrade_in};
use crate::applications::{self, Application};
use crate::base::id::ApplicationId;
use crate::base::{Ctx, Error, FieldError, Result};
use crate::catalog::Catalog;
use crate::catalog::model::{Connector, Provisioning};
use crate::catalog::sso::ValueFrom;
use crate::catalog::upgrade::{
    BASE_URL, Difference, Sheet, Standing, differences, mappings, provisioning_sheet, revision,
};
use crate::db::{Executor, Tx};
use crate::jobs::{Notice, notify};
use crate::provisioning::address;
use crate::provisioning::connection::{self, ConnectionPatch, Connections};
use crate::provisioning::mapping;
use crate::provisioning::model::{Connection, Settings};
use crate::provisioning::store::connections as store;

/// A later version of a connector, held against an application.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The version that the application was made from.
    pub from: u32,
    /// The one of the catalog.
    pub to: u32,
    /// Digest of it, to be named when it is taken over.
    pub revision: String,
    /// What it says otherwise: what can be chosen first, then what comes with it.
    pub differences: Vec<Difference>,
}

/// What is taken over.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// [`Offer::revision`] of what was shown.
    pub revision: String,
    /// Fields of [`Offer::differences`]; `None`: those that the application has left untouched.
    pub take: Option<Vec<String>>,
    /// Values of placeholders, `None`: emptied.
    pub placeholders: BTreeMap<String, Option<String>>,
}

/// What became of an application.
#[derive(Clone, Debug)]
pub struct Upgraded {
    /// As people see it.
    pub application: Application,
    /// Whether identity management was active and is not any more: it needs a token for another address.
    pub disconnected: bool,
}

/// The later version of an application's connector, if there is one that would change anything. The application is as
/// people see it.
pub async fn offer(
    executor: &mut impl Executor,
    catalog: &Catalog,
    application: &Application,
) -> Result<Option<Offer>> {
    let Some(to) = offered(catalog, application) else { return Ok(None) };
    let connection = connection::find(executor, application.id).await?;
    let made = made(application, connection.as_ref(), to)?;
    Ok(Some(made).filter(|offer| !offer.differences.is_empty()))
}

fn made(application: &Application, connection: Option<&Connection>, to: &Connector) -> Result<Offer> {
    let mut differences = changes(application, to)?;
    differences.extend(Sheets::of(application, connection, to)?.differences());
    differences.sort_by_key(|difference| difference.standing == Standing::Fixed);
    let from = application.made_from.version;
    Ok(Offer { from, to: to.version, revision: revision(to, &differences)?, differences })
}

/// Identity management as both versions have it, and as the application does.
struct Sheets {
    before: Sheet,
    after: Sheet,
    /// Nothing where it was never set up.
    own: Option<Sheet>,
    /// The connector's address after it is taken over.
    address: Option<String>,
}

impl Sheets {
    fn of(application: &Application, connection: Option<&Connection>, to: &Connector) -> Result<Self> {
        let template = address::template(application);
        let said = |template: Option<&Provisioning>, base_url: Option<&str>| match (template, connection) {
            // The usual rows are nobody's until there is a connection.
            (None, None) => Ok(Sheet::default()),
            _ => provisioning_sheet(base_url, &mapping::starting(template)),
        };
        let base_url =
            |template: Option<&Provisioning>| template.and_then(|template| template.base_url.clone());
        let (earlier, address) = (base_url(template), base_url(to.provisioning.as_ref()));
        // An address that is not named any more is kept.
        let later = address.clone().or_else(|| earlier.clone());
        let own = connection.map(|connection| {
            let settings = &connection.settings;
            provisioning_sheet(address::base_template(application, settings).as_deref(), &settings.mappings)
        });
        Ok(Self {
            before: said(template, earlier.as_deref())?,
            after: said(to.provisioning.as_ref(), later.as_deref())?,
            own: own.transpose()?,
            address,
        })
    }

    fn differences(&self) -> Vec<Difference> {
        let mut out = differences(&self.before, &self.after, self.own.as_ref().unwrap_or(&self.before));
        if self.own.is_none() {
            for difference in &mut out {
                difference.standing = Standing::Fixed;
            }
        }
        out
    }

    /// What changes of the settings when these fields are taken over, and the templates that stay.
    fn patch(mut self, settings: &Settings, take: &[String]) -> Result<(ConnectionPatch, Vec<String>)> {
        let mut patch = ConnectionPatch::default();
        let Some(mut own) = self.own.take() else { return Ok((patch, Vec::new())) };
        own.take(take, &self.before, &self.after);
        let rows = mappings(&own)?;
        if rows != settings.mappings {
            patch.mappings = Some(rows.clone());
        }
        let has = own.get(BASE_URL).and_then(|url| url.as_str()).map(str::to_owned);
        if take.iter().any(|field| field == BASE_URL) {
            // The connector's own address is left to the connector.
            patch.base_url = Some(String::new());
        } else if settings.base_url.is_none() && has != self.address {
            patch.base_url.clone_from(&has);
        }
        let constants = rows.into_iter().filter_map(|row| match row.value {
            ValueFrom::Constant(text) => Some(text),
            _ => None,
        });
        Ok((patch, has.into_iter().chain(constants).collect()))
    }
}

impl Connections<'_> {
    /// Takes a later version of the connector over: what is named, and what comes with it. All of it or nothing; an active
    /// application stays complete. `if_version`: refuse when the application has changed since.
    pub async fn upgrade(
        &self,
        ctx: &Ctx,
        catalog: &Catalog,
        id: ApplicationId,
        wanted: Wanted,
        if_version: Option<i64>,
    ) -> Result<Upgraded> {
        let mut tx = self.db.begin().await?;
        let upgraded = Box::pin(self.upgrade_in(&mut tx, ctx, catalog, id, wanted, if_version)).await?;
        tx.commit().await?;
        Ok(upgraded)
    }

    async fn upgrade_in(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        catalog: &Catalog,
        id: ApplicationId,
        wanted: Wanted,
        if_version: Option<i64>,
    ) -> Result<Upgraded> {
        let application = applications::hold(tx, id).await?;
        check_version(&application, if_version)?;
        let to = offered(catalog, &application).ok_or_else(nothing_newer)?;
        // Held as well: what is decided on is what is there until the end.
        store::lock(tx, id).await?;
        let connection = connection::find(tx, id).await?;
        let offer = made(&application, connection.as_ref(), to)?;
        if offer.revision != wanted.revision {
            return Err(changed_meanwhile());
        }
        let take = chosen(&offer.differences, wanted.take)?;
        let sheets = Sheets::of(&application, connection.as_ref(), to)?;
        let settings = connection.as_ref().map(|connection| &connection.settings);
        let (mut patch, elsewhere) = match settings {
            Some(settings) => sheets.patch(settings, &take)?,
            None => (ConnectionPatch::default(), Vec::new()),
        };
        let takes_groups = to.provisioning.as_ref().is_none_or(|template| template.groups);
        if settings.is_some_and(|settings| settings.manage_groups) && !takes_groups {
            patch.manage_groups = Some(false);
        }
        let taken = Taken { fields: take, placeholders: wanted.placeholders, elsewhere };
        let application = upgrade_in(tx, ctx, id, to, taken).await?;
        let mut disconnected = false;
        if let Some(before) = connection {
            let now = self.configure_in(tx, ctx, id, patch).await?;
            disconnected = before.is_active() && !now.is_active();
            if now.is_active() {
                self.check_reachable(&application, &now)?;
                // What is peculiar to the service may have changed: everybody is looked at again.
                notify(tx, Notice::Sweep { application: id }).await?;
            }
        }
        Ok(Upgraded { application, disconnected })
    }

    /// An active connection keeps an address that can be asked.
    fn check_reachable(&self, application: &Application, connection: &Connection) -> Result<()> {
        let missing = address::missing(application, &connection.settings);
        if !missing.is_empty() {
            return Err(unfilled(&missing.iter().map(|m| m.placeholder.as_str()).collect::<Vec<_>>()));
        }
        address::base_url(self.outbound, application, &connection.settings).map(drop)
    }
}

/// The fields to take over, each one of those that can be chosen.
fn chosen(differences: &[Difference], take: Option<Vec<String>>) -> Result<Vec<String>> {
    let Some(take) = take else {
        let untouched = differences.iter().filter(|difference| difference.standing == Standing::Untouched);
        return Ok(untouched.map(|difference| difference.field.clone()).collect());
    };
    let is_one = |field: &String| {
        differences.iter().any(|known| known.field == *field && known.standing != Standing::Fixed)
    };
    let faults: Vec<FieldError> = take
        .iter()
        .enumerate()
        .filter(|(_, field)| !is_one(field))
        .map(|(at, field)| FieldError {
            field: format!("take.{at}"),
            code: "unknown_difference".into(),
            message: format!("{field} is not among the differences that can be chosen. Look at them again."),
        })
        .collect();
    if faults.is_empty() { Ok(take) } else { Err(Error::invalid(faults)) }
}

fn unfilled(tokens: &[&str]) -> Error {
    let faults = tokens.iter().map(|token| FieldError {
        field: format!("placeholders.{token}"),
        code: "placeholder_unfilled".into(),
        message: format!("Fill in {token}: the base URL of SCIM needs it."),
    });
    Error::invalid(faults.collect()).with_code("placeholders_unfilled")
}

fn nothing_newer() -> Error {
    Error::conflict(
        "connector_nothing_newer",
        "The catalog has no other version of this application's connector. Somebody else may have taken it over.",
    )
}

fn changed_meanwhile() -> Error {
    Error::conflict(
        "connector_changed_meanwhile",
        "The catalog has another version of the connector by now than the one that was shown. Look at what it would change, then decide.",
    )
}
