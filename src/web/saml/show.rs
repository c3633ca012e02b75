//! Outcomes of sign-on as answers: the form that posts itself, the pages that ask, lead on or say why not.

use axum::http::StatusCode;
use axum::response::Response;

use crate::auth::{Permission, Role};
use crate::base::accent::Accent;
use crate::base::{Error, Kind, urls};
use crate::signon::outcome::{Outcome, PostForm, Refused};
use crate::signon::{Epochs, target};
use crate::web::error::{Answer, Failure, status_of};
use crate::web::extract::Gate;
use crate::web::headers::Policy;
use crate::web::pages::parts::{Fact, Link, Mark, When};
use crate::web::pages::{ContinuePage, HandoverPage, PostPage, RefusalPage};
use crate::web::render::{html, page, see_other};
use crate::web::state::Web;

/// The answer to a step of sign-on.
pub(super) async fn show(web: &Web, gate: &Gate, epochs: Epochs, slug: &str, outcome: Outcome) -> Answer {
    match outcome {
        Outcome::Post(form) => post(form),
        Outcome::Resume { handle } => Ok(see_other(&with_handle(&urls::idp_continue(slug), &handle))),
        Outcome::SignIn { handle } => Ok(see_other(&with_handle(urls::login(), &handle))),
        Outcome::Confirm { label, relay_state } => {
            let title = format!("Continue to {label}");
            let mut shell = gate.shell(web, &title).await;
            if let Some(live) = &gate.live {
                shell.csrf = web.csrf_token(&gate.ctx, &live.token);
            }
            page(&ContinuePage {
                shell,
                application: mark(web, epochs, slug, &label).await?,
                action: urls::idp(slug),
                relay_state: relay_state.unwrap_or_default(),
            })
        }
        Outcome::HandOver { label, url } => {
            let target = url::Url::parse(&url).map_err(Error::internal)?;
            page(&HandoverPage {
                shell: gate.shell(web, &format!("Opening {label}")).await,
                application: mark(web, epochs, slug, &label).await?,
                target_host: target.host_str().unwrap_or_default().to_owned(),
                target: url,
                leaving: false,
            })
        }
        Outcome::Refused(refused) => {
            let heading = heading(&refused);
            refuse(web, gate, epochs, slug, refused, heading, None).await
        }
    }
}

fn with_handle(path: &str, handle: &str) -> String {
    // A handle is base64url and needs no escaping.
    format!("{path}?request={handle}")
}

/// The page that posts a message to a service provider.
pub(in crate::web) fn post(form: PostForm) -> Answer {
    let PostForm { label, acs_url, saml_response, artifact, relay_state, told: _ } = form;
    let (name, value) = artifact.map_or(("SAMLResponse", saml_response), |artifact| ("SAMLart", artifact));
    let mut response = page(&PostPage::new(label, acs_url, name, value, relay_state))?;
    // The application may lead on to wherever it wants after the post, and Chromium holds that against form-action
    // too (decision 3), so this one page has none.
    response.extensions_mut().insert(Policy::Post { only_to: None });
    Ok(response)
}

async fn mark(web: &Web, epochs: Epochs, slug: &str, label: &str) -> Answer<Mark> {
    let target = target::load(&web.installation, epochs, slug).await?;
    let accent = target.map_or_else(|| Accent::of_name(label), |target| target.application.accent);
    Ok(Mark::letter(label, accent))
}

fn heading(refused: &Refused) -> String {
    let name = refused.label.as_deref().unwrap_or("this application");
    match refused.code {
        "not_bound" => format!("You can't open {name} yet"),
        "application_not_active" => format!("{name} is switched off"),
        "application_deleted" => format!("{name} is not here any more"),
        "unknown_idp_url" => "There is no application here".to_owned(),
        _ => match refused.kind {
            Kind::Unavailable | Kind::Internal => format!("We can't sign you in to {name} now"),
            _ => format!("Signing in to {name} did not work"),
        },
    }
}

/// The page of a refusal. `onward`: what the person was in the middle of, if it goes on.
pub(super) async fn refuse(
    web: &Web,
    gate: &Gate,
    epochs: Epochs,
    slug: &str,
    refused: Refused,
    heading: String,
    onward: Option<Link>,
) -> Answer<Response> {
    let now = gate.ctx.now();
    let mut technical =
        vec![Fact::mono("Code", refused.code), Fact::mono("Reference", &*gate.ctx.request_id)];
    // What an application is set up with is shown to administrators only.
    let is_admin = gate.live.as_ref().is_some_and(|live| live.session.role.is_some());
    if let Some((expected, received)) = refused.mismatch.as_ref().filter(|_| is_admin) {
        technical.push(Fact::mono("Registered here", expected.as_str()));
        technical.push(Fact::mono("The request says", received.as_str()));
    }
    let application = match &refused.label {
        Some(label) => Some(mark(web, epochs, slug, label).await?),
        None => None,
    };
    let role = gate.live.as_ref().and_then(|live| live.session.role);
    let may_look =
        |role: &Role| role.allows(Permission::ApplicationsWrite) && role.allows(Permission::PeopleRead);
    let again = onward.or_else(|| {
        gate.live.as_ref().map(|_| {
            if refused.recorded && role.as_ref().is_some_and(may_look) {
                let exchange = format!("{}?reference={}", urls::admin_exchange_find(), gate.ctx.request_id);
                Link::new("See what was received", exchange)
            } else {
                Link::new("Back to your applications", urls::portal())
            }
        })
    });
    let advice = if refused.kind == Kind::Malformed || refused.kind == Kind::Forbidden {
        vec!["If you need help, tell your administrator the reference below.".to_owned()]
    } else {
        Vec::new()
    };
    let refusal = RefusalPage {
        shell: gate.shell(web, &heading).await,
        door: if refused.code == "not_bound" {
            "Not open to you yet".to_owned()
        } else {
            "Not open".to_owned()
        },
        heading,
        lead: refused.message,
        advice,
        application,
        again,
        when: When { iso: now.to_rfc3339(), text: now.to_xs_date_time() },
        technical,
    };
    let status = status_of(refused.kind);
    html(status, &refusal).map_err(|_: Failure| {
        Failure::with_status(
            StatusCode::INTERNAL_SERVER_ERROR,
            Error::internal("the refusal page can't be drawn"),
        )
    })
}
