//! Which series a query reads, device by device, and the columns they become.

use std::{collections::HashMap, sync::Arc};

use arrow_array::Int64Array;
use arrow_schema::DataType as ArrowType;
use levada_model::{DataType, Path};
use levada_sql::ast::{Expression, ExpressionKind, TypedFill};
use levada_storage::{Direction, TimeRange};

use super::{Planner, single_time};
use crate::{
    FunctionRegistry, QueryError,
    bind::{
        names::{Names, Series},
        scope::Scope,
    },
    chunk::{Chunk, Chunks},
    operator::{
        join::{Input, Join},
        scan::Scan,
    },
};

/// A device's series that are read together.
#[derive(Clone, Debug)]
struct Device {
    path: Path,
    measurements: Vec<Arc<str>>,
    types: Vec<DataType>,
}

/// The series a query reads.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources {
    devices: Vec<Device>,
    /// Device and place in it, by the series' path.
    places: HashMap<Path, (usize, usize)>,
    by_device: HashMap<Path, usize>,
}

impl Sources {
    /// Reads a series, once.
    pub(super) fn add(&mut self, series: &Series) {
        if self.places.contains_key(&series.path) {
            return;
        }
        let at = *self.by_device.entry(series.device.clone()).or_insert_with(|| {
            self.devices.push(Device {
                path: series.device.clone(),
                measurements: Vec::new(),
                types: Vec::new(),
            });
            self.devices.len() - 1
        });
        let device = &mut self.devices[at];
        self.places.insert(series.path.clone(), (at, device.measurements.len()));
        device.measurements.push(Arc::clone(&series.measurement));
        device.types.push(series.data_type);
    }

    /// Reads every series an expression of single series names.
    pub(super) fn add_all(&mut self, expression: &Expression, names: &Names<'_>) {
        if let ExpressionKind::Series(name) = &expression.kind
            && let Some(series) = names.series.get(name)
        {
            self.add(series);
        }
        expression.children().into_iter().for_each(|child| self.add_all(child, names));
    }

    /// Whether nothing is read.
    pub(super) fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }

    /// What every name stands for among the columns.
    pub(super) fn scope(&self, names: &Names<'_>, functions: &Arc<FunctionRegistry>) -> Scope {
        let mut first = Vec::with_capacity(self.devices.len());
        let mut columns = 0;
        for device in &self.devices {
            first.push(columns);
            columns += device.measurements.len();
        }
        let mut scope = Scope::new(functions);
        for (name, series) in &names.series {
            if let Some(&(device, place)) = self.places.get(&series.path) {
                scope.add_series(name, first[device] + place, series.data_type);
            }
        }
        scope
    }

    /// The one row at a time whose values are filled from the series themselves.
    pub(super) fn filled_row(
        &self,
        planner: &Planner<'_>,
        time: i64,
        fills: &[TypedFill],
    ) -> Result<Chunk, QueryError> {
        let mut row = Chunk { times: Int64Array::from(vec![time]), columns: Vec::new() };
        for Device { path, measurements, types } in &self.devices {
            planner.context.cancellation.check()?;
            for (measurement, data_type) in measurements.iter().zip(types.iter().copied()) {
                let series = (measurement, data_type);
                row.columns.push(single_time::value(&*planner.view, path, series, time, fills)?);
            }
        }
        Ok(row)
    }

    /// The rows: every time any of the series has.
    pub(super) fn chunks(&self, planner: &Planner<'_>, range: TimeRange, direction: Direction) -> Chunks {
        let (view, rows) = (&planner.view, planner.context.batch_rows);
        let mut inputs: Vec<Input> = self
            .devices
            .iter()
            .map(|device| {
                let scan = Scan::new(
                    Arc::clone(view),
                    device.path.clone(),
                    device.measurements.clone(),
                    range,
                    direction,
                    planner.context.cancellation.clone(),
                );
                let types: Vec<ArrowType> = device.types.iter().map(|each| each.arrow()).collect();
                Input::new(Box::new(scan), types)
            })
            .collect();
        match inputs.pop() {
            Some(only) if inputs.is_empty() => only.into_chunks(),
            Some(last) => {
                inputs.push(last);
                Join::new(inputs, direction, rows, &planner.budget).into_chunks()
            }
            None => Box::new(std::iter::empty()),
        }
    }

    /// A line for each device, for `explain`.
    pub(super) fn describe(&self, range: TimeRange) -> Vec<String> {
        let times = match (range.start, range.end) {
            (i64::MIN, i64::MAX) => "all times".to_owned(),
            (start, end) => format!("times {start}..={end}"),
        };
        self.devices
            .iter()
            .map(|device| format!("Scan {} [{}], {times}", device.path, device.measurements.join(", ")))
            .collect()
    }
}
