//! Configuring a connection: its settings and its secret, all of a change or nothing of it. Nothing is sent, but that a
//! secret for one that is in use is tried before the old one is given up.

use serde_json::Value as Json;

use crate::applications::{self, Application, group_rules, sso};
use crate::base::id::ApplicationId;
use crate::base::{Ctx, Error, Result, Timestamp};
use crate::catalog::model::ScimAuth;
use crate::catalog::sso::SsoPatch;
use crate::db::Tx;
use crate::events::{Event, EventName, record};
use crate::jobs::{Notice, notify};
use crate::provisioning::address::{self, Credentials};
use crate::provisioning::connection::{
    ConnectionPatch, Connections, NewSecret, event, not_configured, quirks, require, rules, starting,
};
use crate::provisioning::model::{Change, Connection, ConnectionStatus, MassChange};
use crate::provisioning::store::{connections as store, marks, state};
use crate::provisioning::{mapping, tls};

/// A connection with another secret, as the other side answered it.
struct Tried {
    trial: Connection,
    capabilities: Json,
}

impl Tried {
    /// Whether it was asked where this one is.
    fn is_for(&self, new: &Connection) -> bool {
        self.trial.secret_for == new.secret_for
            && self.trial.settings.ca_certificate == new.settings.ca_certificate
    }
}

