//! Disk kept back for the events of authenticated acts (decision 17, AV-03): below it, what strangers send is no
//! longer stored. SQLite only; of a PostgreSQL server's disk this process knows nothing.

use std::path::{Path, PathBuf};

use crate::base::{Error, Kind, Result};

/// How much of which disk is kept back.
#[derive(Clone, Debug, Default)]
pub struct DiskReserve(Option<(PathBuf, u64)>);

impl DiskReserve {
    /// Keeps back this many bytes where the database of this URL lies.
    #[must_use]
    pub fn of(database_url: &str, bytes: u64) -> Self {
        let file = database_url.strip_prefix("sqlite://").map(PathBuf::from);
        let folder = file.and_then(|file| file.parent().map(Path::to_path_buf));
        Self(folder.map(|folder| (folder, bytes)))
    }

    /// Refuses when there is less left than is kept back.
    pub fn check(&self) -> Result<()> {
        let Some((folder, bytes)) = &self.0 else { return Ok(()) };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let disk = rustix::fs::statvfs(folder).map_err(Error::internal)?;
        if disk.f_bavail.saturating_mul(disk.f_frsize) >= *bytes {
            return Ok(());
        }
        Err(Error::new(
            Kind::StorageFull,
            "storage_low",
            "The server's disk is nearly full, so new sign-ins can't be begun. Tell your administrator.",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn av_03_below_the_reserve_strangers_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/test.db", folder.path().display());
        DiskReserve::of(&url, 1).check().unwrap();
        assert_eq!(DiskReserve::of(&url, u64::MAX).check().unwrap_err().code, "storage_low");
        DiskReserve::of("postgres://elsewhere/db", u64::MAX).check().unwrap();
    }
}
