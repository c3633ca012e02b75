//! SQL of memberships: what should be in a group there against what we know to be in it.

use crate::base::Result;
use crate::base::id::{ApplicationId, GroupId, UserId};
use crate::db::{Executor, Query, Row, sql};

/// A person in a group there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::provisioning) struct Member {
    pub(in crate::provisioning) user: UserId,
    pub(in crate::provisioning) remote_id: String,
    /// It was sent that they come in, and no answer came: they may be in it or not.
    pub(in crate::provisioning) unanswered: bool,
    /// They are suspended or deleted here.
    pub(in crate::provisioning) left: bool,
}

fn read(row: &Row) -> Result<Member> {
    let (user, remote_id) = (row.parse("user_id")?, row.text("remote_id")?);
    Ok(Member { user, remote_id, unanswered: row.bool("unanswered")?, left: row.bool("has_left")? })
}

/// Active people of the group who have an account there and are not known to be in the group there, by their ids.
pub(in crate::provisioning) async fn list_missing(
    executor: &mut impl Executor,
    application: ApplicationId,
    group: GroupId,
) -> Result<Vec<Member>> {
    let query = sql("SELECT p.local_id AS user_id, p.remote_id, pm.user_id IS NOT NULL AS unanswered, \
         FALSE AS has_left FROM provisioned p JOIN users u ON u.id = p.local_id AND u.state = 'active' \
         LEFT JOIN provisioned_members pm ON pm.application_id = $1 AND pm.group_id = $2 \
         AND pm.user_id = p.local_id AND pm.remote_user_id = p.remote_id \
         WHERE p.application_id = $1 AND p.kind = 'user' AND p.remote_id IS NOT NULL AND p.active \
         AND p.local_id IN (SELECT m.user_id FROM memberships m WHERE m.group_id = $2 UNION ALL \
         SELECT e.id FROM users e JOIN groups g ON g.id = $2 AND g.built_in) \
         AND (pm.user_id IS NULL OR pm.standing = 'sent') ORDER BY p.local_id");
    executor.all(query.bind_text(application).bind_text(group)).await?.iter().map(read).collect()
}

/// Who is known to be in the group there, or may be, and should not be.
pub(in crate::provisioning) async fn list_surplus(
    executor: &mut impl Executor,
    application: ApplicationId,
    group: GroupId,
) -> Result<Vec<Member>> {
    // Whose account waits for a yes to go, or was said no to, keeps its groups.
    let query =
        sql("SELECT pm.user_id, pm.remote_user_id AS remote_id, pm.standing = 'sent' AS unanswered, \
         NOT EXISTS (SELECT 1 FROM users l WHERE l.id = pm.user_id AND l.state = 'active') AS has_left \
         FROM provisioned_members pm \
         WHERE pm.application_id = $1 AND pm.group_id = $2 AND NOT EXISTS \
         (SELECT 1 FROM provisioned h WHERE h.application_id = $1 AND h.kind = 'user' \
         AND h.local_id = pm.user_id AND h.change IN ('deactivate', 'delete') \
         AND (h.state = 'awaiting_approval' OR (h.state = 'failed' AND h.code = 'rejected'))) \
         AND NOT EXISTS \
         (SELECT 1 FROM users u JOIN provisioned p ON p.application_id = $1 AND p.kind = 'user' \
         AND p.local_id = u.id AND p.remote_id = pm.remote_user_id \
         WHERE u.id = pm.user_id AND u.state = 'active' \
         AND (EXISTS (SELECT 1 FROM groups g WHERE g.id = $2 AND g.built_in) OR EXISTS \
         (SELECT 1 FROM memberships m WHERE m.group_id = $2 AND m.user_id = u.id))) ORDER BY pm.user_id");
    executor.all(query.bind_text(application).bind_text(group)).await?.iter().map(read).collect()
}

/// Who is in the group there by our doing, or may be.
pub(in crate::provisioning) async fn list_ours(
    executor: &mut impl Executor,
    application: ApplicationId,
    group: GroupId,
) -> Result<Vec<Member>> {
    let query = sql(
        "SELECT user_id, remote_user_id AS remote_id, standing = 'sent' AS unanswered, FALSE AS has_left \
         FROM provisioned_members WHERE application_id = $1 AND group_id = $2 AND standing <> 'found' \
         ORDER BY user_id",
    );
    executor.all(query.bind_text(application).bind_text(group)).await?.iter().map(read).collect()
}

