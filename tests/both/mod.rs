//! Opens one fresh database of each kind, so that a test runs its cases on both.

use support::PrivatePostgres;
use tempfile::TempDir;
use tessera::base::{Actor, Clock, Ctx, Random, Timestamp};
use tessera::db::Db;

/// What must outlive the database.
#[expect(dead_code, reason = "held only to be dropped at the end")]
pub enum Guard {
    Folder(TempDir),
    Cluster(PrivatePostgres),
}

/// One database of each kind.
pub struct Both(Vec<(Guard, Db)>);

impl Both {
    /// Opens and migrates them.
    pub async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let sqlite =
            Db::open(&format!("sqlite://{}/test.db", folder.path().display())).await.expect("SQLite opens");
        let cluster = PrivatePostgres::start();
        let postgres = Db::open(&cluster.create_database()).await.expect("PostgreSQL opens");
        Self(vec![(Guard::Folder(folder), sqlite), (Guard::Cluster(cluster), postgres)])
    }

    /// Each of them, with what must outlive it.
    pub fn each(self) -> impl Iterator<Item = (Guard, Db)> {
        self.0.into_iter()
    }
}

/// A context with a frozen clock and seeded randomness.
pub fn context() -> Ctx {
    let clock = Clock::frozen(Timestamp(1_795_334_400_000));
    Ctx::background(Actor::System("test"), clock, Random::seeded(42))
}
