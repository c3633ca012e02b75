//! The rows of the mapping between the two sides: drawn from what is stored, read from what was posted.

use crate::base::FieldError;
use crate::base::property::Source;
use crate::catalog::mapping::Mapping;
use crate::catalog::model::Quirks;
use crate::catalog::sso::ValueFrom;
use crate::scim::path::AttributePath;
use crate::scim::schema::ENTERPRISE_URN;
use crate::web::admin::posted::{Posted, fault};
use crate::web::admin::sso::text;
use crate::web::pages::application_provisioning::MappingRow;

/// Most rows that are read; more are refused by the mapping itself at 100.
const MOST_ROWS: usize = 120;

/// The mapping as a form holds it.
#[derive(Clone, Debug, Default)]
pub struct MappingFields {
    /// Its rows.
    pub rows: Vec<MappingRow>,
}

impl MappingFields {
    /// The form of these rows.
    #[must_use]
    pub fn of(rows: &[Mapping], quirks: &Quirks, label: &str) -> Self {
        Self { rows: rows.iter().map(|row| mapping_row(row, quirks, label)).collect() }
    }

    /// The form as posted, without the rows that are ticked for removal. `stored` and `starting` say which rows are
    /// required, and what the form can't show.
    #[must_use]
    pub fn read(posted: &Posted, starting: &[Mapping], quirks: &Quirks, label: &str) -> Self {
        let required =
            |scim: &str| starting.iter().any(|row| row.required && row.scim.eq_ignore_ascii_case(scim));
        let rows = (0..posted.rows("mappings", MOST_ROWS))
            .filter_map(|at| {
                let value = |part: &str| posted.text(&format!("mappings.{at}.{part}")).to_owned();
                let raw = |part: &str| posted.raw(&format!("mappings.{at}.{part}")).replace("\r\n", "\n");
                let ticked = |part: &str| posted.ticked(&format!("mappings.{at}.{part}"));
                let scim = value("scim");
                let is_required = required(&scim);
                (!scim.is_empty() && (is_required || !ticked("remove"))).then(|| MappingRow {
                    remote: value("remote"),
                    required: is_required,
                    note: note(&scim, quirks, label),
                    enabled: is_required || ticked("enabled"),
                    kind: value("kind"),
                    source: value("source"),
                    constant: value("constant"),
                    by_group: raw("by_group.rows"),
                    by_group_all: ticked("by_group.all"),
                    transforms: raw("transforms"),
                    scim,
                })
            })
            .collect();
        Self { rows }
    }

    /// The mapping that says all this. Rows left as they are stored keep what the form can't show of them.
    pub fn mapping(
        &self,
        stored: &[Mapping],
        quirks: &Quirks,
        label: &str,
    ) -> Result<Vec<Mapping>, Vec<FieldError>> {
        let (mut out, mut faults) = (Vec::with_capacity(self.rows.len()), Vec::new());
        for (at, row) in self.rows.iter().enumerate() {
            let same = stored.iter().find(|known| says_the_same(row, &mapping_row(known, quirks, label)));
            match same.cloned().map_or_else(|| read_row(at, row), Ok) {
                Ok(mapping) => out.push(mapping),
                Err(fault) => faults.push(fault),
            }
        }
        if faults.is_empty() { Ok(out) } else { Err(faults) }
    }
}

/// Whether a row says just what is stored. Of a property that is chosen the constant beside it says nothing.
fn says_the_same(row: &MappingRow, known: &MappingRow) -> bool {
    let value = |row: &MappingRow| match row.kind.as_str() {
        "source" => row.source.clone(),
        "constant" => row.constant.clone(),
        "by_group" => format!("{}\n{}", row.by_group_all, row.by_group.trim_end()),
        _ => String::new(),
    };
    row.enabled == known.enabled
        && [&row.scim, &row.remote, &row.kind] == [&known.scim, &known.remote, &known.kind]
        && row.transforms.trim_end() == known.transforms.trim_end()
        && value(row) == value(known)
}

/// A row as the form shows it.
fn mapping_row(row: &Mapping, quirks: &Quirks, label: &str) -> MappingRow {
    let mut out = MappingRow {
        scim: row.scim.clone(),
        remote: row.remote.clone().unwrap_or_default(),
        required: row.required,
        note: note(&row.scim, quirks, label),
        enabled: row.enabled,
        source: "email".to_owned(),
        transforms: text::transforms_text(&row.transforms),
        ..MappingRow::default()
    };
    match &row.value {
        ValueFrom::Property(source) => {
            "source".clone_into(&mut out.kind);
            out.source = source.to_string();
        }
        ValueFrom::Constant(constant) => {
            "constant".clone_into(&mut out.kind);
            out.constant.clone_from(constant);
        }
        ValueFrom::ByGroup(by) => {
            "by_group".clone_into(&mut out.kind);
            out.by_group = text::by_group_text(by);
            out.by_group_all = by.all;
        }
        ValueFrom::Groups(_) => "kept".clone_into(&mut out.kind),
    }
    out
}

/// What the application does with an attribute.
fn note(scim: &str, quirks: &Quirks, label: &str) -> String {
    let path = AttributePath::parse(scim).ok();
    let attribute = path.as_ref().map(|path| path.attribute.clone()).unwrap_or_default();
    let named = |names: &[String]| {
        names.iter().any(|name| name.eq_ignore_ascii_case(scim) || name.eq_ignore_ascii_case(&attribute))
    };
    let enterprise =
        path.is_some_and(|path| path.extension().is_some_and(|urn| urn.eq_ignore_ascii_case(ENTERPRISE_URN)));
    if quirks.no_enterprise_extension && enterprise {
        format!("Not sent: {label} does not take the enterprise extension")
    } else if quirks.unused.iter().any(|name| name.eq_ignore_ascii_case(scim)) {
        format!("Not sent: {label} has no use for it")
    } else if quirks.username_equals_email && scim.eq_ignore_ascii_case("userName") {
        format!("{label} wants the e-mail address here, and always gets it")
    } else if named(&quirks.immutable) {
        format!("{label} never lets it change")
    } else {
        String::new()
    }
}

fn read_row(at: usize, row: &MappingRow) -> Result<Mapping, FieldError> {
    let wrong = |part: &str, code, message: String| fault(format!("mappings.{at}.{part}"), code, message);
    let value = match row.kind.as_str() {
        "source" => ValueFrom::Property(row.source.parse::<Source>().map_err(|()| {
            wrong("source", "unknown_property", "Choose a property from the list.".to_owned())
        })?),
        "constant" => ValueFrom::Constant(row.constant.clone()),
        "by_group" => ValueFrom::ByGroup(
            text::read_by_group(&row.by_group, row.by_group_all)
                .map_err(|message| wrong("by_group", "unreadable_line", message))?,
        ),
        _ => {
            let message = "What the API set here can be kept only as it is. Choose another kind of value.";
            return Err(wrong("source", "unknown_kind", message.to_owned()));
        }
    };
    Ok(Mapping {
        scim: row.scim.clone(),
        remote: Some(row.remote.clone()).filter(|name| !name.is_empty()),
        enabled: row.enabled,
        required: row.required,
        value,
        transforms: text::read_transforms(&row.transforms)
            .map_err(|message| wrong("transforms", "unreadable_line", message))?,
    })
}
