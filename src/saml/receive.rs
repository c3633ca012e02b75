//! From octets to a trusted request: every check that decides whether a message is from the registered service
//! provider, meant for us, fresh, and to be answered at an address we know. The stages are types, so that none can be
//! skipped: [`Message`] → [`Trusted`], or a named [`Refusal`].
//!
//! Replay, sessions and access are not known here; the caller adds them.

use roxmltree::{Document, Node};

use crate::base::Timestamp;
pub use crate::base::binding::AcsBinding;
use crate::base::clock::MINUTE;
use crate::base::name_id::NameIdFormat;
use crate::saml::binding::{Binding, Message, RelayState, verify_redirect_signature};
use crate::saml::certificate::VerificationKey;
use crate::saml::dsig::{holds_signature, verify_element, verify_root};
use crate::saml::ecp::{self, ChannelBinding, ClientHeaders};
use crate::saml::names::{DSIG, FORMAT_ENCRYPTED};
use crate::saml::refusal::{Reason, Refusal, Reply};
use crate::saml::request::{AuthnRequest, Outline, Version, is_authn_request, issuer, parse_index};
use crate::saml::status::Status;
use crate::saml::xml::Limits;
use crate::saml::xml::reader::{Source, check_ids, is};

/// One registered AssertionConsumerService.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssertionConsumer {
    /// Where responses go.
    pub url: String,
    /// Its index.
    pub index: Option<u16>,
    /// `isDefault`, where it was said.
    pub is_default: Option<bool>,
    /// How it takes them; `None`: by none of the bindings that we send by.
    pub binding: Option<AcsBinding>,
}

/// What is registered of a service provider. Everything that matters for security comes from here, never from a
/// message (SAML-108).
#[expect(clippy::struct_excessive_bools, reason = "four independent switches of an application")]
#[derive(Clone, Copy, Debug)]
pub struct ServiceProvider<'a> {
    /// Its entity ID.
    pub entity_id: &'a str,
    /// Its ACS addresses, in the order of its metadata.
    pub acs: &'a [AssertionConsumer],
    /// Its keys for signatures.
    pub signing_keys: &'a [VerificationKey],
    /// Unsigned requests are refused.
    pub require_signed_requests: bool,
    /// An enveloped signature is accepted on the Redirect binding.
    pub redirect_enveloped_signature: bool,
    /// A signed request may lack Destination.
    pub allow_missing_destination: bool,
    /// RelayState is held to 80 bytes.
    pub strict_relay_state: bool,
}

/// Who we are towards this service provider.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint<'a> {
    /// The IdP URL, as configured, not as called.
    pub url: &'a str,
    /// The application's IdP entity ID.
    pub entity_id: &'a str,
}

/// How fresh a request must be, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// The instant of receipt.
    pub now: Timestamp,
    pub(in crate::saml) skew: i64,
    max_age: i64,
}

impl Timing {
    /// At this instant, with ten minutes of age and three of skew.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self { now, skew: 3 * MINUTE, max_age: 10 * MINUTE }
    }

    /// Sets skew (at most five minutes, SAML-111) and age.
    #[must_use]
    pub fn within(self, skew: i64, max_age: i64) -> Self {
        Self { skew: skew.clamp(0, 5 * MINUTE), max_age: max_age.max(0), ..self }
    }
}

/// When a message is looked at.
#[derive(Clone, Copy, Debug)]
pub enum Stage {
    /// It has just arrived: everything is checked.
    First(Timing),
    /// It was parked while the person signed in. Age and destination were judged at first receipt; everything that an
    /// admin may have changed since is judged again (decision 2).
    Resumed,
}

/// The NameID that an answer must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WantedNameId {
    /// Its format.
    pub format: NameIdFormat,
    /// Whether the request wants it encrypted, whatever the application's settings.
    pub encrypted: bool,
    /// Whether the request names a format: then there has to be one.
    pub asked: bool,
}

/// A request that is from the registered service provider, and the registered address its answer goes to.
#[derive(Clone, Debug)]
pub struct Trusted {
    request: AuthnRequest,
    sp_entity_id: String,
    acs_url: String,
    binding: AcsBinding,
    relay_state: Option<RelayState>,
    signed: bool,
    client: Option<Client>,
}

/// What an enhanced client that brought a request has to be told beside the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The connection that it and the service provider agree on.
    pub channel_binding: Option<ChannelBinding>,
    /// Whether it asks for a key.
    pub wants_key: bool,
}

