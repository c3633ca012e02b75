//! The pages as people meet them: an installation on a temporary database, walked through by a browser without
//! JavaScript.

mod applications;
mod connector_upgrade;
mod federation;
mod gate;
mod hostile;
#[path = "../html/mod.rs"]
mod html;
mod meanwhile;
mod people;
mod provisioning;
mod provisioning_standing;
mod provisioning_tls;
mod roles;
mod scene;
mod sp_source;
mod step_up;
mod world;
