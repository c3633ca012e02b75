//! Randomness as a parameter: the operating system's in production, a seeded stream in tests.

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::sha::Sha256;

/// Where random bytes come from.
#[derive(Clone, Debug, Default)]
pub enum Random {
    /// OpenSSL's CSPRNG, seeded by the operating system.
    #[default]
    System,
    /// SHA-256 in counter mode over a seed: reproducible, for tests only.
    Seeded(Arc<Mutex<(u64, u64)>>),
}

impl Random {
    /// A reproducible stream for tests.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(Arc::new(Mutex::new((seed, 0))))
    }

    /// Fills `out` with random bytes.
    ///
    /// # Panics
    /// When the operating system has no randomness to give: going on with predictable ids and keys would be
    /// worse than stopping.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks OpenSSL for randomness")]
    pub fn fill(&self, out: &mut [u8]) {
        match self {
            Self::System => openssl::rand::rand_bytes(out).expect("the operating system gives randomness"),
            Self::Seeded(state) => {
                let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                for chunk in out.chunks_mut(32) {
                    let mut hash = Sha256::new();
                    hash.update(&state.0.to_be_bytes());
                    hash.update(&state.1.to_be_bytes());
                    state.1 += 1;
                    chunk.copy_from_slice(&hash.finish()[..chunk.len()]);
                }
            }
        }
    }

    /// `N` random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }

    /// 256 random bits as 43 URL-safe characters: sessions, links, handles, tokens.
    #[must_use]
    pub fn token(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes::<32>())
    }

    /// A SAML ID: `_` and 160 random bits in hexadecimal, an NCName (Core 1.3.4, SAML-206).
    #[must_use]
    pub fn saml_id(&self) -> String {
        use std::fmt::Write as _;
        let mut out = String::with_capacity(41);
        out.push('_');
        for byte in self.bytes::<20>() {
            let _ = write!(out, "{byte:02x}");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn saml_206_ids_are_nc_names_of_160_bits_and_unique() {
        let random = Random::System;
        let ids: HashSet<String> = (0..1_000_000).map(|_| random.saml_id()).collect();
        assert_eq!(ids.len(), 1_000_000);
        assert!(ids.iter().all(|id| id.len() == 41 && id.starts_with('_')));
        // No shared prefix beyond what chance gives: all 256 values of the first byte occur.
        assert_eq!(ids.iter().map(|id| id[1..3].to_owned()).collect::<HashSet<_>>().len(), 256);
    }

    #[test]
    fn seeded_randomness_repeats() {
        assert_eq!(Random::seeded(7).token(), Random::seeded(7).token());
        assert_ne!(Random::seeded(7).token(), Random::seeded(8).token());
        let one = Random::seeded(7);
        assert_ne!(one.token(), one.token());
    }
}
