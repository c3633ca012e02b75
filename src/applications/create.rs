//! Adding an application from a connector: label, address, key and settings come to stand in one transaction.

use std::sync::Arc;

use serde::Deserialize;

use crate::applications::model::{Application, Kind, Status};
use crate::applications::{group_rules, slug, store, update};
use crate::base::accent::Accent;
use crate::base::clock::DAY;
use crate::base::id::ApplicationId;
use crate::base::urls::{self, BaseUrl};
use crate::base::{Ctx, Error, Result};
use crate::catalog::Catalog;
use crate::catalog::model::{Connector, ConnectorKind};
use crate::db::epoch::{Scope, bump};
use crate::db::{Db, Executor, Tx, is_unique_violation};
use crate::events::{Event, EventName, record};
use crate::keys;
use crate::vault::Vault;

/// Days a freed address is kept from being reused by accident, and answers *gone* (decision 18).
pub const SLUG_HOLD_DAYS: i64 = 90;
/// How often a derived address is looked for anew when others take it meanwhile.
const MAX_TRIES: usize = 20;

/// What the form or the API says of a new application.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApplication {
    /// Id of the connector: `heap`, `custom-saml`, `bookmark`.
    pub connector: String,
    /// Name on the tile; the connector's when left out.
    pub label: Option<String>,
    /// Sentence under it; the connector's when left out.
    pub description: Option<String>,
    /// Last part of the IdP URL; derived from the label when left out or empty. Never changes afterwards.
    pub slug: Option<String>,
    /// Whether the portal shows it; true when left out.
    pub show_in_portal: Option<bool>,
    /// Colour of the tile; the connector's when left out.
    pub color: Option<Accent>,
    /// Where a bookmark leads.
    pub bookmark_url: Option<String>,
    /// Take an address that another application had in the last 90 days.
    #[serde(default)]
    pub reuse: bool,
}

/// What creation needs beside the database.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The connectors.
    pub catalog: &'a Catalog,
    /// Seals the private key.
    pub vault: &'a Vault,
    /// Goes into the entity ID.
    pub base_url: &'a BaseUrl,
}

/// Creates a draft application with its key and certificate. The caller generates the key on a blocking thread by
/// [`keys::generate`] beforehand; bookmarks need none.
pub async fn create(
    db: &Db,
    ctx: &Ctx,
    around: Surroundings<'_>,
    new: NewApplication,
    key: Option<&keys::NewKey>,
) -> Result<Application> {
    let derived = new.slug.as_deref().is_none_or(|slug| slug.trim().is_empty());
    let mut tries = 0;
    loop {
        tries += 1;
        let mut tx = db.begin().await?;
        match create_in(&mut tx, ctx, around, &new, key).await {
            // Somebody else took the derived address in the same moment; nobody chose it, so the next one will do.
            Err(error) if error.code == "slug_taken" && derived && tries < MAX_TRIES => {}
            Err(error) => return Err(error),
            Ok(application) => {
                tx.commit().await?;
                return Ok(application);
            }
        }
    }
}

/// [`create`] in the caller's transaction.
pub async fn create_in(
    tx: &mut Tx,
    ctx: &Ctx,
    around: Surroundings<'_>,
    new: &NewApplication,
    key: Option<&keys::NewKey>,
) -> Result<Application> {
    let connector = require_connector(around.catalog, &new.connector)?;
    let mut application = group_rules::stored_where_known(tx, draft(ctx, connector, new)?).await?;
    let entity_id = |slug: &str| around.base_url.join(&urls::idp_metadata(slug));
    application.slug = claim_slug(tx, ctx, new, &application.label, entity_id).await?;
    application.idp_entity_id = entity_id(&application.slug);
    store::insert(tx, &application)
        .await
        .map_err(|error| if is_unique_violation(&error) { slug_taken(&application.slug) } else { error })?;
    let event = Event::new(EventName::ApplicationCreate)
        .target("application", application.id, application.label.as_str())
        .application(application.id)
        .detail("connector", application.made_from.id.as_str())
        .detail("slug", application.slug.as_str());
    record(tx, ctx, event).await?;
    if application.kind == Kind::Saml {
        let key = key.ok_or_else(|| Error::internal("an application for single sign-on needs a key"))?;
        keys::insert_current(tx, ctx, around.vault, application.id, key).await?;
    }
    bump(tx, Scope::Applications).await?;
    group_rules::shown(tx, application).await
}

