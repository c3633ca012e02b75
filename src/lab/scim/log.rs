//! What was asked: the last requests with their bodies, and how many there were of each kind.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::Timestamp;

/// Requests kept at most.
const MAX_REQUESTS: usize = 50_000;
/// Bytes of bodies kept at most.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// One request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Logged {
    /// Its number, from 1.
    pub number: u64,
    /// When it came.
    pub at: Timestamp,
    /// `PATCH`.
    pub method: String,
    /// The path after the base, `/Users/42`.
    pub path: String,
    /// The query as it came.
    pub query: String,
    /// The body; as text when it is no JSON, null when there was none.
    pub body: Value,
    /// Whether there was an Authorization header.
    pub has_authorization: bool,
    /// Whether it was the right one.
    pub is_authorized: bool,
    /// User-Agent.
    pub user_agent: Option<String>,
    /// Content-Type.
    pub content_type: Option<String>,
    /// Accept.
    pub accept: Option<String>,
    /// If-Match.
    pub if_match: Option<String>,
    /// The fault that struck it.
    pub fault: Option<String>,
    /// The status of its answer; none while there is none.
    pub status: Option<u16>,
}

#[derive(Debug, Default)]
pub(super) struct Log {
    requests: VecDeque<(usize, Logged)>,
    bytes: usize,
    last: u64,
    counts: BTreeMap<String, u64>,
}

impl Log {
    /// Adds a request; `size` is that of its body in bytes, `kind` what it is counted as. Answers its number.
    pub(super) fn add(&mut self, kind: String, size: usize, request: Logged) -> u64 {
        self.last += 1;
        *self.counts.entry(kind).or_default() += 1;
        self.bytes += size;
        self.requests.push_back((size, Logged { number: self.last, ..request }));
        while self.requests.len() > MAX_REQUESTS || self.bytes > MAX_BYTES {
            let Some((size, _)) = self.requests.pop_front() else { break };
            self.bytes -= size;
        }
        self.last
    }

    /// Notes what a request was answered.
    pub(super) fn answered(&mut self, number: u64, status: Option<u16>) {
        let Some((_, first)) = self.requests.front() else { return };
        let at = number.checked_sub(first.number).and_then(|at| usize::try_from(at).ok());
        if let Some((_, request)) = at.and_then(|at| self.requests.get_mut(at)) {
            request.status = status;
        }
    }

    pub(super) fn list(&self) -> Vec<Logged> {
        self.requests.iter().map(|(_, request)| request.clone()).collect()
    }

    pub(super) fn counts(&self) -> BTreeMap<String, u64> {
        self.counts.clone()
    }

    pub(super) fn clear(&mut self) {
        self.requests.clear();
        self.counts.clear();
        self.bytes = 0;
    }
}
