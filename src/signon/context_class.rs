//! Authentication context classes (Core 3.3.2.2.1): what really happened, and whether it is what was asked for.
//! Step-up comes later (decision: until then `NoAuthnContext`).

use crate::saml::request::Comparison;

/// Password over a protected transport.
pub const PASSWORD_PROTECTED: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
/// Password.
pub const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password";
/// Anything.
pub const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified";

/// The class of a sign-in by password, true to the transport it came over.
#[must_use]
pub fn of_password(secure: bool) -> &'static str {
    if secure { PASSWORD_PROTECTED } else { PASSWORD }
}

/// Strength of the classes we know, weakest first.
fn rank(class: &str) -> Option<u8> {
    match class {
        UNSPECIFIED => Some(0),
        PASSWORD => Some(1),
        PASSWORD_PROTECTED => Some(2),
        _ => None,
    }
}

/// The class to assert for `happened` when `requested` was asked for; `None` when it can't be met. `unspecified`
/// is met by anything, and then the truth is asserted.
#[must_use]
pub fn satisfy(requested: &[String], comparison: Comparison, happened: &'static str) -> Option<&'static str> {
    let have = rank(happened)?;
    let met = match comparison {
        Comparison::Exact => requested.iter().any(|class| class == happened || class == UNSPECIFIED),
        Comparison::Minimum => requested.iter().filter_map(|class| rank(class)).any(|want| have >= want),
        Comparison::Maximum => requested.iter().filter_map(|class| rank(class)).any(|want| have <= want),
        // Nothing asked for by class means that a declaration was, and there is none to be better than.
        Comparison::Better => {
            !requested.is_empty() && requested.iter().all(|class| rank(class).is_some_and(|want| have > want))
        }
    };
    met.then_some(happened)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saml_120_121_only_what_really_happened_is_asserted() {
        let mfa = "https://refeds.org/profile/mfa".to_owned();
        let ask = |classes: &[&str], comparison| {
            let classes: Vec<String> = classes.iter().map(|class| (*class).to_owned()).collect();
            satisfy(&classes, comparison, PASSWORD_PROTECTED)
        };
        assert_eq!(ask(&[PASSWORD_PROTECTED], Comparison::Exact), Some(PASSWORD_PROTECTED));
        assert_eq!(ask(&[&mfa], Comparison::Exact), None);
        assert_eq!(ask(&[&mfa, PASSWORD_PROTECTED], Comparison::Exact), Some(PASSWORD_PROTECTED));
        assert_eq!(ask(&[PASSWORD], Comparison::Exact), None);
        assert_eq!(ask(&[PASSWORD], Comparison::Minimum), Some(PASSWORD_PROTECTED));
        assert_eq!(ask(&[PASSWORD], Comparison::Better), Some(PASSWORD_PROTECTED));
        assert_eq!(ask(&[PASSWORD_PROTECTED], Comparison::Better), None);
        assert_eq!(ask(&[&mfa], Comparison::Better), None);
        assert_eq!(ask(&[PASSWORD], Comparison::Maximum), None);
        assert_eq!(ask(&[UNSPECIFIED], Comparison::Exact), Some(PASSWORD_PROTECTED));
        // By declaration only: no class is listed, and none of the comparisons may pass it over.
        for comparison in [Comparison::Exact, Comparison::Minimum, Comparison::Maximum, Comparison::Better] {
            assert_eq!(ask(&[], comparison), None, "{comparison:?}");
        }
    }
}
