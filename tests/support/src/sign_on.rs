//! A person's way through a sign-on, form by form, as a browser without JavaScript walks it.

use serde_json::Value;

use crate::browser::{Browser, Page};

/// Pages that a sign-on may take: the provider, the login, a confirmation, the hand-over, and redirects between.
const MAX_STEPS: usize = 12;

/// Someone who can sign in.
#[derive(Debug, Clone, Copy)]
pub struct Person<'a> {
    /// User name or e-mail address.
    pub username: &'a str,
    /// Password.
    pub password: &'a str,
}

/// Fills in the login form of a page and follows where it leads.
pub fn sign_in(browser: &mut Browser, page: &Page, person: Person<'_>) -> Page {
    let form = page.form_with("password").unwrap_or_else(|| panic!("no login form at {}", page.url));
    let form = form.with("username", person.username).with("password", person.password);
    let answer = browser.submit(page, &form);
    browser.follow(answer)
}

/// Opens an address and goes on until the provider has answered or there is nothing left to press: through the
/// login (once), the request form of the provider, the *Continue* of an IdP-initiated sign-on and the response
/// form. Gives the page it ended on.
pub fn sign_on(browser: &mut Browser, start: &str, person: Option<Person<'_>>) -> Page {
    let answer = browser.get(start);
    let mut page = browser.follow(answer);
    let mut person = person;
    for _ in 0..MAX_STEPS {
        let forms = if page.is("text/html") { page.forms() } else { Vec::new() };
        let saml = forms.iter().find(|form| {
            form.value("SAMLResponse").is_some()
                || form.value("SAMLart").is_some()
                || form.value("SAMLRequest").is_some()
        });
        if let Some(form) = saml {
            let answer = browser.submit(&page, form);
            page = browser.follow(answer);
        } else if let Some(form) = forms.iter().find(|form| form.value("password").is_some()) {
            let Some(known) = person.take() else { return page };
            assert!(form.value("username").is_some(), "the login form has a field `username`");
            page = sign_in(browser, &page, known);
        } else if let Some(form) = forms.iter().find(|form| form.action.path().starts_with("/saml2/")) {
            let answer = browser.submit(&page, form);
            page = browser.follow(answer);
        } else {
            return page;
        }
    }
    panic!("the sign-on goes in circles, at {}", page.url)
}

/// Opens an address that begins a sign-out, or goes on from a page of one, through every hop: redirects, hand-over
/// pages and forms that carry a message. Gives the page it ended on.
pub fn sign_out(browser: &mut Browser, begun: Page) -> Page {
    let mut page = browser.follow(begun);
    for _ in 0..MAX_STEPS {
        let forms = if page.is("text/html") { page.forms() } else { Vec::new() };
        let saml = forms.iter().find(|form| {
            form.value("SAMLResponse").is_some()
                || form.value("SAMLart").is_some()
                || form.value("SAMLRequest").is_some()
        });
        let answer = if let Some(url) = page.refresh() {
            browser.click(&page, url.as_str())
        } else if let Some(form) = saml {
            browser.submit(&page, form)
        } else {
            return page;
        };
        page = browser.follow(answer);
    }
    panic!("the sign-out goes in circles, at {}", page.url)
}

/// What a provider accepted, from the page a sign-on ended on; panics with its reason where it refused.
pub fn accepted(page: &Page) -> Value {
    assert_eq!(page.status, 200, "{} answered {}", page.url, page.text());
    let told = page.json();
    assert_eq!(told["event"], "accepted", "{told}");
    told
}
