//! One entity out of an aggregate: what a process of its own hands back of a document that is too large to be read among
//! others (decision 12). What it hands back is small, and read like any metadata.

use serde::{Deserialize, Serialize};

use crate::base::Timestamp;
use crate::saml::metadata::choose::{Wanted, choose};
use crate::saml::metadata::read::{MetadataFault, Trust, lifetime, verified_root};
use crate::saml::xml::reader::Source;
use crate::saml::xml::{Limits, XmlFault, c14n};

/// An entity that stands alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picked {
    /// Its entity ID.
    pub entity_id: String,
    /// The `EntityDescriptor`, in canonical form; at most as long as metadata of one entity may be.
    pub xml: String,
    /// The earliest end that lists and entity set.
    pub valid_until: Option<Timestamp>,
    /// The shortest time that they may be kept, in milliseconds.
    pub cache_duration: Option<i64>,
}

/// Picks one entity out of up to 64 MiB. With `trust` the root must be signed as that says, and the entity comes out of
/// the element that was verified.
pub fn pick_sp_metadata(
    octets: &[u8],
    wanted: Wanted<'_>,
    now: Timestamp,
    trust: Option<&Trust>,
) -> Result<Picked, MetadataFault> {
    let source = Source::new(octets, &Limits::AGGREGATE)?;
    let document = source.parse()?;
    let root = match trust {
        Some(trust) => verified_root(&document, now, trust)?,
        None => document.root_element(),
    };
    let (entity_id, entity) = choose(root, wanted)?;
    let (valid_until, cache_duration) = lifetime(entity, now)?;
    let xml = c14n::exclusive(entity, &[], None)?;
    if xml.len() > Limits::METADATA.total {
        return Err(XmlFault::TooLarge.into());
    }
    Ok(Picked { entity_id: entity_id.to_owned(), xml, valid_until, cache_duration })
}
