//! How things are said on pages: instants, states, marks, devices, events. Domain values come in, view models of
//! [`crate::web::pages`] come out; nothing here reads the database or answers a request.

pub mod application;
pub mod device;
pub mod event;
pub mod person;
pub mod steps;
pub mod time;

/// A number with its noun: "1 person", "1,204 people".
#[must_use]
pub fn counted(count: i64, one: &str, many: &str) -> String {
    format!("{} {}", number(count), if count == 1 { one } else { many })
}

/// "1 person", "1,204 people".
#[must_use]
pub fn people(count: i64) -> String {
    counted(count, "person", "people")
}

/// A number with a comma before each group of three digits.
#[must_use]
pub fn number(count: i64) -> String {
    let digits = count.unsigned_abs().to_string();
    let mut out = String::new();
    if count < 0 {
        out.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_nouns_agree() {
        assert_eq!(people(1), "1 person");
        assert_eq!(people(0), "0 people");
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(number(-1_000), "-1,000");
        assert_eq!(number(999), "999");
    }
}
