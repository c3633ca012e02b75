//! What sign-on keeps in memory: applications with their opened keys, people with their groups, the settings. Each
//! entry carries the epoch it was read under and counts only while that epoch stands.

use std::sync::{Arc, Mutex, PoisonError};

use moka::sync::Cache;

use crate::applications::subject::Subject;
use crate::base::id::UserId;
use crate::db::epoch::Epochs;
use crate::settings::Settings;
use crate::signon::target::Target;

/// Applications kept.
const TARGETS: u64 = 4_000;
/// People kept.
const SUBJECTS: u64 = 50_000;

/// Signed metadata kept.
const SIGNED_METADATA: u64 = 4_000;

/// The caches of sign-on.
#[derive(Debug)]
pub struct SignonCache {
    targets: Cache<String, (i64, Arc<Target>)>,
    subjects: Cache<UserId, (i64, Arc<Subject>)>,
    settings: Mutex<Option<(i64, Arc<Settings>)>>,
    /// By slug; the digest is that of all that was signed, key and end included, so that it needs no epoch.
    signed_metadata: Cache<String, ([u8; 32], Arc<str>)>,
}

impl Default for SignonCache {
    fn default() -> Self {
        Self {
            targets: Cache::new(TARGETS),
            subjects: Cache::new(SUBJECTS),
            settings: Mutex::new(None),
            signed_metadata: Cache::new(SIGNED_METADATA),
        }
    }
}

impl SignonCache {
    pub(super) fn target(&self, epochs: Epochs, slug: &str) -> Option<Arc<Target>> {
        self.targets.get(slug).filter(|(epoch, _)| *epoch == epochs.applications).map(|(_, target)| target)
    }

    pub(super) fn put_target(&self, epochs: Epochs, slug: &str, target: Arc<Target>) {
        self.targets.insert(slug.to_owned(), (epochs.applications, target));
    }

    pub(super) fn subject(&self, epochs: Epochs, user: UserId) -> Option<Arc<Subject>> {
        self.subjects.get(&user).filter(|(epoch, _)| *epoch == epochs.directory).map(|(_, subject)| subject)
    }

    pub(super) fn put_subject(&self, epochs: Epochs, user: UserId, subject: Arc<Subject>) {
        self.subjects.insert(user, (epochs.directory, subject));
    }

    pub(super) fn signed_metadata(&self, slug: &str, digest: [u8; 32]) -> Option<Arc<str>> {
        self.signed_metadata.get(slug).filter(|(known, _)| *known == digest).map(|(_, signed)| signed)
    }

    pub(super) fn put_signed_metadata(&self, slug: &str, digest: [u8; 32], signed: Arc<str>) {
        self.signed_metadata.insert(slug.to_owned(), (digest, signed));
    }

    pub(super) fn settings(&self, epochs: Epochs) -> Option<Arc<Settings>> {
        let kept = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|(epoch, _)| *epoch == epochs.settings).map(|(_, settings)| settings.clone())
    }

    pub(super) fn put_settings(&self, epochs: Epochs, settings: Arc<Settings>) {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = Some((epochs.settings, settings));
    }
}
