//! The SAML 2.0 protocol, pure: XML in and out, bindings, requests, responses, metadata, signatures, status.
//! No tokio, no SQL, no HTTP; time, ids and signer come in as arguments. It may use `base` only.
//!
//! Outgoing, start at [`response`]: a [`ResponseInput`] is written in canonical form, digested, signed through a
//! [`Signer`] and leaves as opaque bytes. Incoming, start at [`binding`]: octets become a bounded message, which
//! [`receive()`] turns into a `Trusted` request or a named [`Refusal`]. What others fell for, and why we don't, stands
//! in [`attacks`].

pub mod artifact;
pub mod attacks;
pub mod binding;
pub mod certificate;
pub mod checks;
pub mod decrypt;
pub mod dsig;
pub mod ecp;
pub mod encrypt;
pub mod logout;
pub mod metadata;
pub mod names;
pub mod pretty;
pub mod receive;
pub mod refusal;
pub mod request;
pub mod response;
pub mod sign;
pub mod soap;
pub mod status;
pub mod xml;

pub use binding::{
    Binding, Carried, Message, RelayState, decode_post, decode_redirect, verify_redirect_signature,
};
pub use certificate::{
    Certificate, CertificateFault, CertificateWarning, VerificationKey, parse_certificate,
};
pub use encrypt::{Encryption, EncryptionAlgorithm, KeyTransport, Recipient};
pub use metadata::{IdpMetadata, Location, MetadataFault, SpMetadata, read_sp_metadata};
pub use receive::{
    AcsBinding, AssertionConsumer, Endpoint, ServiceProvider, Stage, Timing, Trusted, receive,
};
pub use refusal::{Class, Mismatch, Reason, Refusal, Reply};
pub use request::AuthnRequest;
pub use response::{
    Attribute, ErrorResponse, Lifetimes, NameId, ResponseInput, SignMode, SignedResponse, StatusResponse,
    WriteError,
};
pub use sign::{OpensslSigner, SignError, SignatureAlgorithm, Signer};
pub use status::Status;

#[cfg(test)]
pub(crate) mod testing;
