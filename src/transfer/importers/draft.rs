//! What the formats share: an application as it is gathered. It owns what an application
//! of a document may hold (lengths, addresses, certificates); it must not know any format. A value that can't stand in a
//! document is left out and told by the very call that offers it, so that no reader forgets to.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};
use url::Url;

pub(super) use super::value::{Attribute, Purpose, Step, Value};
use super::words::{address_fault, cleaned, has_placeholder, is_group_name, is_sendable, letters};
use super::{Hint, Left, certificate};

/// Most entries of the report of one application; the last one says how many more there were.
pub(super) const MAX_LEFT_EACH: usize = 200;
/// Longest text of a field, in bytes.
const MAX_TEXT: usize = 2048;
/// Longest RelayState of a sign-on that begins here, in bytes.
const MAX_RELAY_STATE: usize = 80;
/// Most steps of a value; the last one is for cutting constants apart.
const MAX_STEPS: usize = 16;
/// Most ACS URLs and most attributes of an application, and most patterns of one attribute.
const MOST: usize = 100;

/// An application that is being gathered.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) label: String,
    description: Option<String>,
    hidden: bool,
    bookmark_url: Option<String>,
    pub(super) groups: Vec<String>,
    sso: Map<String, Json>,
    acs_urls: Vec<(String, Option<u64>, &'static str)>,
    attributes: Vec<Json>,
    attribute_names: BTreeSet<String>,
    pub(super) hint: Option<Hint>,
    pub(super) left: Vec<(String, String)>,
    pub(super) more: usize,
}

impl Draft {
    /// An application of this name.
    pub(super) fn new(name: &str) -> Self {
        let label: String = cleaned(name, 80);
        let mut draft = Self {
            label: if label.is_empty() { "Application".to_owned() } else { label },
            description: None,
            hidden: false,
            bookmark_url: None,
            groups: Vec::new(),
            sso: Map::new(),
            acs_urls: Vec::new(),
            attributes: Vec::new(),
            attribute_names: BTreeSet::new(),
            hint: None,
            left: Vec::new(),
            more: 0,
        };
        if draft.label != name.trim() {
            draft.leave(
                "label",
                "A label is one line of 1 to 80 characters, and what may be a password is cut out of it. Give the application a better one.",
            );
        }
        draft
    }

    /// Something that is not carried.
    pub(super) fn leave(&mut self, what: impl AsRef<str>, why: impl AsRef<str>) {
        if self.left.len() < MAX_LEFT_EACH {
            self.left.push((cleaned(what.as_ref(), 120), cleaned(why.as_ref(), 600)));
        } else {
            self.more += 1;
        }
    }

    /// Something that is not in the export, and is known where the application is found by its hint.
    pub(super) fn leave_unless_found(&mut self, what: &str, why: &str) {
        let Some(hint) = &mut self.hint else { return self.leave(what, why) };
        let (what, why) = (cleaned(what, 120), cleaned(why, 600));
        hint.otherwise.push(Left { application: String::new(), what, why });
    }

    /// The sentence under the label.
    pub(super) fn describe(&mut self, what: &str, text: &str) {
        let description = cleaned(text, 200);
        if description.is_empty() {
            return;
        }
        if description != text.trim() {
            self.leave(what, "A description is one line of at most 200 characters. It was cut to that.");
        }
        self.description = Some(description);
    }

    /// The portal doesn't show it.
    pub(super) fn hide(&mut self) {
        self.hidden = true;
    }

    /// It is a tile that leads there and nothing else. False: it leads nowhere, and is none.
    pub(super) fn bookmark(&mut self, text: &str) -> bool {
        let text = text.trim();
        let fine = text.len() <= MAX_TEXT
            && !text.chars().any(char::is_control)
            && Url::parse(text).is_ok_and(|url| {
                matches!(url.scheme(), "https" | "http")
                    && url.has_host()
                    && url.username().is_empty()
                    && url.password().is_none()
            });
        if fine {
            self.bookmark_url = Some(text.to_owned());
        }
        fine
    }

