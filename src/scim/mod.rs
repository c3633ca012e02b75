//! SCIM 2.0 (RFC 7643, RFC 7644, RFC 9865), pure: paths, filters, PATCH, lists, errors, discovery and the operations on
//! resources. The client, the server and the lab share it. No tokio, no SQL, no HTTP, no time and no randomness; it may
//! use `base` only.
//!
//! Resources stay [`serde_json::Value`], since the other side sends what it likes: names are read without case,
//! booleans also as strings, and what is missing is missing. What the standard says of an attribute (multi-valued,
//! boolean, exact in case, read-only) stands in [`schema`] once. Start at [`path`] and [`resource`].

mod apply;
pub mod discovery;
pub mod error;
mod evaluate;
pub mod filter;
pub mod lacking;
pub mod list;
mod parse;
pub mod patch;
pub mod path;
mod projection;
pub mod resource;
pub mod schema;
mod schema_data;
pub mod sent;

pub use discovery::Capabilities;
pub use error::{ErrorKind, ReceivedError, ScimError};
pub use filter::{Comparison, Filter};
pub use lacking::lacking;
pub use list::{ListResponse, PageRequest};
pub use patch::{MembersChange, MembersDelta, Operation, OperationKind, PatchOp};
pub use path::AttributePath;
pub use projection::Projection;

/// The media type of SCIM (RFC 7644 §3.1).
pub const MEDIA_TYPE: &str = "application/scim+json";
