//! What a run of windows stores of itself between two calls: the rows that wait, and where the next window begins.
//!
//! ```text
//!   FORMAT, the access, the types of the inputs        as they have to be again
//!   the last point's time, what the function saved     of which there may be none
//!   the rows, and what was seen last                   times, then column by column in Arrow's layout
//!   where the next window begins
//! ```
//!
//! Numbers have eight bytes, the least significant first.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef,
    cast::AsArray,
    types::{Float32Type, Float64Type, Int32Type, Int64Type},
};
use arrow_buffer::BooleanBuffer;
use levada_udf_sdk::{Access, Buffer, DataType};

use crate::{Batch, Fault, FaultKind, arrays, model_type};

/// How it is written.
const FORMAT: u8 = 1;

/// Bytes that gather.
#[derive(Default)]
pub(super) struct Put(pub(super) Vec<u8>);

impl Put {
    /// What has to be the same where a run goes on.
    pub(super) fn head(access: &Access, types: &[DataType]) -> Self {
        let mut put = Self::default();
        put.byte(FORMAT);
        let (kind, size, step) = match *access {
            Access::RowByRow => (0, 0, 0),
            Access::SlidingTime { interval, step, .. } => (1, interval, step),
            Access::SlidingSize { size, step, .. } => (2, size as i64, step as i64),
            Access::Session { gap, .. } => (3, gap, 0),
            Access::State { delta, .. } => (4, delta.to_bits().cast_signed(), 0),
        };
        put.byte(kind);
        put.number(size);
        put.number(step);
        put.maybe(access.display().begin);
        put.maybe(access.display().end);
        put.number(types.len() as i64);
        types.iter().for_each(|&each| put.byte(model_type(each).code()));
        put
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub(super) fn number(&mut self, number: i64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(super) fn count(&mut self, count: u64) {
        self.number(count.cast_signed());
    }

    pub(super) fn maybe(&mut self, number: Option<i64>) {
        self.byte(u8::from(number.is_some()));
        self.number(number.unwrap_or_default());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// Rows, with the types of their columns known.
    pub(super) fn rows(&mut self, batch: &Batch) {
        self.count(batch.rows() as u64);
        batch.times.iter().for_each(|&time| self.number(time));
        batch.columns.iter().for_each(|column| self.column(column));
    }

    fn column(&mut self, column: &ArrayRef) {
        let nulls = column.nulls().filter(|nulls| nulls.null_count() > 0);
        self.byte(u8::from(nulls.is_some()));
        if let Some(nulls) = nulls {
            self.bits(nulls.inner());
        }
        if let Some(truths) = column.as_boolean_opt() {
            self.bits(truths.values());
        } else if let Some(array) = column.as_primitive_opt::<Int32Type>() {
            array.values().iter().for_each(|value| self.0.extend_from_slice(&value.to_le_bytes()));
        } else if let Some(array) = column.as_primitive_opt::<Int64Type>() {
            array.values().iter().for_each(|value| self.0.extend_from_slice(&value.to_le_bytes()));
        } else if let Some(array) = column.as_primitive_opt::<Float32Type>() {
            array.values().iter().for_each(|value| self.0.extend_from_slice(&value.to_le_bytes()));
        } else if let Some(array) = column.as_primitive_opt::<Float64Type>() {
            array.values().iter().for_each(|value| self.0.extend_from_slice(&value.to_le_bytes()));
        } else if let Some(array) = column.as_string_opt::<i32>() {
            self.texts(array.value_offsets(), array.value_data());
        } else {
            let array = column.as_binary::<i32>();
            self.texts(array.value_offsets(), array.value_data());
        }
    }

    fn bits(&mut self, bits: &BooleanBuffer) {
        let packed = bits.sliced();
        self.0.extend_from_slice(&packed[..bits.len().div_ceil(8)]);
    }

    /// The length of each text, then all of them.
    fn texts(&mut self, offsets: &[i32], data: &[u8]) {
        offsets.windows(2).for_each(|pair| self.0.extend_from_slice(&(pair[1] - pair[0]).to_le_bytes()));
        let first = offsets.first().map_or(0, |&first| first as usize);
        let last = offsets.last().map_or(0, |&last| last as usize);
        self.0.extend_from_slice(&data[first..last]);
    }
}

/// Bytes that were put.
pub(super) struct Take<'a>(&'a [u8]);

impl<'a> Take<'a> {
    /// All of them.
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// What stands behind the head, which has to be this one.
    pub(super) fn behind(saved: &'a [u8], head: &Put) -> Result<Self, Fault> {
        let other = "it was saved with other windows or of inputs of other types";
        saved.strip_prefix(&*head.0).map(Self).ok_or_else(|| Fault::new(FaultKind::WrongOutput, other))
    }

    fn exactly(&mut self, bytes: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or_else(damaged)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        self.exactly(N)?.try_into().map_err(|_| damaged())
    }

    pub(super) fn byte(&mut self) -> Result<u8, Fault> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn number(&mut self) -> Result<i64, Fault> {
        self.array().map(i64::from_le_bytes)
    }

    pub(super) fn count(&mut self) -> Result<u64, Fault> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn maybe(&mut self) -> Result<Option<i64>, Fault> {
        let is = self.byte()? == 1;
        let number = self.number()?;
        Ok(is.then_some(number))
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Fault> {
        let bytes = usize::try_from(self.count()?).map_err(|_| damaged())?;
        self.exactly(bytes)
    }

    /// Values of a fixed width.
    fn values<T, const N: usize>(&mut self, rows: usize, of: fn([u8; N]) -> T) -> Result<Vec<T>, Fault> {
        let bytes = self.exactly(rows.checked_mul(N).ok_or_else(damaged)?)?;
        Ok(bytes.as_chunks::<N>().0.iter().map(|value| of(*value)).collect())
    }

    /// Rows whose columns have these types.
    pub(super) fn rows(&mut self, types: &Arc<[DataType]>) -> Result<Batch, Fault> {
        let rows = usize::try_from(self.count()?).map_err(|_| damaged())?;
        let times = self.values(rows, i64::from_le_bytes)?;
        let columns = types.iter().map(|&each| self.column(rows, each)).collect::<Result<_, _>>()?;
        Ok(Batch { times: times.into(), columns, types: Arc::clone(types) })
    }

    fn column(&mut self, rows: usize, data_type: DataType) -> Result<ArrayRef, Fault> {
        let validity = match self.byte()? {
            0 => None,
            _ => Some(self.exactly(rows.div_ceil(8))?.to_vec()),
        };
        let buffer = match Buffer::new(data_type) {
            Buffer::Boolean(..) => Buffer::Boolean(self.exactly(rows.div_ceil(8))?.to_vec(), rows),
            Buffer::Int32(_) => Buffer::Int32(self.values(rows, i32::from_le_bytes)?),
            Buffer::Int64(_) => Buffer::Int64(self.values(rows, i64::from_le_bytes)?),
            Buffer::Float(_) => Buffer::Float(self.values(rows, f32::from_le_bytes)?),
            Buffer::Double(_) => Buffer::Double(self.values(rows, f64::from_le_bytes)?),
            Buffer::Bytes(..) => {
                let mut offsets = vec![0_i32];
                let mut end = 0_i32;
                for length in self.values(rows, i32::from_le_bytes)? {
                    end = end.checked_add(length).filter(|_| length >= 0).ok_or_else(damaged)?;
                    offsets.push(end);
                }
                Buffer::Bytes(offsets, self.exactly(end as usize)?.to_vec())
            }
        };
        arrays::of_buffer(buffer, validity, data_type).map_err(|_| damaged())
    }

    /// Says that nothing may be left.
    pub(super) fn end(&self) -> Result<(), Fault> {
        if self.0.is_empty() { Ok(()) } else { Err(damaged()) }
    }
}

/// What was saved cannot be read.
pub(super) fn damaged() -> Fault {
    Fault::new(FaultKind::WrongOutput, "what was saved of it is damaged")
}
