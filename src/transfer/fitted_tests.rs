//! Fitting what was imported to the catalog.

use std::collections::BTreeMap;

use super::*;

fn imported(document: Json) -> Imported {
    Imported { document, left: Vec::new(), hints: BTreeMap::new() }
}

#[test]
fn an_application_of_the_catalog_is_made_from_its_connector_and_nothing_else_is() {
    let one = |label: &str, entity_id: &str, url: &str| {
        json!({ "slug": label, "connector": "custom-saml", "label": label,
            "sso": { "sp_entity_id": entity_id, "acs_urls": [{ "url": url }], "sign": "assertion" } })
    };
    let document = json!({ "tessera": 1, "applications": [
        one("heap", "https://heapanalytics.com", "https://heapanalytics.com/saml/finalize/42/"),
        one("slack", "https://slack.com", "https://acme.slack.com/sso/saml"),
        one("near", "https://slack.com", "https://acme.slack.com.evil.example/sso/saml"),
        one("own", "https://own.example/sp", "https://own.example/acs"),
        one("G Suite", "google.com/a/acme.example", "https://www.google.com/a/acme.example/acs"),
        json!({ "slug": "asana", "connector": "custom-saml", "label": "Asana", "sso": { "sign": "both" } }),
        one("gsuite-of-ours", "google.com/a/acme.example", "https://www.google.com/a/acme.example/acs"),
    ] });
    let out = fitted(&Catalog::built_in(), imported(document));
    let applications = out.document["applications"].as_array().unwrap();
    let connectors: Vec<_> = applications.iter().map(|one| one["connector"].as_str().unwrap()).collect();
    let blank = "custom-saml";
    assert_eq!(connectors, ["heap", "slack", blank, blank, "google-workspace", blank, blank]);
    assert_eq!(
        applications[0]["sso"],
        json!({ "placeholders": { "YOUR_ID": "42" }, "sign": "assertion", "attributes": [
            { "name": "email", "name_format": "basic", "enabled": false, "jit": "required", "source": "email" },
        ] }),
        "nothing is told that was not told before"
    );
    assert_eq!(applications[1]["sso"]["login_url"], Json::Null, "the tile begins where it began");
    assert_eq!(applications[1]["sso"]["placeholders"], json!({ "YOUR_SUBDOMAIN": "acme" }));
    assert_eq!(
        applications[2]["sso"]["acs_urls"][0]["url"],
        json!("https://acme.slack.com.evil.example/sso/saml")
    );
    assert_eq!(out.left.len(), 4);
    assert!(out.left[3].why.contains("connector: asana"), "{:?}", out.left[3]);
}

#[test]
fn what_the_export_says_stays_and_what_the_connector_fixes_is_there() {
    let slack = |sso: Json| {
        let mut all =
            json!({ "sp_entity_id": "https://slack.com", "acs_urls": ["https://acme.slack.com/sso/saml"] });
        all.as_object_mut().unwrap().extend(sso.as_object().unwrap().clone());
        let one = json!({ "slug": "slack", "connector": "custom-saml", "label": "Chat", "status": "inactive", "sso": all });
        let out = fitted(&Catalog::built_in(), imported(json!({ "tessera": 1, "applications": [one] })));
        (out.document["applications"][0].clone(), out.left)
    };
    let (one, left) = slack(json!({
        "attributes": [
            { "name": "User.Email", "name_format": "uri", "source": "username", "transforms": ["lower"] },
            { "name": "own", "name_format": "uri", "source": "email" },
        ],
        "name_id": { "source": "username" },
    }));
    assert_eq!(one["status"], json!("inactive"));
    let rows = one["sso"]["attributes"].as_array().unwrap();
    assert_eq!(
        rows[..2],
        [
            json!({ "name": "User.Email", "name_format": "unspecified", "source": "username", "transforms": ["lower"] }),
            json!({ "name": "own", "name_format": "uri", "source": "email" }),
        ]
    );
    let others: Vec<_> = rows[2..].iter().map(|row| (&row["name"], &row["enabled"])).collect();
    let (names, off) = ([json!("User.Username"), json!("first_name"), json!("last_name")], json!(false));
    assert_eq!(others, names.iter().map(|name| (name, &off)).collect::<Vec<_>>());
    assert_eq!(one["sso"]["name_id"], json!({ "source": "username", "format": "emailAddress" }));
    assert!(left[0].why.contains("those from which it makes accounts, switched off"), "{left:?}");
    // What no connector would take stays as it was.
    let (one, left) = slack(json!({ "sign": "nothing" }));
    assert_eq!((&one["connector"], left.len()), (&json!("custom-saml"), 0));
}