    /// A group whose people may use it.
    pub(super) fn group(&mut self, what: &str, name: &str) {
        if is_group_name(name) {
            self.groups.push(name.trim().to_owned());
        } else {
            self.leave(what, "A group's name is one line of 1 to 128 characters. Bind the group by hand.");
        }
    }

    /// Sets a switch or a word that needs no check.
    pub(super) fn set(&mut self, field: &str, value: impl Into<Json>) {
        self.sso.insert(field.to_owned(), value.into());
    }

    /// The application's entity ID.
    pub(super) fn entity_id(&mut self, what: &str, text: &str) {
        let Some(text) = self.usable(what, text) else { return };
        if text.chars().count() > 1024 || text.chars().any(char::is_whitespace) {
            self.leave(
                what,
                "An entity ID has at most 1,024 characters and no blanks. Copy it from the application.",
            );
        } else {
            self.set("sp_entity_id", text);
        }
    }

    /// Where responses are brought; the first one is the default.
    pub(super) fn acs_url(&mut self, what: &str, text: &str, index: Option<u64>) {
        self.acs_url_by(what, text, index, "post");
    }

    /// The same by the binding `post` or `artifact`.
    pub(super) fn acs_url_by(&mut self, what: &str, text: &str, index: Option<u64>, binding: &'static str) {
        let Some(url) = self.address(what, text, false) else { return };
        if let Some(known) = self.acs_urls.iter_mut().find(|(known, _, by)| *known == url && *by == binding) {
            known.1 = known.1.or(index);
            return;
        }
        if self.acs_urls.len() >= MOST {
            self.leave(what, "An application has at most 100 ACS URLs. Remove those that it no longer uses.");
            return;
        }
        self.acs_urls.push((url, index, binding));
    }

    /// Whether there is an address for responses.
    pub(super) fn has_acs_url(&self) -> bool {
        !self.acs_urls.is_empty()
    }

    /// An address for logout messages: `redirect_url`, `post_url`, `soap_url` and those of answers.
    pub(super) fn logout_url(&mut self, field: &str, what: &str, text: &str) {
        let Some(url) = self.address(what, text, false) else { return };
        let slo = self.sso.entry("slo").or_insert_with(|| json!({}));
        if let Some(slo) = slo.as_object_mut() {
            slo.insert(field.to_owned(), url.into());
        }
    }

    /// Where the tile starts.
    pub(super) fn login_url(&mut self, what: &str, text: &str) {
        if let Some(url) = self.address(what, text, true) {
            self.set("login_url", url);
        }
    }

    /// Whether the tile starts at the application.
    pub(super) fn has_login_url(&self) -> bool {
        self.sso.contains_key("login_url")
    }

    /// RelayState of a sign-on that begins here.
    pub(super) fn relay_state(&mut self, what: &str, text: &str) {
        let Some(text) = self.usable(what, text) else { return };
        if text.len() > MAX_RELAY_STATE {
            let why = "A RelayState that is sent from here has at most 80 bytes. Ask the application for a shorter one.";
            self.leave(what, why);
        } else {
            self.set("default_relay_state", text);
        }
    }

    /// What is signed: nothing is sent with neither.
    pub(super) fn sign(&mut self, what: &str, response: bool, assertion: bool) {
        let word = match (response, assertion) {
            (true, true) => "both",
            (true, false) => "response",
            (false, true) => "assertion",
            (false, false) => {
                self.leave(what, "Nothing was signed. Here response and assertion are both signed: nothing is sent without.");
                "both"
            }
        };
        self.set("sign", word);
    }

