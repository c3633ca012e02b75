//! The form of a person, new or known. Its inputs are the names of `POST /users`.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use secrecy::SecretString;
use serde_json::{Map, Value as Json};

use crate::auth::{Permission, account};
use crate::base::id::UserId;
use crate::base::property::{ADDRESS_PARTS, Property};
use crate::base::{Error, urls};
use crate::directory::{NewPerson, Person as Somebody, PersonPatch, people};
use crate::web::admin::frame::{self, Done};
use crate::web::admin::posted::{Posted, fault};
use crate::web::admin::seen;
use crate::web::admin::step_up::{Asked, require_fresh};
use crate::web::admin::user::somebody;
use crate::web::context::Notes;
use crate::web::error::{Answer, Failure};
use crate::web::extract::permission::PeopleWrite;
use crate::web::extract::{Console, Person, SignedForm};
use crate::web::pages::parts::{Crumbs, Link};
use crate::web::pages::shell::Nav;
use crate::web::pages::users::{AddressRow, PhoneRow, UserFormPage, UserValues};
use crate::web::state::{Shared, Web};
use crate::web::{html, see_other};

/// Most rows of phone numbers and addresses that are read.
const MOST_ROWS: usize = 30;

/// `GET /admin/users/new`
pub async fn new_user(console: Console<PeopleWrite>, State(web): State<Shared>) -> Answer {
    draw(&web, &console.person, None, with_spare_rows(UserValues::default()), None).await
}

/// `GET /admin/users/{user}/edit`
pub async fn edit_user(
    console: Console<PeopleWrite>,
    State(web): State<Shared>,
    Path(user): Path<String>,
) -> Answer {
    let person = somebody(&web, &user).await?;
    let values = values_of(&web, &person).await?;
    draw(&web, &console.person, Some(&person), with_spare_rows(values), None).await
}

async fn draw(
    web: &Web,
    viewer: &Person,
    person: Option<&Somebody>,
    values: UserValues,
    error: Option<Error>,
) -> Answer {
    let title =
        person.map_or_else(|| "Add a user".to_owned(), |person| format!("Edit {}", person.shown_name()));
    let mut shell = frame::shell(web, viewer, &title, Nav::Users, Permission::PeopleWrite).await;
    let reuse = error.as_ref().filter(|error| error.code == "recently_used");
    let reuse_warning = reuse.map(|error| error.message.clone().into_owned());
    let id = person.map(|person| person.id.to_string());
    let stored = id.as_deref().map_or_else(|| urls::admin_users().to_owned(), urls::admin_user);
    let status = match error {
        Some(error) => seen::refuse(&mut shell, error, &stored)?,
        None => StatusCode::OK,
    };
    let mut way = vec![Link::new("Users", urls::admin_users())];
    if let Some(person) = person {
        way.push(Link::new(person.shown_name(), urls::admin_user(&person.id.to_string())));
    }
    let form = UserFormPage {
        shell,
        crumbs: Crumbs { way, here: if person.is_some() { "Edit" } else { "Add" }.to_owned() },
        action: id.as_deref().map_or_else(|| urls::admin_users().to_owned(), urls::admin_user_edit),
        cancel_href: stored,
        new: person.is_none(),
        version: person.map_or(0, |person| person.version),
        password_min: crate::web::account::password_min(web),
        values,
        reuse_warning,
    };
    html(status, &form)
}

/// `POST /admin/users`
pub async fn create_user(
    console: Console<PeopleWrite>,
    State(web): State<Shared>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let installation = &web.installation;
    let made = async {
        let json = properties(&web, &posted, false).await?;
        let mut person: NewPerson = serde_json::from_value(json).map_err(Error::internal)?;
        person.reuse = posted.ticked("reuse");
        let password = Some(posted.raw("password")).filter(|password| !password.is_empty());
        let new = account::NewAccount { person, password: password.map(SecretString::from), role: None };
        account::create(&installation.db, console.ctx(), &installation.passwords, new).await
    };
    match made.await {
        Ok(person) => Ok(see_other(&Done::Added.at(&urls::admin_user(&person.id.to_string())))),
        Err(error) => draw(&web, &console.person, None, with_spare_rows(typed(&posted)), Some(error)).await,
    }
}

