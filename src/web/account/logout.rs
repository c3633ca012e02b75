//! `/logout`: the session ends at once, on every node.

use axum::extract::State;
use serde::Deserialize;

use crate::auth::session;
use crate::base::urls;
use crate::web::context::Notes;
use crate::web::error::Answer;
use crate::web::extract::{Gate, Person, SignedForm};
use crate::web::pages::SignedOutPage;
use crate::web::render::{page as ok, see_other};
use crate::web::state::Shared;

#[derive(Deserialize)]
pub(super) struct Empty {}

/// After signing out.
pub(super) async fn page(gate: Gate, State(web): State<Shared>) -> Answer {
    if gate.live.is_some() {
        return Ok(see_other(urls::portal()));
    }
    ok(&SignedOutPage { shell: gate.shell(&web, "Signed out").await })
}

/// Signs out.
pub(super) async fn submit(
    person: Person,
    State(web): State<Shared>,
    axum::Extension(notes): axum::Extension<Notes>,
    SignedForm(Empty {}): SignedForm<Empty>,
) -> Answer {
    session::sign_out(&web.installation.db, &person.ctx, &person.live.session).await?;
    notes.set_cookie(web.cookies.clear_session());
    Ok(see_other(urls::logout()))
}
