//! Keys and certificates for this room's tests, made once for the test process.

use std::sync::LazyLock;

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509NameBuilder};

use crate::saml::sign::{OpensslSigner, SignatureAlgorithm};

/// A private key and its self-signed certificate, DER.
pub(crate) struct Identity {
    pub key: PKey<Private>,
    pub certificate: Vec<u8>,
}

impl Identity {
    pub(crate) fn signer(&self, algorithm: SignatureAlgorithm) -> OpensslSigner {
        OpensslSigner::new(self.key.clone(), self.certificate.clone(), algorithm).unwrap()
    }
}

/// The identity provider's.
pub(crate) static IDP: LazyLock<Identity> = LazyLock::new(|| rsa(2048));
/// The service provider's.
pub(crate) static SP: LazyLock<Identity> = LazyLock::new(|| rsa(2048));
/// Somebody else's.
pub(crate) static MALLORY: LazyLock<Identity> = LazyLock::new(|| rsa(2048));
/// On P-256.
pub(crate) static P256: LazyLock<Identity> = LazyLock::new(|| ec(Nid::X9_62_PRIME256V1));
/// On P-384.
pub(crate) static P384: LazyLock<Identity> = LazyLock::new(|| ec(Nid::SECP384R1));

pub(crate) fn rsa(bits: u32) -> Identity {
    identity(PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap(), MessageDigest::sha256(), 2_000_000_000)
}

pub(crate) fn ec(curve: Nid) -> Identity {
    let group = EcGroup::from_curve_name(curve).unwrap();
    identity(
        PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap(),
        MessageDigest::sha256(),
        2_000_000_000,
    )
}

/// A certificate over `key`, valid from 2020 until `not_after` (Unix seconds).
pub(crate) fn identity(key: PKey<Private>, digest: MessageDigest, not_after: i64) -> Identity {
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "test.example").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let serial = BigNum::from_u32(1).unwrap().to_asn1_integer().unwrap();
    builder.set_serial_number(&serial).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(1_577_836_800).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(not_after).unwrap()).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.sign(&key, digest).unwrap();
    Identity { certificate: builder.build().to_der().unwrap(), key }
}
