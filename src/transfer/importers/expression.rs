//! Okta's expression language, as far as it says no more than a property of the person and what happens to it: paths,
//! texts, a few functions with `@` or a text, and texts put before or after. It must not know what a property is called
//! here; anything else is no expression to it, and is told by who asked.

use super::draft::Step;

/// Deepest nesting of functions.
const MAX_DEPTH: usize = 8;
/// Longest expression, in bytes.
const MAX: usize = 1024;

/// What an expression says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    /// A path such as `user.email`, and what happens to its value.
    Path(String, Vec<Step>),
    /// A text.
    Text(String),
}

/// Reads it; `None`: it says more than that.
pub(super) fn parse(text: &str) -> Option<Expression> {
    let text = text.trim();
    if text.len() > MAX {
        return None;
    }
    let text = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
    let mut reader = Reader { rest: text };
    let expression = reader.sum(0)?;
    reader.skip();
    reader.rest.is_empty().then_some(expression)
}

/// Whether a text means itself: nothing in it begins an expression.
pub(super) fn is_plain(text: &str) -> bool {
    let marks =
        ["${", "user.", "appuser.", "source.", "idpuser.", "session.", "org.", "(", "\"", "==", "?", "#{"];
    !marks.iter().any(|mark| text.contains(mark))
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn takes(&mut self, mark: char) -> bool {
        self.skip();
        match self.rest.strip_prefix(mark) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn sum(&mut self, depth: usize) -> Option<Expression> {
        let mut sum = self.term(depth)?;
        while self.takes('+') {
            sum = joined(sum, self.term(depth)?)?;
        }
        Some(sum)
    }

    fn term(&mut self, depth: usize) -> Option<Expression> {
        self.skip();
        if let Some(quote) = self.rest.chars().next().filter(|c| matches!(c, '"' | '\'')) {
            return self.quoted(quote).map(Expression::Text);
        }
        let end = self
            .rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '-')))
            .unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        let name = name.to_owned();
        self.rest = rest;
        if !self.takes('(') {
            let is_path =
                name.contains('.') && !name.contains(':') && !name.ends_with('.') && !name.starts_with('.');
            return is_path.then_some(Expression::Path(name, Vec::new()));
        }
        if depth >= MAX_DEPTH {
            return None;
        }
        let mut arguments = Vec::new();
        loop {
            arguments.push(self.sum(depth + 1)?);
            if !self.takes(',') {
                break;
            }
        }
        if !self.takes(')') {
            return None;
        }
        called(&name, arguments)
    }

    fn quoted(&mut self, quote: char) -> Option<String> {
        let inner = self.rest.get(1..)?;
        let end = inner.find(quote)?;
        let text = &inner[..end];
        if text.contains('\\') {
            return None;
        }
        let text = text.to_owned();
        self.rest = &inner[end + 1..];
        Some(text)
    }
}

/// A function of Okta's two dialects: `String.toLowerCase`, `fn:toLowerCase`.
fn called(name: &str, arguments: Vec<Expression>) -> Option<Expression> {
    let name = name.strip_prefix("String.").or_else(|| name.strip_prefix("fn:"))?;
    let mut arguments = arguments.into_iter();
    let first = arguments.next()?;
    let second = arguments.next();
    if arguments.next().is_some() {
        return None;
    }
    match (name, first, second) {
        ("substringBefore", Expression::Path(path, steps), Some(Expression::Text(mark))) if mark == "@" => {
            Some(with(path, steps, Step::LocalPart))
        }
        ("toLowerCase", Expression::Path(path, steps), None) => Some(with(path, steps, Step::Lower)),
        ("toUpperCase", Expression::Path(path, steps), None) => Some(with(path, steps, Step::Upper)),
        ("append", first, Some(second)) => joined(first, second),
        _ => None,
    }
}

fn with(path: String, mut steps: Vec<Step>, step: Step) -> Expression {
    steps.push(step);
    Expression::Path(path, steps)
}

fn joined(first: Expression, second: Expression) -> Option<Expression> {
    match (first, second) {
        (Expression::Text(first), Expression::Text(second)) => Some(Expression::Text(first + &second)),
        (Expression::Path(path, steps), Expression::Text(text)) => {
            Some(with(path, steps, Step::Suffix(text)))
        }
        (Expression::Text(text), Expression::Path(path, steps)) => {
            Some(with(path, steps, Step::Prefix(text)))
        }
        // Two values in one is no transform.
        (Expression::Path(..), Expression::Path(..)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(path: &str, steps: &[Step]) -> Expression {
        Expression::Path(path.to_owned(), steps.to_vec())
    }

    #[test]
    fn paths_and_their_steps_are_read() {
        for (text, wanted) in [
            ("user.email", path("user.email", &[])),
            ("${user.userName}", path("user.userName", &[])),
            ("String.substringBefore(user.email, \"@\")", path("user.email", &[Step::LocalPart])),
            ("${fn:substringBefore(source.login, '@')}", path("source.login", &[Step::LocalPart])),
            (
                "String.toLowerCase(String.substringBefore(user.email,\"@\"))",
                path("user.email", &[Step::LocalPart, Step::Lower]),
            ),
            (
                "\"u-\" + user.login + \"!\"",
                path("user.login", &[Step::Prefix("u-".into()), Step::Suffix("!".into())]),
            ),
            (
                "String.append(user.login, \"@x.example\")",
                path("user.login", &[Step::Suffix("@x.example".into())]),
            ),
            ("\"a\" + \"b\"", Expression::Text("ab".to_owned())),
        ] {
            assert_eq!(parse(text), Some(wanted), "{text}");
        }
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "",
            "user",
            "user.",
            "user.email + user.login",
            "user.a == \"b\" ? \"c\" : \"d\"",
            "String.substringBefore(user.email, \"+\")",
            "String.substringAfter(user.email, \"@\")",
            "String.toLowerCase(user.email",
            "String.toLowerCase()",
            "f(user.email)",
            "\"open",
            "${",
            "'é",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(&"String.toLowerCase(".repeat(50)), None);
        assert_eq!(parse(&"(".repeat(100_000)), None);
        assert!(is_plain("Value") && is_plain("a.b") && !is_plain("user.email") && !is_plain("f(x)"));
    }
}
