//! A window of rows.

use crate::{Columns, Row};

/// A window of rows, read by index and by iteration.
#[derive(Clone, Copy, Debug)]
pub struct RowWindow<'a> {
    columns: Columns<'a>,
    begin: i64,
    end: i64,
}

impl<'a> RowWindow<'a> {
    /// These rows as the window from `begin` up to `end`.
    pub fn new(columns: Columns<'a>, begin: i64, end: i64) -> Self {
        Self { columns, begin, end }
    }

    /// How many rows it has; a window of time may have none.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// One row.
    ///
    /// # Panics
    /// There are not so many.
    #[inline(always)]
    pub fn row(&self, at: usize) -> Row<'a> {
        self.columns.row(at)
    }

    /// The rows, one by one.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'a>> + use<'a> {
        self.columns.rows()
    }

    /// The rows as columns.
    pub fn columns(&self) -> Columns<'a> {
        self.columns
    }

    /// Where it begins: of windows of time the beginning of the interval, of others the first row's time.
    pub fn begin(&self) -> i64 {
        self.begin
    }

    /// Where it ends: of windows of time the first time behind it, of others the last row's time.
    pub fn end(&self) -> i64 {
        self.end
    }
}
