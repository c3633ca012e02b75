//! Filters of group names as patterns with `*` and `?`: only where the pattern takes no name more than the filter did.

/// The whole name.
pub(super) fn equal(text: &str) -> Option<String> {
    literal(text)
}

/// Its beginning.
pub(super) fn starting(text: &str) -> Option<String> {
    literal(text).map(|text| format!("{text}*"))
}

/// Something inside it.
pub(super) fn containing(text: &str) -> Option<String> {
    literal(text).map(|text| format!("*{text}*"))
}

fn literal(text: &str) -> Option<String> {
    // A pattern has no way to mean the characters themselves.
    let fine = !text.is_empty()
        && text.len() < 250
        && !text.contains(['*', '?'])
        && !text.chars().any(char::is_control);
    fine.then(|| text.to_owned())
}

/// A regular expression over the whole name. Known are plain characters, escaped ones, `.`, `.*`, `.+`, the marks of
/// beginning and end, and choices at the top or in one pair of brackets around everything.
pub(super) fn regular(expression: &str) -> Option<Vec<String>> {
    let bare = expression.strip_prefix('^').unwrap_or(expression);
    let bare = bare.strip_suffix('$').filter(|rest| !rest.ends_with('\\')).unwrap_or(bare);
    let inner = match bare.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        Some(inner) => inner.strip_prefix("?:").unwrap_or(inner),
        // Unbracketed choices would leave the marks to the first and the last of them.
        None if bare.contains('|') && bare != expression => return None,
        None => bare,
    };
    let choices: Vec<&str> = inner.split('|').collect();
    if choices.len() > 50 {
        return None;
    }
    choices.into_iter().map(glob).collect()
}

fn glob(expression: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = expression.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '.' => match chars.peek() {
                Some('*') => {
                    chars.next();
                    out.push('*');
                }
                Some('+') => {
                    chars.next();
                    out.push_str("?*");
                }
                _ => out.push('?'),
            },
            '\\' => out.push(chars.next().filter(|c| c.is_ascii_punctuation() && !matches!(c, '*' | '?'))?),
            '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '^' | '$' => return None,
            c if c.is_control() => return None,
            c => out.push(c),
        }
        // What repeats a character stands after it.
        if chars.peek().is_some_and(|next| matches!(next, '*' | '+' | '?' | '{')) {
            return None;
        }
    }
    (!out.is_empty() && out.len() <= 256).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_says_the_same_is_a_pattern() {
        assert_eq!(starting("app-").as_deref(), Some("app-*"));
        assert_eq!(containing("x y").as_deref(), Some("*x y*"));
        assert_eq!(equal("Sales").as_deref(), Some("Sales"));
        for bad in ["", "a*", "a?", "a\nb"] {
            assert_eq!((equal(bad), starting(bad), containing(bad)), (None, None, None), "{bad:?}");
        }
    }

    #[test]
    fn regular_expressions_become_patterns_or_nothing() {
        for (expression, patterns) in [
            (".*", "*"),
            ("^app-.*$", "app-*"),
            ("app\\.heap.+", "app.heap?*"),
            ("(Sales|HR).*", ""),
            ("^(Sales|HR)$", "Sales HR"),
            ("Sales|HR", "Sales HR"),
            ("a.c", "a?c"),
            ("a\\$", "a$"),
            ("^Sales|HR$", ""),
            ("[a-z]+", ""),
            ("a{2}", ""),
            ("\\d", ""),
            ("a*", ""),
            (".*?", ""),
            ("(", ""),
            ("", ""),
            ("a||b", ""),
            ("\\", ""),
            ("a\\*b", ""),
        ] {
            let wanted: Vec<String> = patterns.split_whitespace().map(str::to_owned).collect();
            let wanted = (!wanted.is_empty()).then_some(wanted);
            assert_eq!(regular(expression), wanted, "{expression}");
        }
        assert_eq!(regular(&"a|".repeat(10_000)), None);
    }
}
