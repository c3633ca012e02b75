//! Okta: the answer of `GET /api/v1/apps`, or of one application. It owns what Okta's settings of SAML mean here;
//! expressions are read by [`super::expression`], names of people's properties by [`super::okta_profile`], and what comes
//! from Okta's own catalog by [`super::okta_catalog`]. Group assignments are not in this answer but where somebody
//! embedded them.

use serde_json::Value as Json;

use super::draft::{Attribute, Draft, Purpose, Step, Value};
use super::expression::{self, Expression};
use super::okta_profile::{UserName, profile};
use super::report::Report;
use super::words::{cleaned, list, name_id_format, says_something, switch, text};
use super::{Fault, Imported, okta_catalog, pattern};

/// Keys of an application that change nothing, or that are read.
const KNOWN: &[&str] = &[
    "id",
    "orn",
    "name",
    "label",
    "status",
    "lastUpdated",
    "created",
    "accessibility",
    "visibility",
    "features",
    "signOnMode",
    "credentials",
    "settings",
    "_links",
    "_embedded",
    "licensing",
    "universalLogout",
];
/// The same of `settings`.
const KNOWN_SETTINGS: &[&str] =
    &["app", "signOn", "notifications", "notes", "manualProvisioning", "implicitAssignment", "inlineHookId"];
/// The same of `settings.signOn`.
const KNOWN_SIGN_ON: &[&str] = &[
    "acsEndpoints",
    "allowMultipleAcsEndpoints",
    "assertionEncryption",
    "assertionSigned",
    "attributeStatements",
    "audience",
    "audienceOverride",
    "authnContextClassRef",
    "configuredAttributeStatements",
    "defaultRelayState",
    "destination",
    "destinationOverride",
    "digestAlgorithm",
    "honorForceAuthn",
    "idpIssuer",
    "inlineHooks",
    "participateSlo",
    "recipient",
    "recipientOverride",
    "requestCompressed",
    "responseSigned",
    "samlAssertionLifetimeSeconds",
    "samlSignedRequestEnabled",
    "signatureAlgorithm",
    "slo",
    "spCertificate",
    "spIssuer",
    "ssoAcsUrl",
    "ssoAcsUrlOverride",
    "subjectNameIdFormat",
    "subjectNameIdTemplate",
];

/// Reads the export.
pub(super) fn read(export: &Json) -> Result<Imported, Fault> {
    let one = std::slice::from_ref(export);
    let applications = export.as_array().map_or(one, Vec::as_slice);
    if applications.iter().any(|application| application.get("signOnMode").is_none()) {
        return Err(Fault::not_an_export("list of applications with signOnMode"));
    }
    let mut report = Report::default();
    let mut groups_seen = false;
    for application in applications {
        let label =
            text(application, &["label"]).or_else(|| text(application, &["name"])).unwrap_or_default();
        let mode = text(application, &["signOnMode"]).unwrap_or_default();
        let mut draft = Draft::new(&label);
        match mode.as_str() {
            "SAML_2_0" => saml(&mut draft, application),
            "BOOKMARK"
                if draft.bookmark(&text(application, &["settings", "app", "url"]).unwrap_or_default()) => {}
            mode => {
                report.other(if mode.is_empty() { "signOnMode" } else { mode }, &label);
                continue;
            }
        }
        general(&mut draft, application);
        groups_seen |= assigned(&mut draft, application);
        report.push(draft)?;
    }
    if !groups_seen {
        report.leave(
            "groups",
            "Who may use an application is not in this export. Bind groups to each, by hand.",
        );
    }
    report.finish("Okta")
}

