//! A SCIM service of the lab beside a server that is a process of its own.

use std::sync::Arc;
use std::time::Duration;

use tessera::base::{Clock, Random};
use tessera::lab::scim::{LabScim, Quirks, ScimLabOptions};
use tokio::runtime::Runtime;

/// The token of the lab.
pub const TOKEN: &str = "of-the-lab";

/// A thread that services run on.
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

/// A service and its base URL.
pub fn start(runtime: &Runtime, latency: Duration) -> (Arc<LabScim>, String) {
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let origin = format!("http://{}", listener.local_addr().expect("an address"));
        let options = ScimLabOptions { origin, token: TOKEN.to_owned(), quirks: Quirks::default(), latency };
        let lab = Arc::new(LabScim::new(options, Clock::System, Random::seeded(3)));
        let (url, router) = (lab.base_url(), lab.router());
        tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        (lab, url)
    })
}
