//! Roles: who grants what, and that an owner is always left.

use tessera::auth::{Role, roles};
use tessera::base::Kind;
use tessera::directory::people;
use tessera::events::EventName;

use crate::on_both_databases;
use crate::world::World;

async fn a_36_a_caller_grants_only_what_its_own_role_covers(world: World) {
    let owner = world.admin("owner", Role::Owner).await;
    let admin = world.admin("admin", Role::ApplicationAdmin).await;
    let auditor = world.admin("auditor", Role::Auditor).await;
    let person = world.person("person").await;
    let choices = [None, Some(Role::Owner), Some(Role::ApplicationAdmin), Some(Role::Auditor)];
    for (granter, own) in
        [(&admin, Some(Role::ApplicationAdmin)), (&auditor, Some(Role::Auditor)), (&person, None)]
    {
        for target in [&owner, &person, &admin, &auditor] {
            for wanted in choices {
                let before = roles::of_user(&mut world.db.reader(), target.id).await.unwrap();
                let covered =
                    |role: Option<Role>| role.is_none_or(|role| own.is_some_and(|own| own.covers(role)));
                let result = roles::set_role(&world.db, &world.as_user(granter), target.id, wanted).await;
                if covered(before) && covered(wanted) || before == wanted {
                    result.unwrap();
                    roles::set_role(&world.db, &world.ctx, target.id, before).await.unwrap();
                } else {
                    assert_eq!(result.unwrap_err().kind, Kind::Forbidden, "{own:?} {before:?} {wanted:?}");
                }
            }
        }
    }
    world.clock.advance(1);
    roles::set_role(&world.db, &world.as_user(&owner), person.id, Some(Role::Owner)).await.unwrap();
    let held = roles::holders(&world.db).await.unwrap();
    assert_eq!(held.len(), 4);
    assert!(held[..2].iter().all(|(_, role)| *role == Role::Owner));
    let event = world.events(EventName::AdminRoleChange).await.remove(0);
    assert_eq!(
        (&event.details["before"], &event.details["after"]),
        (&serde_json::Value::Null, &"owner".into())
    );
}

async fn w_15_the_last_owner_is_not_demoted(world: World) {
    let owner = world.admin("owner", Role::Owner).await;
    for role in [None, Some(Role::Auditor)] {
        let error = roles::set_role(&world.db, &world.as_user(&owner), owner.id, role).await.unwrap_err();
        assert_eq!((error.kind, error.code), (Kind::Conflict, "last_owner"));
    }
}

async fn w_15_of_many_owners_who_all_leave_at_once_one_stays(world: World) {
    for round in 0..3 {
        let mut owners = Vec::new();
        for n in 0..8 {
            owners.push(world.admin(&format!("owner{round}-{n}"), Role::Owner).await);
        }
        let leaving = owners.iter().enumerate().map(|(n, owner)| {
            let (db, ctx, id) = (world.db.clone(), world.ctx.clone(), owner.id);
            tokio::spawn(async move {
                match n % 3 {
                    0 => roles::set_role(&db, &ctx, id, None).await,
                    1 => people::suspend(&db, &ctx, id).await.map(drop),
                    _ => people::delete(&db, &ctx, id).await,
                }
            })
        });
        let mut stayed = 0;
        for task in leaving.collect::<Vec<_>>() {
            if let Err(error) = task.await.unwrap() {
                assert_eq!(error.code, "last_owner");
                stayed += 1;
            }
        }
        // From the second round on the owner who stayed before is there too.
        assert_eq!(stayed, usize::from(round == 0));
    }
}

on_both_databases!(
    a_36_a_caller_grants_only_what_its_own_role_covers,
    w_15_the_last_owner_is_not_demoted,
    w_15_of_many_owners_who_all_leave_at_once_one_stays,
);
