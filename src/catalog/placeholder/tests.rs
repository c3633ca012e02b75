//! Tests of the placeholders: filling, refusing, taking apart.

use serde_json::json;

use super::super::model::Placeholder;
use super::*;

fn declared(list: &[(&str, &str)]) -> Placeholders {
    list.iter()
        .map(|(token, kind)| {
            let placeholder: Placeholder =
                serde_json::from_value(json!({"label": format!("the {kind}"), "kind": kind, "example": "x"}))
                    .unwrap();
            ((*token).to_owned(), placeholder)
        })
        .collect()
}

fn values(list: &[(&str, &str)]) -> Values {
    list.iter().map(|(token, value)| ((*token).to_owned(), (*value).to_owned())).collect()
}

fn filled(template: &str, kind: &str, value: &str) -> Result<String, &'static str> {
    let declared = declared(&[("YOUR_X", kind)]);
    Scope::new(&declared, &values(&[("YOUR_X", value)])).fill(template).map_err(|fault| fault.code())
}

#[test]
fn tokens_are_the_longest_declared_name_that_stands_whole() {
    let declared = declared(&[("YOUR_ID", "segment"), ("YOUR_ID_2", "segment"), ("YOUR_KEY", "segment")]);
    let cut = |template| parts(template, &declared);
    assert_eq!(cut("a/YOUR_ID_2/b"), [Part::Text("a/"), Part::Token("YOUR_ID_2"), Part::Text("/b")]);
    assert_eq!(cut("YOUR_ID_x"), [Part::Token("YOUR_ID"), Part::Text("_x")]);
    assert_eq!(cut("YOUR_ID_YOUR_KEY"), [Part::Token("YOUR_ID"), Part::Text("_"), Part::Token("YOUR_KEY")]);
    assert_eq!(cut("YOUR_IDX"), [Part::Undeclared("YOUR_IDX")]);
    assert_eq!(cut("YOUR_OTHER_/x"), [Part::Undeclared("YOUR_OTHER"), Part::Text("_/x")]);
    assert_eq!(cut("YOUR_/x"), [Part::Text("YOUR_/x")]);
    assert_eq!(cut("saml-YOUR_IDé"), [Part::Text("saml-"), Part::Token("YOUR_ID"), Part::Text("é")]);
    assert!(
        is_token("YOUR_A1")
            && !is_token("YOUR_")
            && !is_token("YOUR_a")
            && !is_token("YOUR_A_")
            && !is_token("MY_A")
    );
}

#[test]
fn no_value_leads_to_another_host() {
    let label = "https://YOUR_X.example.com/saml";
    for evil in [
        "evil.com/",
        "evil.com",
        "a.b@c",
        "a@b",
        "a:b",
        "a/b",
        "a?b",
        "a#b",
        "a\\b",
        "evil%2ecom",
        "%2e",
        "..",
        ".",
        "a b",
        "evil。com",
        "evil．com",
        "-a",
        "a-",
        "a_b",
        "a\tb",
        "a\nb",
        "a\u{202e}b",
        "",
        "x\u{0}",
        "[::1]",
    ] {
        assert!(filled(label, "label", evil).is_err(), "{evil:?}");
    }
    let host = "https://YOUR_X/saml";
    for evil in [
        "evil.com/",
        "evil.com/path",
        "user@evil.com",
        "https://evil.com",
        "evil.com:80",
        "evil..com",
        ".evil.com",
        "evil.com.",
        "2130706433",
        "0x7f.1",
        "127.1",
        "0177.0.0.1",
        "evil.com?x",
        "evil.com#x",
        "a b.com",
        "[::1",
        "exa\u{ad}mple.com",
    ] {
        assert!(filled(host, "host", evil).is_err(), "{evil:?}");
    }
    for evil in [
        "evil.com:0",
        "evil.com:65536",
        "evil.com:80@x",
        "a:b@evil.com:80",
        "evil.com:",
        "evil.com:+80",
        "evil.com:080",
    ] {
        assert!(filled(host, "host_port", evil).is_err(), "{evil:?}");
    }
    for evil in ["..", ".", "%2e%2e", "%2E.", ".%2e"] {
        assert!(filled("https://example.com/a/YOUR_X/acs", "segment", evil).is_err(), "{evil:?}");
    }
    for evil in ["../b", "a/../b", "/a", "a/", "a//b", "a/%2e%2e/b", "."] {
        assert!(filled("https://example.com/YOUR_X", "path", evil).is_err(), "{evil:?}");
    }
}

