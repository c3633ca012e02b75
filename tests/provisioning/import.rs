//! IM-01 to IM-06: people are brought in from an application, each once, and nothing but what the mapping sends.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};
use tessera::auth::{Role, roles};
use tessera::base::Actor;
use tessera::base::paging::PageRequest;
use tessera::directory::{NewPerson, PeopleFilter, Person, PersonState, people};
use tessera::lab::scim::Quirks;
use tessera::provisioning::import::{self, Chosen, Job, RowStatus};
use tessera::provisioning::model::State;

use crate::world::{World, base};

impl World {
    /// Somebody who is there before we come.
    fn there(&self, username: &str, more: Value) -> String {
        let mut user = json!({
            "userName": username, "active": true, "displayName": username.to_uppercase(),
            "emails": [{ "type": "work", "value": format!("{username}@example.com"), "primary": true }],
            "name": { "givenName": username, "familyName": "There" },
        });
        for (key, value) in more.as_object().unwrap() {
            user[key] = value.clone();
        }
        self.service.lab.seed_user(user).unwrap()
    }

    async fn read(&self) -> HashMap<String, import::Row> {
        self.clock.advance(1000);
        self.engine.scan_people(&self.ctx(), self.id()).await.unwrap();
        self.rows().await
    }

    async fn rows(&self) -> HashMap<String, import::Row> {
        let page = PageRequest::parse(Some(200), None).unwrap();
        let rows = import::list(&mut self.db.reader(), self.id(), None, &page).await.unwrap();
        rows.items.into_iter().map(|row| (row.user_name.clone(), row)).collect()
    }

    async fn import(&self, chosen: Chosen) -> Job {
        let job = import::begin(&self.db, &self.ctx(), self.id(), chosen).await.unwrap();
        import::turn(&self.db, &self.ctx(), &base()).await.unwrap();
        import::find(&mut self.db.reader(), self.id(), job.id).await.unwrap().unwrap()
    }

    async fn people(&self) -> Vec<Person> {
        let mut all = Vec::new();
        let mut page = PageRequest::parse(Some(200), None).unwrap();
        loop {
            let found = people::list(&self.db, &PeopleFilter::default(), &page).await.unwrap();
            all.extend(found.items);
            let Some(cursor) = found.next_cursor else { return all };
            page = PageRequest::parse(Some(200), Some(&cursor)).unwrap();
        }
    }
}

#[tokio::test]
async fn im_01_im_05_reading_says_what_everyone_is_and_changes_nobody() {
    let world = World::open().await;
    world.connect(false).await;
    let ada = world.person("ada").await;
    world.person("bob").await;
    let gone = world.person("gone").await;
    people::delete(&world.db, &world.ctx(), gone).await.unwrap();
    let before = world.people().await;
    world.there("ada", json!({}));
    world.there("bob", json!({ "emails": [{ "value": "robert@example.com", "primary": true }] }));
    world.there("robert", json!({ "emails": [{ "value": "bob@example.com", "primary": true }] }));
    world.there("gone", json!({}));
    world.there("fresh", json!({}));
    world.there("away", json!({ "active": false }));
    world.there("odd name", json!({}));
    world.there("no-mail", json!({ "emails": [] }));
    // A Cyrillic letter among Latin ones (IM-05).
    world.there("\u{430}da", json!({ "emails": [{ "value": "other@example.com", "primary": true }] }));
    let rows = world.read().await;
    let is = |name: &str| (rows[name].status, rows[name].code.as_deref(), rows[name].can_be_chosen());
    assert_eq!(is("ada"), (RowStatus::Imported, None, false));
    assert_eq!(rows["ada"].user, Some(ada));
    assert_eq!(
        is("bob"),
        (RowStatus::Conflict, Some("username_taken"), false),
        "IM-02: half the same is nobody's"
    );
    assert_eq!(is("robert"), (RowStatus::Conflict, Some("email_taken"), false));
    assert_eq!(is("gone"), (RowStatus::Conflict, Some("recently_used"), false));
    assert_eq!(is("fresh"), (RowStatus::New, None, true));
    assert_eq!(is("away"), (RowStatus::New, None, false), "suspended there");
    assert_eq!(is("odd name"), (RowStatus::Error, Some("username_shape"), false));
    assert_eq!(is("no-mail").0, RowStatus::Error);
    assert_eq!(is("\u{430}da").1, Some("mixed_scripts"));
    assert_eq!(world.people().await, before, "nobody was changed");
    let again = world.read().await;
    assert_eq!(again.len(), rows.len(), "twice is the same");
    world.service.lab.remove(&rows["fresh"].remote_id);
    assert!(!world.read().await.contains_key("fresh"), "who is not there any more is not shown");
}

