//! Provisioning, end to end: people and groups here, a SCIM service of the lab there, and every request between them.

mod accounts;
mod answers;
mod catalogue;
mod crowd;
mod drift;
mod groups;
mod guard;
mod held;
mod import;
mod model;
mod nodes;
mod quirks;
mod servers;
mod stuck;
mod tls;
mod trouble;
mod unanswered;
mod upgrade;
mod world;