impl Trusted {
    /// What it asks for.
    #[must_use]
    pub fn request(&self) -> &AuthnRequest {
        &self.request
    }

    /// The registered ACS URL.
    #[must_use]
    pub fn acs_url(&self) -> &str {
        &self.acs_url
    }

    /// How that address takes responses.
    #[must_use]
    pub fn binding(&self) -> AcsBinding {
        self.binding
    }

    /// What is to be given back.
    #[must_use]
    pub fn relay_state(&self) -> Option<&RelayState> {
        self.relay_state.as_ref()
    }

    /// The enhanced client, if it came by one.
    #[must_use]
    pub fn client(&self) -> Option<&Client> {
        self.client.as_ref()
    }

    /// Whether it carried a signature, which then was verified. Its ID must not be seen twice (SAML-131).
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.signed
    }

    /// A refusal that is answered at the ACS, when its reason is one of those that are.
    #[must_use]
    pub fn refuse(&self, reason: Reason) -> Refusal {
        let reply = reason.status().map(|status| Box::new(self.reply(status)));
        Refusal { reason, mismatch: None, reply, signed: self.signed }
    }

    /// Where an error of this status goes.
    #[must_use]
    pub fn reply(&self, status: Status) -> Reply {
        Reply {
            acs_url: self.acs_url.clone(),
            binding: self.binding,
            in_response_to: self.request.id.clone(),
            status,
            relay_state: self.relay_state.clone(),
        }
    }

    /// The format that the NameID must have: the one asked for, if the application offers it, else its default
    /// (Core 3.4.1.1, SAML-116). `can_encrypt`: whether an encrypted one can be had (SAML-117).
    pub fn name_id_format(
        &self,
        default: NameIdFormat,
        offered: &[NameIdFormat],
        can_encrypt: bool,
    ) -> Result<WantedNameId, Refusal> {
        /// Not in the standard, but sent by many for `unspecified`.
        const UNSPECIFIED_AS_2_0: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:unspecified";
        let refuse = || self.refuse(Reason::NameIdPolicy);
        let wanted = |format, encrypted, asked| Ok(WantedNameId { format, encrypted, asked });
        let Some(policy) = &self.request.name_id_policy else {
            return wanted(default, false, false);
        };
        // Affiliations are not known here, so only the service provider's own name space can be meant.
        if policy.sp_name_qualifier.as_ref().is_some_and(|qualifier| *qualifier != self.sp_entity_id) {
            return Err(refuse());
        }
        match policy.format.as_deref() {
            None | Some(UNSPECIFIED_AS_2_0) => wanted(default, false, false),
            // What is inside is ours to choose (Core 3.4.1.1).
            Some(FORMAT_ENCRYPTED) if can_encrypt => wanted(default, true, true),
            Some(urn) => match NameIdFormat::from_urn(urn) {
                Some(NameIdFormat::Unspecified) => wanted(default, false, false),
                Some(format) if format == default || offered.contains(&format) => wanted(format, false, true),
                _ => Err(refuse()),
            },
        }
    }
}

/// Checks a message against what is registered.
pub fn receive(
    message: &Message,
    sp: &ServiceProvider<'_>,
    endpoint: &Endpoint<'_>,
    stage: Stage,
) -> Result<Trusted, Refusal> {
    let source = Source::new(&message.xml, &Limits::MESSAGE)?;
    let document = source.parse()?;
    check_ids(&document)?;
    let (root, headers) = match message.binding {
        Binding::Soap => ecp::open(&document).map(|(root, headers)| (root, Some(headers)))?,
        Binding::Redirect | Binding::Post => (document.root_element(), None),
    };
    if !is_authn_request(root) {
        return Err(Reason::NotAnAuthnRequest.into());
    }
    // What a browser brings is answered by way of a browser, and what an enhanced client brings by it.
    let by_browser = headers.is_none();
    let fits = |acs: &&AssertionConsumer| acs.binding.is_none_or(AcsBinding::is_of_browsers) == by_browser;
    let acs: Vec<AssertionConsumer> = sp.acs.iter().filter(fits).cloned().collect();
    let sp = &ServiceProvider { acs: &acs, ..*sp };
    check_issuer(root, sp)?;
    let (node, signed) = check_signature(message, &document, root, sp)?;
    receive_from(message, (node, headers.as_ref()), signed, sp, endpoint, stage).map_err(|refusal| {
        // Whoever caught one once has its signature for ever.
        let is_fresh = !matches!(refusal.reason, Reason::Stale | Reason::FromTheFuture);
        Refusal { signed: signed && is_fresh, ..refusal }
    })
}

