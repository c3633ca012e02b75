//! Reading one YAML file: a bounded look at its events first (size, depth, no tags, no anchors; A-44), which also
//! notes where everything stands, then `serde-saphyr` into the types. Nothing is built before the look is over, so
//! a hostile file costs no more than its [`Bounds`]. It must not know what the files say.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde_saphyr::DuplicateKeyPolicy;
use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, ScanError, Span};

/// Deepest nesting.
const MAX_DEPTH: usize = 32;

/// How much a file of some kind may hold, and how faults call it.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Largest file, in KiB.
    pub kib: usize,
    /// Most nodes.
    pub nodes: usize,
    /// What one file is: "connector".
    pub noun: &'static str,
}

impl Bounds {
    /// Largest file, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.kib * 1024
    }
}

/// The bounds of connectors.
pub(super) const CONNECTOR: Bounds = Bounds { kib: 64, nodes: 8192, noun: "connector" };

/// A place in a file, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

impl Position {
    /// The beginning of the file.
    pub const START: Self = Self { line: 1, column: 1 };
}

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YamlFault {
    /// Where.
    pub at: Position,
    /// Stable code.
    pub code: &'static str,
    /// A sentence.
    pub message: String,
}

/// Where everything in a file stands, by dotted path: `sso.acs_urls.0`.
#[derive(Debug, Default)]
pub struct Positions {
    keys: BTreeMap<String, Position>,
    values: BTreeMap<String, Position>,
    /// Scalars written with `|`: their Markdown can be pointed into line by line.
    literal: BTreeMap<String, usize>,
    /// The last key of the file's own map.
    last_key: String,
    /// Keys that stand twice in their map, each as the fault it is.
    repeated: Vec<YamlFault>,
}

impl Positions {
    /// Where the key stands, or the nearest thing around it.
    pub fn key(&self, path: &str) -> Position {
        nearest(&self.keys, path)
    }

    /// Where the value stands, or the nearest thing around it.
    pub fn value(&self, path: &str) -> Position {
        nearest(&self.values, path)
    }

    /// Whether the key stands in the file.
    pub(super) fn has_key(&self, path: &str) -> bool {
        self.keys.contains_key(path)
    }

    /// Whether something stands there in the file: a key of a map, or an entry of a list.
    pub(super) fn has_value(&self, path: &str) -> bool {
        self.values.contains_key(path)
    }

    /// Keys that stand twice in their map.
    pub(super) fn repeated(&self) -> &[YamlFault] {
        &self.repeated
    }

    /// Where the byte `offset` of a scalar stands in the file, when it is written with `|`.
    pub(super) fn inside(&self, path: &str, scalar: &str, offset: usize, file: &str) -> Position {
        let Some(&header) = self.literal.get(path) else { return self.value(path) };
        let before = &scalar[..floor(scalar, offset)];
        let row = before.matches('\n').count();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before[line_start..].chars().count();
        let text = scalar[line_start..].lines().next().unwrap_or_default();
        // Leading blank lines belong to the scalar too, so the first line follows the header directly.
        let source = file.lines().nth(header + row).unwrap_or_default();
        let indent = source.find(text).map_or(0, |at| source[..at].chars().count());
        Position { line: header + 1 + row, column: indent + column + 1 }
    }
}

