//! *Test*: what the application would receive of the administrator, shown by the built-in service provider.

use axum::extract::{Path, State};
use serde::Deserialize;

use crate::applications::{self, sso};
use crate::base::Error;
use crate::base::id::ApplicationId;
use crate::signon::outcome::Outcome;
use crate::signon::trial::trial;
use crate::web::admin::sso::in_words;
use crate::web::error::Answer;
use crate::web::extract::permission::ApplicationsWrite;
use crate::web::extract::{Console, SignedForm};
use crate::web::saml::show::post;
use crate::web::state::Shared;

#[derive(Deserialize)]
/// A form without fields.
pub struct Empty {}

/// Signs the administrator on to the built-in service provider.
pub async fn test_sign_on(
    console: Console<ApplicationsWrite>,
    State(web): State<Shared>,
    Path(id): Path<String>,
    SignedForm(Empty {}): SignedForm<Empty>,
) -> Answer {
    let id: ApplicationId = id.parse().map_err(|_| Error::not_found("application"))?;
    let provider = web.options.trial.as_ref().ok_or_else(|| Error::not_found("built-in service provider"))?;
    let epochs = web.installation.epochs().await?;
    let session = &console.person.live.session;
    let tried = trial(&web.installation, console.ctx(), epochs, session, id, provider.as_ref()).await;
    let outcome = match tried {
        Ok(outcome) => outcome,
        Err(mut error) => {
            if error.code == "placeholders_unfilled" {
                let application = applications::require(&mut web.installation.db.reader(), id).await?;
                in_words(&mut error.fields, &sso::missing(&application));
            }
            return Err(error.into());
        }
    };
    match outcome {
        Outcome::Post(form) => post(form),
        Outcome::Refused(refused) => Err(Error::from(refused).into()),
        _ => Err(Error::internal("a test sign-on ends with a form or a refusal").into()),
    }
}
