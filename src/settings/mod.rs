//! What the console can set for the whole installation: organisation name, session times, limits. One JSON object
//! in the table `settings`; what the command line or `tessera.toml` sets is not here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::base::{Error, FieldError, Result};
use crate::db::dialect::lock_for_transaction;
use crate::db::epoch::{Scope, bump};
use crate::db::{Db, Executor, Tx, sql};

const NAME: &str = "settings";
const LOCK: i64 = 0x7e55_e7a2;
const BASE_URL: &str = "base_url";
const BASE_URL_DERIVED: &str = "base_url_derived";

/// Most that `clock_skew_seconds` can be (SAML-111).
pub const MAX_CLOCK_SKEW_SECONDS: u32 = 300;
/// Most that `request_max_age_seconds` can be.
pub const MAX_REQUEST_AGE_SECONDS: u32 = 3600;
/// How long the ID of a request is remembered, in milliseconds: longer than any settings could let it come again, as it
/// may be dated ahead of us by the skew and then has its age before it. The bounds count rather than the settings of
/// the moment, since these may be raised while the ID is remembered.
pub const SEEN_REQUEST_LIFETIME: i64 =
    (MAX_REQUEST_AGE_SECONDS as i64 + MAX_CLOCK_SKEW_SECONDS as i64 + 1) * 1000;

/// The settings, each with its unit in its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Shown in the portal and on the sign-in page.
    pub organisation_name: String,
    /// A session ends after this many minutes without use (W-08).
    pub session_idle_minutes: u32,
    /// A session ends after this many minutes whatever happens.
    pub session_absolute_minutes: u32,
    /// Days a session lasts when *keep me signed in* was chosen; 0 takes the choice away.
    pub remember_days: u32,
    /// The console asks for the password again after this many minutes without use.
    pub console_idle_minutes: u32,
    /// Failed sign-ins of one account in a minute before it is slowed down.
    pub login_failures_per_account_minute: u32,
    /// Failed sign-ins from one address in a minute before it is slowed down.
    pub login_failures_per_address_minute: u32,
    /// SAML refusals from one address in a minute before it is slowed down.
    pub saml_refusals_per_address_minute: u32,
    /// API calls of one token in a minute.
    pub api_calls_per_token_minute: u32,
    /// Sign-ons and refusals of one session in a minute.
    pub sign_ons_per_session_minute: u32,
    /// Sign-ons and refusals of one person in a minute, in all sessions together.
    pub sign_ons_per_account_minute: u32,
    /// Sign-ons and refusals of everybody at one application in a minute.
    pub sign_ons_per_application_minute: u32,
    /// Difference between an SP's clock and ours that is accepted, in seconds (SAML-111: 180, at most 300).
    pub clock_skew_seconds: u32,
    /// Oldest AuthnRequest that is accepted, in seconds.
    pub request_max_age_seconds: u32,
    /// Whether signing keys that were made elsewhere can be taken over.
    pub allow_key_import: bool,
    /// Whether our metadata is signed, with a key of its own (decision 8). Switched on first, it makes the key.
    pub sign_metadata: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            organisation_name: "Tessera".to_owned(),
            session_idle_minutes: 8 * 60,
            session_absolute_minutes: 12 * 60,
            remember_days: 30,
            console_idle_minutes: 15,
            login_failures_per_account_minute: 10,
            login_failures_per_address_minute: 60,
            saml_refusals_per_address_minute: 120,
            api_calls_per_token_minute: 600,
            sign_ons_per_session_minute: 300,
            sign_ons_per_account_minute: 600,
            sign_ons_per_application_minute: 60_000,
            clock_skew_seconds: 180,
            request_max_age_seconds: 600,
            allow_key_import: false,
            sign_metadata: false,
        }
    }
}

impl Settings {
    /// What tells two states apart: settings have no counter, so it is a digest of what they say.
    pub fn digest(&self) -> Result<String> {
        let text = serde_json::to_string(self).map_err(Error::internal)?;
        Ok(URL_SAFE_NO_PAD.encode(&openssl::sha::sha256(text.as_bytes())[..12]))
    }

