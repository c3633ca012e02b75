//! Password hashes: Argon2id on a bounded number of threads, never inside a transaction (W-07).
//!
//! Whoever asks and whatever is stored, one verification is one hash computed: for a name that nobody has, the hash
//! of a password that nobody knows. [`Passwords::computed`] counts them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use secrecy::{ExposeSecret as _, SecretString};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use crate::auth::policy::{self, Blocklist, PolicyContext};
use crate::base::{Error, Kind, Random, Result};
use crate::threads::CpuPool;

/// Most bytes of a password, as typed. Longer is refused before anything is computed.
pub const MAX_BYTES: usize = 1024;

/// What one hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub iterations: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for Cost {
    /// 19 MiB, two passes, one lane (W-07).
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, iterations: 2, lanes: 1 }
    }
}

impl Cost {
    /// Next to nothing: for tests that are not about the cost.
    #[must_use]
    pub fn trifling() -> Self {
        Self { memory_kib: 8, iterations: 1, lanes: 1 }
    }
}

/// How passwords are handled.
#[derive(Clone, Debug)]
pub struct PasswordOptions {
    /// What one hash costs.
    pub cost: Cost,
    /// Hashes computed at the same time.
    pub parallel: usize,
    /// Requests that may wait for their hash; beyond it callers are told to come back.
    pub max_waiting: usize,
    /// Fewest characters of a new password (W-06: 15 while the password is the only factor).
    pub min_length: usize,
    /// Passwords that are refused.
    pub blocklist: Blocklist,
}

impl Default for PasswordOptions {
    fn default() -> Self {
        let parallel = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            cost: Cost::default(),
            parallel,
            max_waiting: 64 * parallel,
            min_length: 15,
            blocklist: Blocklist::default(),
        }
    }
}

/// What a verification found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The password is not the one, or there is none.
    Wrong,
    /// It is the one.
    Right {
        /// The stored hash was made at another cost and should be made anew.
        outdated: bool,
    },
}

/// Hashes and verifies. Cheap to clone; all clones share the threads.
#[derive(Clone, Debug)]
pub struct Passwords(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    argon2: Argon2<'static>,
    cost: Cost,
    dummy: String,
    threads: CpuPool,
    under_way: AtomicUsize,
    most: usize,
    min_length: usize,
    blocklist: Blocklist,
    computed: AtomicU64,
}

