//! Finding what is there: by a filter, or by looking through all of it.

use std::collections::HashSet;

use serde_json::Value as Json;

use crate::base::{Ctx, Result};
use crate::outbound::Method;
use crate::provisioning::client::{Fault, FaultKind, encoded};
use crate::provisioning::engine::pages::Pages;
use crate::provisioning::engine::target::Target;
use crate::provisioning::verify::list_of;
use crate::scim::{AttributePath, Filter, resource};

/// What the other side had when it was looked through as a whole.
#[derive(Debug, Default)]
pub(in crate::provisioning) struct Scan {
    /// Names without case: user names, or names of groups.
    names: HashSet<String>,
    external_ids: HashSet<String>,
}

impl Scan {
    /// Notes what was seen.
    pub(super) fn add(&mut self, found: &Json, name: &AttributePath) {
        self.names.extend(resource::text(found, name).map(str::to_lowercase));
        let external = resource::text(found, &AttributePath::of("externalId"));
        self.external_ids.extend(external.map(str::to_owned));
    }

    /// Whether nothing there had this name or external id.
    pub(super) fn is_absent(&self, name: &str, external_id: &str) -> bool {
        !self.names.contains(&name.to_lowercase()) && !self.external_ids.contains(external_id)
    }
}

/// What a search found.
#[derive(Clone, Debug)]
pub(super) enum Found {
    Nothing,
    One(Json),
    Several,
}

impl Found {
    fn of(hits: Vec<Json>) -> Self {
        let mut ids: Vec<_> = hits.iter().filter_map(resource::id).collect();
        ids.sort();
        ids.dedup();
        match (ids.len(), hits.into_iter().next()) {
            (0, _) | (_, None) => Self::Nothing,
            (1, Some(one)) => Self::One(one),
            _ => Self::Several,
        }
    }
}

/// Whether a resource has this value. Names have no case, external ids have.
fn is_it(found: &Json, attribute: &str, value: &str) -> bool {
    let is_exact = attribute == "externalId";
    resource::text(found, &AttributePath::of(attribute)).is_some_and(|text| {
        if is_exact { text == value } else { text.to_lowercase() == value.to_lowercase() }
    })
}

impl<'a> Target<'a> {
    /// The one resource of this kind whose attribute has this value. What was found is compared again: some services
    /// overlook the filter (SC-03).
    pub(super) async fn search(
        &self,
        ctx: &Ctx,
        resources: &'static str,
        attribute: &str,
        value: &str,
    ) -> Result<Found, Fault> {
        if self.quirks.no_filter {
            return self.seek(ctx, resources, attribute, value).await;
        }
        let filter = encoded(&Filter::equals(attribute, value).to_string());
        let path = format!("/{resources}?filter={filter}");
        match self.send(ctx, Method::Get, &path, None, None).await {
            Ok(reply) => {
                let is_it = |found: &Json| is_it(found, attribute, value);
                Ok(Found::of(list_of(&reply)?.resources.into_iter().filter(is_it).collect()))
            }
            // Some say so when nothing fits.
            Err(fault) if fault.kind == FaultKind::NotFound => Ok(Found::Nothing),
            Err(fault) => Err(fault),
        }
    }

    /// The same by looking through all of them, where a filter is not to be trusted.
    pub(super) async fn seek(
        &self,
        ctx: &Ctx,
        resources: &'static str,
        attribute: &str,
        value: &str,
    ) -> Result<Found, Fault> {
        let mut hits = Vec::new();
        self.read_all(ctx, resources, "", |found| {
            if is_it(&found, attribute, value) {
                hits.push(found);
            }
        })
        .await?;
        Ok(Found::of(hits))
    }

    /// All resources of a kind, page by page. `more` is added to the query.
    pub(in crate::provisioning) fn pages(
        &self,
        resources: &'static str,
        more: &'static str,
    ) -> Pages<'_, 'a> {
        Pages::of(self, resources, more)
    }

    /// Reads all resources of a kind.
    async fn read_all(
        &self,
        ctx: &Ctx,
        resources: &'static str,
        more: &'static str,
        mut each: impl FnMut(Json),
    ) -> Result<(), Fault> {
        let mut pages = self.pages(resources, more);
        while let Some(page) = pages.next(ctx).await? {
            page.into_iter().for_each(&mut each);
        }
        Ok(())
    }
}
