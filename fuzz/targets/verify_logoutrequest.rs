//! F-04: a validly signed LogoutRequest, mutated by one who knows XML. Whatever is accepted says what was signed.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tessera_fuzz::choice::Choice;
use tessera_fuzz::mutate::mutated;
use tessera_fuzz::peer::{Plain, SP, Setup};
use tessera_fuzz::saml::logout::LogoutMessage;

const ROOT: &str = "LogoutRequest";

static SEED: LazyLock<(String, LogoutMessage)> = LazyLock::new(|| {
    let signed = Plain::honest(ROOT, "_honest").signed(&SP);
    let expected = Setup::default().log_out(&signed).expect("the honest one");
    (signed, expected)
});
static EVIL: LazyLock<[String; 2]> =
    LazyLock::new(|| ["_evil", "_honest"].map(|id| Plain::evil(ROOT, id).xml()));

fuzz_target!(|data: &[u8]| {
    let mut choice = Choice::new(data);
    let evil = &EVIL[choice.below(EVIL.len())];
    let xml = mutated(&SEED.0, evil, &mut choice);
    let judged = if choice.one_in(4) {
        Setup::default().log_out_by_soap(if choice.one_in(2) { evil } else { "" }, &xml)
    } else {
        Setup::default().log_out(&xml)
    };
    if let Ok(message) = judged {
        assert_eq!(message, SEED.1, "{xml}");
    }
});
