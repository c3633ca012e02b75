//! Enhanced Client or Proxy, version 2.0: the envelope that a client brings a request in, and the one it takes the
//! answer back in. What ties the answer to the client's connection (Channel Binding Extensions), and the key that it
//! may ask for (SAML-EC 5.3.1), stand in header blocks of it.

use std::fmt;

use roxmltree::{Document, Node};

use crate::saml::names::{CHANNEL_BINDING, ECP, PROTOCOL, SAML_EC, SOAP, SOAP_NEXT};
use crate::saml::refusal::{Reason, Refusal};
use crate::saml::soap;
use crate::saml::xml::reader::{attribute, child, is, plain_text};
use crate::saml::xml::writer::{IllegalCharacter, Writer};

/// Channel bindings looked at, of each side.
const MAX_BINDINGS: usize = 8;
/// Longest type and longest value of one.
const MAX_TEXT: usize = 1024;

/// What names one TLS connection (Channel Binding Extensions 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelBinding {
    /// Its type: `tls-server-end-point`, `tls-unique` …
    pub kind: String,
    /// Its value, base64.
    pub value: String,
}

impl ChannelBinding {
    fn read(node: Node<'_, '_>) -> Result<Self, Reason> {
        let kind = attribute(node, "Type").ok_or(Reason::SchemaViolation)?.trim().to_owned();
        let value: String = plain_text(node)?.split_ascii_whitespace().collect();
        if kind.is_empty() || value.is_empty() || kind.len() > MAX_TEXT || value.len() > MAX_TEXT {
            return Err(Reason::SchemaViolation);
        }
        Ok(Self { kind, value })
    }

    pub(in crate::saml) fn write(&self, w: &mut Writer, in_header: bool) {
        w.open("cb:ChannelBindings").namespace("cb", CHANNEL_BINDING).attribute("Type", &self.kind);
        finish(w, in_header, &self.value);
    }
}

/// Those that stand below a node. As many as there may be; a side that names more than it needs is refused.
fn read_bindings(parent: Node<'_, '_>) -> Result<Vec<ChannelBinding>, Reason> {
    let nodes = parent.children().filter(|node| is(*node, CHANNEL_BINDING, "ChannelBindings"));
    let found: Vec<ChannelBinding> =
        nodes.take(MAX_BINDINGS + 1).map(ChannelBinding::read).collect::<Result<_, _>>()?;
    if found.len() > MAX_BINDINGS { Err(Reason::SchemaViolation) } else { Ok(found) }
}

/// What the client says beside the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientHeaders {
    /// The connection it has to the service provider.
    pub channel_bindings: Vec<ChannelBinding>,
    /// Whether it asks for a key that it will share with the service provider.
    pub wants_key: bool,
}

/// The request in a client's envelope, and what stands beside it.
pub(in crate::saml) fn open<'a, 'i>(
    document: &'a Document<'i>,
) -> Result<(Node<'a, 'i>, ClientHeaders), Refusal> {
    let is_key = |node: &Node<'_, '_>| is(*node, SAML_EC, "SessionKey");
    let (header, message) =
        soap::open(document, |entry| is(*entry, CHANNEL_BINDING, "ChannelBindings") || is_key(entry))?;
    let Some(header) = header else { return Ok((message, ClientHeaders::default())) };
    let channel_bindings = read_bindings(header)?;
    Ok((message, ClientHeaders { channel_bindings, wants_key: header.children().any(|node| is_key(&node)) }))
}

/// Those that the service provider has put into its request.
pub(in crate::saml) fn bindings_of_request(request: Node<'_, '_>) -> Result<Vec<ChannelBinding>, Reason> {
    child(request, PROTOCOL, "Extensions")?.map_or_else(|| Ok(Vec::new()), read_bindings)
}

/// The channel binding that both sides name (ECP 2.3.6.2). Once either names one they must agree, and the service
/// provider's must be under its signature: else whoever stands between the two could name its own.
pub(in crate::saml) fn matching(
    client: &ClientHeaders,
    sp: &[ChannelBinding],
    signed: bool,
) -> Result<Option<ChannelBinding>, Reason> {
    if client.channel_bindings.is_empty() && sp.is_empty() {
        return Ok(None);
    }
    let both = sp.iter().find(|binding| client.channel_bindings.contains(binding)).filter(|_| signed);
    both.cloned().map(Some).ok_or(Reason::ChannelBindings)
}

/// What an assertion says to an enhanced client's service provider, beside the person (`Advice`, Core 2.5.2).
#[derive(Clone, Default)]
pub struct ClientAdvice {
    /// The connection that the answer is tied to.
    pub channel_binding: Option<ChannelBinding>,
    /// The key for client and service provider, base64. The assertion is encrypted then, whatever else is set.
    pub generated_key: Option<String>,
}

impl fmt::Debug for ClientAdvice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientAdvice").field("channel_binding", &self.channel_binding).finish_non_exhaustive()
    }
}

impl ClientAdvice {
    pub(in crate::saml) fn is_empty(&self) -> bool {
        self.channel_binding.is_none() && self.generated_key.is_none()
    }

    pub(in crate::saml) fn write(&self, w: &mut Writer, in_header: bool) {
        if let Some(binding) = &self.channel_binding {
            binding.write(w, in_header);
        }
        if let Some(key) = &self.generated_key {
            w.open("samlec:GeneratedKey").namespace("samlec", SAML_EC);
            finish(w, in_header, key);
        }
    }
}

/// The rest of an open element; in a header it says whom it is for.
fn finish(w: &mut Writer, in_header: bool, text: &str) {
    if in_header {
        for_next(w);
    }
    w.text(text).close();
}

fn for_next(w: &mut Writer) {
    w.attribute("soap11:actor", SOAP_NEXT).attribute("soap11:mustUnderstand", "1");
}

/// The answer to an enhanced client.
#[derive(Clone, Copy, Debug)]
pub struct ClientAnswer<'a> {
    /// The registered address that the client has to compare with the one it was told (ECP 2.3.7).
    pub acs_url: &'a str,
    /// Whether the request was under a verified signature of the service provider.
    pub request_authenticated: bool,
    /// What the assertion says too.
    pub advice: &'a ClientAdvice,
    /// The Response, as it was written.
    pub response: &'a str,
}

impl ClientAnswer<'_> {
    /// The whole envelope.
    pub fn write(&self) -> Result<String, IllegalCharacter> {
        let mut w = Writer::with_capacity(self.response.len() + 1024);
        w.open("soap11:Envelope").namespace("soap11", SOAP);
        w.open("soap11:Header");
        w.open("ecp:Response").namespace("ecp", ECP);
        w.attribute("AssertionConsumerServiceURL", self.acs_url);
        for_next(&mut w);
        w.close();
        if self.request_authenticated {
            w.open("ecp:RequestAuthenticated").namespace("ecp", ECP);
            for_next(&mut w);
            w.close();
        }
        self.advice.write(&mut w, true);
        w.close();
        w.open("soap11:Body").written(self.response).close();
        w.close();
        w.finish()
    }
}