/// `POST /admin/users/{user}/edit`
pub async fn save_user(
    console: Console<PeopleWrite>,
    Extension(notes): Extension<Notes>,
    State(web): State<Shared>,
    Path(user): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let id: UserId = frame::id(&user)?;
    let person = somebody(&web, &user).await?;
    // Applications know people by these two: whoever changes them decides whose account opens there (W-09).
    let names = [(Property::Email, &person.email), (Property::Username, &person.username)];
    if names.into_iter().any(|(property, stored)| posted.text(property.as_str()) != stored) {
        let asked = Asked {
            action: &urls::admin_user_edit(&user),
            reason: format!(
                "You are about to change by which name applications know {}.",
                person.shown_name()
            ),
            cancel_href: urls::admin_user(&user),
        };
        require_fresh(&web, &console.person, &notes, &posted, asked).await?;
    }
    let saved = async {
        let mut json = properties(&web, &posted, true).await?;
        // Custom attributes are merged, so those that were taken out are named.
        if let Some(Json::Object(custom)) = json.get_mut("custom") {
            for key in person.profile.custom.keys() {
                custom.entry(key.clone()).or_insert(Json::Null);
            }
        }
        let mut patch: PersonPatch = serde_json::from_value(json).map_err(Error::internal)?;
        patch.reuse = posted.ticked("reuse");
        people::update(&web.installation.db, console.ctx(), id, seen::version(&posted), patch).await
    };
    match saved.await {
        Ok(_) => Ok(see_other(&Done::Saved.at(&urls::admin_user(&user)))),
        Err(error) => {
            draw(&web, &console.person, Some(&person), with_spare_rows(typed(&posted)), Some(error)).await
        }
    }
}

/// The properties of the form as the API would take them. `patch`: what is empty is cleared.
async fn properties(web: &Web, posted: &Posted, patch: bool) -> Result<Json, Error> {
    let mut out = Map::new();
    for property in Property::ALL {
        let name = property.as_str();
        let text = posted.text(name);
        let value = match property {
            Property::Manager if !text.is_empty() => Json::from(manager_id(web, text).await?),
            Property::Username | Property::Email => Json::from(text),
            _ if text.is_empty() && patch => Json::Null,
            _ if text.is_empty() => continue,
            _ => Json::from(text),
        };
        out.insert(name.to_owned(), value);
    }
    let typed = typed(posted);
    let phones =
        typed.phone_numbers.iter().map(|row| serde_json::json!({"type": row.kind, "value": row.value}));
    out.insert("phone_numbers".to_owned(), phones.collect());
    let addresses = typed.addresses.iter().map(address_json);
    out.insert("addresses".to_owned(), addresses.collect());
    out.insert("custom".to_owned(), Json::Object(custom(posted.raw("custom"))?));
    Ok(Json::Object(out))
}

fn address_json(row: &AddressRow) -> Json {
    let parts = [&row.street_address, &row.locality, &row.region, &row.postal_code, &row.country];
    let mut out = Map::from_iter([("type".to_owned(), Json::from(row.kind.as_str()))]);
    for (name, value) in ADDRESS_PARTS.iter().zip(parts).filter(|(_, value)| !value.is_empty()) {
        out.insert((*name).to_owned(), Json::from(value.as_str()));
    }
    Json::Object(out)
}

/// The id of the manager whose username or e-mail was typed.
async fn manager_id(web: &Web, name: &str) -> Result<String, Error> {
    let found = people::find_by_login_name(&mut web.installation.db.reader(), name).await?;
    found.map(|person| person.id.to_string()).ok_or_else(|| {
        Error::field("manager", "unknown_manager", "There is nobody of this username or e-mail. Check it.")
    })
}

