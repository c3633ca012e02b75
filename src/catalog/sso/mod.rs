//! Settings of single sign-on for one application: the one family of types that a connector's `sso` block,
//! `GET`/`PATCH /api/v1/applications/{id}/sso` and storage share (decisions 10, 25, 28).
//!
//! [`SsoSettings`] is the whole, [`SsoPatch`] what someone says of it; [`SsoSettings::merged`] brings them together.
//! Text that may hold placeholders stays a template here; [`crate::catalog::placeholder`] fills it. What a value
//! means for a person or a message is not this module's business.

mod attribute;
mod change;
mod check;
mod listed;
mod profile;
mod request;
mod slo;
pub mod transform;
pub(in crate::catalog) mod value;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use crate::base::encryption::{EncryptionAlgorithm, KeyTransport};
pub use crate::base::signature::{SignMode, SignatureAlgorithm};
pub use crate::base::subject_id::SubjectIdentifier;
pub use attribute::{AcsUrl, AcsUrlForm, Attribute, AttributeForm, Jit, NameFormat, NameId, NameIdPatch};
pub use change::Change;
pub use listed::{ListedAlgorithms, encryption_unsupported};
pub use profile::{Departure, Profile};
pub use request::{AttributeService, AuthnContextClass, AuthnEvidence, RequestedAttribute};
pub use slo::{Slo, SloPatch};
pub use transform::Transform;
pub use value::{ByGroup, GroupFilter, GroupRule, ValueFrom};

use crate::base::vocabulary::vocabulary;
use crate::base::{Error, Result};

vocabulary! {
    /// What a visit to the `IdP` URL without a request does (decision 1).
    IdpInitiated {
        /// Signs on, at once where that is safe.
        #[default]
        On = "on",
        /// Always asks first.
        Confirm = "confirm",
        /// Refuses.
        Off = "off",
    }
}

vocabulary! {
    /// Who is told when a person has no access (decision 5).
    DenyTo {
        /// The person, on a page of ours.
        #[default]
        Page = "page",
        /// The application, by an error response.
        Sp = "sp",
    }
}

vocabulary! {
    /// Who may begin a sign-on, as far as the application supports it.
    Initiation {
        /// Tessera, by the tile.
        #[default]
        Idp = "idp",
        /// The application.
        Sp = "sp",
    }
}

/// All settings of an application's single sign-on. Fields marked *template* may hold placeholders.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches of the settings page")]
pub struct SsoSettings {
    /// The deployment profile that they keep to.
    pub profile: Profile,
    /// Entity ID Tessera uses towards this application. Written out in full when the application is created
    /// (decision 8); `None` in connectors.
    pub idp_entity_id: Option<String>,
    /// The application's entity ID. Template.
    pub sp_entity_id: Option<String>,
    /// Assertion consumer services; exactly one is the default. Templates.
    pub acs_urls: Vec<AcsUrl>,
    /// The NameID.
    #[schema(value_type = NameIdPatch)]
    pub name_id: NameId,
    /// What is signed.
    pub sign: SignMode,
    /// How it is signed.
    pub signature_algorithm: SignatureAlgorithm,
    /// Name nobody: assertions without a NameID, for applications that go by an attribute. Whoever asks for a format gets
    /// one all the same (IIP-IDP11).
    pub omit_name_id: bool,
    /// An identifier of the person that goes along as an attribute (Subject Identifier Attributes Profile).
    pub subject_identifier: SubjectIdentifier,
    /// Encrypt the assertion for the application. The response is then always signed (SAML-211).
    pub encrypt_assertion: bool,
    /// Encrypt the NameID inside the assertion.
    pub encrypt_name_id: bool,
    /// The cipher of what is encrypted.
    pub encryption_algorithm: EncryptionAlgorithm,
    /// How the cipher's key is carried.
    pub key_transport: KeyTransport,
    /// Refuse requests without a valid signature.
    pub require_signed_requests: bool,
    /// Accept requests without `Destination`, for applications that leave it out.
    pub allow_missing_destination: bool,
    /// Accept an enveloped signature on the Redirect binding (decision 7).
    pub redirect_enveloped_signature: bool,
    /// Sign error responses to browsers without a session too (decision 6).
    pub sign_error_responses: bool,
    /// RelayState of a sign-on that Tessera begins. Template.
    pub default_relay_state: Option<String>,
    /// RelayState values that a link to the `IdP` URL may carry; `*` alone stands for any (decision 1). Templates.
    pub relay_states: Vec<String>,
    /// Refuse a RelayState of more than 80 bytes (Bindings 3.4.3) instead of only recording it.
    pub strict_relay_state: bool,
    /// Where the tile starts, so that the application begins the flow. Template.
    pub login_url: Option<String>,
    /// What a visit to the `IdP` URL without a request does.
    pub idp_initiated: IdpInitiated,
    /// Who is told when a person has no access.
    pub deny_to: DenyTo,
    /// Authentication context classes that the application asks for, weakest first.
    pub authn_contexts: Vec<AuthnContextClass>,
    /// Sets of attributes that the application's metadata names.
    pub attribute_services: Vec<AttributeService>,
    /// Algorithms that the application's metadata lists: what is sent keeps to them.
    pub listed_algorithms: ListedAlgorithms,
    /// Attributes of the assertion, in order. Constants are templates.
    #[schema(value_type = Vec<AttributeForm>)]
    pub attributes: Vec<Attribute>,
    /// The application's certificates, PEM, for its signatures.
    pub sp_certificates: Vec<String>,
    /// The application's certificates, PEM, to encrypt for: the first with an RSA key is used.
    pub sp_encryption_certificates: Vec<String>,
    /// Where it takes logout messages. Templates.
    pub slo: Slo,
    /// Let clients without a browser sign people in with username and password, for ACS URLs by PAOS (ECP-610).
    pub ecp: bool,
}

