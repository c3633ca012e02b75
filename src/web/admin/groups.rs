//! Groups in the console: the list, one group, its form, its members and its applications.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;

use crate::applications::{binding, overview};
use crate::auth::Permission;
use crate::base::id::{ApplicationId, GroupId, UserId};
use crate::base::paging::{MAX_LIMIT, PageRequest};
use crate::base::{Error, urls};
use crate::catalog::Catalog;
use crate::directory::groups::{self, Group, GroupPatch, NewGroup};
use crate::directory::{memberships, people};
use crate::web::admin::bindings::unbinding;
use crate::web::admin::frame::{self, Done};
use crate::web::admin::posted::Posted;
use crate::web::admin::seen;
use crate::web::error::{Answer, Failure};
use crate::web::extract::permission::{ApplicationsWrite, GroupsRead, GroupsWrite};
use crate::web::extract::{Console, Person, Queried, SignedForm};
use crate::web::pages::ConfirmPage;
use crate::web::pages::groups::{
    GroupApplication, GroupFormPage, GroupPage, GroupRow, GroupsPage, MemberRow,
};
use crate::web::pages::parts::{Choice, Crumbs, Decision, Link, Pager};
use crate::web::pages::shell::{Nav, Shell};
use crate::web::shown::{self, application, person as show};
use crate::web::state::{Shared, Web};
use crate::web::{html, page, see_other};

/// `?q=&cursor=&done=`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    q: String,
    cursor: Option<String>,
    done: Option<String>,
}

/// `GET /admin/groups`
pub async fn list_groups(
    console: Console<GroupsRead>,
    State(web): State<Shared>,
    Queried(wanted): Queried<Wanted>,
) -> Answer {
    let db = &web.installation.db;
    let search = Some(wanted.q.trim()).filter(|text| !text.is_empty());
    let request = frame::page_request(wanted.cursor.as_deref())?;
    let found = groups::list(db, search, &request).await?;
    let bound = overview::count_by_group(&mut db.reader()).await?;
    let mut shell = frame::shell(&web, &console.person, "Groups", Nav::Groups, Permission::GroupsWrite).await;
    shell.toast = frame::toast(wanted.done.as_deref());
    let next = found.next_cursor.as_deref();
    page(&GroupsPage {
        shell,
        query: wanted.q.clone(),
        pager: Pager {
            summary: shown::counted(i64::try_from(found.items.len()).unwrap_or(0), "group", "groups"),
            previous: None,
            next: next.map(|cursor| {
                frame::with_query(urls::admin_groups(), &[("q", wanted.q.as_str()), ("cursor", cursor)])
            }),
        },
        rows: found
            .items
            .iter()
            .map(|group| GroupRow {
                id: group.id.to_string(),
                name: group.name.clone(),
                description: group.description.clone(),
                people: shown::number(group.member_count),
                applications: shown::number(bound.get(&group.id).copied().unwrap_or(0)),
                built_in: group.built_in,
            })
            .collect(),
    })
}

async fn require(web: &Web, group: &str) -> Result<Group, Failure> {
    let id: GroupId = frame::id(group)?;
    let found = groups::find(&mut web.installation.db.reader(), id).await?;
    Ok(found.ok_or_else(|| Error::not_found("group"))?)
}

async fn shell(web: &Web, viewer: &Person, title: &str) -> Shell {
    frame::shell(web, viewer, title, Nav::Groups, Permission::GroupsWrite).await
}

/// `GET /admin/groups/{group}`
pub async fn show_group(
    console: Console<GroupsRead>,
    State(web): State<Shared>,
    Path(group): Path<String>,
    Queried(wanted): Queried<Wanted>,
) -> Answer {
    let group = require(&web, &group).await?;
    let mut shell = shell(&web, &console.person, &group.name).await;
    shell.toast = frame::toast(wanted.done.as_deref());
    draw(&web, &group, shell, &wanted, String::new(), StatusCode::OK).await
}

async fn refused(web: &Web, viewer: &Person, group: &Group, error: Error, typed: String) -> Answer {
    let mut shell = shell(web, viewer, &group.name).await;
    let status = frame::refuse(&mut shell, error)?;
    draw(web, group, shell, &Wanted::default(), typed, status).await
}

