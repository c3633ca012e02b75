//! Reading the exports of other identity providers: bytes of a file in, a document that `tessera apply` takes out, and
//! beside it everything of the file that could not be carried, each with why and what to do.
//!
//! It owns what the exports mean. It must not know files, databases or the network, nor how a document is applied: what
//! it makes is plain JSON in the keys of a configuration file, and everything in it is checked again where it is
//! applied. Three rules hold for all formats: no secret and no private key is carried, nothing is carried weaker than
//! it was, and what is not carried is told. Start with [`read`]; [`draft`] holds what the formats
//! share.

mod authentik;
mod authentik_mapping;
mod blueprint;
mod certificate;
mod draft;
mod expression;
mod jumpcloud;
mod keycloak;
mod okta;
mod okta_catalog;
mod okta_profile;
mod pattern;
mod report;
mod value;
mod words;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde_json::Value as Json;

/// Largest export, in bytes.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;
/// Most applications of one export.
pub const MAX_APPLICATIONS: usize = 5_000;

/// Whose export a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// The answer of JumpCloud's `GET /api/applications`, JSON.
    JumpCloud,
    /// The answer of Okta's `GET /api/v1/apps`, JSON.
    Okta,
    /// A realm of Keycloak, JSON.
    Keycloak,
    /// A blueprint of authentik, YAML.
    Authentik,
}

impl Format {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::JumpCloud, Self::Okta, Self::Keycloak, Self::Authentik];

    /// The name on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::JumpCloud => "jumpcloud",
            Self::Okta => "okta",
            Self::Keycloak => "keycloak",
            Self::Authentik => "authentik",
        }
    }
}

impl FromStr for Format {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|format| format.as_str() == text).ok_or(())
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an export came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// A configuration file's content: `tessera`, `groups` where there are any, `applications`.
    pub document: Json,
    /// What is not in it: first of the whole, then application by application.
    pub left: Vec<Left>,
    /// By slug, what tells an application whose addresses are not in the export.
    pub hints: BTreeMap<String, Hint>,
}

/// An application of the former identity provider's own catalog: the export says which one it is and what of it is the
/// customer's, and neither its entity ID nor its addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hint {
    /// What it is called.
    pub name: String,
    /// What it is usually called, where the export's name is one of its own.
    pub usual: Option<String>,
    /// What of it is the customer's, by the names of the settings: never a secret.
    pub settings: Vec<(String, String)>,
    /// Names of all settings that say something.
    pub keys: Vec<String>,
    /// What is to be told where no connector is called so.
    pub otherwise: Vec<Left>,
}

/// Something of the export that was not carried, or not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Label of the application in the document; empty when it is of the whole.
    pub application: String,
    /// Its name in the export.
    pub what: String,
    /// Why, and what to do, in whole sentences.
    pub why: String,
}

/// Why nothing could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Stable code: `not_json`, `not_yaml`, `not_an_export`, `too_large` or `nothing_in_it`.
    pub code: &'static str,
    /// What is wrong and what to do, in whole sentences.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.message, self.code)
    }
}

impl std::error::Error for Fault {}

impl Fault {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    fn not_an_export(expected: &str) -> Self {
        let message =
            format!("This is not such an export: there is no {expected} in it. Name the format that it has.");
        Self::new("not_an_export", message)
    }
}

/// Reads an export of this format.
pub fn read(format: Format, bytes: &[u8]) -> Result<Imported, Fault> {
    if bytes.len() > MAX_BYTES {
        return Err(Fault::new(
            "too_large",
            "The file is larger than 16 MiB. Export fewer applications at a time.",
        ));
    }
    match format {
        Format::JumpCloud => jumpcloud::read(&json(bytes)?),
        Format::Okta => okta::read(&json(bytes)?),
        Format::Keycloak => keycloak::read(&json(bytes)?),
        Format::Authentik => authentik::read(&blueprint::parse(bytes)?),
    }
}

fn json(bytes: &[u8]) -> Result<Json, Fault> {
    // Files that went through an editor of Windows begin with a byte order mark.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    serde_json::from_slice(bytes).map_err(|error| {
        let message = format!("The file is not JSON (line {}, column {}).", error.line(), error.column());
        Fault::new("not_json", format!("{message} Export it again, and leave it as it is."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_read_and_print_the_same() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse(), Ok(*format));
        }
        assert_eq!("JumpCloud".parse::<Format>(), Err(()));
    }

    #[test]
    fn what_is_no_export_is_told_by_code() {
        let code = |format, text: &str| read(format, text.as_bytes()).unwrap_err().code;
        for format in [Format::JumpCloud, Format::Okta, Format::Keycloak] {
            for text in ["", "{", "nonsense", "\u{0}", &"[".repeat(10_000), "{\"a\": 1} x"] {
                assert_eq!(code(format, text), "not_json", "{format} {text:.20}");
            }
            for text in ["1", "null", "\"x\"", "{}", "{\"a\": []}", "[[]]", "[1, 2]"] {
                assert_eq!(code(format, text), "not_an_export", "{format} {text}");
            }
            assert_eq!(code(format, "[]"), "nothing_in_it", "{format}");
        }
        for text in
            ["\u{1}", "a: [", "a: &x 1\nb: *x", "a: 1\n---\na: 2", &"[".repeat(10_000), &"- ".repeat(5_000)]
        {
            assert_eq!(code(Format::Authentik, text), "not_yaml", "{text:.20}");
        }
        for text in ["", "1", "[]", "version: 1", "entries: 1"] {
            assert_eq!(code(Format::Authentik, text), "not_an_export", "{text}");
        }
        assert_eq!(code(Format::Authentik, "entries: []"), "nothing_in_it");
        assert_eq!(read(Format::Authentik, &[0xff, 0xfe]).unwrap_err().code, "not_yaml");
        let large = vec![b' '; MAX_BYTES + 1];
        assert!(Format::ALL.iter().all(|format| read(*format, &large).unwrap_err().code == "too_large"));
    }

    #[test]
    fn a_byte_order_mark_is_no_fault() {
        let text = "\u{feff}[{\"label\": \"A\", \"signOnMode\": \"BOOKMARK\", \"settings\": {\"app\": {\"url\": \"https://a.example\"}}}]";
        assert!(read(Format::Okta, text.as_bytes()).is_ok());
    }
}