#[test]
fn only_host_kinds_stand_in_a_host() {
    for kind in ["segment", "path", "query", "opaque"] {
        assert_eq!(filled("https://YOUR_X.example.com/", kind, "acme"), Err("placeholder_in_host"), "{kind}");
        assert_eq!(filled("https://x@YOUR_X/", kind, "acme"), Err("placeholder_in_host"), "{kind}");
    }
    assert_eq!(filled("https://x@YOUR_X/", "host", "acme.example"), Err("address_diverted"));
    assert_eq!(filled("https://YOUR_X.example.com/", "host_port", "acme:80"), Err("unusable_address"));
}

#[test]
fn values_are_written_for_where_they_land() {
    let ok = |template, kind, value| filled(template, kind, value).unwrap();
    assert_eq!(ok("https://YOUR_X.example.com/", "label", " Acme "), "https://acme.example.com/");
    assert_eq!(ok("https://YOUR_X.example.com/", "label", "bücher"), "https://xn--bcher-kva.example.com/");
    assert_eq!(ok("https://YOUR_X/a", "host", "Bücher.Example"), "https://xn--bcher-kva.example/a");
    assert_eq!(ok("https://YOUR_X/a", "host", "192.0.2.7"), "https://192.0.2.7/a");
    assert_eq!(ok("https://YOUR_X/a", "host_port", "[2001:db8::1]:8443"), "https://[2001:db8::1]:8443/a");
    assert_eq!(ok("https://YOUR_X/a", "host_port", "app.example.com:443"), "https://app.example.com:443/a");
    assert_eq!(
        ok("https://e.example/YOUR_X/a", "segment", "a/b?c#d%2F ü"),
        "https://e.example/a%2Fb%3Fc%23d%252F%20%C3%BC/a"
    );
    assert_eq!(ok("https://e.example/YOUR_X", "path", "a b/c"), "https://e.example/a%20b/c");
    assert_eq!(ok("https://e.example/?p=YOUR_X", "query", "a&b=c"), "https://e.example/?p=a%26b%3Dc");
    assert_eq!(ok("https://e.example/YOUR_X", "opaque", "a%2Fb?c=1"), "https://e.example/a%2Fb?c=1");
    assert_eq!(ok("https://e.example/YOUR_X/..;/", "segment", "a;b"), "https://e.example/a%3Bb/..;/");
    // Not an address: as it is.
    assert_eq!(ok("urn:example:YOUR_X", "segment", "a b"), "urn:example:a b");
    assert_eq!(ok("YOUR_X.zoom.example", "label", "Acme"), "acme.zoom.example");
}

#[test]
fn patterns_match_whole_and_are_bounded() {
    let placeholder = |pattern: &str| Placeholder {
        label: "Heap ID".to_owned(),
        help: String::new(),
        kind: super::super::model::PlaceholderKind::Segment,
        pattern: Some(pattern.to_owned()),
        example: "1234567890".to_owned(),
        extract: None,
    };
    assert_eq!(check_value(&placeholder("[0-9]+"), " 42 "), Ok("42".to_owned()));
    for bad in ["42a", "a42", "4 2", "42/../x"] {
        assert!(check_value(&placeholder("[0-9]+"), bad).unwrap_err().contains("1234567890"), "{bad}");
    }
    // An alternation must not lose its anchors.
    assert!(check_value(&placeholder("a|b"), "ax").is_err());
    assert!(compiled("(((a{100}){100}){100})").is_err());
    assert!(compiled(&"a".repeat(300)).is_err());
    assert!(compiled("(").is_err());
    assert!(check_value(&placeholder(".*"), &"x".repeat(MAX_VALUE + 1)).is_err());
}