/// What a connector or a `PATCH` says of the settings: every field may be left out; `null` brings a field back to
/// its default; objects merge, arrays replace (RFC 7396).
#[derive(
    Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Sso")]
pub struct SsoPatch {
    /// Values of placeholders; `null` empties one. Not in connectors, which declare theirs at the top level.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub placeholders: BTreeMap<String, Option<String>>,
    /// A deployment profile: sets whatever departs from it and is not named beside it.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<Profile>)]
    pub profile: Change<Profile>,
    /// Entity ID Tessera uses towards this application. Not in connectors.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub idp_entity_id: Change<String>,
    /// The application's entity ID.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub sp_entity_id: Change<String>,
    /// Assertion consumer services, each an address or an object with `url`, `index` and `default`.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<Vec<AcsUrlForm>>)]
    pub acs_urls: Change<Vec<AcsUrlForm>>,
    /// The NameID; what it does not name stays.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<NameIdPatch>)]
    pub name_id: Change<NameIdPatch>,
    /// What is signed: response, assertion or both.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<SignMode>)]
    pub sign: Change<SignMode>,
    /// How it is signed.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<SignatureAlgorithm>)]
    pub signature_algorithm: Change<SignatureAlgorithm>,
    /// Name nobody: assertions without a `NameID`.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<bool>)]
    pub omit_name_id: Change<bool>,
    /// An identifier of the person that goes along as an attribute.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<SubjectIdentifier>)]
    pub subject_identifier: Change<SubjectIdentifier>,
    /// Encrypt the assertion for the application.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<bool>)]
    pub encrypt_assertion: Change<bool>,
    /// Encrypt the `NameID` inside the assertion.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<bool>)]
    pub encrypt_name_id: Change<bool>,
    /// The cipher of what is encrypted.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<EncryptionAlgorithm>)]
    pub encryption_algorithm: Change<EncryptionAlgorithm>,
    /// How the cipher's key is carried.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<KeyTransport>)]
    pub key_transport: Change<KeyTransport>,
    /// Refuse requests without a valid signature.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<bool>)]
    pub require_signed_requests: Change<bool>,
    /// Accept requests without `Destination`.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<bool>)]
    pub allow_missing_destination: Change<bool>,
    /// Accept an enveloped signature on the Redirect binding.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<bool>)]
    pub redirect_enveloped_signature: Change<bool>,
    /// Sign error responses to browsers without a session too.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<bool>)]
    pub sign_error_responses: Change<bool>,
    /// `RelayState` of a sign-on that Tessera begins.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub default_relay_state: Change<String>,
    /// `RelayState` values that a link to the `IdP` URL may carry; `*` alone stands for any.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<Vec<String>>)]
    pub relay_states: Change<Vec<String>>,
    /// Refuse a `RelayState` of more than 80 bytes.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<bool>)]
    pub strict_relay_state: Change<bool>,
    /// Where the tile starts, so that the application begins the flow.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub login_url: Change<String>,
    /// What a visit to the `IdP` URL without a request does: on, confirm or off.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<IdpInitiated>)]
    pub idp_initiated: Change<IdpInitiated>,
    /// Who is told when a person has no access: page or sp.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<DenyTo>)]
    pub deny_to: Change<DenyTo>,
    /// Authentication context classes that the application asks for, weakest first.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<Vec<AuthnContextClass>>)]
    pub authn_contexts: Change<Vec<AuthnContextClass>>,
    /// Sets of attributes that the application's metadata names.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<Vec<AttributeService>>)]
    pub attribute_services: Change<Vec<AttributeService>>,
    /// Algorithms that the application's metadata lists; `null` forgets them. Not in connectors.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<ListedAlgorithms>)]
    pub listed_algorithms: Change<ListedAlgorithms>,
    /// Attributes of the assertion, in order.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<Vec<AttributeForm>>)]
    pub attributes: Change<Vec<Attribute>>,
    /// The application's certificates for signatures, PEM. Not in connectors.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<Vec<String>>)]
    pub sp_certificates: Change<Vec<String>>,
    /// The application's certificates to encrypt for, PEM; the first with an RSA key is used. Not in connectors.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<Vec<String>>)]
    pub sp_encryption_certificates: Change<Vec<String>>,
    /// Where it takes logout messages; what is not named stays.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<SloPatch>)]
    pub slo: Change<SloPatch>,
    /// Let clients without a browser sign people in with username and password.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<bool>)]
    pub ecp: Change<bool>,
    /// Who is known to begin sign-ons; of the other nothing is known, unless `idp_initiated` is `off`. In connectors only.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<Vec<Initiation>>)]
    pub initiation: Change<Vec<Initiation>>,
    /// Where the application publishes its metadata. In connectors only.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub sp_metadata_url: Change<String>,
}

