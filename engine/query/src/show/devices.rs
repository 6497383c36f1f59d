//! `show devices`.

use levada_sql::ast::ShowDevices;
use levada_storage::{DeviceInfo, View};

use super::{filter, in_batches, page, paths, text_columns, ttl};
use crate::{
    QueryContext, QueryError,
    bind::schema_order::{self, Purpose},
    chunk::texts,
    plan::Bound,
};

pub(super) fn plan(
    query: &ShowDevices,
    view: &dyn View,
    context: &QueryContext,
) -> Result<Bound, QueryError> {
    let mut devices = view.devices(&query.pattern);
    devices = schema_order::sort(devices, context.order, Purpose::Show, |device| &device.path);
    let devices = page(filter::devices(devices, query.filter.as_ref(), view)?, query.offset, query.limit)?;
    let rows: Vec<(DeviceInfo, String)> = devices
        .into_iter()
        .map(|device| {
            let ttl = ttl::text(view.ttl(&device.path));
            (device, ttl)
        })
        .collect();
    let with_database = query.with_database;
    let names: &[&str] = if with_database {
        &["Device", "Database", "IsAligned", "Template", "TTL(ms)"]
    } else {
        &["Device", "IsAligned", "Template", "TTL(ms)"]
    };
    Ok(in_batches(text_columns(names), rows, context.batch_rows, move |rows| {
        let mut columns = vec![paths(rows.iter().map(|(device, _)| &device.path))];
        if with_database {
            columns.push(paths(rows.iter().map(|(device, _)| &device.database)));
        }
        columns
            .push(texts(rows.iter().map(|(device, _)| Some(if device.aligned { "true" } else { "false" }))));
        columns.push(texts(rows.iter().map(|(device, _)| device.template.as_deref())));
        columns.push(texts(rows.iter().map(|(_, ttl)| Some(ttl.as_str()))));
        columns
    }))
}
