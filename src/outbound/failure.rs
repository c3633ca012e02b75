//! Why a request went wrong, as a stable code and a sentence for an administrator. Nothing of what the other side
//! sent stands in it, so that a target can neither write to a page of ours nor be read through it.

use std::fmt;

use crate::base::Error;

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Not a URL, or none that everybody reads alike.
    UrlInvalid,
    /// Plain http, or no http at all.
    NotHttps,
    /// A user name or password in the URL.
    Userinfo,
    /// The address is inside.
    AddressRefused,
    /// The name has no address.
    NameUnknown,
    /// Nobody answers there.
    Unreachable,
    /// The certificate is not one to trust, or there was no TLS to agree on.
    Untrusted,
    /// It does not take the certificate that it was shown, or wants one.
    ClientRefused,
    /// There are no authorities to trust on this machine.
    NoRoots,
    /// The time was over.
    Timeout,
    /// The body is larger than the cap.
    TooLarge,
    /// The head of the answer is larger than the cap.
    HeadTooLarge,
    /// Sent on too often.
    TooManyRedirects,
    /// Sent on to where it must not go.
    RedirectRefused,
    /// The connection broke, or what came was no HTTP.
    Broken,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::UrlInvalid,
        Self::NotHttps,
        Self::Userinfo,
        Self::AddressRefused,
        Self::NameUnknown,
        Self::Unreachable,
        Self::Untrusted,
        Self::ClientRefused,
        Self::NoRoots,
        Self::Timeout,
        Self::TooLarge,
        Self::HeadTooLarge,
        Self::TooManyRedirects,
        Self::RedirectRefused,
        Self::Broken,
    ];

    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::UrlInvalid => "outbound_url_invalid",
            Self::NotHttps => "outbound_not_https",
            Self::Userinfo => "outbound_userinfo",
            Self::AddressRefused => "outbound_address_refused",
            Self::NameUnknown => "outbound_name_unknown",
            Self::Unreachable => "outbound_unreachable",
            Self::Untrusted => "outbound_untrusted",
            Self::ClientRefused => "outbound_client_refused",
            Self::NoRoots => "outbound_no_roots",
            Self::Timeout => "outbound_timeout",
            Self::TooLarge => "outbound_too_large",
            Self::HeadTooLarge => "outbound_head_too_large",
            Self::TooManyRedirects => "outbound_too_many_redirects",
            Self::RedirectRefused => "outbound_redirect_refused",
            Self::Broken => "outbound_broken",
        }
    }

    /// Whether the same request may well succeed later, with nothing changed on our side.
    #[must_use]
    pub fn is_passing(self) -> bool {
        matches!(self, Self::NameUnknown | Self::Unreachable | Self::Timeout | Self::Broken)
    }
}

/// A request that got no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong.
    pub reason: Reason,
    /// The host that was being talked to; empty when the URL names none.
    pub host: String,
}

impl Failure {
    pub(super) fn new(reason: Reason, host: &str) -> Self {
        Self { reason, host: host.to_owned() }
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.reason.code()
    }

    /// The refusal of an operation whose field named the URL.
    #[must_use]
    pub fn of_field(&self, field: &str) -> Error {
        Error::field(field, self.code(), self.to_string()).with_code(self.code())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = if self.host.is_empty() { "The other side" } else { &self.host };
        match self.reason {
            Reason::UrlInvalid => f.write_str("This is not an address that can be fetched. Give a whole https:// URL of at most 2,048 characters, without spaces and backslashes."),
            Reason::NotHttps => f.write_str("Only https:// is fetched. Plain http:// is accepted only for networks that Tessera was started with in --outbound-allow."),
            Reason::Userinfo => f.write_str("The URL holds a user name or password before an @. Give it without."),
            Reason::AddressRefused => write!(f, "{host} is at an address that is not public. If it is meant, start Tessera with --outbound-allow for its network."),
            Reason::NameUnknown => write!(f, "There is no address for {host}. Check the spelling, and the DNS of the machine that Tessera runs on."),
            Reason::Unreachable => write!(f, "{host} doesn't answer. Check the port, and that a firewall lets Tessera out."),
            Reason::Untrusted => write!(f, "{host} has no certificate that can be trusted: it is expired, for another name, or from an unknown authority. Give an authority of your own by --outbound-ca; identity management takes one for its application alone."),
            Reason::ClientRefused => write!(f, "{host} takes requests only with a client certificate that it knows. Give it the certificate of this connection; where there is none, the connector does not ask for one."),
            Reason::NoRoots => f.write_str("This machine knows no certificate authorities. Install its CA certificates or give a file by --outbound-ca, and start Tessera again."),
            Reason::Timeout => write!(f, "{host} took too long. Try again later."),
            Reason::TooLarge => write!(f, "{host} answered with more than is accepted. Check that the URL is the right one."),
            Reason::HeadTooLarge => write!(f, "{host} answered with more header fields than are accepted. Check that the URL is the right one."),
            Reason::TooManyRedirects => write!(f, "{host} and others sent the request on more than three times. Give the URL at the end of it."),
            Reason::RedirectRefused => write!(f, "{host} sent the request on to where it must not go: from https to http, or a change to another host. Give the URL at the end of it."),
            Reason::Broken => write!(f, "{host} broke the connection, or did not answer by HTTP. Try again later."),
        }
    }
}

impl std::error::Error for Failure {}
