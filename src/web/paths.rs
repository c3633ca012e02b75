//! Strict paths and the paths that a sign-in may lead on to.

use std::fmt;

use axum::http::Uri;

/// Whether the path is written in the one way that we write it: no empty, dotted or parametrised segment, nothing
/// encoded that has a meaning in paths.
#[must_use]
pub fn is_plain(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else { return false };
    if rest.is_empty() {
        return true;
    }
    path.len() <= 2048 && is_plainly_encoded(path) && rest.split('/').all(is_plain_segment)
}

fn is_plain_segment(segment: &str) -> bool {
    !segment.is_empty() && !segment.ends_with('.') && !segment.contains("..")
}

/// Only characters that a path needs, and no `%` before what could be read as another path after decoding.
fn is_plainly_encoded(path: &str) -> bool {
    let bytes = path.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'%' => {
                let hex = path.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
                match hex {
                    None | Some(0..=0x1f | 0x7f | b'.' | b'/' | b'\\' | b';' | b'%') => return false,
                    Some(_) => at += 3,
                }
            }
            b if b.is_ascii_alphanumeric() || b"/-._~!$&'()*+,=:@".contains(&b) => at += 1,
            _ => return false,
        }
    }
    true
}

/// What the pages behind a sign-in begin with. `/saml2` is not among them: a sign-on waits under a handle.
const ONWARD: &[&str] = &["/account", "/admin", "/api/docs"];

/// A path of ours that a sign-in may lead on to; nothing that comes from outside becomes a redirect otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SafePath(String);

impl SafePath {
    /// Reads a path with an optional query, as it came from outside.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (path, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
        let known = path == "/" || ONWARD.iter().any(|start| is_under(path, start));
        let query_fits = query.is_none_or(|query| {
            query.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%&=+,:*".contains(&b))
                && !query.to_ascii_lowercase().contains("%0")
        });
        (text.len() <= 1024 && known && is_plain(path) && query_fits).then(|| Self(text.to_owned()))
    }

    /// The path and query of a request, if a sign-in may lead on to it.
    #[must_use]
    pub fn of(uri: &Uri) -> Option<Self> {
        Self::parse(uri.path_and_query()?.as_str())
    }

    /// The path, with its query.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SafePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What follows a sign-in: a waiting sign-on under its handle, or a page of ours. The forms carry it in the one field
/// `handle`; a handle never begins with a slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Onward {
    /// A sign-on that waits.
    Handle(String),
    /// A page of ours.
    Page(SafePath),
}

impl Onward {
    /// Reads the field `handle` of a form, or the query parameter `next` or `handle`. What it can't be leads to the
    /// portal.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let is_handle =
            text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        if is_handle {
            return Self::Handle(text.to_owned());
        }
        Self::Page(SafePath::parse(text).unwrap_or_else(|| SafePath("/".to_owned())))
    }

    /// The value of the field `handle`; empty for the portal.
    #[must_use]
    pub fn as_field(&self) -> &str {
        match self {
            Self::Handle(handle) => handle,
            Self::Page(page) if page.as_str() == "/" => "",
            Self::Page(page) => page.as_str(),
        }
    }
}

/// Whether `path` is `start` or lies below it.
#[must_use]
pub fn is_under(path: &str, start: &str) -> bool {
    path.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_33_only_plain_paths_pass() {
        for good in
            ["/", "/login", "/static/app.css", "/saml2/heap-2/metadata", "/admin/users/0190-a", "/x/a%20b"]
        {
            assert!(is_plain(good), "{good}");
        }
        for bad in [
            "",
            "login",
            "//login",
            "/admin//users",
            "/admin/",
            "/admin/..",
            "/admin/../login",
            "/./login",
            "/admin;x=1",
            "/admin%2fusers",
            "/admin%2Fusers",
            "/admin%5cusers",
            "/admin\\users",
            "/admin.",
            "/admin./users",
            "/%2e%2e/admin",
            "/admin%00",
            "/admin%0d%0a",
            "/admin%",
            "/admin%zz",
            "/admin%252f",
            "/admin%3bx",
            "/a b",
            "/é",
            "/admin..",
            "/admin\"",
            "/<script>",
        ] {
            assert!(!is_plain(bad), "{bad}");
        }
        assert!(!is_plain(&format!("/{}", "a".repeat(3000))));
    }

    #[test]
    fn a_22_a_sign_in_leads_on_to_our_own_pages_only() {
        for good in ["/", "/admin", "/admin/users?q=a%20b&state=active", "/account", "/api/docs"] {
            assert_eq!(SafePath::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/%0d%0aLocation:x",
            "/admin@evil",
            "/administrator",
            "/admin/%0d%0ax",
            "/admin?x=%0d%0a",
            "/admin?x=\r\n",
            "/admin//evil.example",
            "/admin/../..//evil",
            "/login",
            "/logout",
            "/saml2/heap",
            "/static/app.css",
            "/admin#x",
            "/admin?a=/b",
            "javascript:alert(1)",
            "/admin?x=<",
            "\t/admin",
            "/admin/%2f%2fevil",
        ] {
            assert_eq!(SafePath::parse(bad), None, "{bad}");
        }
        assert_eq!(Onward::parse("//evil.example").as_field(), "");
        assert_eq!(Onward::parse(&"A".repeat(43)), Onward::Handle("A".repeat(43)));
        assert_eq!(Onward::parse("/admin/users").as_field(), "/admin/users");
    }
}
