//! Which site an address is of, as far as its name tells: for a linter that looks for what is odd.

/// The last labels of the host of a web address: two, or three where the last but one is what a country keeps for all.
/// `None`: it is none, or the host is a placeholder as a whole.
pub(super) fn of(template: &str) -> Option<String> {
    let host = host(template)?;
    if host.contains('@') {
        // What that leads to is a fault of its own.
        return None;
    }
    let labels: Vec<&str> = host.split('.').collect();
    let site = labels[labels.len().checked_sub(length(&labels)?)?..].join(".");
    (!site.contains("your_")).then_some(site)
}

/// The host of a web address, in small letters, without its port.
fn host(template: &str) -> Option<String> {
    let (scheme, rest) = template.split_once("://")?;
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return None;
    }
    let host = rest.split(['/', '?', '#', ':']).next()?;
    Some(host.trim_end_matches('.').to_ascii_lowercase())
}

/// How many of the labels of a host make its site.
fn length(labels: &[&str]) -> Option<usize> {
    let is_shared = |second: &str, last: &str| SHARED.contains(&format!("{second}.{last}").as_str());
    match labels {
        [] | [_] => None,
        [_, second, last] if is_shared(second, last) => Some(3),
        [.., second, last] if is_shared(second, last) => Some(labels.len()),
        [.., _, second, last] if last.len() == 2 && FOR_ALL.contains(second) => Some(3),
        _ => Some(2),
    }
}

/// The same of a name that may be an address or only its host, as entity IDs are.
pub(super) fn named(template: &str) -> Option<String> {
    let is_host = template.contains('.') && !template.contains([':', '/', ' ']);
    if is_host { of(&format!("https://{template}")) } else { of(template) }
}

/// The label by which the host of a template is told to be a test system's.
pub(super) fn of_a_test_system(template: &str) -> Option<String> {
    let host = host(template)?;
    let labels: Vec<&str> = host.split('.').collect();
    let before = &labels[..labels.len().saturating_sub(length(&labels)?)];
    let is_of_one = |label: &&&str| {
        let digits = |c: char| c.is_ascii_digit();
        label.split('-').any(|word| TEST_SYSTEMS.contains(&word.trim_end_matches(digits)))
    };
    before.iter().rev().find(is_of_one).map(|label| (*label).to_owned())
}

/// What countries keep for all of a kind: companies, schools, offices.
const FOR_ALL: [&str; 20] = [
    "ac", "co", "com", "ed", "edu", "go", "gob", "gouv", "gov", "gr", "ltd", "ne", "net", "nhs", "nom", "or",
    "org", "plc", "sch", "school",
];

/// Below these, each name is somebody else's: whole hosts are compared.
const SHARED: [&str; 12] = [
    "amazonaws.com",
    "amazoncognito.com",
    "appspot.com",
    "auth0.com",
    "azurewebsites.net",
    "cloudapp.net",
    "cloudfront.net",
    "firebaseapp.com",
    "github.io",
    "herokuapp.com",
    "netlify.app",
    "vercel.app",
];

/// What hosts of test systems are called.
const TEST_SYSTEMS: [&str; 12] =
    ["beta", "dev", "int", "preprod", "preview", "qa", "sandbox", "stage", "staging", "stg", "test", "uat"];

#[cfg(test)]
mod tests {
    #[test]
    fn a_name_may_be_a_host_alone() {
        assert_eq!(super::named("sso.example.com").as_deref(), Some("example.com"));
        assert_eq!(super::named("https://sso.example.com/x").as_deref(), Some("example.com"));
        for name in ["urn:example.com", "example", "google.com/a/example.com", "Example Inc. SP"] {
            assert_eq!(super::named(name), None, "{name}");
        }
    }

    #[test]
    fn test_systems_are_told_by_their_names() {
        for (template, label) in [
            ("https://staging.example.com/saml", Some("staging")),
            ("https://app-qa2.uat-eu.example.com/saml", Some("uat-eu")),
            ("https://fsso-qa1.example.com/saml", Some("fsso-qa1")),
            ("https://test.com/saml", None),
            ("https://contest.example.com/staging", None),
            ("https://test.co.uk/saml", None),
            ("https://test.example.co.uk/saml", Some("test")),
            ("https://acme.test.auth0.com/saml", None),
            ("urn:staging.example.com", None),
        ] {
            assert_eq!(super::of_a_test_system(template).as_deref(), label, "{template}");
        }
    }

    #[test]
    fn a_site_is_the_end_of_a_host() {
        for (template, site) in [
            ("https://YOUR_SUBDOMAIN.app.example.com/saml", Some("example.com")),
            ("https://login.example.co.uk:8443/x", Some("example.co.uk")),
            ("https://example.io", Some("example.io")),
            ("HTTPS://Login.Example.com/x", Some("example.com")),
            ("https://auth.x.ai/saml", Some("x.ai")),
            ("ftp://example.com/x", None),
            ("https://YOUR_DOMAIN/saml", None),
            ("https://sso.YOUR_DOMAIN", None),
            ("urn:example:sp", None),
            ("https://acme.auth0.com/x", Some("acme.auth0.com")),
            ("https://YOUR_ID.auth0.com/x", None),
            ("https://acme.eu.auth0.com/x", Some("acme.eu.auth0.com")),
        ] {
            assert_eq!(super::of(template).as_deref(), site, "{template}");
        }
    }
}
