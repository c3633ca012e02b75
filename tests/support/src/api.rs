//! The REST API from a test's side.

use serde_json::Value;

use crate::browser::{Browser, Page};

/// A client with an API token.
#[derive(Debug, Clone)]
pub struct Api {
    browser: Browser,
    base: String,
    authorization: String,
}

/// What the API answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, or null where there is none.
    pub body: Value,
    /// The answer itself, for its headers.
    pub page: Page,
}

impl Answer {
    /// Holds the answer to a status, and gives the body.
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{} answered {}", self.page.url, self.page.text());
        self.body
    }

    /// The stable code of a problem (RFC 9457).
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

impl Api {
    /// A client of the server at `base`, such as `http://localhost:8080`.
    pub fn new(base: &str, token: &str) -> Self {
        let base = format!("{}/api/v1", base.trim_end_matches('/'));
        Self { browser: Browser::new(), base, authorization: format!("Bearer {}", token.trim()) }
    }

    /// `GET`
    pub fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, "application/json", None)
    }

    /// `POST` with a JSON body; null sends none.
    pub fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.json("POST", path, body)
    }

    /// `PATCH` with a JSON body.
    pub fn patch(&mut self, path: &str, body: &Value) -> Answer {
        self.json("PATCH", path, body)
    }

    /// `PUT` with a JSON body; null sends none.
    pub fn put(&mut self, path: &str, body: &Value) -> Answer {
        self.json("PUT", path, body)
    }

    /// `PUT` of a document of another type, such as metadata.
    pub fn put_document(&mut self, path: &str, media_type: &str, body: &str) -> Answer {
        self.send("PUT", path, media_type, Some(body.as_bytes()))
    }

    /// `DELETE`
    pub fn delete(&mut self, path: &str) -> Answer {
        self.send("DELETE", path, "application/json", None)
    }

    /// `GET` of something that is not JSON.
    pub fn export(&mut self, path: &str) -> String {
        let headers = [("authorization", self.authorization.as_str())];
        let page = self.browser.send("GET", &format!("{}{path}", self.base), &headers, None);
        assert_eq!(page.status, 200, "{}", page.text());
        page.text()
    }

    fn json(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        let text = body.to_string();
        let body: &[u8] = if body.is_null() { b"" } else { text.as_bytes() };
        self.send(method, path, "application/json", Some(body))
    }

    fn send(&mut self, method: &str, path: &str, media_type: &str, body: Option<&[u8]>) -> Answer {
        let url = format!("{}{path}", self.base);
        let mut headers =
            vec![("authorization", self.authorization.as_str()), ("accept", "application/json")];
        if body.is_some_and(|body| !body.is_empty()) {
            headers.push(("content-type", media_type));
        }
        let page = self.browser.send(method, &url, &headers, body);
        let body = if page.body.is_empty() { Value::Null } else { page.json() };
        Answer { status: page.status, body, page }
    }
}
