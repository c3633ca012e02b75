//! `tessera serve`: takes the lock, opens the installation, starts the background work and both listeners, and ends
//! in order when asked to.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::future::BoxFuture;
use secrecy::ExposeSecret as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::applications;
use crate::auth::{link, session};
use crate::base::urls::BaseUrl;
use crate::base::{Actor, Clock, Ctx, Error, Kind, Random, Result, urls};
use crate::cli::output;
use crate::config::Config;
use crate::config::open::{self, Opening};
use crate::db::Db;
use crate::db::lock::ServerLock;
use crate::events::{Event, EventName, chain};
use crate::keys::{self, KeyView, expiry};
use crate::lab::scim::{LabScim, Quirks, ScimLabOptions};
use crate::lab::{IdpCertificates, Lab, LabSp};
use crate::provisioning;
use crate::provisioning::engine::Engine;
use crate::signon::trial::{TrialAddress, TrialApplication, TrialProvider};
use crate::signon::{Installation, logout, pending, recorder};
use crate::web::server::{ServerOptions, files, serve};
use crate::web::{Shared, Web, WebOptions};

pub(super) async fn run(config: &Config) -> Result<ExitCode> {
    start_logging("info");
    open::data_dir(config)?;
    let lock = ServerLock::take(&config.data_dir, &config.database_url)?;
    let listener = listen(config).await?;
    let mut config = config.clone();
    config.listen = listener.local_addr().map_err(Error::internal)?;
    let installation = Arc::new(open::installation(&config, Opening::Server).await?);
    let ctx = context(&installation, "start");
    note_start(&installation, &ctx).await?;
    output::line(&format!("Tessera listens on http://{} as {}", config.listen, installation.base_url))?;
    print_setup_link(&installation, &ctx).await?;
    let lab = start_lab(&config, &installation).await?;
    until_stopped(&config, installation, listener, lab).await?;
    lock.release()?;
    Ok(ExitCode::SUCCESS)
}

/// Logs to standard error: JSON when it is no terminal. `TESSERA_LOG` sets the levels.
pub(super) fn start_logging(level: &str) {
    use std::io::IsTerminal as _;
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("TESSERA_LOG")
        .unwrap_or_else(|_| EnvFilter::new(format!("{level},sqlx=warn")));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start in one process (tests) keeps the first logger.
    let _ = if std::io::stderr().is_terminal() { builder.try_init() } else { builder.json().try_init() };
}

pub(super) async fn listen(config: &Config) -> Result<TcpListener> {
    TcpListener::bind(config.listen).await.map_err(|error| {
        Error::new(
            Kind::Internal,
            "address_unusable",
            format!("Tessera can't listen on {}: {error}. Choose another by --listen.", config.listen),
        )
    })
}

/// The built-in service provider behind *Test*, where browsers can reach it: at the address that was given, or on this
/// machine when the whole of Tessera is only for it.
pub(super) async fn start_lab(config: &Config, installation: &Installation) -> Result<Option<ServedLab>> {
    let base_url = &installation.base_url;
    let origin = match &config.lab_url {
        Some(url) => Some(BaseUrl::parse_lab(url, config.insecure_http, base_url)?.as_str().to_owned()),
        None if base_url.is_loopback() => None,
        None => return Ok(None),
    };
    let listener = TcpListener::bind(config.lab_listen).await.map_err(|error| {
        Error::new(
            Kind::Internal,
            "address_unusable",
            format!(
                "The built-in service provider can't listen on {}: {error}. Choose another by --lab-listen.",
                config.lab_listen
            ),
        )
    })?;
    let address = listener.local_addr().map_err(Error::internal)?;
    let (clock, random) = (installation.clock.clone(), installation.random.clone());
    let certificates: Arc<dyn IdpCertificates> = Arc::new(PublishedKeys(installation.db.clone()));
    let lab = Lab::new(address, origin, clock, random, Some(certificates));
    let mut limits = config.limits.lab_server();
    limits.uncapped.extend(config.trusted_proxies.iter().copied());
    Ok(Some(ServedLab::start(listener, lab, limits)))
}

/// The built-in service provider while it is served.
pub(super) struct ServedLab {
    /// What is served.
    pub(super) lab: Arc<Lab>,
    server: SideServer,
}

impl ServedLab {
    fn start(listener: TcpListener, lab: Lab, limits: ServerOptions) -> Self {
        let server = SideServer::start(listener, lab.router(), limits);
        Self { lab: Arc::new(lab), server }
    }
}

/// A SCIM service of the lab while it is served, on this machine alone.
pub(super) struct ServedScim {
    /// Its base URL.
    pub(super) base_url: String,
    /// The token it takes.
    pub(super) token: String,
    server: SideServer,
}

