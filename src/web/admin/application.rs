//! One application: what its tabs load, and the tabs *General* and *Activity*.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use crate::applications::overview::{self, BoundGroup};
use crate::applications::sso::is_broken;
use crate::applications::update::{ApplicationPatch, update};
use crate::applications::{self, Application, Kind, logo};
use crate::auth::Permission;
use crate::base::accent::Accent;
use crate::base::id::ApplicationId;
use crate::base::{Error, urls};
use crate::events::query::{self, EventFilter};
use crate::keys::{self, KeyView};
use crate::web::admin::application_new::unknown_color;
use crate::web::admin::ending;
use crate::web::admin::exchanges;
use crate::web::admin::frame::{self, After, Done};
use crate::web::admin::posted::Posted;
use crate::web::admin::seen;
use crate::web::admin::upgrade;
use crate::web::error::{Answer, Failure};
use crate::web::extract::permission::{ApplicationsRead, ApplicationsWrite, EventsRead};
use crate::web::extract::{Console, Person, Queried, SignedForm, SignedUpload};
use crate::web::pages::application::{ApplicationActivityPage, ApplicationGeneralPage, ApplicationHead, Tab};
use crate::web::pages::applications::deletion;
use crate::web::pages::parts::{Link, Pager, Tone};
use crate::web::pages::shell::{Banner, Nav, Shell};
use crate::web::shown::{self, application as show, event, time};
use crate::web::state::{Shared, Web};
use crate::web::{html, page, see_other};

/// An application with what the head of its tabs needs.
pub struct Loaded {
    /// As stored.
    pub application: Application,
    /// Groups bound to it.
    pub bound: Vec<BoundGroup>,
    /// How many active people may use it.
    pub people: i64,
    /// Our keys for it.
    pub keys: Vec<KeyView>,
}

impl Loaded {
    /// Loads the application of a path.
    pub async fn of(web: &Web, application: &str) -> Result<Self, Failure> {
        Self::by_id(web, frame::id(application)?).await
    }

    /// Loads an application.
    pub async fn by_id(web: &Web, id: ApplicationId) -> Result<Self, Failure> {
        let mut reader = web.installation.db.reader();
        let application = applications::require(&mut reader, id).await?;
        let bound = overview::bound_groups(&mut reader, id).await?;
        let people = overview::count_people(&mut reader, &[id]).await?.get(&id).copied().unwrap_or(0);
        let keys = keys::list(&mut reader, id).await?;
        Ok(Self { application, bound, people, keys })
    }

    /// Its id as text.
    #[must_use]
    pub fn id(&self) -> String {
        self.application.id.to_string()
    }

    /// Title and tabs.
    #[must_use]
    pub fn head(&self, web: &Web, tab: Tab) -> ApplicationHead {
        let installation = &web.installation;
        show::head(&installation.catalog, &installation.base_url, &self.application, tab, self.bound.len())
    }

    /// The shell of one of its tabs.
    pub async fn shell(&self, web: &Web, person: &Person, tab: &str) -> Shell {
        let mut shell = self.shell_of(web, person, tab).await;
        match upgrade::banner(web, &self.application).await {
            Ok(banner) => shell.banners.extend(banner),
            Err(error) => {
                tracing::error!(code = error.code, cause = ?error.internal_cause(), "a later connector is not told of");
            }
        }
        shell
    }

    /// The same without a word of a later version of the connector.
    pub async fn shell_of(&self, web: &Web, person: &Person, tab: &str) -> Shell {
        let title = format!("{}: {tab}", self.application.label);
        let nav = Nav::Applications;
        let mut shell = frame::shell(web, person, &title, nav, Permission::ApplicationsWrite).await;
        shell.banners.extend(self.broken());
        let label = &self.application.label;
        shell.banners.extend(ending::banner(&self.id(), label, &self.keys, person.ctx.now()));
        shell
    }

    /// Says so when nobody can sign on although the application is active.
    fn broken(&self) -> Option<Banner> {
        let application = &self.application;
        if !is_broken(application) {
            return None;
        }
        let label = &application.label;
        let why = "More is asked for than when it was activated. Fill in what is missing.";
        let title = format!("{label} is active, but nobody can sign in to it now");
        let mut banner = Banner::new(Tone::Danger, title, why);
        banner.action = Some(Link::new("Open its SSO settings", urls::admin_sso(&self.id())));
        Some(banner)
    }
}

/// What the form of the tab *General* holds.
struct General {
    label: String,
    description: String,
    color: Accent,
    show_in_portal: bool,
}

/// `GET /admin/applications/{application}`: its first tab.
pub async fn open_application(_: Console<ApplicationsRead>, Path(application): Path<String>) -> Answer {
    let id: ApplicationId = frame::id(&application)?;
    Ok(see_other(&urls::admin_general(&id.to_string())))
}

/// `GET /admin/applications/{application}/general`
pub async fn show_general(
    console: Console<ApplicationsRead>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    Queried(after): Queried<After>,
) -> Answer {
    let loaded = Loaded::of(&web, &application).await?;
    let mut shell = loaded.shell(&web, &console.person, "general").await;
    shell.toast = frame::toast(after.done.as_deref());
    draw_general(&web, &loaded, shell, None, StatusCode::OK)
}