#[tokio::test]
async fn im_02_who_is_chosen_is_made_once_staged_and_with_what_the_mapping_sends() {
    let world = World::open().await;
    world.connect(false).await;
    world.person("ada").await;
    let chosen: Vec<String> = vec![
        world.there("fresh", json!({ "title": "Analyst", "roles": [{ "value": "owner" }], "groups": [{ "value": "Everyone" }],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "Sales" }, "password": "secret" })),
        world.there("away", json!({ "active": false })),
        world.there("ada", json!({})),
        world.there("odd name", json!({})),
    ];
    let unknown = Chosen::These(vec![chosen[0].clone(), "nobody".to_owned()]);
    world.read().await;
    let refused = import::begin(&world.db, &world.ctx(), world.id(), unknown).await.unwrap_err();
    assert_eq!(
        (refused.fields[0].field.as_str(), refused.fields[0].code.as_ref()),
        ("remote_ids.1", "remote_unknown")
    );
    assert!(!world.rows().await["fresh"].waiting, "nothing is half chosen");
    let job = world.import(Chosen::These(chosen.clone())).await;
    assert_eq!((job.total, job.imported, job.skipped, job.failed), (4, 1, 2, 1));
    assert_eq!(job.status, "done");
    let problems = import::problems(&mut world.db.reader(), job.id).await.unwrap();
    let codes: Vec<(&str, &str)> =
        problems.iter().map(|one| (one.name.as_str(), one.code.as_str())).collect();
    assert_eq!(
        codes,
        [("ADA", "already_here"), ("AWAY", "remote_suspended"), ("ODD NAME", "username_shape")]
    );
    let fresh = world.people().await.into_iter().find(|person| person.username == "fresh").unwrap();
    assert_eq!((fresh.state, fresh.email.as_str()), (PersonState::Staged, "fresh@example.com"));
    assert_eq!(fresh.profile.job_title.as_deref(), Some("Analyst"));
    assert_eq!(fresh.profile.department.as_deref(), Some("Sales"));
    let role = tessera::auth::roles::of_user(&mut world.db.reader(), fresh.id).await.unwrap();
    assert_eq!(role, None, "IM-03");
    let again = world.import(Chosen::These(chosen)).await;
    assert_eq!((again.imported, again.skipped), (0, 3), "once is enough");
    assert_eq!(world.people().await.len(), 2);
    assert_eq!(world.read().await["fresh"].status, RowStatus::Imported);
    assert_eq!(world.turn().await, [] as [&str; 0], "whoever is in no bound group is not managed there");
}

#[tokio::test]
async fn imported_people_are_managed_once_they_are_in_a_bound_group() {
    let world = World::open().await;
    world.connect(false).await;
    let there = world.there("fresh", json!({}));
    world.read().await;
    world.import(Chosen::AllNew).await;
    let fresh = people::find_by_login_name(&mut world.db.reader(), "fresh").await.unwrap().unwrap();
    let group = world.group("Sales").await;
    world.join(group, &[fresh.id]).await;
    world.bind(group).await;
    assert_eq!(world.turn().await, [] as [&str; 0], "staged people have no account");
    people::activate(&world.db, &world.ctx(), fresh.id).await.unwrap();
    world.turn().await;
    let entry = world.standing("fresh").await;
    assert_eq!((entry.state, entry.remote_id), (State::Synced, Some(there)));
    assert_eq!(world.service.lab.users().len(), 1, "their account is taken over");
}

#[tokio::test]
async fn two_of_one_address_there_are_one_person_and_a_conflict() {
    let world = World::open().await;
    world.connect(false).await;
    for name in ["first", "second"] {
        world.there(name, json!({ "emails": [{ "value": "same@example.com", "primary": true }] }));
    }
    let rows = world.read().await;
    assert!(rows.values().all(|row| row.status == RowStatus::New), "nobody here has it yet");
    let job = world.import(Chosen::AllNew).await;
    assert_eq!((job.imported, job.failed), (1, 1));
    let rows = world.rows().await;
    assert_eq!(
        (rows["second"].status, rows["second"].code.as_deref()),
        (RowStatus::Conflict, Some("email_taken"))
    );
}

