//! Settings files and wiring: from flags, `TESSERA_…` variables and `tessera.toml` to an open `Installation`.
//!
//! A flag wins over a variable, a variable over the file, the file over the default.

pub mod open;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use ipnet::IpNet;
use secrecy::SecretString;
use serde::Deserialize;

use crate::base::{Error, Kind, Result};
use crate::mail::{self, Mailer};
use crate::outbound::Outbound;
use crate::web::WebOptions;
use crate::web::server::ServerOptions;

/// Decision 17.
const DISK_RESERVE_MIB: u64 = 256;
/// The built-in service provider is for trying things out; what it takes must not be missing elsewhere.
const LAB_CONNECTIONS: usize = 64;

/// Where an installation keeps its data, and how it is reached: what every command that touches data takes.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Installation")]
pub struct DataArgs {
    /// Folder for the database, the master key and the lock [default: ./data]
    #[arg(long, env = "TESSERA_DATA_DIR", value_name = "DIR", global = true)]
    pub data_dir: Option<PathBuf>,
    /// Database as <sqlite://PATH> or postgres://… [default: SQLite in the data folder]
    #[arg(long, env = "TESSERA_DATABASE_URL", value_name = "URL", hide_env_values = true, global = true)]
    pub database_url: Option<String>,
    /// External address, as people type it [default: <http://localhost> with the port of --listen]
    #[arg(long, env = "TESSERA_BASE_URL", value_name = "URL", global = true)]
    pub base_url: Option<String>,
    /// Folder with connectors of your own, over the built-in ones
    #[arg(long, env = "TESSERA_CATALOG", value_name = "DIR", global = true)]
    pub catalog: Option<PathBuf>,
    /// File with the master key that seals private keys [default: master.key in the data folder]
    #[arg(long, env = "TESSERA_MASTER_KEY_FILE", value_name = "FILE", global = true)]
    pub master_key_file: Option<PathBuf>,
    /// The master key itself, 32 bytes in base64 (better given by the environment than as an argument)
    #[arg(
        long,
        env = "TESSERA_MASTER_KEY",
        value_name = "KEY",
        hide_env_values = true,
        hide = true,
        global = true
    )]
    pub master_key: Option<String>,
    /// Further passwords to refuse, one a line
    #[arg(long, env = "TESSERA_PASSWORD_BLOCKLIST", value_name = "FILE", global = true)]
    pub password_blocklist: Option<PathBuf>,
    /// Settings file [default: tessera.toml in the working folder, if there is one]
    #[arg(long = "config", env = "TESSERA_CONFIG", value_name = "FILE", global = true)]
    pub settings_file: Option<PathBuf>,
}

/// What the server takes beside [`DataArgs`].
#[derive(Args, Clone, Debug, Default)]
pub struct ServeArgs {
    /// Address and port to listen on [default: 127.0.0.1:8080]
    #[arg(long, env = "TESSERA_LISTEN", value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,
    /// Address and port of the built-in service provider behind *Test* [default: 127.0.0.1, any free port]
    #[arg(long, env = "TESSERA_LAB_LISTEN", value_name = "ADDR:PORT")]
    pub lab_listen: Option<SocketAddr>,
    /// Address and port that serve /metrics, and nothing else, without a token [default: nowhere]
    #[arg(long, env = "TESSERA_METRICS_LISTEN", value_name = "ADDR:PORT")]
    pub metrics_listen: Option<SocketAddr>,
    /// Where browsers reach it: an origin of its own; without one *Test* is there only for a base URL of this machine
    #[arg(long, env = "TESSERA_LAB_URL", value_name = "URL")]
    pub lab_url: Option<String>,
    /// Proxy whose X-Forwarded-For counts; may be repeated
    #[arg(long, env = "TESSERA_TRUSTED_PROXY", value_name = "CIDR", value_delimiter = ',')]
    pub trusted_proxy: Vec<IpNet>,
    /// Network that is not public and may still be fetched from, over plain http too; may be repeated
    #[arg(long, env = "TESSERA_OUTBOUND_ALLOW", value_name = "CIDR", value_delimiter = ',')]
    pub outbound_allow: Vec<IpNet>,
    /// File with certificate authorities (PEM) to trust beside those of this machine when something is fetched
    #[arg(long, env = "TESSERA_OUTBOUND_CA", value_name = "FILE")]
    pub outbound_ca: Option<PathBuf>,
    /// Whom mail is from: an address, or “Name <address>”
    #[arg(long, env = "TESSERA_MAIL_FROM", value_name = "ADDRESS")]
    pub mail_from: Option<String>,
    /// Mail server, as <smtps://user:password@host:465>, or smtp://… for STARTTLS (better given by the environment)
    #[arg(long, env = "TESSERA_SMTP_URL", value_name = "URL", hide_env_values = true)]
    pub smtp_url: Option<String>,
    /// Folder that gets a file for each mail, in the place of a mail server
    #[arg(long, env = "TESSERA_MAIL_FOLDER", value_name = "DIR")]
    pub mail_folder: Option<PathBuf>,
    /// Accept a plain-http base URL that is not this machine
    #[arg(long, env = "TESSERA_INSECURE_HTTP")]
    pub insecure_http: bool,
    /// Start with another base URL than before, listing who must be told
    #[arg(long)]
    pub change_base_url: bool,
}

