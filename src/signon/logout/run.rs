//! A run: the service providers of one ended session, told one after another by top-level hops of one browser (hidden
//! frames fail where browsers keep cookies of other sites back), after those that can be told from server to server. Its
//! state lives in the database, counts only together
//! with the cookie of that browser, is bounded in time and length, and each leg is told once. Whoever comes back, or
//! waits for an answer that never comes, goes on from the page of the run.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::applications;
use crate::auth::{SessionView, session};
use crate::base::clock::MINUTE;
use crate::base::id::{ApplicationId, UserId};
use crate::base::{Ctx, Result, Timestamp};
use crate::db::epoch::Epochs;
use crate::db::{Db, Tx};
use crate::events::record;
use crate::saml::logout::LogoutResponse;
use crate::saml::status::Status;
use crate::signon::logout::hop::{self, AnswerBy};
use crate::signon::logout::leg::{self, Leg, LegState, event_of};
use crate::signon::logout::{Outcome, direct, end_in, respond};
use crate::signon::pending::hash;
use crate::signon::store::logout::{self as store, Joined};
use crate::signon::target::{self, Target};
use crate::signon::{Installation, receive::Visitor};

/// How long a run can be gone on with.
const LIFETIME: i64 = 30 * MINUTE;
/// Legs brought to their end in one sweep.
const MAX_STRANDED: i64 = 1000;

/// A run as stored.
#[derive(Clone, Debug)]
pub struct Run {
    /// Random; it counts only together with the browser's cookie.
    pub id: String,
    /// SHA-256 of that cookie.
    pub browser_hash: String,
    /// The application that asked; `None` when the person did.
    pub application: Option<ApplicationId>,
    /// ID of its request.
    pub request_id: Option<String>,
    /// Its RelayState.
    pub relay_state: Option<String>,
    /// Whom it means.
    pub user: Option<UserId>,
    /// How it is answered, if it wants to be and can be.
    pub answer_by: Option<AnswerBy>,
    /// When it began.
    pub begun_at: Timestamp,
    /// When it stops counting.
    pub expires_at: Timestamp,
    /// When it came to its end.
    pub ended_at: Option<Timestamp>,
}

impl Run {
    pub(super) fn of_browser(ctx: &Ctx, browser: &str) -> Self {
        Self {
            id: ctx.random.token(),
            browser_hash: hash(browser),
            application: None,
            request_id: None,
            relay_state: None,
            user: None,
            answer_by: None,
            begun_at: ctx.now(),
            expires_at: ctx.now().plus(LIFETIME),
            ended_at: None,
        }
    }
}

/// How a run stands, for its page.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The run; `None` when there is nothing to go on with.
    pub run: Option<String>,
    /// Name of the application that asked.
    pub asked_by: Option<String>,
    /// Whether that application can still be answered: the person goes back to it.
    pub answerable: bool,
    /// The service providers of this browser's session by name, in order.
    pub legs: Vec<(String, LegState)>,
    /// Whether there are others, of sessions in other browsers.
    pub elsewhere: bool,
    /// Whether somebody is signed in here nevertheless: another person, or again.
    pub signed_in: bool,
}

impl Progress {
    /// Whether one of them has been asked and has not answered.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.legs.iter().any(|(_, state)| *state == LegState::Asked)
    }

    /// Whether all that were to be told say that they are signed out.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.elsewhere && self.legs.iter().all(|(_, state)| *state == LegState::SignedOut)
    }
}

pub(super) async fn insert(tx: &mut Tx, ctx: &Ctx, run: &Run, legs: &[Leg]) -> Result<()> {
    store::insert_run(tx, run).await?;
    insert_legs(tx, ctx, &run.id, legs).await
}

async fn insert_legs(tx: &mut Tx, ctx: &Ctx, run: &str, legs: &[Leg]) -> Result<()> {
    for (position, leg) in (store::next_position(tx, run).await?..).zip(legs) {
        store::insert_leg(tx, run, position, leg).await?;
        if matches!(leg.state, LegState::Unreachable | LegState::Elsewhere) {
            record(tx, ctx, event_of(leg, leg.state)).await?;
        }
    }
    Ok(())
}

