//! One person in the console: what is known of them, what they can open, and what can be done about them.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use secrecy::ExposeSecret as _;

use crate::applications::access;
use crate::auth::{Permission, Role, link, roles, session};
use crate::base::id::{GroupId, UserId};
use crate::base::paging::{MAX_LIMIT, PageRequest};
use crate::base::{Error, Timestamp, urls};
use crate::directory::groups::{self, EVERYONE};
use crate::directory::{Person as Somebody, PersonState, inbound, memberships, people};
use crate::events::query::{self, EventFilter, EventView};
use crate::provisioning::state;
use crate::signon::last_uses;
use crate::web::admin::frame::{self, After, Done};
use crate::web::admin::posted::Posted;
use crate::web::error::{Answer, Failure};
use crate::web::extract::permission::{GroupsWrite, PeopleRead, PeopleWrite, RolesWrite};
use crate::web::extract::{Console, Fresh, Person, Queried, SignedForm};
use crate::web::pages::parts::{Choice, Crumbs, Decision, Link};
use crate::web::pages::shell::{Nav, Shell};
use crate::web::pages::users::{UserApplication, UserGroup, UserPage};
use crate::web::pages::{ConfirmPage, ShownOncePage};
use crate::web::shown::{application, event, person as show, time};
use crate::web::state::{Shared, Web};
use crate::web::{html, page, see_other};

/// How many of their last events are shown.
const LATELY: usize = 8;

/// The person of a path.
pub async fn somebody(web: &Web, user: &str) -> Result<Somebody, Failure> {
    let id: UserId = frame::id(user)?;
    let found = people::find(&mut web.installation.db.reader(), id).await?;
    Ok(found.ok_or_else(|| Error::not_found("person"))?)
}

/// `GET /admin/users/{user}`
pub async fn show_user(
    console: Console<PeopleRead>,
    State(web): State<Shared>,
    Path(user): Path<String>,
    Queried(after): Queried<After>,
) -> Answer {
    let person = somebody(&web, &user).await?;
    let mut shell = shell(&web, &console.person, &person).await;
    shell.toast = frame::toast(after.done.as_deref());
    draw(&web, &console.person, &person, shell, StatusCode::OK).await
}

async fn shell(web: &Web, viewer: &Person, person: &Somebody) -> Shell {
    frame::shell(web, viewer, &person.shown_name(), Nav::Users, Permission::PeopleWrite).await
}

/// The page of a person, with what was refused.
async fn refused(web: &Web, viewer: &Person, person: &Somebody, error: Error) -> Answer {
    let mut shell = shell(web, viewer, person).await;
    let status = frame::refuse(&mut shell, error)?;
    draw(web, viewer, person, shell, status).await
}

async fn draw(web: &Web, viewer: &Person, person: &Somebody, shell: Shell, status: StatusCode) -> Answer {
    let db = &web.installation.db;
    let (now, id, name) = (viewer.ctx.now(), person.id.to_string(), person.shown_name());
    let groups = groups::names_of_user(&mut db.reader(), person.id).await?;
    let sessions = session::list(db, &viewer.ctx, person.id).await?;
    let seen = session::last_sign_ins(&mut db.reader(), &[person.id]).await?.get(&person.id).copied();
    let role = roles::of_user(&mut db.reader(), person.id).await?;
    let manager = manager_name(web, person).await?;
    let oneself = viewer.id() == person.id;
    let held = inbound::users::is_held(&mut db.reader(), person.id).await?;
    let user = UserPage {
        applications: applications(web, person, &groups, now).await?,
        joinable: joinable(web, &groups).await?,
        groups: groups.iter().map(|group| group_row(&id, group)).collect(),
        sessions: show::sessions(&sessions, None, now, |_| String::new()),
        lately: event::lines(&lately(web, viewer, person.id).await?, now),
        events_href: events_href(viewer, person),
        roles: role_choices(viewer, role),
        role: role.map_or_else(|| "None".to_owned(), |role| role.label().to_owned()),
        scim_managed: person.scim_managed,
        has_role: role.is_some(),
        // Whom a SCIM client suspended an administrator may suspend too, so that no client lets them in.
        suspension: ((person.state != PersonState::Suspended || held) && !oneself)
            .then(|| suspension(person)),
        can_activate: person.state != PersonState::Active,
        deletion: (!oneself).then(|| deletion(person)),
        initials: show::initials(&name),
        email: person.email.clone(),
        state: show::state(person.state),
        seen: seen.map(|at| format!("Signed in {}", lowered(&time::when(at, now).text))).unwrap_or_default(),
        facts: show::facts(person, manager.as_deref()),
        name,
        id,
        shell,
    };
    html(status, &user)
}

