//! The REST API, as programs meet it: the main job from a draft to a preview, who may do what, what is refused and
//! how, and the reference that is made from the code.

mod catalogue;
mod connector;
mod conventions;
mod directory;
mod encryption;
mod findings;
mod group_rules;
mod imports;
mod main_job;
mod matrix;
mod promises;
mod provisioning;
mod reference;
mod secrets;
mod support;
mod target_tls;
mod transforms;
