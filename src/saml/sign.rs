//! Signing: which algorithms there are, and the trait behind which a key lives. Whoever holds the key (`keys`, later
//! a hardware module) gives a [`Signer`]; nothing here stores one.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::ecdsa::EcdsaSig;
use openssl::hash::{MessageDigest, hash};
use openssl::pkey::{HasPublic, Id, PKey, PKeyRef, Private};
use openssl::sign::Signer as OpensslSigning;
use openssl::x509::X509;

pub use crate::base::signature::SignatureAlgorithm;

/// Hash of a Reference. Ours follows the signature's; a peer may combine them freely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestAlgorithm {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl DigestAlgorithm {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Sha256, Self::Sha384, Self::Sha512];

    /// The URI in `DigestMethod`.
    #[must_use]
    pub fn uri(self) -> &'static str {
        match self {
            Self::Sha256 => "http://www.w3.org/2001/04/xmlenc#sha256",
            Self::Sha384 => "http://www.w3.org/2001/04/xmldsig-more#sha384",
            Self::Sha512 => "http://www.w3.org/2001/04/xmlenc#sha512",
        }
    }

    /// The algorithm with exactly this URI (ALG-402).
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.uri() == uri)
    }

    /// The digest of these bytes.
    pub(crate) fn digest(self, bytes: &[u8]) -> Result<Vec<u8>, SignError> {
        Ok(hash(self.message_digest(), bytes).map_err(SignError::crypto)?.to_vec())
    }

    fn message_digest(self) -> MessageDigest {
        match self {
            Self::Sha256 => MessageDigest::sha256(),
            Self::Sha384 => MessageDigest::sha384(),
            Self::Sha512 => MessageDigest::sha512(),
        }
    }
}

impl SignatureAlgorithm {
    /// The URI in `SignatureMethod` and `SigAlg`.
    #[must_use]
    pub fn uri(self) -> &'static str {
        match self {
            Self::RsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            Self::RsaSha384 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
            Self::RsaSha512 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
            Self::EcdsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
            Self::EcdsaSha384 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
        }
    }

    /// The algorithm with exactly this URI; nothing else is one (ALG-402).
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.uri() == uri)
    }

    /// The hash that goes with it.
    #[must_use]
    pub fn digest(self) -> DigestAlgorithm {
        match self {
            Self::RsaSha256 | Self::EcdsaSha256 => DigestAlgorithm::Sha256,
            Self::RsaSha384 | Self::EcdsaSha384 => DigestAlgorithm::Sha384,
            Self::RsaSha512 => DigestAlgorithm::Sha512,
        }
    }

    /// Whether it needs an elliptic-curve key.
    #[must_use]
    pub fn is_ecdsa(self) -> bool {
        matches!(self, Self::EcdsaSha256 | Self::EcdsaSha384)
    }

    /// Whether a key of this type may be used with it (ALG-403).
    pub(crate) fn fits<T: HasPublic>(self, key: &PKeyRef<T>) -> bool {
        key.id() == if self.is_ecdsa() { Id::EC } else { Id::RSA }
    }

    /// Whether `signature`, in the form of XML Signature, is that of `message` under `key`. Any fault is a no.
    pub(crate) fn verifies<T: HasPublic>(self, key: &PKeyRef<T>, message: &[u8], signature: &[u8]) -> bool {
        let attempt = || -> Result<bool, SignError> {
            if !self.fits(key) {
                return Ok(false);
            }
            let der;
            let signature = if self.is_ecdsa() {
                der = ecdsa_to_der(signature, field_size(key)?)?;
                der.as_slice()
            } else {
                signature
            };
            let mut verifier = openssl::sign::Verifier::new(self.digest().message_digest(), key)?;
            Ok(verifier.verify_oneshot(signature, message)?)
        };
        attempt().unwrap_or(false)
    }
}

/// A signature could not be made, or a key can't be used.
#[derive(Debug)]
pub enum SignError {
    /// The key's type is not that of the algorithm (ALG-403).
    KeyTypeMismatch,
    /// The certificate is not that of the key, or can't be read.
    CertificateMismatch,
    /// The holder of the key failed.
    Backend(Box<dyn std::error::Error + Send + Sync>),
}

