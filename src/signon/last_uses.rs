//! Which applications a person used lately.

use crate::base::id::{ApplicationId, UserId};
use crate::base::{Result, Timestamp};
use crate::db::Executor;
use crate::signon::store;

/// Applications a person used, newest first, at most `limit`.
pub async fn last_uses(
    executor: &mut impl Executor,
    user: UserId,
    limit: i64,
) -> Result<Vec<(ApplicationId, Timestamp)>> {
    store::list_last_uses(executor, user, limit).await
}
