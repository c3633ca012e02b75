//! F-09: whatever an SCIM service answers is read within bounds or refused, and what we write ourselves reads as it was meant.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tessera_fuzz::memory::peak;
use tessera_fuzz::scim::error::MAX_TEXT;
use tessera_fuzz::scim::{
    AttributePath, Capabilities, Filter, ListResponse, PageRequest, PatchOp, ReceivedError, lacking, resource,
};

/// Deep enough for every schema there is; below it a page of text must not cost more than its size allows.
const MEMORY: usize = 64 * 1024 * 1024;

fuzz_target!(|data: &[u8]| {
    let ((), bytes) = peak(|| read(data));
    assert!(bytes < MEMORY, "{bytes} bytes of memory");
});

fn read(data: &[u8]) {
    let received = ReceivedError::read(data);
    assert!(
        received.text.len() <= MAX_TEXT && !received.text.contains(char::is_control),
        "{:?}",
        received.text
    );
    assert!(received.status.is_none_or(|status| (100..600).contains(&status)));
    if let Ok(text) = std::str::from_utf8(data) {
        strings(text);
    }
    let Ok(body) = serde_json::from_slice::<Value>(data) else { return };
    if let Ok(list) = ListResponse::read(&body) {
        // The next page is further on, so that reading comes to an end.
        assert!(list.next_start(7).is_none_or(|next| next > 7));
    }
    let _ = Capabilities::read(&body);
    let _ = (resource::id(&body), resource::is_active(&body));
    let missing = lacking(&body, &body);
    assert!(missing.is_empty(), "what is there does not lack itself: {missing:?}");
    if let Ok(patch) = PatchOp::read(&body) {
        let again = PatchOp::read(&patch.to_json()).expect("what we write can be read");
        assert_eq!(again.to_json(), patch.to_json());
        let mut target =
            serde_json::json!({ "userName": "ada", "emails": [{ "type": "work", "value": "a@b.example" }] });
        let _ = patch.apply(&mut target);
        assert!(target.is_object());
    }
}

fn strings(text: &str) {
    if let Ok(filter) = Filter::parse(text) {
        let written = filter.to_string();
        let again = Filter::parse(&written).expect(&written);
        assert!(is_same(&written, &again.to_string()), "{written} reads as {again}");
        let ada = serde_json::json!({ "userName": "ada", "active": true, "emails": [{ "type": "work", "value": "a@b.example" }] });
        assert_eq!(filter.matches(&ada), again.matches(&ada), "{written}");
    }
    if let Ok(path) = AttributePath::parse(text) {
        let written = path.to_string();
        let again = AttributePath::parse(&written).expect(&written).to_string();
        assert!(is_same(&written, &again), "{written} reads as {again}");
    }
    let (start, count) = text.split_once(' ').unwrap_or((text, text));
    if let Ok(page) = PageRequest::read(Some(start), Some(count), 100, 200) {
        assert!(page.start_index >= 1 && page.count <= 200);
        let window = page.window(1_000);
        assert!(window.start <= window.end && window.end <= 1_000);
    }
}

/// Whether a text that was read and written again is the same. The last digit of a fraction may change on the way; nothing
/// here compares fractions.
fn is_same(one: &str, other: &str) -> bool {
    let is_fraction = |word: &str| word.parse::<i64>().is_err() && word.parse::<f64>().is_ok();
    one == other || one.split([' ', '(', ')', '[', ']']).any(is_fraction)
}
