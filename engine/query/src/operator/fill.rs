//! `fill(…)`: what null cells become.

use std::{collections::VecDeque, sync::Arc};

use arrow_array::{
    Array, ArrayRef, PrimitiveArray, UInt32Array,
    cast::AsArray,
    types::{ArrowPrimitiveType, Float32Type, Float64Type, Int32Type, Int64Type},
};
use arrow_select::{concat::concat, take::take, zip::zip};
use levada_model::{
    DataType,
    convert::{Given, Reason},
};
use levada_sql::ast::{Constant, Fill, TypedFillMethod};

use crate::{
    QueryError,
    chunk::{Chunk, Chunks, made_by},
    context::{Budget, Reservation},
    expression::constant::{constant_text, parse_date},
};

/// How one column is filled.
#[derive(Clone, Debug)]
enum Method {
    Leave,
    /// An array of one value.
    Constant(ArrayRef),
    /// The value before, if it is at most so many milliseconds older.
    Previous(i64),
    Linear,
}

/// How the columns are filled.
#[derive(Clone, Debug)]
pub(crate) struct Fills(Vec<(Method, DataType)>);

impl Fills {
    /// For columns of some types.
    pub(crate) fn new(fill: &Fill, types: &[DataType]) -> Result<Self, QueryError> {
        let methods = types.iter().map(|&data_type| Ok((method(fill, data_type)?, data_type)));
        Ok(Self(methods.collect::<Result<_, QueryError>>()?))
    }

    fn is_linear(&self) -> bool {
        self.0.iter().any(|(method, _)| matches!(method, Method::Linear))
    }
}

fn method(fill: &Fill, data_type: DataType) -> Result<Method, QueryError> {
    let on_line = data_type.is_numeric() || data_type == DataType::Timestamp;
    let linear = || if on_line { Method::Linear } else { Method::Leave };
    let constant = |given: &Constant| {
        let value = constant_value(given, data_type)?;
        Ok::<_, QueryError>(value.map_or(Method::Leave, Method::Constant))
    };
    Ok(match fill {
        Fill::Previous { within } => {
            Method::Previous(within.map_or(i64::MAX, |within| within.fixed_millis()))
        }
        Fill::Linear => linear(),
        // It is for columns of all types: those that do not hold it stay as they are, and no real is for whole numbers.
        Fill::Constant(Constant::Real { .. }) if is_whole(data_type) => Method::Leave,
        // What no FLOAT or DOUBLE holds would be an infinity.
        Fill::Constant(given) if matches!(data_type, DataType::Float | DataType::Double) => constant(given)?,
        Fill::Constant(given) => constant(given).unwrap_or(Method::Leave),
        Fill::Typed(all) => {
            let found = all.iter().find(|each| each.data_type.is_none_or(|wanted| wanted == data_type));
            match found.map(|each| &each.method) {
                Some(TypedFillMethod::Previous { before, .. }) => {
                    Method::Previous(before.map_or(i64::MAX, |before| before.fixed_millis()))
                }
                Some(TypedFillMethod::Linear { .. }) => linear(),
                Some(TypedFillMethod::Constant(given)) => constant(given)?,
                None => Method::Leave,
            }
        }
    })
}

fn is_whole(data_type: DataType) -> bool {
    matches!(data_type, DataType::Int32 | DataType::Int64 | DataType::Timestamp)
}

/// The number that a constant is, if it is one.
fn number(constant: &Constant) -> Option<Given<'_>> {
    match constant {
        Constant::Integer { text, .. } | Constant::Real { text, .. } => Some(Given::Number(text)),
        Constant::Time(millis) => Some(Given::Int(*millis)),
        _ => None,
    }
}

/// Rejects a number that a column of numbers does not hold.
fn in_range(given: Given<'_>, data_type: DataType) -> Result<(), QueryError> {
    let reason = match data_type {
        DataType::Int32 => given.int32().err(),
        DataType::Int64 | DataType::Timestamp => given.int64().err(),
        DataType::Float => given.float().err().filter(|reason| *reason == Reason::Range),
        DataType::Double => given.double().err().filter(|reason| *reason == Reason::Range),
        _ => None,
    };
    match reason {
        Some(reason) => Err(QueryError::semantic(format!("fill: {}", reason.of(given, data_type)))),
        None => Ok(()),
    }
}

