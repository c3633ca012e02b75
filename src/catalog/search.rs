//! Finding a connector by what people type: words, beginnings, other names, keywords, and with typing errors
//! forgiven. All in memory; the vocabulary is small, so each query word is held against each known word once.

use std::collections::BTreeMap;
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization as _;

use super::model::{Category, Connector};

/// Longest query that is looked at, in characters, and most words of it.
const MAX_QUERY: usize = 100;
const MAX_WORDS: usize = 8;

/// What a word of a connector is worth, by where it stands.
const NAME: u32 = 100;
const ALIAS: u32 = 90;
const KEYWORD: u32 = 60;
const CATEGORY: u32 = 30;
const DESCRIPTION: u32 = 10;

/// The searchable form of a catalog.
#[derive(Debug)]
pub struct Index {
    entries: Vec<Entry>,
    words: Vec<Word>,
}

#[derive(Debug)]
struct Entry {
    connector: Arc<Connector>,
    /// The whole name and each alias, folded and without spaces.
    joined: Vec<String>,
}

#[derive(Debug)]
struct Word {
    text: String,
    length: usize,
    /// Which letters occur, as bits: words that differ by two edits differ in at most four of them.
    letters: u64,
    /// Entry and worth.
    places: Vec<(usize, u32)>,
}

/// Lower case, without accents, other characters as single spaces.
#[must_use]
pub fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.nfkd().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            out.push(c);
        } else if !unicode_normalization::char::is_combining_mark(c) && !out.ends_with(' ') && !out.is_empty()
        {
            out.push(' ');
        }
    }
    out.truncate(out.trim_end().len());
    out
}

impl Index {
    /// Builds the index.
    pub fn new(connectors: impl IntoIterator<Item = Arc<Connector>>) -> Self {
        let mut connectors: Vec<Arc<Connector>> = connectors.into_iter().collect();
        connectors.sort_by_cached_key(|connector| (folded(&connector.name), connector.id.clone()));
        let mut words: BTreeMap<String, BTreeMap<usize, u32>> = BTreeMap::new();
        let mut entries = Vec::with_capacity(connectors.len());
        for (at, connector) in connectors.into_iter().enumerate() {
            for (text, worth) in texts(&connector) {
                for word in folded(&text).split(' ').filter(|word| !word.is_empty()) {
                    let known = words.entry(word.to_owned()).or_default().entry(at).or_default();
                    *known = worth.max(*known);
                }
            }
            let names = std::iter::once(&connector.name).chain(&connector.aliases);
            let joined: Vec<String> = names.map(|name| folded(name).replace(' ', "")).collect();
            for (i, name) in joined.iter().enumerate() {
                let known = words.entry(name.clone()).or_default().entry(at).or_default();
                *known = (if i == 0 { NAME } else { ALIAS }).max(*known);
            }
            entries.push(Entry { connector, joined });
        }
        let words = words.into_iter().map(|(text, places)| Word {
            length: text.chars().count(),
            letters: letters(&text),
            text,
            places: places.into_iter().collect(),
        });
        Self { entries, words: words.collect() }
    }

    /// Best first; an empty query gives all, by name.
    #[must_use]
    pub fn search(&self, query: &str, category: Option<Category>) -> Vec<Arc<Connector>> {
        let query = folded(&query.chars().take(MAX_QUERY).collect::<String>());
        let on_shelf =
            |entry: &Entry| category.is_none_or(|wanted| entry.connector.categories.contains(&wanted));
        if query.is_empty() {
            return self.entries.iter().filter(|e| on_shelf(e)).map(|e| Arc::clone(&e.connector)).collect();
        }
        let mut scores = vec![0; self.entries.len()];
        for (i, word) in query.split(' ').take(MAX_WORDS).enumerate() {
            let hits = self.hits(word);
            for (score, hit) in scores.iter_mut().zip(hits) {
                // Every word must be found: one that is not takes the entry out.
                *score = if hit == 0 || (i > 0 && *score == 0) { 0 } else { *score + hit };
            }
        }
        let joined = query.replace(' ', "");
        let whole = if query.contains(' ') { self.hits(&joined) } else { vec![0; self.entries.len()] };
        let mut found: Vec<(u32, usize)> = Vec::new();
        for (at, entry) in self.entries.iter().enumerate() {
            let score = scores[at].max(whole[at]);
            if score > 0 && on_shelf(entry) {
                found.push((score + bonus(entry, &joined), at));
            }
        }
        self.behind_successors(&mut found);
        found.sort_by_key(|(score, at)| (std::cmp::Reverse(*score), *at));
        found.into_iter().map(|(_, at)| Arc::clone(&self.entries[at].connector)).collect()
    }

