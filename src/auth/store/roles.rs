//! SQL of roles.

use crate::auth::role::Role;
use crate::base::id::UserId;
use crate::base::{Result, Timestamp};
use crate::db::{Executor, Tx, sql};

pub(in crate::auth) async fn of_user(executor: &mut impl Executor, user: UserId) -> Result<Option<Role>> {
    let query = sql("SELECT role FROM roles WHERE user_id = $1").bind_text(user);
    executor.optional(query).await?.map(|row| row.parse("role")).transpose()
}

pub(in crate::auth) async fn set(tx: &mut Tx, user: UserId, role: Role, now: Timestamp) -> Result<()> {
    let query = sql("INSERT INTO roles (user_id, role, granted_at) VALUES ($1, $2, $3) \
         ON CONFLICT (user_id) DO UPDATE SET role = excluded.role, granted_at = excluded.granted_at")
    .bind_text(user)
    .bind(role.as_str())
    .bind(now);
    tx.run(query).await.map(drop)
}

pub(in crate::auth) async fn remove(tx: &mut Tx, user: UserId) -> Result<()> {
    tx.run(sql("DELETE FROM roles WHERE user_id = $1").bind_text(user)).await.map(drop)
}

/// Whether anybody is an owner, active or not.
pub(in crate::auth) async fn owner_exists(executor: &mut impl Executor) -> Result<bool> {
    let query = sql("SELECT user_id FROM roles WHERE role = 'owner' LIMIT 1");
    Ok(executor.optional(query).await?.is_some())
}

/// Everyone who has a role, owners first, then by username.
pub(in crate::auth) async fn holders(executor: &mut impl Executor) -> Result<Vec<(UserId, Role)>> {
    let query = sql("SELECT r.user_id, r.role FROM roles r JOIN users u ON u.id = r.user_id \
         ORDER BY CASE r.role WHEN 'owner' THEN 0 ELSE 1 END, u.username_key LIMIT 1000");
    executor.all(query).await?.iter().map(|row| Ok((row.parse("user_id")?, row.parse("role")?))).collect()
}

/// Addresses of the owners who are active, by username.
pub(in crate::auth) async fn owner_addresses(executor: &mut impl Executor) -> Result<Vec<String>> {
    let query = sql("SELECT u.email FROM roles r JOIN users u ON u.id = r.user_id \
         WHERE r.role = 'owner' AND u.state = 'active' ORDER BY u.username_key LIMIT 20");
    executor.all(query).await?.iter().map(|row| row.text("email")).collect()
}
