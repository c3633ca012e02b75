//! Reads a service provider's metadata: one entity, or several of which the admin picks one (MD-302). Unknown roles,
//! extensions and signatures are passed over; what is used is checked here, once.

use std::borrow::Cow;
use std::fmt;

use roxmltree::{Document, Node};
use serde::{Deserialize, Serialize};

use crate::base::Timestamp;
pub use crate::base::encryption::KeyUse;
use crate::base::name_id::NameIdFormat;
use crate::base::subject_id::{REQUIREMENT, SubjectIdentifier};
use crate::saml::certificate::{Certificate, CertificateFault, VerificationKey, parse_certificate};
use crate::saml::dsig::{SignatureFault, verify_element};
use crate::saml::metadata::choose::{Choices, Wanted, choose, sp_descriptor};
use crate::saml::metadata::locate::{Location, LocationFault};
use crate::saml::names::{ALG_SUPPORT, ASSERTION, DSIG, METADATA, METADATA_ATTRIBUTES};
use crate::saml::receive::{AcsBinding, AssertionConsumer};
use crate::saml::request::parse_index;
use crate::saml::xml::reader::{Source, attribute, boolean, check_ids, children, plain_text};
use crate::saml::xml::{Limits, XmlFault};

/// Longest entity ID (Metadata 2.3.2).
pub const MAX_ENTITY_ID: usize = 1024;

/// Metadata can't be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MetadataFault {
    /// It can't be read.
    Xml(XmlFault),
    /// Its root is neither an entity nor a list of them.
    NotMetadata,
    /// It has several service providers; the caller says which.
    EntityIdRequired(Choices),
    /// It does not have the one asked for.
    EntityUnknown(Choices),
    /// It has no service provider.
    NoServiceProvider,
    /// The entity ID is missing or too long.
    EntityId,
    /// It says that it is no longer valid.
    Expired(Timestamp),
    /// It names no address that takes responses by HTTP-POST.
    NoAcs,
    /// An address can't be used.
    Location {
        /// The element.
        element: Cow<'static, str>,
        /// The address, cut.
        url: String,
        /// What is wrong with it.
        fault: LocationFault,
    },
    /// A value is not what the schema says.
    Value(Cow<'static, str>),
    /// It has no signature of the key that it must be signed with.
    Signature(SignatureFault),
    /// It is signed, but does not say until when it is valid.
    NoEnd,
    /// It is signed for longer than is believed.
    EndTooFar(Timestamp),
}

impl MetadataFault {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Xml(fault) => fault.code(),
            Self::NotMetadata => "metadata_not_saml",
            Self::EntityIdRequired(_) => "entity_id_required",
            Self::EntityUnknown(_) => "entity_id_unknown",
            Self::NoServiceProvider => "metadata_no_service_provider",
            Self::EntityId => "metadata_entity_id",
            Self::Expired(_) => "metadata_expired",
            Self::NoAcs => "metadata_no_acs",
            Self::Location { fault, .. } => fault.code(),
            Self::Value(_) => "metadata_value",
            Self::Signature(_) => "metadata_signature",
            Self::NoEnd => "metadata_valid_until_missing",
            Self::EndTooFar(_) => "metadata_valid_until_too_far",
        }
    }
}

