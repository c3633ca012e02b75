//! Events as people read them: a sentence, then the name, then what is folded.

use serde_json::Value as Json;

use crate::base::{Timestamp, urls};
use crate::events::EventName;
use crate::events::query::EventView;
use crate::web::pages::parts::{Change, EventDay, EventLine, Fact, Piece, Sentence, Tone, When};
use crate::web::shown::{device, time};

/// Longest value that is shown; the export has the whole.
const LONGEST: usize = 300;

/// Events by day, as they come: newest first.
#[must_use]
pub fn days(events: &[EventView], now: Timestamp) -> Vec<EventDay> {
    let mut days: Vec<EventDay> = Vec::new();
    let mut current = None;
    for event in events {
        let number = time::day_number(event.at);
        if current != Some(number) {
            current = Some(number);
            days.push(EventDay { label: time::day_label(event.at, now), events: Vec::new() });
        }
        if let Some(day) = days.last_mut() {
            day.events.push(line(event, time::clock_time(event.at)));
        }
    }
    days
}

/// Events without days, each with its date: for short lists.
#[must_use]
pub fn lines(events: &[EventView], now: Timestamp) -> Vec<EventLine> {
    events.iter().map(|event| line(event, time::when(event.at, now).text)).collect()
}

fn line(event: &EventView, text: String) -> EventLine {
    let mut meta = Vec::new();
    if event.user_agent.is_some() {
        meta.push(device::device(event.user_agent.as_deref()));
    }
    meta.extend(event.source.clone());
    meta.push(format!("reference {}", event.request_id));
    let (details, changes) = folded(event);
    EventLine {
        when: When { iso: event.at.to_rfc3339(), text },
        tone: tone(event),
        sentence: sentence(event),
        name: event.name.clone(),
        meta: meta.join(", "),
        details,
        changes,
    }
}

fn tone(event: &EventView) -> Tone {
    match (event.outcome.as_str(), event.name.as_str()) {
        ("denied", _) => Tone::Warn,
        ("failure", _) => Tone::Danger,
        (
            _,
            "sso_auth"
            | "sso_logout"
            | "user_login_attempt"
            | "user_logout"
            | "user_reauthenticate"
            | "application_open",
        ) => Tone::Ok,
        _ => Tone::Accent,
    }
}

fn sentence(event: &EventView) -> Sentence {
    let mut pieces = vec![actor(event), Piece::plain(" ")];
    let verb = match event.name.parse::<EventName>() {
        Ok(EventName::UserLoginAttempt) if event.outcome == "success" => "signed in",
        Ok(EventName::IdmApproval) if event.details.get("approved") == Some(&Json::Bool(true)) => {
            "said yes to a change at an application"
        }
        Ok(EventName::IdmApproval) => "said no to a change at an application",
        Ok(name) => name.sentence(),
        Err(()) => "did something this version does not know",
    };
    pieces.push(Piece::plain(verb));
    // Of a sign-in the person is actor and target: once is enough.
    let about_self = event.target_id.is_some() && event.target_id == event.actor_id;
    // Whose account it was belongs to a decision all the same.
    let about_self = about_self && event.name != EventName::IdmApproval.as_str();
    let target = event.target_name.as_deref().filter(|name| !name.is_empty() && !about_self);
    if let Some(target) = target {
        // "tried to sign in as octavia", "changed a group: Sales"
        let attempt = event.name == EventName::UserLoginAttempt.as_str();
        pieces.push(Piece::plain(if attempt { " as " } else { ": " }));
        pieces.push(Piece { text: cut(target), strong: true, href: target_href(event) });
    }
    let label =
        ["application", "label"].iter().find_map(|key| event.details.get(*key).and_then(Json::as_str));
    if let Some(label) = label.filter(|label| Some(*label) != event.target_name.as_deref()) {
        pieces.push(Piece::plain(", "));
        pieces.push(Piece::strong(cut(label)));
    }
    match event.outcome.as_str() {
        // Some say it already.
        "denied" if verb.contains("refused") => {}
        "denied" => pieces.push(Piece::plain(", and was refused")),
        "failure" => pieces.push(Piece::plain(". It failed.")),
        _ => {}
    }
    Sentence { pieces }
}

