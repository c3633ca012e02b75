//! The steps themselves, in one transaction of the caller, in an order that works: applications that go (they free
//! what is unique), settings, groups, applications, groups that go.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value as Json};

use crate::applications::create::{self, NewApplication, Surroundings};
use crate::applications::update::{self, ApplicationPatch};
use crate::applications::{self, Application, Status, binding, delete, sso};
use crate::base::id::GroupId;
use crate::base::{Ctx, Error, FieldError, Kind, Result};
use crate::catalog::model::ConnectorKind;
use crate::db::Tx;
use crate::directory::{GroupPatch, NewGroup, groups};
use crate::keys::NewKey;
use crate::provisioning::connection::{self, ConnectionPatch, Connections};
use crate::settings::{self, Settings};
use crate::signon::{Installation, configure};
use crate::transfer::apply::{Options, Refused, changed_meanwhile};
use crate::transfer::difference::between;
use crate::transfer::document::{ApplicationEntry, GroupEntry, ProvisioningEntry};
use crate::transfer::plan::{Plan, Step, Subject, Verb};
use crate::transfer::read::{Declared, Origin, Refusal, group_key};
use crate::transfer::{form, stored};

/// Keys for applications that are new.
#[derive(Default)]
pub(in crate::transfer) enum Keys {
    /// No application is new.
    #[default]
    None,
    /// One for all of them, in a rehearsal.
    ForAll(NewKey),
    /// Each its own, by slug.
    Each(HashMap<String, NewKey>),
}

impl Keys {
    fn of(&self, slug: &str) -> Option<&NewKey> {
        match self {
            Self::None => None,
            Self::ForAll(key) => Some(key),
            Self::Each(keys) => keys.get(slug),
        }
    }
}

/// A failure, and the key of the entry under which its fields stand in the file: `sso`, `provisioning`, or nothing.
struct Failed(Error, &'static str);

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self(error, "")
    }
}

/// One run over all that is declared.
pub(in crate::transfer) struct Performance<'a> {
    installation: &'a Installation,
    ctx: &'a Ctx,
    declared: &'a Declared,
    options: Options,
    keys: &'a Keys,
    metadata_key: Option<&'a NewKey>,
    plan: Plan,
    refusals: Vec<Refusal>,
}

impl<'a> Performance<'a> {
    pub(in crate::transfer) fn new(
        installation: &'a Installation,
        ctx: &'a Ctx,
        declared: &'a Declared,
        options: Options,
        keys: &'a Keys,
        metadata_key: Option<&'a NewKey>,
    ) -> Self {
        let (plan, refusals) = (Plan::default(), Vec::new());
        Self { installation, ctx, declared, options, keys, metadata_key, plan, refusals }
    }

    /// Takes every step. The caller commits or takes back; after a refusal only the latter makes sense.
    pub(in crate::transfer) async fn run(mut self, tx: &mut Tx) -> Result<Plan, Refused> {
        let declared = self.declared;
        if self.options.prune {
            self.prune_applications(tx).await?;
        }
        if let Some((origin, patch)) = &declared.settings {
            let step = self.settings(tx, patch).await;
            self.took(origin, step.map_err(Failed::from))?;
        }
        for (origin, entry) in declared.groups.iter().flatten() {
            let step = self.group(tx, entry).await;
            self.took(origin, step.map_err(Failed::from))?;
        }
        for (origin, entry) in declared.applications.iter().flatten() {
            let step = Box::pin(self.application(tx, entry)).await;
            self.took(origin, step)?;
        }
        if self.options.prune {
            self.prune_groups(tx).await?;
        }
        if self.refusals.is_empty() { Ok(self.plan) } else { Err(self.refused()) }
    }

    fn refused(&mut self) -> Refused {
        let mut refusals = std::mem::take(&mut self.refusals);
        refusals.sort();
        refusals.dedup();
        Refused::Files(refusals)
    }

