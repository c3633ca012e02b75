//! Pages as answers, and the shell around them.

use askama::Template;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::auth::{Permission, csrf};
use crate::base::{Ctx, Error};
use crate::web::error::Answer;
use crate::web::extract::session::Live;
use crate::web::pages::{Nav, Shell, SignedIn};
use crate::web::state::Web;

/// A page with its status.
pub fn html(status: StatusCode, page: &impl Template) -> Answer {
    let body = page.render().map_err(Error::internal)?;
    let mut response = (status, body).into_response();
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

/// A page that is as it should be.
pub fn page(page: &impl Template) -> Answer {
    html(StatusCode::OK, page)
}

/// 303 to a path of ours: what a form leads to.
#[must_use]
pub fn see_other(path: &str) -> Response {
    match HeaderValue::from_str(path) {
        Ok(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(),
        // Our paths are ASCII; one that is not leads to the portal rather than nowhere.
        Err(_) => {
            (StatusCode::SEE_OTHER, [(header::LOCATION, HeaderValue::from_static("/"))]).into_response()
        }
    }
}

impl Web {
    /// A token for the forms of a page shown to the browser that holds `secret`.
    #[must_use]
    pub fn csrf_token(&self, ctx: &Ctx, secret: &str) -> String {
        csrf::token(&self.installation.vault, &ctx.random, secret)
    }

    /// Name of the organisation; the product's own when the settings can't be read, so that error pages never fail.
    async fn organisation(&self) -> String {
        let settings = async {
            let epochs = self.installation.epochs().await?;
            self.installation.settings(epochs).await
        };
        settings.await.map_or_else(|_| "Tessera".to_owned(), |settings| settings.organisation_name.clone())
    }

    /// The shell of a page at the gate. Forms need `csrf` set: see [`crate::web::extract::Gate::shell`].
    pub async fn shell_of_nobody(&self, title: &str) -> Shell {
        Shell { organisation: self.organisation().await, title: title.to_owned(), ..Shell::default() }
    }

    /// The shell of a page of this session.
    pub async fn shell_of(&self, live: &Live, title: &str) -> Shell {
        let session = &live.session;
        let can_edit = session.role.is_some_and(|role| role.allows(Permission::ApplicationsWrite));
        Shell {
            organisation: self.organisation().await,
            title: title.to_owned(),
            person: Some(SignedIn {
                name: session.display_name.clone(),
                initials: initials(&session.display_name),
                role: session.role.map(|role| role.label().to_owned()).unwrap_or_default(),
                can_open_console: session.role.is_some(),
            }),
            nav: Nav::None,
            csrf: csrf::token(&self.installation.vault, &self.installation.random, &live.token),
            can_edit,
            ..Shell::default()
        }
    }
}

/// First letters of the first and last name.
fn initials(name: &str) -> String {
    let mut words = name.split_whitespace();
    let first = words.next();
    let letters = [first, words.next_back()].into_iter().flatten().filter_map(|word| word.chars().next());
    letters.flat_map(char::to_uppercase).collect()
}

/// Shell parts that come from the request: colours and reference.
pub(in crate::web) fn dress(mut shell: Shell, web: &Web, ctx: &Ctx, headers: &HeaderMap) -> Shell {
    shell.theme = web.cookies.theme(headers);
    shell.reference = ctx.request_id.to_string();
    shell
}
