//! Who may use an application: its bound groups, and the answer to *can this person sign in?*

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;

use crate::applications::binding;
use crate::base::id::{ApplicationId, GroupId};
use crate::base::paging::{MAX_LIMIT, PageRequest};
use crate::base::urls;
use crate::directory::{groups, people};
use crate::signon::issue::{Denied, authorise};
use crate::signon::{subject, target};
use crate::web::admin::application::Loaded;
use crate::web::admin::frame::{self, Done};
use crate::web::admin::posted::Posted;
use crate::web::error::{Answer, Failure};
use crate::web::extract::permission::{ApplicationsRead, ApplicationsWrite};
use crate::web::extract::{Console, Queried, SignedForm};
use crate::web::pages::application::{ApplicationGroupsPage, BoundGroup, Tab, Verdict};
use crate::web::pages::parts::{Choice, Crumbs, Decision, Link, Piece, Sentence};
use crate::web::pages::{ConfirmPage, Shell};
use crate::web::shown::{self, time};
use crate::web::state::{Shared, Web};
use crate::web::{html, see_other};

/// `?person=&done=`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    person: String,
    done: Option<String>,
}

/// `GET /admin/applications/{application}/groups`
pub async fn show_bindings(
    console: Console<ApplicationsRead>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    Queried(wanted): Queried<Wanted>,
) -> Answer {
    let loaded = Loaded::of(&web, &application).await?;
    let mut shell = loaded.shell(&web, &console.person, "groups").await;
    shell.toast = frame::toast(wanted.done.as_deref());
    draw(&web, &loaded, shell, &wanted.person, StatusCode::OK).await
}

async fn draw(web: &Web, loaded: &Loaded, shell: Shell, person: &str, status: StatusCode) -> Answer {
    let verdict =
        if person.trim().is_empty() { None } else { Some(judge(web, loaded, person.trim()).await?) };
    let bound: Vec<BoundGroup> = loaded.bound.iter().map(|group| bound_row(loaded, group)).collect();
    let count = i64::try_from(bound.len()).unwrap_or(i64::MAX);
    let summary = format!("{}, {}", shown::counted(count, "group", "groups"), shown::people(loaded.people));
    html(
        status,
        &ApplicationGroupsPage {
            app: loaded.head(web, Tab::Groups),
            summary,
            bindable: bindable(web, loaded).await?,
            bound,
            person: person.to_owned(),
            verdict,
            shell,
        },
    )
}

fn bound_row(loaded: &Loaded, group: &crate::applications::overview::BoundGroup) -> BoundGroup {
    BoundGroup {
        group: Link::new(group.name.as_str(), urls::admin_group(&group.id.to_string())),
        description: group.description.clone(),
        people: shown::number(group.people),
        since: time::day(group.since),
        unbind: Decision {
            id: format!("unbind-{}", group.id),
            action: urls::admin_unbind(&loaded.id(), &group.id.to_string()),
            cancel_href: urls::admin_bindings(&loaded.id()),
            ..unbinding(&loaded.application.label, &group.name, group.people)
        },
    }
}

/// Unbinding a group from an application, without its addresses.
#[must_use]
pub fn unbinding(application: &str, group: &str, people: i64) -> Decision {
    Decision {
        button: "Unbind…".to_owned(),
        button_label: format!("Unbind {group} from {application}"),
        title: format!("Unbind {group} from {application}?"),
        effects: vec![
            format!(
                "Takes {application} away from {} at once, except from those who are in another bound group.",
                shown::people(people)
            ),
            format!(
                "With identity management, their accounts in {application} are set inactive. Without it, accounts and work there stay as they are."
            ),
        ],
        confirm: format!("Unbind {group}"),
        cancel: "Keep it bound".to_owned(),
        destroys: true,
        ..Decision::default()
    }
}

/// The groups that could be bound, the first 200 by name; any other is bound from its own page.
async fn bindable(web: &Web, loaded: &Loaded) -> Result<Vec<Choice>, Failure> {
    let request = PageRequest { limit: MAX_LIMIT, after: None };
    let all = groups::list(&web.installation.db, None, &request).await?;
    let mut choices: Vec<Choice> = all
        .items
        .iter()
        .filter(|group| loaded.bound.iter().all(|bound| bound.id != group.id))
        .map(|group| {
            let label = format!("{} ({})", group.name, shown::number(group.member_count));
            Choice::new(group.id.to_string(), label, false)
        })
        .collect();
    if !choices.is_empty() {
        choices.insert(0, Choice::new("", "Choose a group", true));
    }
    Ok(choices)
}

