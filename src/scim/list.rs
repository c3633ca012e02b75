//! Lists and their paging (RFC 7644 §3.4.2.4), by index or by cursor (RFC 9865).

use std::ops::Range;

use serde_json::{Map, Value, json};

use super::error::ScimError;
use super::resource::member;

/// URN of the list message.
pub const LIST_URN: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// A page of resources.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListResponse {
    /// How many there are in all; not every server says so.
    pub total_results: Option<u64>,
    /// Index of the first of this page, counted from 1.
    pub start_index: Option<u64>,
    /// How many this page has, as the server says.
    pub items_per_page: Option<u64>,
    /// The resources.
    pub resources: Vec<Value>,
    /// The cursor of the next page (RFC 9865).
    pub next_cursor: Option<String>,
    /// The cursor of the page before.
    pub previous_cursor: Option<String>,
}

impl ListResponse {
    /// Reads what a server answered, in any case of names, numbers also as strings. A bare array is a list too.
    ///
    /// # Errors
    /// `invalidSyntax` when it is no list: an HTML page, an error, something else's answer.
    pub fn read(body: &Value) -> Result<Self, ScimError> {
        if let Value::Array(resources) = body {
            return Ok(Self { resources: resources.clone(), ..Self::default() });
        }
        let resources = match member(body, "Resources") {
            Some(Value::Array(resources)) => resources.clone(),
            None | Some(Value::Null) => Vec::new(),
            Some(_) => return Err(ScimError::invalid_syntax("Resources is no array.")),
        };
        let total_results = number(body, "totalResults");
        let next_cursor = cursor(body, "nextCursor");
        let names_itself = match member(body, "schemas").or_else(|| member(body, "schema")) {
            Some(Value::Array(urns)) => urns.iter().any(is_list_urn),
            Some(urn) => is_list_urn(urn),
            None => false,
        };
        let is_list = names_itself || total_results.is_some() || member(body, "Resources").is_some();
        if !body.is_object() || !is_list {
            return Err(ScimError::invalid_syntax("The answer is no list of resources."));
        }
        Ok(Self {
            total_results,
            start_index: number(body, "startIndex"),
            items_per_page: number(body, "itemsPerPage"),
            resources,
            next_cursor,
            previous_cursor: cursor(body, "previousCursor"),
        })
    }

    /// A page by index: of `total` resources those from `page.start_index` on.
    #[must_use]
    pub fn page(resources: Vec<Value>, page: PageRequest, total: u64) -> Self {
        Self {
            total_results: Some(total),
            start_index: Some(page.start_index),
            items_per_page: Some(resources.len() as u64),
            resources,
            next_cursor: None,
            previous_cursor: None,
        }
    }

    /// As it is sent.
    #[must_use]
    pub fn to_json(self) -> Value {
        let mut out = Map::new();
        out.insert("schemas".to_owned(), json!([LIST_URN]));
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                out.insert(name.to_owned(), value);
            }
        };
        put("totalResults", self.total_results.map(Value::from));
        put("startIndex", self.start_index.map(Value::from));
        put("itemsPerPage", self.items_per_page.map(Value::from));
        put("nextCursor", self.next_cursor.map(Value::from));
        put("previousCursor", self.previous_cursor.map(Value::from));
        put("Resources", Some(Value::Array(self.resources)));
        Value::Object(out)
    }

    /// Where the next page by index begins, when this one was asked for from `start`; none when it was the last. It goes
    /// on by what was received, not by what was asked for (SC-10), and a page without resources is the last.
    #[must_use]
    pub fn next_start(&self, start: u64) -> Option<u64> {
        let received = self.resources.len() as u64;
        let next = start.checked_add(received)?;
        let is_more = self.total_results.is_none_or(|total| next <= total);
        (received > 0 && is_more).then_some(next)
    }
}

fn is_list_urn(value: &Value) -> bool {
    value.as_str().is_some_and(|urn| urn.to_ascii_lowercase().ends_with(":listresponse"))
}

