//! Named transforms of attribute values (decision 10): a closed list instead of an expression language, so that
//! each can be shown, checked and bounded.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Largest sum of the values that leave [`apply`], in bytes.
pub const MAX_OUTPUT: usize = 64 * 1024;
/// Most values that leave [`apply`].
pub const MAX_VALUES: usize = 4096;

/// One step from the values of a source to the values that are sent. Each takes a list and gives a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Transform {
    /// Lower case, each value.
    Lower,
    /// Upper case, each value.
    Upper,
    /// What stands before the last `@`; a value without one stays whole.
    LocalPart,
    /// This text before each value.
    Prefix(String),
    /// This text after each value.
    Suffix(String),
    /// All values as one, with this text between them.
    Join(String),
    /// Each value cut at this text, empty parts left out.
    Split(String),
    /// Each value looked up here; `*` stands for any other. A value found nowhere stays as it is.
    Map(BTreeMap<String, String>),
}

impl Transform {
    /// The name used in YAML and JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Lower => "lower",
            Self::Upper => "upper",
            Self::LocalPart => "local_part",
            Self::Prefix(_) => "prefix",
            Self::Suffix(_) => "suffix",
            Self::Join(_) => "join",
            Self::Split(_) => "split",
            Self::Map(_) => "map",
        }
    }

    /// The texts that it puts into values.
    pub(super) fn texts(&self) -> Vec<&str> {
        match self {
            Self::Prefix(text) | Self::Suffix(text) | Self::Join(text) => vec![text],
            Self::Map(table) => table.values().map(String::as_str).collect(),
            Self::Lower | Self::Upper | Self::LocalPart | Self::Split(_) => Vec::new(),
        }
    }
}

/// The values grew beyond [`MAX_OUTPUT`] or [`MAX_VALUES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// Which transform it was, counted from 0; `None` when the values were too long to begin with.
    pub step: Option<usize>,
}

impl TooLong {
    /// Stable code.
    pub const CODE: &'static str = "attribute_too_long";

    /// Stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        Self::CODE
    }
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.step {
            Some(step) => write!(f, "Transform {} makes the values longer than 64 KiB.", step + 1),
            None => f.write_str("The values are longer than 64 KiB."),
        }
    }
}

impl std::error::Error for TooLong {}

/// Runs the values through the transforms in order. The bound is checked before each step allocates, so that a
/// long list of prefixes can't exhaust memory.
pub fn apply(values: Vec<String>, transforms: &[Transform]) -> Result<Vec<String>, TooLong> {
    let mut values = values;
    bounded(&values, None)?;
    for (step, transform) in transforms.iter().enumerate() {
        if estimate(&values, transform) > MAX_OUTPUT {
            return Err(TooLong { step: Some(step) });
        }
        values = run(values, transform);
        bounded(&values, Some(step))?;
    }
    Ok(values)
}

fn bounded(values: &[String], step: Option<usize>) -> Result<(), TooLong> {
    let size: usize = values.iter().map(String::len).sum();
    if size > MAX_OUTPUT || values.len() > MAX_VALUES { Err(TooLong { step }) } else { Ok(()) }
}

/// What a step that can grow its input would give, in bytes.
fn estimate(values: &[String], transform: &Transform) -> usize {
    let added = match transform {
        Transform::Prefix(text) | Transform::Suffix(text) | Transform::Join(text) => text.len(),
        Transform::Map(table) => table.values().map(String::len).max().unwrap_or(0),
        Transform::Lower | Transform::Upper | Transform::LocalPart | Transform::Split(_) => return 0,
    };
    added.saturating_mul(values.len())
}

fn run(values: Vec<String>, transform: &Transform) -> Vec<String> {
    match transform {
        Transform::Lower => values.iter().map(|value| value.to_lowercase()).collect(),
        Transform::Upper => values.iter().map(|value| value.to_uppercase()).collect(),
        Transform::LocalPart => values.into_iter().map(local_part).collect(),
        Transform::Prefix(text) => values.iter().map(|value| format!("{text}{value}")).collect(),
        Transform::Suffix(text) => values.iter().map(|value| format!("{value}{text}")).collect(),
        Transform::Join(_) if values.is_empty() => values,
        Transform::Join(text) => vec![values.join(text)],
        Transform::Split(text) if text.is_empty() => values,
        Transform::Split(text) => values
            .iter()
            .flat_map(|value| value.split(text.as_str()))
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect(),
        Transform::Map(table) => values.into_iter().map(|value| looked_up(value, table)).collect(),
    }
}

fn local_part(mut value: String) -> String {
    if let Some(at) = value.rfind('@') {
        value.truncate(at);
    }
    value
}