impl Connections<'_> {
    /// Carries a patch out, and makes the connection when there is none. Nothing is sent; an active one is looked at
    /// again as a whole. `if_version`: refuse when it has changed since.
    pub async fn configure(
        &self,
        ctx: &Ctx,
        id: ApplicationId,
        patch: ConnectionPatch,
        if_version: Option<i64>,
    ) -> Result<Connection> {
        let trial = match &patch.secret {
            Some(_) => {
                Some(self.planned(ctx, id, patch.clone()).await?).filter(|(_, trial)| trial.is_active())
            }
            None => None,
        };
        // One that is in use is tried with another secret before it is given up.
        let tried = match trial {
            Some((application, trial)) => {
                may_change_secret(&application, &trial)?;
                let capabilities = self.verify(ctx, &application, &trial).await?;
                Some(Tried { trial, capabilities })
            }
            None => None,
        };
        let mut tx = self.db.begin().await?;
        let connection = Box::pin(self.change(&mut tx, ctx, id, patch, if_version, tried)).await?;
        tx.commit().await?;
        Ok(connection)
    }

    /// The same in a transaction of the caller's, where nobody can be asked: another secret of an active connection is
    /// refused.
    pub async fn configure_in(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        id: ApplicationId,
        patch: ConnectionPatch,
    ) -> Result<Connection> {
        self.change(tx, ctx, id, patch, None, None).await
    }

    async fn change(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        id: ApplicationId,
        patch: ConnectionPatch,
        if_version: Option<i64>,
        tried: Option<Tried>,
    ) -> Result<Connection> {
        fill_in(tx, ctx, id, &patch).await?;
        let application = applications::require(tx, id).await?;
        let old = store::lock(tx, id).await?;
        if if_version.is_some_and(|seen| old.as_ref().is_none_or(|old| old.version != seen)) {
            return Err(Error::changed_meanwhile());
        }
        let mut new = old.clone().unwrap_or_else(|| fresh(ctx, &application));
        self.apply(tx, ctx, &application, &mut new, patch.clone()).await?;
        if new.client.is_none() && quirks(&application).certificate {
            new.client = Some(tls::make(ctx, self.vault, &application)?);
        }
        if let Some(secret) = patch.secret {
            may_change_secret(&application, &new)?;
            self.keep(ctx, &application, &mut new, &secret)?;
            let is_tried = tried.as_ref().map_or(!new.is_active(), |tried| tried.is_for(&new));
            if !is_tried {
                return Err(Error::changed_meanwhile());
            }
        }
        let same_settings = old.as_ref().is_some_and(|old| old.settings == new.settings);
        let same_secret = old.as_ref().is_some_and(|old| old.sealed_secret == new.sealed_secret);
        let same_client = old.as_ref().map_or(new.client.is_none(), |old| old.client == new.client);
        if same_settings && same_secret && same_client {
            return require(tx, id).await;
        }
        if let Some(old) = &old {
            new.version = old.version + 1;
            new.updated_at = ctx.now();
        }
        store::put(tx, &new).await?;
        if !same_settings {
            settings_changed(tx, ctx, &application, old.as_ref(), &new).await?;
        }
        if old.as_ref().is_some_and(Connection::is_active) && !new.is_active() {
            // Another address is activated anew.
            let told =
                event(EventName::IdmIntegrationDelete, &application).detail("because", "base_url_changed");
            record(tx, ctx, told).await?;
        }
        if let Some(client) = new.client.as_ref().filter(|_| !same_client) {
            record(tx, ctx, tls::made_event(&application, client)?).await?;
        }
        if !same_secret {
            store::forget_warning(tx, id).await?;
            if let Some(tried) = tried.filter(|_| new.is_active()) {
                store::note_verified(tx, id, tried.capabilities.to_string(), ctx.now()).await?;
                state::retry_all(tx, id, ctx.now()).await?;
            }
            record(tx, ctx, reauth_event(&application, &new)).await?;
        }
        require(tx, id).await
    }

    /// The connection as a patch would make it; nothing is stored.
    pub(in crate::provisioning) async fn planned(
        &self,
        ctx: &Ctx,
        id: ApplicationId,
        patch: ConnectionPatch,
    ) -> Result<(Application, Connection)> {
        let mut tx = self.db.begin().await?;
        fill_in(&mut tx, ctx, id, &patch).await?;
        let application = applications::require(&mut tx, id).await?;
        let stored = store::find(&mut tx, id).await?;
        let mut new = stored.unwrap_or_else(|| fresh(ctx, &application));
        self.apply(&mut tx, ctx, &application, &mut new, patch.clone()).await?;
        if let Some(secret) = patch.secret {
            self.keep(ctx, &application, &mut new, &secret)?;
        }
        Ok((application, new))
    }

    /// Puts what is given into the settings and judges the whole.
    async fn apply(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        application: &Application,
        new: &mut Connection,
        patch: ConnectionPatch,
    ) -> Result<()> {
        let template = address::template(application);
        let settings = &mut new.settings;
        let mut before = settings.clone();
        let known: Vec<String> = rules(&mut before).map(|(_, rule)| rule.group.clone()).collect();
        if let Some(url) = patch.base_url {
            settings.base_url = Some(url.trim().to_owned()).filter(|url| !url.is_empty());
        }
        if let Some(manage) = patch.manage_groups {
            if manage && template.is_some_and(|template| !template.groups) {
                return Err(Error::field(
                    "manage_groups",
                    "groups_not_offered",
                    "This application takes no groups over SCIM. Leave this off.",
                ));
            }
            settings.manage_groups = manage;
        }
        if let Some(choice) = patch.on_user_delete {
            settings.on_user_delete = choice;
        }
        if let Some(changes) = patch.require_approval {
            settings.require_approval = approvals(changes)?;
        }
        if let Some(guard) = patch.mass_change {
            check_guard(guard)?;
            settings.mass_change = guard;
        }
        if let Some(mut rows) = patch.mappings {
            mapping::check(&rows, template)?;
            let needed = mapping::starting(template);
            for row in &mut rows {
                // What a connector requires no request can make optional, nor the other way round.
                let says = needed.iter().find(|needed| needed.scim.eq_ignore_ascii_case(&row.scim));
                row.required = says.is_some_and(|says| says.required);
            }
            settings.mappings = rows;
        }
        if let Some(pem) = patch.ca_certificate {
            settings.ca_certificate = tls::authorities(&pem)?;
        }
        let trusts_others = settings.ca_certificate != before.ca_certificate;
        if let Some(pem) = settings.ca_certificate.as_ref().filter(|_| trusts_others) {
            tls::check_new(pem, ctx.now())?;
        }
        group_rules::to_ids(tx, rules(settings), &known).await?;
        if trusts_others && new.sealed_secret.is_some() {
            // Who is trusted anew could be anybody at that address.
            give_up_secret(new);
        }
        // A base URL that is not there yet, or not filled in, is no fault before activation; a wrong one is.
        let is_open = address::base_template(application, &new.settings).is_none()
            || !address::missing(application, &new.settings).is_empty();
        let url = address::base_url(self.outbound, application, &new.settings);
        let is_undeclared =
            |error: &Error| error.fields.iter().any(|field| field.code == "placeholder_undeclared");
        if !is_open || url.as_ref().is_err_and(is_undeclared) {
            let url = url?;
            if new.secret_for.as_ref().is_some_and(|given_for| *given_for != url) {
                give_up_secret(new);
            }
        }
        Ok(())
    }

    fn keep(
        &self,
        ctx: &Ctx,
        application: &Application,
        connection: &mut Connection,
        secret: &NewSecret,
    ) -> Result<()> {
        secret.credentials.check()?;
        if secret.expires_at.is_some_and(|end| end <= ctx.now()) {
            return Err(Error::field(
                "token_expires_at",
                "token_expired",
                "This time is past. Give a token that still holds, with the time when it ends.",
            ));
        }
        let url = address::base_url(self.outbound, application, &connection.settings)?;
        if let Credentials::Oauth2ClientCredentials { token_url, .. } = &secret.credentials {
            self.outbound.check(token_url).map_err(|failure| failure.of_field("auth.token_url"))?;
        }
        let trusted = connection.settings.ca_certificate.as_deref();
        connection.auth = Some(secret.credentials.kind());
        connection.sealed_secret =
            Some(secret.credentials.seal(self.vault, &ctx.random, application.id, &url, trusted)?);
        connection.secret_for = Some(url);
        connection.secret_set_at = Some(ctx.now());
        connection.secret_expires_at = secret.expires_at;
        Ok(())
    }

    /// Gives another secret. An active connection tries it first and keeps the old one when it is refused.
    pub async fn set_secret(&self, ctx: &Ctx, id: ApplicationId, secret: NewSecret) -> Result<Connection> {
        let mut reader = self.db.reader();
        let application = applications::require(&mut reader, id).await?;
        let mut trial = store::find(&mut reader, id).await?.ok_or_else(not_configured)?;
        may_change_secret(&application, &trial)?;
        self.keep(ctx, &application, &mut trial, &secret)?;
        let is_active = trial.is_active();
        let capabilities = if is_active { Some(self.verify(ctx, &application, &trial).await?) } else { None };
        let mut tx = self.db.begin().await?;
        let mut new = store::lock(&mut tx, id).await?.ok_or_else(not_configured)?;
        self.keep(ctx, &application, &mut new, &secret)?;
        let is_same_place = new.secret_for == trial.secret_for
            && new.settings.ca_certificate == trial.settings.ca_certificate;
        if is_active && !is_same_place {
            return Err(Error::changed_meanwhile());
        }
        new.version += 1;
        new.updated_at = ctx.now();
        store::put(&mut tx, &new).await?;
        store::forget_warning(&mut tx, id).await?;
        if let Some(capabilities) = capabilities {
            store::note_verified(&mut tx, id, capabilities.to_string(), ctx.now()).await?;
            self.settle_address(&mut tx, &application, &new).await?;
            state::retry_all(&mut tx, id, ctx.now()).await?;
        }
        record(&mut tx, ctx, reauth_event(&application, &new)).await?;
        let connection = require(&mut tx, id).await?;
        tx.commit().await?;
        Ok(connection)
    }
}

