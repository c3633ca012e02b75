//! The OpenAPI 3.1 document, made from the very handlers that answer (see [`super::section`]).

use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value as Json, json};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApiBuilder};
use utoipa::{PartialSchema as _, ToSchema as _};

use crate::base::Error;
use crate::web::api::answer::ProblemBody;
use crate::web::pages::api_docs::{ApiArea, ApiOperation};

/// What the whole can do, in words.
const DESCRIPTION: &str = "Everything that Tessera's console does.\n\n\
    Send `Authorization: Bearer` with an API token. Bodies are JSON; times are RFC 3339 in UTC; ids are UUIDs. Unknown \
    fields are refused. Lists take `limit` and `cursor` and answer `items` and `next_cursor`. Errors are problems \
    (RFC 9457) with a stable `code`; `errors` names the fields. Answers with an `ETag` take `If-Match` on the next \
    change. A POST that creates takes an `Idempotency-Key`: sent again within 24 hours, it gives the first answer \
    again.";

/// The document, made once.
pub fn document() -> Result<Arc<Json>, Error> {
    static DOCUMENT: OnceLock<Arc<Json>> = OnceLock::new();
    if let Some(made) = DOCUMENT.get() {
        return Ok(Arc::clone(made));
    }
    let made = Arc::new(make()?);
    Ok(Arc::clone(DOCUMENT.get_or_init(|| made)))
}

fn make() -> Result<Json, Error> {
    let (paths, mut schemas) = super::section().into_description();
    ProblemBody::schemas(&mut schemas);
    schemas.push((ProblemBody::name().into_owned(), ProblemBody::schema()));
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("An API token.")).build();
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .security_scheme("token", SecurityScheme::Http(bearer))
        .build();
    let info = InfoBuilder::new()
        .title("Tessera")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .build();
    let document = OpenApiBuilder::new().info(info).paths(paths).components(Some(components)).build();
    let mut document = serde_json::to_value(document).map_err(Error::internal)?;
    document["servers"] = json!([{ "url": super::ROOT }]);
    document["security"] = json!([{ "token": [] }]);
    for (path, methods) in members(&mut document["paths"]) {
        for (method, operation) in members(methods) {
            complete(path, method, operation);
        }
    }
    Ok(document)
}

fn members(value: &mut Json) -> impl Iterator<Item = (&String, &mut Json)> {
    value.as_object_mut().into_iter().flatten()
}

/// Adds what holds for every operation, and a name that is unique over the sections.
fn complete(path: &str, method: &str, operation: &mut Json) {
    let words: Vec<String> =
        path.split(['/', '{', '}', '-']).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    operation["operationId"] = format!("{method}_{}", words.join("_")).into();
    let problem = json!({
        "description": "A problem; `code` says which",
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
    });
    operation["responses"]["default"] = problem;
    for content in ["/requestBody/content", "/responses/200/content"] {
        for (media_type, content) in operation.pointer_mut(content).into_iter().flat_map(members) {
            // OpenAPI 3.1 tells bytes by their media type; utoipa takes them for lists of numbers.
            if content["schema"]["type"] == "array" && !media_type.contains("json") {
                content["schema"] = json!({ "type": "string", "contentMediaType": media_type });
            }
        }
    }
    if matches!(method, "patch" | "put" | "delete") {
        add_header(operation, "If-Match", "The ETag that was seen: 412 when it has changed since.");
    }
    if creates(operation) {
        let text = "1 to 255 characters, fresh for each thing to be created.";
        add_header(operation, "Idempotency-Key", text);
    }
}

fn add_header(operation: &mut Json, name: &str, description: &str) {
    let parameter = json!({ "name": name, "in": "header", "required": false, "description": description,
        "schema": { "type": "string" } });
    match operation.get_mut("parameters").and_then(Json::as_array_mut) {
        Some(parameters) => parameters.push(parameter),
        None => operation["parameters"] = json!([parameter]),
    }
}

fn creates(operation: &Json) -> bool {
    operation["responses"].get("201").is_some()
}

/// Operations by tag, in the order of the document: what the page for people shows.
pub fn by_tag(document: &Json) -> Vec<ApiArea> {
    let mut areas: Vec<ApiArea> = Vec::new();
    let none = Map::new();
    for (path, methods) in document["paths"].as_object().unwrap_or(&none) {
        for (method, operation) in methods.as_object().unwrap_or(&none) {
            let tag = operation["tags"][0].as_str().unwrap_or_default();
            let summary = operation["summary"].as_str().unwrap_or_default().to_owned();
            let operation = ApiOperation { method: method.to_uppercase(), path: path.clone(), summary };
            match areas.iter_mut().find(|area| area.name == tag) {
                Some(area) => area.operations.push(operation),
                None => areas.push(ApiArea {
                    id: tag.to_lowercase().replace(' ', "-"),
                    name: tag.to_owned(),
                    lead: String::new(),
                    operations: vec![operation],
                }),
            }
        }
    }
    areas
}
