//! The AuthnRequest as a type (Core 3.4.1). Reading happens in two steps: the outline that decides whether the
//! sender is trusted, and the details that only matter once it is. Extensions, Conditions, Consent, `ProviderName` and
//! foreign attributes are passed over (SAML-125).

use roxmltree::Node;

use crate::base::Timestamp;
use crate::base::name_id::NameIdFormat;
use crate::saml::names::{ASSERTION, FORMAT_ENTITY, PROTOCOL};
use crate::saml::refusal::Reason;
use crate::saml::response::NameId;
use crate::saml::xml::is_nc_name;
use crate::saml::xml::reader::{attribute, boolean, child, children, is, plain_text};

/// Longest ID of a request that we repeat, in characters (SAML-111).
const MAX_ID: usize = 256;
/// Longest text of a time; real ones have at most 32.
const MAX_INSTANT: usize = 64;

/// Version of the request, compared with 2.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 2.0.
    Two,
    /// Lower.
    Lower,
    /// Higher.
    Higher,
    /// Missing, or no version.
    Unknown,
}

/// What of a request decides whether its sender is trusted, and where the answer goes.
#[derive(Clone, Debug)]
pub(crate) struct Outline {
    pub id: String,
    pub version: Version,
    pub issue_instant: Timestamp,
    pub destination: Option<String>,
    pub acs_url: Option<String>,
    /// As text: it may be no number.
    pub acs_index: Option<String>,
    pub protocol_binding: Option<String>,
}

impl Outline {
    pub(crate) fn read(root: Node<'_, '_>) -> Result<Self, Reason> {
        let owned = |name: &str| attribute(root, name).map(str::to_owned);
        let id =
            owned("ID").filter(|id| id.chars().count() <= MAX_ID && is_nc_name(id)).ok_or(Reason::BadId)?;
        let issue_instant =
            attribute(root, "IssueInstant").and_then(parse_instant).ok_or(Reason::BadIssueInstant)?;
        Ok(Self {
            id,
            version: parse_version(attribute(root, "Version").unwrap_or_default()),
            issue_instant,
            destination: owned("Destination"),
            acs_url: owned("AssertionConsumerServiceURL"),
            acs_index: owned("AssertionConsumerServiceIndex"),
            protocol_binding: owned("ProtocolBinding"),
        })
    }
}

/// Whether the element is an AuthnRequest of SAML 2.0.
pub(crate) fn is_authn_request(root: Node<'_, '_>) -> bool {
    is(root, PROTOCOL, "AuthnRequest")
}

/// The Issuer's text, once its Format is known to be the one for entities (SAML-109).
pub(crate) fn issuer<'a>(root: Node<'a, '_>) -> Result<&'a str, Reason> {
    let issuer = child(root, ASSERTION, "Issuer")?.ok_or(Reason::IssuerMissing)?;
    if attribute(issuer, "Format").is_some_and(|format| format != FORMAT_ENTITY) {
        return Err(Reason::IssuerFormat);
    }
    Ok(plain_text(issuer)?)
}

/// A trusted service provider's wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthnRequest {
    /// Its ID, to be repeated as InResponseTo.
    pub id: String,
    /// When it was issued.
    pub issue_instant: Timestamp,
    /// The person must prove again who they are.
    pub force_authn: bool,
    /// Nothing may be asked of the person.
    pub is_passive: bool,
    /// The NameID wished for.
    pub name_id_policy: Option<NameIdPolicy>,
    /// The person wished for.
    pub subject: Option<RequestedSubject>,
    /// The kind of authentication wished for.
    pub authn_context: Option<RequestedAuthnContext>,
    /// Entity IDs of the identity providers that may answer.
    pub idp_list: Option<Vec<String>>,
    /// Which of the service provider's attribute sets is wished for.
    pub attribute_service_index: Option<u16>,
}

/// NameIDPolicy (Core 3.4.1.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameIdPolicy {
    /// URI of the format.
    pub format: Option<String>,
    /// In whose name space.
    pub sp_name_qualifier: Option<String>,
    /// Whether a new identifier may be made for it, where it was said. Left out it means `false` by Core 3.4.1.1, and
    /// yes here; see docs/security.md.
    pub allow_create: Option<bool>,
}

/// Subject of a request (Core 3.4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedSubject {
    /// URI of the NameID's format.
    pub format: Option<String>,
    /// The NameID.
    pub value: String,
    /// Its `NameQualifier`.
    pub name_qualifier: Option<String>,
    /// Its `SPNameQualifier`.
    pub sp_name_qualifier: Option<String>,
}

impl RequestedSubject {
    pub(crate) fn read(name_id: Node<'_, '_>) -> Result<Self, Reason> {
        let owned = |name: &str| attribute(name_id, name).map(str::to_owned);
        Ok(Self {
            format: owned("Format"),
            value: plain_text(name_id)?.to_owned(),
            name_qualifier: owned("NameQualifier"),
            sp_name_qualifier: owned("SPNameQualifier"),
        })
    }