/// A connection of an application that has none.
fn fresh(ctx: &Ctx, application: &Application) -> Connection {
    Connection {
        application: application.id,
        status: ConnectionStatus::Draft,
        settings: starting(application),
        auth: None,
        sealed_secret: None,
        secret_for: None,
        client: None,
        ledger_for: None,
        secret_set_at: None,
        secret_expires_at: None,
        capabilities: None,
        verified_at: None,
        written_at: None,
        failing: None,
        paused_until: Timestamp(0),
        reconciled_at: None,
        drift: None,
        version: 1,
        created_at: ctx.now(),
        updated_at: ctx.now(),
    }
}

/// The placeholders of the patch, in the application.
async fn fill_in(tx: &mut Tx, ctx: &Ctx, id: ApplicationId, patch: &ConnectionPatch) -> Result<()> {
    if patch.placeholders.is_empty() {
        return Ok(());
    }
    let filled = SsoPatch { placeholders: patch.placeholders.clone(), ..SsoPatch::default() };
    sso::patch_in(tx, ctx, id, filled, None).await.map(drop)
}

fn may_change_secret(application: &Application, connection: &Connection) -> Result<()> {
    if connection.is_active() && quirks(application).deactivate_to_change_token {
        return Err(Error::conflict(
            "deactivate_first",
            format!(
                "{} wants the connection to be deactivated before its token is changed. Deactivate it, give the token, activate it again.",
                application.label
            ),
        ));
    }
    Ok(())
}

