//! JumpCloud: the answer of `GET /api/applications`, or of one application. It owns JumpCloud's names of settings and
//! of properties of people. The published description of that answer names few of the settings of the console, so the
//! rest are found by every name that they are known by, in whatever spelling. User groups are not in this answer but
//! where somebody put them.

use serde_json::Value as Json;

use super::draft::{Attribute, Draft, Purpose, Step, Value, custom};
use super::report::Report;
use super::words::{cleaned, letters, list, name_id_format, says_anything, says_something, switch, text};
use super::{Fault, Imported, pattern};

/// Keys of an application that change nothing, or that are read.
const KNOWN: &[&str] = &[
    "_id",
    "id",
    "active",
    "beta",
    "config",
    "created",
    "databaseAttributes",
    "description",
    "displayLabel",
    "displayName",
    "learnMore",
    "name",
    "organization",
    "sso",
    "ssoUrl",
    "userGroups",
    "user_groups",
    "catalogType",
    "updated",
];
/// The same of `config`, by their letters.
const KNOWN_CONFIG: &[&str] = &[
    "acsurl",
    "acsurls",
    "constantattributes",
    "databaseattributes",
    "userattributes",
    "idpcertificate",
    "idpentityid",
    "idpinitiatedurl",
    "idpprivatekey",
    "idpurl",
    "signassertion",
    "signresponse",
    "spentityid",
    "subjectfield",
    "nameidfield",
    "samlsubjectnameid",
    "subjectformat",
    "nameidformat",
    "samlsubjectnameidformat",
    "subjectnameidformat",
    "signaturealgorithm",
    "digestalgorithm",
    "defaultrelaystate",
    "relaystate",
    "loginurl",
    "logouturl",
    "slourl",
    "groupsattributename",
    "groupattributename",
    "includegroups",
    "spcertificate",
    "encryptassertion",
    "spencryptioncertificate",
    "declareredirectendpoint",
    "bookmarkurl",
    "url",
];

/// Reads the export.
pub(super) fn read(export: &Json) -> Result<Imported, Fault> {
    let one = std::slice::from_ref(export);
    let answer = export.get("results").and_then(Json::as_array).map(Vec::as_slice);
    let applications = answer.or_else(|| export.as_array().map(Vec::as_slice)).unwrap_or(one);
    let is_application = |value: &Json| value.get("config").is_some() || value.get("ssoUrl").is_some();
    if !applications.iter().all(is_application) {
        return Err(Fault::not_an_export("list of applications with config"));
    }
    let mut report = Report::default();
    let total = export.get("totalCount").and_then(Json::as_u64).unwrap_or_default();
    if usize::try_from(total).is_ok_and(|total| total > applications.len()) {
        let why = format!(
            "The export is a page of {} applications of {total}. Export the other pages too.",
            applications.len()
        );
        report.leave("totalCount", &why);
    }
    let mut groups_seen = false;
    for application in applications {
        let filled = |key: &str| text(application, &[key]).filter(|text| !text.trim().is_empty());
        let label = filled("displayLabel").or_else(|| filled("displayName")).or_else(|| filled("name"));
        let label = label.unwrap_or_default();
        let mut draft = Draft::new(&label);
        // The attribute with the groups asks which there are.
        groups_seen |= assigned(&mut draft, application);
        match kind(application).as_str() {
            "saml" => saml(&mut draft, &Config(application)),
            "bookmark" if draft.bookmark(&bookmark_url(application)) => {}
            kind => {
                report.other(kind, &label);
                continue;
            }
        }
        general(&mut draft, application);
        report.push(draft)?;
    }
    if !groups_seen {
        report.leave(
            "user groups",
            "Who may use an application is not in this export. Bind groups to each, by hand.",
        );
    }
    report.finish("JumpCloud")
}

fn kind(application: &Json) -> String {
    let told =
        text(application, &["sso", "type"]).or_else(|| text(application, &["type"])).unwrap_or_default();
    let told = letters(&told);
    match told.as_str() {
        "" if text(application, &["name"]).is_some_and(|name| letters(&name) == "bookmark") => {
            "bookmark".to_owned()
        }
        "" => "saml".to_owned(),
        told if told.starts_with("saml") => "saml".to_owned(),
        told => told.to_owned(),
    }
}

