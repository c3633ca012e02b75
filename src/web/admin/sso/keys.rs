//! Our signing keys of an application: making the next one, publishing it, trying it, switching to it and back. All
//! need a fresh password (decision 15), since they decide whose signature is believed.

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse as _;

use crate::applications::rotation::{self, Act};
use crate::applications::{Application, Kind};
use crate::base::clock::DAY;
use crate::base::id::KeyId;
use crate::base::signature::KeyType;
use crate::base::{Error, Timestamp, urls};
use crate::keys::{self, KeyState, KeyView};
use crate::signon::fetches::{self, Fetch};
use crate::signon::outcome::Outcome;
use crate::signon::trial::try_key;
use crate::web::admin::application::Loaded;
use crate::web::admin::frame::{self, Done};
use crate::web::admin::posted::Posted;
use crate::web::admin::sso::form::SsoForm;
use crate::web::admin::sso::{confirm, draw, page};
use crate::web::error::{Answer, Failure};
use crate::web::extract::permission::{KeysRead, KeysWrite};
use crate::web::extract::{Console, Fresh, SignedForm};
use crate::web::pages::application_sso::{CertificateCard, EarlierKey, KeyPanel, NextKey};
use crate::web::pages::parts::{Choice, Decision, Fact, Facts};
use crate::web::saml::show::post;
use crate::web::see_other;
use crate::web::shown::time;
use crate::web::state::{Shared, Web};

/// What the tab says of the keys.
pub async fn panel(
    web: &Web,
    application: &Application,
    keys: &[KeyView],
    now: Timestamp,
) -> Result<KeyPanel, Error> {
    let current = keys.iter().find(|key| key.state == KeyState::Current);
    let next = match keys.iter().find(|key| key.state == KeyState::Next) {
        None => None,
        Some(key) => {
            let fetched = match key.published_at {
                None => Vec::new(),
                Some(since) => {
                    fetches::since(&mut web.installation.db.reader(), application.id, since).await?
                }
            };
            Some(next(application, key, &fetched, now))
        }
    };
    let has_next = next.is_some();
    let retired = keys.iter().filter(|key| key.state == KeyState::Retired);
    Ok(KeyPanel {
        current: current.map(|key| card(key, now)).unwrap_or_default(),
        next,
        earlier: retired.map(|key| earlier(application, key, has_next, now)).collect(),
        key_types: KeyType::ALL
            .iter()
            .map(|kind| {
                let chosen = current.map_or(*kind == KeyType::default(), |key| key.key_type == *kind);
                Choice::new(kind.as_str(), kind.label(), chosen)
            })
            .collect(),
    })
}

fn facts(key: &KeyView, now: Timestamp) -> Facts {
    let mut facts = vec![
        Fact::new(
            "Valid until",
            format!("{} ({})", time::date(key.not_after), time::left(key.not_after, now)),
        ),
        Fact::new("Key", key.key_type.label()),
        Fact::mono("SHA-256", key.fingerprint.as_str()),
    ];
    if key.imported {
        facts.push(Fact::new("Origin", "Made elsewhere"));
    }
    Facts { facts }
}

fn card(key: &KeyView, now: Timestamp) -> CertificateCard {
    let days = |millis: i64| u32::try_from((millis / DAY).max(0)).unwrap_or(u32::MAX);
    let total = days(key.not_after.since(key.not_before)).max(1);
    CertificateCard {
        facts: facts(key, now),
        from: time::short_date(key.not_before),
        until: time::short_date(key.not_after),
        days_used: days(now.since(key.not_before)).min(total),
        days_total: total,
        ends_soon: key.not_after.since(now) < page::SOON_DAYS * DAY,
    }
}

fn next(application: &Application, key: &KeyView, fetched: &[Fetch], now: Timestamp) -> NextKey {
    let (app, id) = (application.id.to_string(), key.id.to_string());
    let told = |fetch: &Fetch| {
        let who = if fetch.user_agent.is_empty() { "a program" } else { fetch.user_agent.as_str() };
        format!("{} ({who}), {}", fetch.source, time::ago(fetch.fetched_at, now))
    };
    NextKey {
        facts: facts(key, now),
        published: key.published_at.is_some(),
        fetched: fetched.iter().take(5).map(told).collect(),
        download: urls::admin_key_certificate(&app, &id),
        publish: urls::admin_key_publish(&app, &id),
        withdraw: urls::admin_key_withdraw(&app, &id),
        trial: application.is_active().then(|| urls::admin_key_test(&app, &id)),
        promotion: promotion(application, key),
        deletion: deletion(application, key),
    }
}

