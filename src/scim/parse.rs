//! One small recursive reader for paths and filters, bounded in depth and in terms: what it reads came from outside.

use serde_json::Value;

use super::filter::{Comparison, Filter};
use super::path::{AttributePath, is_urn};

/// Deepest nesting of groups.
const MAX_DEPTH: usize = 16;
/// Most comparisons of one filter.
const MAX_TERMS: usize = 256;

/// Why a text could not be read.
pub(super) type Fault = &'static str;

/// The reader, at a place in its text.
#[derive(Debug)]
pub(super) struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    terms: usize,
    in_brackets: bool,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0, terms: 0, in_brackets: false }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_spaces(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t']).len();
    }

    fn take(&mut self, c: char) -> bool {
        let found = self.rest().starts_with(c);
        if found {
            self.at += c.len_utf8();
        }
        found
    }

    /// The word at this place, not taken.
    fn word(&self) -> &'a str {
        let rest = self.rest();
        let is_end = |c: char| c.is_whitespace() || matches!(c, '[' | ']' | '(' | ')' | '"');
        rest.find(is_end).map_or(rest, |end| rest.get(..end).unwrap_or_default())
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.word().eq_ignore_ascii_case(word);
        if found {
            self.at += word.len();
        }
        found
    }

    /// Refuses what is left over.
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        self.skip_spaces();
        if self.rest().is_empty() { Ok(()) } else { Err("something follows its end.") }
    }

    /// A path, with its value filter and sub-attribute.
    pub(super) fn path(&mut self) -> Result<AttributePath, Fault> {
        let word = self.word();
        let mut path = split(word)?;
        self.at += word.len();
        if !self.rest().starts_with('[') {
            return Ok(path);
        }
        if path.sub.is_some() || self.in_brackets {
            return Err("a value filter can't stand here.");
        }
        self.at += 1;
        self.in_brackets = true;
        let filter = self.disjunction()?;
        self.in_brackets = false;
        self.skip_spaces();
        if !self.take(']') {
            return Err("a bracket is not closed.");
        }
        path.filter = Some(Box::new(filter));
        if self.take('.') {
            let sub = self.word();
            if !is_name(sub) {
                return Err("there is no name after the dot.");
            }
            self.at += sub.len();
            path.sub = Some(sub.to_owned());
        }
        Ok(path)
    }

    /// Comparisons joined by `or`.
    pub(super) fn disjunction(&mut self) -> Result<Filter, Fault> {
        if self.depth >= MAX_DEPTH {
            return Err("it is nested too deeply.");
        }
        self.depth += 1;
        let mut parts = vec![self.conjunction()?];
        loop {
            self.skip_spaces();
            if !self.take_word("or") {
                break;
            }
            parts.push(self.conjunction()?);
        }
        self.depth -= 1;
        Ok(Filter::any_of(parts))
    }

    fn conjunction(&mut self) -> Result<Filter, Fault> {
        let mut parts = vec![self.term()?];
        loop {
            self.skip_spaces();
            if !self.take_word("and") {
                break;
            }
            parts.push(self.term()?);
        }
        Ok(Filter::all_of(parts))
    }

    fn term(&mut self) -> Result<Filter, Fault> {
        self.skip_spaces();
        if self.rest().starts_with('(') {
            return self.group();
        }
        let before = self.at;
        if self.take_word("not") {
            self.skip_spaces();
            if self.rest().starts_with('(') {
                return Ok(Filter::Not(Box::new(self.group()?)));
            }
            self.at = before;
        }
        self.terms += 1;
        if self.terms > MAX_TERMS {
            return Err("it has too many comparisons.");
        }
        let path = self.path()?;
        self.skip_spaces();
        let word = self.word();
        if word.eq_ignore_ascii_case("pr") {
            self.at += word.len();
            return Ok(Filter::Present(path));
        }
        let Some(comparison) = Comparison::parse(word) else {
            return if path.filter.is_some() && path.sub.is_none() {
                Ok(Filter::Has(path))
            } else {
                Err("a comparison is missing: eq, ne, co, sw, ew, gt, ge, lt, le or pr.")
            };
        };
        self.at += word.len();
        self.skip_spaces();
        let value = self.literal()?;
        if !comparison.takes(&value) {
            return Err("this comparison does not take such a value.");
        }
        Ok(Filter::Compare(path, comparison, value))
    }

    fn group(&mut self) -> Result<Filter, Fault> {
        self.at += 1;
        let inner = self.disjunction()?;
        self.skip_spaces();
        if self.take(')') { Ok(inner) } else { Err("a parenthesis is not closed.") }
    }

    fn literal(&mut self) -> Result<Value, Fault> {
        let rest = self.rest();
        let text = if rest.starts_with('"') {
            let mut escaped = false;
            let end = rest.char_indices().skip(1).find_map(|(at, c)| {
                let is_end = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                is_end.then_some(at)
            });
            rest.get(..=end.ok_or("a string is not closed.")?).unwrap_or_default()
        } else {
            self.word()
        };
        let lowered = if text.starts_with('"') { text.to_owned() } else { text.to_ascii_lowercase() };
        let value: Value =
            serde_json::from_str(&lowered).map_err(|_| "a value is missing, or not written as JSON.")?;
        self.at += text.len();
        Ok(value)
    }
}

fn is_name(text: &str) -> bool {
    let text = text.strip_prefix('$').unwrap_or(text);
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

fn is_version(text: &str) -> bool {
    text.split_once('.').is_some_and(|(major, minor)| {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        digits(major) && digits(minor)
    })
}

/// `[urn:…:]attribute[.sub]`. URNs end in a version and a name, `…:2.0:User`: so ended, the path is a whole extension.
fn split(word: &str) -> Result<AttributePath, Fault> {
    let attribute = |schema: Option<&str>, text: &str| {
        let (name, sub) = match text.split_once('.') {
            Some((name, sub)) => (name, Some(sub)),
            None => (text, None),
        };
        if !is_name(name) || sub.is_some_and(|sub| !is_name(sub)) {
            return Err("a name is missing, or holds what names can't.");
        }
        let schema = schema.map(str::to_owned);
        Ok(AttributePath { schema, attribute: name.to_owned(), filter: None, sub: sub.map(str::to_owned) })
    };
    if !is_urn(word) {
        return attribute(None, word);
    }
    if !word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'.' | b'-' | b'_' | b'$')) {
        return Err("the URN holds what a URN can't.");
    }
    let Some((before, last)) = word.rsplit_once(':') else { return Err("the URN has no name.") };
    if !before.rsplit(':').next().is_some_and(is_version) {
        return attribute(Some(before), last);
    }
    match last.split_once('.') {
        Some((name, rest)) if is_name(name) => {
            let urn = word.get(..before.len() + 1 + name.len()).unwrap_or(word);
            attribute(Some(urn), rest)
        }
        None if is_name(last) => Ok(AttributePath::of(word)),
        _ => Err("the URN has no name."),
    }
}