/// The run of this id, or without one the latest of this browser that is not at its end; only for the browser that it
/// belongs to, and in time.
async fn find(
    installation: &Installation,
    ctx: &Ctx,
    browser: &str,
    id: Option<&str>,
) -> Result<Option<Run>> {
    let mut reader = installation.db.reader();
    let run = match id {
        Some(id) if id.len() <= 64 => store::find_run(&mut reader, id).await?,
        Some(_) => None,
        None => store::find_open_run(&mut reader, &hash(browser), ctx.now()).await?,
    };
    Ok(run.filter(|run| run.browser_hash == hash(browser) && ctx.now() < run.expires_at))
}

/// Whether this browser has a sign-out to go on with.
pub async fn is_open(installation: &Installation, ctx: &Ctx, browser: &str) -> Result<bool> {
    find(installation, ctx, browser, None).await.map(|run| run.is_some())
}

/// Gives a run, which a form of another site began, to the browser that has now opened a page of ours; see
/// [`crate::signon::pending::hand_over`].
pub async fn hand_over(
    installation: &Installation,
    ctx: &Ctx,
    id: &str,
    hop_secret: &str,
    browser: &str,
) -> Result<()> {
    let Some(run) = find(installation, ctx, hop_secret, Some(id)).await? else { return Ok(()) };
    let mut tx = installation.db.begin().await?;
    store::set_run_browser(&mut tx, &run.id, &run.browser_hash, &hash(browser)).await?;
    tx.commit().await
}

/// What the person wants, at the page of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Go on: to the next service provider, or to the page.
    Next,
    /// Wait no longer for the one that does not answer.
    Skip,
    /// Ask that one again.
    Again,
    /// Go back to the application that asked, which is told the truth.
    Answer,
}

/// Goes on with a run. `Ok(None)`: there is none, for this browser.
///
/// `token`: that of the browser's session, which has ended by now. A service provider may end sessions of browsers other
/// than the one that brings its message; what the others know the person by is not led through that one.
pub async fn go_on(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    token: Option<&str>,
    id: Option<&str>,
    wish: Wish,
) -> Result<Option<Outcome>> {
    let Some(run) = find(installation, ctx, visitor.browser, id).await? else { return Ok(None) };
    let ended = end_own(installation, ctx, &run, visitor.session).await?;
    let mut legs = store::list_legs(&mut installation.db.reader(), &run.id).await?;
    if run.ended_at.is_none() {
        begin(installation, ctx, visitor, &run, &mut legs, token).await?;
        if let Wish::Skip | Wish::Again = wish {
            for leg in legs.iter_mut().filter(|leg| leg.state == LegState::Asked) {
                if wish == Wish::Skip {
                    set_state(installation, ctx, leg, LegState::NoAnswer).await?;
                } else {
                    renew(installation, ctx, leg).await?;
                }
            }
            // The answer may have come just before: then that counts.
            legs = store::list_legs(&mut installation.db.reader(), &run.id).await?;
            if wish == Wish::Again {
                let waiting = legs.iter_mut().filter(|leg| leg.state == LegState::Waiting);
                direct::tell_all(installation, ctx, visitor, waiting).await?;
            }
        }
        if legs.iter().all(|leg| leg.state != LegState::Asked)
            && let Some(sent) = send_next(installation, ctx, visitor, &mut legs).await?
        {
            return Ok(Some(sent));
        }
    }
    let asked_by = asked_by(installation, visitor.epochs, &run).await?;
    let mut progress = progress(installation, visitor.epochs, &run, asked_by.as_ref(), &legs).await?;
    progress.signed_in = visitor.session.is_some() && !ended;
    let over = run.ended_at.is_none() && !progress.is_waiting();
    match (asked_by, run.answer_by) {
        (Some(target), Some(by)) if over && (progress.is_complete() || wish == Wish::Answer) => {
            if !end(installation, ctx, &run).await? {
                return Ok(Some(Outcome::Progress(Box::new(Progress { answerable: false, ..progress }))));
            }
            let status = if progress.is_complete() { Status::Success } else { Status::PartialLogout };
            let request_id = run.request_id.unwrap_or_default();
            respond(installation, ctx, &target, by, &request_id, status, run.relay_state).await.map(Some)
        }
        (None, _) | (_, None) if over => {
            end(installation, ctx, &run).await?;
            Ok(Some(Outcome::Progress(Box::new(progress))))
        }
        _ => Ok(Some(Outcome::Progress(Box::new(progress)))),
    }
}

