//! The key and certificate that Tessera shows to a service as a TLS client, so that the service knows who asks. The
//! service keeps the certificate itself; nobody checks a chain. Where both are stored is not known here.

use openssl::pkey::PKey;
use openssl::x509::X509;
use zeroize::Zeroizing;

use crate::base::signature::KeyType;
use crate::base::{Ctx, Error, Result, Timestamp};
use crate::keys::{certificate, generate_for};

/// Years a certificate is good for: it is given to the service by hand.
const YEARS: i64 = 10;

/// A key and its self-signed certificate, not yet stored. The key is wiped when this is dropped.
pub struct NewClient {
    /// The private key, PKCS#8 DER.
    pub key_der: Zeroizing<Vec<u8>>,
    /// The certificate, DER.
    pub certificate: Vec<u8>,
}

/// What may be shown of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateView {
    /// SHA-256 over the certificate, upper-case hexadecimal in pairs.
    pub fingerprint: String,
    /// Valid from.
    pub not_before: Timestamp,
    /// Valid until.
    pub not_after: Timestamp,
    /// The certificate in PEM, as it is downloaded.
    pub pem: String,
}

/// Makes a key on P-256 and its certificate. Takes less than a millisecond.
pub fn make(ctx: &Ctx, common_name: &str) -> Result<NewClient> {
    let made = generate_for(ctx, KeyType::EcdsaP256, common_name, YEARS)?;
    Ok(NewClient { key_der: made.key_der, certificate: made.certificate })
}

/// What may be shown of a certificate (DER), whoever made it.
pub fn view(certificate: &[u8]) -> Result<CertificateView> {
    let read = X509::from_der(certificate).map_err(Error::internal)?;
    Ok(CertificateView {
        fingerprint: certificate::fingerprint(certificate),
        not_before: certificate::when(read.not_before())?,
        not_after: certificate::when(read.not_after())?,
        pem: certificate::to_pem(certificate),
    })
}

/// Certificate and private key (both DER) as one PEM, as it is shown with.
pub fn identity_pem(certificate: &[u8], key_der: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let key = PKey::private_key_from_der(key_der).map_err(Error::internal)?;
    let key = Zeroizing::new(key.private_key_to_pem_pkcs8().map_err(Error::internal)?);
    let mut out = Zeroizing::new(certificate::to_pem(certificate).into_bytes());
    out.extend_from_slice(&key);
    Ok(out)
}
