//! Set-up steps: a small part of Markdown turned into data, so that pages can put a copy button beside each live
//! value and nothing a connector says is ever HTML.
//!
//! Understood are paragraphs, one level of numbered steps, *emphasis*, **strong**, `code`, links to https addresses,
//! `{live_value}` and placeholder tokens. Anything else is a fault with its place.

use crate::base::vocabulary::vocabulary;
use std::fmt;

use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd, TextMergeWithOffset};
use serde::Serialize;

use super::model::Placeholders;
use super::placeholder::{LocationRules, Part, check_location, parts};

/// Longest text, in bytes.
pub const MAX_TEXT: usize = 16 * 1024;
/// Most steps.
const MAX_STEPS: usize = 40;

vocabulary! {
    /// A value that is live in the console: written in braces, shown with a copy button.
    LiveValue {
        /// The `IdP` URL.
        #[default]
        IdpUrl = "idp_url",
        /// Address of the `IdP`'s metadata.
        MetadataUrl = "metadata_url",
        /// Address of the certificate as a download.
        CertificateUrl = "certificate_url",
        /// The certificate, PEM with its `BEGIN` and `END` lines.
        CertificatePem = "certificate_pem",
        /// The certificate's SHA-256 fingerprint, hexadecimal with colons.
        CertificateFingerprint = "certificate_fingerprint",
        /// Entity ID of the `IdP`.
        IdpEntityId = "idp_entity_id",
        /// Entity ID of the application.
        SpEntityId = "sp_entity_id",
        /// The application's default consumer service.
        AcsUrl = "acs_url",
        /// Where the tile starts.
        LoginUrl = "login_url",
    }
}

/// A block of the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Block {
    /// A paragraph.
    Paragraph {
        /// What it says.
        #[schema(no_recursion)]
        content: Vec<Inline>,
    },
    /// Numbered steps, each of one or more paragraphs.
    Steps {
        /// Number of the first.
        start: u64,
        /// The steps; each is a list of paragraphs.
        #[schema(value_type = Vec<Vec<Vec<serde_json::Value>>>)]
        steps: Vec<Vec<Vec<Inline>>>,
    },
}

/// A run of text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Inline {
    /// Plain text.
    Text {
        /// The text.
        text: String,
    },
    /// Names of menus and buttons.
    Strong {
        /// The text.
        text: String,
    },
    /// Names of fields.
    Emphasis {
        /// The text.
        text: String,
    },
    /// Something to be typed.
    Code {
        /// The text.
        text: String,
    },
    /// A link to an https address.
    Link {
        /// The address.
        url: String,
        /// What it says.
        text: String,
    },
    /// A live value.
    Value {
        /// Which.
        value: LiveValue,
    },
    /// A placeholder's value.
    Placeholder {
        /// The token.
        token: String,
    },
}

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepsFault {
    /// Byte offset in the text.
    pub offset: usize,
    /// Stable code.
    pub code: &'static str,
    /// What is wrong, as a sentence.
    pub message: String,
}

impl fmt::Display for StepsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for StepsFault {}

/// Reads a text. All faults are gathered.
pub fn parse(markdown: &str, declared: &Placeholders) -> Result<Vec<Block>, Vec<StepsFault>> {
    let read = read(markdown, declared)?;
    if read.faults.is_empty() { Ok(read.blocks) } else { Err(read.faults) }
}

/// What is wrong with a text, also where it can be shown: a value within marks, which would never be filled in.
#[must_use]
pub fn faults(markdown: &str, declared: &Placeholders) -> Vec<StepsFault> {
    match read(markdown, declared) {
        Ok(read) => read.faults.into_iter().chain(read.odd).collect(),
        Err(faults) => faults,
    }
}

