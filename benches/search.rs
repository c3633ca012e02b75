//! Searching the catalog as people type: `cargo bench --bench search`.
//!
//! Every connector is looked for by each beginning of its name, by its name with a letter left out and with two swapped,
//! and by its other names. What is printed beside the times is how many times as long a search takes as looking for the text
//! in every name, which is the least that any search has to do.

use std::hint::black_box;
use std::time::{Duration, Instant};

use tessera::catalog::Catalog;

/// Rounds over all queries; the fastest of each counts.
const ROUNDS: usize = 5;

fn queries(catalog: &Catalog) -> Vec<String> {
    let mut out = Vec::new();
    for connector in catalog.list() {
        let letters: Vec<char> = connector.name.to_lowercase().chars().collect();
        for length in 1..=letters.len() {
            out.push(letters[..length].iter().collect());
        }
        for at in 0..letters.len() {
            let without = letters[..at].iter().chain(&letters[at + 1..]);
            out.push(without.collect());
            if at > 0 {
                let mut swapped = letters.clone();
                swapped.swap(at - 1, at);
                out.push(swapped.into_iter().collect());
            }
        }
        out.extend(connector.aliases.iter().cloned());
    }
    out.sort();
    out.dedup();
    out
}

/// The least time of several rounds.
fn fastest(mut once: impl FnMut()) -> Duration {
    (0..ROUNDS)
        .map(|_| {
            let begun = Instant::now();
            once();
            begun.elapsed()
        })
        .min()
        .unwrap_or_default()
}

#[expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
fn main() {
    let catalog = Catalog::built_in();
    let queries = queries(&catalog);
    let names: Vec<String> = catalog.list().map(|connector| connector.name.to_lowercase()).collect();
    let mut times: Vec<(Duration, &str)> = queries
        .iter()
        .map(|query| (fastest(|| drop(black_box(catalog.search(black_box(query), None)))), query.as_str()))
        .collect();
    times.sort();
    let plain = fastest(|| {
        for query in &queries {
            black_box(names.iter().filter(|name| name.contains(black_box(query.as_str()))).count());
        }
    });
    let sum: Duration = times.iter().map(|(time, _)| *time).sum();
    let part = |thousandths: usize| times[(times.len() - 1) * thousandths / 1000].0;
    let (slowest, query) = times[times.len() - 1];
    println!("{} connectors, {} queries", names.len(), queries.len());
    println!("median {:?}, 99 of 100 {:?}, slowest {slowest:?} ({query:?})", part(500), part(990));
    println!(
        "{:.1} times as long as looking for the text in every name",
        sum.as_secs_f64() / plain.as_secs_f64()
    );
}
