//! The manual's figures, made from the data.

use std::collections::BTreeMap;
use std::path::Path;

use tessera::catalog::model::Verified;
use tessera::catalog::{Catalog, Connector};

use crate::{is_blank, is_complete};

/// What the manual says in figures, made from the data.
fn figures() -> String {
    use std::fmt::Write as _;
    let catalog = Catalog::built_in();
    let all: Vec<_> = catalog.list().filter(|connector| !is_blank(connector)).collect();
    let of = |wanted: &dyn Fn(&Connector) -> bool| all.iter().filter(|connector| wanted(connector)).count();
    let mut out = String::from("## Counts\n\n| | connectors |\n| --- | --- |\n");
    let rows: [(&str, usize); 7] = [
        ("all", all.len()),
        ("entity ID and ACS URL known", of(&is_complete)),
        ("one or both are asked for", of(&|connector| !is_complete(connector))),
        ("SCIM", of(&|connector| connector.provisioning.is_some())),
        ("checked against documentation", of(&|connector| connector.verified == Verified::Documentation)),
        ("verified live", of(&|connector| connector.verified == Verified::Live)),
        ("not checked", of(&|connector| connector.verified == Verified::None)),
    ];
    for (what, count) in rows {
        writeln!(out, "| {what} | {count} |").unwrap();
    }
    let mut categories: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for connector in &all {
        for category in &connector.categories {
            let counted = categories.entry(category.as_str().to_owned()).or_default();
            counted.0 += 1;
            counted.1 += usize::from(is_complete(connector));
        }
    }
    out.push_str("\n| category | connectors | entity ID and ACS URL known |\n| --- | --- | --- |\n");
    for (category, (count, complete)) in categories {
        writeln!(out, "| {category} | {count} | {complete} |").unwrap();
    }
    out.push_str("\n## Where connectors say otherwise than the facts\n\n");
    out.push_str("| connector | field | why |\n| --- | --- | --- |\n");
    for connector in &all {
        for (field, why) in &connector.differs {
            let why = why.replace('|', "\\|");
            writeln!(out, "| {} | {field} | {why} |", connector.id).unwrap();
        }
    }
    out
}

#[test]
fn the_manual_says_in_figures_what_the_data_says() {
    const BEGINS: &str = "<!-- made from the data: TESSERA_UPDATE_CATALOG=1 cargo test --test catalog -->\n";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/catalog.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once(BEGINS).unwrap();
    let (stored, after) = rest.split_once("<!-- end -->").unwrap();
    if std::env::var_os("TESSERA_UPDATE_CATALOG").is_some() {
        std::fs::write(&file, format!("{before}{BEGINS}{}<!-- end -->{after}", figures())).unwrap();
    } else {
        assert!(
            stored == figures(),
            "docs/catalog.md is stale: run this test once with TESSERA_UPDATE_CATALOG=1"
        );
    }
}
