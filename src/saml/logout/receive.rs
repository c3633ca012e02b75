//! From octets to a trusted logout message (SLO-501). The rules are those of sign-in requests, but a LogoutRequest must
//! be signed whatever the settings say: anybody can make a browser fetch an address.

use openssl::pkey::{PKey, Private};
use roxmltree::{Document, Node};

use crate::saml::binding::{Binding, Carried, Message, RelayState, verify_redirect_signature};
use crate::saml::decrypt;
use crate::saml::dsig::holds_signature;
use crate::saml::logout::{LogoutMessage, LogoutRequest, LogoutResponse};
use crate::saml::names::{ASSERTION, ASYNC_LOGOUT, PROTOCOL};
use crate::saml::receive::{
    Endpoint, ServiceProvider, Timing, check_age, check_destination, check_issuer, verify_enveloped,
};
use crate::saml::refusal::{Reason, Refusal};
use crate::saml::request::{Outline, RequestedSubject, Version, parse_instant, texts};
use crate::saml::soap;
use crate::saml::status::Status;
use crate::saml::xml::Limits;
use crate::saml::xml::reader::{Source, attribute, check_ids, child, is};

/// Session indexes looked at; a service provider with more open sessions of one person ends them without naming them.
const MAX_INDEXES: usize = 100;

/// Checks a message that came to the address for logout against what is registered. `endpoint.url` is that address,
/// `keys` are ours, to open what is encrypted for us.
pub fn receive(
    message: &Message,
    sp: &ServiceProvider<'_>,
    endpoint: &Endpoint<'_>,
    keys: &[PKey<Private>],
    timing: Timing,
) -> Result<LogoutMessage, Refusal> {
    let source = Source::new(&message.xml, &Limits::MESSAGE)?;
    let document = source.parse()?;
    check_ids(&document)?;
    let root = match message.binding {
        Binding::Soap => soap::body(&document)?,
        Binding::Redirect | Binding::Post => document.root_element(),
    };
    let expected = match message.carried {
        Carried::Request => "LogoutRequest",
        Carried::Response => "LogoutResponse",
    };
    if !is(root, PROTOCOL, expected) {
        return Err(Reason::NotALogoutMessage.into());
    }
    check_issuer(root, sp)?;
    let (node, signed) = check_signature(message, &document, root, sp)?;
    let outline = Outline::read(node)?;
    check_version(outline.version)?;
    // Over SOAP a message goes straight to us and need not say so (Bindings 3.2).
    check_destination(&outline, sp, endpoint, signed && message.binding != Binding::Soap)?;
    check_age(&outline, timing)?;
    if sp.strict_relay_state && message.relay_state.as_ref().is_some_and(RelayState::exceeds_standard) {
        return Err(Reason::RelayStateOverStandard.into());
    }
    Ok(match message.carried {
        Carried::Request => LogoutMessage::Request(read_request(node, outline, keys, timing)?),
        Carried::Response => LogoutMessage::Response(read_response(node)?),
    })
}

/// Verifies what is signed and answers the node that may be read, and whether it is signed.
pub(in crate::saml) fn check_signature<'a, 'i>(
    message: &Message,
    document: &'a Document<'i>,
    root: Node<'a, 'i>,
    sp: &ServiceProvider<'_>,
) -> Result<(Node<'a, 'i>, bool), Refusal> {
    // What comes back on a connection that we opened is from whom we asked (Bindings 3.2.2).
    let answers_us = message.carried == Carried::Response && message.binding == Binding::Soap;
    let required = message.carried == Carried::Request || (!sp.signing_keys.is_empty() && !answers_us);
    if required && sp.signing_keys.is_empty() {
        return Err(Reason::RequiredKeyMissing.into());
    }
    let enveloped = holds_signature(document);
    if enveloped && message.binding == Binding::Redirect && !sp.redirect_enveloped_signature {
        return Err(Reason::SignatureEnveloped.into());
    }
    if let Some(signature) = &message.redirect_signature {
        verify_redirect_signature(signature, sp.signing_keys)?;
    }
    if enveloped {
        return Ok((verify_enveloped(message, document, root, sp.signing_keys)?, true));
    }
    let signed = message.redirect_signature.is_some();
    if required && !signed {
        return Err(Reason::SignatureMissing.into());
    }
    Ok((root, signed))
}

pub(in crate::saml) fn check_version(version: Version) -> Result<(), Reason> {
    match version {
        Version::Two => Ok(()),
        Version::Lower => Err(Reason::VersionTooLow),
        Version::Higher => Err(Reason::VersionTooHigh),
        Version::Unknown => Err(Reason::VersionInvalid),
    }
}

fn read_request(
    node: Node<'_, '_>,
    outline: Outline,
    keys: &[PKey<Private>],
    timing: Timing,
) -> Result<LogoutRequest, Refusal> {
    if let Some(text) = attribute(node, "NotOnOrAfter") {
        let end = parse_instant(text).ok_or(Reason::SchemaViolation)?;
        if timing.now >= end.plus(timing.skew) {
            return Err(Refusal::local(Reason::Stale).because(timing.now.to_xs_date_time(), text));
        }
    }
    // BaseID is a shape that nobody here has. What is encrypted is opened only now, when its sender is known.
    let name_id = match (child(node, ASSERTION, "NameID")?, child(node, ASSERTION, "EncryptedID")?) {
        (Some(plain), None) => RequestedSubject::read(plain)?,
        (None, Some(sealed)) => decrypt::open_id(sealed, keys)?,
        _ => return Err(Reason::SchemaViolation.into()),
    };
    let session_indexes = texts(node, PROTOCOL, "SessionIndex")?;
    if session_indexes.len() > MAX_INDEXES {
        return Err(Reason::SchemaViolation.into());
    }
    let asynchronous = child(node, PROTOCOL, "Extensions")?
        .is_some_and(|extensions| extensions.children().any(|node| is(node, ASYNC_LOGOUT, "Asynchronous")));
    Ok(LogoutRequest {
        id: outline.id,
        issue_instant: outline.issue_instant,
        name_id,
        session_indexes,
        asynchronous,
    })
}

fn read_response(node: Node<'_, '_>) -> Result<LogoutResponse, Refusal> {
    let in_response_to = attribute(node, "InResponseTo").ok_or(Reason::SchemaViolation)?.to_owned();
    let status = child(node, PROTOCOL, "Status")?.ok_or(Reason::SchemaViolation)?;
    let code = child(status, PROTOCOL, "StatusCode")?.ok_or(Reason::SchemaViolation)?;
    let below = child(code, PROTOCOL, "StatusCode")?;
    let partial = below.and_then(|code| attribute(code, "Value")) == Status::PartialLogout.second_level();
    let is_success = attribute(code, "Value") == Some(Status::Success.top_level()) && !partial;
    Ok(LogoutResponse { in_response_to, is_success })
}