/// What applications of every kind have.
fn general(draft: &mut Draft, application: &Json) {
    if switch(application, &["visibility", "hide", "web"]) == Some(true) {
        draft.hide();
    }
    for key in ["errorRedirectUrl", "loginRedirectUrl"] {
        if application.pointer(&format!("/accessibility/{key}")).is_some_and(says_something) {
            draft.leave(
                format!("accessibility.{key}"),
                "People are not sent elsewhere here: they see a page that says what is wrong.",
            );
        }
    }
    if switch(application, &["accessibility", "selfService"]) == Some(true) {
        draft.leave(
            "accessibility.selfService",
            "People can't ask for an application here. Bind the groups that may use it.",
        );
    }
    let features: Vec<&str> = list(application, "features").iter().filter_map(Json::as_str).collect();
    if !features.is_empty() {
        let why = format!(
            "Provisioning ({}) is not carried. Set up identity management, with a new token.",
            features.join(", ")
        );
        draft.leave("features", why);
    }
    links(draft, application.pointer("/visibility/appLinks").unwrap_or(&Json::Null));
    unknown(draft, "", application, KNOWN);
    unknown(draft, "settings.", application.get("settings").unwrap_or(&Json::Null), KNOWN_SETTINGS);
    let settings = application.get("settings").unwrap_or(&Json::Null);
    notes(draft, settings);
    if switch(settings, &["implicitAssignment"]) == Some(true) {
        draft.leave(
            "settings.implicitAssignment",
            "Everybody could use it. Bind Everyone to it if that is to stay so.",
        );
    }
    let network = text(settings, &["notifications", "vpn", "network", "connection"]).unwrap_or_default();
    if !matches!(network.as_str(), "" | "DISABLED") {
        draft.leave(
            "settings.notifications.vpn",
            "There is no notice of a VPN here. Tell people by the description.",
        );
    }
}

/// An application has one tile here. Without any link it had none.
fn links(draft: &mut Draft, links: &Json) {
    let links: Vec<(&String, &Json)> = links.as_object().into_iter().flatten().collect();
    let off: Vec<&str> = links
        .iter()
        .filter(|(_, shown)| switch(shown, &[]) == Some(false))
        .map(|(name, _)| name.as_str())
        .collect();
    if off.is_empty() {
        return;
    }
    if off.len() == links.len() {
        return draft.hide();
    }
    let why = format!(
        "Of its links people did not see {}. Here an application has one tile: see where it leads.",
        cleaned(&off.join(", "), 200)
    );
    draft.leave("visibility.appLinks", why);
}

/// What people read of an application stands under its label here.
fn notes(draft: &mut Draft, settings: &Json) {
    draft.describe("settings.notes.enduser", &text(settings, &["notes", "enduser"]).unwrap_or_default());
    let notes = settings.get("notes").and_then(Json::as_object);
    for (key, value) in notes.into_iter().flatten() {
        if key != "enduser" && says_something(value) {
            draft.leave(
                format!("settings.notes.{key}"),
                "Notes for administrators have no place here. Keep it elsewhere.",
            );
        }
    }
}

fn unknown(draft: &mut Draft, prefix: &str, object: &Json, known: &[&str]) {
    let Some(object) = object.as_object() else { return };
    for (key, value) in object {
        if !known.contains(&key.as_str()) && says_something(value) {
            draft.leave(
                format!("{prefix}{key}"),
                "This setting is not known here. See what it does, and whether the application needs it.",
            );
        }
    }
}

/// Groups that somebody embedded by `expand`. Whether there are any.
fn assigned(draft: &mut Draft, application: &Json) -> bool {
    let embedded = application.get("_embedded").unwrap_or(&Json::Null);
    let groups = list(embedded, "groups");
    for group in groups {
        let name = text(group, &["profile", "name"]).or_else(|| text(group, &["name"]));
        match name {
            Some(name) => draft.group("_embedded.groups", &name),
            None => draft.leave("_embedded.groups", "A group has no name in the export. Bind it by hand."),
        }
    }
    !groups.is_empty()
}

