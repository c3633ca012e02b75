//! API tokens: making one, shown once, and revoking.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use secrecy::ExposeSecret as _;

use crate::auth::api_token::{self, ApiToken, NewApiToken};
use crate::auth::{Permission, Role};
use crate::base::clock::DAY;
use crate::base::id::{TokenId, UserId};
use crate::base::paging::{MAX_LIMIT, PageRequest};
use crate::base::{Error, Timestamp, urls};
use crate::directory::people;
use crate::web::admin::frame::{self, After, Done};
use crate::web::admin::posted::Posted;
use crate::web::admin::step_up::{Asked, require_fresh};
use crate::web::context::Notes;
use crate::web::error::{Answer, Failure};
use crate::web::extract::permission::{TokensManage, TokensRead};
use crate::web::extract::{Console, Fresh, Person, Queried, SignedForm};
use crate::web::pages::parts::{Choice, Crumbs, Decision, Link, Status, Tone};
use crate::web::pages::settings::{TokenRow, TokensPage};
use crate::web::pages::shell::{Nav, Shell};
use crate::web::pages::{ConfirmPage, ShownOncePage};
use crate::web::shown::{person as show, time};
use crate::web::state::{Shared, Web};
use crate::web::{html, page, see_other};

/// Lifetimes that are offered, in days.
const LIFETIMES: &[(u32, &str)] =
    &[(7, "In 7 days"), (30, "In 30 days"), (90, "In 90 days"), (365, "In a year")];

/// `GET /admin/tokens`
pub async fn list_tokens(
    console: Console<TokensRead>,
    State(web): State<Shared>,
    Queried(after): Queried<After>,
) -> Answer {
    let mut shell = shell(&web, &console.person).await;
    shell.toast = frame::toast(after.done.as_deref());
    draw(&web, &console.person, shell, None, StatusCode::OK).await
}

async fn shell(web: &Web, viewer: &Person) -> Shell {
    frame::shell(web, viewer, "API tokens", Nav::Tokens, Permission::TokensManage).await
}

async fn draw(
    web: &Web,
    viewer: &Person,
    shell: Shell,
    typed: Option<&Posted>,
    status: StatusCode,
) -> Answer {
    let db = &web.installation.db;
    let now = viewer.ctx.now();
    let request = PageRequest { limit: MAX_LIMIT, after: None };
    let tokens = api_token::list(db, &request).await?.items;
    let mut makers: HashMap<UserId, String> = HashMap::new();
    for id in tokens.iter().filter_map(|token| token.created_by) {
        if let Entry::Vacant(unknown) = makers.entry(id) {
            let person = people::find(&mut db.reader(), id).await?;
            unknown
                .insert(person.map_or_else(|| "a deleted person".to_owned(), |person| person.shown_name()));
        }
    }
    let maker = |token: &ApiToken| match token.created_by {
        Some(id) => makers.get(&id).cloned().unwrap_or_default(),
        None => "the command line".to_owned(),
    };
    let role = typed.map_or("auditor", |posted| posted.text("role"));
    let days = typed.map_or("90", |posted| posted.text("expires_days"));
    let own = viewer.role();
    let page = TokensPage {
        shell,
        rows: tokens.iter().map(|token| row(token, maker(token), now)).collect(),
        name: typed.map(|posted| posted.owned("name")).unwrap_or_default(),
        roles: Role::ALL
            .iter()
            .rev()
            .filter(|given| own.is_some_and(|own| own.covers(**given)))
            .map(|given| Choice::new(given.as_str(), what_it_may(*given), given.as_str() == role))
            .collect(),
        lifetimes: LIFETIMES
            .iter()
            .map(|(count, label)| Choice::new(count.to_string(), *label, count.to_string() == days))
            .collect(),
    };
    html(status, &page)
}

fn what_it_may(role: Role) -> &'static str {
    match role {
        Role::Owner => "Do everything (owner)",
        Role::ApplicationAdmin => "Change applications (application admin)",
        Role::Auditor => "Read (auditor)",
        Role::Scim => "Fill the directory over SCIM (scim)",
    }
}

fn row(token: &ApiToken, made_by: String, now: Timestamp) -> TokenRow {
    let ended = token.revoked_at.is_some() || now >= token.expires_at;
    let status = match token.revoked_at {
        Some(_) => Status::new(Tone::Off, "Revoked"),
        None if ended => Status::new(Tone::Off, "Ended"),
        None if token.expires_at.since(now) < 7 * DAY => Status::new(Tone::Warn, "Ends soon"),
        None => Status::new(Tone::Ok, "Active"),
    };
    TokenRow {
        name: token.name.clone(),
        hint: format!("…{}", token.last_four),
        role: show::role(Some(token.role)),
        made_by,
        made: time::when(token.created_at, now),
        used: time::when_ever(token.last_used_at, now),
        status,
        ends: time::day(token.expires_at),
        revocation: (!ended).then(|| revocation(token)),
    }
}

