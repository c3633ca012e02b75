//! What a mapping gives for a person: the same for an assertion and for an account that is provisioned. Pure.

use crate::applications::subject::Subject;
use crate::base::id::GroupId;
use crate::base::property::Source;
use crate::catalog::sso::transform::{self, TooLong};
use crate::catalog::sso::{ByGroup, GroupFilter, Transform, ValueFrom};
use crate::directory::value_of;

/// The values for this person, in order, none of them empty. Rules by group are those of a stored application: by id.
pub fn values(from: &ValueFrom, transforms: &[Transform], subject: &Subject) -> Result<Vec<String>, TooLong> {
    let found = match from {
        ValueFrom::Property(source) => property(subject, source),
        ValueFrom::Constant(text) => vec![text.clone()],
        ValueFrom::Groups(filter) => groups(subject, filter),
        ValueFrom::ByGroup(by) => by_group(subject, by),
    };
    let mut values = transform::apply(found, transforms)?;
    values.retain(|value| !value.is_empty());
    Ok(values)
}

fn property(subject: &Subject, source: &Source) -> Vec<String> {
    value_of(&subject.person, source).into_iter().collect()
}

fn groups(subject: &Subject, filter: &GroupFilter) -> Vec<String> {
    subject.groups.iter().filter(|(_, name)| filter.accepts(name)).map(|(_, name)| name.clone()).collect()
}

/// By id alone: a name passes from one group to another.
fn by_group(subject: &Subject, by: &ByGroup) -> Vec<String> {
    let member = |group: &str| {
        group.parse::<GroupId>().is_ok_and(|wanted| subject.groups.iter().any(|(id, _)| *id == wanted))
    };
    let mut matched = by.rules.iter().filter(|rule| member(&rule.group)).map(|rule| rule.value.clone());
    let mut found: Vec<String> =
        if by.all { matched.collect() } else { matched.next().into_iter().collect() };
    if found.is_empty() {
        found.extend(by.default.clone());
    }
    found
}