    /// What has a successor is worth less than that, however well it is found.
    fn behind_successors(&self, found: &mut [(u32, usize)]) {
        let worth: BTreeMap<&str, u32> =
            found.iter().map(|(score, at)| (self.entries[*at].connector.id.as_str(), *score)).collect();
        for (score, at) in found {
            let successor = self.entries[*at].connector.superseded_by.as_deref();
            if let Some(most) = successor.and_then(|id| worth.get(id)) {
                *score = (*score).min(most.saturating_sub(1));
            }
        }
    }

    /// What one word of the query is worth for each entry; 0 where it is not found.
    fn hits(&self, word: &str) -> Vec<u32> {
        let mut out = vec![0; self.entries.len()];
        let (length, mask) = (word.chars().count(), letters(word));
        for known in &self.words {
            let closeness = closeness(word, length, mask, known);
            if closeness > 0 {
                for &(at, worth) in &known.places {
                    out[at] = out[at].max(closeness * worth);
                }
            }
        }
        out
    }
}

fn texts(connector: &Connector) -> Vec<(String, u32)> {
    let mut out = vec![(connector.name.clone(), NAME), (connector.description.clone(), DESCRIPTION)];
    out.push((connector.id.clone(), KEYWORD));
    out.extend(connector.aliases.iter().map(|alias| (alias.clone(), ALIAS)));
    out.extend(connector.keywords.iter().map(|keyword| (keyword.clone(), KEYWORD)));
    out.extend(connector.categories.iter().map(|category| (category.as_str().to_owned(), CATEGORY)));
    out
}

/// A name that is, or begins with, the whole query comes first.
fn bonus(entry: &Entry, joined: &str) -> u32 {
    if entry.joined.iter().any(|name| name == joined) {
        5000
    } else if entry.joined.first().is_some_and(|name| name.starts_with(joined)) {
        600
    } else {
        0
    }
}

/// 20 the same, 7 a beginning, 4 somewhere inside, 3 to 1 with typing errors, 0 not at all.
fn closeness(word: &str, length: usize, mask: u64, known: &Word) -> u32 {
    if known.text == word {
        return 20;
    }
    if known.text.starts_with(word) {
        return 7;
    }
    if length >= 3 && known.text.contains(word) {
        return 4;
    }
    let allowed = match length {
        0..=3 => return 0,
        4..=5 => 1,
        _ => 2,
    };
    // Letters of the query that the word has not: each costs at least one edit.
    if (mask & !known.letters).count_ones() > allowed {
        return 0;
    }
    let allowed = allowed as usize;
    if known.length.abs_diff(length) <= allowed {
        let distance = strsim::osa_distance(word, &known.text);
        if distance <= allowed {
            return if distance == 1 { 3 } else { 2 };
        }
    }
    // Half-typed and mistyped: against the beginning of the word. The first letter must be right here.
    if length >= 4 && known.length > length && known.text.chars().next() == word.chars().next() {
        let beginning: String = known.text.chars().take(length).collect();
        if strsim::osa_distance(word, &beginning) <= 1 {
            return 1;
        }
    }
    0
}

fn letters(text: &str) -> u64 {
    text.chars().fold(0, |bits, c| bits | 1 << (u32::from(c) % 64))
}

#[cfg(test)]
mod tests;
