//! What the standard says of each attribute of a user, a group and the enterprise extension (RFC 7643 §4 and §8.7),
//! written once; `/Schemas`, PATCH, filters and comparisons read it from here.

use serde_json::{Map, Value, json};

use super::schema_data::{COMMON, ENTERPRISE_USER, GROUP, USER};

/// URN of the schema of users.
pub const USER_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// URN of the schema of groups.
pub const GROUP_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// URN of the enterprise extension of users.
pub const ENTERPRISE_URN: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// Type of an attribute (RFC 7643 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Text.
    String,
    /// True or false.
    Boolean,
    /// An instant.
    DateTime,
    /// Base64.
    Binary,
    /// A URI, or the id of another resource.
    Reference,
    /// Sub-attributes.
    Complex,
}

impl Type {
    fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::DateTime => "dateTime",
            Self::Binary => "binary",
            Self::Reference => "reference",
            Self::Complex => "complex",
        }
    }
}

/// Who may change an attribute, and when (RFC 7643 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutability {
    /// The client.
    ReadWrite,
    /// The service provider alone.
    ReadOnly,
    /// The client, once.
    Immutable,
    /// The client, and nobody reads it.
    WriteOnly,
}

impl Mutability {
    fn as_str(self) -> &'static str {
        match self {
            Self::ReadWrite => "readWrite",
            Self::ReadOnly => "readOnly",
            Self::Immutable => "immutable",
            Self::WriteOnly => "writeOnly",
        }
    }
}

/// An attribute.
#[derive(Clone, Copy, Debug)]
pub struct Attribute {
    /// Its name, as it is written.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// Its type.
    pub kind: Type,
    /// Whether it holds several values.
    pub is_multi_valued: bool,
    /// Whether a resource must have it.
    pub is_required: bool,
    /// Whether upper and lower case differ in its values.
    pub is_case_exact: bool,
    /// Who may change it.
    pub mutability: Mutability,
    /// `default`, `always` or `never`.
    pub returned: &'static str,
    /// `none` or `server`.
    pub uniqueness: &'static str,
    /// Values that the standard proposes.
    pub canonical: &'static [&'static str],
    /// What a reference points to.
    pub references: &'static [&'static str],
    /// Sub-attributes.
    pub sub: &'static [Attribute],
}

impl Attribute {
    pub(super) const fn new(name: &'static str, description: &'static str, kind: Type) -> Self {
        Self {
            name,
            description,
            kind,
            is_multi_valued: false,
            is_required: false,
            is_case_exact: false,
            mutability: Mutability::ReadWrite,
            returned: "default",
            uniqueness: "none",
            canonical: &[],
            references: &[],
            sub: &[],
        }
    }

    pub(super) const fn text(name: &'static str, description: &'static str) -> Self {
        Self::new(name, description, Type::String)
    }

    pub(super) const fn complex(
        name: &'static str,
        description: &'static str,
        sub: &'static [Attribute],
    ) -> Self {
        Self { sub, ..Self::new(name, description, Type::Complex) }
    }

    pub(super) const fn reference(
        name: &'static str,
        description: &'static str,
        references: &'static [&'static str],
    ) -> Self {
        Self { references, is_case_exact: true, ..Self::new(name, description, Type::Reference) }
    }

    pub(super) const fn many(self) -> Self {
        Self { is_multi_valued: true, ..self }
    }

    pub(super) const fn required(self) -> Self {
        Self { is_required: true, ..self }
    }

    pub(super) const fn exact(self) -> Self {
        Self { is_case_exact: true, ..self }
    }

    pub(super) const fn unique(self) -> Self {
        Self { uniqueness: "server", ..self }
    }

    pub(super) const fn mutability(self, mutability: Mutability) -> Self {
        Self { mutability, ..self }
    }

    pub(super) const fn returned(self, returned: &'static str) -> Self {
        Self { returned, ..self }
    }

    pub(super) const fn proposing(self, canonical: &'static [&'static str]) -> Self {
        Self { canonical, ..self }
    }

    /// Its sub-attribute of this name, in any case.
    #[must_use]
    pub fn find_sub(&self, name: &str) -> Option<&'static Attribute> {
        find_in(self.sub, name)
    }

    /// As `/Schemas` shows it, each part as `view` has it.
    fn to_json(self, view: View<'_>) -> Value {
        let mut out = Map::new();
        out.insert("name".to_owned(), json!(self.name));
        out.insert("type".to_owned(), json!(self.kind.as_str()));
        out.insert("multiValued".to_owned(), json!(self.is_multi_valued));
        out.insert("description".to_owned(), json!(self.description));
        out.insert("required".to_owned(), json!(self.is_required));
        if !matches!(self.kind, Type::Complex | Type::Boolean) {
            out.insert("caseExact".to_owned(), json!(self.is_case_exact));
            out.insert("uniqueness".to_owned(), json!(self.uniqueness));
        }
        out.insert("mutability".to_owned(), json!(self.mutability.as_str()));
        out.insert("returned".to_owned(), json!(self.returned));
        if !self.canonical.is_empty() {
            out.insert("canonicalValues".to_owned(), json!(self.canonical));
        }
        if !self.references.is_empty() {
            out.insert("referenceTypes".to_owned(), json!(self.references));
        }
        if !self.sub.is_empty() {
            let sub = self.sub.iter().filter_map(|sub| view(Some(self.name), *sub));
            let sub: Vec<Value> = sub.map(|sub| sub.to_json(view)).collect();
            out.insert("subAttributes".to_owned(), Value::Array(sub));
        }
        Value::Object(out)
    }
}

