//! Applications of a blueprint: each with its provider, who may use it, and what of it has no place here.

use serde_json::Value as Json;

use super::super::Fault;
use super::super::draft::Draft;
use super::super::report::Report;
use super::super::words::says_something;
use super::{Blueprint, PROVIDER, UNKNOWN};

const GROUP: &str = "authentik_core.group";
/// Fields of an application that are read, or change nothing.
const KNOWN: &[&str] = &[
    "pk",
    "pbm_uuid",
    "name",
    "slug",
    "provider",
    "backchannel_providers",
    "meta_launch_url",
    "meta_description",
    "policy_engine_mode",
    "component",
];

impl Blueprint<'_> {
    /// An application with its provider, or a bookmark.
    pub(super) fn application(&self, at: usize, used: &mut [bool], report: &mut Report) -> Result<(), Fault> {
        let label = self.text(at, "name").or_else(|| self.text(at, "slug")).unwrap_or_default();
        let mut draft = Draft::new(&label);
        let provider = self.field(at, "provider");
        let found = provider.and_then(|provider| self.entry(provider, &[PROVIDER]));
        let launch = self.text(at, "meta_launch_url").filter(|url| !url.trim().is_empty());
        match (provider, found) {
            (None, _) if launch.as_deref().is_some_and(|url| draft.bookmark(url)) => {}
            (None, _) => {
                report.other("applications without a provider", &label);
                return Ok(());
            }
            (Some(_), Some(found)) if self.model(found) == PROVIDER && used[found] => {
                report.other("applications with the provider of another one", &label);
                return Ok(());
            }
            (Some(_), Some(found)) if self.model(found) == PROVIDER => {
                used[found] = true;
                self.provider(&mut draft, found, report);
                launch_url(&mut draft, launch.as_deref());
            }
            (Some(_), Some(found)) => {
                report.other(&self.model(found), &label);
                return Ok(());
            }
            (Some(_), None) => {
                report.other("applications whose SAML provider is not in the export", &label);
                return Ok(());
            }
        }
        if let Some(description) = self.text(at, "meta_description") {
            draft.describe("meta_description", &description);
        }
        if self.entries[at].get("conditions").is_some_and(says_something) {
            draft.leave(
                "conditions",
                "The entry counted only under conditions. It is carried whatever they say.",
            );
        }
        if self.field(at, "backchannel_providers").is_some_and(says_something) {
            draft.leave(
                "backchannel_providers",
                "Provisioning is not carried. Set up identity management, with a new token.",
            );
        }
        self.lost(&mut draft, at);
        self.bound(&mut draft, at);
        report.push(draft)
    }

    /// What an application has there and has no place here.
    fn lost(&self, draft: &mut Draft, at: usize) {
        for part in ["attrs", "identifiers"] {
            for (name, value) in self.entries[at].get(part).and_then(Json::as_object).into_iter().flatten() {
                if KNOWN.contains(&name.as_str()) || !says_something(value) {
                    continue;
                }
                let why = match name.as_str() {
                    "group" => {
                        "Applications stand under no headings here. Name it in the description where people look for it."
                    }
                    "meta_icon" => "Logos are not carried. Upload it on the application's page.",
                    "meta_publisher" => {
                        "Nobody is named as its publisher here. Name them in the description where people have to know."
                    }
                    "open_in_new_tab" => {
                        "Every application opens in the tab of the portal. People can open another one for it."
                    }
                    _ => UNKNOWN,
                };
                draft.leave(name, why);
            }
        }
    }

    /// Who may use it: only where groups alone decide, for then it is the same here.
    fn bound(&self, draft: &mut Draft, at: usize) {
        const WHAT: &str = "policybinding";
        let bindings = self.bindings.get(&at).map_or(&[][..], Vec::as_slice);
        let is_unsure = |binding: &usize| {
            let is_unknown =
                |name| self.field(*binding, name).is_some() && self.is_on(*binding, name).is_none();
            is_unknown("enabled")
                || is_unknown("negate")
                || self.entries[*binding].get("conditions").is_some()
        };
        let mode = self.field(at, "policy_engine_mode").map(|_| self.text(at, "policy_engine_mode"));
        let is_known = mode.is_none_or(|mode| matches!(mode.as_deref(), Some("any" | "all")));
        if !is_known || bindings.iter().any(is_unsure) {
            draft.leave(WHAT, "What is bound depends on values that are not in the export, so none was bound. Bind the groups that shall use it.");
            return;
        }
        let counts = |binding: &&usize| self.is_on(**binding, "enabled") != Some(false);
        let bindings: Vec<usize> = bindings.iter().filter(counts).copied().collect();
        if bindings.is_empty() {
            draft.leave(WHAT, "Nothing is bound to it in the export: everybody could use it. Bind the groups that shall, or Everyone.");
            return;
        }
        let all = self.text(at, "policy_engine_mode").as_deref() == Some("all");
        if all && bindings.len() > 1 {
            draft.leave(WHAT, "All of what is bound had to hold. Here one group is enough, so none was bound. Make a group of those who shall use it.");
            return;
        }
        for binding in bindings {
            match self.field(binding, "group").map(|group| self.group_name(group)) {
                Some(_) if self.is_on(binding, "negate") == Some(true) => {
                    draft.leave(WHAT, "A group was kept out. Here groups only let in: bind the groups that shall use it.");
                }
                Some(Some(name)) => draft.group(WHAT, &name),
                Some(None) => draft.leave(WHAT, "A group's name is not in the export. Bind the group by hand."),
                None => draft.leave(WHAT, "A policy or one person is bound to it. Here only groups are: make one of those who shall use it."),
            }
        }
    }

    fn group_name(&self, value: &Json) -> Option<String> {
        if let Some(at) = self.entry(value, &[GROUP]) {
            return self.text(at, "name");
        }
        // A group that is not in the export can still be told by its name.
        self.found_by(value, "name")
    }
}

/// Where its tile leads.
fn launch_url(draft: &mut Draft, url: Option<&str>) {
    match url {
        Some("blank://blank") => draft.hide(),
        Some(url) if url.contains("%(") => {
            draft.leave("meta_launch_url", "The address is made from the person's name. A login URL here is the same for everyone: set it by hand.");
        }
        Some(url) => draft.login_url("meta_launch_url", url),
        None => {}
    }
}
