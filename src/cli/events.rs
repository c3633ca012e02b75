//! `tessera events`.

use std::process::ExitCode;

use clap::Subcommand;

use crate::base::Result;
use crate::cli::{open_beside, output};
use crate::config::DataArgs;
use crate::config::open::Opening;
use crate::events::chain;

#[derive(Subcommand, Debug)]
pub(super) enum EventsCommand {
    /// Recompute the whole chain; exit 1 and name the first break if there is one
    Verify,
}

pub(super) async fn run(data: &DataArgs, command: EventsCommand) -> Result<ExitCode> {
    let (installation, _) = open_beside(data, Opening::Existing).await?;
    match command {
        EventsCommand::Verify => {
            chain::seal(&installation.db, &installation.vault, installation.clock.now()).await?;
            let verdict = chain::verify(&installation.db, &installation.vault).await?;
            let Some(breach) = verdict.broken else {
                output::line(&format!("{} events verified. The chain is unbroken.", verdict.verified))?;
                return Ok(ExitCode::SUCCESS);
            };
            output::complain(&format!(
                "The chain of events is broken: {}{}{}. {} events before it are verified.",
                breach.code,
                breach.seq.map(|seq| format!(" at number {seq}")).unwrap_or_default(),
                breach.event_id.map(|id| format!(", event {id}")).unwrap_or_default(),
                verdict.verified
            ));
            Ok(ExitCode::FAILURE)
        }
    }
}
