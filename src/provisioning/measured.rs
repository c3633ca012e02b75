//! What monitoring is told of provisioning.

use crate::base::clock::DAY;
use crate::base::{Result, Timestamp};
use crate::db::Db;
use crate::metrics::text::Text;
use crate::provisioning::store::connections as store;

/// Writes it: how long secrets hold, and what waits or fails. A database that does not answer is told elsewhere.
pub async fn write(db: &Db, now: Timestamp, text: &mut Text) -> Result<()> {
    let readings = store::read_measures(&mut db.reader()).await?;
    text.family(
        "tessera_provisioning_secret_expiry_days",
        "gauge",
        "Days until the secret of an application's identity management ends, as far as it was said.",
    );
    for (slug, measures) in &readings {
        if let Some(end) = measures.secret_ends_at {
            // A tenth of a day is more than anybody reads; so the number fits exactly.
            let days = f64::from(i32::try_from(end.since(now) * 10 / DAY).unwrap_or(i32::MAX)) / 10.0;
            text.sample("tessera_provisioning_secret_expiry_days", &[("application", slug)], days);
        }
    }
    text.family("tessera_provisioning_due", "gauge", "People and groups that are to be looked at.");
    for (slug, measures) in &readings {
        text.sample("tessera_provisioning_due", &[("application", slug)], measures.due);
    }
    text.family("tessera_provisioning_troubled", "gauge", "People and groups that wait for a person.");
    for (slug, measures) in &readings {
        text.sample("tessera_provisioning_troubled", &[("application", slug)], measures.troubled);
    }
    text.family("tessera_provisioning_failing", "gauge", "Whether an application can't be provisioned now.");
    for (slug, measures) in &readings {
        text.sample("tessera_provisioning_failing", &[("application", slug)], u8::from(measures.failing));
    }
    Ok(())
}
