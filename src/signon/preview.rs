//! What an application would be told of a person now: the assertion, decoded. Nothing is signed, stored or sent, and
//! no persistent NameID is made for it.

use serde::Serialize;

use crate::applications::binding;
use crate::applications::model::{Application, Kind as ApplicationKind};
use crate::applications::sso::check_complete;
use crate::applications::subject::Subject;
use crate::base::id::UserId;
use crate::base::name_id::NameIdFormat;
use crate::base::{Ctx, Error, Kind, Result};
use crate::catalog::sso::{SignMode, SsoSettings, SubjectIdentifier};
use crate::saml::response::{Attribute, Lifetimes, NameId, ResponseInput};
use crate::signon::context_class::of_password;
use crate::signon::issue::authorise;
use crate::signon::target::{self, Target};
use crate::signon::{Installation, name_id, release, subject};

/// Value of a persistent NameID that is made at the first sign-on.
const NOT_MADE_YET: &str = "(made at the first sign-on)";

/// The assertion that would be sent.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Preview {
    /// Why a sign-on would be refused now; `null` when it would not.
    pub refusal: Option<PreviewRefusal>,
    /// The group that gives access.
    pub by_group: Option<String>,
    /// The groups that the person is in, by name.
    pub groups: Vec<String>,
    /// The groups that are bound to the application, by name.
    pub bound_groups: Vec<String>,
    /// Entity ID of the IdP.
    pub issuer: String,
    /// Entity ID of the application.
    pub audience: String,
    /// Where the response would be posted.
    pub recipient: String,
    /// Which parts would be signed.
    pub sign: SignMode,
    /// The NameID; `null` when the person has no value for it.
    pub name_id: Option<PreviewNameId>,
    /// The attributes, in order; those without a value are left out.
    pub attributes: Vec<PreviewAttribute>,
    /// How the person would have proved who they are.
    pub authn_context_class: &'static str,
    /// The assertion, without a signature; `null` when none could be made.
    pub xml: Option<String>,
}

/// A refusal.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct PreviewRefusal {
    /// Stable code.
    pub code: &'static str,
    /// What the person would read.
    pub message: String,
}

/// A NameID.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct PreviewNameId {
    /// Last part of the format's URN.
    pub format: NameIdFormat,
    /// The value; transient ones are another each time.
    pub value: String,
}

/// An attribute.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct PreviewAttribute {
    /// Its name.
    pub name: String,
    /// URN of the name's format.
    pub name_format: String,
    /// Its name for people.
    pub friendly_name: Option<String>,
    /// Its values.
    pub values: Vec<String>,
}

/// Previews the sign-on of a person; `None` when there is no such person. Refused when the settings are not complete,
/// as activation is.
pub async fn preview(
    installation: &Installation,
    ctx: &Ctx,
    application: &Application,
    user: UserId,
) -> Result<Option<Preview>> {
    if application.kind != ApplicationKind::Saml {
        return Err(Error::conflict("not_saml", "A bookmark only opens an address. Nothing is sent to it."));
    }
    check_complete(application)?;
    let epochs = installation.epochs().await?;
    let Some(subject) = subject::load(installation, epochs, user).await? else { return Ok(None) };
    let target = target::load(installation, epochs, &application.slug).await?;
    let target = target.ok_or_else(|| Error::not_found("application"))?;
    let label = &target.application.label;
    let (by_group, mut refusal) = match authorise(&target, &subject) {
        Ok(authorized) => (Some(authorized.by_group().to_owned()), None),
        Err(denied) => {
            let message = denied.refused(label).message;
            (None, Some(PreviewRefusal { code: denied.code(), message }))
        }
    };
    let settings = target.settings()?;
    let name_id = if settings.omit_name_id {
        Ok(None)
    } else {
        name_id(installation, ctx, &target, settings, &subject).await.map(Some)
    };
    let attributes = release::attributes(&settings.attributes, None, &subject)
        .map_err(|fault| Error::new(Kind::Unavailable, fault.code, fault.message));
    let name_id = kept(name_id, &mut refusal)?;
    let mut attributes = kept(attributes, &mut refusal)?;
    if let Some(attributes) = &mut attributes {
        let unique = match settings.subject_identifier {
            SubjectIdentifier::Pairwise => made(installation, &target, &subject).await?,
            _ => subject.person.id.to_string(),
        };
        let identifier =
            release::identifier(settings.subject_identifier, &unique, installation.base_url.host());
        release::add_identifier(attributes, identifier);
    }
    let acs = settings.default_acs().ok_or_else(|| Error::internal("complete settings have no ACS URL"))?;
    let class = of_password(installation.base_url.is_secure());
    let xml = match (&name_id, &attributes) {
        (Some(name_id), Some(attributes)) => {
            Some(write(ctx, &target, &acs.url, name_id.as_ref(), attributes, class)?)
        }
        _ => None,
    };
    Ok(Some(Preview {
        refusal,
        by_group,
        groups: subject.groups.iter().map(|(_, name)| name.clone()).collect(),
        bound_groups: binding::names_of(&mut installation.db.reader(), application.id).await?,
        issuer: target.application.idp_entity_id.clone(),
        audience: target.sp_entity_id()?.to_owned(),
        recipient: acs.url.clone(),
        sign: settings.sign,
        name_id: name_id.flatten().map(|id| PreviewNameId { format: id.format, value: id.value }),
        attributes: attributes.unwrap_or_default().into_iter().map(shown).collect(),
        authn_context_class: class,
        xml,
    }))
}

