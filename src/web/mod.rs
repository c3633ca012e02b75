//! HTTP: extractors, handlers, pages and assets. It decodes a request, calls one operation of a lower room and
//! encodes the answer; it never touches the database.

pub mod assets;
pub mod pages;
pub mod server;
