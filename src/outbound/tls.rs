//! The TLS of one target: whom Tessera trusts there in place of the public authorities, and the certificate that it
//! shows. Both are the target's own: they go no further than its origin, like its secret.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use openssl::sha::Sha256;
use reqwest::{Certificate, Client, Identity};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// Clients with a TLS of their own that are kept for the next request.
const KEPT: usize = 32;

/// The TLS of one target.
#[derive(Clone, Default)]
pub struct Tls {
    authorities: Vec<Certificate>,
    identity: Option<Identity>,
    digest: [u8; 32],
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tls({} authorities, identity: {})", self.authorities.len(), self.identity.is_some())
    }
}

impl Tls {
    /// Trusts these authorities (PEM) there, and no others: neither those of the machine nor those that Tessera was
    /// started with. `None` when there are no certificates in it, or one that can't be an authority.
    #[must_use]
    pub fn trusting(self, pem: &[u8]) -> Option<Self> {
        let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().ok()?;
        let mut roots = RootCertStore::empty();
        for certificate in &found {
            roots.add(certificate.clone()).ok()?;
        }
        let read = found.iter().map(|certificate| Certificate::from_der(certificate));
        let authorities = read.collect::<Result<Vec<_>, _>>().ok().filter(|read| !read.is_empty())?;
        let digest = self.digest_with(b"authorities", pem);
        Some(Self { authorities, digest, ..self })
    }

    /// Shows this certificate there when it is asked for one: certificate and private key, PEM. `None` when these are
    /// not both in it.
    #[must_use]
    pub fn showing(self, pem: &[u8]) -> Option<Self> {
        let identity = Some(Identity::from_pem(pem).ok()?);
        let digest = self.digest_with(b"identity", pem);
        Some(Self { identity, digest, ..self })
    }

    fn digest_with(&self, what: &[u8], pem: &[u8]) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(&self.digest);
        digest.update(what);
        digest.update(pem);
        digest.finish()
    }

    /// The authorities that are trusted in place of the public ones; empty: the public ones are.
    pub(super) fn authorities(&self) -> &[Certificate] {
        &self.authorities
    }

    pub(super) fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }
}

/// Clients by SHA-256 of the TLS that they speak, those used last at the end. They keep their connections apart, so
/// that what one target was shown is never taken for another.
#[derive(Debug, Default)]
pub(super) struct OwnClients(Mutex<Vec<([u8; 32], Client)>>);

impl OwnClients {
    pub(super) fn find(&self, tls: &Tls) -> Option<Client> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(digest, _)| *digest == tls.digest)?;
        let found = kept.remove(at);
        let client = found.1.clone();
        kept.push(found);
        Some(client)
    }

    pub(super) fn keep(&self, tls: &Tls, client: Client) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(digest, _)| *digest != tls.digest);
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push((tls.digest, client));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}
