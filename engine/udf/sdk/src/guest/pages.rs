//! Windows that the host keeps.

use super::bindings::levada::udf::{pages as host, types};
use crate::{Buffer, DataType, Failure, Page, PageColumn, Pages};

/// The window of the call that is under way, as the host gives it.
pub(super) struct HostPages<'a> {
    rows: usize,
    types: &'a [DataType],
}

impl<'a> HostPages<'a> {
    /// `None` where the window came with the call. These are the types of the inputs.
    pub(super) fn of_this_call(types: &'a [DataType]) -> Option<Self> {
        // The host gives no window with more rows than can be counted here.
        let rows = usize::try_from(host::rows()).unwrap_or(usize::MAX);
        (rows > 0).then_some(Self { rows, types })
    }
}

impl Pages for HostPages<'_> {
    fn rows(&self) -> usize {
        self.rows
    }

    fn page(&self, first: usize, most: usize) -> Result<Page, Failure> {
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        let types::Batch { times, columns } = host::page(first as u64, most);
        let rows = times.len();
        let columns = columns.into_iter().zip(self.types).map(|(column, &data_type)| PageColumn {
            data_type,
            values: of_values(column.values, rows),
            validity: column.validity,
        });
        let page = Page::new(times, columns.collect());
        page.ok_or_else(|| Failure::new("the host gave columns that are not those of the inputs"))
    }
}

/// So many values.
fn of_values(values: types::Values, rows: usize) -> Buffer {
    match values {
        types::Values::Boolean(bits) => Buffer::Boolean(bits, rows),
        types::Values::Int32(values) => Buffer::Int32(values),
        types::Values::Int64(values) => Buffer::Int64(values),
        types::Values::Float(values) => Buffer::Float(values),
        types::Values::Double(values) => Buffer::Double(values),
        types::Values::Bytes(values) => Buffer::Bytes(values.offsets, values.bytes),
    }
}