#[tokio::test]
async fn im_04_an_import_of_150_survives_every_end_and_is_told_by_mail_once() {
    let quirks = Quirks { page_max: 40, ..Quirks::default() };
    let world = World::with(quirks, "custom-saml").await;
    world.connect(false).await;
    for n in 0..150 {
        world.there(&format!("p{n:03}"), json!({}));
    }
    world.read().await;
    let boss =
        NewPerson { username: "boss".into(), email: "boss@example.com".into(), ..NewPerson::default() };
    let boss = people::create(&world.db, &world.ctx(), boss).await.unwrap();
    people::activate(&world.db, &world.ctx(), boss.id).await.unwrap();
    roles::set_role(&world.db, &world.ctx(), boss.id, Some(Role::Owner)).await.unwrap();
    let asked = world.ctx().acting_as(Actor::User { id: boss.id, username: "boss".into() });
    let job = import::begin(&world.db, &asked, world.id(), Chosen::AllNew).await.unwrap();
    assert_eq!((job.total, job.status.as_str()), (150, "running"));
    let second = import::begin(&world.db, &asked, world.id(), Chosen::AllNew).await.unwrap_err();
    assert_eq!(second.code, "import_running");
    // The work ends wherever it is, again and again; two do it at once.
    let mut ended = 0;
    loop {
        let (ctx, base) = (world.ctx(), base());
        let work = async {
            tokio::try_join!(import::turn(&world.db, &ctx, &base), import::turn(&world.db, &ctx, &base))
                .unwrap()
        };
        match tokio::time::timeout(Duration::from_millis(7), Box::pin(work)).await {
            Ok(_) => break,
            Err(_) => ended += 1,
        }
        assert!(ended < 5_000, "it comes to no end");
    }
    assert!(ended > 0, "it was ended in the middle");
    let job = import::find(&mut world.db.reader(), world.id(), job.id).await.unwrap().unwrap();
    assert_eq!((job.imported, job.skipped, job.failed, job.is_running()), (150, 0, 0, false));
    assert_eq!(world.people().await.len(), 151, "each once");
    let folder = tempfile::tempdir().unwrap();
    // Two nodes send what is due.
    tokio::join!(world.mails(folder.path()), world.mails(folder.path()));
    // One may have read what the other was still writing.
    let mails = world.mails(folder.path()).await;
    assert_eq!(mails.len(), 1, "it is told once");
    for part in [
        "To: boss@example.com",
        "From: Tessera <tessera@example.com>",
        "Subject: 150 people imported from Aqueduct",
        "Auto-Submitted: auto-generated",
        "Imported: 150",
        "https://id.example.com/admin/applications/",
    ] {
        assert!(mails[0].contains(part), "{part} is not in {}", mails[0]);
    }
}

#[tokio::test]
async fn im_04_an_import_ends_with_the_right_of_whoever_began_it_or_when_somebody_stops_it() {
    let world = World::open().await;
    world.connect(false).await;
    for n in 0..3 {
        world.there(&format!("p{n}"), json!({}));
    }
    world.read().await;
    let boss =
        NewPerson { username: "boss".into(), email: "boss@example.com".into(), ..NewPerson::default() };
    let boss = people::create(&world.db, &world.ctx(), boss).await.unwrap();
    let begin = async |ctx: &tessera::base::Ctx| {
        import::begin(&world.db, ctx, world.id(), Chosen::AllNew).await.map(|job| job.id)
    };
    let find = async |job| import::find(&mut world.db.reader(), world.id(), job).await.unwrap().unwrap();
    // Who has no right to make people makes none, however they came to have begun it.
    let theirs = world.ctx().acting_as(Actor::User { id: boss.id, username: "boss".into() });
    let job = begin(&theirs).await.unwrap();
    import::turn(&world.db, &world.ctx(), &base()).await.unwrap();
    let ended = find(job).await;
    assert_eq!((ended.status.as_str(), ended.imported), ("cancelled", 0));
    assert_eq!(world.rows().await.values().filter(|row| row.can_be_chosen()).count(), 3, "nobody waits");

    let job = begin(&world.ctx()).await.unwrap();
    import::cancel(&world.db, &world.ctx(), world.id(), job).await.unwrap();
    let again = import::cancel(&world.db, &world.ctx(), world.id(), job).await.unwrap_err();
    assert_eq!(again.code, "import_ended");
    import::turn(&world.db, &world.ctx(), &base()).await.unwrap();
    assert_eq!(find(job).await.status, "cancelled");

    let job = begin(&world.ctx()).await.unwrap();
    world.engine.connections().deactivate(&world.ctx(), world.id()).await.unwrap();
    import::turn(&world.db, &world.ctx(), &base()).await.unwrap();
    assert_eq!(find(job).await.status, "cancelled");
    assert_eq!(begin(&world.ctx()).await.unwrap_err().code, "provisioning_inactive");
    assert_eq!(world.people().await.len(), 1, "nobody was made");
}