    /// The algorithm of signatures, in the export's words: a name or a URI.
    pub(super) fn signature_algorithm(&mut self, what: &str, text: &str) {
        let plain = letters(text.rsplit(['#', '/']).next().unwrap_or(text));
        match plain.as_str() {
            "rsasha256" => self.set("signature_algorithm", "rsa-sha256"),
            "rsasha384" => self.set("signature_algorithm", "rsa-sha384"),
            "rsasha512" => self.set("signature_algorithm", "rsa-sha512"),
            "" => {}
            weak if weak.ends_with("sha1") => {
                let why = "SHA-1 is broken and not used here: signatures are by RSA with SHA-256. See that the application takes those.";
                self.leave(what, why);
            }
            ecdsa if ecdsa.starts_with("ecdsa") => {
                let why = "A new application signs by an RSA key, with SHA-256. For ECDSA, give it such a key, then change the algorithm.";
                self.leave(what, why);
            }
            _ => self.leave(what, "This algorithm is not spoken here: signatures are by RSA with SHA-256."),
        }
    }

    /// A digest algorithm: told where it is weak, for it goes with the signature here.
    pub(super) fn digest_algorithm(&mut self, what: &str, text: &str) {
        if letters(text).ends_with("sha1") {
            self.leave(
                what,
                "SHA-1 is broken and not used here: digests are by the hash of the signature algorithm.",
            );
        }
    }

    /// The cipher of what is encrypted.
    pub(super) fn cipher(&mut self, what: &str, text: &str) {
        match letters(text.rsplit('#').next().unwrap_or(text)).as_str() {
            "aes256gcm" => self.set("encryption_algorithm", "aes256-gcm"),
            "aes128gcm" => self.set("encryption_algorithm", "aes128-gcm"),
            "" => {}
            _ => {
                let why = "Only AES-GCM is used here: CBC is broken in XML Encryption. See that the application takes AES-256-GCM.";
                self.leave(what, why);
            }
        }
    }

    /// How the cipher's key is carried.
    pub(super) fn key_transport(&mut self, what: &str, text: &str) {
        match letters(text.rsplit('#').next().unwrap_or(text)).as_str() {
            "rsaoaepmgf1p" | "rsaoaep" => self.set("key_transport", "rsa-oaep-mgf1p"),
            "" => {}
            _ => {
                let why =
                    "Only RSA-OAEP is used here: RSA 1.5 is broken. See that the application takes RSA-OAEP.";
                self.leave(what, why);
            }
        }
    }

    /// A certificate of the application. False: it is none.
    pub(super) fn certificate(&mut self, purpose: Purpose, what: &str, text: &str) -> bool {
        let Some(pem) = certificate::pem(text, purpose == Purpose::Encryption) else {
            let why = "This can't be read as a certificate, or its key can't be used. Upload the application's own.";
            self.leave(what, why);
            return false;
        };
        let list = self.sso.entry(purpose.field()).or_insert_with(|| json!([]));
        let Some(list) = list.as_array_mut() else { return false };
        if list.len() >= 10 {
            self.leave(
                what,
                "An application has at most 10 certificates. Remove those that it no longer uses.",
            );
            return false;
        }
        if !list.contains(&json!(pem)) {
            list.push(json!(pem));
        }
        true
    }

    /// Whether there is a certificate of this kind.
    pub(super) fn has_certificate(&self, purpose: Purpose) -> bool {
        self.sso.get(purpose.field()).and_then(Json::as_array).is_some_and(|list| !list.is_empty())
    }

    /// Requests must be signed: only with a certificate to check them by.
    pub(super) fn require_signed_requests(&mut self, what: &str) {
        if self.has_certificate(Purpose::Signing) {
            self.set("require_signed_requests", true);
        } else {
            let why = "Unsigned requests were refused. The certificate to check them by is not in the export: upload it, then refuse them here too.";
            self.leave(what, why);
        }
    }

    /// Assertions are encrypted: only with a certificate to encrypt for.
    pub(super) fn encrypt(&mut self, what: &str) {
        if self.has_certificate(Purpose::Encryption) {
            self.set("encrypt_assertion", true);
        } else {
            let why = "Assertions were encrypted. The certificate to encrypt for is not in the export: upload it, then switch encryption on before anybody signs on.";
            self.leave(what, why);
        }
    }