/// A place in the queue, kept until the work is done: a request that is given up sets none free.
struct Place(Arc<Inner>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Passwords {
    /// Prepares hashing; computes the one hash that stands for people who are not there.
    pub fn new(options: PasswordOptions, random: &Random) -> Result<Self> {
        let cost = options.cost;
        let params = Params::new(cost.memory_kib, cost.iterations, cost.lanes, None)
            .map_err(|error| Error::internal(error.to_string()))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let dummy = compute(&argon2, random.token().as_bytes(), &random.bytes())?;
        Ok(Self(Arc::new(Inner {
            argon2,
            cost,
            dummy,
            threads: CpuPool::start(options.parallel).map_err(Error::internal)?,
            under_way: AtomicUsize::new(0),
            most: options.parallel.max(1).saturating_add(options.max_waiting),
            min_length: options.min_length,
            blocklist: options.blocklist,
            computed: AtomicU64::new(0),
        })))
    }

    /// Fewest characters of a new password, for the texts of forms.
    #[must_use]
    pub fn min_length(&self) -> usize {
        self.0.min_length
    }

    /// Hashes computed since the start, the dummy's among them.
    #[must_use]
    pub fn computed(&self) -> u64 {
        self.0.computed.load(Ordering::SeqCst)
    }

    /// Checks a new password against the policy and hashes it. The error says why it can't be accepted.
    pub async fn accept(
        &self,
        random: &Random,
        context: PolicyContext,
        password: &SecretString,
    ) -> Result<String> {
        let password = normalised(password, "password")?;
        let salt = random.bytes::<16>();
        self.run(move |inner| {
            policy::check(&password, inner.min_length, &context, &inner.blocklist)?;
            inner.computed.fetch_add(1, Ordering::SeqCst);
            compute(&inner.argon2, password.as_bytes(), &salt)
        })
        .await
    }

    /// Hashes a password that was just verified, at today's cost.
    pub async fn rehash(&self, random: &Random, password: &SecretString) -> Result<String> {
        let password = normalised(password, "password")?;
        let salt = random.bytes::<16>();
        self.run(move |inner| {
            inner.computed.fetch_add(1, Ordering::SeqCst);
            compute(&inner.argon2, password.as_bytes(), &salt)
        })
        .await
    }

    /// Compares a password with the stored hash; with none, computes a hash all the same.
    pub async fn verify(&self, stored: Option<String>, password: &SecretString) -> Result<Verdict> {
        let password = normalised(password, "password")?;
        self.run(move |inner| {
            let known = stored.is_some();
            let text = stored.as_deref().unwrap_or(&inner.dummy);
            let hash = PasswordHash::new(text).map_err(|error| Error::internal(error.to_string()))?;
            inner.computed.fetch_add(1, Ordering::SeqCst);
            let right = inner.argon2.verify_password(password.as_bytes(), &hash).is_ok();
            Ok(if right && known {
                Verdict::Right { outdated: inner.outdated(&hash) }
            } else {
                Verdict::Wrong
            })
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let place = self.place()?;
        self.0.threads.run(move || work(&place.0)).await?
    }

    fn place(&self) -> Result<Place> {
        let before = self.0.under_way.fetch_add(1, Ordering::SeqCst);
        let place = Place(Arc::clone(&self.0));
        if before < self.0.most {
            return Ok(place);
        }
        Err(Error::new(
            Kind::Unavailable,
            "overloaded",
            "Too many people are signing in at this moment. Try again in a few seconds.",
        )
        .retry_after(3))
    }
}

impl Inner {
    fn outdated(&self, hash: &PasswordHash) -> bool {
        let is = |name: &str, value: u32| hash.params.get_decimal(name) == Some(value);
        hash.algorithm.as_str() != "argon2id"
            || !is("m", self.cost.memory_kib)
            || !is("t", self.cost.iterations)
            || !is("p", self.cost.lanes)
    }
}

fn compute(argon2: &Argon2<'_>, password: &[u8], salt: &[u8; 16]) -> Result<String> {
    let hash =
        argon2.hash_password_with_salt(password, salt).map_err(|error| Error::internal(error.to_string()))?;
    Ok(hash.to_string())
}

/// NFKC, so that a password typed on another keyboard is the same one (W-06); nothing is cut off.
fn normalised(password: &SecretString, field: &str) -> Result<Zeroizing<String>> {
    let password = password.expose_secret();
    if password.len() > MAX_BYTES {
        return Err(Error::field(field, "too_long", "Too long. Use at most 1,024 bytes."));
    }
    Ok(Zeroizing::new(password.nfkc().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passwords(options: PasswordOptions) -> Passwords {
        Passwords::new(options, &Random::seeded(1)).unwrap()
    }

    fn cheap() -> PasswordOptions {
        PasswordOptions { cost: Cost::trifling(), ..PasswordOptions::default() }
    }

    #[tokio::test]
    async fn w_07_hashes_are_argon2id_of_19_mib_and_two_passes() {
        let passwords = passwords(PasswordOptions::default());
        let secret = SecretString::from("violet tram on the ninth hill");
        let hash = passwords.rehash(&Random::seeded(2), &secret).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let verdict = passwords.verify(Some(hash), &secret).await.unwrap();
        assert_eq!(verdict, Verdict::Right { outdated: false });
    }

    #[tokio::test]
    async fn w_07_a_hash_of_another_cost_is_outdated() {
        let old = passwords(cheap());
        let secret = SecretString::from("violet tram on the ninth hill");
        let hash = old.rehash(&Random::seeded(2), &secret).await.unwrap();
        let new = passwords(PasswordOptions { cost: Cost { iterations: 2, ..Cost::trifling() }, ..cheap() });
        assert_eq!(new.verify(Some(hash), &secret).await.unwrap(), Verdict::Right { outdated: true });
    }

    #[tokio::test]
    async fn a_26_nobody_costs_as_much_as_somebody() {
        let passwords = passwords(cheap());
        let secret = SecretString::from("x");
        assert_eq!(passwords.verify(None, &secret).await.unwrap(), Verdict::Wrong);
        assert_eq!(passwords.computed(), 1);
    }

    #[tokio::test]
    async fn w_06_a_megabyte_is_refused_before_hashing_and_nothing_is_cut_off() {
        let passwords = passwords(cheap());
        let huge = SecretString::from("x".repeat(1 << 20));
        assert_eq!(passwords.verify(None, &huge).await.unwrap_err().fields[0].code, "too_long");
        assert_eq!(passwords.computed(), 0);
        let (long, longer) = ("é".repeat(500), format!("{}x", "é".repeat(500)));
        let hash = passwords.rehash(&Random::seeded(2), &SecretString::from(long)).await.unwrap();
        assert_eq!(passwords.verify(Some(hash), &SecretString::from(longer)).await.unwrap(), Verdict::Wrong);
    }

    #[tokio::test]
    async fn w_06_one_password_in_two_unicode_forms_is_one_password() {
        let passwords = passwords(cheap());
        let hash =
            passwords.rehash(&Random::seeded(2), &SecretString::from("caf\u{e9} \u{fb01}")).await.unwrap();
        let other = SecretString::from("cafe\u{301} fi");
        assert!(matches!(passwords.verify(Some(hash), &other).await.unwrap(), Verdict::Right { .. }));
    }

    #[tokio::test]
    async fn av_08_w_07_beyond_the_queue_callers_are_told_to_come_back() {
        let passwords = passwords(PasswordOptions { parallel: 1, max_waiting: 0, ..cheap() });
        let held = passwords.place().unwrap();
        let error = passwords.verify(None, &SecretString::from("x")).await.unwrap_err();
        assert_eq!((error.kind, error.code, error.retry_after), (Kind::Unavailable, "overloaded", Some(3)));
        drop(held);
        passwords.verify(None, &SecretString::from("x")).await.unwrap();
    }
}
