//! What a federation would find odd: settings that depart from their profile, and metadata that can't be fetched, has
//! ended or waits.

use super::{Found, Severity, date};
use crate::applications::sp_source::Source;
use crate::base::{Result, Timestamp};
use crate::catalog::sso::SsoSettings;

impl Found {
    /// What is not as the declared profile demands.
    pub(super) fn departures(&mut self, sso: &SsoSettings) -> Result<()> {
        let profile = sso.profile.as_str();
        for departure in sso.departures()? {
            let message =
                format!("It keeps to {profile}, which demands ({}): {}", departure.rule, departure.demand);
            let repair = match departure.field.as_str() {
                "encrypt_assertion" if sso.sp_encryption_certificates.is_empty() => {
                    "Upload a certificate of the application to encrypt for, then apply the profile again."
                }
                field if field.starts_with("attributes") => {
                    "Name it as the federation does, by a URI, or switch it off."
                }
                _ => "Apply the profile again, or leave it.",
            };
            self.add(Severity::Warning, "profile_departed", departure.field, message, repair);
        }
        Ok(())
    }

    /// What is wrong with the address that its metadata is fetched from, or waits there.
    pub(super) fn metadata_source(&mut self, source: Option<&Source>, now: Timestamp) {
        let Some(source) = source else { return };
        let signed = source.certificate.is_some();
        if let Some(end) = source.valid_until.filter(|end| signed && *end <= now) {
            let message =
                format!("Its signed metadata ended on {}. What it signs since then is refused.", date(end));
            let repair = "Fetch it again once its publisher has signed a new one, or stop fetching it and upload what you were given.";
            self.add(Severity::Fault, "sp_metadata_ended", "", message, repair);
        }
        if let Some(failing) = &source.failing {
            let since = date(failing.since);
            let message =
                format!("Its metadata can't be fetched or trusted since {since}: {}", failing.message);
            let repair = "What was taken over before stays in use. See to the address, then fetch it again.";
            self.add(Severity::Warning, "sp_metadata_failing", "", message, repair);
        }
        if let Some(pending) = &source.pending {
            let message = format!("Its metadata asks for something else since {}.", date(pending.since));
            let repair = "See what changes, then accept or discard it.";
            self.add(Severity::Note, "sp_metadata_waiting", "", message, repair);
        }
    }
}
