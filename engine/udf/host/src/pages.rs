//! Windows that a module reads by pages: `levada:udf/pages`.

use levada_udf::{Buffer, Page};
use wasmtime::{
    Engine, Error, Result, StoreContextMut,
    component::{Component, LinkerInstance},
};

use crate::{
    outside::Outside,
    wit::{BatchOut, BytesOut, ColumnOut, ValuesOut},
};

/// How the interface's name begins, before its version.
pub(crate) const INTERFACE: &str = "levada:udf/pages@";

/// Whether a component reads large windows by pages.
pub(crate) fn are_read_by(engine: &Engine, component: &Component) -> bool {
    component.component_type().imports(engine).any(|(name, _)| name.starts_with(INTERFACE))
}

/// Defines its functions.
pub(crate) fn define(to: &mut LinkerInstance<'_, Outside>) -> Result<()> {
    to.func_wrap("rows", |store: StoreContextMut<'_, Outside>, (): ()| {
        let rows = store.data().kept.as_ref().map_or(0, |kept| kept.window.len());
        Ok((rows as u64,))
    })?;
    to.func_wrap("page", |store: StoreContextMut<'_, Outside>, (first, most): (u64, u32)| {
        page(store, first, most).map(|page| (page,))
    })
}

fn page(mut store: StoreContextMut<'_, Outside>, first: u64, most: u32) -> Result<BatchOut> {
    let outside = store.data_mut();
    let kept = outside.kept.as_mut();
    let kept = kept.ok_or_else(|| Error::msg("it read a page, and no window is read by pages"))?;
    let first = usize::try_from(first)?;
    let page = kept.window.read(first, most as usize).map_err(|fault| {
        let error = Error::msg(fault.message.clone());
        kept.fault = Some(fault);
        error
    })?;
    // A call has its time for each page that it has not had before: a large window takes longer than a small one.
    if first + page.len() > kept.unread {
        kept.unread = first + page.len();
        let ticks = outside.ticks;
        store.set_epoch_deadline(ticks);
    }
    Ok(batch(page))
}

fn batch(page: Page) -> BatchOut {
    let (times, columns) = page.into_parts();
    let columns = columns.into_iter().map(|column| ColumnOut {
        validity: column.validity,
        values: match column.values {
            Buffer::Boolean(bits, _) => ValuesOut::Boolean(bits),
            Buffer::Int32(values) => ValuesOut::Int32(values),
            Buffer::Int64(values) => ValuesOut::Int64(values),
            Buffer::Float(values) => ValuesOut::Float(values),
            Buffer::Double(values) => ValuesOut::Double(values),
            Buffer::Bytes(offsets, bytes) => ValuesOut::Bytes(BytesOut { offsets, bytes }),
        },
    });
    BatchOut { times, columns: columns.collect() }
}