/// `name = value` lines.
fn custom(text: &str) -> Result<Map<String, Json>, Error> {
    let mut out = Map::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |why: &str| {
            Error::invalid(vec![fault("custom", "unreadable_line", format!("Line {} {why}", at + 1))])
        };
        let (name, value) =
            line.split_once('=').ok_or_else(|| wrong("has no = in it. Write name = value."))?;
        if out.insert(name.trim().to_owned(), Json::from(value.trim())).is_some() {
            return Err(wrong("names an attribute for the second time."));
        }
    }
    Ok(out)
}

/// What was typed, rows that are empty left out.
fn typed(posted: &Posted) -> UserValues {
    let value = |property: Property| posted.owned(property.as_str());
    let phones = (0..posted.rows("phone_numbers", MOST_ROWS)).map(|at| PhoneRow {
        kind: posted.owned(&format!("phone_numbers.{at}.type")),
        value: posted.owned(&format!("phone_numbers.{at}.value")),
    });
    let addresses = (0..posted.rows("addresses", MOST_ROWS)).map(|at| {
        let part = |name: &str| posted.owned(&format!("addresses.{at}.{name}"));
        AddressRow {
            kind: part("type"),
            street_address: part("street_address"),
            locality: part("locality"),
            region: part("region"),
            postal_code: part("postal_code"),
            country: part("country"),
        }
    });
    UserValues {
        username: value(Property::Username),
        email: value(Property::Email),
        first_name: value(Property::FirstName),
        middle_name: value(Property::MiddleName),
        last_name: value(Property::LastName),
        display_name: value(Property::DisplayName),
        employee_identifier: value(Property::EmployeeIdentifier),
        employee_type: value(Property::EmployeeType),
        job_title: value(Property::JobTitle),
        department: value(Property::Department),
        company: value(Property::Company),
        cost_center: value(Property::CostCenter),
        location: value(Property::Location),
        manager: value(Property::Manager),
        locale: value(Property::Locale),
        preferred_language: value(Property::PreferredLanguage),
        timezone: value(Property::Timezone),
        phone_numbers: phones.filter(|row| !row.value.is_empty()).collect(),
        addresses: addresses.filter(has_a_part).collect(),
        custom: posted.raw("custom").to_owned(),
    }
}

fn has_a_part(row: &AddressRow) -> bool {
    [&row.street_address, &row.locality, &row.region, &row.postal_code, &row.country]
        .iter()
        .any(|part| !part.is_empty())
}

/// Each list with a free row at its end.
fn with_spare_rows(mut values: UserValues) -> UserValues {
    values.phone_numbers.push(PhoneRow::default());
    values.addresses.push(AddressRow::default());
    values
}

async fn values_of(web: &Web, person: &Somebody) -> Result<UserValues, Failure> {
    let profile = &person.profile;
    let manager = match profile.manager.as_deref().and_then(|id| id.parse::<UserId>().ok()) {
        Some(id) => {
            people::find(&mut web.installation.db.reader(), id).await?.map(|manager| manager.username)
        }
        None => None,
    };
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let custom: Vec<String> =
        profile.custom.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    Ok(UserValues {
        username: person.username.clone(),
        email: person.email.clone(),
        first_name: text(&profile.first_name),
        middle_name: text(&profile.middle_name),
        last_name: text(&profile.last_name),
        display_name: text(&profile.display_name),
        employee_identifier: text(&profile.employee_identifier),
        employee_type: text(&profile.employee_type),
        job_title: text(&profile.job_title),
        department: text(&profile.department),
        company: text(&profile.company),
        cost_center: text(&profile.cost_center),
        location: text(&profile.location),
        manager: manager.unwrap_or_default(),
        locale: text(&profile.locale),
        preferred_language: text(&profile.preferred_language),
        timezone: text(&profile.timezone),
        phone_numbers: profile
            .phone_numbers
            .iter()
            .map(|phone| PhoneRow { kind: phone.kind.clone(), value: phone.value.clone() })
            .collect(),
        addresses: profile
            .addresses
            .iter()
            .map(|address| AddressRow {
                kind: address.kind.clone(),
                street_address: text(&address.street_address),
                locality: text(&address.locality),
                region: text(&address.region),
                postal_code: text(&address.postal_code),
                country: text(&address.country),
            })
            .collect(),
        custom: custom.join("\n"),
    })
}
