//! The legs of a run: one for each service provider that has to be told, and how it stands with it.

use crate::base::Ctx;
use crate::base::id::{ApplicationId, SessionId};
use crate::base::vocabulary::vocabulary;
use crate::events::{Event, EventName, Outcome as EventOutcome};
use crate::signon::store::logout::Joined;

/// Service providers that a browser is led to in one run (SLO-503); the others are named as not told.
const MAX_HOPS: usize = 30;
/// Session indexes in one LogoutRequest.
const MAX_INDEXES: usize = 50;

vocabulary! {
    /// How it stands with one service provider.
    LegState {
        /// Not told yet.
        #[default]
        Waiting = "waiting",
        /// The browser was sent there, and has not come back.
        Asked = "asked",
        /// It says that its session has ended.
        SignedOut = "signed_out",
        /// It says that it could not end its session.
        Failed = "failed",
        /// It never answered.
        NoAnswer = "no_answer",
        /// It has no address to be told at, or is not in use any more.
        Unreachable = "unreachable",
    }
}

/// One service provider of a run, as stored.
#[derive(Clone, Debug)]
pub struct Leg {
    /// The run.
    pub run: String,
    /// The application.
    pub application: ApplicationId,
    /// The session here that it belongs to.
    pub session: SessionId,
    /// The NameID there.
    pub name_id: String,
    /// Short name of its format.
    pub name_id_format: String,
    /// The sessions there.
    pub session_indexes: Vec<String>,
    /// ID of our LogoutRequest.
    pub request_id: String,
    /// How it stands.
    pub state: LegState,
}

/// The legs to sessions at service providers: one for each application, name and session here.
pub(super) fn legs_of(ctx: &Ctx, sessions: Vec<Joined>) -> Vec<Leg> {
    let mut legs: Vec<Leg> = Vec::new();
    for session in sessions {
        let same = |leg: &&mut Leg| {
            leg.application == session.application
                && leg.session == session.session
                && leg.name_id == session.name_id
                && leg.name_id_format == session.name_id_format
        };
        match legs.iter_mut().find(same) {
            Some(leg) if leg.session_indexes.contains(&session.session_index) => {}
            Some(leg) => leg.session_indexes.push(session.session_index),
            None => legs.push(Leg {
                run: String::new(),
                application: session.application,
                session: session.session,
                name_id: session.name_id,
                name_id_format: session.name_id_format,
                session_indexes: vec![session.session_index],
                request_id: ctx.random.saml_id(),
                state: LegState::Waiting,
            }),
        }
    }
    for (at, leg) in legs.iter_mut().enumerate() {
        // The latest are the ones that a service provider still has.
        let surplus = leg.session_indexes.len().saturating_sub(MAX_INDEXES);
        leg.session_indexes.drain(..surplus);
        if at >= MAX_HOPS {
            leg.state = LegState::Unreachable;
        }
    }
    legs
}

/// What a service provider made of being told.
pub(super) fn event_of(application: ApplicationId, state: LegState) -> Event {
    let outcome = if state == LegState::SignedOut { EventOutcome::Success } else { EventOutcome::Failure };
    Event::new(EventName::SsoLogout)
        .outcome(outcome)
        .application(application)
        .detail("initiated_by", "idp")
        .detail("result", state.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::UserId;
    use crate::base::{Actor, Clock, Random, Timestamp};

    #[test]
    fn slo_503_a_run_is_bounded_and_asks_each_service_provider_once() {
        let clock = Clock::frozen(Timestamp(1_795_334_400_000));
        let ctx = Ctx::background(Actor::System("test"), clock, Random::seeded(1));
        let now = ctx.now();
        let (session, user) = (SessionId::generate(now, &ctx.random), UserId::generate(now, &ctx.random));
        let applications: Vec<ApplicationId> =
            (0..MAX_HOPS + 2).map(|_| ApplicationId::generate(now, &ctx.random)).collect();
        let seat = |application: ApplicationId, name_id: &str, index: usize| Joined {
            session,
            session_index: format!("_{index}"),
            application,
            name_id: name_id.to_owned(),
            name_id_format: "persistent".to_owned(),
            user,
            username: "ada".to_owned(),
            ended: false,
        };
        let mut seats: Vec<Joined> = applications.iter().map(|id| seat(*id, "a", 0)).collect();
        seats.push(seat(applications[0], "another name", 1));
        seats.extend((0..MAX_INDEXES + 5).map(|index| seat(applications[1], "a", index)));
        let legs = legs_of(&ctx, seats);
        assert_eq!(legs.len(), applications.len() + 1, "one for each application and name");
        let told = legs.iter().filter(|leg| leg.state == LegState::Waiting).count();
        assert_eq!(told, MAX_HOPS, "the others are named as not told");
        assert_eq!(legs[1].session_indexes.len(), MAX_INDEXES);
        assert_eq!(
            legs[1].session_indexes.last().unwrap(),
            &format!("_{}", MAX_INDEXES + 4),
            "the latest stay"
        );
    }
}
