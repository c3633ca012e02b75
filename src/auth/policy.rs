//! Which new passwords are accepted (W-06): long enough, not guessable, not made of words about the person, the
//! organisation or the product. Nothing is asked of their composition, and the reason of a refusal is said.

use std::path::Path;
use std::sync::Arc;

use openssl::sha::sha256;
use zxcvbn::feedback::{Feedback, Warning};
use zxcvbn::{Score, zxcvbn};

use crate::base::{Error, Result};
use crate::directory::login_name::fold;
use crate::directory::{NewPerson, Person};

/// Words about the person and the place, which a password must not be made of.
#[derive(Clone, Debug, Default)]
pub struct PolicyContext(Vec<String>);

impl PolicyContext {
    /// The words about this person and organisation, and the product's name.
    #[must_use]
    pub fn new(person: &Person, organisation: &str) -> Self {
        let profile = &person.profile;
        let names = [&profile.first_name, &profile.last_name, &profile.display_name, &profile.company];
        Self::of(&person.username, &person.email, names, organisation)
    }

    /// The same for a person who is to be created.
    #[must_use]
    pub fn for_new(person: &NewPerson, organisation: &str) -> Self {
        let names = [&person.first_name, &person.last_name, &person.display_name, &person.company];
        Self::of(&person.username, &person.email, names, organisation)
    }

    fn of(username: &str, email: &str, names: [&Option<String>; 4], organisation: &str) -> Self {
        let mut words = vec!["tessera", username, email, organisation];
        words.extend(email.split(['@', '.', '+', '-']));
        words.extend(username.split(['@', '.', '+', '-', '_']));
        words.extend(names.into_iter().flatten().map(String::as_str));
        words.extend(organisation.split_whitespace());
        words.retain(|word| word.chars().count() >= 3);
        Self(words.into_iter().map(fold).collect())
    }
}

/// Passwords that are refused beyond those the product knows: kept as hashes, 8 bytes each.
#[derive(Clone, Default)]
pub struct Blocklist(Arc<[u64]>);

impl std::fmt::Debug for Blocklist {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Blocklist({})", self.0.len())
    }
}

impl Blocklist {
    /// From lines of text, one password each, in any case.
    #[must_use]
    pub fn from_lines(lines: &str) -> Self {
        let mut hashes: Vec<u64> =
            lines.lines().map(str::trim).filter(|line| !line.is_empty()).map(Self::hash).collect();
        hashes.sort_unstable();
        hashes.dedup();
        Self(hashes.into())
    }

    /// From the file of `--password-blocklist`.
    pub fn from_file(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::field(
                "password_blocklist",
                "unreadable_file",
                format!("{} can't be read: {error}", path.display()),
            )
        })?;
        Ok(Self::from_lines(&text))
    }

    fn contains(&self, password: &str) -> bool {
        self.0.binary_search(&Self::hash(password)).is_ok()
    }

    fn hash(password: &str) -> u64 {
        let digest = sha256(fold(password).as_bytes());
        u64::from_be_bytes(digest[..8].try_into().expect("a SHA-256 digest has 32 bytes"))
    }
}

/// Checks a password that is in NFKC already.
pub(in crate::auth) fn check(
    password: &str,
    min_length: usize,
    context: &PolicyContext,
    blocklist: &Blocklist,
) -> Result<()> {
    let length = password.chars().count();
    if length < min_length {
        let counted = if length == 1 { "1 character".to_owned() } else { format!("{length} characters") };
        return Err(refused("too_short", format!("Too short: {counted}. Use at least {min_length}.")));
    }
    if blocklist.contains(password) {
        return Err(refused("blocked", "This password is on a list of known ones. Choose another."));
    }
    let words: Vec<&str> = context.0.iter().map(String::as_str).collect();
    let folded = fold(password);
    // What is left when every word about the person is taken out must still be a password.
    let rest = words.iter().fold(folded.clone(), |rest, word| rest.replace(*word, ""));
    if rest.chars().count() < min_length.min(8) {
        return Err(refused(
            "personal_words",
            "Made of names that others know of you. Add words that have nothing to do with you.",
        ));
    }
    let strength = zxcvbn(&folded, &words);
    if strength.score() >= Score::Three {
        return Ok(());
    }
    let warning = strength.feedback().and_then(Feedback::warning);
    Err(refused(
        "too_easy",
        format!("{} Use a few words that have nothing to do with each other.", reason(warning)),
    ))
}

fn reason(warning: Option<Warning>) -> &'static str {
    use Warning as W;
    match warning {
        Some(W::StraightRowsOfKeysAreEasyToGuess | W::ShortKeyboardPatternsAreEasyToGuess) => {
            "Rows of keys are easy to guess."
        }
        Some(W::RepeatsLikeAaaAreEasyToGuess | W::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess) => {
            "Repeated characters are easy to guess."
        }
        Some(
            W::ThisIsATop10Password
            | W::ThisIsATop100Password
            | W::ThisIsACommonPassword
            | W::ThisIsSimilarToACommonlyUsedPassword,
        ) => "This is like a password that many people use.",
        Some(W::SequencesLikeAbcAreEasyToGuess) => "Sequences like abc or 6543 are easy to guess.",
        Some(W::RecentYearsAreEasyToGuess | W::DatesAreOftenEasyToGuess) => {
            "Dates and years are easy to guess."
        }
        Some(W::NamesAndSurnamesByThemselvesAreEasyToGuess | W::CommonNamesAndSurnamesAreEasyToGuess) => {
            "Names are easy to guess."
        }
        Some(W::AWordByItselfIsEasyToGuess) | None => "This is easy to guess.",
    }
}

fn refused(code: &'static str, message: impl Into<String>) -> Error {
    Error::field("password", code, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(password: &str) -> String {
        let words = ["tessera", "ada.lovelace", "lovelace", "ada", "analytical", "engines ltd"];
        let context = PolicyContext(words.iter().map(|word| (*word).to_owned()).collect());
        let blocklist = Blocklist::from_lines("Correct Horse Battery Staple\n\nother\n");
        match check(password, 15, &context, &blocklist) {
            Ok(()) => "ok".to_owned(),
            Err(error) => error.fields[0].code.to_string(),
        }
    }

    #[test]
    fn w_06_table_of_accepted_and_refused_passwords() {
        for (password, expected) in [
            ("violet tram on the ninth hill", "ok"),
            ("ünïcödé wörds ärë fïnë", "ok"),
            ("лиловый трамвай на горе", "ok"),
            ("kq83hf0s8dvm2kd", "ok"),
            ("short one", "too_short"),
            ("aaaaaaaaaaaaaaaaaaaa", "too_easy"),
            ("passwordpassword", "too_easy"),
            ("qwertyuiopasdfghjkl", "too_easy"),
            ("123456789012345678", "too_easy"),
            ("correct horse battery staple", "blocked"),
            ("CORRECT HORSE BATTERY STAPLE", "blocked"),
            ("Ada.Lovelace.Ada.Lovelace", "personal_words"),
            ("tesseratessera1", "personal_words"),
            ("analytical-tessera-7", "personal_words"),
        ] {
            assert_eq!(code(password), expected, "{password}");
        }
    }

    #[test]
    fn w_06_each_code_point_counts_once() {
        assert_eq!(code("ñandú y ñu azul"), "ok", "15 characters, 18 bytes");
        assert_eq!(code("ñandú y ñu azu"), "too_short", "14 characters, 17 bytes");
    }
}
