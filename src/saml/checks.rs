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
    /// An earlier one failed.
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

/// A step: its title, its section, and the codes of refusals by which it fails.
type Step = (&'static str, &'static str, &'static [&'static str]);

const STEPS: &[Step] = &[
    (
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
    (
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
    ("It is a sign-in request", "Core 3.4.1", &["not_an_authn_request"]),
    (
        "It is from the registered application",
        "Core 3.2.1",
        &["issuer_missing", "issuer_unknown", "issuer_format"],
    ),
    (
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
    ("It has an ID and a time", "Core 3.2.1", &["id_invalid", "issue_instant_invalid"]),
    (
        "It is meant for this address",
        "Bindings 3.4.5.2, 3.5.5.2",
        &["destination_mismatch", "destination_missing"],
    ),
    ("It is fresh", "Core 3.2.1", &["request_stale", "request_from_the_future"]),
    ("Its RelayState is not too long", "Bindings 3.4.3, 3.5.3", &["relay_state_over_80"]),
    (
        "The answer goes to a registered address",
        "Core 3.4.1, Metadata 2.4.4",
        &["acs_unregistered", "acs_index_unknown", "acs_ambiguous", "acs_none_registered"],
    ),
    ("It is SAML 2.0", "Core 4.1.3.2", &["version_too_low", "version_too_high", "version_invalid"]),
    ("The answer goes by a binding of its address", "Profiles 4.1.2", &["binding_unsupported"]),
    ("What it asks for is valid", "Core 3.4.1", &["request_invalid", "subject_confirmation"]),
    ("It allows this identity provider", "Core 3.4.1.2", &["idp_not_listed"]),
    ("It came for the first time", "Profiles 4.1.4.5", &["request_replayed", "request_already_answered"]),
    ("The person signed in", "Core 3.4.1", &["passive", "given_up"]),
    (
        "The person may use the application",
        "Profiles 4.1.4.1",
        &["not_bound", "application_not_active", "person_not_active", "application_incomplete"],
    ),
    ("The Name ID can be given as asked", "Core 3.4.1.1", &["name_id_policy"]),
    ("The kind of sign-in is what was asked", "Core 3.3.2.2.1", &["authn_context"]),
    ("The person has a Name ID", "Core 8.3", &["name_id_empty", "name_id_not_an_address"]),
    ("It is the person who was asked for", "Core 3.4.1", &["subject_mismatch"]),
    (
        "The attributes are known and fit",
        "Metadata 2.4.4.1",
        &["attribute_service_unknown", "attribute_too_long"],
    ),
];

/// The checks of an exchange that ended with this code; `None`: with an assertion. Of a code that is none of a check
/// nothing can be said.
#[must_use]
pub fn trace(code: Option<&str>) -> Vec<Check> {
    let failed = match code {
        None => STEPS.len(),
        Some(code) => match STEPS.iter().position(|(_, _, codes)| codes.contains(&code)) {
            Some(at) => at,
            None => return Vec::new(),
        },
    };
    STEPS
        .iter()
        .enumerate()
        .map(|(at, (title, section, _))| Check {
            title,
            section,
            verdict: match at.cmp(&failed) {
                std::cmp::Ordering::Less => Verdict::Passed,
                std::cmp::Ordering::Equal => Verdict::Failed,
                std::cmp::Ordering::Greater => Verdict::NotReached,
            },
        })
        .collect()
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
            let steps = STEPS.iter().filter(|(_, _, codes)| codes.contains(&reason.code())).count();
            // Messages at the address for logout are no sign-ons.
            let of_logout =
                matches!(reason, Reason::NotALogoutMessage | Reason::SoapInvalid | Reason::NameIdEncrypted);
            assert_eq!(steps, usize::from(!of_logout), "{}", reason.code());
        }
    }

    #[test]
    fn what_comes_before_a_failure_held_and_what_comes_after_was_not_reached() {
        let checks = trace(Some("acs_unregistered"));
        let failed = checks.iter().position(|check| check.verdict == Verdict::Failed).unwrap();
        assert!(checks[..failed].iter().all(|check| check.verdict == Verdict::Passed));
        assert!(checks[failed + 1..].iter().all(|check| check.verdict == Verdict::NotReached));
        assert!(trace(None).iter().all(|check| check.verdict == Verdict::Passed));
        assert_eq!(trace(Some("no_such_code")), []);
    }
}
