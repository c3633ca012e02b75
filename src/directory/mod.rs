//! People, groups and memberships: who there is, what is known of them, and who belongs together.
//!
//! It must not know passwords, sessions or applications; the one rule it shares with `auth`, that an active owner
//! is always left, stands in [`owners`]. Start with [`people`] and [`groups`]; what SCIM clients do to them is in
//! [`inbound`]; SQL is in `store` alone.

pub mod groups;
pub mod inbound;
pub mod login_name;
pub mod memberships;
pub mod owners;
pub mod people;
pub mod person;
mod store;
mod validate;

pub use groups::{Group, GroupPatch, NewGroup};
pub use memberships::MembershipChange;
pub use people::PeopleFilter;
pub use person::{Address, NewPerson, Person, PersonPatch, PersonState, PhoneNumber, Profile, value_of};