/// Another address, or whoever is trusted there anew, gets no secret that was not given for it, and is asked before
/// anything is sent there.
fn give_up_secret(connection: &mut Connection) {
    connection.status = ConnectionStatus::Draft;
    (connection.sealed_secret, connection.secret_for, connection.auth) = (None, None, None);
    (connection.secret_set_at, connection.secret_expires_at) = (None, None);
}

/// What a change of settings means: it is told, and everybody is looked at again.
async fn settings_changed(
    tx: &mut Tx,
    ctx: &Ctx,
    application: &Application,
    old: Option<&Connection>,
    new: &Connection,
) -> Result<()> {
    let mut told = event(EventName::IdmIntegrationUpdate, application)
        .detail("manage_groups", new.settings.manage_groups)
        .detail("on_user_delete", new.settings.on_user_delete.as_str())
        .detail("mappings", new.settings.mappings.len())
        .detail(
            "require_approval",
            new.settings.require_approval.iter().map(|change| change.as_str()).collect::<Vec<_>>(),
        )
        .detail("mass_change_count", new.settings.mass_change.count)
        .detail("mass_change_percent", new.settings.mass_change.percent)
        .detail("base_url", new.settings.base_url.as_deref());
    let before = old.and_then(|old| old.settings.base_url.as_deref());
    if before != new.settings.base_url.as_deref() {
        told = told.detail("base_url_before", before);
    }
    if let Some(pem) = &new.settings.ca_certificate {
        told = told.detail("ca_certificate", tls::fingerprints(pem)?);
    }
    record(tx, ctx, told).await?;
    if old.is_some_and(|old| old.settings.manage_groups) && !new.settings.manage_groups {
        marks::unmanage_all(tx, application.id, ctx.now()).await?;
    }
    if new.is_active() {
        notify(tx, Notice::Sweep { application: application.id }).await?;
    }
    Ok(())
}

fn approvals(changes: Vec<Change>) -> Result<Vec<Change>> {
    if changes.contains(&Change::Deactivate) {
        return Err(Error::field(
            "require_approval",
            "unknown_change",
            "Approval can be asked for create, update and delete. Deactivating counts as delete.",
        ));
    }
    Ok([Change::Create, Change::Update, Change::Delete]
        .into_iter()
        .filter(|change| changes.contains(change))
        .collect())
}

fn check_guard(guard: MassChange) -> Result<()> {
    if guard.count > MassChange::MAX_COUNT {
        return Err(Error::field("mass_change.count", "out_of_range", "Give a number from 0 to 1,000,000."));
    }
    if guard.percent > 100 {
        return Err(Error::field("mass_change.percent", "out_of_range", "Give a number from 0 to 100."));
    }
    Ok(())
}

fn reauth_event(application: &Application, connection: &Connection) -> Event {
    let event = event(EventName::IdmIntegrationReauth, application);
    match connection.auth.map(ScimAuth::as_str) {
        Some(kind) => event.detail("auth", kind),
        None => event.detail("auth", "none"),
    }
}