fn read<'a>(markdown: &str, declared: &'a Placeholders) -> Result<Reader<'a>, Vec<StepsFault>> {
    if markdown.len() > MAX_TEXT {
        let message = "The text is longer than 16 KiB.".to_owned();
        return Err(vec![StepsFault { offset: 0, code: "steps_too_long", message }]);
    }
    let mut reader = Reader::new(declared);
    for (event, range) in
        TextMergeWithOffset::new(Parser::new_ext(markdown, Options::empty()).into_offset_iter())
    {
        reader.take(event, range.start);
    }
    let steps: usize = reader
        .blocks
        .iter()
        .map(|block| if let Block::Steps { steps, .. } = block { steps.len() } else { 0 })
        .sum();
    if steps > MAX_STEPS {
        reader.fault(0, "steps_too_long", "More than 40 steps. Say it shorter.");
    }
    Ok(reader)
}

/// Whether it is filled in, or looks as if it were to be.
fn is_value(part: &Part<'_>) -> bool {
    !matches!(part, Part::Text(_))
}

/// How the text that comes now is marked.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Mark {
    Strong,
    Emphasis,
    Link(String),
}

struct Reader<'a> {
    declared: &'a Placeholders,
    blocks: Vec<Block>,
    faults: Vec<StepsFault>,
    /// What can be shown, and is meant otherwise.
    odd: Vec<StepsFault>,
    list: Option<(u64, Vec<Vec<Vec<Inline>>>)>,
    paragraph: Vec<Inline>,
    marks: Vec<Mark>,
}

impl<'a> Reader<'a> {
    fn new(declared: &'a Placeholders) -> Self {
        Self {
            declared,
            blocks: Vec::new(),
            faults: Vec::new(),
            odd: Vec::new(),
            list: None,
            paragraph: Vec::new(),
            marks: Vec::new(),
        }
    }

    fn fault(&mut self, offset: usize, code: &'static str, message: impl Into<String>) {
        self.faults.push(StepsFault { offset, code, message: message.into() });
    }

    fn take(&mut self, event: Event<'_>, offset: usize) {
        match event {
            Event::Start(tag) => self.start(tag, offset),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(&text, offset),
            Event::Code(text) => {
                self.values_in(&text, offset, |part| matches!(part, Part::Token(_)));
                self.paragraph.push(Inline::Code { text: text.into_string() });
            }
            Event::SoftBreak | Event::HardBreak => self.paragraph.push(Inline::Text { text: " ".to_owned() }),
            Event::Html(_) | Event::InlineHtml(_) => self.fault(
                offset,
                "raw_html",
                "HTML can't be used here. Use Markdown: numbered steps, emphasis, code, links.",
            ),
            _ => self.unsupported(offset),
        }
    }

    fn unsupported(&mut self, offset: usize) {
        self.fault(
            offset,
            "unsupported_markdown",
            "Only paragraphs, one level of numbered steps, emphasis, code and links can be used here.",
        );
    }