    /// Whether the NameID about to be issued is strongly the one asked for (Core 3.3.4, SAML-122).
    #[must_use]
    pub fn matches(&self, issued: &NameId) -> bool {
        let format = match self.format.as_deref() {
            None => true,
            Some(urn) => urn == NameIdFormat::Unspecified.urn() || urn == issued.format.urn(),
        };
        let agrees = |asked: &Option<String>, issued: &Option<String>| asked.is_none() || asked == issued;
        format
            && self.value == issued.value
            && agrees(&self.name_qualifier, &issued.name_qualifier)
            && agrees(&self.sp_name_qualifier, &issued.sp_name_qualifier)
    }
}

/// How the classes asked for are compared (Core 3.3.2.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Comparison {
    /// One of them.
    #[default]
    Exact,
    /// At least as strong.
    Minimum,
    /// At most as strong.
    Maximum,
    /// Stronger.
    Better,
}

/// RequestedAuthnContext (Core 3.3.2.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedAuthnContext {
    /// How to compare.
    pub comparison: Comparison,
    /// URIs of the classes, best first. Empty when declarations were asked for, which we have none of.
    pub classes: Vec<String>,
}

impl AuthnRequest {
    pub(crate) fn read(root: Node<'_, '_>, outline: &Outline) -> Result<Self, Reason> {
        let attribute_service_index = attribute(root, "AttributeConsumingServiceIndex")
            .map(|text| parse_index(text).ok_or(Reason::SchemaViolation))
            .transpose()?;
        Ok(Self {
            id: outline.id.clone(),
            issue_instant: outline.issue_instant,
            force_authn: flag(root, "ForceAuthn")?,
            is_passive: flag(root, "IsPassive")?,
            name_id_policy: read_policy(root)?,
            subject: read_subject(root)?,
            authn_context: read_context(root)?,
            idp_list: read_idp_list(root)?,
            attribute_service_index,
        })
    }
}

fn flag(node: Node<'_, '_>, name: &str) -> Result<bool, Reason> {
    attribute(node, name).map_or(Ok(false), |text| boolean(text).ok_or(Reason::SchemaViolation))
}

fn read_policy(root: Node<'_, '_>) -> Result<Option<NameIdPolicy>, Reason> {
    let Some(policy) = child(root, PROTOCOL, "NameIDPolicy")? else {
        return Ok(None);
    };
    Ok(Some(NameIdPolicy {
        format: attribute(policy, "Format").map(str::to_owned),
        sp_name_qualifier: attribute(policy, "SPNameQualifier").map(str::to_owned),
        allow_create: attribute(policy, "AllowCreate")
            .map(|text| boolean(text).ok_or(Reason::SchemaViolation))
            .transpose()?,
    }))
}

fn read_subject(root: Node<'_, '_>) -> Result<Option<RequestedSubject>, Reason> {
    let Some(subject) = child(root, ASSERTION, "Subject")? else {
        return Ok(None);
    };
    if children(subject, ASSERTION, "SubjectConfirmation").next().is_some() {
        return Err(Reason::SubjectConfirmation);
    }
    // BaseID and EncryptedID are shapes that can't match anybody here.
    let name_id = child(subject, ASSERTION, "NameID")?.ok_or(Reason::SubjectMismatch)?;
    Ok(Some(RequestedSubject::read(name_id)?))
}

fn read_context(root: Node<'_, '_>) -> Result<Option<RequestedAuthnContext>, Reason> {
    let Some(context) = child(root, PROTOCOL, "RequestedAuthnContext")? else {
        return Ok(None);
    };
    let comparison = match attribute(context, "Comparison") {
        None | Some("exact") => Comparison::Exact,
        Some("minimum") => Comparison::Minimum,
        Some("maximum") => Comparison::Maximum,
        Some("better") => Comparison::Better,
        Some(_) => return Err(Reason::SchemaViolation),
    };
    let classes = texts(context, ASSERTION, "AuthnContextClassRef")?;
    Ok(Some(RequestedAuthnContext { comparison, classes }))
}

fn read_idp_list(root: Node<'_, '_>) -> Result<Option<Vec<String>>, Reason> {
    let Some(scoping) = child(root, PROTOCOL, "Scoping")? else {
        return Ok(None);
    };
    let Some(list) = child(scoping, PROTOCOL, "IDPList")? else {
        return Ok(None);
    };
    let entries = children(list, PROTOCOL, "IDPEntry");
    Ok(Some(entries.filter_map(|entry| attribute(entry, "ProviderID").map(str::to_owned)).collect()))
}

pub(crate) fn texts(
    node: Node<'_, '_>,
    namespace: &'static str,
    name: &'static str,
) -> Result<Vec<String>, Reason> {
    children(node, namespace, name).map(|child| Ok(plain_text(child)?.trim().to_owned())).collect()
}

