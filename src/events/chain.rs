//! The chain over the events: each seal's hash covers the hash before it and the event; a checkpoint an hour
//! carries a MAC under the vault, so that nobody with the database alone can rewrite the end of the chain.

use std::time::Duration;

use openssl::sha::Sha256;
use serde::Serialize;

use crate::base::clock::HOUR;
use crate::base::{Clock, Result, Timestamp};
use crate::db::{Db, dialect};
use crate::events::query::StoredEvent;
use crate::events::store;
use crate::vault::Vault;

/// Hash before the first seal.
const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const LOCK: i64 = 0x7e55_e7a1;
const BATCH: i64 = 500;

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// SHA-256 over salt and personal data: what the event keeps of them once they are erased.
pub(super) fn commitment(salt: &str, person: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(salt.as_bytes());
    hash.update(b"\0");
    hash.update(person.as_bytes());
    hex(&hash.finish())
}

/// Hash of a seal: over the number, the hash before it and every column of the event, each with its length.
fn seal_hash(seq: i64, before: &str, event: &StoredEvent) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update(&(text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    add(&seq.to_string());
    add(before);
    add(&event.id.to_string());
    add(&event.at.0.to_string());
    for text in
        [&event.name, &event.outcome, &event.actor_kind, &event.request_id, &event.details, &event.commitment]
    {
        add(text);
    }
    for text in [&event.actor_id, &event.target_kind, &event.target_id, &event.application_id] {
        // Absent and empty are told apart.
        add(text.as_ref().map_or("-", |_| "+"));
        add(text.as_deref().unwrap_or(""));
    }
    hex(&hash.finish())
}

fn checkpoint_mac(vault: &Vault, seq: i64, at: i64, hash: &str) -> String {
    hex(&vault.mac("event checkpoint", format!("{seq} {at} {hash}").as_bytes()))
}

/// Seals waiting events, a batch at a time, until none waits; adds the hourly checkpoint. Answers how many.
pub async fn seal(db: &Db, vault: &Vault, now: Timestamp) -> Result<u64> {
    let mut sealed = 0;
    loop {
        let mut tx = db.begin().await?;
        dialect::lock_for_transaction(&mut tx, LOCK).await?;
        let waiting = store::list_unsealed(&mut tx, BATCH).await?;
        let (mut seq, mut hash) = store::last_seal(&mut tx).await?.unwrap_or_else(|| (0, GENESIS.to_owned()));
        for event in &waiting {
            seq += 1;
            hash = seal_hash(seq, &hash, event);
            store::insert_seal(&mut tx, seq, &event.id.to_string(), &hash).await?;
        }
        let last = store::last_checkpoint(&mut tx).await?;
        let due = last.is_none_or(|(at_seq, at)| at_seq < seq && now.since(at) >= HOUR);
        if seq > 0 && due {
            let mac = checkpoint_mac(vault, seq, now.0, &hash);
            store::insert_checkpoint(&mut tx, seq, now, &hash, &mac).await?;
        }
        tx.commit().await?;
        sealed += waiting.len() as u64;
        if i64::try_from(waiting.len()).unwrap_or(BATCH) < BATCH {
            return Ok(sealed);
        }
    }
}

/// Seals every second until the task is dropped. A failure is logged and tried again: sign-on goes on.
pub async fn run_sealer(db: Db, vault: Vault, clock: Clock) {
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let Err(error) = seal(&db, &vault, clock.now()).await {
            tracing::error!(code = error.code, cause = ?error.internal_cause(), "events could not be sealed; trying again");
        }
    }
}

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Seals that hold.
    pub verified: i64,
    /// The first thing that does not hold.
    pub broken: Option<Breach>,
}

/// Where the chain breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Breach {
    /// Number in the chain; `None` for an event outside it.
    pub seq: Option<i64>,
    /// The event.
    pub event_id: Option<String>,
    /// Stable code: `gap`, `event_missing`, `event_changed`, `person_changed`, `event_outside_chain`,
    /// `checkpoint_forged`, `chain_cut`.
    pub code: &'static str,
}

/// Recomputes the newest `most` seals only: quick enough for each view of the events. What lies before them is
/// checked by [`verify`].
pub async fn verify_newest(db: &Db, most: i64) -> Result<Verdict> {
    let Some((last, _)) = store::last_seal(&mut db.reader()).await? else {
        return Ok(Verdict { verified: 0, broken: None });
    };
    let first = (last - most + 1).max(1);
    let mut hash = match store::list_sealed(&mut db.reader(), first - 1, 1).await?.first() {
        Some((number, stored, ..)) if *number == first - 1 => stored.clone(),
        _ => GENESIS.to_owned(),
    };
    let mut seq = first - 1;
    for (number, stored, event_id, event) in store::list_sealed(&mut db.reader(), first, most).await? {
        let code = match &event {
            _ if number != seq + 1 => Some("gap"),
            None => Some("event_missing"),
            Some(event) => {
                hash = seal_hash(number, &hash, event);
                (hash != stored).then_some("event_changed")
            }
        };
        if let Some(code) = code {
            let broken = Breach { seq: Some(number), event_id: Some(event_id), code };
            return Ok(Verdict { verified: seq - first + 1, broken: Some(broken) });
        }
        seq = number;
    }
    Ok(Verdict { verified: seq - first + 1, broken: None })
}

/// Recomputes the whole chain and names the first breach.
pub async fn verify(db: &Db, vault: &Vault) -> Result<Verdict> {
    let mut checkpoints = store::list_checkpoints(&mut db.reader()).await?.into_iter().peekable();
    let (mut seq, mut hash) = (0, GENESIS.to_owned());
    let broken = |seq, event_id, code, verified| {
        Ok(Verdict { verified, broken: Some(Breach { seq, event_id, code }) })
    };
    loop {
        let batch = store::list_sealed(&mut db.reader(), seq + 1, BATCH).await?;
        if batch.is_empty() {
            break;
        }
        for (number, stored, event_id, event) in batch {
            if number != seq + 1 {
                return broken(Some(seq + 1), None, "gap", seq);
            }
            let Some(event) = event else {
                return broken(Some(number), Some(event_id), "event_missing", seq);
            };
            hash = seal_hash(number, &hash, &event);
            if hash != stored {
                return broken(Some(number), Some(event_id), "event_changed", seq);
            }
            if let (Some(salt), Some(person)) = (&event.salt, &event.person)
                && commitment(salt, person) != event.commitment
            {
                return broken(Some(number), Some(event_id), "person_changed", seq);
            }
            seq = number;
            if let Some((_, at, kept, mac)) = checkpoints.next_if(|(at_seq, ..)| *at_seq == number)
                && (kept != hash || mac != checkpoint_mac(vault, number, at, &kept))
            {
                return broken(Some(number), None, "checkpoint_forged", seq - 1);
            }
        }
    }
    if let Some((missing, ..)) = checkpoints.next() {
        return broken(Some(missing), None, "chain_cut", seq);
    }
    if let Some(event_id) = store::find_stray(&mut db.reader()).await? {
        return broken(None, Some(event_id), "event_outside_chain", seq);
    }
    Ok(Verdict { verified: seq, broken: None })
}
