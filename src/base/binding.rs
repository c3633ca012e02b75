//! How a service provider takes responses: a closed vocabulary that connectors, settings and the protocol share. What
//! a binding does to a message is the business of `saml`.

use crate::base::vocabulary::vocabulary;

vocabulary! {
    /// The binding by which responses reach an address of a service provider.
    AcsBinding {
        /// HTTP-POST (Bindings 3.5): the browser carries the response.
        #[default]
        Post = "post",
        /// HTTP-Artifact (Bindings 3.6): the browser carries a reference, and the service provider fetches the response.
        Artifact = "artifact",
        /// PAOS (Bindings 3.3): an enhanced client carries the response, and no browser.
        Paos = "paos",
    }
}

impl AcsBinding {
    /// The URI of the binding.
    #[must_use]
    pub fn uri(self) -> &'static str {
        match self {
            Self::Post => "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST",
            Self::Artifact => "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact",
            Self::Paos => "urn:oasis:names:tc:SAML:2.0:bindings:PAOS",
        }
    }

    /// Whether a browser brings responses by it.
    #[must_use]
    pub fn is_of_browsers(self) -> bool {
        self != Self::Paos
    }

    /// From the binding's URI; `None`: none that we send by.
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|binding| binding.uri() == uri)
    }
}