/// The connector, or the error that there is none of this id.
pub fn require_connector<'a>(catalog: &'a Catalog, id: &str) -> Result<&'a Arc<Connector>> {
    catalog.find(id).ok_or_else(|| {
        Error::field(
            "connector",
            "unknown_connector",
            "There is no such connector. Look it up in the catalog.",
        )
    })
}

fn draft(ctx: &Ctx, connector: &Arc<Connector>, new: &NewApplication) -> Result<Application> {
    let kind = match connector.kind {
        ConnectorKind::Saml => Kind::Saml,
        ConnectorKind::Bookmark => Kind::Bookmark,
    };
    let label = update::check_label(new.label.as_deref().unwrap_or(&connector.name))?;
    let description =
        update::check_description(new.description.as_deref().unwrap_or(&connector.description))?;
    let bookmark_url = match (kind, new.bookmark_url.as_deref()) {
        (Kind::Bookmark, Some(url)) => Some(update::check_bookmark_url(url)?),
        (Kind::Bookmark, None) => {
            return Err(Error::field("bookmark_url", "required", "Give the address that the tile opens."));
        }
        (Kind::Saml, None | Some("")) => None,
        (Kind::Saml, Some(_)) => {
            return Err(Error::field(
                "bookmark_url",
                "not_a_bookmark",
                "Only a bookmark has an address to open.",
            ));
        }
    };
    let mut sso = connector.sso_settings()?;
    if connector.id == "custom-saml" {
        // Nobody knows what a custom application sends along (decision 1).
        sso.relay_states = vec!["*".to_owned()];
    }
    let now = ctx.now();
    Ok(Application {
        id: ApplicationId::generate(now, &ctx.random),
        kind,
        made_from: Arc::clone(connector),
        label,
        description,
        slug: String::new(),
        accent: new.color.unwrap_or(connector.accent),
        show_in_portal: new.show_in_portal.unwrap_or(true),
        status: Status::Draft,
        idp_entity_id: String::new(),
        bookmark_url,
        placeholders: std::collections::BTreeMap::new(),
        sso,
        logo: None,
        version: 1,
        created_at: now,
        updated_at: now,
    })
}

fn slug_taken(slug: &str) -> Error {
    Error::conflict(
        "slug_taken",
        format!("Another application already has the address …/saml2/{slug}. Choose another."),
    )
}

/// Finds the address: the chosen one, if it is free, or the first free one derived from the label.
/// An application whose entity ID would be that of the new one stands in the way as one of the same address does.
async fn claim_slug(
    tx: &mut Tx,
    ctx: &Ctx,
    new: &NewApplication,
    label: &str,
    entity_id: impl Fn(&str) -> String,
) -> Result<String> {
    let chosen = new.slug.as_deref().map(str::trim).filter(|slug| !slug.is_empty());
    if let Some(chosen) = chosen {
        slug::check(chosen)?;
        return match store::slug_state(tx, chosen).await? {
            (true, _) => Err(slug_taken(chosen)),
            (false, Some((freed_label, freed_at)))
                if ctx.now().since(freed_at) < SLUG_HOLD_DAYS * DAY && !new.reuse =>
            {
                Err(Error::conflict(
                    "recently_used",
                    format!(
                        "Until lately {freed_label} had this address, and links to it may still be about. \
                         Choose another, or confirm that you want to take it over."
                    ),
                ))
            }
            (false, _) => {
                if let Some(other) = store::label_of_entity_id(tx, &entity_id(chosen)).await? {
                    return Err(Error::conflict(
                        "entity_id_taken",
                        format!(
                            "{other} calls itself by the metadata address that would belong to …/saml2/{chosen}. Choose another address, or give {other} its own entity ID."
                        ),
                    ));
                }
                store::delete_freed(tx, chosen).await?;
                Ok(chosen.to_owned())
            }
        };
    }
    for candidate in slug::candidates(&slug::derive(label)) {
        if let (false, None) = store::slug_state(tx, &candidate).await?
            && store::label_of_entity_id(tx, &entity_id(&candidate)).await?.is_none()
        {
            return Ok(candidate);
        }
    }
    Err(Error::field("slug", "no_free_slug", "No address made of this name is free. Choose one."))
}

/// Label of the application that had this address until it was deleted, while links may still be about.
pub async fn freed_label(executor: &mut impl Executor, ctx: &Ctx, slug: &str) -> Result<Option<String>> {
    let freed = store::find_freed(executor, slug).await?;
    Ok(freed.filter(|(_, at)| ctx.now().since(*at) < SLUG_HOLD_DAYS * DAY).map(|(label, _)| label))
}
