//! Keycloak: a realm as its console and its command line export it, or one client of it. It owns Keycloak's names of
//! client attributes and of protocol mappers. Roles, flows and people are not carried; nor is who may use a client,
//! which Keycloak leaves to each application.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::draft::{Attribute, Draft, Purpose, Step, Value, custom};
use super::report::Report;
use super::words::{cleaned, letters, list, name_id_format, says_something, switch, text};
use super::{Fault, Imported};

/// Attributes of a client that are read, or change nothing that is not the same for all applications here.
const KNOWN: &[&str] = &[
    "saml_assertion_consumer_url_post",
    "saml_assertion_consumer_url_redirect",
    "saml_artifact_binding_url",
    "saml.artifact.binding",
    "saml.artifact.binding.identifier",
    "saml.assertion.signature",
    "saml.server.signature",
    "saml.server.signature.keyinfo.ext",
    "saml.server.signature.keyinfo.xmlSigKeyInfoKeyNameTransformer",
    "saml.signature.algorithm",
    "saml_signature_canonicalization_method",
    "saml.client.signature",
    "saml.signing.certificate",
    "saml.signing.private.key",
    "saml.encrypt",
    "saml.encryption.certificate",
    "saml.encryption.private.key",
    "saml.encryption.algorithm",
    "saml.encryption.keyAlgorithm",
    "saml.encryption.digestMethod",
    "saml.encryption.maskGenerationFunction",
    "saml_name_id_format",
    "saml_force_name_id_format",
    "saml_single_logout_service_url_post",
    "saml_single_logout_service_url_redirect",
    "saml_single_logout_service_url_soap",
    "saml_single_logout_service_url_artifact",
    "saml_artifact_resolution_service_url",
    "saml_idp_initiated_sso_relay_state",
    "saml_idp_initiated_sso_url_name",
    "saml.authnstatement",
    "saml.onetimeuse.condition",
    "saml.assertion.lifespan",
    "saml.force.post.binding",
    "saml.allow.ecp.flow",
    "saml.multivalued.roles",
    "saml.useMetadataDescriptorUrl",
    "saml.metadata.descriptor.url",
    "login_theme",
    "logoUri",
    "policyUri",
    "tosUri",
    "security.admin.console",
    "realm_client",
];
/// Beginnings of attributes that only `OpenID` Connect reads.
const OF_OPENID: &[&str] = &[
    "oidc.",
    "oauth2.",
    "backchannel.",
    "client_credentials.",
    "tls",
    "tls.",
    "exclude.",
    "display.on.consent",
    "id.token",
    "access.token",
    "user.info",
    "post.logout.",
    "request.",
    "token.",
    "use.",
    "pkce.",
    "client.secret",
    "client.use",
    "client.introspection",
    "client.session",
    "client.offline",
    "standard.token",
    "require.pushed",
    "authorization.",
    "dpop.",
    "jwt.",
    "jwks.",
    "frontchannel.logout",
    "logout.confirmation",
];

/// Most mappers of a client that are looked at: scopes are shared, so that a small file can name many.
const MAX_MAPPERS: usize = 300;

/// Reads the export.
pub(super) fn read(export: &Json) -> Result<Imported, Fault> {
    let one = std::slice::from_ref(export);
    let parts = export.as_array().map_or(one, Vec::as_slice);
    let is_part =
        |part: &Json| part.get("clients").is_some_and(Json::is_array) || part.get("clientId").is_some();
    if !parts.iter().all(is_part) {
        return Err(Fault::not_an_export("realm with clients"));
    }
    let mut report = Report::default();
    for part in parts {
        let scopes = Scopes::of(part);
        let client = std::slice::from_ref(part);
        for client in part.get("clients").and_then(Json::as_array).map_or(client, Vec::as_slice) {
            if text(client, &["protocol"]).as_deref() == Some("saml") {
                report.push(saml(client, &scopes))?;
            } else {
                report.other("clients that are not SAML", &label(client));
            }
        }
        if !list(part, "users").is_empty() {
            report.leave("users", "People are not carried. Import them by CSV; their passwords stay behind.");
        }
        if !list(part, "identityProviders").is_empty() {
            report.leave(
                "identityProviders",
                "People sign in here and nowhere else: identity providers behind this one are not known.",
            );
        }
    }
    report
        .leave("groups", "Who may use a client is not in a realm. Bind groups to each application, by hand.");
    report.finish("Keycloak")
}

