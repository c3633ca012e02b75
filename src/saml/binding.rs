//! The bindings' outer layer: a query string or a form body becomes the octets of one message, within bounds
//! (Bindings 3.4 and 3.5). It decides nothing about what the message says.
//!
//! Both functions take what arrived, undecoded, so that a parked request can be kept as it came and read again.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::{Decompress, FlushDecompress, Status as Inflated};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};

use crate::saml::certificate::VerificationKey;
use crate::saml::dsig::MAX_KEYS;
use crate::saml::names::ENCODING_DEFLATE;
use crate::saml::refusal::{Reason, Refusal};
use crate::saml::sign::SignatureAlgorithm;

/// Largest message as base64.
pub const MAX_ENCODED: usize = 64 * 1024;
/// Largest message as XML.
pub const MAX_INFLATED: usize = 128 * 1024;
/// Most that one octet may inflate to, above [`RATIO_FLOOR`].
const MAX_RATIO: usize = 100;
const RATIO_FLOOR: usize = 16 * 1024;
/// Largest query string or body looked at: a message, a RelayState and a signature, all percent-encoded.
const MAX_RAW: usize = 3 * (MAX_ENCODED + MAX_RELAY_STATE + 4096);
/// Longest RelayState accepted, in bytes (SAML-127).
pub const MAX_RELAY_STATE: usize = 2048;
/// Longest RelayState by the letter of Bindings 3.4.3.
pub const STANDARD_RELAY_STATE: usize = 80;

/// How a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Binding {
    /// HTTP-Redirect: GET, from the query.
    Redirect,
    /// HTTP-POST: POST, from the form.
    Post,
    /// SOAP 1.1, from one server to the other: the octets are a whole envelope.
    Soap,
}

/// Which of the two parameters carried a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carried {
    /// `SAMLRequest`.
    Request,
    /// `SAMLResponse`.
    Response,
}

impl Carried {
    /// The parameter's name.
    #[must_use]
    pub fn parameter(self) -> &'static str {
        match self {
            Self::Request => "SAMLRequest",
            Self::Response => "SAMLResponse",
        }
    }
}

/// The service provider's opaque text. It goes back unchanged, to the ACS only (SAML-126).
#[derive(Clone, PartialEq, Eq)]
pub struct RelayState(String);

impl std::fmt::Debug for RelayState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RelayState({} bytes)", self.0.len())
    }
}

impl RelayState {
    /// Takes a decoded RelayState, unless it is too long or can't travel through a form.
    pub fn new(text: String) -> Result<Self, Reason> {
        if text.len() > MAX_RELAY_STATE {
            return Err(Reason::RelayStateTooLong);
        }
        // U+0000 has no form in HTML: a browser would send back something else.
        if text.contains('\0') { Err(Reason::RelayStateUnusable) } else { Ok(Self(text)) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is longer than the standard allows: accepted, but worth a warning.
    #[must_use]
    pub fn exceeds_standard(&self) -> bool {
        self.0.len() > STANDARD_RELAY_STATE
    }
}

/// The signature parameters of the Redirect binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectSignature {
    algorithm: Option<SignatureAlgorithm>,
    value: Vec<u8>,
    /// The octets as they came, in the order that is signed.
    received: String,
    /// The same values in the form that `encodeURIComponent` gives.
    re_encoded: String,
}

/// A message, as octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// How it came.
    pub binding: Binding,
    /// In which parameter.
    pub carried: Carried,
    /// The XML, undeciphered.
    pub xml: Vec<u8>,
    /// What is to be given back.
    pub relay_state: Option<RelayState>,
    /// The signature over the query, on the Redirect binding.
    pub redirect_signature: Option<RedirectSignature>,
}

/// Reads a query string that carries a request. `raw_query` is as it came, without `?`.
pub fn decode_redirect(raw_query: &str) -> Result<Message, Refusal> {
    Parameters::read(raw_query)?.only_a_request()?.redirect()
}

/// Reads a body of `application/x-www-form-urlencoded` that carries a request, as it came.
pub fn decode_post(raw_body: &str) -> Result<Message, Refusal> {
    Parameters::read(raw_body)?.only_a_request()?.post()
}

/// The same where a response may come as well: at the address for logout.
pub fn decode_redirect_either(raw_query: &str) -> Result<Message, Refusal> {
    Parameters::read(raw_query)?.redirect()
}

/// The same for a form.
pub fn decode_post_either(raw_body: &str) -> Result<Message, Refusal> {
    Parameters::read(raw_body)?.post()
}

