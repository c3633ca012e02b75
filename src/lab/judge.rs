//! What a careful application checks of a Response (Profiles 4.1.4.3), one verdict for each, and what it learns.

use roxmltree::Node;

use crate::base::Timestamp;
use crate::base::clock::MINUTE;
use crate::lab::Application;
use crate::saml::dsig::verify_element;
use crate::saml::names::{ASSERTION, CM_BEARER, DSIG, PROTOCOL};
use crate::saml::xml::reader::{Source, attribute, check_ids, child, children, is, plain_text};
use crate::saml::xml::{Limits, XmlFault};

/// Clock difference that is put up with, in milliseconds.
const SKEW: i64 = 3 * MINUTE;
const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Passed,
    Failed,
    /// Not there, and not needed.
    Absent,
}

/// One check.
#[derive(Clone, Debug)]
pub(super) struct Check {
    pub what: &'static str,
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
}

/// What the application expects besides its configuration.
pub(super) struct Expected<'a> {
    pub acs_url: &'a str,
    pub now: Timestamp,
    /// Whether this is the ID of a request of this application that waits for its answer.
    pub is_waiting: &'a dyn Fn(&str) -> bool,
    /// Whether this assertion was used before.
    pub was_seen: &'a dyn Fn(&str) -> bool,
}

/// What was received, read.
#[derive(Clone, Debug, Default)]
pub(super) struct Received {
    pub checks: Vec<Check>,
    pub status: Vec<String>,
    pub status_message: String,
    pub issuer: String,
    pub in_response_to: String,
    pub assertion_id: String,
    pub name_id: String,
    pub name_id_format: String,
    pub session_index: String,
    pub authn_instant: String,
    pub authn_context: String,
    pub session_end: String,
    pub attributes: Vec<(String, Vec<String>)>,
}

impl Received {
    /// Whether the application lets the person in.
    pub fn is_accepted(&self) -> bool {
        !self.checks.is_empty() && self.checks.iter().all(|check| check.verdict != Verdict::Failed)
    }

    fn check(&mut self, what: &'static str, passed: bool, found: impl Into<String>) {
        let verdict = if passed { Verdict::Passed } else { Verdict::Failed };
        self.checks.push(Check { what, verdict, found: found.into() });
    }
}

/// Reads and checks a Response.
pub(super) fn judge(application: &Application, expected: &Expected<'_>, xml: &[u8]) -> Received {
    let mut received = Received::default();
    if let Err(fault) = examine(&mut received, application, expected, xml) {
        received.check("Readable", false, fault.reason());
    }
    received
}

fn examine(
    received: &mut Received,
    application: &Application,
    expected: &Expected<'_>,
    xml: &[u8],
) -> Result<(), XmlFault> {
    let source = Source::new(xml, &Limits::MESSAGE)?;
    let document = source.parse()?;
    check_ids(&document)?;
    let root = document.root_element();
    received.check("Is a Response", is(root, PROTOCOL, "Response"), root.tag_name().name());
    status(received, root)?;
    let text = |node, name: &str| attribute(node, name).unwrap_or_default().to_owned();
    let destination = text(root, "Destination");
    received.check("Destination", destination == expected.acs_url, destination);
    issuer(received, application, root)?;
    received.in_response_to = text(root, "InResponseTo");
    let id = received.in_response_to.clone();
    let solicited = attribute(root, "InResponseTo").is_some();
    let fits = !solicited || (expected.is_waiting)(&id);
    received.check("Answers a request of ours", fits, if solicited { id } else { "Unsolicited".to_owned() });
    let assertions: Vec<_> = children(root, ASSERTION, "Assertion").collect();
    signatures(received, application, root, &assertions);
    let [assertion] = assertions.as_slice() else {
        received.check("One assertion", false, format!("{} found", assertions.len()));
        return Ok(());
    };
    received.assertion_id = text(*assertion, "ID");
    let unseen = !(expected.was_seen)(&received.assertion_id);
    received.check("Not used before", unseen, received.assertion_id.clone());
    issuer(received, application, *assertion)?;
    subject(received, expected, *assertion)?;
    conditions(received, application, expected, *assertion)?;
    statements(received, *assertion)
}

fn status(received: &mut Received, root: Node<'_, '_>) -> Result<(), XmlFault> {
    let Some(status) = child(root, PROTOCOL, "Status")? else {
        received.check("Status", false, "Missing");
        return Ok(());
    };
    if let Some(message) = child(status, PROTOCOL, "StatusMessage")? {
        plain_text(message)?.clone_into(&mut received.status_message);
    }
    let mut next = child(status, PROTOCOL, "StatusCode")?;
    while let Some(code) = next {
        received.status.push(attribute(code, "Value").unwrap_or_default().to_owned());
        next = child(code, PROTOCOL, "StatusCode")?;
    }
    let success = received.status.first().is_some_and(|code| code == SUCCESS);
    received.check("Status", success, received.status.join(" "));
    Ok(())
}

fn issuer(received: &mut Received, application: &Application, node: Node<'_, '_>) -> Result<(), XmlFault> {
    let issuer = child(node, ASSERTION, "Issuer")?.map(plain_text).transpose()?.unwrap_or_default();
    issuer.clone_into(&mut received.issuer);
    let what =
        if is(node, PROTOCOL, "Response") { "Issuer of the response" } else { "Issuer of the assertion" };
    received.check(what, issuer == application.sp.idp_entity_id, issuer);
    Ok(())
}