/// The rest, of whoever it is from.
fn receive_from(
    message: &Message,
    (node, headers): (Node<'_, '_>, Option<&ClientHeaders>),
    signed: bool,
    sp: &ServiceProvider<'_>,
    endpoint: &Endpoint<'_>,
    stage: Stage,
) -> Result<Trusted, Refusal> {
    let outline = Outline::read(node)?;
    if let Stage::First(timing) = stage {
        // A service provider need not know which identity provider an enhanced client will go to.
        check_destination(&outline, sp, endpoint, signed && message.binding != Binding::Soap)?;
        check_age(&outline, timing)?;
    }
    if sp.strict_relay_state && message.relay_state.as_ref().is_some_and(RelayState::exceeds_standard) {
        return Err(Reason::RelayStateOverStandard.into());
    }
    let acs = resolve_acs(&outline, sp)?;
    // An address that takes nothing from us can't take the error either; the default one can.
    let fallback = || default_acs(sp.acs).and_then(|acs| Some((acs, acs.binding?)));
    let answer_at = acs.binding.map(|binding| (acs, binding)).or_else(fallback);
    let (answer_at, binding) = answer_at.ok_or(Reason::AcsNone)?;
    let details = read_details(node, &outline, acs, endpoint).and_then(|request| {
        let client = headers.map(|headers| -> Result<Client, Reason> {
            let sp = ecp::bindings_of_request(node).map_err(|_| Reason::SchemaViolation)?;
            let channel_binding = ecp::matching(headers, &sp, signed)?;
            Ok(Client { channel_binding, wants_key: headers.wants_key })
        });
        Ok((request, client.transpose()?))
    });
    let (request, client) = details.map_err(|reason: Reason| {
        let reply = |status| {
            Box::new(Reply {
                acs_url: answer_at.url.clone(),
                binding,
                in_response_to: outline.id.clone(),
                status,
                relay_state: message.relay_state.clone(),
            })
        };
        Refusal { reason, mismatch: None, reply: reason.status().map(reply), signed }
    })?;
    Ok(Trusted {
        request,
        sp_entity_id: sp.entity_id.to_owned(),
        acs_url: answer_at.url.clone(),
        binding,
        relay_state: message.relay_state.clone(),
        signed,
        client,
    })
}

/// Byte for byte (Core 1.3.1, SAML-109).
pub(in crate::saml) fn check_issuer(root: Node<'_, '_>, sp: &ServiceProvider<'_>) -> Result<(), Refusal> {
    let issuer = issuer(root)?;
    if issuer == sp.entity_id {
        Ok(())
    } else {
        Err(Refusal::local(Reason::IssuerUnknown).because(sp.entity_id, issuer))
    }
}

