//! Verifies the one enveloped signature that a SAML message may carry (Core 5.4, SAML-105). Strict by subtraction:
//! one Signature, child of the root; one Reference, to the root's ID; two transforms; listed algorithms; registered
//! keys only. The value over SignedInfo is checked before anything else is canonicalised, so that a stranger can't
//! make us work.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roxmltree::{Document, Node};
use serde::{Deserialize, Serialize};

use crate::saml::certificate::VerificationKey;
use crate::saml::names::{DSIG, ENVELOPED, EXC_C14N};
use crate::saml::sign::{DigestAlgorithm, SignatureAlgorithm};
use crate::saml::xml::XmlFault;
use crate::saml::xml::c14n;
use crate::saml::xml::reader::{attribute, check_ids, is, plain_text};

/// Keys tried at most for one signature (MD-305).
pub(crate) const MAX_KEYS: usize = 10;

/// Why a signature is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SignatureFault {
    /// The document holds something that breaks reading it.
    Xml(XmlFault),
    /// More than one signature, or one that is not a child of the root.
    Misplaced,
    /// It is built in a way that SAML does not allow.
    Structure,
    /// It covers something else than the root.
    Reference,
    /// An algorithm that is not on the list (ALG-402).
    Algorithm,
    /// No key is registered.
    NoKey,
    /// No registered key fits the value.
    Value,
    /// The content is not what was signed.
    Digest,
}

impl From<XmlFault> for SignatureFault {
    fn from(fault: XmlFault) -> Self {
        Self::Xml(fault)
    }
}

/// Proof that an element is covered by a signature of a registered key. Only [`verify_root`] and
/// [`verify_element`] make one, and what is read of a signed message is read from it.
#[derive(Clone, Copy, Debug)]
pub struct Verified<'a, 'i> {
    element: Node<'a, 'i>,
}

impl<'a, 'i> Verified<'a, 'i> {
    /// The element. Its own Signature child is not covered, everything else in it is.
    pub fn element(&self) -> Node<'a, 'i> {
        self.element
    }
}

/// Whether the document holds a `ds:Signature` anywhere.
pub(crate) fn holds_signature(document: &Document<'_>) -> bool {
    document.descendants().any(|node| is(node, DSIG, "Signature"))
}

/// Verifies the signature over the document's root, the only one that the document may hold.
pub fn verify_root<'a, 'i>(
    document: &'a Document<'i>,
    keys: &[VerificationKey],
) -> Result<Verified<'a, 'i>, SignatureFault> {
    check_ids(document)?;
    if document.descendants().filter(|node| is(*node, DSIG, "Signature")).count() != 1 {
        return Err(SignatureFault::Misplaced);
    }
    verify_element(document.root_element(), keys)
}

/// Verifies the one signature that is a child of this element and covers it. What else the document holds is the
/// caller's to judge, its IDs ([`check_ids`]) first of all.
pub fn verify_element<'a, 'i>(
    element: Node<'a, 'i>,
    keys: &[VerificationKey],
) -> Result<Verified<'a, 'i>, SignatureFault> {
    let mut signatures = element.children().filter(|node| is(*node, DSIG, "Signature"));
    let signature = signatures.next().ok_or(SignatureFault::Misplaced)?;
    if signatures.next().is_some() {
        return Err(SignatureFault::Misplaced);
    }
    let parts = Parts::read(signature)?;
    if Some(parts.reference) != attribute(element, "ID").filter(|id| !id.is_empty()) {
        return Err(SignatureFault::Reference);
    }
    if keys.is_empty() {
        return Err(SignatureFault::NoKey);
    }
    let signed_info = c14n::exclusive(parts.signed_info, &parts.info_prefixes, None)?;
    let mut fitting = keys.iter().filter(|key| key.fits(parts.algorithm)).take(MAX_KEYS);
    if !fitting.any(|key| key.verifies(parts.algorithm, signed_info.as_bytes(), &parts.value)) {
        return Err(SignatureFault::Value);
    }
    let content = c14n::exclusive(element, &parts.content_prefixes, Some(signature.id()))?;
    let digest = parts.digest_algorithm.digest(content.as_bytes()).map_err(|_| SignatureFault::Digest)?;
    if digest != parts.digest {
        return Err(SignatureFault::Digest);
    }
    Ok(Verified { element })
}

