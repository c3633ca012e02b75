//! `tessera demo`: the same server on a folder that is thrown away, filled with people, groups and applications, and
//! with a service provider to click into. All it prints is an address and how to sign in.

use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use ipnet::IpNet;

use crate::base::{Actor, Ctx, Error, Kind, Result};
use crate::cli::demo_content::{self, Filled};
use crate::cli::{output, serve};
use crate::config::open::{self, Opening};
use crate::config::{Config, DataArgs, ServeArgs};
use crate::lab::Lab;

/// What the demo takes.
#[derive(Args, Debug)]
pub(super) struct DemoArgs {
    /// Address and port to listen on
    #[arg(long, env = "TESSERA_LISTEN", value_name = "ADDR:PORT", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Address and port of the built-in service provider [default: 127.0.0.1, any free port]
    #[arg(long, env = "TESSERA_LAB_LISTEN", value_name = "ADDR:PORT", default_value = "127.0.0.1:0")]
    lab_listen: SocketAddr,
    /// Where browsers reach it, when the base URL is not of this machine
    #[arg(long, env = "TESSERA_LAB_URL", value_name = "URL")]
    lab_url: Option<String>,
}

pub(super) async fn run(data: &DataArgs, args: &DemoArgs) -> Result<ExitCode> {
    serve::start_logging("warn");
    let folder = tempfile::Builder::new().prefix("tessera-demo-").tempdir().map_err(Error::internal)?;
    let data = DataArgs {
        data_dir: Some(folder.path().to_owned()),
        base_url: data.base_url.clone(),
        catalog: data.catalog.clone(),
        settings_file: data.settings_file.clone(),
        ..DataArgs::default()
    };
    let options = ServeArgs {
        listen: Some(args.listen),
        lab_listen: Some(args.lab_listen),
        lab_url: args.lab_url.clone(),
        ..ServeArgs::default()
    };
    let mut config = Config::resolve(&data, &options)?;
    // A settings file may name the real ones, and the demo must not fill those.
    config.database_url = format!("sqlite://{}", folder.path().join("tessera.db").display());
    config.master_key_file = folder.path().join("master.key");
    config.master_key = None;
    // One application is provisioned, to a service on this machine.
    let scim = serve::ServedScim::start(config.limits.lab_server()).await?;
    config.outbound_allow.push(IpNet::from(IpAddr::from([127, 0, 0, 1])));
    let listener = serve::listen(&config).await?;
    config.listen = listener.local_addr().map_err(Error::internal)?;
    let installation = Arc::new(open::installation(&config, Opening::Server).await?);
    let ctx = Ctx::background(Actor::System("demo"), installation.clock.clone(), installation.random.clone());
    let lab = serve::start_lab(&config, &installation).await?.ok_or_else(|| {
        Error::new(
            Kind::Invalid,
            "lab_url_missing",
            "The demo's applications need an address that browsers reach, as --base-url is not of this machine. Give it by --lab-url, beside --lab-listen.",
        )
    })?;
    let filled = demo_content::fill(&installation, &ctx, &lab.lab, &scim).await?;
    say(&filled, &lab.lab, &scim, installation.base_url.as_str())?;
    serve::until_stopped(&config, installation, listener, Some(lab)).await?;
    scim.stop().await?;
    folder.close().map_err(Error::internal)?;
    Ok(ExitCode::SUCCESS)
}

fn say(filled: &Filled, lab: &Lab, scim: &serve::ServedScim, base_url: &str) -> Result<()> {
    output::line(&format!("Tessera's demo runs at {base_url}"))?;
    output::line("Everything in it is thrown away when you stop it with Ctrl-C.")?;
    output::line("")?;
    output::line("Sign in as its owner, who sees the console too, or as someone who works there:")?;
    for username in &filled.usernames {
        output::line(&format!("  username {username:<8}  password {}", filled.password))?;
    }
    output::line("")?;
    output::line(&format!("Or begin at an application: {}", lab.start_url(demo_content::FIRST_APPLICATION)))?;
    output::line("")?;
    output::line("Forum gets its people over SCIM. What arrives there, and what can go wrong there:")?;
    output::line(&format!("  curl -H 'Authorization: Bearer {}' {}/Users", scim.token, scim.base_url))
}
