//! The tab as it is drawn: state first, then what fails and what waits, then the forms, stored or as typed.

use crate::base::clock::DAY;
use crate::base::paging::PageRequest;
use crate::base::{Timestamp, urls};
use crate::catalog::model::{Quirks, RemoteDeactivation, Verified};
use crate::provisioning::model::{Connection, ConnectionStatus, ResourceKind, State};
use crate::provisioning::state::{self, Counts};
use crate::provisioning::{address, connection, tls};
use crate::web::admin::provisioning::form::{ConnectionFields, settings};
use crate::web::admin::provisioning::rows::MappingFields;
use crate::web::admin::provisioning::{Connected, Typed, certificate, mapping, standing};
use crate::web::admin::sso::page::{idp_values, live_values, placeholder_fields};
use crate::web::error::Failure;
use crate::web::extract::Person;
use crate::web::pages::application::Tab;
use crate::web::pages::application_provisioning::{
    ApplicationProvisioningPage, EntryLine, ProofForm, SettingsForm, Standing,
};
use crate::web::pages::parts::{Choice, Decision, Status, Tone};
use crate::web::pages::setup_steps::Steps;
use crate::web::pages::shell::{Banner, Shell};
use crate::web::shown::{self, steps, time};
use crate::web::state::Web;

/// Entries of a state that are shown on the tab itself.
const SHOWN: u32 = 20;
/// Changes that wait, of each kind, that are shown there.
const SHOWN_WAITING: u32 = 200;
/// Before the end of a token, from when on it is warned of.
const SOON: i64 = 30 * DAY;

/// Draws the tab.
pub async fn page(
    web: &Web,
    person: &Person,
    connected: &Connected,
    mut shell: Shell,
    typed: Typed,
) -> Result<ApplicationProvisioningPage, Failure> {
    let (installation, application) = (&web.installation, connected.application());
    let now = person.ctx.now();
    let mut reader = installation.db.reader();
    let counts = state::counts(&mut reader, application.id).await?;
    let stored = settings(connected);
    let template = address::template(application);
    let quirks = connection::quirks(application);
    let resolved = address::base_url(&installation.outbound, application, &stored).ok();
    let is_refused = !shell.errors.is_empty() || typed.connection.is_some();
    if let Some(connection) = &connected.connection {
        let mut told = banners(connected.label(), connection, resolved.as_deref(), now);
        told.extend(certificates_end(connected, connection, &quirks, now)?);
        if let Some(url) = &resolved {
            let others = connection::sharing(&mut reader, application.id, url).await?;
            told.extend(shared(connected.label(), &others));
        }
        // What was refused just now comes first.
        let told = told.into_iter().filter(|banner| !is_refused || banner.tone != Tone::Ok);
        shell.banners.extend(told);
    }
    let usable =
        connected.connection.as_ref().is_some_and(|connection| has_secret(connection, resolved.as_deref()));
    let fields = typed.connection.unwrap_or_else(|| ConnectionFields::of(connected));
    let declared = &application.made_from.placeholders;
    let templates = [("base_url".to_owned(), fields.base_url.as_str())];
    let placeholders = placeholder_fields(declared, &fields.placeholders, &templates);
    let unsaved = typed.mapping.is_some();
    let rows =
        typed.mapping.unwrap_or_else(|| MappingFields::of(&stored.mappings, &quirks, connected.label()));
    let was_active =
        connected.connection.as_ref().is_some_and(|connection| connection.status != ConnectionStatus::Draft);
    let (troubles, waiting) =
        if was_active { lists(web, connected, now).await? } else { (Vec::new(), Vec::new()) };
    let own = connected.connection.as_ref();
    let idp = idp_values(&installation.base_url, application, None);
    let live = live_values(application, &idp, None);
    let connector = &application.made_from;
    let markdown = connector.provisioning_steps();
    let steps: Steps = steps::steps(
        markdown.as_deref(),
        &steps::Live { declared, filled: &application.placeholders, values: &live },
    );
    let checked = connector.setup.provisioning.is_some() && connector.verified != Verified::None;
    let steps_source = if checked {
        format!("Steps checked against: {}", connector.sources.join(", "))
    } else {
        String::new()
    };
    Ok(ApplicationProvisioningPage {
        app: connected.loaded.head(web, Tab::Provisioning),
        active: connected.is_active(),
        usable,
        deactivation: connected.is_active().then(|| deactivation(connected, &counts)),
        standing: own.filter(|_| was_active).map(|own| standing_panel(connected.label(), own, &counts, now)),
        troubles_title: troubles_title(&counts),
        troubles,
        waiting_title: {
            let count = both(&counts, State::AwaitingApproval);
            let shown = waiting.len();
            match count {
                1 => "1 change waits for your yes".to_owned(),
                _ if i64::try_from(shown).is_ok_and(|shown| shown < count) => {
                    format!("{} changes wait for your yes; these are {shown} of them", shown::number(count))
                }
                _ => format!("{} changes wait for your yes", shown::number(count)),
            }
        },
        waiting_all: match both(&counts, State::AwaitingApproval) {
            0 | 1 => Vec::new(),
            count => standing::decide_all(connected, count, now),
        },
        waiting,
        proof: proof(connected, &fields, &quirks, usable, now),
        settings: settings_form(
            connected.label(),
            &fields,
            template.is_none_or(|template| template.groups),
            template.and_then(|template| template.base_url.as_deref()).is_some(),
            resolved.filter(|url| *url != fields.base_url && placeholders.is_empty()),
            installation.mailer.is_set_up(),
        ),
        placeholders,
        version: own.map_or(0, |own| own.version),
        mapping: mapping::drawn(rows.rows, unsaved, template, &quirks),
        certificate: certificate::shown(connected, &quirks, now)?,
        hints: hints(connected.label(), &quirks),
        steps,
        steps_source,
        shell,
    })
}