impl SignError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::KeyTypeMismatch => "signing_key_type_mismatch",
            Self::CertificateMismatch => "signing_certificate_mismatch",
            Self::Backend(_) => "signing_failed",
        }
    }

    fn crypto(cause: openssl::error::ErrorStack) -> Self {
        Self::Backend(Box::new(cause))
    }
}

impl From<openssl::error::ErrorStack> for SignError {
    fn from(cause: openssl::error::ErrorStack) -> Self {
        Self::crypto(cause)
    }
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KeyTypeMismatch => {
                "The signature algorithm does not fit the type of the key. Choose an algorithm of the key's type."
            }
            Self::CertificateMismatch => "The certificate does not belong to the signing key.",
            Self::Backend(_) => "The signature could not be made.",
        })
    }
}

impl std::error::Error for SignError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Backend(cause) => Some(cause.as_ref()),
            Self::KeyTypeMismatch | Self::CertificateMismatch => None,
        }
    }
}

/// A private key that signs, wherever it lives. Signing blocks for about 0.3 ms: call it off the reactor.
pub trait Signer: Send + Sync {
    /// What it signs with.
    fn algorithm(&self) -> SignatureAlgorithm;
    /// The signature value as XML Signature wants it: PKCS #1 for RSA, `r` and `s` side by side for ECDSA.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
    /// The certificate of the key, its DER in base64, for `X509Certificate`.
    fn certificate_base64(&self) -> &str;
}

/// A [`Signer`] over a key in memory.
#[derive(Clone)]
pub struct OpensslSigner {
    key: PKey<Private>,
    certificate_base64: String,
    algorithm: SignatureAlgorithm,
}

impl fmt::Debug for OpensslSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpensslSigner({})", self.algorithm)
    }
}

impl OpensslSigner {
    /// Binds key, certificate and algorithm. Refuses an algorithm of another key type (ALG-403) and a certificate
    /// of another key.
    pub fn new(
        key: PKey<Private>,
        certificate_der: &[u8],
        algorithm: SignatureAlgorithm,
    ) -> Result<Self, SignError> {
        if !algorithm.fits(&key) {
            return Err(SignError::KeyTypeMismatch);
        }
        let certified = X509::from_der(certificate_der).and_then(|certificate| certificate.public_key());
        if !certified.is_ok_and(|public| public.public_eq(&key)) {
            return Err(SignError::CertificateMismatch);
        }
        Ok(Self { key, certificate_base64: STANDARD.encode(certificate_der), algorithm })
    }
}

impl Signer for OpensslSigner {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let mut signing = OpensslSigning::new(self.algorithm.digest().message_digest(), &self.key)?;
        let signature = signing.sign_oneshot_to_vec(message)?;
        if self.algorithm.is_ecdsa() {
            return ecdsa_to_raw(&signature, field_size(&self.key)?);
        }
        Ok(signature)
    }

    fn certificate_base64(&self) -> &str {
        &self.certificate_base64
    }
}

/// Bytes of one coordinate of the key's curve.
fn field_size<T: HasPublic>(key: &PKeyRef<T>) -> Result<usize, SignError> {
    let bits = key.ec_key()?.group().degree();
    usize::try_from(bits.div_ceil(8)).map_err(|_| SignError::KeyTypeMismatch)
}

/// From ASN.1 to `r || s`, each padded to the size of the curve (RFC 9231, 2.3.6).
fn ecdsa_to_raw(der: &[u8], field: usize) -> Result<Vec<u8>, SignError> {
    let signature = EcdsaSig::from_der(der)?;
    let size = i32::try_from(field).map_err(|_| SignError::KeyTypeMismatch)?;
    let mut raw = signature.r().to_vec_padded(size)?;
    raw.extend(signature.s().to_vec_padded(size)?);
    Ok(raw)
}

/// From `r || s` to ASN.1; exactly two coordinates of the curve's size.
fn ecdsa_to_der(raw: &[u8], field: usize) -> Result<Vec<u8>, SignError> {
    if raw.len() != field * 2 {
        return Err(SignError::KeyTypeMismatch);
    }
    let number = openssl::bn::BigNum::from_slice;
    let signature = EcdsaSig::from_private_components(number(&raw[..field])?, number(&raw[field..])?)?;
    Ok(signature.to_der()?)
}