/// Ends the session that is open in this browser too, when a service provider wants its person signed out: it may know
/// them from a session before this one. Answers whether it did. One that began after the run stays.
async fn end_own(
    installation: &Installation,
    ctx: &Ctx,
    run: &Run,
    session: Option<&SessionView>,
) -> Result<bool> {
    let (Some(session), Some(application), None) = (session, run.application, run.ended_at) else {
        return Ok(false);
    };
    if run.user != Some(session.user_id) || session.created_at > run.begun_at {
        return Ok(false);
    }
    let mut tx = installation.db.begin().await?;
    let who = (session.user_id, session.username.clone());
    let others = end_in(&mut tx, ctx, application, &BTreeMap::from([(session.session_id, who)])).await?;
    let already = store::list_legs(&mut tx, &run.id).await?;
    let known = |other: &Joined| {
        let same = |leg: &Leg| leg.session == other.session && leg.application == other.application;
        already.iter().any(same)
    };
    let others = others.into_iter().filter(|other| !known(other)).collect();
    let legs = leg::legs_of(ctx, others, already.len(), run.application);
    insert_legs(&mut tx, ctx, &run.id, &legs).await?;
    tx.commit().await?;
    Ok(true)
}

/// At the beginning of a run, whoever can be told from server to server is told so. What belongs to sessions of other
/// browsers can be told in no other way: it is not led through this one, and whoever looks on does not learn what it is.
async fn begin(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    run: &Run,
    legs: &mut Vec<Leg>,
    token: Option<&str>,
) -> Result<()> {
    use LegState::{Direct, Elsewhere, SignedOut, Unreachable, Waiting};
    if legs.iter().any(|leg| !matches!(leg.state, Waiting | Unreachable | Elsewhere | Direct)) {
        return Ok(());
    }
    let own = match token {
        Some(token) => session::id_of(&mut installation.db.reader(), token).await?,
        None => None,
    };
    let is_own = |leg: &Leg| run.application.is_none() || own == Some(leg.session);
    let mut to_tell = Vec::new();
    for leg in legs.iter_mut() {
        // Of two tabs, the one that has moved a leg tells it.
        let is_ours = match leg.state {
            Waiting if is_own(leg) => true,
            Waiting => set_state(installation, ctx, leg, Direct).await?,
            // Somebody went away while it was told: it is told anew, by another message.
            Direct => rename(installation, ctx, leg).await?,
            Unreachable if !is_own(leg) => {
                set_state(installation, ctx, leg, Elsewhere).await?;
                false
            }
            _ => false,
        };
        if is_ours {
            to_tell.push(leg);
        }
    }
    direct::tell_all(installation, ctx, visitor, to_tell.into_iter()).await?;
    legs.retain(|leg| is_own(leg) || leg.state != SignedOut);
    Ok(())
}

/// The whole of a run without a browser: answers whether all are signed out.
pub(super) async fn go_through(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    run: &Run,
    legs: &mut [Leg],
) -> Result<bool> {
    let waiting = legs.iter_mut().filter(|leg| leg.state == LegState::Waiting);
    direct::tell_all(installation, ctx, visitor, waiting).await?;
    for leg in legs.iter_mut().filter(|leg| leg.state == LegState::Waiting) {
        set_state(installation, ctx, leg, LegState::Unreachable).await?;
    }
    end(installation, ctx, run).await?;
    Ok(legs.iter().all(|leg| leg.state == LegState::SignedOut))
}