impl Parameters {
    /// A response where only a request is taken stands for something else than it claims.
    fn only_a_request(self) -> Result<Self, Reason> {
        match self.message {
            Some((Carried::Response, _)) => Err(Reason::ParameterPollution),
            _ => Ok(self),
        }
    }

    fn redirect(self) -> Result<Message, Refusal> {
        let parameters = self;
        let (carried, message) = parameters.message.as_ref().ok_or(Reason::MissingRequest)?;
        let carried = *carried;
        if parameters.encoding.as_ref().is_some_and(|encoding| encoding.decoded != ENCODING_DEFLATE) {
            return Err(Reason::UnknownEncoding.into());
        }
        if message.decoded.len() > MAX_ENCODED {
            return Err(Reason::RequestTooLarge.into());
        }
        let deflated = STANDARD.decode(&message.decoded).map_err(|_| Reason::BadEncoding)?;
        let redirect_signature = parameters.signature()?;
        let xml = inflate(&deflated)?;
        let relay_state = parameters.relay_state.map(|p| RelayState::new(p.decoded)).transpose()?;
        Ok(Message { binding: Binding::Redirect, carried, xml, relay_state, redirect_signature })
    }

    fn post(self) -> Result<Message, Refusal> {
        if self.signature.is_some() || self.algorithm.is_some() {
            return Err(Reason::SimpleSign.into());
        }
        let (carried, message) = self.message.ok_or(Reason::MissingRequest)?;
        if message.decoded.len() > MAX_ENCODED {
            return Err(Reason::RequestTooLarge.into());
        }
        let compact: String = message.decoded.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let octets = STANDARD.decode(compact).map_err(|_| Reason::BadEncoding)?;
        // Some service providers deflate here too, against the standard (decision 7).
        let begins_as_xml =
            octets.trim_ascii_start().first() == Some(&b'<') || octets.starts_with(b"\xef\xbb\xbf");
        let xml = if begins_as_xml { octets } else { inflate(&octets)? };
        let relay_state = self.relay_state.map(|p| RelayState::new(p.decoded)).transpose()?;
        Ok(Message { binding: Binding::Post, carried, xml, relay_state, redirect_signature: None })
    }
}

/// Verifies the signature over a query: the octets as received, then exactly once in the form that
/// `encodeURIComponent` gives to the same values (decision 7, SAML-104).
pub fn verify_redirect_signature(
    signature: &RedirectSignature,
    keys: &[VerificationKey],
) -> Result<(), Reason> {
    let algorithm = signature.algorithm.ok_or(Reason::SignatureAlgorithm)?;
    if keys.is_empty() {
        return Err(Reason::SignatureKeyUnknown);
    }
    let again = Some(&signature.re_encoded).filter(|form| **form != signature.received);
    for octets in std::iter::once(&signature.received).chain(again) {
        let mut fitting = keys.iter().filter(|key| key.fits(algorithm)).take(MAX_KEYS);
        if fitting.any(|key| key.verifies(algorithm, octets.as_bytes(), &signature.value)) {
            return Ok(());
        }
    }
    Err(Reason::SignatureInvalid)
}

/// The query or form with nothing but the parameters of the binding, octet for octet: what has to be kept of a message
/// that was read already. An encoded name is none of theirs: it was refused when the message was read.
#[must_use]
pub fn essential(raw: &str) -> String {
    const NAMES: [&str; 5] = ["SAMLRequest", "RelayState", "SigAlg", "Signature", "SAMLEncoding"];
    let is_ours = |pair: &&str| NAMES.contains(&pair.split_once('=').map_or(*pair, |(name, _)| name));
    raw.split('&').filter(is_ours).collect::<Vec<_>>().join("&")
}

/// One parameter, as it came and decoded.
struct Parameter {
    raw: String,
    decoded: String,
}

/// The parameters that concern us, each at most once.
#[derive(Default)]
struct Parameters {
    message: Option<(Carried, Parameter)>,
    relay_state: Option<Parameter>,
    algorithm: Option<Parameter>,
    signature: Option<Parameter>,
    encoding: Option<Parameter>,
}

