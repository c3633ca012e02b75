//! How mail leaves: over SMTP, or as files in a folder.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use lettre::message::Mailbox;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncFileTransport, AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::base::{Error, Kind, Result, Timestamp};
use crate::mail::store::Mail;

/// How long a mail server may take for one step.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it may take for a whole mail.
const WHOLE: Duration = Duration::from_mins(2);

/// How mail is to leave, as it was set.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Whom it is from: an address, or `Name <address>`.
    pub from: Option<String>,
    /// `smtps://user:password@host:465`, or `smtp://user:password@host:587` with STARTTLS, which is left out only to a
    /// mail server on this machine.
    pub smtp: Option<SecretString>,
    /// A folder that gets a file for each mail.
    pub folder: Option<PathBuf>,
    /// Certificate authorities to trust beside the public ones, PEM.
    pub authorities: Option<Vec<u8>>,
}

/// Sends mail; by default there is no way out.
#[derive(Default)]
pub struct Mailer {
    way: Option<(Mailbox, Way)>,
}

enum Way {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Folder(AsyncFileTransport<Tokio1Executor>),
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").field("is_set_up", &self.is_set_up()).finish_non_exhaustive()
    }
}

/// Tells programs that nobody wrote this, so that none answers (RFC 3834 section 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl Mailer {
    /// A mailer as it was set up; without a way out nothing is ever sent.
    pub fn new(setup: Setup) -> Result<Self> {
        let way = match (setup.smtp, setup.folder) {
            (None, None) => return Ok(Self { way: None }),
            (Some(_), Some(_)) => {
                return Err(Error::new(
                    Kind::Invalid,
                    "mail_two_ways",
                    "Mail leaves by --smtp-url or into --mail-folder. Give one of them.",
                ));
            }
            (Some(url), None) => Way::Smtp(smtp(url.expose_secret(), setup.authorities.as_deref())?),
            (None, Some(folder)) => {
                if !folder.is_dir() {
                    return Err(Error::new(
                        Kind::Invalid,
                        "mail_folder_missing",
                        format!(
                            "There is no folder {}. Make it, or name another by --mail-folder.",
                            folder.display()
                        ),
                    ));
                }
                Way::Folder(AsyncFileTransport::new(folder))
            }
        };
        let from = setup.from.ok_or_else(|| {
            Error::new(
                Kind::Invalid,
                "mail_from_missing",
                "Say by --mail-from whom mail is from, as in “Tessera <tessera@example.com>”.",
            )
        })?;
        let from = from.parse().map_err(|_| {
            Error::new(
                Kind::Invalid,
                "mail_from_invalid",
                "--mail-from is no address. Write “tessera@example.com” or “Tessera <tessera@example.com>”.",
            )
        })?;
        Ok(Self { way: Some((from, way)) })
    }

    /// Whether there is a way out.
    #[must_use]
    pub fn is_set_up(&self) -> bool {
        self.way.is_some()
    }

    /// Asks the mail server whether it is there and lets us in; a folder always is.
    pub async fn check(&self) -> Result<()> {
        match &self.way {
            Some((_, Way::Smtp(server))) => match server.test_connection().await {
                Ok(true) => Ok(()),
                Ok(false) => Err(unavailable("It did not answer as a mail server should.")),
                Err(error) => Err(smtp_failed(&error)),
            },
            Some((_, Way::Folder(_))) | None => Ok(()),
        }
    }

    /// Sends one.
    pub(super) async fn send(&self, mail: &Mail, now: Timestamp) -> Result<()> {
        let Some((from, way)) = &self.way else {
            return Err(Error::new(Kind::Unavailable, "mail_not_set_up", "No mail server is set up."));
        };
        let message = compose(from, mail, now)?;
        match way {
            Way::Smtp(server) => match tokio::time::timeout(WHOLE, server.send(message)).await {
                Ok(sent) => sent.map(drop).map_err(|error| smtp_failed(&error)),
                Err(_) => Err(unavailable("The mail server takes too long.")),
            },
            Way::Folder(folder) => {
                folder.send(message).await.map(drop).map_err(|error| unavailable(&error.to_string()))
            }
        }
    }
}

fn compose(from: &Mailbox, mail: &Mail, now: Timestamp) -> Result<lettre::Message> {
    let to = mail.to.parse().map_err(|_| {
        Error::new(Kind::Invalid, "mail_address_unusable", "The mail server would not take this address.")
    })?;
    let since = Duration::from_millis(u64::try_from(now.0).unwrap_or_default());
    lettre::Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(&mail.subject)
        .date(SystemTime::UNIX_EPOCH + since)
        .message_id(Some(format!("<{}@{}>", mail.id, from.email.domain())))
        .header(AutoSubmitted)
        .header(ContentType::TEXT_PLAIN)
        .body(mail.body.clone())
        .map_err(Error::internal)
}

fn smtp(text: &str, authorities: Option<&[u8]>) -> Result<AsyncSmtpTransport<Tokio1Executor>> {
    let invalid = |message: &'static str| Error::new(Kind::Invalid, "smtp_url_invalid", message);
    let shape = || {
        invalid("--smtp-url is not usable. Write smtps://user:password@host:465, or smtp://… for STARTTLS.")
    };
    let url = Url::parse(text).map_err(|_| shape())?;
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(shape)?;
    if url.query().is_some() || url.fragment().is_some() || !matches!(url.path(), "" | "/") {
        return Err(shape());
    }
    // An IPv6 address stands in brackets, which no resolver takes; an IPv4 address is a name to a URL of this scheme.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let here = host.parse::<IpAddr>().map_or(host == "localhost", |address| address.is_loopback());
    let tls = || -> Result<TlsParameters> {
        let mut builder = TlsParameters::builder(host.to_owned());
        if let Some(pem) = authorities {
            builder = builder
                .add_root_certificate(Certificate::from_pem(pem).map_err(|_| {
                    invalid("The file of --outbound-ca holds what is no certificate in PEM.")
                })?);
        }
        builder.build().map_err(Error::internal)
    };
    let (tls, port) = match url.scheme() {
        "smtps" => (Tls::Wrapper(tls()?), 465),
        "smtp" if here && url.password().is_none() => (Tls::None, 25),
        "smtp" => (Tls::Required(tls()?), 587),
        _ => return Err(shape()),
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
        .port(url.port().unwrap_or(port))
        .tls(tls)
        .timeout(Some(PATIENCE));
    if !url.username().is_empty() {
        let decoded = |text: &str| {
            percent_decode_str(text).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| shape())
        };
        let password = url.password().ok_or_else(|| invalid("--smtp-url names a user and no password."))?;
        builder = builder.credentials(Credentials::new(decoded(url.username())?, decoded(password)?));
    }
    Ok(builder.build())
}

fn unavailable(detail: &str) -> Error {
    Error::new(Kind::Unavailable, "mail_failed", format!("Mail can't be sent now. {detail}"))
}

fn smtp_failed(error: &lettre::transport::smtp::Error) -> Error {
    unavailable(&error.to_string())
}
