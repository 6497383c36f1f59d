//! Windows that are larger than memory: their rows are read by pages.

use std::{cell::RefCell, fmt, rc::Rc};

use crate::{Bits, Buffer, Column, Columns, DataType, Failure, Values};

/// Pages that are kept to be read again.
const KEPT: usize = 4;
/// Rows before the one that is asked for which come along where rows are read backwards.
const BEHIND: usize = 1024;
/// The most rows of a page.
const MOST: usize = 4096;

/// Where the rows of a large window are read. For those who run functions to implement, not for authors.
pub trait Pages {
    /// How many rows the window has.
    fn rows(&self) -> usize;

    /// Rows from one on that is there: `most` or fewer, one at least.
    ///
    /// # Errors
    /// They cannot be read.
    fn page(&self, first: usize, most: usize) -> Result<Page, Failure>;
}

/// Some rows of a large window, which have memory of their own.
#[derive(Clone, Debug)]
pub struct Page {
    times: Vec<i64>,
    columns: Vec<PageColumn>,
}

/// One input's values in a page.
#[derive(Clone, Debug)]
pub struct PageColumn {
    /// The type of the values.
    pub data_type: DataType,
    /// The values.
    pub values: Buffer,
    /// A bit for each that says whether it is present; all are where there are none.
    pub validity: Option<Vec<u8>>,
}

impl PageColumn {
    fn column(&self) -> Option<Column<'_>> {
        let rows = self.values.len();
        let values = match &self.values {
            Buffer::Boolean(bits, _) => Values::Boolean(Bits::new(bits, 0, rows)?),
            Buffer::Int32(values) => Values::Int32(values),
            Buffer::Int64(values) => Values::Int64(values),
            Buffer::Float(values) => Values::Float(values),
            Buffer::Double(values) => Values::Double(values),
            Buffer::Bytes(offsets, bytes) => Values::Bytes { offsets, bytes },
        };
        let validity = match &self.validity {
            Some(bits) => Some(Bits::new(bits, 0, rows)?),
            None => None,
        };
        Column::new(self.data_type, values, validity)
    }
}

impl Page {
    /// Of times and a column for each input; `None` where one is not as long as the times, or not of its type.
    pub fn new(times: Vec<i64>, columns: Vec<PageColumn>) -> Option<Self> {
        let page = Self { times, columns };
        page.all_columns().filter(|columns| Columns::new(&page.times, columns).is_some())?;
        Some(page)
    }

    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// The times and the columns.
    pub fn into_parts(self) -> (Vec<i64>, Vec<PageColumn>) {
        (self.times, self.columns)
    }

    fn all_columns(&self) -> Option<Vec<Column<'_>>> {
        self.columns.iter().map(PageColumn::column).collect()
    }

    pub(crate) fn time(&self, at: usize) -> i64 {
        self.times[at]
    }

    pub(crate) fn width(&self) -> usize {
        self.columns.len()
    }

    /// One input's values; `None` where there is no such input.
    pub(crate) fn column(&self, input: usize) -> Option<Column<'_>> {
        self.columns.get(input)?.column()
    }

    /// Calls with its rows.
    pub(crate) fn with_columns<T>(
        &self,
        call: impl FnOnce(Columns<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let columns = self.all_columns();
        let columns = columns.as_deref().and_then(|columns| Columns::new(&self.times, columns));
        call(columns.expect("its columns were checked when it was made"))
    }
}

/// Reads a large window's rows, and keeps the pages that were read last.
pub struct Pager<'a> {
    pages: &'a dyn Pages,
    read: RefCell<Read>,
}

#[derive(Default)]
struct Read {
    /// The pages with the numbers of their first rows, the last one first.
    kept: Vec<(usize, Rc<Page>)>,
    /// After it there are no more.
    failure: Option<Failure>,
}

impl fmt::Debug for Pager<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pager").field("rows", &self.pages.rows()).finish_non_exhaustive()
    }
}

impl<'a> Pager<'a> {
    /// Of where the rows are.
    pub fn new(pages: &'a dyn Pages) -> Self {
        Self { pages, read: RefCell::default() }
    }

    /// Why rows could not be read, if they could not: then what the function gave has no meaning.
    pub fn failure(&self) -> Option<Failure> {
        self.read.borrow().failure.clone()
    }

    pub(crate) fn rows(&self) -> usize {
        self.pages.rows()
    }