/// Verifies whatever signature there is (SAML-106) and answers the node that may be read, and whether it is signed.
fn check_signature<'a, 'i>(
    message: &Message,
    document: &'a Document<'i>,
    root: Node<'a, 'i>,
    sp: &ServiceProvider<'_>,
) -> Result<(Node<'a, 'i>, bool), Refusal> {
    if sp.require_signed_requests && sp.signing_keys.is_empty() {
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
    if sp.require_signed_requests && !signed {
        return Err(Reason::SignatureMissing.into());
    }
    Ok((root, signed))
}

/// Verifies the one signature that a document holds, over its message, and answers what was signed.
pub(in crate::saml) fn verify_enveloped<'a, 'i>(
    message: &Message,
    document: &'a Document<'i>,
    root: Node<'a, 'i>,
    keys: &[VerificationKey],
) -> Result<Node<'a, 'i>, Refusal> {
    let verified = match message.binding {
        Binding::Soap => {
            if document.descendants().filter(|node| is(*node, DSIG, "Signature")).count() != 1 {
                return Err(Reason::SignatureMalformed.into());
            }
            verify_element(root, keys)
        }
        Binding::Redirect | Binding::Post => verify_root(document, keys),
    };
    Ok(verified.map_err(Reason::from)?.element())
}

pub(in crate::saml) fn check_destination(
    outline: &Outline,
    sp: &ServiceProvider<'_>,
    endpoint: &Endpoint<'_>,
    signed: bool,
) -> Result<(), Refusal> {
    match outline.destination.as_deref() {
        Some(destination) if destination == endpoint.url => Ok(()),
        Some(destination) => {
            Err(Refusal::local(Reason::DestinationMismatch).because(endpoint.url, destination))
        }
        // Bindings 3.4.5.2 and 3.5.5.2: a signed message must say where it is for.
        None if signed && !sp.allow_missing_destination => Err(Reason::DestinationMissing.into()),
        None => Ok(()),
    }
}

pub(in crate::saml) fn check_age(outline: &Outline, timing: Timing) -> Result<(), Refusal> {
    let age = timing.now.since(outline.issue_instant);
    let reason = if age > timing.max_age {
        Reason::Stale
    } else if age < -timing.skew {
        Reason::FromTheFuture
    } else {
        return Ok(());
    };
    let received = outline.issue_instant.to_xs_date_time();
    Err(Refusal::local(reason).because(timing.now.to_xs_date_time(), &received))
}

/// The registered address that the answer goes to: equal to the letter, by index, or the default (SAML-113, -114); of
/// several, the one whose binding was asked for.
fn resolve_acs<'a>(outline: &Outline, sp: &ServiceProvider<'a>) -> Result<&'a AssertionConsumer, Refusal> {
    let default = default_acs(sp.acs).ok_or(Reason::AcsNone)?;
    if let Some(text) = &outline.acs_index {
        if outline.acs_url.is_some() || outline.protocol_binding.is_some() {
            return Err(Reason::AcsAmbiguous.into());
        }
        let index = parse_index(text);
        return sp.acs.iter().find(|acs| index.is_some() && acs.index == index).ok_or_else(|| {
            let known: Vec<String> =
                sp.acs.iter().filter_map(|acs| acs.index).map(|i| i.to_string()).collect();
            Refusal::local(Reason::AcsIndexUnknown).because(known.join(" "), text)
        });
    }
    let asked = outline.protocol_binding.as_deref().and_then(AcsBinding::from_uri);
    let Some(url) = &outline.acs_url else {
        // The default of that binding; without one, what is refused for it goes to the default of all.
        return Ok(
            default_among(sp.acs, |binding| asked.is_none_or(|asked| asked == binding)).unwrap_or(default)
        );
    };
    let mut matching: Vec<&AssertionConsumer> = sp.acs.iter().filter(|acs| acs.url == *url).collect();
    let usual = asked.or(Some(AcsBinding::Post));
    matching.sort_by_key(|acs| acs.binding != usual);
    matching.first().copied().ok_or_else(|| {
        let known: Vec<&str> = sp.acs.iter().map(|acs| acs.url.as_str()).collect();
        Refusal::local(Reason::AcsUnregistered).because(known.join(" "), url)
    })
}

/// The default address of those that we can send to: `isDefault`, else the first that is not said to be none, else the
/// first (Metadata 2.4.4).
#[must_use]
pub fn default_acs(acs: &[AssertionConsumer]) -> Option<&AssertionConsumer> {
    default_among(acs, |_| true)
}

fn default_among(acs: &[AssertionConsumer], fits: impl Fn(AcsBinding) -> bool) -> Option<&AssertionConsumer> {
    let usable = || acs.iter().filter(|acs| acs.binding.is_some_and(&fits));
    usable()
        .find(|acs| acs.is_default == Some(true))
        .or_else(|| usable().find(|acs| acs.is_default.is_none()))
        .or_else(|| usable().next())
}

/// The checks whose failure is answered at the ACS.
fn read_details(
    node: Node<'_, '_>,
    outline: &Outline,
    acs: &AssertionConsumer,
    endpoint: &Endpoint<'_>,
) -> Result<AuthnRequest, Reason> {
    match outline.version {
        Version::Two => {}
        Version::Lower => return Err(Reason::VersionTooLow),
        Version::Higher => return Err(Reason::VersionTooHigh),
        Version::Unknown => return Err(Reason::VersionInvalid),
    }
    let asked = outline.protocol_binding.as_deref();
    if acs.binding.is_none_or(|binding| asked.is_some_and(|uri| uri != binding.uri())) {
        return Err(Reason::BindingUnsupported);
    }
    // Broken values in an otherwise trusted request are a matter between the service provider and us.
    let request = AuthnRequest::read(node, outline).map_err(|reason| match reason {
        Reason::Xml(_) => Reason::SchemaViolation,
        other => other,
    })?;
    if request.idp_list.as_ref().is_some_and(|list| list.iter().all(|idp| idp != endpoint.entity_id)) {
        return Err(Reason::IdpNotListed);
    }
    Ok(request)
}

#[cfg(test)]
#[path = "receive_tests.rs"]
mod tests;
