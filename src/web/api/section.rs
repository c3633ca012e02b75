//! Operations on their way into the register and into the OpenAPI document: both take the same handler at the same
//! place, so that neither can know one that the other does not.

use axum::handler::Handler;
use axum::routing::MethodRouter;
use utoipa::openapi::path::Paths;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{HttpMethod, RefOr};

use crate::web::routes::{Arguments, METADATA_LIMIT, Routes};
use crate::web::state::Shared;

/// What `utoipa_axum::routes!` says of one handler.
type Described = (Vec<(String, RefOr<Schema>)>, Paths, MethodRouter<Shared>);

/// Some operations with their descriptions.
#[derive(Default)]
pub struct Section {
    routes: Routes,
    paths: Paths,
    schemas: Vec<(String, RefOr<Schema>)>,
}

impl std::fmt::Debug for Section {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.routes.table()).finish()
    }
}

impl Section {
    /// Adds a handler. Use [`operations!`], which describes it by what stands above it.
    ///
    /// # Panics
    /// When the description names no method, or one that is not built in here: every start would.
    #[must_use]
    pub fn add<H, T>(mut self, (schemas, paths, _): Described, handler: H) -> Self
    where
        H: Handler<T, Shared>,
        T: Arguments + 'static,
    {
        let (path, item) = paths.paths.iter().next().expect("utoipa describes each handler by one path");
        let full = format!("{}{path}", super::ROOT);
        let routes = self.routes;
        self.routes = if item.get.is_some() {
            routes.get(&full, handler)
        } else if item.post.is_some() {
            routes.post(&full, handler)
        } else if item.put.is_some() {
            routes.put_up_to(METADATA_LIMIT, &full, handler)
        } else if item.patch.is_some() {
            routes.patch(&full, handler)
        } else if item.delete.is_some() {
            routes.delete(&full, handler)
        } else {
            unreachable!("{full} has no method")
        };
        self.schemas.extend(schemas);
        for (path, item) in paths.paths {
            self.describe(&path, item);
        }
        self
    }

    fn describe(&mut self, path: &str, item: utoipa::openapi::PathItem) {
        let operations = [
            (HttpMethod::Get, item.get),
            (HttpMethod::Post, item.post),
            (HttpMethod::Put, item.put),
            (HttpMethod::Patch, item.patch),
            (HttpMethod::Delete, item.delete),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                self.paths.add_path_operation(path, vec![method], operation);
            }
        }
    }

    /// Adds all of another section.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.routes = self.routes.with(other.routes);
        self.schemas.extend(other.schemas);
        for (path, item) in other.paths.paths {
            self.describe(&path, item);
        }
        self
    }

    /// The routes alone.
    #[must_use]
    pub fn into_routes(self) -> Routes {
        self.routes
    }

    /// The descriptions alone.
    #[must_use]
    pub fn into_description(self) -> (Paths, Vec<(String, RefOr<Schema>)>) {
        (self.paths, self.schemas)
    }
}

/// A [`Section`] of these handlers, each of which has a `#[utoipa::path]`.
macro_rules! operations {
    ($($handler:ident),+ $(,)?) => {
        $crate::web::api::section::Section::default()
            $(.add(utoipa_axum::routes!($handler), $handler))+
    };
}
pub(in crate::web::api) use operations;