fn lowered(text: &str) -> String {
    match text.split_once(',') {
        Some((day @ ("Today" | "Yesterday"), rest)) => format!("{},{rest}", day.to_lowercase()),
        _ => text.to_owned(),
    }
}

async fn manager_name(web: &Web, person: &Somebody) -> Result<Option<String>, Failure> {
    let Some(id) = person.profile.manager.as_deref().and_then(|id| id.parse::<UserId>().ok()) else {
        return Ok(None);
    };
    Ok(people::find(&mut web.installation.db.reader(), id).await?.map(|manager| manager.shown_name()))
}

async fn applications(
    web: &Web,
    person: &Somebody,
    groups: &[(GroupId, String)],
    now: Timestamp,
) -> Result<Vec<UserApplication>, Failure> {
    let mut reader = web.installation.db.reader();
    let active = person.state == PersonState::Active;
    let granted = access::granted(&mut reader, person.id, active).await?;
    let accounts = state::of_user(&mut reader, person.id).await?;
    let used = last_uses(&mut reader, person.id, i64::from(MAX_LIMIT)).await?;
    let through = |group: GroupId| groups.iter().find(|(id, _)| *id == group).map(|(_, name)| name.clone());
    Ok(granted
        .iter()
        .map(|(granted, group)| UserApplication {
            mark: application::mark(&web.installation.catalog, granted),
            href: urls::admin_bindings(&granted.id.to_string()),
            through: through(*group).into_iter().collect(),
            account: accounts
                .iter()
                .find(|entry| entry.application == granted.id)
                .map(crate::web::admin::provisioning::standing::status),
            status: application::status(granted),
            used: time::when_ever(used.iter().find(|(id, _)| *id == granted.id).map(|(_, at)| *at), now),
        })
        .collect())
}

fn group_row(user: &str, (id, name): &(GroupId, String)) -> UserGroup {
    let id = id.to_string();
    let remove_action = if name == EVERYONE {
        String::new()
    } else {
        format!("{}?back=user", urls::admin_group_member_remove(&id, user))
    };
    UserGroup { group: Link::new(name.as_str(), urls::admin_group(&id)), remove_action }
}

/// The groups that could be joined, the first 200 by name.
async fn joinable(web: &Web, groups: &[(GroupId, String)]) -> Result<Vec<Choice>, Failure> {
    let request = PageRequest { limit: MAX_LIMIT, after: None };
    let all = groups::list(&web.installation.db, None, &request).await?;
    let open =
        all.items.iter().filter(|group| !group.built_in && groups.iter().all(|(id, _)| *id != group.id));
    let mut choices: Vec<Choice> =
        open.map(|group| Choice::new(group.id.to_string(), group.name.as_str(), false)).collect();
    if !choices.is_empty() {
        choices.insert(0, Choice::new("", "Choose a group", true));
    }
    Ok(choices)
}

/// All their events; nothing for who may not read them.
fn events_href(viewer: &Person, person: &Somebody) -> String {
    if viewer.role().is_some_and(|role| role.allows(Permission::EventsRead)) {
        frame::with_query(urls::admin_events(), &[("q", person.username.as_str())])
    } else {
        String::new()
    }
}

/// What the person did and what was done to them, newest first; nothing for who may not read events.
async fn lately(web: &Web, viewer: &Person, user: UserId) -> Result<Vec<EventView>, Failure> {
    if !viewer.role().is_some_and(|role| role.allows(Permission::EventsRead)) {
        return Ok(Vec::new());
    }
    let mut reader = web.installation.db.reader();
    let request = PageRequest { limit: u32::try_from(LATELY).unwrap_or(8), after: None };
    let id = Some(user.to_string());
    let by = EventFilter { actor: id.clone(), ..EventFilter::default() };
    let on = EventFilter { target: id, ..EventFilter::default() };
    let mut events = query::list(&mut reader, &by, &request).await?.items;
    for event in query::list(&mut reader, &on, &request).await?.items {
        if events.iter().all(|known| known.id != event.id) {
            events.push(event);
        }
    }
    events.sort_by_key(|event| std::cmp::Reverse(event.id));
    events.truncate(LATELY);
    Ok(events)
}

