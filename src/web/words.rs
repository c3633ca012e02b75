//! Instants and devices in words, as pages show them.

use crate::base::Timestamp;
use crate::base::clock::{DAY, HOUR, MINUTE};
use crate::web::pages::parts::When;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// An instant for machines, and in words: minutes and hours ago on the same day, else "12 June 2026" (UTC).
#[must_use]
pub fn when(at: Timestamp, now: Timestamp) -> When {
    let age = now.since(at);
    let text = if (0..MINUTE).contains(&age) {
        "just now".to_owned()
    } else if (0..HOUR).contains(&age) {
        plural(age / MINUTE, "minute")
    } else if (0..DAY).contains(&age) {
        plural(age / HOUR, "hour")
    } else {
        date(at)
    };
    When { iso: at.to_rfc3339(), text }
}

fn plural(count: i64, unit: &str) -> String {
    if count == 1 { format!("1 {unit} ago") } else { format!("{count} {unit}s ago") }
}

/// "12 June 2026" (UTC).
#[must_use]
pub fn date(at: Timestamp) -> String {
    let text = at.to_xs_date_time();
    let part = |range: std::ops::Range<usize>| text.get(range).and_then(|part| part.parse::<usize>().ok());
    match (part(8..10), part(5..7).and_then(|month| MONTHS.get(month.wrapping_sub(1))), text.get(0..4)) {
        (Some(day), Some(month), Some(year)) => format!("{day} {month} {year}"),
        _ => text,
    }
}

/// A `User-Agent` in words: "Firefox on Linux". Only for the person's own eyes; anything can be claimed here.
#[must_use]
pub fn device(user_agent: &str) -> String {
    let pick = |table: &[(&str, &'static str)]| {
        table.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    // The order matters: most claim to be the others too.
    let browser = pick(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ]);
    let system = pick(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "Unknown device".to_owned(),
    }
}

/// Whether it says that it is a phone.
#[must_use]
pub fn is_phone(user_agent: &str) -> bool {
    user_agent.contains("Mobile") || user_agent.contains("iPhone")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_read_as_a_person_would_say_them() {
        let now = Timestamp(1_795_334_400_000);
        let said = |age: i64| when(now.plus(-age), now).text;
        assert_eq!(said(10), "just now");
        assert_eq!(said(MINUTE), "1 minute ago");
        assert_eq!(said(10 * MINUTE), "10 minutes ago");
        assert_eq!(said(3 * HOUR), "3 hours ago");
        assert_eq!(said(2 * DAY), "20 November 2026");
    }

    #[test]
    fn devices_read_as_a_person_would_say_them() {
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        assert_eq!(device(firefox), "Firefox on Linux");
        assert_eq!(device("<script>"), "Unknown device");
    }
}
