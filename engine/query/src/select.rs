//! `SELECT`: which operators a query becomes.

mod aggregated;
mod by_device;
mod by_series;
mod by_tags;
mod columns;
mod definition;
mod each_row;
mod grouped;
mod having;
mod into;
mod last;
mod output;
mod patterns;
mod raw;
mod single_time;
mod sources;
mod tail;

use std::{collections::HashSet, ops::Range, sync::Arc};

use levada_sql::ast::{Alignment, Select, SelectInto};
use levada_storage::View;

pub use self::into::IntoSeries;
pub(crate) use self::{
    definition::Defined,
    into::{is_made, target_device, target_measurement},
};
use crate::{QueryContext, QueryError, plan::Bound};

/// What all parts of planning a query use.
#[derive(Clone, Debug)]
pub(crate) struct Planner<'a> {
    pub(crate) query: &'a Select,
    pub(crate) view: Arc<dyn View>,
    pub(crate) context: &'a QueryContext,
}

/// Plans a query whose rows are given out.
pub(crate) fn plan(query: &Select, view: Arc<dyn View>, context: &QueryContext) -> Result<Bound, QueryError> {
    if query.into.is_some() {
        return Err(QueryError::unsupported("select into, where rows are to be given out"));
    }
    planned(&Planner { query, view, context })
}

/// Plans a query whose rows are written, and to which series.
pub(crate) fn plan_into(
    query: &Select,
    into: &SelectInto,
    view: Arc<dyn View>,
    context: &QueryContext,
) -> Result<(Bound, Vec<IntoSeries>), QueryError> {
    into::check(query)?;
    let planner = Planner { query, view, context };
    let bound = planned(&planner)?;
    let targets = into::targets(&planner, into, &bound)?;
    Ok((bound, targets))
}

/// Plans a query of rows whose columns may be series by their whole paths.
pub(crate) fn plan_rows(
    query: &Select,
    view: Arc<dyn View>,
    context: &QueryContext,
) -> Result<Bound, QueryError> {
    raw::plan(&Planner { query, view, context })
}

/// The columns of a query that defines views, which `checked` says is to be looked at: somebody wrote it.
pub(crate) fn defined(
    query: &Select,
    view: Arc<dyn View>,
    context: &QueryContext,
    checked: bool,
) -> Result<Vec<Defined>, QueryError> {
    let planner = Planner { query, view, context };
    if checked {
        definition::check(&planner)?;
    }
    definition::defined(&planner)
}

fn planned(planner: &Planner<'_>) -> Result<Bound, QueryError> {
    planner.check()?;
    if planner.query.last {
        return last::plan(planner);
    }
    if planner.query.alignment == Alignment::Device {
        return by_device::plan(planner);
    }
    if columns::is_aggregated(planner)? { aggregated::plan(planner) } else { raw::plan(planner) }
}

impl Planner<'_> {
    /// What is wrong whatever the catalog has.
    fn check(&self) -> Result<(), QueryError> {
        let query = self.query;
        if query.alignment == Alignment::None {
            return Err(QueryError::unsupported(
                "disable align gives each column times of its own, for which this client has no form: leave it out, or ask with a client of 0.12 or 0.13 or the shell of a data folder; here it",
            ));
        }
        let mut aliases = HashSet::new();
        if !query.columns.iter().filter_map(|column| column.alias.as_ref()).all(|alias| aliases.insert(alias))
        {
            return Err(QueryError::semantic("duplicate alias in select clause"));
        }
        let positive = |value: Option<i64>, name: &str, letter: &str| match value {
            Some(value) if value <= 0 => {
                Err(QueryError::semantic(format!("{name} <{letter}>: {letter} should be greater than 0.")))
            }
            _ => Ok(()),
        };
        positive(query.limit, "LIMIT", "N")?;
        positive(query.series_limit, "SLIMIT", "SN")?;
        let not_negative = |value: Option<i64>, name: &str| match value {
            Some(value) if value < 0 => {
                Err(QueryError::semantic(format!("{name} must be 0 or more, not {value}")))
            }
            _ => Ok(()),
        };
        not_negative(query.offset, "OFFSET")?;
        not_negative(query.series_offset, "SOFFSET")
    }

    /// Whether rows of aggregates have a last column that says where their windows end: windows of rows always do, those of
    /// time where it is asked for.
    pub(crate) fn says_ends(&self) -> bool {
        let Some(group_by) = &self.query.group_by else { return false };
        let asked = || self.query.columns.iter().any(|column| columns::is_end_time(&column.expression));
        group_by.rows.is_some() || group_by.time.is_some() && asked()
    }

    /// Which columns `slimit` and `soffset` leave, by their number.
    pub(crate) fn wanted_columns(&self) -> Range<usize> {
        let count = |value: Option<i64>, otherwise| {
            value.map_or(otherwise, |value| usize::try_from(value).unwrap_or(0))
        };
        let offset = count(self.query.series_offset, 0);
        offset..offset.saturating_add(count(self.query.series_limit, usize::MAX))
    }

    /// The columns that `slimit` and `soffset` leave.
    pub(crate) fn limit_columns<T>(&self, columns: Vec<T>) -> Vec<T> {
        let wanted = self.wanted_columns();
        if wanted == (0..usize::MAX) {
            return columns;
        }
        columns.into_iter().skip(wanted.start).take(wanted.len()).collect()
    }
}
