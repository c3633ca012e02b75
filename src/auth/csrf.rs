//! Anti-forgery tokens of forms: an HMAC over the secret that the browser's cookie carries, session or
//! pre-auth, with a fresh nonce, so that no two forms show the same text (compression can't be made to leak it).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::base::Random;
use crate::vault::Vault;

const PURPOSE: &str = "csrf";
const NONCE: usize = 16;

/// A token for a form shown to the browser that holds `secret`.
#[must_use]
pub fn token(vault: &Vault, random: &Random, secret: &str) -> String {
    let nonce = random.bytes::<NONCE>();
    let mut out = nonce.to_vec();
    out.extend_from_slice(&mac(vault, &nonce, secret));
    URL_SAFE_NO_PAD.encode(out)
}

/// Whether the token was made for the browser that holds `secret`. Compares in constant time.
#[must_use]
pub fn check(vault: &Vault, secret: &str, token: &str) -> bool {
    if secret.is_empty() || token.len() > 128 {
        return false;
    }
    let Ok(bytes) = URL_SAFE_NO_PAD.decode(token) else { return false };
    let Some((nonce, given)) = bytes.split_at_checked(NONCE) else { return false };
    let expected = mac(vault, nonce, secret);
    given.len() == expected.len() && openssl::memcmp::eq(given, &expected)
}

fn mac(vault: &Vault, nonce: &[u8], secret: &str) -> [u8; 32] {
    let mut message = nonce.to_vec();
    message.extend_from_slice(secret.as_bytes());
    vault.mac(PURPOSE, &message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_23_a_token_is_good_for_its_own_browser_only() {
        let (vault, random) = (Vault::new([7; 32]), Random::seeded(1));
        let first = token(&vault, &random, "secret");
        assert!(check(&vault, "secret", &first));
        assert!(!check(&vault, "other", &first) && !check(&vault, "", &first));
        assert!(!check(&Vault::new([8; 32]), "secret", &first));
        assert_ne!(first, token(&vault, &random, "secret"), "no two forms show the same");
        for bad in ["", "x", "AAAA", &first[1..], &format!("{first}A"), &"A".repeat(64)] {
            assert!(!check(&vault, "secret", bad), "{bad}");
        }
    }
}