    /// Notes a step, or what is wrong with it. Goes on after a value that can't be accepted, so that all of them are
    /// told at once; after anything else the transaction may be of no use.
    fn took(&mut self, origin: &Origin, step: Result<Step, Failed>) -> Result<(), Refused> {
        let Failed(error, under) = match step {
            Ok(step) => {
                self.plan.steps.push(step);
                return Ok(());
            }
            Err(failed) => failed,
        };
        if matches!(error.kind, Kind::Internal | Kind::Unavailable | Kind::StorageFull) {
            return Err(error.into());
        }
        let at = if under.is_empty() { origin.clone() } else { origin.inside(under) };
        if error.fields.is_empty() {
            let message = match error.code {
                "recently_used" => format!("{} With apply, --reuse confirms it.", error.message),
                _ => error.message.into_owned(),
            };
            self.refusals.push(self.declared.fault(&at, error.code, message));
        } else {
            // Some codes stand for the whole and tell more than those of its fields.
            let whole = Some(error.code).filter(|code| *code != "invalid_input");
            for field in error.fields {
                let code = whole.map_or_else(|| field.code.to_string(), str::to_owned);
                self.refusals.push(self.declared.fault(&at.inside(&field.field), code, field.message));
            }
        }
        if error.kind == Kind::Invalid { Ok(()) } else { Err(self.refused()) }
    }

    async fn settings(&self, tx: &mut Tx, patch: &Map<String, Json>) -> Result<Step> {
        let old = settings::read(tx).await?;
        let wanted = merged(&old, patch)?;
        let new = {
            let (vault, key) = (&self.installation.vault, self.metadata_key);
            configure::change_settings_in(tx, self.ctx, vault, key, |settings| *settings = wanted).await?
        };
        let changes = between(&form::settings(&old)?, &form::settings(&new)?);
        Ok(Step::of_changes(Subject::Settings, "", changes))
    }

    async fn group(&self, tx: &mut Tx, entry: &GroupEntry) -> Result<Step> {
        let Some(old) = groups::find_by_name(tx, &entry.name).await? else {
            let new = NewGroup { name: entry.name.clone(), description: entry.description.clone() };
            let made = groups::create_in(tx, self.ctx, new).await?;
            return Ok(Step::new(Verb::Create, Subject::Group, &made.name));
        };
        let patch = GroupPatch {
            name: Some(entry.name.clone()),
            description: entry.description.clone(),
            scim_managed: None,
        };
        let new = groups::update_in(tx, self.ctx, old.id, Some(old.version), patch).await?;
        Ok(Step::of_changes(Subject::Group, &old.name, between(&form::group(&old), &form::group(&new))))
    }

    async fn application(&self, tx: &mut Tx, entry: &ApplicationEntry) -> Result<Step, Failed> {
        let Some(old) = applications::find_by_slug(tx, &entry.slug).await? else {
            let made = self.create(tx, entry).await?;
            let made = self.configure(tx, &made, entry).await?;
            let step = Step::new(Verb::Create, Subject::Application, &made.slug);
            let connector = &made.made_from;
            let other = match entry.connector_version {
                Some(version) if version != connector.version => {
                    format!(" in version {}, not {version} as in the file", connector.version)
                }
                _ => String::new(),
            };
            return Ok(step.noting(format!("from {}{other}, {}", connector.id, made.status.as_str())));
        };
        if old.made_from.id != entry.connector {
            let message = format!(
                "{} was made from the connector {}, and an application keeps its connector. Write that one, or \
                 declare a new application with another slug.",
                old.slug, old.made_from.id
            );
            return Err(Error::field("connector", "connector_differs", message).into());
        }
        let before = self.form(tx, &old).await?;
        let general =
            update::update_in(tx, self.ctx, old.id, general_patch(entry), Some(old.version)).await?;
        let new = self.configure(tx, &general, entry).await?;
        let after = self.form(tx, &new).await?;
        Ok(Step::of_changes(Subject::Application, &old.slug, between(&before, &after)))
    }

