//! Settings of the installation.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value};

use crate::base::Error;
use crate::settings::Settings;
use crate::signon::configure;
use crate::web::api::answer::set_etag;
use crate::web::api::input::{Input, parse};
use crate::web::api::precondition::IfMatch;
use crate::web::api::section::{Section, operations};
use crate::web::error::Answer;
use crate::web::extract::ApiToken;
use crate::web::extract::permission::{SettingsRead, SettingsWrite};
use crate::web::state::Shared;

/// The operations.
pub fn section() -> Section {
    operations!(show, change)
}

fn shown(settings: &Settings) -> Answer<Response> {
    let tag = settings.digest()?;
    let mut response = Json(settings).into_response();
    set_etag(&mut response, &tag);
    Ok(response)
}

/// Show the settings
#[utoipa::path(get, path = "/settings", tag = "Settings",
    responses((status = 200, description = "The settings", body = Settings)))]
async fn show(_: ApiToken<SettingsRead>, State(web): State<Shared>) -> Answer<Response> {
    let installation = &web.installation;
    shown(&*installation.settings(installation.epochs().await?).await?)
}

/// Change the settings
///
/// What is left out stays, `null` brings a field back to its default.
#[utoipa::path(patch, path = "/settings", tag = "Settings", request_body = Settings,
    responses((status = 200, description = "The settings now", body = Settings)))]
async fn change(
    caller: ApiToken<SettingsWrite>,
    State(web): State<Shared>,
    seen: IfMatch,
    Input(patch, _): Input<Map<String, Value>>,
) -> Answer<Response> {
    // Read twice: alone, so that each fault has its place in the body, and over what is stored then.
    let wanted = merged(&Settings::default(), &patch)?;
    let installation = &web.installation;
    let key = configure::metadata_key(installation, &caller.ctx, wanted.sign_metadata).await?;
    let mut refused = None;
    let changed = configure::change_settings(installation, &caller.ctx, key.as_ref(), |settings| {
        let checked =
            settings.digest().and_then(|tag| seen.check(&tag)).and_then(|()| merged(settings, &patch));
        match checked {
            Ok(new) => *settings = new,
            Err(error) => refused = Some(error),
        }
    })
    .await?;
    match refused {
        Some(error) => Err(error.into()),
        None => shown(&changed),
    }
}

fn merged(old: &Settings, patch: &Map<String, Value>) -> Result<Settings, Error> {
    let object = |settings: &Settings| match serde_json::to_value(settings).map_err(Error::internal)? {
        Value::Object(map) => Ok(map),
        _ => Err(Error::internal("settings are not an object")),
    };
    let (mut whole, defaults) = (object(old)?, object(&Settings::default())?);
    for (name, value) in patch {
        let value = if value.is_null() { defaults.get(name).unwrap_or(value) } else { value };
        whole.insert(name.clone(), value.clone());
    }
    parse(Value::Object(whole).to_string().as_bytes())
}