#[test]
fn md_303_locations_are_https_without_tricks() {
    let code = |text: &str| check_location(text, LocationRules::default()).map_err(|fault| fault.code());
    for good in [
        "https://a.example/",
        "https://a.example:8443/x?y=%20",
        "http://localhost:1/",
        "http://127.0.0.1/",
        "http://[::1]/",
    ] {
        assert_eq!(code(good), Ok(()), "{good}");
    }
    assert_eq!(code("http://a.example/"), Err("https_required"));
    for bad in [
        "javascript:alert(1)",
        "data:text/html,x",
        "https:///x",
        "ftp://a.example/",
        "https://u:p@a.example/",
        "https://@a.example/",
        "https://a.example/#x",
        "https://a.example/\u{7f}",
        "https://a.example/ x",
        "https://a.example\\@b/",
        "//a.example/",
        "/x",
        "",
        "https://a.example/\"x",
        "https://bücher.example/",
        " https://a.example/",
        "mailto:a@b",
    ] {
        assert_eq!(code(bad), Err("unusable_address"), "{bad}");
    }
    assert_eq!(code(&format!("https://a.example/{}", "x".repeat(2048))), Err("unusable_address"));
    assert!(check_location("http://a.example/", LocationRules { plain_http: true, fragment: false }).is_ok());
    assert!(
        check_location("https://a.example/#x", LocationRules { plain_http: false, fragment: true }).is_ok()
    );
}

#[test]
fn missing_values_are_named_with_every_place() {
    let declared = declared(&[("YOUR_ID", "segment"), ("YOUR_KEY", "segment")]);
    let given = values(&[("YOUR_KEY", "k"), ("YOUR_ID", "  ")]);
    let scope = Scope::new(&declared, &given);
    let missing = scope.missing_in([
        ("sp_entity_id", "https://e.example/YOUR_ID"),
        ("acs_urls.0.url", "https://e.example/YOUR_ID/YOUR_KEY/YOUR_ID"),
        ("login_url", "https://e.example/YOUR_OTHER"),
    ]);
    let seen: Vec<_> = missing.iter().map(|m| (m.placeholder.as_str(), m.used_in.join(" "))).collect();
    assert_eq!(
        seen,
        [("YOUR_ID", "sp_entity_id acs_urls.0.url".to_owned()), ("YOUR_OTHER", "login_url".to_owned())]
    );
    assert_eq!(missing[0].label, "the segment");
}

#[test]
fn the_preview_shows_what_is_filled_and_what_is_not() {
    let declared = declared(&[("YOUR_ID", "segment"), ("YOUR_HOST", "label")]);
    let given = values(&[("YOUR_ID", "a b"), ("YOUR_HOST", "evil.com/")]);
    let scope = Scope::new(&declared, &given);
    let literal = |text: &str| Piece::Literal { text: text.to_owned() };
    assert_eq!(
        scope.pieces("https://YOUR_HOST.example.com/YOUR_ID"),
        [
            literal("https://"),
            Piece::Empty { token: "YOUR_HOST".to_owned(), label: "the label".to_owned() },
            literal(".example.com/"),
            Piece::Filled { token: "YOUR_ID".to_owned(), text: "a%20b".to_owned() },
        ]
    );
}

#[test]
fn the_values_of_a_template_are_read_out_of_what_it_came_to() {
    let declared = declared(&[("YOUR_SUB", "label"), ("YOUR_ID", "segment")]);
    let got = |text: &str, template: &str| unfilled(text, template, &declared);
    let template = "https://YOUR_SUB.example.com/saml/YOUR_ID/acs";
    assert_eq!(
        got("https://acme.example.com/saml/a%20b/acs", template),
        Some(values(&[("YOUR_ID", "a b"), ("YOUR_SUB", "acme")]))
    );
    for other in [
        "",
        "https://evil.example/",
        "https://acme.example.com/saml/42/acs/",
        "https://acme.example.com/saml/42?x=/acs",
        "https://acme.example.com.evil.example/saml/42/acs",
        "https://a.b.example.com/saml/42/acs",
        "x https://acme.example.com/saml/42/acs",
        "https://acme.example.com/saml/a%FFb/acs",
    ] {
        assert_eq!(got(other, template), None, "{other}");
    }
    // A name is no address: nothing in it is encoded.
    assert_eq!(got("urn:example:a%20b", "urn:example:YOUR_ID"), Some(values(&[("YOUR_ID", "a%20b")])));
    assert_eq!(got("urn:example:sp", "urn:example:sp"), Some(Values::new()));
}

