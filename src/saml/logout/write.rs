//! Logout messages going out. For POST and SOAP they carry an enveloped signature, for Redirect the address is signed
//! (Bindings 3.4.4.1).

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::base::{Random, Timestamp};
use crate::saml::binding::Carried;
use crate::saml::dsig::envelop::{self, Finished};
use crate::saml::encrypt::Recipient;
use crate::saml::names::{ASSERTION, PROTOCOL};
use crate::saml::response::{NameId, WriteError};
use crate::saml::sign::{SignError, Signer};
use crate::saml::status::Status;
use crate::saml::xml::writer::Writer;

/// Everything a LogoutRequest of ours says.
#[derive(Clone, Debug)]
pub struct LogoutRequestInput<'a> {
    /// Fresh ID.
    pub id: &'a str,
    /// The instant of issue.
    pub issued_at: Timestamp,
    /// When it stops counting.
    pub not_on_or_after: Timestamp,
    /// The application's IdP entity ID.
    pub issuer: &'a str,
    /// The registered address for logout.
    pub destination: &'a str,
    /// Whose sessions, as the assertion said it.
    pub name_id: &'a NameId,
    /// Which of them.
    pub session_indexes: &'a [String],
    /// For whom the NameID is encrypted, if it is, and where fresh keys and nonces come from.
    pub encryption: Option<(&'a Recipient, &'a Random)>,
}

impl LogoutRequestInput<'_> {
    /// Writes it, with an enveloped signature if there is a signer.
    pub fn write(&self, signer: Option<&dyn Signer>) -> Result<String, WriteError> {
        let mut w = Writer::with_capacity(4096);
        let start = w.position();
        w.open("samlp:LogoutRequest")
            .namespace("samlp", PROTOCOL)
            .attribute("Destination", self.destination)
            .attribute("ID", self.id)
            .attribute("IssueInstant", &self.issued_at.to_xs_date_time())
            .attribute("NotOnOrAfter", &self.not_on_or_after.to_xs_date_time())
            .attribute("Version", "2.0");
        w.open("saml:Issuer").namespace("saml", ASSERTION).text(self.issuer).close();
        let after_issuer = w.position();
        if let Some((recipient, random)) = self.encryption {
            let sealed = self.name_id.encrypted(recipient, random)?;
            w.open("saml:EncryptedID").namespace("saml", ASSERTION).written(&sealed).close();
        } else {
            w.open("saml:NameID").namespace("saml", ASSERTION);
            self.name_id.finish(&mut w);
        }
        for index in self.session_indexes {
            w.leaf("samlp:SessionIndex", index);
        }
        w.close();
        signed(w, start, after_issuer, self.id, signer)
    }
}

/// Everything a LogoutResponse of ours says.
#[derive(Clone, Debug)]
pub struct LogoutResponseInput<'a> {
    /// Fresh ID.
    pub id: &'a str,
    /// The instant of issue.
    pub issued_at: Timestamp,
    /// The application's IdP entity ID.
    pub issuer: &'a str,
    /// The registered address for the answer; none over SOAP, where it goes back the way the request came.
    pub destination: Option<&'a str>,
    /// ID of the request.
    pub in_response_to: &'a str,
    /// What became of it.
    pub status: Status,
}

impl LogoutResponseInput<'_> {
    /// Writes it, with an enveloped signature if there is a signer.
    pub fn write(&self, signer: Option<&dyn Signer>) -> Result<String, WriteError> {
        let mut w = Writer::with_capacity(4096);
        let start = w.position();
        w.open("samlp:LogoutResponse")
            .namespace("samlp", PROTOCOL)
            .attribute_if("Destination", self.destination)
            .attribute("ID", self.id)
            .attribute("InResponseTo", self.in_response_to)
            .attribute("IssueInstant", &self.issued_at.to_xs_date_time())
            .attribute("Version", "2.0");
        w.open("saml:Issuer").namespace("saml", ASSERTION).text(self.issuer).close();
        let after_issuer = w.position();
        w.open("samlp:Status").open("samlp:StatusCode").attribute("Value", self.status.top_level());
        if let Some(second) = self.status.second_level() {
            w.open("samlp:StatusCode").attribute("Value", second).close();
        }
        w.close().close().close();
        signed(w, start, after_issuer, self.id, signer)
    }
}

fn signed(
    mut w: Writer,
    start: usize,
    after_issuer: usize,
    id: &str,
    signer: Option<&dyn Signer>,
) -> Result<String, WriteError> {
    if let Some(signer) = signer {
        envelop::sign(&mut w, &Finished { start, after_issuer, id, keeps_xs: false }, signer)?;
    }
    Ok(w.finish()?)
}

/// The address that carries a message by Redirect, signed over its query. The query of `location` stays, ours follows
/// it; the signature covers ours alone.
pub fn redirect_url(
    location: &str,
    carried: Carried,
    xml: &str,
    relay_state: Option<&str>,
    signer: &dyn Signer,
) -> Result<String, WriteError> {
    let backend = |error: std::io::Error| WriteError::Sign(SignError::Backend(Box::new(error)));
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(xml.as_bytes()).map_err(backend)?;
    let message = STANDARD.encode(encoder.finish().map_err(backend)?);
    let mut query = format!("{}={}", carried.parameter(), encoded(&message));
    if let Some(state) = relay_state {
        query.push_str("&RelayState=");
        query.push_str(&encoded(state));
    }
    query.push_str("&SigAlg=");
    query.push_str(&encoded(signer.algorithm().uri()));
    let signature = STANDARD.encode(signer.sign(query.as_bytes())?);
    let joint = match location.find('?') {
        None => "?",
        Some(at) if at + 1 == location.len() || location.ends_with('&') => "",
        Some(_) => "&",
    };
    Ok(format!("{location}{joint}{query}&Signature={}", encoded(&signature)))
}

/// Percent-encoded, every octet that any library might write otherwise.
fn encoded(text: &str) -> String {
    const KEPT: &percent_encoding::AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(text, KEPT).to_string()
}