#[tokio::test]
async fn whatever_people_are_called_there_each_is_on_one_page() {
    let world = World::open().await;
    world.connect(false).await;
    let long = "x".repeat(1_000);
    for (n, name) in ["a\u{1f}b", "a", "a\u{1f}", "\u{1f}", &long].iter().enumerate() {
        world.there(&format!("p{n}"), json!({ "displayName": name }));
    }
    world.read().await;
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = PageRequest::parse(Some(1), cursor.as_deref()).unwrap();
        let found = import::list(&mut world.db.reader(), world.id(), None, &page).await.unwrap();
        seen.extend(found.items.into_iter().map(|row| row.user_name));
        cursor = found.next_cursor;
        if cursor.is_none() || seen.len() > 5 {
            break;
        }
    }
    seen.sort();
    assert_eq!(seen, ["p0", "p1", "p2", "p3", "p4"]);
}

#[tokio::test]
async fn an_import_of_few_sends_no_mail_and_another_address_forgets_who_was_read() {
    let world = World::open().await;
    world.connect(false).await;
    world.there("fresh", json!({}));
    world.read().await;
    assert_eq!(world.import(Chosen::AllNew).await.imported, 1);
    let folder = tempfile::tempdir().unwrap();
    assert!(world.mails(folder.path()).await.is_empty());
    let none = import::begin(&world.db, &world.ctx(), world.id(), Chosen::AllNew).await.unwrap_err();
    assert_eq!(none.fields[0].code, "required", "nobody is new");
}

#[tokio::test]
async fn im_06_whoever_is_not_there_any_more_is_marked_and_nobody_here_is_changed() {
    for world in [World::open().await, World::on_postgres().await] {
        Box::pin(some_are_missing(world)).await;
    }
}

async fn some_are_missing(world: World) {
    world.connect(false).await;
    let mut there = Vec::new();
    for n in 0..10 {
        there.push(world.there(&format!("p{n}"), json!({})));
    }
    world.read().await;
    world.import(Chosen::AllNew).await;
    let new = world.there("new", json!({}));
    world.read().await;
    let before = world.people().await;
    for gone in there[..3].iter().chain([&new]) {
        world.service.lab.remove(gone);
    }
    let rows = world.read().await;
    assert!(!rows.contains_key("new"), "who was nobody here is forgotten");
    for (name, row) in &rows {
        let expected = ["p0", "p1", "p2"].contains(&name.as_str()).then_some("missing_there");
        assert_eq!((row.status, row.code.as_deref()), (RowStatus::Imported, expected), "{name}");
    }
    assert_eq!(rows.len(), 10);
    let job = import::latest(&mut world.db.reader(), world.id()).await.unwrap().unwrap();
    let problems = import::problems(&mut world.db.reader(), job.id).await.unwrap();
    assert!(problems.is_empty(), "they were brought in: {problems:?}");
    assert_eq!(format!("{:?}", world.people().await), format!("{before:?}"), "nobody is changed");
    world.there("p0", json!({}));
    // The same again changes nothing but whoever is back.
    let rows = world.read().await;
    let missing = rows.values().filter(|row| row.code.as_deref() == Some("missing_there")).count();
    assert_eq!((rows.len(), missing), (10, 2), "by name: {:?}", rows.keys());
    people::delete(&world.db, &world.ctx(), rows["p1"].user.unwrap()).await.unwrap();
    assert!(!world.read().await.contains_key("p1"), "nobody here, nobody there");
}