    /// The NameID: the last part of its format's URN, and where its value comes from.
    pub(super) fn name_id(&mut self, what: &str, format: Option<&str>, value: Option<Value>, steps: &[Step]) {
        let mut name_id = Map::new();
        if let Some(format) = format {
            name_id.insert("format".to_owned(), format.into());
        }
        if format == Some("persistent") {
            let why = "Persistent identifiers are made anew here, so the application takes people for new ones. Link or rename its accounts.";
            self.leave(what, why);
        }
        // These are made here and come from nowhere.
        let made = matches!(format, Some("persistent" | "transient"));
        if let Some(value) = value.filter(|_| !made) {
            match self.value(what, &value, steps) {
                Some(keys) => name_id.extend(keys),
                None => return,
            }
        }
        if !name_id.is_empty() {
            self.set("name_id", name_id);
        }
    }

    /// An attribute.
    pub(super) fn attribute(&mut self, what: &str, attribute: &Attribute) {
        let name = attribute.name.trim();
        if name.is_empty() || name.len() > 256 || !is_sendable(name) {
            self.leave(
                what,
                "An attribute's name is one line of 1 to 256 characters. Add the attribute by hand.",
            );
            return;
        }
        if self.attributes.len() >= MOST {
            self.leave(what, "An application has at most 100 attributes. Leave out what it does not read.");
            return;
        }
        if self.attribute_names.contains(name) {
            self.leave(what, format!("There is an attribute {name} already, and two of one name are not sent. The first one was carried."));
            return;
        }
        let Some(keys) = self.value(what, &attribute.value, &attribute.steps) else { return };
        let mut row = Map::from_iter([
            ("name".to_owned(), json!(name)),
            ("name_format".to_owned(), json!(attribute.name_format)),
        ]);
        let friendly = attribute.friendly_name.as_deref().map(str::trim).filter(|text| !text.is_empty());
        if let Some(friendly) = friendly.filter(|text| text.len() <= 256 && is_sendable(text)) {
            row.insert("friendly_name".to_owned(), json!(friendly));
        }
        row.extend(keys);
        self.attribute_names.insert(name.to_owned());
        self.attributes.push(Json::Object(row));
    }

    fn value(&mut self, what: &str, value: &Value, steps: &[Step]) -> Option<Map<String, Json>> {
        let mut transforms: Vec<Json> = Vec::new();
        let (key, keyed) = match value {
            Value::Source(source) => {
                if let Some(name) = source.strip_prefix("custom.") {
                    let why = format!(
                        "It comes from the custom attribute {name} of people. Fill that when you bring the people over."
                    );
                    self.leave(what, why);
                }
                ("source", json!(source))
            }
            Value::Constant(texts) => {
                let (text, separator) = self.constant(what, texts)?;
                transforms.extend(separator.map(|separator| json!({ "split": separator })));
                ("constant", json!(text))
            }
            Value::Groups(patterns) if patterns.is_empty() => ("groups", json!({})),
            Value::Groups(patterns) => ("groups", json!({ "include": patterns })),
        };
        let many = matches!(value, Value::Groups(patterns) if patterns.len() > MOST);
        if many || steps.len() >= MAX_STEPS {
            self.leave(what, "It has more steps or patterns than there can be here. Set the value by hand.");
            return None;
        }
        if steps.iter().filter_map(Step::text).any(|text| !is_sendable(text) || text.len() > 1024) {
            self.leave(what, "What is put before or after the value can't be sent. Set the value by hand.");
            return None;
        }
        transforms.extend(steps.iter().map(Step::json));
        let mut out = Map::from_iter([(key.to_owned(), keyed)]);
        if !transforms.is_empty() {
            out.insert("transforms".to_owned(), Json::Array(transforms));
        }
        Some(out)
    }

