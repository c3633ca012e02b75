//! Disk kept back for the events of authenticated acts (decision 17, AV-03): below it, what strangers send is no
//! longer stored. SQLite only; of a PostgreSQL server's disk this process knows nothing.

use std::path::{Path, PathBuf};

use crate::base::{Error, Kind, Result};
use crate::db::{Db, Executor as _, sql};

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

    /// Refuses when there is less left than is kept back, on the disk and in pages of the database that are free again.
    pub async fn check(&self, db: &Db) -> Result<()> {
        let Some((folder, bytes)) = &self.0 else { return Ok(()) };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let disk = rustix::fs::statvfs(folder).map_err(Error::internal)?;
        let left = disk.f_bavail.saturating_mul(disk.f_frsize);
        if left >= *bytes || left.saturating_add(free_again(db).await?) >= *bytes {
            return Ok(());
        }
        Err(Error::new(
            Kind::StorageFull,
            "storage_low",
            "The server's disk is nearly full, so new sign-ins can't be begun. Tell your administrator.",
        ))
    }
}

/// Bytes of the database file that hold nothing any more: SQLite keeps what was deleted for what comes.
async fn free_again(db: &Db) -> Result<u64> {
    let mut reader = db.reader();
    let pages = reader.one(sql("PRAGMA freelist_count")).await?.int("freelist_count")?;
    let size = reader.one(sql("PRAGMA page_size")).await?.int("page_size")?;
    Ok(u64::try_from(pages.saturating_mul(size)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn av_03_below_the_reserve_strangers_are_refused_until_there_is_room_again() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/test.db", folder.path().display());
        let db = Db::open(&url).await.unwrap();
        let disk = rustix::fs::statvfs(folder.path()).unwrap();
        let left = disk.f_bavail * disk.f_frsize;
        DiskReserve::of(&url, 1).check(&db).await.unwrap();
        // Nobody frees as much meanwhile.
        let reserve = DiskReserve::of(&url, left + (64 << 30));
        assert_eq!(reserve.check(&db).await.unwrap_err().code, "storage_low");
        DiskReserve::of("postgres://elsewhere/db", u64::MAX).check(&db).await.unwrap();
        let before = free_again(&db).await.unwrap();
        for statement in
            ["INSERT INTO settings (name, value) VALUES ('x', $1)", "DELETE FROM settings WHERE value = $1"]
        {
            let mut tx = db.begin().await.unwrap();
            tx.run(sql(statement).bind("x".repeat(4 << 20))).await.unwrap();
            tx.commit().await.unwrap();
        }
        let gained = free_again(&db).await.unwrap() - before;
        assert!(gained >= 4 << 20, "what was deleted counts as room: {gained}");
    }
}
