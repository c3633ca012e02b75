//! Sealing at rest: private keys and write-only secrets are stored only as AES-256-GCM under the sealing key, bound
//! to the row they belong to. The sealing key is wrapped by the master key, which lives outside the database (decision
//! 21, A-18).
//!
//! It must not know what it seals, nor where that is stored.

mod master;

use std::sync::Arc;

use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use zeroize::Zeroizing;

use crate::base::{Error, Random, Result};

pub use master::{MasterKey, has_master_key};

const FORMAT: u8 = 1;
const NONCE: usize = 12;
const TAG: usize = 16;

/// Seals and opens. Cheap to clone; the key is wiped when the last clone goes.
#[derive(Clone)]
pub struct Vault {
    key: Arc<Zeroizing<[u8; 32]>>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(..)")
    }
}

impl Vault {
    /// A vault under this key.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self { key: Arc::new(Zeroizing::new(key)) }
    }

    /// Seals `plain`, bound to `aad` (what it is and whose row: `signing_keys/…`). Answers format, nonce,
    /// ciphertext and tag.
    pub fn seal(&self, aad: &str, plain: &[u8], random: &Random) -> Result<Vec<u8>> {
        let nonce = random.bytes::<NONCE>();
        let mut tag = [0; TAG];
        let cipher = encrypt_aead(
            Cipher::aes_256_gcm(),
            self.key.as_slice(),
            Some(&nonce),
            aad.as_bytes(),
            plain,
            &mut tag,
        )
        .map_err(Error::internal)?;
        let mut out = Vec::with_capacity(1 + NONCE + cipher.len() + TAG);
        out.push(FORMAT);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&cipher);
        out.extend_from_slice(&tag);
        Ok(out)
    }

    /// Opens what [`Vault::seal`] sealed under the same `aad`; one error for every failure.
    pub fn open(&self, aad: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let fail =
            || Error::internal("a sealed value can't be opened: wrong master key, or moved to another row");
        if sealed.len() < 1 + NONCE + TAG || sealed[0] != FORMAT {
            return Err(fail());
        }
        let (nonce, rest) = sealed[1..].split_at(NONCE);
        let (cipher, tag) = rest.split_at(rest.len() - TAG);
        decrypt_aead(Cipher::aes_256_gcm(), self.key.as_slice(), Some(nonce), aad.as_bytes(), cipher, tag)
            .map(Zeroizing::new)
            .map_err(|_| fail())
    }

    /// HMAC-SHA-256 under a key of its own for each `purpose`: CSRF tokens, checkpoints, stored token hashes.
    ///
    /// # Panics
    /// When OpenSSL can't compute an HMAC at all.
    #[must_use]
    pub fn mac(&self, purpose: &str, message: &[u8]) -> [u8; 32] {
        let sub_key = Zeroizing::new(hmac(self.key.as_slice(), purpose.as_bytes()));
        hmac(sub_key.as_slice(), message)
    }
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let key = PKey::hmac(key).expect("OpenSSL takes any bytes as an HMAC key");
    let mut signer = Signer::new(MessageDigest::sha256(), &key).expect("OpenSSL has HMAC-SHA-256");
    let mut out = [0; 32];
    let written = signer.sign_oneshot(&mut out, message).expect("an HMAC of bytes in memory can't fail");
    debug_assert_eq!(written, 32);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_18_sealed_values_open_only_in_their_own_row_and_under_their_own_key() {
        let (vault, random) = (Vault::new([7; 32]), Random::seeded(1));
        let sealed = vault.seal("signing_keys/a", b"secret", &random).unwrap();
        assert!(!sealed.windows(6).any(|w| w == b"secret"));
        assert_eq!(vault.open("signing_keys/a", &sealed).unwrap().as_slice(), b"secret");
        assert!(vault.open("signing_keys/b", &sealed).is_err());
        assert!(Vault::new([8; 32]).open("signing_keys/a", &sealed).is_err());
        for i in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[i] ^= 1;
            assert!(vault.open("signing_keys/a", &bent).is_err(), "byte {i}");
        }
        assert_ne!(
            sealed,
            vault.seal("signing_keys/a", b"secret", &random).unwrap(),
            "a fresh nonce each time"
        );
    }
}
