//! SQL that marks entries of the ledger as to be looked at, and adds those that are not in it yet. A mark says *look*,
//! never what to do.

use crate::base::id::{ApplicationId, GroupId, UserId};
use crate::base::{Result, Timestamp};
use crate::db::{Executor, Tx, sql};

/// A person, wherever they are in the ledger. Who leaves comes before all others.
pub(in crate::provisioning) async fn user(
    tx: &mut Tx,
    user: UserId,
    leaving: bool,
    now: Timestamp,
) -> Result<()> {
    let query = sql("UPDATE provisioned SET marks = marks + 1, \
         due_at = CASE WHEN due_at < $3 THEN due_at ELSE $3 END, \
         changed_at = CASE WHEN $2 AND turn <> 0 THEN $3 ELSE changed_at END, \
         turn = CASE WHEN $2 THEN 0 ELSE turn END WHERE local_id = $1 AND kind = 'user'");
    tx.run(query.bind_text(user).bind(leaving).bind(now)).await.map(drop)
}

/// Notes of a person that their accounts are to be taken away, wherever nothing gives them the application any more: that
/// holds also if they are deleted before it is done, and if they are by now.
pub(in crate::provisioning) async fn owe(tx: &mut Tx, user: UserId) -> Result<()> {
    let query = sql("UPDATE provisioned SET owed = $2 WHERE local_id = $1 AND kind = 'user' AND NOT owed \
         AND (NOT EXISTS (SELECT 1 FROM users g WHERE g.id = provisioned.local_id) OR EXISTS \
         (SELECT 1 FROM users u WHERE u.id = provisioned.local_id AND (u.state <> 'active' OR NOT \
         (EXISTS (SELECT 1 FROM memberships m CROSS JOIN bindings b WHERE m.user_id = u.id \
         AND b.application_id = provisioned.application_id AND b.group_id = m.group_id) \
         OR EXISTS (SELECT 1 FROM groups g CROSS JOIN bindings b WHERE g.built_in \
         AND b.application_id = provisioned.application_id AND b.group_id = g.id)))))");
    tx.run(query.bind_text(user).bind(true)).await.map(drop)
}

/// The same of everybody at an application who is to be looked at because they leave.
pub(in crate::provisioning) async fn owe_at(tx: &mut Tx, application: ApplicationId) -> Result<()> {
    let query = sql(
        "UPDATE provisioned SET owed = $2 WHERE application_id = $1 AND kind = 'user' AND turn = 0 AND due_at IS NOT NULL \
         AND NOT owed AND EXISTS \
         (SELECT 1 FROM users u WHERE u.id = provisioned.local_id AND (u.state <> 'active' OR NOT \
         (EXISTS (SELECT 1 FROM memberships m CROSS JOIN bindings b WHERE m.user_id = u.id \
         AND b.application_id = $1 AND b.group_id = m.group_id) \
         OR EXISTS (SELECT 1 FROM groups g CROSS JOIN bindings b WHERE g.built_in \
         AND b.application_id = $1 AND b.group_id = g.id))))",
    );
    tx.run(query.bind_text(application).bind(true)).await.map(drop)
}