/// Whether this person can sign in now, and by which group or why not.
async fn judge(web: &Web, loaded: &Loaded, name: &str) -> Result<Verdict, Failure> {
    let installation = &web.installation;
    let label = loaded.application.label.as_str();
    let unknown = || Verdict {
        yes: false,
        title: "There is nobody of that name".to_owned(),
        reason: Sentence { pieces: vec![Piece::plain("Give a username or an e-mail address, whole.")] },
    };
    let found = people::find_by_login_name(&mut installation.db.reader(), name).await?;
    let Some(person) = found else { return Ok(unknown()) };
    let epochs = installation.epochs().await?;
    let target = target::load(installation, epochs, &loaded.application.slug).await?;
    let subject = subject::load(installation, epochs, person.id).await?;
    let (Some(target), Some(subject)) = (target, subject) else { return Ok(unknown()) };
    let who = person.shown_name();
    let through: Vec<&str> = subject
        .groups
        .iter()
        .filter(|(id, _)| target.bound.contains(id))
        .map(|(_, name)| name.as_str())
        .collect();
    let reason = |text: String| Sentence { pieces: vec![Piece::plain(text)] };
    Ok(match authorise(&target, &subject) {
        Ok(_) => {
            let mut pieces = vec![Piece::plain("In ")];
            for (at, group) in through.iter().enumerate() {
                if at > 0 {
                    pieces.push(Piece::plain(" and in "));
                }
                pieces.push(Piece::strong(*group));
            }
            let end = if through.len() == 1 { "it" } else { "all of them" };
            pieces.push(Piece::plain(format!(". Unbinding {end} would end it.")));
            Verdict { yes: true, title: format!("Yes, {who} can open {label}"), reason: Sentence { pieces } }
        }
        Err(denied) => Verdict {
            yes: false,
            title: format!("No, {who} can’t open {label}"),
            reason: reason(match denied {
                Denied::NotActive if through.is_empty() => {
                    format!("{label} is not switched on, and no group of {who} is bound to it.")
                }
                Denied::NotActive => format!("{label} is not switched on. Activate it, and {who} can."),
                Denied::NotBound => format!("No group that {who} is in is bound to {label}."),
                Denied::PersonNotActive => format!("The account of {who} is not active."),
            }),
        },
    })
}

/// `POST /admin/applications/{application}/groups/bind`
pub async fn bind(
    console: Console<ApplicationsWrite>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let id: ApplicationId = frame::id(&application)?;
    let Ok(group) = posted.text("group").parse::<GroupId>() else {
        let loaded = Loaded::by_id(&web, id).await?;
        let mut shell = loaded.shell(&web, &console.person, "groups").await;
        let error = crate::base::Error::field("group", "required", "Choose the group to bind.");
        let status = frame::refuse(&mut shell, error)?;
        return draw(&web, &loaded, shell, "", status).await;
    };
    binding::bind(&web.installation.db, console.ctx(), id, group).await?;
    Ok(see_other(&Done::Bound.at(&urls::admin_bindings(&application))))
}

/// `POST /admin/applications/{application}/groups/{group}/unbind`
pub async fn unbind(
    console: Console<ApplicationsWrite>,
    State(web): State<Shared>,
    Path((application, group)): Path<(String, String)>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let (id, group_id): (ApplicationId, GroupId) = (frame::id(&application)?, frame::id(&group)?);
    if posted.confirmed() {
        binding::unbind(&web.installation.db, console.ctx(), id, group_id).await?;
        return Ok(see_other(&Done::Unbound.at(&urls::admin_bindings(&application))));
    }
    let loaded = Loaded::by_id(&web, id).await?;
    let bound = loaded.bound.iter().find(|bound| bound.id == group_id).ok_or_else(Failure::no_such_page)?;
    let decision = bound_row(&loaded, bound).unbind;
    let mut shell = loaded.shell(&web, &console.person, "groups").await;
    shell.title.clone_from(&decision.title);
    let crumbs = Crumbs {
        way: vec![
            Link::new("Applications", urls::admin_applications()),
            Link::new(loaded.application.label.as_str(), urls::admin_bindings(&application)),
        ],
        here: "Unbind".to_owned(),
    };
    html(StatusCode::OK, &ConfirmPage { shell, crumbs, decision, names: Vec::new() })
}
