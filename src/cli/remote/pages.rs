//! Lists that are longer than a page: `--all` and `--limit` ask for one page after the other.

use clap::{Arg, ArgAction, ArgMatches, value_parser};
use serde_json::{Map, Value};

use crate::{api::Operation, cli::CliError};

use super::Connection;

/// How much of a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// What one answer holds.
    OnePage,
    /// So many items at most, whatever the number of pages.
    AtMost(u64),
}

impl Wanted {
    /// The arguments that say it, for operations that answer in pages.
    pub(super) fn arguments(operation: &Operation) -> Vec<Arg> {
        if !has_pages(operation) {
            return Vec::new();
        }
        vec![
            Arg::new(ALL)
                .long(ALL)
                .action(ArgAction::SetTrue)
                .conflicts_with(LIMIT)
                .help_heading("Pages")
                .help("Every item, page after page"),
            Arg::new(LIMIT)
                .long(LIMIT)
                .value_name("N")
                .value_parser(value_parser!(u64).range(1..))
                .help_heading("Pages")
                .help("So many items at most, page after page"),
        ]
    }

    pub(super) fn read(operation: &Operation, matches: &ArgMatches) -> Self {
        if !has_pages(operation) {
            return Self::OnePage;
        }
        let limit = matches.get_one(LIMIT).copied();
        let limit = limit.or_else(|| matches.get_flag(ALL).then_some(u64::MAX));
        limit.map_or(Self::OnePage, Self::AtMost)
    }
}

/// Asks, and where more is wanted than a page, goes on; the answer is that of the last page, with the items of all.
pub(super) async fn ask(
    connection: &Connection,
    operation: &Operation,
    mut request: Map<String, Value>,
    wanted: Wanted,
) -> Result<Value, CliError> {
    let (Wanted::AtMost(most), Some(list)) = (wanted, items(operation)) else {
        return connection.ask(operation, request).await;
    };
    let size = request.get(PAGE_SIZE).and_then(Value::as_u64).unwrap_or(LARGEST_PAGE);
    let mut gathered: Vec<Value> = Vec::new();
    loop {
        let left = most.saturating_sub(u64::try_from(gathered.len()).unwrap_or(u64::MAX));
        request.insert(PAGE_SIZE.to_owned(), left.min(size).into());
        let mut answer = connection.ask(operation, request.clone()).await?;
        let page = answer.get_mut(&list).and_then(Value::as_array_mut).map(std::mem::take);
        let page = page.unwrap_or_default();
        let is_full = u64::try_from(page.len()).is_ok_and(|found| found >= left);
        gathered.extend(page);
        match answer.get(NEXT).cloned() {
            Some(next) if !is_full => request.insert(PAGE_TOKEN.to_owned(), next),
            _ => {
                if let Some(all) = answer.get_mut(&list) {
                    *all = Value::Array(gathered);
                }
                return Ok(answer);
            }
        };
    }
}

fn has_pages(operation: &Operation) -> bool {
    let request = operation.generic.as_ref().map(|generic| (generic.request)());
    request.is_some_and(|shape| shape.fields().iter().any(|field| field.name == PAGE_TOKEN))
}

fn items(operation: &Operation) -> Option<String> {
    (operation.generic.as_ref()?.answer)().items()
}

const ALL: &str = "all";
const LIMIT: &str = "limit";
const PAGE_SIZE: &str = "page_size";
const PAGE_TOKEN: &str = "page_token";
const NEXT: &str = "next_page_token";
/// What the API answers at once, at most.
const LARGEST_PAGE: u64 = 1_000;

#[cfg(test)]
mod tests {
    use crate::api::operations;

    use super::*;

    #[test]
    fn whatever_answers_in_pages_has_a_list_to_gather() {
        let paged: Vec<&Operation> = operations().filter(|operation| has_pages(operation)).collect();
        assert!(paged.len() > 10);
        for operation in paged {
            assert!(items(operation).is_some(), "{}", operation.name);
        }
    }
}
