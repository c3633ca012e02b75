//! Certificates of the service provider: adding one, taking one away. Both change whose requests are believed and who can
//! read what is encrypted, so both need a fresh password (decision 15).

use axum::body::Bytes;
use axum::extract::{Path, State};

use crate::applications::sp_metadata::{encrypts_for, read_certificate};
use crate::applications::{Application, sso};
use crate::base::encryption::KeyUse;
use crate::base::{Error, Timestamp, urls};
use crate::catalog::sso::{Change, SsoPatch};
use crate::saml::certificate::{Certificate, parse_certificate};
use crate::web::admin::application::Loaded;
use crate::web::admin::frame::{self, Done};
use crate::web::admin::posted::Posted;
use crate::web::admin::sso::form::SsoForm;
use crate::web::admin::sso::{confirm, draw, required};
use crate::web::error::{Answer, Failure};
use crate::web::extract::permission::ApplicationsWrite;
use crate::web::extract::{Fresh, SignedForm, SignedUpload, Upload};
use crate::web::pages::application_sso::SpCertificate;
use crate::web::pages::parts::{Choice, Decision, Fact, Facts};
use crate::web::see_other;
use crate::web::shown::time;
use crate::web::state::{Shared, Web};

/// Largest upload: one certificate.
pub const UPLOAD_LIMIT: usize = 64 * 1024;

/// `POST /admin/applications/{application}/sso/certificates`
pub async fn add_certificate(
    console: Fresh<ApplicationsWrite>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    SignedUpload(upload): SignedUpload,
) -> Answer {
    let loaded = Loaded::of(&web, &application).await?;
    let added = match upload.file("certificate") {
        None => Err(required("certificate", "Choose the certificate file of the application, PEM or DER.")),
        Some(bytes) => match usage(&upload)? {
            Some(usage) => add(&web, &console, &loaded, bytes.clone(), usage).await,
            None => Err(Error::field("use", "unknown_value", "Choose one from the list.")),
        },
    };
    match added {
        Ok(()) => Ok(see_other(&Done::Added.at(&urls::admin_sso(&application)))),
        Err(error) => refused(&web, &console, &loaded, error).await,
    }
}

/// What the form says it is for.
fn usage(upload: &Upload) -> Result<Option<KeyUse>, Error> {
    let posted: Posted = upload.fields.clone().read()?;
    Ok(KeyUse::ALL.iter().copied().find(|usage| usage.as_str() == posted.text("use")))
}

async fn add(
    web: &Web,
    console: &Fresh<ApplicationsWrite>,
    loaded: &Loaded,
    bytes: Bytes,
    usage: KeyUse,
) -> Result<(), Error> {
    let certificate = web.installation.on_cpu(move || read_certificate(&bytes)).await??;
    let mut lists = Lists::of(&loaded.application);
    let pem = certificate.to_pem();
    let mut added = false;
    let encrypts = encrypts_for(&certificate, usage)?;
    for (wanted, list) in
        [(usage != KeyUse::Encryption, &mut lists.signing), (encrypts, &mut lists.encryption)]
    {
        if wanted && !list.contains(&pem) {
            list.push(pem.clone());
            added = true;
        }
    }
    if !added {
        return Err(Error::field("certificate", "already_there", "This certificate is here already."));
    }
    store(web, console, loaded, lists).await
}

/// The certificates by what they are for, PEM.
struct Lists {
    signing: Vec<String>,
    encryption: Vec<String>,
}

impl Lists {
    fn of(application: &Application) -> Self {
        let sso = &application.sso;
        Self { signing: sso.sp_certificates.clone(), encryption: sso.sp_encryption_certificates.clone() }
    }
}

async fn store(
    web: &Web,
    console: &Fresh<ApplicationsWrite>,
    loaded: &Loaded,
    lists: Lists,
) -> Result<(), Error> {
    let installation = &web.installation;
    let patch = SsoPatch {
        sp_certificates: Change::Set(lists.signing),
        sp_encryption_certificates: Change::Set(lists.encryption),
        ..SsoPatch::default()
    };
    // The lists are replaced whole: somebody else's change in between must not be lost.
    let version = Some(loaded.application.version);
    sso::patch(&installation.db, console.ctx(), loaded.application.id, patch, version).await.map(drop)
}

