//! Lists that a form holds as lines of text: group patterns, values by group, transforms. Writing one and reading it
//! back gives the same, or says which line is wrong.

use std::collections::BTreeMap;

use crate::catalog::sso::{AuthnContextClass, AuthnEvidence, ByGroup, GroupRule, Transform};

/// Lines that hold something, without the blanks around them.
#[must_use]
pub fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// `Group = value` for each rule, `* = value` for everybody else.
#[must_use]
pub fn by_group_text(by: &ByGroup) -> String {
    let rules = by.rules.iter().map(|rule| format!("{} = {}", rule.group, rule.value));
    let default = by.default.iter().map(|value| format!("* = {value}"));
    rules.chain(default).collect::<Vec<_>>().join("\n")
}

/// Reads what [`by_group_text`] writes. The error is a sentence that names the line.
pub fn read_by_group(text: &str, all: bool) -> Result<ByGroup, String> {
    let mut by = ByGroup { all, ..ByGroup::default() };
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let (group, value) = line
            .split_once('=')
            .ok_or_else(|| format!("Line {} has no = in it. Write group = value.", at + 1))?;
        let (group, value) = (group.trim(), value.trim().to_owned());
        if group.is_empty() {
            return Err(format!("Line {} names no group. Write group = value.", at + 1));
        }
        if group != "*" {
            by.rules.push(GroupRule { group: group.to_owned(), value });
        } else if by.default.replace(value).is_some() {
            return Err(format!("Line {} is the second for everybody else. Keep one line with *.", at + 1));
        }
    }
    Ok(by)
}

/// One class a line, `URI` or `URI = password_now`.
#[must_use]
pub fn contexts_text(classes: &[AuthnContextClass]) -> String {
    let line = |entry: &AuthnContextClass| match entry.requires {
        AuthnEvidence::Password => entry.class.clone(),
        AuthnEvidence::PasswordNow => format!("{} = {}", entry.class, entry.requires.as_str()),
    };
    classes.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Reads what [`contexts_text`] writes. The error is a sentence that names the line.
pub fn read_contexts(text: &str) -> Result<Vec<AuthnContextClass>, String> {
    let mut out = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        // A URI may hold `=` but no blank.
        let (class, requires) = match line.trim().split_once(char::is_whitespace) {
            None => (line.trim(), AuthnEvidence::Password),
            Some((class, rest)) => {
                let name = rest.trim_start().strip_prefix('=').map(str::trim);
                let known = AuthnEvidence::ALL.iter().find(|evidence| Some(evidence.as_str()) == name);
                let known = known.ok_or_else(|| {
                    format!("Line {} is no class. Write its URI, and = password_now after it where the password must be entered again.", at + 1)
                })?;
                (class, *known)
            }
        };
        out.push(AuthnContextClass { class: class.to_owned(), requires });
    }
    Ok(out)
}

/// One transform a line: `lower`, `prefix acme-`, `map Sales = S; * = other`.
#[must_use]
pub fn transforms_text(transforms: &[Transform]) -> String {
    let line = |transform: &Transform| {
        let argument = match transform {
            Transform::Lower | Transform::Upper | Transform::LocalPart => return transform.name().to_owned(),
            Transform::Prefix(text)
            | Transform::Suffix(text)
            | Transform::Join(text)
            | Transform::Split(text) => text.clone(),
            Transform::Map(table) => {
                table.iter().map(|(from, to)| format!("{from} = {to}")).collect::<Vec<_>>().join("; ")
            }
        };
        format!("{} {argument}", transform.name())
    };
    transforms.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Reads what [`transforms_text`] writes. The error is a sentence that names the line.
pub fn read_transforms(text: &str) -> Result<Vec<Transform>, String> {
    let mut out = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        // Blanks at the end belong to the text that is joined or added.
        let line = line.trim_start();
        let (name, argument) = line.split_once(' ').unwrap_or((line, ""));
        let argument = argument.to_owned();
        out.push(match (name.trim_end(), argument.is_empty()) {
            ("lower", _) if argument.trim().is_empty() => Transform::Lower,
            ("upper", _) if argument.trim().is_empty() => Transform::Upper,
            ("local_part", _) if argument.trim().is_empty() => Transform::LocalPart,
            ("prefix", false) => Transform::Prefix(argument),
            ("suffix", false) => Transform::Suffix(argument),
            ("join", _) => Transform::Join(argument),
            ("split", false) => Transform::Split(argument),
            ("map", false) => Transform::Map(read_map(&argument, at + 1)?),
            _ => {
                return Err(format!(
                    "Line {} is no transform. Write lower, upper, local_part, prefix TEXT, suffix TEXT, join TEXT, split TEXT or map A = B; C = D.",
                    at + 1
                ));
            }
        });
    }
    Ok(out)
}

fn read_map(text: &str, line: usize) -> Result<BTreeMap<String, String>, String> {
    let pair = |part: &str| {
        let (from, to) = part
            .split_once('=')
            .ok_or_else(|| format!("Line {line} has a pair without =. Write map A = B; C = D."))?;
        Ok((from.trim().to_owned(), to.trim().to_owned()))
    };
    text.split(';').filter(|part| !part.trim().is_empty()).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_by_group_read_back_as_they_were_written() {
        let text = "Marketing = editor\nSales = a = b\n* = viewer";
        let by = read_by_group(text, true).unwrap();
        assert_eq!(by.rules.len(), 2);
        assert_eq!(by.rules[1].value, "a = b");
        assert_eq!(by.default.as_deref(), Some("viewer"));
        assert_eq!(by_group_text(&by), text);
        assert_eq!(
            read_by_group("Marketing", false).unwrap_err(),
            "Line 1 has no = in it. Write group = value."
        );
        assert!(read_by_group("* = a\n* = b", false).unwrap_err().starts_with("Line 2"));
        assert!(read_by_group("\n = b", false).unwrap_err().starts_with("Line 2"));
    }

    #[test]
    fn transforms_read_back_as_they_were_written() {
        let text = "local_part\nlower\nprefix acme-\njoin , \nsplit ;\nmap * = other; Sales = S";
        let transforms = read_transforms(text).unwrap();
        assert_eq!(transforms.len(), 6);
        assert_eq!(transforms[3], Transform::Join(", ".to_owned()));
        assert_eq!(transforms_text(&transforms), text);
        for bad in ["reverse", "prefix", "map x", "lower now"] {
            assert!(read_transforms(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn lines_leave_out_what_is_empty() {
        assert_eq!(lines(" a \r\n\r\nb\n"), ["a", "b"]);
    }
}