    fn start(&mut self, tag: Tag<'_>, offset: usize) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => {}
            Tag::List(Some(start)) if self.list.is_none() => self.list = Some((start, Vec::new())),
            Tag::Item => {
                if let Some((_, steps)) = &mut self.list {
                    steps.push(Vec::new());
                }
            }
            Tag::Strong => self.mark(Mark::Strong, offset),
            Tag::Emphasis => self.mark(Mark::Emphasis, offset),
            Tag::Link { link_type: LinkType::Inline | LinkType::Autolink, dest_url, .. } => {
                if !dest_url.starts_with("https://") || check_location(&dest_url, FRAGMENTS).is_err() {
                    self.fault(offset, "bad_link", "Links lead to https addresses only.");
                }
                self.values_in(&dest_url, offset, is_value);
                self.mark(Mark::Link(dest_url.into_string()), offset);
            }
            _ => self.unsupported(offset),
        }
    }

    fn mark(&mut self, mark: Mark, offset: usize) {
        if !self.marks.is_empty() {
            self.fault(offset, "unsupported_markdown", "Emphasis and links can't stand inside each other.");
        }
        self.marks.push(mark);
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Strong | TagEnd::Emphasis | TagEnd::Link => {
                self.marks.pop();
            }
            TagEnd::Paragraph | TagEnd::Item => self.close_paragraph(),
            TagEnd::List(_) => {
                if let Some((start, steps)) = self.list.take() {
                    self.blocks.push(Block::Steps { start, steps });
                }
            }
            _ => {}
        }
    }

    fn close_paragraph(&mut self) {
        if self.paragraph.is_empty() {
            return;
        }
        let content = std::mem::take(&mut self.paragraph);
        match &mut self.list {
            Some((_, steps)) => {
                if let Some(step) = steps.last_mut() {
                    step.push(content);
                }
            }
            None => self.blocks.push(Block::Paragraph { content }),
        }
    }

    fn text(&mut self, text: &str, offset: usize) {
        match self.marks.last().cloned() {
            Some(mark) => {
                self.unclosed(text, offset, &['{', '}', '*', '`']);
                self.values_in(text, offset, is_value);
                let text = text.to_owned();
                self.paragraph.push(match mark {
                    Mark::Strong => Inline::Strong { text },
                    Mark::Emphasis => Inline::Emphasis { text },
                    Mark::Link(url) => Inline::Link { url, text },
                });
            }
            None => self.plain(text, offset),
        }
    }

    /// Marked text is shown as it stands: a value in it would never be filled in.
    fn values_in(&mut self, text: &str, offset: usize, is_value: impl Fn(&Part<'_>) -> bool) {
        let is_live = |value: &LiveValue| text.contains(&format!("{{{}}}", value.as_str()));
        if parts(text, self.declared).iter().any(is_value) || LiveValue::ALL.iter().any(is_live) {
            let message =
                "A value can't stand inside code, emphasis or a link. Take it out of the marks.".to_owned();
            self.odd.push(StepsFault { offset, code: "marked_value", message });
        }
    }

    /// Plain text with live values and tokens in it.
    fn plain(&mut self, text: &str, offset: usize) {
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let at = offset + (text.len() - rest.len());
            let Some(length) = rest[open..].find('}') else { break };
            self.with_tokens(&rest[..open], at);
            self.live_value(&rest[open + 1..open + length], at + open);
            rest = &rest[open + length + 1..];
        }
        let at = offset + (text.len() - rest.len());
        self.unclosed(rest, at, &['{', '}']);
        self.with_tokens(rest, at);
    }

    fn live_value(&mut self, name: &str, offset: usize) {
        if let Ok(value) = name.parse() {
            self.paragraph.push(Inline::Value { value });
            return;
        }
        let known: Vec<&str> = LiveValue::ALL.iter().map(|value| value.as_str()).collect();
        let message = format!("There is no live value {{{name}}}. Known are {}.", known.join(", "));
        self.fault(offset, "unknown_live_value", message);
    }

    fn with_tokens(&mut self, text: &str, offset: usize) {
        self.unclosed(text, offset, &['*', '`']);
        for part in parts(text, self.declared) {
            match part {
                Part::Text(text) => self.paragraph.push(Inline::Text { text: text.to_owned() }),
                Part::Token(token) => self.paragraph.push(Inline::Placeholder { token: token.to_owned() }),
                Part::Undeclared(token) => {
                    let at = offset + text.find(token).unwrap_or(0);
                    let message = format!("{token} is not declared under placeholders.");
                    self.fault(at, "undeclared_placeholder", message);
                }
            }
        }
    }

    /// A mark left standing in the text was opened and not closed.
    fn unclosed(&mut self, text: &str, offset: usize, marks: &[char]) {
        if let Some(at) = text.find(marks) {
            let mark = &text[at..=at];
            self.fault(offset + at, "unclosed_markup", format!("The {mark} here has no partner. Close it."));
        }
        if let Some(at) = text.find("](") {
            self.fault(offset + at, "unclosed_markup", "This link is not closed.");
        }
    }
}

/// A page of documentation may be linked to by its fragment.
const FRAGMENTS: LocationRules = LocationRules { plain_http: false, fragment: true };

