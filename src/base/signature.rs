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

vocabulary! {
    /// Kind and size of a signing key.
    KeyType {
        /// RSA, 2,048 bits.
        #[default]
        Rsa2048 = "rsa-2048",
        /// RSA, 3,072 bits.
        Rsa3072 = "rsa-3072",
        /// RSA, 4,096 bits.
        Rsa4096 = "rsa-4096",
        /// ECDSA on P-256.
        EcdsaP256 = "ecdsa-p256",
        /// ECDSA on P-384.
        EcdsaP384 = "ecdsa-p384",
    }
}

impl SignatureAlgorithm {
    /// The kind of key that an application starts with when it signs so.
    #[must_use]
    pub fn key_type(self) -> KeyType {
        match self {
            Self::RsaSha256 | Self::RsaSha384 | Self::RsaSha512 => KeyType::Rsa2048,
            Self::EcdsaSha256 => KeyType::EcdsaP256,
            Self::EcdsaSha384 => KeyType::EcdsaP384,
        }
    }
}

impl KeyType {
    /// Whether a key of this kind makes signatures of this algorithm (ALG-403).
    #[must_use]
    pub fn makes(self, algorithm: SignatureAlgorithm) -> bool {
        self.algorithms().contains(&algorithm)
    }

    /// The algorithms of a key of this kind, the usual one first.
    #[must_use]
    pub fn algorithms(self) -> &'static [SignatureAlgorithm] {
        use SignatureAlgorithm as A;
        match self {
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => &[A::RsaSha256, A::RsaSha384, A::RsaSha512],
            Self::EcdsaP256 => &[A::EcdsaSha256, A::EcdsaSha384],
            Self::EcdsaP384 => &[A::EcdsaSha384, A::EcdsaSha256],
        }
    }

    /// How it is shown: "RSA 2048", "ECDSA P-256".
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Rsa2048 => "RSA 2048",
            Self::Rsa3072 => "RSA 3072",
            Self::Rsa4096 => "RSA 4096",
            Self::EcdsaP256 => "ECDSA P-256",
            Self::EcdsaP384 => "ECDSA P-384",
        }
    }
}
