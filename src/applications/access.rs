//! Who may use what: nobody, until a group that the person is in is bound (implicit deny). Decided from the
//! bindings as they are now, in O(1) queries whatever the number of groups.

use crate::applications::model::Application;
use crate::applications::{Status, store};
use crate::base::Result;
use crate::base::id::{ApplicationId, GroupId, UserId};
use crate::db::Executor;

/// The groups by which a person may use an application, by name; empty means no. `is_active`: whether the
/// person's account is active, which `Everyone` asks for.
pub async fn granting_groups(
    executor: &mut impl Executor,
    application: ApplicationId,
    user: UserId,
    is_active: bool,
) -> Result<Vec<GroupId>> {
    store::list_granting_groups(executor, application, user, is_active).await
}

/// Every application a person's groups are bound to, whatever its status, by label, with a group that grants it.
pub async fn granted(
    executor: &mut impl Executor,
    user: UserId,
    is_active: bool,
) -> Result<Vec<(Application, GroupId)>> {
    store::list_granted(executor, user, is_active).await
}

/// The tiles of a person's portal: granted, active and shown.
pub async fn tiles(executor: &mut impl Executor, user: UserId) -> Result<Vec<Application>> {
    let granted = store::list_granted(executor, user, true).await?;
    let shown =
        |application: &Application| application.show_in_portal && application.status == Status::Active;
    Ok(granted.into_iter().map(|(application, _)| application).filter(shown).collect())
}

/// How many active people may use an application.
pub async fn count_people(executor: &mut impl Executor, application: ApplicationId) -> Result<i64> {
    store::count_people(executor, application).await
}
