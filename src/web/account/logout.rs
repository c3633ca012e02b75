//! Signing out, and how it stands with the applications: the session here ends at once, then each application is told
//! in turn. Whoever comes back to `/logout` goes on where the browser left off.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use serde::Deserialize;

use crate::auth::session;
use crate::base::{Error, Kind, urls};
use crate::signon::logout::leg::LegState;
use crate::signon::logout::run::{Progress, Wish, go_on, hand_over};
use crate::signon::logout::sign_out;
use crate::web::context::Notes;
use crate::web::error::{Answer, Failure};
use crate::web::extract::body::{GateForm, Queried, SignedForm};
use crate::web::extract::{Gate, Person};
use crate::web::pages::logout::{LogoutLeg, LogoutPage};
use crate::web::pages::{SignedOutPage, parts::Tone};
use crate::web::render::{html, page, see_other};
use crate::web::saml::endpoint::visitor;
use crate::web::saml::logout::{show, with_run};
use crate::web::state::{Shared, Web};

/// What the buttons post.
#[derive(Deserialize)]
pub(super) struct Leaving {
    /// Whether only Tessera is to be left.
    #[serde(default)]
    only: Option<String>,
}

/// `POST /logout`: the session ends at once; unless *only* is said, the applications of the session are told.
pub(super) async fn sign_out_here(
    person: Person,
    State(web): State<Shared>,
    Extension(notes): Extension<Notes>,
    headers: HeaderMap,
    SignedForm(form): SignedForm<Leaving>,
) -> Answer {
    let installation = &web.installation;
    let session = &person.live.session;
    let run = if form.only.is_some() {
        session::sign_out(&installation.db, &person.ctx, session).await?;
        None
    } else {
        let browser = web.cookies.browser(&headers).unwrap_or_else(|| {
            let secret = person.ctx.random.token();
            notes.set_cookie(web.cookies.set_browser(&secret));
            secret
        });
        sign_out(installation, &person.ctx, session, &browser).await?
    };
    notes.set_cookie(web.cookies.clear_session());
    if let Some(run) = run {
        return Ok(see_other(&with_run(&run)));
    }
    let mut shell = web.shell_of_nobody("You are signed out").await;
    shell.theme = web.cookies.theme(&headers);
    page(&SignedOutPage { shell })
}

/// The query of the page of a run.
#[derive(Deserialize)]
pub(super) struct Going {
    #[serde(default)]
    run: Option<String>,
}

/// `GET /logout`: goes on with a run, the one named or the latest of this browser.
pub(super) async fn show_logout(
    gate: Gate,
    Extension(notes): Extension<Notes>,
    State(web): State<Shared>,
    Queried(going): Queried<Going>,
    method: Method,
) -> Answer {
    // Who only asks for the head must not use up the one hop to an application.
    if method != Method::GET {
        return Err(Failure::wrong_method());
    }
    if let Some(run) = &going.run
        && let Some(secret) = gate.hop(&web, run)
    {
        hand_over(&web.installation, &gate.ctx, run, &secret, &gate.browser).await?;
        notes.set_cookie(web.cookies.clear_hop(run));
    }
    step(&web, &gate, going.run.as_deref(), Wish::Next).await
}

/// The form of the page of a run.
#[derive(Deserialize)]
pub(super) struct Next {
    run: String,
    wish: String,
}

/// `POST /logout/next`: what the person wants at the page of a run.
pub(super) async fn go_on_with_logout(
    gate: Gate,
    State(web): State<Shared>,
    GateForm(next): GateForm<Next>,
) -> Answer {
    let wish = match next.wish.as_str() {
        "skip" => Wish::Skip,
        "again" => Wish::Again,
        "answer" => Wish::Answer,
        _ => Wish::Next,
    };
    step(&web, &gate, Some(&next.run), wish).await
}

async fn step(web: &Web, gate: &Gate, run: Option<&str>, wish: Wish) -> Answer {
    let installation = &web.installation;
    let visitor = visitor(gate, gate.epochs);
    let token = gate.session_token(web);
    match go_on(installation, &gate.ctx, visitor, token.as_deref(), run, wish).await? {
        Some(outcome) => show(web, gate, "", outcome).await,
        None if run.is_none() => Ok(see_other(urls::portal())),
        None => Err(Error::new(
            Kind::Gone,
            "logout_expired",
            "This sign-out can't be continued: it is too old, or began in another browser. Close the applications that you still have open yourself.",
        )
        .into()),
    }
}

/// How a run stands, in words.
pub(in crate::web) async fn show_progress(web: &Web, gate: &Gate, progress: Progress) -> Answer {
    let waiting = progress.is_waiting();
    let title = if waiting { "Signing you out" } else { "You are signed out of Tessera" };
    let waits_for =
        progress.legs.iter().find(|(_, state)| *state == LegState::Asked).map(|(label, _)| label.clone());
    let legs: Vec<LogoutLeg> = progress
        .legs
        .iter()
        .map(|(application, state)| {
            let (text, tone) = in_words(*state, waiting);
            LogoutLeg { application: application.clone(), state: text, tone }
        })
        .chain(progress.elsewhere.then(|| {
            let (text, tone) = in_words(LegState::Elsewhere, waiting);
            LogoutLeg { application: "Applications in another browser".to_owned(), state: text, tone }
        }))
        .collect();
    let complete = progress.is_complete();
    html(
        StatusCode::OK,
        &LogoutPage {
            shell: gate.shell(web, title).await,
            heading: title.to_owned(),
            legs,
            run: progress.run.unwrap_or_default(),
            waits_for,
            complete,
            asked_by: progress.asked_by.unwrap_or_default(),
            answerable: progress.answerable && !waiting,
            signed_in: progress.signed_in,
        },
    )
}

fn in_words(state: LegState, waiting: bool) -> (&'static str, Tone) {
    match state {
        LegState::Waiting if waiting => ("Comes next", Tone::Info),
        LegState::Waiting => ("Was not told: sign out there yourself", Tone::Warn),
        LegState::Asked => ("Has not answered yet", Tone::Info),
        LegState::SignedOut => ("Signed out", Tone::Ok),
        LegState::Failed => ("Could not sign you out: sign out there yourself", Tone::Warn),
        LegState::NoAnswer => ("Did not answer: sign out there yourself", Tone::Warn),
        LegState::Elsewhere | LegState::Direct => {
            ("Can’t be told from here: sign out there yourself", Tone::Warn)
        }
        LegState::Unreachable => ("Can’t be told: sign out there yourself", Tone::Warn),
    }
}
