//! The exclusive lock files of a server: a second server on the same data directory, or on the same SQLite file from
//! another data directory, is refused (decision 22).

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::base::{Error, Kind, Result};

/// Held while a server runs; the operating system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct ServerLock(Vec<File>);

impl ServerLock {
    /// Takes the lock in `data_dir`, and for SQLite the one beside the database file, or says that another server has
    /// it.
    pub fn take(data_dir: &Path, database_url: &str) -> Result<Self> {
        let mut held = vec![lock(&data_dir.join("tessera.lock"), data_dir, "--data-dir")?];
        if let Some(file) = database_url.strip_prefix("sqlite://").map(Path::new) {
            held.push(lock(&beside(file), file, "--database-url")?);
        }
        Ok(Self(held))
    }

    /// Lets go of it.
    pub fn release(self) -> Result<()> {
        self.0.iter().try_for_each(File::unlock).map_err(Error::internal)
    }
}

/// `<database file>.lock`, of the file itself when the name is a link to it.
fn beside(file: &Path) -> PathBuf {
    // A database that is not there yet has only the name that was given.
    let mut name = OsString::from(fs::canonicalize(file).unwrap_or_else(|_| file.to_owned()));
    name.push(".lock");
    PathBuf::from(name)
}

/// Locks the file `path`; `what` is what it stands for, and `option` chooses another.
fn lock(path: &Path, what: &Path, option: &str) -> Result<File> {
    let unusable = |fault: String| {
        Error::new(Kind::Internal, "data_dir_unusable", format!("{} can't be {fault}", path.display()))
    };
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|error| unusable(format!("written: {error}")))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::new(
            Kind::Conflict,
            "already_running",
            format!(
                "Another Tessera server runs on {}. Stop it first, or give this one another {option}.",
                what.display()
            ),
        )),
        Err(TryLockError::Error(error)) => Err(unusable(format!("locked: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn av_02_second_server_on_the_same_data_is_refused() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = one.path().join("tessera.db");
        let url = format!("sqlite://{}", file.display());
        let first = ServerLock::take(one.path(), &url).unwrap();
        let own = format!("sqlite://{}", two.path().join("own.db").display());
        assert_eq!(ServerLock::take(one.path(), &own).unwrap_err().code, "already_running");
        let error = ServerLock::take(two.path(), &url).unwrap_err();
        assert_eq!(error.code, "already_running", "one database under two data folders");
        assert!(error.message.contains("another --database-url"), "{error}");
        fs::write(&file, "").unwrap();
        let link = two.path().join("link.db");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let linked = format!("sqlite://{}", link.display());
        assert_eq!(ServerLock::take(two.path(), &linked).unwrap_err().code, "already_running", "by a link");
        let second = ServerLock::take(two.path(), &own).unwrap();
        first.release().unwrap();
        second.release().unwrap();
        ServerLock::take(one.path(), &url).unwrap();
        ServerLock::take(one.path(), "postgres://elsewhere/db").unwrap();
    }
}