/// The constant as a value of a column's type; `None` where it is of another kind (a text for numbers, a number for BOOLEAN), and
/// cells stay null.
///
/// # Errors
/// The column is of numbers, and its type does not hold the one that is given.
pub(crate) fn constant_value(
    constant: &Constant,
    data_type: DataType,
) -> Result<Option<ArrayRef>, QueryError> {
    if let Some(given) = number(constant) {
        in_range(given, data_type)?;
    }
    Ok(value(constant, data_type))
}

fn value(constant: &Constant, data_type: DataType) -> Option<ArrayRef> {
    use arrow_array::{BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, StringArray};
    let real = match constant {
        Constant::Integer { value, .. } | Constant::Time(value) => Some(*value as f64),
        Constant::Real { value, .. } => Some(*value),
        _ => None,
    };
    let whole = number(constant).and_then(|given| given.int64().ok());
    Some(match data_type {
        DataType::Boolean => match constant {
            Constant::Boolean(value) => Arc::new(BooleanArray::from(vec![*value])),
            _ => return None,
        },
        DataType::Int32 => Arc::new(Int32Array::from(vec![i32::try_from(whole?).ok()?])),
        DataType::Int64 | DataType::Timestamp => Arc::new(Int64Array::from(vec![whole?])),
        DataType::Float => Arc::new(Float32Array::from(vec![real? as f32])),
        DataType::Double => Arc::new(Float64Array::from(vec![real?])),
        DataType::Text | DataType::String => Arc::new(StringArray::from(vec![constant_text(constant)])),
        DataType::Date => match constant {
            Constant::Text(text) => Arc::new(Int32Array::from(vec![parse_date(text)?])),
            _ => return None,
        },
        DataType::Blob => return None,
    })
}

/// Fills null cells of the first columns; those behind stay as they are.
pub(crate) fn fill(input: Chunks, fills: Fills, budget: &Budget) -> Chunks {
    let ahead = fills.is_linear();
    let columns = fills.0.len();
    let mut filler = Filler {
        input,
        last: vec![None; columns],
        fills,
        waiting: VecDeque::new(),
        memory: budget.part("cells that wait for a value to be filled up to"),
        ended: false,
    };
    made_by(move || if ahead { filler.next_linear() } else { filler.next_plain() })
}

/// The last value of a column that was not null: its time, and an array of one value.
type Known = Option<(i64, ArrayRef)>;

struct Filler {
    input: Chunks,
    fills: Fills,
    last: Vec<Known>,
    /// Chunks with cells on a line whose end is not known yet.
    waiting: VecDeque<Chunk>,
    memory: Reservation,
    ended: bool,
}

impl Filler {
    fn next_plain(&mut self) -> Result<Option<Chunk>, QueryError> {
        self.input.next().map(|chunk| self.filled(chunk?, &[])).transpose()
    }

    /// Holds chunks back until every column that is filled by lines has a value behind its nulls.
    fn next_linear(&mut self) -> Result<Option<Chunk>, QueryError> {
        loop {
            let complete = self.waiting.front().is_some_and(|front| self.is_complete(front));
            if complete || (self.ended && !self.waiting.is_empty()) {
                let Some(front) = self.waiting.pop_front() else { return Ok(None) };
                let behind: Vec<Chunk> = self.waiting.iter().cloned().collect();
                if self.waiting.is_empty() {
                    self.memory.free();
                }
                return self.filled(front, &behind).map(Some);
            }
            if self.ended {
                return Ok(None);
            }
            match self.input.next().transpose()? {
                Some(chunk) => {
                    self.memory.grow(chunk.bytes())?;
                    self.waiting.push_back(chunk);
                }
                None => self.ended = true,
            }
        }
    }

    /// Whether the nulls at a chunk's end have a value behind them.
    fn is_complete(&self, front: &Chunk) -> bool {
        self.fills.0.iter().enumerate().filter(|(_, (method, _))| matches!(method, Method::Linear)).all(
            |(at, _)| {
                let column = &front.columns[at];
                column.is_valid(column.len() - 1)
                    || self.waiting.iter().skip(1).any(|chunk| chunk.columns[at].null_count() < chunk.rows())
            },
        )
    }

