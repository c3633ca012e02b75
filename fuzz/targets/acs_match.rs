//! F-08: an ACS that is asked for is one that is registered, to the letter.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tessera_fuzz::attribute_value;
use tessera_fuzz::peer::{ASSERTION, ENDPOINT, NOW, PROTOCOL, SP_ID, post};
use tessera_fuzz::saml::{
    AcsBinding, AssertionConsumer, Endpoint, Reason, ServiceProvider, Stage, Timing, decode_post, receive,
};
use url::Url;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // The first line is asked for, the others are registered.
    let mut lines = text.splitn(6, '\n');
    let asked = lines.next().unwrap_or_default();
    let Some(value) = attribute_value(asked) else { return };
    let acs: Vec<AssertionConsumer> = lines
        .map(|url| AssertionConsumer {
            url: url.to_owned(),
            index: None,
            is_default: None,
            binding: Some(AcsBinding::Post),
        })
        .collect();
    let xml = format!(
        "<samlp:AuthnRequest xmlns:samlp=\"{PROTOCOL}\" ID=\"_r\" Version=\"2.0\" IssueInstant=\"2026-11-22T07:59:58Z\" \
         AssertionConsumerServiceURL=\"{value}\"><saml:Issuer xmlns:saml=\"{ASSERTION}\">{SP_ID}</saml:Issuer>\
         </samlp:AuthnRequest>"
    );
    let Ok(message) = decode_post(&post(&xml)) else { return };
    let sp = ServiceProvider {
        entity_id: SP_ID,
        acs: &acs,
        signing_keys: &[],
        require_signed_requests: false,
        redirect_enveloped_signature: false,
        allow_missing_destination: false,
        strict_relay_state: false,
    };
    let endpoint = Endpoint { url: ENDPOINT, entity_id: ENDPOINT };
    let is_registered = acs.iter().any(|acs| acs.url == asked);
    match receive(&message, &sp, &endpoint, Stage::First(Timing::at(NOW))) {
        Ok(trusted) => {
            assert!(is_registered && trusted.acs_url() == asked, "{asked:?}");
            // A browser goes where the registered address leads, whatever it makes of it.
            let origins: Vec<_> =
                acs.iter().filter_map(|acs| Url::parse(&acs.url).ok()).map(|url| url.origin()).collect();
            if let Ok(url) = Url::parse(asked).map(|url| url.origin())
                && url.is_tuple()
            {
                assert!(origins.contains(&url), "{asked:?}");
            }
        }
        Err(refusal) => {
            let expected = if acs.is_empty() { Reason::AcsNone } else { Reason::AcsUnregistered };
            // A value of more than the reader's limit is no address.
            assert!(!is_registered || asked.len() > 60_000, "{asked:?}: {:?}", refusal.reason);
            assert!(refusal.reason == expected || asked.len() > 30_000, "{:?}", refusal.reason);
            assert!(refusal.reply.is_none(), "nothing goes to an address that is not registered");
        }
    }
});