/// The name that people see; what Keycloak translates itself is none.
fn label(client: &Json) -> String {
    let name = text(client, &["name"]).filter(|name| !name.trim().is_empty() && !name.contains("${"));
    name.or_else(|| text(client, &["clientId"])).unwrap_or_default()
}

/// Mappers of the client scopes of a realm, by the names of the scopes.
struct Scopes<'a>(BTreeMap<String, &'a Json>);

impl<'a> Scopes<'a> {
    fn of(realm: &'a Json) -> Self {
        let named = |scope: &'a Json| text(scope, &["name"]).map(|name| (name, scope));
        Self(list(realm, "clientScopes").iter().filter_map(named).collect())
    }
}

/// One client and its draft.
struct Client<'a> {
    export: &'a Json,
    draft: Draft,
    /// Mappers that were looked at.
    seen: usize,
}

fn saml(client: &Json, scopes: &Scopes<'_>) -> Draft {
    let mut reader = Client { export: client, draft: Draft::new(&label(client)), seen: 0 };
    reader.general();
    reader.certificates();
    reader.addresses();
    reader.signatures();
    reader.encryption();
    reader.name_id();
    reader.mappers(list(client, "protocolMappers"));
    for scope in list(client, "defaultClientScopes").iter().filter_map(Json::as_str) {
        match scopes.0.get(scope) {
            Some(found) if matches!(text(found, &["protocol"]).as_deref(), None | Some("saml")) => {
                reader.mappers(list(found, "protocolMappers"));
            }
            Some(_) => {}
            None => {
                let why = format!(
                    "The client scope {} is not in the export, so its attributes are not carried. Export the realm.",
                    cleaned(scope, 80)
                );
                reader.draft.leave("defaultClientScopes", why);
            }
        }
    }
    reader.logout();
    reader.others();
    reader.draft
}

