//! A client that behaves as a browser without JavaScript does: cookies, their rules across sites, `Origin` and
//! `Sec-Fetch-Site`. Redirects are followed only when asked, so that a test can look at each step.

use std::time::Duration;

use url::{Url, form_urlencoded};

use crate::cookies::Jar;
use crate::html::{self, Form};

const TIMEOUT: Duration = Duration::from_secs(30);
const MAX_BODY: u64 = 64 << 20;
const MAX_REDIRECTS: usize = 10;

/// How a request came about, as `Sec-Fetch-Site` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Relation {
    Typed,
    SameOrigin,
    Sibling,
    Foreign,
}

impl Relation {
    fn between(from: &Url, to: &Url) -> Self {
        if from.origin() == to.origin() {
            Self::SameOrigin
        } else if from.host_str() == to.host_str() {
            Self::Sibling
        } else {
            Self::Foreign
        }
    }

    fn header(self) -> &'static str {
        match self {
            Self::Typed => "none",
            Self::SameOrigin => "same-origin",
            Self::Sibling => "same-site",
            Self::Foreign => "cross-site",
        }
    }
}

/// One browser with its cookies. A clone is a second browser that starts with the same ones.
#[derive(Debug, Clone)]
pub struct Browser {
    agent: ureq::Agent,
    jar: Jar,
    headers: Vec<(String, String)>,
}

/// An answer, together with where it came from.
#[derive(Debug, Clone)]
pub struct Page {
    /// The address that answered.
    pub url: Url,
    /// The HTTP status.
    pub status: u16,
    /// Header names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body as it came.
    pub body: Vec<u8>,
    site: Relation,
}

impl Page {
    /// The first header of this name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("{} {} is no JSON ({error}): {}", self.status, self.url, self.text())
        })
    }

    /// Whether the body says it is of this media type.
    pub fn is(&self, media_type: &str) -> bool {
        self.header("content-type").is_some_and(|value| value.starts_with(media_type))
    }

    /// All forms of the page.
    pub fn forms(&self) -> Vec<Form> {
        html::forms(&self.text(), &self.url)
    }

    /// The first form that has a field of this name.
    pub fn form_with(&self, field: &str) -> Option<Form> {
        self.forms().into_iter().find(|form| form.value(field).is_some())
    }

    /// Where a redirect leads.
    pub fn location(&self) -> Option<Url> {
        let redirect = matches!(self.status, 301 | 302 | 303 | 307 | 308);
        redirect.then(|| self.url.join(self.header("location")?).ok()).flatten()
    }

    /// Where a hand-over page leads by itself.
    pub fn refresh(&self) -> Option<Url> {
        self.is("text/html").then(|| html::refresh(&self.text(), &self.url)).flatten()
    }
}

impl Default for Browser {
    fn default() -> Self {
        let agent = ureq::Agent::config_builder()
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .timeout_global(Some(TIMEOUT))
            .proxy(None)
            .build()
            .into();
        Self { agent, jar: Jar::default(), headers: Vec::new() }
    }
}

impl Browser {
    /// A browser without cookies.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends this header with every request from now on.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.jar.value(name)
    }

    /// Opens an address as if it were typed.
    pub fn get(&mut self, url: &str) -> Page {
        let url = Url::parse(url).expect("an absolute URL");
        self.request("GET", &url, Relation::Typed, &[], None)
    }

    /// As `get`, for a server that may go away in the middle.
    ///
    /// # Errors
    /// What went wrong on the way, in words.
    pub fn try_get(&mut self, url: &str) -> Result<Page, String> {
        let url = Url::parse(url).expect("an absolute URL");
        self.exchange("GET", &url, Relation::Typed, &[], None)
    }

    /// Opens an address from a link on a page.
    pub fn click(&mut self, from: &Page, href: &str) -> Page {
        let url = from.url.join(href).expect("a link is a URL");
        self.request("GET", &url, Relation::between(&from.url, &url), &[], None)
    }

    /// Submits a form of a page.
    pub fn submit(&mut self, from: &Page, form: &Form) -> Page {
        let site = Relation::between(&from.url, &form.action);
        let encoded: String =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(&form.fields).finish();
        if form.method == "GET" {
            let mut url = form.action.clone();
            url.set_query(Some(&encoded));
            return self.request("GET", &url, site, &[], None);
        }
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("origin", &from.url.origin().ascii_serialization()),
        ];
        self.request("POST", &form.action, site, &headers, Some(encoded.as_bytes()))
    }

    /// Posts fields without having read a page first, as no browser would: for tests of what must be refused.
    pub fn post(&mut self, url: &str, fields: &[(&str, &str)]) -> Page {
        let url = Url::parse(url).expect("an absolute URL");
        let body: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        self.request("POST", &url, Relation::Typed, &headers, Some(body.as_bytes()))
    }

    /// Sends anything.
    pub fn send(&mut self, method: &str, url: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Page {
        let url = Url::parse(url).expect("an absolute URL");
        self.request(method, &url, Relation::Typed, headers, body)
    }

    /// Follows redirects to the page where they end.
    pub fn follow(&mut self, page: Page) -> Page {
        let mut page = page;
        for _ in 0..MAX_REDIRECTS {
            let Some(url) = page.location() else { return page };
            // A chain keeps the farthest relation that it has had (Fetch Metadata 2.4).
            let site = if page.site == Relation::Typed {
                Relation::Typed
            } else {
                page.site.max(Relation::between(&page.url, &url))
            };
            page = self.request("GET", &url, site, &[], None);
        }
        panic!("more than {MAX_REDIRECTS} redirects, the last to {}", page.url)
    }

    fn request(
        &mut self,
        method: &str,
        url: &Url,
        site: Relation,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Page {
        self.exchange(method, url, site, headers, body)
            .unwrap_or_else(|error| panic!("{method} {url}: {error}"))
    }

    fn exchange(
        &mut self,
        method: &str,
        url: &Url,
        site: Relation,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Page, String> {
        let mut request = ureq::http::Request::builder().method(method).uri(url.as_str());
        let named = |name: &str| headers.iter().any(|(key, _)| key.eq_ignore_ascii_case(name));
        if !named("sec-fetch-site") {
            request = request.header("sec-fetch-site", site.header());
        }
        if let Some(cookies) = self.jar.header(url, site == Relation::Foreign, method)
            && !named("cookie")
        {
            request = request.header("cookie", cookies);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.unwrap_or_default()).expect("a request that can be written");
        let answer = if body.is_some() {
            self.agent.run(request)
        } else {
            self.agent.run(request.map(|_| ureq::SendBody::none()))
        };
        let mut answer = answer.map_err(|error| error.to_string())?;
        let text = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers: Vec<_> =
            answer.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        for (_, value) in headers.iter().filter(|(name, _)| name == "set-cookie") {
            self.jar.store(url, value);
        }
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(MAX_BODY).read_to_vec();
        let body = body.map_err(|error| error.to_string())?;
        Ok(Page { url: url.clone(), status, headers, body, site })
    }
}