/// The fields of a patch that belong to an application and not to a connector.
pub const APPLICATION_ONLY: [&str; 5] =
    ["placeholders", "idp_entity_id", "listed_algorithms", "sp_certificates", "sp_encryption_certificates"];

impl SsoPatch {
    /// The fields set here that belong to an application and not to a connector.
    #[must_use]
    pub fn application_only(&self) -> Vec<&'static str> {
        let set = [
            !self.placeholders.is_empty(),
            !self.idp_entity_id.is_keep(),
            !self.listed_algorithms.is_keep(),
            !self.sp_certificates.is_keep(),
            !self.sp_encryption_certificates.is_keep(),
        ];
        APPLICATION_ONLY.into_iter().zip(set).filter(|(_, is_set)| *is_set).map(|(field, _)| field).collect()
    }

    /// The fields set here that belong to a connector and not to an application.
    #[must_use]
    pub fn connector_only(&self) -> Vec<&'static str> {
        let mut out = Vec::new();
        if !self.initiation.is_keep() {
            out.push("initiation");
        }
        if !self.sp_metadata_url.is_keep() {
            out.push("sp_metadata_url");
        }
        out
    }
}

impl SsoSettings {
    /// These settings with the patch carried out (RFC 7396). `placeholders`, `initiation` and `sp_metadata_url`
    /// are not settings and are left to the caller. The result is checked by [`SsoSettings::check`]; on an error
    /// nothing is changed.
    pub fn merged(&self, patch: SsoPatch) -> Result<Self> {
        let new = self.unchecked(patch)?;
        let faults = new.check();
        if faults.is_empty() { Ok(new) } else { Err(Error::invalid(faults)) }
    }