impl ServedScim {
    pub(super) async fn start(limits: ServerOptions) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Error::internal)?;
        let address = listener.local_addr().map_err(Error::internal)?;
        let token = Random::System.token();
        let options = ScimLabOptions {
            origin: format!("http://{address}"),
            token: token.clone(),
            quirks: Quirks::default(),
            latency: Duration::ZERO,
        };
        let lab = LabScim::new(options, Clock::System, Random::System);
        let (base_url, router) = (lab.base_url(), lab.router());
        Ok(Self { base_url, token, server: SideServer::start(listener, router, limits) })
    }

    pub(super) async fn stop(self) -> Result<()> {
        self.server.stop().await
    }
}

fn context(installation: &Installation, what: &'static str) -> Ctx {
    Ctx::background(Actor::System(what), installation.clock.clone(), installation.random.clone())
}

async fn note_start(installation: &Installation, ctx: &Ctx) -> Result<()> {
    let mut tx = installation.db.begin().await?;
    let event = Event::new(EventName::ServerStart).detail("version", env!("CARGO_PKG_VERSION"));
    crate::events::record(&mut tx, ctx, event).await?;
    tx.commit().await
}

async fn print_setup_link(installation: &Installation, ctx: &Ctx) -> Result<()> {
    if !link::is_setup_pending(&mut installation.db.reader()).await? {
        return Ok(());
    }
    let link = link::create_setup(&installation.db, ctx).await?;
    let url = installation.base_url.join(&urls::setup(link.token.expose_secret()));
    output::line("There is no owner yet. Open this link within an hour to make one:")?;
    output::line(&url)
}

/// Serves until SIGINT or SIGTERM, then finishes what is under way.
pub(super) async fn until_stopped(
    config: &Config,
    installation: Arc<Installation>,
    listener: TcpListener,
    lab: Option<ServedLab>,
) -> Result<()> {
    let trial = lab.as_ref().map(|served| LabTrials(Arc::clone(&served.lab)));
    let options = WebOptions {
        trial: trial.map(|trial| -> Arc<dyn TrialProvider> { Arc::new(trial) }),
        ..config.web()
    };
    let web = Web::new(installation.clone(), options);
    let mut work = background(&installation, &web.provisioning);
    let metrics = start_metrics(config, &web).await?;
    let mut server = config.limits.server();
    server.open = installation.metrics.connections.clone();
    server.connections = files::room_for(server.connections);
    server.uncapped.extend(config.trusted_proxies.iter().copied());
    serve(listener, crate::web::router(&web), server, stop_signal()).await.map_err(Error::internal)?;
    work.shutdown().await;
    for side in metrics.into_iter().chain(lab.map(|served| served.server)) {
        side.stop().await?;
    }
    let ctx = context(&installation, "stop");
    installation.refusals.flush(&installation.db, &ctx).await?;
    chain::seal(&installation.db, &installation.vault, installation.clock.now()).await?;
    installation.db.close().await;
    Ok(())
}

/// The listener of its own for metrics, where one is wanted.
async fn start_metrics(config: &Config, web: &Shared) -> Result<Option<SideServer>> {
    let Some(address) = config.metrics_listen else { return Ok(None) };
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Error::new(
            Kind::Internal,
            "address_unusable",
            format!("Metrics can't be served on {address}: {error}. Choose another by --metrics-listen."),
        )
    })?;
    let address = listener.local_addr().map_err(Error::internal)?;
    output::line(&format!("Metrics are served on http://{address}/metrics"))?;
    let router = crate::web::metrics::listener(web);
    Ok(Some(SideServer::start(listener, router, config.limits.server())))
}

/// What is served beside the main listener, on one of its own and with the same deadlines (AV-07, AV-08).
struct SideServer {
    stop: oneshot::Sender<()>,
    running: JoinHandle<std::io::Result<()>>,
}

impl SideServer {
    fn start(listener: TcpListener, router: Router, limits: ServerOptions) -> Self {
        let (stop, stopped) = oneshot::channel();
        let until = async {
            // A sender that is gone means stop as well.
            drop(stopped.await);
        };
        Self { stop, running: tokio::spawn(serve(listener, router, limits, until)) }
    }

    async fn stop(self) -> Result<()> {
        drop(self.stop);
        self.running.await.map_err(Error::internal)?.map_err(Error::internal)
    }
}

