//! Faults on request: which requests fail, and how. The same rules on the same requests fail the same way.

use serde::{Deserialize, Serialize};

use crate::base::Random;

/// When to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// In so many seconds, said as a number.
    Seconds(u32),
    /// In so many seconds, said as an HTTP date.
    Date(u32),
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// 429.
    TooMany {
        /// When to come back, if it says so.
        #[serde(default)]
        retry_after: Option<RetryAfter>,
    },
    /// An error of SCIM's form with this status, 500 or 503 say.
    Status {
        /// The status.
        status: u16,
        /// When to come back, if it says so.
        #[serde(default)]
        retry_after: Option<RetryAfter>,
    },
    /// 502 and a page, as a proxy sends it.
    Html,
    /// Nothing is done and no answer comes; after this time the connection ends.
    Hang {
        /// In milliseconds.
        millis: u64,
    },
    /// Nothing is done, and the connection ends without an answer.
    Drop,
    /// The request is carried out, and the connection ends without an answer.
    AppliedThenReset,
    /// The request is carried out, its answer comes after this time.
    Slow {
        /// In milliseconds.
        millis: u64,
    },
    /// Nothing is done, and the answer says success: with the resource as it was, or as asked for with `echo`.
    Lie {
        /// Whether the answer pretends.
        #[serde(default)]
        echo: bool,
    },
    /// 200, and half an answer that is no JSON.
    Garbage,
}

impl Fault {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::TooMany { .. } => "too_many",
            Self::Status { .. } => "status",
            Self::Html => "html",
            Self::Hang { .. } => "hang",
            Self::Drop => "drop",
            Self::AppliedThenReset => "applied_then_reset",
            Self::Slow { .. } => "slow",
            Self::Lie { .. } => "lie",
            Self::Garbage => "garbage",
        }
    }
}

/// A fault, and which requests it strikes. What is left out holds for all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What goes wrong.
    pub fault: Fault,
    /// `POST`.
    #[serde(default)]
    pub method: Option<String>,
    /// `Users`, `Groups`, `ServiceProviderConfig`.
    #[serde(default)]
    pub resource: Option<String>,
    /// The id of one resource.
    #[serde(default)]
    pub id: Option<String>,
    /// Lets so many pass first.
    #[serde(default)]
    pub after: u64,
    /// Strikes so many times at most.
    #[serde(default)]
    pub times: Option<u64>,
    /// Strikes every so-manieth.
    #[serde(default)]
    pub every: Option<u64>,
    /// Strikes with this probability, 0 to 1, drawn from the lab's randomness.
    #[serde(default)]
    pub probability: Option<f64>,
}

impl Rule {
    /// This fault for every request.
    #[must_use]
    pub fn new(fault: Fault) -> Self {
        Self {
            fault,
            method: None,
            resource: None,
            id: None,
            after: 0,
            times: None,
            every: None,
            probability: None,
        }
    }

    /// For requests of this method only.
    #[must_use]
    pub fn on(self, method: &str, resource: &str) -> Self {
        Self { method: Some(method.to_owned()), resource: Some(resource.to_owned()), ..self }
    }

    /// So many times at most.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Every so-manieth time.
    #[must_use]
    pub fn every(self, every: u64) -> Self {
        Self { every: Some(every), ..self }
    }

    /// With this probability.
    #[must_use]
    pub fn with_probability(self, probability: f64) -> Self {
        Self { probability: Some(probability), ..self }
    }

    /// After so many have passed.
    #[must_use]
    pub fn after(self, after: u64) -> Self {
        Self { after, ..self }
    }

    fn meets(&self, method: &str, resource: &str, id: Option<&str>) -> bool {
        let same = |wanted: &Option<String>, found: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(found))
        };
        same(&self.method, method)
            && same(&self.resource, resource)
            && self.id.as_deref().is_none_or(|wanted| Some(wanted) == id)
    }
}

/// A rule at work.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleState {
    /// Its number.
    pub number: u64,
    /// The rule.
    pub rule: Rule,
    /// Requests that it was for.
    pub met: u64,
    /// Requests that it struck.
    pub struck: u64,
}

/// All rules; the first that strikes counts.
#[derive(Debug, Default)]
pub(super) struct Faults {
    rules: Vec<RuleState>,
    last: u64,
}

impl Faults {
    pub(super) fn add(&mut self, rule: Rule) -> u64 {
        self.last += 1;
        self.rules.push(RuleState { number: self.last, rule, met: 0, struck: 0 });
        self.last
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(super) fn list(&self) -> Vec<RuleState> {
        self.rules.clone()
    }

    /// The fault of this request.
    pub(super) fn strike(
        &mut self,
        random: &Random,
        method: &str,
        resource: &str,
        id: Option<&str>,
    ) -> Option<Fault> {
        for state in &mut self.rules {
            let rule = &state.rule;
            if !rule.meets(method, resource, id) {
                continue;
            }
            state.met += 1;
            let counted = state.met.saturating_sub(rule.after);
            let is_due = counted > 0
                && rule.times.is_none_or(|times| state.struck < times)
                && rule.every.is_none_or(|every| counted.is_multiple_of(every.max(1)))
                && rule.probability.is_none_or(|probability| drawn(random) < probability);
            if is_due {
                state.struck += 1;
                return Some(rule.fault);
            }
        }
        None
    }
}

/// From 0 up to 1.
fn drawn(random: &Random) -> f64 {
    f64::from(u32::from_be_bytes(random.bytes::<4>())) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_strike_when_they_say() {
        let random = Random::seeded(1);
        let mut faults = Faults::default();
        let rule = Rule::new(Fault::Html).on("POST", "Users").after(1).every(2).times(2);
        faults.add(rule);
        let mut strike = |method: &str| faults.strike(&random, method, "Users", None).is_some();
        assert!(!strike("GET"));
        let struck: Vec<bool> = (0..8).map(|_| strike("post")).collect();
        assert_eq!(struck, [false, false, true, false, true, false, false, false]);
        let state = &faults.list()[0];
        assert_eq!((state.met, state.struck), (8, 2));
    }

    #[test]
    fn chance_repeats_with_its_seed() {
        let drawn = |seed| {
            let random = Random::seeded(seed);
            let mut faults = Faults::default();
            faults.add(Rule::new(Fault::Drop).with_probability(0.3));
            (0..1000).filter(|_| faults.strike(&random, "GET", "Users", None).is_some()).count()
        };
        assert_eq!(drawn(7), drawn(7));
        assert!((200..400).contains(&drawn(7)));
    }

    #[test]
    fn rules_are_read_from_json() {
        let rule: Rule = serde_json::from_str(
            r#"{"fault": {"kind": "too_many", "retry_after": {"date": 3}}, "method": "PATCH", "times": 1}"#,
        )
        .unwrap();
        assert_eq!(rule.fault, Fault::TooMany { retry_after: Some(RetryAfter::Date(3)) });
        assert!(serde_json::from_str::<Rule>(r#"{"fault": {"kind": "html"}, "evry": 2}"#).is_err());
    }
}