impl Client<'_> {
    /// An attribute of the client; blank is none.
    fn attribute(&self, name: &str) -> Option<String> {
        text(self.export, &["attributes", name]).filter(|text| !text.trim().is_empty())
    }

    fn switch(&self, name: &str) -> Option<bool> {
        switch(self.export, &["attributes", name])
    }

    fn is_on(&self, name: &str) -> bool {
        self.switch(name) == Some(true)
    }

    fn field(&self, name: &str) -> Option<String> {
        text(self.export, &[name]).filter(|text| !text.trim().is_empty())
    }

    /// An address that may be relative to the client's root.
    fn whole(&self, url: &str) -> String {
        match self.field("rootUrl") {
            Some(root) if url.starts_with('/') && !root.contains("${") => {
                format!("{}{url}", root.trim_end_matches('/'))
            }
            _ => url.to_owned(),
        }
    }

    fn general(&mut self) {
        self.draft.describe("description", &text(self.export, &["description"]).unwrap_or_default());
        let id = self.field("clientId").unwrap_or_default();
        self.draft.entity_id("clientId", &id);
        if id.trim().is_empty() {
            self.draft.leave(
                "clientId",
                "The application's entity ID is not in the export. Take it from the application.",
            );
        }
    }

    fn certificates(&mut self) {
        for (name, purpose) in [
            ("saml.signing.certificate", Purpose::Signing),
            ("saml.encryption.certificate", Purpose::Encryption),
        ] {
            if let Some(certificate) = self.attribute(name) {
                self.draft.certificate(purpose, name, &certificate);
            }
        }
        for name in ["saml.signing.private.key", "saml.encryption.private.key"] {
            if self.attribute(name).is_some() {
                self.draft.leave(
                    name,
                    "Private keys are never carried: the application's belong to the application alone.",
                );
            }
        }
        if self.is_on("saml.useMetadataDescriptorUrl") {
            self.draft.leave("saml.metadata.descriptor.url", "The application's certificates were read from its metadata at each use. Give its metadata here, or its certificates.");
        }
    }

    fn addresses(&mut self) {
        if let Some(url) = self.attribute("saml_assertion_consumer_url_post") {
            self.draft.acs_url("saml_assertion_consumer_url_post", &self.whole(&url), None);
        }
        if let Some(url) = self.field("adminUrl").filter(|_| !self.draft.has_acs_url()) {
            self.draft.acs_url("adminUrl", &self.whole(&url), None);
        }
        for uri in list(self.export, "redirectUris").iter().filter_map(Json::as_str) {
            if uri.contains('*') {
                let why = format!(
                    "{} stands for many addresses. Here each is named: add those that the application uses.",
                    cleaned(uri, 120)
                );
                self.draft.leave("redirectUris", why);
            } else {
                self.draft.acs_url("redirectUris", &self.whole(uri), None);
            }
        }
        if let Some(url) = self.attribute("saml_artifact_binding_url") {
            if self.draft.has_certificate(Purpose::Signing) && self.draft.has_acs_url() {
                self.draft.acs_url_by("saml_artifact_binding_url", &self.whole(&url), None, "artifact");
            } else {
                self.draft.leave("saml_artifact_binding_url", "An address by artifact needs the application's certificate and an address by POST. Give these first.");
            }
        }
        if self.is_on("saml.artifact.binding") {
            self.draft.leave("saml.artifact.binding", "Responses were always brought by artifact. Here the first address by POST is the usual one: choose another default where that is wanted.");
        }
        if self.attribute("saml_assertion_consumer_url_redirect").is_some() {
            self.draft.leave(
                "saml_assertion_consumer_url_redirect",
                "Responses are never brought by redirect: the standard forbids it. They are brought by POST.",
            );
        }
        if !self.draft.has_acs_url() {
            self.draft.leave(
                "saml_assertion_consumer_url_post",
                "There is no usable address for responses in the export. Take it from the application.",
            );
        }
        self.starting();
    }

    /// Where a sign-on begins that the application did not ask for.
    fn starting(&mut self) {
        let by_idp = self.attribute("saml_idp_initiated_sso_url_name").is_some();
        if let Some(url) = self.field("baseUrl") {
            if by_idp {
                self.draft.leave("baseUrl", "The tile signs on at once here. Set a login URL if it is to lead to the application first.");
            } else {
                self.draft.login_url("baseUrl", &self.whole(&url));
            }
        }
        if !by_idp {
            self.draft.set("idp_initiated", "off");
            if !self.draft.has_login_url() {
                self.draft.leave("saml_idp_initiated_sso_url_name", "Only the application began sign-ons, so its tile leads nowhere yet. Give it a login URL, or let sign-ons begin here.");
            }
        }
        if let Some(state) = self.attribute("saml_idp_initiated_sso_relay_state") {
            self.draft.relay_state("saml_idp_initiated_sso_relay_state", &state);
        }
    }

    fn signatures(&mut self) {
        let (response, assertion) =
            (self.is_on("saml.server.signature"), self.is_on("saml.assertion.signature"));
        self.draft.sign("saml.server.signature", response, assertion);
        if let Some(algorithm) = self.attribute("saml.signature.algorithm") {
            self.draft.signature_algorithm("saml.signature.algorithm", &algorithm);
        }
        let method = self.attribute("saml_signature_canonicalization_method").unwrap_or_default();
        if !matches!(method.as_str(), "" | "http://www.w3.org/2001/10/xml-exc-c14n#") {
            self.draft.leave(
                "saml_signature_canonicalization_method",
                "Signatures are always by exclusive canonicalization here, which all applications take.",
            );
        }
        if self.is_on("saml.server.signature.keyinfo.ext") {
            self.draft.leave("saml.server.signature.keyinfo.ext", "The name of the key is not sent as an extension here: the certificate goes along with each signature.");
        }
        if self.is_on("saml.client.signature") {
            self.draft.require_signed_requests("saml.client.signature");
        }
    }

    fn encryption(&mut self) {
        if !self.is_on("saml.encrypt") {
            return;
        }
        self.draft.encrypt("saml.encrypt");
        self.draft.cipher(
            "saml.encryption.algorithm",
            &self.attribute("saml.encryption.algorithm").unwrap_or_default(),
        );
        let transport = self.attribute("saml.encryption.keyAlgorithm").unwrap_or_default();
        let all_sha256 = transport.ends_with("xmlenc11#rsa-oaep")
            && self
                .attribute("saml.encryption.digestMethod")
                .is_some_and(|digest| digest.ends_with("#sha256"))
            && self
                .attribute("saml.encryption.maskGenerationFunction")
                .is_some_and(|mask| mask.ends_with("#mgf1sha256"));
        if all_sha256 {
            self.draft.set("key_transport", "rsa-oaep-sha256");
        } else {
            self.draft.key_transport("saml.encryption.keyAlgorithm", &transport);
        }
    }

    fn name_id(&mut self) {
        const WHAT: &str = "saml_name_id_format";
        let written = self.attribute(WHAT).unwrap_or_default();
        let (format, source) = match written.as_str() {
            "email" => ("emailAddress", "email"),
            "persistent" => ("persistent", "username"),
            "transient" => ("transient", "username"),
            // Anything else is the username to Keycloak, too.
            _ => ("unspecified", "username"),
        };
        self.draft.name_id(WHAT, Some(format), Some(Value::source(source)), &[]);
        if self.is_on("saml_force_name_id_format") {
            self.draft.leave("saml_force_name_id_format", "The format was the same whatever the application asked for. Here a request gets the format that it names.");
        }
    }

    fn logout(&mut self) {
        let mut any = false;
        for (name, field) in [
            ("saml_single_logout_service_url_post", "post_url"),
            ("saml_single_logout_service_url_redirect", "redirect_url"),
            ("saml_single_logout_service_url_soap", "soap_url"),
        ] {
            if let Some(url) = self.attribute(name) {
                any = true;
                self.draft.logout_url(field, name, &self.whole(&url));
            }
        }
        if self.attribute("saml_single_logout_service_url_artifact").is_some() {
            self.draft.leave(
                "saml_single_logout_service_url_artifact",
                "Logout messages are not brought by artifact here. Give an address by redirect or POST.",
            );
        }
        if any && switch(self.export, &["frontchannelLogout"]) == Some(false) {
            self.draft.leave("frontchannelLogout", "Logout went from server to server. Here that is done by SOAP only; by POST and redirect the browser brings it.");
        }
    }

    fn others(&mut self) {
        const SAME: &str = "It is the same for all applications here, and can't be set.";
        if self.switch("saml.authnstatement") == Some(false) {
            self.draft.leave(
                "saml.authnstatement",
                "An assertion always says here when and how somebody signed on.",
            );
        }
        for name in ["saml.onetimeuse.condition", "saml.assertion.lifespan"] {
            if self.attribute(name).is_some_and(|value| value != "false") {
                self.draft.leave(name, SAME);
            }
        }
        if self.is_on("saml.allow.ecp.flow") {
            self.draft.leave(
                "saml.allow.ecp.flow",
                "Clients without a browser need an address by PAOS. Add it, then switch ECP on.",
            );
        }
        if switch(self.export, &["consentRequired"]) == Some(true) {
            self.draft.leave("consentRequired", "People are not asked whether an application may know them. Bind only groups that shall use it.");
        }
        for name in ["authenticationFlowBindingOverrides", "authorizationSettings"] {
            if self.export.get(name).is_some_and(says_something) {
                self.draft.leave(name, "Flows and policies of one client are not carried. See whether the settings of sign-in here are enough.");
            }
        }
        for (name, value) in self.export.get("attributes").and_then(Json::as_object).into_iter().flatten() {
            let known =
                KNOWN.contains(&name.as_str()) || OF_OPENID.iter().any(|start| name.starts_with(start));
            if !known && says_something(value) {
                self.draft.leave(
                    name,
                    "This setting is not known here. See what it does, and whether the application needs it.",
                );
            }
        }
    }

    fn mappers(&mut self, mappers: &[Json]) {
        for mapper in mappers {
            self.seen += 1;
            if self.seen > MAX_MAPPERS {
                self.draft.leave(
                    "protocolMappers",
                    "There are more than 300 mappers. Those after them were not looked at.",
                );
                return;
            }
            if matches!(text(mapper, &["protocol"]).as_deref(), None | Some("saml")) {
                self.mapper(mapper);
            }
        }
    }

    fn mapper(&mut self, mapper: &Json) {
        let kind = text(mapper, &["protocolMapper"]).unwrap_or_default();
        let what = format!("mapper {}", text(mapper, &["name"]).unwrap_or_default());
        let config = |key: &str| text(mapper, &["config", key]).unwrap_or_default();
        let of_person = config("user.attribute");
        let (value, steps) = match kind.as_str() {
            "saml-user-property-mapper" | "saml-user-attribute-mapper" => match property(&of_person) {
                Some(value) => (value, Vec::new()),
                None => return self.unknown_property(&what, &of_person),
            },
            "saml-user-full-name-mapper" => (Value::source("display_name"), Vec::new()),
            "saml-hardcode-attribute-mapper" => {
                (Value::Constant(vec![config("attribute.value")]), Vec::new())
            }
            "saml-group-membership-mapper" => (Value::Groups(Vec::new()), self.group_steps(&what, mapper)),
            "saml-user-attribute-nameid-mapper" => {
                return self.name_id_mapper(&what, &config("mapper.nameid.format"), &of_person);
            }
            other => return self.draft.leave(what, refused(other)),
        };
        let name_format = match letters(&config("attribute.nameformat")).as_str() {
            "urireference" | "uri" => "uri",
            "unspecified" => "unspecified",
            _ => "basic",
        };
        let friendly_name = Some(config("friendly.name")).filter(|name| !name.trim().is_empty());
        let name = config("attribute.name");
        self.draft.attribute(&what, &Attribute { name, name_format, friendly_name, value, steps });
    }

    fn unknown_property(&mut self, what: &str, name: &str) {
        let why = format!("People have no {} here. Add the attribute by hand.", cleaned(name, 80));
        self.draft.leave(what, why);
    }

    /// Keycloak sends paths of groups unless it is told not to; groups lie in no groups here.
    fn group_steps(&mut self, what: &str, mapper: &Json) -> Vec<Step> {
        if switch(mapper, &["config", "single"]) == Some(false) {
            self.draft.leave(what, "Each group was an attribute of its own. Here one attribute has all of them as its values, as the standard wants it.");
        }
        if switch(mapper, &["config", "full.path"]) == Some(false) {
            return Vec::new();
        }
        self.draft.leave(what, "Paths of groups were sent. Here it is a / and the group's name: groups lie in no other groups. Compare with what the application expects.");
        vec![Step::Prefix("/".to_owned())]
    }

    /// It counts where the client's format is the mapper's.
    fn name_id_mapper(&mut self, what: &str, urn: &str, name: &str) {
        let written = self.attribute("saml_name_id_format").unwrap_or_default();
        let configured = name_id_format(&written).unwrap_or("unspecified");
        match (name_id_format(urn), property(name)) {
            (Some(format), Some(value)) if format == configured && format != "persistent" && format != "transient" => {
                self.draft.name_id(what, Some(format), Some(value), &[]);
            }
            (_, None) => self.unknown_property(what, name),
            _ => self.draft.leave(what, "It makes the NameID of another format than the client's, or of one that is made here. Set the NameID by hand if the application asks for it."),
        }
    }
}

