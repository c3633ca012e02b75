//! What fills the demo: a small company with an intranet, people in three groups, and ten applications, four of them
//! served by the built-in service provider.

use secrecy::SecretString;
use serde_json::json;

use crate::applications::create::{NewApplication, Surroundings, create};
use crate::applications::model::{Application, Kind};
use crate::applications::{binding, sso};
use crate::auth::{NewAccount, Role, account};
use crate::base::accent::Accent;
use crate::base::context::short_reference;
use crate::base::id::{ApplicationId, GroupId, UserId};
use crate::base::signature::KeyType;
use crate::base::{Ctx, Error, Result, urls};
use crate::catalog::sso::SsoPatch;
use crate::cli::serve::ServedScim;
use crate::directory::{NewGroup, NewPerson, groups, memberships};
use crate::keys;
use crate::lab::{Lab, LabSp};
use crate::provisioning::connection::{ConnectionPatch, Connections, NewSecret, bearer};
use crate::settings::{self, Settings};
use crate::signon::Installation;

/// The application whose people and groups are provisioned.
const PROVISIONED: &str = "forum";

/// The application that the demo suggests to begin at.
pub(super) const FIRST_APPLICATION: &str = "aqueduct";

/// What there is to sign in with.
pub(super) struct Filled {
    /// The owner first.
    pub(super) usernames: Vec<&'static str>,
    /// One password for all: made for this run.
    pub(super) password: String,
}

struct Someone {
    username: &'static str,
    first: &'static str,
    last: &'static str,
    title: &'static str,
    department: &'static str,
    role: Option<Role>,
    groups: &'static [&'static str],
}

const PEOPLE: &[Someone] = &[
    Someone {
        username: "octavia",
        first: "Octavia",
        last: "Rossi",
        title: "Head of IT",
        department: "IT",
        role: Some(Role::Owner),
        groups: &["IT", "Sales"],
    },
    Someone {
        username: "livia",
        first: "Livia",
        last: "Ferrante",
        title: "Account manager",
        department: "Sales",
        role: None,
        groups: &["Sales"],
    },
    Someone {
        username: "marcus",
        first: "Marcus",
        last: "Oyelaran",
        title: "Systems engineer",
        department: "IT",
        role: Some(Role::ApplicationAdmin),
        groups: &["IT"],
    },
    Someone {
        username: "claudia",
        first: "Claudia",
        last: "Nowak",
        title: "Controller",
        department: "Finance",
        role: Some(Role::Auditor),
        groups: &["Finance"],
    },
    Someone {
        username: "felix",
        first: "Felix",
        last: "Brandt",
        title: "Trainee",
        department: "Sales",
        role: None,
        groups: &[],
    },
];

const GROUPS: &[(&str, &str)] = &[
    ("Sales", "Everyone who talks to customers"),
    ("IT", "Looks after machines and accounts"),
    ("Finance", "Books, payslips and expenses"),
];

struct Tile {
    connector: &'static str,
    label: &'static str,
    slug: &'static str,
    description: &'static str,
    color: Accent,
    bookmark: Option<&'static str>,
    group: Option<&'static str>,
}

const TILES: &[Tile] = &[
    Tile {
        connector: "custom-saml",
        label: "Aqueduct",
        slug: FIRST_APPLICATION,
        description: "Build and deploy pipelines",
        color: Accent::Verdigris,
        bookmark: None,
        group: Some("Everyone"),
    },
    Tile {
        connector: "custom-saml",
        label: "Forum",
        slug: "forum",
        description: "Ask anyone, find an answer",
        color: Accent::Lapis,
        bookmark: None,
        group: Some("Everyone"),
    },
    Tile {
        connector: "custom-saml",
        label: "Tabularium",
        slug: "tabularium",
        description: "Contracts and records",
        color: Accent::Cinnabar,
        bookmark: None,
        group: Some("Sales"),
    },
    Tile {
        connector: "custom-saml",
        label: "Payslips",
        slug: "payslips",
        description: "What you earn, month by month",
        color: Accent::Umber,
        bookmark: None,
        group: Some("Finance"),
    },
    Tile {
        connector: "bookmark",
        label: "Travel desk",
        slug: "travel-desk",
        description: "Trains, flights and hotels",
        color: Accent::Egyptian,
        bookmark: Some("https://example.com/travel"),
        group: Some("Everyone"),
    },
    Tile {
        connector: "bookmark",
        label: "Canteen",
        slug: "canteen",
        description: "What there is for lunch",
        color: Accent::Olive,
        bookmark: Some("https://example.com/lunch"),
        group: Some("Everyone"),
    },
    Tile {
        connector: "heap",
        label: "Heap",
        slug: "heap",
        description: "Product analytics",
        color: Accent::Lapis,
        bookmark: None,
        group: Some("Sales"),
    },
    Tile {
        connector: "keeper-cloud",
        label: "Keeper",
        slug: "keeper",
        description: "Passwords of the team",
        color: Accent::Ochre,
        bookmark: None,
        group: None,
    },
    Tile {
        connector: "interact",
        label: "Interact",
        slug: "interact",
        description: "The intranet: news, people, policies",
        color: Accent::Porphyry,
        bookmark: None,
        group: None,
    },
    Tile {
        connector: "slack",
        label: "Slack",
        slug: "slack",
        description: "Talk to each other",
        color: Accent::Iris,
        bookmark: None,
        group: Some("IT"),
    },
];

