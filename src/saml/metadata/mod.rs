//! Metadata (SAML Metadata 2.0): ours is written, a service provider's is read. Reading is generous with what it
//! does not know and strict with what it uses.

mod aggregate;
mod choose;
mod locate;
mod read;
mod write;

pub use aggregate::{Picked, pick_sp_metadata};
pub use choose::{Choices, Wanted};
pub use locate::{Location, LocationFault};
pub use read::{
    AttributeService, CertificateEntry, Endpoint as LogoutEndpoint, KeyUse, MetadataFault,
    RequestedAttribute, SpMetadata, Trust, read_signed_sp_metadata, read_sp_metadata,
};
pub use write::{IdpMetadata, Stamp};

#[cfg(test)]
mod tests;
