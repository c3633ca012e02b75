//! What the lab sends: requests for sign-on and its metadata.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde::Deserialize;

use crate::base::{Error, Result, Timestamp};
use crate::lab::LabSp;
use crate::saml::names::{ASSERTION, BINDING_POST, METADATA, PROTOCOL};
use crate::saml::xml::writer::Writer;

/// How a sign-on is begun, from the query of `/start/{name}`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Wish {
    /// `post`, or by redirect.
    pub binding: Option<String>,
    /// RelayState to send.
    pub relay_state: Option<String>,
    /// ForceAuthn.
    #[serde(default)]
    pub force_authn: bool,
    /// IsPassive.
    #[serde(default)]
    pub is_passive: bool,
    /// Another ACS URL than the registered one, to see it refused.
    pub acs: Option<String>,
}

/// An AuthnRequest (Core 3.4.1).
pub(super) fn authn_request(sp: &LabSp, acs: &str, id: &str, now: Timestamp, wish: &Wish) -> Result<String> {
    let flag = |on: bool| on.then_some("true");
    let mut w = Writer::with_capacity(1024);
    w.open("samlp:AuthnRequest").namespace("samlp", PROTOCOL);
    w.attribute("AssertionConsumerServiceURL", wish.acs.as_deref().unwrap_or(acs))
        .attribute("Destination", &sp.idp_url)
        .attribute_if("ForceAuthn", flag(wish.force_authn))
        .attribute("ID", id)
        .attribute_if("IsPassive", flag(wish.is_passive))
        .attribute("IssueInstant", &now.to_xs_date_time())
        .attribute("ProtocolBinding", BINDING_POST)
        .attribute("Version", "2.0");
    w.open("saml:Issuer").namespace("saml", ASSERTION).text(&sp.entity_id).close();
    w.close();
    w.finish().map_err(Error::internal)
}

/// The address that carries a request by the Redirect binding (Bindings 3.4.4.1).
pub(super) fn redirect_url(sp: &LabSp, request: &str, relay_state: Option<&str>) -> Result<String> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(request.as_bytes()).map_err(Error::internal)?;
    let deflated = encoder.finish().map_err(Error::internal)?;
    let mut url = url::Url::parse(&sp.idp_url).map_err(Error::internal)?;
    url.query_pairs_mut().append_pair("SAMLRequest", &STANDARD.encode(deflated));
    if let Some(state) = relay_state {
        url.query_pairs_mut().append_pair("RelayState", state);
    }
    Ok(url.into())
}

/// The form field of the POST binding (Bindings 3.5.4).
pub(super) fn post_field(request: &str) -> String {
    STANDARD.encode(request)
}

/// The metadata of an application (Metadata 2.4.4).
pub(super) fn metadata(sp: &LabSp, acs: &str) -> Result<String> {
    let mut w = Writer::with_capacity(1024);
    w.open("md:EntityDescriptor").namespace("md", METADATA).attribute("entityID", &sp.entity_id);
    w.open("md:SPSSODescriptor")
        .attribute("AuthnRequestsSigned", "false")
        .attribute("WantAssertionsSigned", "true")
        .attribute("protocolSupportEnumeration", PROTOCOL);
    w.open("md:AssertionConsumerService")
        .attribute("Binding", BINDING_POST)
        .attribute("Location", acs)
        .attribute("index", "0")
        .attribute("isDefault", "true")
        .close();
    w.close().close();
    w.finish().map_err(Error::internal)
}
