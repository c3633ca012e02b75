//! Whether our metadata is signed, and the keys for it. All of it needs a fresh password (decision 15), since it decides
//! whose metadata is believed.

use axum::extract::{Path, State};

use crate::base::id::KeyId;
use crate::base::{Error, Result, Timestamp, urls};
use crate::keys::KeyState;
use crate::keys::metadata::{self, MetadataKey};
use crate::signon::configure;
use crate::web::admin::frame::{self, Done};
use crate::web::admin::posted::Posted;
use crate::web::admin::settings;
use crate::web::error::{Answer, Failure};
use crate::web::extract::permission::SettingsWrite;
use crate::web::extract::{Fresh, SignedForm};
use crate::web::pages::ConfirmPage;
use crate::web::pages::parts::{Crumbs, Decision, Fact, Facts, Link};
use crate::web::pages::settings::{MetadataKeyCard, MetadataSigning};
use crate::web::shown::time;
use crate::web::state::{Shared, Web};
use crate::web::{page, see_other};

/// What the settings page says of it.
pub async fn panel(web: &Web, signs: bool, now: Timestamp) -> Result<MetadataSigning> {
    let keys = metadata::list(&mut web.installation.db.reader()).await?;
    Ok(MetadataSigning { signs, full: keys.len() > 1, keys: keys.iter().map(|key| card(key, now)).collect() })
}

fn card(key: &MetadataKey, now: Timestamp) -> MetadataKeyCard {
    let other = key.state != KeyState::Current;
    let until = format!("{} ({})", time::date(key.not_after), time::left(key.not_after, now));
    MetadataKeyCard {
        title: match key.state {
            KeyState::Current => "In use",
            KeyState::Next => "Next",
            KeyState::Retired => "Before",
        }
        .to_owned(),
        facts: Facts {
            facts: vec![
                Fact::new("Valid until", until),
                Fact::new("Key", key.key_type.label()),
                Fact::mono("SHA-256", key.fingerprint.as_str()),
            ],
        },
        promotion: other.then(|| promotion(key)),
        deletion: other.then(|| deletion(key)),
    }
}

fn promotion(key: &MetadataKey) -> Decision {
    let back = key.state == KeyState::Retired;
    Decision {
        id: format!("promote-{}", key.id),
        action: urls::admin_metadata_key_promote(&key.id.to_string()),
        button: if back { "Go back to this one…" } else { "Switch to this one…" }.to_owned(),
        title: "Sign our metadata with this key?".to_owned(),
        effects: vec![
            format!(
                "Whoever verifies our metadata must know the certificate {}…; where it is not known, the metadata is refused there.",
                &key.fingerprint[..11]
            ),
            "Sign-ons go on as they are: assertions are signed with other keys.".to_owned(),
            "You can go back to the key that is in use now.".to_owned(),
        ],
        confirm: if back { "Go back" } else { "Switch" }.to_owned(),
        cancel: "Leave it".to_owned(),
        cancel_href: urls::admin_settings().to_owned(),
        ..Decision::default()
    }
}

fn deletion(key: &MetadataKey) -> Decision {
    Decision {
        id: format!("delete-{}", key.id),
        action: urls::admin_metadata_key_delete(&key.id.to_string()),
        button: "Delete…".to_owned(),
        title: "Delete this key for metadata?".to_owned(),
        effects: vec![
            "It does not sign, so no metadata is refused for it.".to_owned(),
            "Its private part is gone for good, and its certificate is given out no more.".to_owned(),
        ],
        confirm: "Delete the key".to_owned(),
        cancel: "Keep it".to_owned(),
        cancel_href: urls::admin_settings().to_owned(),
        destroys: true,
        ..Decision::default()
    }
}

/// Back to the settings, or the settings with what was wrong.
async fn done(web: &Web, console: &Fresh<SettingsWrite>, result: Result<()>, done: Done) -> Answer {
    match result {
        Ok(()) => Ok(see_other(&done.at(urls::admin_settings()))),
        Err(error) => settings::draw(web, &console.person, None, Some(error), None).await,
    }
}

/// `POST /admin/settings/metadata` with `sign=on|off`.
pub async fn set_signing(
    console: Fresh<SettingsWrite>,
    State(web): State<Shared>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let (installation, ctx) = (&web.installation, console.ctx());
    let changed = async {
        let wanted = match posted.text("sign") {
            "on" => true,
            "off" => false,
            _ => return Err(Error::field("sign", "unknown_value", "Choose whether metadata is signed.")),
        };
        let key = configure::metadata_key(installation, ctx, wanted).await?;
        configure::change_settings(installation, ctx, key.as_ref(), |settings| {
            settings.sign_metadata = wanted;
        })
        .await
        .map(drop)
    };
    done(&web, &console, changed.await, Done::Saved).await
}

/// `POST /admin/settings/metadata/keys`: makes another key.
pub async fn stage(
    console: Fresh<SettingsWrite>,
    State(web): State<Shared>,
    SignedForm(_): SignedForm<Posted>,
) -> Answer {
    let made = configure::stage_metadata_key(&web.installation, console.ctx()).await;
    done(&web, &console, made.map(drop), Done::Added).await
}

/// The key that a path names.
async fn known(web: &Web, key: &str) -> Result<MetadataKey, Failure> {
    let id: KeyId = frame::id(key)?;
    let keys = metadata::list(&mut web.installation.db.reader()).await?;
    keys.into_iter().find(|key| key.id == id).ok_or_else(Failure::no_such_page)
}

async fn confirm(web: &Web, console: &Fresh<SettingsWrite>, decision: Decision) -> Answer {
    let mut shell = settings::shell(web, &console.person).await;
    shell.title.clone_from(&decision.title);
    let way = vec![Link::new("Settings", urls::admin_settings())];
    let crumbs = Crumbs { way, here: "Key for metadata".to_owned() };
    page(&ConfirmPage { shell, crumbs, decision, names: Vec::new() })
}

/// `POST /admin/settings/metadata/keys/{key}/promote`: asks first unless `confirmed`.
pub async fn promote(
    console: Fresh<SettingsWrite>,
    State(web): State<Shared>,
    Path(key): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let key = known(&web, &key).await?;
    if !posted.confirmed() {
        return confirm(&web, &console, promotion(&key)).await;
    }
    let promoted = configure::promote_metadata_key(&web.installation.db, console.ctx(), key.id).await;
    done(&web, &console, promoted.map(drop), Done::Saved).await
}

/// `POST /admin/settings/metadata/keys/{key}/delete`: asks first unless `confirmed`.
pub async fn delete(
    console: Fresh<SettingsWrite>,
    State(web): State<Shared>,
    Path(key): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let key = known(&web, &key).await?;
    if !posted.confirmed() {
        return confirm(&web, &console, deletion(&key)).await;
    }
    let deleted = configure::delete_metadata_key(&web.installation.db, console.ctx(), key.id).await;
    done(&web, &console, deleted, Done::Deleted).await
}