fn looked_up(value: String, table: &BTreeMap<String, String>) -> String {
    table.get(&value).or_else(|| table.get("*")).cloned().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(values: &[&str], yaml: &str) -> Result<Vec<String>, TooLong> {
        let transforms: Vec<Transform> = serde_saphyr::from_str(yaml).expect("transforms");
        apply(values.iter().map(|&value| value.to_owned()).collect(), &transforms)
    }

    #[test]
    fn each_transform_does_what_its_name_says() {
        assert_eq!(through(&["Ada@Example.COM"], "[local_part, lower]").unwrap(), ["ada"]);
        assert_eq!(through(&["straße"], "[upper]").unwrap(), ["STRASSE"]);
        assert_eq!(through(&["a", "b"], "[{prefix: x-}, {suffix: .y}]").unwrap(), ["x-a.y", "x-b.y"]);
        assert_eq!(through(&["a", "b"], "[{join: ', '}]").unwrap(), ["a, b"]);
        assert_eq!(through(&["a,,b", "c"], "[{split: ','}]").unwrap(), ["a", "b", "c"]);
        assert_eq!(through(&["Sales", "IT"], "[{map: {Sales: S, '*': other}}]").unwrap(), ["S", "other"]);
        assert_eq!(through(&["IT"], "[{map: {Sales: S}}]").unwrap(), ["IT"]);
        assert_eq!(through(&["no at"], "[local_part]").unwrap(), ["no at"]);
        assert!(through(&[], "[{join: x}, {prefix: y}]").unwrap().is_empty());
    }

    #[test]
    fn output_is_bounded_before_it_is_made() {
        let long = "x".repeat(MAX_OUTPUT);
        assert!(apply(vec![long.clone()], &[]).is_ok());
        assert_eq!(apply(vec![format!("{long}y")], &[]), Err(TooLong { step: None }));
        assert_eq!(
            apply(vec![long.clone()], &[Transform::Lower, Transform::Prefix("y".to_owned())]),
            Err(TooLong { step: Some(1) })
        );
        // Four thousand values and a long prefix would be a quarter of a gigabyte.
        let many = vec![String::new(); MAX_VALUES];
        assert_eq!(apply(many, &[Transform::Prefix(long)]), Err(TooLong { step: Some(0) }));
        let commas = vec![",a".repeat(MAX_VALUES + 1)];
        assert_eq!(apply(commas, &[Transform::Split(",".to_owned())]), Err(TooLong { step: Some(0) }));
    }

    /// One of each.
    fn all() -> Vec<Transform> {
        let table = BTreeMap::from([("*".to_owned(), "y".repeat(20_000))]);
        vec![
            Transform::Lower,
            Transform::Upper,
            Transform::LocalPart,
            Transform::Prefix("p".repeat(9000)),
            Transform::Suffix("\u{149}".repeat(3000)),
            Transform::Join("j".repeat(30)),
            Transform::Split("p".to_owned()),
            Transform::Map(table),
        ]
    }

    #[test]
    fn a_42_transforms_are_a_closed_list_of_names() {
        let mut names: Vec<&str> = all().iter().map(Transform::name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names, ["join", "local_part", "lower", "map", "prefix", "split", "suffix", "upper"]);
        let schema = serde_json::to_string(&schemars::schema_for!(Transform)).unwrap();
        assert!(names.iter().all(|name| schema.contains(&format!("\"{name}\""))), "{schema}");
        for unknown in [
            "[{exec: rm}]",
            "[reverse]",
            "[{template: '{{ env }}'}]",
            "[{regex_replace: ['(a+)+$', b]}]",
            "[{if: {}}]",
            "[{lower: x}]",
            "[{prefix: a, suffix: b}]",
            "[{prefix: {constant: a}}]",
        ] {
            assert!(serde_saphyr::from_str::<Vec<Transform>>(unknown).is_err(), "{unknown}");
        }
        // What looks like an expression is text.
        assert_eq!(through(&["a"], "[{prefix: '${env.HOME}{{1+1}}'}]").unwrap(), ["${env.HOME}{{1+1}}a"]);
    }

    proptest::proptest! {
        /// Work is bounded by the output of each step: none takes more than the bound in, and none gives more out.
        #[test]
        fn a_42_no_chain_of_transforms_gives_or_takes_more_than_the_bound(
            values in proptest::collection::vec(".{0,200}", 0..64),
            chain in proptest::collection::vec(0..8usize, 0..=16),
        ) {
            let all = all();
            let mut given = values;
            for index in chain {
                match apply(given.clone(), &all[index..=index]) {
                    Ok(values) => {
                        proptest::prop_assert!(values.iter().map(String::len).sum::<usize>() <= MAX_OUTPUT);
                        proptest::prop_assert!(values.len() <= MAX_VALUES);
                        given = values;
                    }
                    Err(fault) => {
                        proptest::prop_assert_eq!(fault, TooLong { step: Some(0) });
                        break;
                    }
                }
            }
        }
    }
}
