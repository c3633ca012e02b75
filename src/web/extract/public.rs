//! Routes for everybody.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use crate::base::Ctx;
use crate::signon::Epochs;
use crate::web::error::Failure;
use crate::web::extract::sealed::Sealed;
use crate::web::extract::session::{Live, actor_of, context_of, epochs_of, find};
use crate::web::extract::{Access, Credential};
use crate::web::pages::Shell;
use crate::web::render::dress;
use crate::web::state::{Shared, Web};

/// Everybody, without a look at cookies.
#[derive(Clone, Debug)]
pub struct Anyone {
    /// The context, of nobody.
    pub ctx: Ctx,
}

impl Sealed for Anyone {}
impl Credential for Anyone {
    const ACCESS: Access = Access::Public;
}

impl FromRequestParts<Shared> for Anyone {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Failure> {
        Ok(Self { ctx: context_of(parts)?.0 })
    }
}

/// Everybody, at a page of the gate: known by the cookie that a browser has before anybody signed in, and by the
/// session if there is one.
#[derive(Clone)]
pub struct Gate {
    /// The context; the actor is the person if there is a session.
    pub ctx: Ctx,
    /// The browser's secret: pending requests belong to it, and the forms of the gate. Made anew for a request that
    /// brought none, and kept by the browser only where it opened a page of ours.
    pub browser: String,
    /// The request brought the secret.
    pub knows_browser: bool,
    /// The session, if one runs.
    pub live: Option<Live>,
    /// Cache epochs read when the request had come, its body included.
    pub epochs: Epochs,
    headers: HeaderMap,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gate({:?})", self.live)
    }
}

impl Gate {
    /// The shell of a page at the gate, ready for forms that come back as [`crate::web::extract::GateForm`].
    pub async fn shell(&self, web: &Web, title: &str) -> Shell {
        let shell = dress(web.shell_of_nobody(title).await, web, &self.ctx, &self.headers);
        Shell { csrf: web.csrf_token(&self.ctx, &self.browser), ..shell }
    }

    /// The token of the session cookie, also of a session that has ended.
    #[must_use]
    pub fn session_token(&self, web: &Web) -> Option<String> {
        web.cookies.session(&self.headers)
    }

    /// The secret that came with this one handle, after a form of another site.
    #[must_use]
    pub fn hop(&self, web: &Web, handle: &str) -> Option<String> {
        web.cookies.hop(&self.headers, handle)
    }

    /// Whether the browser followed a link of our own, an address typed in, or nothing it could tell of; not a link or
    /// a form of another site.
    #[must_use]
    pub fn is_own_navigation(&self, web: &Web) -> bool {
        let text = |name: &str| self.headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let base = web.installation.base_url.as_str();
        if let Some(site) = text("sec-fetch-site") {
            return matches!(site, "none" | "same-origin");
        }
        let own = |url: &str| url == base || url.strip_prefix(base).is_some_and(|rest| rest.starts_with('/'));
        text("origin").is_none_or(own) && text("referer").is_none_or(own)
    }
}

impl Sealed for Gate {}
impl Credential for Gate {
    const ACCESS: Access = Access::Public;
}

impl FromRequestParts<Shared> for Gate {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, web: &Shared) -> Result<Self, Failure> {
        let (ctx, notes) = context_of(parts)?;
        let epochs = epochs_of(web, parts).await?;
        let live = find(web, parts).await?;
        let brought = web.cookies.browser(&parts.headers);
        let knows_browser = brought.is_some();
        let browser = brought.unwrap_or_else(|| {
            let secret = ctx.random.token();
            // A form of another site never brings the cookie, though the browser may have it: setting it here would
            // replace it, and end every sign-in that waits in another tab.
            if parts.method.is_safe() {
                notes.set_cookie(web.cookies.set_browser(&secret));
            }
            secret
        });
        let ctx = live.as_ref().map_or_else(|| ctx.clone(), |live| ctx.acting_as(actor_of(&live.session)));
        Ok(Self { ctx, browser, knows_browser, live, epochs, headers: parts.headers.clone() })
    }
}
