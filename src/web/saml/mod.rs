//! The SAML endpoints: the IdP URL, the way on after a sign-in, metadata and certificate. The verb fixes the
//! binding: GET is Redirect and reads the query only, POST is POST and reads the body only (SAML-101).

mod ecp;
pub(in crate::web) mod endpoint;
pub(in crate::web) mod logout;
mod metadata;
pub(in crate::web) mod show;

use crate::base::urls;
use crate::web::routes::Routes;

/// The routes of this module.
pub(in crate::web) fn routes() -> Routes {
    Routes::new()
        .get("/saml2/{slug}", endpoint::by_get)
        .post("/saml2/{slug}", endpoint::by_post)
        .get("/saml2/{slug}/continue", endpoint::go_on)
        .post(&urls::idp_give_up("{slug}"), endpoint::give_up)
        .get(&urls::idp_logout("{slug}"), logout::by_get)
        .post(&urls::idp_logout("{slug}"), logout::by_post)
        .post(&urls::idp_ecp("{slug}"), ecp::by_client)
        .post(&urls::idp_artifact("{slug}"), logout::resolve_artifact)
        .post(&urls::idp_logout_soap("{slug}"), logout::by_soap)
        .get(urls::metadata_certificate(), metadata::metadata_certificate)
        .get("/saml2/{slug}/metadata", metadata::metadata)
        .get("/saml2/{slug}/certificate.pem", metadata::certificate)
}
