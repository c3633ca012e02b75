//! Settings with every placeholder filled: what a sign-on works with. Templates end here.

use crate::applications::model::Application;
use crate::base::{Error, Result};
use crate::catalog::Catalog;
use crate::catalog::model::Placeholders;
use crate::catalog::placeholder::{LocationRules, Scope};
use crate::catalog::sso::SsoSettings;

/// The placeholders that the application's connector declares; none when the connector is gone.
pub fn declared(catalog: &Catalog, application: &Application) -> Placeholders {
    catalog.find(&application.connector).map(|connector| connector.placeholders.clone()).unwrap_or_default()
}

/// Every template filled and every address checked (MD-303), or the fields at fault.
pub fn resolve(catalog: &Catalog, application: &Application) -> Result<SsoSettings> {
    let declared = declared(catalog, application);
    let scope = Scope::new(&declared, &application.placeholders);
    let mut settings =
        scope.fill_settings(&application.sso, LocationRules::default()).map_err(Error::invalid)?;
    if let Some(fault) = settings.check_default_relay_state() {
        return Err(Error::invalid(vec![fault]));
    }
    settings.idp_entity_id = Some(application.idp_entity_id.clone());
    Ok(settings)
}
