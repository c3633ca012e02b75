//! The master key, which lives outside the database, and what it guards there: one sealing key, wrapped. Everything at
//! rest is sealed under the sealing key, so that another master key means one row written anew, in one transaction,
//! while servers go on (AV-09).

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::base::{Error, Kind, Random, Result};
use crate::db::{Executor, Tx, sql};
use crate::vault::Vault;

/// Name of the row that holds the wrapped sealing key, and what it is bound to.
const SEALING_KEY: &str = "sealing_key";

/// A master key. It opens the sealing key and nothing else.
pub struct MasterKey(Vault);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

impl MasterKey {
    /// These 32 bytes.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self(Vault::new(key))
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
            // The name too: data under a key whose file a power cut took away is lost.
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            fs::File::open(folder.unwrap_or(Path::new(".")))
                .and_then(|folder| folder.sync_all())
                .map_err(fail)?;
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

    /// The vault of this database, and whether it was made now, because there was none. Refuses a master key that is
    /// not the database's.
    pub async fn unlock_in(&self, tx: &mut Tx, random: &Random) -> Result<(Vault, bool)> {
        if let Some(text) = stored(tx).await? {
            return self.unwrap(&text).map(|vault| (vault, false));
        }
        let key = Zeroizing::new(random.bytes::<32>());
        let wrapped = STANDARD.encode(self.0.seal(SEALING_KEY, key.as_slice(), random)?);
        let insert =
            sql("INSERT INTO settings (name, value) VALUES ($1, $2)").bind(SEALING_KEY).bind(wrapped);
        tx.run(insert).await?;
        Ok((Vault::new(*key), true))
    }

    fn unwrap(&self, text: &str) -> Result<Vault> {
        let wrapped = STANDARD.decode(text).map_err(Error::internal)?;
        let opened = self.0.open(SEALING_KEY, &wrapped).map_err(|_| {
            Error::new(
                Kind::Conflict,
                "wrong_master_key",
                "This master key is not the one that the database is under. Give the right one by --master-key-file or TESSERA_MASTER_KEY.",
            )
        })?;
        let key: [u8; 32] =
            opened.as_slice().try_into().map_err(|_| Error::internal("a sealing key of another size"))?;
        Ok(Vault::new(key))
    }

    /// Puts the database under another master key. Servers that run keep the sealing key in memory and go on; the next
    /// start needs the new one.
    pub async fn rewrap_in(&self, tx: &mut Tx, new: &Self, random: &Random) -> Result<()> {
        let text = stored(tx).await?.ok_or_else(|| Error::internal("a database without a sealing key"))?;
        let wrapped = STANDARD.decode(&text).map_err(Error::internal)?;
        self.unwrap(&text)?;
        if new.unwrap(&text).is_ok() {
            return Err(Error::conflict(
                "same_master_key",
                "The database is under this master key already. Name a file of another, or one that is not there yet.",
            ));
        }
        let key = self.0.open(SEALING_KEY, &wrapped)?;
        let again = STANDARD.encode(new.0.seal(SEALING_KEY, &key, random)?);
        let update = sql("UPDATE settings SET value = $2 WHERE name = $1 AND value = $3");
        // Two at once would each believe that theirs is the key.
        tx.run_one(update.bind(SEALING_KEY).bind(again).bind(text), || {
            Error::conflict(
                "master_key_changed_meanwhile",
                "Somebody else put the database under another master key at this moment, so nothing was changed. Look which, and try again.",
            )
        })
        .await
    }
}

/// Whether the database is under a master key.
pub async fn has_master_key(executor: &mut impl Executor) -> Result<bool> {
    Ok(stored(executor).await?.is_some())
}

async fn stored(executor: &mut impl Executor) -> Result<Option<String>> {
    let row = executor.optional(sql("SELECT value FROM settings WHERE name = $1").bind(SEALING_KEY)).await?;
    row.map(|row| row.text("value")).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Db;

    #[test]
    fn a_18_master_key_file_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        let random = Random::seeded(2);
        assert!(MasterKey::from_file(&path, false, &random).is_err());
        let made = MasterKey::from_file(&path, true, &random).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = MasterKey::from_file(&path, true, &random).unwrap();
        assert_eq!(made.0.mac("x", b"y"), again.0.mac("x", b"y"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(MasterKey::from_file(&path, true, &random).unwrap_err().code, "master_key_exposed");
    }

    #[tokio::test]
    async fn a_18_av_09_another_master_key_opens_only_what_was_put_under_it() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite://{}/t.db", dir.path().display())).await.unwrap();
        let random = Random::seeded(3);
        let (old, new) = (MasterKey::new([1; 32]), MasterKey::new([2; 32]));
        let unlock = async |key: &MasterKey| {
            let mut tx = db.begin().await.unwrap();
            let unlocked = key.unlock_in(&mut tx, &random).await;
            tx.commit().await.unwrap();
            unlocked
        };
        let (vault, made) = unlock(&old).await.unwrap();
        assert!(made);
        let sealed = vault.seal("row", b"secret", &random).unwrap();
        let mac = vault.mac("chain", b"head");
        assert!(!unlock(&old).await.unwrap().1);
        assert_eq!(unlock(&new).await.unwrap_err().code, "wrong_master_key");

        let mut tx = db.begin().await.unwrap();
        assert_eq!(old.rewrap_in(&mut tx, &old, &random).await.unwrap_err().code, "same_master_key");
        assert_eq!(new.rewrap_in(&mut tx, &old, &random).await.unwrap_err().code, "wrong_master_key");
        old.rewrap_in(&mut tx, &new, &random).await.unwrap();
        drop(tx);
        assert!(unlock(&old).await.is_ok(), "nothing has changed that was not committed");

        let mut tx = db.begin().await.unwrap();
        old.rewrap_in(&mut tx, &new, &random).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(unlock(&old).await.unwrap_err().code, "wrong_master_key");
        let (again, _) = unlock(&new).await.unwrap();
        assert_eq!(again.open("row", &sealed).unwrap().as_slice(), b"secret", "what was sealed before");
        assert_eq!(again.mac("chain", b"head"), mac, "and the chain of events holds");
    }
}