    /// The page with a row, and where in it the row is.
    pub(crate) fn find(&self, row: usize) -> Result<(Rc<Page>, usize), Failure> {
        let read = &mut *self.read.borrow_mut();
        let has =
            |&(first, ref page): &(usize, Rc<Page>)| row.checked_sub(first).is_some_and(|at| at < page.len());
        if let Some(known) = read.kept.iter().position(has) {
            // What is read again and again stands in front.
            read.kept[..=known].rotate_right(1);
            let (first, page) = &read.kept[0];
            return Ok((Rc::clone(page), row - first));
        }
        if let Some(failure) = &read.failure {
            return Err(failure.clone());
        }
        let is_backwards = read.kept.first().is_some_and(|&(first, _)| row < first);
        let from = if is_backwards { row.saturating_sub(BEHIND) } else { row };
        // Rows that come along may end before the one that is asked for.
        let found = self.read(from, row).or_else(|_| self.read(row, row));
        let (first, page) = found.inspect_err(|failure| read.failure = Some(failure.clone()))?;
        read.kept.truncate(KEPT - 1);
        read.kept.insert(0, (first, Rc::clone(&page)));
        Ok((page, row - first))
    }

    /// The page from one row on, which has another.
    fn read(&self, first: usize, row: usize) -> Result<(usize, Rc<Page>), Failure> {
        let page = self.pages.page(first, MOST)?;
        if row - first >= page.len() {
            return Err(Failure::new("a page has other rows than were asked for"));
        }
        Ok((first, Rc::new(page)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows whose value is their number, in pages that end at each hundredth row; which pages were read.
    struct Numbers {
        rows: usize,
        broken: Option<usize>,
        read: RefCell<Vec<usize>>,
    }

    impl Pages for Numbers {
        fn rows(&self) -> usize {
            self.rows
        }

        fn page(&self, first: usize, most: usize) -> Result<Page, Failure> {
            self.read.borrow_mut().push(first);
            let last = (first / 100 + 1) * 100;
            let last = last.min(self.rows).min(first + most);
            if self.broken.is_some_and(|broken| (first..last).contains(&broken)) {
                return Err(Failure::new("the disk is gone"));
            }
            let numbers: Vec<i64> = (first as i64..last as i64).collect();
            let column = PageColumn {
                data_type: DataType::Int64,
                values: Buffer::Int64(numbers.clone()),
                validity: None,
            };
            Ok(Page::new(numbers, vec![column]).expect("they fit"))
        }
    }

    fn numbers(rows: usize) -> Numbers {
        Numbers { rows, broken: None, read: RefCell::default() }
    }

    #[test]
    fn each_page_is_read_once_where_rows_are_read_in_order() {
        let pages = numbers(1000);
        let pager = Pager::new(&pages);
        for row in 0..1000 {
            let (page, at) = pager.find(row).expect("it is there");
            assert_eq!(page.time(at), row as i64);
        }
        assert_eq!(*pages.read.borrow(), (0..1000).step_by(100).collect::<Vec<_>>());
        assert!(pager.read.borrow().kept.len() <= KEPT);
    }

    #[test]
    fn any_order_gives_the_same_rows() {
        let pages = numbers(5000);
        let pager = Pager::new(&pages);
        for row in (0..5000).rev().chain((0..5000).map(|row| row * 7919 % 5000)) {
            let (page, at) = pager.find(row).expect("it is there");
            assert_eq!(page.time(at), row as i64);
        }
    }

    #[test]
    fn a_row_that_cannot_be_read_is_told_and_nothing_is_read_behind_it() {
        let pages = Numbers { broken: Some(250), ..numbers(1000) };
        let pager = Pager::new(&pages);
        assert!(pager.find(199).is_ok() && pager.failure().is_none());
        assert_eq!(pager.find(250).expect_err("it is broken").message(), "the disk is gone");
        let read = pages.read.borrow().len();
        assert_eq!(pager.find(900).expect_err("it was broken").message(), "the disk is gone");
        assert_eq!((pages.read.borrow().len(), pager.failure().is_some()), (read, true));
    }

    #[test]
    fn pages_whose_columns_do_not_fit_are_none() {
        let column = |values, validity| PageColumn { data_type: DataType::Int64, values, validity };
        assert!(Page::new(vec![1], vec![column(Buffer::Int64(vec![1, 2]), None)]).is_none());
        assert!(Page::new(vec![1], vec![column(Buffer::Int32(vec![1]), None)]).is_none());
        assert!(Page::new(vec![1], vec![column(Buffer::Int64(vec![1]), Some(Vec::new()))]).is_none());
        assert!(Page::new(vec![1], vec![column(Buffer::Int64(vec![1]), Some(vec![1]))]).is_some());
    }
}
