//! One suite for people, groups, sign-in, sessions, roles, tokens and links, run on SQLite and on PostgreSQL: each
//! case gets an empty database of its own. Names carry the requirement they hold up.

mod accounts;
mod groups;
mod links;
mod machine;
mod people;
mod roles;
mod sessions;
mod sign_in;
mod tokens;
mod world;

/// Makes a test on each database of every case.
macro_rules! on_both_databases {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(crate::world::World::sqlite().await).await;
                }
            )+
        }
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(crate::world::World::postgres().await).await;
                }
            )+
        }
    };
}
pub(crate) use on_both_databases;