fn floor(text: &str, offset: usize) -> usize {
    (0..=offset.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

fn nearest(map: &BTreeMap<String, Position>, path: &str) -> Position {
    let mut path = path;
    loop {
        if let Some(at) = map.get(path) {
            return *at;
        }
        match path.rfind('.') {
            Some(dot) => path = &path[..dot],
            None => return Position::START,
        }
    }
}

/// Bytes to text, and the look at its events.
pub fn survey<'a>(bytes: &'a [u8], bounds: &Bounds) -> Result<(&'a str, Positions), YamlFault> {
    let fault = |code, message: &str| YamlFault { at: Position::START, code, message: message.to_owned() };
    if bytes.len() > bounds.bytes() {
        return Err(fault("file_too_large", &format!("The file is larger than {} KiB.", bounds.kib)));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| fault("not_utf8", "The file is not UTF-8 text."))?;
    Ok((text, positions(text, bounds)?))
}

/// The text as a value of the type. Call [`survey`] first.
pub fn read<T: DeserializeOwned>(text: &str, positions: &Positions, bounds: &Bounds) -> Result<T, YamlFault> {
    serde_saphyr::from_str_with_options(text, options(bounds, DuplicateKeyPolicy::Error))
        .map_err(|error| fault_of(&error, positions))
}

/// How the library is to read.
pub(super) fn options(bounds: &Bounds, duplicate_keys: DuplicateKeyPolicy) -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_aliases: 0,
            max_anchors: 0,
            max_documents: 1,
            max_depth: MAX_DEPTH,
            max_nodes: bounds.nodes,
            max_events: bounds.nodes * 4,
            flow_nesting_limit: MAX_DEPTH,
            max_merge_keys: 0,
        },
        duplicate_keys: duplicate_keys,
        merge_keys: serde_saphyr::options::MergeKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    }
}

/// What the library says, in our words.
pub(super) fn fault_of(error: &serde_saphyr::Error, positions: &Positions) -> YamlFault {
    let fault = typed_fault(error);
    // A key the whole file lacks is reported where its last key stands; the beginning says more.
    let at_top = fault.code == "missing_field" && positions.keys.get(&positions.last_key) == Some(&fault.at);
    if at_top { YamlFault { at: Position::START, ..fault } } else { fault }
}

fn typed_fault(error: &serde_saphyr::Error) -> YamlFault {
    use serde_saphyr::Error;
    let error = error.without_snippet();
    let at = error.location().map_or(Position::START, |location| Position {
        line: usize::try_from(location.line()).unwrap_or(1).max(1),
        column: usize::try_from(location.column()).unwrap_or(1).max(1),
    });
    let (code, message) = match error {
        Error::SerdeUnknownField { field, expected, .. } => return unknown_field(at, field, expected),
        Error::SerdeUnknownVariant { variant, expected, .. } => return unknown_value(at, variant, expected),
        Error::DuplicateMappingKey { key, .. } => {
            return duplicate_key(at, key.as_deref().unwrap_or_default());
        }
        Error::SerdeMissingField { field, .. } => ("missing_field", format!("The key {field} is missing.")),
        other => {
            let text = other.render_with_formatter(&serde_saphyr::UserMessageFormatter);
            let text = text.lines().next().unwrap_or_default().trim();
            let code = if text.contains("unknown property") { "unknown_property" } else { "malformed" };
            (code, capitalised(text))
        }
    };
    YamlFault { at, code, message }
}

/// A key that the map does not know.
pub(super) fn unknown_field(at: Position, field: &str, known: &[&str]) -> YamlFault {
    let message = format!("There is no key {field} here. Known are {}.", known.join(", "));
    YamlFault { at, code: "unknown_field", message }
}

/// A word that is none of a closed list.
pub(super) fn unknown_value(at: Position, word: &str, known: &[&str]) -> YamlFault {
    let message = format!("There is no {word} here. Known are {}.", known.join(", "));
    YamlFault { at, code: "unknown_value", message }
}

