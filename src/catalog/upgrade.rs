//! What a later version of a connector says otherwise than the one that an application was made from, held against what
//! the application has by now. Pure: nothing is changed here.
//!
//! Both connectors and the application are written as sheets, a value for each field, and compared field by field.
//! Rows of attributes and of mappings are fields of their own, by their names; a second row of a name is `NAME#2`. Within a
//! field that has keys, only what the later version says otherwise is taken over.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::sha::sha256;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::mapping::Mapping;
use super::model::{Connector, Provisioning};
use super::sso::SsoSettings;
use crate::base::vocabulary::vocabulary;
use crate::base::{Error, Result};

vocabulary! {
    /// How a difference came about, and so what becomes of it unless somebody says otherwise.
    Standing {
        /// The application has what the earlier version said: it is taken over.
        #[default]
        Untouched = "untouched",
        /// The application has something of its own: it stays.
        Own = "own",
        /// It is no setting of the application: it comes with the version.
        Fixed = "fixed",
    }
}

/// A field in which the versions differ.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Difference {
    /// Dotted name: `sso.acs_urls`, `sso.attributes.email`, `provisioning.base_url`, `placeholders.YOUR_ID`, `setup.sso`.
    pub field: String,
    /// What the earlier version says; `null`: nothing.
    pub before: Json,
    /// What the application has when it is taken over; `null`: nothing.
    pub after: Json,
    /// What the application has.
    pub own: Json,
    /// What becomes of it.
    pub standing: Standing,
}

/// Values by field, in the order in which people read them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sheet(Vec<(String, Json)>);

impl Sheet {
    /// The value of a field.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&Json> {
        self.0.iter().find(|(name, _)| name == field).map(|(_, value)| value)
    }

    /// Puts a field, or takes it away.
    pub fn set(&mut self, field: &str, value: Option<Json>) {
        let at = self.0.iter().position(|(name, _)| name == field);
        match (at, value) {
            (Some(at), Some(value)) => self.0[at].1 = value,
            (Some(at), None) => drop(self.0.remove(at)),
            (None, Some(value)) => self.0.push((field.to_owned(), value)),
            (None, None) => {}
        }
    }

    /// Adds a row, beside those that have its name already.
    fn add_row(&mut self, field: &str, row: Json) {
        let (mut name, mut count) = (field.to_owned(), 1);
        while self.get(&name).is_some() {
            count += 1;
            name = format!("{field}#{count}");
        }
        self.0.push((name, row));
    }

    /// Takes these fields over from a later version, and what of its rows can't be left out.
    pub fn take(&mut self, fields: &[String], before: &Self, after: &Self) {
        for (field, says) in &after.0 {
            let forced = forced(field, self.get(field), says);
            self.set(field, forced.or_else(|| self.get(field).cloned()));
        }
        for field in fields {
            let taken = merged(before.get(field), after.get(field), self.get(field));
            self.set(field, taken);
        }
    }

    /// The rows whose names begin so, in order.
    fn rows(&self, prefix: &str) -> Json {
        self.0.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, row)| row.clone()).collect()
    }
}

const ATTRIBUTES: &str = "sso.attributes.";
const MAPPINGS: &str = "provisioning.mappings.";
/// The base URL of SCIM.
pub const BASE_URL: &str = "provisioning.base_url";

fn json(value: &impl Serialize) -> Result<Json> {
    serde_json::to_value(value).map_err(Error::internal)
}

fn object(value: &impl Serialize) -> Result<Map<String, Json>> {
    match json(value)? {
        Json::Object(map) => Ok(map),
        _ => Err(Error::internal("not an object")),
    }
}

/// The settings for single sign-on as a sheet.
pub fn sso_sheet(settings: &SsoSettings) -> Result<Sheet> {
    let mut out = Sheet::default();
    for (key, value) in object(settings)? {
        match (key.as_str(), value) {
            // Ours, and never a connector's.
            ("idp_entity_id", _) => {}
            ("attributes", Json::Array(rows)) => {
                for row in rows {
                    let name = row.get("name").and_then(Json::as_str).unwrap_or_default().to_owned();
                    out.add_row(&format!("{ATTRIBUTES}{name}"), row);
                }
            }
            (_, value) => out.set(&format!("sso.{key}"), Some(value)),
        }
    }
    Ok(out)
}

