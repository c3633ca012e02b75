//! People in the console: the list.

use axum::extract::State;
use serde::Deserialize;

use crate::auth::{Permission, roles, session};
use crate::base::id::UserId;
use crate::base::urls;
use crate::directory::{PeopleFilter, PersonState, people};
use crate::web::admin::frame;
use crate::web::error::Answer;
use crate::web::extract::permission::PeopleRead;
use crate::web::extract::{Console, Queried};
use crate::web::page;
use crate::web::pages::parts::{Choice, Pager};
use crate::web::pages::shell::Nav;
use crate::web::pages::users::{UserRow, UsersPage};
use crate::web::shown::{people as counted, person as show, time};
use crate::web::state::Shared;

/// `?q=&state=&cursor=`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    q: String,
    state: String,
    cursor: Option<String>,
    done: Option<String>,
}

/// `GET /admin/users`
pub async fn list_users(
    console: Console<PeopleRead>,
    State(web): State<Shared>,
    Queried(wanted): Queried<Wanted>,
) -> Answer {
    let db = &web.installation.db;
    let state = wanted.state.parse::<PersonState>().ok();
    let search = Some(wanted.q.trim().to_owned()).filter(|text| !text.is_empty());
    let request = frame::page_request(wanted.cursor.as_deref())?;
    let found = people::list(db, &PeopleFilter { search, state }, &request).await?;
    let ids: Vec<UserId> = found.items.iter().map(|person| person.id).collect();
    let seen = session::last_sign_ins(&mut db.reader(), &ids).await?;
    let holders = roles::holders(db).await?;
    let total = people::count(&mut db.reader(), None).await?;
    let now = console.ctx().now();
    let rows: Vec<UserRow> = found
        .items
        .iter()
        .map(|person| {
            let role = holders.iter().find(|(id, _)| *id == person.id).map(|(_, role)| *role);
            let name = person.shown_name();
            UserRow {
                id: person.id.to_string(),
                initials: show::initials(&name),
                name,
                username: person.username.clone(),
                email: person.email.clone(),
                state: show::state(person.state),
                department: person.profile.department.clone().unwrap_or_default(),
                role: show::role(role),
                seen: time::when_ever(seen.get(&person.id).copied(), now),
            }
        })
        .collect();
    let mut shell = frame::shell(&web, &console.person, "Users", Nav::Users, Permission::PeopleWrite).await;
    shell.toast = frame::toast(wanted.done.as_deref());
    let next = found.next_cursor.as_deref();
    page(&UsersPage {
        shell,
        query: wanted.q.clone(),
        states: states(state),
        pager: Pager {
            summary: format!("{} of {}", rows.len(), counted(total)),
            previous: None,
            next: next.map(|cursor| {
                let pairs = [("q", wanted.q.as_str()), ("state", wanted.state.as_str()), ("cursor", cursor)];
                frame::with_query(urls::admin_users(), &pairs)
            }),
        },
        rows,
    })
}

fn states(chosen: Option<PersonState>) -> Vec<Choice> {
    let known = [
        (None, "", "Any state"),
        (Some(PersonState::Active), "active", "Active"),
        (Some(PersonState::Staged), "staged", "Staged"),
        (Some(PersonState::Suspended), "suspended", "Suspended"),
    ];
    known.iter().map(|(state, value, label)| Choice::new(*value, *label, *state == chosen)).collect()
}