/// Fills an empty installation.
pub(super) async fn fill(
    installation: &Installation,
    ctx: &Ctx,
    lab: &Lab,
    scim: &ServedScim,
) -> Result<Filled> {
    let db = &installation.db;
    name_organisation(installation, ctx).await?;
    let mut group_ids = vec![("Everyone", groups::ensure_everyone(db, ctx).await?)];
    for (name, description) in GROUPS {
        let new = NewGroup { name: (*name).to_owned(), description: Some((*description).to_owned()) };
        group_ids.push((name, groups::create(db, ctx, new).await?.id));
    }
    let password = format!("{}-{}", short_reference(&ctx.random), short_reference(&ctx.random));
    for someone in PEOPLE {
        let id = add_person(installation, ctx, someone, &password).await?;
        for name in someone.groups {
            memberships::add(db, ctx, find(&group_ids, name)?, id).await?;
        }
    }
    for tile in TILES {
        let id = add_application(installation, ctx, lab, tile, &group_ids).await?;
        if tile.slug == PROVISIONED {
            provision(installation, ctx, id, scim).await?;
        }
    }
    Ok(Filled { usernames: PEOPLE.iter().map(|someone| someone.username).collect(), password })
}

fn find(groups: &[(&str, GroupId)], name: &str) -> Result<GroupId> {
    let found = groups.iter().find(|(known, _)| *known == name).map(|(_, id)| *id);
    found.ok_or_else(|| Error::internal(format!("the demo has no group {name}")))
}

async fn name_organisation(installation: &Installation, ctx: &Ctx) -> Result<()> {
    let mut tx = installation.db.begin().await?;
    let settings = Settings { organisation_name: "Meridian Foods".to_owned(), ..Settings::default() };
    settings::store(&mut tx, &settings).await?;
    let event = crate::events::Event::new(crate::events::EventName::SettingsUpdate);
    crate::events::record(&mut tx, ctx, event).await?;
    tx.commit().await
}

async fn add_person(
    installation: &Installation,
    ctx: &Ctx,
    someone: &Someone,
    password: &str,
) -> Result<UserId> {
    let person = NewPerson {
        username: someone.username.to_owned(),
        email: format!("{}@meridian.example", someone.username),
        first_name: Some(someone.first.to_owned()),
        last_name: Some(someone.last.to_owned()),
        job_title: Some(someone.title.to_owned()),
        department: Some(someone.department.to_owned()),
        company: Some("Meridian Foods".to_owned()),
        ..NewPerson::default()
    };
    let new = NewAccount { person, password: Some(SecretString::from(password)), role: someone.role };
    Ok(account::create(&installation.db, ctx, &installation.passwords, new).await?.id)
}

async fn add_application(
    installation: &Installation,
    ctx: &Ctx,
    lab: &Lab,
    tile: &Tile,
    groups: &[(&str, GroupId)],
) -> Result<ApplicationId> {
    let db = &installation.db;
    let key = installation.make_key(ctx, KeyType::default(), tile.label).await?;
    let around = Surroundings {
        catalog: &installation.catalog,
        vault: &installation.vault,
        base_url: &installation.base_url,
    };
    let new = NewApplication {
        connector: tile.connector.to_owned(),
        label: Some(tile.label.to_owned()),
        description: Some(tile.description.to_owned()),
        slug: Some(tile.slug.to_owned()),
        color: Some(tile.color),
        bookmark_url: tile.bookmark.map(str::to_owned),
        ..NewApplication::default()
    };
    let application = create(db, ctx, around, new, Some(&key)).await?;
    if let Some(name) = tile.group {
        binding::bind(db, ctx, application.id, find(groups, name)?).await?;
    }
    if tile.connector == "custom-saml" {
        connect_to_lab(installation, ctx, lab, &application).await?;
    }
    if tile.connector == "custom-saml" || application.kind == Kind::Bookmark {
        sso::activate(db, ctx, application.id, None).await?;
    }
    Ok(application.id)
}

/// Connects an application to the SCIM service of the lab.
async fn provision(
    installation: &Installation,
    ctx: &Ctx,
    id: ApplicationId,
    scim: &ServedScim,
) -> Result<()> {
    let connections =
        Connections { db: &installation.db, vault: &installation.vault, outbound: &installation.outbound };
    let credentials = bearer(SecretString::from(scim.token.as_str()));
    let patch = ConnectionPatch {
        base_url: Some(scim.base_url.clone()),
        manage_groups: Some(true),
        secret: Some(NewSecret { credentials, expires_at: None }),
        ..ConnectionPatch::default()
    };
    connections.configure(ctx, id, patch, None).await?;
    connections.activate(ctx, id).await.map(drop)
}

/// Tells the application and the built-in service provider of each other.
async fn connect_to_lab(
    installation: &Installation,
    ctx: &Ctx,
    lab: &Lab,
    application: &Application,
) -> Result<()> {
    let entity_id = lab.metadata_url(&application.slug);
    let patch: SsoPatch = serde_json::from_value(json!({
        "sp_entity_id": entity_id,
        "acs_urls": [lab.acs_url(&application.slug)],
        "attributes": [
            { "name": "email", "source": "email" },
            { "name": "firstName", "source": "first_name" },
            { "name": "lastName", "source": "last_name" },
            { "name": "department", "source": "department" },
            { "name": "groups", "groups": {} },
        ],
    }))
    .map_err(Error::internal)?;
    sso::patch(&installation.db, ctx, application.id, patch, None).await?;
    let keys = keys::list(&mut installation.db.reader(), application.id).await?;
    let key = keys.first().ok_or_else(|| Error::internal("an application has no key"))?;
    lab.register(LabSp {
        name: application.slug.clone(),
        label: application.label.clone(),
        idp_url: installation.base_url.join(&urls::idp(&application.slug)),
        idp_entity_id: application.idp_entity_id.clone(),
        idp_certificate: key.certificate_pem(),
        entity_id,
        note: None,
    })
}
