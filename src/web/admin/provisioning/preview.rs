//! What the application would hold of one person. Nothing is sent.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;

use crate::auth::Permission;
use crate::base::Error;
use crate::directory::people;
use crate::provisioning::preview::preview;
use crate::web::admin::frame;
use crate::web::admin::provisioning::Connected;
use crate::web::error::Answer;
use crate::web::extract::permission::ApplicationsWrite;
use crate::web::extract::{Console, Queried};
use crate::web::html;
use crate::web::pages::application::Tab;
use crate::web::pages::application_provisioning::ProvisioningPreviewPage;
use crate::web::state::Shared;

/// `?person=`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    person: String,
}

/// `GET /admin/applications/{application}/provisioning/preview?person=`: of the viewer, when nobody is named.
pub async fn show_preview(
    console: Console<ApplicationsWrite>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    Queried(wanted): Queried<Wanted>,
) -> Answer {
    console.require(Permission::PeopleRead)?;
    let connected = Connected::of(&web, &application).await?;
    let name = match wanted.person.trim() {
        "" => console.person.live.session.username.clone(),
        name => name.to_owned(),
    };
    let mut shell = connected.shell(&web, &console.person).await;
    let installation = &web.installation;
    let mut reader = installation.db.reader();
    let found = match people::find_by_login_name(&mut reader, &name).await? {
        Some(person) => preview(&mut reader, connected.application(), person.id)
            .await?
            .map(|preview| (person.shown_name(), preview)),
        None => None,
    };
    let mut page = ProvisioningPreviewPage {
        app: connected.loaded.head(&web, Tab::Provisioning),
        person: name,
        name: String::new(),
        fault: String::new(),
        resource: String::new(),
        shell: shell.clone(),
    };
    let Some((shown, preview)) = found else {
        let message = "There is nobody of that name. Give a username or an e-mail address, whole.";
        let status = frame::refuse(&mut shell, Error::field("person", "unknown_person", message))?;
        page.shell = shell;
        return html(status, &page);
    };
    page.name = shown;
    match preview {
        Ok(resource) => page.resource = format!("{resource:#}"),
        Err(fault) => page.fault = fault.message,
    }
    html(StatusCode::OK, &page)
}
