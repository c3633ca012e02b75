//! The version that a form was drawn from, so that a save never undoes what somebody else did meanwhile (W-15).

use axum::http::StatusCode;

use crate::base::{Error, Kind};
use crate::web::admin::frame;
use crate::web::admin::posted::Posted;
use crate::web::error::Failure;
use crate::web::pages::parts::{Link, Tone};
use crate::web::pages::shell::{Banner, Shell};

/// Name of the hidden field.
const FIELD: &str = "version";

/// The version that the posted form was drawn from. Versions begin with 1, so a form that carries none counts as out
/// of date.
pub fn version(posted: &Posted) -> Option<i64> {
    Some(posted.text(FIELD).parse().unwrap_or(0))
}

/// Whether a save was refused because somebody else had changed the same thing.
pub fn is_meanwhile(error: &Error) -> bool {
    error.kind == Kind::PreconditionFailed || error.code == "changed_meanwhile"
}

/// Puts a refusal on the form that is drawn again as it was typed. `stored` is where the thing can be seen as it is.
pub fn refuse(shell: &mut Shell, error: Error, stored: &str) -> Result<StatusCode, Failure> {
    if !is_meanwhile(&error) {
        return frame::refuse(shell, error);
    }
    let mut banner = Banner::new(
        Tone::Warn,
        "Somebody else changed this while you were writing",
        "Nothing of yours is saved yet, and nothing is lost: it stands below as you typed it. Compare it with what is stored now. If you save once more, yours takes its place.",
    );
    banner.action = Some(Link::new("See what is stored now", stored));
    shell.banners.insert(0, banner);
    Ok(StatusCode::CONFLICT)
}
