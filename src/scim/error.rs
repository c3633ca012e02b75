//! The error of SCIM (RFC 7644 §3.12): ours, written; and those of others, read from whatever they send.

use serde_json::{Value, json};

use super::resource::member;

/// URN of the error message.
pub const ERROR_URN: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
/// Longest text for an administrator, in bytes.
pub const MAX_TEXT: usize = 4096;

/// `scimType` (RFC 7644 table 9; RFC 9865 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The filter can't be read, or its attribute and comparison don't go together.
    InvalidFilter,
    /// More than the service provider is willing to return.
    TooMany,
    /// A value that must be unique is taken.
    Uniqueness,
    /// The attribute can't be changed so.
    Mutability,
    /// The body does not have the form that it must have.
    InvalidSyntax,
    /// The path of a PATCH can't be read, or is not supported.
    InvalidPath,
    /// The path of a PATCH leads nowhere.
    NoTarget,
    /// A value is missing or not of its attribute's type.
    InvalidValue,
    /// The protocol version is not supported.
    InvalidVers,
    /// Personal data in the address.
    Sensitive,
    /// The cursor is none of ours.
    InvalidCursor,
    /// The cursor is too old.
    ExpiredCursor,
    /// The count does not fit the cursor.
    InvalidCount,
}

impl ErrorKind {
    /// The value of `scimType`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::TooMany => "tooMany",
            Self::Uniqueness => "uniqueness",
            Self::Mutability => "mutability",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::InvalidValue => "invalidValue",
            Self::InvalidVers => "invalidVers",
            Self::Sensitive => "sensitive",
            Self::InvalidCursor => "invalidCursor",
            Self::ExpiredCursor => "expiredCursor",
            Self::InvalidCount => "invalidCount",
        }
    }
}

/// An error of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScimError {
    /// HTTP status.
    pub status: u16,
    /// Which sort, where the standard names one.
    pub kind: Option<ErrorKind>,
    /// What happened, for a person.
    pub detail: String,
}

impl ScimError {
    /// An error of a sort that the standard names.
    #[must_use]
    pub fn new(status: u16, kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self { status, kind: Some(kind), detail: detail.into() }
    }

    /// An error that is told by its status alone.
    #[must_use]
    pub fn plain(status: u16, detail: impl Into<String>) -> Self {
        Self { status, kind: None, detail: detail.into() }
    }

    pub(super) fn invalid_path(detail: impl Into<String>) -> Self {
        Self::new(400, ErrorKind::InvalidPath, detail)
    }

    pub(super) fn invalid_value(detail: impl Into<String>) -> Self {
        Self::new(400, ErrorKind::InvalidValue, detail)
    }

    pub(super) fn invalid_syntax(detail: impl Into<String>) -> Self {
        Self::new(400, ErrorKind::InvalidSyntax, detail)
    }

    pub(super) fn mutability(detail: impl Into<String>) -> Self {
        Self::new(400, ErrorKind::Mutability, detail)
    }

    pub(super) fn no_target(detail: impl Into<String>) -> Self {
        Self::new(400, ErrorKind::NoTarget, detail)
    }

    /// The body of the answer; the status is a string there.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut body = json!({
            "schemas": [ERROR_URN],
            "status": self.status.to_string(),
            "detail": self.detail,
        });
        if let (Some(kind), Some(body)) = (self.kind, body.as_object_mut()) {
            body.insert("scimType".to_owned(), json!(kind.as_str()));
        }
        body
    }
}

impl std::fmt::Display for ScimError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for ScimError {}

/// What another server said went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedError {
    /// The status in the body, where there is one between 100 and 599; the one of HTTP may differ.
    pub status: Option<u16>,
    /// `scimType` as it was sent, at most 64 printable characters.
    pub scim_type: Option<String>,
    /// Printable text of at most [`MAX_TEXT`] bytes, for an administrator; empty when there was none. It is text, and must
    /// be escaped wherever it is shown.
    pub text: String,
}

impl ReceivedError {
    /// Reads the body of a refusal, whatever it is. It never fails.
    #[must_use]
    pub fn read(body: &[u8]) -> Self {
        // A SCIM error is small. What is larger is read as text, from its beginning.
        let parsed = (body.len() <= 256 * 1024).then(|| serde_json::from_slice::<Value>(body).ok()).flatten();
        match parsed {
            Some(value) => Self::from_value(&value),
            None => Self { status: None, scim_type: None, text: loose_text(body) },
        }
    }

    fn from_value(value: &Value) -> Self {
        // Some wrap it: `{"error": {…}}`, `{"Errors": [{…}]}`.
        let inner = ["error", "errors"].iter().find_map(|name| match member(value, name)? {
            Value::Array(list) => list.first().filter(|first| first.is_object()),
            wrapped => wrapped.is_object().then_some(wrapped),
        });
        let error = inner.unwrap_or(value);
        let text_of = |names: &[&str]| {
            names
                .iter()
                .find_map(|name| member(error, name).and_then(Value::as_str).filter(|t| !t.is_empty()))
        };
        let status = ["status", "code"].iter().find_map(|name| match member(error, name)? {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        });
        let told =
            text_of(&["detail", "description", "message", "error_description", "errorMessage", "error"]);
        let text = match told {
            Some(text) => printable(text),
            None => match error {
                Value::String(text) => printable(text),
                Value::Null => String::new(),
                other => printable(&other.to_string()),
            },
        };
        Self {
            status: status.and_then(|s| u16::try_from(s).ok()).filter(|s| (100..600).contains(s)),
            scim_type: text_of(&["scimType"]).map(|text| printable(text).chars().take(64).collect()),
            text,
        }
    }

