//! The SAML 2.0 protocol, pure: XML in and out, bindings, requests, responses, metadata, signatures, status.
//! No tokio, no SQL, no HTTP; time, ids and signer come in as arguments.
