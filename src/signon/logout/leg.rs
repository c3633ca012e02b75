//! The legs of a run: one for each service provider that has to be told, and how it stands with it.

use std::collections::HashMap;

use crate::base::Ctx;
use crate::base::id::{ApplicationId, SessionId, UserId};
use crate::base::vocabulary::vocabulary;
use crate::events::{Event, EventName, Outcome as EventOutcome};
use crate::signon::store::NOBODY_NAMED;
use crate::signon::store::logout::{Joined, MAX_INDEXES};

/// Service providers that a browser is led to in one run (SLO-503); the others are named as not told.
const MAX_HOPS: usize = 30;
/// Legs of one run. Whoever is beyond is not named either; since there are some that are not told, the run is never
/// taken for complete.
const MAX_LEGS: usize = 200;

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
        /// It belongs to a session of another browser: through this one it is neither told nor named.
        Elsewhere = "elsewhere",
        /// It does, and is being told from server to server.
        Direct = "direct",
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
    /// The person and their username, while they exist.
    pub person: Option<(UserId, String)>,
    /// The NameID there.
    pub name_id: String,
    /// Short name of its format.
    pub name_id_format: String,
    /// Whether it was given encrypted.
    pub name_id_encrypted: bool,
    /// The sessions there.
    pub session_indexes: Vec<String>,
    /// ID of our LogoutRequest.
    pub request_id: String,
    /// How it stands.
    pub state: LegState,
}

impl LegState {
    /// Whether whoever looks on does not learn whose it is.
    #[must_use]
    pub fn is_hidden(self) -> bool {
        matches!(self, Self::Elsewhere | Self::Direct)
    }
}

/// The legs to sessions at service providers: one for each application, name and session here; the first ones that
/// there is room for, after `already` of the same run, are to be told. Never the requester itself: what of its own is too
/// much for one request stays open, so it stands as what is elsewhere.
pub(super) fn legs_of(
    ctx: &Ctx,
    sessions: Vec<Joined>,
    already: usize,
    requester: Option<ApplicationId>,
) -> Vec<Leg> {
    let mut legs: Vec<Leg> = Vec::new();
    let mut places = HashMap::new();
    for seat in sessions {
        let key = (seat.application, seat.session, seat.name_id.clone(), seat.name_id_format.clone());
        if let Some(place) = places.get(&key) {
            let leg: &mut Leg = &mut legs[*place];
            leg.name_id_encrypted |= seat.name_id_encrypted;
            if !leg.session_indexes.contains(&seat.session_index) {
                leg.session_indexes.push(seat.session_index);
            }
            continue;
        }
        if already + legs.len() >= MAX_LEGS {
            continue;
        }
        places.insert(key, legs.len());
        legs.push(Leg {
            run: String::new(),
            application: seat.application,
            session: seat.session,
            person: Some((seat.user, seat.username)),
            name_id: seat.name_id,
            name_id_format: seat.name_id_format.clone(),
            name_id_encrypted: seat.name_id_encrypted,
            session_indexes: vec![seat.session_index],
            request_id: ctx.random.saml_id(),
            // Who was named nobody can't be told of anybody.
            state: if requester == Some(seat.application) {
                LegState::Elsewhere
            } else if already + legs.len() < MAX_HOPS && seat.name_id_format != NOBODY_NAMED {
                LegState::Waiting
            } else {
                LegState::Unreachable
            },
        });
    }
    for leg in &mut legs {
        // The latest are the ones that a service provider still has.
        let surplus = leg.session_indexes.len().saturating_sub(MAX_INDEXES);
        leg.session_indexes.drain(..surplus);
    }
    legs
}

/// What a service provider made of being told.
pub(super) fn event_of(leg: &Leg, state: LegState) -> Event {
    let outcome = if state == LegState::SignedOut { EventOutcome::Success } else { EventOutcome::Failure };
    let event = Event::new(EventName::SsoLogout)
        .outcome(outcome)
        .application(leg.application)
        .detail("initiated_by", "idp")
        .detail("session", leg.session.to_string())
        .detail("result", state.as_str());
    match &leg.person {
        Some((id, username)) => event.target("user", *id, username),
        None => event,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
            name_id_encrypted: false,
            user,
            username: "ada".to_owned(),
            created_at: now,
            is_running: true,
        };
        let mut seats: Vec<Joined> = applications.iter().map(|id| seat(*id, "a", 0)).collect();
        seats.push(seat(applications[0], "another name", 1));
        seats.extend((0..MAX_INDEXES + 5).map(|index| seat(applications[1], "a", index)));
        let legs = legs_of(&ctx, seats, 0, None);
        assert_eq!(legs.len(), applications.len() + 1, "one for each application and name");
        let told = legs.iter().filter(|leg| leg.state == LegState::Waiting).count();
        assert_eq!(told, MAX_HOPS, "the others are named as not told");
        assert_eq!(legs[1].session_indexes.len(), MAX_INDEXES);
        assert_eq!(
            legs[1].session_indexes.last().unwrap(),
            &format!("_{}", MAX_INDEXES + 4),
            "the latest stay"
        );
        let many = (0..300).map(|_| seat(ApplicationId::generate(now, &ctx.random), "a", 0)).collect();
        let legs = legs_of(&ctx, many, MAX_HOPS - 1, None);
        assert_eq!(legs.len(), MAX_LEGS - (MAX_HOPS - 1));
        assert_eq!(legs.iter().filter(|leg| leg.state == LegState::Waiting).count(), 1);
    }
}
