//! Which algorithms a service provider's metadata leaves us: what it lists is kept to, or the metadata is refused
//! (ALG-405). What it does not speak of stays the administrator's choice.

use serde::{Deserialize, Serialize};

use crate::base::signature::{KeyType, SignatureAlgorithm};
use crate::base::{Error, Result};
use crate::catalog::sso::{Change, EncryptionAlgorithm, KeyTransport, SsoPatch, SsoSettings};
use crate::saml::metadata::{KeyUse, SpMetadata};

/// What metadata lists of algorithms, as far as we speak them. `None`: it lists none of that kind.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Listed {
    signatures: Option<Vec<SignatureAlgorithm>>,
    ciphers: Option<Vec<EncryptionAlgorithm>>,
    transports: Option<Vec<KeyTransport>>,
}

/// The URIs of XML Encryption that carry a key instead of an element.
const KEY_TRANSPORT: [&str; 3] = [
    "http://www.w3.org/2001/04/xmlenc#rsa-1_5",
    "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
    "http://www.w3.org/2009/xmlenc11#rsa-oaep",
];

impl Listed {
    /// What this metadata lists. Of several certificates to encrypt for, the first that lists any counts.
    #[must_use]
    pub fn of(metadata: &SpMetadata) -> Self {
        let methods = metadata
            .certificates
            .iter()
            .filter(|entry| entry.usage != KeyUse::Signing)
            .map(|entry| entry.encryption_methods.as_slice())
            .find(|methods| !methods.is_empty())
            .unwrap_or_default();
        let (transports, ciphers): (Vec<&String>, Vec<&String>) =
            methods.iter().partition(|uri| KEY_TRANSPORT.contains(&uri.as_str()));
        Self {
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

    /// Whether nothing that we speak can be used to encrypt for it.
    #[must_use]
    pub fn forbids_encryption(&self) -> bool {
        let none = |listed: Option<usize>| listed == Some(0);
        none(self.ciphers.as_ref().map(Vec::len)) || none(self.transports.as_ref().map(Vec::len))
    }

    /// Moves the settings inside what is listed, and refuses what can't be: encryption that is switched on, and a
    /// signature that `key` can't make.
    pub fn choose(&self, old: &SsoSettings, key: Option<KeyType>, patch: &mut SsoPatch) -> Result<()> {
        if let Some(listed) = self.signatures.as_ref().filter(|l| !l.contains(&old.signature_algorithm)) {
            let fitting =
                listed.iter().copied().find(|algorithm| key.is_none_or(|key| key.makes(*algorithm)));
            patch.signature_algorithm = fitting.map(Change::Set).ok_or_else(|| {
                Error::field(
                    "signature_algorithm",
                    "signing_method_unsupported",
                    "The application's metadata lists the signatures that it takes, and the key that signs here makes none of them. Make a next key of another kind and switch to it, or ask for other metadata.",
                )
            })?;
        }
        if self.forbids_encryption() && old.encrypts() {
            return Err(Error::field(
                "encrypt_assertion",
                "encryption_method_unsupported",
                "The application's metadata lists only ways to encrypt that are broken and not used here. Ask it for AES-GCM with RSA-OAEP, or switch encryption off first.",
            ));
        }
        if let Some(listed) = self.ciphers.as_ref().filter(|l| !l.contains(&old.encryption_algorithm)) {
            patch.encryption_algorithm = listed.first().copied().map_or(Change::Keep, Change::Set);
        }
        if let Some(listed) = self.transports.as_ref().filter(|l| !l.contains(&old.key_transport)) {
            patch.key_transport = listed.first().copied().map_or(Change::Keep, Change::Set);
        }
        Ok(())
    }
}

/// Those of the listed URIs that we speak; `None` when none is listed at all.
fn known<T>(uris: &[&String], find: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    (!uris.is_empty()).then(|| uris.iter().filter_map(|uri| find(uri)).collect())
}
