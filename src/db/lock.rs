//! The exclusive lock file of a server: a second server on the same data directory is refused (decision 22).

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use crate::base::{Error, Kind, Result};

/// Held while a server runs; the operating system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct ServerLock(File);

impl ServerLock {
    /// Takes the lock in `data_dir`, or says that another server has it.
    pub fn take(data_dir: &Path) -> Result<Self> {
        let path = data_dir.join("tessera.lock");
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(|error| {
                Error::new(
                    Kind::Internal,
                    "data_dir_unusable",
                    format!("{} can't be written: {error}", path.display()),
                )
            })?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(Error::new(
                Kind::Conflict,
                "already_running",
                format!(
                    "Another Tessera server runs on {}. Stop it first, or give this one another --data-dir.",
                    data_dir.display()
                ),
            )),
            Err(TryLockError::Error(error)) => Err(Error::new(
                Kind::Internal,
                "data_dir_unusable",
                format!("{} can't be locked: {error}", path.display()),
            )),
        }
    }

    /// Lets go of it.
    pub fn release(self) -> Result<()> {
        self.0.unlock().map_err(Error::internal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn av_02_second_server_on_the_same_data_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let first = ServerLock::take(dir.path()).unwrap();
        assert_eq!(ServerLock::take(dir.path()).unwrap_err().code, "already_running");
        first.release().unwrap();
        ServerLock::take(dir.path()).unwrap();
    }
}
