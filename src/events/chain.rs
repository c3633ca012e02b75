//! The chain over the events: each seal's hash covers the hash before it and the event; a checkpoint an hour
//! carries a MAC under the vault, over the checkpoint before it too, so that nobody with the database alone can
//! rewrite the chain or take a checkpoint out. The head, one row that moves with each seal, carries a MAC over the
//! last seal and the last checkpoint, so that nobody can cut the end off. A whole database put back to an earlier
//! state looks as it did then: only copies kept elsewhere show that.

use std::time::Duration;

use openssl::sha::Sha256;
use serde::Serialize;

use crate::base::clock::HOUR;
use crate::base::{Clock, Result, Timestamp};
use crate::db::{Db, Tx, dialect};
use crate::events::query::StoredEvent;
use crate::events::store::{self, Checkpoint, End, Head};
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

fn checkpoint_mac(vault: &Vault, before: &str, seq: i64, at: i64, hash: &str) -> String {
    hex(&vault.mac("event checkpoint", format!("{before} {seq} {at} {hash}").as_bytes()))
}

fn head(vault: &Vault, seq: i64, at: i64, hash: String, checkpoint: String) -> Head {
    let mac = hex(&vault.mac("event head", format!("{seq} {at} {hash} {checkpoint}").as_bytes()));
    Head { seq, at, hash, checkpoint, mac }
}

/// Begins the chain of a new database. Only then: a head that has vanished is never made again, for it would hide
/// what vanished with it.
pub async fn begin(tx: &mut Tx, vault: &Vault, now: Timestamp) -> Result<()> {
    store::insert_head(tx, &head(vault, 0, now.0, GENESIS.to_owned(), String::new())).await
}

/// What does not hold about the end of the chain, as a code.
fn fault(vault: &Vault, end: &End) -> Option<&'static str> {
    let Some(found) = &end.head else { return Some("head_missing") };
    let made = head(vault, found.seq, found.at, found.hash.clone(), found.checkpoint.clone());
    if made.mac != found.mac {
        return Some("head_forged");
    }
    let (seq, hash) = end.last.as_ref().map_or((0, GENESIS), |(seq, hash)| (*seq, hash.as_str()));
    if found.seq > seq {
        return Some("chain_cut");
    }
    if found.seq < seq || found.hash != hash {
        return Some("head_mismatch");
    }
    let Some(last) = &end.checkpoint else { return (seq > 0).then_some("checkpoint_missing") };
    let overdue = last.seq < found.seq && found.at - last.at >= HOUR;
    (last.mac != found.checkpoint || overdue).then_some("checkpoint_missing")
}

