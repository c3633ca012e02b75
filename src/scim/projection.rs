//! `attributes` and `excludedAttributes` (RFC 7644 §3.9).

use serde_json::{Map, Value};

use super::error::ScimError;
use super::path::AttributePath;
use super::resource::{self, member};

/// Which attributes of a resource are shown.
#[derive(Clone, Debug, Default)]
pub struct Projection {
    only: Vec<AttributePath>,
    without: Vec<AttributePath>,
}

impl Projection {
    /// Reads the query's two parameters, each a list of paths with commas between them; 100 paths of each count.
    ///
    /// # Errors
    /// `invalidPath` when one is no path.
    pub fn read(only: Option<&str>, without: Option<&str>) -> Result<Self, ScimError> {
        let paths = |list: Option<&str>| -> Result<Vec<AttributePath>, ScimError> {
            let names = list.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
            names.take(100).map(AttributePath::parse).collect()
        };
        Ok(Self { only: paths(only)?, without: paths(without)? })
    }

    /// Whether an attribute is shown, or a part of it.
    #[must_use]
    pub fn shows(&self, attribute: &str) -> bool {
        let is_it = |path: &AttributePath| path.attribute.eq_ignore_ascii_case(attribute);
        let is_whole = |path: &AttributePath| is_it(path) && path.sub.is_none() && path.filter.is_none();
        (self.only.is_empty() || self.only.iter().any(is_it)) && !self.without.iter().any(is_whole)
    }

    /// Whether members are shown at all: a large group is not even written where they are not.
    #[must_use]
    pub fn shows_members(&self) -> bool {
        self.shows("members")
    }

    /// The resource as far as it is shown; `schemas` and `id` always are.
    #[must_use]
    pub fn apply(&self, mut shown: Value) -> Value {
        if !self.only.is_empty() {
            let mut out = Value::Object(Map::new());
            let paths = ["schemas", "id"].map(AttributePath::of);
            for path in paths.iter().chain(&self.only) {
                pick(&shown, path, &mut out);
            }
            shown = out;
        }
        for path in &self.without {
            let is_always = ["schemas", "id"].iter().any(|name| name.eq_ignore_ascii_case(&path.attribute));
            if !is_always {
                resource::remove(&mut shown, path);
            }
        }
        shown
    }
}

fn pick(from: &Value, path: &AttributePath, out: &mut Value) {
    let whole = AttributePath { sub: None, filter: None, ..path.clone() };
    let Some(found) = resource::get(from, &whole) else { return };
    let part = |value: &Value, sub: &str| {
        let mut part = Map::new();
        if let Some(value) = member(value, sub) {
            part.insert(sub.to_owned(), value.clone());
        }
        Value::Object(part)
    };
    let picked = match (&path.sub, found) {
        (None, value) => value.clone(),
        (Some(sub), Value::Array(list)) => list.iter().map(|element| part(element, sub)).collect(),
        (Some(sub), value) => part(value, sub),
    };
    let merged = match (resource::get(out, &whole).cloned(), picked) {
        (Some(Value::Object(mut there)), Value::Object(more)) => {
            there.extend(more);
            Value::Object(there)
        }
        (_, picked) => picked,
    };
    let schemas = member(out, "schemas").cloned();
    resource::set(out, &whole, merged);
    // Naming an extension is the resource's business, not of what is shown of it.
    if let (Some(schemas), Some(object)) = (schemas, out.as_object_mut()) {
        object.insert("schemas".to_owned(), schemas);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_asked_for_is_shown() {
        let user = json!({
            "schemas": ["u"], "id": "1", "userName": "b", "title": "t",
            "name": { "givenName": "B", "familyName": "J" }, "emails": [{ "value": "b@w.test", "type": "work" }],
        });
        let shown = |only, without| Projection::read(only, without).unwrap().apply(user.clone());
        assert_eq!(
            shown(Some("USERNAME, name.givenName,emails.value"), None),
            json!({ "schemas": ["u"], "id": "1", "userName": "b", "name": { "givenName": "B" },
                "emails": [{ "value": "b@w.test" }] })
        );
        assert_eq!(
            shown(None, Some("id,emails,name,title")),
            json!({ "schemas": ["u"], "id": "1", "userName": "b" })
        );
        assert!(!Projection::read(None, Some("members")).unwrap().shows_members());
        assert!(Projection::read(None, Some("members.display")).unwrap().shows_members());
        assert!(!Projection::read(Some("displayName"), None).unwrap().shows_members());
    }
}