#[test]
fn an_application_without_addresses_is_made_from_the_connector_of_its_name() {
    let one = |slug: &str, sso: Json| json!({ "slug": slug, "connector": "custom-saml", "label": slug, "status": "inactive", "sso": sso });
    let own = json!({ "sp_entity_id": "https://own.example", "acs_urls": ["https://own.example/acs"] });
    let mut all = imported(json!({ "tessera": 1, "applications": [
        one("chat", json!({ "name_id": { "source": "username" }, "attributes": [{ "name": "first_name", "name_format": "basic", "source": "first_name" }] })),
        one("crm", Json::Null),
        one("own", own.clone()),
        one("unknown", json!({ "sign": "both" })),
        one("encrypted", Json::Null),
    ] }));
    let said =
        Left { application: "unknown".to_owned(), what: "audience".to_owned(), why: "Why.".to_owned() };
    let domain = vec![("domain".to_owned(), "acme".to_owned())];
    for (slug, name, settings) in [
        ("chat", "slack", domain.clone()),
        ("crm", "Salesforce", Vec::new()),
        ("own", "slack", domain),
        ("unknown", "acme_wiki_1", Vec::new()),
        // It takes encrypted assertions only, and its certificate is not in the export.
        ("encrypted", "Recurly", Vec::new()),
    ] {
        let hint = Hint {
            name: name.to_owned(),
            settings,
            keys: vec!["domain".to_owned(), "region".to_owned()],
            otherwise: vec![said.clone()],
            ..Hint::default()
        };
        all.hints.insert(slug.to_owned(), hint);
    }
    // One whose addresses are in the export is none of these.
    all.hints.get_mut("own").unwrap().otherwise.clear();
    let out = fitted(&Catalog::built_in(), all);
    let applications = out.document["applications"].as_array().unwrap();
    let connectors: Vec<_> = applications.iter().map(|one| one["connector"].as_str().unwrap()).collect();
    assert_eq!(connectors, ["slack", "salesforce", "custom-saml", "custom-saml", "custom-saml"]);
    // What is not filled in begins as a draft.
    let statuses: Vec<_> = applications.iter().map(|one| one["status"].as_str()).collect();
    let inactive = Some("inactive");
    assert_eq!(statuses, [inactive, None, inactive, inactive, inactive]);
    assert_eq!(applications[0]["sso"]["placeholders"], json!({ "YOUR_SUBDOMAIN": "acme" }));
    assert_eq!(applications[2]["sso"], own);
    let sent = |at: usize| -> Vec<&str> {
        let rows = applications[at]["sso"]["attributes"].as_array().unwrap().iter();
        rows.filter(|row| row.get("enabled").is_none()).map(|row| row["name"].as_str().unwrap()).collect()
    };
    assert_eq!((sent(0), sent(1)), (vec!["first_name"], Vec::<&str>::new()));
    let told: Vec<String> =
        out.left.iter().map(|left| format!("{}: {}", left.application, left.what)).collect();
    let compared = ["chat: Slack", "chat: YOUR_SUBDOMAIN", "chat: name_id", "chat: settings.app"];
    assert_eq!(told[..4], compared);
    assert_eq!(told[4..7], ["crm: Salesforce", "crm: YOUR_SUBDOMAIN", "crm: settings.app"]);
    assert_eq!(told[7..], ["unknown: audience", "unknown: audience"]);
    let why = |at: usize| out.left[at].why.as_str();
    assert!(why(1).contains("taken from settings.app.domain"), "{}", why(1));
    assert!(why(2).contains("persistent") && why(3).contains(": region."), "{} {}", why(2), why(3));
    assert!(why(5).contains("Fill in YOUR_SUBDOMAIN"), "{}", why(5));
}
