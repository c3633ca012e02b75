//! The person of a sign-on, with their groups: read once, kept while the directory stands still.

use std::sync::Arc;

use crate::applications::subject::{self, Subject};
use crate::base::Result;
use crate::base::id::UserId;
use crate::db::epoch::Epochs;
use crate::signon::Installation;

/// The person of this id as they are now; `None` when they are gone.
pub async fn load(installation: &Installation, epochs: Epochs, user: UserId) -> Result<Option<Arc<Subject>>> {
    if let Some(subject) = installation.cache.subject(epochs, user) {
        return Ok(Some(subject));
    }
    let Some(subject) = subject::find(&mut installation.db.reader(), user).await?.map(Arc::new) else {
        return Ok(None);
    };
    installation.cache.put_subject(epochs, user, subject.clone());
    Ok(Some(subject))
}
