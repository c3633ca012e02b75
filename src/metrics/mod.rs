//! What is counted of this process for monitoring: atomics that are written without a lock, and their text in the
//! format of Prometheus. Counts start at nought with the process and are those of this node alone.
//!
//! It must not know who did anything: no label holds a name, an address or an id of a person. What stands in the
//! database is not its business either. Start with [`Metrics`]; [`requests`] counts HTTP, [`text`] writes.

pub mod requests;
pub mod text;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::base::{Kind, Timestamp};
use crate::metrics::text::Text;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn count(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, many: u64) {
        self.0.fetch_add(many, Ordering::Relaxed);
    }

    /// How many.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number of things that are there now.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// One comes; it goes when what this gives is dropped.
    #[must_use]
    pub fn enter(self: &Arc<Self>) -> Present {
        self.0.fetch_add(1, Ordering::Relaxed);
        Present(Arc::clone(self))
    }

    /// How many.
    #[must_use]
    pub fn value(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One of the things that a [`Gauge`] counts.
#[derive(Debug)]
pub struct Present(Arc<Gauge>);

impl Drop for Present {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

macro_rules! labels {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn label(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}

labels! {
    /// Who began a sign-on.
    Initiator {
        /// Tessera, by a tile or a link.
        Idp = "idp",
        /// The application.
        Sp = "sp",
    }
}

labels! {
    /// What a sign-on came to.
    SignonOutcome {
        /// A response with an assertion was issued.
        Issued = "issued",
        /// A rule or a check said no.
        Refused = "refused",
        /// It was our fault.
        Failed = "failed",
    }
}

labels! {
    /// What a sign-in attempt came to.
    SignInOutcome {
        /// A session began.
        Success = "success",
        /// Name and password did not go together, or the person may not sign in.
        Denied = "denied",
        /// There were too many before it.
        Throttled = "throttled",
        /// It was our fault, or there was no room for it.
        Failed = "failed",
    }
}

/// Different codes counted apart; there are fewer, so the rest is a reserve.
const CODES: usize = 256;

/// Counts by stable code. A code gets its place when it first comes; after that counting it takes no lock.
#[derive(Debug)]
struct Codes {
    places: Vec<(OnceLock<&'static str>, Counter)>,
    others: Counter,
}

impl Default for Codes {
    fn default() -> Self {
        let places = std::iter::repeat_with(|| (OnceLock::new(), Counter::default())).take(CODES).collect();
        Self { places, others: Counter::default() }
    }
}

impl Codes {
    fn count(&self, code: &'static str) {
        let place = self.places.iter().find(|(own, _)| *own.get_or_init(|| code) == code);
        place.map_or(&self.others, |(_, counter)| counter).count();
    }

    fn all(&self) -> Vec<(&'static str, u64)> {
        let taken = self.places.iter().filter_map(|(code, counter)| Some((*code.get()?, counter.value())));
        let mut all: Vec<_> = taken.collect();
        all.sort_unstable();
        all.extend(Some(("other", self.others.value())).filter(|(_, count)| *count > 0));
        all
    }
}

/// What is counted of this process.
#[derive(Debug)]
pub struct Metrics {
    started: Timestamp,
    signons: [[Counter; 3]; 2],
    sign_ins: [Counter; 4],
    refusals: Codes,
    /// Connections that are open.
    pub connections: Arc<Gauge>,
}

impl Metrics {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(started: Timestamp) -> Self {
        Self {
            started,
            signons: Default::default(),
            sign_ins: Default::default(),
            refusals: Codes::default(),
            connections: Arc::default(),
        }
    }

    /// A sign-on came to its end.
    pub fn signon(&self, initiator: Initiator, outcome: SignonOutcome) {
        self.signons[initiator as usize][outcome as usize].count();
    }

    /// A sign-in was attempted; `failure` is what sort of error it met.
    pub fn sign_in(&self, failure: Option<Kind>) {
        let outcome = match failure {
            None => SignInOutcome::Success,
            Some(Kind::TooMany) => SignInOutcome::Throttled,
            Some(Kind::Internal | Kind::Unavailable | Kind::StorageFull) => SignInOutcome::Failed,
            Some(_) => SignInOutcome::Denied,
        };
        self.sign_ins[outcome as usize].count();
    }

    /// A sign-on, or a request for one, was refused with this code.
    pub fn refusal(&self, code: &'static str) {
        self.refusals.count(code);
    }

    /// Writes everything.
    pub fn write(&self, text: &mut Text) {
        text.family("tessera_build_info", "gauge", "The running version.");
        text.sample("tessera_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
        text.family("process_start_time_seconds", "gauge", "When this process started, in Unix time.");
        text.sample("process_start_time_seconds", &[], text::seconds(self.started.0));
        text.family("tessera_open_connections", "gauge", "Connections that are open now.");
        text.sample("tessera_open_connections", &[], self.connections.value());
        text.family(
            "tessera_signons_total",
            "counter",
            "Sign-ons to applications by who began and how it ended.",
        );
        for initiator in Initiator::ALL {
            for outcome in SignonOutcome::ALL {
                let labels = [("initiator", initiator.label()), ("outcome", outcome.label())];
                let count = self.signons[*initiator as usize][*outcome as usize].value();
                text.sample("tessera_signons_total", &labels, count);
            }
        }
        text.family("tessera_signon_refusals_total", "counter", "Refused sign-on requests by stable code.");
        for (code, count) in self.refusals.all() {
            text.sample("tessera_signon_refusals_total", &[("code", code)], count);
        }
        text.family("tessera_sign_in_attempts_total", "counter", "Sign-ins by password by how they ended.");
        for outcome in SignInOutcome::ALL {
            let count = self.sign_ins[*outcome as usize].value();
            text.sample("tessera_sign_in_attempts_total", &[("outcome", outcome.label())], count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_counted_apart_and_the_rest_together() {
        let codes = Codes::default();
        codes.count("b");
        codes.count("a");
        codes.count("b");
        assert_eq!(codes.all(), [("a", 1), ("b", 2)]);
        for i in 0..300 {
            codes.count(Box::leak(format!("c{i}").into_boxed_str()));
        }
        let all = codes.all();
        assert_eq!(all.len(), CODES + 1);
        assert_eq!(all.last(), Some(&("other", 300 + 2 - CODES as u64)));
    }

    #[test]
    fn counting_from_many_threads_loses_nothing() {
        let metrics = Arc::new(Metrics::new(Timestamp(0)));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for i in 0..1000 {
                        metrics.signon(Initiator::Sp, SignonOutcome::Issued);
                        metrics.refusal(["stale", "replayed", "acs_mismatch"][i % 3]);
                        drop(metrics.connections.enter());
                    }
                });
            }
        });
        let mut text = Text::default();
        metrics.write(&mut text);
        let text = text.finish();
        assert!(text.contains("tessera_signons_total{initiator=\"sp\",outcome=\"issued\"} 4000\n"), "{text}");
        assert!(text.contains("tessera_signon_refusals_total{code=\"stale\"} 1336\n"), "{text}");
        assert!(text.contains("tessera_open_connections 0\n"), "{text}");
    }
}