/// Whether there is a secret for the address as it is now.
fn has_secret(connection: &Connection, resolved: Option<&str>) -> bool {
    resolved.is_some() && connection.secret_for.as_deref() == resolved
}

fn both(counts: &Counts, state: State) -> i64 {
    counts.of(ResourceKind::User, state) + counts.of(ResourceKind::Group, state)
}

async fn lists(
    web: &Web,
    connected: &Connected,
    now: Timestamp,
) -> Result<(Vec<EntryLine>, Vec<EntryLine>), Failure> {
    let (mut troubles, mut waiting) = (Vec::new(), Vec::new());
    let mut reader = web.installation.db.reader();
    for wanted in [State::Conflict, State::Failed, State::Drift, State::AwaitingApproval] {
        let limit = if wanted == State::AwaitingApproval { SHOWN_WAITING } else { SHOWN };
        let request = PageRequest { limit, after: None };
        for kind in [ResourceKind::User, ResourceKind::Group] {
            let found = state::list(&mut reader, connected.application().id, kind, Some(wanted), &request);
            let lines = found.await?.items.into_iter().map(|entry| standing::line(entry, now));
            if wanted == State::AwaitingApproval { &mut waiting } else { &mut troubles }.extend(lines);
        }
    }
    Ok((troubles, waiting))
}

fn troubles_title(counts: &Counts) -> String {
    let of = |kind| {
        [State::Failed, State::Conflict, State::Drift].into_iter().map(|state| counts.of(kind, state)).sum()
    };
    let (people, groups): (i64, i64) = (of(ResourceKind::User), of(ResourceKind::Group));
    let groups_said = shown::counted(groups, "group", "groups");
    match (people, groups) {
        (_, 0) => format!("{} could not be kept in sync", shown::people(people)),
        (0, _) => format!("{groups_said} could not be kept in sync"),
        _ => format!("{} and {groups_said} could not be kept in sync", shown::people(people)),
    }
}

