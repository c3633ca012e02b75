//! Requests to a SCIM service, and what its answers mean. It knows HTTP and the shape of SCIM messages, and nothing of
//! people.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value as Json;
use url::Url;

use crate::base::clock::HOUR;
use crate::base::id::ApplicationId;
use crate::base::{Ctx, Timestamp};
use crate::outbound::{Answer, Failure, Method, Outbound, Reason, Request, Tls};
use crate::provisioning::address::Credentials;
use crate::scim::error::ReceivedError;

/// What stays as it is in a value of a query or a segment of a path (RFC 3986 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The longest time that a service can ask us to wait (SC-13).
const LONGEST_WAIT: i64 = HOUR;

/// A value as it stands in a query or in a segment of a path.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// What was asked for and not given.
#[derive(Clone, Debug)]
pub struct Fault {
    /// What sort.
    pub kind: FaultKind,
    /// Stable code.
    pub code: &'static str,
    /// What happened and what to do, in words.
    pub message: String,
    /// For how long the other side wants to be left alone, in milliseconds.
    pub retry_after: Option<i64>,
}

/// What sort of failure it is, for who decides what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Not reached, or no answer: it may have been done.
    Lost,
    /// The other side is at fault or busy: try again later.
    Passing,
    /// It wants to be asked less often.
    Throttled,
    /// It does not know us.
    Unauthenticated,
    /// There is no such thing.
    NotFound,
    /// There is one already.
    Conflict,
    /// It has changed in between.
    Changed,
    /// It can't do this in this way.
    NotImplemented,
    /// It refused what was sent.
    Refused,
    /// The answer was none of SCIM.
    NotScim,
    /// Nothing was sent: it is for an administrator to mend.
    Ours,
}

impl FaultKind {
    /// Whether the same may well succeed later with nothing changed.
    #[must_use]
    pub fn is_passing(self) -> bool {
        matches!(self, Self::Lost | Self::Passing | Self::Throttled)
    }
}

/// What came back, with a status of success.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Status, 200 to 299.
    pub status: u16,
    /// The body, where it is JSON.
    pub body: Option<Json>,
    /// `ETag`.
    pub etag: Option<String>,
}

/// Tokens that were fetched, until they end.
#[derive(Debug, Default)]
pub struct Tokens(Mutex<HashMap<TokenKey, (SecretString, Timestamp)>>);

/// Whose token it is, and by which secret: another secret never gets what this one fetched.
type TokenKey = (ApplicationId, [u8; 32]);

impl Tokens {
    fn find(&self, key: &TokenKey, now: Timestamp) -> Option<SecretString> {
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.get(key).filter(|(_, until)| *until > now).map(|(token, _)| token.clone())
    }

    fn keep(&self, key: TokenKey, token: SecretString, until: Timestamp) {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // An application has one secret at a time.
        tokens.retain(|(application, _), _| *application != key.0);
        tokens.insert(key, (token, until));
    }

    fn forget(&self, key: &TokenKey) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// A client of one application's SCIM service.
#[derive(Clone, Debug)]
pub struct Client<'a> {
    /// The guarded way out.
    pub outbound: &'a Outbound,
    /// Fetched tokens.
    pub tokens: &'a Tokens,
    /// Whose service.
    pub application: ApplicationId,
    /// Its base URL, without a slash at its end.
    pub base: String,
    /// How Tessera proves itself.
    pub credentials: Credentials,
    /// SHA-256 of the secret as it is sealed.
    pub secret: [u8; 32],
    /// It takes `application/json` and not `application/scim+json`.
    pub plain_json: bool,
    /// The TLS of its service, where it has one of its own.
    pub tls: Option<Arc<Tls>>,
}

