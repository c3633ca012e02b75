//! What is told, in words. Plain text only: nothing that somebody named becomes markup.

use std::fmt::Write as _;

/// A message.
#[derive(Clone, Debug)]
pub enum Message<'a> {
    /// People who were to be brought in from an application are.
    ImportDone {
        /// Label of the application.
        application: &'a str,
        /// Whether it came to its end; else it was ended before.
        whole: bool,
        /// How many people were made.
        imported: i64,
        /// How many were left out, and why is on the page.
        skipped: i64,
        /// How many could not be made.
        failed: i64,
        /// Where it can be read, absolute.
        page: &'a str,
    },
    /// The token by which an application lets Tessera in ends.
    TokenEnds {
        /// Label of the application.
        application: &'a str,
        /// In how many days, at most.
        days: i64,
        /// Where another is given, absolute.
        page: &'a str,
    },
    /// So many would lose their accounts in an application at once that somebody should look first.
    MassChange {
        /// Label of the application.
        application: &'a str,
        /// How many would lose theirs.
        leaving: i64,
        /// Of how many.
        managed: i64,
        /// Where it is decided, absolute.
        page: &'a str,
    },
    /// People who left still have their accounts in an application, and have had them for long.
    DepartureOverdue {
        /// Label of the application.
        application: &'a str,
        /// How many have theirs.
        people: i64,
        /// What the application says, in words; may be empty.
        reason: &'a str,
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
            Self::TokenEnds { application, days, .. } => {
                let days = if *days == 1 { "1 day".to_owned() } else { format!("{days} days") };
                format!("The token for {} ends within {days}", one_line(application))
            }
            Self::MassChange { application, leaving, .. } => {
                format!(
                    "{} lose {} at once: look whether that is meant",
                    people(*leaving),
                    one_line(application)
                )
            }
            Self::DepartureOverdue { application, people: count, .. } => {
                format!("{} who left can still get into {}", people(*count), one_line(application))
            }
        }
    }

    /// The text.
    #[must_use]
    pub fn body(&self) -> String {
        match self {
            Self::ImportDone { application, whole, imported, skipped, failed, page } => {
                let how = if *whole {
                    "is done."
                } else {
                    "was ended before all were made: whoever began it may not make people any more, or identity\n\
                     management of the application was switched off."
                };
                let application = one_line(application);
                let mut text =
                    format!("The import of people from {application} {how}\n\nImported: {imported}\n");
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
            Self::TokenEnds { application, page, .. } => format!(
                "Tessera keeps people and groups in {application} in step with a token that ends soon. From then on nothing is\n\
                 sent, and whoever leaves keeps their account there.\n\n\
                 Make a new token in {application} and give it here. It is tried before the old one is let go.\n\n{page}\n",
                application = one_line(application),
            ),
            Self::MassChange { application, leaving, managed, page } => format!(
                "{} of {managed} lose their accounts in {application} within an hour: they are in no group any more that\n\
                 gives it. Those who have theirs still keep it until somebody has looked.\n\n\
                 If it is meant, approve it. If not, put the groups right: whoever is in a bound group again keeps\n\
                 their account. People who are suspended or deleted here lose theirs all the same.\n\n{page}\n",
                people(*leaving),
                application = one_line(application),
            ),
            Self::DepartureOverdue { application, people: count, reason, page } => {
                let reason = match one_line(reason) {
                    reason if reason.is_empty() => String::new(),
                    reason => format!("What is in the way: {reason}\n\n"),
                };
                format!(
                    "{} who left, or were suspended, for more than an hour could not be taken out of {application}. Tessera\n\
                     goes on trying for 30 days. Until it succeeds they may still get in there by ways other than Tessera:\n\
                     take them out there if that can't wait.\n\n{reason}{page}\n",
                    people(*count),
                    application = one_line(application),
                )
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