/// How a server shows an attribute, or the part of the attribute that is named first; none when it has no such thing.
pub type View<'a> = &'a dyn Fn(Option<&str>, Attribute) -> Option<Attribute>;

/// A schema.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// Its URN.
    pub id: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it describes.
    pub description: &'static str,
    /// Its attributes.
    pub attributes: &'static [Attribute],
}

/// The schemas of this room: users, groups, the enterprise extension.
pub const ALL: [Schema; 3] = [USER, GROUP, ENTERPRISE_USER];

impl Schema {
    /// The schema of this URN, in any case.
    #[must_use]
    pub fn find(urn: &str) -> Option<Self> {
        ALL.into_iter().find(|schema| schema.id.eq_ignore_ascii_case(urn))
    }

    /// Its attribute of this name, in any case.
    #[must_use]
    pub fn find_attribute(&self, name: &str) -> Option<&'static Attribute> {
        find_in(self.attributes, name)
    }

    /// As `/Schemas` shows it, without the attributes for which `keep` is false; `location` is its own address.
    #[must_use]
    pub fn to_json(&self, location: &str, keep: impl Fn(&Attribute) -> bool) -> Value {
        self.shown_as(location, &|parent, attribute| {
            (parent.is_some() || keep(&attribute)).then_some(attribute)
        })
    }

    /// As `/Schemas` shows it where a server has less than the standard, or asks for more.
    #[must_use]
    pub fn shown_as(&self, location: &str, view: View<'_>) -> Value {
        let shown = self.attributes.iter().filter_map(|attribute| view(None, *attribute));
        let attributes: Vec<Value> = shown.map(|attribute| attribute.to_json(view)).collect();
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "attributes": attributes,
            "meta": { "resourceType": "Schema", "location": location },
        })
    }
}

fn find_in(attributes: &'static [Attribute], name: &str) -> Option<&'static Attribute> {
    attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

/// The attribute of this name: in the extension of this URN, or among those that every resource, users and groups have.
#[must_use]
pub fn find(urn: Option<&str>, name: &str) -> Option<&'static Attribute> {
    match urn {
        Some(urn) => Schema::find(urn)?.find_attribute(name),
        None => find_in(COMMON, name)
            .or_else(|| find_in(USER.attributes, name))
            .or_else(|| find_in(GROUP.attributes, name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_says_what_the_standard_says() {
        let find = |name| super::find(None, name).unwrap();
        assert!(find("EMAILS").is_multi_valued && find("members").is_multi_valued);
        assert!(!find("name").is_multi_valued);
        assert_eq!(find("active").kind, Type::Boolean);
        assert!(find("externalId").is_case_exact && find("id").is_case_exact);
        assert!(!find("userName").is_case_exact);
        assert!(find("members").find_sub("VALUE").unwrap().is_case_exact);
        assert_eq!(find("groups").mutability, Mutability::ReadOnly);
        assert_eq!(super::find(Some(&ENTERPRISE_URN.to_uppercase()), "Manager").unwrap().name, "manager");
        assert!(super::find(None, "department").is_none());
    }

    #[test]
    fn schemas_are_shown_whole() {
        let shown = USER.to_json("https://tessera.test/scim/v2/Schemas/x", |_| true);
        assert_eq!(shown["id"], USER_URN);
        let emails = shown["attributes"].as_array().unwrap().iter().find(|a| a["name"] == "emails").unwrap();
        assert_eq!(emails["multiValued"], true);
        assert_eq!(emails["subAttributes"][0]["name"], "value");
    }
}
