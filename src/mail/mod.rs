//! Mail that Tessera sends: what is told, a queue in the database, and how it leaves. A message is queued in the
//! transaction of what it tells of, and sent afterwards by whichever node comes first; a mail server that is down delays
//! it, and nothing else (AV-12). It may arrive twice when a node ends between sending and noting that, never not at all.
//!
//! It must not know why something is told. The mail server is named by whoever starts Tessera, never by an
//! administrator in the console, so it is not judged as addresses of strangers are. Start with [`queue`].

mod message;
mod store;
mod transport;

pub use crate::mail::message::Message;
pub use crate::mail::transport::{Mailer, Setup};

use crate::base::clock::{DAY, HOUR, MINUTE};
use crate::base::{Ctx, Error, Result};
use crate::db::{Db, Tx};
use crate::events::{Event, EventName, Outcome, record};

/// A mail that could not be sent for so long is given up, in milliseconds.
const KEPT: i64 = 3 * DAY;
/// For how long a mail that is being sent is left to whoever sends it, in milliseconds. Longer than [`transport`] takes
/// for one at most.
const TAKEN: i64 = 5 * MINUTE;
/// The longest wait between two tries, in milliseconds.
const LONGEST_WAIT: i64 = HOUR;

/// Queues a message, with what it tells of.
pub async fn queue(tx: &mut Tx, ctx: &Ctx, to: &str, message: &Message<'_>) -> Result<()> {
    let id = uuid::Uuid::from_bytes(ctx.random.bytes()).to_string();
    store::insert(tx, &id, to, &message.subject(), &message.body(), ctx.now()).await
}

impl Mailer {
    /// Sends what is due. A mail that the server refuses or that can't be brought to it is tried again later; after three
    /// days it is given up, with an event.
    pub async fn turn(&self, db: &Db, ctx: &Ctx) -> Result<()> {
        loop {
            let mut tx = db.begin().await?;
            let taken = store::take(&mut tx, ctx.now(), ctx.now().plus(TAKEN)).await?;
            tx.commit().await?;
            let Some(mail) = taken else { return Ok(()) };
            let sent = self.send(&mail, ctx.now()).await;
            self.note(db, ctx, &mail, sent).await?;
        }
    }

    async fn note(&self, db: &Db, ctx: &Ctx, mail: &store::Mail, sent: Result<()>) -> Result<()> {
        let mut tx = db.begin().await?;
        match sent {
            Ok(()) => store::delete(&mut tx, &mail.id).await?,
            Err(error) if ctx.now().since(mail.created_at) < KEPT => {
                tracing::warn!(code = error.code, reason = %error.message, "a mail was not sent; it is tried again");
                let wait = MINUTE.saturating_mul(1 << mail.attempts.clamp(0, 10)).min(LONGEST_WAIT);
                store::postpone(&mut tx, &mail.id, ctx.now().plus(wait)).await?;
            }
            Err(error) => {
                store::delete(&mut tx, &mail.id).await?;
                record(&mut tx, ctx, given_up(mail, &error)).await?;
            }
        }
        tx.commit().await
    }
}

fn given_up(mail: &store::Mail, error: &Error) -> Event {
    Event::new(EventName::MailUndelivered)
        .outcome(Outcome::Failure)
        .target("mail", &mail.id, &mail.subject)
        .detail("code", error.code)
        .personal("to", mail.to.clone())
}