fn draw_general(
    web: &Web,
    loaded: &Loaded,
    shell: Shell,
    typed: Option<General>,
    status: StatusCode,
) -> Answer {
    let application = &loaded.application;
    let form = typed.unwrap_or_else(|| General {
        label: application.label.clone(),
        description: application.description.clone(),
        color: application.accent,
        show_in_portal: application.show_in_portal,
    });
    let saml = application.kind == Kind::Saml;
    let open_to = format!("{} can open it today.", shown::people(loaded.people));
    let general = ApplicationGeneralPage {
        shell,
        app: loaded.head(web, Tab::General),
        label: form.label,
        description: form.description,
        colors: show::colors(form.color),
        show_in_portal: form.show_in_portal,
        idp_url_prefix: if saml { web.installation.base_url.join(&urls::idp("")) } else { String::new() },
        slug: if saml { application.slug.clone() } else { String::new() },
        added: format!("Added {}.", time::date(application.created_at)),
        deletion: deletion(&[loaded.id()], &open_to),
    };
    html(status, &general)
}

/// `POST /admin/applications/{application}/general`
pub async fn save_general(
    console: Console<ApplicationsWrite>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let id: ApplicationId = frame::id(&application)?;
    let stored = match posted.text("color").parse::<Accent>() {
        Ok(color) => {
            let patch = ApplicationPatch {
                label: Some(posted.owned("label")),
                description: Some(posted.owned("description")),
                color: Some(color),
                show_in_portal: Some(posted.ticked("show_in_portal")),
                ..ApplicationPatch::default()
            };
            update(&web.installation.db, console.ctx(), id, patch, seen::version(&posted)).await
        }
        Err(()) => Err(Error::invalid(vec![unknown_color()])),
    };
    let Err(error) = stored else {
        return Ok(see_other(&Done::Saved.at(&urls::admin_general(&application))));
    };
    let loaded = Loaded::by_id(&web, id).await?;
    let mut shell = loaded.shell(&web, &console.person, "general").await;
    let status = seen::refuse(&mut shell, error, &urls::admin_general(&application))?;
    let typed = General {
        label: posted.owned("label"),
        description: posted.owned("description"),
        color: posted.text("color").parse().unwrap_or(loaded.application.accent),
        show_in_portal: posted.ticked("show_in_portal"),
    };
    draw_general(&web, &loaded, shell, Some(typed), status)
}

/// `POST /admin/applications/{application}/logo`
pub async fn upload_logo(
    console: Console<ApplicationsWrite>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    SignedUpload(upload): SignedUpload,
) -> Answer {
    let id: ApplicationId = frame::id(&application)?;
    let installation = &web.installation;
    let stored = async {
        let bytes = upload.file("logo").cloned().ok_or_else(|| {
            Error::field("logo", "required", "Choose a PNG, JPEG or WebP picture of up to 256 KiB.")
        })?;
        let png = installation.on_cpu(move || logo::re_encode(&bytes)).await??;
        logo::set(&installation.db, console.ctx(), id, png).await
    };
    match stored.await {
        Ok(()) => Ok(see_other(&Done::Saved.at(&urls::admin_general(&application)))),
        Err(error) => {
            let loaded = Loaded::by_id(&web, id).await?;
            let mut shell = loaded.shell(&web, &console.person, "general").await;
            let status = frame::refuse(&mut shell, error)?;
            draw_general(&web, &loaded, shell, None, status)
        }
    }
}

/// `POST /admin/applications/{application}/logo/remove`
pub async fn remove_logo(
    console: Console<ApplicationsWrite>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    SignedForm(_): SignedForm<Posted>,
) -> Answer {
    let id: ApplicationId = frame::id(&application)?;
    logo::remove(&web.installation.db, console.ctx(), id).await?;
    Ok(see_other(&Done::Removed.at(&urls::admin_general(&application))))
}

/// `?cursor=`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Paged {
    about: String,
    cursor: Option<String>,
}

/// `GET /admin/applications/{application}/activity`
pub async fn show_activity(
    console: Console<EventsRead>,
    State(web): State<Shared>,
    Path(application): Path<String>,
    Queried(paged): Queried<Paged>,
) -> Answer<Response> {
    let loaded = Loaded::of(&web, &application).await?;
    let provisioning = paged.about == "provisioning";
    let filter =
        EventFilter { application: Some(loaded.application.id), provisioning, ..EventFilter::default() };
    let request = frame::page_request(paged.cursor.as_deref())?;
    let found = query::list(&mut web.installation.db.reader(), &filter, &request).await?;
    let next = found.next_cursor.as_deref();
    let activity = urls::admin_activity(&application);
    let about = if provisioning { "provisioning" } else { "" };
    page(&ApplicationActivityPage {
        shell: loaded.shell(&web, &console.person, "activity").await,
        app: loaded.head(&web, Tab::Activity),
        exchanges: if provisioning { None } else { exchanges::last(&web, &console, &loaded).await? },
        provisioning,
        days: event::days(&found.items, console.ctx().now()),
        zone: time::ZONE.to_owned(),
        pager: Pager {
            summary: String::new(),
            previous: None,
            next: next.map(|cursor| frame::with_query(&activity, &[("about", about), ("cursor", cursor)])),
        },
    })
}