impl fmt::Display for MetadataFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Xml(fault) => write!(f, "The metadata can't be read because {fault}. Check the file."),
            Self::NotMetadata => f.write_str(
                "This is XML, but not SAML metadata. Upload the file that the service provider calls its metadata.",
            ),
            Self::EntityIdRequired(choices) => {
                f.write_str("The metadata describes several service providers. Say which one by its entity ID.")?;
                choices.tell_rest(f)
            }
            Self::EntityUnknown(choices) => {
                f.write_str("The metadata describes no service provider of this entity ID. Pick one of those it has.")?;
                choices.tell_rest(f)
            }
            Self::NoServiceProvider => f.write_str(
                "The metadata describes no SAML 2.0 service provider. Check that it is not an identity provider's.",
            ),
            Self::EntityId => f.write_str("The metadata has no usable entity ID. Ask the service provider for another."),
            Self::Expired(at) => {
                write!(f, "The metadata was valid until {at} only. Ask the service provider for a new one.")
            }
            Self::NoAcs => f.write_str(
                "The metadata names no address that takes responses by HTTP-POST or HTTP-Artifact. Ask the service provider for one.",
            ),
            Self::Location { element, url, fault } => write!(f, "{element} {url}: {}", fault.sentence()),
            Self::Value(place) => write!(f, "The metadata has a value in {place} that SAML does not allow."),
            Self::Signature(_) => f.write_str(
                "The metadata is not signed with the key of the certificate that was given for it. Check the address and the certificate.",
            ),
            Self::NoEnd => f.write_str(
                "The metadata is signed, but does not say until when it is valid. Ask its publisher for validUntil, or take it without a certificate.",
            ),
            Self::EndTooFar(at) => write!(
                f,
                "The metadata is signed to be valid until {at}, which is longer than is believed. Ask its publisher for a nearer validUntil."
            ),
        }
    }
}

impl std::error::Error for MetadataFault {}

impl From<XmlFault> for MetadataFault {
    fn from(fault: XmlFault) -> Self {
        Self::Xml(fault)
    }
}

/// A certificate of the service provider.
#[derive(Clone, Debug)]
pub struct CertificateEntry {
    /// What it is for.
    pub usage: KeyUse,
    /// The certificate.
    pub certificate: Certificate,
    /// URIs of the `EncryptionMethod`s listed with it, in order; none: anything goes (ALG-405).
    pub encryption_methods: Vec<String>,
}

/// An endpoint for logout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// URI of the binding.
    pub binding: String,
    /// Where requests go.
    pub location: String,
    /// Where responses go, when elsewhere.
    pub response_location: Option<String>,
}

/// An attribute that the service provider asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedAttribute {
    /// Its name.
    pub name: String,
    /// Whether it can't do without.
    pub is_required: bool,
}

/// A set of attributes that requests name by its index (Metadata 2.4.4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeService {
    /// Its index.
    pub index: u16,
    /// What it asks for.
    pub attributes: Vec<RequestedAttribute>,
}

/// What a service provider's metadata says.
#[derive(Clone, Debug)]
pub struct SpMetadata {
    /// Its entity ID.
    pub entity_id: String,
    /// Its ACS addresses, in order.
    pub acs: Vec<AssertionConsumer>,
    /// The NameID formats that it takes, by URI as written.
    pub name_id_formats: Vec<String>,
    /// `AuthnRequestsSigned`, where it was said.
    pub authn_requests_signed: Option<bool>,
    /// `WantAssertionsSigned`, where it was said.
    pub want_assertions_signed: Option<bool>,
    /// Certificates that can be used.
    pub certificates: Vec<CertificateEntry>,
    /// Certificates that can't.
    pub refused_certificates: Vec<CertificateFault>,
    /// URIs of the `alg:SigningMethod`s that it takes, in its order; none: anything goes (ALG-405).
    pub signing_methods: Vec<String>,
    /// Logout endpoints.
    pub single_logout: Vec<Endpoint>,
    /// Its sets of attributes.
    pub attribute_services: Vec<AttributeService>,
    /// The identifier that it needs as an attribute, where it says so.
    pub subject_identifier: Option<SubjectIdentifier>,
    /// When it ceases to be valid.
    pub valid_until: Option<Timestamp>,
    /// How long a copy may be kept before it is fetched again, in milliseconds, where that was said.
    pub cache_duration: Option<i64>,
}

/// What signed metadata must fulfil (MD-307).
#[derive(Clone, Debug)]
pub struct Trust {
    /// The key that its publisher was bound to, known from elsewhere.
    pub key: VerificationKey,
    /// How far ahead its end may lie, in milliseconds.
    pub horizon: i64,
}