/// Each signature that is there must be good, and one of them must cover the assertion.
fn signatures(
    received: &mut Received,
    application: &Application,
    root: Node<'_, '_>,
    assertions: &[Node<'_, '_>],
) {
    let keys = application.keys.as_slice();
    let mut placed = 0;
    let mut good = 0;
    let both = [
        ("Signature of the response", Some(root)),
        ("Signature of the assertion", assertions.first().copied()),
    ];
    for (what, node) in both {
        let Some(node) = node else { continue };
        if children(node, DSIG, "Signature").next().is_none() {
            received.checks.push(Check { what, verdict: Verdict::Absent, found: "Not signed".to_owned() });
            continue;
        }
        placed += 1;
        match verify_element(node, keys) {
            Ok(_) => {
                good += 1;
                received.check(what, true, "Good");
            }
            Err(fault) => received.check(what, false, format!("{fault:?}")),
        }
    }
    let all = root.descendants().filter(|node| is(*node, DSIG, "Signature")).count();
    received.check("No other signature", all == placed, format!("{all} found"));
    if !assertions.is_empty() {
        received.check("The assertion is signed", good > 0, if good > 0 { "Yes" } else { "No" });
    }
}

/// Whether the instant has come, give or take the skew.
fn is_reached(text: Option<&str>, now: Timestamp) -> bool {
    text.and_then(Timestamp::parse_rfc3339).is_some_and(|at| now.plus(SKEW) >= at)
}

/// Whether the instant is still to come, give or take the skew.
fn is_ahead(text: Option<&str>, now: Timestamp) -> bool {
    text.and_then(Timestamp::parse_rfc3339).is_some_and(|at| now.plus(-SKEW) < at)
}

fn subject(
    received: &mut Received,
    expected: &Expected<'_>,
    assertion: Node<'_, '_>,
) -> Result<(), XmlFault> {
    let Some(subject) = child(assertion, ASSERTION, "Subject")? else {
        received.check("Subject", false, "Missing");
        return Ok(());
    };
    if let Some(name_id) = child(subject, ASSERTION, "NameID")? {
        plain_text(name_id)?.clone_into(&mut received.name_id);
        attribute(name_id, "Format").unwrap_or_default().clone_into(&mut received.name_id_format);
    }
    // Whoever goes by an attribute is named nobody; a NameID that is empty is none.
    let named = child(subject, ASSERTION, "NameID")?.is_some();
    let found = if named { received.name_id.clone() } else { "Names nobody".to_owned() };
    received.check("Subject", !named || !received.name_id.is_empty(), found);
    let Some(confirmation) = child(subject, ASSERTION, "SubjectConfirmation")? else {
        received.check("Bearer confirmation", false, "Missing");
        return Ok(());
    };
    let method = attribute(confirmation, "Method").unwrap_or_default();
    received.check("Bearer confirmation", method == CM_BEARER, method);
    let Some(data) = child(confirmation, ASSERTION, "SubjectConfirmationData")? else {
        received.check("Recipient", false, "Missing");
        return Ok(());
    };
    let recipient = attribute(data, "Recipient").unwrap_or_default();
    received.check("Recipient", recipient == expected.acs_url, recipient);
    let end = attribute(data, "NotOnOrAfter");
    let in_time = is_ahead(end, expected.now) && attribute(data, "NotBefore").is_none();
    received.check("Confirmation in time", in_time, end.unwrap_or("Missing"));
    let answers = attribute(data, "InResponseTo").unwrap_or_default();
    received.check("Confirmation for the same request", answers == received.in_response_to, answers);
    Ok(())
}

fn conditions(
    received: &mut Received,
    application: &Application,
    expected: &Expected<'_>,
    assertion: Node<'_, '_>,
) -> Result<(), XmlFault> {
    let Some(conditions) = child(assertion, ASSERTION, "Conditions")? else {
        received.check("Conditions", false, "Missing");
        return Ok(());
    };
    let (start, end) = (attribute(conditions, "NotBefore"), attribute(conditions, "NotOnOrAfter"));
    let in_time = is_reached(start, expected.now) && is_ahead(end, expected.now);
    let found = format!("{} to {}", start.unwrap_or("?"), end.unwrap_or("?"));
    received.check("Conditions in time", in_time, found);
    let mut audiences = Vec::new();
    for restriction in children(conditions, ASSERTION, "AudienceRestriction") {
        for audience in children(restriction, ASSERTION, "Audience") {
            audiences.push(plain_text(audience)?.to_owned());
        }
    }
    let own = audiences.contains(&application.sp.entity_id);
    received.check("Audience", own, audiences.join(" "));
    Ok(())
}

fn statements(received: &mut Received, assertion: Node<'_, '_>) -> Result<(), XmlFault> {
    if let Some(statement) = child(assertion, ASSERTION, "AuthnStatement")? {
        let text = |name: &str| attribute(statement, name).unwrap_or_default().to_owned();
        received.session_index = text("SessionIndex");
        received.authn_instant = text("AuthnInstant");
        received.session_end = text("SessionNotOnOrAfter");
        if let Some(context) = child(statement, ASSERTION, "AuthnContext")?
            && let Some(class) = child(context, ASSERTION, "AuthnContextClassRef")?
        {
            plain_text(class)?.clone_into(&mut received.authn_context);
        }
    }
    for statement in children(assertion, ASSERTION, "AttributeStatement") {
        for node in children(statement, ASSERTION, "Attribute") {
            let name = attribute(node, "Name").unwrap_or_default().to_owned();
            let values = children(node, ASSERTION, "AttributeValue").map(plain_text);
            let values: Result<Vec<_>, _> = values.map(|value| value.map(str::to_owned)).collect();
            received.attributes.push((name, values?));
        }
    }
    Ok(())
}