/// Seals waiting events, a batch at a time, until none waits; adds the hourly checkpoint. Answers how many.
pub async fn seal(db: &Db, vault: &Vault, now: Timestamp) -> Result<u64> {
    let mut sealed = 0;
    loop {
        let mut tx = db.begin().await?;
        dialect::lock_for_transaction(&mut tx, LOCK).await?;
        let waiting = store::list_unsealed(&mut tx, BATCH).await?;
        let end = store::end(&mut tx).await?;
        let fault = fault(vault, &end);
        let (mut seq, mut hash) = end.last.unwrap_or_else(|| (0, GENESIS.to_owned()));
        let (after, mut seals) = (seq, Vec::with_capacity(waiting.len()));
        for event in &waiting {
            seq += 1;
            hash = seal_hash(seq, &hash, event);
            seals.push([seq.into(), event.id.to_string().into(), hash.as_str().into()]);
        }
        if !seals.is_empty() {
            store::insert_seals(&mut tx, after, &seals).await?;
        }
        let last = end.checkpoint.as_ref();
        let due = seq > 0 && last.is_none_or(|last| last.seq < seq && now.0 - last.at >= HOUR);
        let mut newest = end.checkpoint.as_ref().map_or_else(String::new, |last| last.mac.clone());
        if due {
            newest = checkpoint_mac(vault, &newest, seq, now.0, &hash);
            let checkpoint = Checkpoint { seq, at: now.0, hash: hash.clone(), mac: newest.clone() };
            store::insert_checkpoint(&mut tx, &checkpoint).await?;
        }
        match fault {
            _ if waiting.is_empty() && !due => {}
            None => store::update_head(&mut tx, &head(vault, seq, now.0, hash, newest)).await?,
            // The head stays as it is, so that what was done to the chain shows for ever.
            Some(code) => {
                tracing::error!(
                    code,
                    "the chain of events does not end as it was sealed; run: tessera events verify"
                );
            }
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
    /// `checkpoint_forged` (or one before it is gone), `checkpoint_missing`, `chain_cut`, `head_missing`,
    /// `head_forged`, `head_mismatch`.
    pub code: &'static str,
}

/// How far a verification has come.
struct Walk {
    first: i64,
    seq: i64,
    hash: String,
}

impl Walk {
    fn stopped(&self, seq: Option<i64>, event_id: Option<String>, code: &'static str) -> Verdict {
        Verdict { verified: self.seq - self.first + 1, broken: Some(Breach { seq, event_id, code }) }
    }

    /// Takes one batch of seals; answers whether there was one, or the breach. `thorough`: personal data too.
    async fn batch(&mut self, db: &Db, most: i64, thorough: bool) -> Result<Result<bool, Verdict>> {
        let batch = store::list_sealed(&mut db.reader(), self.seq + 1, most).await?;
        let any = !batch.is_empty();
        for (number, stored, event_id, event) in batch {
            if number != self.seq + 1 {
                return Ok(Err(self.stopped(Some(self.seq + 1), None, "gap")));
            }
            let Some(event) = event else {
                return Ok(Err(self.stopped(Some(number), Some(event_id), "event_missing")));
            };
            let hash = seal_hash(number, &self.hash, &event);
            if hash != stored {
                return Ok(Err(self.stopped(Some(number), Some(event_id), "event_changed")));
            }
            if thorough
                && let (Some(salt), Some(person)) = (&event.salt, &event.person)
                && commitment(salt, person) != event.commitment
            {
                return Ok(Err(self.stopped(Some(number), Some(event_id), "person_changed")));
            }
            (self.seq, self.hash) = (number, hash);
        }
        Ok(Ok(any))
    }

    /// The first checkpoint that does not hold.
    async fn checkpoints(&self, db: &Db, vault: &Vault) -> Result<Option<Verdict>> {
        let mut before = String::new();
        for (checkpoint, sealed) in store::list_checkpoints(&mut db.reader()).await? {
            let Checkpoint { seq, at, hash, mac } = checkpoint;
            let Some(sealed) = sealed else { return Ok(Some(self.stopped(Some(seq), None, "chain_cut"))) };
            if mac != checkpoint_mac(vault, &before, seq, at, &hash) || hash != sealed {
                let broken = Breach { seq: Some(seq), event_id: None, code: "checkpoint_forged" };
                return Ok(Some(Verdict { verified: seq - 1, broken: Some(broken) }));
            }
            before = mac;
        }
        Ok(None)
    }
}

/// Recomputes the newest `most` seals only, and looks at the end: quick enough for each view of the events. What lies
/// before them is checked by [`verify`].
pub async fn verify_newest(db: &Db, vault: &Vault, most: i64) -> Result<Verdict> {
    let last = store::end(&mut db.reader()).await?.last.map_or(0, |(seq, _)| seq);
    let first = (last - most + 1).max(1);
    let hash = match store::list_sealed(&mut db.reader(), first - 1, 1).await?.first() {
        Some((number, stored, ..)) if *number == first - 1 => stored.clone(),
        _ => GENESIS.to_owned(),
    };
    let mut walk = Walk { first, seq: first - 1, hash };
    if let Err(broken) = walk.batch(db, most, false).await? {
        return Ok(broken);
    }
    match fault(vault, &store::end(&mut db.reader()).await?) {
        Some(code) => Ok(walk.stopped(None, None, code)),
        None => Ok(Verdict { verified: walk.seq - first + 1, broken: None }),
    }
}

/// Recomputes the whole chain and names the first breach.
pub async fn verify(db: &Db, vault: &Vault) -> Result<Verdict> {
    let mut walk = Walk { first: 1, seq: 0, hash: GENESIS.to_owned() };
    let end = loop {
        match walk.batch(db, BATCH, true).await? {
            Err(broken) => return Ok(broken),
            Ok(true) => {}
            Ok(false) => {
                let end = store::end(&mut db.reader()).await?;
                // A running server seals while this goes on.
                if end.last.as_ref().is_none_or(|(seq, _)| *seq <= walk.seq) {
                    break end;
                }
            }
        }
    };
    if let Some(broken) = walk.checkpoints(db, vault).await? {
        return Ok(broken);
    }
    if let Some(code) = fault(vault, &end) {
        return Ok(walk.stopped(None, None, code));
    }
    if let Some(event_id) = store::find_stray(&mut db.reader()).await? {
        return Ok(walk.stopped(None, Some(event_id), "event_outside_chain"));
    }
    Ok(Verdict { verified: walk.seq, broken: None })
}
