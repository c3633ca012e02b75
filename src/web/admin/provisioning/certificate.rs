//! The client certificate that the application's SCIM service knows Tessera by, where its connector asks for one: how
//! it is shown on the tab, downloaded, and made anew.

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse as _;

use crate::base::{Timestamp, urls};
use crate::catalog::model::Quirks;
use crate::keys::client::CertificateView;
use crate::provisioning::{connection, tls};
use crate::web::admin::frame::Done;
use crate::web::admin::posted::Posted;
use crate::web::admin::provisioning::Connected;
use crate::web::error::{Answer, Failure};
use crate::web::extract::permission::{ApplicationsRead, ApplicationsWrite};
use crate::web::extract::{Console, Fresh, SignedForm};
use crate::web::pages::application_provisioning::ClientCertificate;
use crate::web::pages::parts::{Decision, Fact, Facts};
use crate::web::see_other;
use crate::web::shown::time;
use crate::web::state::Shared;

/// What the tab shows of it; `None` where the connector asks for none, or before the connection is configured.
pub fn shown(
    connected: &Connected,
    quirks: &Quirks,
    now: Timestamp,
) -> Result<Option<ClientCertificate>, Failure> {
    let Some(view) = view(connected, quirks)? else { return Ok(None) };
    let facts = vec![
        Fact::new(
            "Valid until",
            format!("{} ({})", time::date(view.not_after), time::left(view.not_after, now)),
        ),
        Fact::mono("SHA-256", view.fingerprint),
    ];
    Ok(Some(ClientCertificate {
        facts: Facts { facts },
        download: urls::admin_provisioning_certificate(&connected.loaded.id()),
        renewal: renewal(connected),
    }))
}

fn view(connected: &Connected, quirks: &Quirks) -> Result<Option<CertificateView>, Failure> {
    let Some(own) = &connected.connection else { return Ok(None) };
    Ok(tls::certificate(own, quirks)?)
}

fn quirks(connected: &Connected) -> Quirks {
    connection::quirks(connected.application())
}

/// Making it anew.
fn renewal(connected: &Connected) -> Decision {
    let label = connected.label();
    Decision {
        id: "certificate".to_owned(),
        action: urls::admin_provisioning_certificate_make(&connected.loaded.id()),
        button: "Make a new certificate…".to_owned(),
        title: format!("Make a new certificate for {label}?"),
        effects: vec![
            format!(
                "From the next request on {label} is shown the new one. Where it does not know it yet, nothing is taken: put it there right away."
            ),
            "The one before is gone for good, with its key.".to_owned(),
        ],
        confirm: "Make a new certificate".to_owned(),
        cancel: "Keep the one before".to_owned(),
        cancel_href: connected.tab(),
        ..Decision::default()
    }
}

/// `GET /admin/applications/{application}/provisioning/certificate.pem`
pub async fn download(
    _: Console<ApplicationsRead>,
    State(web): State<Shared>,
    Path(application): Path<String>,
) -> Answer {
    let connected = Connected::of(&web, &application).await?;
    let found = view(&connected, &quirks(&connected))?.ok_or_else(Failure::no_such_page)?;
    let mut response = found.pem.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-pem-file"));
    let name = HeaderValue::from_static("attachment; filename=\"client-certificate.pem\"");
    headers.insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}

/// `POST /admin/applications/{application}/provisioning/certificate`: asks first unless `confirmed`.
pub async fn make(
    console: Fresh<ApplicationsWrite>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let connected = Connected::of(&web, &application).await?;
    view(&connected, &quirks(&connected))?.ok_or_else(Failure::no_such_page)?;
    if posted.confirmed() {
        let id = connected.application().id;
        web.provisioning.connections().make_certificate(console.ctx(), id).await?;
        return Ok(see_other(&Done::Certified.at(&connected.tab())));
    }
    let decision = renewal(&connected);
    connected.ask(&web, &console.person, decision, "New certificate").await
}
