//! Values held in the type they came in, so that they are given back as they were.

use levada_udf::{Column, DataType, Failure, PointCollector};

/// Values of one type.
#[derive(Debug)]
pub(crate) struct Store {
    data_type: DataType,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Boolean(Vec<bool>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    Bytes { ends: Vec<usize>, bytes: Vec<u8> },
}

impl Store {
    pub(crate) fn new(data_type: DataType) -> Self {
        let values = match data_type {
            DataType::Boolean => Values::Boolean(Vec::new()),
            DataType::Int32 | DataType::Date => Values::Int32(Vec::new()),
            DataType::Int64 | DataType::Timestamp => Values::Int64(Vec::new()),
            DataType::Float => Values::Float(Vec::new()),
            DataType::Double => Values::Double(Vec::new()),
            DataType::Text | DataType::String | DataType::Blob => {
                Values::Bytes { ends: Vec::new(), bytes: Vec::new() }
            }
        };
        Self { data_type, values }
    }

    pub(crate) fn data_type(&self) -> DataType {
        self.data_type
    }

    pub(crate) fn len(&self) -> usize {
        match &self.values {
            Values::Boolean(values) => values.len(),
            Values::Int32(values) => values.len(),
            Values::Int64(values) => values.len(),
            Values::Float(values) => values.len(),
            Values::Double(values) => values.len(),
            Values::Bytes { ends, .. } => ends.len(),
        }
    }

    /// Adds a value of a column and says whether it did: not where it is null, nor, where `finite`, a number that is not.
    pub(crate) fn push(&mut self, column: &Column<'_>, row: usize, finite: bool) -> Result<bool, Failure> {
        if column.is_null(row) {
            return Ok(false);
        }
        match &mut self.values {
            Values::Boolean(values) => values.extend(column.get::<bool>(row)?),
            Values::Int32(values) => values.extend(column.get::<i32>(row)?),
            Values::Int64(values) => values.extend(column.get::<i64>(row)?),
            Values::Float(values) => {
                let value = column.get::<f32>(row)?.filter(|value| value.is_finite() || !finite);
                values.extend(value);
                return Ok(value.is_some());
            }
            Values::Double(values) => {
                let value = column.get::<f64>(row)?.filter(|value| value.is_finite() || !finite);
                values.extend(value);
                return Ok(value.is_some());
            }
            Values::Bytes { ends, bytes } => {
                bytes.extend_from_slice(column.get::<&[u8]>(row)?.unwrap_or_default());
                ends.push(bytes.len());
            }
        }
        Ok(true)
    }

    /// Takes the last value away.
    pub(crate) fn pop(&mut self) {
        match &mut self.values {
            Values::Boolean(values) => drop(values.pop()),
            Values::Int32(values) => drop(values.pop()),
            Values::Int64(values) => drop(values.pop()),
            Values::Float(values) => drop(values.pop()),
            Values::Double(values) => drop(values.pop()),
            Values::Bytes { ends, bytes } => {
                ends.pop();
                bytes.truncate(ends.last().copied().unwrap_or(0));
            }
        }
    }

    /// Takes the first values away; of numbers only.
    pub(crate) fn forget(&mut self, count: usize) {
        match &mut self.values {
            Values::Boolean(values) => drop(values.drain(..count)),
            Values::Int32(values) => drop(values.drain(..count)),
            Values::Int64(values) => drop(values.drain(..count)),
            Values::Float(values) => drop(values.drain(..count)),
            Values::Double(values) => drop(values.drain(..count)),
            Values::Bytes { .. } => {}
        }
    }

