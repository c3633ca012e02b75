//! Opening an identifier that a service provider encrypted for us (Core 2.2.4, SLO-501, ALG-404): AES-GCM under a key
//! under RSA-OAEP. CBC and RSA 1.5 are never tried: both tell whoever asks often enough what is inside.
//!
//! What can't be opened is one and the same refusal, whatever is wrong with it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::encrypt::Decrypter;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey, Private};
use openssl::rsa::Padding;
use openssl::symm::decrypt_aead;
use roxmltree::Node;
use zeroize::Zeroizing;

use crate::base::encryption::EncryptionAlgorithm;
use crate::saml::encrypt::{ELEMENT, MGF1_SHA1, MGF1_SHA256, NONCE, TAG};
use crate::saml::names::{ASSERTION, DSIG, XENC, XENC11};
use crate::saml::refusal::Reason;
use crate::saml::request::RequestedSubject;
use crate::saml::xml::Limits;
use crate::saml::xml::reader::{Source, attribute, child, children, is, plain_text};

/// Keys that one identifier may be encrypted for: each is tried with each of ours.
const MAX_KEYS: usize = 8;
/// `DigestMethod` of SHA-1 and of SHA-256.
const SHA1: &str = "http://www.w3.org/2000/09/xmldsig#sha1";
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";

/// How a content key is wrapped.
struct Carried {
    digest: MessageDigest,
    mask: MessageDigest,
    octets: Vec<u8>,
}

/// Reads and opens an `EncryptedID` with the first of our keys that fits.
pub(in crate::saml) fn open_id(
    node: Node<'_, '_>,
    keys: &[PKey<Private>],
) -> Result<RequestedSubject, Reason> {
    open(node, keys).ok_or(Reason::NameIdEncrypted)
}

fn open(node: Node<'_, '_>, keys: &[PKey<Private>]) -> Option<RequestedSubject> {
    let data = child(node, XENC, "EncryptedData").ok()??;
    if attribute(data, "Type").is_some_and(|kind| kind != ELEMENT) {
        return None;
    }
    let method = child(data, XENC, "EncryptionMethod").ok()??;
    let uri = attribute(method, "Algorithm")?;
    let algorithm = EncryptionAlgorithm::ALL.iter().find(|algorithm| algorithm.uri() == uri)?;
    let sealed = cipher_value(data)?;
    let info = child(data, DSIG, "KeyInfo").ok()?;
    let inside = info.into_iter().flat_map(|info| children(info, XENC, "EncryptedKey"));
    let beside = children(node, XENC, "EncryptedKey");
    let carried: Vec<Carried> = inside.chain(beside).take(MAX_KEYS).filter_map(read_key).collect();
    let ours = || keys.iter().filter(|key| key.id() == Id::RSA);
    let opened = carried.iter().flat_map(|carried| ours().map(move |key| (carried, key)));
    opened.into_iter().find_map(|(carried, key)| {
        let content_key = carried.unwrap(key).ok()?;
        let plain = decipher(*algorithm, &content_key, &sealed)?;
        read_name_id(&plain)
    })
}

fn read_key(node: Node<'_, '_>) -> Option<Carried> {
    let method = child(node, XENC, "EncryptionMethod").ok()??;
    let given = child(method, DSIG, "DigestMethod").ok()?;
    let digest = match given.map(|node| attribute(node, "Algorithm")) {
        None | Some(Some(SHA1)) => MessageDigest::sha1(),
        Some(Some(SHA256)) => MessageDigest::sha256(),
        Some(_) => return None,
    };
    // A label is nothing that anybody sends.
    if child(method, XENC, "OAEPparams").ok()?.is_some() {
        return None;
    }
    let mask = match attribute(method, "Algorithm")? {
        "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p" => MessageDigest::sha1(),
        "http://www.w3.org/2009/xmlenc11#rsa-oaep" => {
            let given = child(method, XENC11, "MGF").ok()?;
            match given.map(|node| attribute(node, "Algorithm")) {
                None | Some(Some(MGF1_SHA1)) => MessageDigest::sha1(),
                Some(Some(MGF1_SHA256)) => MessageDigest::sha256(),
                Some(_) => return None,
            }
        }
        _ => return None,
    };
    Some(Carried { digest, mask, octets: cipher_value(node)? })
}

impl Carried {
    fn unwrap(&self, key: &PKey<Private>) -> Result<Zeroizing<Vec<u8>>, ErrorStack> {
        let mut decrypter = Decrypter::new(key)?;
        decrypter.set_rsa_padding(Padding::PKCS1_OAEP)?;
        decrypter.set_rsa_oaep_md(self.digest)?;
        decrypter.set_rsa_mgf1_md(self.mask)?;
        let mut out = Zeroizing::new(vec![0; decrypter.decrypt_len(&self.octets)?]);
        let length = decrypter.decrypt(&self.octets, &mut out)?;
        out.truncate(length);
        Ok(out)
    }
}

fn decipher(algorithm: EncryptionAlgorithm, key: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let cipher = algorithm.cipher();
    let tag_at = sealed.len().checked_sub(TAG).filter(|at| *at >= NONCE)?;
    if key.len() != cipher.key_len() {
        return None;
    }
    let (nonce, rest) = sealed.split_at(NONCE);
    let (text, tag) = rest.split_at(tag_at - NONCE);
    decrypt_aead(cipher, key, Some(nonce), &[], text, tag).ok().map(Zeroizing::new)
}

