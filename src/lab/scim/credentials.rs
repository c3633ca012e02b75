//! Who may ask: a bearer token, HTTP Basic, or a token of OAuth 2 client credentials.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::memcmp;

use crate::base::{Random, Timestamp};

/// User of HTTP Basic, and client of OAuth 2.
pub(super) const CLIENT: &str = "lab";
/// Life of an access token in seconds.
pub(super) const TOKEN_SECONDS: u32 = 3600;
/// Access tokens at the same time.
const MAX_TOKENS: usize = 10_000;

#[derive(Debug)]
pub(super) struct Credentials {
    token: String,
    issued: HashMap<String, Timestamp>,
}

impl Credentials {
    pub(super) fn new(token: String) -> Self {
        Self { token, issued: HashMap::new() }
    }

    /// Whether the value of an Authorization header is one of ours.
    pub(super) fn allow(&self, header: &str, now: Timestamp) -> bool {
        let Some((scheme, rest)) = header.split_once(' ') else { return false };
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            is_same(rest, &self.token) || self.issued.get(rest).is_some_and(|end| *end > now)
        } else if scheme.eq_ignore_ascii_case("basic") {
            is_basic(rest, &self.token)
        } else {
            false
        }
    }

    /// An access token for a client that knows the secret, in its form or by HTTP Basic.
    pub(super) fn issue(
        &mut self,
        client: Option<(&str, &str)>,
        header: Option<&str>,
        random: &Random,
        now: Timestamp,
    ) -> Option<String> {
        let by_form = client.is_some_and(|(id, secret)| id == CLIENT && is_same(secret, &self.token));
        let basic = header.and_then(|header| header.strip_prefix("Basic "));
        if !by_form && !basic.is_some_and(|basic| is_basic(basic.trim(), &self.token)) {
            return None;
        }
        self.issued.retain(|_, end| *end > now);
        if self.issued.len() >= MAX_TOKENS {
            self.issued.clear();
        }
        let token = random.token();
        self.issued.insert(token.clone(), now.plus(i64::from(TOKEN_SECONDS) * 1000));
        Some(token)
    }

    /// Ends the access tokens given out.
    pub(super) fn revoke(&mut self) {
        self.issued.clear();
    }
}

fn is_basic(encoded: &str, password: &str) -> bool {
    STANDARD.decode(encoded).is_ok_and(|pair| {
        let wanted = format!("{CLIENT}:{password}");
        pair.len() == wanted.len() && memcmp::eq(&pair, wanted.as_bytes())
    })
}

pub(super) fn is_same(given: &str, wanted: &str) -> bool {
    given.len() == wanted.len() && memcmp::eq(given.as_bytes(), wanted.as_bytes())
}