/// `POST /admin/applications/{application}/sso/certificates/{certificate}/remove`
pub async fn remove_certificate(
    console: Fresh<ApplicationsWrite>,
    State(web): State<Shared>,
    Path((application, fingerprint)): Path<(String, String)>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let loaded = Loaded::of(&web, &application).await?;
    let is_it = |pem: &String| {
        parse_certificate(pem.as_bytes()).is_ok_and(|certificate| certificate.fingerprint == fingerprint)
    };
    let mut lists = Lists::of(&loaded.application);
    if !lists.signing.iter().chain(&lists.encryption).any(is_it) {
        return Err(Failure::no_such_page());
    }
    if !posted.confirmed() {
        let known = shown(&loaded.application, console.ctx().now())?;
        let action = urls::admin_sp_certificate_remove(&application, &fingerprint);
        let decision = known.into_iter().map(|known| known.removal).find(|removal| removal.action == action);
        let decision = decision.ok_or_else(Failure::no_such_page)?;
        return confirm(&web, &console.person, &loaded, decision, "Remove a certificate").await;
    }
    lists.signing.retain(|pem| !is_it(pem));
    lists.encryption.retain(|pem| !is_it(pem));
    match store(&web, &console, &loaded, lists).await {
        Ok(()) => Ok(see_other(&Done::Removed.at(&urls::admin_sso(&application)))),
        Err(error) => refused(&web, &console, &loaded, error).await,
    }
}

/// What a certificate that is added can be for.
#[must_use]
pub fn uses() -> Vec<Choice> {
    let label = |usage: KeyUse| match usage {
        KeyUse::Both => "Signatures and encryption",
        KeyUse::Signing => "Signatures only",
        KeyUse::Encryption => "Encryption only",
    };
    let order = [KeyUse::Both, KeyUse::Signing, KeyUse::Encryption];
    order.iter().map(|usage| Choice::new(usage.as_str(), label(*usage), *usage == KeyUse::Both)).collect()
}

/// The certificates of the service provider, each with what it is for and the decision to take it away.
pub fn shown(application: &Application, now: Timestamp) -> Result<Vec<SpCertificate>, Error> {
    let Lists { signing, encryption } = Lists::of(application);
    let only_here = encryption.iter().filter(|pem| !signing.contains(pem));
    signing
        .iter()
        .chain(only_here)
        .map(|pem| {
            let certificate = parse_certificate(pem.as_bytes()).map_err(Error::internal)?;
            let (signs, encrypts) = (signing.contains(pem), encryption.contains(pem));
            Ok(card(application, &certificate, signs, encrypts, now))
        })
        .collect()
}

fn card(
    application: &Application,
    certificate: &Certificate,
    signs: bool,
    encrypts: bool,
    now: Timestamp,
) -> SpCertificate {
    let (id, label) = (application.id.to_string(), &application.label);
    let until = time::date(certificate.not_after);
    let left = time::left(certificate.not_after, now);
    let facts = vec![
        Fact::new("Valid until", format!("{until} ({left})")),
        Fact::new("Key", certificate.key_kind.as_str()),
        Fact::mono("SHA-256", certificate.fingerprint.as_str()),
    ];
    let (mut uses, mut effects) = (Vec::new(), Vec::new());
    if signs {
        uses.push("Signatures".to_owned());
        let effect = "signs with it are refused from the next sign-on on.";
        effects.push(format!("Requests that {label} {effect}"));
    }
    if encrypts {
        uses.push("Encryption".to_owned());
        effects.push(format!("Nothing is encrypted for {label} with it any more."));
    }
    SpCertificate {
        subject: certificate.subject.clone(),
        uses,
        facts: Facts { facts },
        expired: now >= certificate.not_after,
        removal: Decision {
            id: format!("remove-certificate-{}", &certificate.fingerprint[..12]),
            action: urls::admin_sp_certificate_remove(&id, &certificate.fingerprint),
            button: "Remove…".to_owned(),
            title: format!("Remove this certificate of {label}?"),
            effects,
            confirm: "Remove the certificate".to_owned(),
            cancel: "Keep it".to_owned(),
            cancel_href: urls::admin_sso(&id),
            destroys: true,
            ..Decision::default()
        },
    }
}

async fn refused(web: &Web, console: &Fresh<ApplicationsWrite>, loaded: &Loaded, error: Error) -> Answer {
    let mut shell = loaded.shell(web, &console.person, "SSO").await;
    let status = frame::refuse(&mut shell, error)?;
    draw(web, &console.person, loaded, shell, &SsoForm::of(&loaded.application), status).await
}
