//! What is told, in words. Plain text only: nothing that somebody named becomes markup.

use std::fmt::Write as _;

/// A message.
#[derive(Clone, Debug)]
pub enum Message<'a> {
    /// People who were to be brought in from an application are.
    ImportDone {
        /// Label of the application.
        application: &'a str,
        /// How many people were made.
        imported: i64,
        /// How many were left out, and why is on the page.
        skipped: i64,
        /// How many could not be made.
        failed: i64,
        /// Where it can be read, absolute.
        page: &'a str,
    },
}

impl Message<'_> {
    /// One line.
    #[must_use]
    pub fn subject(&self) -> String {
        match self {
            Self::ImportDone { application, imported, .. } => {
                format!("{} imported from {}", people(*imported), one_line(application))
            }
        }
    }

    /// The text.
    #[must_use]
    pub fn body(&self) -> String {
        match self {
            Self::ImportDone { application, imported, skipped, failed, page } => {
                let mut text = format!(
                    "The import of people from {} is done.\n\nImported: {imported}\n",
                    one_line(application)
                );
                // Writing to a string can't fail.
                if *skipped > 0 {
                    let _ = writeln!(text, "Left out: {skipped}");
                }
                if *failed > 0 {
                    let _ = writeln!(text, "Could not be imported: {failed}");
                }
                let _ = write!(
                    text,
                    "\nImported people are staged: they can sign in once you activate them, and they are managed in the\n\
                     application only once they are in a bound group.\n\n{page}\n"
                );
                text
            }
        }
    }
}

fn people(count: i64) -> String {
    if count == 1 { "1 person".to_owned() } else { format!("{count} people") }
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
