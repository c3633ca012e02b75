//! Switching a connection on and off. Switching on asks the other side and only reads there (decision 31).

use serde_json::Value as Json;

use crate::applications::{self, Application};
use crate::base::id::ApplicationId;
use crate::base::{Ctx, Error, Kind, Result};
use crate::db::Tx;
use crate::events::{EventName, Outcome as EventOutcome, record};
use crate::jobs::{Notice, notify};
use crate::provisioning::client::{Client, Fault, Tokens};
use crate::provisioning::connection::{Connections, event, not_configured, quirks, require};
use crate::provisioning::engine::reconcile::next;
use crate::provisioning::model::{Connection, ConnectionStatus};
use crate::provisioning::store::{connections as store, reconcile as reconciliations};
use crate::provisioning::{address, tls, verify};

impl Connections<'_> {
    /// Asks the other side, and switches the connection on when it answers as a SCIM service should.
    pub async fn activate(&self, ctx: &Ctx, id: ApplicationId) -> Result<Connection> {
        let mut reader = self.db.reader();
        let application = applications::require(&mut reader, id).await?;
        let connection = store::find(&mut reader, id).await?.ok_or_else(not_configured)?;
        let missing = address::missing(&application, &connection.settings);
        if let Some(first) = missing.first() {
            return Err(Error::field(
                "base_url",
                "placeholders_unfilled",
                format!("{} ({}) is not filled in yet.", first.label, first.placeholder),
            )
            .with_code("placeholders_unfilled"));
        }
        let capabilities = match self.verify(ctx, &application, &connection).await {
            Ok(capabilities) => capabilities,
            Err(error) => {
                let mut tx = self.db.begin().await?;
                let event = event(EventName::IdmIntegrationActivate, &application)
                    .outcome(EventOutcome::Failure)
                    .detail("code", error.code);
                record(&mut tx, ctx, event).await?;
                tx.commit().await?;
                return Err(error);
            }
        };
        let mut tx = self.db.begin().await?;
        let mut new = store::lock(&mut tx, id).await?.ok_or_else(not_configured)?;
        if new.version != connection.version {
            return Err(Error::changed_meanwhile());
        }
        let was_active = new.is_active();
        new.status = ConnectionStatus::Active;
        if !was_active {
            new.version += 1;
            new.updated_at = ctx.now();
        }
        store::put(&mut tx, &new).await?;
        store::note_verified(&mut tx, id, capabilities.to_string(), ctx.now()).await?;
        self.settle_address(&mut tx, &application, &new).await?;
        if !was_active {
            record(&mut tx, ctx, event(EventName::IdmIntegrationActivate, &application)).await?;
            reconciliations::postpone(&mut tx, id, next(ctx)).await?;
            notify(&mut tx, Notice::Sweep { application: id }).await?;
        }
        let connection = require(&mut tx, id).await?;
        tx.commit().await?;
        Ok(connection)
    }

    /// Switches the connection off. What is there stays as it is, and the ledger remembers it.
    pub async fn deactivate(&self, ctx: &Ctx, id: ApplicationId) -> Result<Connection> {
        let mut tx = self.db.begin().await?;
        let application = applications::require(&mut tx, id).await?;
        let mut connection = store::lock(&mut tx, id).await?.ok_or_else(not_configured)?;
        if connection.is_active() {
            connection.status = ConnectionStatus::Inactive;
            connection.version += 1;
            connection.updated_at = ctx.now();
            store::put(&mut tx, &connection).await?;
            record(&mut tx, ctx, event(EventName::IdmIntegrationDelete, &application)).await?;
        }
        let connection = require(&mut tx, id).await?;
        tx.commit().await?;
        Ok(connection)
    }

    /// A ledger of another address is given up: everybody is looked for anew.
    pub(in crate::provisioning) async fn settle_address(
        &self,
        tx: &mut Tx,
        application: &Application,
        connection: &Connection,
    ) -> Result<()> {
        let url = address::base_url(self.outbound, application, &connection.settings)?;
        let is_other = connection.ledger_for.as_ref().is_some_and(|known| *known != url);
        store::set_ledger_for(tx, application.id, &url, is_other).await?;
        if is_other {
            notify(tx, Notice::Sweep { application: application.id }).await?;
        }
        Ok(())
    }

    pub(in crate::provisioning) async fn verify(
        &self,
        ctx: &Ctx,
        application: &Application,
        connection: &Connection,
    ) -> Result<Json> {
        let quirks = quirks(application);
        let url = address::base_url(self.outbound, application, &connection.settings)?;
        let client = Client {
            outbound: self.outbound,
            tokens: &Tokens::default(),
            application: application.id,
            credentials: address::credentials(self.vault, connection, &url)?,
            secret: address::secret_digest(connection),
            base: url,
            plain_json: quirks.plain_json,
            tls: tls::of(self.vault, connection, &quirks)?,
        };
        verify::verify(ctx, &client, &quirks, connection.settings.manage_groups)
            .await
            .map_err(|fault| not_verified(application, fault))
    }
}

fn not_verified(application: &Application, fault: Fault) -> Error {
    let (kind, what) = if fault.kind.is_passing() {
        (Kind::Unavailable, "can't be reached as it should")
    } else {
        (Kind::Invalid, "answers, but not as it should")
    };
    Error::new(kind, fault.code, format!("{} {what}. {}", application.label, fault.message))
}
