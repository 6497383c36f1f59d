//! A whole state as records.

use std::sync::Arc;

use super::Commit;
use crate::{
    catalog::{Catalog, Device},
    catalog_op::{CatalogOp, SeriesDef},
    codec::{Malformed, Put, Take},
    frame,
    wal::LogEnd,
};

/// Devices are put into records of about so many bytes.
const RECORD_BYTES: usize = 64 << 10;

pub(super) const HEAD: u8 = 1;
pub(super) const DATABASE: u8 = 2;
pub(super) const DEVICES: u8 = 3;
/// A commit of version 1 or 2.
pub(super) const OLD_COMMIT: u8 = 4;
pub(super) const LOG: u8 = 5;
pub(super) const COMMIT: u8 = 6;

/// The format's version. Version 1 says nothing of the log's end, and had checksums of 64 KiB beside sealed files.
/// Versions 1 and 2 do not say of which writes a file has rows, and know no readers of changes. Only from version 4 on there are
/// templates, from 5 on logical views, from 6 on databases that say how long their time partitions are; a store is written as the oldest
/// version that has all of it, which older programs read.
pub(super) const VERSION: u32 = 6;

/// The version of a store with views.
const VIEWS: u32 = 5;

/// The version of a store with templates and without views.
const TEMPLATES: u32 = 4;

/// The version of a store with neither.
const PLAIN: u32 = 3;

/// Flags of a device.
const ALIGNED: u8 = 1;
const HAS_TEMPLATE: u8 = 2;

/// The oldest that is read.
pub(super) const OLDEST: u32 = 1;

/// A whole state: the catalog, and a commit that says all else as if it came to an empty folder.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) catalog: Catalog,
    pub(crate) rest: Commit,
}

pub(super) fn record(bytes: &mut Vec<u8>, kind: u8, put: impl FnOnce(&mut Vec<u8>)) {
    let at = frame::begin(bytes);
    bytes.put_u8(kind);
    put(bytes);
    frame::end(bytes, at);
}

impl State {
    pub(super) fn put(&self, bytes: &mut Vec<u8>, partition_width: i64, log: LogEnd) {
        record(bytes, HEAD, |bytes| {
            let has_templates = self.catalog.templates().all().next().is_some();
            let has_partitions = self.catalog.databases().any(|database| database.partition.is_some());
            bytes.put_u32(match (has_partitions, self.catalog.views().is_empty(), has_templates) {
                (true, ..) => VERSION,
                (false, false, _) => VIEWS,
                (false, true, true) => TEMPLATES,
                (false, true, false) => PLAIN,
            });
            bytes.put_i64(partition_width);
            bytes.put_u32(self.catalog.next_id());
        });
        for database in self.catalog.databases() {
            let op = CatalogOp::CreateDatabase {
                id: database.id,
                path: database.path.clone(),
                ttl: None,
                partition: database.partition,
            };
            record(bytes, DATABASE, |bytes| op.put(bytes));
        }
        for (pattern, ttl) in self.catalog.lives().all() {
            let op = CatalogOp::SetPathTtl { pattern, ttl: Some(ttl) };
            record(bytes, DATABASE, |bytes| op.put(bytes));
        }
        for template in self.catalog.templates().all() {
            record(bytes, DATABASE, |bytes| template.with(Vec::new()).put(bytes));
        }
        for (path, name) in self.catalog.templates().sets() {
            let op = CatalogOp::SetTemplate { name: Arc::clone(name), path: path.clone() };
            record(bytes, DATABASE, |bytes| op.put(bytes));
        }
        for view in self.catalog.views().all() {
            record(bytes, DATABASE, |bytes| CatalogOp::PutView(Box::new(view.as_ref().clone())).put(bytes));
        }
        let mut devices = self.catalog.devices().iter().peekable();
        while devices.peek().is_some() {
            record(bytes, DEVICES, |bytes| {
                let limit = bytes.len() + RECORD_BYTES;
                while bytes.len() < limit
                    && let Some(device) = devices.next()
                {
                    put_device(bytes, device);
                }
            });
        }
        record(bytes, LOG, |bytes| log.put(bytes));
        record(bytes, COMMIT, |bytes| self.rest.put(bytes));
    }
}

fn put_device(bytes: &mut Vec<u8>, device: &Device) {
    bytes.put_str(device.path.as_str());
    let flags = [(ALIGNED, device.aligned), (HAS_TEMPLATE, device.template.is_some())];
    bytes.put_u8(flags.into_iter().filter(|(_, is_set)| *is_set).map(|(flag, _)| flag).sum());
    if let Some(template) = &device.template {
        bytes.put_str(template);
    }
    bytes.put_len(device.all().len());
    for series in device.all() {
        bytes.put_u64(series.since);
        series.def().put(bytes);
    }
}

pub(super) fn take_devices(from: &mut Take<'_>, catalog: &mut Catalog) -> Result<(), Malformed> {
    while !from.is_empty() {
        let path = from.path()?;
        let flags = from.u8()?;
        if flags & !(ALIGNED | HAS_TEMPLATE) != 0 {
            return Err(Malformed);
        }
        let template = if flags & HAS_TEMPLATE != 0 { Some(Arc::from(from.str()?)) } else { None };
        let series = (0..from.count(15)?)
            .map(|_| {
                let since = from.u64()?;
                Ok((SeriesDef::take(from)?, since))
            })
            .collect::<Result<Vec<_>, Malformed>>()?;
        catalog.load_device(path, flags & ALIGNED != 0, template, series);
    }
    Ok(())
}
