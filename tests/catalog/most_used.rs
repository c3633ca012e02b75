//! The connectors that most people use: each has steps, help and patterns.

use tessera::catalog::Catalog;
use tessera::catalog::model::{PlaceholderKind, ScimSource};
use tessera::catalog::sso::ValueFrom;

/// Those that most people use: each has been gone through by hand.
const MOST_USED: &[&str] = &[
    "1password",
    "adobe-creative-cloud",
    "airtable",
    "amazon-web-services",
    "asana",
    "atlassian-cloud",
    "aws-iam-identity-center",
    "bamboohr",
    "box",
    "canva",
    "cisco-webex",
    "claude-anthropic",
    "cloudflare-access-zero-trust",
    "databricks",
    "datadog",
    "docker-business-docker-hub",
    "docusign",
    "dropbox",
    "figma",
    "freshworks",
    "github-enterprise-cloud",
    "github-enterprise-managed-users",
    "gitlab",
    "google-cloud",
    "google-workspace",
    "grafana",
    "hcp-terraform-terraform-cloud",
    "heap",
    "hubspot",
    "interact",
    "intercom",
    "jenkins",
    "keeper-cloud",
    "keeper-on-premises",
    "kibana-elastic-stack",
    "knowbe4-security-awareness-training",
    "lucid-all-products",
    "mattermost",
    "microsoft-365-domain-federation",
    "miro",
    "monday-com",
    "mongodb-atlas",
    "moodle-auth-saml2",
    "new-relic-by-organization",
    "nextcloud",
    "notion",
    "okta-as-service-provider",
    "opsgenie",
    "pagerduty",
    "rocket-chat",
    "salesforce",
    "sentry",
    "servicenow",
    "slack",
    "smartsheet",
    "snowflake",
    "sonarqube",
    "splunk-enterprise-self-hosted",
    "stripe",
    "tableau-cloud",
    "tableau-server",
    "wordpress-onelogin-saml-sso-plugin",
    "workday",
    "zabbix",
    "zendesk",
    "zoho-one",
    "zoom",
];

#[test]
fn the_most_used_connectors_say_how_it_is_done_and_what_is_asked_for() {
    let catalog = Catalog::built_in();
    assert!(MOST_USED.len() >= 60);
    for id in MOST_USED {
        let connector = catalog.find(id).unwrap_or_else(|| panic!("no {id}"));
        let steps = connector.setup.sso.as_deref().unwrap_or_default();
        assert!(
            steps.contains("1. ") && (steps.contains("{idp_") || steps.contains("{metadata_url}")),
            "{id}: steps"
        );
        let scim = connector.provisioning.is_some();
        assert!(!scim || connector.setup.provisioning.is_some(), "{id}: steps of SCIM");
        for (token, placeholder) in &connector.placeholders {
            assert!(!placeholder.help.is_empty(), "{id} {token}: where is it found?");
            // Hosts have one form, and what is asked for whole has none that is known before.
            let of_any_form = matches!(
                placeholder.kind,
                PlaceholderKind::Label | PlaceholderKind::Host | PlaceholderKind::HostPort
            );
            let is_whole = ["YOUR_ENTITY_ID", "YOUR_ACS_URL"].contains(&token.as_str());
            assert!(of_any_form || is_whole || placeholder.pattern.is_some(), "{id} {token}: a pattern");
        }
    }
}

#[test]
fn sc_06_github_finds_by_the_name_id_whom_scim_gave() {
    let catalog = Catalog::built_in();
    let github = catalog.find("github-enterprise-managed-users").unwrap();
    let rows = &github.provisioning.as_ref().unwrap().user_attributes;
    let user_name = rows.iter().find(|row| row.scim == "userName").unwrap();
    let Some(ScimSource::Property(property)) = &user_name.source else { panic!("a property") };
    let name_id = github.sso_settings().unwrap().name_id;
    assert!(
        matches!(name_id.value, ValueFrom::Property(source) if source.to_string() == property.to_string())
    );
    assert_ne!(name_id.format.short(), "persistent", "a persistent one is of another value");
}
