//! `/lab/…`: the lab's own switches over HTTP, for tests against the binary. They ask for the token that the lab was made
//! with, as a bearer token.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{Response, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::routing::{delete, get, post, put};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::scim::ScimError;

use super::answer::Answer;
use super::credentials::is_same;
use super::faults::Rule;
use super::quirks::Quirks;
use super::{LabScim, Shared, profiles};

type Lab = State<Arc<Shared>>;
type Sent = Result<Json<Value>, axum::extract::rejection::JsonRejection>;

pub(super) fn router(shared: &Arc<Shared>) -> Router<Arc<Shared>> {
    Router::new()
        .route("/quirks", get(show_quirks).put(put_quirks))
        .route("/quirks/{name}", put(put_profile))
        .route("/faults", get(list_faults).post(add_fault).delete(clear_faults))
        .route("/requests", get(list_requests).delete(clear_requests))
        .route("/counts", get(show_counts))
        .route("/state", get(show_state).post(seed).delete(clear))
        .route("/state/{id}", post(change).delete(remove))
        .route("/approve", post(approve))
        .route("/latency", put(put_latency))
        .route("/token", put(put_token))
        .route("/access-tokens", delete(revoke_access_tokens))
        .route("/cursors", delete(expire_cursors))
        .layer(DefaultBodyLimit::max(64 * 1024 * 1024))
        .layer(from_fn_with_state(Arc::clone(shared), protect))
}

async fn protect(State(shared): Lab, request: Request, next: Next) -> Response<Body> {
    let header = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = header.and_then(|header| header.strip_prefix("Bearer "));
    if token.is_some_and(|token| is_same(token.trim(), &shared.control_token)) {
        next.run(request).await
    } else {
        failed(&ScimError::plain(401, "The lab's own token is needed."))
    }
}

fn lab(shared: Arc<Shared>) -> LabScim {
    LabScim { shared }
}

fn done() -> Response<Body> {
    Answer::new(204).into_response()
}

fn told(value: Value) -> Response<Body> {
    Answer::page(200, "application/json", &value.to_string()).into_response()
}

fn failed(error: &ScimError) -> Response<Body> {
    Answer::error(&Quirks::default(), error).into_response()
}

fn read<T: serde::de::DeserializeOwned>(sent: Sent) -> Result<T, ScimError> {
    let wrong = |text: String| ScimError::plain(400, text);
    let Json(value) = sent.map_err(|error| wrong(error.body_text()))?;
    serde_json::from_value(value).map_err(|error| wrong(error.to_string()))
}

async fn show_quirks(State(shared): Lab) -> Response<Body> {
    told(json!(lab(shared).quirks()))
}

async fn put_quirks(State(shared): Lab, sent: Sent) -> Response<Body> {
    match read::<Quirks>(sent) {
        Ok(quirks) => {
            lab(shared).set_quirks(quirks);
            done()
        }
        Err(refused) => failed(&refused),
    }
}

async fn put_profile(State(shared): Lab, Path(name): Path<String>) -> Response<Body> {
    match profiles::find(&name) {
        Ok(quirks) => {
            lab(shared).set_quirks(quirks);
            done()
        }
        Err(error) => failed(&ScimError::plain(404, error.to_string())),
    }
}

async fn list_faults(State(shared): Lab) -> Response<Body> {
    told(json!(lab(shared).faults()))
}

async fn add_fault(State(shared): Lab, sent: Sent) -> Response<Body> {
    match read::<Rule>(sent) {
        Ok(rule) => told(json!({ "number": lab(shared).add_fault(rule) })),
        Err(refused) => failed(&refused),
    }
}

async fn clear_faults(State(shared): Lab) -> Response<Body> {
    lab(shared).clear_faults();
    done()
}

async fn list_requests(State(shared): Lab) -> Response<Body> {
    told(json!(lab(shared).requests()))
}

async fn clear_requests(State(shared): Lab) -> Response<Body> {
    lab(shared).clear_requests();
    done()
}

async fn show_counts(State(shared): Lab) -> Response<Body> {
    told(json!(lab(shared).counts()))
}

async fn show_state(State(shared): Lab) -> Response<Body> {
    let lab = lab(shared);
    told(json!({ "users": lab.users(), "groups": lab.groups(), "deleted": lab.deleted() }))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Seed {
    users: Vec<Value>,
    groups: Vec<Value>,
}

async fn seed(State(shared): Lab, sent: Sent) -> Response<Body> {
    let seed: Seed = match read(sent) {
        Ok(seed) => seed,
        Err(refused) => return failed(&refused),
    };
    let lab = lab(shared);
    let users: Result<Vec<String>, ScimError> =
        seed.users.into_iter().map(|user| lab.seed_user(user)).collect();
    let groups: Result<Vec<String>, ScimError> =
        seed.groups.into_iter().map(|group| lab.seed_group(group)).collect();
    match (users, groups) {
        (Ok(users), Ok(groups)) => told(json!({ "users": users, "groups": groups })),
        (Err(error), _) | (_, Err(error)) => failed(&error),
    }
}

async fn clear(State(shared): Lab) -> Response<Body> {
    lab(shared).clear();
    done()
}

async fn change(State(shared): Lab, Path(id): Path<String>, sent: Sent) -> Response<Body> {
    let patch: Value = match read(sent) {
        Ok(patch) => patch,
        Err(refused) => return failed(&refused),
    };
    match lab(shared).change(&id, &patch) {
        Ok(true) => done(),
        Ok(false) => failed(&ScimError::plain(404, "There is nothing of this id.")),
        Err(error) => failed(&error),
    }
}

async fn remove(State(shared): Lab, Path(id): Path<String>) -> Response<Body> {
    if lab(shared).remove(&id) {
        done()
    } else {
        failed(&ScimError::plain(404, "There is nothing of this id."))
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Approval {
    group: Option<String>,
}

async fn approve(State(shared): Lab, sent: Sent) -> Response<Body> {
    match read::<Approval>(sent) {
        Ok(approval) => told(json!({ "approved": lab(shared).approve(approval.group.as_deref()) })),
        Err(refused) => failed(&refused),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Latency {
    millis: u64,
}

async fn put_latency(State(shared): Lab, sent: Sent) -> Response<Body> {
    match read::<Latency>(sent) {
        Ok(latency) => {
            lab(shared).set_latency(Duration::from_millis(latency.millis));
            done()
        }
        Err(refused) => failed(&refused),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    token: String,
}

async fn put_token(State(shared): Lab, sent: Sent) -> Response<Body> {
    match read::<Token>(sent) {
        Ok(token) => {
            lab(shared).set_token(&token.token);
            done()
        }
        Err(refused) => failed(&refused),
    }
}

async fn revoke_access_tokens(State(shared): Lab) -> Response<Body> {
    lab(shared).revoke_access_tokens();
    done()
}

async fn expire_cursors(State(shared): Lab) -> Response<Body> {
    lab(shared).expire_cursors();
    done()
}
