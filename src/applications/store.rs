//! SQL of the applications, their bindings and logos.

pub(super) mod sp_source;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use moka::sync::Cache;
use openssl::sha::sha256;

use crate::applications::model::{Application, Status, label_key};
use crate::applications::overview::BoundGroup;
use crate::base::id::{ApplicationId, GroupId, UserId};
use crate::base::{Error, Result, Timestamp};
use crate::catalog::model::Connector;
use crate::db::{Executor, Query, Row, Tx, sql};

fn read(row: &Row) -> Result<Application> {
    Ok(Application {
        id: row.parse("id")?,
        kind: row.parse("kind")?,
        made_from: connector(&row.text("made_from")?)?,
        label: row.text("label")?,
        description: row.text("description")?,
        slug: row.text("slug")?,
        accent: row.parse("accent")?,
        show_in_portal: row.bool("show_in_portal")?,
        status: row.parse("status")?,
        idp_entity_id: row.text("idp_entity_id")?,
        bookmark_url: row.opt_text("bookmark_url")?,
        placeholders: row.json("placeholders")?,
        sso: row.json("sso")?,
        logo: row.opt_text("logo_digest")?,
        version: row.int("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

/// Connectors by the digest of their text: what a text says never changes, and many applications are read at a time.
static CONNECTORS: LazyLock<Cache<[u8; 32], Arc<Connector>>> = LazyLock::new(|| Cache::new(2_000));

fn connector(text: &str) -> Result<Arc<Connector>> {
    let digest = sha256(text.as_bytes());
    if let Some(known) = CONNECTORS.get(&digest) {
        return Ok(known);
    }
    let read: Arc<Connector> = Arc::new(serde_json::from_str(text).map_err(Error::internal)?);
    CONNECTORS.insert(digest, Arc::clone(&read));
    Ok(read)
}

fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(Error::internal)
}

pub(super) async fn find(executor: &mut impl Executor, id: ApplicationId) -> Result<Option<Application>> {
    let query = sql("SELECT a.*, l.digest AS logo_digest FROM applications a \
         LEFT JOIN application_logos l ON l.application_id = a.id WHERE a.id = $1")
    .bind_text(id);
    executor.optional(query).await?.as_ref().map(read).transpose()
}

/// The same, for a change: nobody else changes it until the transaction ends, so that two changes at once follow each
/// other instead of one of them being refused.
pub(super) async fn lock(tx: &mut Tx, id: ApplicationId) -> Result<Option<Application>> {
    tx.run(sql("UPDATE applications SET version = version WHERE id = $1").bind_text(id)).await?;
    find(tx, id).await
}

pub(super) async fn find_by_slug(executor: &mut impl Executor, slug: &str) -> Result<Option<Application>> {
    let query = sql("SELECT a.*, l.digest AS logo_digest FROM applications a \
         LEFT JOIN application_logos l ON l.application_id = a.id WHERE a.slug = $1")
    .bind(slug);
    executor.optional(query).await?.as_ref().map(read).transpose()
}

pub(super) async fn list(
    executor: &mut impl Executor,
    text: &str,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Application>> {
    let (label, id) = after.and_then(|key| key.split_once('\u{1f}')).unwrap_or(("", ""));
    let query = sql("SELECT a.*, l.digest AS logo_digest FROM applications a \
         LEFT JOIN application_logos l ON l.application_id = a.id \
         WHERE (a.label_key > $1 OR (a.label_key = $1 AND a.id > $2)) \
         AND ($3 = '' OR a.label_key LIKE $4 ESCAPE '!' OR a.slug LIKE $4 ESCAPE '!') \
         ORDER BY a.label_key, a.id LIMIT $5")
    .bind(label)
    .bind(id)
    .bind(text)
    .bind(like(&label_key(text)))
    .bind(limit);
    executor.all(query).await?.iter().map(read).collect()
}

/// The same, in one state if it is named.
pub(super) async fn list_in(
    executor: &mut impl Executor,
    text: &str,
    status: Option<Status>,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Application>> {
    let (label, id) = after.and_then(|key| key.split_once('\u{1f}')).unwrap_or(("", ""));
    let query = sql("SELECT a.*, l.digest AS logo_digest FROM applications a \
         LEFT JOIN application_logos l ON l.application_id = a.id \
         WHERE (a.label_key > $1 OR (a.label_key = $1 AND a.id > $2)) \
         AND ($3 = '' OR a.label_key LIKE $4 ESCAPE '!' OR a.slug LIKE $4 ESCAPE '!' OR a.connector = $3) \
         AND ($5 = '' OR a.status = $5) ORDER BY a.label_key, a.id LIMIT $6")
    .bind(label)
    .bind(id)
    .bind(text)
    .bind(like(&label_key(text)))
    .bind(status.map_or("", Status::as_str))
    .bind(limit);
    executor.all(query).await?.iter().map(read).collect()
}

/// Label of the application with this IdP entity ID.
pub(super) async fn label_of_entity_id(executor: &mut impl Executor, id: &str) -> Result<Option<String>> {
    let query = sql("SELECT label FROM applications WHERE idp_entity_id = $1").bind(id);
    executor.optional(query).await?.map(|row| row.text("label")).transpose()
}

fn like(text: &str) -> String {
    format!("%{}%", text.replace('!', "!!").replace('%', "!%").replace('_', "!_"))
}

pub(super) async fn count(executor: &mut impl Executor) -> Result<i64> {
    executor.one(sql("SELECT COUNT(*) AS n FROM applications")).await?.int("n")
}

pub(super) async fn insert(tx: &mut Tx, a: &Application) -> Result<()> {
    tx.run(
        sql("INSERT INTO applications (id, kind, connector, made_from, label, label_key, description, slug, \
             accent, show_in_portal, status, idp_entity_id, bookmark_url, placeholders, sso, version, created_at, \
             updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17)")
        .bind_text(a.id)
        .bind(a.kind.as_str())
        .bind(a.made_from.id.as_str())
        .bind(json(&*a.made_from)?)
        .bind(a.label.as_str())
        .bind(label_key(&a.label))
        .bind(a.description.as_str())
        .bind(a.slug.as_str())
        .bind(a.accent.as_str())
        .bind(a.show_in_portal)
        .bind(a.status.as_str())
        .bind(a.idp_entity_id.as_str())
        .bind(a.bookmark_url.as_deref())
        .bind(json(&a.placeholders)?)
        .bind(json(&a.sso)?)
        .bind(a.version)
        .bind(a.created_at),
    )
    .await
    .map(drop)
}

/// Stores everything that may change, if the version is still the one that was read; answers whether it was.
pub(super) async fn update(tx: &mut Tx, a: &Application, read_version: i64, now: Timestamp) -> Result<bool> {
    let touched = tx
        .run(
            sql("UPDATE applications SET label = $3, label_key = $4, description = $5, accent = $6, \
                 show_in_portal = $7, status = $8, idp_entity_id = $9, bookmark_url = $10, placeholders = $11, \
                 sso = $12, made_from = $13, version = version + 1, updated_at = $14 WHERE id = $1 AND version = $2")
            .bind_text(a.id)
            .bind(read_version)
            .bind(a.label.as_str())
            .bind(label_key(&a.label))
            .bind(a.description.as_str())
            .bind(a.accent.as_str())
            .bind(a.show_in_portal)
            .bind(a.status.as_str())
            .bind(a.idp_entity_id.as_str())
            .bind(a.bookmark_url.as_deref())
            .bind(json(&a.placeholders)?)
            .bind(json(&a.sso)?)
            .bind(json(&*a.made_from)?)
            .bind(now),
        )
        .await?;
    Ok(touched == 1)
}

/// Whether a slug is taken, and when it was freed if it once was.
pub(super) async fn slug_state(
    executor: &mut impl Executor,
    slug: &str,
) -> Result<(bool, Option<(String, Timestamp)>)> {
    let taken = executor.optional(sql("SELECT 1 AS n FROM applications WHERE slug = $1").bind(slug)).await?;
    Ok((taken.is_some(), find_freed(executor, slug).await?))
}

/// Label and instant of the application that once had this slug.
pub(super) async fn find_freed(
    executor: &mut impl Executor,
    slug: &str,
) -> Result<Option<(String, Timestamp)>> {
    let row =
        executor.optional(sql("SELECT label, freed_at FROM freed_slugs WHERE slug = $1").bind(slug)).await?;
    row.map(|row| Ok((row.text("label")?, row.time("freed_at")?))).transpose()
}

pub(super) async fn delete_freed(tx: &mut Tx, slug: &str) -> Result<()> {
    tx.run(sql("DELETE FROM freed_slugs WHERE slug = $1").bind(slug)).await.map(drop)
}

pub(super) async fn delete(tx: &mut Tx, application: &Application, now: Timestamp) -> Result<u64> {
    tx.run(
        sql("INSERT INTO freed_slugs (slug, label, freed_at) VALUES ($1, $2, $3) \
             ON CONFLICT (slug) DO UPDATE SET label = excluded.label, freed_at = excluded.freed_at")
        .bind(application.slug.as_str())
        .bind(application.label.as_str())
        .bind(now),
    )
    .await?;
    tx.run(sql("DELETE FROM applications WHERE id = $1").bind_text(application.id)).await
}

// Bindings

pub(super) async fn insert_binding(
    tx: &mut Tx,
    application: ApplicationId,
    group: GroupId,
    now: Timestamp,
) -> Result<bool> {
    let query = sql("INSERT INTO bindings (application_id, group_id, created_at) VALUES ($1, $2, $3) \
         ON CONFLICT (application_id, group_id) DO NOTHING");
    Ok(tx.run(query.bind_text(application).bind_text(group).bind(now)).await? == 1)
}

pub(super) async fn delete_binding(tx: &mut Tx, application: ApplicationId, group: GroupId) -> Result<bool> {
    let query = sql("DELETE FROM bindings WHERE application_id = $1 AND group_id = $2");
    Ok(tx.run(query.bind_text(application).bind_text(group)).await? == 1)
}

pub(super) async fn list_bound_groups(
    executor: &mut impl Executor,
    application: ApplicationId,
) -> Result<Vec<(GroupId, Timestamp)>> {
    let query = sql("SELECT b.group_id, b.created_at FROM bindings b JOIN groups g ON g.id = b.group_id \
         WHERE b.application_id = $1 ORDER BY g.name_key");
    let rows = executor.all(query.bind_text(application)).await?;
    rows.iter().map(|row| Ok((row.parse("group_id")?, row.time("created_at")?))).collect()
}

/// Names of the groups bound to an application.
pub(super) async fn list_bound_names(
    executor: &mut impl Executor,
    application: ApplicationId,
) -> Result<Vec<String>> {
    let query =
        sql("SELECT g.name FROM bindings b JOIN groups g ON g.id = b.group_id WHERE b.application_id = $1");
    executor.all(query.bind_text(application)).await?.iter().map(|row| row.text("name")).collect()
}

pub(super) async fn list_bound_applications(
    executor: &mut impl Executor,
    group: GroupId,
) -> Result<Vec<Application>> {
    let query = sql(
        "SELECT a.*, l.digest AS logo_digest FROM bindings b JOIN applications a ON a.id = b.application_id \
         LEFT JOIN application_logos l ON l.application_id = a.id \
         WHERE b.group_id = $1 ORDER BY a.label_key, a.id",
    );
    executor.all(query.bind_text(group)).await?.iter().map(read).collect()
}

fn granted(text: &'static str, user: UserId, is_active: bool) -> Query {
    sql(text).bind_text(user).bind(is_active)
}

/// The groups by which a person may use the application. `Everyone` counts for active people.
pub(super) async fn list_granting_groups(
    executor: &mut impl Executor,
    application: ApplicationId,
    user: UserId,
    is_active: bool,
) -> Result<Vec<GroupId>> {
    let query = granted(
        "SELECT b.group_id FROM groups g CROSS JOIN bindings b WHERE g.id IN \
         (SELECT m.group_id FROM memberships m WHERE m.user_id = $1 \
         UNION ALL SELECT e.id FROM groups e WHERE e.built_in AND $2) \
         AND b.application_id = $3 AND b.group_id = g.id ORDER BY g.name_key",
        user,
        is_active,
    )
    .bind_text(application);
    executor.all(query).await?.iter().map(|row| row.parse("group_id")).collect()
}

/// Every application some group of the person is bound to, with one such group's id.
pub(super) async fn list_granted(
    executor: &mut impl Executor,
    user: UserId,
    is_active: bool,
) -> Result<Vec<(Application, GroupId)>> {
    let query = granted(
        "SELECT a.*, l.digest AS logo_digest, x.group_id AS by_group FROM \
         (SELECT b.application_id, MIN(b.group_id) AS group_id FROM bindings b JOIN groups g ON g.id = b.group_id \
          WHERE (g.built_in AND $2) OR b.group_id IN (SELECT m.group_id FROM memberships m WHERE m.user_id = $1) \
          GROUP BY b.application_id) x \
         JOIN applications a ON a.id = x.application_id \
         LEFT JOIN application_logos l ON l.application_id = a.id ORDER BY a.label_key, a.id",
        user,
        is_active,
    );
    let rows = executor.all(query).await?;
    rows.iter().map(|row| Ok((read(row)?, row.parse("by_group")?))).collect()
}

/// How many people the bound groups of an application hold together.
pub(super) async fn count_people(executor: &mut impl Executor, application: ApplicationId) -> Result<i64> {
    let query = sql("SELECT COUNT(*) AS n FROM users u WHERE u.state = 'active' AND (EXISTS \
         (SELECT 1 FROM bindings b JOIN groups g ON g.id = b.group_id WHERE b.application_id = $1 AND g.built_in) \
         OR EXISTS (SELECT 1 FROM bindings b JOIN memberships m ON m.group_id = b.group_id \
         WHERE b.application_id = $1 AND m.user_id = u.id))");
    executor.one(query.bind_text(application)).await?.int("n")
}

/// The active person in the most groups.
pub(super) async fn find_most_memberships(executor: &mut impl Executor) -> Result<Option<UserId>> {
    let query = sql("SELECT m.user_id, COUNT(*) AS n FROM memberships m JOIN users u ON u.id = m.user_id \
         WHERE u.state = 'active' GROUP BY m.user_id ORDER BY n DESC, m.user_id LIMIT 1");
    executor.optional(query).await?.map(|row| row.parse("user_id")).transpose()
}

/// How many other applications have this SP entity ID, to the letter, in their settings.
pub(super) async fn count_with_sp_entity_id(
    executor: &mut impl Executor,
    but: ApplicationId,
    entity_id: &str,
) -> Result<i64> {
    let written = format!("\"sp_entity_id\":{}", json(&entity_id)?);
    let query = sql(
        "SELECT COUNT(*) AS n FROM applications WHERE id <> $1 AND LENGTH(REPLACE(sso, $2, '')) < LENGTH(sso)",
    );
    executor.one(query.bind_text(but).bind(written)).await?.int("n")
}

/// Ids that [`count_people_of`] takes at once.
pub(super) const PAGE: usize = 50;

/// How many active people may use each application; `Everyone` counts as all of them.
pub(super) async fn count_people_of(
    executor: &mut impl Executor,
    applications: &[ApplicationId],
) -> Result<HashMap<ApplicationId, i64>> {
    let mut query = sql(
        "SELECT b.application_id, CAST(MAX(CASE WHEN g.built_in THEN 1 ELSE 0 END) AS BIGINT) AS everyone, \
         COUNT(DISTINCT u.id) AS n, (SELECT COUNT(*) FROM users a WHERE a.state = 'active') AS active \
         FROM bindings b JOIN groups g ON g.id = b.group_id \
         LEFT JOIN memberships m ON m.group_id = b.group_id \
         LEFT JOIN users u ON u.id = m.user_id AND u.state = 'active' \
         WHERE b.application_id IN ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, \
         $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47, $48, $49, $50) \
         GROUP BY b.application_id",
    );
    // Unused places hold no id at all.
    for at in 0..PAGE {
        query = query.bind(applications.get(at).map(ToString::to_string).unwrap_or_default());
    }
    let rows = executor.all(query).await?;
    let count = |row: &Row| if row.int("everyone")? == 1 { row.int("active") } else { row.int("n") };
    rows.iter().map(|row| Ok((row.parse("application_id")?, count(row)?))).collect()
}

/// The groups bound to an application, with their active people.
pub(super) async fn list_bound(
    executor: &mut impl Executor,
    application: ApplicationId,
) -> Result<Vec<BoundGroup>> {
    let query = sql("SELECT g.id, g.name, g.description, g.built_in, b.created_at, CASE WHEN g.built_in \
         THEN (SELECT COUNT(*) FROM users u WHERE u.state = 'active') \
         ELSE (SELECT COUNT(*) FROM memberships m JOIN users u ON u.id = m.user_id \
         WHERE m.group_id = g.id AND u.state = 'active') END AS people \
         FROM bindings b JOIN groups g ON g.id = b.group_id WHERE b.application_id = $1 ORDER BY g.name_key");
    let rows = executor.all(query.bind_text(application)).await?;
    rows.iter()
        .map(|row| {
            Ok(BoundGroup {
                id: row.parse("id")?,
                name: row.text("name")?,
                description: row.text("description")?,
                built_in: row.bool("built_in")?,
                people: row.int("people")?,
                since: row.time("created_at")?,
            })
        })
        .collect()
}

/// How many applications each group is bound to.
pub(super) async fn count_bindings_by_group(executor: &mut impl Executor) -> Result<HashMap<GroupId, i64>> {
    let rows = executor.all(sql("SELECT group_id, COUNT(*) AS n FROM bindings GROUP BY group_id")).await?;
    rows.iter().map(|row| Ok((row.parse("group_id")?, row.int("n")?))).collect()
}

/// When the current certificate of each application ends.
pub(super) async fn list_certificate_ends(executor: &mut impl Executor) -> Result<Vec<(String, Timestamp)>> {
    let query = sql("SELECT a.slug, k.not_after FROM signing_keys k JOIN applications a \
         ON a.id = k.application_id WHERE k.state = 'current' ORDER BY a.slug");
    let rows = executor.all(query).await?;
    rows.iter().map(|row| Ok((row.text("slug")?, row.time("not_after")?))).collect()
}

// Logos

pub(super) async fn put_logo(
    tx: &mut Tx,
    application: ApplicationId,
    png: Vec<u8>,
    digest: &str,
) -> Result<()> {
    tx.run(
        sql("INSERT INTO application_logos (application_id, png, digest) VALUES ($1, $2, $3) \
             ON CONFLICT (application_id) DO UPDATE SET png = excluded.png, digest = excluded.digest")
        .bind_text(application)
        .bind(png)
        .bind(digest),
    )
    .await
    .map(drop)
}

pub(super) async fn delete_logo(tx: &mut Tx, application: ApplicationId) -> Result<bool> {
    let query = sql("DELETE FROM application_logos WHERE application_id = $1");
    Ok(tx.run(query.bind_text(application)).await? == 1)
}

pub(super) async fn find_logo(
    executor: &mut impl Executor,
    application: ApplicationId,
) -> Result<Option<(Vec<u8>, String)>> {
    let query = sql("SELECT png, digest FROM application_logos WHERE application_id = $1");
    let row = executor.optional(query.bind_text(application)).await?;
    row.map(|row| Ok((row.blob("png")?, row.text("digest")?))).transpose()
}
