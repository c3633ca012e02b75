//! The tab *Identity management* of an application: configuring the connection, switching it on and off, its token.
//! What stands beside it has files of its own: the [`mapping`], the [`dry_run`], how it [`stands`](standing), what a
//! person's account would [hold](preview), its client [`certificate`], and [comparing](comparison).

pub mod certificate;
pub mod comparison;
pub mod dry_run;
pub mod form;
pub mod import;
pub mod mapping;
pub mod page;
pub mod preview;
pub mod rows;
pub mod standing;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::applications::{Application, Kind};
use crate::base::{Error, FieldError, Kind as ErrorKind, urls};
use crate::provisioning::connection::ConnectionPatch;
use crate::provisioning::model::Connection;
use crate::provisioning::{connection, state};
use crate::web::admin::application::Loaded;
use crate::web::admin::frame::{self, After, Done};
use crate::web::admin::posted::Posted;
use crate::web::admin::provisioning::form::{ConnectionFields, ProofFields};
use crate::web::admin::provisioning::rows::MappingFields;
use crate::web::admin::seen;
use crate::web::admin::step_up::{Asked, require_fresh};
use crate::web::context::Notes;
use crate::web::error::{Answer, Failure};
use crate::web::extract::permission::{ApplicationsRead, ApplicationsWrite};
use crate::web::extract::{Console, Person, Queried, SignedForm};
use crate::web::pages::ConfirmPage;
use crate::web::pages::parts::{Crumbs, Decision, Link, Tone};
use crate::web::pages::shell::{Banner, Shell};
use crate::web::state::{Shared, Web};
use crate::web::{html, see_other};

/// An application with its connection.
pub struct Connected {
    /// The application, with what its tabs need.
    pub loaded: Loaded,
    /// The connection; `None`: it was never configured.
    pub connection: Option<Connection>,
}

impl Connected {
    /// Loads both by a path; a bookmark has no such tab.
    pub async fn of(web: &Web, application: &str) -> Result<Self, Failure> {
        let loaded = Loaded::of(web, application).await?;
        if loaded.application.kind == Kind::Bookmark {
            return Err(Failure::no_such_page());
        }
        let connection = connection::find(&mut web.installation.db.reader(), loaded.application.id).await?;
        Ok(Self { loaded, connection })
    }

    /// As both are now.
    pub async fn again(&self, web: &Web) -> Result<Self, Failure> {
        Self::of(web, &self.loaded.id()).await
    }

    /// The application.
    #[must_use]
    pub fn application(&self) -> &Application {
        &self.loaded.application
    }

    /// Its label.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.loaded.application.label
    }

    /// The tab.
    #[must_use]
    pub fn tab(&self) -> String {
        urls::admin_provisioning(&self.loaded.id())
    }

    /// Asks whether something is meant, on a page of its own.
    pub async fn ask(&self, web: &Web, person: &Person, decision: Decision, here: &str) -> Answer {
        let mut shell = self.shell(web, person).await;
        shell.title.clone_from(&decision.title);
        let crumbs = Crumbs {
            way: vec![
                Link::new("Applications", urls::admin_applications()),
                Link::new(self.label(), self.tab()),
            ],
            here: here.to_owned(),
        };
        html(StatusCode::OK, &ConfirmPage { shell, crumbs, decision, names: Vec::new() })
    }

    /// The shell of the tab.
    pub async fn shell(&self, web: &Web, person: &Person) -> Shell {
        self.loaded.shell(web, person, "identity management").await
    }

    /// Whether there is a connection and it is active.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.connection.as_ref().is_some_and(Connection::is_active)
    }

    /// The version a form was drawn from, where there is something that could have changed meanwhile.
    fn version_of(&self, posted: &Posted) -> Option<i64> {
        self.connection.as_ref().and_then(|_| seen::version(posted))
    }
}

/// `GET /admin/applications/{application}/provisioning`
pub async fn show_provisioning(
    console: Console<ApplicationsRead>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    Queried(after): Queried<After>,
) -> Answer {
    let connected = Connected::of(&web, &application).await?;
    let mut shell = connected.shell(&web, &console.person).await;
    shell.toast = frame::toast(after.done.as_deref());
    draw(&web, &console.person, &connected, shell, Typed::default(), StatusCode::OK).await
}

/// What was typed and is drawn again; what is left out is drawn as it is stored.
#[derive(Default)]
pub struct Typed {
    /// The settings and how Tessera proves itself.
    pub connection: Option<ConnectionFields>,
    /// The mapping.
    pub mapping: Option<MappingFields>,
}

/// The tab.
pub async fn draw(
    web: &Web,
    person: &Person,
    connected: &Connected,
    shell: Shell,
    typed: Typed,
    status: StatusCode,
) -> Answer {
    html(status, &page::page(web, person, connected, shell, typed).await?)
}

/// Puts a refusal on the tab. That the application can't be reached now is told there too.
pub fn refuse(shell: &mut Shell, mut error: Error, stored: &str, title: &str) -> Result<StatusCode, Failure> {
    error.fields = error.fields.into_iter().map(at_its_input).collect();
    let told = match error.kind {
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Invalid if error.fields.is_empty() => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::Conflict if error.fields.is_empty() => StatusCode::CONFLICT,
        _ => return seen::refuse(shell, error, stored),
    };
    shell.banners.insert(0, Banner::new(Tone::Danger, title, error.message));
    Ok(told)
}

