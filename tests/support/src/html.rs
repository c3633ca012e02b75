//! Forms read out of a page: as much of HTML as our own pages and the providers' pages use.

use url::Url;

/// A form as a browser would submit it when its first button is pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// The absolute address it goes to.
    pub action: Url,
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Names and values in document order; buttons and unticked boxes are left out.
    pub fields: Vec<(String, String)>,
}

impl Form {
    /// The value of a field.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// Fills in a field, or adds it: a box to tick, or the button that is pressed.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        match self.fields.iter_mut().find(|(field, _)| field == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.fields.push((name.to_owned(), value.to_owned())),
        }
        self
    }
}

/// One start or end tag.
struct Tag<'a> {
    name: String,
    attributes: Vec<(String, String)>,
    /// What stands between this tag and the next.
    text: &'a str,
}

impl Tag<'_> {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn has(&self, name: &str) -> bool {
        self.attribute(name).is_some()
    }
}

/// The forms of a page that was read from `base`.
pub(crate) fn forms(html: &str, base: &Url) -> Vec<Form> {
    let mut found: Vec<Form> = Vec::new();
    let mut open = false;
    let mut select: Option<(String, Option<String>)> = None;
    for tag in tags(html) {
        match tag.name.as_str() {
            "form" => {
                let action =
                    base.join(tag.attribute("action").unwrap_or_default()).expect("an action is a URL");
                let post = tag.attribute("method").is_some_and(|method| method.eq_ignore_ascii_case("post"));
                found.push(Form { action, method: if post { "POST" } else { "GET" }, fields: Vec::new() });
                open = true;
            }
            "/form" => open = false,
            _ if !open || tag.has("disabled") => {}
            "input" => found.last_mut().expect("a form is open").fields.extend(input(&tag)),
            "textarea" => {
                let name = tag.attribute("name").unwrap_or_default().to_owned();
                found.last_mut().expect("a form is open").fields.push((name, decoded(tag.text)));
            }
            "select" => select = tag.attribute("name").map(|name| (name.to_owned(), None)),
            "option" => {
                if let Some((_, value)) = &mut select
                    && (value.is_none() || tag.has("selected"))
                {
                    *value =
                        Some(tag.attribute("value").map_or_else(|| decoded(tag.text.trim()), str::to_owned));
                }
            }
            "/select" => {
                if let Some((name, Some(value))) = select.take() {
                    found.last_mut().expect("a form is open").fields.push((name, value));
                }
            }
            _ => {}
        }
    }
    found
}

/// Where a hand-over page leads: the address of its `<meta http-equiv="refresh">`.
pub(crate) fn refresh(html: &str, base: &Url) -> Option<Url> {
    let tags = tags(html);
    let meta = tags.iter().find(|tag| {
        tag.name == "meta"
            && tag.attribute("http-equiv").is_some_and(|value| value.eq_ignore_ascii_case("refresh"))
    })?;
    let (_, address) = meta.attribute("content")?.split_once('=')?;
    base.join(address.trim_matches([' ', '\'', '"'])).ok()
}

fn input(tag: &Tag<'_>) -> Option<(String, String)> {
    let name = tag.attribute("name")?.to_owned();
    let value = tag.attribute("value");
    match tag.attribute("type").unwrap_or("text") {
        "submit" | "button" | "reset" | "image" | "file" => None,
        "checkbox" | "radio" => tag.has("checked").then(|| (name, value.unwrap_or("on").to_owned())),
        _ => Some((name, value.unwrap_or_default().to_owned())),
    }
}

fn tags(html: &str) -> Vec<Tag<'_>> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let end = rest.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(rest.len());
        let name = rest[..end].trim_end_matches('/').to_ascii_lowercase();
        let (attributes, after) = attributes(&rest[end..]);
        let text = after.split('<').next().unwrap_or_default();
        rest = after;
        if name == "script" || name == "style" {
            rest = rest.find("</").map_or("", |at| &rest[at..]);
        }
        tags.push(Tag { name, attributes, text });
    }
    tags
}

/// Reads up to and over the closing `>`.
fn attributes(mut rest: &str) -> (Vec<(String, String)>, &str) {
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if rest.is_empty() || rest.starts_with('>') {
            return (found, rest.get(1..).unwrap_or_default());
        }
        let end =
            rest.find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/')).unwrap_or(rest.len());
        let name = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start();
        let mut value = "";
        if let Some(after) = rest.strip_prefix('=') {
            let after = after.trim_start();
            (value, rest) = match after.chars().next() {
                Some(quote @ ('"' | '\'')) => after[1..].split_once(quote).unwrap_or((&after[1..], "")),
                _ => {
                    after.split_at(after.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(after.len()))
                }
            };
        } else if end == 0 {
            rest = rest.get(1..).unwrap_or_default();
            continue;
        }
        found.push((name, decoded(value)));
    }
}

/// Character references resolved: the five of XML and the numeric ones.
fn decoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let reference = after.split_once(';').and_then(|(name, tail)| Some((character(name)?, tail)));
        rest = if let Some((character, tail)) = reference {
            out.push(character);
            tail
        } else {
            out.push('&');
            after
        };
    }
    out + rest
}

fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => digits.parse(),
            };
            code.ok().and_then(char::from_u32)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Url {
        Url::parse("http://localhost:1/login?x=1").expect("a URL")
    }

    #[test]
    fn a_form_is_read_as_a_browser_would_submit_it() {
        let page = r#"<!-- <form> --><script>if (1 < 2) "<form>"</script>
            <form method=POST action="/a?b=1&amp;c=2"><input type=hidden name="csrf" value="x&#39;&#x26;y">
            <input name=who><input type=checkbox name=keep><input type="checkbox" name="yes" checked />
            <select name=s><option value=1>One<option value=2 selected>Two</select><textarea name=t>a &lt; b</textarea>
            <button name=go value=1>Go</button></form><form></form>"#;
        let forms = forms(page, &base());
        assert_eq!(forms.len(), 2);
        assert_eq!((forms[0].action.as_str(), forms[0].method), ("http://localhost:1/a?b=1&c=2", "POST"));
        let expected = [("csrf", "x'&y"), ("who", ""), ("yes", "on"), ("s", "2"), ("t", "a < b")]
            .map(|(name, value)| (name.into(), value.into()));
        assert_eq!(forms[0].fields, expected);
        assert_eq!((forms[1].action.as_str(), forms[1].method), ("http://localhost:1/login?x=1", "GET"));
    }

    #[test]
    fn a_hand_over_page_names_where_it_leads() {
        let page = r#"<meta charset="utf-8"><meta http-equiv="refresh" content="0; url=https://app.example/?a=1&amp;b=2">"#;
        assert_eq!(refresh(page, &base()).expect("a target").as_str(), "https://app.example/?a=1&b=2");
    }
}
