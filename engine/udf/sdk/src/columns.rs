//! Some rows, as columns or one by one.

use crate::{Column, Failure, Get};

/// Some rows in order of time: their times, and a column for each input.
#[derive(Clone, Copy, Debug)]
pub struct Columns<'a> {
    times: &'a [i64],
    columns: &'a [Column<'a>],
    /// Which of the columns' rows these are: from this one on.
    first: usize,
}

impl<'a> Columns<'a> {
    /// Of times and columns; `None` where one is not as long as the times.
    pub fn new(times: &'a [i64], columns: &'a [Column<'a>]) -> Option<Self> {
        columns.iter().all(|column| column.len() == times.len()).then_some(Self { times, columns, first: 0 })
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// The time of each row.
    pub fn times(&self) -> &'a [i64] {
        self.times
    }

    /// How many inputs there are.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// One input's values in these rows.
    ///
    /// # Errors
    /// There is no such input.
    pub fn column(&self, input: usize) -> Result<Column<'a>, Failure> {
        let column = self.columns.get(input).ok_or_else(|| no_input(input, self.columns.len()))?;
        if self.first == 0 && column.len() == self.len() {
            return Ok(*column);
        }
        Ok(column.rows(self.first, self.len()))
    }

    /// One row.
    ///
    /// # Panics
    /// There are not so many.
    #[inline(always)]
    pub fn row(&self, at: usize) -> Row<'a> {
        assert!(at < self.times.len(), "a row of those that there are");
        Row { columns: *self, at }
    }

    /// The rows, one by one.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'a>> + use<'a> {
        let columns = *self;
        (0..columns.len()).map(move |at| Row { columns, at })
    }

    /// Some of the rows.
    ///
    /// # Panics
    /// There are fewer than `last`, or `first` is behind it.
    pub fn range(&self, first: usize, last: usize) -> Self {
        Self { times: &self.times[first..last], columns: self.columns, first: self.first + first }
    }

    /// Calls for each row. With columns that stand in the caller's frame, whose layout is then looked at once and not for each value.
    #[inline(always)]
    pub(crate) fn each_row<'b, const N: usize>(
        &self,
        own: &'b [Column<'a>; N],
        mut call: impl FnMut(Row<'b>) -> Result<(), Failure>,
    ) -> Result<(), Failure>
    where
        'a: 'b,
    {
        let columns = Columns { times: self.times, columns: own, first: self.first };
        (0..columns.len()).try_for_each(|at| call(Row { columns, at }))
    }

    /// The columns, where there are so many.
    #[inline(always)]
    pub(crate) fn own<const N: usize>(&self) -> Option<[Column<'a>; N]> {
        self.columns.try_into().ok()
    }
}

#[cold]
pub(crate) fn no_input(input: usize, inputs: usize) -> Failure {
    Failure::new(format!("there is no input {input}: the call has {inputs}"))
}

/// One row: its time, and for each input a value or null. Not all of its values are null.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    columns: Columns<'a>,
    at: usize,
}

impl<'a> Row<'a> {
    /// Its time.
    #[inline(always)]
    pub fn time(&self) -> i64 {
        self.columns.times[self.at]
    }

    /// How many inputs there are.
    pub fn width(&self) -> usize {
        self.columns.columns.len()
    }

    /// An input's value: as `bool`, `i32`, `i64`, `f32`, `f64`, `&str` or `&[u8]`; `None` where it is null.
    ///
    /// # Errors
    /// There is no such input, or its values are of another type.
    #[inline(always)]
    pub fn get<T: Get<'a>>(&self, input: usize) -> Result<Option<T>, Failure> {
        self.column(input)?.get(self.columns.first + self.at)
    }

    /// An input's value as a `f64`, of any numeric type; `None` where it is null.
    ///
    /// # Errors
    /// There is no such input, or its values are no numbers.
    #[inline(always)]
    pub fn number(&self, input: usize) -> Result<Option<f64>, Failure> {
        self.column(input)?.number(self.columns.first + self.at)
    }

    /// Whether an input has no value; so has one that is not there.
    #[inline(always)]
    pub fn is_null(&self, input: usize) -> bool {
        self.columns.columns.get(input).is_none_or(|column| column.is_null(self.columns.first + self.at))
    }

    #[inline(always)]
    fn column(&self, input: usize) -> Result<&'a Column<'a>, Failure> {
        let columns = self.columns.columns;
        columns.get(input).ok_or_else(|| no_input(input, columns.len()))
    }
}
