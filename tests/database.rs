//! Both databases hold the same: every SQL text prepares on each, the schemas are equal, and what rooms promise
//! about events, group commit and immutability holds on each.

mod both;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use both::{Both, context};
use support::PrivatePostgres;
use tessera::base::Actor;
use tessera::base::Ctx;
use tessera::base::clock::HOUR;
use tessera::base::id::{ApplicationId, UserId};
use tessera::base::paging::PageRequest;
use tessera::db::group_commit::{GroupCommit, Step};
use tessera::db::{Db, Executor, sql};
use tessera::events::chain::Verdict;
use tessera::events::query::{EventFilter, list};
use tessera::events::{Event, EventName, chain, record};
use tessera::vault::Vault;

fn rust_files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, out);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            out.push(path);
        }
    }
}

/// The literals given to `sql(…)` and to functions that take a statement, unescaped as Rust does.
fn statements() -> Vec<(String, String)> {
    let mut files = Vec::new();
    rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut out = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let mut rest = code;
        while let Some(at) = rest.find('"') {
            rest = &rest[at + 1..];
            let mut literal = String::new();
            let mut chars = rest.char_indices();
            let mut end = rest.len();
            while let Some((i, c)) = chars.next() {
                match c {
                    '"' => {
                        end = i + 1;
                        break;
                    }
                    '\\' => match chars.next() {
                        Some((_, '\n')) => {
                            let tail = chars.as_str();
                            let skipped = tail.len() - tail.trim_start().len();
                            for _ in 0..tail[..skipped].chars().count() {
                                chars.next();
                            }
                        }
                        Some((_, escaped)) => literal.push(escaped),
                        None => {}
                    },
                    c => literal.push(c),
                }
            }
            rest = &rest[end..];
            let verb = literal.split_whitespace().next().unwrap_or_default();
            // One that a macro ends is prepared by the tests that run it, each end of it.
            let is_whole = !literal.ends_with(' ');
            let is_statement = is_whole
                && matches!(verb, "SELECT" | "INSERT" | "UPDATE" | "DELETE")
                && [" FROM ", " INTO ", " SET "].iter().any(|word| literal.contains(word));
            if is_statement {
                out.push((path.file_name().unwrap().to_string_lossy().into_owned(), literal));
            }
        }
    }
    out
}

#[tokio::test]
async fn every_statement_prepares_on_both_databases() {
    let statements = statements();
    assert!(statements.len() > 80, "only {} statements found: the search is broken", statements.len());
    for (_guard, db) in Both::open().await.each() {
        for (file, statement) in &statements {
            let result = match &db {
                Db::Sqlite { read, .. } => sqlx_prepare_sqlite(read, statement).await,
                Db::Postgres(pool) => sqlx_prepare_postgres(pool, statement).await,
            };
            if let Err(error) = result {
                panic!("{file}: {statement}\n{error}");
            }
        }
    }
}

async fn sqlx_prepare_sqlite(pool: &sqlx::SqlitePool, statement: &str) -> Result<(), sqlx::Error> {
    use sqlx::Executor as _;
    let text: &'static str = Box::leak(statement.to_owned().into_boxed_str());
    let mut connection = pool.acquire().await?;
    (&mut *connection).prepare(sqlx::AssertSqlSafe(text).into_sql_str()).await.map(drop)
}

async fn sqlx_prepare_postgres(pool: &sqlx::PgPool, statement: &str) -> Result<(), sqlx::Error> {
    use sqlx::Executor as _;
    let text: &'static str = Box::leak(statement.to_owned().into_boxed_str());
    let mut connection = pool.acquire().await?;
    (&mut *connection).prepare(sqlx::AssertSqlSafe(text).into_sql_str()).await.map(drop)
}

use sqlx::SqlSafeStr as _;

