//! The lab's SCIM service provider, seen from a client: the standard, each quirk, each fault.

mod binary;
mod faults;
mod house;
mod quirks;
mod resources;