/// Whether it was not at its end before.
async fn end(installation: &Installation, ctx: &Ctx, run: &Run) -> Result<bool> {
    let mut tx = installation.db.begin().await?;
    let ended = store::end_run(&mut tx, &run.id, ctx.now()).await? == 1;
    tx.commit().await?;
    Ok(ended)
}

/// The application of this id, if people can use it.
pub(super) async fn usable(
    installation: &Installation,
    epochs: Epochs,
    id: ApplicationId,
) -> Result<(String, Option<Arc<Target>>)> {
    let mut reader = installation.db.reader();
    let Some(slug) = applications::slug_of(&mut reader, id).await? else { return Ok((String::new(), None)) };
    let Some(target) = target::load(installation, epochs, &slug).await? else {
        return Ok((String::new(), None));
    };
    let label = target.application.label.clone();
    let is_usable = target.application.is_active() && target.is_complete();
    Ok((label, Some(target).filter(|_| is_usable)))
}

async fn asked_by(installation: &Installation, epochs: Epochs, run: &Run) -> Result<Option<Arc<Target>>> {
    match run.application {
        Some(id) => Ok(usable(installation, epochs, id).await?.1),
        None => Ok(None),
    }
}

async fn progress(
    installation: &Installation,
    epochs: Epochs,
    run: &Run,
    asked_by: Option<&Arc<Target>>,
    legs: &[Leg],
) -> Result<Progress> {
    let mut named = Vec::with_capacity(legs.len());
    let here = legs.iter().filter(|leg| !leg.state.is_hidden());
    let elsewhere = here.clone().count() < legs.len();
    for leg in here {
        named.push((usable(installation, epochs, leg.application).await?.0, leg.state));
    }
    Ok(Progress {
        run: Some(run.id.clone()),
        asked_by: asked_by.map(|target| target.application.label.clone()),
        answerable: asked_by.is_some() && run.answer_by.is_some() && run.ended_at.is_none(),
        legs: named,
        elsewhere,
        signed_in: false,
    })
}

/// Moves a leg, if it is still where it was read, with the event of what became of it; answers whether it was moved.
pub(super) async fn set_state(
    installation: &Installation,
    ctx: &Ctx,
    leg: &mut Leg,
    to: LegState,
) -> Result<bool> {
    let mut tx = installation.db.begin().await?;
    let moved = store::move_leg(&mut tx, &leg.request_id, leg.state, to).await? == 1;
    let is_over = !matches!(to, LegState::Waiting | LegState::Asked | LegState::Direct);
    if moved && is_over && leg.state != LegState::Unreachable {
        record(&mut tx, ctx, event_of(leg, to)).await?;
    }
    if moved && to == LegState::SignedOut {
        store::end_sp_sessions(&mut tx, leg.session, leg.application, &leg.name_id, ctx.now()).await?;
    }
    tx.commit().await?;
    leg.state = to;
    Ok(moved)
}

/// Forgets a leg of another browser that is signed out, with its event: there is nothing left to be said of it here.
pub(super) async fn forget(installation: &Installation, ctx: &Ctx, leg: &mut Leg) -> Result<()> {
    let mut tx = installation.db.begin().await?;
    if store::delete_leg(&mut tx, &leg.request_id).await? == 1 {
        record(&mut tx, ctx, event_of(leg, LegState::SignedOut)).await?;
    }
    store::end_sp_sessions(&mut tx, leg.session, leg.application, &leg.name_id, ctx.now()).await?;
    tx.commit().await?;
    leg.state = LegState::SignedOut;
    Ok(())
}

/// Lets a service provider that has not answered be asked again, by a message with another ID (Core 1.3.4).
pub(super) async fn renew(installation: &Installation, ctx: &Ctx, leg: &mut Leg) -> Result<()> {
    let fresh = ctx.random.saml_id();
    let mut tx = installation.db.begin().await?;
    let renewed = store::renew_leg(&mut tx, &leg.request_id, &fresh).await? == 1;
    tx.commit().await?;
    if renewed {
        (leg.request_id, leg.state) = (fresh, LegState::Waiting);
    }
    Ok(())
}