/// What an administrator has to know before anything else.
fn banners(label: &str, connection: &Connection, resolved: Option<&str>, now: Timestamp) -> Vec<Banner> {
    let mut out = Vec::new();
    let was_elsewhere = connection.status == ConnectionStatus::Draft && connection.ledger_for.is_some();
    if was_elsewhere && !has_secret(connection, resolved) {
        out.push(Banner::new(
            Tone::Danger,
            format!("Nothing is sent to {label}: its address was changed"),
            "Whoever leaves meanwhile stays active there. Give the token for the new address below and activate; people and groups are then looked for there by their names.",
        ));
    } else if connection.is_active() && !has_secret(connection, resolved) {
        out.push(Banner::new(
            Tone::Danger,
            format!("Nothing is sent to {label}: its token is needed again"),
            "The address is another than the one the token was given for, and a token goes nowhere it was not given for. Paste it below.",
        ));
    } else if let Some(failing) = connection.failing.as_ref().filter(|_| connection.is_active()) {
        let since = time::until(failing.since, now).text;
        let again = if connection.paused_until > now {
            format!("We try again {}.", in_words(connection.paused_until, now))
        } else {
            "We try again at once.".to_owned()
        };
        let title = format!("{label} can’t be kept in sync since {since}");
        out.push(Banner::new(Tone::Danger, title, format!("{} {again}", failing.message)));
    }
    if let Some(end) = connection.secret_expires_at.filter(|end| end.since(now) < SOON) {
        let ended = end <= now;
        let title = if ended {
            format!("The token for {label} has ended")
        } else {
            format!("The token for {label} ends soon: {}", time::left(end, now))
        };
        let tone = if ended { Tone::Danger } else { Tone::Warn };
        let body = format!("It ends on {}. Make a new one in {label} and give it here.", time::date(end));
        out.push(Banner::new(tone, title, body));
    }
    out
}

/// Other applications are at the same place.
fn shared(label: &str, others: &[String]) -> Option<Banner> {
    if others.is_empty() {
        return None;
    }
    Some(Banner::new(
        Tone::Warn,
        format!("{} and {label} have the same SCIM address", others.join(", ")),
        "That is well where each token is of another tenant. At one and the same tenant each would undo what the other does, and whoever leaves one would lose their account: leave only one of them active.",
    ))
}

/// What nothing is sent without, and ends soon.
fn certificates_end(
    connected: &Connected,
    connection: &Connection,
    quirks: &Quirks,
    now: Timestamp,
) -> Result<Vec<Banner>, Failure> {
    let label = connected.label();
    let own = tls::certificate(connection, quirks)?.map(|certificate| certificate.not_after);
    let ends = [
        (
            tls::authorities_end(connection)?,
            "An authority that is trusted for",
            "Give the one that takes its place below.",
        ),
        (own, "The client certificate for", "Make another below, and put it there."),
    ];
    let soon = ends
        .into_iter()
        .filter_map(|(end, what, todo)| Some((end.filter(|end| end.since(now) < SOON)?, what, todo)));
    Ok(soon
        .map(|(end, what, todo)| {
            let (tone, title) = if end <= now {
                (Tone::Danger, format!("{what} {label} has ended"))
            } else {
                (Tone::Warn, format!("{what} {label} ends soon: {}", time::left(end, now)))
            };
            Banner::new(tone, title, format!("It ends on {}. {todo}", time::date(end)))
        })
        .collect())
}

/// "in 4 minutes", "in 30 seconds", or the instant.
pub fn in_words(at: Timestamp, now: Timestamp) -> String {
    let seconds = (at.since(now) + 999).max(0) / 1000;
    match seconds {
        0..=90 => format!("in {}", shown::counted(seconds.max(1), "second", "seconds")),
        91..=5_400 => format!("in {}", shown::counted((seconds + 59) / 60, "minute", "minutes")),
        _ => time::until(at, now).text,
    }
}

