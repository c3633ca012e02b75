//! The catalog in the console: its shelves, and one connector.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use serde::Deserialize;

use crate::auth::Permission;
use crate::base::urls;
use crate::catalog::Catalog;
use crate::catalog::model::{Category as Shelved, Connector, ConnectorKind, Placeholder, Verified};
use crate::catalog::placeholder::Values;
use crate::catalog::sso::Initiation;
use crate::web::admin::application_new::badge;
use crate::web::admin::frame;
use crate::web::admin::sso::page::holds;
use crate::web::error::{Answer, Failure};
use crate::web::extract::permission::CatalogRead;
use crate::web::extract::{Console, Queried};
use crate::web::page;
use crate::web::pages::catalog::{CatalogPage, Category, ConnectorCard, ConnectorPage};
use crate::web::pages::parts::{Crumbs, Fact, Facts, Link, Mark, Tone};
use crate::web::pages::shell::Nav;
use crate::web::shown::{counted, steps};
use crate::web::state::Shared;

/// Connectors that are shown unless all are asked for.
const SHOWN: usize = 60;

/// `?q=&category=&all=`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    q: String,
    category: String,
    all: String,
}

/// Connectors that match, and the categories they are in.
pub struct Shelf {
    /// The connectors, narrowed to the category: the first of them, or all.
    pub connectors: Vec<Arc<Connector>>,
    /// "Show all 214"; empty where all are there.
    pub more: String,
    /// "6 of 214 connectors match “hea”"
    pub found: String,
    counts: BTreeMap<&'static str, (Shelved, usize)>,
    all: usize,
    chosen: Option<Shelved>,
}

/// "1 connector", "214 connectors"
fn all_of(total: usize) -> String {
    counted(i64::try_from(total).unwrap_or(i64::MAX), "connector", "connectors")
}

impl Shelf {
    /// Searches; connectors named in `without` are left out.
    #[must_use]
    pub fn of(catalog: &Catalog, query: &str, category: &str, whole: bool, without: &[&str]) -> Self {
        let chosen = category.parse::<Shelved>().ok();
        let listed = |connector: &Arc<Connector>| !without.contains(&connector.id.as_str());
        let on_shelf = |connector: &Arc<Connector>| chosen.is_none_or(|c| connector.categories.contains(&c));
        let total = catalog.list().filter(|connector| listed(connector)).count();
        let matching: Vec<_> = catalog.search(query, None).into_iter().filter(listed).collect();
        let mut counts = BTreeMap::new();
        for category in matching.iter().flat_map(|connector| &connector.categories) {
            counts.entry(category_name(*category)).or_insert((*category, 0)).1 += 1;
        }
        if let Some(chosen) = chosen {
            // Where nothing matches in it, it is the chosen one all the same.
            counts.entry(category_name(chosen)).or_insert((chosen, 0));
        }
        let all = matching.len();
        let mut connectors: Vec<_> = matching.into_iter().filter(on_shelf).collect();
        let found = if query.trim().is_empty() && chosen.is_none() {
            all_of(total)
        } else if query.trim().is_empty() {
            format!("{} of {}", connectors.len(), all_of(total))
        } else {
            let verb = if connectors.len() == 1 { "matches" } else { "match" };
            let here = catalog.list().filter(|connector| listed(connector) && on_shelf(connector)).count();
            format!("{} of {} {verb} “{}”", connectors.len(), all_of(here), query.trim())
        };
        let more = if whole || connectors.len() <= SHOWN {
            String::new()
        } else {
            format!("Show all {}", connectors.len())
        };
        if !more.is_empty() {
            connectors.truncate(SHOWN);
        }
        Self { connectors, more, found, counts, all, chosen }
    }

    /// The categories with their counts; `href` gives the page narrowed to one.
    pub fn categories(&self, href: impl Fn(&str) -> String) -> Vec<Category> {
        let all = Category {
            name: "All".to_owned(),
            value: String::new(),
            count: self.all,
            href: href(""),
            current: self.chosen.is_none(),
        };
        let each = self.counts.iter().map(|(name, (category, count))| Category {
            name: (*name).to_owned(),
            value: category.as_str().to_owned(),
            count: *count,
            href: href(category.as_str()),
            current: self.chosen == Some(*category),
        });
        std::iter::once(all).chain(each).collect()
    }
}

pub(in crate::web::admin) fn category_name(category: Shelved) -> &'static str {
    match category {
        Shelved::Analytics => "Analytics",
        Shelved::Communication => "Communication",
        Shelved::Crm => "Customers",
        Shelved::DeveloperTools => "Developer tools",
        Shelved::Design => "Design",
        Shelved::Education => "Education",
        Shelved::Finance => "Finance",
        Shelved::Hr => "People and pay",
        Shelved::ItOps => "IT operations",
        Shelved::Legal => "Legal",
        Shelved::Marketing => "Marketing",
        Shelved::Productivity => "Productivity",
        Shelved::ProjectManagement => "Project management",
        Shelved::Sales => "Sales",
        Shelved::Security => "Security",
        Shelved::Storage => "Storage",
        Shelved::Support => "Support",
        Shelved::Other => "Other",
    }
}

