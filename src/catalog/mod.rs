//! Connector templates: schema, loading, placeholders, linting, search. Pure: bytes and names come in, data comes
//! out. It must not know applications, people, the database or HTTP; the only files it reads are connectors.
//!
//! Start with [`sso::SsoSettings`], which connectors, the REST API and storage share, then [`model::Connector`],
//! [`load::Catalog`] and [`placeholder::Scope`].

mod general;
pub mod glyphs;
mod lenient;
pub mod lint;
pub mod load;
pub mod mapping;
pub mod model;
pub mod placeholder;
pub mod schema;
pub mod search;
mod sites;
pub mod skeleton;
pub mod sso;
pub mod steps;
pub mod upgrade;
pub mod yaml;

pub use load::Catalog;
pub use model::Connector;
