//! `where time = 4 fill(int32[previous, 5ms])`: the values at one time, as 0.12 and 0.13 fill them.

use levada_sql::ast::{Fill, TypedFill};

use super::{Planner, columns::is_aggregated};
use crate::{QueryError, bind::time_set::TimeSet};

/// The time of a query that is filled so, and how; `None` for every other query.
pub(super) fn wanted<'q>(planner: &Planner<'q>) -> Result<Option<(i64, &'q [TypedFill])>, QueryError> {
    let query = planner.query;
    let (Some(Fill::Typed(fills)), Some(condition), None) = (&query.fill, &query.condition, &query.group_by)
    else {
        return Ok(None);
    };
    let time = TimeSet::of(condition).and_then(|times| times.only_time());
    Ok(match time {
        Some(time) if !is_aggregated(planner)? => Some((time, fills)),
        _ => None,
    })
}
