//! What a step of sign-on comes to, for `web` to show. No HTTP here.

use crate::base::{Error, Kind};
use crate::saml::response::Base64;

/// A form that posts itself to a service provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostForm {
    /// Name of the application, for the button.
    pub label: String,
    /// The registered ACS URL.
    pub acs_url: String,
    /// The response, base64: `SAMLResponse`, unless there is an artifact.
    pub saml_response: Base64,
    /// `SAMLart`, base64: what the browser carries in place of the response.
    pub artifact: Option<Base64>,
    /// `RelayState`, byte for byte; no field without one.
    pub relay_state: Option<String>,
    /// Code of the refusal that is told; `None`: it is an assertion.
    pub told: Option<&'static str>,
}

/// A sign-on that ends on a page of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What sort of failure: `web` maps it to a status.
    pub kind: Kind,
    /// Stable code.
    pub code: &'static str,
    /// What happened and what to do, for the person.
    pub message: String,
    /// Name of the application, where it is known.
    pub label: Option<String>,
    /// What was registered and what came: for the technical part.
    pub mismatch: Option<(String, String)>,
    /// Whether there is a record of it, to be found by the reference on the page.
    pub recorded: bool,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        let (kind, code, message) = (error.kind, error.code, error.message.into_owned());
        Self { kind, code, message, label: None, mismatch: None, recorded: false }
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self::new(refused.kind, refused.code, refused.message)
    }
}

/// What a step comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Send the form to the service provider.
    Post(PostForm),
    /// The request is stored; go on by a same-site GET (a POST from elsewhere brings no Lax cookie).
    Resume {
        /// Handle of the stored request.
        handle: String,
    },
    /// The person must sign in, or enter the password again, for the stored request.
    SignIn {
        /// Handle of the stored request.
        handle: String,
    },
    /// Ask the person whether to go on to the application.
    Confirm {
        /// Name of the application.
        label: String,
        /// RelayState to go on with.
        relay_state: Option<String>,
    },
    /// Lead the person to an address of the application, by a page of ours.
    HandOver {
        /// Name of the application.
        label: String,
        /// Where to.
        url: String,
    },
    /// It ends here.
    Refused(Refused),
}
