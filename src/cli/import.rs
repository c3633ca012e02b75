//! `tessera import`: the export of another identity provider in, YAML for `apply` on standard output, what was not carried
//! on standard error. It needs no data folder and changes nothing.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::base::{Error, Kind, Result};
use crate::cli::{catalog, output};
use crate::config::DataArgs;
use crate::transfer;
use crate::transfer::importers::{self, Format, Imported, Left, MAX_BYTES};

#[derive(Args, Debug)]
pub(super) struct ImportArgs {
    /// Whose export it is: JumpCloud's or Okta's list of applications, a realm of Keycloak, a blueprint of authentik
    #[arg(value_parser = PossibleValuesParser::new(Format::ALL.iter().map(|format| format.as_str())))]
    format: String,
    /// The file; - is standard input
    file: PathBuf,
}

pub(super) fn run(data: &DataArgs, args: &ImportArgs) -> Result<ExitCode> {
    let format: Format = args.format.parse().map_err(|()| Error::internal("a format that is none"))?;
    let bytes = load(&args.file)?;
    let imported = importers::read(format, &bytes)
        .map_err(|fault| Error::new(Kind::Malformed, fault.code, fault.message))?;
    let imported = transfer::fitted(&*catalog::open(data)?, imported);
    output::line(transfer::written(&imported.document)?.trim_end_matches('\n'))?;
    report(&imported);
    Ok(ExitCode::SUCCESS)
}

/// What was not carried, application by application.
fn report(imported: &Imported) {
    let labels = imported.document["applications"].as_array().into_iter().flatten();
    let places: HashMap<&str, usize> =
        labels.filter_map(|one| one["label"].as_str()).enumerate().map(|(at, label)| (label, at)).collect();
    let count = places.len();
    let mut left: Vec<&Left> = imported.left.iter().collect();
    // Of the whole first.
    left.sort_by_key(|left| places.get(left.application.as_str()));
    for Left { application, what, why } in left {
        let of = if application.is_empty() { String::new() } else { format!("{application}: ") };
        output::complain(&format!("{of}{what}: {why}"));
    }
    let noun = if count == 1 { "application" } else { "applications" };
    output::complain(&format!(
        "{count} {noun}. Read what is said above, then: tessera apply --dry-run FILE, and tessera apply FILE."
    ));
}

fn load(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = MAX_BYTES as u64 + 1;
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(most).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes))
    };
    read.map(|_| bytes).map_err(|cause| {
        Error::new(Kind::NotFound, "file_unreadable", format!("{} can't be read: {cause}.", path.display()))
    })
}