impl SpMetadata {
    /// The first NameID format that we know, in the service provider's order.
    #[must_use]
    pub fn preferred_name_id_format(&self) -> Option<NameIdFormat> {
        self.name_id_formats.iter().find_map(|urn| NameIdFormat::from_urn(urn))
    }
}

/// Reads metadata. `wanted` picks one entity of several; `allow_http` lets endpoints be plain http.
pub fn read_sp_metadata<'a>(
    octets: &[u8],
    wanted: impl Into<Wanted<'a>>,
    now: Timestamp,
    allow_http: bool,
) -> Result<SpMetadata, MetadataFault> {
    let source = Source::new(octets, &Limits::METADATA)?;
    let document = source.parse()?;
    read_root(document.root_element(), wanted.into(), now, allow_http)
}

/// The same for metadata whose root must be signed by a known key, and must say until when it is valid. Everything is
/// read from the element that was verified.
pub fn read_signed_sp_metadata<'a>(
    octets: &[u8],
    wanted: impl Into<Wanted<'a>>,
    now: Timestamp,
    allow_http: bool,
    trust: &Trust,
) -> Result<SpMetadata, MetadataFault> {
    let source = Source::new(octets, &Limits::METADATA)?;
    let document = source.parse()?;
    read_root(verified_root(&document, now, trust)?, wanted.into(), now, allow_http)
}

/// The root, once it is known to be signed by the key that its publisher was bound to, for no longer than is believed.
pub(super) fn verified_root<'a, 'i>(
    document: &'a Document<'i>,
    now: Timestamp,
    trust: &Trust,
) -> Result<Node<'a, 'i>, MetadataFault> {
    // Entities of a list may be signed one by one beside it; only the signature over all of it counts.
    check_ids(document)?;
    let verified = verify_element(document.root_element(), std::slice::from_ref(&trust.key))
        .map_err(MetadataFault::Signature)?;
    let root = verified.element();
    let end = attribute(root, "validUntil").ok_or(MetadataFault::NoEnd)?;
    let end = Timestamp::parse_rfc3339(end).ok_or(value("validUntil"))?;
    if end.since(now) > trust.horizon {
        return Err(MetadataFault::EndTooFar(end));
    }
    Ok(root)
}

fn read_root(
    root: Node<'_, '_>,
    wanted: Wanted<'_>,
    now: Timestamp,
    allow_http: bool,
) -> Result<SpMetadata, MetadataFault> {
    let (entity_id, entity) = choose(root, wanted)?;
    let descriptor = sp_descriptor(entity).ok_or(MetadataFault::NoServiceProvider)?;
    let (valid_until, cache_duration) = lifetime(descriptor, now)?;
    let metadata = read_descriptor(entity_id, descriptor, allow_http)?;
    Ok(SpMetadata { valid_until, cache_duration, ..metadata })
}

/// Until when an element is valid, and how long it may be kept, in milliseconds. Lists, entity and role may each set
/// both; the earliest end and the shortest time count (Metadata 2.2, 2.3).
pub(super) fn lifetime(
    element: Node<'_, '_>,
    now: Timestamp,
) -> Result<(Option<Timestamp>, Option<i64>), MetadataFault> {
    let (mut valid_until, mut cache_duration) = (None, None);
    for node in element.ancestors().filter(Node::is_element) {
        if let Some(time) = attribute(node, "cacheDuration").and_then(duration) {
            cache_duration = Some(cache_duration.map_or(time, |shorter: i64| shorter.min(time)));
        }
        if let Some(text) = attribute(node, "validUntil") {
            let end = Timestamp::parse_rfc3339(text).ok_or(value("validUntil"))?;
            valid_until = Some(valid_until.map_or(end, |earlier: Timestamp| earlier.min(end)));
        }
    }
    match valid_until.filter(|end| *end <= now) {
        Some(end) => Err(MetadataFault::Expired(end)),
        None => Ok((valid_until, cache_duration)),
    }
}