impl Client<'_> {
    /// Sends a request to a path below the base URL, which begins with a slash and is encoded already.
    pub async fn send(
        &self,
        ctx: &Ctx,
        method: Method,
        path: &str,
        body: Option<&Json>,
        if_match: Option<&str>,
    ) -> Result<Reply, Fault> {
        let answer = self.ask(ctx, method, path, body, if_match).await?;
        if answer.status == 401
            && self.credentials.kind() == crate::catalog::model::ScimAuth::Oauth2ClientCredentials
        {
            // It may have been taken back before its time: one more, with a fresh one.
            self.tokens.forget(&self.key());
            return judged(self.ask(ctx, method, path, body, if_match).await?, ctx);
        }
        judged(answer, ctx)
    }

    fn key(&self) -> TokenKey {
        (self.application, self.secret)
    }

    async fn ask(
        &self,
        ctx: &Ctx,
        method: Method,
        path: &str,
        body: Option<&Json>,
        if_match: Option<&str>,
    ) -> Result<Answer, Fault> {
        let url = format!("{}{path}", self.base);
        let media = if self.plain_json { "application/json" } else { "application/scim+json" };
        let mut request = Request::new(method, &url).header("accept", media);
        if let Some(body) = body {
            request.body = body.to_string().into_bytes();
            request = request.header("content-type", media);
        }
        if let Some(etag) = if_match {
            request = request.header("if-match", etag);
        }
        let proof = self.authorization(ctx).await?;
        request.authorization = Some(proof.clone());
        request.tls = self.tls.as_deref();
        let mut answer = self.outbound.send(request).await.map_err(|failure| unsent(&failure))?;
        if !(200..300).contains(&answer.status) {
            self.hide_secrets(&mut answer, &proof);
        }
        Ok(answer)
    }

    /// What is told of a refusal is read by many: a service that repeats what it was sent gives away no secret (SC-21).
    fn hide_secrets(&self, answer: &mut Answer, proof: &SecretString) {
        let proof = proof.expose_secret();
        let sent = proof.split_once(' ').map_or(proof, |(_, value)| value);
        let own = match &self.credentials {
            Credentials::Bearer { token } => token,
            Credentials::Basic { password, .. } => password,
            Credentials::Oauth2ClientCredentials { client_secret, .. } => client_secret,
        };
        answer.body = without(&answer.body, &[sent, own.expose_secret()]);
    }

    async fn authorization(&self, ctx: &Ctx) -> Result<SecretString, Fault> {
        Ok(match &self.credentials {
            Credentials::Bearer { token } => bearer(token),
            Credentials::Basic { username, password } => {
                let pair = zeroize::Zeroizing::new(format!("{username}:{}", password.expose_secret()));
                SecretString::from(format!("Basic {}", STANDARD.encode(pair.as_bytes())))
            }
            Credentials::Oauth2ClientCredentials { token_url, client_id, client_secret, scope } => {
                if let Some(token) = self.tokens.find(&self.key(), ctx.now()) {
                    return Ok(bearer(&token));
                }
                let (token, lifetime) =
                    self.fetch_token(ctx, token_url, client_id, client_secret, scope.as_deref()).await?;
                // A little before its end, so that no request is on its way when it comes.
                let until = ctx.now().plus((lifetime - 30).max(1) * 1000);
                self.tokens.keep(self.key(), token.clone(), until);
                bearer(&token)
            }
        })
    }

    /// A token and its lifetime in seconds (RFC 6749 4.4).
    async fn fetch_token(
        &self,
        ctx: &Ctx,
        url: &str,
        id: &str,
        secret: &SecretString,
        scope: Option<&str>,
    ) -> Result<(SecretString, i64), Fault> {
        let mut body = "grant_type=client_credentials".to_owned();
        if let Some(scope) = scope {
            // Writing to a string can't fail.
            let _ = write!(body, "&scope={}", encoded(scope));
        }
        let pair = format!("{}:{}", encoded(id), encoded(secret.expose_secret()));
        let mut request = Request::new(Method::Post, url)
            .header("accept", "application/json")
            .header("content-type", "application/x-www-form-urlencoded");
        request.body = body.into_bytes();
        request.authorization = Some(SecretString::from(format!("Basic {}", STANDARD.encode(pair))));
        // A token that is made elsewhere is made by somebody else.
        request.tls = self.tls.as_deref().filter(|_| is_same_origin(url, &self.base));
        let answer = self.outbound.send(request).await.map_err(|failure| unsent(&failure))?;
        let status = answer.status;
        let reply = judged(answer, ctx).map_err(|fault| Fault {
            kind: if fault.kind.is_passing() { fault.kind } else { FaultKind::Unauthenticated },
            code: "token_refused",
            message: format!(
                "No token could be fetched: the authorization server answered with status {status}. Check the client ID, its secret and the token URL."
            ),
            retry_after: fault.retry_after,
        })?;
        let body = reply.body.as_ref();
        let token = body.and_then(|body| body.get("access_token")).and_then(Json::as_str);
        let Some(token) = token else {
            return Err(Fault {
                kind: FaultKind::Unauthenticated,
                code: "token_refused",
                message: "The authorization server answered without a token. Check the token URL.".to_owned(),
                retry_after: None,
            });
        };
        let lifetime = body.and_then(|body| body.get("expires_in")).and_then(Json::as_i64).unwrap_or(300);
        Ok((SecretString::from(token.to_owned()), lifetime.clamp(1, 86_400)))
    }
}