/// Table → columns with nullability, by the database's own account.
async fn schema(db: &Db) -> BTreeMap<String, Vec<(String, bool)>> {
    let query = if db.is_sqlite() {
        sql(
            "SELECT m.name AS tab, p.name AS col, CASE WHEN p.\"notnull\" = 1 THEN 'NO' ELSE 'YES' END AS nullable \
             FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table' \
             AND m.name NOT LIKE 'sqlite_%' AND m.name <> '_sqlx_migrations' ORDER BY m.name, p.cid",
        )
    } else {
        sql("SELECT c.table_name::text AS tab, c.column_name::text AS col, c.is_nullable::text AS nullable \
             FROM information_schema.columns c WHERE c.table_schema = 'public' \
             AND c.table_name <> '_sqlx_migrations' ORDER BY c.table_name, c.ordinal_position")
    };
    let mut out: BTreeMap<String, Vec<(String, bool)>> = BTreeMap::new();
    for row in db.reader().all(query).await.unwrap() {
        out.entry(row.text("tab").unwrap())
            .or_default()
            .push((row.text("col").unwrap(), row.text("nullable").unwrap() == "YES"));
    }
    out
}

#[tokio::test]
async fn both_databases_have_the_same_tables_and_columns() {
    let both = Both::open().await;
    let schemas: Vec<_> = {
        let mut out = Vec::new();
        for (_guard, db) in both.each() {
            out.push(schema(&db).await);
        }
        out
    };
    assert!(schemas[0].len() >= 20);
    for pair in schemas.windows(2) {
        assert_eq!(pair[0], pair[1]);
    }
}

