//! What an application would hold of one person, by the mapping that is stored. Nothing is sent.

use serde_json::Value as Json;

use crate::applications::{Application, subject};
use crate::base::Result;
use crate::base::id::UserId;
use crate::db::Executor;
use crate::provisioning::connection;
use crate::provisioning::mapping::{self, MapFault};
use crate::provisioning::store::{connections, ledger};

/// The resource of a person, or why there can be none; `None` when they are gone. Whether they are in a bound group
/// does not count.
pub async fn preview(
    executor: &mut impl Executor,
    application: &Application,
    user: UserId,
) -> Result<Option<std::result::Result<Json, MapFault>>> {
    let Some(subject) = subject::find(executor, user).await? else { return Ok(None) };
    // As it is stored, rules name groups by their ids, which is what they are judged by.
    let settings = match connections::find(executor, application.id).await? {
        Some(connection) => connection.settings,
        None => connection::starting(application),
    };
    let manager = match &subject.person.profile.manager {
        Some(manager) => ledger::remote_id_of(executor, application.id, manager).await?,
        None => None,
    };
    let quirks = connection::quirks(application);
    Ok(Some(mapping::resource(&settings.mappings, &quirks, &subject, manager.as_deref())))
}