fn standing_panel(label: &str, connection: &Connection, counts: &Counts, now: Timestamp) -> Standing {
    let users = |state| counts.of(ResourceKind::User, state);
    let trouble =
        [State::Failed, State::Conflict, State::Drift].into_iter().map(|s| both(counts, s)).sum::<i64>();
    let pending = both(counts, State::Pending) + both(counts, State::Running);
    let all = counts.all(ResourceKind::User) + counts.all(ResourceKind::Group);
    let checked = connection.verified_at.map(|at| time::until(at, now).text);
    let (status, title) = match (connection.is_active(), &connection.failing) {
        (false, _) => (Status::new(Tone::Off, "Off"), format!("Not connected to {label}")),
        (true, Some(_)) => {
            (Status::new(Tone::Danger, "Failing"), format!("{label} can’t be kept in sync now"))
        }
        (true, None) => (Status::new(Tone::Ok, "Active"), format!("Connected to {label}, and verified")),
    };
    let mut lines = Vec::new();
    if connection.is_active() {
        let write = match connection.written_at {
            Some(_) => "It takes our changes.".to_owned(),
            None => "Write access is not tried yet: the first change will show it.".to_owned(),
        };
        if let Some(checked) = checked {
            lines.push(format!("Checked {checked}: we could read what is there. {write}"));
        }
    } else {
        lines.push(format!("Nothing is sent. What {label} holds stays as it was, and is remembered."));
    }
    let mut figures = Vec::new();
    if connection.is_active() {
        figures.extend([
            ("People in sync".to_owned(), shown::number(users(State::Synced))),
            ("Groups in sync".to_owned(), shown::number(counts.of(ResourceKind::Group, State::Synced))),
            ("Waiting".to_owned(), shown::number(pending)),
            ("Need a look".to_owned(), shown::number(trouble)),
        ]);
    }
    let accepted = both(counts, State::Accepted);
    if accepted > 0 {
        figures.push((format!("Waiting in {label}"), shown::number(accepted)));
    }
    let approvals = both(counts, State::AwaitingApproval);
    if approvals > 0 {
        figures.push(("To approve".to_owned(), shown::number(approvals)));
    }
    let done = all - pending;
    Standing {
        status,
        title,
        lines,
        figures,
        done,
        all,
        pending,
        progress: format!("{} of {} done", shown::number(done), shown::number(all)),
        compared: match connection.reconciled_at {
            Some(at) => format!("Compared {}", time::until(at, now).text),
            None => String::new(),
        },
    }
}

fn settings_form(
    label: &str,
    fields: &ConnectionFields,
    groups_offered: bool,
    known: bool,
    resolved: Option<String>,
    mails: bool,
) -> SettingsForm {
    let choice = |value: &str, text: &str, help: String| {
        Choice::explained(value, text, help, fields.on_user_delete == value)
    };
    let ask = |value: &str, text: &str, help: &str| {
        let chosen = fields.require_approval.iter().any(|change| change == value);
        Choice::explained(value, text, help, chosen)
    };
    SettingsForm {
        base_url: fields.base_url.clone(),
        base_url_help: if known {
            "The connector knows its shape. Another address needs its token again.".to_owned()
        } else {
            format!("As {label} shows it; it often ends in /scim/v2. Another address needs its token again.")
        },
        resolved_url: resolved.unwrap_or_default(),
        manage_groups: fields.manage_groups,
        groups_offered,
        on_user_delete: vec![
            choice("suspend", "Suspend", format!("Keeps their work in {label}")),
            choice("delete", "Delete", "Can’t be undone".to_owned()),
            choice("nothing", "Do nothing", format!("You tidy up in {label}")),
        ],
        confirm_delete: fields.confirm_delete,
        require_approval: vec![
            ask("create", "an account or group is made", "Taking over one that is there counts too."),
            ask("update", "something of it changes", "Names, attributes, who is in a group."),
            ask(
                "delete",
                "an account is deactivated or deleted",
                "Suspending or deleting a person here is never held up.",
            ),
        ],
        mass_change_count: fields.mass_change_count.clone(),
        mass_change_percent: fields.mass_change_percent.clone(),
        mails,
        ca_certificate: fields.ca_certificate.clone(),
    }
}

