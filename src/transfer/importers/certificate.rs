//! Certificates as exports write them: PEM, or the bare Base64 of the DER, broken into lines or not.

use crate::saml::certificate::parse_certificate;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";

/// The certificate as PEM; `None` when the text holds none, or one whose key may not be used. To encrypt for, only RSA is
/// of use.
pub(super) fn pem(text: &str, encrypts: bool) -> Option<String> {
    if text.contains("PRIVATE KEY") {
        return None;
    }
    let begin = text.find(BEGIN).unwrap_or(0);
    let certificate = parse_certificate(text[begin..].trim().as_bytes()).ok()?;
    (!encrypts || certificate.key_kind.starts_with("RSA")).then(|| certificate.to_pem())
}

#[cfg(test)]
pub(super) mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::saml::testing::{self, IDP, P256};

    /// A certificate as bare Base64.
    pub(in crate::transfer::importers) fn bare() -> String {
        STANDARD.encode(&IDP.certificate)
    }

    #[test]
    fn pem_and_bare_base64_come_to_the_same() {
        let wanted = parse_certificate(&IDP.certificate).unwrap().to_pem();
        assert_eq!(pem(&bare(), true).as_deref(), Some(wanted.as_str()));
        assert_eq!(pem(&format!("Subject: x\r\n{}", wanted.replace('\n', "\r\n")), false), Some(wanted));
        let curve = STANDARD.encode(&P256.certificate);
        assert!(pem(&curve, false).is_some());
        assert_eq!(pem(&curve, true), None, "nothing can be encrypted for it");
    }

    #[test]
    fn what_is_no_certificate_or_a_weak_one_is_refused() {
        for bad in ["", "x", "====", "AAAA", "é", "MIIB", "MP////8=", BEGIN] {
            assert_eq!(pem(bad, false), None, "{bad}");
        }
        assert_eq!(pem(&STANDARD.encode(&testing::rsa(1024).certificate), false), None);
        let key = String::from_utf8(IDP.key.private_key_to_pem_pkcs8().unwrap()).unwrap();
        assert_eq!(pem(&key, false), None);
    }
}
