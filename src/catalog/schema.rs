//! The JSON Schema of connector files, made from the types, for editors.

use serde_json::{Value as Json, json};

use super::glyphs;
use super::model::Connector;
use super::sso::APPLICATION_ONLY;

/// What the schema's file is called, in a catalog's folder.
pub const FILE: &str = "connector.schema.json";

/// First line of each connector: tells editors where the schema is.
pub const EDITOR_LINE: &str = "# yaml-language-server: $schema=../connector.schema.json";

/// The schema as it stands in `catalog/connector.schema.json`.
///
/// # Panics
/// Never: a schema is plain JSON.
#[must_use]
pub fn text() -> String {
    let settings = schemars::generate::SchemaSettings::draft2020_12();
    let mut schema = settings.into_generator().into_root_schema_for::<Connector>();
    schema.insert("title".to_owned(), "Tessera connector".into());
    for (place, bounds) in bounds() {
        let known = schema.pointer_mut(place).and_then(Json::as_object_mut).expect("a place in the schema");
        known.extend(bounds.as_object().cloned().unwrap_or_default());
    }
    let settings =
        schema.pointer_mut("/$defs/Sso/properties").and_then(Json::as_object_mut).expect("settings");
    for field in APPLICATION_ONLY {
        settings.remove(field).expect("a setting");
    }
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is plain JSON");
    text.push('\n');
    text
}

/// What the types do not say and an editor can: the bounds that the linter holds a file to.
fn bounds() -> Vec<(&'static str, Json)> {
    let glyphs: Vec<Json> = glyphs::NAMES.iter().map(|name| json!(name)).chain([Json::Null]).collect();
    let at_least_one = json!({ "minimum": 1 });
    let sources = ["source", "constant", "groups", "by_group"].map(|key| json!({ "required": [key] }));
    vec![
        ("/properties/id", json!({ "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "maxLength": 60 })),
        ("/properties/name", json!({ "minLength": 1, "maxLength": 80 })),
        ("/properties/description", json!({ "minLength": 1, "maxLength": 300 })),
        ("/properties/categories", json!({ "minItems": 1, "maxItems": 3 })),
        ("/properties/keywords", json!({ "maxItems": 30 })),
        ("/properties/aliases", json!({ "maxItems": 30 })),
        ("/properties/version", at_least_one.clone()),
        ("/properties/glyph", json!({ "enum": glyphs })),
        (
            "/properties/placeholders",
            json!({ "propertyNames": { "pattern": "^YOUR_[A-Z0-9_]*[A-Z0-9]$", "maxLength": 64 } }),
        ),
        ("/$defs/Sso/properties/acs_urls", json!({ "minItems": 1, "uniqueItems": true })),
        ("/$defs/Sso/properties/initiation", json!({ "minItems": 1, "uniqueItems": true })),
        ("/$defs/Attribute", json!({ "oneOf": sources })),
        ("/$defs/Quirks/properties/membership_limit", at_least_one.clone()),
        ("/$defs/Quirks/properties/page_limit", at_least_one.clone()),
        ("/$defs/Quirks/properties/concurrency", at_least_one.clone()),
        ("/$defs/Pace/properties/per_minute", at_least_one),
    ]
}
