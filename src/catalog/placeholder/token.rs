//! Tokens in a template: `YOUR_` followed by capitals, digits and underscores.

use super::super::model::Placeholders;

/// A part of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'t> {
    /// Plain text.
    Text(&'t str),
    /// A declared token.
    Token(&'t str),
    /// Something that looks like a token and is not declared.
    Undeclared(&'t str),
}

const MARK: &str = "YOUR_";

/// Whether this may be declared: `YOUR_` and at least one of capitals, digits and underscores, ending at a capital
/// or digit, at most 64 characters.
#[must_use]
pub fn is_token(name: &str) -> bool {
    name.len() <= 64
        && name.strip_prefix(MARK).is_some_and(|rest| {
            rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
                && rest.bytes().last().is_some_and(|b| b != b'_')
        })
}

/// Cuts a template at its tokens. A token is the longest declared name that stands there whole, that is, not
/// followed by another capital or digit (decision 27).
#[must_use]
pub fn parts<'t>(template: &'t str, declared: &Placeholders) -> Vec<Part<'t>> {
    let mut out = Vec::new();
    let (mut from, mut at) = (0, 0);
    while let Some(found) = template[at..].find(MARK) {
        let start = at + found;
        let run = run_length(&template[start..]);
        let Some((part, length)) = token_at(&template[start..start + run], declared) else {
            at = start + MARK.len();
            continue;
        };
        if from < start {
            out.push(Part::Text(&template[from..start]));
        }
        out.push(part);
        at = start + length;
        from = at;
    }
    if from < template.len() {
        out.push(Part::Text(&template[from..]));
    }
    out
}

/// How far capitals, digits and underscores go on.
fn run_length(text: &str) -> usize {
    text.bytes().take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_').count()
}

fn token_at<'t>(run: &'t str, declared: &Placeholders) -> Option<(Part<'t>, usize)> {
    let whole = |end: usize| run.as_bytes().get(end).is_none_or(|next| *next == b'_');
    let longest = (MARK.len() + 1..=run.len().min(64))
        .rev()
        .find(|&end| whole(end) && declared.contains_key(&run[..end]) && is_token(&run[..end]));
    if let Some(end) = longest {
        return Some((Part::Token(&run[..end]), end));
    }
    // Nothing declared fits: show the name up to the next mark, so that the message names what the author meant.
    let next_mark = run[MARK.len()..].find(MARK).map_or(run.len(), |next| MARK.len() + next);
    let name = run[..next_mark].trim_end_matches('_');
    (name.len() > MARK.len()).then_some((Part::Undeclared(name), name.len()))
}