/// A connector in a list; it leads to its own page.
#[must_use]
pub fn card(connector: &Connector) -> ConnectorCard {
    // Most are checked against documentation: only what stands out gets a badge in a list.
    let (badge, badge_tone) = match connector.verified {
        _ if connector.superseded_by.is_some() => ("Replaced", Tone::Info),
        Verified::Live | Verified::None => badge(connector),
        Verified::Documentation => ("", Tone::Info),
    };
    ConnectorCard {
        id: connector.id.clone(),
        mark: Mark::letter(connector.name.as_str(), connector.accent).with_glyph(connector.glyph_path()),
        description: connector.description.clone(),
        badge: badge.to_owned(),
        badge_tone,
        href: urls::admin_connector(&connector.id),
        chosen: false,
    }
}

/// What one should know of a connector before using it.
#[must_use]
pub fn facts(catalog: &Catalog, connector: &Connector) -> Vec<Fact> {
    let mut facts = Vec::new();
    if let Some(successor) = connector.superseded_by.as_deref().and_then(|id| catalog.find(id)) {
        let href = urls::admin_connector(&successor.id);
        facts.push(Fact { href, ..Fact::new("Use instead", successor.name.as_str()) });
    }
    if connector.kind == ConnectorKind::Bookmark {
        facts.push(Fact::new("Sign-on", "None: the tile opens an address"));
        return facts;
    }
    let initiation = connector.sso.initiation.set_value().cloned().unwrap_or_default();
    let starts = match (initiation.contains(&Initiation::Idp), initiation.contains(&Initiation::Sp)) {
        (true, true) => format!("SAML 2.0, from here or from {}", connector.name),
        (false, true) => format!("SAML 2.0, begins at {}", connector.name),
        (true, false) => "SAML 2.0, begins here".to_owned(),
        (false, false) => "SAML 2.0".to_owned(),
    };
    facts.push(Fact::new("Sign-on", starts));
    if connector.makes_accounts() {
        facts.push(Fact::new("Accounts", "Made on first sign-in (JIT)"));
    }
    if let Some(provisioning) = &connector.provisioning {
        let what = if provisioning.groups { "People and groups, over SCIM" } else { "People, over SCIM" };
        facts.push(Fact::new("Identity management", what));
    }
    facts
}

/// The placeholders that single sign-on asks for; those of identity management alone are left out.
pub fn asked(connector: &Connector) -> Vec<&Placeholder> {
    let settings = connector.sso_settings().unwrap_or_default();
    let templates = settings.templates();
    let used = |token: &String| templates.iter().any(|(_, text)| holds(text, token, &connector.placeholders));
    connector
        .placeholders
        .iter()
        .filter(|(token, _)| used(token))
        .map(|(_, placeholder)| placeholder)
        .collect()
}

/// `GET /admin/catalog`
pub async fn list_connectors(
    console: Console<CatalogRead>,
    State(web): State<Shared>,
    Queried(wanted): Queried<Wanted>,
) -> Answer {
    let whole = !wanted.all.is_empty();
    let found = Shelf::of(&web.installation.catalog, &wanted.q, &wanted.category, whole, &[]);
    let here = |category: &str| {
        frame::with_query(urls::admin_catalog(), &[("q", wanted.q.as_str()), ("category", category)])
    };
    let shell =
        frame::shell(&web, &console.person, "Catalog", Nav::Catalog, Permission::ApplicationsWrite).await;
    page(&CatalogPage {
        shell,
        query: wanted.q.clone(),
        found: found.found.clone(),
        categories: found.categories(here),
        connectors: found.connectors.iter().map(|connector| card(connector)).collect(),
        all_href: frame::with_query(
            urls::admin_catalog(),
            &[("q", wanted.q.as_str()), ("category", wanted.category.as_str()), ("all", "1")],
        ),
        more: found.more,
    })
}

/// `GET /admin/catalog/{connector}`
pub async fn show_connector(
    console: Console<CatalogRead>,
    State(web): State<Shared>,
    Path(connector): Path<String>,
) -> Answer {
    let catalog = &web.installation.catalog;
    let connector = catalog.find(&connector).cloned().ok_or_else(Failure::no_such_page)?;
    let shell =
        frame::shell(&web, &console.person, &connector.name, Nav::Catalog, Permission::ApplicationsWrite)
            .await;
    let (verified, _) = badge(&connector);
    let filled = Values::new();
    let live = steps::Live { declared: &connector.placeholders, filled: &filled, values: &[] };
    let attributes = connector.sso.attributes.set_value();
    let mut facts = facts(catalog, &connector);
    if let Some(homepage) = &connector.homepage {
        facts.push(Fact { href: homepage.clone(), ..Fact::new("Site", homepage.as_str()) });
    }
    page(&ConnectorPage {
        shell,
        crumbs: Crumbs {
            way: vec![Link::new("Catalog", urls::admin_catalog())],
            here: connector.name.clone(),
        },
        mark: Mark::letter(connector.name.as_str(), connector.accent).with_glyph(connector.glyph_path()),
        description: connector.description.clone(),
        verified: verified.to_owned(),
        facts: Facts { facts },
        placeholders: asked(&connector)
            .iter()
            .map(|placeholder| Fact::new(placeholder.label.as_str(), placeholder.help.as_str()))
            .collect(),
        attributes: attributes
            .map(|rows| rows.iter().map(|row| row.name.clone()).collect())
            .unwrap_or_default(),
        steps: steps::steps(connector.sso_steps().as_deref(), &live),
        sources: connector.sources.clone(),
        add_href: format!(
            "{}#add",
            frame::with_query(urls::admin_application_new(), &[("connector", connector.id.as_str())])
        ),
    })
}
