//! What to do when an application could not sign somebody in: the page that metadata names as `errorURL` (MD-301). An
//! application may add parameters of its own to the address; none of them is read.

use axum::extract::State;

use crate::web::error::Answer;
use crate::web::extract::Gate;
use crate::web::page;
use crate::web::pages::RefusalPage;
use crate::web::pages::parts::When;
use crate::web::state::Shared;

/// `GET /login/help`
pub async fn show_help(gate: Gate, State(web): State<Shared>) -> Answer {
    let heading = "The application could not sign you in";
    let advice = [
        "Go back to the application and begin again: a sign-in counts for a few minutes only.",
        "Open the application from your applications here instead, if it has a tile.",
        "If it happens again, tell your administrator which application it was, when it happened, and what the application said. Under this time they find it among the events.",
    ];
    let mut shell = gate.shell(&web, heading).await;
    shell.reference.clear();
    page(&RefusalPage {
        shell,
        heading: heading.to_owned(),
        lead: "It sent you here because something went wrong between it and us. Your account and your password are not to blame.".to_owned(),
        advice: advice.map(str::to_owned).to_vec(),
        application: None,
        door: "Help".to_owned(),
        again: None,
        when: When { iso: String::new(), text: String::new() },
        technical: Vec::new(),
    })
}
