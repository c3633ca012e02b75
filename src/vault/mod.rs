//! Sealing at rest: private keys and write-only secrets are stored only as AES-256-GCM under the master key, bound
//! to the row they belong to. The master key lives outside the database (decision 21, A-18).
//!
//! It must not know what it seals, nor where that is stored.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use zeroize::Zeroizing;

use crate::base::{Error, Kind, Random, Result};
use crate::db::{Db, Executor, Tx, sql};

const FORMAT: u8 = 1;
const NONCE: usize = 12;
const TAG: usize = 16;
const CHECK_SETTING: &str = "vault_check";
const CHECK_TEXT: &[u8] = b"tessera master key check";

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

    /// From `TESSERA_MASTER_KEY`: 32 bytes in base64.
    pub fn from_text(text: &str) -> Result<Self> {
        let bytes = Zeroizing::new(STANDARD.decode(text.trim()).unwrap_or_default());
        let key: [u8; 32] = bytes.as_slice().try_into().map_err(|_| {
            Error::new(
                Kind::Invalid,
                "master_key_unreadable",
                "The master key can't be read. It is 32 bytes in base64, as in the file that Tessera made.",
            )
        })?;
        Ok(Self::new(key))
    }

    /// From a file that only its owner may read. `create`: make one when there is none.
    pub fn from_file(path: &Path, create: bool, random: &Random) -> Result<Self> {
        let fail = |error: std::io::Error| {
            Error::new(
                Kind::Internal,
                "master_key_unreadable",
                format!("The master key file {} can't be used: {error}", path.display()),
            )
        };
        if create && !path.exists() {
            let key = Zeroizing::new(random.bytes::<32>());
            let mut file =
                fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(fail)?;
            writeln!(file, "{}", *Zeroizing::new(STANDARD.encode(*key))).map_err(fail)?;
            file.sync_all().map_err(fail)?;
        }
        let mode = fs::metadata(path).map_err(fail)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(Error::new(
                Kind::Forbidden,
                "master_key_exposed",
                format!("The master key file {0} can be read by others. Run: chmod 600 {0}", path.display()),
            ));
        }
        Self::from_text(&Zeroizing::new(fs::read_to_string(path).map_err(fail)?))
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

    /// Refuses to start under a master key that is not the database's.
    pub async fn check(&self, db: &Db, random: &Random) -> Result<()> {
        let mut tx = db.begin().await?;
        self.check_in(&mut tx, random).await?;
        tx.commit().await
    }

    /// The same in the caller's transaction; answers whether the database had no master key yet and has this one now.
    pub async fn check_in(&self, tx: &mut Tx, random: &Random) -> Result<bool> {
        if let Some(text) = stored_check(tx).await? {
            let sealed = STANDARD.decode(text).map_err(Error::internal)?;
            return self.open(CHECK_SETTING, &sealed).map(|_| false).map_err(|_| {
                Error::new(
                    Kind::Conflict,
                    "wrong_master_key",
                    "This master key is not the one that the database was made with. Give the right one by --master-key-file or TESSERA_MASTER_KEY.",
                )
            });
        }
        let sealed = STANDARD.encode(self.seal(CHECK_SETTING, CHECK_TEXT, random)?);
        tx.run(sql("INSERT INTO settings (name, value) VALUES ($1, $2)").bind(CHECK_SETTING).bind(sealed))
            .await?;
        Ok(true)
    }
}

/// Whether the database was made with a master key.
pub async fn has_master_key(executor: &mut impl Executor) -> Result<bool> {
    Ok(stored_check(executor).await?.is_some())
}

async fn stored_check(executor: &mut impl Executor) -> Result<Option<String>> {
    let row =
        executor.optional(sql("SELECT value FROM settings WHERE name = $1").bind(CHECK_SETTING)).await?;
    row.map(|row| row.text("value")).transpose()
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

    #[test]
    fn a_18_master_key_file_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        let random = Random::seeded(2);
        assert!(Vault::from_file(&path, false, &random).is_err());
        let made = Vault::from_file(&path, true, &random).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = Vault::from_file(&path, true, &random).unwrap();
        assert_eq!(made.mac("x", b"y"), again.mac("x", b"y"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(Vault::from_file(&path, true, &random).unwrap_err().code, "master_key_exposed");
    }

    #[tokio::test]
    async fn a_18_start_is_refused_under_another_master_key() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite://{}/t.db", dir.path().display())).await.unwrap();
        let random = Random::seeded(3);
        Vault::new([1; 32]).check(&db, &random).await.unwrap();
        Vault::new([1; 32]).check(&db, &random).await.unwrap();
        assert_eq!(Vault::new([2; 32]).check(&db, &random).await.unwrap_err().code, "wrong_master_key");
    }
}