fn saml(draft: &mut Draft, application: &Json) {
    let sign_on = application.pointer("/settings/signOn").unwrap_or(&Json::Null);
    unknown(draft, "settings.signOn.", sign_on, KNOWN_SIGN_ON);
    draft.hint = okta_catalog::hint(application);
    addresses(draft, sign_on);
    if !draft.has_acs_url() {
        let own = application.pointer("/settings/app").is_some_and(says_something);
        let why = if own {
            "The address is made from settings.app of Okta's own connector. Take it from the application, or add it from the catalog here."
        } else {
            "There is no usable address for responses in the export. Take it from the application."
        };
        draft.leave_unless_found("settings.signOn.ssoAcsUrl", why);
    }
    signatures(draft, sign_on);
    encryption(draft, sign_on.get("assertionEncryption").unwrap_or(&Json::Null));
    let user_name = UserName::of(application);
    name_id(draft, sign_on, &user_name);
    for key in ["attributeStatements", "configuredAttributeStatements"] {
        for statement in list(sign_on, key) {
            attribute(draft, statement, &user_name);
        }
    }
    logout(draft, sign_on);
    others(draft, sign_on);
}

/// The setting, or what overrides it.
fn overridden(sign_on: &Json, key: &str) -> Option<String> {
    let filled = |key: &str| text(sign_on, &[key]).filter(|text| !text.trim().is_empty());
    filled(&format!("{key}Override")).or_else(|| filled(key))
}

fn addresses(draft: &mut Draft, sign_on: &Json) {
    let acs = overridden(sign_on, "ssoAcsUrl").or_else(|| overridden(sign_on, "destination"));
    let endpoints = list(sign_on, "acsEndpoints");
    if let Some(acs) = &acs {
        let same = |endpoint: &&Json| text(endpoint, &["url"]).as_ref() == Some(acs);
        let index =
            endpoints.iter().find(same).and_then(|endpoint| endpoint.get("index")).and_then(Json::as_u64);
        draft.acs_url("settings.signOn.ssoAcsUrl", acs, index);
    }
    if switch(sign_on, &["allowMultipleAcsEndpoints"]) != Some(false) {
        for endpoint in endpoints {
            let url = text(endpoint, &["url"]).unwrap_or_default();
            let index = endpoint.get("index").and_then(Json::as_u64);
            draft.acs_url("settings.signOn.acsEndpoints", &url, index);
        }
    }
    for key in ["destination", "recipient"] {
        if overridden(sign_on, key).is_some_and(|other| acs.as_ref().is_some_and(|acs| *acs != other)) {
            let why = "It differs from the address for responses. Here both are always that address. See that the application takes it.";
            draft.leave(format!("settings.signOn.{key}"), why);
        }
    }
    match overridden(sign_on, "audience") {
        Some(audience) => draft.entity_id("settings.signOn.audience", &audience),
        None => draft.leave_unless_found(
            "settings.signOn.audience",
            "The application's entity ID is not in the export. Take it from the application.",
        ),
    }
    if let Some(state) = text(sign_on, &["defaultRelayState"]) {
        draft.relay_state("settings.signOn.defaultRelayState", &state);
    }
}

fn signatures(draft: &mut Draft, sign_on: &Json) {
    let (response, assertion) = (switch(sign_on, &["responseSigned"]), switch(sign_on, &["assertionSigned"]));
    if response.is_some() || assertion.is_some() {
        let (response, assertion) = (response.unwrap_or(false), assertion.unwrap_or(false));
        draft.sign("settings.signOn.assertionSigned", response, assertion);
    }
    if let Some(algorithm) = text(sign_on, &["signatureAlgorithm"]) {
        draft.signature_algorithm("settings.signOn.signatureAlgorithm", &algorithm);
    }
    if let Some(algorithm) = text(sign_on, &["digestAlgorithm"]) {
        draft.digest_algorithm("settings.signOn.digestAlgorithm", &algorithm);
    }
    let certificates = sign_on.get("spCertificate").unwrap_or(&Json::Null);
    for certificate in list(certificates, "x5c").iter().filter_map(Json::as_str) {
        draft.certificate(Purpose::Signing, "settings.signOn.spCertificate", certificate);
    }
    if switch(sign_on, &["samlSignedRequestEnabled"]) == Some(true) {
        draft.require_signed_requests("settings.signOn.samlSignedRequestEnabled");
    }
}

