//! The register of routes. Each is added through [`Routes`], which takes only handlers whose first argument is a
//! [`Credential`]: a handler that accepts nobody in particular does not compile, and every route's authorisation case
//! stands in [`route_table`], where a test walks over all of them.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::routing::{MethodFilter, on};
use tower_http::compression::CompressionLayer;

use crate::web::extract::{Access, Credential};
use crate::web::state::Shared;

/// Largest body unless a route says otherwise (W-12).
pub const BODY_LIMIT: usize = 1024 * 1024;
/// Largest body of routes that take SP metadata (W-12).
pub const METADATA_LIMIT: usize = 2 * 1024 * 1024;
/// The same in a form, with room for its other fields and its frame.
pub const METADATA_FORM_LIMIT: usize = METADATA_LIMIT + 64 * 1024;

/// One route, as the walk over all of them sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// `GET`
    pub method: &'static str,
    /// `/admin/users/{user}`
    pub path: Arc<str>,
    /// Who may come in.
    pub access: Access,
}

/// The arguments of a handler, the first of which is a credential.
pub trait Arguments {
    /// The first one.
    type First: Credential;
}

macro_rules! arguments {
    ($($($rest:ident)*;)*) => { $(
        impl<M, C: Credential, $($rest),*> Arguments for (M, C, $($rest,)*) {
            type First = C;
        }
    )* };
}

// axum's handlers are implemented for a marker and up to sixteen arguments; eight are plenty.
arguments! {
    ;
    A;
    A B;
    A B D;
    A B D E;
    A B D E F;
    A B D E F G;
    A B D E F G H;
}

/// Routes with their authorisation cases.
#[derive(Default)]
pub struct Routes {
    router: Router<Shared>,
    table: Vec<Route>,
}

impl Routes {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers GET, and HEAD without the body.
    #[must_use]
    pub fn get<H, T>(self, path: &str, handler: H) -> Self
    where
        H: Handler<T, Shared>,
        T: Arguments + 'static,
    {
        self.add("GET", MethodFilter::GET, path, handler, BODY_LIMIT)
    }

    /// Answers POST.
    #[must_use]
    pub fn post<H, T>(self, path: &str, handler: H) -> Self
    where
        H: Handler<T, Shared>,
        T: Arguments + 'static,
    {
        self.add("POST", MethodFilter::POST, path, handler, BODY_LIMIT)
    }

    /// Answers POST with a body of up to `limit` bytes.
    #[must_use]
    pub fn post_up_to<H, T>(self, limit: usize, path: &str, handler: H) -> Self
    where
        H: Handler<T, Shared>,
        T: Arguments + 'static,
    {
        self.add("POST", MethodFilter::POST, path, handler, limit)
    }

    /// Answers PUT.
    #[must_use]
    pub fn put<H, T>(self, path: &str, handler: H) -> Self
    where
        H: Handler<T, Shared>,
        T: Arguments + 'static,
    {
        self.add("PUT", MethodFilter::PUT, path, handler, BODY_LIMIT)
    }

    /// Answers PUT with a body of up to `limit` bytes.
    #[must_use]
    pub fn put_up_to<H, T>(self, limit: usize, path: &str, handler: H) -> Self
    where
        H: Handler<T, Shared>,
        T: Arguments + 'static,
    {
        self.add("PUT", MethodFilter::PUT, path, handler, limit)
    }

    /// Answers PATCH.
    #[must_use]
    pub fn patch<H, T>(self, path: &str, handler: H) -> Self
    where
        H: Handler<T, Shared>,
        T: Arguments + 'static,
    {
        self.add("PATCH", MethodFilter::PATCH, path, handler, BODY_LIMIT)
    }

    /// Answers DELETE.
    #[must_use]
    pub fn delete<H, T>(self, path: &str, handler: H) -> Self
    where
        H: Handler<T, Shared>,
        T: Arguments + 'static,
    {
        self.add("DELETE", MethodFilter::DELETE, path, handler, BODY_LIMIT)
    }

    /// Answers of these routes are compressed. Only for what holds no secret and repeats nothing of the request (BREACH).
    #[must_use]
    pub fn compressed(self) -> Self {
        Self { router: self.router.layer(CompressionLayer::new()), ..self }
    }

    /// Adds all of another register.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.table.extend(other.table);
        Self { router: self.router.merge(other.router), table: self.table }
    }

    fn add<H, T>(
        mut self,
        method: &'static str,
        filter: MethodFilter,
        path: &str,
        handler: H,
        limit: usize,
    ) -> Self
    where
        H: Handler<T, Shared>,
        T: Arguments + 'static,
    {
        self.table.push(Route { method, path: path.into(), access: T::First::ACCESS });
        let route = on(filter, handler.layer(DefaultBodyLimit::max(limit)));
        Self { router: self.router.route(path, route), table: self.table }
    }

    /// The register.
    #[must_use]
    pub fn table(&self) -> &[Route] {
        &self.table
    }

    pub(in crate::web) fn into_router(self) -> Router<Shared> {
        self.router
    }
}

/// All routes of Tessera with their authorisation cases.
#[must_use]
pub fn route_table() -> Vec<Route> {
    crate::web::all_routes().table
}
