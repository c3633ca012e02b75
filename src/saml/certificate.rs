//! Certificates of service providers: containers of a public key, nothing more (MD-306). Expiry, issuer and the
//! certificate's own signature raise warnings; only a key that is too weak or of an unknown kind is refused. PKIX
//! validation of SAML keys is left out on purpose (IIP-MD12).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Public};
use openssl::x509::{X509, X509NameRef};
use serde::{Deserialize, Serialize};

use crate::base::Timestamp;
use crate::saml::sign::SignatureAlgorithm;

/// Largest certificate accepted, in bytes of PEM or DER.
pub const MAX_CERTIFICATE: usize = 32 * 1024;

/// A public key that signatures of a service provider are checked with. It always comes from what is registered,
/// never from a message (MD-305).
#[derive(Clone)]
pub struct VerificationKey(PKey<Public>);

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerificationKey({:?}, {} bits)", self.0.id(), self.0.bits())
    }
}

impl VerificationKey {
    /// The key of a certificate that [`parse_certificate`] took.
    pub fn from_certificate_der(der: &[u8]) -> Result<Self, CertificateFault> {
        let certificate = X509::from_der(der).map_err(|_| CertificateFault::Unreadable)?;
        strong_key(&certificate)
    }

    /// The key, for what else a certificate may be for.
    pub(crate) fn public(&self) -> &PKey<Public> {
        &self.0
    }

    /// Whether the algorithm is one for this type of key (ALG-403).
    pub(crate) fn fits(&self, algorithm: SignatureAlgorithm) -> bool {
        algorithm.fits(&self.0)
    }

    pub(crate) fn verifies(&self, algorithm: SignatureAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        algorithm.verifies(&self.0, message, signature)
    }
}

/// What is odd about a certificate that is used all the same.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum CertificateWarning {
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// It is signed with SHA-1 or MD5.
    WeakSignature,
}

impl CertificateWarning {
    /// The sentence for the admin.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Expired => {
                "This certificate has expired. It still works; ask the service provider for a new one."
            }
            Self::NotYetValid => {
                "This certificate is not valid yet. It works already; check that it is the right one."
            }
            Self::WeakSignature => {
                "This certificate is signed with an outdated hash. Only its key is used, so it works."
            }
        }
    }
}

/// A certificate as an admin sees it.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The bytes, DER.
    pub der: Vec<u8>,
    /// Its key.
    pub key: VerificationKey,
    /// Subject, `CN=sp.example, O=Example`.
    pub subject: String,
    /// Issuer, in the same form.
    pub issuer: String,
    /// Start of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub not_after: Timestamp,
    /// SHA-256 of the DER, lower-case hexadecimal.
    pub fingerprint: String,
    /// Kind of key, `RSA 2048`.
    pub key_kind: String,
    weak_signature: bool,
}

impl Certificate {
    /// What is odd about it at this instant.
    #[must_use]
    pub fn warnings(&self, now: Timestamp) -> Vec<CertificateWarning> {
        let mut warnings = Vec::new();
        if now >= self.not_after {
            warnings.push(CertificateWarning::Expired);
        }
        if now < self.not_before {
            warnings.push(CertificateWarning::NotYetValid);
        }
        if self.weak_signature {
            warnings.push(CertificateWarning::WeakSignature);
        }
        warnings
    }

    /// PEM, for display and download.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let body = STANDARD.encode(&self.der);
        let lines: Vec<&str> =
            body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    }
}

/// A certificate can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateFault {
    /// It is no certificate.
    Unreadable,
    /// A private key was given.
    PrivateKey,
    /// Several were given where one is wanted.
    Several,
    /// RSA below 2048 bits, EC below 256.
    WeakKey,
    /// Neither RSA nor a curve that we speak.
    UnknownKey,
}

impl CertificateFault {
    /// Stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Unreadable => "certificate_unreadable",
            Self::PrivateKey => "certificate_is_private_key",
            Self::Several => "certificate_several",
            Self::WeakKey => "certificate_weak_key",
            Self::UnknownKey => "certificate_unknown_key",
        }
    }

    /// The sentence for the admin.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Unreadable => {
                "This is not a certificate. Upload the PEM or DER file of an X.509 certificate."
            }
            Self::PrivateKey => {
                "This file holds a private key. Upload the certificate only, and treat that key as exposed."
            }
            Self::Several => {
                "This file holds several certificates. Upload the service provider's own one alone."
            }
            Self::WeakKey => {
                "The key of this certificate is too short. Ask for RSA with at least 2048 bits or EC with at least 256."
            }
            Self::UnknownKey => {
                "The key of this certificate is of a kind that is not supported. Ask for RSA or EC."
            }
        }
    }
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

impl std::error::Error for CertificateFault {}

