//! Tests of the search: ranking, typing errors, bounds.

use super::*;

fn connector(name: &str, keywords: &[&str], aliases: &[&str], category: &str) -> Arc<Connector> {
    let id = folded(name).replace(' ', "-");
    let yaml = serde_json::json!({
        "id": id, "name": name, "description": "x", "categories": [category], "accent": "lapis", "version": 1,
        "keywords": keywords, "aliases": aliases,
    });
    Arc::new(serde_json::from_value(yaml).unwrap())
}

fn index() -> Index {
    Index::new([
        connector("Slack", &["chat", "messaging"], &[], "communication"),
        connector("Salesforce", &["crm", "sales"], &[], "crm"),
        connector("Atlassian Cloud", &["jira", "confluence"], &["Jira Cloud"], "developer-tools"),
        connector("GitHub Enterprise Cloud", &["git"], &[], "developer-tools"),
        connector("GitLab", &["git"], &[], "developer-tools"),
        connector("ServiceNow", &["itsm"], &[], "it-ops"),
        connector("Café Pro", &[], &[], "other"),
        connector("Keeper (Cloud SSO Connect)", &["password"], &[], "security"),
        connector("Keeper (on-premises SSO Connect)", &["password"], &[], "security"),
    ])
}

fn names(query: &str) -> Vec<String> {
    index().search(query, None).iter().map(|connector| connector.name.clone()).collect()
}

fn first(query: &str) -> String {
    names(query).first().cloned().unwrap_or_default()
}

#[test]
fn names_beginnings_aliases_and_keywords_are_found() {
    assert_eq!(names("slack"), ["Slack"]);
    assert_eq!(first("sl"), "Slack");
    assert_eq!(first("jira"), "Atlassian Cloud");
    assert_eq!(first("confluence"), "Atlassian Cloud");
    assert_eq!(names("git").len(), 2);
    assert_eq!(first("cloud github"), "GitHub Enterprise Cloud");
    assert_eq!(first("service now"), "ServiceNow");
    assert_eq!(first("cafe"), "Café Pro");
    assert_eq!(names("keeper on premises"), ["Keeper (on-premises SSO Connect)"]);
    assert!(names("zzzzzz").is_empty());
    assert!(names("slack zzzzzz").is_empty());
}

#[test]
fn typing_errors_are_forgiven() {
    for (typed, meant) in [
        ("slcak", "Slack"),
        ("salesfroce", "Salesforce"),
        ("salesforec", "Salesforce"),
        ("atlasian", "Atlassian Cloud"),
        ("gitlba", "GitLab"),
        ("sevicenow", "ServiceNow"),
        ("salsef", "Salesforce"),
        ("kepeer", "Keeper (Cloud SSO Connect)"),
    ] {
        assert_eq!(first(typed), meant, "{typed}");
    }
    assert!(names("xy").is_empty(), "two letters are too few to guess from");
}

#[test]
fn the_closest_comes_first() {
    assert_eq!(names("salesforce")[0], "Salesforce");
    // A name beats a keyword, a whole word beats a beginning.
    let index = Index::new([
        connector("Gitter", &[], &[], "other"),
        connector("Zeta", &["git"], &[], "other"),
        connector("Git", &[], &[], "other"),
    ]);
    let found: Vec<_> = index.search("git", None).iter().map(|c| c.name.clone()).collect();
    assert_eq!(found, ["Git", "Gitter", "Zeta"]);
}

#[test]
fn categories_narrow_and_nothing_typed_gives_all() {
    assert_eq!(index().search("", None).len(), 9);
    assert_eq!(index().search("", Some(Category::DeveloperTools)).len(), 3);
    assert_eq!(index().search("slack", Some(Category::Crm)).len(), 0);
    assert_eq!(index().search("  \u{0}\u{301} ", None).len(), 9);
}

#[test]
fn a_thousand_connectors_are_few() {
    let letter = |n: usize| char::from(b'a' + u8::try_from(n % 26).unwrap());
    let made_up = |i: usize| {
        [i, i / 7, i / 3 + 5, i / 26, i / 11 + 2, i / 5, i * 3].map(letter).iter().collect::<String>()
    };
    let index = Index::new((0..1000).map(|i| {
        let name = format!("{} {}", made_up(i), ["Cloud", "Server", "Desk", "Vault"][i % 4]);
        connector(&name, &["alpha", "beta", &format!("key{i}")], &[], "other")
    }));
    let meant = made_up(512);
    assert!(index.search(&meant, None)[0].name.to_lowercase().starts_with(&meant));
    // The bound that makes it quick: how many words come as far as the edit distance.
    let word = &meant[..6];
    let mask = letters(word);
    let near = index.words.iter().filter(|known| (mask & !known.letters).count_ones() <= 2).count();
    assert!(near < index.words.len() / 4, "{near} of {}", index.words.len());
    assert!(!index.search(word, None).is_empty());
}
