//! Rules that give a value by group hold on to the group, not to its name: a name that becomes free must not hand what
//! it gave to the next group of that name. Stored and evaluated they carry ids; whoever reads or changes
//! settings sees names, as they are now.
//!
//! A rule whose group is gone keeps the id and never matches. One of a connector's template whose group is not there
//! keeps its name, which no evaluation looks at, until the settings are saved with a group that is.

use crate::applications::model::Application;
use crate::base::id::GroupId;
use crate::base::{Error, FieldError, Result};
use crate::catalog::sso::{GroupRule, SsoSettings, ValueFrom};
use crate::db::Executor;
use crate::directory::groups;

/// The rules with the dotted names of the fields they stand in.
fn rules(sso: &mut SsoSettings) -> impl Iterator<Item = (String, &mut GroupRule)> + Send {
    let name_id = std::iter::once(("name_id".to_owned(), &mut sso.name_id.value));
    let attributes = sso.attributes.iter_mut().enumerate();
    let attributes = attributes.map(|(i, row)| (format!("attributes.{i}"), &mut row.value));
    name_id
        .chain(attributes)
        .filter_map(|(field, value)| match value {
            ValueFrom::ByGroup(by) => Some((field, by)),
            _ => None,
        })
        .flat_map(|(field, by)| {
            let named = move |(i, rule)| (format!("{field}.by_group.{i}.group"), rule);
            by.rules.iter_mut().enumerate().map(named)
        })
}

/// Rules as people see them: ids become the names of now.
pub async fn to_names<'r>(
    executor: &mut impl Executor,
    rules: impl Iterator<Item = &'r mut GroupRule> + Send,
) -> Result<()> {
    for rule in rules {
        let Ok(id) = rule.group.parse::<GroupId>() else { continue };
        if let Some(name) = groups::find_name(executor, id).await? {
            rule.group = name;
        }
    }
    Ok(())
}

/// Rules as they are stored: names become ids. A name or id that no group has is refused by its field, unless it is among
/// those that stood there already.
pub async fn to_ids<'r>(
    executor: &mut impl Executor,
    rules: impl Iterator<Item = (String, &'r mut GroupRule)> + Send,
    known: &[String],
) -> Result<()> {
    let mut faults = Vec::new();
    for (field, rule) in rules {
        match resolve(executor, &rule.group).await? {
            Some(id) => rule.group = id.to_string(),
            None if known.contains(&rule.group) => {}
            None => faults.push(FieldError {
                field,
                code: "unknown_group".into(),
                message: format!(
                    "There is no group {:?}. Give the name of one, or make it first.",
                    rule.group
                ),
            }),
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::invalid(faults)) }
}

/// The application as people see it: ids become the names of now.
pub(in crate::applications) async fn shown(
    executor: &mut impl Executor,
    mut application: Application,
) -> Result<Application> {
    to_names(executor, rules(&mut application.sso).map(|(_, rule)| rule)).await?;
    Ok(application)
}

/// The application as it is stored: names become ids. A name or id that no group has is refused, unless it stands in
/// one of these settings already.
pub(in crate::applications) async fn stored(
    executor: &mut impl Executor,
    mut application: Application,
    known: &[&SsoSettings],
) -> Result<Application> {
    let mut before: Vec<SsoSettings> = known.iter().copied().cloned().collect();
    let known: Vec<String> = before.iter_mut().flat_map(rules).map(|(_, rule)| rule.group.clone()).collect();
    to_ids(executor, rules(&mut application.sso), &known).await?;
    Ok(application)
}

/// A new application of a connector whose template names groups: those that are there are meant.
pub(in crate::applications) async fn stored_where_known(
    executor: &mut impl Executor,
    mut application: Application,
) -> Result<Application> {
    for (_, rule) in rules(&mut application.sso) {
        if let Some(id) = resolve(executor, &rule.group).await? {
            rule.group = id.to_string();
        }
    }
    Ok(application)
}

/// The group of this id or name.
async fn resolve(executor: &mut impl Executor, group: &str) -> Result<Option<GroupId>> {
    match group.parse::<GroupId>() {
        Ok(id) => Ok(groups::find_name(executor, id).await?.map(|_| id)),
        Err(_) => groups::find_id_by_name(executor, group).await,
    }
}