const fn value(place: &'static str) -> MetadataFault {
    MetadataFault::Value(Cow::Borrowed(place))
}

/// `xs:duration` in milliseconds; years and months count as 365 and 30 days, as nothing hangs on a day of them.
fn duration(text: &str) -> Option<i64> {
    let text = text.trim();
    let span: jiff::Span =
        Some(text).filter(|text| text.len() <= 64 && text.starts_with('P'))?.parse().ok()?;
    let days = i64::from(span.get_years()) * 365 + i64::from(span.get_months()) * 30;
    let days = days + i64::from(span.get_weeks()) * 7 + i64::from(span.get_days());
    let seconds = i64::from(span.get_hours()) * 3600 + span.get_minutes() * 60 + span.get_seconds();
    days.checked_mul(86_400)?.checked_add(seconds)?.checked_mul(1000)
}

fn read_descriptor(
    entity_id: &str,
    role: Node<'_, '_>,
    allow_http: bool,
) -> Result<SpMetadata, MetadataFault> {
    let acs: Vec<AssertionConsumer> = children(role, METADATA, "AssertionConsumerService")
        .map(|node| read_acs(node, allow_http))
        .collect::<Result<_, _>>()?;
    if !acs.iter().any(|acs| acs.binding.is_some_and(AcsBinding::is_of_browsers)) {
        return Err(MetadataFault::NoAcs);
    }
    let (mut certificates, mut refused_certificates) = (Vec::new(), Vec::new());
    for descriptor in children(role, METADATA, "KeyDescriptor") {
        let usage = match attribute(descriptor, "use") {
            None => KeyUse::Both,
            Some("signing") => KeyUse::Signing,
            Some("encryption") => KeyUse::Encryption,
            Some(_) => return Err(value("KeyDescriptor use")),
        };
        let encryption_methods: Vec<String> = children(descriptor, METADATA, "EncryptionMethod")
            .filter_map(|method| attribute(method, "Algorithm").map(str::to_owned))
            .collect();
        for text in certificate_texts(descriptor) {
            match parse_certificate(text?.as_bytes()) {
                Ok(certificate) => {
                    let encryption_methods = encryption_methods.clone();
                    certificates.push(CertificateEntry { usage, certificate, encryption_methods });
                }
                Err(fault) => refused_certificates.push(fault),
            }
        }
    }
    let name_id_formats = children(role, METADATA, "NameIDFormat")
        .map(|node| plain_text(node).map(|text| text.trim().to_owned()))
        .collect::<Result<_, _>>()?;
    Ok(SpMetadata {
        entity_id: entity_id.to_owned(),
        acs,
        name_id_formats,
        authn_requests_signed: flag(role, "AuthnRequestsSigned")?,
        want_assertions_signed: flag(role, "WantAssertionsSigned")?,
        certificates,
        refused_certificates,
        signing_methods: signing_methods(role),
        single_logout: children(role, METADATA, "SingleLogoutService")
            .map(|node| read_endpoint(node, allow_http))
            .collect::<Result<_, _>>()?,
        attribute_services: read_attribute_services(role)?,
        subject_identifier: role.parent_element().and_then(subject_identifier),
        valid_until: None,
        cache_duration: None,
    })
}

/// What the role says of the signatures that it takes; without a word, what the entity says (Algorithm Support 2.4).
fn signing_methods(role: Node<'_, '_>) -> Vec<String> {
    let listed = |node: Node<'_, '_>| -> Vec<String> {
        children(node, METADATA, "Extensions")
            .flat_map(|extensions| children(extensions, ALG_SUPPORT, "SigningMethod"))
            .filter_map(|method| attribute(method, "Algorithm").map(str::to_owned))
            .collect()
    };
    let of_role = listed(role);
    if of_role.is_empty() { role.parent_element().map(listed).unwrap_or_default() } else { of_role }
}

