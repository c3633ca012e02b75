//! What a server says that it can do (RFC 7643 §5 and §6; RFC 9865 §4): read from others, written for ours.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::evaluate::as_boolean;
use super::resource::member;
use super::schema::{ENTERPRISE_URN, GROUP_URN, USER_URN};

/// URN of the service provider's configuration.
pub const CONFIG_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
/// URN of resource types.
pub const RESOURCE_TYPE_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";

/// What a server says of itself. It is a claim: some that say no filter do, and some that say nothing patch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one yes or no of the standard's own document")]
pub struct Capabilities {
    /// Whether it takes PATCH; none when it does not say.
    pub patch: Option<bool>,
    /// Whether it filters; none when it does not say.
    pub filter: Option<bool>,
    /// Most resources of one answer.
    pub filter_max_results: Option<u64>,
    /// Whether it takes bulk requests.
    pub bulk: bool,
    /// Most operations of one bulk request.
    pub bulk_max_operations: Option<u64>,
    /// Most bytes of one bulk request.
    pub bulk_max_payload: Option<u64>,
    /// Whether it sets passwords.
    pub change_password: bool,
    /// Whether it sorts.
    pub sort: bool,
    /// Whether resources have entity tags.
    pub etag: bool,
    /// Whether it pages by cursor (RFC 9865).
    pub cursor_paging: bool,
    /// Whether it pages by index; none when it does not say.
    pub index_paging: Option<bool>,
    /// Resources of a page when none are asked for.
    pub default_page_size: Option<u64>,
    /// Most resources of a page.
    pub max_page_size: Option<u64>,
    /// `oauthbearertoken`, `httpbasic` and the like, as it names them; 16 at most.
    pub authentication_schemes: Vec<String>,
    /// Where its manual is, as it says.
    pub documentation_uri: Option<String>,
}

impl Capabilities {
    /// Reads a configuration, names in any case, what is supported as object or as plain boolean. None when it is none: a
    /// list, an error, a page.
    #[must_use]
    pub fn read(body: &Value) -> Option<Self> {
        // Some wrap the one configuration in a list.
        let body = match member(body, "Resources") {
            Some(Value::Array(list)) if list.len() == 1 => list.first()?,
            _ => body,
        };
        let names = ["patch", "filter", "bulk", "etag", "sort", "changePassword"];
        names.iter().any(|name| member(body, name).is_some()).then_some(())?;
        let part = |name: &str| member(body, name).unwrap_or(&Value::Null);
        let supported = |name: &str| match part(name) {
            object @ Value::Object(_) => member(object, "supported").and_then(as_boolean),
            plain => as_boolean(plain),
        };
        let paging = part("pagination");
        let says = |name: &str| member(paging, name).and_then(as_boolean);
        Some(Self {
            patch: supported("patch"),
            filter: supported("filter"),
            filter_max_results: number(part("filter"), "maxResults"),
            bulk: supported("bulk").unwrap_or(false),
            bulk_max_operations: number(part("bulk"), "maxOperations"),
            bulk_max_payload: number(part("bulk"), "maxPayloadSize"),
            change_password: supported("changePassword").unwrap_or(false),
            sort: supported("sort").unwrap_or(false),
            etag: supported("etag").unwrap_or(false),
            cursor_paging: says("cursor").unwrap_or(false),
            index_paging: says("index"),
            default_page_size: number(paging, "defaultPageSize"),
            max_page_size: number(paging, "maxPageSize"),
            authentication_schemes: schemes(part("authenticationSchemes")),
            documentation_uri: part("documentationUri").as_str().map(|uri| uri.chars().take(512).collect()),
        })
    }

    /// As a server shows it; `location` is its own address. Each scheme is one of `oauthbearertoken`, `oauth2` and
    /// `httpbasic`.
    #[must_use]
    pub fn to_json(&self, location: &str) -> Value {
        let supported = |is: bool| json!({ "supported": is });
        let schemes: Vec<Value> =
            self.authentication_schemes.iter().enumerate().map(|(at, kind)| scheme(kind, at == 0)).collect();
        let mut body = json!({
            "schemas": [CONFIG_URN],
            "patch": supported(self.patch.unwrap_or(false)),
            "bulk": {
                "supported": self.bulk,
                "maxOperations": self.bulk_max_operations.unwrap_or(0),
                "maxPayloadSize": self.bulk_max_payload.unwrap_or(0),
            },
            "filter": {
                "supported": self.filter.unwrap_or(false),
                "maxResults": self.filter_max_results.unwrap_or(0),
            },
            "changePassword": supported(self.change_password),
            "sort": supported(self.sort),
            "etag": supported(self.etag),
            "authenticationSchemes": schemes,
            "meta": { "resourceType": "ServiceProviderConfig", "location": location },
        });
        let Some(object) = body.as_object_mut() else { return body };
        if let Some(uri) = &self.documentation_uri {
            object.insert("documentationUri".to_owned(), json!(uri));
        }
        if self.cursor_paging {
            object.insert("pagination".to_owned(), self.paging());
        }
        body
    }

