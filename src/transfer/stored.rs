//! What is stored of the configuration, whole and in one order whatever the database thinks of order.

use crate::applications::{self, Application};
use crate::base::Result;
use crate::base::paging::{MAX_LIMIT, PageRequest};
use crate::db::Executor;
use crate::directory::{self, Group};
use crate::transfer::read::group_key;

/// All groups but the built-in one, by name.
pub(in crate::transfer) async fn groups(executor: &mut impl Executor) -> Result<Vec<Group>> {
    let mut out = Vec::new();
    let mut page = PageRequest { limit: MAX_LIMIT, after: None };
    loop {
        let found = directory::groups::list_in(executor, None, &page).await?;
        page.after = found.items.last().map(|group| group_key(&group.name));
        out.extend(found.items.into_iter().filter(|group| !group.built_in));
        if found.next_cursor.is_none() {
            break;
        }
    }
    out.sort_by_cached_key(|group| group_key(&group.name));
    Ok(out)
}

/// All applications, by slug.
pub(in crate::transfer) async fn applications(executor: &mut impl Executor) -> Result<Vec<Application>> {
    let mut out = Vec::new();
    let mut page = PageRequest { limit: MAX_LIMIT, after: None };
    loop {
        let found = applications::list(executor, "", &page).await?;
        page.after = found.items.last().map(Application::sort_key);
        out.extend(found.items);
        if found.next_cursor.is_none() {
            break;
        }
    }
    out.sort_by(|a, b| a.slug.cmp(&b.slug));
    Ok(out)
}
