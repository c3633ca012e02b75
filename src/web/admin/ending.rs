//! Banners for a signing certificate that ends: from a week before, on every tab of its application and above the
//! list, each leading to the repair.

use crate::base::clock::DAY;
use crate::base::{Timestamp, urls};
use crate::keys::{KeyState, KeyView};
use crate::web::pages::parts::{Link, Tone};
use crate::web::pages::shell::Banner;
use crate::web::shown::time;

/// Days ahead from which it is said on every page of the application.
pub const URGENT_DAYS: i64 = 7;
/// Days ahead from which it is said as gravely as a failure.
const LAST_DAYS: i64 = 1;

/// Whether a certificate that ends then has to be spoken of everywhere.
#[must_use]
pub fn is_urgent(end: Timestamp, now: Timestamp) -> bool {
    end.since(now) <= URGENT_DAYS * DAY
}

/// How grave it is.
#[must_use]
pub fn tone(end: Timestamp, now: Timestamp) -> Tone {
    if end.since(now) <= LAST_DAYS * DAY { Tone::Danger } else { Tone::Warn }
}

/// What is so, in one line.
#[must_use]
pub fn line(label: &str, end: Timestamp, now: Timestamp) -> String {
    if end <= now {
        format!("Our certificate for {label} ended on {}", time::date(end))
    } else {
        format!("Our certificate for {label} ends on {} ({})", time::date(end), time::left(end, now))
    }
}

/// Where it is repaired: the keys on the SSO tab.
#[must_use]
pub fn repair(application: &str) -> String {
    format!("{}#h-cert", urls::admin_sso(application))
}

/// The banner of one application, once its certificate ends within a week.
#[must_use]
pub fn banner(application: &str, label: &str, keys: &[KeyView], now: Timestamp) -> Option<Banner> {
    let end = keys.iter().find(|key| key.state == KeyState::Current)?.not_after;
    if !is_urgent(end, now) {
        return None;
    }
    let staged = keys.iter().any(|key| key.state == KeyState::Next);
    let follows = if end <= now {
        format!(
            "We go on signing with it. Many applications don’t look at the date; if {label} does, nobody gets in."
        )
    } else {
        format!("From then on {label} may refuse what we sign with it.")
    };
    let (to_do, action) = if staged {
        (format!("The next key is made: give its certificate to {label}, then switch."), "Go to the next key")
    } else {
        (format!("Make the next key, give its certificate to {label}, then switch."), "Make the next key")
    };
    let mut banner = Banner::new(tone(end, now), line(label, end, now), format!("{follows} {to_do}"));
    banner.action = Some(Link::new(action, repair(application)));
    Some(banner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_20_a_week_ahead_it_is_urgent_and_a_day_ahead_it_is_grave() {
        let now = Timestamp(1_795_334_400_000);
        let at = |days: i64, millis: i64| now.plus(days * DAY + millis);
        assert!(!is_urgent(at(7, 1), now) && is_urgent(at(7, 0), now) && is_urgent(at(-400, 0), now));
        assert_eq!((tone(at(1, 1), now), tone(at(1, 0), now)), (Tone::Warn, Tone::Danger));
        assert_eq!(tone(at(-1, 0), now), Tone::Danger);
    }
}
