//! X.509 around a signing key: making a self-signed certificate, taking over a pair that was made elsewhere. A SAML
//! certificate is a container for a key; nobody checks a chain (IIP-MD12).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::asn1::Asn1Time;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, PKeyRef, Private};
use openssl::x509::X509;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, RsaKeySize, SerialNumber,
};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::base::signature::KeyType;
use crate::base::{Error, FieldError, Random, Result, Timestamp};
use crate::keys::NewKey;

/// A fresh key (PKCS#8 DER) and its self-signed certificate (DER).
pub(super) fn self_signed(
    random: &Random,
    key_type: KeyType,
    common_name: &str,
    not_before: Timestamp,
    not_after: Timestamp,
) -> Result<(Zeroizing<Vec<u8>>, Vec<u8>)> {
    let rsa = |size| KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, size);
    let pair = match key_type {
        KeyType::Rsa2048 => rsa(RsaKeySize::_2048),
        KeyType::Rsa3072 => rsa(RsaKeySize::_3072),
        KeyType::Rsa4096 => rsa(RsaKeySize::_4096),
        KeyType::EcdsaP256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
        KeyType::EcdsaP384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384),
    };
    let pair = pair.map_err(Error::internal)?;
    let mut params = CertificateParams::default();
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name.chars().take(64).collect::<String>());
    params.distinguished_name = name;
    params.not_before = instant(not_before)?;
    params.not_after = instant(not_after)?;
    let mut serial = random.bytes::<16>();
    // Positive, and never zero in its first byte (RFC 5280 4.1.2.2).
    serial[0] = (serial[0] & 0x7f) | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let certificate = params.self_signed(&pair).map_err(Error::internal)?;
    Ok((Zeroizing::new(pair.serialize_der()), certificate.der().to_vec()))
}

fn instant(at: Timestamp) -> Result<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(at.0.div_euclid(1000)).map_err(Error::internal)
}

/// A key and its certificate made elsewhere, both PEM.
pub(super) fn imported(private_key_pem: &str, certificate_pem: &str) -> Result<NewKey> {
    let fault = |field: &str, code: &'static str, message: &str| {
        Error::invalid(vec![FieldError { field: field.into(), code: code.into(), message: message.into() }])
    };
    // A passphrase is never asked for on a terminal: an encrypted key fails.
    let private = PKey::private_key_from_pem_callback(private_key_pem.as_bytes(), |_| Ok(0)).map_err(|_| {
        fault(
            "private_key_pem",
            "unreadable_key",
            "This is no private key in PEM without a passphrase. Take the passphrase off first: openssl pkey -in key.pem -out plain.pem",
        )
    })?;
    let certificate = X509::from_pem(certificate_pem.as_bytes()).map_err(|_| {
        fault(
            "certificate_pem",
            "unreadable_certificate",
            "This is no certificate in PEM. It begins with -----BEGIN CERTIFICATE-----.",
        )
    })?;
    let key_type = type_of(&private).ok_or_else(|| {
        fault(
            "private_key_pem",
            "unusable_key",
            "Use an RSA key of 2048, 3072 or 4096 bits, or an ECDSA key on the curve P-256 or P-384.",
        )
    })?;
    if !certificate.public_key().is_ok_and(|public| public.public_eq(&private)) {
        return Err(fault(
            "certificate_pem",
            "certificate_mismatch",
            "This certificate belongs to another key. Give the one that was made for this key.",
        ));
    }
    Ok(NewKey {
        key_der: Zeroizing::new(private.private_key_to_pkcs8().map_err(Error::internal)?),
        certificate: certificate.to_der().map_err(Error::internal)?,
        key_type,
        not_before: when(certificate.not_before())?,
        not_after: when(certificate.not_after())?,
        imported: true,
    })
}

pub(super) fn when(time: &openssl::asn1::Asn1TimeRef) -> Result<Timestamp> {
    let epoch = Asn1Time::from_unix(0).map_err(Error::internal)?;
    let since = epoch.diff(time).map_err(Error::internal)?;
    Ok(Timestamp((i64::from(since.days) * 86_400 + i64::from(since.secs)) * 1000))
}

/// What kind of key it is, if it is one that may sign.
fn type_of(key: &PKeyRef<Private>) -> Option<KeyType> {
    match key.id() {
        Id::RSA => match key.bits() {
            2048 => Some(KeyType::Rsa2048),
            3072 => Some(KeyType::Rsa3072),
            4096 => Some(KeyType::Rsa4096),
            _ => None,
        },
        Id::EC => match key.ec_key().ok()?.group().curve_name()? {
            Nid::X9_62_PRIME256V1 => Some(KeyType::EcdsaP256),
            Nid::SECP384R1 => Some(KeyType::EcdsaP384),
            _ => None,
        },
        _ => None,
    }
}

/// SHA-256 over the DER, `9C:41:…`.
#[must_use]
pub fn fingerprint(der: &[u8]) -> String {
    openssl::sha::sha256(der).map(|byte| format!("{byte:02X}")).join(":")
}

/// PEM with lines of 64 characters.
#[must_use]
pub fn to_pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut out = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = tail;
    }
    out.push_str("-----END CERTIFICATE-----\n");
    out
}