async fn rename(installation: &Installation, ctx: &Ctx, leg: &mut Leg) -> Result<bool> {
    let fresh = ctx.random.saml_id();
    let mut tx = installation.db.begin().await?;
    let renamed = store::rename_leg(&mut tx, &leg.request_id, &fresh).await? == 1;
    tx.commit().await?;
    if renamed {
        leg.request_id = fresh;
    }
    Ok(renamed)
}

/// A leg of another browser could not be told: what it came to stands in its event, and nothing of it on a page.
pub(super) async fn leave(
    installation: &Installation,
    ctx: &Ctx,
    leg: &mut Leg,
    came_to: LegState,
) -> Result<()> {
    let mut tx = installation.db.begin().await?;
    if store::move_leg(&mut tx, &leg.request_id, leg.state, LegState::Elsewhere).await? == 1 {
        record(&mut tx, ctx, event_of(leg, came_to)).await?;
    }
    tx.commit().await?;
    leg.state = LegState::Elsewhere;
    Ok(())
}

/// Brings runs that nobody went on with to their end: what was not told is said in events. Then forgets them.
pub async fn sweep(db: &Db, ctx: &Ctx) -> Result<()> {
    let stranded = store::list_stranded(&mut db.reader(), ctx.now(), MAX_STRANDED).await?;
    let mut tx = db.begin().await?;
    for leg in &stranded {
        let to = match leg.state {
            LegState::Asked => LegState::NoAnswer,
            LegState::Direct => LegState::Elsewhere,
            _ => LegState::Unreachable,
        };
        if store::move_leg(&mut tx, &leg.request_id, leg.state, to).await? == 1 {
            record(&mut tx, ctx, event_of(leg, to)).await?;
        }
    }
    store::delete_expired_runs(&mut tx, ctx.now()).await?;
    tx.commit().await
}

/// Sends the browser to the first service provider that has not been told; those that can't be are passed over.
async fn send_next(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    legs: &mut [Leg],
) -> Result<Option<Outcome>> {
    for leg in legs.iter_mut().filter(|leg| leg.state == LegState::Waiting) {
        let (_, target) = usable(installation, visitor.epochs, leg.application).await?;
        let target = target.filter(|target| hop::can_be_named_to(target, leg, ctx.now()));
        let Some((target, by, url)) = target.and_then(hop::reachable) else {
            set_state(installation, ctx, leg, LegState::Unreachable).await?;
            continue;
        };
        // Another tab of this browser has gone on meanwhile: its page is the one that counts.
        if !set_state(installation, ctx, leg, LegState::Asked).await? {
            return Ok(None);
        }
        return hop::request(installation, ctx, &target, by, url, leg).await.map(Some);
    }
    Ok(None)
}

/// Notes what a service provider answers; the run to go on with, or `None` when it was not asked or the run is over.
pub(super) async fn note_answer(
    installation: &Installation,
    ctx: &Ctx,
    target: &Target,
    response: &LogoutResponse,
) -> Result<Option<String>> {
    let application = target.application.id;
    let mut reader = installation.db.reader();
    let Some(mut leg) = store::find_leg(&mut reader, application, &response.in_response_to).await? else {
        return Ok(None);
    };
    let run = store::find_run(&mut reader, &leg.run).await?;
    let Some(run) = run.filter(|run| ctx.now() < run.expires_at) else {
        return Ok(None);
    };
    // A late answer still tells how it stands. A second one tells nothing new: the page was loaded again.
    match leg.state {
        LegState::Asked | LegState::NoAnswer => {
            let to = if response.is_success { LegState::SignedOut } else { LegState::Failed };
            set_state(installation, ctx, &mut leg, to).await?;
            Ok(Some(run.id))
        }
        LegState::SignedOut | LegState::Failed => Ok(Some(run.id)),
        LegState::Waiting | LegState::Unreachable | LegState::Elsewhere | LegState::Direct => Ok(None),
    }
}
