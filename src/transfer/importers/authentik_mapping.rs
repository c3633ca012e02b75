//! What authentik's property mappings say: those that it brings along, and expressions that say no more than a property of a
//! person.

use super::draft::{Step, Value, custom};

/// A property mapping in our words.
pub(super) struct Mapped {
    pub(super) name: String,
    pub(super) friendly_name: Option<String>,
    pub(super) value: Value,
    pub(super) steps: Vec<Step>,
    pub(super) note: Option<&'static str>,
}

/// The mappings that authentik brings along, by their managed names or by the names that people see.
pub(super) fn well_known(name: &str) -> Result<Mapped, String> {
    let last = name.rsplit(['/', ':']).next().unwrap_or(name).trim().to_ascii_lowercase();
    let ours = name.starts_with("goauthentik.io/providers/saml/")
        || name.starts_with("authentik default SAML Mapping");
    let (saml_name, value, note) = match last.as_str() {
        _ if !ours => return Err("The mapping is not in the export.".to_owned()),
        "email" => (
            "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
            Value::source("email"),
            None,
        ),
        "upn" => (
            "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn",
            Value::source("email"),
            Some(
                "It was the person's attribute upn, and the e-mail address without one. Here it is always the e-mail address.",
            ),
        ),
        "name" => (
            "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
            Value::source("display_name"),
            None,
        ),
        "username" => {
            ("http://schemas.goauthentik.io/2021/02/saml/username", Value::source("username"), None)
        }
        "groups" => ("http://schemas.xmlsoap.org/claims/Group", Value::Groups(Vec::new()), None),
        "ms-windowsaccountname" | "windowsaccountname (username)" => (
            "http://schemas.microsoft.com/ws/2008/06/identity/claims/windowsaccountname",
            Value::source("username"),
            None,
        ),
        "uid" | "user id" => {
            return Err("It is the number of the person in authentik, which means nothing here.".to_owned());
        }
        _ => return Err("The mapping is not in the export.".to_owned()),
    };
    Ok(Mapped { name: saml_name.to_owned(), friendly_name: None, value, steps: Vec::new(), note })
}

/// An expression in Python that is one `return` of a property or a text, or all groups by their names.
pub(super) fn expression_value(expression: &str) -> Option<(Value, Vec<Step>)> {
    let lines = expression.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let lines: Vec<&str> = lines.take(4).collect();
    let plain = |line: &str| {
        line.replace("request.user", "user").replace("user.ak_groups.all()", "user.groups.all()")
    };
    if let [first, second] = lines.as_slice()
        && let Some(variable) =
            plain(first).strip_prefix("for ").and_then(|rest| rest.strip_suffix(" in user.groups.all():"))
        && *second == format!("yield {variable}.name")
    {
        return Some((Value::Groups(Vec::new()), Vec::new()));
    }
    let [line] = lines.as_slice() else { return None };
    let value = plain(line.strip_prefix("return ")?.trim());
    let list =
        value.strip_prefix('[').and_then(|rest| rest.strip_suffix(".name for group in user.groups.all()]"));
    if list == Some("group") {
        return Some((Value::Groups(Vec::new()), Vec::new()));
    }
    if let Some(text) = quoted(&value) {
        return Some((Value::Constant(vec![text.to_owned()]), Vec::new()));
    }
    property(&value)
}

/// A text in quotes without anything special in it.
fn quoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let inner = text.get(1..)?.strip_suffix(quote)?;
    (!inner.contains(quote) && !inner.contains('\\')).then_some(inner)
}

fn property(expression: &str) -> Option<(Value, Vec<Step>)> {
    let mut steps = Vec::new();
    let mut rest = expression;
    loop {
        let (step, shorter) = if let Some(shorter) = rest.strip_suffix(".lower()") {
            (Step::Lower, shorter)
        } else if let Some(shorter) = rest.strip_suffix(".upper()") {
            (Step::Upper, shorter)
        } else if let Some(shorter) =
            ["\"@\"", "'@'"].iter().find_map(|at| rest.strip_suffix(&format!(".split({at})[0]")))
        {
            (Step::LocalPart, shorter)
        } else {
            break;
        };
        if steps.len() >= 8 {
            return None;
        }
        steps.insert(0, step);
        rest = shorter;
    }
    let value = match rest {
        "user.email" => Value::source("email"),
        "user.username" => Value::source("username"),
        "user.name" => Value::source("display_name"),
        _ => of_attributes(rest)?,
    };
    Some((value, steps))
}

/// `user.attributes["x"]`, `user.attributes.get("x")`, also with nothing as what stands in for it.
fn of_attributes(expression: &str) -> Option<Value> {
    let rest = expression.strip_prefix("user.attributes")?;
    let inner = match rest.strip_prefix(".get(") {
        Some(inner) => {
            let inner = inner.strip_suffix(')')?;
            let name =
                inner.split_once(',').filter(|(_, default)| matches!(default.trim(), "None" | "\"\"" | "''"));
            if inner.contains(',') { name?.0 } else { inner }
        }
        None => rest.strip_prefix('[')?.strip_suffix(']')?,
    };
    custom(quoted(inner.trim())?)
}
