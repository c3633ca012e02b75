//! Which site an address is of, as far as its name tells: for a linter that looks for what is odd.

/// The last labels of the host of a web address: two, or three where the last but one is short below a country's. `None`:
/// it is none, or the host is a placeholder as a whole.
pub(super) fn of(template: &str) -> Option<String> {
    let rest = template.strip_prefix("https://").or_else(|| template.strip_prefix("http://"))?;
    let host = rest.split(['/', '?', '#', ':']).next()?.to_ascii_lowercase();
    if host.contains('@') {
        // What that leads to is a fault of its own.
        return None;
    }
    let labels: Vec<&str> = host.trim_end_matches('.').split('.').collect();
    let short = |label: &str, most: usize| label.len() <= most;
    let count = match labels.as_slice() {
        [] | [_] => return None,
        [.., _, second, last] if short(last, 2) && short(second, 3) => 3,
        _ => 2,
    };
    let site = labels[labels.len() - count..].join(".");
    (!site.contains("your_")).then_some(site)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_site_is_the_end_of_a_host() {
        for (template, site) in [
            ("https://YOUR_SUBDOMAIN.app.example.com/saml", Some("example.com")),
            ("https://login.example.co.uk:8443/x", Some("example.co.uk")),
            ("https://example.io", Some("example.io")),
            ("https://YOUR_DOMAIN/saml", None),
            ("https://sso.YOUR_DOMAIN", None),
            ("urn:example:sp", None),
        ] {
            assert_eq!(super::of(template).as_deref(), site, "{template}");
        }
    }
}
