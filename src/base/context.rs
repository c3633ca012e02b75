//! The context of one operation: who acts, from where, under which request id, at which time.

use std::net::IpAddr;
use std::sync::Arc;

use crate::base::id::{TokenId, UserId};
use crate::base::{Clock, Random, Timestamp};

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Nobody signed in.
    Anonymous,
    /// Tessera itself: `sealer`, `demo`.
    System(&'static str),
    /// Someone at the command line of the server.
    CommandLine,
    /// A signed-in person.
    User {
        /// Their id.
        id: UserId,
        /// Their username at the time, for events.
        username: Arc<str>,
    },
    /// A program with an API token.
    Token {
        /// The token's id.
        id: TokenId,
        /// The token's name at the time, for events.
        name: Arc<str>,
    },
}

/// Context handed to every operation. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Ctx {
    /// Who acts.
    pub actor: Actor,
    /// Reference of the request, shown on error pages and in every log line and event of it.
    pub request_id: Arc<str>,
    /// Address of the client, after trusted proxies; `None` for the command line and background work.
    pub source: Option<IpAddr>,
    /// `User-Agent` as sent, cut to 256 characters.
    pub user_agent: Option<Arc<str>>,
    /// Whether a page loads this as a part of itself, as a picture or a frame, so that nobody need have asked for it.
    pub embedded: bool,
    /// The time.
    pub clock: Clock,
    /// The randomness.
    pub random: Random,
}

impl Ctx {
    /// A context for work that no request asked for.
    #[must_use]
    pub fn background(actor: Actor, clock: Clock, random: Random) -> Self {
        let request_id = short_reference(&random).into();
        Self { actor, request_id, source: None, user_agent: None, embedded: false, clock, random }
    }

    /// The instant now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The same context with another actor.
    #[must_use]
    pub fn acting_as(&self, actor: Actor) -> Self {
        Self { actor, ..self.clone() }
    }
}

/// A reference a person can read out over the phone: ten characters without look-alikes.
#[must_use]
pub fn short_reference(random: &Random) -> String {
    const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    random.bytes::<10>().iter().map(|b| char::from(ALPHABET[usize::from(b & 31)])).collect()
}