    /// The same before it is checked. Fails only where the patch contradicts itself.
    pub(super) fn unchecked(&self, patch: SsoPatch) -> Result<Self> {
        let mut new = self.clone();
        let declared = match patch.profile {
            Change::Set(_) => Some(serde_json::to_value(&patch).map_err(Error::internal)?),
            Change::Keep | Change::Reset => None,
        };
        patch.profile.apply_to(&mut new.profile);
        patch.idp_entity_id.apply_to_option(&mut new.idp_entity_id);
        patch.sp_entity_id.apply_to_option(&mut new.sp_entity_id);
        match patch.acs_urls {
            Change::Keep => {}
            Change::Reset => new.acs_urls.clear(),
            Change::Set(forms) => new.acs_urls = check::numbered(forms)?,
        }
        match patch.name_id {
            Change::Keep => {}
            Change::Reset => new.name_id = NameId::default(),
            Change::Set(part) => part
                .merge_into(&mut new.name_id)
                .map_err(|fault| Error::field("name_id", "ambiguous_source", check::sentence(fault)))?,
        }
        patch.sign.apply_to(&mut new.sign);
        patch.signature_algorithm.apply_to(&mut new.signature_algorithm);
        patch.omit_name_id.apply_to(&mut new.omit_name_id);
        patch.subject_identifier.apply_to(&mut new.subject_identifier);
        patch.encrypt_assertion.apply_to(&mut new.encrypt_assertion);
        patch.encrypt_name_id.apply_to(&mut new.encrypt_name_id);
        patch.encryption_algorithm.apply_to(&mut new.encryption_algorithm);
        patch.key_transport.apply_to(&mut new.key_transport);
        patch.require_signed_requests.apply_to(&mut new.require_signed_requests);
        patch.allow_missing_destination.apply_to(&mut new.allow_missing_destination);
        patch.redirect_enveloped_signature.apply_to(&mut new.redirect_enveloped_signature);
        patch.sign_error_responses.apply_to(&mut new.sign_error_responses);
        patch.default_relay_state.apply_to_option(&mut new.default_relay_state);
        patch.relay_states.apply_to(&mut new.relay_states);
        patch.strict_relay_state.apply_to(&mut new.strict_relay_state);
        patch.login_url.apply_to_option(&mut new.login_url);
        patch.idp_initiated.apply_to(&mut new.idp_initiated);
        patch.deny_to.apply_to(&mut new.deny_to);
        patch.authn_contexts.apply_to(&mut new.authn_contexts);
        patch.attribute_services.apply_to(&mut new.attribute_services);
        patch.listed_algorithms.apply_to(&mut new.listed_algorithms);
        patch.attributes.apply_to(&mut new.attributes);
        patch.sp_certificates.apply_to(&mut new.sp_certificates);
        patch.sp_encryption_certificates.apply_to(&mut new.sp_encryption_certificates);
        match patch.slo {
            Change::Keep => {}
            Change::Reset => new.slo = Slo::default(),
            Change::Set(part) => part.merge_into(&mut new.slo),
        }
        patch.ecp.apply_to(&mut new.ecp);
        new.drop_empty_text();
        match declared {
            Some(named) => new.conforming(&named),
            None => Ok(new),
        }
    }

    /// An empty form field means the same as none.
    fn drop_empty_text(&mut self) {
        // Pasted with blanks around it, it would be another one than the application's.
        if let Some(id) = &mut self.sp_entity_id {
            *id = id.trim().to_owned();
        }
        for field in [
            &mut self.idp_entity_id,
            &mut self.sp_entity_id,
            &mut self.default_relay_state,
            &mut self.login_url,
        ] {
            if field.as_deref().is_some_and(|text| text.trim().is_empty()) {
                *field = None;
            }
        }
    }

    /// Whether anything is encrypted for the application.
    #[must_use]
    pub fn encrypts(&self) -> bool {
        self.encrypt_assertion || self.encrypt_name_id
    }

    /// The consumer service used when a request names none: one that a browser brings responses to.
    #[must_use]
    pub fn default_acs(&self) -> Option<&AcsUrl> {
        self.acs_urls.iter().find(|acs| acs.default).or_else(|| self.acs_urls.first())
    }

    /// Whether a link to the `IdP` URL may carry this RelayState (decision 1).
    #[must_use]
    pub fn allows_relay_state(&self, relay_state: &str) -> bool {
        self.relay_states.iter().any(|allowed| allowed == "*" || allowed == relay_state)
            || self.default_relay_state.as_deref() == Some(relay_state)
    }

