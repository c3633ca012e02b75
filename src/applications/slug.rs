//! The last part of the IdP URL: chosen or derived once, then never changed.

use unicode_normalization::UnicodeNormalization as _;

use crate::base::{Error, Result};

/// Longest slug.
pub const MAX: usize = 64;

/// Names that would be mistaken for something else, now or later.
const RESERVED: &[&str] = &["metadata", "logout", "artifact", "certificate", "admin", "api", "static"];

/// A label in URL form: `Heap (EU)` becomes `heap-eu`. Empty when nothing of it can stand in a URL.
#[must_use]
pub fn derive(label: &str) -> String {
    let mut out = String::new();
    for c in label.nfkd().filter(char::is_ascii).map(|c| c.to_ascii_lowercase()) {
        if c.is_ascii_alphanumeric() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('-') && c != '\'' {
            out.push('-');
        }
        if out.len() == MAX {
            break;
        }
    }
    out.trim_matches('-').to_owned()
}

/// Accepts a slug somebody chose: 1 to 64 small letters, digits and inner hyphens.
pub fn check(slug: &str) -> Result<()> {
    let shape = (1..=MAX).contains(&slug.len())
        && slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !slug.starts_with('-')
        && !slug.ends_with('-')
        && !slug.contains("--");
    if !shape {
        return Err(Error::field(
            "slug",
            "unusable_slug",
            "Use 1 to 64 small letters, digits and single hyphens between them, like heap-eu.",
        ));
    }
    if RESERVED.contains(&slug) {
        return Err(Error::field("slug", "reserved_slug", "That address is reserved. Choose another."));
    }
    Ok(())
}

/// `slug`, `slug-2`, `slug-3` …: the candidates for a derived slug, each within the limit.
pub fn candidates(slug: &str) -> impl Iterator<Item = String> {
    let slug =
        if slug.is_empty() || RESERVED.contains(&slug) { format!("app-{slug}") } else { slug.to_owned() };
    let base = slug.trim_end_matches('-').to_owned();
    std::iter::once(base.clone()).chain((2..1000).map(move |n| {
        let tail = format!("-{n}");
        let keep = base.len().min(MAX - tail.len());
        format!("{}{tail}", base[..keep].trim_end_matches('-'))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_become_addresses() {
        for (label, slug) in [
            ("Heap", "heap"),
            ("Keeper (Cloud SSO Connect)", "keeper-cloud-sso-connect"),
            ("Zoë's Café & Bar", "zoes-cafe-bar"),
            ("  --  ", ""),
            ("日本", ""),
        ] {
            assert_eq!(derive(label), slug, "{label}");
        }
        let long = derive(&"ab ".repeat(80));
        assert!(check(&long).is_ok(), "{long}");
    }

    #[test]
    fn a_33_slugs_hold_nothing_that_a_path_could_trip_over() {
        for bad in [
            "",
            "Heap",
            "a/b",
            "a..b",
            "a;b",
            "a%2fb",
            "-a",
            "a-",
            "a--b",
            "ä",
            "a b",
            "metadata",
            &"a".repeat(65),
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn candidates_are_all_valid_and_distinct() {
        for base in ["heap", "", "admin", &"a".repeat(64)] {
            let all: Vec<String> = candidates(base).take(120).collect();
            assert!(all.iter().all(|slug| check(slug).is_ok()), "{base}: {all:?}");
            assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len());
        }
    }
}
