//! XML Encryption 1.1 for one recipient: an element becomes an `EncryptedData` that only the service provider's
//! private key opens (Core 2.3.4 and 6.1, SAML-210, ALG-404). Each call takes a fresh key and a fresh nonce.
//!
//! It never falls back to anything: what can't be encrypted is an error (SAML-211). What comes in encrypted is for [`crate::saml::decrypt`].

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::encrypt::Encrypter;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey, Public};
use openssl::rsa::Padding;
use openssl::symm::{Cipher, encrypt_aead};
use zeroize::Zeroizing;

use crate::base::Random;
pub use crate::base::encryption::{EncryptionAlgorithm, KeyTransport};
use crate::saml::certificate::Certificate;
use crate::saml::names::{DSIG, XENC, XENC11};
use crate::saml::response::WriteError;
use crate::saml::xml::writer::Writer;

/// Bytes of the nonce in front of the ciphertext (XML Encryption 1.1, 5.2.4).
pub(in crate::saml) const NONCE: usize = 12;
/// Bytes of the tag after it.
pub(in crate::saml) const TAG: usize = 16;

impl EncryptionAlgorithm {
    /// The URI in `EncryptionMethod`.
    #[must_use]
    pub fn uri(self) -> &'static str {
        match self {
            Self::Aes256Gcm => "http://www.w3.org/2009/xmlenc11#aes256-gcm",
            Self::Aes128Gcm => "http://www.w3.org/2009/xmlenc11#aes128-gcm",
        }
    }

    pub(in crate::saml) fn cipher(self) -> Cipher {
        match self {
            Self::Aes256Gcm => Cipher::aes_256_gcm(),
            Self::Aes128Gcm => Cipher::aes_128_gcm(),
        }
    }
}

impl KeyTransport {
    /// The URI in the `EncryptionMethod` of the key.
    #[must_use]
    pub fn uri(self) -> &'static str {
        match self {
            Self::RsaOaepMgf1p => "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
            Self::RsaOaepSha256 => "http://www.w3.org/2009/xmlenc11#rsa-oaep",
        }
    }

    fn digest_uri(self) -> &'static str {
        match self {
            Self::RsaOaepMgf1p => "http://www.w3.org/2000/09/xmldsig#sha1",
            Self::RsaOaepSha256 => "http://www.w3.org/2001/04/xmlenc#sha256",
        }
    }

    fn digest(self) -> MessageDigest {
        match self {
            Self::RsaOaepMgf1p => MessageDigest::sha1(),
            Self::RsaOaepSha256 => MessageDigest::sha256(),
        }
    }
}

/// Whom something is encrypted for, and how.
#[derive(Clone)]
pub struct Recipient {
    key: PKey<Public>,
    certificate: String,
    algorithm: EncryptionAlgorithm,
    transport: KeyTransport,
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({:?}, {:?}, RSA {})", self.algorithm, self.transport, self.key.bits())
    }
}

impl Recipient {
    /// The holder of this certificate's key; `None` when nothing can be encrypted for that kind of key.
    #[must_use]
    pub fn of(
        certificate: &Certificate,
        algorithm: EncryptionAlgorithm,
        transport: KeyTransport,
    ) -> Option<Self> {
        let key = certificate.key.public().clone();
        (key.id() == Id::RSA).then(|| Self {
            key,
            certificate: STANDARD.encode(&certificate.der),
            algorithm,
            transport,
        })
    }

    /// The `EncryptedData` of an element that stands alone, with all its namespaces declared (interop: it is decrypted
    /// and validated alone).
    pub(crate) fn encrypt(&self, element: &str, random: &Random) -> Result<String, WriteError> {
        let cipher = self.algorithm.cipher();
        let mut content_key = Zeroizing::new(vec![0; cipher.key_len()]);
        random.fill(&mut content_key);
        let nonce = random.bytes::<NONCE>();
        let mut tag = [0; TAG];
        let sealed = encrypt_aead(cipher, &content_key, Some(&nonce), &[], element.as_bytes(), &mut tag)
            .map_err(WriteError::Encrypt)?;
        let carried = self.carry(&content_key).map_err(WriteError::Encrypt)?;

        let mut w = Writer::with_capacity(4096 + element.len() * 3 / 2);
        w.open("xenc:EncryptedData").namespace("xenc", XENC).attribute("Type", ELEMENT);
        w.open("xenc:EncryptionMethod").attribute("Algorithm", self.algorithm.uri()).close();
        w.open("ds:KeyInfo").namespace("ds", DSIG).open("xenc:EncryptedKey");
        w.open("xenc:EncryptionMethod").attribute("Algorithm", self.transport.uri());
        w.open("ds:DigestMethod").attribute("Algorithm", self.transport.digest_uri()).close();
        if self.transport == KeyTransport::RsaOaepSha256 {
            w.open("xenc11:MGF").namespace("xenc11", XENC11).attribute("Algorithm", MGF1_SHA256).close();
        }
        w.close();
        w.open("ds:KeyInfo").open("ds:X509Data");
        w.leaf("ds:X509Certificate", &self.certificate).close().close();
        cipher_data(&mut w, &[&carried]);
        w.close().close();
        cipher_data(&mut w, &[&nonce, &sealed, &tag]);
        w.close();
        Ok(w.finish()?)
    }

    /// The content key under the recipient's RSA key.
    fn carry(&self, content_key: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let mut encrypter = Encrypter::new(&self.key)?;
        encrypter.set_rsa_padding(Padding::PKCS1_OAEP)?;
        encrypter.set_rsa_oaep_md(self.transport.digest())?;
        encrypter.set_rsa_mgf1_md(self.transport.digest())?;
        let mut out = vec![0; encrypter.encrypt_len(content_key)?];
        let length = encrypter.encrypt(content_key, &mut out)?;
        out.truncate(length);
        Ok(out)
    }
}

/// `Type` of what was encrypted: a whole element.
pub(in crate::saml) const ELEMENT: &str = "http://www.w3.org/2001/04/xmlenc#Element";
/// MGF1 with SHA-1 and with SHA-256.
pub(in crate::saml) const MGF1_SHA1: &str = "http://www.w3.org/2009/xmlenc11#mgf1sha1";
pub(in crate::saml) const MGF1_SHA256: &str = "http://www.w3.org/2009/xmlenc11#mgf1sha256";

fn cipher_data(w: &mut Writer, parts: &[&[u8]]) {
    w.open("xenc:CipherData");
    w.leaf("xenc:CipherValue", &STANDARD.encode(parts.concat())).close();
}

/// What of a response is encrypted, and for whom.
#[derive(Clone, Copy, Debug)]
pub struct Encryption<'a> {
    /// For whom.
    pub recipient: &'a Recipient,
    /// Where fresh keys and nonces come from.
    pub random: &'a Random,
    /// The assertion as a whole.
    pub assertion: bool,
    /// The NameID, inside the assertion.
    pub name_id: bool,
}

#[cfg(test)]
#[path = "encrypt_tests.rs"]
mod tests;
