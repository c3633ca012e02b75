//! `tessera apply` and `tessera export`: the plan and the text on standard output, what is refused on standard error.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use ipnet::IpNet;

use crate::base::{Error, Kind, Result};
use crate::cli::{open_beside, open_beside_serving, output};
use crate::config::open::Opening;
use crate::config::{DataArgs, ServeArgs};
use crate::transfer::read::BOUNDS;
use crate::transfer::{self, Options, Plan, Refusal, Refused, Verb};

#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches of the command line")]
pub(super) struct ApplyArgs {
    /// Configuration files; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Delete groups and applications that the files leave out, of the sections they have
    #[arg(long)]
    prune: bool,
    /// Delete applications without asking back
    #[arg(long)]
    yes: bool,
    /// Take addresses that deleted applications had in the last 90 days
    #[arg(long)]
    reuse: bool,
    /// Network that is not public and in which addresses of identity management may be, as for serve; may be repeated
    #[arg(long, env = "TESSERA_OUTBOUND_ALLOW", value_name = "CIDR", value_delimiter = ',')]
    outbound_allow: Vec<IpNet>,
}

pub(super) async fn run(data: &DataArgs, args: ApplyArgs) -> Result<ExitCode> {
    let files = args.files.iter().map(|path| load(path)).collect::<Result<Vec<_>>>()?;
    let declared = match transfer::read(files) {
        Ok(declared) => declared,
        Err(refusals) => return Ok(refused(&refusals)),
    };
    let serve = ServeArgs { outbound_allow: args.outbound_allow, ..ServeArgs::default() };
    let (installation, ctx) = open_beside_serving(data, &serve, Opening::Existing).await?;
    let options = Options { prune: args.prune, reuse: args.reuse };
    let plan = match transfer::rehearse(&installation, &ctx, &declared, options).await {
        Ok(plan) => plan,
        Err(Refused::Files(refusals)) => return Ok(refused(&refusals)),
        Err(Refused::Other(error)) => return Err(error),
    };
    print(&plan)?;
    if args.dry_run {
        let counts = counted(&plan, ["to create", "to update", "to delete"]);
        output::line(&format!("Dry run: {counts}. Nothing was written."))?;
        return Ok(ExitCode::SUCCESS);
    }
    if !args.yes {
        confirmed(&plan)?;
    }
    match transfer::carry_out(&installation, &ctx, &declared, options, &plan).await {
        Ok(()) if plan.changes_anything() => {
            output::line(&format!("Applied: {}.", counted(&plan, ["created", "updated", "deleted"])))?;
        }
        Ok(()) => output::line("Nothing to change: the installation is as the files say.")?,
        Err(Refused::Files(refusals)) => return Ok(refused(&refusals)),
        Err(Refused::Other(error)) => return Err(error),
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the configuration.
pub(super) async fn export(data: &DataArgs) -> Result<ExitCode> {
    let (installation, _) = open_beside(data, Opening::Existing).await?;
    let text = transfer::export(&installation).await?;
    output::line(text.trim_end_matches('\n'))?;
    Ok(ExitCode::SUCCESS)
}

/// Name and bytes of a file, at most one byte more than may be read, for the reader to refuse.
fn load(path: &Path) -> Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let most = BOUNDS.bytes() as u64 + 1;
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(most).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes))
    };
    match read {
        Ok(_) => Ok((path.display().to_string(), bytes)),
        Err(cause) => Err(Error::new(
            Kind::NotFound,
            "file_unreadable",
            format!("{} can't be read: {cause}. Nothing was applied.", path.display()),
        )),
    }
}

fn refused(refusals: &[Refusal]) -> ExitCode {
    for refusal in refusals {
        output::complain(&refusal.to_string());
    }
    let (count, noun) = (refusals.len(), if refusals.len() == 1 { "fault" } else { "faults" });
    output::complain(&format!("Nothing was applied: {count} {noun}."));
    ExitCode::FAILURE
}

fn print(plan: &Plan) -> Result<()> {
    plan.steps.iter().flat_map(transfer::Step::lines).try_for_each(|line| output::line(&line))
}

fn counted(plan: &Plan, [create, update, delete]: [&str; 3]) -> String {
    format!(
        "{} {create}, {} {update}, {} {delete}, {} unchanged",
        plan.count(Verb::Create),
        plan.count(Verb::Update),
        plan.count(Verb::Delete),
        plan.count(Verb::Keep)
    )
}

/// An application that is deleted takes its key with it, and its address answers 410 for 90 days.
fn confirmed(plan: &Plan) -> Result<()> {
    let deleted = plan.deleted_applications();
    if deleted.is_empty() {
        return Ok(());
    }
    Err(Error::conflict(
        "prune_unconfirmed",
        format!(
            "Nothing was applied: {} would be deleted with their keys and addresses. Say --yes if you mean it.",
            deleted.join(", ")
        ),
    ))
}
