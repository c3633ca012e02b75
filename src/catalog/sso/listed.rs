//! Which algorithms an application's metadata lists (ALG-405). They are kept with the settings, so that what is changed
//! later stays inside them as well. What the metadata does not speak of is the administrator's choice.

use serde::{Deserialize, Serialize};

use super::SsoSettings;
use crate::base::encryption::{EncryptionAlgorithm, KeyTransport};
use crate::base::signature::SignatureAlgorithm;
use crate::base::{Error, Result};

/// What an application's metadata lists of algorithms, as far as they are spoken here; `null`: it lists none of that kind.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
#[serde(deny_unknown_fields, default)]
pub struct ListedAlgorithms {
    /// Signatures that it takes.
    pub signatures: Option<Vec<SignatureAlgorithm>>,
    /// Ciphers that it decrypts.
    pub ciphers: Option<Vec<EncryptionAlgorithm>>,
    /// Ways to carry their keys.
    pub transports: Option<Vec<KeyTransport>>,
}

/// Whether a list, if there is one, leaves room for a choice.
fn takes<T: PartialEq>(listed: Option<&Vec<T>>, chosen: &T) -> bool {
    listed.is_none_or(|listed| listed.contains(chosen))
}

impl ListedAlgorithms {
    /// Whether the application takes such signatures, as far as it says.
    #[must_use]
    pub fn takes_signature(&self, algorithm: SignatureAlgorithm) -> bool {
        takes(self.signatures.as_ref(), &algorithm)
    }

    /// Whether nothing that is spoken here can be used to encrypt for it.
    #[must_use]
    pub fn forbids_encryption(&self) -> bool {
        self.ciphers.as_ref().is_some_and(Vec::is_empty)
            || self.transports.as_ref().is_some_and(Vec::is_empty)
    }
}

impl SsoSettings {
    /// Whether what would be encrypted for the application is by algorithms that it lists.
    #[must_use]
    pub fn may_encrypt(&self) -> bool {
        let listed = &self.listed_algorithms;
        takes(listed.ciphers.as_ref(), &self.encryption_algorithm)
            && takes(listed.transports.as_ref(), &self.key_transport)
    }

    /// Refuses what would be sent and is not listed.
    pub fn check_listed(&self) -> Result<()> {
        let listed = &self.listed_algorithms;
        if !listed.takes_signature(self.signature_algorithm) {
            let taken = listed.signatures.as_ref();
            return Err(not_listed("signature_algorithm", "signatures", taken, SignatureAlgorithm::as_str));
        }
        if !self.encrypts() {
            return Ok(());
        }
        if listed.forbids_encryption() {
            let field = if self.encrypt_assertion { "encrypt_assertion" } else { "encrypt_name_id" };
            return Err(encryption_unsupported(field));
        }
        let (ciphers, transports) = (listed.ciphers.as_ref(), listed.transports.as_ref());
        if !takes(ciphers, &self.encryption_algorithm) {
            return Err(not_listed("encryption_algorithm", "ciphers", ciphers, EncryptionAlgorithm::as_str));
        }
        if !takes(transports, &self.key_transport) {
            let kind = "ways to carry a key";
            return Err(not_listed("key_transport", kind, transports, KeyTransport::as_str));
        }
        Ok(())
    }

    /// Whether two settings send by the same algorithms, to somebody who lists the same.
    #[must_use]
    pub fn has_algorithms_of(&self, other: &Self) -> bool {
        let sent = |sso: &Self| {
            (sso.signature_algorithm, sso.encrypts(), sso.encryption_algorithm, sso.key_transport)
        };
        sent(self) == sent(other) && self.listed_algorithms == other.listed_algorithms
    }
}

/// The refusal to encrypt for somebody who lists nothing that is spoken here.
#[must_use]
pub fn encryption_unsupported(field: &'static str) -> Error {
    Error::field(
        field,
        "encryption_method_unsupported",
        "The application's metadata lists only ways to encrypt that are broken and not used here. Ask it for AES-GCM with RSA-OAEP, or switch encryption off first.",
    )
}

fn not_listed<T: Copy>(
    field: &'static str,
    kind: &str,
    listed: Option<&Vec<T>>,
    name: impl Fn(T) -> &'static str,
) -> Error {
    let names: Vec<&str> = listed.into_iter().flatten().map(|one| name(*one)).collect();
    let message = format!(
        "The application's metadata lists the {kind} that it takes: {}. Choose one of them. If it takes others by now, take over its new metadata, or set listed_algorithms to null.",
        if names.is_empty() { "none that are used here".to_owned() } else { names.join(", ") }
    );
    Error::field(field, "algorithm_not_listed", message)
}