    /// Several constants are one, cut apart at a character that none of them has.
    fn constant(&mut self, what: &str, texts: &[String]) -> Option<(String, Option<&'static str>)> {
        let fine = |text: &String| is_sendable(text) && !has_placeholder(text);
        let joined = match texts {
            [text] => Some((text.clone(), None)),
            _ if texts.iter().any(String::is_empty) => None,
            _ => [",", ";", "|", "~"]
                .into_iter()
                .find(|separator| !texts.iter().any(|text| text.contains(separator)))
                .map(|separator| (texts.join(separator), Some(separator))),
        };
        match joined.filter(|(text, _)| text.len() <= 1024 && texts.iter().all(fine)) {
            Some(constant) if !texts.is_empty() => Some(constant),
            _ => {
                let why = "A constant is a line of at most 1,024 characters without YOUR_ and capitals after it. Set the value by hand.";
                self.leave(what, why);
                None
            }
        }
    }

    /// Text that may stand in a field; blank is none, and no loss.
    fn usable(&mut self, what: &str, text: &str) -> Option<String> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        if text.len() > MAX_TEXT || !is_sendable(text) {
            self.leave(what, "Too long, or not on one line. Copy it from the application.");
            return None;
        }
        if has_placeholder(text) {
            self.leave(what, "YOUR_ and capitals after it stand for a value of a connector, which there is none of here. Write it out by hand.");
            return None;
        }
        Some(text.to_owned())
    }

    /// An address that a browser may be sent to with what is secret.
    fn address(&mut self, what: &str, text: &str, fragment: bool) -> Option<String> {
        let text = self.usable(what, text)?;
        match address_fault(&text, fragment) {
            None => Some(text),
            Some(why) => {
                self.leave(what, why);
                None
            }
        }
    }

    /// The connector that it is made from.
    pub(super) fn connector(&self) -> &'static str {
        if self.bookmark_url.is_some() { "bookmark" } else { "custom-saml" }
    }

    /// What is general in its entry but for slug, connector and label.
    pub(super) fn general(&self) -> Vec<(String, Json)> {
        let description = self.description.as_ref().map(|text| ("description", json!(text)));
        let shown = self.hidden.then(|| ("show_in_portal", json!(false)));
        let url = self.bookmark_url.as_ref().map(|url| ("bookmark_url", json!(url)));
        let status = ("status", json!("inactive"));
        let rows = description.into_iter().chain(shown).chain([status]).chain(url);
        rows.map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// Its single sign-on; a bookmark has none.
    pub(super) fn sso(&mut self) -> Option<Json> {
        if self.bookmark_url.is_some() {
            return None;
        }
        let urls = std::mem::take(&mut self.acs_urls);
        if !urls.is_empty() {
            self.set("acs_urls", numbered(urls));
        }
        let attributes = std::mem::take(&mut self.attributes);
        if !attributes.is_empty() {
            self.set("attributes", attributes);
        }
        (!self.sso.is_empty()).then(|| Json::Object(std::mem::take(&mut self.sso)))
    }
}

/// The addresses with the indexes that they had; one that stands there twice is given to the first.
fn numbered(urls: Vec<(String, Option<u64>, &'static str)>) -> Json {
    let mut taken = BTreeSet::new();
    let mut rows = Vec::with_capacity(urls.len());
    for (url, index, binding) in urls {
        let index = index.filter(|index| u16::try_from(*index).is_ok() && taken.insert(*index));
        if index.is_none() && binding == "post" {
            rows.push(json!(url));
            continue;
        }
        let mut row = Map::from_iter([("url".to_owned(), json!(url))]);
        row.extend(index.map(|index| ("index".to_owned(), json!(index))));
        if binding != "post" {
            row.insert("binding".to_owned(), json!(binding));
        }
        rows.push(Json::Object(row));
    }
    Json::Array(rows)
}

/// A custom attribute of people; `None` when the name can't be one.
pub(super) fn custom(name: &str) -> Option<Value> {
    let is_key = (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    is_key.then(|| Value::source(format!("custom.{name}")))
}
