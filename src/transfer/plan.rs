//! What applying comes to, step by step, in words.

use std::fmt;

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Makes something new.
    Create,
    /// Changes something.
    Update,
    /// Takes something away.
    Delete,
    /// Leaves something as it is.
    Keep,
}

/// What sort of thing a step is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The installation's settings.
    Settings,
    /// A group.
    Group,
    /// An application.
    Application,
}

/// One field before and after, as texts to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChange {
    /// Dotted name of the field.
    pub field: String,
    /// Before.
    pub old: String,
    /// After.
    pub new: String,
}

impl fmt::Display for FieldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} → {}", self.field, self.old, self.new)
    }
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it does.
    pub verb: Verb,
    /// What sort of thing it is about.
    pub subject: Subject,
    /// Which one: a slug, or a group's name.
    pub name: String,
    /// The fields that change, for [`Verb::Update`].
    pub changes: Vec<FieldChange>,
    /// What else is worth knowing.
    pub note: Option<String>,
}

impl Step {
    pub(in crate::transfer) fn new(verb: Verb, subject: Subject, name: &str) -> Self {
        Self { verb, subject, name: name.to_owned(), changes: Vec::new(), note: None }
    }

    /// An update, or nothing at all when no field differs.
    pub(in crate::transfer) fn of_changes(subject: Subject, name: &str, changes: Vec<FieldChange>) -> Self {
        let verb = if changes.is_empty() { Verb::Keep } else { Verb::Update };
        Self { changes, ..Self::new(verb, subject, name) }
    }

    pub(in crate::transfer) fn noting(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// The lines that tell it: one for each field of an update, one for anything else.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let what = match self.subject {
            Subject::Settings => "settings".to_owned(),
            Subject::Group => format!("group {:?}", self.name),
            Subject::Application => format!("application {}", self.name),
        };
        let verb = match self.verb {
            Verb::Create => "create",
            Verb::Update => "update",
            Verb::Delete => "delete",
            Verb::Keep => "unchanged",
        };
        if self.verb == Verb::Update {
            return self.changes.iter().map(|change| format!("{verb} {what}: {change}")).collect();
        }
        let note = self.note.as_deref().map(|note| format!(" ({note})")).unwrap_or_default();
        vec![format!("{verb} {what}{note}")]
    }
}

/// All steps, in the order in which they are taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Whether anything would be different afterwards.
    #[must_use]
    pub fn changes_anything(&self) -> bool {
        self.steps.iter().any(|step| step.verb != Verb::Keep)
    }

    /// How many things a verb is done to.
    #[must_use]
    pub fn count(&self, verb: Verb) -> usize {
        self.steps.iter().filter(|step| step.verb == verb).count()
    }

    /// Slugs of the applications that would be deleted.
    #[must_use]
    pub fn deleted_applications(&self) -> Vec<&str> {
        let deleted = |step: &&Step| step.verb == Verb::Delete && step.subject == Subject::Application;
        self.steps.iter().filter(deleted).map(|step| step.name.as_str()).collect()
    }
}
