//! Reading everything of a kind, page by page: by index (RFC 7644 3.4.2.4) or by cursor (RFC 9865). Half a list is a
//! fault, and never looks like a whole one (SC-10, SC-11).

use std::collections::HashSet;

use serde_json::Value as Json;

use crate::base::{Ctx, Result};
use crate::outbound::Method;
use crate::provisioning::client::{Fault, FaultKind, encoded};
use crate::provisioning::engine::target::{Target, incomplete};
use crate::provisioning::verify::list_of;
use crate::scim::resource;

/// Resources on one page unless a connector says otherwise.
pub(super) const PAGE: u32 = 100;
/// Resources that are looked through at most.
const MOST: usize = 200_000;

/// The pages of a kind of resources.
#[derive(Debug)]
pub(in crate::provisioning) struct Pages<'t, 'a> {
    target: &'t Target<'a>,
    resources: &'static str,
    more: &'static str,
    /// Where the next page begins; `None`: there is none.
    at: Option<String>,
    start: u64,
    by_cursor: bool,
    began_anew: bool,
    seen: HashSet<String>,
    /// Cursors that were followed since the beginning.
    followed: HashSet<String>,
    /// Resources that came in all.
    came: usize,
    /// How often something came that had come before.
    repeated: usize,
}

impl<'t, 'a> Pages<'t, 'a> {
    pub(super) fn of(target: &'t Target<'a>, resources: &'static str, more: &'static str) -> Self {
        let by_cursor = target.capabilities.cursor_paging || target.quirks.cursor_paging;
        let at = Some(first(by_cursor));
        let (seen, followed) = (HashSet::new(), HashSet::new());
        Self {
            target,
            resources,
            more,
            at,
            start: 1,
            by_cursor,
            began_anew: false,
            seen,
            followed,
            came: 0,
            repeated: 0,
        }
    }

    /// The next page, without what was on an earlier one; `None` after the last.
    pub(in crate::provisioning) async fn next(&mut self, ctx: &Ctx) -> Result<Option<Vec<Json>>, Fault> {
        let Some(at) = self.at.take() else { return Ok(None) };
        let count = self.target.quirks.page_limit.unwrap_or(PAGE).max(1);
        let path = format!("/{}?{at}&count={count}{}", self.resources, self.more);
        self.target.wait_for_pace(ctx).await?;
        let page = match self.target.send(ctx, Method::Get, &path, None, None).await {
            // A cursor can end while pages are read: once more from the beginning.
            Err(fault) if fault.kind == FaultKind::Refused && self.by_cursor && !self.began_anew => {
                self.began_anew = true;
                self.followed.clear();
                self.at = Some(first(true));
                return Ok(Some(Vec::new()));
            }
            reply => list_of(&reply?)?,
        };
        let (next_start, total) = (page.next_start(self.start), page.total_results);
        let (came, known) = (page.resources.len(), self.seen.len());
        let mut fresh = page.resources;
        fresh.retain(|found| resource::id(found).is_none_or(|id| self.seen.insert(id)));
        let new = self.seen.len() - known;
        self.came += came;
        if self.seen.len() > MOST || self.came > MOST * 2 {
            return Err(incomplete("It has more than can be looked through."));
        }
        self.repeated += came - fresh.len();
        // After a beginning anew, what was seen before comes once more; else the same page for ever is no way through.
        let is_again =
            self.began_anew && came > 0 && self.repeated <= self.seen.len().max(usize::from(u8::MAX)) * 2;
        let leads_on = new > 0 || is_again;
        self.at = match (page.next_cursor, next_start) {
            (Some(cursor), _) if leads_on && self.followed.insert(cursor.clone()) => {
                Some(format!("cursor={}", encoded(&cursor)))
            }
            (None, Some(next)) if leads_on && !self.by_cursor => {
                self.start = next;
                Some(format!("startIndex={next}"))
            }
            (None, None) => None,
            (None, _) if self.by_cursor && self.is_less_than(total) => {
                return Err(incomplete("It shows one page and no way to the next."));
            }
            (None, Some(_)) if self.by_cursor => None,
            _ => return Err(incomplete("Its pages come round again.")),
        };
        Ok(Some(fresh))
    }
}

impl Pages<'_, '_> {
    /// Whether fewer came than there are.
    fn is_less_than(&self, total: Option<u64>) -> bool {
        total.is_some_and(|total| u64::try_from(self.came).is_ok_and(|came| came < total))
    }
}

fn first(by_cursor: bool) -> String {
    if by_cursor { "cursor=".to_owned() } else { "startIndex=1".to_owned() }
}
