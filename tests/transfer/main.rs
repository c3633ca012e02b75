//! The configuration as text: the same suite on SQLite and on PostgreSQL, a property on what goes out and comes back,
//! and the commands of the built binary.

mod command_line;
mod faults;
mod imports;
mod plans;
mod property;
mod provisioning;
mod round_trip;
mod world;

/// Makes a test on each database of every case.
macro_rules! on_both_databases {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(crate::world::World::sqlite, crate::world::World::sqlite().await).await;
                }
            )+
        }
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(crate::world::World::postgres, crate::world::World::postgres().await).await;
                }
            )+
        }
    };
}
pub(crate) use on_both_databases;
