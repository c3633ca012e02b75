//! Addresses that are pasted in the place of a placeholder's value.

use tessera::catalog::Catalog;
use tessera::catalog::model::PlaceholderKind;
use tessera::catalog::placeholder::{Scope, Values, extract_one};

#[test]
fn what_is_pasted_is_taken_apart_as_the_templates_were_put_together() {
    let (mut found, mut asked) = (0, 0);
    for connector in Catalog::built_in().list() {
        let examples: Values =
            connector.placeholders.iter().map(|(token, p)| (token.clone(), p.example.clone())).collect();
        let scope = Scope::new(&connector.placeholders, &examples);
        let templates = connector.templates().unwrap();
        for (place, template) in &templates {
            let Ok(address) = scope.fill(template) else { continue };
            let Some((scheme, rest)) = address.split_once("://") else { continue };
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            // The address itself, and some other page of the same host.
            for pasted in [address.clone(), format!("{scheme}://{host}/admin/settings")] {
                for (token, example) in &examples {
                    let texts = templates.iter().map(|(_, text)| text.as_str());
                    let value = extract_one(&pasted, token, texts, &connector.placeholders);
                    assert!(
                        value.as_ref().is_none_or(|value| value.eq_ignore_ascii_case(example)
                            || connector.placeholders[token].kind == PlaceholderKind::Host
                            || connector.placeholders[token].kind == PlaceholderKind::HostPort),
                        "{} {place}: {pasted} says {token} is {value:?} and not {example:?}",
                        connector.id
                    );
                    if pasted == address && template.contains(token.as_str()) {
                        asked += 1;
                        found += usize::from(value.is_some());
                    }
                }
            }
        }
    }
    assert!(asked > 500 && found * 100 >= asked * 70, "{found} of {asked}");
}

#[test]
fn what_stands_in_the_address_bar_of_an_administrator_is_taken_apart_or_left_alone() {
    let catalog = Catalog::built_in();
    for (id, token, pasted, value) in [
        (
            "github-enterprise-cloud",
            "YOUR_ORGANIZATION",
            "https://github.com/organizations/forum/settings/security",
            Some("forum"),
        ),
        (
            "github-enterprise-cloud",
            "YOUR_ORGANIZATION",
            "https://github.com/orgs/forum/people",
            Some("forum"),
        ),
        ("github-enterprise-cloud", "YOUR_ORGANIZATION", "https://github.com/settings/profile", None),
        ("sentry", "YOUR_ORGANIZATION", "https://forum.sentry.io/settings/auth/", Some("forum")),
        ("sentry", "YOUR_ORGANIZATION", "https://sentry.io/settings/account/", None),
        ("hubspot", "YOUR_ID", "https://app.hubspot.com/settings/12345678/security", Some("12345678")),
        ("hubspot", "YOUR_ID", "https://app-eu1.hubspot.com/home?portalId=12345678", Some("12345678")),
        ("workday", "YOUR_TENANT", "https://wd5.myworkday.com/forum/d/home.htmld", Some("forum")),
        ("workday", "YOUR_DOMAIN", "https://wd5.myworkday.com/forum/d/home.htmld", Some("wd5.myworkday.com")),
        (
            "salesforce",
            "YOUR_SUBDOMAIN",
            "https://forum.my.salesforce-setup.com/lightning/setup/SingleSignOn/home",
            Some("forum"),
        ),
        (
            "salesforce",
            "YOUR_SUBDOMAIN",
            "https://forum.lightning.force.com/lightning/page/home",
            Some("forum"),
        ),
        ("salesforce", "YOUR_SUBDOMAIN", "https://login.salesforce.com/", None),
        (
            "aws-iam-identity-center",
            "YOUR_REGION",
            "https://eu-west-1.console.aws.amazon.com/singlesignon/home",
            Some("eu-west-1"),
        ),
        ("workday", "YOUR_TENANT", "https://wd5.myworkday.com/wday/authgwy/forum/login.htmld", Some("forum")),
        ("workday", "YOUR_TENANT", "https://wd5.myworkday.com/wday/drive/home", None),
        ("workday", "YOUR_TENANT", "https://www.workday.com/en-us/homepage.html", None),
        (
            "snyk",
            "YOUR_ORGANIZATION",
            "https://snyk.auth0.com/login/callback?connection=saml-forum",
            Some("forum"),
        ),
        ("sentry", "YOUR_ORGANIZATION", "https://us.sentry.io/settings/account/", None),
        ("slack", "YOUR_SUBDOMAIN", "https://join.slack.com/t/forum", None),
        ("zendesk", "YOUR_SUBDOMAIN", "https://developer.zendesk.com/api-reference", None),
        ("zoom", "YOUR_SUBDOMAIN", "https://us06st2.zoom.us/web", None),
        ("github-enterprise-cloud", "YOUR_ORGANIZATION", "https://github.com/organizations/new", None),
        ("slack", "YOUR_SUBDOMAIN", "https://forum.slack.com/admin/auth/saml", Some("forum")),
        ("slack", "YOUR_SUBDOMAIN", "https://app.slack.com/client/T123", None),
        ("zoom", "YOUR_SUBDOMAIN", "https://us02web.zoom.us/account", None),
        ("zendesk", "YOUR_SUBDOMAIN", "https://support.zendesk.com/hc", None),
        ("heap", "YOUR_ID", "https://heapanalytics.com/saml/finalize/42/", Some("42")),
    ] {
        let connector = catalog.find(id).unwrap();
        let templates = connector.templates().unwrap();
        let texts = templates.iter().map(|(_, text)| text.as_str());
        let found = extract_one(pasted, token, texts, &connector.placeholders);
        assert_eq!(found.as_deref(), value, "{id} {token}: {pasted}");
    }
}
