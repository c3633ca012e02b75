//! Connector templates: schema, loading, placeholders, linting, search. Pure: bytes and names come in, data comes
//! out. It must not know applications, people, the database or HTTP; the only files it reads are connectors.
//!
//! Start with [`sso::SsoSettings`]: connectors, the REST API and storage share it.

pub mod sso;
