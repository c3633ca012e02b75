//! The short stops between two sites: *Continue to APP*, the hand-over to another address, and the page that posts a
//! SAML message. The last two need a content security policy of their own, which the handler sends.

use askama::Template;

use crate::base::urls;
use crate::saml::response::Base64;
use crate::web::pages::parts::Mark;
use crate::web::pages::shell::Shell;

/// Another site sent the person to an IdP URL (decision 1): nothing is issued before they press the button.
#[derive(Template)]
#[template(path = "gate/proceed.html")]
pub struct ContinuePage {
    /// Around the page.
    pub shell: Shell,
    /// The application.
    pub application: Mark,
    /// Where the button posts, same origin: `urls::idp(slug)`.
    pub action: String,
    /// `RelayState` to carry on, already checked; empty for none.
    pub relay_state: String,
}

/// A page of 200 that leads to another origin, by link and by refresh (decision 3: a redirect after a form post would
/// be stopped by `form-action`). Send it with the default policy; a link is not a form.
#[derive(Template)]
#[template(path = "gate/handover.html")]
pub struct HandoverPage {
    /// Around the page.
    pub shell: Shell,
    /// The application.
    pub application: Mark,
    /// Absolute http(s) address it leads to.
    pub target: String,
    /// Host of it, shown.
    pub target_host: String,
    /// Whether it is told that the person signs out.
    pub leaving: bool,
}

// Nothing of the alphabet has to be escaped, and messages are long.
impl askama::FastWritable for Base64 {
    fn write_into(&self, to: &mut dyn std::fmt::Write, _: &dyn askama::Values) -> askama::Result<()> {
        to.write_str(self.as_str())?;
        Ok(())
    }
}

impl askama::filters::HtmlSafe for Base64 {}

/// Posts a SAML message to the SP (HTTP-POST binding, SAML-217). Send it with `cache-control: no-store` and a policy
/// whose `form-action` lets the ACS and its redirects through. `/static/post.js` submits; a button does without it.
#[derive(Template)]
#[template(path = "gate/post.html")]
pub struct PostPage {
    /// Name of the application, for the button.
    pub application: String,
    /// The ACS URL or logout URL.
    pub action: String,
    /// `SAMLResponse` or `SAMLRequest`.
    pub message_name: &'static str,
    /// The message in base64.
    pub message: Base64,
    /// RelayState as it was received; `None`: no such input.
    pub relay_state: Option<String>,
    /// Whether it is told that the person signs out.
    pub leaving: bool,
    /// URL of the script: `asset_url("post.js")`.
    pub script: String,
    /// URL of the style sheets: `asset_url("tokens.css")`, `asset_url("app.css")`.
    pub styles: [String; 2],
}

impl PostPage {
    /// The page of one message.
    #[must_use]
    pub fn new(
        application: String,
        action: String,
        message_name: &'static str,
        message: Base64,
        relay_state: Option<String>,
    ) -> Self {
        use crate::web::assets::asset_url;
        let styles = [asset_url("tokens.css"), asset_url("app.css")];
        Self {
            application,
            action,
            message_name,
            message,
            relay_state,
            leaving: false,
            script: asset_url("post.js"),
            styles,
        }
    }
}