#[test]
fn one_value_is_read_out_of_an_address_only_where_it_is_sure() {
    let declared = declared(&[
        ("YOUR_SUB", "label"),
        ("YOUR_ID", "segment"),
        ("YOUR_HOST", "host"),
        ("YOUR_PLACE", "host_port"),
        ("YOUR_PATH", "path"),
    ]);
    let one = |template: &str, token: &str, pasted: &str| extract_one(pasted, token, [template], &declared);
    let sub = |pasted: &str| one("https://YOUR_SUB.example.com/saml/YOUR_ID/acs", "YOUR_SUB", pasted);
    for pasted in
        ["https://acme.example.com", "https://Acme.Example.com/any/page?x=1", "acme.example.com/home"]
    {
        assert_eq!(sub(pasted).as_deref(), Some("acme"), "{pasted}");
    }
    for pasted in [
        "https://acme.example.com.evil.example/",
        "https://acme.example.com:x@evil.example/",
        "https://evil.example/?https://acme.example.com",
        "https://a.b.example.com",
        "https://www.example.com/",
        "https://app.example.com/home",
        "https://login.example.com/saml/42/acs",
        "https://us02web.example.com",
        "https://acme.example.com:8443/",
        "ftp://acme.example.com",
        "https://https://acme.example.com",
        "acme",
        "https:acme",
        "acme.example.com x",
    ] {
        assert_eq!(sub(pasted), None, "{pasted}");
    }
    let id = |pasted: &str| one("https://YOUR_SUB.example.com/saml/YOUR_ID/acs", "YOUR_ID", pasted);
    assert_eq!(id("https://acme.example.com/saml/a%20b/acs").as_deref(), Some("a b"));
    assert_eq!(id("https://acme.example.com/saml/42?x").as_deref(), Some("42"));
    assert_eq!(id("https://acme.example.com/saml/a%FFb/acs"), None);
    assert_eq!(id("https://acme.example.com/saml/a%C3%A9bweb/acs").as_deref(), Some("aébweb"));
    assert_eq!(id("https://evil.example/saml/42/acs"), None);
    // Without a fixed part before it anything would be taken for it.
    let bare = |pasted: &str| one("https://YOUR_SUB.example.com/YOUR_ID/acs", "YOUR_ID", pasted);
    assert_eq!(bare("https://acme.example.com/users/sign_in"), None);
    assert_eq!(bare("https://acme.example.com/42/acs/").as_deref(), Some("42"));
    let host = |pasted: &str| one("https://YOUR_HOST/auth/acs", "YOUR_HOST", pasted);
    assert_eq!(host("https://moodle.corp.example/login?x").as_deref(), Some("moodle.corp.example"));
    for pasted in [
        "https://evil.example:x@moodle.corp.example/",
        "https://moodle.corp.example:8443/",
        "https://https://m.example",
    ] {
        assert_eq!(host(pasted), None, "{pasted}");
    }
    let place = |pasted: &str| one("https://YOUR_PLACE/acs", "YOUR_PLACE", pasted);
    assert_eq!(place("https://cb.corp.example:8443/x").as_deref(), Some("cb.corp.example:8443"));
    assert_eq!(place("https://evil.example:443@cb.corp.example/"), None);
    let path = |pasted: &str| one("https://acme.example/sso/YOUR_PATH", "YOUR_PATH", pasted);
    assert_eq!(path("https://acme.example/sso/tenants/acme").as_deref(), Some("tenants/acme"));
}
