//! Where a function puts what it gives.

use crate::{Buffer, Cause, DataType, Failure, Put, buffer::push_bit};

/// Points for which room is made ahead, at most.
const MOST_ROOM: usize = 1 << 16;

/// Where a [`Udtf`](crate::Udtf) puts its points. Times strictly increase from the first point of a query to the last.
#[derive(Clone, Debug)]
pub struct PointCollector {
    data_type: DataType,
    times: Vec<i64>,
    values: Buffer,
    /// The time of the last point; the least there is before the first.
    last: i64,
    /// Whether any were taken.
    has_taken: bool,
}

impl PointCollector {
    /// For points of a type.
    pub fn new(data_type: DataType) -> Self {
        Self {
            data_type,
            times: Vec::new(),
            values: Buffer::new(data_type),
            last: i64::MIN,
            has_taken: false,
        }
    }

    /// The type of the points.
    pub fn data_type(&self) -> DataType {
        self.data_type
    }

    /// Gives a point: a `bool`, `i32`, `i64`, `f32`, `f64`, `&str`, `String` or `&[u8]`, as the output's type has it.
    ///
    /// # Errors
    /// The time is not after the last one's, or the value is of another type than the output. The point is left out.
    #[inline(always)]
    pub fn put(&mut self, time: i64, value: impl Put) -> Result<(), Failure> {
        if time <= self.last {
            self.check_first(time)?;
        }
        value.put(&mut self.values, self.data_type)?;
        self.times.push(time);
        self.last = time;
        Ok(())
    }

    /// Gives a number as the output's type, which is numeric: a whole number is rounded towards zero.
    ///
    /// # Errors
    /// As [`PointCollector::put`]; a number beyond the type's range cannot be given.
    #[inline(always)]
    pub fn put_number(&mut self, time: i64, value: f64) -> Result<(), Failure> {
        match self.data_type {
            DataType::Float => self.put(time, value as f32),
            DataType::Int32 if in_range(value, f64::from(i32::MIN), 2_147_483_648.0) => {
                self.put(time, value as i32)
            }
            DataType::Int64 if in_range(value, -9_223_372_036_854_775_808.0, 9_223_372_036_854_775_808.0) => {
                self.put(time, value as i64)
            }
            DataType::Int32 | DataType::Int64 => {
                Err(Failure::of(Cause::WrongType, format!("{value} is no {}", self.data_type)))
            }
            _ => self.put(time, value),
        }
    }

    /// How many points were given since they were last taken.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether none were.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Takes the points; the next ones still have to come after them. There is room for as many, as calls mostly give alike.
    pub fn take(&mut self) -> (Vec<i64>, Buffer) {
        self.has_taken |= !self.times.is_empty();
        let room = self.times.len().min(MOST_ROOM);
        let values = Buffer::with_capacity(self.data_type, room);
        (
            std::mem::replace(&mut self.times, Vec::with_capacity(room)),
            std::mem::replace(&mut self.values, values),
        )
    }

    /// Only the first point may be at the least time that there is.
    #[cold]
    fn check_first(&self, time: i64) -> Result<(), Failure> {
        if self.times.is_empty() && !self.has_taken {
            return Ok(());
        }
        Err(Failure::of(
            Cause::TimesNotIncreasing,
            format!("the times of points must strictly increase: {time} came after {}", self.last),
        ))
    }
}

fn in_range(value: f64, least: f64, beyond: f64) -> bool {
    value >= least && value < beyond
}

/// Where a [`Udaf`](crate::Udaf) puts one value for each group.
#[derive(Clone, Debug)]
pub struct ValueCollector {
    data_type: DataType,
    values: Buffer,
    validity: Vec<u8>,
    len: usize,
}

impl ValueCollector {
    /// For values of a type.
    pub fn new(data_type: DataType) -> Self {
        Self { data_type, values: Buffer::new(data_type), validity: Vec::new(), len: 0 }
    }

    /// The type of the values.
    pub fn data_type(&self) -> DataType {
        self.data_type
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Gives the group's value.
    ///
    /// # Errors
    /// It is of another type than the output.
    pub fn put(&mut self, value: impl Put) -> Result<(), Failure> {
        value.put(&mut self.values, self.data_type)?;
        push_bit(&mut self.validity, &mut self.len, true);
        Ok(())
    }

    /// Says that the group has no value; so does giving none.
    pub fn put_null(&mut self) {
        self.values.push_null();
        push_bit(&mut self.validity, &mut self.len, false);
    }

    /// The values, and a bit for each that says whether it is present.
    pub fn into_parts(self) -> (Buffer, Vec<u8>) {
        (self.values, self.validity)
    }
}
