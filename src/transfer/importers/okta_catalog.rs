//! Applications of Okta's own catalog: which one it is stands in `name`, what of it is the customer's in `settings.app`,
//! and its entity ID and addresses nowhere. It owns what Okta calls applications; it must not know which connectors there
//! are here.

use serde_json::Value as Json;

use super::Hint;
use super::words::{cleaned, letters, says_something, text};

/// Longest text of the customer's that is kept, in bytes, and most of them.
const MAX_TEXT: usize = 2048;
const MOST: usize = 50;
/// Names of Okta's that are not what everybody calls the application.
const NAMES: &[(&str, &str)] = &[
    ("amazon_aws", "Amazon Web Services"),
    ("boxnet", "Box"),
    ("dropbox_for_business", "Dropbox"),
    ("githubcloud", "GitHub Enterprise Cloud"),
    ("google", "Google Workspace"),
    ("googleapps", "Google Workspace"),
    ("office365", "Office 365"),
    ("servicenow_ud", "ServiceNow"),
    ("zoomus", "Zoom"),
];
/// Settings of `settings.signOn` that say where an application is.
const PLACES: [&str; 9] = [
    "acsEndpoints",
    "audience",
    "audienceOverride",
    "destination",
    "destinationOverride",
    "recipient",
    "recipientOverride",
    "ssoAcsUrl",
    "ssoAcsUrlOverride",
];
/// Words in the name of a setting of the application's own that says where it is, or which of several it is.
const OWN_PLACES: [&str; 7] =
    ["acs", "audience", "audrestriction", "destination", "entityid", "environment", "recipient"];
/// Words in the name of a setting whose value may be a secret.
const SECRET: [&str; 6] = ["token", "secret", "password", "passwd", "key", "credential"];

/// What tells an application whose addresses are not in the export; `None`: they are, or nothing tells it.
pub(super) fn hint(application: &Json) -> Option<Hint> {
    let sign_on = application.pointer("/settings/signOn").unwrap_or(&Json::Null);
    if PLACES.iter().any(|key| sign_on.get(*key).is_some_and(says_something)) {
        return None;
    }
    let app = application.pointer("/settings/app").and_then(Json::as_object);
    let is_place = |key: &String| {
        let key = letters(key);
        OWN_PLACES.iter().any(|place| key.contains(place))
    };
    let is_usual = |value: &Json| *value == "aws.amazon";
    if app
        .into_iter()
        .flatten()
        .any(|(key, value)| is_place(key) && says_something(value) && !is_usual(value))
    {
        return None;
    }
    let name = text(application, &["name"]).filter(|name| !name.trim().is_empty())?;
    let mut hint = Hint {
        usual: usual(name.trim(), application).map(str::to_owned),
        name: cleaned(name.trim(), 120),
        ..Hint::default()
    };
    let said = app.into_iter().flatten().filter(|(_, value)| says_something(value));
    for (key, value) in said.take(MOST) {
        let shown = cleaned(key, 60);
        let word = letters(key);
        let is_secret = SECRET.iter().any(|secret| word.contains(secret));
        if let Some(value) = value.as_str().map(str::trim).filter(|_| !is_secret)
            && !value.is_empty()
            && value.len() <= MAX_TEXT
            && !value.contains(char::is_whitespace)
        {
            hint.settings.push((shown.clone(), value.to_owned()));
        }
        hint.keys.push(shown);
    }
    Some(hint)
}

fn usual(name: &str, application: &Json) -> Option<&'static str> {
    let is_sandbox = text(application, &["settings", "app", "instanceType"])
        .is_some_and(|kind| kind.eq_ignore_ascii_case("sandbox"));
    if name == "salesforce" && is_sandbox {
        return Some("Salesforce Sandbox");
    }
    NAMES.iter().find(|(theirs, _)| *theirs == name).map(|(_, usual)| *usual)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Format, read};
    use super::*;

    fn of(name: &str, settings: Json, sign_on: Json) -> Option<Hint> {
        let settings = json!({ "app": settings, "signOn": sign_on });
        hint(&json!({ "name": name, "label": "X", "signOnMode": "SAML_2_0", "settings": settings }))
    }

    #[test]
    fn an_application_of_oktas_catalog_is_told_by_its_name_and_settings() {
        let settings = json!({
            "domain": "acme", "companySubDomain": " acme2 ", "tenantId": "7", "loginURL": "https://acme.example/",
            "site": "acme.example.com", "instanceType": "PRODUCTION", "apiToken": "top-secret", "companyName": "Acme Ltd",
            "teams": ["a"], "organization": null, "workspace": "",
        });
        let found = of("zoomus", settings, json!({ "audienceOverride": null, "acsEndpoints": [] })).unwrap();
        assert_eq!((found.name.as_str(), found.usual.as_deref()), ("zoomus", Some("Zoom")));
        let mut settings: Vec<String> =
            found.settings.iter().map(|(key, value)| format!("{key}={value}")).collect();
        settings.sort();
        assert_eq!(
            settings,
            [
                "companySubDomain=acme2",
                "domain=acme",
                "instanceType=PRODUCTION",
                "loginURL=https://acme.example/",
                "site=acme.example.com",
                "tenantId=7",
            ]
        );
        assert!(found.keys.contains(&"apiToken".to_owned()) && found.keys.contains(&"teams".to_owned()));
        let slack = of("slack", Json::Null, Json::Null).unwrap();
        assert_eq!((slack.name.as_str(), slack.usual), ("slack", None));
        let usual = |settings: Json| of("salesforce", settings, Json::Null).unwrap().usual;
        assert_eq!(usual(json!({ "instanceType": "SANDBOX" })).as_deref(), Some("Salesforce Sandbox"));
        assert_eq!(usual(json!({ "instanceType": "PRODUCTION" })), None);
    }

    #[test]
    fn what_says_where_it_is_needs_no_hint() {
        for place in PLACES {
            assert_eq!(of("slack", Json::Null, json!({ place: "https://own.example" })), None, "{place}");
        }
        for own in ["acsURL", "audRestriction", "spEntityId", "awsEnvironmentType", "samlRecipient"] {
            assert_eq!(of("slack", json!({ own: "https://own.example" }), Json::Null), None, "{own}");
            assert!(of("slack", json!({ own: null }), Json::Null).is_some(), "{own}");
        }
        assert!(of("amazon_aws", json!({ "awsEnvironmentType": "aws.amazon" }), Json::Null).is_some());
        assert_eq!(of(" ", Json::Null, Json::Null), None);
        assert_eq!(hint(&json!({ "settings": 1 })), None);
    }

    #[test]
    fn what_a_connector_would_know_is_told_only_where_there_is_none() {
        let application = json!({ "name": "slack", "label": "Chat", "signOnMode": "SAML_2_0",
            "settings": { "app": { "domain": "acme" }, "signOn": { "defaultRelayState": null } } });
        let imported = read(Format::Okta, &serde_json::to_vec(&application).unwrap()).unwrap();
        assert!(imported.left.iter().all(|left| left.application.is_empty()), "{:?}", imported.left);
        let hint = &imported.hints["chat"];
        let told: Vec<String> =
            hint.otherwise.iter().map(|left| format!("{}: {}", left.application, left.what)).collect();
        let s = "Chat: settings.signOn.";
        let wanted = ["audience", "ssoAcsUrl", "subjectNameIdFormat"];
        assert_eq!(told, wanted.map(|what| format!("{s}{what}")));
        assert_eq!(hint.settings, [("domain".to_owned(), "acme".to_owned())]);
    }
}
