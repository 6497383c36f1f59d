//! What logical views are defined as: the columns of a query of rows, each with the series in it.

use std::sync::Arc;

use levada_model::{DataType, PathPattern};
use levada_sql::ast::{Alignment, Expression, ExpressionKind, Select, SeriesName};

use super::{Planner, by_series, columns, output::outputs, raw};
use crate::{
    QueryError,
    bind::names::{Names, Series, Show},
};

/// A column of such a query.
#[derive(Debug)]
pub(crate) struct Defined {
    /// What it computes, of series by their own paths.
    pub(crate) expression: Expression,
    /// The series in that, each once.
    pub(crate) series: Vec<Arc<Series>>,
    pub(crate) data_type: DataType,
}

impl Defined {
    /// The series that it is, where it is nothing else.
    pub(crate) fn as_series(&self) -> Option<&Series> {
        match (&self.expression.kind, &self.series[..]) {
            (ExpressionKind::Series(_), [series]) => Some(series),
            _ => None,
        }
    }
}

/// Rejects what makes more of a query than columns of rows.
pub(super) fn check(planner: &Planner<'_>) -> Result<(), QueryError> {
    let Select {
        into,
        last,
        condition,
        group_by,
        having,
        fill,
        order_by,
        limit,
        offset,
        series_limit,
        series_offset,
        ..
    } = planner.query;
    let clauses = [
        (into.is_some(), "INTO"),
        (*last, "LAST"),
        (condition.is_some(), "WHERE"),
        (group_by.is_some(), "GROUP BY"),
        (having.is_some(), "HAVING"),
        (fill.is_some(), "FILL"),
        (!order_by.is_empty(), "ORDER BY"),
        (limit.is_some() || offset.is_some(), "LIMIT and OFFSET"),
        (series_limit.is_some() || series_offset.is_some(), "SLIMIT and SOFFSET"),
        (planner.query.without_null.is_some(), "WITHOUT NULL"),
        (planner.query.alignment != Alignment::Time, "ALIGN BY DEVICE and DISABLE ALIGN"),
    ];
    if let Some((_, clause)) = clauses.into_iter().find(|(is_there, _)| *is_there) {
        let why = format!("it is defined by SELECT and FROM alone, and {clause} cannot be used");
        return Err(QueryError::view_unsupported(why));
    }
    if columns::is_aggregated(planner)? {
        let prefixes = planner.query.from.iter().map(|from| from.pattern.clone()).collect();
        let mut names = Names::new(&*planner.view, planner.context, prefixes, Show::Whole);
        let headers: Vec<String> =
            outputs(planner, &mut names)?.into_iter().map(|output| output.name).collect();
        let why = format!("This view contains aggregation function(s) named [{}]", headers.join(", "));
        return Err(QueryError::view_unsupported(why));
    }
    // A view's rows are asked for by ranges of times, and newest first.
    let functions = &planner.context.functions;
    let mut expressions = planner.query.columns.iter().map(|column| &column.expression);
    if let Some(function) = expressions.find_map(|each| by_series::looks_around(each, functions)) {
        let why = format!(
            "{function} looks at other rows, so what a view gives at a time would depend on the times that are asked for"
        );
        return Err(QueryError::view_unsupported(why));
    }
    Ok(())
}

/// The columns.
pub(super) fn defined(planner: &Planner<'_>) -> Result<Vec<Defined>, QueryError> {
    let prefixes = planner.query.from.iter().map(|from| from.pattern.clone()).collect();
    let mut names = Names::new(&*planner.view, planner.context, prefixes, Show::Whole);
    let outputs = outputs(planner, &mut names)?;
    let bound = raw::plan(planner)?;
    let mut defined = Vec::with_capacity(outputs.len());
    for (output, column) in outputs.into_iter().zip(bound.columns()) {
        let mut series: Vec<Arc<Series>> = Vec::new();
        for name in output.expression.series() {
            let found =
                names.series.get(name).filter(|found| !series.iter().any(|each| each.path == found.path));
            series.extend(found.cloned());
        }
        if series.is_empty() {
            return Err(QueryError::view_unsupported(format!("{} is of no series", output.name)));
        }
        let mut expression = output.expression;
        by_own_paths(&mut expression, &names);
        defined.push(Defined { expression, series, data_type: column.data_type });
    }
    Ok(defined)
}

/// Calls series by their own paths, where they were called by second names.
fn by_own_paths(expression: &mut Expression, names: &Names<'_>) {
    if let ExpressionKind::Series(name) = &mut expression.kind
        && let Some(series) = names.series.get(name)
    {
        *name = SeriesName::whole(PathPattern::from(&series.path));
    }
    for child in expression.children_mut() {
        by_own_paths(child, names);
    }
}