fn refused(kind: &str) -> String {
    match kind {
        "saml-role-list-mapper" | "saml-hardcode-role-mapper" | "saml-role-name-mapper" => {
            "There are no roles here. Where the application reads them, send groups, or a value by group."
                .to_owned()
        }
        "saml-javascript-mapper" => "Scripts are not run here. Add the attribute by hand.".to_owned(),
        "saml-audience-mapper" | "saml-audience-resolve-mapper" => {
            "The audience is the application's entity ID here, and nobody else's.".to_owned()
        }
        other => format!(
            "A mapper of the kind {} is not known here. Add by hand what the application needs of it.",
            cleaned(other, 80)
        ),
    }
}

/// A property or an attribute of Keycloak's people.
fn property(name: &str) -> Option<Value> {
    let name = name.trim();
    let known = match name {
        "username" => "username",
        "email" | "mail" => "email",
        "firstName" | "givenName" => "first_name",
        "lastName" | "sn" | "surname" => "last_name",
        "middleName" => "middle_name",
        "displayName" => "display_name",
        "title" | "jobTitle" => "job_title",
        "department" => "department",
        "company" | "organization" => "company",
        "costCenter" => "cost_center",
        "employeeNumber" | "employeeId" | "employeeID" => "employee_identifier",
        "employeeType" => "employee_type",
        "location" => "location",
        "locale" => "locale",
        "zoneinfo" | "timezone" => "timezone",
        "phoneNumber" | "telephoneNumber" => "phone_numbers.work",
        "mobile" => "phone_numbers.mobile",
        "street" => "addresses.work.street_address",
        "locality" => "addresses.work.locality",
        "region" => "addresses.work.region",
        "postal_code" => "addresses.work.postal_code",
        "country" => "addresses.work.country",
        // Keycloak's own, which mean nothing elsewhere.
        "id" | "emailVerified" | "enabled" | "createdTimestamp" => return None,
        other => return custom(other),
    };
    Some(Value::source(known))
}

#[cfg(test)]
#[path = "keycloak_tests.rs"]
mod tests;
