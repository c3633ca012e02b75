//! Signs an element that a [`Writer`] has just finished: digest over the very bytes written, signature put where the
//! schema wants it: right after the Issuer of a message (Core 5.4.2, SAML-208), first of all in metadata.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::saml::names::{DSIG, ENVELOPED, EXC_C14N};
use crate::saml::response::WriteError;
use crate::saml::sign::Signer;
use crate::saml::xml::writer::Writer;

/// An element that stands finished at the end of a writer's output.
pub(crate) struct Finished<'a> {
    /// Where it begins.
    pub start: usize,
    /// Where the signature goes: right after the Issuer, or after the start tag of what has none.
    pub after_issuer: usize,
    /// Its ID.
    pub id: &'a str,
    /// Whether it holds `xs:string` as a value, so that `xs` must be kept in scope by name.
    pub keeps_xs: bool,
}

/// Adds the enveloped signature of `element`.
pub(crate) fn sign(
    writer: &mut Writer,
    element: &Finished<'_>,
    signer: &dyn Signer,
) -> Result<(), WriteError> {
    if let Some(fault) = writer.fault() {
        return Err(fault.into());
    }
    let algorithm = signer.algorithm();
    let digest = algorithm.digest().digest(writer.written_from(element.start).as_bytes())?;
    let signed_info = signed_info(element, signer, &digest)?;
    let signature = signer.sign(signed_info.as_bytes())?;

    let mut out = Writer::with_capacity(4096);
    out.open("ds:Signature").namespace("ds", DSIG);
    let info_position = out.position();
    out.leaf("ds:SignatureValue", &STANDARD.encode(signature));
    out.open("ds:KeyInfo").open("ds:X509Data").leaf("ds:X509Certificate", signer.certificate_base64());
    out.close().close().close();
    // Inside ds:Signature the prefix is declared already, so canonical form has it on SignedInfo only while that
    // stands alone to be signed.
    out.insert(info_position, &signed_info.replacen(&format!(" xmlns:ds=\"{DSIG}\""), "", 1));
    writer.insert(element.after_issuer, &out.finish()?);
    Ok(())
}

/// `SignedInfo` alone, in canonical form: what the key signs.
fn signed_info(element: &Finished<'_>, signer: &dyn Signer, digest: &[u8]) -> Result<String, WriteError> {
    let algorithm = signer.algorithm();
    let mut w = Writer::with_capacity(1024);
    w.open("ds:SignedInfo").namespace("ds", DSIG);
    w.open("ds:CanonicalizationMethod").attribute("Algorithm", EXC_C14N).close();
    w.open("ds:SignatureMethod").attribute("Algorithm", algorithm.uri()).close();
    w.open("ds:Reference").attribute("URI", &format!("#{}", element.id));
    w.open("ds:Transforms");
    w.open("ds:Transform").attribute("Algorithm", ENVELOPED).close();
    w.open("ds:Transform").attribute("Algorithm", EXC_C14N);
    if element.keeps_xs {
        w.open("ec:InclusiveNamespaces").namespace("ec", EXC_C14N).attribute("PrefixList", "xs").close();
    }
    w.close().close();
    w.open("ds:DigestMethod").attribute("Algorithm", algorithm.digest().uri()).close();
    w.leaf("ds:DigestValue", &STANDARD.encode(digest));
    w.close().close();
    Ok(w.finish()?)
}
