//! Fetching and reading one document. Nothing is stored here.

use std::time::Duration;

use crate::applications::sp_metadata::{self, Reading};
use crate::applications::sp_source::aggregate::{Ask, MAX_AGGREGATE, Turn};
use crate::applications::sp_source::{Source, Sources};
use crate::base::clock::DAY;
use crate::base::{Ctx, Error, Result};
use crate::outbound::{Answer, Caps, Failure, Method, Reason, Request};
use crate::saml::certificate::{Certificate, parse_certificate};
use crate::saml::metadata::{Trust, Wanted};

/// Largest document that is read here, in bytes; the same as by upload (MD-302). A larger one is an aggregate.
const MAX_DOCUMENT: usize = 2 << 20;
/// For an aggregate to come, altogether.
const AGGREGATE_TIME: Duration = Duration::from_mins(2);
/// How far ahead the end of a signed document may lie (MD-307).
const HORIZON: i64 = 30 * DAY;
const ACCEPT: &str = "application/samlmetadata+xml, application/xml;q=0.9, text/xml;q=0.8, */*;q=0.1";

/// A document as it was fetched and read.
pub(super) struct Fetched {
    pub(super) reading: Reading,
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
}

/// What a fetch needs to know.
pub(super) struct Wants<'a> {
    pub(super) url: &'a str,
    pub(super) entity_id: Option<&'a str>,
    /// Which to name when none is wanted.
    pub(super) search: Option<&'a str>,
    pub(super) certificate: Option<&'a str>,
}

impl Sources<'_> {
    /// Fetches and reads a document; `None`: it is still the copy of `before`.
    pub(super) async fn fetch(
        &self,
        ctx: &Ctx,
        wants: &Wants<'_>,
        before: Option<&Source>,
    ) -> Result<Option<Fetched>> {
        match self.get(wants, before, Caps { body: MAX_DOCUMENT, ..Caps::default() }).await {
            Err(failure) if failure.reason == Reason::TooLarge => {
                // Asked for again, so that one of this size is in memory at a time.
                let turn = self.aggregates.turn().await?;
                let caps = Caps { body: MAX_AGGREGATE, total: AGGREGATE_TIME };
                self.read(ctx, wants, before, self.get(wants, before, caps).await, Some(turn)).await
            }
            answer => self.read(ctx, wants, before, answer, None).await,
        }
    }

    async fn get(&self, wants: &Wants<'_>, before: Option<&Source>, caps: Caps) -> Result<Answer, Failure> {
        let mut request = Request { caps, ..Request::new(Method::Get, wants.url) }.header("accept", ACCEPT);
        if let Some(etag) = before.and_then(|source| source.etag.as_deref()) {
            request = request.header("if-none-match", etag);
        }
        if let Some(instant) = before.and_then(|source| source.last_modified.as_deref()) {
            request = request.header("if-modified-since", instant);
        }
        self.outbound.send(request).await
    }

    async fn read(
        &self,
        ctx: &Ctx,
        wants: &Wants<'_>,
        before: Option<&Source>,
        answer: Result<Answer, Failure>,
        turn: Option<Turn>,
    ) -> Result<Option<Fetched>> {
        let answer = answer.map_err(|failure| failure.of_field("url"))?;
        match answer.status {
            200 => {}
            304 if before.is_some() => return Ok(None),
            status => return Err(no_document(wants.url, status)),
        }
        let (etag, last_modified) = (kept(&answer, "etag"), kept(&answer, "last-modified"));
        let now = ctx.now();
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let (entity_id, search) = (owned(wants.entity_id), owned(wants.search));
        let reading = if let Some(turn) = turn.filter(|_| answer.body.len() > MAX_DOCUMENT) {
            let ask = Ask { entity_id, search, certificate: owned(wants.certificate), now };
            let picked = self.aggregates.pick(turn, ask, answer.body).await?;
            self.cpu.run(move || sp_metadata::read_picked(&picked, now)).await??
        } else {
            let trust = wants.certificate.map(trust).transpose()?;
            let read = move || {
                let wanted = Wanted { entity_id: entity_id.as_deref(), search: search.as_deref() };
                match &trust {
                    Some(trust) => sp_metadata::read_signed(&answer.body, wanted, now, trust),
                    None => sp_metadata::read(&answer.body, wanted, now),
                }
            };
            self.cpu.run(read).await??
        };
        Ok(Some(Fetched { reading, etag, last_modified }))
    }
}

fn read_pinned(text: &str) -> Result<Certificate> {
    parse_certificate(text.trim().as_bytes())
        .map_err(|fault| Error::field("certificate", fault.code(), fault.sentence().to_owned()))
}

/// The certificate as it is stored.
pub(super) fn pinned(text: &str) -> Result<String> {
    read_pinned(text).map(|certificate| certificate.to_pem())
}

/// The key of a stored certificate, and for how long it is believed.
pub(super) fn trust(pem: &str) -> Result<Trust> {
    Ok(Trust { key: read_pinned(pem)?.key, horizon: HORIZON })
}

/// A field that is sent back as it came; one of unusual length is not worth it.
fn kept(answer: &Answer, name: &str) -> Option<String> {
    answer.header(name).filter(|value| (1..=256).contains(&value.len())).map(str::to_owned)
}

fn no_document(url: &str, status: u16) -> Error {
    let host =
        url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    let message = format!("{host} answered with status {status} instead of metadata. Check the address.");
    Error::field("url", "metadata_not_there", message).with_code("metadata_not_there")
}