    async fn form(&self, tx: &mut Tx, application: &Application) -> Result<Json> {
        let names = binding::names_of(tx, application.id).await?;
        let connection = connection::find(tx, application.id).await?;
        form::compared(&self.installation.base_url, application, names, connection.as_ref())
    }

    async fn create(&self, tx: &mut Tx, entry: &ApplicationEntry) -> Result<Application> {
        let installation = self.installation;
        let new = NewApplication {
            connector: entry.connector.clone(),
            label: entry.label.clone(),
            description: entry.description.clone(),
            slug: Some(entry.slug.clone()),
            show_in_portal: entry.show_in_portal,
            color: entry.color,
            bookmark_url: entry.bookmark_url.clone(),
            reuse: self.options.reuse,
        };
        // An empty slug would be derived from the label, and be another at the next run.
        applications::slug::check(&entry.slug)?;
        let connector = create::require_connector(&installation.catalog, &entry.connector)?;
        let key = self.keys.of(&entry.slug);
        if key.is_none() && connector.kind == ConnectorKind::Saml {
            // It was there when keys were made, and is gone now.
            return Err(changed_meanwhile());
        }
        let around = Surroundings {
            catalog: &installation.catalog,
            vault: &installation.vault,
            base_url: &installation.base_url,
        };
        create::create_in(tx, self.ctx, around, &new, key).await
    }

    /// What is not the general part. An application is taken out of use before its settings change, and put into use
    /// after, because only complete settings may be in use.
    async fn configure(
        &self,
        tx: &mut Tx,
        application: &Application,
        entry: &ApplicationEntry,
    ) -> Result<Application, Failed> {
        let (id, ctx) = (application.id, self.ctx);
        let mut now = application.clone();
        let wanted = entry.status.unwrap_or(now.status);
        if wanted == Status::Draft && now.status != Status::Draft {
            let message = "What has been in use doesn't become a draft again. Write inactive, or active.";
            return Err(Error::field("status", "status_unreachable", message).into());
        }
        if wanted == Status::Inactive {
            now = sso::retire_in(tx, ctx, id).await?;
        }
        if let Some(patch) = &entry.sso {
            let patched = sso::patch_in(tx, ctx, id, patch.clone(), Some(now.version)).await;
            now = patched.map_err(|error| Failed(error, "sso"))?;
        }
        if let Some(entry) = &entry.provisioning {
            let connected = self.connections().configure_in(tx, ctx, id, connection_patch(entry)).await;
            connected.map_err(|error| Failed(error, "provisioning"))?;
        }
        if let Some(names) = &entry.groups {
            self.bind(tx, &now, names).await?;
        }
        if wanted == Status::Active {
            now = sso::activate_in(tx, ctx, id, None).await.map_err(|error| Failed(error, "sso"))?;
        }
        Ok(now)
    }

