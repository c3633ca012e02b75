//! A later version of the connector that an application was made from: whether there is one, what it would change, and
//! taking it over. Until somebody does, nothing of the application changes, whatever the catalog says.
//!
//! Identity management has a part in it too; whoever takes a version over begins there.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::applications::model::Application;
use crate::applications::sso::{accepted, with_placeholders};
use crate::applications::update::save_telling;
use crate::applications::{group_rules, locked, sso};
use crate::base::id::ApplicationId;
use crate::base::{Ctx, Error, Result};
use crate::catalog::Catalog;
use crate::catalog::model::{Connector, Placeholders};
use crate::catalog::placeholder::{Part, parts};
use crate::catalog::upgrade::{
    Difference, Sheet, differences, differs, fixed_differences, sso_settings, sso_sheet,
};
use crate::db::Tx;
use crate::events::{Event, EventName};

/// The connector of the catalog, where it says something else than the one the application was made from and is not an
/// earlier one.
#[must_use]
pub fn offered<'c>(catalog: &'c Catalog, application: &Application) -> Option<&'c Arc<Connector>> {
    let made_from = &application.made_from;
    catalog.find(&made_from.id).filter(|now| {
        now.version >= made_from.version && now.kind == made_from.kind && differs(made_from, now)
    })
}

/// Whether the catalog has a connector of this id that says something else and can't be offered: an earlier version, or one
/// of another kind.
#[must_use]
pub fn is_another(catalog: &Catalog, application: &Application) -> bool {
    let made_from = &application.made_from;
    offered(catalog, application).is_none()
        && catalog
            .find(&made_from.id)
            .is_some_and(|now| now.kind != made_from.kind || differs(made_from, now))
}

/// What a connector would change of single sign-on, and what comes with it. The application is as people see it.
pub fn changes(application: &Application, to: &Connector) -> Result<Vec<Difference>> {
    let (before, after) = sheets(application, to)?;
    let mut out = differences(&before, &after, &sso_sheet(&application.sso)?);
    out.extend(fixed_differences(&application.made_from, to)?);
    Ok(out)
}

fn sheets(application: &Application, to: &Connector) -> Result<(Sheet, Sheet)> {
    Ok((sso_sheet(&application.made_from.sso_settings()?)?, sso_sheet(&to.sso_settings()?)?))
}

/// What is taken over of a version.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    /// Dotted fields of [`changes`].
    pub fields: Vec<String>,
    /// Values of placeholders, `None`: emptied.
    pub placeholders: BTreeMap<String, Option<String>>,
    /// Templates beside those for single sign-on that stay as they are: their placeholders stay declared.
    pub elsewhere: Vec<String>,
}

/// Takes a version of the connector over, in the caller's transaction. Answers the application as people see it.
pub async fn upgrade_in(
    tx: &mut Tx,
    ctx: &Ctx,
    id: ApplicationId,
    to: &Arc<Connector>,
    taken: Taken,
) -> Result<Application> {
    let old = locked(tx, id).await?;
    let taken_fields = taken.fields.clone();
    let new = upgraded(&group_rules::shown(tx, old.clone()).await?, to, taken)?;
    sso::check_algorithm(tx, &new).await?;
    let template = to.sso_settings()?;
    let new = group_rules::stored(tx, new, &[&old.sso, &template]).await?;
    let event = Event::new(EventName::ApplicationUpgrade)
        .detail("from", old.made_from.version)
        .detail("to", to.version)
        .detail("taken", taken_fields);
    save_telling(tx, ctx, &old, new, event).await
}

/// The application as it would be; nothing is stored.
pub fn upgraded(old: &Application, to: &Arc<Connector>, taken: Taken) -> Result<Application> {
    let (before, after) = sheets(old, to)?;
    let mut sheet = sso_sheet(&old.sso)?;
    sheet.take(&taken.fields, &before, &after);
    let mut new = old.clone();
    new.sso = sso_settings(&sheet, &old.sso)?;
    let kept = still_used(&old.made_from.placeholders, &new, &taken.elsewhere);
    let mut placeholders: Placeholders = kept;
    placeholders.extend(to.placeholders.clone());
    new.placeholders.retain(|token, _| placeholders.contains_key(token));
    new.made_from = Arc::new(Connector { placeholders, ..Connector::clone(to) });
    // What was given for the earlier version has to fit the later one as well.
    let stored = new.placeholders.clone().into_iter().map(|(token, value)| (token, Some(value)));
    let mut values: BTreeMap<String, Option<String>> = stored.collect();
    values.extend(taken.placeholders);
    let mut faults = with_placeholders(&mut new, values);
    faults.extend(new.sso.check());
    if !faults.is_empty() {
        return Err(Error::invalid(faults));
    }
    accepted(old, new)
}

/// The placeholders that stand in what stays as it is.
fn still_used(declared: &Placeholders, application: &Application, elsewhere: &[String]) -> Placeholders {
    let templates = application.sso.templates();
    let texts = templates.iter().map(|(_, text)| *text).chain(elsewhere.iter().map(String::as_str));
    let tokens = texts.flat_map(|text| parts(text, declared)).filter_map(|part| match part {
        Part::Token(token) => Some(token),
        Part::Text(_) | Part::Undeclared(_) => None,
    });
    tokens.filter_map(|token| Some((token.to_owned(), declared.get(token)?.clone()))).collect()
}
