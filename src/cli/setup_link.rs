//! `tessera setup-link`.

use std::process::ExitCode;

use secrecy::ExposeSecret as _;

use crate::auth::link;
use crate::base::{Result, urls};
use crate::cli::{open_beside, output};
use crate::config::DataArgs;
use crate::config::open::Opening;

pub(super) async fn run(data: &DataArgs) -> Result<ExitCode> {
    let (installation, ctx) = open_beside(data, Opening::Existing).await?;
    let link = link::create_setup(&installation.db, &ctx).await?;
    output::line(&installation.base_url.join(&urls::setup(link.token.expose_secret())))?;
    Ok(ExitCode::SUCCESS)
}
