//! Sign-on over HTTP, as a service provider and an attacker see it: the router of a whole installation on a database
//! of its own, with a frozen clock.

#![expect(clippy::format_push_string, reason = "test support fails loudly, and says where")]

/// Makes a test on each database of every case.
macro_rules! on_both_databases {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() { super::$name(crate::house::House::open().await).await; })+
        }
        mod postgres {
            $(#[tokio::test] async fn $name() { super::$name(crate::house::House::on_postgres().await).await; })+
        }
    };
}

mod answers;
mod artifact;
mod canary;
mod catalogue;
mod checks;
mod conditions;
mod ecp;
mod encryption;
mod house;
mod idp_initiated;
mod keys;
mod limits;
mod logout;
mod logout_direct;
mod logout_sessions;
mod nodes;
mod recorder;
mod refusals;
mod requests;
mod signed_metadata;
mod sp;
mod sp_initiated;
mod sp_sources;
mod subjects;
mod tabs;
mod wishes;