/// What a Signature says, once its shape is known to be the one we accept.
struct Parts<'a, 'i> {
    signed_info: Node<'a, 'i>,
    info_prefixes: Vec<&'a str>,
    algorithm: SignatureAlgorithm,
    value: Vec<u8>,
    /// The ID referred to.
    reference: &'a str,
    content_prefixes: Vec<&'a str>,
    digest_algorithm: DigestAlgorithm,
    digest: Vec<u8>,
}

impl<'a, 'i> Parts<'a, 'i> {
    fn read(signature: Node<'a, 'i>) -> Result<Self, SignatureFault> {
        let (signed_info, value) = match elements(signature)?.as_slice() {
            [info, value] => (*info, *value),
            // KeyInfo is passed over: keys come from what is registered only (MD-305).
            [info, value, key_info] if is(*key_info, DSIG, "KeyInfo") => (*info, *value),
            _ => return Err(SignatureFault::Structure),
        };
        expect(signed_info, "SignedInfo")?;
        expect(value, "SignatureValue")?;
        let [method, algorithm, reference] = exactly(signed_info)?;
        expect(method, "CanonicalizationMethod")?;
        expect(algorithm, "SignatureMethod")?;
        expect(reference, "Reference")?;
        let info_prefixes = exclusive_method(method)?;
        exactly::<0>(algorithm)?;
        let algorithm = attribute(algorithm, "Algorithm")
            .and_then(SignatureAlgorithm::from_uri)
            .ok_or(SignatureFault::Algorithm)?;
        let [transforms, digest_method, digest] = exactly(reference)?;
        expect(transforms, "Transforms")?;
        expect(digest_method, "DigestMethod")?;
        expect(digest, "DigestValue")?;
        let [enveloped, exclusive] = exactly(transforms)?;
        expect(enveloped, "Transform")?;
        expect(exclusive, "Transform")?;
        exactly::<0>(enveloped)?;
        if attribute(enveloped, "Algorithm") != Some(ENVELOPED) {
            return Err(SignatureFault::Algorithm);
        }
        exactly::<0>(digest_method)?;
        let digest_algorithm = attribute(digest_method, "Algorithm")
            .and_then(DigestAlgorithm::from_uri)
            .ok_or(SignatureFault::Algorithm)?;
        let uri = attribute(reference, "URI").and_then(|uri| uri.strip_prefix('#'));
        Ok(Self {
            signed_info,
            info_prefixes,
            algorithm,
            value: decode(value)?,
            reference: uri.ok_or(SignatureFault::Reference)?,
            content_prefixes: exclusive_method(exclusive)?,
            digest_algorithm,
            digest: decode(digest)?,
        })
    }
}

/// The element children. Text and comments between them are refused.
fn elements<'a, 'i>(node: Node<'a, 'i>) -> Result<Vec<Node<'a, 'i>>, SignatureFault> {
    let mut found = Vec::with_capacity(4);
    for child in node.children() {
        if child.is_element() {
            found.push(child);
        } else if !child.is_text() || child.text().is_some_and(|text| !text.trim().is_empty()) {
            return Err(SignatureFault::Structure);
        }
    }
    Ok(found)
}

fn exactly<'a, 'i, const N: usize>(node: Node<'a, 'i>) -> Result<[Node<'a, 'i>; N], SignatureFault> {
    elements(node)?.try_into().map_err(|_| SignatureFault::Structure)
}

fn expect(node: Node<'_, '_>, name: &str) -> Result<(), SignatureFault> {
    if is(node, DSIG, name) { Ok(()) } else { Err(SignatureFault::Structure) }
}

/// Checks that a method is exclusive canonicalisation without comments and answers its PrefixList.
fn exclusive_method<'a>(method: Node<'a, '_>) -> Result<Vec<&'a str>, SignatureFault> {
    if attribute(method, "Algorithm") != Some(EXC_C14N) {
        return Err(SignatureFault::Algorithm);
    }
    match elements(method)?.as_slice() {
        [] => Ok(Vec::new()),
        [list] if is(*list, EXC_C14N, "InclusiveNamespaces") && !list.has_children() => {
            let prefixes = attribute(*list, "PrefixList").unwrap_or_default();
            Ok(prefixes.split_ascii_whitespace().take(64).collect())
        }
        _ => Err(SignatureFault::Structure),
    }
}

/// Base64 text, line breaks allowed.
fn decode(node: Node<'_, '_>) -> Result<Vec<u8>, SignatureFault> {
    let compact: String = plain_text(node)?.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(compact).map_err(|_| SignatureFault::Structure)
}