    fn filled(&mut self, mut chunk: Chunk, behind: &[Chunk]) -> Result<Chunk, QueryError> {
        for (at, (method, _)) in self.fills.0.iter().enumerate() {
            let column = Arc::clone(&chunk.columns[at]);
            let times = chunk.times.values();
            if column.null_count() > 0 {
                chunk.columns[at] = match method {
                    Method::Leave => Arc::clone(&column),
                    Method::Constant(value) => {
                        let known = arrow_arith::boolean::is_not_null(&column)?;
                        zip(&known, &column, &arrow_array::Scalar::new(Arc::clone(value)))?
                    }
                    Method::Previous(within) => previous(&column, times, self.last[at].as_ref(), *within)?,
                    Method::Linear => {
                        on_line(&column, times, self.last[at].as_ref(), next_known(behind, at).as_ref())
                    }
                };
            }
            if let Some(row) = (0..column.len()).rev().find(|&row| column.is_valid(row)) {
                self.last[at] = Some((times[row], column.slice(row, 1)));
            }
        }
        Ok(chunk)
    }
}

/// The first value of a column in chunks to come.
fn next_known(behind: &[Chunk], at: usize) -> Known {
    behind.iter().find_map(|chunk| {
        let column = &chunk.columns[at];
        let row = (0..column.len()).find(|&row| column.is_valid(row))?;
        Some((chunk.times.value(row), column.slice(row, 1)))
    })
}

fn previous(
    column: &ArrayRef,
    times: &[i64],
    last: Option<&(i64, ArrayRef)>,
    within: i64,
) -> Result<ArrayRef, QueryError> {
    // Row 0 of what is taken from is the value before the chunk.
    let (mut source, shift): (ArrayRef, u32) = match last {
        Some((_, value)) => (concat(&[&**value, &**column])?, 1),
        None => (Arc::clone(column), 0),
    };
    let mut known = last.map(|(time, _)| (*time, 0u32));
    let mut rows = Vec::with_capacity(column.len());
    for (row, &time) in times.iter().enumerate() {
        if column.is_valid(row) {
            known = Some((time, row as u32 + shift));
        }
        rows.push(known.filter(|(at, _)| time.abs_diff(*at) <= within as u64).map(|(_, row)| row));
    }
    source = take(&source, &UInt32Array::from(rows), None)?;
    Ok(source)
}

/// A column of numbers with its nulls on the lines between the values around them; one before and one behind the column
/// may be known.
pub(crate) fn on_line(
    column: &ArrayRef,
    times: &[i64],
    before: Option<&(i64, ArrayRef)>,
    behind: Option<&(i64, ArrayRef)>,
) -> ArrayRef {
    use arrow_schema::DataType as ArrowType;
    match column.data_type() {
        ArrowType::Int32 => lines::<Int32Type>(column, times, before, behind, f64::from, |x| x as i32),
        ArrowType::Int64 => lines::<Int64Type>(column, times, before, behind, |x| x as f64, |x| x as i64),
        ArrowType::Float32 => lines::<Float32Type>(column, times, before, behind, f64::from, |x| x as f32),
        _ => lines::<Float64Type>(column, times, before, behind, |x| x, |x| x),
    }
}

/// Cells between two values, on the line between them; cells that lack either end stay null.
fn lines<T: ArrowPrimitiveType>(
    column: &ArrayRef,
    times: &[i64],
    before: Option<&(i64, ArrayRef)>,
    behind: Option<&(i64, ArrayRef)>,
    double: fn(T::Native) -> f64,
    back: fn(f64) -> T::Native,
) -> ArrayRef {
    let values = column.as_primitive::<T>();
    let end = |known: Option<&(i64, ArrayRef)>| {
        known.map(|(time, value)| (*time, double(value.as_primitive::<T>().value(0))))
    };
    let mut left = end(before);
    let mut out: Vec<Option<T::Native>> = Vec::with_capacity(times.len());
    let mut row = 0;
    while row < times.len() {
        if values.is_valid(row) {
            left = Some((times[row], double(values.value(row))));
            out.push(Some(values.value(row)));
            row += 1;
            continue;
        }
        let stop = (row..times.len()).find(|&row| values.is_valid(row));
        let right = match stop {
            Some(stop) => Some((times[stop], double(values.value(stop)))),
            None => end(behind),
        };
        let stop = stop.unwrap_or(times.len());
        for &time in &times[row..stop] {
            out.push(left.zip(right).map(|((t0, v0), (t1, v1))| {
                let length = t1 as f64 - t0 as f64;
                // Rows of groups without windows all have one time.
                let share = if length == 0.0 { 0.0 } else { (time as f64 - t0 as f64) / length };
                back(v0 + (v1 - v0) * share)
            }));
        }
        row = stop;
    }
    Arc::new(out.into_iter().collect::<PrimitiveArray<T>>())
}