fn read_name_id(octets: &[u8]) -> Option<RequestedSubject> {
    let source = Source::new(octets, &Limits::MESSAGE).ok()?;
    let document = source.parse().ok()?;
    let root = document.root_element();
    is(root, ASSERTION, "NameID").then(|| RequestedSubject::read(root).ok()).flatten()
}

fn cipher_value(node: Node<'_, '_>) -> Option<Vec<u8>> {
    let data = child(node, XENC, "CipherData").ok()??;
    let value = plain_text(child(data, XENC, "CipherValue").ok()??).ok()?;
    let text: String = value.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Random;
    use crate::base::encryption::KeyTransport;
    use crate::saml::certificate::parse_certificate;
    use crate::saml::encrypt::Recipient;
    use crate::saml::testing::rsa;

    const NAME_ID: &str = "<saml:NameID xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" \
        Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\">zoë</saml:NameID>";

    fn opened(xml: &str, keys: &[PKey<Private>]) -> Option<String> {
        let document = roxmltree::Document::parse(xml).unwrap();
        open_id(document.root_element(), keys).ok().map(|subject| subject.value)
    }

    fn wrapped(data: &str) -> String {
        format!(
            "<saml:EncryptedID xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{data}</saml:EncryptedID>"
        )
    }

    #[test]
    fn slo_501_an_identifier_encrypted_for_any_of_our_keys_is_opened() {
        let random = Random::seeded(7);
        let (ours, other) = (rsa(2048), rsa(2048));
        let certificate = parse_certificate(&ours.certificate).unwrap();
        let (ours, other) = (ours.key, other.key);
        for algorithm in EncryptionAlgorithm::ALL.iter().copied() {
            for transport in KeyTransport::ALL.iter().copied() {
                let recipient = Recipient::of(&certificate, algorithm, transport).unwrap();
                let data = recipient.encrypt(NAME_ID, &random).unwrap();
                let xml = wrapped(&data);
                for keys in [vec![ours.clone()], vec![other.clone(), ours.clone()]] {
                    assert_eq!(opened(&xml, &keys).as_deref(), Some("zoë"), "{algorithm:?} {transport:?}");
                }
                assert_eq!(opened(&xml, std::slice::from_ref(&other)), None);
                assert_eq!(opened(&xml, &[]), None);
                // The key beside the data, as some write it.
                let from = data.find("<ds:KeyInfo").unwrap();
                let key_from = data.find("<xenc:EncryptedKey").unwrap();
                let key_to = data.find("</xenc:EncryptedKey>").unwrap() + "</xenc:EncryptedKey>".len();
                let to = data[key_to..].find("</ds:KeyInfo>").unwrap() + key_to + "</ds:KeyInfo>".len();
                let key = data[key_from..key_to].replacen(
                    "<xenc:EncryptedKey",
                    "<xenc:EncryptedKey xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"",
                    1,
                );
                let beside = wrapped(&format!("{}{}{key}", &data[..from], &data[to..]));
                assert_eq!(opened(&beside, std::slice::from_ref(&ours)).as_deref(), Some("zoë"));
            }
        }
    }

    #[test]
    fn alg_404_what_is_cut_changed_or_of_another_algorithm_is_one_refusal() {
        let random = Random::seeded(8);
        let ours = rsa(2048);
        let certificate = parse_certificate(&ours.certificate).unwrap();
        let recipient =
            Recipient::of(&certificate, EncryptionAlgorithm::Aes256Gcm, KeyTransport::RsaOaepMgf1p).unwrap();
        let data = recipient.encrypt(NAME_ID, &random).unwrap();
        let keys = [ours.key];
        let last = data.rfind("<xenc:CipherValue>").unwrap() + "<xenc:CipherValue>".len();
        let end = last + data[last..].find('<').unwrap();
        let sealed = STANDARD.decode(&data[last..end]).unwrap();
        let with = |octets: &[u8]| format!("{}{}{}", &data[..last], STANDARD.encode(octets), &data[end..]);
        let mut changed = sealed.clone();
        changed[NONCE] ^= 1;
        let gcm = "http://www.w3.org/2009/xmlenc11#aes256-gcm";
        let oaep = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
        let not_a_name = recipient.encrypt("<x/>", &random).unwrap();
        let with_type = recipient.encrypt("<!DOCTYPE x><x/>", &random).unwrap();
        for bad in [
            with(&changed),
            with(&sealed[..sealed.len() - 4]),
            with(&sealed[..TAG]),
            with(&[]),
            data.replace(gcm, "http://www.w3.org/2001/04/xmlenc#aes256-cbc"),
            data.replace(gcm, "http://www.w3.org/2009/xmlenc11#aes128-gcm"),
            data.replace(oaep, "http://www.w3.org/2001/04/xmlenc#rsa-1_5"),
            data.replace(SHA1, SHA256),
            data.replace(ELEMENT, "http://www.w3.org/2001/04/xmlenc#Content"),
            data.replace("xenc:CipherValue", "xenc:CipherReference"),
            not_a_name,
            with_type,
            String::new(),
        ] {
            assert_eq!(opened(&wrapped(&bad), &keys), None, "{bad}");
        }
        assert!(opened(&wrapped(&data), &keys).is_some());
    }
}