/// Names an error after the input that shows it.
fn at_its_input(error: FieldError) -> FieldError {
    let FieldError { field, code, message } = error;
    let parts: Vec<&str> = field.split('.').collect();
    let name = match parts.as_slice() {
        ["auth"] if code == "password_unusable" => "scim_password".to_owned(),
        ["auth"] => "client_secret".to_owned(),
        ["auth", "token_url"] => "token_url".to_owned(),
        ["mappings", at] => format!("mappings.{at}.source"),
        ["mappings", at, "by_group" | "default", ..] => format!("mappings.{at}.by_group"),
        _ => field.clone(),
    };
    FieldError { field: name, code, message }
}

/// `POST /admin/applications/{application}/provisioning` with `action=save|activate`. Both save; *activate* then asks
/// the application and switches on.
pub async fn save_provisioning(
    console: Console<ApplicationsWrite>,
    State(web): State<Shared>,
    Extension(notes): Extension<Notes>,
    Path(application): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let connected = Connected::of(&web, &application).await?;
    let fields = ConnectionFields::read(&connected, &posted);
    if let Err(error) = save(&web, &console, &notes, &connected, &fields, &posted).await? {
        let now = connected.again(&web).await?;
        let mut shell = now.shell(&web, &console.person).await;
        let status = refuse(&mut shell, error, &now.tab(), "Nothing was saved")?;
        let typed = Typed { connection: Some(fields), mapping: None };
        return draw(&web, &console.person, &now, shell, typed, status).await;
    }
    if posted.text("action") != "activate" {
        return Ok(see_other(&Done::Saved.at(&connected.tab())));
    }
    let id = connected.application().id;
    match web.provisioning.connections().activate(console.ctx(), id).await {
        Ok(_) => Ok(see_other(&Done::Connected.at(&connected.tab()))),
        Err(error) => {
            let now = connected.again(&web).await?;
            let mut shell = now.shell(&web, &console.person).await;
            let title = format!("Saved, but {} could not be activated", now.label());
            let status = refuse(&mut shell, error, &now.tab(), &title)?;
            draw(&web, &console.person, &now, shell, Typed::default(), status).await
        }
    }
}

/// Stores the form. The outer error leads away: to the password, or to the edge.
async fn save(
    web: &Web,
    console: &Console<ApplicationsWrite>,
    notes: &Notes,
    connected: &Connected,
    fields: &ConnectionFields,
    posted: &Posted,
) -> Result<Result<(), Error>, Failure> {
    let patch = match fields.patch(connected) {
        Ok(patch) => patch,
        Err(faults) => return Ok(Err(Error::invalid(faults))),
    };
    let placeholders = fields.changed_placeholders(connected.application());
    let moved = (patch.base_url.is_some() && fields.moves(connected)) || fields.trusts_others(connected);
    if patch.secret.is_some() || moved || !placeholders.is_empty() {
        let asked = Asked {
            action: &connected.tab(),
            reason: format!(
                "You are about to change where {}’s people are sent, who is trusted there, or the token for it. We ask again because your password was entered more than 5 minutes ago.",
                connected.label()
            ),
            cancel_href: connected.tab(),
        };
        require_fresh(web, &console.person, notes, posted, asked).await?;
    }
    let (id, patch) = (connected.application().id, ConnectionPatch { placeholders, ..patch });
    let version = connected.version_of(posted);
    let connections = web.provisioning.connections();
    Ok(connections.configure(console.ctx(), id, patch, version).await.map(|_| ()))
}

/// `POST /admin/applications/{application}/provisioning/token`
pub async fn update_token(
    console: Console<ApplicationsWrite>,
    State(web): State<Shared>,
    Extension(notes): Extension<Notes>,
    Path(application): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let connected = Connected::of(&web, &application).await?;
    let stored = ConnectionFields::of(&connected);
    let fields = ConnectionFields { proof: ProofFields::read(&posted), ..stored };
    let secret = match fields.proof.secret(true) {
        Ok(secret) => secret,
        Err(faults) => {
            return token_refused(&web, &console.person, &connected, fields, Error::invalid(faults)).await;
        }
    };
    let Some(secret) = secret else { return Ok(see_other(&connected.tab())) };
    let action = urls::admin_provisioning_token(&connected.loaded.id());
    let asked = Asked {
        action: &action,
        reason: format!(
            "You are about to change how Tessera proves itself to {}. We ask again because your password was entered more than 5 minutes ago.",
            connected.label()
        ),
        cancel_href: connected.tab(),
    };
    require_fresh(&web, &console.person, &notes, &posted, asked).await?;
    let id = connected.application().id;
    match web.provisioning.connections().set_secret(console.ctx(), id, secret).await {
        Ok(_) => Ok(see_other(&Done::Renewed.at(&connected.tab()))),
        Err(error) => token_refused(&web, &console.person, &connected, fields, error).await,
    }
}

async fn token_refused(
    web: &Web,
    person: &Person,
    connected: &Connected,
    fields: ConnectionFields,
    error: Error,
) -> Answer {
    let now = connected.again(web).await?;
    let mut shell = now.shell(web, person).await;
    let status =
        refuse(&mut shell, error, &now.tab(), "The token was not changed; the one before stays in use")?;
    draw(web, person, &now, shell, Typed { connection: Some(fields), mapping: None }, status).await
}

/// `POST /admin/applications/{application}/provisioning/deactivate`: asks first unless `confirmed`.
pub async fn deactivate(
    console: Console<ApplicationsWrite>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let connected = Connected::of(&web, &application).await?;
    if posted.confirmed() {
        let id = connected.application().id;
        web.provisioning.connections().deactivate(console.ctx(), id).await?;
        return Ok(see_other(&Done::Disconnected.at(&connected.tab())));
    }
    let counts = state::counts(&mut web.installation.db.reader(), connected.application().id).await?;
    let decision = page::deactivation(&connected, &counts);
    connected.ask(&web, &console.person, decision, "Deactivate").await
}
