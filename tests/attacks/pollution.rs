//! Parameters that come twice, by other spellings, in other orders or from elsewhere: one reader must not see another
//! message than the one that was signed (SAML-104).

use tessera::saml::{Reason, decode_post, decode_redirect};

use crate::peer::{MALLORY, Plain, SP, Setup, post, redirect, signed_query};

const OURS: [&str; 5] = ["SAMLRequest", "RelayState", "SigAlg", "Signature", "SAMLEncoding"];
const OTHERS: [&str; 2] = ["SAMLResponse", "SAMLart"];

/// Every letter of a name escaped in turn, in both cases of hexadecimal, and the whole of it.
fn spellings(name: &str) -> Vec<String> {
    let escaped = |c: char| format!("%{:02X}", u32::from(c));
    let mut out = vec![name.to_owned(), name.chars().map(escaped).collect()];
    for (at, c) in name.char_indices() {
        for form in [escaped(c), escaped(c).to_lowercase()] {
            out.push(format!("{}{form}{}", &name[..at], &name[at + 1..]));
        }
    }
    out.sort_unstable();
    out.dedup();
    out
}

fn signed() -> String {
    let query = format!("{}&RelayState=state", redirect(Plain::honest("AuthnRequest", "_honest").xml()));
    signed_query(&query, &SP)
}

#[test]
fn saml_104_a_parameter_twice_is_refused_under_every_spelling_and_at_every_place() {
    let signed = signed();
    let value = |name: &str| {
        let pair = signed.split('&').find(|pair| pair.starts_with(&format!("{name}=")));
        pair.map_or("urn%3Aoasis", |pair| pair.split_once('=').unwrap().1).to_owned()
    };
    assert!(Setup::REQUIRED.redirect(&signed).is_ok());
    let mut sent = 0;
    for name in OURS {
        // A second encoding parameter needs a first.
        let base = match name {
            "SAMLEncoding" => format!(
                "{signed}&SAMLEncoding=urn%3Aoasis%3Anames%3Atc%3ASAML%3A2.0%3Abindings%3AURL-Encoding%3ADEFLATE"
            ),
            _ => signed.clone(),
        };
        for spelling in spellings(name) {
            for second in [value(name), "evil".to_owned(), String::new()] {
                let pair = format!("{spelling}={second}");
                let queries = [
                    format!("{base}&{pair}"),
                    format!("{pair}&{base}"),
                    base.replacen('&', &format!("&{pair}&"), 1),
                ];
                for query in queries {
                    let reason = Setup::REQUIRED.redirect(&query).err();
                    assert_eq!(reason, Some(Reason::ParameterPollution), "{query}");
                    sent += 1;
                }
            }
        }
    }
    assert!(sent > 600, "{sent}");
}

#[test]
fn saml_104_a_parameter_by_another_spelling_is_refused_even_alone() {
    for name in OURS {
        for spelling in spellings(name).iter().filter(|spelling| *spelling != name) {
            let query = signed().replacen(&format!("{name}="), &format!("{spelling}="), 1);
            let with = if query == signed() { format!("{query}&{spelling}=x") } else { query };
            assert_eq!(Setup::REQUIRED.redirect(&with).err(), Some(Reason::ParameterPollution), "{with}");
        }
    }
    // Names are compared to the letter: other cases are foreign parameters, and nothing of theirs is read.
    for foreign in [
        "samlrequest=x",
        "SAMLREQUEST=x",
        "relaystate=x",
        "signature=x",
        "SAMLRequest[]=x",
        "SAMLRequest%00=x",
        "+SAMLRequest=x",
    ] {
        let found = Setup::REQUIRED.redirect(&format!("{}&{foreign}", signed()));
        assert!(found.is_ok(), "{foreign}: {found:?}");
    }
}

#[test]
fn saml_104_a_response_or_an_artifact_beside_the_request_is_refused() {
    for name in OTHERS {
        for spelling in spellings(name) {
            for query in [format!("{}&{spelling}=x", signed()), format!("{spelling}&{}", signed())] {
                assert_eq!(
                    decode_redirect(&query).err().map(|r| r.reason),
                    Some(Reason::ParameterPollution),
                    "{query}"
                );
                let body = format!("{}&{spelling}=x", post(Plain::honest("AuthnRequest", "_honest").xml()));
                assert_eq!(
                    decode_post(&body).err().map(|r| r.reason),
                    Some(Reason::ParameterPollution),
                    "{body}"
                );
            }
        }
    }
}

#[test]
fn saml_104_no_part_of_a_signed_query_can_be_left_out_moved_or_exchanged() {
    let (ours, theirs) = (signed(), {
        let query = format!("{}&RelayState=state", redirect(Plain::evil("AuthnRequest", "_honest").xml()));
        signed_query(&query, &MALLORY)
    });
    let ours: Vec<&str> = ours.split('&').collect();
    let theirs: Vec<&str> = theirs.split('&').collect();
    let judge = |pairs: &[&str]| Setup::REQUIRED.redirect(&pairs.join("&")).err();
    // Every subset, and every mixture of the two queries.
    for bits in 0..16_usize {
        let kept: Vec<&str> = (0..4).filter(|at| bits >> at & 1 == 1).map(|at| ours[at]).collect();
        let expected = match bits {
            15 => None,
            _ if bits & 1 == 0 => Some(Reason::MissingRequest),
            3 | 1 => Some(Reason::SignatureMissing),
            13 => Some(Reason::SignatureInvalid),
            _ => Some(Reason::SignatureIncomplete),
        };
        assert_eq!(judge(&kept), expected, "{bits:04b}");
        let mixed: Vec<&str> =
            (0..4).map(|at| if bits >> at & 1 == 1 { ours[at] } else { theirs[at] }).collect();
        // RelayState and SigAlg are equal in both.
        let expected = if bits & 9 == 9 { None } else { Some(Reason::SignatureInvalid) };
        assert_eq!(judge(&mixed), expected, "{bits:04b}");
    }
    // The order on the wire means nothing.
    for turn in 0..4 {
        let mut pairs = ours.clone();
        pairs.rotate_left(turn);
        assert_eq!(judge(&pairs), None);
    }
    // What a sloppy reader might split at.
    for separator in [";", "&amp;", "%26", "\n", "\u{0}"] {
        assert!(judge(&[&ours.join(separator)]).is_some(), "{separator:?}");
    }
}