    /// Says which values can't be, field by field.
    pub fn validate(&self) -> Result<()> {
        let mut faults = Vec::new();
        let mut range = |field: &str, value: u32, low: u32, high: u32, unit: &str| {
            if !(low..=high).contains(&value) {
                faults.push(FieldError {
                    field: field.to_owned(),
                    code: "out_of_range".into(),
                    message: format!("Use a number from {low} to {high} {unit}."),
                });
            }
        };
        range("session_idle_minutes", self.session_idle_minutes, 5, 24 * 60, "minutes");
        range("session_absolute_minutes", self.session_absolute_minutes, 15, 24 * 60, "minutes");
        range("remember_days", self.remember_days, 0, 90, "days");
        range("console_idle_minutes", self.console_idle_minutes, 1, 60, "minutes");
        range(
            "login_failures_per_account_minute",
            self.login_failures_per_account_minute,
            3,
            100,
            "failures",
        );
        range(
            "login_failures_per_address_minute",
            self.login_failures_per_address_minute,
            3,
            10_000,
            "failures",
        );
        range(
            "saml_refusals_per_address_minute",
            self.saml_refusals_per_address_minute,
            10,
            100_000,
            "refusals",
        );
        range("api_calls_per_token_minute", self.api_calls_per_token_minute, 10, 1_000_000, "calls");
        range("sign_ons_per_session_minute", self.sign_ons_per_session_minute, 10, 1_000_000, "sign-ons");
        range("sign_ons_per_account_minute", self.sign_ons_per_account_minute, 10, 1_000_000, "sign-ons");
        range(
            "sign_ons_per_application_minute",
            self.sign_ons_per_application_minute,
            100,
            10_000_000,
            "sign-ons",
        );
        range("clock_skew_seconds", self.clock_skew_seconds, 0, MAX_CLOCK_SKEW_SECONDS, "seconds");
        range(
            "request_max_age_seconds",
            self.request_max_age_seconds,
            60,
            MAX_REQUEST_AGE_SECONDS,
            "seconds",
        );
        let name = self.organisation_name.trim();
        if name.is_empty() || name.chars().count() > 80 || name.chars().any(char::is_control) {
            faults.push(FieldError {
                field: "organisation_name".to_owned(),
                code: "unusable_name".into(),
                message: "Give your organisation a name of 1 to 80 characters.".to_owned(),
            });
        }
        if faults.is_empty() { Ok(()) } else { Err(Error::invalid(faults)) }
    }
}

/// The settings as stored, or the defaults.
pub async fn read(executor: &mut impl Executor) -> Result<Settings> {
    let row = executor.optional(sql("SELECT value FROM settings WHERE name = $1").bind(NAME)).await?;
    row.map_or_else(|| Ok(Settings::default()), |row| row.json("value"))
}

/// The same for a change: nobody else changes them until the transaction ends, so that no change is lost.
pub async fn read_for_change(tx: &mut Tx) -> Result<Settings> {
    lock_for_transaction(tx, LOCK).await?;
    read(tx).await
}

/// Stores checked settings in the caller's transaction; the caller adds the event.
pub async fn store(tx: &mut Tx, settings: &Settings) -> Result<()> {
    settings.validate()?;
    let text = serde_json::to_string(settings).map_err(Error::internal)?;
    put(tx, NAME, &text).await?;
    bump(tx, Scope::Settings).await
}

async fn put(tx: &mut Tx, name: &str, value: &str) -> Result<()> {
    tx.run(
        sql("INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value")
            .bind(name)
            .bind(value),
    )
    .await
    .map(drop)
}

/// The base URL a server was started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBaseUrl {
    /// The URL.
    pub url: String,
    /// Nobody gave it: it came from the port of the server.
    pub derived: bool,
}

/// The base URL this database was first started with (decision 20).
pub async fn stored_base_url(db: &Db) -> Result<Option<StoredBaseUrl>> {
    let query = || sql("SELECT value FROM settings WHERE name = $1");
    let Some(row) = db.reader().optional(query().bind(BASE_URL)).await? else { return Ok(None) };
    let derived = db.reader().optional(query().bind(BASE_URL_DERIVED)).await?;
    let derived = derived.map(|row| row.text("value")).transpose()?.is_some_and(|text| text == "true");
    Ok(Some(StoredBaseUrl { url: row.text("value")?, derived }))
}

/// Remembers the base URL.
pub async fn store_base_url(tx: &mut Tx, base_url: &StoredBaseUrl) -> Result<()> {
    put(tx, BASE_URL, &base_url.url).await?;
    put(tx, BASE_URL_DERIVED, if base_url.derived { "true" } else { "false" }).await
}
