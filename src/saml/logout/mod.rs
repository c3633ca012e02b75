//! Single logout (Core 3.7, Profiles 4.4): LogoutRequest and LogoutResponse, read through the same stages as a sign-in
//! request and written in canonical form. Start at [`receive()`] for what comes in and at [`write`] for what goes out.
//!
//! Which session is meant, who else has to be told and what the answer is are not known here.

mod receive;
pub mod write;

pub use receive::receive;
pub(in crate::saml) use receive::{check_signature, check_version};
pub use write::{LogoutRequestInput, LogoutResponseInput, redirect_url};

use crate::base::Timestamp;
use crate::saml::request::RequestedSubject;

/// A trusted service provider's wish to end sessions. All of it was read from the verified element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutRequest {
    /// Its ID, to be repeated as InResponseTo.
    pub id: String,
    /// When it was issued.
    pub issue_instant: Timestamp,
    /// Whose sessions.
    pub name_id: RequestedSubject,
    /// Which of them; empty for all of them at this service provider (Core 3.7.1).
    pub session_indexes: Vec<String>,
    /// No answer is wanted (Asynchronous Single Logout).
    pub asynchronous: bool,
}

/// What a service provider says to a LogoutRequest of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutResponse {
    /// ID of the request that it answers.
    pub in_response_to: String,
    /// Whether its session has ended: a top-level Success, and no PartialLogout below it.
    pub is_success: bool,
}

/// A message from the registered service provider, for us and fresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogoutMessage {
    /// It wants to end sessions. Always signed.
    Request(LogoutRequest),
    /// It answers. Signed whenever a certificate of it is registered, unless it came back on a connection of ours.
    Response(LogoutResponse),
}

#[cfg(test)]
mod tests;
