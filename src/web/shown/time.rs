//! Instants in words. Times are UTC everywhere: one zone, named once on each page that needs it.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::base::Timestamp;
use crate::base::clock::DAY;
use crate::web::pages::parts::When;

/// The sentence that names the zone.
pub const ZONE: &str = "Times are in UTC";

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
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

fn civil(at: Timestamp) -> DateTime {
    let instant = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    instant.to_zoned(TimeZone::UTC).datetime()
}

fn month(date: Date) -> &'static str {
    usize::try_from(date.month() - 1).ok().and_then(|at| MONTHS.get(at)).copied().unwrap_or_default()
}

/// "12 June 2026"
#[must_use]
pub fn date(at: Timestamp) -> String {
    let date = civil(at).date();
    format!("{} {} {}", date.day(), month(date), date.year())
}

/// "12 Jun 2026", for tables.
#[must_use]
pub fn short_date(at: Timestamp) -> String {
    let date = civil(at).date();
    format!("{} {} {}", date.day(), &month(date)[..3], date.year())
}

/// "09:41:07"
#[must_use]
pub fn clock_time(at: Timestamp) -> String {
    let time = civil(at).time();
    format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())
}

/// Which day it is seen from now: "Today", "Yesterday", or nothing for any other.
fn near(at: Timestamp, now: Timestamp) -> Option<&'static str> {
    let (then, today) = (civil(at).date(), civil(now).date());
    if then == today {
        Some("Today")
    } else if then == civil(now.plus(-DAY)).date() {
        Some("Yesterday")
    } else {
        None
    }
}

/// "Today, 09:41", "Yesterday, 17:02", "12 June 2026".
#[must_use]
pub fn when(at: Timestamp, now: Timestamp) -> When {
    let time = civil(at).time();
    let text = near(at, now)
        .map_or_else(|| date(at), |day| format!("{day}, {:02}:{:02}", time.hour(), time.minute()));
    When { iso: at.to_rfc3339(), text }
}

/// The same, where it may never have been.
#[must_use]
pub fn when_ever(at: Option<Timestamp>, now: Timestamp) -> When {
    at.map_or_else(When::default, |at| when(at, now))
}

/// "today at 12:30 UTC", "12 June 2026 at 12:30 UTC": an end that one must not miss.
#[must_use]
pub fn until(at: Timestamp, now: Timestamp) -> When {
    let time = civil(at).time();
    let day = match near(at, now) {
        Some(day) => day.to_lowercase(),
        None => date(at),
    };
    When { iso: at.to_rfc3339(), text: format!("{day} at {:02}:{:02} UTC", time.hour(), time.minute()) }
}

/// A date without its time.
#[must_use]
pub fn day(at: Timestamp) -> When {
    When { iso: at.to_rfc3339(), text: short_date(at) }
}

/// "Today, Friday 12 June", "Wednesday 3 June 2026".
#[must_use]
pub fn day_label(at: Timestamp, now: Timestamp) -> String {
    let date = civil(at).date();
    let weekday = usize::try_from(date.weekday().to_monday_zero_offset())
        .ok()
        .and_then(|at| WEEKDAYS.get(at))
        .copied()
        .unwrap_or_default();
    match near(at, now) {
        Some(day) => format!("{day}, {weekday} {} {}", date.day(), month(date)),
        None => format!("{weekday} {} {} {}", date.day(), month(date), date.year()),
    }
}

/// The day as a number, to tell days apart.
#[must_use]
pub fn day_number(at: Timestamp) -> i64 {
    at.0.div_euclid(DAY)
}

/// `2026-06-12` as the instant it begins, UTC; `None` for what is no date.
#[must_use]
pub fn parse_date(text: &str) -> Option<Timestamp> {
    if text.len() != 10 {
        return None;
    }
    let date: Date = text.parse().ok()?;
    let zoned = date.to_zoned(TimeZone::UTC).ok()?;
    Some(Timestamp(zoned.timestamp().as_millisecond()))
}

/// "9 months ago", "today": for what is not worth a date.
#[must_use]
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    let days = now.since(at).max(0) / DAY;
    let said = |count: i64, unit: &str| format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" });
    match days {
        0 => "today".to_owned(),
        1 => "yesterday".to_owned(),
        2..=60 => said(days, "day"),
        61..=729 => said(days / 30, "month"),
        _ => said(days / 365, "year"),
    }
}

/// "3 years left", "67 days left", "ended": until an end.
#[must_use]
pub fn left(end: Timestamp, now: Timestamp) -> String {
    if now >= end {
        return "ended".to_owned();
    }
    let days = end.since(now) / DAY;
    let said = |count: i64, unit: &str| format!("{count} {unit}{} left", if count == 1 { "" } else { "s" });
    match days {
        0 => "less than a day left".to_owned(),
        1..=119 => said(days, "day"),
        120..=729 => said(days / 30, "month"),
        _ => said((days + 182) / 365, "year"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // 22 November 2026, 08:00 UTC, a Sunday.
    const NOW: Timestamp = Timestamp(1_795_334_400_000);

    #[test]
    fn instants_are_said_as_people_say_them() {
        assert_eq!(when(NOW, NOW).text, "Today, 08:00");
        assert_eq!(when(NOW.plus(-DAY), NOW).text, "Yesterday, 08:00");
        assert_eq!(when(NOW.plus(-2 * DAY), NOW).text, "20 November 2026");
        assert_eq!(day_label(NOW, NOW), "Today, Sunday 22 November");
        assert_eq!(day_label(NOW.plus(-5 * DAY), NOW), "Tuesday 17 November 2026");
        assert_eq!(until(NOW, NOW).text, "today at 08:00 UTC");
        assert_eq!(clock_time(NOW.plus(7_000)), "08:00:07");
        assert_eq!((ago(NOW.plus(-90 * DAY), NOW), ago(NOW, NOW)), ("3 months ago".into(), "today".into()));
        assert_eq!(left(NOW.plus(67 * DAY), NOW), "67 days left");
        assert_eq!(left(NOW.plus(3 * 365 * DAY - 1), NOW), "3 years left");
    }

    #[test]
    fn a_date_is_read_whole_or_not_at_all() {
        assert_eq!(parse_date("2026-11-22"), Some(Timestamp(NOW.0 - 8 * 3_600_000)));
        for bad in ["", "2026-11", "2026-13-01", "2026-11-22T00:00", "22-11-2026"] {
            assert_eq!(parse_date(bad), None, "{bad}");
        }
    }
}
