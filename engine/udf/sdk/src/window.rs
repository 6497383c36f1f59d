//! A window of rows.

use std::rc::Rc;

use crate::{Column, Columns, Failure, Get, Page, Pager, Row, columns::no_input};

/// A window of rows, read by index and by iteration.
///
/// A window that is larger than memory is read the same way: some of its rows are in memory at a time, the others on disk.
#[derive(Clone, Copy, Debug)]
pub struct RowWindow<'a> {
    rows: Rows<'a>,
    begin: i64,
    end: i64,
}

/// Where the rows are.
#[derive(Clone, Copy, Debug)]
enum Rows<'a> {
    Whole(Columns<'a>),
    Paged(&'a Pager<'a>),
}

impl<'a> RowWindow<'a> {
    /// These rows as the window from `begin` up to `end`.
    pub fn new(columns: Columns<'a>, begin: i64, end: i64) -> Self {
        Self { rows: Rows::Whole(columns), begin, end }
    }

    /// A window whose rows are read by pages.
    pub fn paged(pager: &'a Pager<'a>, begin: i64, end: i64) -> Self {
        Self { rows: Rows::Paged(pager), begin, end }
    }

    /// How many rows it has; a window of time may have none.
    #[inline(always)]
    pub fn len(&self) -> usize {
        match self.rows {
            Rows::Whole(columns) => columns.len(),
            Rows::Paged(pager) => pager.rows(),
        }
    }

    /// Whether it has no rows.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One row.
    ///
    /// # Panics
    /// There are not so many.
    #[inline(always)]
    pub fn row(&self, at: usize) -> WindowRow<'a> {
        match self.rows {
            Rows::Whole(columns) => WindowRow(Place::Whole(columns.row(at))),
            Rows::Paged(pager) => {
                assert!(at < pager.rows(), "a row of those that there are");
                WindowRow::of_page(pager, at)
            }
        }
    }

    /// The rows, one by one.
    #[inline(always)]
    pub fn rows(&self) -> impl ExactSizeIterator<Item = WindowRow<'a>> + use<'a> {
        let window = *self;
        (0..window.len()).map(move |at| window.row(at))
    }

    /// The rows as columns, where the window is in memory.
    ///
    /// # Errors
    /// It is larger: [`RowWindow::each_page`] gives its rows as columns, some at a time.
    pub fn columns(&self) -> Result<Columns<'a>, Failure> {
        match self.rows {
            Rows::Whole(columns) => Ok(columns),
            Rows::Paged(pager) => Err(Failure::new(format!(
                "the window has {} rows, more than there is room for in memory, and the function needs them all at once; in a server \
                 `udf_memory_budget` says how much there is",
                pager.rows()
            ))),
        }
    }

    /// Calls with the rows as columns: all at once where the window is in memory, else some thousand at a time, in order.
    ///
    /// # Errors
    /// The call's; or rows cannot be read.
    pub fn each_page(&self, mut call: impl FnMut(Columns<'_>) -> Result<(), Failure>) -> Result<(), Failure> {
        let pager = match self.rows {
            Rows::Whole(columns) => return call(columns),
            Rows::Paged(pager) => pager,
        };
        let mut row = 0;
        while row < pager.rows() {
            let (page, from) = pager.find(row)?;
            page.with_columns(|columns| call(columns.range(from, page.len())))?;
            row += page.len() - from;
        }
        Ok(())
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

/// A row of a window: its time, and for each input a value or null. Not all of its values are null.
#[derive(Clone, Debug)]
pub struct WindowRow<'a>(Place<'a>);

#[derive(Clone, Debug)]
enum Place<'a> {
    Whole(Row<'a>),
    /// A page and where in it.
    Page(Rc<Page>, usize),
    /// It cannot be read. Whoever runs the function looks for that behind the call, and leaves out what it gave.
    Lost(Failure),
}

impl WindowRow<'_> {
    /// A row of a window whose rows are read by pages.
    fn of_page(pager: &Pager<'_>, at: usize) -> Self {
        Self(match pager.find(at) {
            Ok((page, at)) => Place::Page(page, at),
            Err(failure) => Place::Lost(failure),
        })
    }

    /// Its time.
    #[inline(always)]
    pub fn time(&self) -> i64 {
        match &self.0 {
            Place::Whole(row) => row.time(),
            Place::Page(page, at) => page.time(*at),
            Place::Lost(_) => 0,
        }
    }

    /// How many inputs there are.
    pub fn width(&self) -> usize {
        match &self.0 {
            Place::Whole(row) => row.width(),
            Place::Page(page, _) => page.width(),
            Place::Lost(_) => 0,
        }
    }

    /// An input's value: as `bool`, `i32`, `i64`, `f32`, `f64`, `&str` or `&[u8]`; `None` where it is null.
    ///
    /// # Errors
    /// There is no such input, its values are of another type, or the row cannot be read.
    #[inline(always)]
    pub fn get<'s, T: Get<'s>>(&'s self, input: usize) -> Result<Option<T>, Failure> {
        match &self.0 {
            Place::Whole(row) => {
                let row: Row<'s> = *row;
                row.get(input)
            }
            Place::Page(page, at) => of_input(page, input)?.get(*at),
            Place::Lost(failure) => Err(failure.clone()),
        }
    }

    /// An input's value as a `f64`, of any numeric type; `None` where it is null.
    ///
    /// # Errors
    /// There is no such input, its values are no numbers, or the row cannot be read.
    #[inline(always)]
    pub fn number(&self, input: usize) -> Result<Option<f64>, Failure> {
        match &self.0 {
            Place::Whole(row) => row.number(input),
            Place::Page(page, at) => of_input(page, input)?.number(*at),
            Place::Lost(failure) => Err(failure.clone()),
        }
    }

    /// Whether an input has no value; so has one that is not there.
    #[inline(always)]
    pub fn is_null(&self, input: usize) -> bool {
        match &self.0 {
            Place::Whole(row) => row.is_null(input),
            Place::Page(page, at) => page.column(input).is_none_or(|column| column.is_null(*at)),
            Place::Lost(_) => true,
        }
    }
}

fn of_input(page: &Page, input: usize) -> Result<Column<'_>, Failure> {
    page.column(input).ok_or_else(|| no_input(input, page.width()))
}