/// `tessera.toml`: the same names with underscores.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    data_dir: Option<PathBuf>,
    database_url: Option<String>,
    base_url: Option<String>,
    catalog: Option<PathBuf>,
    master_key_file: Option<PathBuf>,
    password_blocklist: Option<PathBuf>,
    listen: Option<SocketAddr>,
    lab_listen: Option<SocketAddr>,
    metrics_listen: Option<SocketAddr>,
    lab_url: Option<String>,
    trusted_proxy: Vec<IpNet>,
    outbound_allow: Vec<IpNet>,
    outbound_ca: Option<PathBuf>,
    mail_from: Option<String>,
    smtp_url: Option<SecretString>,
    mail_folder: Option<PathBuf>,
    insecure_http: bool,
    limits: Limits,
}

/// The table `[limits]` of `tessera.toml`: what one process takes on. Limits for people and tokens are settings of
/// the installation, in the console and the API.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Connections at the same time.
    pub connections: usize,
    /// Connections at the same time from one IPv4 address or IPv6 /64; proxies and this machine apart.
    pub connections_per_source: usize,
    /// Connections at the same time to the built-in service provider.
    pub lab_connections: usize,
    /// Seconds for the first byte of a connection.
    pub first_byte_seconds: u64,
    /// Seconds for the head of a request.
    pub head_seconds: u64,
    /// Seconds between two requests of one connection.
    pub idle_seconds: u64,
    /// Seconds in which a client must take at least something of an answer.
    pub write_stall_seconds: u64,
    /// Fewest bytes of a body in a second.
    pub body_bytes_per_second: u64,
    /// Seconds that a body may take on top of that.
    pub body_grace_seconds: u64,
    /// Requests worked on at the same time; beyond it they are answered 503.
    pub requests: usize,
    /// Requests at the same time on one HTTP/2 connection.
    pub streams: u32,
    /// Seconds to finish what is under way when the server stops.
    pub drain_seconds: u64,
    /// Free disk, in MiB, below which strangers' requests are no longer stored, so that the rest goes to the events
    /// of those who are signed in (decision 17). Counts for SQLite.
    pub disk_reserve_mib: u64,
}

impl Default for Limits {
    fn default() -> Self {
        let server = ServerOptions::default();
        Self {
            connections: server.connections,
            connections_per_source: server.connections_per_source,
            lab_connections: LAB_CONNECTIONS,
            first_byte_seconds: server.first_byte.as_secs(),
            head_seconds: server.head.as_secs(),
            idle_seconds: server.idle.as_secs(),
            write_stall_seconds: server.write_stall.as_secs(),
            body_bytes_per_second: server.body_rate,
            body_grace_seconds: server.body_grace.as_secs(),
            requests: WebOptions::default().concurrency,
            streams: server.streams,
            drain_seconds: server.drain.as_secs(),
            disk_reserve_mib: DISK_RESERVE_MIB,
        }
    }
}

impl Limits {
    /// The limits of the accept loop.
    #[must_use]
    pub fn server(&self) -> ServerOptions {
        ServerOptions {
            connections: self.connections,
            connections_per_source: self.connections_per_source,
            first_byte: Duration::from_secs(self.first_byte_seconds),
            head: Duration::from_secs(self.head_seconds),
            idle: Duration::from_secs(self.idle_seconds),
            write_stall: Duration::from_secs(self.write_stall_seconds),
            body_rate: self.body_bytes_per_second,
            body_grace: Duration::from_secs(self.body_grace_seconds),
            streams: self.streams,
            drain: Duration::from_secs(self.drain_seconds),
            ..ServerOptions::default()
        }
    }

