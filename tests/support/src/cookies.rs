//! Cookies as a browser keeps and sends them, so far as sign-on depends on it.

use url::Url;

/// How a cookie travels across sites (RFC 6265bis 5.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SameSite {
    Strict,
    Lax,
    None,
}

#[derive(Debug, Clone)]
struct Cookie {
    host: String,
    path: String,
    name: String,
    value: String,
    secure: bool,
    same_site: SameSite,
}

/// All cookies of one browser.
#[derive(Debug, Clone, Default)]
pub(crate) struct Jar(Vec<Cookie>);

impl Jar {
    /// Takes in one `Set-Cookie` header of an answer from `url`.
    pub(crate) fn store(&mut self, url: &Url, header: &str) {
        let mut parts = header.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        let host = url.host_str().unwrap_or_default().to_owned();
        let mut cookie = Cookie {
            host,
            path: default_path(url),
            name: name.to_owned(),
            value: value.to_owned(),
            secure: false,
            same_site: SameSite::Lax,
        };
        let mut removed = false;
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            match (key.to_ascii_lowercase().as_str(), value) {
                ("path", path) if path.starts_with('/') => path.clone_into(&mut cookie.path),
                ("secure", _) => cookie.secure = true,
                ("max-age", age) => removed = age.parse::<i64>().is_ok_and(|seconds| seconds <= 0),
                ("samesite", "Strict") => cookie.same_site = SameSite::Strict,
                ("samesite", "None") => cookie.same_site = SameSite::None,
                _ => {}
            }
        }
        self.0.retain(|old| (&old.host, &old.path, &old.name) != (&cookie.host, &cookie.path, &cookie.name));
        if !removed {
            self.0.push(cookie);
        }
    }

    /// The `Cookie` header for a navigation. Across sites a Lax cookie goes with GET alone, a Strict one never.
    pub(crate) fn header(&self, url: &Url, cross_site: bool, method: &str) -> Option<String> {
        let host = url.host_str().unwrap_or_default();
        let pairs: Vec<String> = self
            .0
            .iter()
            .filter(|cookie| cookie.host == host && covers(&cookie.path, url.path()))
            .filter(|cookie| !cookie.secure || url.scheme() == "https" || host == "localhost")
            .filter(|cookie| match cookie.same_site {
                SameSite::Strict => !cross_site,
                SameSite::Lax => !cross_site || method == "GET",
                SameSite::None => true,
            })
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// The value of a cookie by name, of whatever host.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|cookie| cookie.name == name).map(|cookie| cookie.value.as_str())
    }
}

fn default_path(url: &Url) -> String {
    match url.path().rsplit_once('/') {
        Some(("", _)) | None => "/".to_owned(),
        Some((folder, _)) => folder.to_owned(),
    }
}

fn covers(cookie: &str, path: &str) -> bool {
    path.strip_prefix(cookie)
        .is_some_and(|rest| cookie.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lax_cookie_stays_behind_on_a_post_from_another_site() {
        let url = Url::parse("http://localhost:1/saml2/heap").expect("a URL");
        let mut jar = Jar::default();
        jar.store(&url, "tessera=abc; Path=/; HttpOnly; SameSite=Lax");
        assert_eq!(jar.header(&url, true, "POST"), None);
        assert_eq!(jar.header(&url, true, "GET").as_deref(), Some("tessera=abc"));
        assert_eq!(jar.header(&url, false, "POST").as_deref(), Some("tessera=abc"));
        jar.store(&url, "tessera=; Path=/; Max-Age=0");
        assert_eq!(jar.header(&url, false, "GET"), None);
    }

    #[test]
    fn a_path_covers_whole_segments_only() {
        assert!(covers("/admin", "/admin/users"));
        assert!(!covers("/admin", "/administrators"));
        assert!(covers("/", "/anything"));
    }
}