/// A text without any of these.
fn without(body: &[u8], secrets: &[&str]) -> Vec<u8> {
    let mut text = String::from_utf8_lossy(body).into_owned();
    for secret in secrets.iter().filter(|secret| secret.len() >= 6) {
        text = text.replace(secret, "[…]");
    }
    text.into_bytes()
}

fn is_same_origin(one: &str, other: &str) -> bool {
    matches!((Url::parse(one), Url::parse(other)), (Ok(one), Ok(other)) if one.origin() == other.origin())
}

fn bearer(token: &SecretString) -> SecretString {
    SecretString::from(format!("Bearer {}", token.expose_secret()))
}

/// A request that got no answer. Whether it was acted upon nobody knows, unless it never left.
fn unsent(failure: &Failure) -> Fault {
    let kind = match failure.reason {
        Reason::Timeout | Reason::Broken | Reason::TooLarge | Reason::HeadTooLarge => FaultKind::Lost,
        Reason::NameUnknown | Reason::Unreachable => FaultKind::Passing,
        _ => FaultKind::Ours,
    };
    Fault { kind, code: failure.code(), message: failure.to_string(), retry_after: None }
}

/// What a status means. What the other side says in words is shown to administrators, cut and without control
/// characters (SC-21).
fn judged(answer: Answer, ctx: &Ctx) -> Result<Reply, Fault> {
    let status = answer.status;
    if (200..300).contains(&status) {
        let body = serde_json::from_slice(&answer.body).ok();
        if body.is_none() && !answer.body.iter().all(u8::is_ascii_whitespace) && status != 204 {
            return Err(Fault {
                kind: FaultKind::NotScim,
                code: "scim_not_json",
                message: format!(
                    "It answered with status {status} and something that is no JSON. Check that the base URL is that of the SCIM service."
                ),
                retry_after: None,
            });
        }
        return Ok(Reply { status, body, etag: answer.header("etag").map(str::to_owned) });
    }
    let received = ReceivedError::read(&answer.body);
    let (kind, code) = match status {
        401 => (FaultKind::Unauthenticated, "scim_unauthenticated"),
        // A page for people says nothing about accounts.
        404 | 410 if !is_json_or_nothing(&answer.body) => (FaultKind::Passing, "scim_not_json"),
        404 | 410 => (FaultKind::NotFound, "scim_not_found"),
        409 => (FaultKind::Conflict, "scim_conflict"),
        412 => (FaultKind::Changed, "scim_changed"),
        429 => (FaultKind::Throttled, "scim_throttled"),
        501 | 405 => (FaultKind::NotImplemented, "scim_not_implemented"),
        408 | 425 | 500..=599 => (FaultKind::Passing, "scim_unavailable"),
        _ if received.is_uniqueness() => (FaultKind::Conflict, "scim_conflict"),
        300..=399 => (FaultKind::NotScim, "scim_redirected"),
        _ => (FaultKind::Refused, "scim_refused"),
    };
    let retry_after = answer.header("retry-after").and_then(|text| wait(text, ctx.now()));
    Err(Fault { kind, code, message: told(status, &received), retry_after })
}

fn is_json_or_nothing(body: &[u8]) -> bool {
    body.iter().all(u8::is_ascii_whitespace) || serde_json::from_slice::<Json>(body).is_ok()
}

/// What was answered, in words.
fn told(status: u16, received: &ReceivedError) -> String {
    let what = match status {
        401 => "It does not accept the token. Make a new one there and give it here. ",
        403 => "The token may not do this. Give its owner the right to, there. ",
        429 => "It wants to be asked less often. We go on by ourselves. ",
        _ => "",
    };
    let detail = received.text.trim();
    if detail.is_empty() {
        format!("{what}It answered with status {status}.")
    } else {
        format!("{what}It answered with status {status}: {detail}")
    }
}

/// `Retry-After` in seconds or as a date (RFC 9110 10.2.3), in milliseconds from now.
fn wait(text: &str, now: Timestamp) -> Option<i64> {
    let text = text.trim();
    let millis = match text.parse::<i64>() {
        Ok(seconds) => seconds.checked_mul(1000)?,
        Err(_) => Timestamp::from_http_date(text)?.since(now),
    };
    Some(millis.clamp(0, LONGEST_WAIT))
}
