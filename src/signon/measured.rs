//! What monitoring is told: the counts of this process, and what the database says now.

use crate::applications::overview;
use crate::auth::session;
use crate::base::Result;
use crate::base::clock::DAY;
use crate::metrics::text::Text;
use crate::signon::{Installation, store};

/// Writes all of it. A database that does not answer is told as such, and takes nothing but its own numbers away.
pub async fn write(installation: &Installation, text: &mut Text) {
    installation.metrics.write(text);
    let kind = if installation.db.is_sqlite() { "sqlite" } else { "postgres" };
    text.family("tessera_database_info", "gauge", "What the database is.");
    text.sample("tessera_database_info", &[("kind", kind)], 1);
    let readings = read(installation).await;
    text.family("tessera_database_up", "gauge", "Whether the database answers.");
    text.sample("tessera_database_up", &[], u8::from(readings.is_ok()));
    match readings {
        Ok(readings) => readings.write(text),
        Err(error) => {
            tracing::warn!(code = error.code, "metrics lack what the database knows: it does not answer");
        }
    }
}

struct Readings {
    sessions: i64,
    pending: i64,
    /// Slug, and the days that are left, which are fewer than none afterwards.
    certificates: Vec<(String, f64)>,
}

async fn read(installation: &Installation) -> Result<Readings> {
    let (mut reader, now) = (installation.db.reader(), installation.clock.now());
    let days = |end: crate::base::Timestamp| {
        // A tenth of a day is more than anybody reads; so the number fits exactly.
        f64::from(i32::try_from(end.since(now) * 10 / DAY).unwrap_or(i32::MAX)) / 10.0
    };
    let ends = overview::certificate_ends(&mut reader).await?;
    Ok(Readings {
        sessions: session::count_unexpired(&mut reader, now).await?,
        pending: store::count_pending(&mut reader, now).await?,
        certificates: ends.into_iter().map(|(slug, end)| (slug, days(end))).collect(),
    })
}

impl Readings {
    fn write(&self, text: &mut Text) {
        text.family("tessera_sessions", "gauge", "Sessions that have neither ended nor expired.");
        text.sample("tessera_sessions", &[], self.sessions);
        text.family("tessera_pending_requests", "gauge", "Sign-on requests that wait for a person.");
        text.sample("tessera_pending_requests", &[], self.pending);
        text.family(
            "tessera_certificate_expiry_days",
            "gauge",
            "Days until the current signing certificate of an application ends.",
        );
        for (slug, days) in &self.certificates {
            text.sample("tessera_certificate_expiry_days", &[("application", slug)], days);
        }
    }
}
