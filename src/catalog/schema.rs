//! The JSON Schema of connector files, made from the types, for editors.

use super::model::Connector;

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
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is plain JSON");
    text.push('\n');
    text
}