fn encryption(draft: &mut Draft, encryption: &Json) {
    const WHAT: &str = "settings.signOn.assertionEncryption";
    if switch(encryption, &["enabled"]) != Some(true) {
        return;
    }
    for certificate in list(encryption, "x5c").iter().filter_map(Json::as_str) {
        draft.certificate(Purpose::Encryption, WHAT, certificate);
    }
    draft.encrypt(WHAT);
    draft.cipher(WHAT, &text(encryption, &["encryptionAlgorithm"]).unwrap_or_default());
    draft.key_transport(WHAT, &text(encryption, &["keyTransportAlgorithm"]).unwrap_or_default());
}

fn logout(draft: &mut Draft, sign_on: &Json) {
    let slo = sign_on.get("slo").unwrap_or(&Json::Null);
    if switch(slo, &["enabled"]) == Some(true) {
        let redirect = text(slo, &["bindingType"])
            .is_some_and(|binding| binding.to_ascii_lowercase().contains("redirect"));
        let url = text(slo, &["logoutUrl"]).unwrap_or_default();
        draft.logout_url(
            if redirect { "redirect_url" } else { "post_url" },
            "settings.signOn.slo.logoutUrl",
            &url,
        );
        let issuer = text(slo, &["spIssuer"]).or_else(|| text(slo, &["issuer"])).unwrap_or_default();
        if !issuer.trim().is_empty() && Some(&issuer) != overridden(sign_on, "audience").as_ref() {
            let why = "The application signs logout messages under another entity ID. Here they come under the one that it has. Change it there.";
            draft.leave("settings.signOn.slo.spIssuer", why);
        }
    }
    let participate = sign_on.get("participateSlo").unwrap_or(&Json::Null);
    if switch(participate, &["enabled"]) == Some(true) {
        let redirect = text(participate, &["bindingType"]).is_some_and(|binding| binding == "REDIRECT");
        let url = text(participate, &["logoutRequestUrl"]).unwrap_or_default();
        let field = if redirect { "redirect_url" } else { "post_url" };
        draft.logout_url(field, "settings.signOn.participateSlo", &url);
    }
}

fn others(draft: &mut Draft, sign_on: &Json) {
    if switch(sign_on, &["honorForceAuthn"]) == Some(false) {
        let why = "Requests to enter the password again were not heeded. Here they are.";
        draft.leave("settings.signOn.honorForceAuthn", why);
    }
    let class = text(sign_on, &["authnContextClassRef"]).unwrap_or_default();
    let usual = ["unspecified", "Password", "PasswordProtectedTransport"];
    if !class.is_empty() && !usual.contains(&class.rsplit(':').next().unwrap_or_default()) {
        let why = "This class was named whatever people had done. Here a class is only named where it is true: see the classes of the application.";
        draft.leave("settings.signOn.authnContextClassRef", why);
    }
    if !list(sign_on, "inlineHooks").is_empty() {
        draft.leave("settings.signOn.inlineHooks", "Nothing outside changes an assertion here. See what the hook adds, and add it to the attributes.");
    }
    if sign_on
        .get("samlAssertionLifetimeSeconds")
        .and_then(Json::as_u64)
        .is_some_and(|seconds| seconds != 300)
    {
        draft.leave(
            "settings.signOn.samlAssertionLifetimeSeconds",
            "How long an assertion counts is the same for all applications here.",
        );
    }
}

