//! Which entity of a list is meant (MD-302): by its entity ID, or named to choose from, a bounded number of them.

use std::fmt;

use roxmltree::Node;
use serde::{Deserialize, Serialize};

use crate::saml::metadata::read::{MAX_ENTITY_ID, MetadataFault};
use crate::saml::names::{METADATA, METADATA_UI, PROTOCOL};
use crate::saml::xml::reader::{attribute, children, is};

/// Service providers that a refusal names at most.
const MAX_CHOICES: usize = 100;

/// Which entity of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// Its entity ID.
    pub entity_id: Option<&'a str>,
    /// Without an entity ID: name only those with this in their entity ID or a name, in any case of letters.
    pub search: Option<&'a str>,
}

impl<'a> From<Option<&'a str>> for Wanted<'a> {
    fn from(entity_id: Option<&'a str>) -> Self {
        Self { entity_id, search: None }
    }
}

/// Service providers to choose from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choices {
    /// Entity IDs, in the document's order; at most a hundred.
    pub entity_ids: Vec<String>,
    /// How many there are, or that were found.
    pub total: usize,
    /// How many the document describes.
    pub described: usize,
}

impl Choices {
    /// The end of a sentence's paragraph: that these are not all.
    pub(super) fn tell_rest(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.total == 0 {
            write!(f, " None of its {} has what you search for.", self.described)
        } else if self.total > self.entity_ids.len() {
            let shown = self.entity_ids.len();
            write!(f, " These are the first {shown} of {}; search for the right one.", self.total)
        } else {
            Ok(())
        }
    }
}

/// The entity that is wanted, with its entity ID.
pub(super) fn choose<'a, 'i>(
    root: Node<'a, 'i>,
    wanted: Wanted<'_>,
) -> Result<(&'a str, Node<'a, 'i>), MetadataFault> {
    let entities = service_providers(root)?;
    match (wanted.entity_id, entities.as_slice()) {
        (_, []) => Err(MetadataFault::NoServiceProvider),
        (None, [only]) => Ok(*only),
        (None, all) => Err(MetadataFault::EntityIdRequired(choices(all, wanted.search))),
        (Some(id), all) => {
            let found = all.iter().find(|(known, _)| *known == id).copied();
            found.ok_or_else(|| MetadataFault::EntityUnknown(choices(all, wanted.search)))
        }
    }
}

fn choices(entities: &[(&str, Node<'_, '_>)], search: Option<&str>) -> Choices {
    let needle = search.unwrap_or_default().trim().to_lowercase();
    let mut found = Choices { described: entities.len(), ..Choices::default() };
    for (id, entity) in entities {
        if needle.is_empty() || id.to_lowercase().contains(&needle) || is_called(*entity, &needle) {
            found.total += 1;
            if found.entity_ids.len() < MAX_CHOICES {
                found.entity_ids.push((*id).to_owned());
            }
        }
    }
    found
}

/// Whether one of the entity's names for people holds this text of small letters.
fn is_called(entity: Node<'_, '_>, needle: &str) -> bool {
    let is_name = |node: &Node<'_, '_>| {
        is(*node, METADATA_UI, "DisplayName")
            || ["OrganizationName", "OrganizationDisplayName", "ServiceName"]
                .iter()
                .any(|name| is(*node, METADATA, name))
    };
    entity
        .descendants()
        .filter(is_name)
        .any(|node| node.text().is_some_and(|text| text.to_lowercase().contains(needle)))
}

/// All entities with a SAML 2.0 service-provider role, through nested lists.
fn service_providers<'a, 'i>(root: Node<'a, 'i>) -> Result<Vec<(&'a str, Node<'a, 'i>)>, MetadataFault> {
    if !is(root, METADATA, "EntityDescriptor") && !is(root, METADATA, "EntitiesDescriptor") {
        return Err(MetadataFault::NotMetadata);
    }
    // Entities stand below lists only: what extensions hold is not looked at.
    let in_lists = |node: &Node<'a, 'i>| {
        node.ancestors()
            .skip(1)
            .filter(Node::is_element)
            .all(|above| is(above, METADATA, "EntitiesDescriptor"))
    };
    root.descendants()
        .filter(|node| is(*node, METADATA, "EntityDescriptor") && in_lists(node))
        .filter(|entity| sp_descriptor(*entity).is_some())
        .map(|entity| {
            let id = attribute(entity, "entityID").filter(|id| !id.is_empty() && id.len() <= MAX_ENTITY_ID);
            Ok((id.ok_or(MetadataFault::EntityId)?, entity))
        })
        .collect()
}

/// The role of a SAML 2.0 service provider.
pub(super) fn sp_descriptor<'a, 'i>(entity: Node<'a, 'i>) -> Option<Node<'a, 'i>> {
    children(entity, METADATA, "SPSSODescriptor").find(|role| {
        attribute(*role, "protocolSupportEnumeration")
            .is_some_and(|protocols| protocols.split_ascii_whitespace().any(|p| p == PROTOCOL))
    })
}