fn earlier(application: &Application, key: &KeyView, has_next: bool, now: Timestamp) -> EarlierKey {
    let (app, id) = (application.id.to_string(), key.id.to_string());
    EarlierKey {
        facts: facts(key, now),
        published: key.published_at.is_some(),
        back: (key.published_at.is_some() && !has_next).then(|| promotion(application, key)),
        publish: urls::admin_key_publish(&app, &id),
        withdraw: urls::admin_key_withdraw(&app, &id),
        deletion: deletion(application, key),
    }
}

/// Signing with a key from now on.
fn promotion(application: &Application, key: &KeyView) -> Decision {
    let (app, label) = (application.id.to_string(), &application.label);
    let back = key.state == KeyState::Retired;
    Decision {
        id: format!("promote-{}", key.id),
        action: urls::admin_key_promote(&app, &key.id.to_string()),
        button: if back { "Go back to this one…" } else { "Switch to this one…" }.to_owned(),
        title: if back {
            format!("Sign for {label} with the key before again?")
        } else {
            format!("Sign for {label} with the next key?")
        },
        effects: vec![
            format!(
                "From the next sign-on on, {label} must know the certificate {}…; where it does not, nobody gets in.",
                &key.fingerprint[..11]
            ),
            "The key that signs now stays in the metadata, and you can go back to it at any time.".to_owned(),
        ],
        confirm: if back { "Go back" } else { "Switch" }.to_owned(),
        cancel: "Leave it".to_owned(),
        cancel_href: urls::admin_sso(&app),
        ..Decision::default()
    }
}

fn deletion(application: &Application, key: &KeyView) -> Decision {
    let (app, label) = (application.id.to_string(), &application.label);
    Decision {
        id: format!("delete-{}", key.id),
        action: urls::admin_key_delete(&app, &key.id.to_string()),
        button: "Delete…".to_owned(),
        title: format!("Delete this key of {label}?"),
        effects: vec![
            "It does not sign, so nobody is locked out.".to_owned(),
            "Its private part is gone for good, and its certificate leaves the metadata.".to_owned(),
        ],
        confirm: "Delete the key".to_owned(),
        cancel: "Keep it".to_owned(),
        cancel_href: urls::admin_sso(&app),
        destroys: true,
        ..Decision::default()
    }
}

/// An application that signs, not a bookmark.
async fn loaded(web: &Web, application: &str) -> Result<Loaded, Failure> {
    let loaded = Loaded::of(web, application).await?;
    if loaded.application.kind == Kind::Bookmark { Err(Failure::no_such_page()) } else { Ok(loaded) }
}

/// The same with one of its keys: what the paths of a key name.
async fn known(web: &Web, (application, key): (String, String)) -> Result<(Loaded, KeyView), Failure> {
    let loaded = loaded(web, &application).await?;
    let id: KeyId = key.parse().map_err(|_| Failure::no_such_page())?;
    let mut reader = web.installation.db.reader();
    let key = keys::rotation::require(&mut reader, loaded.application.id, id).await?;
    Ok((loaded, key))
}

/// Back to the tab, or the tab with what was wrong.
async fn done(
    web: &Web,
    console: &Fresh<KeysWrite>,
    loaded: &Loaded,
    result: Result<(), Error>,
    done: Done,
) -> Answer {
    let error = match result {
        Ok(()) => return Ok(see_other(&done.at(&urls::admin_sso(&loaded.id())))),
        Err(error) => error,
    };
    let mut shell = loaded.shell(web, &console.person, "SSO").await;
    let status = frame::refuse(&mut shell, error)?;
    draw(web, &console.person, loaded, shell, &SsoForm::of(&loaded.application), status).await
}

