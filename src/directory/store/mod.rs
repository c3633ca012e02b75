//! SQL of the directory. Only this room's modules use it.

pub(super) mod groups;
pub(super) mod inbound;
pub(super) mod people;

use crate::directory::login_name::fold;

/// Most characters of a search that count.
const MAX_SEARCH: usize = 100;

/// What is searched for, in the form of the search keys; empty when nothing is.
fn needle(search: Option<&str>) -> String {
    fold(search.unwrap_or_default().trim()).chars().filter(|c| !c.is_control()).take(MAX_SEARCH).collect()
}

/// A LIKE pattern for "contains"; the statements say `ESCAPE '!'`.
fn contains(text: &str) -> String {
    let escaped = text.replace('!', "!!").replace('%', "!%").replace('_', "!_");
    format!("%{escaped}%")
}