fn number(body: &Value, name: &str) -> Option<u64> {
    match member(body, name)? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn cursor(body: &Value, name: &str) -> Option<String> {
    let text = member(body, name)?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}

/// Which page is asked for, made good: an index below 1 is 1, a count below 0 is 0 (RFC 7644 §3.4.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Index of the first resource, counted from 1.
    pub start_index: u64,
    /// Resources at most.
    pub count: u64,
}

impl PageRequest {
    /// From the query's `startIndex` and `count`; without a count there are `default`, and never more than `max`.
    ///
    /// # Errors
    /// `invalidValue` when one of them is no number.
    pub fn read(start: Option<&str>, count: Option<&str>, default: u64, max: u64) -> Result<Self, ScimError> {
        let read = |name: &str, text: Option<&str>| -> Result<Option<u64>, ScimError> {
            let Some(text) = text else { return Ok(None) };
            let number: i64 = text
                .trim()
                .parse()
                .map_err(|_| ScimError::invalid_value(format!("{name} must be a number.")))?;
            Ok(Some(u64::try_from(number).unwrap_or(0)))
        };
        let start_index = read("startIndex", start)?.unwrap_or(1).max(1);
        let count = read("count", count)?.unwrap_or(default).min(max);
        Ok(Self { start_index, count })
    }

    /// Which of `total` resources, counted from 0.
    #[must_use]
    pub fn window(self, total: u64) -> Range<u64> {
        let start = (self.start_index - 1).min(total);
        start..start.saturating_add(self.count).min(total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sc_18_lists_are_read_leniently() {
        let list = ListResponse::read(&json!({
            "SCHEMAS": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalresults": "3", "StartIndex": 1.0, "itemsPerPage": 2, "resources": [{"id": "1"}, {"id": "2"}],
        }))
        .unwrap();
        assert_eq!((list.total_results, list.items_per_page, list.resources.len()), (Some(3), Some(2), 2));
        let empty = ListResponse::read(&json!({"totalResults": 0, "Resources": null})).unwrap();
        assert!(empty.resources.is_empty());
        let aws =
            ListResponse::read(&json!({"itemsPerPage": 1, "nextCursor": "c", "Resources": [{}]})).unwrap();
        assert_eq!((aws.next_cursor.as_deref(), aws.total_results), (Some("c"), None));
        assert_eq!(ListResponse::read(&json!([{"id": "1"}])).unwrap().resources.len(), 1);
        for other in [json!("x"), json!({}), json!(null), json!({"detail": "no"}), json!({"Resources": {}})] {
            assert!(ListResponse::read(&other).is_err(), "{other}");
        }
    }

    #[test]
    fn sc_10_the_next_page_begins_after_what_was_received() {
        let page = |received: usize, total| ListResponse {
            total_results: total,
            resources: vec![Value::Null; received],
            ..ListResponse::default()
        };
        assert_eq!(page(50, Some(120)).next_start(1), Some(51));
        assert_eq!(page(50, Some(120)).next_start(51), Some(101));
        assert_eq!(page(20, Some(120)).next_start(101), None);
        assert_eq!(page(19, Some(120)).next_start(101), Some(120));
        assert_eq!(page(0, Some(120)).next_start(51), None);
        assert_eq!(page(50, Some(10)).next_start(51), None, "a total that shrank");
        assert_eq!(page(5, None).next_start(1), Some(6));
        assert_eq!(page(5, None).next_start(u64::MAX), None);
    }

    #[test]
    fn sc_10_pages_are_counted_from_one() {
        let read = |start, count| PageRequest::read(start, count, 50, 100).unwrap();
        assert_eq!(read(None, None), PageRequest { start_index: 1, count: 50 });
        assert_eq!(read(Some("0"), Some("-5")), PageRequest { start_index: 1, count: 0 });
        assert_eq!(read(Some("7"), Some("1000")), PageRequest { start_index: 7, count: 100 });
        assert_eq!(read(Some("7"), Some("3")).window(8), 6..8);
        assert_eq!(read(Some("9"), Some("3")).window(8), 8..8);
        assert!(PageRequest::read(Some("x"), None, 50, 100).is_err());
        let page = ListResponse::page(vec![json!({"id": "7"})], read(Some("7"), None), 7);
        assert_eq!(ListResponse::read(&page.clone().to_json()).unwrap(), page);
    }
}
