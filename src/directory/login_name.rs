//! Sign-in names: usernames and e-mail addresses, one name space, compared without regard to case or width
//! (decision 13). Two spellings of one name have one key.

use unicode_normalization::UnicodeNormalization as _;

/// Most characters of a username.
pub const MAX_USERNAME: usize = 128;
/// Most bytes of an e-mail address (RFC 5321 4.5.3.1).
pub const MAX_EMAIL: usize = 254;
/// Most bytes of what is typed at sign-in; longer can't be anyone's name.
pub const MAX_LOGIN: usize = 1024;

/// Folds case and compatibility forms: NFKC, upper then lower case of each character (which takes `ß`, `ſ` and
/// final sigma to one form), NFKC again. U+0000, which PostgreSQL can't hold, becomes U+FFFD.
#[must_use]
pub fn fold(text: &str) -> String {
    let usable = text.chars().map(|c| if c == '\0' { char::REPLACEMENT_CHARACTER } else { c });
    usable.nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfkc().collect()
}

/// The key under which a username, an e-mail address or what someone typed at sign-in is unique. An international
/// domain counts by its ASCII form.
#[must_use]
pub fn login_key(text: &str) -> String {
    let text = text.trim();
    if let Some((local, domain)) = text.rsplit_once('@')
        && let Ok(ascii) = idna::domain_to_ascii(domain)
        && !ascii.is_empty()
    {
        return format!("{}@{ascii}", fold(local));
    }
    fold(text)
}

/// The username in its stored form, or the code and sentence of what is wrong with it.
pub(in crate::directory) fn check_username(text: &str) -> Result<String, (&'static str, &'static str)> {
    let name: String = text.trim().nfc().collect();
    if name.is_empty() {
        return Err(("required", "Give a username."));
    }
    if name.chars().count() > MAX_USERNAME {
        return Err(("too_long", "Too long. Use at most 128 characters."));
    }
    if !name.chars().all(|c| c.is_alphanumeric() || "._%+@-".contains(c)) {
        return Err(("username_shape", "Use letters, digits and ._%+@- only."));
    }
    // A Cyrillic а among Latin letters makes a name that looks like another (A-40, IM-05).
    if name.chars().any(|c| c.is_ascii_alphabetic()) && !name.chars().all(is_latin_or_neutral) {
        return Err(("mixed_scripts", "Use letters of one script: these look alike and are not the same."));
    }
    Ok(name)
}

fn is_latin_or_neutral(c: char) -> bool {
    !c.is_alphabetic() || matches!(u32::from(c), 0..=0x24F | 0x1E00..=0x1EFF)
}

/// The address in its stored form: an `addr-spec` (RFC 5322 3.4.1) whose local part is a dot-atom in ASCII and
/// whose domain is a host name; an international domain is kept in its ASCII form, because a NameID of format
/// `emailAddress` must be one too (Core 8.3.2).
pub(in crate::directory) fn check_email(text: &str) -> Result<String, (&'static str, &'static str)> {
    const SHAPE: (&str, &str) = ("email_shape", "Write an address like name@example.com.");
    let text = text.trim();
    if text.is_empty() {
        return Err(("required", "Give an e-mail address."));
    }
    let (local, domain) = text.rsplit_once('@').ok_or(SHAPE)?;
    let atom = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
    };
    if local.len() > 64 || !local.split('.').all(atom) {
        return Err(SHAPE);
    }
    let ascii = idna::domain_to_ascii_strict(domain).map_err(|_| SHAPE)?;
    let label =
        |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !ascii.split('.').all(label)
        || ascii.split('.').next_back().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()))
    {
        return Err(SHAPE);
    }
    let domain = if domain.is_ascii() { domain } else { ascii.as_str() };
    let email = format!("{local}@{domain}");
    if email.len() > MAX_EMAIL {
        Err(("too_long", "Too long. Use at most 254 characters."))
    } else {
        Ok(email)
    }
}

/// Whether a text is, to the letter, an address in its stored form.
#[must_use]
pub fn is_addr_spec(text: &str) -> bool {
    check_email(text).is_ok_and(|stored| stored == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_in_many_spellings_has_one_key() {
        for (one, other) in [
            ("Ada", "aDA"),
            ("Straße", "STRASSE"),
            ("ﬁona", "fiona"),
            ("Ａｄａ", "ada"),
            ("Ada@Bücher.example", "ada@xn--bcher-kva.EXAMPLE"),
            (" ada ", "ada"),
        ] {
            assert_eq!(login_key(one), login_key(other), "{one}");
        }
        assert_ne!(login_key("ada"), login_key("ad\u{430}"));
    }

    #[test]
    fn usernames_are_letters_digits_and_six_signs() {
        for good in ["a", "ada.lovelace", "ada+x@example.com", "50%_-", "zoë", "Ада", &"x".repeat(128)] {
            assert!(check_username(good).is_ok(), "{good}");
        }
        for bad in ["", " ", "a b", "a/b", "a\u{200b}b", "a\"", "<a>", "\u{430}dmin", &"x".repeat(129)] {
            assert!(check_username(bad).is_err(), "{bad:?}");
        }
        assert_eq!(check_username("\u{430}dmin").unwrap_err().0, "mixed_scripts");
    }

    #[test]
    fn addresses_are_addr_specs() {
        for good in ["a@b", "first.last+tag@example.com", "o'neil@sub.example.co.uk", "x@bücher.example"] {
            assert!(check_email(good).is_ok(), "{good}");
        }
        assert_eq!(check_email("x@bücher.example").unwrap(), "x@xn--bcher-kva.example");
        let long = format!("{}@example.com", "a".repeat(65));
        for bad in [
            "",
            "a",
            "@b",
            "a@",
            "a b@c",
            ".a@b",
            "a..b@c",
            "a.@b",
            "a@b..c",
            "a@-b",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a@b_c",
            "é@b",
            "a@b\r\nBcc: c@d",
            "<a@b>",
            "a@b,c@d",
            "\"a\"@b",
            long.as_str(),
        ] {
            assert!(check_email(bad).is_err(), "{bad}");
        }
    }
}
