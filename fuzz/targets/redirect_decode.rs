//! F-01: what arrives in a query or a form becomes octets within bounds, or a refusal.
#![no_main]

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use tessera_fuzz::memory::peak;
use tessera_fuzz::peer::{percent, redirect};
use tessera_fuzz::processor_time;
use tessera_fuzz::saml::binding::{MAX_INFLATED, MAX_RELAY_STATE, essential};
use tessera_fuzz::saml::{decode_post, decode_redirect};

/// Of the processor. Measured are some hundred microseconds.
const PATIENCE: Duration = Duration::from_millis(500);

fuzz_target!(|data: &[u8]| {
    let Some((mode, rest)) = data.split_first() else { return };
    let raw = match mode % 4 {
        // A query as it is, a stream of DEFLATE, or octets that are deflated first.
        0 | 1 => String::from_utf8_lossy(rest).into_owned(),
        2 => format!("SAMLRequest={}", percent(&STANDARD.encode(rest))),
        _ => redirect(rest),
    };
    for decode in [decode_redirect, decode_post] {
        let began = processor_time();
        let (decoded, bytes) = peak(|| decode(&raw));
        assert!(bytes < 4 * 1024 * 1024, "{bytes} bytes of memory");
        let spent = processor_time().saturating_sub(began);
        assert!(spent < PATIENCE, "{spent:?}");
        let Ok(message) = decoded else { continue };
        assert!(message.xml.len() <= MAX_INFLATED);
        assert!(message.relay_state.as_ref().is_none_or(|state| state.as_str().len() <= MAX_RELAY_STATE));
        // What is kept of it while somebody signs in reads as the message did.
        assert_eq!(decode(&essential(&raw)).ok().as_ref(), Some(&message));
        // And its octets sent anew are the same octets, unless they are more than that may inflate to.
        if let Ok(again) = decode_redirect(&redirect(&message.xml)) {
            assert_eq!(again.xml, message.xml);
        }
    }
});