/// Reads one certificate: PEM, DER, or the bare base64 that metadata holds.
pub fn parse_certificate(input: &[u8]) -> Result<Certificate, CertificateFault> {
    if input.len() > MAX_CERTIFICATE {
        return Err(CertificateFault::Unreadable);
    }
    let certificate = X509::from_der(&certificate_der(input)?).map_err(|_| CertificateFault::Unreadable)?;
    let key = strong_key(&certificate)?;
    let unreadable = |_| CertificateFault::Unreadable;
    let der = certificate.to_der().map_err(unreadable)?;
    let digest = certificate.digest(MessageDigest::sha256()).map_err(unreadable)?;
    let kind = if key.0.id() == Id::RSA { "RSA" } else { "EC" };
    Ok(Certificate {
        subject: name_text(certificate.subject_name()),
        issuer: name_text(certificate.issuer_name()),
        not_before: instant(certificate.not_before())?,
        not_after: instant(certificate.not_after())?,
        fingerprint: digest
            .iter()
            .fold(String::with_capacity(64), |text, byte| text + &format!("{byte:02x}")),
        key_kind: format!("{kind} {}", key.0.bits()),
        weak_signature: matches!(
            certificate.signature_algorithm().object().nid(),
            Nid::SHA1WITHRSAENCRYPTION | Nid::MD5WITHRSAENCRYPTION | Nid::ECDSA_WITH_SHA1
        ),
        key,
        der,
    })
}

fn certificate_der(input: &[u8]) -> Result<Vec<u8>, CertificateFault> {
    if input.first() == Some(&0x30) {
        return Ok(input.to_vec());
    }
    let text = std::str::from_utf8(input).map_err(|_| CertificateFault::Unreadable)?;
    if text.contains("PRIVATE KEY-----") {
        return Err(CertificateFault::PrivateKey);
    }
    let body = match text.split_once("-----BEGIN CERTIFICATE-----") {
        Some((_, rest)) => {
            let (body, after) =
                rest.split_once("-----END CERTIFICATE-----").ok_or(CertificateFault::Unreadable)?;
            if after.contains("-----BEGIN CERTIFICATE-----") {
                return Err(CertificateFault::Several);
            }
            body
        }
        None => text,
    };
    let compact: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(compact).map_err(|_| CertificateFault::Unreadable)
}

fn strong_key(certificate: &X509) -> Result<VerificationKey, CertificateFault> {
    let key = certificate.public_key().map_err(|_| CertificateFault::UnknownKey)?;
    match key.id() {
        Id::RSA if key.bits() >= 2048 => Ok(VerificationKey(key)),
        Id::EC if key.bits() >= 256 => Ok(VerificationKey(key)),
        Id::RSA | Id::EC => Err(CertificateFault::WeakKey),
        _ => Err(CertificateFault::UnknownKey),
    }
}

fn name_text(name: &X509NameRef) -> String {
    let parts: Vec<String> = name
        .entries()
        .map(|entry| {
            let key = entry.object().nid().short_name().unwrap_or("?").to_owned();
            let value = entry.data().to_string().unwrap_or_else(|_| "?".to_owned());
            format!("{key}={value}")
        })
        .collect();
    parts.join(", ")
}

fn instant(time: &openssl::asn1::Asn1TimeRef) -> Result<Timestamp, CertificateFault> {
    let unreadable = |_| CertificateFault::Unreadable;
    let epoch = openssl::asn1::Asn1Time::from_unix(0).map_err(unreadable)?;
    let since = epoch.diff(time).map_err(unreadable)?;
    Ok(Timestamp((i64::from(since.days) * 86_400 + i64::from(since.secs)) * 1000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saml::testing::{self, IDP, P256};

    #[test]
    fn md_306_certificates_are_key_containers() {
        let now = Timestamp(1_795_334_400_000);
        let good = parse_certificate(&IDP.certificate).unwrap();
        assert_eq!((good.key_kind.as_str(), good.subject.as_str()), ("RSA 2048", "CN=test.example"));
        assert_eq!(good.warnings(now), []);
        assert_eq!(good.not_after, Timestamp(2_000_000_000_000));
        assert_eq!(good.warnings(good.not_after), [CertificateWarning::Expired]);
        assert_eq!(good.warnings(Timestamp(0)), [CertificateWarning::NotYetValid]);
        let sha1 = testing::identity(IDP.key.clone(), MessageDigest::sha1(), 2_000_000_000);
        let sha1 = parse_certificate(&sha1.certificate).unwrap();
        assert_eq!(sha1.warnings(now), [CertificateWarning::WeakSignature]);
        assert_eq!(parse_certificate(&P256.certificate).unwrap().key_kind, "EC 256");
        let weak = testing::rsa(1024);
        assert_eq!(parse_certificate(&weak.certificate).err(), Some(CertificateFault::WeakKey));
        assert_eq!(
            parse_certificate(&testing::ec(Nid::SECP224R1).certificate).err(),
            Some(CertificateFault::WeakKey)
        );
    }

    #[test]
    fn md_306_certificates_come_as_pem_der_or_bare_base64() {
        let der = parse_certificate(&IDP.certificate).unwrap();
        let pem = der.to_pem();
        let bare = STANDARD.encode(&IDP.certificate);
        for input in [pem.clone(), format!("Bag Attributes\r\n{}", pem.replace('\n', "\r\n")), bare] {
            assert_eq!(parse_certificate(input.as_bytes()).unwrap().fingerprint, der.fingerprint);
        }
        let key = IDP.key.private_key_to_pem_pkcs8().unwrap();
        assert_eq!(parse_certificate(&key).err(), Some(CertificateFault::PrivateKey));
        assert_eq!(parse_certificate(pem.repeat(2).as_bytes()).err(), Some(CertificateFault::Several));
        for bad in [&b"hello"[..], b"", b"0\x82", &[0xff; 64]] {
            assert_eq!(parse_certificate(bad).err(), Some(CertificateFault::Unreadable));
        }
    }
}