    /// The same for the built-in service provider, which strangers may reach too.
    #[must_use]
    pub fn lab_server(&self) -> ServerOptions {
        ServerOptions { connections: self.lab_connections, ..self.server() }
    }
}

/// The settings in force.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder for the database, the master key and the lock.
    pub data_dir: PathBuf,
    /// Database.
    pub database_url: String,
    /// External address, if somebody said one.
    pub base_url: Option<String>,
    /// Folder with connectors.
    pub catalog: Option<PathBuf>,
    /// Master key file.
    pub master_key_file: PathBuf,
    /// The master key itself.
    pub master_key: Option<String>,
    /// Passwords to refuse.
    pub password_blocklist: Option<PathBuf>,
    /// Where the server listens.
    pub listen: SocketAddr,
    /// Where the built-in service provider listens.
    pub lab_listen: SocketAddr,
    /// Where metrics are served without a token, if anywhere.
    pub metrics_listen: Option<SocketAddr>,
    /// Where browsers reach it, if somebody said so.
    pub lab_url: Option<String>,
    /// Whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<IpNet>,
    /// Networks that are not public and may still be fetched from.
    pub outbound_allow: Vec<IpNet>,
    /// Certificate authorities to trust when something is fetched.
    pub outbound_ca: Option<PathBuf>,
    /// Whom mail is from.
    pub mail_from: Option<String>,
    /// The mail server.
    pub smtp_url: Option<SecretString>,
    /// Where mail is written instead.
    pub mail_folder: Option<PathBuf>,
    /// Plain http is accepted elsewhere than on this machine.
    pub insecure_http: bool,
    /// Another base URL than before is accepted.
    pub change_base_url: bool,
    /// What one process takes on.
    pub limits: Limits,
}

impl Config {
    /// Brings flags, variables and file together.
    pub fn resolve(data: &DataArgs, serve: &ServeArgs) -> Result<Self> {
        let file = read_file(data.settings_file.as_deref())?;
        let data_dir = data.data_dir.clone().or(file.data_dir).unwrap_or_else(|| PathBuf::from("data"));
        let database = data.database_url.clone().or(file.database_url);
        let proxies =
            if serve.trusted_proxy.is_empty() { file.trusted_proxy } else { serve.trusted_proxy.clone() };
        Ok(Self {
            database_url: database
                .unwrap_or_else(|| format!("sqlite://{}", data_dir.join("tessera.db").display())),
            base_url: data.base_url.clone().or(file.base_url),
            catalog: data.catalog.clone().or(file.catalog),
            master_key_file: data
                .master_key_file
                .clone()
                .or(file.master_key_file)
                .unwrap_or_else(|| data_dir.join("master.key")),
            master_key: data.master_key.clone(),
            password_blocklist: data.password_blocklist.clone().or(file.password_blocklist),
            listen: serve.listen.or(file.listen).unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))),
            lab_listen: serve
                .lab_listen
                .or(file.lab_listen)
                .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0))),
            metrics_listen: serve.metrics_listen.or(file.metrics_listen),
            lab_url: serve.lab_url.clone().or(file.lab_url),
            trusted_proxies: proxies,
            outbound_allow: if serve.outbound_allow.is_empty() {
                file.outbound_allow
            } else {
                serve.outbound_allow.clone()
            },
            outbound_ca: serve.outbound_ca.clone().or(file.outbound_ca),
            mail_from: serve.mail_from.clone().or(file.mail_from),
            smtp_url: serve.smtp_url.clone().map(SecretString::from).or(file.smtp_url),
            mail_folder: serve.mail_folder.clone().or(file.mail_folder),
            insecure_http: serve.insecure_http || file.insecure_http,
            change_base_url: serve.change_base_url,
            limits: file.limits,
            data_dir,
        })
    }

    /// The client for everything that goes out.
    pub fn outbound(&self) -> Result<Outbound> {
        Outbound::new(self.outbound_allow.clone(), self.authorities()?.as_deref())
    }

    /// How mail leaves.
    pub fn mailer(&self) -> Result<Mailer> {
        Mailer::new(mail::Setup {
            from: self.mail_from.clone(),
            smtp: self.smtp_url.clone(),
            folder: self.mail_folder.clone(),
            authorities: self.authorities()?,
        })
    }

    fn authorities(&self) -> Result<Option<Vec<u8>>> {
        let read = |path: &PathBuf| {
            fs::read(path).map_err(|error| {
                Error::new(
                    Kind::Invalid,
                    "outbound_ca_unreadable",
                    format!("The file of --outbound-ca, {}, can't be read: {error}", path.display()),
                )
            })
        };
        self.outbound_ca.as_ref().map(read).transpose()
    }

    /// How the HTTP side is set up, without the built-in service provider.
    #[must_use]
    pub fn web(&self) -> WebOptions {
        WebOptions {
            trusted_proxies: self.trusted_proxies.clone(),
            concurrency: self.limits.requests,
            ..WebOptions::default()
        }
    }
}

