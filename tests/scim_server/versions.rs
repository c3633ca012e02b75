//! Versions: what the caller saw, and what it has already.

use serde_json::{Value, json};
use tessera::auth::Role;

use crate::house::{House, patch, values};

#[tokio::test]
async fn a_change_of_what_was_not_seen_is_refused() {
    for house in House::both().await {
        let hr = house.scim().await;
        let (ada, bob) = (hr.person("ada").await, hr.person("bob").await);
        let group = hr.group("Sales", &[&ada]).await;
        let title = patch(json!([{ "op": "add", "path": "displayName", "value": "Other" }]));
        for path in [format!("/Users/{ada}"), format!("/Groups/{group}")] {
            let seen = hr.get(&path).await.header("etag").to_owned();
            assert!(seen.starts_with("W/\""), "{seen}");
            let told = hr.ask_with("PATCH", &path, &[("if-match", &seen)], &title).await;
            let now = told.header("etag").to_owned();
            assert_ne!(now, seen);
            assert_eq!(told.expect(200)["meta"]["version"], now);
            for (method, body) in [("PATCH", title.clone()), ("DELETE", Value::Null)] {
                let told = hr.ask_with(method, &path, &[("if-match", &seen)], &body).await;
                told.refused(412, "", "changed_meanwhile");
            }
            let whole = hr.get(&path).await.expect(200);
            hr.ask_with("PUT", &path, &[("if-match", &seen)], &whole).await.refused(
                412,
                "",
                "changed_meanwhile",
            );
            let strong = now.trim_start_matches("W/").to_owned();
            for good in [strong.as_str(), "*", &format!("\"x\", {now}")] {
                hr.ask_with("PUT", &path, &[("if-match", good)], &whole).await.expect(200);
            }
            for bad in ["1", "W/1", "\"1"] {
                let told = hr.ask_with("DELETE", &path, &[("if-match", bad)], &Value::Null).await;
                told.refused(400, "", "if_match_unreadable");
            }
            // Who is in which group is of the groups' versions, so a person with groups is always shown.
            let own = if path.starts_with("/Users") {
                hr.ask_with("GET", &path, &[("if-none-match", &now)], &Value::Null).await.expect(200);
                format!("{path}?excludedAttributes=groups")
            } else {
                path.clone()
            };
            let told = hr.ask_with("GET", &own, &[("if-none-match", &now)], &Value::Null).await;
            assert_eq!((told.status, told.text.as_str(), told.header("etag")), (304, "", now.as_str()));
            hr.ask_with("GET", &path, &[("if-none-match", &seen)], &Value::Null).await.expect(200);
            hr.ask_with("GET", &path, &[("if-none-match", "nonsense")], &Value::Null).await.expect(200);
        }
        let nothing = hr.ask_with("PATCH", "/Users/x", &[("if-match", "*")], &title).await;
        nothing.refused(404, "", "not_found");

        let path = format!("/Groups/{group}");
        let tag = async || hr.get(&path).await.header("etag").to_owned();
        let mut before = tag().await;
        let owner = house.client(Role::Owner).await;
        owner.rest("PUT", &format!("/groups/{group}/members/{bob}"), Value::Null).await.expect(204);
        assert_ne!(std::mem::replace(&mut before, tag().await), before, "somebody came, by another door");
        let seen = before.clone();
        hr.delete(&format!("/Users/{bob}")).await.expect(204);
        assert_ne!(tag().await, seen, "somebody is gone");
        let join = patch(json!([{ "op": "add", "path": "members", "value": values(&[&ada]) }]));
        hr.ask_with("PATCH", &path, &[("if-match", &seen)], &join).await.refused(
            412,
            "",
            "changed_meanwhile",
        );
    }
}

#[tokio::test]
async fn of_two_who_saw_the_same_one_is_told_of_the_other() {
    for house in House::both().await {
        let hr = house.scim().await;
        let ada = hr.person("ada").await;
        let group = hr.group("Sales", &[]).await;
        for (path, attribute) in
            [(format!("/Users/{ada}"), "title"), (format!("/Groups/{group}"), "externalId")]
        {
            let seen = hr.get(&path).await.header("etag").to_owned();
            let change = |value: &str| patch(json!([{ "op": "add", "path": attribute, "value": value }]));
            let headers = [("if-match", seen.as_str())];
            let (one, two) = (change("one"), change("two"));
            let (one, two) = tokio::join!(
                hr.ask_with("PATCH", &path, &headers, &one),
                hr.ask_with("PATCH", &path, &headers, &two)
            );
            let mut told = [one.status, two.status];
            told.sort_unstable();
            assert_eq!(told, [200, 412], "{path}");
        }
    }
}

#[tokio::test]
async fn of_two_who_change_different_things_both_get_through() {
    for house in House::both().await {
        let hr = house.scim().await;
        let ada = hr.person("ada").await;
        let path = format!("/Users/{ada}");
        let change = |path: &str, value: &str| patch(json!([{ "op": "add", "path": path, "value": value }]));
        let (title, name) = (change("title", "Analyst"), change("displayName", "Ada"));
        let (one, two) =
            tokio::join!(hr.ask_with("PATCH", &path, &[], &title), hr.ask_with("PATCH", &path, &[], &name));
        assert_eq!((one.status, two.status), (200, 200));
        let now = hr.get(&path).await.expect(200);
        assert_eq!((&now["title"], &now["displayName"]), (&json!("Analyst"), &json!("Ada")), "none is lost");
    }
}

#[tokio::test]
async fn people_come_into_a_group_while_others_go() {
    for house in House::both().await {
        let hr = house.scim().await;
        let mut people = Vec::new();
        for number in 0..12 {
            people.push(hr.person(&format!("p{number}")).await);
        }
        let group = hr.group("Sales", &[&people[0], &people[1], &people[2]]).await;
        let path = format!("/Groups/{group}");
        let work = people.iter().enumerate().map(|(at, person)| {
            let (hr, path, person) = (hr.clone(), path.clone(), person.clone());
            async move {
                if at < 3 {
                    hr.delete(&format!("/Users/{person}")).await.status
                } else {
                    let add = json!([{ "op": "add", "path": "members", "value": values(&[&person]) }]);
                    hr.patch(&path, add).await.status
                }
            }
        });
        let statuses = futures_util::future::join_all(work).await;
        assert!(statuses.iter().all(|status| matches!(status, 200 | 204)), "{statuses:?}");
        let mut now = hr.members(&group).await;
        now.sort();
        let mut expected = people[3..].to_vec();
        expected.sort();
        assert_eq!(now, expected);
    }
}
