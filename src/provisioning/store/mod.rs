//! SQL of connections and of the ledger. It reads people, groups and bindings where they stand: what should be at an
//! application is one question, asked of the database as a whole.

pub(in crate::provisioning) mod connections;
pub(in crate::provisioning) mod imports;
pub(in crate::provisioning) mod ledger;
pub(in crate::provisioning) mod marks;
pub(in crate::provisioning) mod members;
pub(in crate::provisioning) mod paces;
pub(in crate::provisioning) mod reconcile;
pub(in crate::provisioning) mod state;
