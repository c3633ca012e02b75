//! SQL of notices.

use crate::base::id::{ApplicationId, GroupId, UserId};
use crate::base::{Error, Result};
use crate::db::{Executor, Query, Row, Tx, Value, sql};
use crate::jobs::Notice;

/// A notice as its columns: subject, user, group, application, leaving.
fn columns(notice: &Notice) -> [Value; 5] {
    let text = |id: Option<String>| Value::Text(id);
    let (subject, user, group, application, leaving) = match *notice {
        Notice::Profile { user } => ("profile", Some(user), None, None, false),
        Notice::Person { user, leaving } => ("person", Some(user), None, None, leaving),
        Notice::Deleted { user } => ("deleted", Some(user), None, None, true),
        Notice::Member { group, user, leaving } => ("member", Some(user), Some(group), None, leaving),
        Notice::Group { group } => ("group", None, Some(group), None, false),
        Notice::Binding { application, group, leaving } => {
            ("binding", None, Some(group), Some(application), leaving)
        }
        Notice::Application { application } => ("application", None, None, Some(application), false),
        Notice::Sweep { application } => ("sweep", None, None, Some(application), false),
        Notice::Account { application, user } => ("account", Some(user), None, Some(application), false),
    };
    [
        subject.into(),
        text(user.map(|id: UserId| id.to_string())),
        text(group.map(|id: GroupId| id.to_string())),
        text(application.map(|id: ApplicationId| id.to_string())),
        leaving.into(),
    ]
}

fn read(row: &Row) -> Result<Notice> {
    let missing = || Error::internal("a notice names not all that it is of");
    let user = || row.opt_parse::<UserId>("user_id")?.ok_or_else(missing);
    let group = || row.opt_parse::<GroupId>("group_id")?.ok_or_else(missing);
    let application = || row.opt_parse::<ApplicationId>("application_id")?.ok_or_else(missing);
    let leaving = row.bool("leaving")?;
    Ok(match row.text("subject")?.as_str() {
        "profile" => Notice::Profile { user: user()? },
        "person" => Notice::Person { user: user()?, leaving },
        "deleted" => Notice::Deleted { user: user()? },
        "member" => Notice::Member { group: group()?, user: user()?, leaving },
        "group" => Notice::Group { group: group()? },
        "binding" => Notice::Binding { application: application()?, group: group()?, leaving },
        "application" => Notice::Application { application: application()? },
        "sweep" => Notice::Sweep { application: application()? },
        "account" => Notice::Account { application: application()?, user: user()? },
        _ => return Err(Error::internal("a notice is of nothing known")),
    })
}

/// A notice as a row to be added.
pub(super) fn row(notice: &Notice) -> Query {
    let query = sql("INSERT INTO notices (subject, user_id, group_id, application_id, leaving) \
         VALUES ($1, $2, $3, $4, $5)");
    columns(notice).into_iter().fold(query, Query::bind)
}

pub(super) async fn insert(tx: &mut Tx, notices: &[Notice]) -> Result<()> {
    let rows: Vec<Query> = notices.iter().map(row).collect();
    let Some(first) = rows.first() else { return Ok(()) };
    let values: Vec<&[Value]> = rows.iter().map(|row| row.values.as_slice()).collect();
    tx.insert_rows(first.text, &values).await
}

pub(super) async fn take(tx: &mut Tx, limit: i64) -> Result<Vec<Notice>> {
    let query = sql("DELETE FROM notices WHERE id IN (SELECT id FROM notices ORDER BY id LIMIT $1) \
         RETURNING id, subject, user_id, group_id, application_id, leaving");
    let mut rows = tx.all(query.bind(limit)).await?;
    // Neither database promises an order of what is returned, and a group that is bound again was unbound before.
    let mut ids = rows.iter().map(|row| row.int("id")).collect::<Result<Vec<_>>>()?.into_iter();
    rows.sort_by_cached_key(|_| ids.next());
    rows.iter().map(read).collect()
}

pub(super) async fn is_any(executor: &mut impl Executor) -> Result<bool> {
    Ok(executor.optional(sql("SELECT id FROM notices LIMIT 1")).await?.is_some())
}
