//! Filters: the examples of the standard, what is refused, and that what is written reads the same.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn person() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": "2819c223",
        "externalId": "tsr_AbC",
        "USERNAME": "Bjensen",
        "name": { "familyName": "O'Malley", "givenName": "Barbara" },
        "active": "True",
        "title": "",
        "emails": [
            { "value": "bjensen@example.com", "type": "work", "primary": true },
            { "value": "babs@jensen.org", "type": "home" },
        ],
        "meta": { "lastModified": "2011-05-13T04:42:34Z" },
        "Urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "department": "Tour Operations", "manager": { "value": "26118915" },
        },
    })
}

#[test]
fn the_examples_of_the_standard_hold() {
    for (filter, holds) in [
        (r#"userName eq "bjensen""#, true),
        (r#"USERNAME EQ "BJENSEN""#, true),
        (r#"name.familyName co "O'Malley""#, true),
        (r#"userName sw "J""#, false),
        (r#"userName ew "SEN""#, true),
        (r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "b""#, true),
        ("title pr", false),
        ("nickName pr", false),
        ("userName pr", true),
        (r#"meta.lastModified gt "2011-05-13T04:42:34Z""#, false),
        (r#"meta.lastModified ge "2011-05-13T06:42:34+02:00""#, true),
        (r#"meta.lastModified lt "2012-05-13T04:42:34Z""#, true),
        (r#"title pr or userName eq "bjensen""#, true),
        (r#"title pr and userName eq "bjensen""#, false),
        (r#"schemas eq "urn:ietf:params:scim:schemas:core:2.0:User""#, true),
        (r#"userName pr and not (emails co "nowhere.example")"#, true),
        (r#"userName pr and (emails co "example.com" or emails.value co "example.org")"#, true),
        (r#"emails[type eq "work" and value co "@example.com"]"#, true),
        (r#"emails[type eq "home" and value co "@example.com"]"#, false),
        (r#"emails[type eq "home"].value eq "babs@jensen.org""#, true),
        (r#"emails[type eq "home"] and userName eq "bjensen""#, true),
        ("active eq true", true),
        ("active eq false", false),
        ("active ne true", false),
        (r#"active eq "TRUE""#, true),
        (r#"externalId eq "tsr_AbC""#, true),
        (r#"externalId eq "tsr_abc""#, false),
        ("title eq null", true),
        (r#"userName ne "someone""#, true),
        (r#"nickName ne "someone""#, true),
        (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq "26118915""#, true),
        (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department co "tour""#, true),
    ] {
        assert_eq!(Filter::parse(filter).unwrap().matches(&person()), holds, "{filter}");
    }
}

#[test]
fn precedence_is_that_of_the_standard() {
    let filter = Filter::parse("a pr or b pr and not (c pr or d pr)").unwrap();
    assert_eq!(filter.to_string(), "a pr or b pr and not (c pr or d pr)");
    assert!(filter.matches(&json!({ "a": 1, "c": 1 })));
    assert!(!filter.matches(&json!({ "b": 1, "c": 1 })));
    let grouped = Filter::parse("(a pr or b pr) and c pr").unwrap();
    assert_eq!(grouped.to_string(), "(a pr or b pr) and c pr");
    assert!(!grouped.matches(&json!({ "a": 1 })));
}

#[test]
fn what_is_sent_is_escaped() {
    let filter = Filter::equals("userName", "a\" or userName pr or \"\\");
    assert_eq!(filter.to_string(), r#"userName eq "a\" or userName pr or \"\\""#);
    assert_eq!(Filter::parse(&filter.to_string()).unwrap(), filter);
}

#[test]
fn equalities_are_found_for_an_index() {
    let filter = Filter::parse(r#"id eq "1" and (members eq "2" and active eq true)"#).unwrap();
    assert_eq!(filter.equalities().unwrap().len(), 3);
    assert!(Filter::parse(r#"id eq "1" or id eq "2""#).unwrap().equalities().is_none());
}

#[test]
fn what_is_no_filter_is_refused() {
    let deep = format!("{}a pr{}", "(".repeat(1000), ")".repeat(1000));
    let wide = vec!["a pr"; 500].join(" or ");
    for filter in [
        "",
        "userName",
        "userName eq",
        "userName eq bjensen",
        "userName eq \"open",
        "userName xx \"1\"",
        "userName eq \"1\" and",
        "(userName pr",
        "userName pr)",
        "active gt true",
        "active co false",
        "title gt null",
        "a[b[c pr]]",
        "emails[type eq \"work\"",
        "a eq {}",
        "a eq [1]",
        "not",
        "not userName pr",
        &deep,
        &wide,
    ] {
        let error = Filter::parse(filter).unwrap_err();
        assert_eq!(error.kind, Some(ErrorKind::InvalidFilter), "{filter}");
    }
}

fn name() -> impl Strategy<Value = String> {
    "[a-z][A-Za-z0-9_-]{0,8}"
}

fn plain_path() -> impl Strategy<Value = AttributePath> {
    let urn = prop_oneof![
        Just(None),
        Just(Some("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User".to_owned())),
        Just(Some("urn:example:of:mine".to_owned())),
    ];
    (urn, name(), proptest::option::of(name())).prop_map(|(schema, attribute, sub)| AttributePath {
        schema,
        attribute,
        filter: None,
        sub,
    })
}

fn comparison() -> impl Strategy<Value = (Comparison, Value)> {
    let value = prop_oneof![
        any::<String>().prop_map(Value::String),
        any::<i64>().prop_map(|n| json!(n)),
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Null),
    ];
    (proptest::sample::select(Comparison::ALL.to_vec()), value)
        .prop_filter("taken", |(comparison, value)| comparison.takes(value))
}

fn leaf() -> impl Strategy<Value = Filter> {
    prop_oneof![
        plain_path().prop_map(Filter::Present),
        (plain_path(), comparison()).prop_map(|(path, (how, value))| Filter::Compare(path, how, value)),
    ]
}

fn joined(leaf: BoxedStrategy<Filter>) -> impl Strategy<Value = Filter> {
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Filter::all_of),
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Filter::any_of),
            inner.prop_map(|inner| Filter::Not(Box::new(inner))),
        ]
    })
}

fn whole() -> impl Strategy<Value = Filter> {
    let has =
        (name(), joined(leaf().boxed()), proptest::option::of(name())).prop_map(|(name, inner, sub)| {
            let path = AttributePath::of(&name).filtered(inner);
            match sub {
                Some(sub) => Filter::Present(path.with_sub(&sub)),
                None => Filter::Has(path),
            }
        });
    joined(prop_oneof![3 => leaf(), 1 => has].boxed())
}

proptest! {
    #[test]
    fn what_is_written_reads_the_same(filter in whole()) {
        let text = filter.to_string();
        prop_assume!(text.len() <= MAX_FILTER);
        prop_assert_eq!(Filter::parse(&text).unwrap(), filter);
    }

    #[test]
    fn no_text_harms_the_reader(text in any::<String>()) {
        let _ = Filter::parse(&text);
        let _ = AttributePath::parse(&text);
    }

    #[test]
    fn no_text_of_its_words_harms_the_reader(
        words in proptest::collection::vec(
            prop_oneof![
                Just("("), Just(")"), Just("["), Just("]"), Just("and"), Just("or"), Just("not"), Just("eq"),
                Just("pr"), Just("\"a\""), Just("a"), Just("a.b"), Just("urn:a:b"), Just("."), Just("1"), Just("é"),
            ],
            0..40,
        )
    ) {
        let text = words.join(" ");
        if let Ok(filter) = Filter::parse(&text) {
            prop_assert_eq!(Filter::parse(&filter.to_string()).unwrap(), filter.clone());
            let _ = filter.matches(&person());
        }
        let _ = Filter::parse(&words.concat());
    }
}
