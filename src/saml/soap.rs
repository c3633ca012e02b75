//! The envelope of SOAP 1.1 (Bindings 3.2), as little of it as one message needs. Read strictly: a header that must be
//! understood, a second message or anything else beside the message is refused.

use roxmltree::{Document, Node};

use crate::saml::binding::{Binding, Carried, Message};
use crate::saml::names::SOAP;
use crate::saml::refusal::{Reason, Refusal};
use crate::saml::xml::Limits;
use crate::saml::xml::reader::{Source, is};

/// The octets of a POST as a message: a request when we are asked, a response when we have asked. They are looked at
/// by the reader of the message.
#[must_use]
pub fn decode(octets: Vec<u8>, carried: Carried) -> Message {
    Message { binding: Binding::Soap, carried, xml: octets, relay_state: None, redirect_signature: None }
}

/// The one message in an envelope, as it stands there; `None` where there is none to be read.
#[must_use]
pub fn message(envelope: &str) -> Option<&str> {
    let source = Source::new(envelope.as_bytes(), &Limits::MESSAGE).ok()?;
    let document = source.parse().ok()?;
    let (_, message) = open(&document, |_| true).ok()?;
    // It was read from these very octets, so the places are the same.
    envelope.get(message.range())
}

/// The one message in an envelope of which no header is understood.
pub(in crate::saml) fn body<'a, 'i>(document: &'a Document<'i>) -> Result<Node<'a, 'i>, Refusal> {
    open(document, |_| false).map(|(_, message)| message)
}

/// The header of an envelope and the one message in it. What must be understood has to be (SOAP 1.1, 4.2.3).
pub(in crate::saml) fn open<'a, 'i>(
    document: &'a Document<'i>,
    understands: impl Fn(&Node<'a, 'i>) -> bool,
) -> Result<(Option<Node<'a, 'i>>, Node<'a, 'i>), Refusal> {
    let envelope = document.root_element();
    if !is(envelope, SOAP, "Envelope") {
        return Err(Reason::SoapInvalid.into());
    }
    let (header, body) = match elements(envelope).as_slice() {
        [body] if is(*body, SOAP, "Body") => (None, *body),
        [header, body] if is(*header, SOAP, "Header") && is(*body, SOAP, "Body") => {
            if elements(*header).iter().any(|entry| must_be_understood(entry) && !understands(entry)) {
                return Err(Reason::SoapInvalid.into());
            }
            (Some(*header), *body)
        }
        _ => return Err(Reason::SoapInvalid.into()),
    };
    match elements(body).as_slice() {
        [message] => Ok((header, *message)),
        _ => Err(Reason::SoapInvalid.into()),
    }
}

fn elements<'a, 'i>(node: Node<'a, 'i>) -> Vec<Node<'a, 'i>> {
    node.children().filter(Node::is_element).collect()
}

fn must_be_understood(entry: &Node<'_, '_>) -> bool {
    entry
        .attributes()
        .any(|a| a.namespace() == Some(SOAP) && a.name() == "mustUnderstand" && a.value() != "0")
}

/// The envelope around a message in canonical form.
#[must_use]
pub fn envelope(message: &str) -> String {
    format!("<soap11:Envelope xmlns:soap11=\"{SOAP}\"><soap11:Body>{message}</soap11:Body></soap11:Envelope>")
}

/// The envelope of a fault of the sender's (SOAP 1.1, 4.4). `reason` is a text of ours without markup.
#[must_use]
pub fn fault(reason: &str) -> String {
    let reason = reason.replace('&', "&amp;").replace('<', "&lt;");
    envelope(&format!(
        "<soap11:Fault><faultcode>soap11:Client</faultcode><faultstring>{reason}</faultstring></soap11:Fault>"
    ))
}
