//! Keys of an application as its administrators change them: each change holds the application, has its event, and
//! counts at the next sign-on. Which state of a key follows which is the business of [`keys::rotation`].

use crate::applications::model::{Application, Kind};
use crate::applications::sp_algorithms::for_new_key;
use crate::applications::{locked, update};
use crate::base::id::{ApplicationId, KeyId};
use crate::base::{Ctx, Error, Result};
use crate::db::epoch::{Scope, bump};
use crate::db::{Db, Tx};
use crate::events::EventName;
use crate::keys::{self, KeyView, NewKey};
use crate::settings;
use crate::vault::Vault;

async fn locked_saml(tx: &mut Tx, id: ApplicationId) -> Result<Application> {
    let application = locked(tx, id).await?;
    if application.kind == Kind::Bookmark {
        return Err(Error::conflict("not_saml", "A bookmark only opens an address. It has no signing key."));
    }
    Ok(application)
}

/// Adds the next key: made here, or taken over where the settings allow that.
pub async fn stage(
    db: &Db,
    ctx: &Ctx,
    vault: &Vault,
    id: ApplicationId,
    key: &NewKey,
    publish: bool,
) -> Result<KeyView> {
    let mut tx = db.begin().await?;
    locked_saml(&mut tx, id).await?;
    if key.is_imported() && !settings::read(&mut tx).await?.allow_key_import {
        return Err(Error::new(
            crate::base::Kind::Forbidden,
            "key_import_off",
            "Keys made elsewhere are not taken over here: whoever has a copy of one can sign as this installation. An owner can allow it in the settings (allow_key_import).",
        ));
    }
    let staged = keys::rotation::stage(&mut tx, ctx, vault, id, key, publish).await?;
    bump(&mut tx, Scope::Applications).await?;
    tx.commit().await?;
    Ok(staged)
}

/// What can be done with a key that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Show its certificate in the metadata.
    Publish,
    /// Take its certificate out of the metadata.
    Withdraw,
    /// Sign with it from now on.
    Promote,
}

/// Does it. A key of another kind than the one before signs with its own usual algorithm from then on, or with another
/// one that the application's metadata lists.
pub async fn act(db: &Db, ctx: &Ctx, id: ApplicationId, key: KeyId, act: Act) -> Result<KeyView> {
    let mut tx = db.begin().await?;
    let old = locked_saml(&mut tx, id).await?;
    let done = match act {
        Act::Publish => keys::rotation::publish(&mut tx, ctx, id, key).await?,
        Act::Withdraw => keys::rotation::withdraw(&mut tx, ctx, id, key).await?,
        Act::Promote => keys::rotation::promote(&mut tx, ctx, id, key).await?,
    };
    if act == Act::Promote && !done.key_type.makes(old.sso.signature_algorithm) {
        let mut new = old.clone();
        new.sso.signature_algorithm = for_new_key(&old.sso.listed_algorithms, done.key_type)?;
        update::save(&mut tx, ctx, &old, new, EventName::ApplicationUpdate).await?;
    }
    bump(&mut tx, Scope::Applications).await?;
    tx.commit().await?;
    Ok(done)
}

/// Deletes a key that does not sign, its private part with it.
pub async fn delete(db: &Db, ctx: &Ctx, id: ApplicationId, key: KeyId) -> Result<()> {
    let mut tx = db.begin().await?;
    locked_saml(&mut tx, id).await?;
    keys::rotation::delete(&mut tx, ctx, id, key).await?;
    bump(&mut tx, Scope::Applications).await?;
    tx.commit().await
}
