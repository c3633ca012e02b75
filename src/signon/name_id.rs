//! How an application is told who a person is: a NameID that is made here, or one that its mapping gives.

use crate::applications::subject::Subject;
use crate::base::name_id::NameIdFormat;
use crate::base::{Ctx, Error, Kind, Result};
use crate::catalog::sso::{SsoSettings, SubjectIdentifier};
use crate::directory::login_name::is_addr_spec;
use crate::saml::response::{Attribute, NameId};
use crate::signon::target::Target;
use crate::signon::{Installation, release, store};

const EMPTY: &str = "name_id_empty";
const NOT_AN_ADDRESS: &str = "name_id_not_an_address";
/// Codes of the errors that a mapping leads to.
pub(in crate::signon) const CODES: [&str; 2] = [EMPTY, NOT_AN_ADDRESS];

/// The NameID of a person at an application in this format.
pub(in crate::signon) async fn of(
    installation: &Installation,
    ctx: &Ctx,
    (target, subject): (&Target, &Subject),
    settings: &SsoSettings,
    format: NameIdFormat,
) -> Result<NameId> {
    match format {
        NameIdFormat::Transient => {
            Ok(NameId { format, value: ctx.random.saml_id(), name_qualifier: None, sp_name_qualifier: None })
        }
        NameIdFormat::Persistent => Ok(NameId {
            format,
            value: persistent(installation, ctx, target, subject).await?,
            name_qualifier: Some(target.application.idp_entity_id.clone()),
            sp_name_qualifier: Some(target.sp_entity_id()?.to_owned()),
        }),
        _ => mapped(&target.application.label, settings, format, subject),
    }
}

/// The identifier of a person that goes along as an attribute, if one does. It is told apart from people's names, stays
/// when these change, and is never given to anyone else.
pub(in crate::signon) async fn as_attribute(
    installation: &Installation,
    ctx: &Ctx,
    (target, subject): (&Target, &Subject),
    kind: SubjectIdentifier,
) -> Result<Option<Attribute>> {
    let unique = match kind {
        SubjectIdentifier::None => return Ok(None),
        SubjectIdentifier::Subject => subject.person.id.to_string(),
        SubjectIdentifier::Pairwise => persistent(installation, ctx, target, subject).await?,
    };
    Ok(release::identifier(kind, &unique, installation.base_url.host()))
}

/// A NameID that the application's mapping gives.
pub(in crate::signon) fn mapped(
    label: &str,
    settings: &SsoSettings,
    format: NameIdFormat,
    subject: &Subject,
) -> Result<NameId> {
    let value = release::name_id_value(&settings.name_id, subject)
        .map_err(|fault| Error::new(Kind::Unavailable, fault.code, fault.message))?
        .ok_or_else(|| {
            Error::new(
                Kind::Forbidden,
                EMPTY,
                format!("{label} wants to know you by a property that your account here does not have. Ask your administrator to fill it in."),
            )
        })?;
    if format == NameIdFormat::EmailAddress && !is_addr_spec(&value) {
        return Err(Error::new(
            Kind::Forbidden,
            NOT_AN_ADDRESS,
            format!(
                "{label} wants to know you by an e-mail address, but its settings here give something else. Ask your administrator."
            ),
        ));
    }
    Ok(NameId { format, value, name_qualifier: None, sp_name_qualifier: None })
}

/// The person's persistent NameID at this application, if it was made already.
pub(in crate::signon) async fn made(
    installation: &Installation,
    target: &Target,
    subject: &Subject,
) -> Result<Option<String>> {
    let (application, user) = (target.application.id, subject.person.id);
    store::find_persistent(&mut installation.db.reader(), application, user).await
}

/// The person's persistent NameID at this application: made once, opaque, never given to anyone else (SAML-214).
async fn persistent(
    installation: &Installation,
    ctx: &Ctx,
    target: &Target,
    subject: &Subject,
) -> Result<String> {
    let (application, user) = (target.application.id, subject.person.id);
    if let Some(value) = made(installation, target, subject).await? {
        return Ok(value);
    }
    let mut tx = installation.db.begin().await?;
    store::insert_persistent(&mut tx, application, user, &base32(&ctx.random.bytes::<20>()), ctx.now())
        .await?;
    let value = store::find_persistent(&mut tx, application, user).await?;
    tx.commit().await?;
    value.ok_or_else(|| Error::internal("a persistent NameID vanished"))
}

/// RFC 4648 base32 without padding, in capitals: still unique where case is lost.
fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut out = String::with_capacity(bytes.len() * 8 / 5 + 1);
    let (mut buffer, mut bits) = (0u32, 0);
    for byte in bytes {
        buffer = (buffer << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(char::from(ALPHABET[(buffer >> bits) as usize & 31]));
        }
    }
    if bits > 0 {
        out.push(char::from(ALPHABET[(buffer << (5 - bits)) as usize & 31]));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saml_214_base32_is_that_of_rfc_4648() {
        assert_eq!(base32(b"foobar"), "MZXW6YTBOI");
        assert_eq!(base32(b""), "");
        assert_eq!(base32(&[0xff; 20]).len(), 32);
    }
}