impl Parameters {
    /// Others are passed over; ours twice, by an encoded name, a request beside a response, and an artifact are refused.
    fn read(raw: &str) -> Result<Self, Reason> {
        if raw.len() > MAX_RAW {
            return Err(Reason::RequestTooLarge);
        }
        let mut found = Self::default();
        for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
            let (raw_name, raw_value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(raw_name).map_err(|_| Reason::ParameterPollution)?;
            let carried = [Carried::Request, Carried::Response].into_iter().find(|c| c.parameter() == name);
            if let Some(carried) = carried {
                if found.message.is_some() || name != raw_name {
                    return Err(Reason::ParameterPollution);
                }
                let parameter = Parameter { raw: raw_value.to_owned(), decoded: decode(raw_value)? };
                found.message = Some((carried, parameter));
                continue;
            }
            let place = match name.as_str() {
                "RelayState" => &mut found.relay_state,
                "SigAlg" => &mut found.algorithm,
                "Signature" => &mut found.signature,
                "SAMLEncoding" => &mut found.encoding,
                "SAMLart" => return Err(Reason::ParameterPollution),
                _ => continue,
            };
            if place.is_some() || name != raw_name {
                return Err(Reason::ParameterPollution);
            }
            *place = Some(Parameter { raw: raw_value.to_owned(), decoded: decode(raw_value)? });
        }
        Ok(found)
    }

    fn signature(&self) -> Result<Option<RedirectSignature>, Reason> {
        let (signature, algorithm) = match (&self.signature, &self.algorithm) {
            (Some(signature), Some(algorithm)) => (signature, algorithm),
            (None, None) => return Ok(None),
            _ => return Err(Reason::SignatureIncomplete),
        };
        let compact: String = signature.decoded.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let value = STANDARD.decode(compact).map_err(|_| Reason::BadEncoding)?;
        let signed = [
            (
                self.message.as_ref().map_or("SAMLRequest", |(carried, _)| carried.parameter()),
                self.message.as_ref().map(|(_, parameter)| parameter),
            ),
            ("RelayState", self.relay_state.as_ref()),
            ("SigAlg", Some(algorithm)),
        ];
        let join = |value: &dyn Fn(&Parameter) -> String| {
            let pairs: Vec<String> =
                signed.iter().filter_map(|(name, p)| p.map(|p| format!("{name}={}", value(p)))).collect();
            pairs.join("&")
        };
        Ok(Some(RedirectSignature {
            algorithm: SignatureAlgorithm::from_uri(&algorithm.decoded),
            value,
            received: join(&|p| p.raw.clone()),
            re_encoded: join(&|p| encode_uri_component(&p.decoded)),
        }))
    }
}

/// Decodes one name or value of `application/x-www-form-urlencoded`.
fn decode(raw: &str) -> Result<String, Reason> {
    let spaced = raw.replace('+', " ");
    let well_formed = spaced.match_indices('%').all(|(at, _)| {
        spaced.as_bytes().get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    });
    if !well_formed {
        return Err(Reason::BadEncoding);
    }
    let decoded = percent_decode(spaced.as_bytes()).decode_utf8().map_err(|_| Reason::BadEncoding)?;
    Ok(decoded.into_owned())
}

/// As JavaScript's `encodeURIComponent` does.
fn encode_uri_component(text: &str) -> String {
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'_')
        .remove(b'.')
        .remove(b'!')
        .remove(b'~')
        .remove(b'*')
        .remove(b'\'')
        .remove(b'(')
        .remove(b')');
    utf8_percent_encode(text, KEPT).to_string()
}

/// Inflates a raw DEFLATE stream (RFC 1951) that must fill the input exactly, within [`MAX_INFLATED`] and
/// [`MAX_RATIO`] (A-08, SAML-103).
fn inflate(deflated: &[u8]) -> Result<Vec<u8>, Reason> {
    let bound = MAX_INFLATED.min(RATIO_FLOOR.max(deflated.len().saturating_mul(MAX_RATIO)));
    let mut out = Vec::with_capacity(4096);
    let mut inflater = Decompress::new(false);
    loop {
        if out.len() == out.capacity() {
            if out.len() >= bound {
                return Err(Reason::RequestTooLarge);
            }
            out.reserve_exact(out.len().min(bound - out.len()).max(1));
        }
        let (read, written) = (inflater.total_in(), inflater.total_out());
        let consumed = usize::try_from(read).map_err(|_| Reason::RequestTooLarge)?;
        let status = inflater
            .decompress_vec(&deflated[consumed..], &mut out, FlushDecompress::None)
            .map_err(|_| Reason::BadDeflate)?;
        match status {
            Inflated::StreamEnd => break,
            _ if inflater.total_in() == read && inflater.total_out() == written => {
                return Err(Reason::BadDeflate);
            }
            _ => {}
        }
    }
    if out.len() > bound {
        return Err(Reason::RequestTooLarge);
    }
    if usize::try_from(inflater.total_in()) == Ok(deflated.len()) { Ok(out) } else { Err(Reason::BadDeflate) }
}

#[cfg(test)]
#[path = "binding_tests.rs"]
mod tests;