/// Roles that the viewer may give, the present one marked.
fn role_choices(viewer: &Person, present: Option<Role>) -> Vec<Choice> {
    let Some(own) = viewer.role().filter(|role| role.allows(Permission::RolesWrite)) else {
        return Vec::new();
    };
    let none = Choice::new("none", "No role", present.is_none());
    let given = Role::OF_PEOPLE.iter().filter(|role| own.covers(**role));
    std::iter::once(none)
        .chain(given.map(|role| Choice::new(role.as_str(), role.label(), present == Some(*role))))
        .collect()
}

fn suspension(person: &Somebody) -> Decision {
    let (id, name) = (person.id.to_string(), person.shown_name());
    Decision {
        id: "suspend".to_owned(),
        action: urls::admin_user_suspend(&id),
        button: "Suspend…".to_owned(),
        title: format!("Suspend {name}?"),
        effects: vec![
            format!("{name} is signed out everywhere at once and can’t sign in, here or to any application."),
            "Their accounts in applications with identity management are set inactive within a minute."
                .to_owned(),
            "Groups and what is known of the person stay. Activate them again at any time.".to_owned(),
        ],
        confirm: format!("Suspend {name}"),
        cancel: "Leave it".to_owned(),
        cancel_href: urls::admin_user(&id),
        destroys: true,
        ..Decision::default()
    }
}

fn deletion(person: &Somebody) -> Decision {
    let (id, name) = (person.id.to_string(), person.shown_name());
    Decision {
        id: "delete".to_owned(),
        action: urls::admin_user_delete(&id),
        button: "Delete…".to_owned(),
        title: format!("Delete {name}?"),
        effects: vec![
            format!("{name} is signed out everywhere at once and loses every application and group."),
            "Password, role and sessions are gone for good.".to_owned(),
            "Applications with identity management suspend or delete their account, as each is set. Accounts inside other applications stay as they are.".to_owned(),
            "Username and e-mail are kept from others for 90 days.".to_owned(),
        ],
        confirm: format!("Delete {name}"),
        cancel: "Keep the person".to_owned(),
        cancel_href: urls::admin_user(&id),
        destroys: true,
        ..Decision::default()
    }
}

async fn ask(web: &Web, viewer: &Person, person: &Somebody, decision: Decision) -> Answer {
    let mut shell = shell(web, viewer, person).await;
    shell.title.clone_from(&decision.title);
    let crumbs = Crumbs {
        way: vec![
            Link::new("Users", urls::admin_users()),
            Link::new(person.shown_name(), urls::admin_user(&person.id.to_string())),
        ],
        here: "Confirm".to_owned(),
    };
    html(StatusCode::OK, &ConfirmPage { shell, crumbs, decision, names: Vec::new() })
}

/// Whoever changes a person with a role needs a role that covers it.
pub async fn require_cover(
    web: &Web,
    console: &Console<PeopleWrite>,
    person: &Somebody,
) -> Result<(), Failure> {
    let theirs = roles::of_user(&mut web.installation.db.reader(), person.id).await?;
    let covered = match (theirs, console.person.role()) {
        (None, _) => true,
        (Some(theirs), Some(own)) => own.covers(theirs),
        (Some(_), None) => false,
    };
    if covered {
        return Ok(());
    }
    Err(Error::forbidden("role_not_covered", "This person’s role allows more than yours. Ask an owner.")
        .into())
}

/// `POST /admin/users/{user}/suspend`: asks first unless `confirmed`.
pub async fn suspend_user(
    console: Console<PeopleWrite>,
    State(web): State<Shared>,
    Path(user): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let person = somebody(&web, &user).await?;
    require_cover(&web, &console, &person).await?;
    if !posted.confirmed() {
        return ask(&web, &console.person, &person, suspension(&person)).await;
    }
    match people::suspend(&web.installation.db, console.ctx(), person.id).await {
        Ok(_) => Ok(see_other(&Done::Suspended.at(&urls::admin_user(&user)))),
        Err(error) => refused(&web, &console.person, &person, error).await,
    }
}

