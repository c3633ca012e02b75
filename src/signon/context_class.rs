//! Authentication context classes (Core 3.3.2.2.1): what really happened, whether it is what was asked for, and whether
//! asking for the password again would make it so.

use crate::catalog::sso::{AuthnContextClass, AuthnEvidence, SsoSettings};
use crate::saml::names::{AUTHN_PASSWORD, AUTHN_PASSWORD_PROTECTED, AUTHN_UNSPECIFIED};
use crate::saml::receive::Trusted;
use crate::saml::refusal::Reason;
use crate::saml::request::{Comparison, RequestedAuthnContext};
use crate::signon::Installation;

/// The class of a sign-in by password, true to the transport it came over.
#[must_use]
pub fn of_password(secure: bool) -> &'static str {
    if secure { AUTHN_PASSWORD_PROTECTED } else { AUTHN_PASSWORD }
}

/// How a session stands to what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Met {
    /// It is enough: this class is true of it.
    Now(String),
    /// It would be enough once the password is entered for this sign-on.
    ByPassword,
    /// Nothing that can be done here makes it true.
    Never,
}

/// What is true of a session.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// The class of what happened, by the standard.
    pub happened: &'static str,
    /// Classes that the application asks for, weakest first, each stronger than the standard's.
    pub mapped: &'a [AuthnContextClass],
    /// Whether the password was entered for this very sign-on.
    pub fresh: bool,
    /// Whether the person may be asked for something.
    pub may_ask: bool,
}

/// How a session stands to the authentication that a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is enough; the class to assert, where one was asked for.
    Enough(Option<String>),
    /// The person has to enter their password for this sign-on.
    AskPassword,
    /// It can't be.
    Refuse(Reason),
}

/// Holds whoever is at the browser against a request. `fresh`: the password was entered for this very sign-on; `None`:
/// nobody is signed in. What no sign-in makes true is said first, before anybody is asked for a password (SAML-120).
#[must_use]
pub fn standing(
    installation: &Installation,
    settings: &SsoSettings,
    trusted: &Trusted,
    fresh: Option<bool>,
) -> Standing {
    let request = trusted.request();
    let wanted = request.authn_context.as_ref();
    let evidence = Evidence {
        happened: of_password(installation.base_url.is_secure()),
        mapped: &settings.authn_contexts,
        fresh: fresh == Some(true),
        may_ask: !request.is_passive,
    };
    let at_best = Evidence { fresh: true, ..evidence };
    if wanted.is_some_and(|wanted| at_best.meet(wanted) == Met::Never) {
        return Standing::Refuse(Reason::AuthnContext);
    }
    // What only a page can bring can't be had without one (SAML-119).
    let ask = if request.is_passive { Standing::Refuse(Reason::Passive) } else { Standing::AskPassword };
    if fresh.is_none() || (request.force_authn && !evidence.fresh) {
        return ask;
    }
    let Some(wanted) = wanted else { return Standing::Enough(None) };
    match evidence.meet(wanted) {
        Met::Now(class) => Standing::Enough(Some(class)),
        Met::ByPassword | Met::Never => ask,
    }
}

/// A class with its strength.
#[derive(Clone, Copy)]
struct Ranked<'a> {
    class: &'a str,
    rank: usize,
    met: bool,
    attainable: bool,
}

/// Strength of the standard's classes, weakest first.
const STANDARD: [&str; 3] = [AUTHN_UNSPECIFIED, AUTHN_PASSWORD, AUTHN_PASSWORD_PROTECTED];