#[cfg(test)]
mod tests {
    use super::super::model::Placeholder;
    use super::*;

    fn declared() -> Placeholders {
        let placeholder: Placeholder =
            serde_json::from_str(r#"{"label": "Heap ID", "example": "1"}"#).unwrap();
        Placeholders::from([("YOUR_ID".to_owned(), placeholder)])
    }

    fn faults(markdown: &str) -> Vec<(usize, &'static str)> {
        super::faults(markdown, &declared()).into_iter().map(|fault| (fault.offset, fault.code)).collect()
    }

    fn text(text: &str) -> Inline {
        Inline::Text { text: text.to_owned() }
    }

    #[test]
    fn steps_become_data_with_live_values() {
        let blocks = parse(
            "First.\n\n1. Open **Account > Settings**.\n2. *Login URL*: paste {idp_url}.\n3. See `x` at [help](https://example.com/a#b) for YOUR_ID.\n",
            &declared(),
        )
        .unwrap();
        let strong = Inline::Strong { text: "Account > Settings".to_owned() };
        let emphasis = Inline::Emphasis { text: "Login URL".to_owned() };
        let link = Inline::Link { url: "https://example.com/a#b".to_owned(), text: "help".to_owned() };
        assert_eq!(
            blocks,
            [
                Block::Paragraph { content: vec![text("First.")] },
                Block::Steps {
                    start: 1,
                    steps: vec![
                        vec![vec![text("Open "), strong, text(".")]],
                        vec![vec![
                            emphasis,
                            text(": paste "),
                            Inline::Value { value: LiveValue::IdpUrl },
                            text(".")
                        ]],
                        vec![vec![
                            text("See "),
                            Inline::Code { text: "x".to_owned() },
                            text(" at "),
                            link,
                            text(" for "),
                            Inline::Placeholder { token: "YOUR_ID".to_owned() },
                            text("."),
                        ]],
                    ],
                },
            ]
        );
    }

    #[test]
    fn html_and_script_links_are_refused() {
        assert_eq!(faults("a <b>x</b>")[0], (2, "raw_html"));
        assert_eq!(faults("<script>alert(1)</script>\n")[0].1, "raw_html");
        assert_eq!(faults("[x](javascript:alert(1))"), [(0, "bad_link")]);
        assert_eq!(faults("[x](http://example.com)"), [(0, "bad_link")]);
        assert_eq!(faults("[x](https://a@example.com)"), [(0, "bad_link")]);
        assert_eq!(faults("![x](https://example.com/x.png)")[0].1, "unsupported_markdown");
        assert_eq!(faults("# Title")[0].1, "unsupported_markdown");
        assert_eq!(faults("1. a\n   - b")[0].1, "unsupported_markdown");
    }

    #[test]
    fn faults_are_where_they_are() {
        assert_eq!(faults("paste {idp_uri} here"), [(6, "unknown_live_value")]);
        assert_eq!(faults("give YOUR_KEY here"), [(5, "undeclared_placeholder")]);
        assert_eq!(faults("open **Account here"), [(5, "unclosed_markup")]);
        assert_eq!(faults("paste {idp_url here"), [(6, "unclosed_markup")]);
        assert_eq!(faults("type `x here"), [(5, "unclosed_markup")]);
        assert_eq!(faults("type `{idp_url}`"), [(5, "marked_value")]);
        assert_eq!(faults("type `x/YOUR_ID`"), [(5, "marked_value")]);
        assert_eq!(faults("open **YOUR_KEY** now"), [(7, "marked_value")]);
        assert_eq!(faults("see [it](https://example.com/YOUR_ID)"), [(4, "marked_value")]);
        assert_eq!(faults("type `YOUR_TOKEN` and `{tenant}`"), [], "what is no value may be typed");
        // What was good when an application was made of it is shown as before.
        assert!(parse("type `{idp_url}`", &declared()).is_ok());
        assert_eq!(faults(&"x".repeat(MAX_TEXT + 1)), [(0, "steps_too_long")]);
    }
}
