//! Inbound SCIM, as another directory or a personnel system meets it, and as an attacker with its token does.

#[path = "../both/mod.rs"]
mod both;
mod discovery;
mod groups;
mod house;
mod limits;
mod ownership;
mod tester;
mod users;
mod versions;
