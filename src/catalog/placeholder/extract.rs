//! Reading values back out of an address that an administrator pastes from the application.

use percent_encoding::percent_decode_str;
use regex::{Regex, RegexBuilder};

use super::super::model::{Placeholder, PlaceholderKind, Placeholders};
use super::Values;
use super::check::check_value;
use super::token::{Part, parts};

/// Longest pasted text that is looked at, in bytes.
const MAX_PASTE: usize = 4096;

/// The values that `pasted` holds: by a placeholder's own `extract` expression, else by laying the templates over
/// it, whole or as far as they go. Only usable values are given; a placeholder that is not found is left out.
#[must_use]
pub fn extract<'t>(
    pasted: &str,
    templates: impl IntoIterator<Item = &'t str>,
    declared: &Placeholders,
) -> Values {
    let pasted = pasted.trim();
    let mut out = Values::new();
    if pasted.is_empty() || pasted.len() > MAX_PASTE {
        return out;
    }
    let bare = without_scheme(pasted);
    for (token, placeholder) in declared {
        if let Some(value) = by_expression(placeholder, pasted) {
            out.insert(token.clone(), value);
        }
    }
    for template in templates {
        let cut = parts(template, declared);
        if !cut.iter().any(|part| matches!(part, Part::Text(text) if text.contains(char::is_alphanumeric))) {
            // Whatever was pasted would fit.
            continue;
        }
        for length in (1..=cut.len()).rev() {
            let inside = matches!(cut[length - 1], Part::Text(_)) && length < cut.len();
            // A host must match to its end: `acme.example.com` says nothing of `acme.evil.example`.
            if inside || ends_in_host(&cut[..length]) {
                continue;
            }
            if lay_over(&cut[..length], bare, declared, &mut out) {
                break;
            }
        }
        // A host that is fixed but for its tokens is enough, whatever page of the application was pasted.
        let host = template.find("://").map_or(0, |at| at + 3);
        let end = template[host..].find(['/', '?', '#']).map_or(template.len(), |at| host + at);
        lay_over(&parts(&template[..end], declared), bare, declared, &mut out);
    }
    out
}

/// People paste addresses with and without the scheme.
fn without_scheme(pasted: &str) -> &str {
    match pasted.split_once("://") {
        Some((scheme, rest))
            if scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http") =>
        {
            rest
        }
        _ => pasted,
    }
}

/// Whether this beginning of a template stops before its path.
fn ends_in_host(cut: &[Part<'_>]) -> bool {
    let mut after_scheme = false;
    for part in cut {
        let Part::Text(text) = part else { continue };
        let rest = text.split_once("://").map_or(*text, |(_, rest)| {
            after_scheme = true;
            rest
        });
        if rest.contains(['/', '?', '#']) {
            return false;
        }
    }
    after_scheme
}

fn by_expression(placeholder: &Placeholder, pasted: &str) -> Option<String> {
    let expression = bounded(placeholder.extract.as_deref()?)?;
    let found = expression.captures(pasted)?;
    let value = found.get(1).or_else(|| found.get(0))?.as_str();
    check_value(placeholder, value).ok()
}

fn bounded(expression: &str) -> Option<Regex> {
    RegexBuilder::new(expression)
        .size_limit(512 * 1024)
        .dfa_size_limit(512 * 1024)
        .nest_limit(32)
        .build()
        .ok()
}

/// Lays a run of parts over the beginning of the text. Values found earlier win; whether it fitted at all.
fn lay_over(cut: &[Part<'_>], pasted: &str, declared: &Placeholders, out: &mut Values) -> bool {
    let mut expression = String::from("(?i)^");
    let mut tokens = Vec::new();
    for part in cut {
        match part {
            Part::Text(text) => expression.push_str(&regex::escape(text)),
            Part::Token(token) => {
                let Some(placeholder) = declared.get(*token) else { return false };
                expression.push_str(class(placeholder.kind));
                tokens.push((*token, placeholder));
            }
            Part::Undeclared(_) => return false,
        }
    }
    if tokens.is_empty() {
        return false;
    }
    expression.push_str("(?:[/?#&:]|$)");
    let expression = expression.replacen("^https://", "^", 1);
    let Some(found) = bounded(&expression).and_then(|expression| expression.captures(pasted)) else {
        return false;
    };
    for (i, (token, placeholder)) in tokens.into_iter().enumerate() {
        let Some(text) = found.get(i + 1) else { continue };
        let text = match placeholder.kind {
            PlaceholderKind::Segment | PlaceholderKind::Path | PlaceholderKind::Query => {
                percent_decode_str(text.as_str()).decode_utf8_lossy().into_owned()
            }
            _ => text.as_str().to_owned(),
        };
        if let Ok(value) = check_value(placeholder, &text) {
            out.entry(token.to_owned()).or_insert(value);
        }
    }
    true
}

/// What a value of this kind may look like in an address.
fn class(kind: PlaceholderKind) -> &'static str {
    match kind {
        PlaceholderKind::Label => r"([^./:?#@\s]+)",
        PlaceholderKind::Host => r"([^/:?#@\s]+)",
        PlaceholderKind::HostPort => r"([^/?#@\s]+)",
        PlaceholderKind::Segment => r"([^/?#&\s]+)",
        PlaceholderKind::Path => r"([^?#\s]+?)",
        PlaceholderKind::Query => r"([^&#\s]+)",
        PlaceholderKind::Opaque | PlaceholderKind::Url => r"(\S+)",
    }
}
