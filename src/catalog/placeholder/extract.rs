//! Reading values back out of an address that an administrator pastes from the application.

use percent_encoding::percent_decode_str;
use regex::{Regex, RegexBuilder};
use url::Url;

use super::super::model::{Placeholder, PlaceholderKind, Placeholders};
use super::check::check_value;
use super::fill::{fill, is_address};
use super::token::{Part, parts};
use super::{Scope, Values};

/// Longest pasted text that is looked at, in bytes.
const MAX_PASTE: usize = 4096;

/// The values with which a template comes to exactly this text; `None`: with none does it.
#[must_use]
pub fn unfilled(text: &str, template: &str, declared: &Placeholders) -> Option<Values> {
    if text.len() > MAX_PASTE {
        return None;
    }
    let cut = parts(template, declared);
    // Most texts are told apart by how they begin and end.
    let fixed = |part: Option<&Part<'_>>| match part {
        Some(Part::Text(text)) => (*text).to_owned(),
        _ => String::new(),
    };
    if !text.starts_with(&fixed(cut.first())) || !text.ends_with(&fixed(cut.last())) {
        return None;
    }
    let found = pattern(&cut, "$", declared)?.captures(text)?;
    let tokens =
        cut.iter().filter_map(|part| if let Part::Token(token) = part { Some(*token) } else { None });
    let mut values = Values::new();
    for (nth, token) in tokens.enumerate() {
        let placeholder = declared.get(token)?;
        let text = found.get(nth + 1)?.as_str();
        let text = if is_address(template) { decoded(placeholder.kind, text)? } else { text.to_owned() };
        values.entry(token.to_owned()).or_insert(check_value(placeholder, &text).ok()?);
    }
    let filled = fill(&Scope::new(declared, &values), template).ok()?;
    (filled == text).then_some(values)
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

fn by_expression(placeholder: &Placeholder, pasted: &str) -> Option<String> {
    let expression = bounded(placeholder.extract.as_deref()?)?;
    let found = expression.captures(pasted)?;
    let value = found.get(1)?.as_str();
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

/// The value of one placeholder in an address that an administrator pastes in its place: by its own `extract` expression, or
/// where a template has it. Strict, for nobody looks at what is stored: the host has to be that of the template, whole, and
/// with its port; what stands in the path counts only where the whole template fits, or behind a fixed part of the path; and
/// an address that is another of the application's gives nothing.
#[must_use]
pub fn extract_one<'t>(
    pasted: &str,
    token: &str,
    templates: impl IntoIterator<Item = &'t str>,
    declared: &Placeholders,
) -> Option<String> {
    let placeholder = declared.get(token)?;
    let address = plain_address(pasted)?;
    let value = by_expression(placeholder, &address)
        .or_else(|| by_template(&address, token, templates.into_iter().collect(), declared))?;
    (value == placeholder.example || !is_everybodys(&value)).then_some(value)
}

/// Whether a name in an address is what makers call hosts of their own, which customers are led over.
#[must_use]
pub fn is_everybodys(value: &str) -> bool {
    const NAMES: [&str; 33] = [
        "account",
        "accounts",
        "admin",
        "api",
        "app",
        "apps",
        "auth",
        "blog",
        "community",
        "console",
        "dashboard",
        "developer",
        "developers",
        "docs",
        "eu",
        "get",
        "go",
        "help",
        "id",
        "identity",
        "join",
        "login",
        "my",
        "new",
        "portal",
        "secure",
        "settings",
        "signin",
        "sso",
        "status",
        "support",
        "us",
        "www",
    ];
    // us02web, eu01web, us06st2
    let is_numbered = match value.as_bytes() {
        [a, b, c, d, rest @ ..] => {
            [a, b].iter().all(|b| b.is_ascii_alphabetic())
                && [c, d].iter().all(|b| b.is_ascii_digit())
                && (rest == b"web" || rest.starts_with(b"st"))
        }
        _ => false,
    };
    NAMES.contains(&value) || is_numbered
}

/// The value that the templates have where this address has it.
fn by_template(address: &str, token: &str, templates: Vec<&str>, declared: &Placeholders) -> Option<String> {
    const WHOLE: &str = r"/?(?:[?#].*)?$";
    let bare = without_scheme(address);
    let of_the_web = |template| {
        let (scheme, rest) = <str>::split_once(template, "://")?;
        matches!(scheme, "https" | "http").then(|| parts(rest, declared))
    };
    let cuts: Vec<Vec<Part<'_>>> = templates.into_iter().filter_map(of_the_web).collect();
    let (with, without): (Vec<_>, Vec<_>) = cuts.iter().partition(|cut| cut.contains(&Part::Token(token)));
    let fits = |cut: &&Vec<Part<'_>>| pattern(cut, WHOLE, declared).is_some_and(|whole| whole.is_match(bare));
    if without.iter().any(fits) {
        return None;
    }
    let mut wholes = with.iter().filter_map(|cut| laid(cut, WHOLE, bare, token, declared));
    let whole = wholes.next();
    if wholes.any(|other| Some(&other) != whole.as_ref()) {
        return None;
    }
    // A host that is the same for everybody is nobody's own.
    let host = &bare[..bare.find(['/', '?', '#']).unwrap_or(bare.len())];
    let is_everybodys = host.starts_with("www.")
        || cuts.iter().any(|cut| {
            matches!(cut.first(), Some(Part::Text(text)) if text.split(['/', '?', '#']).next() == Some(host))
        });
    whole.or_else(|| with.iter().find_map(|cut| partly(cut, bare, is_everybodys, token, declared)))
}