#[tokio::test]
async fn idp_url_is_refused_by_the_database_itself() {
    for (_guard, db) in Both::open().await.each() {
        let mut tx = db.begin().await.unwrap();
        tx.run(
            sql("INSERT INTO applications (id, kind, connector, made_from, label, label_key, description, slug, \
                 accent, show_in_portal, status, idp_entity_id, placeholders, sso, version, created_at, updated_at) \
                 VALUES ('a', 'saml', 'heap', '{}', 'Heap', 'heap', '', 'heap', 'lapis', $1, 'draft', 'x', '{}', '{}', 1, 0, 0)")
            .bind(true),
        )
        .await
        .unwrap();
        tx.commit().await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let error = tx.run(sql("UPDATE applications SET slug = 'other' WHERE id = 'a'")).await.unwrap_err();
        assert_eq!(error.code, "idp_url_immutable");
        drop(tx);
        let mut tx = db.begin().await.unwrap();
        tx.run(sql("UPDATE applications SET label = 'New' WHERE id = 'a'")).await.unwrap();
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_47_tampering_with_an_event_shows_where() {
    let vault = Vault::new([9; 32]);
    for (_guard, db) in Both::open().await.each() {
        let ctx = context();
        begin_chain(&db, &vault, &ctx).await;
        record_some(&db, &ctx, 7).await;
        assert_eq!(chain::seal(&db, &vault, ctx.now()).await.unwrap(), 7);
        let verdict = chain::verify(&db, &vault).await.unwrap();
        assert_eq!((verdict.verified, verdict.broken), (7, None));
        // The database itself refuses an update, a deletion, and so does PostgreSQL a truncation.
        for statement in refused_by(&db) {
            let mut tx = db.begin().await.unwrap();
            assert!(tx.run(sql(statement)).await.is_err(), "{statement}");
        }
        // Erasing personal data leaves the chain whole; changing it does not.
        let mut tx = db.begin().await.unwrap();
        tx.run(sql(
            "DELETE FROM event_persons WHERE event_id = (SELECT event_id FROM event_seals WHERE seq = 2)",
        ))
        .await
        .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(chain::verify(&db, &vault).await.unwrap().broken, None);
        // Someone with the database in hand takes the triggers away.
        let (drop_triggers, tamper) = if db.is_sqlite() {
            (
                ["DROP TRIGGER events_append_only_update", "DROP TRIGGER events_append_only_delete"],
                "UPDATE events SET outcome = 'denied' WHERE id = (SELECT event_id FROM event_seals WHERE seq = 4)",
            )
        } else {
            (
                ["DROP TRIGGER events_append_only ON events", "DROP TRIGGER events_no_truncate ON events"],
                "UPDATE events SET outcome = 'denied' WHERE id = (SELECT event_id FROM event_seals WHERE seq = 4)",
            )
        };
        let mut tx = db.begin().await.unwrap();
        for statement in drop_triggers {
            tx.run(sql(statement)).await.unwrap();
        }
        tx.run(sql(tamper)).await.unwrap();
        tx.commit().await.unwrap();
        let breach = chain::verify(&db, &vault).await.unwrap().broken.unwrap();
        assert_eq!((breach.seq, breach.code), (Some(4), "event_changed"));
    }
}

#[tokio::test]
async fn a_47_whatever_is_cut_off_the_chain_shows_for_ever() {
    let vault = Vault::new([9; 32]);
    let cluster = PrivatePostgres::start();
    for (tampering, code) in TAMPERINGS {
        let folder = tempfile::tempdir().unwrap();
        let sqlite = format!("sqlite://{}/test.db", folder.path().display());
        for url in [sqlite, cluster.create_database()] {
            let db = Db::open(&url).await.unwrap();
            let ctx = context();
            begin_chain(&db, &vault, &ctx).await;
            // Checkpoints at 30 and 40, none at the end.
            for (events, hours) in [(30, 2), (10, 0), (10, 0)] {
                record_some(&db, &ctx, events).await;
                chain::seal(&db, &vault, ctx.now()).await.unwrap();
                ctx.clock.advance(hours * HOUR);
            }
            assert_eq!(chain::verify(&db, &vault).await.unwrap(), Verdict { verified: 50, broken: None });
            tamper(&db, tampering).await;
            let breach = chain::verify(&db, &vault).await.unwrap().broken.expect(tampering[0]);
            assert_eq!(breach.code, *code, "{tampering:?} on {url}");
            // The sealer goes on and does not heal it, however much follows.
            record_some(&db, &ctx, 60).await;
            ctx.clock.advance(2 * HOUR);
            chain::seal(&db, &vault, ctx.now()).await.unwrap();
            assert!(chain::verify(&db, &vault).await.unwrap().broken.is_some(), "{tampering:?}");
            let newest = chain::verify_newest(&db, &vault, 10).await.unwrap();
            assert!(newest.broken.is_some() || *code == "checkpoint_forged", "{tampering:?}");
            db.close().await;
        }
    }
}

/// What somebody with the database in hand does, and how the verification calls it.
const TAMPERINGS: &[(&[&str], &str)] = &[
    (
        &[
            "DELETE FROM events WHERE id IN (SELECT event_id FROM event_seals WHERE seq > 45)",
            "DELETE FROM event_seals WHERE seq > 45",
        ],
        "chain_cut",
    ),
    (
        &[
            "DELETE FROM events WHERE id IN (SELECT event_id FROM event_seals WHERE seq > 2)",
            "DELETE FROM event_seals WHERE seq > 2",
            "DELETE FROM event_checkpoints",
        ],
        "chain_cut",
    ),
    (
        &[
            "DELETE FROM events WHERE id IN (SELECT event_id FROM event_seals WHERE seq > 45)",
            "DELETE FROM event_seals WHERE seq > 45",
            "UPDATE event_head SET seq = 45, hash = (SELECT hash FROM event_seals WHERE seq = 45)",
        ],
        "head_forged",
    ),
    (
        &[
            "DELETE FROM events",
            "DELETE FROM event_seals",
            "DELETE FROM event_checkpoints",
            "DELETE FROM event_head",
        ],
        "head_missing",
    ),
    (&["DELETE FROM event_head"], "head_missing"),
    (&["DELETE FROM event_checkpoints"], "checkpoint_missing"),
    (&["DELETE FROM event_checkpoints WHERE seq = 40"], "checkpoint_missing"),
    (&["DELETE FROM event_checkpoints WHERE seq = 30"], "checkpoint_forged"),
    (&["UPDATE event_checkpoints SET at = at + 1 WHERE seq = 30"], "checkpoint_forged"),
];

/// Takes the triggers of the events away and runs the statements.
async fn tamper(db: &Db, statements: &[&'static str]) {
    let query = if db.is_sqlite() {
        sql("SELECT 'DROP TRIGGER ' || name AS statement FROM sqlite_master \
             WHERE type = 'trigger' AND name LIKE 'event%'")
    } else {
        sql(
            "SELECT 'DROP TRIGGER ' || tgname || ' ON ' || tgrelid::regclass::text AS statement FROM pg_trigger \
             WHERE tgname LIKE 'event%'",
        )
    };
    let drops = db.reader().all(query).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    for row in drops {
        tx.run(sql(Box::leak(row.text("statement").unwrap().into_boxed_str()))).await.unwrap();
    }
    for statement in statements {
        tx.run(sql(statement)).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// What the database itself refuses, with its triggers in place.
fn refused_by(db: &Db) -> Vec<&'static str> {
    let mut all = vec![
        "UPDATE events SET outcome = 'denied'",
        "DELETE FROM events",
        "UPDATE event_seals SET hash = ''",
        "DELETE FROM event_seals",
        "UPDATE event_checkpoints SET mac = ''",
        "DELETE FROM event_checkpoints",
        "UPDATE event_head SET seq = 0",
        "DELETE FROM event_head",
    ];
    all.extend(if db.is_sqlite() {
        [
            "INSERT OR REPLACE INTO events SELECT * FROM events LIMIT 1",
            "REPLACE INTO event_seals SELECT * FROM event_seals LIMIT 1",
            "REPLACE INTO event_seals (seq, event_id, hash) SELECT 99, event_id, '' FROM event_seals LIMIT 1",
            "INSERT OR REPLACE INTO event_checkpoints SELECT * FROM event_checkpoints",
        ]
    } else {
        ["TRUNCATE events", "TRUNCATE event_seals", "TRUNCATE event_checkpoints", "TRUNCATE event_head"]
    });
    all
}

async fn begin_chain(db: &Db, vault: &Vault, ctx: &Ctx) {
    let mut tx = db.begin().await.unwrap();
    chain::begin(&mut tx, vault, ctx.now()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn record_some(db: &Db, ctx: &Ctx, count: i32) {
    let mut tx = db.begin().await.unwrap();
    for i in 0..count {
        let event = Event::new(EventName::SettingsUpdate).detail("i", i).personal("who", "Livia");
        record(&mut tx, ctx, event).await.unwrap();
    }
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_47_the_chain_holds_while_several_seal_and_verify_at_once() {
    let vault = Vault::new([9; 32]);
    for (_guard, db) in Both::open().await.each() {
        let ctx = context();
        begin_chain(&db, &vault, &ctx).await;
        let node = || async {
            for _ in 0..8 {
                record_some(&db, &ctx, 3).await;
                chain::seal(&db, &vault, ctx.now()).await.unwrap();
                ctx.clock.advance(HOUR / 3);
                assert_eq!(chain::verify(&db, &vault).await.unwrap().broken, None);
                assert_eq!(chain::verify_newest(&db, &vault, 10).await.unwrap().broken, None);
            }
        };
        futures_util::future::join_all([node(), node(), node()]).await;
        assert_eq!(chain::verify(&db, &vault).await.unwrap(), Verdict { verified: 72, broken: None });
    }
}

#[tokio::test]
async fn events_are_listed_newest_first_and_filtered() {
    for (_guard, db) in Both::open().await.each() {
        let ctx = context();
        for i in 0..5 {
            ctx.clock.advance(1000);
            let mut tx = db.begin().await.unwrap();
            let name = if i % 2 == 0 { EventName::UserCreate } else { EventName::GroupCreate };
            record(&mut tx, &ctx, Event::new(name).target("user", i, format!("Person 100%_{i}")))
                .await
                .unwrap();
            tx.commit().await.unwrap();
        }
        let page = PageRequest { limit: 2, after: None };
        let first = list(&mut db.reader(), &EventFilter::default(), &page).await.unwrap();
        assert_eq!(first.items.len(), 2);
        assert!(first.items[0].at > first.items[1].at);
        let next = PageRequest::parse(Some(10), first.next_cursor.as_deref()).unwrap();
        assert_eq!(list(&mut db.reader(), &EventFilter::default(), &next).await.unwrap().items.len(), 3);
        let all = PageRequest::first();
        let named = EventFilter { name: Some(EventName::UserCreate), ..EventFilter::default() };
        assert_eq!(list(&mut db.reader(), &named, &all).await.unwrap().items.len(), 3);
        let text = EventFilter { text: Some("100%_3".to_owned()), ..EventFilter::default() };
        assert_eq!(list(&mut db.reader(), &text, &all).await.unwrap().items.len(), 1);
    }
}

#[tokio::test]
async fn events_are_found_along_each_index() {
    for (_guard, db) in Both::open().await.each() {
        let ctx = context();
        let (heap, keeper) = (
            ApplicationId::generate(ctx.now(), &ctx.random),
            ApplicationId::generate(ctx.now(), &ctx.random),
        );
        let (ann, bob) = (UserId::generate(ctx.now(), &ctx.random), UserId::generate(ctx.now(), &ctx.random));
        let by = |id: UserId, name: &str| ctx.acting_as(Actor::User { id, username: name.into() });
        let begin = ctx.now();
        for (actor, event) in [
            (
                by(ann, "ann"),
                Event::new(EventName::SsoAuth).target("application", heap, "Heap").application(heap),
            ),
            (
                by(bob, "bob"),
                Event::new(EventName::SsoAuth).target("application", keeper, "Keeper").application(keeper),
            ),
            (by(ann, "ann"), Event::new(EventName::UserCreate).target("user", bob, "bob")),
            (by(bob, "bob"), Event::new(EventName::GroupCreate).target("group", "g", "Staff")),
        ] {
            let mut tx = db.begin().await.unwrap();
            record(&mut tx, &actor, event).await.unwrap();
            tx.commit().await.unwrap();
            ctx.clock.advance(1000);
        }
        let found = async |filter: EventFilter| -> Vec<String> {
            let page = list(&mut db.reader(), &filter, &PageRequest::first()).await.unwrap();
            page.items
                .into_iter()
                .map(|event| format!("{} {}", event.actor_name.unwrap(), event.target_name.unwrap()))
                .collect()
        };
        let any = EventFilter::default;
        let target = |id: String| EventFilter { target: Some(id), ..any() };
        let actor = |id: String| EventFilter { actor: Some(id), ..any() };
        assert_eq!(found(EventFilter { application: Some(heap), ..any() }).await, ["ann Heap"]);
        assert_eq!(found(actor(ann.to_string())).await, ["ann bob", "ann Heap"]);
        assert_eq!(found(actor("bob".to_owned())).await, ["bob Staff", "bob Keeper"]);
        assert_eq!(found(target(keeper.to_string())).await, ["bob Keeper"]);
        assert_eq!(found(target(bob.to_string())).await, ["ann bob"]);
        assert_eq!(found(target("Staff".to_owned())).await, ["bob Staff"]);
        let both = EventFilter { actor: Some(ann.to_string()), target: Some(bob.to_string()), ..any() };
        assert_eq!(found(both).await, ["ann bob"]);
        // From an instant on, and before it, to the millisecond.
        let second = begin.plus(1000);
        assert_eq!(found(EventFilter { until: Some(second), ..any() }).await, ["ann Heap"]);
        assert_eq!(found(EventFilter { since: Some(second), ..any() }).await.len(), 3);
        assert_eq!(
            found(EventFilter { since: Some(second.plus(1)), until: Some(second.plus(1001)), ..any() }).await,
            ["ann bob"]
        );
    }
}

#[tokio::test]
async fn group_commit_is_all_or_nothing_for_each_write() {
    fn missing() -> tessera::base::Error {
        tessera::base::Error::not_found("row")
    }
    for (_guard, db) in Both::open().await.each() {
        let commits = GroupCommit::start(db.clone());
        let anchor = sql("INSERT INTO settings (name, value) VALUES ($1, $2)").bind("anchor").bind("x");
        commits.write(vec![Step::Row(anchor)]).await.unwrap();
        let write = |name: String, good: bool| {
            let commits = commits.clone();
            async move {
                let insert = sql("INSERT INTO settings (name, value) VALUES ($1, $2)");
                let insert = insert.bind(name.as_str()).bind("x");
                let touched = if good { "x" } else { "no such value" };
                let check =
                    sql("UPDATE settings SET value = 'x' WHERE value = $1 AND name = 'anchor'").bind(touched);
                let last = sql("INSERT INTO settings (name, value) VALUES ($1, $2) \
                     ON CONFLICT (name) DO UPDATE SET value = excluded.value");
                let last = last.bind("last").bind(name);
                commits.write(vec![Step::Row(insert), Step::Latest(last, 1), Step::One(check, missing)]).await
            }
        };
        let writes = (0..40).map(|i| write(format!("n{i}"), i % 5 != 0));
        let results = futures_util::future::join_all(writes).await;
        for (i, result) in results.iter().enumerate() {
            assert_eq!(result.is_ok(), i % 5 != 0, "write {i}: {result:?}");
        }
        let rows = db.reader().all(sql("SELECT name FROM settings WHERE name LIKE 'n%'")).await.unwrap();
        assert_eq!(rows.len(), 32, "exactly the good ones are there");
        let last = db.reader().one(sql("SELECT value FROM settings WHERE name = 'last'")).await.unwrap();
        assert_eq!(last.text("value").unwrap(), "n39", "of a key, the last one counts");
    }
}

#[tokio::test]
async fn a_circle_of_locks_harms_no_write_of_a_group() {
    fn missing() -> tessera::base::Error {
        tessera::base::Error::not_found("row")
    }
    let (_guard, db) = Both::open().await.each().last().unwrap();
    let commits = GroupCommit::start(db.clone());
    for name in ["a", "b", "c"] {
        let row = sql("INSERT INTO settings (name, value) VALUES ($1, $2)").bind(name).bind("old");
        commits.write(vec![Step::Row(row)]).await.unwrap();
    }
    let change = |name: &'static str| sql("UPDATE settings SET value = 'new' WHERE name = $1").bind(name);
    let waiting = async |count: i64| {
        let query = "SELECT COUNT(*) AS n FROM pg_stat_activity \
             WHERE datname = current_database() AND wait_event_type = 'Lock'";
        for _ in 0..10_000 {
            if db.reader().one(sql(query)).await.unwrap().int("n").unwrap() >= count {
                return;
            }
        }
        panic!("nothing waits");
    };
    let write = |name: &'static str| {
        let commits = commits.clone();
        async move { commits.write(vec![Step::One(change(name), missing)]).await }
    };
    let mut gate = db.begin().await.unwrap();
    gate.run(change("c")).await.unwrap();
    // The other one is patient, so that the group is the one that is given up.
    let mut other = db.begin().await.unwrap();
    other.run(sql("SET LOCAL deadlock_timeout = '1h'")).await.unwrap();
    other.run(change("b")).await.unwrap();
    let first = tokio::spawn(write("c"));
    waiting(1).await;
    let (one, two, ()) = tokio::join!(write("a"), write("b"), async {
        gate.commit().await.unwrap();
        first.await.unwrap().unwrap();
        // Now the group of two has the one row and waits for the other.
        waiting(1).await;
        other.run(change("a")).await.unwrap();
        other.commit().await.unwrap();
    });
    one.unwrap();
    two.unwrap();
}

#[tokio::test]
async fn w_15_changes_at_once_follow_each_other_and_derived_addresses_step_aside() {
    use tessera::applications::create::{NewApplication, Surroundings, create};
    use tessera::applications::update::{ApplicationPatch, update};
    use tessera::base::urls::BaseUrl;
    use tessera::catalog::Catalog;
    let (catalog, vault) = (Catalog::built_in(), Vault::new([7; 32]));
    let base_url = BaseUrl::parse("https://id.example.com", false).unwrap();
    for (_guard, db) in Both::open().await.each() {
        let ctx = context();
        let around = Surroundings { catalog: &catalog, vault: &vault, base_url: &base_url };
        let new = NewApplication {
            connector: "bookmark".to_owned(),
            label: Some("Ledger".to_owned()),
            bookmark_url: Some("https://ledger.example".to_owned()),
            ..NewApplication::default()
        };
        let made = futures_of(8, |_| create(&db, &ctx, around, new.clone(), None)).await;
        let mut slugs: Vec<String> = made.iter().map(|made| made.as_ref().unwrap().slug.clone()).collect();
        slugs.sort();
        slugs.dedup();
        assert_eq!(slugs.len(), 8, "each has an address of its own: {slugs:?}");
        let id = made[0].as_ref().unwrap().id;
        let changed = futures_of(8, |at| {
            let patch =
                ApplicationPatch { description: Some(format!("No {at}")), ..ApplicationPatch::default() };
            update(&db, &ctx, id, patch, None)
        })
        .await;
        let mut versions: Vec<i64> =
            changed.iter().map(|changed| changed.as_ref().unwrap().version).collect();
        versions.sort_unstable();
        assert_eq!(versions, (2..10).collect::<Vec<i64>>(), "none is refused");
        db.close().await;
    }
}

/// Runs so many at once and answers what came of each.
async fn futures_of<F: Future>(count: usize, each: impl Fn(usize) -> F) -> Vec<F::Output> {
    let mut running: Vec<_> = (0..count).map(|at| Box::pin(each(at))).collect();
    let mut out: Vec<Option<F::Output>> = (0..count).map(|_| None).collect();
    std::future::poll_fn(|cx| {
        for (future, out) in running.iter_mut().zip(&mut out) {
            if out.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(cx)
            {
                *out = Some(value);
            }
        }
        if out.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    out.into_iter().flatten().collect()
}
