//! Whom a connection trusts over TLS, and what it shows there: certificate authorities of its own, and the client
//! certificate that Tessera makes where the connector asks for one. Both are the connection's alone (SC-22).

use std::sync::Arc;

use openssl::x509::X509;

use crate::applications::{self, Application};
use crate::base::id::ApplicationId;
use crate::base::{Ctx, Error, Kind, Result, Timestamp};
use crate::catalog::model::Quirks;
use crate::events::{Event, EventName, record};
use crate::keys::client::{self, CertificateView};
use crate::outbound::Tls;
use crate::provisioning::connection::{self, Connections, event, not_configured, quirks};
use crate::provisioning::model::{ClientCertificate, Connection};
use crate::provisioning::store::connections as store;
use crate::vault::Vault;

/// Most bytes of authorities, as PEM.
pub const MAX_AUTHORITIES: usize = 64 << 10;

fn fault(code: &'static str, message: impl Into<String>) -> Error {
    Error::field("ca_certificate", code, message.into())
}

fn read(pem: &str) -> Result<Vec<CertificateView>> {
    let unreadable = || {
        fault(
            "ca_certificate_unreadable",
            "Give the authority's certificate in PEM, or several, and nothing else. It begins with -----BEGIN CERTIFICATE-----.",
        )
    };
    if pem.len() > MAX_AUTHORITIES {
        return Err(fault(
            "ca_certificate_too_large",
            "Authorities come to at most 64 KiB. Give only those that sign this application's certificate.",
        ));
    }
    if pem.contains("PRIVATE KEY-----") {
        return Err(fault(
            "ca_certificate_private_key",
            "There is a private key in it, which nobody else may have. Give the certificate alone, and make another key where this one was for use.",
        ));
    }
    let found = X509::stack_from_pem(pem.as_bytes()).map_err(|_| unreadable())?;
    if found.is_empty() || found.len() != pem.matches("-----BEGIN ").count() {
        return Err(unreadable());
    }
    let view = |certificate: &X509| client::view(&certificate.to_der().map_err(Error::internal)?);
    found.iter().map(view).collect::<Result<_>>().map_err(|_| unreadable())
}

/// Authorities as they are stored: certificates in PEM and nothing else. `None` for an empty text.
pub fn authorities(pem: &str) -> Result<Option<String>> {
    if pem.trim().is_empty() {
        return Ok(None);
    }
    Ok(Some(read(pem)?.into_iter().map(|certificate| certificate.pem).collect()))
}

/// Judges authorities that are to be trusted from now on, as [`authorities`] answered them.
pub(in crate::provisioning) fn check_new(pem: &str, now: Timestamp) -> Result<()> {
    if let Some(ended) = read(pem)?.into_iter().find(|certificate| certificate.not_after <= now) {
        return Err(fault(
            "ca_certificate_ended",
            format!(
                "The certificate {}… ended on {}. Give the one that took its place.",
                ended.fingerprint.get(..11).unwrap_or_default(),
                ended.not_after.to_rfc3339()
            ),
        ));
    }
    let usable = Tls::default().trusting(pem.as_bytes());
    usable.map(drop).ok_or_else(|| {
        fault(
            "ca_certificate_unreadable",
            "This certificate can't be an authority. Give the one of who signed.",
        )
    })
}

/// When the first of the authorities that a connection trusts ends; `None` where it trusts the public ones.
pub fn authorities_end(connection: &Connection) -> Result<Option<Timestamp>> {
    let Some(pem) = &connection.settings.ca_certificate else { return Ok(None) };
    Ok(read(pem)?.into_iter().map(|certificate| certificate.not_after).min())
}

/// SHA-256 of each authority, for the record.
pub(in crate::provisioning) fn fingerprints(pem: &str) -> Result<String> {
    let found: Vec<String> = read(pem)?.into_iter().map(|certificate| certificate.fingerprint).collect();
    Ok(found.join(", "))
}

/// Makes a key and certificate for a connection.
pub(in crate::provisioning) fn make(
    ctx: &Ctx,
    vault: &Vault,
    application: &Application,
) -> Result<Box<ClientCertificate>> {
    let made = client::make(ctx, &application.label)?;
    let sealed_key = vault.seal(&row(application.id, &made.certificate), &made.key_der, &ctx.random)?;
    Ok(Box::new(ClientCertificate { certificate: made.certificate, sealed_key }))
}

/// What a sealed key is bound to: its application and its certificate.
fn row(application: ApplicationId, certificate: &[u8]) -> String {
    format!("connections/{application}/client_key/{}", crate::keys::fingerprint(certificate))
}

/// The TLS of a connection; `None`: as any other.
pub(in crate::provisioning) fn of(
    vault: &Vault,
    connection: &Connection,
    quirks: &Quirks,
) -> Result<Option<Arc<Tls>>> {
    let broken = || Error::internal("the TLS of a connection can't be set up from what is stored");
    let mut tls = None;
    if let Some(pem) = &connection.settings.ca_certificate {
        tls = Some(Tls::default().trusting(pem.as_bytes()).ok_or_else(broken)?);
    }
    if let Some(client) = connection.client.as_ref().filter(|_| quirks.certificate) {
        let key = vault.open(&row(connection.application, &client.certificate), &client.sealed_key)?;
        let pem = client::identity_pem(&client.certificate, &key)?;
        tls = Some(tls.unwrap_or_default().showing(&pem).ok_or_else(broken)?);
    }
    Ok(tls.map(Arc::new))
}

/// The certificate that a connection is known by, where its connector asks for one.
pub fn certificate(connection: &Connection, quirks: &Quirks) -> Result<Option<CertificateView>> {
    let asked_for = connection.client.as_ref().filter(|_| quirks.certificate);
    asked_for.map(|client| client::view(&client.certificate)).transpose()
}

/// The error of an application that knows Tessera by no certificate.
#[must_use]
pub fn no_certificate() -> Error {
    Error::new(
        Kind::NotFound,
        "certificate_not_asked_for",
        "This application knows Tessera by no client certificate: its connector does not ask for one.",
    )
}

/// The event of another certificate.
pub(in crate::provisioning) fn made_event(
    application: &Application,
    client: &ClientCertificate,
) -> Result<Event> {
    let view = client::view(&client.certificate)?;
    Ok(event(EventName::IdmCertificateCreate, application)
        .detail("fingerprint", view.fingerprint)
        .detail("not_after", view.not_after.to_rfc3339()))
}

impl Connections<'_> {
    /// Makes another key and certificate, shown from the next request on. The ones before are gone.
    pub async fn make_certificate(&self, ctx: &Ctx, id: ApplicationId) -> Result<Connection> {
        let mut tx = self.db.begin().await?;
        let application = applications::require(&mut tx, id).await?;
        let mut new = store::lock(&mut tx, id).await?.ok_or_else(not_configured)?;
        if !quirks(&application).certificate {
            return Err(no_certificate());
        }
        let client = make(ctx, self.vault, &application)?;
        let event = made_event(&application, &client)?;
        new.client = Some(client);
        new.version += 1;
        new.updated_at = ctx.now();
        store::put(&mut tx, &new).await?;
        record(&mut tx, ctx, event).await?;
        let connection = connection::require(&mut tx, id).await?;
        tx.commit().await?;
        Ok(connection)
    }
}
