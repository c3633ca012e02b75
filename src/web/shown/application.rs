//! Applications on pages: marks, states, the head of an application's tabs, the names of its fields.

use crate::applications::model::{Application, Kind, Status as ApplicationStatus};
use crate::applications::sso::is_broken;
use crate::base::accent::Accent;
use crate::base::urls::{self, BaseUrl};
use crate::catalog::Catalog;
use crate::web::pages::application::{ApplicationHead, Tab};
use crate::web::pages::parts::{Choice, Mark, Status, Tone};

/// The application's square: its picture, the glyph that its connector names, or its letter.
#[must_use]
pub fn mark(catalog: &Catalog, application: &Application) -> Mark {
    let logo = application
        .logo
        .as_ref()
        .map(|digest| format!("{}?v={digest}", urls::application_logo(&application.id.to_string())));
    let glyph = catalog.find(&application.made_from.id).and_then(|connector| connector.glyph_path());
    Mark { name: application.label.clone(), accent: application.accent, logo, glyph }
}

/// Active, draft, off; or that it is active and can't be signed on to.
#[must_use]
pub fn status(application: &Application) -> Status {
    match application.status {
        ApplicationStatus::Active if is_broken(application) => Status::new(Tone::Danger, "Incomplete"),
        ApplicationStatus::Active => Status::new(Tone::Ok, "Active"),
        ApplicationStatus::Draft => Status::new(Tone::Draft, "Draft"),
        ApplicationStatus::Inactive => Status::new(Tone::Off, "Off"),
    }
}

/// "Heap", or the id where the catalog has the connector no more.
#[must_use]
pub fn connector_name(catalog: &Catalog, application: &Application) -> String {
    catalog
        .find(&application.made_from.id)
        .map_or_else(|| application.made_from.name.clone(), |connector| connector.name.clone())
}

/// Title and tabs of an application.
#[must_use]
pub fn head(
    catalog: &Catalog,
    base_url: &BaseUrl,
    application: &Application,
    tab: Tab,
    groups: usize,
) -> ApplicationHead {
    let bookmark = application.kind == Kind::Bookmark;
    let url = base_url.join(&urls::idp(&application.slug));
    let address = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest).to_owned();
    ApplicationHead {
        id: application.id.to_string(),
        mark: mark(catalog, application),
        status: status(application),
        connector: connector_name(catalog, application),
        address: if bookmark { String::new() } else { address },
        tab,
        groups,
        version: application.version,
        bookmark,
    }
}

/// The twelve colours.
#[must_use]
pub fn colors(chosen: Accent) -> Vec<Choice> {
    let name = |accent: Accent| {
        let name = accent.as_str();
        let mut letters = name.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    };
    Accent::ALL.iter().map(|accent| Choice::new(accent.as_str(), name(*accent), *accent == chosen)).collect()
}

/// A dotted field name of the settings in words: `acs_urls.1.url` is "ACS URL 2".
#[must_use]
pub fn field_label(field: &str) -> String {
    let parts: Vec<&str> = field.split('.').collect();
    let counted = |name: &str, at: &str| match at.parse::<usize>() {
        // The first is most often the only one.
        Ok(at) if at > 0 => format!("{name} {}", at + 1),
        _ => name.to_owned(),
    };
    match parts.as_slice() {
        ["sp_entity_id"] => "SP entity ID".to_owned(),
        ["base_url"] => "Base URL of SCIM".to_owned(),
        ["idp_entity_id"] => "IdP entity ID".to_owned(),
        ["login_url"] => "Login URL".to_owned(),
        ["default_relay_state"] => "Default RelayState".to_owned(),
        ["relay_states"] => "RelayState values".to_owned(),
        ["relay_states", at] => counted("RelayState", at),
        ["acs_urls"] => "ACS URLs".to_owned(),
        ["acs_urls", at, ..] => counted("ACS URL", at),
        ["attributes"] => "Attributes".to_owned(),
        ["attributes", at, ..] => counted("Attribute", at),
        ["placeholders", token] => format!("Placeholder {token}"),
        ["name_id", "format"] => "Name ID format".to_owned(),
        ["name_id", "source"] => "Name ID comes from".to_owned(),
        ["name_id", ..] => "Name ID".to_owned(),
        ["subject_identifier"] => "Identifier as an attribute".to_owned(),
        ["omit_name_id"] => "Leave the Name ID out".to_owned(),
        ["ecp"] => "Clients without a browser (ECP)".to_owned(),
        ["slo"] => "Addresses for sign-out".to_owned(),
        ["slo", "redirect_url"] => "Sign-out URL, redirect".to_owned(),
        ["slo", "redirect_response_url"] => "Sign-out answers, redirect".to_owned(),
        ["slo", "post_url"] => "Sign-out URL, POST".to_owned(),
        ["slo", "post_response_url"] => "Sign-out answers, POST".to_owned(),
        ["slo", "soap_url"] => "Sign-out URL, SOAP".to_owned(),
        ["sp_certificates", ..] => "Certificates of the application".to_owned(),
        ["sp_encryption_certificates", ..] => "Certificates to encrypt for".to_owned(),
        ["encrypt_assertion"] => "Encrypt the assertion".to_owned(),
        ["encrypt_name_id"] => "Encrypt the Name ID".to_owned(),
        ["key_transport"] => "Key transport".to_owned(),
        ["authn_contexts", ..] => "Kinds of sign-in it may ask for".to_owned(),
        ["attribute_services", ..] => "Sets of attributes".to_owned(),
        ["listed_algorithms", ..] => "Algorithms that it takes".to_owned(),
        ["require_signed_requests"] => "Refuse unsigned requests".to_owned(),
        ["sp_metadata_url"] => "Address of the SP metadata".to_owned(),
        ["sign"] => "What is signed".to_owned(),
        ["profile"] => "Federation profile".to_owned(),
        ["strict_relay_state"] => "Refuse a long RelayState".to_owned(),
        _ => field.replace(['_', '.'], " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_named_as_the_form_names_them() {
        assert_eq!(field_label("acs_urls.0.url"), "ACS URL");
        assert_eq!(field_label("acs_urls.1.url"), "ACS URL 2");
        assert_eq!(field_label("sp_entity_id"), "SP entity ID");
        assert_eq!(field_label("attributes.2.constant"), "Attribute 3");
    }
}
