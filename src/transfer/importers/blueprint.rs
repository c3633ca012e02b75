//! The YAML of a blueprint as plain JSON, where a tag is an object of one key: `!KeyOf app` becomes `{"!KeyOf": "app"}`.
//! It is read event by event within bounds on depth and size, so a hostile file costs no more than those. It must not
//! know what a blueprint says.

use serde_json::{Map, Value as Json, json};
use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle};

use super::Fault;

/// Deepest nesting.
const MAX_DEPTH: usize = 48;
/// What is said to either of them.
const NO_ANCHORS: &str = "Anchors and aliases are not read. Write the value out.";
/// Most values.
const MAX_NODES: usize = 500_000;

/// Reads it.
pub(super) fn parse(bytes: &[u8]) -> Result<Json, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|_| fault("The file is not UTF-8 text."))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut tree = Tree::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let at = error.marker();
            fault(&format!("The file is not YAML (line {}, column {}).", at.line(), at.col() + 1))
        })?;
        tree.take(&event).map_err(|why| fault(&format!("{why} (line {})", span.start.line())))?;
    }
    Ok(tree.root.unwrap_or(Json::Null))
}

fn fault(message: &str) -> Fault {
    Fault::new("not_yaml", message)
}

/// An open list or map.
struct Open {
    content: Content,
    tag: Option<String>,
}

enum Content {
    List(Vec<Json>),
    /// With the key whose value comes next.
    Map(Map<String, Json>, Option<String>),
}

/// What was read so far.
#[derive(Default)]
struct Tree {
    open: Vec<Open>,
    root: Option<Json>,
    nodes: usize,
    documents: usize,
}

impl Tree {
    fn take(&mut self, event: &Event<'_>) -> Result<(), &'static str> {
        match event {
            Event::Alias(_) | Event::UnresolvedAlias(_) => Err(NO_ANCHORS),
            Event::Scalar(text, style, anchor, tag) => {
                self.count(*anchor)?;
                let name = tag.as_ref().map(|tag| (tag.handle(), tag.suffix()));
                let is_text = name.is_some_and(|(_, suffix)| suffix == "str");
                let plain = matches!(style, ScalarStyle::Plain) && !is_text;
                let value = if plain { scalar(text) } else { json!(text) };
                self.add(value, name.and_then(local), text);
                Ok(())
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.count(*anchor)?;
                let tag = tag.as_ref().and_then(|tag| local((tag.handle(), tag.suffix())));
                self.begin(Content::List(Vec::new()), tag)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.count(*anchor)?;
                let tag = tag.as_ref().and_then(|tag| local((tag.handle(), tag.suffix())));
                self.begin(Content::Map(Map::new(), None), tag)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(closed) = self.open.pop() else { return Ok(()) };
                let value = match closed.content {
                    Content::List(list) => Json::Array(list),
                    Content::Map(map, _) => Json::Object(map),
                };
                self.add(value, closed.tag, "");
                Ok(())
            }
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    Err("A blueprint is one document. Import the others by themselves.")
                } else {
                    Ok(())
                }
            }
            _ => Ok(()),
        }
    }

    fn count(&mut self, anchor: usize) -> Result<(), &'static str> {
        self.nodes += 1;
        if anchor != 0 {
            return Err(NO_ANCHORS);
        }
        if self.nodes > MAX_NODES {
            Err("The file holds more than 500,000 values. Split it.")
        } else {
            Ok(())
        }
    }

    fn begin(&mut self, content: Content, tag: Option<String>) -> Result<(), &'static str> {
        if let Some(Open { content: Content::Map(_, None), .. }) = self.open.last() {
            return Err("A list or a map can't be a key here. Write the key as plain text.");
        }
        if self.open.len() >= MAX_DEPTH {
            return Err("This is nested deeper than 48 levels.");
        }
        self.open.push(Open { content, tag });
        Ok(())
    }

    /// A finished value into what is open. `text` is what it is as a key.
    fn add(&mut self, value: Json, tag: Option<String>, text: &str) {
        let value = match tag {
            Some(tag) => Json::Object(Map::from_iter([(tag, value)])),
            None => value,
        };
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(value),
            Some(Content::List(list)) => list.push(value),
            Some(Content::Map(_, key @ None)) => *key = Some(text.to_owned()),
            Some(Content::Map(map, key)) => {
                map.insert(key.take().unwrap_or_default(), value);
            }
        }
    }
}

/// A tag of the file's own, such as `!KeyOf`.
fn local((handle, suffix): (&str, &str)) -> Option<String> {
    (handle == "!" && !suffix.is_empty() && suffix.len() <= 64).then(|| format!("!{suffix}"))
}

/// A plain scalar by YAML 1.1, which authentik reads.
fn scalar(text: &str) -> Json {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Json::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => json!(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => json!(false),
        _ => text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_objects_of_one_key() {
        let text = "a: !KeyOf app\nb: !Find [m, [name, 'no']]\nc: [1, yes, ~, \"true\", !!str 7, x]\nd: |\n  one\n  two\n";
        let wanted = json!({
            "a": { "!KeyOf": "app" },
            "b": { "!Find": ["m", ["name", "no"]] },
            "c": [1, true, null, "true", "7", "x"],
            "d": "one\ntwo\n",
        });
        assert_eq!(parse(text.as_bytes()).unwrap(), wanted);
    }

    #[test]
    fn a_hostile_file_costs_no_more_than_its_bounds() {
        let why = |text: String| parse(text.as_bytes()).unwrap_err().message;
        assert!(why("a: &x [1]\n".to_owned()).starts_with("Anchors"));
        assert!(
            why("a: *x\n".to_owned()).starts_with("The file is not YAML")
                || why("a: *x\n".to_owned()).starts_with("Anchors")
        );
        assert!(why("? [a]\n: 1\n".to_owned()).starts_with("A list or a map"));
        assert!(why("a: 1\n---\nb: 1\n".to_owned()).starts_with("A blueprint is one"));
        assert!(why(format!("{}{}", "[".repeat(60), "]".repeat(60))).contains("nested deeper"));
        assert!(why(format!("[{}]", "1,".repeat(MAX_NODES + 1))).starts_with("The file holds more"));
        assert!(parse("- ".repeat(10_000).as_bytes()).is_err());
    }
}
