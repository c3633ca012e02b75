//! The checks that a sign-on goes through, in their order, each with the section that demands it: so that the recorder
//! can tell which held, which failed and which were not reached. A test holds the table against the closed list of
//! refusals.

use serde::Serialize;

/// How one check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It held.
    Passed,
    /// It did not, and nothing after it was looked at.
    Failed,
    /// It was not made, or it is not known whether it was.
    NotReached,
}

/// One check of one exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Check {
    /// What was checked.
    pub title: &'static str,
    /// Where it is demanded.
    pub section: &'static str,
    /// How it ended.
    pub verdict: Verdict,
}

/// A step: by which refusals it fails, and whether it is one of requests only.
struct Step {
    title: &'static str,
    section: &'static str,
    codes: &'static [&'static str],
    of_request: bool,
}

const fn always(title: &'static str, section: &'static str, codes: &'static [&'static str]) -> Step {
    Step { title, section, codes, of_request: false }
}

const fn of_request(title: &'static str, section: &'static str, codes: &'static [&'static str]) -> Step {
    Step { title, section, codes, of_request: true }
}

/// In the order in which `signon` makes them. A test makes each fail while all after it would fail too.
const STEPS: &[Step] = &[
    always(
        "The application is in use",
        "Profiles 4.1.4.1",
        &["application_not_active", "application_incomplete"],
    ),
    of_request(
        "The message arrived whole and once",
        "Bindings 3.4.4, 3.5.4",
        &[
            "parameter_pollution",
            "request_missing",
            "encoding_invalid",
            "encoding_unknown",
            "deflate_invalid",
            "request_too_large",
            "relay_state_too_long",
            "relay_state_unusable",
            "signature_incomplete",
            "binding_simple_sign",
            "mixed_sources",
        ],
    ),
    of_request(
        "It is XML within the limits, without a document type",
        "IIP-G03",
        &[
            "xml_too_large",
            "xml_not_utf8",
            "xml_not_well_formed",
            "xml_doctype",
            "xml_entity",
            "xml_processing_instruction",
            "xml_too_deep",
            "xml_too_many_elements",
            "xml_too_many_attributes",
            "xml_too_many_namespaces",
            "xml_text_too_long",
            "xml_duplicate_id",
            "xml_foreign_id",
            "xml_mixed_content",
            "xml_not_canonical",
        ],
    ),
    of_request("It is a sign-in request", "Core 3.4.1", &["soap_invalid", "not_an_authn_request"]),
    of_request(
        "It is from the registered application",
        "Core 3.2.1",
        &["issuer_missing", "issuer_unknown", "issuer_format"],
    ),
    of_request(
        "Its signature is in order, or none is demanded",
        "Core 5.4.2, Bindings 3.4.4.1",
        &[
            "signature_missing",
            "signature_malformed",
            "signature_enveloped_on_redirect",
            "signature_algorithm",
            "signature_key_unknown",
            "required_key_missing",
            "signature_invalid",
        ],
    ),
    of_request("It has an ID and a time", "Core 3.2.1", &["id_invalid", "issue_instant_invalid"]),
    of_request(
        "It is meant for this address",
        "Bindings 3.4.5.2, 3.5.5.2",
        &["destination_mismatch", "destination_missing"],
    ),
    of_request("It is fresh", "Core 3.2.1", &["request_stale", "request_from_the_future"]),
    of_request("Its RelayState is not too long", "Bindings 3.4.3, 3.5.3", &["relay_state_over_80"]),
    of_request(
        "The answer goes to a registered address",
        "Core 3.4.1, Metadata 2.4.4",
        &["acs_unregistered", "acs_index_unknown", "acs_ambiguous", "acs_none_registered"],
    ),
    of_request("It is SAML 2.0", "Core 4.1.3.2", &["version_too_low", "version_too_high", "version_invalid"]),
    of_request("The answer goes by a binding of its address", "Profiles 4.1.2", &["binding_unsupported"]),
    of_request("What it asks for is valid", "Core 3.4.1", &["request_invalid", "subject_confirmation"]),
    of_request("It allows this identity provider", "Core 3.4.1.2", &["idp_not_listed"]),
    of_request(
        "Where a connection is named, client and application name the same",
        "ECP 2.3.6.2",
        &["channel_bindings"],
    ),
    of_request("If it is signed, its key is still vouched for", "Metadata 2.3.2", &["sp_metadata_ended"]),
    of_request(
        "If a key is asked for, there is somebody to encrypt it for",
        "SAML-EC 5.3.1",
        &["generated_key"],
    ),
    of_request("The kind of sign-in that is asked for can be had here", "Core 3.3.2.2.1", &["authn_context"]),
    always("The person signed in", "Core 3.4.1", &["passive", "given_up"]),
    always("The person may use the application", "Profiles 4.1.4.1", &["not_bound", "person_not_active"]),
    of_request("The Name ID can be given as asked", "Core 3.4.1.1", &["name_id_policy"]),
    always("The person has a Name ID", "Core 8.3", &["name_id_empty", "name_id_not_an_address"]),
    of_request("It is the person who was asked for", "Core 3.4.1", &["subject_mismatch"]),
    always(
        "The attributes are known and fit",
        "Metadata 2.4.4.1",
        &["attribute_service_unknown", "attribute_too_long"],
    ),
    always(
        "If something is encrypted, its key is still vouched for",
        "Metadata 2.3.2",
        &["sp_encryption_key_ended"],
    ),
    always(
        "If it waited for a sign-in, it was completed once only",
        "Profiles 4.1.4.5",
        &["request_already_answered"],
    ),
    of_request("If it is signed, it came for the first time", "Profiles 4.1.4.5", &["request_replayed"]),
];