/// `POST /admin/applications/{application}/sso/keys` with `key_type`: makes the next key and publishes it.
pub async fn stage(
    console: Fresh<KeysWrite>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let loaded = loaded(&web, &application).await?;
    let installation = &web.installation;
    let made = async {
        let key_type: KeyType = posted
            .text("key_type")
            .parse()
            .map_err(|()| Error::field("key_type", "unknown_value", "Choose one of the kinds of key."))?;
        let (label, id) = (&loaded.application.label, loaded.application.id);
        let key = installation.make_key(console.ctx(), key_type, label).await?;
        rotation::stage(&installation.db, console.ctx(), &installation.vault, id, &key, true).await.map(drop)
    };
    done(&web, &console, &loaded, made.await, Done::Added).await
}

async fn act(
    web: &Web,
    console: &Fresh<KeysWrite>,
    loaded: &Loaded,
    key: &KeyView,
    (act, said): (Act, Done),
) -> Answer {
    let db = &web.installation.db;
    let result = rotation::act(db, console.ctx(), loaded.application.id, key.id, act).await;
    done(web, console, loaded, result.map(drop), said).await
}

/// `POST …/keys/{key}/publish`
pub async fn publish(
    console: Fresh<KeysWrite>,
    State(web): State<Shared>,
    Path(named): Path<(String, String)>,
    SignedForm(_): SignedForm<Posted>,
) -> Answer {
    let (loaded, key) = known(&web, named).await?;
    act(&web, &console, &loaded, &key, (Act::Publish, Done::Saved)).await
}

/// `POST …/keys/{key}/withdraw`
pub async fn withdraw(
    console: Fresh<KeysWrite>,
    State(web): State<Shared>,
    Path(named): Path<(String, String)>,
    SignedForm(_): SignedForm<Posted>,
) -> Answer {
    let (loaded, key) = known(&web, named).await?;
    act(&web, &console, &loaded, &key, (Act::Withdraw, Done::Saved)).await
}

/// `POST …/keys/{key}/promote`: asks first unless `confirmed`.
pub async fn promote(
    console: Fresh<KeysWrite>,
    State(web): State<Shared>,
    Path(named): Path<(String, String)>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let (loaded, key) = known(&web, named).await?;
    if !posted.confirmed() {
        let decision = promotion(&loaded.application, &key);
        return confirm(&web, &console.person, &loaded, decision, "Switch keys").await;
    }
    act(&web, &console, &loaded, &key, (Act::Promote, Done::Switched)).await
}

/// `POST …/keys/{key}/delete`: asks first unless `confirmed`.
pub async fn delete(
    console: Fresh<KeysWrite>,
    State(web): State<Shared>,
    Path(named): Path<(String, String)>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let (loaded, key) = known(&web, named).await?;
    if !posted.confirmed() {
        let decision = deletion(&loaded.application, &key);
        return confirm(&web, &console.person, &loaded, decision, "Delete a key").await;
    }
    let db = &web.installation.db;
    let result = rotation::delete(db, console.ctx(), loaded.application.id, key.id).await;
    done(&web, &console, &loaded, result, Done::Deleted).await
}

/// `POST …/keys/{key}/test`: signs the administrator on to the application itself as if this key signed already.
pub async fn test(
    console: Fresh<KeysWrite>,
    State(web): State<Shared>,
    Path(named): Path<(String, String)>,
    SignedForm(_): SignedForm<Posted>,
) -> Answer {
    let (loaded, key) = known(&web, named).await?;
    let epochs = web.installation.epochs().await?;
    let (session, id) = (&console.person.live.session, loaded.application.id);
    match try_key(&web.installation, console.ctx(), epochs, session, id, key.id).await? {
        Outcome::Post(form) => post(form),
        Outcome::Refused(refused) => Err(Error::from(refused).into()),
        _ => Err(Error::internal("a sign-on with a chosen key ends with a form or a refusal").into()),
    }
}

/// `GET …/keys/{key}/certificate.pem`
pub async fn certificate(
    _: Console<KeysRead>,
    State(web): State<Shared>,
    Path(named): Path<(String, String)>,
) -> Answer {
    let (_, key) = known(&web, named).await?;
    let mut response = key.certificate_pem().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-pem-file"));
    let name = HeaderValue::from_static("attachment; filename=\"certificate.pem\"");
    headers.insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}
