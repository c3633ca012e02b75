//! The picture of an application, for those who may see it: who may use it, or works in the console. To
//! everybody else it is as if there were none.

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse as _;

use crate::applications::{access, logo};
use crate::auth::Permission;
use crate::base::id::ApplicationId;
use crate::web::admin::frame;
use crate::web::error::{Answer, Failure};
use crate::web::extract::{Person, Queried};
use crate::web::headers::Policy;
use crate::web::state::Shared;

/// `?v=` the version, by which browsers tell pictures apart.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Asked {
    v: Option<String>,
}

/// `GET /logo/{application}?v=DIGEST`
pub async fn send_logo(
    person: Person,
    State(web): State<Shared>,
    Path(application): Path<String>,
    Queried(asked): Queried<Asked>,
) -> Answer {
    let id: ApplicationId = frame::id(&application)?;
    let mut reader = web.installation.db.reader();
    let works_here = person.role().is_some_and(|role| role.allows(Permission::ApplicationsRead));
    if !works_here && access::granting_groups(&mut reader, id, person.id(), true).await?.is_empty() {
        return Err(Failure::no_such_page());
    }
    let (png, digest) = logo::find(&mut reader, id).await?.ok_or_else(Failure::no_such_page)?;
    let mut response = ([(header::CONTENT_TYPE, "image/png")], png).into_response();
    // Only in this browser, and for a year only under the version that it is.
    let kept = if asked.v.as_deref() == Some(digest.as_str()) {
        "private, max-age=31536000"
    } else {
        "private, no-cache"
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    response.extensions_mut().insert(crate::web::headers::Cacheable);
    response.extensions_mut().insert(Policy::File);
    Ok(response)
}
