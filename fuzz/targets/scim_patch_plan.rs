//! F-09: the operations that are planned from what was sent to what is wanted make it so, and leave what is not ours.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};
use tessera_fuzz::choice::Choice;
use tessera_fuzz::plan::{Base, operations};
use tessera_fuzz::scim::{PatchOp, lacking};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const WORDS: [&str; 6] = ["ada", "Ada Lovelace", "zoë ]\"'", "x@y.example", "\u{1d11e}", "0"];

/// A person's resource as a mapping makes it: text, name, typed lists, untyped lists, an extension.
fn person(choice: &mut Choice<'_>) -> Value {
    let mut out = Map::new();
    out.insert("userName".to_owned(), json!(choice.of(&WORDS)));
    out.insert("active".to_owned(), json!(!choice.one_in(3)));
    for name in ["displayName", "title", "externalId"] {
        if choice.one_in(2) {
            out.insert(name.to_owned(), json!(choice.of(&WORDS)));
        }
    }
    let parts = |choice: &mut Choice<'_>, names: &[&str]| {
        let mut parts = Map::new();
        for name in names {
            if choice.one_in(2) {
                parts.insert((*name).to_owned(), json!(choice.of(&WORDS)));
            }
        }
        (!parts.is_empty()).then_some(Value::Object(parts))
    };
    if let Some(name) = parts(choice, &["givenName", "familyName"]) {
        out.insert("name".to_owned(), name);
    }
    if let Some(extension) = parts(choice, &["department", "employeeNumber"]) {
        out.insert(ENTERPRISE.to_owned(), extension);
    }
    for (name, kinds) in [("emails", ["work", "home"]), ("phoneNumbers", ["work", "mobile"])] {
        let mut list = Vec::new();
        for kind in kinds {
            if choice.one_in(2) {
                list.push(json!({ "type": kind, "value": choice.of(&WORDS) }));
            }
        }
        if !list.is_empty() {
            out.insert(name.to_owned(), Value::Array(list));
        }
    }
    Value::Object(out)
}

fuzz_target!(|data: &[u8]| {
    let mut choice = Choice::new(data);
    let (sent, wanted) = (person(&mut choice), person(&mut choice));
    // Somebody else's, of which nothing was sent.
    let mut there = sent.clone();
    there["nickName"] = json!("theirs");
    let mut list = there["addresses"].as_array().cloned().unwrap_or_default();
    list.push(json!({ "type": "home", "locality": "Elsewhere" }));
    there["addresses"] = Value::Array(list);
    let plan = operations(Base::Sent(&sent), &wanted);
    assert!(sent != wanted || plan.is_empty(), "what is so needs nothing");
    if !plan.is_empty() {
        let patch = PatchOp::read(&PatchOp::from(plan).to_json())
            .unwrap_or_else(|error| panic!("{error} {sent} {wanted}"));
        patch.apply(&mut there).unwrap_or_else(|error| panic!("{error} {sent} {wanted}"));
    }
    let missing = lacking(&wanted, &there);
    assert!(missing.is_empty(), "{missing:?} of {wanted} is not in {there}");
    for (name, value) in sent.as_object().into_iter().flatten() {
        let is_gone =
            there.get(name).is_none_or(|left| left.is_null() || *left == json!([]) || *left == json!({}));
        assert!(wanted.get(name).is_some() || is_gone, "{name} {value} stays in {there}");
    }
    assert_eq!(there["nickName"], "theirs");
    assert_eq!(there["addresses"][0]["locality"], "Elsewhere");
    // Found as it is now, it needs nothing more.
    let again = operations(Base::Found(&there), &wanted);
    assert!(again.is_empty(), "{again:?}");
});