fn duplicate_key(at: Position, key: &str) -> YamlFault {
    YamlFault { at, code: "duplicate_key", message: format!("The key {key} stands here twice.") }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
    let end = if text.ends_with('.') { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}

/// One open map or list.
struct Open {
    path: String,
    /// In a map: the key whose value comes next. In a list: nothing.
    key: Option<String>,
    /// In a list: how many items were seen.
    index: Option<usize>,
    /// In a map: the keys that were seen.
    seen: BTreeSet<String>,
}

fn no_alias(noun: &str) -> String {
    format!("Anchors and aliases can't be used in a {noun}. Write the value out.")
}

fn positions(text: &str, bounds: &Bounds) -> Result<Positions, YamlFault> {
    let mut out = Positions::default();
    let mut open: Vec<Open> = Vec::new();
    let (mut documents, mut nodes) = (0, 0);
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| scan_fault(&error))?;
        let at = position(&span);
        let fault = |code, message: String| Err(YamlFault { at, code, message });
        let noun = bounds.noun;
        match event {
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                return fault("alias", no_alias(noun));
            }
            Event::Scalar(_, _, anchor, ref tag)
            | Event::SequenceStart(_, anchor, ref tag)
            | Event::MappingStart(_, anchor, ref tag) => {
                if anchor != 0 {
                    return fault("alias", no_alias(noun));
                }
                if tag.is_some() {
                    return fault("tag", format!("Tags (beginning with !) can't be used in a {noun}."));
                }
                nodes += 1;
                if nodes > bounds.nodes {
                    return fault(
                        "too_many_nodes",
                        format!("The file holds more than {} values.", bounds.nodes),
                    );
                }
            }
            Event::DocumentStart(..) => {
                documents += 1;
                if documents > 1 {
                    return fault(
                        "several_documents",
                        format!("A file holds one {noun}. Remove what follows ---."),
                    );
                }
            }
            _ => {}
        }
        note(&mut out, &mut open, &event, at);
        if open.len() > MAX_DEPTH {
            return fault("too_deep", format!("This is nested deeper than {MAX_DEPTH} levels."));
        }
    }
    Ok(out)
}

/// Records where the event stands and keeps track of the path. Of a key that stands twice the first one counts.
fn note(out: &mut Positions, open: &mut Vec<Open>, event: &Event<'_>, at: Position) {
    match event {
        Event::Scalar(text, style, ..) => {
            if let Some(map) = open.last_mut().filter(|top| top.index.is_none() && top.key.is_none()) {
                let path = joined(&map.path, text);
                map.key = Some(text.to_string());
                if !map.seen.insert(text.to_string()) {
                    out.repeated.push(duplicate_key(at, text));
                    return;
                }
                if map.path.is_empty() {
                    out.last_key.clone_from(&path);
                }
                out.keys.entry(path).or_insert(at);
                return;
            }
            let path = next_path(open);
            if matches!(style, ScalarStyle::Literal) {
                // The `|` stands on the line of the key; the event itself points at the first line of text.
                let header = out.keys.get(&path).map_or(at.line.saturating_sub(1), |key| key.line);
                out.literal.entry(path.clone()).or_insert(header);
            }
            out.values.entry(path).or_insert(at);
        }
        Event::SequenceStart(..) | Event::MappingStart(..) => {
            let path = next_path(open);
            out.values.entry(path.clone()).or_insert(at);
            let index = matches!(event, Event::SequenceStart(..)).then_some(0);
            open.push(Open { path, key: None, index, seen: BTreeSet::new() });
        }
        Event::SequenceEnd | Event::MappingEnd => {
            open.pop();
        }
        _ => {}
    }
}

/// The path of the value that begins now.
fn next_path(open: &mut [Open]) -> String {
    let Some(top) = open.last_mut() else { return String::new() };
    if let Some(index) = &mut top.index {
        let path = joined(&top.path, &index.to_string());
        *index += 1;
        path
    } else {
        joined(&top.path, &top.key.take().unwrap_or_default())
    }
}

pub(super) fn joined(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn position(span: &Span) -> Position {
    Position { line: span.start.line(), column: span.start.col() + 1 }
}

fn scan_fault(error: &ScanError) -> YamlFault {
    let marker = error.marker();
    let at = Position { line: marker.line().max(1), column: marker.col() + 1 };
    // The library's text ends with the place, which stands before the sentence already.
    let text = error.to_string();
    let text = text.split(" at byte ").next().unwrap_or(&text);
    YamlFault { at, code: "malformed", message: capitalised(text) }
}
