//! Which series a query reads, device by device, and the columns they become.

use std::{collections::HashMap, sync::Arc};

use levada_model::{DataType, Path};
use levada_sql::ast::{Expression, ExpressionKind, TypedFill};
use levada_storage::{Direction, TimeRange};

use crate::{
    FunctionRegistry,
    bind::{
        names::{Names, Series},
        scope::Scope,
    },
    node::{Joined, Node, Scan},
    operator::filled_row::FilledRow,
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

    /// How many columns its rows have.
    pub(super) fn width(&self) -> usize {
        self.devices.iter().map(|device| device.measurements.len()).sum()
    }

    /// The one row at a time whose values are filled from the series themselves.
    pub(super) fn filled_row(self, time: i64, fills: &[TypedFill]) -> Node {
        let series = self.devices.into_iter().flat_map(|Device { path, measurements, types }| {
            let series = measurements.into_iter().zip(types);
            series.map(move |(measurement, data_type)| (path.clone(), measurement, data_type))
        });
        Node::FilledRow(FilledRow { time, series: series.collect(), fills: fills.to_vec() })
    }

    /// The rows: every time any of the series has.
    pub(super) fn scans(self, range: TimeRange, direction: Direction) -> Node {
        let scan = |Device { path, measurements, types }| {
            let scan = Scan { device: path, measurements, range, direction };
            Joined { node: Node::Scan(scan), types }
        };
        Node::join(self.devices.into_iter().map(scan).collect(), direction)
    }
}