    fn paging(&self) -> Value {
        let is_indexed = self.index_paging.unwrap_or(true);
        let mut paging = Map::new();
        paging.insert("cursor".to_owned(), json!(self.cursor_paging));
        paging.insert("index".to_owned(), json!(is_indexed));
        let method = if is_indexed { "index" } else { "cursor" };
        paging.insert("defaultPaginationMethod".to_owned(), json!(method));
        for (name, size) in [("defaultPageSize", self.default_page_size), ("maxPageSize", self.max_page_size)]
        {
            if let Some(size) = size {
                paging.insert(name.to_owned(), json!(size));
            }
        }
        Value::Object(paging)
    }
}

fn number(part: &Value, name: &str) -> Option<u64> {
    match member(part, name)? {
        Value::Number(number) => number.as_u64().filter(|number| *number > 0),
        Value::String(text) => text.trim().parse().ok().filter(|number| *number > 0),
        _ => None,
    }
}

fn schemes(list: &Value) -> Vec<String> {
    let name = |scheme: &Value| {
        let text = member(scheme, "type").or_else(|| member(scheme, "name"))?.as_str()?;
        Some(text.chars().take(64).collect())
    };
    list.as_array().into_iter().flatten().filter_map(name).take(16).collect()
}

fn scheme(kind: &str, is_primary: bool) -> Value {
    let (name, description, spec) = match kind {
        "httpbasic" => ("HTTP Basic", "User name and password in the Authorization header", "7617"),
        "oauth2" => ("OAuth 2 client credentials", "A bearer token from the token endpoint", "6749"),
        _ => ("Bearer token", "A token in the Authorization header", "6750"),
    };
    json!({
        "type": kind,
        "name": name,
        "description": description,
        "specUri": format!("https://www.rfc-editor.org/info/rfc{spec}"),
        "primary": is_primary,
    })
}

/// The resource types of users and groups as `/ResourceTypes` shows them, `base` being the address before `/Users`.
/// Without `enterprise` users have no extension.
#[must_use]
pub fn resource_types(base: &str, enterprise: bool) -> Vec<Value> {
    let one = |name: &str, endpoint: &str, description: &str, schema: &str, extensions: Vec<Value>| {
        json!({
            "schemas": [RESOURCE_TYPE_URN],
            "id": name,
            "name": name,
            "endpoint": endpoint,
            "description": description,
            "schema": schema,
            "schemaExtensions": extensions,
            "meta": { "resourceType": "ResourceType", "location": format!("{base}/ResourceTypes/{name}") },
        })
    };
    let extension = json!({ "schema": ENTERPRISE_URN, "required": false });
    let extensions = if enterprise { vec![extension] } else { Vec::new() };
    vec![
        one("User", "/Users", "User account", USER_URN, extensions),
        one("Group", "/Groups", "Group", GROUP_URN, Vec::new()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sc_01_capabilities_are_read_leniently() {
        let read = Capabilities::read(&json!({
            "PATCH": { "Supported": "True" }, "filter": { "supported": false, "maxresults": "200" }, "bulk": true,
            "etag": {}, "pagination": { "cursor": true, "index": false, "maxPageSize": 100 },
            "authenticationSchemes": [{ "type": "oauthbearertoken" }, { "name": "Basic" }, 7],
        }))
        .unwrap();
        assert_eq!((read.patch, read.filter, read.filter_max_results), (Some(true), Some(false), Some(200)));
        assert!(read.bulk && !read.etag && read.cursor_paging && read.index_paging == Some(false));
        assert_eq!(read.authentication_schemes, ["oauthbearertoken", "Basic"]);
        for other in [json!(null), json!([]), json!({ "detail": "no" }), json!("<html>")] {
            assert_eq!(Capabilities::read(&other), None, "{other}");
        }
    }

    #[test]
    fn what_is_shown_reads_the_same() {
        let ours = Capabilities {
            patch: Some(true),
            filter: Some(true),
            filter_max_results: Some(200),
            etag: true,
            cursor_paging: true,
            index_paging: Some(true),
            max_page_size: Some(200),
            authentication_schemes: vec!["oauthbearertoken".to_owned(), "httpbasic".to_owned()],
            ..Capabilities::default()
        };
        assert_eq!(Capabilities::read(&ours.to_json("https://t.test/x")), Some(ours.clone()));
        let stored = serde_json::to_string(&ours).unwrap();
        assert_eq!(serde_json::from_str::<Capabilities>(&stored).unwrap(), ours);
        assert_eq!(serde_json::from_str::<Capabilities>("{}").unwrap(), Capabilities::default());
    }

    #[test]
    fn resource_types_name_their_schemas() {
        let types = resource_types("https://t.test/scim/v2", true);
        assert_eq!(types[0]["schemaExtensions"][0]["schema"], ENTERPRISE_URN);
        assert_eq!(types[1]["meta"]["location"], "https://t.test/scim/v2/ResourceTypes/Group");
    }
}