/// `xs:unsignedShort`.
pub(crate) fn parse_index(text: &str) -> Option<u16> {
    let text = text.trim_matches([' ', '\t', '\n']);
    if text.is_empty() || text.len() > 8 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn parse_version(text: &str) -> Version {
    if text == "2.0" {
        return Version::Two;
    }
    let number = |part: &str| (part.len() <= 4).then(|| part.parse::<u16>().ok()).flatten();
    match text.split_once('.').and_then(|(major, minor)| Some((number(major)?, number(minor)?))) {
        Some(version) if version < (2, 0) => Version::Lower,
        Some(version) if version > (2, 0) => Version::Higher,
        _ => Version::Unknown,
    }
}

/// A time of Core 1.3.3: UTC, written with `Z`, `+00:00` or no zone. Any number of fraction digits up to the length
/// limit, in linear time (SAML-111).
pub(crate) fn parse_instant(text: &str) -> Option<Timestamp> {
    if text.len() > MAX_INSTANT || !text.is_ascii() || text.len() < 19 {
        return None;
    }
    let (seconds, rest) = text.split_at(19);
    let rest = rest.strip_suffix('Z').or_else(|| rest.strip_suffix("+00:00")).unwrap_or(rest);
    let fraction = match rest.strip_prefix('.') {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => digits,
        None if rest.is_empty() => "0",
        _ => return None,
    };
    let shape = seconds.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        10 => byte == b'T',
        13 | 16 => byte == b':',
        _ => byte.is_ascii_digit(),
    });
    if !shape {
        return None;
    }
    let millis = &fraction[..fraction.len().min(3)];
    Timestamp::parse_rfc3339(&format!("{seconds}.{millis}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saml_111_times_are_utc_and_bounded() {
        let base = Timestamp(1_795_334_400_000);
        for good in [
            "2026-11-22T08:00:00Z",
            "2026-11-22T08:00:00.0000000Z",
            "2026-11-22T08:00:00+00:00",
            "2026-11-22T08:00:00",
        ] {
            assert_eq!(parse_instant(good), Some(base), "{good}");
        }
        assert_eq!(parse_instant("2026-11-22T08:00:00.1239Z"), Some(base.plus(123)));
        for bad in [
            "",
            "now",
            "2026-11-22",
            "2026-11-22 08:00:00Z",
            "2026-11-22T08:00:00.Z",
            "2026-11-22T08:00:00+01:00",
            "2026-13-22T08:00:00Z",
            "2026-11-22T25:00:00Z",
            "2026-11-22T08:00:00z",
            "2026-11-22T08:00:00ZZ",
            "+002026-11-22T08:00:00Z",
            "2026-11-22T08:00:00.1e3Z",
            "２026-11-22T08:00:00Z",
        ] {
            assert_eq!(parse_instant(bad), None, "{bad}");
        }
        // Refused by its length, before anything reads the digits.
        assert_eq!(parse_instant(&format!("2026-11-22T08:00:00.{}Z", "1".repeat(1_000_000))), None);
    }

    #[test]
    fn saml_110_versions_are_compared_as_numbers() {
        for (text, version) in [
            ("2.0", Version::Two),
            ("1.1", Version::Lower),
            ("1.10", Version::Lower),
            ("2.1", Version::Higher),
            ("3.0", Version::Higher),
            ("10.0", Version::Higher),
            ("", Version::Unknown),
            ("2", Version::Unknown),
            ("2.00", Version::Unknown),
            (" 2.0", Version::Unknown),
            ("99999.0", Version::Unknown),
            ("-1.0", Version::Unknown),
        ] {
            assert_eq!(parse_version(text), version, "{text}");
        }
    }

    #[test]
    fn saml_114_indices_are_unsigned_shorts() {
        assert_eq!(parse_index("0"), Some(0));
        assert_eq!(parse_index("65535"), Some(65_535));
        for bad in ["", "-1", "+1", "65536", "1.0", "0x1", "123456789"] {
            assert_eq!(parse_index(bad), None, "{bad}");
        }
    }

    #[test]
    fn saml_122_a_requested_subject_must_match_strongly() {
        let issued = NameId {
            format: NameIdFormat::EmailAddress,
            value: "a@x.example".into(),
            name_qualifier: None,
            sp_name_qualifier: Some("sp".into()),
        };
        let ask = |format: Option<&str>, value: &str, qualifier: Option<&str>| RequestedSubject {
            format: format.map(str::to_owned),
            value: value.to_owned(),
            name_qualifier: None,
            sp_name_qualifier: qualifier.map(str::to_owned),
        };
        assert!(ask(None, "a@x.example", None).matches(&issued));
        assert!(ask(Some(issued.format.urn()), "a@x.example", Some("sp")).matches(&issued));
        assert!(ask(Some(NameIdFormat::Unspecified.urn()), "a@x.example", None).matches(&issued));
        assert!(!ask(None, "A@x.example", None).matches(&issued));
        assert!(!ask(None, "b@x.example", None).matches(&issued));
        assert!(!ask(Some(NameIdFormat::Persistent.urn()), "a@x.example", None).matches(&issued));
        assert!(!ask(None, "a@x.example", Some("other")).matches(&issued));
    }
}
