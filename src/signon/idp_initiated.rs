//! IdP-initiated sign-on: a tile, a bookmark, or a link to the IdP URL. A visit from elsewhere never issues by
//! itself: the person is asked first (decision 1, A-16).

use std::sync::Arc;

use crate::applications::model::Kind as ApplicationKind;
use crate::auth::SessionView;
use crate::base::{Ctx, Kind, Result};
use crate::catalog::sso::IdpInitiated;
use crate::db::epoch::Epochs;
use crate::db::group_commit::Step;
use crate::events::{self, Event, EventName};
use crate::metrics::{Initiator, SignonOutcome};
use crate::signon::issue::{Asked, Authorized, already_answered, authorise, deny, issue, subject_of};
use crate::signon::outcome::Outcome;
use crate::signon::pending::{self, Pending, Waiting};
use crate::signon::receive::{Trail, Visitor, find_target_of, keep, noted};
use crate::signon::target::Target;
use crate::signon::{Installation, admission, refusal, store};

/// How somebody came to the IdP URL without a request.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    /// RelayState of the link.
    pub relay_state: Option<&'a str>,
    /// Ask before going on: the visit may have been caused by another site, and was not confirmed.
    pub ask_first: bool,
    /// The person has been asked already, on a page of ours.
    pub confirmed: bool,
}

/// Somebody came to the IdP URL without a request.
pub async fn visit(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    slug: &str,
    visit: Visit<'_>,
) -> Result<Outcome> {
    let mut trail = Trail::default();
    let outcome = come(installation, ctx, visitor, slug, visit, &mut trail).await;
    let outcome = keep(installation, ctx, visitor, &trail, None, outcome);
    noted(installation, ctx, visitor, slug, outcome).await
}

async fn come(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    slug: &str,
    visit: Visit<'_>,
    trail: &mut Trail,
) -> Result<Outcome> {
    admission::at_the_door(installation, ctx, visitor).await?;
    let target = match find_target_of(installation, ctx, visitor, slug, trail).await? {
        Ok(target) => target,
        Err(outcome) => return Ok(outcome),
    };
    let allowed =
        |state: &&str| target.settings.as_ref().is_some_and(|settings| settings.allows_relay_state(state));
    let ask_first = !visit.confirmed && (visit.ask_first || always_asks(&target));
    let visit = Visit { relay_state: visit.relay_state.filter(allowed), ask_first, ..visit };
    if let Some(session) = visitor.session {
        return go_on(installation, ctx, visitor.epochs, &target, session, visit, None).await;
    }
    let waiting =
        Waiting::IdpInitiated { relay_state: visit.relay_state.map(str::to_owned), confirm: visit.ask_first };
    let handle =
        pending::park(installation, ctx, target.application.id, visitor.browser, &waiting, None).await?;
    Ok(Outcome::SignIn { handle })
}

/// Goes on for a person who is signed in.
pub async fn go_on(
    installation: &Installation,
    ctx: &Ctx,
    epochs: Epochs,
    target: &Arc<Target>,
    session: &SessionView,
    visit: Visit<'_>,
    pending: Option<&Pending>,
) -> Result<Outcome> {
    let subject = subject_of(installation, epochs, session).await?;
    let authorized = match authorise(target, &subject) {
        Ok(authorized) => authorized,
        Err(denied) => return deny(installation, ctx, target, denied, None).await,
    };
    let label = target.application.label.clone();
    let consume = pending.map(|pending| pending.handle_hash.as_str());
    let starts_elsewhere = match target.application.kind {
        ApplicationKind::Bookmark => target.application.bookmark_url.clone(),
        ApplicationKind::Saml => target.settings()?.login_url.clone(),
    };
    if let Some(url) = starts_elsewhere {
        if visit.ask_first {
            // Another site must not open anything in the person's name.
            return Ok(Outcome::Confirm { label, relay_state: None });
        }
        note_opened(installation, ctx, &authorized, consume).await?;
        return Ok(Outcome::HandOver { label, url });
    }
    let settings = target.settings()?;
    match settings.idp_initiated {
        IdpInitiated::Off => {
            let message = format!("{label} must be opened from its own sign-in page. Go there and sign in.");
            let refused = refusal::own(Kind::Forbidden, "idp_initiated_off", message, Some(&label));
            let id = Some(target.application.id);
            installation.metrics.signon(Initiator::Idp, SignonOutcome::Refused);
            refusal::note(installation, ctx, true, refused.code, id).await?;
            return Ok(Outcome::Refused(refused));
        }
        IdpInitiated::On | IdpInitiated::Confirm if visit.ask_first => {}
        IdpInitiated::On | IdpInitiated::Confirm => {
            let relay_state = visit.relay_state.or(settings.default_relay_state.as_deref());
            let asked = Asked { relay_state, consume, ..Asked::default() };
            return issue(installation, ctx, &authorized, session, asked).await;
        }
    }
    Ok(Outcome::Confirm { label, relay_state: visit.relay_state.map(str::to_owned) })
}

/// Whether a visit from this very site is asked about too.
fn always_asks(target: &Target) -> bool {
    target.settings.as_ref().is_some_and(|settings| settings.idp_initiated == IdpInitiated::Confirm)
}

/// A bookmark or login URL is opened: nothing is issued, but the event and the last use are kept.
async fn note_opened(
    installation: &Installation,
    ctx: &Ctx,
    authorized: &Authorized,
    consume: Option<&str>,
) -> Result<()> {
    let application = &authorized.target().application;
    let mut steps = Vec::new();
    if let Some(handle_hash) = consume {
        steps.push(Step::One(store::consume_pending(handle_hash, ctx.now()), already_answered));
    }
    let event = Event::new(EventName::ApplicationOpen)
        .target("application", application.id, application.label.as_str())
        .application(application.id)
        .personal("by_group", authorized.by_group());
    steps.extend(events::steps(ctx, event)?);
    let last_use = store::touch_last_use(authorized.subject().person.id, application.id, ctx.now());
    steps.push(Step::Latest(last_use, 2));
    installation.commits.write(steps).await
}