/// What runs beside the requests: the sealer, the counts of refusals, sweeping. Each failure is logged and the work
/// goes on at its next turn.
fn background(installation: &Arc<Installation>, provisioning: &Arc<Engine>) -> JoinSet<()> {
    let mut work = JoinSet::new();
    let sealer = installation.clone();
    work.spawn(async move {
        chain::run_sealer(sealer.db.clone(), sealer.vault.clone(), sealer.clock.clone()).await;
    });
    let counts = installation.clone();
    work.spawn(every(Duration::from_mins(1), move || {
        let installation = counts.clone();
        async move {
            let ctx = context(&installation, "refusals");
            // The counts stay in memory until there is room.
            installation.disk.check(&installation.db).await?;
            installation.refusals.flush(&installation.db, &ctx).await?;
            installation.fetches.flush(&installation.db, ctx.now()).await
        }
    }));
    let exchanges = installation.clone();
    work.spawn(every(Duration::from_secs(5), move || {
        let installation = exchanges.clone();
        async move {
            let ctx = context(&installation, "recorder");
            installation.disk.check(&installation.db).await?;
            recorder::flush(&installation, &ctx).await
        }
    }));
    let watch = installation.clone();
    work.spawn(every(Duration::from_hours(1), move || {
        let installation = watch.clone();
        async move {
            let ctx = context(&installation, "certificates");
            expiry::warn(&installation.db, &ctx).await?;
            provisioning::expiry::warn(&installation.db, &ctx, &installation.base_url).await.map(drop)
        }
    }));
    let metadata = installation.clone();
    work.spawn(every(Duration::from_mins(5), move || {
        let installation = metadata.clone();
        async move {
            let ctx = context(&installation, "metadata");
            installation.sp_sources().refresh_due(&ctx).await.map(drop)
        }
    }));
    let overdue = installation.clone();
    work.spawn(every(Duration::from_mins(5), move || {
        let installation = overdue.clone();
        async move {
            let ctx = context(&installation, "provisioning");
            provisioning::overdue::tell(&installation.db, &ctx, &installation.base_url).await.map(drop)
        }
    }));
    let nightly = provisioning.clone();
    work.spawn(every(Duration::from_mins(5), move || {
        let provisioning = nightly.clone();
        async move { provisioning.reconcile_due().await }
    }));
    work.spawn(provisioning.clone().run());
    let imports = installation.clone();
    work.spawn(every(Duration::from_millis(500), move || {
        let installation = imports.clone();
        async move {
            let ctx = context(&installation, "import");
            provisioning::import::turn(&installation.db, &ctx, &installation.base_url).await.map(drop)
        }
    }));
    let mail = installation.clone();
    work.spawn(every(Duration::from_secs(5), move || {
        let installation = mail.clone();
        async move {
            let ctx = context(&installation, "mail");
            installation.mailer.turn(&installation.db, &ctx).await
        }
    }));
    let sweeper = installation.clone();
    work.spawn(every(Duration::from_mins(5), move || {
        let installation = sweeper.clone();
        async move {
            let ctx = context(&installation, "sweep");
            pending::sweep(&installation.db, ctx.now()).await?;
            logout::run::sweep(&installation.db, &ctx).await?;
            recorder::sweep(&installation.db, ctx.now()).await?;
            session::prune(&installation.db, &ctx).await.map(drop)
        }
    }));
    work
}

async fn every<F, W>(period: Duration, mut work: F)
where
    F: FnMut() -> W + Send,
    W: Future<Output = Result<()>> + Send,
{
    let mut tick = tokio::time::interval(period);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let Err(error) = work().await {
            tracing::error!(code = error.code, cause = ?error.internal_cause(), "background work failed; it is tried again");
        }
    }
}

/// Ready at SIGINT and SIGTERM.
pub(super) async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupt = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
        }
        // Without SIGTERM the interrupt still ends the server.
        Err(_) => drop(interrupt.await),
    }
}

/// What the metadata says, for the lab.
#[derive(Debug)]
struct PublishedKeys(Db);

impl IdpCertificates for PublishedKeys {
    fn published<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async move {
            let mut reader = self.0.reader();
            let Some(application) = applications::find_for_sign_on(&mut reader, name).await? else {
                return Ok(Vec::new());
            };
            let keys = keys::list(&mut reader, application.id).await?;
            let published = keys.iter().filter(|key| key.published_at.is_some());
            Ok(published.map(KeyView::certificate_pem).collect())
        })
    }
}

/// The lab as sign-on knows it.
#[derive(Debug)]
struct LabTrials(Arc<Lab>);

impl TrialProvider for LabTrials {
    fn prepare(&self, application: TrialApplication) -> Result<TrialAddress> {
        let name = application.slug;
        let entity_id = self.0.metadata_url(&name);
        let acs_url = self.0.acs_url(&name);
        self.0.register(LabSp {
            name,
            label: application.label,
            idp_url: application.idp_url,
            idp_entity_id: application.idp_entity_id,
            idp_certificate: application.certificate,
            entity_id: entity_id.clone(),
            note: application.note,
        })?;
        Ok(TrialAddress { acs_url, entity_id })
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;
    use crate::config::Limits;

    #[tokio::test]
    async fn av_08_the_lab_is_served_with_deadlines() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let limits =
            ServerOptions { first_byte: Duration::from_millis(200), ..Limits::default().lab_server() };
        let lab = Lab::new(address, None, Clock::System, Random::seeded(1), None);
        let served = ServedLab::start(listener, lab, limits);
        let mut asking = TcpStream::connect(address).await.unwrap();
        asking.write_all(b"GET / HTTP/1.1\r\nhost: lab\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        asking.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        let mut silent = TcpStream::connect(address).await.unwrap();
        let mut byte = [0_u8; 1];
        let read = tokio::time::timeout(Duration::from_secs(10), silent.read(&mut byte)).await;
        assert!(matches!(read, Ok(Ok(0) | Err(_))), "who says nothing is not waited for: {read:?}");
        served.server.stop().await.unwrap();
    }
}
