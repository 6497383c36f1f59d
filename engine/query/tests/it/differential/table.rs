//! Rows of a few devices, and a store that has them.

use std::{collections::BTreeMap, fmt};

use levada_model::{Path, Value};

use super::Chance;
use crate::{
    conformance::{change, parsed},
    memory::Memory,
};

/// The measurements: their names and types.
pub(super) const MEASUREMENTS: [(&str, &str); 5] =
    [("a", "INT32"), ("b", "INT64"), ("c", "DOUBLE"), ("t", "TEXT"), ("z", "BOOLEAN")];
/// The devices, by number.
pub(super) const DEVICES: [&str; 3] = ["root.m.d1", "root.m.d2", "root.m.d3"];
/// Times of rows are less.
pub(super) const END: i64 = 40;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Int(i64),
    Real(f64),
    Text(String),
    Truth(bool),
}

impl Cell {
    /// As a number, where it is one.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Real(value) => Some(*value),
            Self::Text(_) | Self::Truth(_) => None,
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => write!(f, "{value}"),
            Self::Real(value) => write!(f, "{value:?}"),
            Self::Text(text) => f.write_str(text),
            Self::Truth(truth) => write!(f, "{truth}"),
        }
    }
}

/// The points of every series, by device and measurement.
#[derive(Debug)]
pub(super) struct Table(Vec<[BTreeMap<i64, Cell>; 5]>);

impl Table {
    /// Rows as chance has them: dense or not, of small numbers, halves in `c` so that sums are exact.
    pub(super) fn random(chance: &mut Chance) -> Self {
        let device = |chance: &mut Chance, number: usize| -> [BTreeMap<i64, Cell>; 5] {
            std::array::from_fn(|measurement| {
                let mut points = BTreeMap::new();
                let most = chance.one(&[0, 3, 12, 30]);
                for _ in 0..if has(number, measurement) { most } else { 0 } {
                    let value = match measurement {
                        0 | 1 => Cell::Int(chance.within(-4, 6)),
                        2 => Cell::Real(chance.within(-6, 9) as f64 / 2.0),
                        3 => Cell::Text(chance.one(&["x", "y", "zz"]).to_owned()),
                        _ => Cell::Truth(chance.once_in(2)),
                    };
                    points.insert(chance.within(0, END), value);
                }
                points
            })
        };
        Self((0..DEVICES.len()).map(|number| device(chance, number)).collect())
    }

    /// A series' points.
    pub(super) fn points(&self, device: usize, measurement: usize) -> &BTreeMap<i64, Cell> {
        &self.0[device][measurement]
    }

    /// A store of these rows.
    pub(super) fn memory(&self) -> Memory {
        let mut memory = Memory::default();
        for (device, name) in DEVICES.iter().enumerate() {
            for (measurement, (suffix, data_type)) in MEASUREMENTS.iter().enumerate() {
                if !has(device, measurement) {
                    continue;
                }
                change(&mut memory, parsed(&format!("create timeseries {name}.{suffix} {data_type}")));
                let path = Path::parse(&format!("{name}.{suffix}")).expect("a path");
                let series = memory.series.get_mut(&path).expect("it was made");
                for (&time, cell) in self.points(device, measurement) {
                    let value = match (cell, measurement) {
                        (Cell::Int(value), 0) => Value::Int32(i32::try_from(*value).expect("a small number")),
                        (Cell::Int(value), _) => Value::Int64(*value),
                        (Cell::Real(value), _) => Value::Double(*value),
                        (Cell::Text(text), _) => Value::Text(text.clone()),
                        (Cell::Truth(truth), _) => Value::Boolean(*truth),
                    };
                    series.points.insert(time, value);
                }
            }
        }
        memory
    }
}

/// Whether a device has a measurement: the last one lacks two.
pub(super) const fn has(device: usize, measurement: usize) -> bool {
    device != 2 || measurement != 2 && measurement != 3
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (device, all) in self.0.iter().enumerate() {
            for ((name, _), points) in MEASUREMENTS.iter().zip(all) {
                write!(f, "  {}.{name}:", DEVICES[device])?;
                points.iter().try_for_each(|(time, cell)| write!(f, " {time}={cell}"))?;
                writeln!(f)?;
            }
        }
        Ok(())
    }
}
