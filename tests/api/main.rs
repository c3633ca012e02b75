//! The REST API, as programs meet it: the main job from a draft to a preview, who may do what, what is refused and
//! how, and the reference that is made from the code.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod conventions;
mod directory;
mod main_job;
mod matrix;
mod reference;
mod secrets;
mod support;