/// A failure that the person would meet becomes the refusal, unless there is one; ours stays ours.
fn kept<T>(made: Result<T>, refusal: &mut Option<PreviewRefusal>) -> Result<Option<T>> {
    match made {
        Ok(made) => Ok(Some(made)),
        Err(error) if error.kind == Kind::Internal => Err(error),
        Err(error) => {
            refusal.get_or_insert(PreviewRefusal { code: error.code, message: error.message.into_owned() });
            Ok(None)
        }
    }
}

async fn name_id(
    installation: &Installation,
    ctx: &Ctx,
    target: &Target,
    settings: &SsoSettings,
    subject: &Subject,
) -> Result<NameId> {
    let application = &target.application;
    let format = settings.name_id.format;
    match format {
        NameIdFormat::Transient => {
            Ok(NameId { format, value: ctx.random.saml_id(), name_qualifier: None, sp_name_qualifier: None })
        }
        NameIdFormat::Persistent => Ok(NameId {
            format,
            value: made(installation, target, subject).await?,
            name_qualifier: Some(application.idp_entity_id.clone()),
            sp_name_qualifier: Some(target.sp_entity_id()?.to_owned()),
        }),
        _ => name_id::mapped(&application.label, settings, format, subject),
    }
}

/// The identifier that was made of the person for this application, or words for one that is not made yet.
async fn made(installation: &Installation, target: &Target, subject: &Subject) -> Result<String> {
    let made = name_id::made(installation, target, subject).await?;
    Ok(made.unwrap_or_else(|| NOT_MADE_YET.to_owned()))
}

fn write(
    ctx: &Ctx,
    target: &Target,
    acs_url: &str,
    name_id: Option<&NameId>,
    attributes: &[Attribute],
    class: &'static str,
) -> Result<String> {
    let input = ResponseInput {
        response_id: &ctx.random.saml_id(),
        assertion_id: &ctx.random.saml_id(),
        issued_at: ctx.now(),
        issuer: &target.application.idp_entity_id,
        acs_url,
        in_response_to: None,
        audience: target.sp_entity_id()?,
        name_id,
        authn_instant: ctx.now(),
        session_index: &ctx.random.saml_id(),
        session_not_on_or_after: None,
        authn_context_class: class,
        attributes,
        advice: None,
        lifetimes: Lifetimes::default(),
        encryption: None,
    };
    input.preview().map_err(Error::internal)
}

fn shown(attribute: Attribute) -> PreviewAttribute {
    PreviewAttribute {
        name: attribute.name,
        name_format: attribute.name_format,
        friendly_name: attribute.friendly_name,
        values: attribute.values,
    }
}