    /// Whether it says that a value is taken.
    #[must_use]
    pub fn is_uniqueness(&self) -> bool {
        self.scim_type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("uniqueness"))
    }
}

/// Text without what a terminal or a page could stumble over, cut at [`MAX_TEXT`] bytes.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut out = String::new();
    let mut was_space = true;
    for c in text.chars() {
        let is_bidirectional =
            matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let c = if c.is_whitespace() || c.is_control() { ' ' } else { c };
        if is_bidirectional || c == '\u{feff}' || (c == ' ' && was_space) {
            continue;
        }
        if out.len() + c.len_utf8() > MAX_TEXT {
            break;
        }
        was_space = c == ' ';
        out.push(c);
    }
    out.truncate(out.trim_end().len());
    out
}

/// The text of a body that is no JSON: of a page its words, of something binary that it is so.
fn loose_text(body: &[u8]) -> String {
    let start = body.get(..64 * 1024).unwrap_or(body);
    let text = String::from_utf8_lossy(start);
    let strange = text.chars().filter(|c| *c == '\u{fffd}' || (c.is_control() && !c.is_whitespace())).count();
    if strange * 10 > text.chars().count() {
        return format!("(binary, {} bytes)", body.len());
    }
    let trimmed = text.trim_start();
    if trimmed.starts_with('<') { printable(&without_tags(trimmed)) } else { printable(&text) }
}

/// The words of a page, without its scripts and styles.
fn without_tags(html: &str) -> String {
    let lowered = html.to_ascii_lowercase();
    let mut out = String::new();
    let mut at = 0;
    let find = |what: &str, from: usize| Some(from + lowered.get(from..)?.find(what)?);
    while let Some(open) = find("<", at) {
        out.push_str(html.get(at..open).unwrap_or_default());
        out.push(' ');
        let tag = lowered.get(open + 1..).unwrap_or_default();
        let end = match ["script", "style"].into_iter().find(|name| tag.starts_with(name)) {
            Some(name) => find(&format!("</{name}"), open).and_then(|close| find(">", close)),
            None => find(">", open),
        };
        let Some(end) = end else { return out };
        at = end + 1;
    }
    out.push_str(html.get(at..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_written_as_the_standard_says() {
        let error = ScimError::new(409, ErrorKind::Uniqueness, "Taken.");
        assert_eq!(
            error.to_json(),
            json!({"schemas": [ERROR_URN], "status": "409", "detail": "Taken.", "scimType": "uniqueness"})
        );
        assert!(ScimError::plain(404, "None.").to_json().get("scimType").is_none());
        assert_eq!(ReceivedError::read(error.to_json().to_string().as_bytes()).text, "Taken.");
    }

    #[test]
    fn sc_21_errors_of_others_are_read_whatever_they_are() {
        let read = |body: &str| ReceivedError::read(body.as_bytes());
        let aws = read(
            r#"{"schema":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":409,"ScimType":"uniqueness","Detail":"dup\u0007"}"#,
        );
        assert_eq!((aws.status, aws.text.as_str(), aws.is_uniqueness()), (Some(409), "dup", true));
        assert_eq!(read(r#"{"Errors":[{"description":"invalid_auth","code":401}]}"#).text, "invalid_auth");
        assert_eq!(read(r#"{"error":{"message":"no","code":"403"}}"#).status, Some(403));
        assert_eq!(read(r#"{"error":"invalid_client"}"#).text, "invalid_client");
        assert_eq!(read(r#""gone""#).text, "gone");
        assert_eq!(read("null"), ReceivedError { status: None, scim_type: None, text: String::new() });
        assert_eq!(read(r#"{"status":"99999999999999999999"}"#).status, None);
        assert_eq!(read("").text, "");
        let page =
            read("<!DOCTYPE html><html><style>a{}</style><SCRIPT>alert(1)</SCRIPT><h1>Bad\n Gateway</h1>");
        assert_eq!(page.text, "Bad Gateway");
        assert_eq!(read("<script>alert(1)").text, "");
        assert_eq!(ReceivedError::read(&[0, 159, 146, 150, 0, 1, 2]).text, "(binary, 7 bytes)");
        assert_eq!(read("a\u{202e}b\u{0}c, and so on").text, "ab c, and so on");
    }

    #[test]
    fn sc_21_megabytes_become_four_kilobytes() {
        for body in ["x".repeat(10_000_000), "é".repeat(3_000_000), "<p>".repeat(4_000_000)] {
            assert!(ReceivedError::read(body.as_bytes()).text.len() <= MAX_TEXT);
        }
        let long = json!({ "detail": "ö".repeat(100_000) }).to_string();
        assert!(ReceivedError::read(long.as_bytes()).text.len() <= MAX_TEXT);
        // Many scripts do not make it slow.
        let scripts = "<script></script>".repeat(20_000);
        assert_eq!(ReceivedError::read(scripts.as_bytes()).text, "");
    }
}
