//! XML Signature, as little of it as SAML needs: one enveloped signature over one element named by its ID,
//! exclusive canonicalisation, no other transform (Core 5.4). Writing and verifying are apart.

pub(crate) mod envelop;
mod verify;

pub(crate) use verify::{MAX_KEYS, holds_signature};
pub use verify::{SignatureFault, Verified, verify_element, verify_root};