/// The settings that a sheet stands for; `idp_entity_id` and whatever it does not name are those of `own`.
pub fn sso_settings(sheet: &Sheet, own: &SsoSettings) -> Result<SsoSettings> {
    let mut map = object(own)?;
    for key in map.keys().cloned().collect::<Vec<_>>() {
        if key != "idp_entity_id" && key != "attributes" && sheet.get(&format!("sso.{key}")).is_none() {
            map.remove(&key);
        }
    }
    for (field, value) in &sheet.0 {
        if let Some(key) = field.strip_prefix("sso.").filter(|_| !field.starts_with(ATTRIBUTES)) {
            map.insert(key.to_owned(), value.clone());
        }
    }
    map.insert("attributes".to_owned(), sheet.rows(ATTRIBUTES));
    serde_json::from_value(Json::Object(map)).map_err(Error::internal)
}

/// What of identity management an application can set, as a sheet.
pub fn provisioning_sheet(base_url: Option<&str>, mappings: &[Mapping]) -> Result<Sheet> {
    let mut out = Sheet::default();
    out.set(BASE_URL, base_url.map(Json::from));
    for row in mappings {
        out.add_row(&format!("{MAPPINGS}{}", row.scim.to_lowercase()), json(row)?);
    }
    Ok(out)
}

/// The rows of a mapping that a sheet stands for.
pub fn mappings(sheet: &Sheet) -> Result<Vec<Mapping>> {
    serde_json::from_value(sheet.rows(MAPPINGS)).map_err(Error::internal)
}

/// What comes with a version whatever an application has set.
fn fixed_sheet(connector: &Connector) -> Result<Sheet> {
    let mut out = Sheet::default();
    for (token, placeholder) in &connector.placeholders {
        out.set(&format!("placeholders.{token}"), Some(json(placeholder)?));
    }
    for key in ["initiation", "sp_metadata_url"] {
        let said = object(&connector.sso)?.remove(key);
        out.set(&format!("sso.{key}"), said);
    }
    if let Some(Provisioning { auth, groups, quirks, .. }) = &connector.provisioning {
        out.set("provisioning.auth", Some(json(auth)?));
        out.set("provisioning.groups", Some(json(groups)?));
        for (key, value) in object(quirks)? {
            out.set(&format!("provisioning.quirks.{key}"), Some(value));
        }
    }
    out.set("setup.sso", connector.setup.sso.clone().map(Json::from));
    out.set("setup.provisioning", connector.setup.provisioning.clone().map(Json::from));
    Ok(out)
}

/// What comes with the later version whatever the application has set. A placeholder that only the earlier one
/// has is left to whoever looks where it still stands.
pub fn fixed_differences(before: &Connector, after: &Connector) -> Result<Vec<Difference>> {
    let (before, after) = (fixed_sheet(before)?, fixed_sheet(after)?);
    let mut found = differences(&before, &after, &before);
    found.retain(|difference| !(difference.after.is_null() && difference.field.starts_with("placeholders.")));
    for difference in &mut found {
        difference.standing = Standing::Fixed;
    }
    Ok(found)
}

/// Keys of a row that say where a value comes from: one of them stands for the others.
const VALUE: [&str; 7] = ["source", "constant", "groups", "by_group", "default", "all", "transforms"];

/// What of a row can't be left out, where the application has it otherwise: the row itself where no account is made without
/// it, at sign-on or over SCIM, and what such a row is to the application.
fn forced(field: &str, own: Option<&Json>, says: &Json) -> Option<Json> {
    let (keys, is_needed): (&[&str], bool) = if field.starts_with(ATTRIBUTES) {
        (&["jit", "name_format"], says.get("jit").is_some())
    } else if field.starts_with(MAPPINGS) {
        (&["required", "enabled"], says.get("required").is_some_and(|required| required == true))
    } else {
        return None;
    };
    match own {
        None => is_needed.then(|| says.clone()),
        Some(own) => {
            let mut row = own.as_object()?.clone();
            // A row that is needed no more is an ordinary one.
            let marks = if is_needed { keys } else { &keys[..1] };
            for key in marks {
                match says.get(key) {
                    Some(value) => drop(row.insert((*key).to_owned(), value.clone())),
                    None => drop(row.remove(*key)),
                }
            }
            Some(Json::Object(row)).filter(|row| row != own)
        }
    }
}

/// The keys in which two versions of a field differ.
fn changed<'k>(was: &'k Map<String, Json>, says: &'k Map<String, Json>) -> Vec<&'k str> {
    let is_same = |key: &str| was.get(key) == says.get(key);
    let same_value = VALUE.iter().all(|key| is_same(key));
    let others = was.keys().chain(says.keys()).map(String::as_str);
    let others = others.filter(|key| !VALUE.contains(key) && !is_same(key));
    others.chain(VALUE.into_iter().filter(|_| !same_value)).collect()
}

