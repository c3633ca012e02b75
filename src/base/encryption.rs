//! How an assertion is encrypted, and what a certificate is for: closed vocabularies that connectors, settings and the protocol share. What an
//! algorithm computes is the business of `saml`.

use crate::base::vocabulary::vocabulary;

vocabulary! {
    /// The cipher over the encrypted element. Authenticated ones only: CBC is broken in XML Encryption (ALG-404).
    EncryptionAlgorithm {
        /// `http://www.w3.org/2009/xmlenc11#aes256-gcm`
        #[default]
        Aes256Gcm = "aes256-gcm",
        /// `http://www.w3.org/2009/xmlenc11#aes128-gcm`
        Aes128Gcm = "aes128-gcm",
    }
}

vocabulary! {
    /// How the key of the cipher is carried to the application, under its RSA key.
    KeyTransport {
        /// `http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p`, with SHA-1: what all products take.
        #[default]
        RsaOaepMgf1p = "rsa-oaep-mgf1p",
        /// `http://www.w3.org/2009/xmlenc11#rsa-oaep`, with SHA-256 for both hashes.
        RsaOaepSha256 = "rsa-oaep-sha256",
    }
}

vocabulary! {
    /// What a certificate of an application is for. Without a word it is for both (MD-304).
    KeyUse {
        /// Its signatures.
        Signing = "signing",
        /// Encrypting for it.
        Encryption = "encryption",
        /// Both.
        #[default]
        Both = "both",
    }
}