    /// Replaces a value by one of a column, which is not null.
    pub(crate) fn replace(&mut self, at: usize, column: &Column<'_>, row: usize) -> Result<(), Failure> {
        let mut single = Self::new(self.data_type);
        if !single.push(column, row, false)? {
            return Ok(());
        }
        match (&mut self.values, single.values) {
            (Values::Boolean(values), Values::Boolean(new)) => values[at] = new[0],
            (Values::Int32(values), Values::Int32(new)) => values[at] = new[0],
            (Values::Int64(values), Values::Int64(new)) => values[at] = new[0],
            (Values::Float(values), Values::Float(new)) => values[at] = new[0],
            (Values::Double(values), Values::Double(new)) => values[at] = new[0],
            (Values::Bytes { ends, bytes }, Values::Bytes { bytes: new, .. }) => {
                let first = at.checked_sub(1).map_or(0, |before| ends[before]);
                let old = ends[at] - first;
                bytes.splice(first..ends[at], new.iter().copied());
                for end in &mut ends[at..] {
                    *end = *end + new.len() - old;
                }
            }
            _ => unreachable!("both are of one type"),
        }
        Ok(())
    }

    /// A value as a number; NaN of what is none.
    pub(crate) fn number(&self, at: usize) -> f64 {
        match &self.values {
            Values::Int32(values) => values[at].into(),
            Values::Int64(values) => values[at] as f64,
            Values::Float(values) => values[at].into(),
            Values::Double(values) => values[at],
            Values::Boolean(_) | Values::Bytes { .. } => f64::NAN,
        }
    }

    /// All values as numbers.
    pub(crate) fn numbers(&self) -> Vec<f64> {
        (0..self.len()).map(|at| self.number(at)).collect()
    }

    /// How two values are ordered; NaN is behind all numbers.
    pub(crate) fn order(&self, a: usize, b: usize) -> std::cmp::Ordering {
        match &self.values {
            Values::Boolean(values) => values[a].cmp(&values[b]),
            Values::Int32(values) => values[a].cmp(&values[b]),
            Values::Int64(values) => values[a].cmp(&values[b]),
            // Adding 0 makes −0 the same as 0.
            Values::Float(values) => (values[a] + 0.0).total_cmp(&(values[b] + 0.0)),
            Values::Double(values) => (values[a] + 0.0).total_cmp(&(values[b] + 0.0)),
            Values::Bytes { .. } => self.bytes(a).cmp(self.bytes(b)),
        }
    }

    /// Gives a value as a point.
    pub(crate) fn put(&self, at: usize, time: i64, points: &mut PointCollector) -> Result<(), Failure> {
        match &self.values {
            Values::Boolean(values) => points.put(time, values[at]),
            Values::Int32(values) => points.put(time, values[at]),
            Values::Int64(values) => points.put(time, values[at]),
            Values::Float(values) => points.put(time, values[at]),
            Values::Double(values) => points.put(time, values[at]),
            Values::Bytes { .. } => points.put(time, self.bytes(at)),
        }
    }

    /// A value's bytes, by which it is the same as another; all NaN are the same, and so are 0 and −0.
    pub(crate) fn key(&self, at: usize) -> Key<'_> {
        match &self.values {
            Values::Boolean(values) => Key::Bits(values[at].into()),
            Values::Int32(values) => Key::Bits(values[at] as u32 as u64),
            Values::Int64(values) => Key::Bits(values[at] as u64),
            Values::Float(values) => Key::Bits(bits(values[at].into())),
            Values::Double(values) => Key::Bits(bits(values[at])),
            Values::Bytes { .. } => Key::Bytes(self.bytes(at)),
        }
    }

    fn bytes(&self, at: usize) -> &[u8] {
        let Values::Bytes { ends, bytes } = &self.values else { return &[] };
        &bytes[at.checked_sub(1).map_or(0, |before| ends[before])..ends[at]]
    }

    pub(crate) fn memory(&self) -> usize {
        match &self.values {
            Values::Boolean(values) => values.capacity(),
            Values::Int32(values) => 4 * values.capacity(),
            Values::Int64(values) => 8 * values.capacity(),
            Values::Float(values) => 4 * values.capacity(),
            Values::Double(values) => 8 * values.capacity(),
            Values::Bytes { ends, bytes } => 8 * ends.capacity() + bytes.capacity(),
        }
    }
}

fn bits(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { (value + 0.0).to_bits() }
}

/// What makes a value the same as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key<'a> {
    Bits(u64),
    Bytes(&'a [u8]),
}
