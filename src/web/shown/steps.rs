//! A connector's set-up steps with live values, read by the catalog's own strict parser, so that no HTML of a
//! connector ever reaches a page.

use crate::catalog::model::Placeholders;
use crate::catalog::placeholder::Values;
use crate::catalog::steps::{Block, Inline, LiveValue, parse};
use crate::web::pages::parts::{CopyValue, Piece};
use crate::web::pages::setup_steps::{Step, Steps};

/// What braces in the text stand for.
pub struct Live<'a> {
    /// The declared placeholders.
    pub declared: &'a Placeholders,
    /// Their values.
    pub filled: &'a Values,
    /// Live values with their text; one that is missing here is shown by its label alone.
    pub values: &'a [(LiveValue, String)],
}

/// The label of a live value in a sentence.
#[must_use]
pub fn label(value: LiveValue) -> &'static str {
    match value {
        LiveValue::IdpUrl => "IdP URL",
        LiveValue::MetadataUrl => "metadata URL",
        LiveValue::CertificateUrl => "certificate download",
        LiveValue::CertificatePem => "certificate",
        LiveValue::CertificateFingerprint => "certificate fingerprint",
        LiveValue::IdpEntityId => "IdP entity ID",
        LiveValue::SpEntityId => "SP entity ID",
        LiveValue::AcsUrl => "ACS URL",
        LiveValue::LoginUrl => "login URL",
    }
}

/// The steps. A text that can't be read gives none: such a connector never gets into the catalog.
#[must_use]
pub fn steps(markdown: Option<&str>, live: &Live<'_>) -> Steps {
    let blocks = markdown.and_then(|text| parse(text, live.declared).ok()).unwrap_or_default();
    let mut out = Vec::new();
    for block in &blocks {
        match block {
            Block::Paragraph { content } => {
                out.push(Step { note: true, ..step(out.len(), &[content], live) });
            }
            Block::Steps { steps, .. } => {
                for paragraphs in steps {
                    let paragraphs: Vec<&Vec<Inline>> = paragraphs.iter().collect();
                    out.push(step(out.len(), &paragraphs, live));
                }
            }
        }
    }
    Steps { steps: out }
}

fn step(at: usize, paragraphs: &[&Vec<Inline>], live: &Live<'_>) -> Step {
    let mut step = Step::default();
    for (number, paragraph) in paragraphs.iter().enumerate() {
        if number > 0 {
            step.sentence.pieces.push(Piece::plain(" "));
        }
        for inline in *paragraph {
            add(&mut step, at, inline, live);
        }
    }
    step
}

fn add(step: &mut Step, at: usize, inline: &Inline, live: &Live<'_>) {
    let piece = match inline {
        Inline::Text { text } => Piece::plain(text.as_str()),
        Inline::Strong { text } | Inline::Emphasis { text } | Inline::Code { text } => {
            Piece::strong(text.as_str())
        }
        Inline::Link { url, text } => Piece { text: text.clone(), strong: false, href: url.clone() },
        Inline::Placeholder { token } => {
            let value = live.filled.get(token).filter(|value| !value.is_empty());
            let label = live.declared.get(token).map(|placeholder| &placeholder.label);
            Piece::strong(value.or(label).unwrap_or(token).as_str())
        }
        Inline::Value { value } => {
            let label = label(*value);
            let known = live.values.iter().find(|(name, _)| name == value);
            if let Some((_, text)) = known.filter(|(_, text)| !text.is_empty()) {
                let id = format!("step-{}-{}", at + 1, value.as_str().replace('_', "-"));
                if step.values.iter().all(|known| known.id != id) {
                    let shown =
                        label.chars().take(1).flat_map(char::to_uppercase).chain(label.chars().skip(1));
                    step.values.push(CopyValue {
                        id,
                        label: shown.collect(),
                        value: text.clone(),
                        clip: text.contains('\n'),
                    });
                }
            }
            Piece::strong(label)
        }
    };
    step.sentence.pieces.push(piece);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_carry_live_values_and_filled_placeholders() {
        let declared: Placeholders =
            serde_json::from_value(serde_json::json!({"YOUR_ID": {"label": "Heap ID", "example": "1"}}))
                .unwrap();
        let filled = Values::from([("YOUR_ID".to_owned(), "<42>".to_owned())]);
        let values = [(LiveValue::IdpUrl, "https://id.example/saml2/heap".to_owned())];
        let live = Live { declared: &declared, filled: &filled, values: &values };
        let steps = steps(Some("1. Open **Account**, find YOUR_ID.\n2. Paste {idp_url}."), &live).steps;
        assert_eq!(steps.len(), 2);
        let html = steps[0].sentence.to_string();
        assert!(html.contains("<strong>Account</strong>") && html.contains("&#60;42&#62;"), "{html}");
        assert_eq!(steps[1].values[0].value, "https://id.example/saml2/heap");
        assert_eq!(steps[1].values[0].label, "IdP URL");
    }
}