    /// Every text that may hold placeholders, with its field's dotted name, in the order of the form.
    #[must_use]
    pub fn templates(&self) -> Vec<(String, &str)> {
        let mut out = Vec::new();
        for (name, text) in [("sp_entity_id", &self.sp_entity_id), ("login_url", &self.login_url)] {
            out.extend(text.as_deref().map(|text| (name.to_owned(), text)));
        }
        out.extend(self.acs_urls.iter().enumerate().map(|(i, acs)| (format!("acs_urls.{i}.url"), &*acs.url)));
        out.extend(self.default_relay_state.as_deref().map(|text| ("default_relay_state".to_owned(), text)));
        let slo = self.slo.addresses().into_iter();
        out.extend(slo.filter_map(|(name, url)| url.as_deref().map(|url| (name.to_owned(), url))));
        out.extend(
            self.relay_states
                .iter()
                .enumerate()
                .map(|(i, text)| (format!("relay_states.{i}"), text.as_str())),
        );
        out.extend(constants("name_id", &self.name_id.value));
        for (i, attribute) in self.attributes.iter().enumerate() {
            out.extend(constants(&format!("attributes.{i}"), &attribute.value));
        }
        out
    }

    /// The same settings with every template put through `fill`, which is told the field's dotted name. All
    /// failures are gathered.
    pub fn filled<E>(&self, mut fill: impl FnMut(&str, &str) -> Result<String, E>) -> Result<Self, Vec<E>> {
        let mut new = self.clone();
        let mut faults = Vec::new();
        for (name, text) in new.templates_mut() {
            match fill(&name, text) {
                Ok(filled) => *text = filled,
                Err(fault) => faults.push(fault),
            }
        }
        if faults.is_empty() { Ok(new) } else { Err(faults) }
    }

    fn templates_mut(&mut self) -> Vec<(String, &mut String)> {
        let mut out = Vec::new();
        for (name, text) in [("sp_entity_id", &mut self.sp_entity_id), ("login_url", &mut self.login_url)] {
            out.extend(text.as_mut().map(|text| (name.to_owned(), text)));
        }
        out.extend(
            self.acs_urls.iter_mut().enumerate().map(|(i, acs)| (format!("acs_urls.{i}.url"), &mut acs.url)),
        );
        out.extend(self.default_relay_state.as_mut().map(|text| ("default_relay_state".to_owned(), text)));
        let slo = self.slo.addresses_mut().into_iter();
        out.extend(slo.filter_map(|(name, url)| url.as_mut().map(|url| (name.to_owned(), url))));
        out.extend(
            self.relay_states.iter_mut().enumerate().map(|(i, text)| (format!("relay_states.{i}"), text)),
        );
        out.extend(constants_mut("name_id", &mut self.name_id.value));
        for (i, attribute) in self.attributes.iter_mut().enumerate() {
            out.extend(constants_mut(&format!("attributes.{i}"), &mut attribute.value));
        }
        out
    }
}

fn constants<'a>(prefix: &str, value: &'a ValueFrom) -> Vec<(String, &'a str)> {
    match value {
        ValueFrom::Property(_) | ValueFrom::Groups(_) => Vec::new(),
        ValueFrom::Constant(text) => vec![(format!("{prefix}.constant"), text)],
        ValueFrom::ByGroup(by) => {
            let rules = by.rules.iter().enumerate();
            let default = by.default.iter().map(|text| (format!("{prefix}.default"), text.as_str()));
            rules
                .map(|(i, rule)| (format!("{prefix}.by_group.{i}.value"), &*rule.value))
                .chain(default)
                .collect()
        }
    }
}

fn constants_mut<'a>(prefix: &str, value: &'a mut ValueFrom) -> Vec<(String, &'a mut String)> {
    match value {
        ValueFrom::Property(_) | ValueFrom::Groups(_) => Vec::new(),
        ValueFrom::Constant(text) => vec![(format!("{prefix}.constant"), text)],
        ValueFrom::ByGroup(by) => {
            let rules = by.rules.iter_mut().enumerate();
            let default = by.default.iter_mut().map(|text| (format!("{prefix}.default"), text));
            rules
                .map(|(i, rule)| (format!("{prefix}.by_group.{i}.value"), &mut rule.value))
                .chain(default)
                .collect()
        }
    }
}

#[cfg(test)]
mod tests;