/// `POST /admin/users/{user}/activate`
pub async fn activate_user(
    console: Console<PeopleWrite>,
    State(web): State<Shared>,
    Path(user): Path<String>,
    SignedForm(_): SignedForm<Posted>,
) -> Answer {
    let person = somebody(&web, &user).await?;
    require_cover(&web, &console, &person).await?;
    people::activate(&web.installation.db, console.ctx(), person.id).await?;
    Ok(see_other(&Done::Saved.at(&urls::admin_user(&user))))
}

/// `POST /admin/users/{user}/delete`: asks first unless `confirmed`.
pub async fn delete_user(
    console: Console<PeopleWrite>,
    State(web): State<Shared>,
    Path(user): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let person = somebody(&web, &user).await?;
    require_cover(&web, &console, &person).await?;
    if !posted.confirmed() {
        return ask(&web, &console.person, &person, deletion(&person)).await;
    }
    match people::delete(&web.installation.db, console.ctx(), person.id).await {
        Ok(()) => Ok(see_other(&Done::Deleted.at(urls::admin_users()))),
        Err(error) => refused(&web, &console.person, &person, error).await,
    }
}

/// `POST /admin/users/{user}/reset-link`: the link is shown once. It gives the account away, so the password is asked
/// for again.
pub async fn make_reset_link(
    console: Fresh<PeopleWrite>,
    State(web): State<Shared>,
    Path(user): Path<String>,
    SignedForm(_): SignedForm<Posted>,
) -> Answer {
    let person = somebody(&web, &user).await?;
    let installation = &web.installation;
    let made = match link::create_reset(&installation.db, console.ctx(), person.id).await {
        Ok(made) => made,
        Err(error) => return refused(&web, &console.person, &person, error).await,
    };
    let name = person.shown_name();
    let mut shell = shell(&web, &console.person, &person).await;
    shell.title = format!("Reset link for {name}");
    let ends = time::until(made.expires_at, console.ctx().now());
    page(&ShownOncePage {
        shell,
        crumbs: Crumbs {
            way: vec![
                Link::new("Users", urls::admin_users()),
                Link::new(name.as_str(), urls::admin_user(&user)),
            ],
            here: "Reset link".to_owned(),
        },
        lead: format!(
            "Give it to {name} and to nobody else. It works once, until {}; links made before are void.",
            ends.text
        ),
        label: "Reset link".to_owned(),
        secret: installation.base_url.join(&urls::reset(made.token.expose_secret())),
        done_href: urls::admin_user(&user),
    })
}

/// `POST /admin/users/{user}/sign-out`
pub async fn sign_out_user(
    console: Console<PeopleWrite>,
    State(web): State<Shared>,
    Path(user): Path<String>,
    SignedForm(_): SignedForm<Posted>,
) -> Answer {
    let person = somebody(&web, &user).await?;
    require_cover(&web, &console, &person).await?;
    // Whoever does it to themselves stays here.
    let keep = (console.id() == person.id).then_some(console.person.live.session.session_id);
    session::revoke_all(&web.installation.db, console.ctx(), person.id, keep).await?;
    Ok(see_other(&Done::SignedOut.at(&urls::admin_user(&user))))
}

/// `POST /admin/users/{user}/groups`
pub async fn add_to_group(
    console: Console<GroupsWrite>,
    State(web): State<Shared>,
    Path(user): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let person = somebody(&web, &user).await?;
    let Ok(group) = posted.text("group").parse::<GroupId>() else {
        let error = Error::field("group", "required", "Choose the group to add to.");
        return refused(&web, &console.person, &person, error).await;
    };
    match memberships::add(&web.installation.db, console.ctx(), group, person.id).await {
        Ok(_) => Ok(see_other(&Done::Added.at(&urls::admin_user(&user)))),
        Err(error) => refused(&web, &console.person, &person, error).await,
    }
}

/// `POST /admin/users/{user}/role`
pub async fn set_role(
    console: Fresh<RolesWrite>,
    State(web): State<Shared>,
    Path(user): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let person = somebody(&web, &user).await?;
    let role = match posted.text("role") {
        "none" => Ok(None),
        text => Role::parse(text).map(Some),
    };
    let set = match role {
        Ok(role) => roles::set_role(&web.installation.db, console.ctx(), person.id, role).await,
        Err(error) => Err(error),
    };
    match set {
        Ok(()) => Ok(see_other(&Done::Saved.at(&urls::admin_user(&user)))),
        Err(error) => refused(&web, &console.person, &person, error).await,
    }
}
