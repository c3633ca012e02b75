//! The attribute mapping: saving it, adding a row, going back to the default, and what a change of it would send.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::base::property::{Property, Source};
use crate::base::{Error, urls};
use crate::catalog::mapping::Mapping;
use crate::catalog::model::{Provisioning, Quirks};
use crate::catalog::sso::ValueFrom;
use crate::provisioning::connection::{self, ConnectionPatch};
use crate::provisioning::{address, mapping};
use crate::scim::path::AttributePath;
use crate::scim::schema::ENTERPRISE_URN;
use crate::web::admin::frame::Done;
use crate::web::admin::posted::Posted;
use crate::web::admin::provisioning::form::settings;
use crate::web::admin::provisioning::rows::MappingFields;
use crate::web::admin::provisioning::{Connected, Typed, draw, dry_run, refuse};
use crate::web::admin::sso::page::property_choices;
use crate::web::admin::step_up::{Asked, require_fresh};
use crate::web::context::Notes;
use crate::web::error::Answer;
use crate::web::extract::permission::ApplicationsWrite;
use crate::web::extract::{Console, Person, SignedForm};
use crate::web::pages::application_provisioning::{MappingForm, MappingRow};
use crate::web::pages::parts::{Choice, Link, Tone};
use crate::web::pages::shell::Banner;
use crate::web::see_other;
use crate::web::state::{Shared, Web};

/// Attributes that many services know beyond those that a connection starts with.
const USUAL: &[&str] = &[
    "displayName",
    "nickName",
    "name.middleName",
    "name.formatted",
    "title",
    "userType",
    "preferredLanguage",
    "locale",
    "timezone",
    "phoneNumbers[type eq \"work\"].value",
    "phoneNumbers[type eq \"mobile\"].value",
    "addresses[type eq \"work\"].streetAddress",
    "addresses[type eq \"work\"].locality",
    "addresses[type eq \"work\"].region",
    "addresses[type eq \"work\"].postalCode",
    "addresses[type eq \"work\"].country",
];

/// The same of the enterprise extension.
const USUAL_ENTERPRISE: &[&str] =
    &["employeeNumber", "department", "costCenter", "organization", "division", "manager.value"];

/// The mapping as it is drawn.
#[must_use]
pub fn drawn(
    rows: Vec<MappingRow>,
    unsaved: bool,
    template: Option<&Provisioning>,
    quirks: &Quirks,
) -> MappingForm {
    let used = rows.iter().map(|row| row.source.clone());
    let properties = property_choices(used);
    let mut addable = vec![Choice::new("", "Add an attribute", true)];
    let starting = mapping::starting(template);
    let names = starting.iter().map(|row| {
        let name = row.remote.as_deref().filter(|name| *name != row.scim);
        (row.scim.clone(), name.map_or_else(|| row.scim.clone(), |name| format!("{name} ({})", row.scim)))
    });
    let usual = USUAL.iter().map(|path| ((*path).to_owned(), (*path).to_owned()));
    let enterprise = USUAL_ENTERPRISE.iter().filter(|_| !quirks.no_enterprise_extension);
    let enterprise =
        enterprise.map(|path| (format!("{ENTERPRISE_URN}:{path}"), format!("{path} (enterprise)")));
    for (path, label) in names.chain(usual).chain(enterprise) {
        let is_there = rows.iter().any(|row| row.scim.eq_ignore_ascii_case(&path))
            || addable.iter().any(|choice: &Choice| choice.value.eq_ignore_ascii_case(&path));
        if !is_there && !quirks.unused.iter().any(|name| name.eq_ignore_ascii_case(&path)) {
            addable.push(Choice::new(path, label, false));
        }
    }
    MappingForm { rows, properties, addable, unsaved }
}

/// What the posted mapping is read and judged with.
struct Around<'a> {
    template: Option<&'a Provisioning>,
    quirks: Quirks,
    stored: Vec<Mapping>,
    starting: Vec<Mapping>,
}

impl<'a> Around<'a> {
    fn of(connected: &'a Connected) -> Self {
        let template = address::template(connected.application());
        Self {
            quirks: connection::quirks(connected.application()),
            stored: settings(connected).mappings,
            starting: mapping::starting(template),
            template,
        }
    }

    fn read(&self, posted: &Posted, label: &str) -> MappingFields {
        MappingFields::read(posted, &self.starting, &self.quirks, label)
    }

    fn mapping(&self, fields: &MappingFields, label: &str) -> Result<Vec<Mapping>, Error> {
        let known: Vec<Mapping> = self.stored.iter().chain(&self.starting).cloned().collect();
        let rows = fields.mapping(&known, &self.quirks, label).map_err(Error::invalid)?;
        mapping::check(&rows, self.template)?;
        Ok(rows)
    }
}