fn bookmark_url(application: &Json) -> String {
    let config = Config(application);
    let url = config.text(&["bookmarkurl", "url", "loginurl"]).map(|(_, url)| url);
    url.or_else(|| text(application, &["ssoUrl"])).unwrap_or_default()
}

fn general(draft: &mut Draft, application: &Json) {
    draft.describe("description", &text(application, &["description"]).unwrap_or_default());
    if switch(application, &["sso", "hidden"]) == Some(true) {
        draft.hide();
    }
    if switch(application, &["sso", "jit"]) == Some(true) {
        draft.leave(
            "sso.jit",
            "The application makes accounts at the first sign-on. See that it is sent the attributes from which it makes them.",
        );
    }
    for (key, value) in application.as_object().into_iter().flatten() {
        if let Some(why) = lost(key, value) {
            draft.leave(key, why);
        }
    }
}

/// Why a key of an application is not carried; `None`: nothing is lost.
fn lost(key: &str, value: &Json) -> Option<&'static str> {
    match key {
        "logo" | "logoUrl" => says_anything(value)
            .then_some("Logos are not carried. Upload it on the application's page."),
        "color" | "logoColor" => says_anything(value)
            .then_some("Tiles have other colours here. Choose one on the application's page."),
        "provision" => says_something(value)
            .then_some("Provisioning is not carried. Set up identity management on the application's tab for it, with a new token."),
        _ => (!KNOWN.contains(&key) && says_something(value)).then_some(
            "This setting is not known here. See what it does, and whether the application needs it.",
        ),
    }
}

fn assigned(draft: &mut Draft, application: &Json) -> bool {
    let groups = ["userGroups", "user_groups"].into_iter().flat_map(|key| list(application, key));
    let mut any = false;
    for group in groups {
        any = true;
        match text(group, &["name"]).or_else(|| group.as_str().map(str::to_owned)) {
            Some(name) => draft.group("userGroups", &name),
            None => draft.leave("userGroups", "A group has no name in the export. Bind it by hand."),
        }
    }
    any
}

/// The settings of an application, each bare or as an object whose `value` it is.
struct Config<'a>(&'a Json);

impl<'a> Config<'a> {
    fn entries(&self) -> impl Iterator<Item = (&'a String, &'a Json)> {
        let config = self.0.get("config").and_then(Json::as_object);
        config.into_iter().flatten().map(|(key, value)| (key, value.get("value").unwrap_or(value)))
    }

    /// The first of these names that is set, with its spelling in the export.
    fn find(&self, names: &[&str]) -> Option<(String, &'a Json)> {
        names.iter().find_map(|name| {
            let mut entries = self.entries();
            let (key, value) = entries.find(|(key, value)| letters(key) == *name && says_something(value))?;
            Some((format!("config.{key}"), value))
        })
    }

    fn text(&self, names: &[&str]) -> Option<(String, String)> {
        let (key, value) = self.find(names)?;
        Some((key, text(value, &[])?))
    }

    /// A switch; false is told apart from absent.
    fn switch(&self, name: &str) -> Option<bool> {
        let (_, value) = self.entries().find(|(key, _)| letters(key) == name)?;
        switch(value, &[])
    }

    /// Rows of name and value.
    fn rows(&self, names: &[&str]) -> &'a [Json] {
        self.find(names).and_then(|(_, value)| value.as_array()).map_or(&[], Vec::as_slice)
    }
}

fn saml(draft: &mut Draft, config: &Config<'_>) {
    for (key, value) in config.entries() {
        if !KNOWN_CONFIG.contains(&letters(key).as_str()) && says_something(value) {
            draft.leave(
                format!("config.{key}"),
                "This setting is not known here. See what it does, and whether the application needs it.",
            );
        }
    }
    addresses(draft, config);
    signatures(draft, config);
    name_id(draft, config);
    for row in config.rows(&["constantattributes"]) {
        constant(draft, row);
    }
    let of_application = list(config.0, "databaseAttributes");
    for row in of_application
        .iter()
        .chain(config.rows(&["databaseattributes"]))
        .chain(config.rows(&["userattributes"]))
    {
        property(draft, row);
    }
    groups(draft, config);
}