/// Everybody who is known to be in the group there, or may be.
pub(in crate::provisioning) async fn list_known(
    executor: &mut impl Executor,
    application: ApplicationId,
    group: GroupId,
) -> Result<Vec<Member>> {
    let query = sql(
        "SELECT user_id, remote_user_id AS remote_id, standing = 'sent' AS unanswered, FALSE AS has_left \
         FROM provisioned_members WHERE application_id = $1 AND group_id = $2 ORDER BY user_id",
    );
    executor.all(query.bind_text(application).bind_text(group)).await?.iter().map(read).collect()
}

/// Whether of anybody in a group it is not known whether they are in it there.
pub(in crate::provisioning) async fn is_any_sent(
    executor: &mut impl Executor,
    application: ApplicationId,
    group: GroupId,
) -> Result<bool> {
    let query = sql("SELECT user_id FROM provisioned_members WHERE application_id = $1 AND group_id = $2 \
         AND standing = 'sent' LIMIT 1");
    Ok(executor.optional(query.bind_text(application).bind_text(group)).await?.is_some())
}

/// The active people of a group.
pub(in crate::provisioning) async fn list_people(
    executor: &mut impl Executor,
    group: GroupId,
) -> Result<Vec<UserId>> {
    let query = sql("SELECT u.id AS user_id FROM users u WHERE u.state = 'active' \
         AND u.id IN (SELECT m.user_id FROM memberships m WHERE m.group_id = $1 UNION ALL \
         SELECT e.id FROM users e JOIN groups g ON g.id = $1 AND g.built_in) ORDER BY u.id");
    executor.all(query.bind_text(group)).await?.iter().map(|row| row.parse("user_id")).collect()
}

/// A membership that will be sent.
pub(in crate::provisioning) fn send(application: ApplicationId, group: GroupId, member: &Member) -> Query {
    sql("INSERT INTO provisioned_members (application_id, group_id, user_id, remote_user_id, standing) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (application_id, group_id, user_id) \
         DO UPDATE SET remote_user_id = excluded.remote_user_id, standing = excluded.standing")
    .bind_text(application)
    .bind_text(group)
    .bind_text(member.user)
    .bind(&member.remote_id)
    .bind("sent")
}

/// A membership that is there. One that we sent is ours.
pub(in crate::provisioning) fn find(application: ApplicationId, group: GroupId, member: &Member) -> Query {
    sql("INSERT INTO provisioned_members (application_id, group_id, user_id, remote_user_id, standing) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (application_id, group_id, user_id) \
         DO UPDATE SET remote_user_id = excluded.remote_user_id, standing = \
         CASE provisioned_members.standing WHEN 'found' THEN 'found' ELSE 'added' END")
    .bind_text(application)
    .bind_text(group)
    .bind_text(member.user)
    .bind(&member.remote_id)
    .bind("found")
}

/// The memberships that were sent are there, of those whose ids are between these.
pub(in crate::provisioning) fn confirm(
    application: ApplicationId,
    group: GroupId,
    first: UserId,
    last: UserId,
) -> Query {
    sql("UPDATE provisioned_members SET standing = 'added' WHERE application_id = $1 AND group_id = $2 \
         AND user_id BETWEEN $3 AND $4 AND standing = 'sent'")
    .bind_text(application)
    .bind_text(group)
    .bind_text(first)
    .bind_text(last)
}

/// A membership that is not there any more.
pub(in crate::provisioning) fn remove(application: ApplicationId, group: GroupId, member: &Member) -> Query {
    sql("DELETE FROM provisioned_members WHERE application_id = $1 AND group_id = $2 AND user_id = $3 \
         AND remote_user_id = $4")
    .bind_text(application)
    .bind_text(group)
    .bind_text(member.user)
    .bind(&member.remote_id)
}

/// All memberships of a group there.
pub(in crate::provisioning) fn remove_all(application: ApplicationId, group: GroupId) -> Query {
    sql("DELETE FROM provisioned_members WHERE application_id = $1 AND group_id = $2")
        .bind_text(application)
        .bind_text(group)
}

/// Accounts of ours in this list of ids there.
pub(in crate::provisioning) async fn list_accounts(
    executor: &mut impl Executor,
    application: ApplicationId,
    group: GroupId,
) -> Result<Vec<Member>> {
    let query = sql(
        "SELECT p.local_id AS user_id, p.remote_id, FALSE AS unanswered, FALSE AS has_left FROM provisioned p \
         JOIN users u ON u.id = p.local_id AND u.state = 'active' \
         WHERE p.application_id = $1 AND p.kind = 'user' AND p.remote_id IS NOT NULL \
         AND p.local_id IN (SELECT m.user_id FROM memberships m WHERE m.group_id = $2 UNION ALL \
         SELECT e.id FROM users e JOIN groups g ON g.id = $2 AND g.built_in) ORDER BY p.local_id",
    );
    executor.all(query.bind_text(application).bind_text(group)).await?.iter().map(read).collect()
}