/// What a field is once the later version is taken over: within keys, what both versions say alike stays the
/// application's.
fn merged(was: Option<&Json>, says: Option<&Json>, has: Option<&Json>) -> Option<Json> {
    let (Some(Json::Object(was)), Some(Json::Object(says)), Some(Json::Object(has))) = (was, says, has)
    else {
        return says.cloned();
    };
    let mut out = has.clone();
    for key in changed(was, says) {
        match says.get(key) {
            Some(value) => drop(out.insert(key.to_owned(), value.clone())),
            None => drop(out.remove(key)),
        }
    }
    Some(Json::Object(out))
}

/// Whether an application has what the earlier version said, as far as the later one says something else.
fn is_untouched(was: Option<&Json>, says: Option<&Json>, has: Option<&Json>) -> bool {
    match (was, says, has) {
        (Some(Json::Object(was)), Some(Json::Object(says)), Some(Json::Object(has))) => {
            changed(was, says).into_iter().all(|key| has.get(key) == was.get(key))
        }
        _ => has == was,
    }
}

/// Every field in which the two versions differ and the application is not as the later one has it already.
#[must_use]
pub fn differences(before: &Sheet, after: &Sheet, own: &Sheet) -> Vec<Difference> {
    let value = |side: Option<&Json>| side.cloned().unwrap_or_default();
    let mut out = Vec::new();
    let gone = before.0.iter().filter(|(field, _)| after.get(field).is_none());
    for (field, _) in after.0.iter().chain(gone) {
        let (was, says, mut has) = (before.get(field), after.get(field), own.get(field));
        if was == says {
            continue;
        }
        let forced = says.and_then(|says| forced(field, has, says));
        if let Some(forced) = &forced {
            out.push(Difference {
                field: field.clone(),
                before: value(was),
                after: forced.clone(),
                own: value(has),
                standing: Standing::Fixed,
            });
            has = Some(forced);
        }
        let taken = merged(was, says, has);
        if taken.as_ref() != has {
            let is_untouched = is_untouched(was, says, has);
            out.push(Difference {
                field: field.clone(),
                before: value(was),
                after: value(taken.as_ref()),
                own: value(has),
                standing: if is_untouched { Standing::Untouched } else { Standing::Own },
            });
        }
    }
    out
}

/// Whether `after` says anything else of what applications use than `before`: how a connector is found and looks
/// does not count, nor do placeholders that an application has kept from an earlier version.
#[must_use]
pub fn differs(before: &Connector, after: &Connector) -> bool {
    let same_placeholders =
        after.placeholders.iter().all(|(token, says)| before.placeholders.get(token) == Some(says));
    !(same_placeholders
        && before.sso_settings().ok() == after.sso_settings().ok()
        && before.sso.initiation == after.sso.initiation
        && before.sso.sp_metadata_url == after.sso.sp_metadata_url
        && before.provisioning == after.provisioning
        && before.setup == after.setup)
}

