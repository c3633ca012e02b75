//! The files of `assets/`, built into the binary. Each is served under a URL that carries the hash of its content,
//! so that a browser may keep it for ever and still sees a new one at once.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Files;

/// A file, as it is sent.
#[derive(Clone)]
pub struct Asset {
    /// `content-type`.
    pub content_type: &'static str,
    /// `etag`, with its quotation marks.
    pub etag: String,
    /// Version as it stands in the URL.
    pub version: String,
    /// The bytes.
    pub body: std::borrow::Cow<'static, [u8]>,
}

/// `cache-control` of a URL that carries the right version: kept for a year, never asked for again.
pub const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// `cache-control` of a URL without version, or with an old one: kept, but asked for each time by its `etag`.
pub const REVALIDATE: &str = "public, no-cache";
/// `content-security-policy` of assets: a picture opened by itself runs nothing.
pub const ASSET_CSP: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";
/// Style sheets name their pictures by relative URLs; their versions are written in when the binary starts.
const LINKED: &[&str] = &["tokens.css", "app.css"];

static ASSETS: LazyLock<HashMap<String, Asset>> = LazyLock::new(load);

/// The URL of a file, with its version: `/static/app.css?v=0a1b2c3d4e5f6071`. A name that does not exist gives a URL that
/// answers 404; `tests/pages.rs` follows every one that a page uses.
#[must_use]
pub fn asset_url(name: &str) -> String {
    let path = crate::base::urls::asset(name);
    ASSETS.get(name).map_or_else(|| path.clone(), |asset| format!("{path}?v={}", asset.version))
}

/// The file of this name: `app.css`, `art/gate-light.svg`.
#[must_use]
pub fn find_asset(name: &str) -> Option<&'static Asset> {
    ASSETS.get(name)
}

/// The `cache-control` for a request that asks for `asset` with this version.
#[must_use]
pub fn cache_control(asset: &Asset, asked_version: Option<&str>) -> &'static str {
    if asked_version == Some(asset.version.as_str()) { IMMUTABLE } else { REVALIDATE }
}

/// All names.
pub fn names() -> impl Iterator<Item = &'static str> {
    ASSETS.keys().map(String::as_str)
}

fn load() -> HashMap<String, Asset> {
    let mut assets = HashMap::new();
    for name in Files::iter() {
        let Some(file) = Files::get(&name) else { continue };
        if !LINKED.contains(&name.as_ref()) {
            let hash: [u8; 32] = file.metadata.sha256_hash();
            assets.insert(name.to_string(), Asset::new(&name, file.data, &hash));
        }
    }
    for name in LINKED {
        let Some(file) = Files::get(name) else { continue };
        let body = link(&String::from_utf8_lossy(&file.data), &assets);
        let hash = openssl::sha::sha256(body.as_bytes());
        assets.insert((*name).to_owned(), Asset::new(name, body.into_bytes().into(), &hash));
    }
    assets
}

/// Writes the version into each `url("art/…")` of a style sheet.
fn link(sheet: &str, assets: &HashMap<String, Asset>) -> String {
    let mut out = String::with_capacity(sheet.len());
    let mut rest = sheet;
    while let Some((before, after)) = rest.split_once("url(\"") {
        let (name, tail) = after.split_once('"').unwrap_or((after, ""));
        out.push_str(before);
        let version = assets.get(name).map_or("", |asset| asset.version.as_str());
        let _ = write!(out, "url(\"{name}?v={version}\"");
        rest = tail;
    }
    out.push_str(rest);
    out
}

impl Asset {
    fn new(name: &str, body: std::borrow::Cow<'static, [u8]>, hash: &[u8; 32]) -> Self {
        let mut version = String::with_capacity(16);
        for byte in &hash[..8] {
            let _ = write!(version, "{byte:02x}");
        }
        Self { content_type: content_type(name), etag: format!("\"{version}\""), version, body }
    }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        _ => "application/octet-stream",
    }
}
