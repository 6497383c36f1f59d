//! `select last`: the newest point of each series.

use std::sync::Arc;

use levada_model::{DataType, Path, Value};
use levada_sql::ast::{Expression, ExpressionKind, SortBy};
use levada_storage::{Direction, TimeRange, View};

use super::{Planner, tail};
use crate::{
    Plan, QueryError,
    bind::{
        names::{Match, Names, Show},
        time_set::TimeSet,
    },
    chunk::{Chunk, Chunks, texts},
    expression::{Expr, Kind, cast::value_text},
    operator::sort::{SortKey, sort},
    plan::column,
    show::paths,
};

/// A series whose newest point is wanted.
struct Wanted {
    device: Path,
    measurement: Arc<str>,
    data_type: DataType,
    /// The second name that it is shown by.
    alias: Option<Arc<str>>,
}

impl Wanted {
    fn of(series: &Match<'_>) -> Self {
        Self {
            device: series.device.clone(),
            measurement: Arc::clone(series.measurement),
            data_type: series.data_type,
            alias: series.alias.map(Arc::from),
        }
    }

    /// Its path's text, in parts.
    fn path(&self) -> impl Iterator<Item = u8> + '_ {
        self.device.as_str().bytes().chain(*b".").chain(self.measurement.bytes())
    }

    /// The path it is shown by.
    fn shown(&self) -> Path {
        self.device.child(self.alias.as_deref().unwrap_or(&self.measurement))
    }
}

pub(super) fn plan(planner: &Planner<'_>) -> Result<Plan, QueryError> {
    let query = planner.query;
    let times = query.condition.as_ref().map_or(Some(TimeSet::all()), TimeSet::of);
    let times = times.ok_or_else(|| QueryError::semantic("Only time filters are supported in LAST query"))?;
    let is_series = |expression: &Expression| matches!(expression.kind, ExpressionKind::Series(_));
    if !query.columns.iter().all(|column| is_series(&column.expression)) {
        return Err(QueryError::semantic("Last queries can only be applied on raw time series."));
    }
    if query.group_by.is_some() || query.fill.is_some() || query.having.is_some() {
        return Err(QueryError::semantic("Last queries take neither GROUP BY nor FILL nor HAVING."));
    }
    let prefixes = query.from.iter().map(|from| from.pattern.clone()).collect();
    let mut names = Names::new(&*planner.view, planner.context, prefixes, Show::Whole).by_path();
    let mut series: Vec<Wanted> = Vec::new();
    for column in &query.columns {
        for pattern in column.expression.series() {
            series.extend(names.find(pattern).matches().map(|each| Wanted::of(&each)));
        }
    }
    // Those of one name are sorted already.
    if !series.is_sorted_by(|a, b| a.path().lt(b.path())) {
        series.sort_by(|a, b| a.path().cmp(b.path()));
        series.dedup_by(|a, b| a.device == b.device && a.measurement == b.measurement);
    }
    let columns = ["Timeseries", "Value", "DataType"].map(|name| column(name, DataType::Text)).to_vec();
    let chunks = rows(planner, series, times);
    let chunks = sorted(planner, chunks)?;
    Ok(Plan::new(true, columns, tail::limited(planner, chunks)).described(vec!["Last points".to_owned()]))
}

/// The points, looked up in batches as they are pulled.
fn rows(planner: &Planner<'_>, series: Vec<Wanted>, wanted: TimeSet) -> Chunks {
    let view = Arc::clone(&planner.view);
    let mut series = series.into_iter();
    let batch = planner.context.batch_rows.max(1);
    let cancellation = planner.context.cancellation.clone();
    Box::new(std::iter::from_fn(move || {
        let part: Vec<Wanted> = series.by_ref().take(batch).collect();
        if part.is_empty() {
            return None;
        }
        let mut times = Vec::new();
        let mut found: Vec<(Path, String, &'static str)> = Vec::new();
        for series in part {
            if let Err(error) = cancellation.check() {
                return Some(Err(error));
            }
            let point = if wanted.is_all() {
                view.last(&series.device, &series.measurement).map_err(QueryError::from)
            } else {
                let ranges = wanted.iter().rev();
                ranges
                    .map(|range| newest_within(&*view, &series, range))
                    .find_map(Result::transpose)
                    .transpose()
            };
            match point {
                Ok(Some((time, value))) => {
                    times.push(time);
                    found.push((series.shown(), value_text(&value), series.data_type.name()));
                }
                Ok(None) => {}
                Err(error) => return Some(Err(error)),
            }
        }
        let columns = vec![
            paths(found.iter().map(|row| &row.0)),
            texts(found.iter().map(|row| Some(row.1.as_str()))),
            texts(found.iter().map(|row| Some(row.2))),
        ];
        Some(Ok(Chunk { times: times.into(), columns }))
    }))
}

/// The newest point within a range of times.
fn newest_within(
    view: &dyn View,
    series: &Wanted,
    range: TimeRange,
) -> Result<Option<(i64, Value)>, QueryError> {
    let measurement = std::slice::from_ref(&series.measurement);
    let rows = view.scan(&series.device, measurement, range, Direction::Descending)?;
    for batch in rows {
        let chunk = Chunk::from_scan(&batch?)?;
        let values = &chunk.columns[0];
        for row in 0..chunk.rows() {
            if let Some(value) = Value::at(values, series.data_type, row) {
                return Ok(Some((chunk.times.value(row), value)));
            }
        }
    }
    Ok(None)
}

fn sorted(planner: &Planner<'_>, chunks: Chunks) -> Result<Chunks, QueryError> {
    let mut keys = Vec::new();
    for key in &planner.query.order_by {
        let text = |at| Expr::column(at, DataType::Text);
        let expression = match &key.by {
            SortBy::Time => Expr::new(Kind::Time, DataType::Int64),
            SortBy::Timeseries => text(0),
            SortBy::Device => {
                return Err(QueryError::semantic(
                    "Sorting by device is only supported in ALIGN BY DEVICE queries.",
                ));
            }
            SortBy::Expression(expression) => match expression.column_name().to_ascii_lowercase().as_str() {
                "value" => text(1),
                "datatype" => text(2),
                other => {
                    return Err(QueryError::semantic(format!(
                        "last queries can be ordered by time, timeseries, value and dataType, not by {other}"
                    )));
                }
            },
        };
        keys.push(SortKey { expression, descending: key.descending, nulls_first: false });
    }
    if keys.is_empty() {
        return Ok(chunks);
    }
    Ok(sort(chunks, keys, tail::wanted_rows(planner), planner.context.batch_rows, &planner.budget))
}
