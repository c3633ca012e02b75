//! SQL of the directory. Only this room's modules use it.

pub(super) mod groups;
pub(super) mod people;

/// A LIKE pattern for "contains"; the statements say `ESCAPE '!'`.
fn contains(text: &str) -> String {
    let escaped = text.replace('!', "!!").replace('%', "!%").replace('_', "!_");
    format!("%{escaped}%")
}
