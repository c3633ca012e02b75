//! Which algorithms a service provider's metadata leaves us: what it lists is kept to, or the metadata is refused
//! (ALG-405). What it does not speak of stays the administrator's choice.

use crate::base::signature::{KeyType, SignatureAlgorithm};
use crate::base::{Error, Result};
use crate::catalog::sso::{
    Change, EncryptionAlgorithm, KeyTransport, ListedAlgorithms, SsoPatch, SsoSettings,
    encryption_unsupported,
};
use crate::saml::metadata::{KeyUse, SpMetadata};

/// The URIs of XML Encryption that carry a key instead of an element.
const KEY_TRANSPORT: [&str; 3] = [
    "http://www.w3.org/2001/04/xmlenc#rsa-1_5",
    "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
    "http://www.w3.org/2009/xmlenc11#rsa-oaep",
];

/// What this metadata lists. Of several certificates to encrypt for, the first that lists any counts.
pub(super) fn listed(metadata: &SpMetadata) -> ListedAlgorithms {
    let methods = metadata
        .certificates
        .iter()
        .filter(|entry| entry.usage != KeyUse::Signing)
        .map(|entry| entry.encryption_methods.as_slice())
        .find(|methods| !methods.is_empty())
        .unwrap_or_default();
    let (transports, ciphers): (Vec<&String>, Vec<&String>) =
        methods.iter().partition(|uri| KEY_TRANSPORT.contains(&uri.as_str()));
    ListedAlgorithms {
        signatures: known(&metadata.signing_methods.iter().collect::<Vec<_>>(), |uri| {
            SignatureAlgorithm::from_uri(uri)
        }),
        ciphers: known(&ciphers, |uri| {
            EncryptionAlgorithm::ALL.iter().copied().find(|algorithm| algorithm.uri() == uri)
        }),
        transports: known(&transports, |uri| {
            KeyTransport::ALL.iter().copied().find(|transport| transport.uri() == uri)
        }),
    }
}

/// Moves the settings inside what is listed, and refuses what can't be: encryption that is switched on, and a signature
/// that `key` can't make. The list is kept with the settings, so that they stay inside it.
pub(super) fn choose(
    listed: ListedAlgorithms,
    old: &SsoSettings,
    key: Option<KeyType>,
    patch: &mut SsoPatch,
) -> Result<()> {
    if !listed.takes_signature(old.signature_algorithm) {
        let fitting = signature_within(&listed, key).ok_or_else(|| {
            Error::field(
                "signature_algorithm",
                "signing_method_unsupported",
                "The application's metadata lists the signatures that it takes, and the key that signs here makes none of them. Make a next key of another kind and switch to it, or ask for other metadata.",
            )
        })?;
        patch.signature_algorithm = Change::Set(fitting);
    }
    if listed.forbids_encryption() && old.encrypts() {
        return Err(encryption_unsupported("encrypt_assertion"));
    }
    if let Some(listed) = listed.ciphers.as_ref().filter(|l| !l.contains(&old.encryption_algorithm)) {
        patch.encryption_algorithm = listed.first().copied().map_or(Change::Keep, Change::Set);
    }
    if let Some(listed) = listed.transports.as_ref().filter(|l| !l.contains(&old.key_transport)) {
        patch.key_transport = listed.first().copied().map_or(Change::Keep, Change::Set);
    }
    patch.listed_algorithms = Change::Set(listed);
    Ok(())
}

/// The first signature of the list that the key makes.
fn signature_within(listed: &ListedAlgorithms, key: Option<KeyType>) -> Option<SignatureAlgorithm> {
    let makes = |algorithm: &SignatureAlgorithm| key.is_none_or(|key| key.makes(*algorithm));
    listed.signatures.iter().flatten().copied().find(makes)
}

/// What a key signs with from now on, where it can't make the signatures of before: its usual ones, or what is listed.
pub(super) fn for_new_key(listed: &ListedAlgorithms, key: KeyType) -> Result<SignatureAlgorithm> {
    let mut usual = key.algorithms().iter().copied();
    usual.find(|algorithm| listed.takes_signature(*algorithm)).ok_or_else(|| {
        Error::conflict(
            "signing_method_unsupported",
            "The application's metadata lists the signatures that it takes, and this key makes none of them. Make one of another kind, or take over other metadata first.",
        )
    })
}

/// Those of the listed URIs that we speak; `None` when none is listed at all.
fn known<T>(uris: &[&String], find: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    (!uris.is_empty()).then(|| uris.iter().filter_map(|uri| find(uri)).collect())
}
