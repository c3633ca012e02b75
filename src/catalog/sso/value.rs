//! Where an attribute or the NameID takes its value from (decision 10), and the flat form it has in YAML and JSON:
//! exactly one of `source`, `constant`, `groups` and `by_group` beside the other keys.

use serde::{Deserialize, Serialize};

use super::transform::Transform;
use crate::base::property::Source;

/// Where a value comes from. Evaluating it against a person is not this room's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueFrom {
    /// A property of the person.
    Property(Source),
    /// The same text for everyone. May hold placeholders.
    Constant(String),
    /// Names of the person's groups, as several values.
    Groups(GroupFilter),
    /// A value that depends on the person's groups.
    ByGroup(ByGroup),
}

/// Which group names are sent: those that match one of `include` (none given: all) and none of `exclude`.
#[derive(
    Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
#[serde(deny_unknown_fields)]
pub struct GroupFilter {
    /// Patterns, `*` for any run of characters and `?` for one; upper and lower case are the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// Patterns of names that are left out even when included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
}

impl GroupFilter {
    /// Whether a group of this name is sent.
    #[must_use]
    pub fn accepts(&self, name: &str) -> bool {
        let name: Vec<char> = name.to_lowercase().chars().collect();
        let hit = |pattern: &String| glob_matches(pattern, &name);
        (self.include.is_empty() || self.include.iter().any(hit)) && !self.exclude.iter().any(hit)
    }
}

/// Two pointers and one point of return: at worst pattern × name steps, never exponential.
fn glob_matches(pattern: &str, name: &[char]) -> bool {
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&c) if c == '?' || c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    n = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

/// A value by group: the first rule whose group the person is in, or with `all` every such rule.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ByGroup {
    /// The rules, in order. May be empty in a connector: then the administrator writes them.
    pub rules: Vec<GroupRule>,
    /// The value when no rule matches; without it nothing is sent.
    pub default: Option<String>,
    /// Every match counts, as several values, instead of only the first.
    pub all: bool,
}

/// One rule of [`ByGroup`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupRule {
    /// Name or id of the group. An application holds on to the group, whatever it is called later.
    pub group: String,
    /// The value for its members. May hold placeholders.
    pub value: String,
}

/// The keys of a [`ValueFrom`] as they stand in YAML and JSON, each optional.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::catalog) struct ValueKeys {
    pub(in crate::catalog) source: Option<Source>,
    pub(in crate::catalog) constant: Option<String>,
    pub(in crate::catalog) groups: Option<GroupFilter>,
    pub(in crate::catalog) by_group: Option<Vec<GroupRule>>,
    pub(in crate::catalog) default: Option<String>,
    pub(in crate::catalog) all: bool,
}

impl ValueKeys {
    /// The one source that is named; `None` when none is.
    pub(in crate::catalog) fn into_value(self) -> Result<Option<ValueFrom>, &'static str> {
        let Self { source, constant, groups, by_group, default, all } = self;
        let named = [source.is_some(), constant.is_some(), groups.is_some(), by_group.is_some()];
        if named.iter().filter(|named| **named).count() > 1 {
            return Err("name only one of source, constant, groups and by_group");
        }
        if by_group.is_none() && (default.is_some() || all) {
            return Err("default and all belong to by_group");
        }
        Ok(source
            .map(ValueFrom::Property)
            .or(constant.map(ValueFrom::Constant))
            .or(groups.map(ValueFrom::Groups))
            .or(by_group.map(|rules| ValueFrom::ByGroup(ByGroup { rules, default, all }))))
    }
}

impl From<ValueFrom> for ValueKeys {
    fn from(value: ValueFrom) -> Self {
        let mut keys = Self::default();
        match value {
            ValueFrom::Property(source) => keys.source = Some(source),
            ValueFrom::Constant(text) => keys.constant = Some(text),
            ValueFrom::Groups(filter) => keys.groups = Some(filter),
            ValueFrom::ByGroup(ByGroup { rules, default, all }) => {
                keys.by_group = Some(rules);
                keys.default = default;
                keys.all = all;
            }
        }
        keys
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
pub(in crate::catalog) fn is_false(value: &bool) -> bool {
    !value
}

pub(in crate::catalog) fn yes() -> bool {
    true
}

/// Limits on what a value may hold, each as the sentence that says so.
pub(in crate::catalog) fn value_fault(
    value: &ValueFrom,
    transforms: &[Transform],
) -> Option<(&'static str, &'static str)> {
    const UNUSABLE: &str = "This has a line break or another character in it that can't be sent. Remove it.";
    if value_texts(value).chain(transforms.iter().flat_map(Transform::texts)).any(|text| !is_sendable(text)) {
        return Some(("control_character", UNUSABLE));
    }
    length_fault(value, transforms).map(|message| ("too_long", message))
}

/// Whether an assertion can carry a text: no control character, and nothing that XML 1.0 has no form for.
pub(super) fn is_sendable(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'))
}

fn value_texts(value: &ValueFrom) -> Box<dyn Iterator<Item = &str> + '_> {
    match value {
        ValueFrom::Property(_) | ValueFrom::Groups(_) => Box::new(std::iter::empty()),
        ValueFrom::Constant(text) => Box::new(std::iter::once(text.as_str())),
        ValueFrom::ByGroup(by) => {
            let rules = by.rules.iter().map(|rule| rule.value.as_str());
            Box::new(rules.chain(by.default.as_deref()))
        }
    }
}

fn length_fault(value: &ValueFrom, transforms: &[Transform]) -> Option<&'static str> {
    let long = |text: &str| text.len() > 1024;
    if transforms.len() > 16 {
        return Some("Too many transforms. Use at most 16.");
    }
    match value {
        ValueFrom::Property(_) => None,
        ValueFrom::Constant(text) => long(text).then_some("Too long. Use at most 1,024 characters."),
        ValueFrom::Groups(filter) => {
            let patterns = || filter.include.iter().chain(&filter.exclude);
            (patterns().count() > 100 || patterns().any(|pattern| pattern.is_empty() || pattern.len() > 256))
                .then_some("Use at most 100 patterns of 1 to 256 characters.")
        }
        ValueFrom::ByGroup(by) => {
            let bad = |rule: &GroupRule| rule.group.is_empty() || long(&rule.group) || long(&rule.value);
            (by.rules.len() > 500 || by.rules.iter().any(bad) || by.default.as_deref().is_some_and(long))
                .then_some(
                    "Use at most 500 rules, each with a group and a value of at most 1,024 characters.",
                )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(include: &[&str], exclude: &[&str]) -> GroupFilter {
        let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        GroupFilter { include: owned(include), exclude: owned(exclude) }
    }

    #[test]
    fn group_filters_include_and_exclude_by_glob() {
        assert!(filter(&[], &[]).accepts("Anything"));
        assert!(filter(&["app-*"], &[]).accepts("App-Heap-Admins"));
        assert!(!filter(&["app-*"], &["*-admins"]).accepts("App-Heap-Admins"));
        assert!(filter(&["a?c"], &[]).accepts("aßc"));
        assert!(!filter(&["a?c"], &[]).accepts("ac"));
        assert!(filter(&["*b*d"], &[]).accepts("abcd"));
        assert!(!filter(&["[a-z]*"], &[]).accepts("abc"), "brackets are plain characters");
    }

    #[test]
    fn a_hostile_glob_takes_no_exponential_time() {
        let pattern = "*a".repeat(60) + "b";
        assert!(!filter(&[&pattern], &[]).accepts(&"a".repeat(4000)));
    }
}
