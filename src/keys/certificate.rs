//! X.509 around a signing key: making a self-signed certificate, reading what a certificate says. A SAML
//! certificate is a container for a key; nobody checks a chain (IIP-MD12).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize,
    SerialNumber,
};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::base::{Error, Random, Result, Timestamp};

/// A fresh RSA-2048 key (PKCS#8 DER) and its self-signed certificate (DER).
pub(super) fn self_signed(
    random: &Random,
    common_name: &str,
    not_before: Timestamp,
    not_after: Timestamp,
) -> Result<(Zeroizing<Vec<u8>>, Vec<u8>)> {
    let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).map_err(Error::internal)?;
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

/// SHA-256 over the DER, `9C:41:…`.
pub(super) fn fingerprint(der: &[u8]) -> String {
    openssl::sha::sha256(der).map(|byte| format!("{byte:02X}")).join(":")
}

/// PEM with lines of 64 characters.
pub(super) fn to_pem(der: &[u8]) -> String {
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
