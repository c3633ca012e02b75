//! `/logo/{application}`: a picture that an administrator uploaded, for the people who may see its tile and for the
//! console. It was written anew as PNG and runs nothing.

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse as _;

use crate::applications::{access, logo};
use crate::auth::Permission;
use crate::base::Error;
use crate::base::id::ApplicationId;
use crate::web::error::{Answer, Failure};
use crate::web::extract::Person;
use crate::web::headers::{Cacheable, Policy};
use crate::web::state::Shared;

/// The picture.
pub(super) async fn picture(person: Person, State(web): State<Shared>, Path(id): Path<String>) -> Answer {
    let missing = || Failure::from(Error::not_found("picture"));
    let id: ApplicationId = id.parse().map_err(|_| missing())?;
    let db = &web.installation.db;
    let sees_all = person.role().is_some_and(|role| role.allows(Permission::ApplicationsRead));
    if !sees_all && access::granting_groups(&mut db.reader(), id, person.id(), true).await?.is_empty() {
        return Err(missing());
    }
    let (png, digest) = logo::find(&mut db.reader(), id).await?.ok_or_else(missing)?;
    let mut response = png.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/png"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=86400, immutable"));
    headers.insert(header::ETAG, HeaderValue::try_from(format!("\"{digest}\"")).map_err(Error::internal)?);
    response.extensions_mut().insert(Policy::File);
    response.extensions_mut().insert(Cacheable);
    Ok(response)
}