/// A person, in the ledger of every application that they may use by now.
pub(in crate::provisioning) async fn add_user(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<()> {
    let query = sql(
        "INSERT INTO provisioned (application_id, kind, local_id, name, active, marks, due_at, turn, state, \
         attempts, changed_at) \
         SELECT c.application_id, 'user', u.id, u.username, $3, 1, $2, 1, 'pending', 0, $2 \
         FROM connections c JOIN users u ON u.id = $1 WHERE c.status = 'active' AND u.state = 'active' \
         AND (EXISTS (SELECT 1 FROM memberships m CROSS JOIN bindings b WHERE m.user_id = u.id \
         AND b.application_id = c.application_id AND b.group_id = m.group_id) \
         OR EXISTS (SELECT 1 FROM groups g CROSS JOIN bindings b WHERE g.built_in \
         AND b.application_id = c.application_id AND b.group_id = g.id)) \
         ON CONFLICT (application_id, kind, local_id) DO NOTHING",
    );
    tx.run(query.bind_text(user).bind(now).bind(false)).await.map(drop)
}

/// The groups that a person is in, here or there. Each statement goes by an index of its own.
pub(in crate::provisioning) async fn groups_of_user(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<()> {
    for text in [
        "UPDATE provisioned SET marks = marks + 1, due_at = CASE WHEN due_at < $2 THEN due_at ELSE $2 END \
         WHERE kind = 'group' AND local_id IN (SELECT m.group_id FROM memberships m WHERE m.user_id = $1)",
        "UPDATE provisioned SET marks = marks + 1, due_at = CASE WHEN due_at < $2 THEN due_at ELSE $2 END \
         WHERE kind = 'group' AND local_id IN (SELECT g.id FROM groups g WHERE g.built_in AND $1 <> '')",
        "UPDATE provisioned SET marks = marks + 1, due_at = CASE WHEN due_at < $2 THEN due_at ELSE $2 END \
         WHERE kind = 'group' AND local_id IN (SELECT pm.group_id FROM provisioned_members pm WHERE pm.user_id = $1)",
    ] {
        tx.run(sql(text).bind_text(user).bind(now)).await?;
    }
    Ok(())
}

/// Those who report to a person: what they show of their manager is the manager's account.
pub(in crate::provisioning) async fn reports_of(
    tx: &mut Tx,
    application: ApplicationId,
    user: UserId,
    now: Timestamp,
) -> Result<()> {
    let query = sql("UPDATE provisioned SET marks = marks + 1, \
         due_at = CASE WHEN due_at < $3 THEN due_at ELSE $3 END WHERE application_id = $1 AND kind = 'user' \
         AND local_id IN (SELECT u.id FROM users u WHERE u.manager_id = $2)");
    tx.run(query.bind_text(application).bind_text(user).bind(now)).await.map(drop)
}

/// The groups that a person is in here, or as far as is known there, of one application.
pub(in crate::provisioning) async fn groups_of_account(
    tx: &mut Tx,
    application: ApplicationId,
    user: UserId,
    now: Timestamp,
) -> Result<()> {
    let query = sql("UPDATE provisioned SET marks = marks + 1, \
         due_at = CASE WHEN due_at < $3 THEN due_at ELSE $3 END WHERE application_id = $1 AND kind = 'group' \
         AND local_id IN (SELECT m.group_id FROM memberships m WHERE m.user_id = $2 \
         UNION ALL SELECT g.id FROM groups g WHERE g.built_in \
         UNION ALL SELECT pm.group_id FROM provisioned_members pm WHERE pm.user_id = $2 AND pm.application_id = $1)");
    tx.run(query.bind_text(application).bind_text(user).bind(now)).await.map(drop)
}

/// A group, wherever it is in the ledger.
pub(in crate::provisioning) async fn group(tx: &mut Tx, group: GroupId, now: Timestamp) -> Result<()> {
    let query = sql("UPDATE provisioned SET marks = marks + 1, \
         due_at = CASE WHEN due_at < $2 THEN due_at ELSE $2 END WHERE local_id = $1 AND kind = 'group'");
    tx.run(query.bind_text(group).bind(now)).await.map(drop)
}

/// A group, in the ledger of every application that it is bound to and whose groups are managed.
pub(in crate::provisioning) async fn add_group(tx: &mut Tx, group: GroupId, now: Timestamp) -> Result<()> {
    let query = sql(
        "INSERT INTO provisioned (application_id, kind, local_id, name, active, marks, due_at, turn, state, \
         attempts, changed_at) \
         SELECT c.application_id, 'group', g.id, g.name, $3, 1, $2, 2, 'pending', 0, $2 \
         FROM connections c JOIN bindings b ON b.application_id = c.application_id \
         JOIN groups g ON g.id = b.group_id WHERE g.id = $1 AND c.status = 'active' AND c.manage_groups \
         ON CONFLICT (application_id, kind, local_id) DO NOTHING",
    );
    tx.run(query.bind_text(group).bind(now).bind(false)).await.map(drop)
}

/// The people of a group, wherever they are in the ledger.
pub(in crate::provisioning) async fn people_of_group(
    tx: &mut Tx,
    group: GroupId,
    now: Timestamp,
) -> Result<()> {
    let query = sql("UPDATE provisioned SET marks = marks + 1, \
         due_at = CASE WHEN due_at < $2 THEN due_at ELSE $2 END WHERE kind = 'user' \
         AND local_id IN (SELECT m.user_id FROM memberships m WHERE m.group_id = $1)");
    tx.run(query.bind_text(group).bind(now)).await.map(drop)
}

/// Whether a group is `Everyone`, which has no memberships.
pub(in crate::provisioning) async fn is_everyone(
    executor: &mut impl Executor,
    group: GroupId,
) -> Result<bool> {
    let query = sql("SELECT id FROM groups WHERE id = $1 AND built_in");
    Ok(executor.optional(query.bind_text(group)).await?.is_some())
}

/// The people of a group, in the ledger of one application.
pub(in crate::provisioning) async fn people_of_binding(
    tx: &mut Tx,
    application: ApplicationId,
    group: GroupId,
    leaving: bool,
    now: Timestamp,
) -> Result<()> {
    let query = sql("UPDATE provisioned SET marks = marks + 1, \
         due_at = CASE WHEN due_at < $4 THEN due_at ELSE $4 END, \
         changed_at = CASE WHEN $3 AND turn <> 0 THEN $4 ELSE changed_at END, turn = CASE WHEN $3 THEN 0 ELSE turn END \
         WHERE application_id = $1 AND kind = 'user' \
         AND local_id IN (SELECT m.user_id FROM memberships m WHERE m.group_id = $2)");
    let query = query.bind_text(application).bind_text(group).bind(leaving).bind(now);
    tx.run(query).await.map(drop)
}

/// Everybody who is in the ledger of an application.
pub(in crate::provisioning) async fn people(
    tx: &mut Tx,
    application: ApplicationId,
    leaving: bool,
    now: Timestamp,
) -> Result<()> {
    let query = sql("UPDATE provisioned SET marks = marks + 1, \
         due_at = CASE WHEN due_at < $3 THEN due_at ELSE $3 END, \
         changed_at = CASE WHEN $2 AND turn <> 0 THEN $3 ELSE changed_at END, turn = CASE WHEN $2 THEN 0 ELSE turn END \
         WHERE application_id = $1 AND kind = 'user'");
    tx.run(query.bind_text(application).bind(leaving).bind(now)).await.map(drop)
}

/// Everything that is in the ledger of an application.
pub(in crate::provisioning) async fn all(
    tx: &mut Tx,
    application: ApplicationId,
    now: Timestamp,
) -> Result<()> {
    let query = sql("UPDATE provisioned SET marks = marks + 1, \
         due_at = CASE WHEN due_at < $2 THEN due_at ELSE $2 END WHERE application_id = $1");
    tx.run(query.bind_text(application).bind(now)).await.map(drop)
}

/// Everybody who may use an application by now.
pub(in crate::provisioning) async fn add_people(
    tx: &mut Tx,
    application: ApplicationId,
    now: Timestamp,
) -> Result<()> {
    let query = sql(
        "INSERT INTO provisioned (application_id, kind, local_id, name, active, marks, due_at, turn, state, \
         attempts, changed_at) \
         SELECT c.application_id, 'user', u.id, u.username, $3, 1, $2, 1, 'pending', 0, $2 \
         FROM connections c JOIN users u ON u.state = 'active' \
         WHERE c.application_id = $1 AND c.status = 'active' AND (EXISTS (SELECT 1 FROM memberships m CROSS JOIN bindings b WHERE m.user_id = u.id \
         AND b.application_id = $1 AND b.group_id = m.group_id) OR EXISTS (SELECT 1 FROM groups g CROSS JOIN bindings b \
         WHERE g.built_in AND b.application_id = $1 AND b.group_id = g.id)) \
         ON CONFLICT (application_id, kind, local_id) DO NOTHING",
    );
    tx.run(query.bind_text(application).bind(now).bind(false)).await.map(drop)
}

/// Everybody who may use an application by now by this group, which is not `Everyone`.
pub(in crate::provisioning) async fn add_people_of(
    tx: &mut Tx,
    application: ApplicationId,
    group: GroupId,
    now: Timestamp,
) -> Result<()> {
    let query = sql(
        "INSERT INTO provisioned (application_id, kind, local_id, name, active, marks, due_at, turn, state, \
         attempts, changed_at) \
         SELECT c.application_id, 'user', u.id, u.username, $4, 1, $3, 1, 'pending', 0, $3 \
         FROM connections c CROSS JOIN bindings b CROSS JOIN memberships m CROSS JOIN users u \
         WHERE c.application_id = $1 AND c.status = 'active' AND b.application_id = $1 AND b.group_id = $2 \
         AND m.group_id = b.group_id AND u.id = m.user_id AND u.state = 'active' \
         ON CONFLICT (application_id, kind, local_id) DO NOTHING",
    );
    tx.run(query.bind_text(application).bind_text(group).bind(now).bind(false)).await.map(drop)
}

/// Every group that is bound to an application whose groups are managed.
pub(in crate::provisioning) async fn add_groups(
    tx: &mut Tx,
    application: ApplicationId,
    now: Timestamp,
) -> Result<()> {
    let query = sql(
        "INSERT INTO provisioned (application_id, kind, local_id, name, active, marks, due_at, turn, state, \
         attempts, changed_at) \
         SELECT c.application_id, 'group', g.id, g.name, $3, 1, $2, 2, 'pending', 0, $2 \
         FROM connections c JOIN bindings b ON b.application_id = c.application_id \
         JOIN groups g ON g.id = b.group_id WHERE c.application_id = $1 AND c.status = 'active' \
         AND c.manage_groups ON CONFLICT (application_id, kind, local_id) DO NOTHING",
    );
    tx.run(query.bind_text(application).bind(now).bind(false)).await.map(drop)
}

/// A group is bound: what is there of it is ours to keep, also if it is deleted before it is looked at.
pub(in crate::provisioning) async fn manage(
    tx: &mut Tx,
    application: ApplicationId,
    group: GroupId,
) -> Result<()> {
    let query = sql("UPDATE provisioned SET active = $3 WHERE application_id = $1 AND kind = 'group' \
         AND local_id = $2 AND EXISTS (SELECT 1 FROM connections c WHERE c.application_id = $1 \
         AND c.status = 'active' AND c.manage_groups)");
    tx.run(query.bind_text(application).bind_text(group).bind(true)).await.map(drop)
}

/// A group is not bound any more: what is there of it stays as it is, and nothing of it is under way.
pub(in crate::provisioning) async fn unmanage(
    tx: &mut Tx,
    application: ApplicationId,
    group: GroupId,
    now: Timestamp,
) -> Result<()> {
    let query = sql("UPDATE provisioned SET active = $4, marks = marks + 1, due_at = $3, \
         attempt = CASE WHEN attempt = 'update' THEN NULL ELSE attempt END \
         WHERE application_id = $1 AND kind = 'group' AND local_id = $2");
    tx.run(query.bind_text(application).bind_text(group).bind(now).bind(false)).await.map(drop)
}

/// Groups are not managed any more: what is there of them stays as it is.
pub(in crate::provisioning) async fn unmanage_all(
    tx: &mut Tx,
    application: ApplicationId,
    now: Timestamp,
) -> Result<()> {
    let query = sql("UPDATE provisioned SET active = $3, marks = marks + 1, due_at = $2, \
         attempt = CASE WHEN attempt = 'update' THEN NULL ELSE attempt END \
         WHERE application_id = $1 AND kind = 'group'");
    tx.run(query.bind_text(application).bind(now).bind(false)).await.map(drop)
}
