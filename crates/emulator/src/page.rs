//! Pages of lists.

use serde_json::{Map, Value};

use crate::answer::Failure;
use crate::call::Query;
use crate::quirks::Quirks;

/// The longest page.
pub(crate) const MAX_PAGE: usize = 100;

/// One page of a list: of `indices`, those that `show` shows. `size` entries where the query says nothing.
pub(crate) fn page(
    quirks: &Quirks,
    query: &Query,
    key: &str,
    size: usize,
    indices: &[usize],
    show: impl Fn(usize) -> Option<Value>,
) -> Result<Value, Failure> {
    let size = match query.page_size as usize {
        0 => size,
        size => size.min(MAX_PAGE),
    };
    let mut page = Map::new();
    let start = match &query.page_token {
        None if quirks.empty_page => {
            page.insert("nextPageToken".to_owned(), token(0).into());
            return Ok(page.into());
        }
        None => 0,
        Some(text) => offset(text)
            .filter(|start| *start <= indices.len())
            .ok_or_else(|| Failure::usual(400))?,
    };
    let end = indices.len().min(start + size);
    let shown = indices[start..end].iter().filter_map(|&index| show(index));
    let shown: Vec<Value> = shown.collect();
    if !shown.is_empty() {
        page.insert(key.to_owned(), shown.into());
    }
    if quirks.repeat_token {
        page.insert("nextPageToken".to_owned(), token(start).into());
    } else if end < indices.len() {
        page.insert("nextPageToken".to_owned(), token(end).into());
    }
    Ok(page.into())
}

/// One page of values.
pub(crate) fn page_of(
    quirks: &Quirks,
    query: &Query,
    key: &str,
    values: &[Value],
) -> Result<Value, Failure> {
    let indices: Vec<usize> = (0..values.len()).collect();
    page(quirks, query, key, MAX_PAGE, &indices, |index| {
        Some(values[index].clone())
    })
}

/// A page token holds characters that have to be escaped, as the real ones may.
fn token(start: usize) -> String {
    format!("C{start:x}+/==")
}

fn offset(token: &str) -> Option<usize> {
    let digits = token.strip_prefix('C')?.strip_suffix("+/==")?;
    usize::from_str_radix(digits, 16).ok()
}