fn addresses(draft: &mut Draft, config: &Config<'_>) {
    match config.text(&["spentityid"]) {
        Some((what, id)) => draft.entity_id(&what, &id),
        None => draft.leave(
            "config.spEntityId",
            "The application's entity ID is not in the export. Take it from the application.",
        ),
    }
    for name in ["acsurl", "acsurls"] {
        let Some((what, value)) = config.find(&[name]) else { continue };
        let one = std::slice::from_ref(value);
        for url in value.as_array().map_or(one, Vec::as_slice) {
            let url = text(url, &[]).or_else(|| text(url, &["url"])).or_else(|| text(url, &["value"]));
            draft.acs_url(&what, &url.unwrap_or_default(), None);
        }
    }
    if !draft.has_acs_url() {
        draft.leave(
            "config.acsUrl",
            "There is no usable address for responses in the export. Take it from the application.",
        );
    }
    if let Some((what, url)) = config.text(&["loginurl"]) {
        draft.login_url(&what, &url);
    }
    if let Some((what, state)) = config.text(&["defaultrelaystate", "relaystate"]) {
        draft.relay_state(&what, &state);
    }
    if let Some((what, url)) = config.text(&["logouturl", "slourl"]) {
        draft.logout_url("redirect_url", &what, &url);
    }
}

fn signatures(draft: &mut Draft, config: &Config<'_>) {
    let (response, assertion) = (config.switch("signresponse"), config.switch("signassertion"));
    if response.is_some() || assertion.is_some() {
        // Where only one of them is told, the other one is what is signed without it.
        let assertion = assertion.unwrap_or(response == Some(false));
        draft.sign("config.signAssertion", response.unwrap_or(!assertion), assertion);
    }
    if let Some((what, algorithm)) = config.text(&["signaturealgorithm"]) {
        draft.signature_algorithm(&what, &algorithm);
    }
    if let Some((what, algorithm)) = config.text(&["digestalgorithm"]) {
        draft.digest_algorithm(&what, &algorithm);
    }
    if let Some((what, certificate)) = config.text(&["spcertificate"]) {
        draft.certificate(Purpose::Signing, &what, &certificate);
    }
    if let Some((what, certificate)) = config.text(&["spencryptioncertificate"]) {
        draft.certificate(Purpose::Encryption, &what, &certificate);
    }
    if config.switch("encryptassertion") == Some(true) {
        draft.encrypt("config.encryptAssertion");
    }
}

fn name_id(draft: &mut Draft, config: &Config<'_>) {
    let told = config.text(&["subjectfield", "nameidfield", "samlsubjectnameid"]);
    let format =
        config.text(&["subjectformat", "nameidformat", "samlsubjectnameidformat", "subjectnameidformat"]);
    let known = format.as_ref().and_then(|(_, urn)| name_id_format(urn));
    if let Some((what, urn)) = format.as_ref().filter(|_| known.is_none()) {
        let why = format!(
            "The format {} is not known here. It is an e-mail address now: see what the application asks for.",
            cleaned(urn, 120)
        );
        draft.leave(what, why);
    }
    let Some((what, name)) = told else {
        draft.leave("NameID", "What people are called towards the application is not in the export. Here it is their e-mail address: compare it with JumpCloud's page.");
        return draft.name_id("NameID", known, None, &[]);
    };
    let value = source(&name);
    if value.is_none() {
        let name = cleaned(&name, 80);
        let why =
            format!("People have no {name} here. The NameID is their e-mail address now: set its source.");
        draft.leave(&what, why);
    }
    draft.name_id(&what, known, value, &[]);
}

/// An attribute's name, and what stands in the other column.
fn columns(row: &Json) -> (String, String) {
    let name =
        ["name", "serviceProviderAttributeName", "spAttribute"].into_iter().find_map(|key| text(row, &[key]));
    let keys = ["value", "attribute", "jumpcloudAttributeName", "databaseAttribute", "source"];
    let value = keys.into_iter().find_map(|key| text(row, &[key]).filter(|text| !text.trim().is_empty()));
    (name.unwrap_or_default(), value.unwrap_or_default())
}