fn proof(
    connected: &Connected,
    fields: &ConnectionFields,
    quirks: &Quirks,
    usable: bool,
    now: Timestamp,
) -> ProofForm {
    let label = connected.label();
    let typed = &fields.proof;
    let kind = |value: &str, text: &str| Choice::new(value, text, typed.kind == value);
    let known = connected
        .connection
        .as_ref()
        .filter(|_| usable)
        .and_then(|own| own.secret_set_at.map(|at| (own, at)));
    ProofForm {
        kinds: vec![
            kind("bearer", "Token"),
            kind("basic", "Username and password"),
            kind("oauth2_client_credentials", "OAuth 2"),
        ],
        known: known
            .map(|(own, at)| {
                let ends = own.secret_expires_at.map(|end| format!(" It ends on {}.", time::date(end)));
                let keep = if connected.is_active() { "" } else { " Leave it empty to keep it." };
                format!("Set {}.{}{keep}", time::until(at, now).text, ends.unwrap_or_default())
            })
            .unwrap_or_default(),
        locked: if connected.is_active() && quirks.deactivate_to_change_token {
            format!(
                "{label} wants the connection to be deactivated before its token is changed. Deactivate it, give the new token, and activate it again."
            )
        } else {
            String::new()
        },
        username: typed.username.clone(),
        token_url: typed.token_url.clone(),
        client_id: typed.client_id.clone(),
        scope: typed.scope.clone(),
        expires_at: typed.expires_at.clone(),
    }
}

/// Switching it off, with what it does to people.
#[must_use]
pub fn deactivation(connected: &Connected, counts: &Counts) -> Decision {
    let (id, label) = (connected.loaded.id(), connected.label());
    let groups = match counts.all(ResourceKind::Group) {
        0 => String::new(),
        count => format!(" and {}", shown::counted(count, "group", "groups")),
    };
    Decision {
        id: "deactivate".to_owned(),
        action: urls::admin_provisioning_deactivate(&id),
        button: "Deactivate…".to_owned(),
        title: format!("Deactivate identity management of {label}?"),
        effects: vec![
            format!(
                "What {label} holds of {}{groups} stays as it is: nobody is deactivated there, and nobody loses it now.",
                shown::people(counts.all(ResourceKind::User))
            ),
            format!("From then on nothing is sent. Who leaves here keeps an active account in {label} until you switch it off there."),
            "Settings, token and what is known of each account are kept. When you activate it again, all of them are looked at.".to_owned(),
        ],
        confirm: "Deactivate".to_owned(),
        cancel: "Keep it active".to_owned(),
        cancel_href: connected.tab(),
        ..Decision::default()
    }
}

/// What is peculiar to the application, a sentence each.
fn hints(label: &str, quirks: &Quirks) -> Vec<String> {
    let mut out = Vec::new();
    if !quirks.immutable.is_empty() {
        out.push(format!(
            "{label} never changes {} once set: a change here would make a second account there, so it is held and you are asked.",
            quirks.immutable.join(" and ")
        ));
    }
    if quirks.username_equals_email {
        out.push(format!("In {label} the user name is always the e-mail address."));
    }
    if quirks.jit_off {
        out.push(format!(
            "Switch off in {label} that accounts are made at the first sign-on (JIT): SCIM makes them."
        ));
    }
    if quirks.groups_need_approval {
        out.push(format!("New groups wait in {label} until an administrator there approves them."));
    }
    match quirks.remote_deactivation {
        RemoteDeactivation::Lock => {
            out.push(format!("{label} locks accounts that are deactivated; nothing in them is lost."));
        }
        RemoteDeactivation::Delete => {
            out.push(format!("{label} deletes accounts that are deactivated. What is in them may be lost."));
        }
        RemoteDeactivation::Deactivate => {}
    }
    if quirks.no_enterprise_extension {
        out.push(format!("{label} does not take department, employee number, manager and the like (the enterprise extension)."));
    }
    if quirks.unknown_attributes_ignored {
        out.push(format!("{label} ignores attributes that it does not know, without saying so."));
    }
    if quirks.deactivate_to_change_token {
        out.push("Deactivate the connection before you change its token.".to_owned());
    }
    if quirks.certificate {
        out.push(format!(
            "{label} knows Tessera by a client certificate, which is made when you configure this. Put it there before you activate."
        ));
    }
    if !quirks.privileged_groups.is_empty() {
        out.push(format!(
            "Groups named {} are never taken over without asking you.",
            quirks.privileged_groups.join(", ")
        ));
    }
    out
}
