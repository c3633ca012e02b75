//! Certificates of the service provider: adding one, taking one away. Both change whose requests are believed, so
//! both need a fresh password (decision 15).

use axum::body::Bytes;
use axum::extract::{Path, State};

use crate::applications::sp_metadata::read_certificate;
use crate::applications::sso;
use crate::base::{Error, urls};
use crate::catalog::sso::{Change, SsoPatch};
use crate::saml::certificate::parse_certificate;
use crate::web::admin::application::Loaded;
use crate::web::admin::frame::{self, Done};
use crate::web::admin::posted::Posted;
use crate::web::admin::sso::form::SsoForm;
use crate::web::admin::sso::{confirm, draw, page, required};
use crate::web::error::{Answer, Failure};
use crate::web::extract::permission::ApplicationsWrite;
use crate::web::extract::{Fresh, SignedForm, SignedUpload};
use crate::web::see_other;
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
        Some(bytes) => add(&web, &console, &loaded, bytes.clone()).await,
    };
    match added {
        Ok(()) => Ok(see_other(&Done::Added.at(&urls::admin_sso(&application)))),
        Err(error) => refused(&web, &console, &loaded, error).await,
    }
}

async fn add(
    web: &Web,
    console: &Fresh<ApplicationsWrite>,
    loaded: &Loaded,
    bytes: Bytes,
) -> Result<(), Error> {
    let certificate = web.installation.on_cpu(move || read_certificate(&bytes)).await??;
    let mut all = loaded.application.sso.sp_certificates.clone();
    let pem = certificate.to_pem();
    if all.contains(&pem) {
        return Err(Error::field("certificate", "already_there", "This certificate is here already."));
    }
    all.push(pem);
    store(web, console, loaded, all).await
}

async fn store(
    web: &Web,
    console: &Fresh<ApplicationsWrite>,
    loaded: &Loaded,
    certificates: Vec<String>,
) -> Result<(), Error> {
    let installation = &web.installation;
    let patch = SsoPatch { sp_certificates: Change::Set(certificates), ..SsoPatch::default() };
    let (db, catalog) = (&installation.db, &installation.catalog);
    // The list is replaced whole: somebody else's change in between must not be lost.
    let version = Some(loaded.application.version);
    sso::patch(db, console.ctx(), catalog, loaded.application.id, patch, version).await.map(drop)
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
    if !loaded.application.sso.sp_certificates.iter().any(is_it) {
        return Err(Failure::no_such_page());
    }
    if !posted.confirmed() {
        let now = console.ctx().now();
        let known = page::sp_certificates(&loaded.application, now)?;
        let action = urls::admin_sp_certificate_remove(&application, &fingerprint);
        let decision = known.into_iter().map(|known| known.removal).find(|removal| removal.action == action);
        let decision = decision.ok_or_else(Failure::no_such_page)?;
        return confirm(&web, &console.person, &loaded, decision, "Remove a certificate").await;
    }
    let kept = loaded.application.sso.sp_certificates.iter().filter(|pem| !is_it(pem)).cloned().collect();
    match store(&web, &console, &loaded, kept).await {
        Ok(()) => Ok(see_other(&Done::Removed.at(&urls::admin_sso(&application)))),
        Err(error) => refused(&web, &console, &loaded, error).await,
    }
}

async fn refused(web: &Web, console: &Fresh<ApplicationsWrite>, loaded: &Loaded, error: Error) -> Answer {
    let mut shell = loaded.shell(web, &console.person, "SSO").await;
    let status = frame::refuse(&mut shell, error)?;
    draw(web, &console.person, loaded, shell, &SsoForm::of(&loaded.application), status).await
}
