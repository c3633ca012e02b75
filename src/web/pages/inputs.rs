//! Inputs of a form, each with its label, its help and what was wrong with it.

use std::borrow::Borrow;

use askama::Template;
use askama::filters::HtmlSafe;

/// The `id` of the input with this name.
#[must_use]
pub fn input_id(name: &str) -> String {
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    format!("f-{name}")
}

/// A text input with label, help and error.
#[derive(Template)]
#[template(path = "parts/field.html")]
#[expect(clippy::struct_excessive_bools, reason = "each stands for an attribute of the input")]
pub struct Field {
    name: String,
    id: String,
    label: String,
    value: String,
    error: Option<String>,
    kind: &'static str,
    help: String,
    autocomplete: &'static str,
    placeholder: String,
    pattern: String,
    inputmode: &'static str,
    list: String,
    maxlength: u32,
    minlength: u32,
    rows: u8,
    optional: bool,
    required: bool,
    mono: bool,
    readonly: bool,
    autofocus: bool,
    literal: bool,
}

impl Field {
    /// A text input named `name`.
    pub fn new(name: &str, label: &str, value: &str, error: Option<&str>) -> Self {
        Self {
            name: name.to_owned(),
            id: input_id(name),
            label: label.to_owned(),
            value: value.to_owned(),
            error: error.map(str::to_owned),
            kind: "text",
            help: String::new(),
            autocomplete: "off",
            placeholder: String::new(),
            pattern: String::new(),
            inputmode: "",
            list: String::new(),
            maxlength: 0,
            minlength: 0,
            rows: 0,
            optional: false,
            required: false,
            mono: false,
            readonly: false,
            autofocus: false,
            literal: false,
        }
    }

    fn described_by(&self) -> String {
        let mut ids = Vec::new();
        if self.error.is_some() {
            ids.push(format!("{}-e", self.id));
        }
        if !self.help.is_empty() {
            ids.push(format!("{}-h", self.id));
        }
        ids.join(" ")
    }
}

macro_rules! setters {
    ($type:ident { $($(#[$doc:meta])* $name:ident: $arg:ty => $convert:path;)* } flags { $($(#[$flag_doc:meta])* $flag:ident;)* }) => {
        impl $type {
            $($(#[$doc])* #[must_use] pub fn $name(mut self, value: $arg) -> Self {
                self.$name = $convert(value);
                self
            })*
            $($(#[$flag_doc])* #[must_use] pub fn $flag(mut self) -> Self {
                self.$flag = true;
                self
            })*
        }
    };
}

setters! {
    Field {
        /// `type` of the input.
        kind: &'static str => std::convert::identity;
        /// Sentence below it.
        help: &str => str::to_owned;
        /// `autocomplete`; `off` unless said.
        autocomplete: &'static str => std::convert::identity;
        /// An example inside it.
        placeholder: &str => str::to_owned;
        /// What its value must match.
        pattern: &str => str::to_owned;
        /// The keyboard to offer.
        inputmode: &'static str => std::convert::identity;
        /// Id of a `datalist`.
        list: &str => str::to_owned;
        /// Most characters.
        maxlength: u32 => std::convert::identity;
        /// Fewest characters.
        minlength: u32 => std::convert::identity;
        /// Makes it a text area of so many rows.
        rows: u8 => std::convert::identity;
    } flags {
        /// Says that it may stay empty.
        optional;
        /// Must be filled in.
        required;
        /// Set in monospace.
        mono;
        /// Shown, not changed.
        readonly;
        /// Focused when the page opens.
        autofocus;
        /// An identifier: no capitals, no spelling.
        literal;
    }
}

impl Field {
    /// Makes it ask for a new password of at least so many characters; paste and password managers work.
    #[must_use]
    pub fn new_password(self, min: impl Borrow<u32>) -> Self {
        let min = *min.borrow();
        let help = format!(
            "At least {min} characters. A few unrelated words are easier to remember and harder to guess than one odd word."
        );
        self.kind("password").autocomplete("new-password").minlength(min).help(&help)
    }

    /// Gives it an id of its own, where two forms of a page have inputs of the same name.
    #[must_use]
    pub fn id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.id);
        self
    }
}

impl HtmlSafe for Field {}

/// One of several things to choose from.
#[derive(Clone, Default)]
pub struct Choice {
    /// What the form posts.
    pub value: String,
    /// What the person reads.
    pub label: String,
    /// A sentence about it, where there is room for one; else empty.
    pub help: String,
    /// Whether it is chosen.
    pub chosen: bool,
}

impl Choice {
    /// A choice without a sentence.
    pub fn new(value: impl Into<String>, label: impl Into<String>, chosen: bool) -> Self {
        Self { value: value.into(), label: label.into(), help: String::new(), chosen }
    }

    /// A choice with a sentence.
    pub fn explained(
        value: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
        chosen: bool,
    ) -> Self {
        Self { help: help.into(), ..Self::new(value, label, chosen) }
    }
}

/// A list to choose one from.
#[derive(Template)]
#[template(path = "parts/select.html")]
pub struct Select {
    name: String,
    id: String,
    label: String,
    choices: Vec<Choice>,
    error: Option<String>,
    help: String,
    optional: bool,
    quiet: bool,
    small: bool,
}

impl Select {
    /// A list named `name`.
    pub fn new(name: &str, label: &str, choices: &[Choice], error: Option<&str>) -> Self {
        Self {
            name: name.to_owned(),
            id: input_id(name),
            label: label.to_owned(),
            choices: choices.to_vec(),
            error: error.map(str::to_owned),
            help: String::new(),
            optional: false,
            quiet: false,
            small: false,
        }
    }

    /// Gives it an id of its own.
    #[must_use]
    pub fn id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.id);
        self
    }
}

setters! {
    Select {
        /// Sentence below it.
        help: &str => str::to_owned;
    } flags {
        /// Says that it may stay empty.
        optional;
        /// The label is for assistive technology only.
        quiet;
        /// Low, for tables.
        small;
    }
}

impl HtmlSafe for Select {}

/// A checkbox; posts `on`, or nothing.
#[derive(Template)]
#[template(path = "parts/check.html")]
pub struct Check {
    name: String,
    id: String,
    label: String,
    checked: bool,
    error: Option<String>,
    help: String,
    required: bool,
}

impl Check {
    /// A checkbox named `name`.
    pub fn new(name: &str, label: &str, checked: bool, error: Option<&str>) -> Self {
        Self {
            name: name.to_owned(),
            id: input_id(name),
            label: label.to_owned(),
            checked,
            error: error.map(str::to_owned),
            help: String::new(),
            required: false,
        }
    }
}

setters! {
    Check {
        /// Sentence below it.
        help: &str => str::to_owned;
    } flags {
        /// Must be ticked.
        required;
    }
}

impl HtmlSafe for Check {}