/// The value of a token where the address goes on otherwise than the template.
fn partly(
    cut: &[Part<'_>],
    bare: &str,
    is_everybodys: bool,
    token: &str,
    declared: &Placeholders,
) -> Option<String> {
    const ON: &str = r"(?:[/?#].*)?$";
    let at = cut.iter().position(|part| *part == Part::Token(token))?;
    let path = cut.iter().position(|part| matches!(part, Part::Text(text) if text.contains(['/', '?', '#'])));
    let Some(path) = path.filter(|path| at > *path) else {
        if is_everybodys {
            return None;
        }
        let mut host = cut[..path.unwrap_or(cut.len())].to_vec();
        if let Some(Part::Text(text)) = path.map(|path| cut[path]) {
            // It has to end where the template's does.
            host.push(Part::Text(&text[..text.find(['/', '?', '#']).unwrap_or(text.len())]));
        }
        return laid(&host, ON, bare, token, declared);
    };
    let is_fixed = cut[path..at].iter().any(|part| {
        let Part::Text(text) = part else { return false };
        text.split_once('/').is_some_and(|(_, path)| path.contains(char::is_alphanumeric))
    });
    let ends = match cut.get(at + 1) {
        None => true,
        Some(Part::Text(text)) => text.starts_with(['/', '?', '#', '&']),
        Some(_) => false,
    };
    // Where a path would end nobody knows.
    let is_sure = is_fixed && ends && declared.get(token)?.kind != PlaceholderKind::Path;
    if is_sure { laid(&cut[..=at], r"(?:[/?#&].*)?$", bare, token, declared) } else { None }
}

/// An address of the web without a user's name in it, with the host as browsers read it; a bare host is one, too.
fn plain_address(pasted: &str) -> Option<String> {
    let pasted = pasted.trim();
    if pasted.len() > MAX_PASTE || pasted.contains(char::is_whitespace) {
        return None;
    }
    let text = if pasted.contains("://") { pasted.to_owned() } else { format!("https://{pasted}") };
    let url = Url::parse(&text).ok()?;
    let is_plain =
        matches!(url.scheme(), "https" | "http") && url.username().is_empty() && url.password().is_none();
    // What a browser would mend was not copied from one.
    let begins = format!("{}://{}", url.scheme(), url.host_str()?);
    let is_as_typed = text.get(..begins.len()).is_some_and(|start| start.eq_ignore_ascii_case(&begins));
    (is_plain && is_as_typed).then(|| format!("{begins}{}", &text[begins.len()..]))
}

/// What these parts look like from the beginning of an address on.
fn pattern(cut: &[Part<'_>], end: &str, declared: &Placeholders) -> Option<Regex> {
    let mut expression = String::from("(?i)^");
    for part in cut {
        match part {
            Part::Text(text) => expression.push_str(&regex::escape(text)),
            Part::Token(name) => expression.push_str(class(declared.get(*name)?.kind)),
            Part::Undeclared(_) => return None,
        }
    }
    expression.push_str(end);
    bounded(&expression)
}

/// The value of a token where these parts are laid over a whole address.
fn laid(cut: &[Part<'_>], end: &str, address: &str, token: &str, declared: &Placeholders) -> Option<String> {
    let found = pattern(cut, end, declared)?.captures(address)?;
    // The first of several; that the others are the same shows when they are filled.
    let tokens = cut.iter().filter(|part| matches!(part, Part::Token(_)));
    let group = tokens.enumerate().find(|(_, part)| **part == Part::Token(token)).map(|(nth, _)| nth + 1)?;
    let text = found.get(group)?.as_str();
    let placeholder = declared.get(token)?;
    check_value(placeholder, &decoded(placeholder.kind, text)?).ok()
}

/// What was written for a path or a query as it was before.
fn decoded(kind: PlaceholderKind, text: &str) -> Option<String> {
    match kind {
        PlaceholderKind::Segment | PlaceholderKind::Path | PlaceholderKind::Query => {
            Some(percent_decode_str(text).decode_utf8().ok()?.into_owned())
        }
        _ => Some(text.to_owned()),
    }
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
