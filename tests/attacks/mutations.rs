//! The mutator over signed requests, some thousand times: whatever is still accepted says what was signed (A-02, F-04).

use tessera::base::Random;
use tessera::saml::Reason;

use crate::choice::Choice;
use crate::libxml2::Libxml2;
use crate::mutate::mutated;
use crate::peer::{Plain, SP, Setup};

const CASES: usize = 6000;

/// Enough for one mutation every other time, else for several.
fn octets(random: &Random, case: usize) -> Vec<u8> {
    let most = if case.is_multiple_of(2) { 4 } else { 44 };
    let length = 4 + usize::from(random.bytes::<1>()[0]) % most;
    random.bytes::<48>()[..length].to_vec()
}

#[test]
fn a_02_a_04_what_is_accepted_after_mutation_says_what_was_signed() {
    let random = Random::seeded(2);
    let honest = Plain::honest("AuthnRequest", "_honest");
    let (signed, evil) = (honest.signed(&SP), Plain::evil("AuthnRequest", "_evil").xml());
    let expected = Setup::REQUIRED.post(&signed).unwrap();
    let (mut accepted, mut refused) = (0, 0);
    for case in 0..CASES {
        let octets = octets(&random, case);
        let xml = mutated(&signed, &evil, &mut Choice::new(&octets));
        match Setup::REQUIRED.post(&xml) {
            Ok(trusted) => {
                assert_eq!(trusted.request(), expected.request(), "{xml}");
                assert_eq!(trusted.acs_url(), expected.acs_url(), "{xml}");
                accepted += usize::from(xml != signed);
            }
            Err(_) => refused += 1,
        }
    }
    assert!(refused > CASES / 2 && accepted > 10, "{accepted} accepted, {refused} refused");
}

#[test]
fn a_04_what_another_parser_refuses_or_reads_otherwise_we_do_not_accept() {
    let mut libxml2 = Libxml2::start();
    let random = Random::seeded(4);
    let honest = Plain::honest("AuthnRequest", "_honest");
    let (unsigned, evil) = (honest.xml(), Plain::evil("AuthnRequest", "_evil").xml());
    let (mut accepted, mut refused) = (0, 0);
    for case in 0..CASES / 4 {
        let octets = octets(&random, case);
        let xml = mutated(&unsigned, &evil, &mut Choice::new(&octets));
        let Ok(trusted) = Setup::default().post(&xml) else {
            refused += 1;
            continue;
        };
        accepted += 1;
        let issuers =
            libxml2.texts(xml.as_bytes(), "Issuer").unwrap_or_else(|| panic!("libxml2 refuses {xml}"));
        assert!(issuers.iter().any(|issuer| issuer == crate::peer::SP_ID), "{issuers:?}: {xml}");
        if let Some(subject) = &trusted.request().subject {
            let names = libxml2.texts(xml.as_bytes(), "NameID").unwrap();
            assert!(names.contains(&subject.value), "{names:?}: {xml}");
        }
    }
    assert!(accepted > 50 && refused > 50, "{accepted} accepted, {refused} refused");
    // And both refuse what neither should read.
    for broken in ["<a>", "<a b='1' b='2'/>", "<a>&x;</a>", "<a/><b/>"] {
        assert_eq!(libxml2.texts(broken.as_bytes(), "a"), None, "{broken}");
        assert!(matches!(Setup::default().post(broken), Err(Reason::Xml(_))), "{broken}");
    }
}