async fn draw(
    web: &Web,
    group: &Group,
    shell: Shell,
    wanted: &Wanted,
    add_person: String,
    status: StatusCode,
) -> Answer {
    let db = &web.installation.db;
    let id = group.id.to_string();
    let request = frame::page_request(wanted.cursor.as_deref())?;
    let search = Some(wanted.q.trim()).filter(|text| !text.is_empty());
    let members = memberships::list(db, group.id, search, &request).await?;
    let bound = binding::applications_of(&mut db.reader(), group.id).await?;
    let count = i64::try_from(bound.len()).unwrap_or(i64::MAX);
    let next = members.next_cursor.as_deref();
    let all = PageRequest { limit: MAX_LIMIT, after: None };
    let others = overview::list(&mut db.reader(), "", None, &all).await?.items;
    let mut bindable: Vec<Choice> = others
        .iter()
        .filter(|other| bound.iter().all(|known| known.id != other.id))
        .map(|other| Choice::new(other.id.to_string(), other.label.as_str(), false))
        .collect();
    if !bindable.is_empty() {
        bindable.insert(0, Choice::new("", "Choose an application", true));
    }
    let drawn = GroupPage {
        shell,
        name: group.name.clone(),
        description: group.description.clone(),
        built_in: group.built_in,
        scim_managed: group.scim_managed,
        summary: format!(
            "{}, {}",
            shown::people(group.member_count),
            shown::counted(count, "application", "applications")
        ),
        query: wanted.q.clone(),
        members: members
            .items
            .iter()
            .map(|person| {
                let name = person.shown_name();
                MemberRow {
                    id: person.id.to_string(),
                    initials: show::initials(&name),
                    name,
                    email: person.email.clone(),
                    state: show::state(person.state),
                }
            })
            .collect(),
        pager: Pager {
            summary: String::new(),
            previous: None,
            next: next.map(|cursor| {
                frame::with_query(&urls::admin_group(&id), &[("q", wanted.q.as_str()), ("cursor", cursor)])
            }),
        },
        add_person,
        applications: bound.iter().map(|bound| bound_row(&web.installation.catalog, group, bound)).collect(),
        bindable,
        deletion: (!group.built_in).then(|| deletion(group)),
        id,
    };
    html(status, &drawn)
}

fn bound_row(catalog: &Catalog, group: &Group, bound: &crate::applications::Application) -> GroupApplication {
    let (id, application_id) = (group.id.to_string(), bound.id.to_string());
    GroupApplication {
        mark: application::mark(catalog, bound),
        href: urls::admin_bindings(&application_id),
        status: application::status(bound),
        unbind: Decision {
            id: format!("unbind-{application_id}"),
            action: urls::admin_group_unbind(&id, &application_id),
            cancel_href: urls::admin_group(&id),
            ..unbinding(&bound.label, &group.name, group.member_count)
        },
    }
}

fn deletion(group: &Group) -> Decision {
    let (id, name) = (group.id.to_string(), &group.name);
    Decision {
        id: "delete".to_owned(),
        action: urls::admin_group_delete(&id),
        button: "Delete…".to_owned(),
        title: format!("Delete the group {name}?"),
        effects: vec![
            format!(
                "Takes what it opens away from {} at once, unless another group gives it. The people themselves stay.",
                shown::people(group.member_count)
            ),
            "Its memberships and bindings are gone for good.".to_owned(),
            "Applications with identity management set inactive whom nothing else gives them. The group there is deleted if Tessera made it, else only cleared of those whom Tessera added."
                .to_owned(),
        ],
        confirm: format!("Delete {name}"),
        cancel: "Keep it".to_owned(),
        cancel_href: urls::admin_group(&id),
        destroys: true,
        ..Decision::default()
    }
}

async fn form(
    web: &Web,
    viewer: &Person,
    group: Option<&Group>,
    [name, description]: [String; 2],
    error: Option<Error>,
) -> Answer {
    let title = group.map_or_else(|| "Add a group".to_owned(), |group| format!("Edit {}", group.name));
    let mut shell = shell(web, viewer, &title).await;
    let id = group.map(|group| group.id.to_string());
    let stored = id.as_deref().map_or_else(|| urls::admin_groups().to_owned(), urls::admin_group);
    let status = match error {
        Some(error) => seen::refuse(&mut shell, error, &stored)?,
        None => StatusCode::OK,
    };
    let mut way = vec![Link::new("Groups", urls::admin_groups())];
    if let Some(group) = group {
        way.push(Link::new(group.name.as_str(), urls::admin_group(&group.id.to_string())));
    }
    let page = GroupFormPage {
        shell,
        crumbs: Crumbs { way, here: if group.is_some() { "Edit" } else { "Add" }.to_owned() },
        action: id.as_deref().map_or_else(|| urls::admin_groups().to_owned(), urls::admin_group_edit),
        cancel_href: stored,
        new: group.is_none(),
        version: group.map_or(0, |group| group.version),
        name,
        description,
    };
    html(status, &page)
}

/// `GET /admin/groups/new`
pub async fn new_group(console: Console<GroupsWrite>, State(web): State<Shared>) -> Answer {
    form(&web, &console.person, None, [String::new(), String::new()], None).await
}

/// `POST /admin/groups`
pub async fn create_group(
    console: Console<GroupsWrite>,
    State(web): State<Shared>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let (name, description) = (posted.owned("name"), posted.owned("description"));
    let new = NewGroup { name: name.clone(), description: Some(description.clone()) };
    match groups::create(&web.installation.db, console.ctx(), new).await {
        Ok(group) => Ok(see_other(&Done::Added.at(&urls::admin_group(&group.id.to_string())))),
        Err(error) => form(&web, &console.person, None, [name, description], Some(error)).await,
    }
}