/// Refusals that are found in more than one place: what was looked at for certain ends with the step that fails by the
/// second code. A form is remembered before its person is known; who turns back has shown nothing but the request; a
/// `BaseID` is nobody's whoever comes; a Name ID may be too long like an attribute.
const KNOWN_BEFORE: &[(&str, &str)] = &[
    ("subject_mismatch", "binding_unsupported"),
    ("given_up", "idp_not_listed"),
    ("request_already_answered", "idp_not_listed"),
    ("request_replayed", "sp_metadata_ended"),
    ("attribute_too_long", "name_id_policy"),
];

/// The checks of an exchange that ended with this code; `None`: with an assertion. `asked`: a request came, else Tessera
/// began. Of a code that is none of a check nothing can be said.
#[must_use]
pub fn trace(code: Option<&str>, asked: bool) -> Vec<Check> {
    let steps: Vec<&Step> = STEPS.iter().filter(|step| asked || !step.of_request).collect();
    let step_of = |code: &str| steps.iter().position(|step| step.codes.contains(&code));
    let failed = match code {
        None => None,
        Some(code) => match step_of(code) {
            None => return Vec::new(),
            at => at,
        },
    };
    let sooner = code.and_then(|code| KNOWN_BEFORE.iter().find(|(late, _)| *late == code));
    let held = match (sooner, failed) {
        (None, None) => steps.len(),
        (None, Some(failed)) => failed,
        // Without a request, what comes before that is its being in use.
        (Some((_, last)), _) => step_of(last).map_or(1, |at| at + 1),
    };
    let verdict = |at: usize| {
        if Some(at) == failed {
            Verdict::Failed
        } else if at < held {
            Verdict::Passed
        } else {
            Verdict::NotReached
        }
    };
    let check = |(at, step): (usize, &&Step)| Check {
        title: step.title,
        section: step.section,
        verdict: verdict(at),
    };
    steps.iter().enumerate().map(check).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saml::refusal::Reason;
    use crate::saml::xml::XmlFault;

    #[test]
    fn every_reason_of_a_refusal_is_one_check_s() {
        let of_xml = XmlFault::ALL.iter().copied().map(Reason::Xml);
        for reason in Reason::ALL.iter().copied().chain(of_xml) {
            let steps = STEPS.iter().filter(|step| step.codes.contains(&reason.code())).count();
            // Messages at the address for logout are no sign-ons.
            let of_logout = matches!(reason, Reason::NotALogoutMessage | Reason::NameIdEncrypted);
            assert_eq!(steps, usize::from(!of_logout), "{}", reason.code());
        }
    }

    #[test]
    fn what_comes_before_a_failure_held_and_what_comes_after_was_not_reached() {
        let every = STEPS.iter().flat_map(|step| step.codes);
        for (code, asked) in every.flat_map(|code| [(*code, true), (*code, false)]) {
            let checks = trace(Some(code), asked);
            let Some(failed) = checks.iter().position(|check| check.verdict == Verdict::Failed) else {
                assert!(checks.is_empty() && !asked, "{code}");
                continue;
            };
            let held = checks.iter().take_while(|check| check.verdict == Verdict::Passed).count();
            assert!(held == failed || KNOWN_BEFORE.iter().any(|(late, _)| *late == code), "{code}");
            let rest = checks.iter().enumerate().skip(held).filter(|(at, _)| *at != failed);
            for (_, check) in rest {
                assert_eq!(check.verdict, Verdict::NotReached, "{code}: {}", check.title);
            }
        }
        for asked in [true, false] {
            assert!(trace(None, asked).iter().all(|check| check.verdict == Verdict::Passed));
            assert_eq!(trace(Some("no_such_code"), asked), []);
        }
        assert!(trace(None, false).iter().all(|check| !check.title.contains("signature")), "none came");
        assert!(
            KNOWN_BEFORE
                .iter()
                .all(|(late, last)| trace(Some(late), true).len() > 1 && !trace(Some(last), true).is_empty())
        );
    }
}