/// Digest of a version and of what it would change, to tell whether it is still what was shown.
pub fn revision(connector: &Connector, differences: &[Difference]) -> Result<String> {
    let text = serde_json::to_vec(&(connector, differences)).map_err(Error::internal)?;
    Ok(URL_SAFE_NO_PAD.encode(&sha256(&text)[..16]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Catalog;
    use super::*;

    fn heap() -> Connector {
        Connector::clone(Catalog::built_in().find("heap").unwrap())
    }

    #[test]
    fn settings_come_back_from_their_sheet_as_they_were() {
        for connector in Catalog::built_in().list() {
            let settings = connector.sso_settings().unwrap();
            let sheet = sso_sheet(&settings).unwrap();
            assert_eq!(sso_settings(&sheet, &settings).unwrap(), settings, "{}", connector.id);
            assert_eq!(sso_settings(&sheet, &SsoSettings::default()).unwrap(), settings, "{}", connector.id);
            let rows = connector.provisioning.iter().flat_map(|p| &p.user_attributes);
            let rows: Vec<Mapping> = rows.map(Mapping::from).collect();
            assert_eq!(
                mappings(&provisioning_sheet(None, &rows).unwrap()).unwrap(),
                rows,
                "{}",
                connector.id
            );
        }
    }

    #[test]
    fn a_connector_comes_back_from_the_database_as_it_was() {
        for connector in Catalog::built_in().list() {
            let text = serde_json::to_string(&**connector).unwrap();
            let read: Connector = serde_json::from_str(&text).unwrap();
            assert_eq!(read, **connector, "{}", connector.id);
        }
    }

    #[test]
    fn what_is_as_the_later_version_says_is_no_difference_and_what_is_ones_own_stays() {
        let sheet = |pairs: &[(&str, Json)]| {
            Sheet(pairs.iter().map(|(field, value)| ((*field).to_owned(), value.clone())).collect())
        };
        let before = sheet(&[
            ("a", json!(1)),
            ("b", json!(1)),
            ("c", json!(1)),
            ("same", json!(1)),
            ("gone", json!(1)),
        ]);
        let after = sheet(&[
            ("a", json!(2)),
            ("b", json!(2)),
            ("c", json!(2)),
            ("same", json!(1)),
            ("new", json!(2)),
        ]);
        let own = sheet(&[
            ("a", json!(1)),
            ("b", json!(2)),
            ("c", json!(3)),
            ("same", json!(9)),
            ("gone", json!(1)),
        ]);
        let found: Vec<(String, Standing)> =
            differences(&before, &after, &own).into_iter().map(|d| (d.field, d.standing)).collect();
        let expected = [
            ("a", Standing::Untouched),
            ("c", Standing::Own),
            ("new", Standing::Untouched),
            ("gone", Standing::Untouched),
        ];
        assert_eq!(found, expected.map(|(field, standing)| (field.to_owned(), standing)));
    }

    #[test]
    fn rows_of_one_name_stay_apart() {
        let rows = json!([
            { "name": "role", "by_group": [{ "group": "Sales", "value": "seller" }] },
            { "name": "email", "source": "email" },
            { "name": "role", "constant": "guest", "enabled": false },
        ]);
        let patch = serde_json::from_value(json!({ "attributes": rows })).unwrap();
        let settings = SsoSettings::default().merged(patch).unwrap();
        assert_eq!(sso_settings(&sso_sheet(&settings).unwrap(), &settings).unwrap(), settings);
    }

    #[test]
    fn within_a_row_only_what_the_version_changes_is_taken_over() {
        let field = "sso.attributes.role";
        let sheet = |row: Json| Sheet(vec![(field.to_owned(), row)]);
        let before = sheet(json!({ "name": "role", "name_format": "basic", "by_group": [] }));
        let after = sheet(json!({ "name": "role", "name_format": "uri", "by_group": [] }));
        let mut own =
            sheet(json!({ "name": "role", "name_format": "basic", "by_group": [{ "group": "Sales" }] }));
        let found = differences(&before, &after, &own);
        assert_eq!((found.len(), found[0].standing), (1, Standing::Untouched), "{found:?}");
        own.take(&[field.to_owned()], &before, &after);
        let taken = json!({ "name": "role", "name_format": "uri", "by_group": [{ "group": "Sales" }] });
        assert_eq!((own.get(field), &found[0].after), (Some(&taken), &taken));
        assert_eq!(differences(&before, &after, &own), []);

        // Where the value comes from is one thing, however it is written.
        let after = sheet(json!({ "name": "role", "name_format": "basic", "source": "department" }));
        let found = differences(&before, &after, &own);
        assert_eq!(found[0].standing, Standing::Own);
        own.take(&[field.to_owned()], &before, &after);
        assert_eq!(
            own.get(field),
            Some(&json!({ "name": "role", "name_format": "uri", "source": "department" }))
        );
    }

    #[test]
    fn what_makes_accounts_comes_with_the_version_and_its_value_is_ones_own() {
        let field = "sso.attributes.login";
        let sheet = |row: Json| Sheet(vec![(field.to_owned(), row)]);
        let before = sheet(json!({ "name": "login", "name_format": "basic", "source": "email" }));
        let after =
            sheet(json!({ "name": "login", "name_format": "uri", "source": "username", "jit": "required" }));
        let mut own = sheet(json!({ "name": "login", "name_format": "basic", "source": "custom.login" }));
        let found: Vec<Standing> =
            differences(&before, &after, &own).into_iter().map(|d| d.standing).collect();
        assert_eq!(found, [Standing::Fixed, Standing::Own]);
        own.take(&[], &before, &after);
        let taken =
            json!({ "name": "login", "name_format": "uri", "source": "custom.login", "jit": "required" });
        assert_eq!(own.get(field), Some(&taken));
        let mut none = Sheet::default();
        none.take(&[], &before, &after);
        assert_eq!(none, after, "a row that can't be left out");
    }

    #[test]
    fn a_version_that_says_the_same_in_other_words_is_not_offered() {
        let (before, mut after) = (heap(), heap());
        after.sso.omit_name_id = false.into();
        assert!(before.sso != after.sso && !differs(&before, &after));
    }

    #[test]
    fn how_a_connector_looks_and_is_found_is_not_offered() {
        let (before, mut after) = (heap(), heap());
        after.version += 1;
        after.keywords.push("insights".to_owned());
        after.description = "Another sentence".to_owned();
        after.homepage = None;
        assert!(!differs(&before, &after));
        after.setup.sso = Some("1. Do it.".to_owned());
        assert!(differs(&before, &after));
    }
}
