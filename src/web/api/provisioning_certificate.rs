//! The client certificate that an application's SCIM service knows Tessera by, where its connector asks for one.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use crate::applications;
use crate::base::id::ApplicationId;
use crate::base::{Error, Timestamp};
use crate::keys::client::CertificateView;
use crate::provisioning::model::Connection;
use crate::provisioning::{connection, tls};
use crate::web::api::answer::Created;
use crate::web::api::input::Id;
use crate::web::api::once::Key;
use crate::web::api::section::{Section, operations};
use crate::web::error::Answer;
use crate::web::extract::ApiToken;
use crate::web::extract::permission::{ApplicationsRead, ApplicationsWrite};
use crate::web::state::{Shared, Web};

/// The operations.
pub fn section() -> Section {
    operations!(download, make)
}

/// The certificate that the application's SCIM service knows Tessera by; the private key is never shown.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProvisioningCertificate {
    /// SHA-256 over the certificate, upper-case hexadecimal in pairs.
    fingerprint: String,
    /// Valid from.
    #[schema(value_type = String, format = DateTime)]
    not_before: Timestamp,
    /// Valid until.
    #[schema(value_type = String, format = DateTime)]
    not_after: Timestamp,
    /// The certificate.
    certificate_pem: String,
}

impl From<CertificateView> for ProvisioningCertificate {
    fn from(view: CertificateView) -> Self {
        let CertificateView { fingerprint, not_before, not_after, pem } = view;
        Self { fingerprint, not_before, not_after, certificate_pem: pem }
    }
}

/// The certificate of a connection, where there is one.
pub async fn of(web: &Web, connection: &Connection) -> Result<Option<CertificateView>, Error> {
    let mut reader = web.installation.db.reader();
    let application = applications::require(&mut reader, connection.application).await?;
    tls::certificate(connection, &connection::quirks(&application))
}

/// Download the client certificate of identity management
///
/// It is made when identity management is configured and shown at every request to the application, where the connector
/// asks for one; 404 `certificate_not_asked_for` elsewhere.
#[utoipa::path(get, path = "/applications/{id}/provisioning/certificate", tag = "Identity management",
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 200, description = "The certificate, PEM", body = String, content_type = "application/x-pem-file")))]
async fn download(
    _: ApiToken<ApplicationsRead>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
) -> Answer<Response> {
    let connection = {
        let mut reader = web.installation.db.reader();
        applications::require(&mut reader, id).await?;
        connection::require(&mut reader, id).await?
    };
    let view = of(&web, &connection).await?.ok_or_else(tls::no_certificate)?;
    let mut response = view.pem.into_response();
    let kind = HeaderValue::from_static("application/x-pem-file");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

/// Make another client certificate for identity management
///
/// With another key, shown from the next request on; the one before is gone. The application takes no request until it
/// has been given the new one.
#[utoipa::path(post, path = "/applications/{id}/provisioning/certificate", tag = "Identity management",
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 201, description = "The certificate", body = ProvisioningCertificate)))]
async fn make(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    key: Key,
) -> Answer<Response> {
    let (ctx, shared) = (caller.ctx.clone(), web.clone());
    let work = async move {
        let connection = shared.provisioning.connections().make_certificate(&ctx, id).await?;
        let view = of(&shared, &connection).await?.ok_or_else(tls::no_certificate)?;
        let location = format!("{}/applications/{id}/provisioning/certificate", super::ROOT);
        Ok(Created { location, version: None, body: ProvisioningCertificate::from(view) })
    };
    key.once(web, &caller, &[], Box::pin(work)).await
}
