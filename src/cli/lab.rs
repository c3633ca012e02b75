//! `tessera lab`: what the other side of a connection looks like, in memory, to try things against.

use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Map, Value};
use tokio::net::TcpListener;

use crate::base::{Clock, Error, Kind, Random, Result};
use crate::cli::{output, serve};
use crate::config::Limits;
use crate::lab::scim::{self, LabScim, Quirks, ScimLabOptions};
use crate::web::server::{self, files};

#[derive(Subcommand, Debug)]
pub(super) enum LabCommand {
    /// Run an SCIM service provider in memory, with the quirks of a real one
    Scim(ScimArgs),
}

#[derive(Args, Debug)]
pub(super) struct ScimArgs {
    /// Behave as this service does; `none` is the standard
    #[arg(long, value_name = "NAME", default_value = "none",
        value_parser = clap::builder::PossibleValuesParser::new(scim::profile_names()))]
    quirks: String,
    /// Change one quirk, for example `page_max=20`; the names are those of GET /lab/quirks
    #[arg(long = "quirk", value_name = "KEY=VALUE")]
    changes: Vec<String>,
    /// Address and port to listen on; port 0 takes any free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The bearer token that clients send [default: a new one]
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Time that every answer takes, in milliseconds
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    latency_ms: u64,
    /// Seed of ids and of faults by chance, so that a run can be repeated
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

pub(super) async fn run(command: LabCommand) -> Result<ExitCode> {
    match command {
        LabCommand::Scim(args) => run_scim(args).await,
    }
}

async fn run_scim(args: ScimArgs) -> Result<ExitCode> {
    serve::start_logging("warn");
    let quirks = changed(scim::profile(&args.quirks)?, &args.changes)?;
    let listener = TcpListener::bind(args.listen).await.map_err(|error| {
        let text = format!("The lab can't listen on {}: {error}. Choose another by --listen.", args.listen);
        Error::new(Kind::Internal, "address_unusable", text)
    })?;
    let address = listener.local_addr().map_err(Error::internal)?;
    let host = if address.ip().is_unspecified() { IpAddr::from([127, 0, 0, 1]) } else { address.ip() };
    // A token is a secret also where the rest repeats.
    let token = args.token.unwrap_or_else(|| Random::System.token());
    let options = ScimLabOptions {
        origin: format!("http://{}", SocketAddr::from((host, address.port()))),
        token: token.clone(),
        quirks,
        latency: Duration::from_millis(args.latency_ms),
    };
    let lab = LabScim::new(options, Clock::System, args.seed.map_or(Random::System, Random::seeded));
    output::line(&format!("Base URL: {}", lab.base_url()))?;
    output::line(&format!("Token:    {token}"))?;
    let mut limits = Limits::default().lab_server();
    limits.connections = files::room_for(limits.connections);
    // Nobody waits for an answer that the lab was asked to withhold.
    limits.drain = Duration::from_secs(1);
    server::serve(listener, lab.router(), limits, serve::stop_signal()).await.map_err(Error::internal)?;
    Ok(ExitCode::SUCCESS)
}

/// The quirks with some of them changed. A value is JSON, or plain text.
fn changed(quirks: Quirks, changes: &[String]) -> Result<Quirks> {
    let wrong = |text: String| Error::field("quirk", "unusable_quirk", text);
    let mut all: Map<String, Value> = match serde_json::to_value(quirks) {
        Ok(Value::Object(all)) => all,
        Ok(_) => Map::new(),
        Err(error) => return Err(Error::internal(error)),
    };
    for change in changes {
        let (key, value) =
            change.split_once('=').ok_or_else(|| wrong(format!("{change:?} is no KEY=VALUE.")))?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        all.insert(key.to_owned(), value);
    }
    serde_json::from_value(Value::Object(all))
        .map_err(|error| wrong(format!("--quirk can't be read: {error}.")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::scim::Conflict;

    #[test]
    fn quirks_are_changed_by_name() {
        let changes =
            ["page_max=20", "conflict=no_type", "dropped_attributes=[\"title\"]"].map(str::to_owned);
        let quirks = changed(Quirks::default(), &changes).unwrap();
        assert_eq!((quirks.page_max, quirks.conflict), (20, Conflict::NoType));
        assert_eq!(quirks.dropped_attributes, ["title"]);
        for change in ["page_max", "page_mx=20", "conflict=never"] {
            assert!(changed(Quirks::default(), &[change.to_owned()]).is_err(), "{change}");
        }
    }
}