fn name_id(draft: &mut Draft, sign_on: &Json, user_name: &UserName) {
    const FORMAT: &str = "settings.signOn.subjectNameIdFormat";
    const TEMPLATE: &str = "settings.signOn.subjectNameIdTemplate";
    let urn = text(sign_on, &["subjectNameIdFormat"]).unwrap_or_default();
    let format = name_id_format(&urn);
    if format.is_none() {
        let why = "The format of the NameID is not in the export, or not known. Here it is that of e-mail addresses: see what the application asks for.";
        if urn.trim().is_empty() {
            draft.leave_unless_found(FORMAT, why);
        } else {
            draft.leave(FORMAT, why);
        }
    }
    let template = text(sign_on, &["subjectNameIdTemplate"]).unwrap_or_default();
    let read = match expression::parse(&template) {
        Some(Expression::Path(path, steps)) => user_name.value(&path, steps),
        _ if template.trim().is_empty() => user_name.value("user.userName", Vec::new()),
        _ => None,
    };
    if let Some((value, steps)) = read {
        // What nobody says is the connector's, where there is one.
        let is_said = !template.trim().is_empty() || user_name.is_said();
        if !is_said && draft.hint.is_some() {
            return draft.name_id(TEMPLATE, format, None, &[]);
        }
        return draft.name_id(TEMPLATE, format, Some(value), &steps);
    }
    let why = format!(
        "The NameID comes from {}, which says more than there is here. It is the e-mail address now: set its source.",
        cleaned(&template, 120)
    );
    draft.leave(TEMPLATE, why);
    draft.name_id(TEMPLATE, format, None, &[]);
}

fn attribute(draft: &mut Draft, statement: &Json, user_name: &UserName) {
    let name = text(statement, &["name"]).unwrap_or_default();
    let what = format!("attribute {name}");
    let read = match text(statement, &["type"]).unwrap_or_default().as_str() {
        "GROUP" => {
            groups(statement).map(|patterns| (Value::Groups(patterns), Vec::new())).map_err(str::to_owned)
        }
        "EXPRESSION" | "" => values(statement, user_name),
        other => Err(format!("Attributes of the kind {other} are not known here. Add it by hand.")),
    };
    let namespace = text(statement, &["namespace"]).unwrap_or_default();
    let name_format = match namespace.rsplit(':').next().unwrap_or_default() {
        "basic" => "basic",
        "uri" => "uri",
        _ => "unspecified",
    };
    match read {
        Ok((value, steps)) => {
            draft.attribute(&what, &Attribute { name, name_format, friendly_name: None, value, steps });
        }
        Err(why) => draft.leave(what, why),
    }
}

fn groups(statement: &Json) -> Result<Vec<String>, &'static str> {
    let value = text(statement, &["filterValue"]).unwrap_or_default();
    let patterns = match text(statement, &["filterType"]).unwrap_or_default().as_str() {
        "STARTS_WITH" => pattern::starting(&value).map(|one| vec![one]),
        "EQUALS" => pattern::equal(&value).map(|one| vec![one]),
        "CONTAINS" => pattern::containing(&value).map(|one| vec![one]),
        "REGEX" => pattern::regular(&value),
        _ => None,
    };
    let patterns = patterns.ok_or("Its filter of groups says more than patterns with * and ? can. Add it by hand, with patterns that send no group too many.")?;
    Ok(if patterns.iter().any(|pattern| pattern == "*") { Vec::new() } else { patterns })
}

fn values(statement: &Json, user_name: &UserName) -> Result<(Value, Vec<Step>), String> {
    let texts: Vec<String> = list(statement, "values").iter().filter_map(|value| text(value, &[])).collect();
    let constant = |written: &String| match expression::parse(written) {
        Some(Expression::Text(text)) => Some(text),
        Some(Expression::Path(path, _)) if profile(&path).is_some() => None,
        _ => expression::is_plain(written).then(|| written.clone()),
    };
    let constants: Option<Vec<String>> = texts.iter().map(constant).collect();
    if let Some(constants) = constants.filter(|constants| !constants.is_empty()) {
        return Ok((Value::Constant(constants), Vec::new()));
    }
    let shown = cleaned(&texts.join(", "), 120);
    let fail = || format!("Its value is {shown}, which says more than there is here. Add it by hand.");
    let [one] = texts.as_slice() else { return Err(fail()) };
    match expression::parse(one) {
        Some(Expression::Path(path, steps)) => user_name.value(&path, steps).ok_or_else(fail),
        _ => Err(fail()),
    }
}

#[cfg(test)]
#[path = "okta_tests.rs"]
mod tests;
