//! What of a message is signed and how: closed vocabularies that connectors, settings and the protocol share. What an
//! algorithm computes is the business of `saml`.

use crate::base::vocabulary::vocabulary;

vocabulary! {
    /// Which parts of a message carry a signature.
    SignMode {
        /// The response only.
        Response = "response",
        /// The assertion only.
        Assertion = "assertion",
        /// Both.
        #[default]
        Both = "both",
    }
}

vocabulary! {
    /// Algorithm of the signatures Tessera makes.
    SignatureAlgorithm {
        /// `http://www.w3.org/2001/04/xmldsig-more#rsa-sha256`
        #[default]
        RsaSha256 = "rsa-sha256",
        /// `http://www.w3.org/2001/04/xmldsig-more#rsa-sha384`
        RsaSha384 = "rsa-sha384",
        /// `http://www.w3.org/2001/04/xmldsig-more#rsa-sha512`
        RsaSha512 = "rsa-sha512",
        /// `http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256`
        EcdsaSha256 = "ecdsa-sha256",
        /// `http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384`
        EcdsaSha384 = "ecdsa-sha384",
    }
}

impl std::fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