/// `GET /admin/groups/{group}/edit`
pub async fn edit_group(
    console: Console<GroupsWrite>,
    State(web): State<Shared>,
    Path(group): Path<String>,
) -> Answer {
    let group = require(&web, &group).await?;
    let values = [group.name.clone(), group.description.clone()];
    form(&web, &console.person, Some(&group), values, None).await
}

/// `POST /admin/groups/{group}/edit`
pub async fn save_group(
    console: Console<GroupsWrite>,
    State(web): State<Shared>,
    Path(group): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let group = require(&web, &group).await?;
    let (name, description) = (posted.owned("name"), posted.owned("description"));
    let patch =
        GroupPatch { name: Some(name.clone()), description: Some(description.clone()), scim_managed: None };
    match groups::update(&web.installation.db, console.ctx(), group.id, seen::version(&posted), patch).await {
        Ok(_) => Ok(see_other(&Done::Saved.at(&urls::admin_group(&group.id.to_string())))),
        Err(error) => form(&web, &console.person, Some(&group), [name, description], Some(error)).await,
    }
}

/// `POST /admin/groups/{group}/delete`: asks first unless `confirmed`.
pub async fn delete_group(
    console: Console<GroupsWrite>,
    State(web): State<Shared>,
    Path(group): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let group = require(&web, &group).await?;
    if !posted.confirmed() {
        return ask(&web, &console.person, &group, deletion(&group)).await;
    }
    match binding::delete_group(&web.installation.db, console.ctx(), group.id, None).await {
        Ok(()) => Ok(see_other(&Done::Deleted.at(urls::admin_groups()))),
        Err(error) => refused(&web, &console.person, &group, error, String::new()).await,
    }
}

async fn ask(web: &Web, viewer: &Person, group: &Group, decision: Decision) -> Answer {
    let shell = shell(web, viewer, &decision.title).await;
    let crumbs = Crumbs {
        way: vec![
            Link::new("Groups", urls::admin_groups()),
            Link::new(group.name.as_str(), urls::admin_group(&group.id.to_string())),
        ],
        here: "Confirm".to_owned(),
    };
    page(&ConfirmPage { shell, crumbs, decision, names: Vec::new() })
}

/// `POST /admin/groups/{group}/members/add`
pub async fn add_member(
    console: Console<GroupsWrite>,
    State(web): State<Shared>,
    Path(group): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let group = require(&web, &group).await?;
    let db = &web.installation.db;
    let name = posted.owned("user");
    let added = match people::find_by_login_name(&mut db.reader(), &name).await? {
        Some(person) => memberships::add(db, console.ctx(), group.id, person.id).await,
        None => Err(Error::field(
            "user",
            "unknown_person",
            "There is nobody of this username or e-mail. Check it.",
        )),
    };
    match added {
        Ok(_) => Ok(see_other(&Done::Added.at(&urls::admin_group(&group.id.to_string())))),
        Err(error) => refused(&web, &console.person, &group, error, name).await,
    }
}

/// `?back=user`: the form stands on the person's page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Back {
    back: String,
}

/// `POST /admin/groups/{group}/members/{user}/remove`
pub async fn remove_member(
    console: Console<GroupsWrite>,
    State(web): State<Shared>,
    Path((group, user)): Path<(String, String)>,
    Queried(back): Queried<Back>,
    SignedForm(_): SignedForm<Posted>,
) -> Answer {
    let (group_id, user_id): (GroupId, UserId) = (frame::id(&group)?, frame::id(&user)?);
    memberships::remove(&web.installation.db, console.ctx(), group_id, user_id).await?;
    let path = if back.back == "user" { urls::admin_user(&user) } else { urls::admin_group(&group) };
    Ok(see_other(&Done::Removed.at(&path)))
}

/// `POST /admin/groups/{group}/applications/bind`
pub async fn bind_application(
    console: Console<ApplicationsWrite>,
    State(web): State<Shared>,
    Path(group): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let group = require(&web, &group).await?;
    let Ok(application) = posted.text("application").parse::<ApplicationId>() else {
        let error = Error::field("application", "required", "Choose the application to bind.");
        return refused(&web, &console.person, &group, error, String::new()).await;
    };
    binding::bind(&web.installation.db, console.ctx(), application, group.id).await?;
    Ok(see_other(&Done::Bound.at(&urls::admin_group(&group.id.to_string()))))
}

/// `POST /admin/groups/{group}/applications/{application}/unbind`: asks first unless `confirmed`.
pub async fn unbind_application(
    console: Console<ApplicationsWrite>,
    State(web): State<Shared>,
    Path((group, application)): Path<(String, String)>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let group = require(&web, &group).await?;
    let id: ApplicationId = frame::id(&application)?;
    let db = &web.installation.db;
    if posted.confirmed() {
        binding::unbind(db, console.ctx(), id, group.id).await?;
        return Ok(see_other(&Done::Unbound.at(&urls::admin_group(&group.id.to_string()))));
    }
    let bound = binding::applications_of(&mut db.reader(), group.id).await?;
    let bound = bound.iter().find(|bound| bound.id == id).ok_or_else(Failure::no_such_page)?;
    ask(&web, &console.person, &group, bound_row(&web.installation.catalog, &group, bound).unbind).await
}
