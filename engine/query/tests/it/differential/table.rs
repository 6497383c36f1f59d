//! Rows of a few devices.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use levada_model::{DataType, Path, Value};

use super::chance::Chance;

/// The measurements: their names and types.
pub(crate) const MEASUREMENTS: [(&str, &str); 5] =
    [("a", "INT32"), ("b", "INT64"), ("c", "DOUBLE"), ("t", "TEXT"), ("z", "BOOLEAN")];
/// The devices, by number, in the order of their paths. Those of `root.v` have views alone.
pub(crate) const DEVICES: [&str; 5] = ["root.m.d1", "root.m.d2", "root.m.d3", "root.v.e1", "root.v.e2"];
/// How many of the devices have series of their own.
pub(crate) const OWN: usize = 3;
/// Times of rows are less.
pub(crate) const END: i64 = 40;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Int(i64),
    Real(f64),
    Text(String),
    Truth(bool),
}

impl Cell {
    /// As a number, where it is one.
    pub(crate) fn number(&self) -> Option<f64> {
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

/// The points of a name, by their times.
type Points = BTreeMap<i64, Cell>;

/// What a view shows.
#[derive(Clone, Debug)]
struct Shown {
    /// As SQL.
    sql: String,
    points: Points,
    /// When there are rows of it, also such as have no value.
    times: BTreeSet<i64>,
}

/// A name of a device.
#[derive(Clone, Debug)]
enum Name {
    Missing,
    Series(Points),
    View(Shown),
}

/// What every name of every device stands for, by device and measurement.
#[derive(Debug)]
pub(crate) struct Table {
    names: Vec<[Name; 5]>,
}

impl Table {
    /// Rows as chance has them: dense or not, of small numbers, halves in `c` so that sums are exact. Views of them where they are
    /// asked for.
    pub(crate) fn random(chance: &mut Chance, with_views: bool) -> Self {
        let device = |chance: &mut Chance, number: usize| -> [Name; 5] {
            std::array::from_fn(|measurement| {
                // The last device lacks two.
                if number + 1 == OWN && matches!(measurement, 2 | 3) {
                    return Name::Missing;
                }
                Name::Series(Self::points_by_chance(chance, measurement))
            })
        };
        let mut names: Vec<[Name; 5]> = (0..OWN).map(|number| device(chance, number)).collect();
        names.resize(DEVICES.len(), std::array::from_fn(|_| Name::Missing));
        let mut table = Self { names };
        if with_views {
            for (device, measurement) in
                (OWN..DEVICES.len()).flat_map(|device| (0..5).map(move |at| (device, at)))
            {
                table.names[device][measurement] = table.view(chance, measurement);
            }
            if chance.once_in(2) {
                table.names[OWN - 1][2] = table.view(chance, 2);
            }
        }
        table
    }

    fn points_by_chance(chance: &mut Chance, measurement: usize) -> Points {
        let mut points = BTreeMap::new();
        for _ in 0..chance.one(&[0, 3, 12, 30]) {
            let value = match measurement {
                0 | 1 => Cell::Int(chance.within(-4, 6)),
                2 => Cell::Real(chance.within(-6, 9) as f64 / 2.0),
                3 => Cell::Text(chance.one(&["x", "y", "zz"]).to_owned()),
                _ => Cell::Truth(chance.once_in(2)),
            };
            points.insert(chance.within(0, END), value);
        }
        points
    }

    /// A view of the type of a measurement: another name of a series, or what is computed of some.
    fn view(&self, chance: &mut Chance, measurement: usize) -> Name {
        let of = |chance: &mut Chance, measurement: usize| {
            let device = chance.below(if matches!(measurement, 2 | 3) { OWN - 1 } else { OWN });
            let Name::Series(points) = &self.names[device][measurement] else {
                unreachable!("it is no view")
            };
            (format!("{}.{}", DEVICES[device], MEASUREMENTS[measurement].0), points)
        };
        let number = |points: &Points, time: &i64| points.get(time).and_then(Cell::number);
        let first = chance.below(3);
        let (sql, points, times) = match (measurement, chance.below(3)) {
            (2, 0) => {
                let ((left, a), (right, b)) = (of(chance, first), of(chance, 0));
                let times: BTreeSet<i64> = a.keys().chain(b.keys()).copied().collect();
                let sum = |time: &i64| Some((*time, Cell::Real(number(a, time)? + number(b, time)?)));
                (format!("{left} + {right}"), times.iter().filter_map(sum).collect(), times)
            }
            (2, 1) => {
                let (name, a) = of(chance, first);
                let by = chance.within(-2, 3);
                let product = |time: &i64| Some((*time, Cell::Real(number(a, time)? * by as f64)));
                (
                    format!("{name} * {by}"),
                    a.keys().filter_map(product).collect(),
                    a.keys().copied().collect(),
                )
            }
            (4, 0) => {
                let (name, a) = of(chance, first);
                let least = chance.within(-3, 4);
                let greater = |time: &i64| Some((*time, Cell::Truth(number(a, time)? > least as f64)));
                (
                    format!("{name} > {least}"),
                    a.keys().filter_map(greater).collect(),
                    a.keys().copied().collect(),
                )
            }
            _ => {
                let (name, points) = of(chance, measurement);
                (name, points.clone(), points.keys().copied().collect())
            }
        };
        Name::View(Shown { sql, points, times })
    }

    /// Whether a device has a measurement.
    pub(crate) fn has(&self, device: usize, measurement: usize) -> bool {
        !matches!(self.names[device][measurement], Name::Missing)
    }

    /// A name's points.
    pub(crate) fn points(&self, device: usize, measurement: usize) -> &Points {
        static NONE: Points = BTreeMap::new();
        match &self.names[device][measurement] {
            Name::Missing => &NONE,
            Name::Series(points) | Name::View(Shown { points, .. }) => points,
        }
    }

    /// When a name has rows.
    pub(crate) fn times(&self, device: usize, measurement: usize) -> Box<dyn Iterator<Item = i64> + '_> {
        match &self.names[device][measurement] {
            Name::View(view) => Box::new(view.times.iter().copied()),
            _ => Box::new(self.points(device, measurement).keys().copied()),
        }
    }

    /// The series that have points of their own: device, measurement, type, points.
    pub(crate) fn series(&self) -> impl Iterator<Item = (Path, &'static str, DataType, Vec<(i64, Value)>)> {
        self.all().filter_map(|(device, measurement, name)| {
            let Name::Series(points) = name else { return None };
            let (suffix, data_type) = MEASUREMENTS[measurement];
            let points = points.iter().map(|(&time, cell)| (time, cell.value(measurement))).collect();
            let device = Path::parse(DEVICES[device]).expect("a path");
            Some((device, suffix, data_type.parse().expect("a type"), points))
        })
    }

    /// The statements that make the views.
    pub(crate) fn views(&self) -> impl Iterator<Item = String> {
        self.all().filter_map(|(device, measurement, name)| {
            let Name::View(view) = name else { return None };
            let path = format!("{}.{}", DEVICES[device], MEASUREMENTS[measurement].0);
            Some(format!("create view {path} as select {}", from_root(&view.sql)))
        })
    }

    fn all(&self) -> impl Iterator<Item = (usize, usize, &Name)> {
        let of_device = |(device, names): (usize, &'_ [Name; 5])| {
            (0..names.len()).map(move |measurement| (device, measurement))
        };
        let places: Vec<(usize, usize)> = self.names.iter().enumerate().flat_map(of_device).collect();
        places
            .into_iter()
            .map(|(device, measurement)| (device, measurement, &self.names[device][measurement]))
    }
}

/// An expression over whole paths as columns of a query.
fn from_root(sql: &str) -> String {
    format!("{} from root", sql.replace("root.", ""))
}

impl Cell {
    fn value(&self, measurement: usize) -> Value {
        match (self, measurement) {
            (Self::Int(value), 0) => Value::Int32(i32::try_from(*value).expect("a small number")),
            (Self::Int(value), _) => Value::Int64(*value),
            (Self::Real(value), _) => Value::Double(*value),
            (Self::Text(text), _) => Value::Text(text.clone()),
            (Self::Truth(truth), _) => Value::Boolean(*truth),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (device, all) in self.names.iter().enumerate() {
            for ((suffix, _), name) in MEASUREMENTS.iter().zip(all) {
                let points = match name {
                    Name::Missing => continue,
                    Name::Series(points) => points,
                    Name::View(view) => {
                        write!(f, "  [{}]", view.sql)?;
                        &view.points
                    }
                };
                write!(f, "  {}.{suffix}:", DEVICES[device])?;
                points.iter().try_for_each(|(time, cell)| write!(f, " {time}={cell}"))?;
                writeln!(f)?;
            }
        }
        Ok(())
    }
}