fn read_file(named: Option<&Path>) -> Result<Written> {
    let default = Path::new("tessera.toml");
    let path = match named {
        Some(path) => path,
        None if default.exists() => default,
        None => return Ok(Written::default()),
    };
    let fail = |why: String| {
        Error::new(Kind::Invalid, "config_unreadable", format!("{} can't be used: {why}", path.display()))
    };
    let text = fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
    toml::from_str(&text).map_err(|error| fail(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_win_over_the_file_and_the_file_over_defaults() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tessera.toml");
        fs::write(
            &path,
            "data_dir = \"/srv/t\"\nlisten = \"127.0.0.1:9\"\nmetrics_listen = \"127.0.0.1:8\"\ntrusted_proxy = [\"10.0.0.0/8\"]\noutbound_allow = [\"10.1.0.0/16\"]\noutbound_ca = \"/srv/ca.pem\"\n",
        )
        .unwrap();
        let data = DataArgs { settings_file: Some(path.clone()), ..DataArgs::default() };
        let config = Config::resolve(&data, &ServeArgs::default()).unwrap();
        assert_eq!(config.data_dir, Path::new("/srv/t"));
        assert_eq!(config.database_url, "sqlite:///srv/t/tessera.db");
        assert_eq!(config.listen.port(), 9);
        assert_eq!(config.metrics_listen.map(|address| address.port()), Some(8));
        assert_eq!(config.trusted_proxies.len(), 1);
        assert_eq!(config.outbound_allow, ["10.1.0.0/16".parse().unwrap()]);
        assert_eq!(config.outbound_ca.as_deref(), Some(Path::new("/srv/ca.pem")));
        let serve = ServeArgs {
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 10))),
            outbound_allow: vec!["fd00::/8".parse().unwrap()],
            ..ServeArgs::default()
        };
        let config = Config::resolve(&data, &serve).unwrap();
        assert_eq!(config.listen.port(), 10);
        assert_eq!(config.outbound_allow, serve.outbound_allow);
        fs::write(&path, "lsten = 1\n").unwrap();
        let error = Config::resolve(&data, &ServeArgs::default()).unwrap_err();
        assert!(error.message.contains("lsten"), "{error}");
    }

    #[test]
    fn what_one_process_takes_on_is_a_key_each() {
        let keys = [
            "connections",
            "connections_per_source",
            "lab_connections",
            "first_byte_seconds",
            "head_seconds",
            "idle_seconds",
            "write_stall_seconds",
            "body_bytes_per_second",
            "body_grace_seconds",
            "requests",
            "streams",
            "drain_seconds",
            "disk_reserve_mib",
        ];
        let page = include_str!("../../docs/configuration.md");
        for key in keys {
            assert!(page.contains(&format!("| `{key}` | ")), "{key} is not in docs/configuration.md");
        }
        let line = |(key, value): (&&str, i32)| format!("{key} = {value}");
        let lines: Vec<String> = keys.iter().zip(101..).map(line).collect();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tessera.toml");
        fs::write(&path, format!("[limits]\n{}\n", lines.join("\n"))).unwrap();
        let data = DataArgs { settings_file: Some(path), ..DataArgs::default() };
        let config = Config::resolve(&data, &ServeArgs::default()).unwrap();
        let server = config.limits.server();
        let first = [server.first_byte, server.head, server.idle].map(|time| time.as_secs());
        let then = [server.write_stall, server.body_grace, server.drain].map(|time| time.as_secs());
        assert_eq!((first, then), ([104, 105, 106], [107, 109, 112]));
        assert_eq!((server.connections, server.connections_per_source), (101, 102));
        assert_eq!(config.limits.lab_server().connections, 103);
        assert_eq!((server.body_rate, server.streams), (108, 111));
        assert_eq!(config.web().concurrency, 110);
        assert_eq!(config.limits.disk_reserve_mib, 113);
    }

    #[test]
    fn limits_that_nobody_wrote_are_the_ones_of_the_accept_loop() {
        let (limits, server) = (Limits::default().server(), ServerOptions::default());
        assert_eq!(format!("{limits:?}"), format!("{server:?}"));
    }
}