    fn connections(&self) -> Connections<'_> {
        let installation = self.installation;
        Connections { db: &installation.db, vault: &installation.vault, outbound: &installation.outbound }
    }

    async fn bind(&self, tx: &mut Tx, application: &Application, names: &[String]) -> Result<()> {
        let mut wanted: BTreeSet<GroupId> = BTreeSet::new();
        let mut unknown = Vec::new();
        for (i, name) in names.iter().enumerate() {
            match groups::find_id_by_name(tx, name).await? {
                Some(group) => drop(wanted.insert(group)),
                None => unknown.push(FieldError {
                    field: format!("groups.{i}"),
                    code: "unknown_group".into(),
                    message: format!("There is no group {name:?}. Declare it under groups, or write the name of one that is there."),
                }),
            }
        }
        if !unknown.is_empty() {
            return Err(Error::invalid(unknown));
        }
        let bound: BTreeSet<GroupId> =
            binding::groups_of(tx, application.id).await?.into_iter().map(|(id, _)| id).collect();
        for group in wanted.difference(&bound) {
            binding::bind_in(tx, self.ctx, application.id, *group).await?;
        }
        for group in bound.difference(&wanted) {
            binding::unbind_in(tx, self.ctx, application.id, *group).await?;
        }
        Ok(())
    }

    async fn prune_applications(&mut self, tx: &mut Tx) -> Result<()> {
        let Some(entries) = &self.declared.applications else { return Ok(()) };
        let kept: BTreeSet<&str> = entries.iter().map(|(_, entry)| entry.slug.as_str()).collect();
        for application in stored::applications(tx).await? {
            if kept.contains(application.slug.as_str()) {
                continue;
            }
            delete::delete_one_in(tx, self.ctx, application.id, Some(application.version)).await?;
            let step = Step::new(Verb::Delete, Subject::Application, &application.slug);
            self.plan.steps.push(step.noting(format!("{:?}", application.label)));
        }
        Ok(())
    }

    /// A group that a declared application names is mentioned, and stays.
    async fn prune_groups(&mut self, tx: &mut Tx) -> Result<()> {
        let Some(entries) = &self.declared.groups else { return Ok(()) };
        let mut kept: BTreeSet<String> = entries.iter().map(|(_, entry)| group_key(&entry.name)).collect();
        for (_, entry) in self.declared.applications.iter().flatten() {
            kept.extend(entry.groups.iter().flatten().map(|name| group_key(name)));
        }
        for group in stored::groups(tx).await? {
            if kept.contains(&group_key(&group.name)) {
                continue;
            }
            binding::delete_group_in(tx, self.ctx, group.id, Some(group.version)).await?;
            let step = Step::new(Verb::Delete, Subject::Group, &group.name);
            self.plan.steps.push(step.noting(format!("{} people in it", group.member_count)));
        }
        Ok(())
    }
}

fn general_patch(entry: &ApplicationEntry) -> ApplicationPatch {
    ApplicationPatch {
        label: entry.label.clone(),
        description: entry.description.clone(),
        color: entry.color,
        show_in_portal: entry.show_in_portal,
        bookmark_url: entry.bookmark_url.clone(),
        slug: None,
    }
}

/// Never a secret: a file holds none.
fn connection_patch(entry: &ProvisioningEntry) -> ConnectionPatch {
    ConnectionPatch {
        base_url: entry.base_url.clone(),
        manage_groups: entry.manage_groups,
        on_user_delete: entry.on_user_delete,
        require_approval: entry.require_approval.clone(),
        mass_change: entry.mass_change,
        mappings: entry.mappings.clone(),
        ca_certificate: entry.ca_certificate.clone(),
        ..ConnectionPatch::default()
    }
}

/// Settings with those named here changed; `null` is the default.
fn merged(old: &Settings, patch: &Map<String, Json>) -> Result<Settings> {
    let object = |settings: &Settings| match form::settings(settings)? {
        Json::Object(map) => Ok(map),
        _ => Err(Error::internal("settings are not an object")),
    };
    let (mut whole, defaults) = (object(old)?, object(&Settings::default())?);
    let mut faults = Vec::new();
    for (name, value) in patch {
        let Some(default) = defaults.get(name) else {
            let known: Vec<&str> = defaults.keys().map(String::as_str).collect();
            let message = format!("There is no setting {name}. Known are {}.", known.join(", "));
            faults.push(field(name, "unknown_field", message));
            continue;
        };
        let value = if value.is_null() { default } else { value };
        let alone = Map::from_iter([(name.clone(), value.clone())]);
        if serde_json::from_value::<Settings>(Json::Object(alone)).is_err() {
            let message = if default.is_string() { "Write a text." } else { "Write a whole number." };
            faults.push(field(name, "wrong_type", message.to_owned()));
        }
        whole.insert(name.clone(), value.clone());
    }
    if !faults.is_empty() {
        return Err(Error::invalid(faults));
    }
    let settings: Settings = serde_json::from_value(Json::Object(whole)).map_err(Error::internal)?;
    settings.validate()?;
    Ok(settings)
}

fn field(name: &str, code: &'static str, message: String) -> FieldError {
    FieldError { field: name.to_owned(), code: code.into(), message }
}