fn constant(draft: &mut Draft, row: &Json) {
    let (name, value) = columns(row);
    let what = format!("attribute {name}");
    if name.trim().is_empty() && value.is_empty() {
        return;
    }
    attribute(draft, &what, name, Value::Constant(vec![value]));
}

fn property(draft: &mut Draft, row: &Json) {
    let (name, value) = columns(row);
    let what = format!("attribute {name}");
    if name.trim().is_empty() && value.is_empty() {
        return;
    }
    if let Some(value) = source(&value) {
        return attribute(draft, &what, name, value);
    }
    let why = format!("People have no {} here. Add the attribute by hand.", cleaned(&value, 80));
    draft.leave(what, why);
}

/// JumpCloud sends of a person's groups those that are bound to the application.
fn groups(draft: &mut Draft, config: &Config<'_>) {
    const WHAT: &str = "config.includeGroups";
    let name = config.text(&["groupsattributename", "groupattributename"]).map(|(_, name)| name);
    let name = name.filter(|name| !matches!(name.as_str(), "true" | "false"));
    let patterns: Option<Vec<String>> = draft.groups.iter().map(|name| pattern::equal(name)).collect();
    match (config.switch("includegroups"), name, patterns.filter(|patterns| !patterns.is_empty())) {
        (Some(false), ..) | (None, None, _) => {}
        (_, Some(name), Some(patterns)) => attribute(draft, WHAT, name, Value::Groups(patterns)),
        (_, Some(name), None) => {
            let why = format!(
                "Groups that are bound to the application were sent as {}. Which these are is not in the export: add the attribute by hand, with their names.",
                cleaned(&name, 80)
            );
            draft.leave(WHAT, why);
        }
        (Some(true), None, _) => {
            draft.leave(
                WHAT,
                "The name of the attribute with the groups is not in the export. Add it by hand.",
            );
        }
    }
}

fn attribute(draft: &mut Draft, what: &str, name: String, value: Value) {
    let steps: Vec<Step> = Vec::new();
    draft.attribute(what, &Attribute { name, name_format: "unspecified", friendly_name: None, value, steps });
}

/// JumpCloud's name of a property as the one here.
fn source(name: &str) -> Option<Value> {
    let name = name.trim();
    if let Some(value) = phone_or_address(name) {
        return Some(value);
    }
    let property = match letters(name).as_str() {
        "username" => "username",
        "email" | "companyemail" => "email",
        "firstname" => "first_name",
        "middlename" => "middle_name",
        "lastname" => "last_name",
        "displayname" | "fullname" => "display_name",
        "employeeidentifier" | "employeeid" => "employee_identifier",
        "employeetype" => "employee_type",
        "jobtitle" => "job_title",
        "department" => "department",
        "company" => "company",
        "costcenter" => "cost_center",
        "location" => "location",
        _ => {
            let inner = ["attributes.", "customAttributes.", "custom.", "attribute:", "custom:"];
            return custom(inner.into_iter().find_map(|prefix| name.strip_prefix(prefix))?);
        }
    };
    Some(Value::source(property))
}

/// `phoneNumbers.work`, `phoneNumbers[type=work].number`, `addresses.work.locality`, `addresses[type=home].country`.
fn phone_or_address(name: &str) -> Option<Value> {
    let plain = name.replace("[type=", ".").replace(['[', '"', '\''], "").replace(']', "");
    let parts: Vec<&str> = plain.split('.').filter(|part| !part.is_empty()).collect();
    let fine = |kind: &str| {
        kind.len() <= 64 && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    match parts.as_slice() {
        ["phoneNumbers" | "phone_numbers", kind] | ["phoneNumbers" | "phone_numbers", kind, "number"]
            if fine(kind) =>
        {
            Some(Value::source(format!("phone_numbers.{kind}")))
        }
        ["addresses", kind, part] if fine(kind) => {
            let part = match letters(part).as_str() {
                "streetaddress" | "extendedaddress" => "street_address",
                "locality" => "locality",
                "region" => "region",
                "postalcode" => "postal_code",
                "country" => "country",
                _ => return None,
            };
            Some(Value::source(format!("addresses.{kind}.{part}")))
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "jumpcloud_tests.rs"]
mod tests;
