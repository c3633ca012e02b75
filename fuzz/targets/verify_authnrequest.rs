//! F-04: a validly signed request, mutated by one who knows XML. Whatever is accepted says what was signed.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tessera_fuzz::choice::Choice;
use tessera_fuzz::mutate::mutated;
use tessera_fuzz::peer::{ENDPOINT, Plain, SP, Setup, redirect};
use tessera_fuzz::saml::Trusted;

const ROOT: &str = "AuthnRequest";

struct Seed {
    signed: String,
    expected: Trusted,
}

fn seeds() -> Vec<Plain> {
    let honest = Plain::honest(ROOT, "_honest");
    let bare = Plain { children: String::new(), ..honest.clone() };
    let extended = Plain {
        children: format!(
            "<samlp:Extensions><x xmlns=\"urn:x\" a=\"1\">y<z></z></x></samlp:Extensions>{}<samlp:Scoping>\
             <samlp:IDPList><samlp:IDPEntry ProviderID=\"{ENDPOINT}/metadata\"></samlp:IDPEntry></samlp:IDPList>\
             </samlp:Scoping>",
            honest.children
        ),
        ..honest.clone()
    };
    vec![honest, bare, extended]
}

static SEEDS: LazyLock<Vec<Seed>> = LazyLock::new(|| {
    let seed = |plain: Plain| {
        let signed = plain.signed(&SP);
        Seed { expected: Setup::REQUIRED.post(&signed).expect("the honest one"), signed }
    };
    seeds().into_iter().map(seed).collect()
});
static EVIL: LazyLock<[String; 2]> =
    LazyLock::new(|| ["_evil", "_honest"].map(|id| Plain::evil(ROOT, id).xml()));

fuzz_target!(|data: &[u8]| {
    let mut choice = Choice::new(data);
    let seed = &SEEDS[choice.below(SEEDS.len())];
    let evil = &EVIL[choice.below(EVIL.len())];
    let (by_redirect, by_client) = (choice.one_in(4), choice.one_in(4));
    let xml = mutated(&seed.signed, evil, &mut choice);
    let judged = if by_redirect {
        Setup { redirect_enveloped: true, ..Setup::REQUIRED }.redirect(&redirect(&xml))
    } else if by_client {
        Setup::REQUIRED.soap(if choice.one_in(2) { evil } else { "" }, &xml)
    } else {
        Setup::REQUIRED.post(&xml)
    };
    if let Ok(trusted) = judged {
        assert!(trusted.is_signed());
        assert_eq!(trusted.request(), seed.expected.request(), "{xml}");
        assert_eq!(trusted.acs_url(), seed.expected.acs_url(), "{xml}");
    }
});