/// `POST /admin/applications/{application}/provisioning/mapping` with
/// `action=save|add|restore|edit|dry_run`. Only *save* stores anything.
pub async fn change_mapping(
    console: Console<ApplicationsWrite>,
    State(web): State<Shared>,
    Extension(notes): Extension<Notes>,
    Path(application): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let connected = Connected::of(&web, &application).await?;
    let (around, label) = (Around::of(&connected), connected.label());
    let mut fields = around.read(&posted, label);
    let person = &console.person;
    match posted.text("action") {
        "add" => {
            return match added(&around, &posted, &fields, label) {
                Ok(row) => {
                    fields.rows.push(row);
                    unsaved(&web, person, &connected, fields, "Added below, and not saved yet").await
                }
                Err(error) => refused(&web, person, &connected, fields, error).await,
            };
        }
        "restore" => {
            fields = MappingFields::of(&around.starting, &around.quirks, label);
            return unsaved(&web, person, &connected, fields, "This is the default, and not saved yet").await;
        }
        "edit" => return unsaved(&web, person, &connected, fields, "This is not saved yet").await,
        _ => {}
    }
    let rows = match around.mapping(&fields, label) {
        Ok(rows) => rows,
        Err(error) => return refused(&web, person, &connected, fields, error).await,
    };
    let patch = ConnectionPatch { mappings: Some(rows.clone()), ..ConnectionPatch::default() };
    if posted.text("action") == "dry_run" {
        let carried = posted.without(&["csrf", "action", "add", "add_scim"]);
        return dry_run::draw(&web, person, &connected, patch, Some(carried)).await;
    }
    if rows != around.stored {
        let action = urls::admin_provisioning_mapping(&connected.loaded.id());
        let reason = format!(
            "You are about to change what {label} is sent of people. We ask again because your password was entered more than 5 minutes ago."
        );
        let asked = Asked { action: &action, reason, cancel_href: connected.tab() };
        require_fresh(&web, person, &notes, &posted, asked).await?;
    }
    let (id, version) = (connected.application().id, connected.version_of(&posted));
    match web.provisioning.connections().configure(console.ctx(), id, patch, version).await {
        Ok(_) => Ok(see_other(&Done::Saved.at(&connected.tab()))),
        Err(error) => refused(&web, person, &connected, fields, error).await,
    }
}

/// The row that is added: what it starts with, else one from the e-mail address.
fn added(around: &Around, posted: &Posted, fields: &MappingFields, label: &str) -> Result<MappingRow, Error> {
    let typed = posted.text("add_scim");
    let (field, scim) = if typed.is_empty() { ("add", posted.text("add")) } else { ("add_scim", typed) };
    if scim.is_empty() {
        return Err(Error::field(
            "add",
            "required",
            "Choose an attribute from the list, or write its SCIM path.",
        ));
    }
    AttributePath::parse(scim)
        .map_err(|error| Error::field(field, "scim_path_invalid", error.detail.clone()))?;
    if fields.rows.iter().any(|row| row.scim.eq_ignore_ascii_case(scim)) {
        return Err(Error::field(field, "scim_attribute_twice", format!("{scim} has a row already.")));
    }
    let known = around.starting.iter().find(|row| row.scim.eq_ignore_ascii_case(scim));
    let row = known.cloned().unwrap_or_else(|| Mapping {
        scim: scim.to_owned(),
        remote: None,
        enabled: true,
        required: false,
        value: ValueFrom::Property(guess(scim)),
        transforms: Vec::new(),
    });
    let mut rows = MappingFields::of(&[row], &around.quirks, label).rows;
    rows.pop().ok_or_else(|| Error::field(field, "required", "Choose an attribute from the list."))
}

/// The property that an attribute most likely takes its value from.
fn guess(scim: &str) -> Source {
    let path = AttributePath::parse(scim).ok();
    let mobile = scim.contains("mobile");
    let name = path.as_ref().map(|path| path.sub.as_deref().unwrap_or(&path.attribute).to_lowercase());
    let attribute = path.as_ref().map(|path| path.attribute.to_lowercase()).unwrap_or_default();
    let part = |part: &'static str| Source::Address("work".to_owned(), part);
    match (attribute.as_str(), name.as_deref().unwrap_or_default()) {
        ("phonenumbers", _) => Source::Phone(if mobile { "mobile" } else { "work" }.to_owned()),
        ("addresses", "streetaddress") => part("street_address"),
        ("addresses", "locality") => part("locality"),
        ("addresses", "region") => part("region"),
        ("addresses", "postalcode") => part("postal_code"),
        ("addresses", "country") => part("country"),
        ("displayname" | "nickname", _) | ("name", "formatted") => Source::Property(Property::DisplayName),
        ("name", "middlename") => Source::Property(Property::MiddleName),
        ("title", _) => Source::Property(Property::JobTitle),
        ("usertype", _) => Source::Property(Property::EmployeeType),
        ("preferredlanguage", _) => Source::Property(Property::PreferredLanguage),
        ("locale", _) => Source::Property(Property::Locale),
        ("timezone", _) => Source::Property(Property::Timezone),
        ("employeenumber", _) => Source::Property(Property::EmployeeIdentifier),
        ("department" | "division", _) => Source::Property(Property::Department),
        ("costcenter", _) => Source::Property(Property::CostCenter),
        ("organization", _) => Source::Property(Property::Company),
        ("manager", _) => Source::Property(Property::Manager),
        _ => Source::Property(Property::Email),
    }
}

/// The tab with a mapping that is not saved yet.
async fn unsaved(
    web: &Web,
    person: &Person,
    connected: &Connected,
    fields: MappingFields,
    title: &str,
) -> Answer {
    let mut shell = connected.shell(web, person).await;
    let body = "Look at the attribute mapping, and press Save mapping there.";
    let mut banner = Banner::new(Tone::Info, title, body);
    banner.action = Some(Link::new("To the mapping", "#h-map"));
    shell.banners.push(banner);
    let typed = Typed { connection: None, mapping: Some(fields) };
    draw(web, person, connected, shell, typed, StatusCode::OK).await
}

async fn refused(
    web: &Web,
    person: &Person,
    connected: &Connected,
    fields: MappingFields,
    error: Error,
) -> Answer {
    let now = connected.again(web).await?;
    let mut shell = now.shell(web, person).await;
    let status = refuse(&mut shell, error, &now.tab(), "The mapping was not saved")?;
    let typed = Typed { connection: None, mapping: Some(fields) };
    draw(web, person, &now, shell, typed, status).await
}