/// What an entity says that it needs to know people by (Subject Identifier Attributes Profile 4). A list of several, or
/// of what is not known, says nothing.
fn subject_identifier(entity: Node<'_, '_>) -> Option<SubjectIdentifier> {
    let mut said = children(entity, METADATA, "Extensions")
        .flat_map(|extensions| children(extensions, METADATA_ATTRIBUTES, "EntityAttributes"))
        .flat_map(|attributes| children(attributes, ASSERTION, "Attribute"))
        .filter(|node| attribute(*node, "Name") == Some(REQUIREMENT))
        .flat_map(|node| children(node, ASSERTION, "AttributeValue"));
    let (value, None) = (said.next()?, said.next()) else { return None };
    SubjectIdentifier::fulfilling(plain_text(value).ok()?.trim())
}

fn certificate_texts<'a>(descriptor: Node<'a, '_>) -> Vec<Result<&'a str, XmlFault>> {
    children(descriptor, DSIG, "KeyInfo")
        .flat_map(|info| children(info, DSIG, "X509Data"))
        .flat_map(|data| children(data, DSIG, "X509Certificate"))
        .map(|node| plain_text(node))
        .collect()
}

fn location(
    node: Node<'_, '_>,
    element: &'static str,
    name: &str,
    allow_http: bool,
) -> Result<Option<String>, MetadataFault> {
    let Some(url) = attribute(node, name) else {
        return Ok(None);
    };
    match Location::parse(url, allow_http) {
        Ok(location) => Ok(Some(location.into_string())),
        Err(fault) => Err(MetadataFault::Location {
            element: element.into(),
            url: url.chars().take(200).collect(),
            fault,
        }),
    }
}

fn read_acs(node: Node<'_, '_>, allow_http: bool) -> Result<AssertionConsumer, MetadataFault> {
    const PLACE: &str = "AssertionConsumerService";
    let url = location(node, PLACE, "Location", allow_http)?.ok_or(value(PLACE))?;
    location(node, PLACE, "ResponseLocation", allow_http)?;
    // The schema demands an index, but real files lack it.
    let index = attribute(node, "index")
        .map(|text| parse_index(text).ok_or(value("AssertionConsumerService index")))
        .transpose()?;
    Ok(AssertionConsumer {
        url,
        index,
        is_default: flag(node, "isDefault")?,
        binding: AcsBinding::from_uri(attribute(node, "Binding").unwrap_or_default()),
    })
}

fn read_endpoint(node: Node<'_, '_>, allow_http: bool) -> Result<Endpoint, MetadataFault> {
    const PLACE: &str = "SingleLogoutService";
    Ok(Endpoint {
        binding: attribute(node, "Binding").unwrap_or_default().to_owned(),
        location: location(node, PLACE, "Location", allow_http)?.ok_or(value(PLACE))?,
        response_location: location(node, PLACE, "ResponseLocation", allow_http)?,
    })
}

/// Indexes are demanded by the schema; a set without one, or with one that is taken, can't be asked for.
fn read_attribute_services(role: Node<'_, '_>) -> Result<Vec<AttributeService>, MetadataFault> {
    let mut services: Vec<AttributeService> = Vec::new();
    for service in children(role, METADATA, "AttributeConsumingService") {
        let Some(index) = attribute(service, "index").and_then(parse_index) else { continue };
        if services.iter().any(|known| known.index == index) {
            continue;
        }
        let attributes = children(service, METADATA, "RequestedAttribute")
            .map(|node| {
                Ok(RequestedAttribute {
                    name: attribute(node, "Name").map(str::to_owned).ok_or(value("RequestedAttribute"))?,
                    is_required: flag(node, "isRequired")?.unwrap_or(false),
                })
            })
            .collect::<Result<_, MetadataFault>>()?;
        services.push(AttributeService { index, attributes });
    }
    Ok(services)
}

fn flag(node: Node<'_, '_>, name: &'static str) -> Result<Option<bool>, MetadataFault> {
    attribute(node, name).map(|text| boolean(text).ok_or(value(name))).transpose()
}