fn actor(event: &EventView) -> Piece {
    let name = event.actor_name.as_deref().map(cut);
    match event.actor_kind.as_str() {
        "user" => Piece {
            text: name.unwrap_or_else(|| "A person".to_owned()),
            strong: true,
            href: event.actor_id.as_deref().map(urls::admin_user).unwrap_or_default(),
        },
        "token" => Piece::strong(format!("API token {}", name.unwrap_or_default()).trim_end().to_owned()),
        "command_line" => Piece::strong("Someone at the command line"),
        "system" => Piece::strong("Tessera"),
        _ => Piece::strong("Somebody not signed in"),
    }
}

/// Where the target leads; nothing for what is deleted by the very event.
fn target_href(event: &EventView) -> String {
    let Some(id) = event.target_id.as_deref().filter(|_| !event.name.ends_with("_delete")) else {
        return String::new();
    };
    match event.target_kind.as_deref() {
        Some("user") => urls::admin_user(id),
        Some("group") => urls::admin_group(id),
        Some("application") => urls::admin_general(id),
        _ => String::new(),
    }
}

fn folded(event: &EventView) -> (Vec<Fact>, Vec<Change>) {
    let mut facts = vec![Fact::mono("Event", event.id.to_string())];
    let mut changes = Vec::new();
    let absent = Json::Null;
    let (before, after) =
        (event.details.get("before").unwrap_or(&absent), event.details.get("after").unwrap_or(&absent));
    if let (Json::Object(before), Json::Object(after)) = (before, after) {
        changes.extend(after.iter().map(|(field, new)| Change {
            field: words(field),
            old: before.get(field).and_then(shown),
            new: shown(new),
        }));
    }
    for (key, value) in &event.details {
        match (key.as_str(), value) {
            ("before" | "after", Json::Object(_)) => {}
            ("changed", Json::Array(fields)) => changes.extend(fields.iter().map(|field| Change {
                field: field.get("field").and_then(Json::as_str).map(words).unwrap_or_default(),
                old: field.get("old").and_then(shown),
                new: field.get("new").and_then(shown),
            })),
            _ => facts.extend(shown(value).map(|value| Fact::mono(words(key), value))),
        }
    }
    (facts, changes)
}

/// `session_idle_minutes` as "Session idle minutes".
fn words(name: &str) -> String {
    let name = name.replace(['_', '.'], " ");
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A value as text; `None` for nothing.
#[must_use]
pub fn shown(value: &Json) -> Option<String> {
    match value {
        Json::Null => None,
        Json::String(text) if text.is_empty() => None,
        Json::String(text) => Some(cut(text)),
        Json::Bool(true) => Some("yes".to_owned()),
        Json::Bool(false) => Some("no".to_owned()),
        Json::Array(items) if items.is_empty() => None,
        Json::Array(items) if items.iter().all(Json::is_string) => {
            Some(cut(&items.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(", ")))
        }
        other => Some(cut(&other.to_string())),
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(name: &str, outcome: &str, details: Json) -> EventView {
        let Json::Object(details) = details else { panic!("details are an object") };
        EventView {
            id: "01890000-0000-7000-8000-000000000001".parse().unwrap(),
            at: Timestamp(1_795_334_400_000),
            name: name.to_owned(),
            outcome: outcome.to_owned(),
            actor_kind: "user".to_owned(),
            actor_id: Some("u1".to_owned()),
            actor_name: Some("marcus".to_owned()),
            target_kind: Some("group".to_owned()),
            target_id: Some("g1".to_owned()),
            target_name: Some("<b>Marketing</b>".to_owned()),
            application_id: None,
            request_id: "REF".to_owned(),
            source: Some("192.0.2.1".to_owned()),
            user_agent: None,
            details,
        }
    }

    #[test]
    fn an_event_is_a_sentence_with_links_and_no_html_of_its_own() {
        let line = &lines(&[event("group_update", "success", json!({}))], Timestamp(1_795_334_400_000))[0];
        let html = line.sentence.to_string();
        assert!(html.contains("marcus</a></strong> changed a group: "), "{html}");
        assert!(html.contains("&#60;b&#62;Marketing"), "{html}");
        assert_eq!(line.meta, "192.0.2.1, reference REF");
    }

    #[test]
    fn what_changed_is_shown_as_before_and_after() {
        let details = json!({"changed": [{"field": "label", "old": "A", "new": "B"}], "slug": "a"});
        let line = &lines(&[event("application_update", "denied", details)], Timestamp(0))[0];
        assert_eq!((line.changes[0].old.as_deref(), line.changes[0].new.as_deref()), (Some("A"), Some("B")));
        assert!(line.details.iter().any(|fact| fact.label == "Slug" && fact.value == "a"));
        assert!(line.sentence.to_string().ends_with("and was refused"));
    }
}