fn revocation(token: &ApiToken) -> Decision {
    let name = &token.name;
    Decision {
        id: format!("revoke-{}", token.id),
        action: urls::admin_token_revoke(&token.id.to_string()),
        button: "Revoke…".to_owned(),
        button_label: format!("Revoke {name}"),
        title: format!("Revoke the token {name}?"),
        effects: vec![
            "Programs that use it are refused at once, and so are those that use tokens made with it."
                .to_owned(),
            "It can’t be had back.".to_owned(),
        ],
        confirm: format!("Revoke {name}"),
        cancel: "Keep it".to_owned(),
        cancel_href: urls::admin_tokens().to_owned(),
        destroys: true,
        ..Decision::default()
    }
}

/// `POST /admin/tokens`: the password is asked for again when it is older than 5 minutes, and what was typed is kept.
pub async fn create_token(
    console: Console<TokensManage>,
    State(web): State<Shared>,
    Extension(notes): Extension<Notes>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let asked = Asked {
        action: urls::admin_tokens(),
        reason: "You are about to make a token that acts in your name.".to_owned(),
        cancel_href: urls::admin_tokens().to_owned(),
    };
    require_fresh(&web, &console.person, &notes, &posted, asked).await?;
    let made = match read(&posted) {
        Ok(new) => api_token::create(&web.installation.db, console.ctx(), new).await,
        Err(error) => Err(error),
    };
    let made = match made {
        Ok(made) => made,
        Err(mut error) => {
            for field in error.fields.iter_mut().filter(|field| field.field == "expires_in_days") {
                "expires_days".clone_into(&mut field.field);
            }
            let mut shell = shell(&web, &console.person).await;
            let status = frame::refuse(&mut shell, error)?;
            return draw(&web, &console.person, shell, Some(&posted), status).await;
        }
    };
    let mut shell = shell(&web, &console.person).await;
    shell.title = format!("The token {}", made.api_token.name);
    page(&ShownOncePage {
        shell,
        crumbs: Crumbs {
            way: vec![Link::new("API tokens", urls::admin_tokens())],
            here: made.api_token.name.clone(),
        },
        lead: lead(&web, &made.api_token),
        label: "API token".to_owned(),
        secret: made.token.expose_secret().to_owned(),
        done_href: urls::admin_tokens().to_owned(),
    })
}

fn lead(web: &Web, token: &ApiToken) -> String {
    let ends = time::date(token.expires_at);
    let lead = format!("Copy it now: it is not shown again. It ends on {ends}.");
    if token.role != Role::Scim {
        return lead;
    }
    let address = web.installation.base_url.join(urls::scim());
    format!("{lead} The system that fills the directory takes {address} as the base URL.")
}

fn read(posted: &Posted) -> Result<NewApiToken, Error> {
    let days = posted
        .text("expires_days")
        .parse::<u32>()
        .map_err(|_| Error::field("expires_days", "unknown_value", "Choose when it ends from the list."))?;
    Ok(NewApiToken {
        name: posted.owned("name"),
        role: Some(posted.owned("role")),
        expires_in_days: Some(days),
    })
}

/// `POST /admin/tokens/{token}/revoke`: asks first unless `confirmed`.
pub async fn revoke_token(
    console: Fresh<TokensManage>,
    State(web): State<Shared>,
    Path(token): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let id: TokenId = frame::id(&token)?;
    let db = &web.installation.db;
    if posted.confirmed() {
        api_token::revoke(db, console.ctx(), id).await?;
        return Ok(see_other(&Done::Revoked.at(urls::admin_tokens())));
    }
    let request = PageRequest { limit: MAX_LIMIT, after: None };
    let tokens = api_token::list(db, &request).await?.items;
    let token = tokens.iter().find(|token| token.id == id).ok_or_else(Failure::no_such_page)?;
    let decision = revocation(token);
    let mut shell = shell(&web, &console.person).await;
    shell.title.clone_from(&decision.title);
    let crumbs =
        Crumbs { way: vec![Link::new("API tokens", urls::admin_tokens())], here: "Revoke".to_owned() };
    page(&ConfirmPage { shell, crumbs, decision, names: Vec::new() })
}
