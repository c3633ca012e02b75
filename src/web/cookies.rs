//! Our cookies (decision 4, W-03): the session's, the one that a browser has before anybody signed in, one for each
//! request that a form of another site brought, for its next hop, and the choice of colours. Over https their names begin with `__Host-`, so that no other host can plant one.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::web::pages::Theme;

/// Names and attributes, by whether the installation is reached over https.
#[derive(Clone, Copy, Debug)]
pub struct Cookies {
    secure: bool,
}

/// Which cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Session,
    Browser,
    Theme,
}

/// Seconds for the hop from a form of another site to a page of ours.
const A_HOP: i64 = 5 * 60;
/// Characters of a handle that name its cookie.
const HANDLE_PREFIX: usize = 16;

/// Seconds the choice of colours is kept.
const A_YEAR: i64 = 365 * 24 * 3600;

impl Cookies {
    /// `secure`: the base URL is https.
    #[must_use]
    pub fn new(secure: bool) -> Self {
        Self { secure }
    }

    fn name(self, which: Which) -> &'static str {
        match (self.secure, which) {
            (true, Which::Session) => "__Host-tessera",
            (true, Which::Browser) => "__Host-tessera-browser",
            (true, Which::Theme) => "__Host-tessera-theme",
            (false, Which::Session) => "tessera",
            (false, Which::Browser) => "tessera-browser",
            (false, Which::Theme) => "tessera-theme",
        }
    }

    /// The session token that the browser sent.
    #[must_use]
    pub fn session(self, headers: &HeaderMap) -> Option<String> {
        self.secret(headers, Which::Session)
    }

    /// The secret of the browser, from before anybody signed in.
    #[must_use]
    pub fn browser(self, headers: &HeaderMap) -> Option<String> {
        self.secret(headers, Which::Browser)
    }

    /// The colours chosen in this browser.
    #[must_use]
    pub fn theme(self, headers: &HeaderMap) -> Theme {
        match only(headers, self.name(Which::Theme)) {
            Some("light") => Theme::Light,
            Some("dark") => Theme::Dark,
            _ => Theme::Auto,
        }
    }

    /// The secret that goes with this one handle.
    #[must_use]
    pub fn hop(self, headers: &HeaderMap, handle: &str) -> Option<String> {
        secret(headers, &self.hop_name(handle))
    }

    /// Sets the secret of one handle. A form of another site brings none of our cookies, so the browser can't be
    /// told by them; and one cookie for all would take its requests from another tab of the same browser.
    #[must_use]
    pub fn set_hop(self, handle: &str, value: &str) -> HeaderValue {
        self.write(&self.hop_name(handle), value, Some(A_HOP))
    }

    /// Takes the secret of one handle away.
    #[must_use]
    pub fn clear_hop(self, handle: &str) -> HeaderValue {
        self.write(&self.hop_name(handle), "", Some(0))
    }

    /// The name of a handle's cookie: by its first characters, those of ours alone.
    fn hop_name(self, handle: &str) -> String {
        let start: String = handle.chars().filter(|c| is_ours(*c)).take(HANDLE_PREFIX).collect();
        format!("{}-{start}", if self.secure { "__Host-tessera-hop" } else { "tessera-hop" })
    }

    /// What we wrote into a cookie, if it is there.
    fn secret(self, headers: &HeaderMap, which: Which) -> Option<String> {
        secret(headers, self.name(which))
    }

    /// Sets the session cookie; with `max_age` seconds it outlives the browser (*keep me signed in*).
    #[must_use]
    pub fn set_session(self, token: &str, max_age: Option<i64>) -> HeaderValue {
        self.set(Which::Session, token, max_age)
    }

    /// Takes the session cookie away.
    #[must_use]
    pub fn clear_session(self) -> HeaderValue {
        self.set(Which::Session, "", Some(0))
    }

    /// Sets the browser's secret.
    #[must_use]
    pub fn set_browser(self, secret: &str) -> HeaderValue {
        self.set(Which::Browser, secret, None)
    }

    /// Keeps the choice of colours; [`Theme::Auto`] takes the cookie away.
    #[must_use]
    pub fn set_theme(self, theme: Theme) -> HeaderValue {
        let age = if theme == Theme::Auto { 0 } else { A_YEAR };
        self.set(Which::Theme, theme.as_str(), Some(age))
    }

    fn set(self, which: Which, value: &str, max_age: Option<i64>) -> HeaderValue {
        self.write(self.name(which), value, max_age)
    }

    fn write(self, name: &str, value: &str, max_age: Option<i64>) -> HeaderValue {
        let secure = if self.secure { "; Secure" } else { "" };
        let age = max_age.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}");
        HeaderValue::from_str(&text).expect("names, tokens and numbers are plain ASCII")
    }
}

/// Whether this is 256 random bits as we write them; anything else is no secret of ours.
fn is_token(text: &str) -> bool {
    text.len() == 43 && text.chars().all(is_ours)
}

/// The alphabet of our tokens.
fn is_ours(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

fn secret(headers: &HeaderMap, name: &str) -> Option<String> {
    only(headers, name).filter(|value| is_token(value)).map(str::to_owned)
}

/// The value of the one cookie of this name. Two of them mean that somebody planted one, and then neither counts.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim_matches([' ', '\t']).split_once('='))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value);
    let first = found.next();
    if found.next().is_some() { None } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn sent(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (header::COOKIE, HeaderValue::from_str(line).unwrap())).collect()
    }

    #[test]
    fn w_03_over_https_cookies_are_host_bound_and_secure() {
        let set = Cookies::new(true).set_session(TOKEN, None);
        assert_eq!(set, format!("__Host-tessera={TOKEN}; Path=/; HttpOnly; SameSite=Lax; Secure").as_str());
        let kept = Cookies::new(true).set_session(TOKEN, Some(60));
        assert!(kept.to_str().unwrap().ends_with("; Secure; Max-Age=60"));
        let gone = Cookies::new(true).clear_session();
        assert!(gone.to_str().unwrap().starts_with("__Host-tessera=; Path=/;"));
        assert!(gone.to_str().unwrap().ends_with("Max-Age=0"));
    }

    #[test]
    fn w_03_over_http_on_this_machine_they_have_plain_names() {
        let set = Cookies::new(false).set_browser(TOKEN);
        assert_eq!(set, format!("tessera-browser={TOKEN}; Path=/; HttpOnly; SameSite=Lax").as_str());
    }

    #[test]
    fn w_03_a_cookie_planted_beside_ours_makes_neither_count() {
        let cookies = Cookies::new(true);
        let one = format!("__Host-tessera={TOKEN}");
        assert_eq!(cookies.session(&sent(&[&format!("a=b; {one}; c=d")])).as_deref(), Some(TOKEN));
        let other = format!("__Host-tessera={}", "B".repeat(43));
        assert_eq!(cookies.session(&sent(&[&format!("{one}; {other}")])), None);
        assert_eq!(cookies.session(&sent(&[&one, &other])), None, "in two headers");
        assert_eq!(
            cookies.session(&sent(&[&format!("tessera={TOKEN}")])),
            None,
            "the plain name does not count"
        );
        for odd in
            ["", "short", &"A".repeat(44), &format!("{}=", &TOKEN[1..]), &format!("\"{}\"", &TOKEN[2..])]
        {
            assert_eq!(cookies.session(&sent(&[&format!("__Host-tessera={odd}")])), None, "{odd}");
        }
    }
}
