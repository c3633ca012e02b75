//! The steps at the application's side: a connector's Markdown turned into typed pieces with live values, so that no
//! HTML from a connector file ever reaches a page.

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use crate::web::pages::parts::{CopyValue, Piece, Sentence};

/// Steps in order.
#[derive(Clone, Default)]
pub struct Steps {
    /// The steps.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Clone, Default)]
pub struct Step {
    /// What to do.
    pub sentence: Sentence,
    /// Values to paste there.
    pub values: Vec<CopyValue>,
    /// It is nothing to do, only to know.
    pub note: bool,
}

/// A value that steps may name in braces.
#[derive(Clone)]
pub struct LiveValue {
    /// Its name: `idp_url`.
    pub name: &'static str,
    /// Its label: "IdP URL".
    pub label: &'static str,
    /// The value.
    pub value: String,
}

impl Steps {
    /// Reads a numbered list in Markdown. Emphasis becomes strong, `{idp_url}` becomes the label of that value in the
    /// sentence and a field to copy it from below; raw HTML becomes text. Text outside a list is a step of its own.
    #[must_use]
    pub fn from_markdown(markdown: &str, values: &[LiveValue]) -> Self {
        let mut reader =
            Reader { steps: Vec::new(), current: None, strong: 0, link: String::new(), items: 0, values };
        for event in Parser::new(markdown) {
            reader.read(event);
        }
        reader.finish();
        Self { steps: reader.steps }
    }
}

struct Reader<'a> {
    steps: Vec<Step>,
    current: Option<Step>,
    strong: usize,
    link: String,
    items: usize,
    values: &'a [LiveValue],
}

impl Reader<'_> {
    fn read(&mut self, event: Event<'_>) {
        match event {
            Event::Start(Tag::Item) => {
                if self.items == 0 {
                    self.finish();
                } else {
                    self.push(" ");
                }
                self.items += 1;
            }
            Event::End(TagEnd::Item) => {
                self.items -= 1;
                if self.items == 0 {
                    self.finish();
                }
            }
            Event::End(TagEnd::Paragraph) => {
                if self.items == 0 {
                    self.finish();
                } else {
                    self.push(" ");
                }
            }
            Event::Start(Tag::Strong | Tag::Emphasis) => self.strong += 1,
            Event::End(TagEnd::Strong | TagEnd::Emphasis) => self.strong -= 1,
            // Only http(s): a connector file must not bring `javascript:` to a console (A-21).
            Event::Start(Tag::Link { dest_url, .. }) if is_web(&dest_url) => self.link = dest_url.to_string(),
            Event::End(TagEnd::Link) => self.link.clear(),
            Event::Text(text) => self.text(&text),
            Event::Code(text) => {
                self.strong += 1;
                self.text(&text);
                self.strong -= 1;
            }
            Event::Html(text) | Event::InlineHtml(text) => self.push(&text),
            Event::SoftBreak | Event::HardBreak => self.push(" "),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let known = after.split_once('}').and_then(|(name, tail)| {
                self.values.iter().find(|value| value.name == name).map(|value| (value, tail))
            });
            let Some((value, tail)) = known else {
                self.push(before);
                self.push("{");
                rest = after;
                continue;
            };
            self.push(before);
            let id = format!("step-{}-{}", self.steps.len() + 1, value.name.replace('_', "-"));
            let clip = value.value.contains('\n');
            let (label, value) = (value.label.to_owned(), value.value.clone());
            let step = self.current.get_or_insert_default();
            step.sentence.pieces.push(Piece::strong(label.clone()));
            if step.values.iter().all(|known| known.id != id) {
                step.values.push(CopyValue { id, label, value, clip });
            }
            rest = tail;
        }
        self.push(rest);
    }

    fn push(&mut self, text: &str) {
        if text.is_empty() || (self.current.is_none() && text.trim().is_empty()) {
            return;
        }
        let piece = Piece { text: text.to_owned(), strong: self.strong > 0, href: self.link.clone() };
        self.current.get_or_insert_default().sentence.pieces.push(piece);
    }

    fn finish(&mut self) {
        if let Some(mut step) = self.current.take() {
            while step.sentence.pieces.last().is_some_and(|piece| piece.text.trim().is_empty()) {
                step.sentence.pieces.pop();
            }
            self.steps.push(step);
        }
    }
}

fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(step: &Step) -> String {
        step.sentence.pieces.iter().map(|piece| piece.text.as_str()).collect()
    }

    #[test]
    fn steps_carry_live_values_once_each() {
        let values =
            [LiveValue { name: "idp_url", label: "IdP URL", value: "https://id.example/saml2/heap".into() }];
        let text = "1. Open **Account > Manage**.\n2. *Remote login URL*: paste {idp_url}, yes {idp_url}.\n3. Keep {unknown}.";
        let steps = Steps::from_markdown(text, &values).steps;
        assert_eq!(steps.len(), 3);
        assert_eq!(plain(&steps[0]), "Open Account > Manage.");
        assert!(steps[0].sentence.pieces[1].strong);
        assert_eq!(plain(&steps[1]), "Remote login URL: paste IdP URL, yes IdP URL.");
        assert_eq!(steps[1].values.len(), 1);
        assert_eq!(steps[1].values[0].value, "https://id.example/saml2/heap");
        assert_eq!(plain(&steps[2]), "Keep {unknown}.");
    }

    #[test]
    fn a_21_html_and_script_links_of_a_connector_stay_text() {
        let text = "1. <b onclick=x>bold</b> [go](javascript:alert(1)) [site](https://heap.io)";
        let steps = Steps::from_markdown(text, &[]).steps;
        let html = steps[0].sentence.to_string();
        assert!(html.contains("&#60;b onclick=x&#62;"), "{html}");
        assert!(!html.contains("javascript:"), "{html}");
        assert!(html.contains(r#"<a href="https://heap.io">site</a>"#), "{html}");
    }
}
