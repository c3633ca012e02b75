//! The whole configuration as text: declared in YAML files, compared, applied all or nothing, and written out again.
//! Configuration is settings, groups, applications, which groups may use them and how their identity management is set;
//! never people, memberships, tokens, keys or events.
//!
//! It must not check what an operation checks: every change goes through the operations that the API calls, in one
//! transaction. Nor does it know files or terminals: bytes with names come in, text and plans go out. Start with
//! [`document::Document`], then [`apply::rehearse`].

pub mod apply;
mod difference;
pub mod document;
pub mod export;
mod fitted;
mod form;
mod hinted;
pub mod importers;
mod perform;
pub mod plan;
pub mod read;
mod stored;

pub use apply::{Options, Refused, carry_out, rehearse};
pub use export::{export, written};
pub use fitted::fitted;
pub use plan::{Plan, Step, Verb};
pub use read::{Declared, Refusal, read};