impl Evidence<'_> {
    /// Holds the session against what was asked (SAML-120, SAML-121). `unspecified` is met by anything, and then the
    /// truth is asserted.
    #[must_use]
    pub fn meet(&self, requested: &RequestedAuthnContext) -> Met {
        let asked: Vec<&str> = requested.classes.iter().map(String::as_str).collect();
        let known = self.ranked();
        let rank = |class: &str| known.iter().find(|known| known.class == class).map(|known| known.rank);
        let ranks: Vec<usize> = asked.iter().filter_map(|class| rank(class)).collect();
        let (lowest, highest) = (ranks.iter().min().copied(), ranks.iter().max().copied());
        match requested.comparison {
            Comparison::Exact => self.exactly(&asked, &known),
            Comparison::Minimum => self.best(&known, |rank| lowest.is_some_and(|least| rank >= least)),
            Comparison::Maximum => self.best(&known, |rank| highest.is_some_and(|most| rank <= most)),
            // Stronger than any of them: so each must be one whose strength is known.
            Comparison::Better => {
                let all = ranks.len() == asked.len();
                self.best(&known, |rank| all && highest.is_some_and(|most| rank > most))
            }
        }
    }

    fn ranked(&self) -> Vec<Ranked<'_>> {
        let standard = STANDARD.iter().enumerate().map(|(rank, class)| Ranked {
            class,
            rank,
            met: *class == self.happened,
            attainable: false,
        });
        let mapped = self.mapped.iter().enumerate().map(|(at, entry)| {
            let now = entry.requires == AuthnEvidence::PasswordNow;
            Ranked {
                class: &entry.class,
                rank: STANDARD.len() + at,
                met: !now || self.fresh,
                attainable: now && !self.fresh,
            }
        });
        standard.chain(mapped).collect()
    }

    /// The classes are asked for in the order of preference (Core 3.3.2.2.1).
    fn exactly(&self, asked: &[&str], known: &[Ranked<'_>]) -> Met {
        for class in asked {
            if *class == AUTHN_UNSPECIFIED {
                return Met::Now(self.happened.to_owned());
            }
            match known.iter().find(|known| known.class == *class) {
                Some(known) if known.met => return Met::Now(known.class.to_owned()),
                Some(known) if known.attainable && self.may_ask => return Met::ByPassword,
                _ => {}
            }
        }
        Met::Never
    }

    /// The strongest that fits and is true; else whether one can be made true.
    fn best(&self, known: &[Ranked<'_>], fits: impl Fn(usize) -> bool) -> Met {
        let fitting = || known.iter().rev().filter(|known| fits(known.rank));
        if let Some(met) = fitting().find(|known| known.met) {
            return Met::Now(met.class.to_owned());
        }
        if self.may_ask && fitting().any(|known| known.attainable) { Met::ByPassword } else { Met::Never }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SFA: &str = "https://refeds.org/profile/sfa";
    const AGAIN: &str = "https://sp.example/password-again";
    const MFA: &str = "https://refeds.org/profile/mfa";

    fn ask(classes: &[&str], comparison: Comparison, fresh: bool, may_ask: bool) -> Met {
        let entry = |class: &str, requires| AuthnContextClass { class: class.to_owned(), requires };
        let mapped = [entry(SFA, AuthnEvidence::Password), entry(AGAIN, AuthnEvidence::PasswordNow)];
        let classes = classes.iter().map(|class| (*class).to_owned()).collect();
        let evidence = Evidence { happened: AUTHN_PASSWORD_PROTECTED, mapped: &mapped, fresh, may_ask };
        evidence.meet(&RequestedAuthnContext { comparison, classes })
    }

    fn now(class: &str) -> Met {
        Met::Now(class.to_owned())
    }

    #[test]
    fn saml_120_exact_asserts_only_what_really_happened_in_the_order_asked() {
        let exact = |classes: &[&str]| ask(classes, Comparison::Exact, false, true);
        assert_eq!(exact(&[AUTHN_PASSWORD_PROTECTED]), now(AUTHN_PASSWORD_PROTECTED));
        assert_eq!(exact(&[MFA]), Met::Never);
        assert_eq!(exact(&[MFA, AUTHN_PASSWORD_PROTECTED]), now(AUTHN_PASSWORD_PROTECTED));
        assert_eq!(exact(&[AUTHN_PASSWORD]), Met::Never);
        assert_eq!(exact(&[AUTHN_UNSPECIFIED]), now(AUTHN_PASSWORD_PROTECTED));
        assert_eq!(exact(&[SFA]), now(SFA));
        assert_eq!(exact(&[AGAIN, SFA]), Met::ByPassword);
        assert_eq!(exact(&[SFA, AGAIN]), now(SFA));
        assert_eq!(exact(&[]), Met::Never);
        assert_eq!(ask(&[AGAIN], Comparison::Exact, true, true), now(AGAIN));
        assert_eq!(ask(&[AGAIN], Comparison::Exact, false, false), Met::Never);
        assert_eq!(ask(&[AGAIN, SFA], Comparison::Exact, false, false), now(SFA));
    }

    #[test]
    fn saml_121_the_other_comparisons_go_by_the_order_of_strength() {
        use Comparison::{Better, Maximum, Minimum};
        for (classes, comparison, fresh, expected) in [
            (&[AUTHN_PASSWORD][..], Minimum, false, now(SFA)),
            (&[AUTHN_PASSWORD], Minimum, true, now(AGAIN)),
            (&[AGAIN], Minimum, false, Met::ByPassword),
            (&[MFA, SFA], Minimum, false, now(SFA)),
            (&[MFA], Minimum, false, Met::Never),
            (&[AUTHN_PASSWORD_PROTECTED], Maximum, true, now(AUTHN_PASSWORD_PROTECTED)),
            (&[AUTHN_PASSWORD], Maximum, false, Met::Never),
            (&[SFA, AUTHN_PASSWORD], Maximum, false, now(SFA)),
            (&[AUTHN_PASSWORD_PROTECTED], Better, false, now(SFA)),
            (&[SFA], Better, false, Met::ByPassword),
            (&[SFA], Better, true, now(AGAIN)),
            (&[AGAIN], Better, true, Met::Never),
            (&[MFA], Better, false, Met::Never),
            (&[AUTHN_PASSWORD, MFA], Better, false, Met::Never),
            // Declarations were asked for, of which there are none here.
            (&[], Better, true, Met::Never),
            (&[], Minimum, true, Met::Never),
            (&[], Maximum, true, Met::Never),
        ] {
            assert_eq!(ask(classes, comparison, fresh, true), expected, "{classes:?} {comparison:?} {fresh}");
        }
    }
}
