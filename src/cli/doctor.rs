//! `tessera doctor APP`: what is odd about an application's single sign-on, and what to do about it.

use std::process::ExitCode;

use clap::Args;

use crate::applications::lint::{Severity, lint};
use crate::base::Result;
use crate::cli::{key, open_beside, output};
use crate::config::DataArgs;
use crate::config::open::Opening;

#[derive(Args, Debug)]
pub(super) struct DoctorArgs {
    /// Slug or id of an application
    #[arg(value_name = "APP", required = true)]
    applications: Vec<String>,
}

/// Exit code 1 where something is more than a note.
pub(super) async fn run(data: &DataArgs, arguments: DoctorArgs) -> Result<ExitCode> {
    let (installation, ctx) = open_beside(data, Opening::Existing).await?;
    let mut grave = false;
    for which in &arguments.applications {
        let application = key::find(&installation, which).await?;
        let mut reader = installation.db.reader();
        let findings = lint(&mut reader, &installation.catalog, &application, ctx.now()).await?;
        if findings.is_empty() {
            output::line(&format!("{}: nothing is odd", application.slug))?;
        }
        for finding in findings {
            grave |= finding.severity != Severity::Note;
            let place =
                if finding.field.is_empty() { String::new() } else { format!(" ({})", finding.field) };
            output::line(&format!(
                "{}: {}: {}{place}: {} {}",
                application.slug,
                finding.severity.as_str(),
                finding.code,
                finding.message,
                finding.repair
            ))?;
        }
    }
    Ok(if grave { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
