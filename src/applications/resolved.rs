//! Settings with every placeholder filled: what a sign-on works with. Templates end here.

use crate::applications::model::Application;
use crate::base::{Error, Result};
use crate::catalog::placeholder::{LocationRules, Scope};
use crate::catalog::sso::SsoSettings;

/// Every template filled and every address checked (MD-303), or the fields at fault.
pub fn resolve(application: &Application) -> Result<SsoSettings> {
    let scope = Scope::new(&application.made_from.placeholders, &application.placeholders);
    let mut settings =
        scope.fill_settings(&application.sso, LocationRules::default()).map_err(Error::invalid)?;
    if let Some(fault) = settings.check_default_relay_state() {
        return Err(Error::invalid(vec![fault]));
    }
    settings.idp_entity_id = Some(application.idp_entity_id.clone());
    Ok(settings)
}
