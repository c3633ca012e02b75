//! Keyset paging: a page is asked for by a limit and an opaque cursor, never by an offset.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::base::{Error, Result};

/// Most items on one page.
pub const MAX_LIMIT: u32 = 200;
/// Items on a page when the caller does not say.
pub const DEFAULT_LIMIT: u32 = 50;

/// Which page is wanted.
#[derive(Clone, Debug, Default)]
pub struct PageRequest {
    /// Most items, 1 to [`MAX_LIMIT`].
    pub limit: u32,
    /// Sort key of the last item of the page before; `None` for the first page.
    pub after: Option<String>,
}

impl PageRequest {
    /// From the query parameters `limit` and `cursor`.
    pub fn parse(limit: Option<u32>, cursor: Option<&str>) -> Result<Self> {
        let limit = limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Error::field("limit", "out_of_range", format!("Use a limit from 1 to {MAX_LIMIT}.")));
        }
        let after = cursor.map(|text| {
            URL_SAFE_NO_PAD
                .decode(text)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .filter(|key| !key.contains('\0'))
                .ok_or_else(|| {
                    Error::field("cursor", "unknown_cursor", "Use the next_cursor of the page before.")
                })
        });
        Ok(Self { limit, after: after.transpose()? })
    }

    /// The first page with the default limit.
    #[must_use]
    pub fn first() -> Self {
        Self { limit: DEFAULT_LIMIT, after: None }
    }

    /// Rows to ask the database for: one more than the limit, which tells whether there is a next page.
    #[must_use]
    pub fn fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }
}

/// One page of a list.
#[derive(Clone, Debug, Serialize)]
pub struct Page<T> {
    /// The items, in order.
    pub items: Vec<T>,
    /// Cursor of the next page; `None` on the last.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// Cuts the rows fetched with [`PageRequest::fetch`] to a page; `key` gives an item's sort key.
    pub fn cut(mut items: Vec<T>, request: &PageRequest, key: impl Fn(&T) -> String) -> Self {
        let more = items.len() > request.limit as usize;
        items.truncate(request.limit as usize);
        let next_cursor =
            if more { items.last().map(|item| URL_SAFE_NO_PAD.encode(key(item))) } else { None };
        Self { items, next_cursor }
    }

    /// The same page with each item turned into another thing.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), next_cursor: self.next_cursor }
    }
}
