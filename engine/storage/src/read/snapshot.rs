//! The store at one moment.

use std::{fmt, sync::Arc};

use levada_model::{Path, PathPattern, StatusCode, Value};

use super::{
    batches::Batches,
    merge::Merge,
    pieces::Pieces,
    plan::{Item, Part},
    wanted::Wanted,
};
use crate::{
    DatabaseInfo, DeviceInfo, DevicePieces, DeviceSeries, Direction, LogicalViews, PieceIterator,
    RowIterator, Rows, SeriesInfo, StorageError, TemplateInfo, TimeRange, Windows,
    block::schema_of,
    catalog::{Catalog, Device},
    last::{LastCache, Newest},
    memtable::Memtable,
    sealed::{Files, MetaCache},
    tombstone::Tombstones,
};

/// What a view holds.
#[derive(Clone)]
pub(crate) struct Snapshot {
    pub(crate) catalog: Catalog,
    /// Of one place the older first.
    pub(crate) memtables: Vec<Arc<Memtable>>,
    pub(crate) files: Arc<Files>,
    pub(crate) tombstones: Tombstones,
    /// Rows of later writes are not seen.
    pub(crate) seq: u64,
    pub(crate) now: i64,
    pub(crate) partition_width: i64,
    pub(crate) metas: Arc<MetaCache>,
    /// Where newest values may be known.
    pub(crate) last: Arc<LastCache>,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("seq", &self.seq).field("now", &self.now).finish_non_exhaustive()
    }
}

impl Snapshot {
    fn device(&self, path: &Path) -> Result<&Arc<Device>, StorageError> {
        self.catalog.device(path).ok_or_else(|| {
            let message = format!("Path [{path}] does not exist");
            StorageError::rejected(StatusCode::PATH_NOT_EXIST, message)
        })
    }

    fn wanted(device: &Device, name: &str) -> Result<Wanted, StorageError> {
        let series = device.series_or_alias(name).ok_or_else(|| {
            let message = format!("Path [{}] does not exist", device.path.child(name));
            StorageError::rejected(StatusCode::PATH_NOT_EXIST, message)
        })?;
        Ok(Wanted::of(series))
    }

    fn read_last(&self, device: &Device, wanted: &Wanted, live: TimeRange) -> Result<Newest, StorageError> {
        let data_type = wanted.schema.data_type;
        let items = self.items(device, (wanted, 1), live)?;
        if let Some(known) = known_last(&items) {
            return Ok(Some(known));
        }
        let inputs = items.into_iter().map(|item| item.part.into_input(item.rank)).collect();
        let newest = Merge::new(inputs, Direction::Descending, vec![data_type]).next()?;
        Ok(newest.and_then(|block| {
            let row = block.rows() - 1;
            let value = Value::at(block.columns[0].as_ref()?, data_type, row)?;
            Some((block.times[row], value))
        }))
    }

    /// What of a range is not older than a device's rows may be.
    pub(crate) fn live(&self, device: &Device, range: TimeRange) -> TimeRange {
        let ttl = self.catalog.lives().of(&device.path);
        let bound = ttl.map_or(i64::MIN, |ttl| self.now.saturating_sub(ttl));
        TimeRange { start: range.start.max(bound), end: range.end }
    }
}

impl crate::Catalog for Snapshot {
    fn databases(&self, pattern: &PathPattern) -> Vec<DatabaseInfo> {
        self.catalog.database_infos(pattern)
    }

    fn devices(&self, pattern: &PathPattern) -> Vec<DeviceInfo> {
        self.catalog.device_infos(pattern)
    }

    fn device(&self, path: &Path) -> Option<DeviceInfo> {
        self.catalog.device_at(path)
    }

    fn series(&self, pattern: &PathPattern) -> Vec<SeriesInfo> {
        self.catalog.series_infos(pattern)
    }

    fn series_by_device(&self, pattern: &PathPattern) -> Vec<DeviceSeries> {
        self.catalog.series_by_device(pattern)
    }

    fn has_series(&self, pattern: &PathPattern) -> bool {
        self.catalog.any_series(pattern)
    }

    fn series_named(&self, device: &Path, names: &[Arc<str>]) -> Vec<SeriesInfo> {
        self.catalog.named_infos(device, names)
    }

    fn views(&self) -> Arc<LogicalViews> {
        Arc::clone(self.catalog.views())
    }

    fn templates(&self) -> Vec<TemplateInfo> {
        self.catalog.template_infos()
    }

    fn template_above(&self, path: &Path) -> Option<TemplateInfo> {
        self.catalog.template_above(path)
    }

    fn path_ttls(&self) -> Vec<(PathPattern, i64)> {
        self.catalog.lives().all()
    }

    fn ttl(&self, device: &Path) -> Option<i64> {
        self.catalog.lives().of(device)
    }
}

impl Rows for Snapshot {
    fn scan(
        &self,
        device: &Path,
        measurements: &[Arc<str>],
        range: TimeRange,
        direction: Direction,
    ) -> Result<RowIterator, StorageError> {
        let device = self.device(device)?;
        let wanted =
            measurements.iter().map(|name| Self::wanted(device, name)).collect::<Result<Vec<_>, _>>()?;
        let inputs = self.inputs(device, &wanted, self.live(device, range))?;
        let types = wanted.iter().map(|wanted| wanted.schema.data_type).collect();
        let schema = schema_of(
            measurements.iter().zip(&wanted).map(|(name, wanted)| (&**name, wanted.schema.data_type)),
        );
        Ok(Box::new(Batches::new(Merge::new(inputs, direction, types), schema, direction)))
    }

    fn pieces(
        &self,
        device: &Path,
        measurement: &Arc<str>,
        range: TimeRange,
        windows: Option<Windows>,
    ) -> Result<PieceIterator, StorageError> {
        let device = self.device(device)?;
        let wanted = Self::wanted(device, measurement)?;
        let items = self.items(device, (&wanted, 1), self.live(device, range))?;
        Ok(Box::new(Pieces::new(items, measurement, wanted.schema.data_type, windows)))
    }

    fn pieces_of<'a>(
        &'a self,
        device: &'a Path,
        measurements: &'a [Arc<str>],
        range: TimeRange,
        windows: Option<Windows>,
    ) -> Result<DevicePieces<'a>, StorageError> {
        let device = self.device(device)?;
        let live = self.live(device, range);
        Ok(Box::new(measurements.iter().map(move |measurement| {
            let wanted = Self::wanted(device, measurement)?;
            let items = self.items(device, (&wanted, measurements.len()), live)?;
            let pieces = Pieces::new(items, measurement, wanted.schema.data_type, windows);
            Ok(Box::new(pieces) as PieceIterator)
        })))
    }

    fn last(&self, device: &Path, measurement: &Arc<str>) -> Result<Option<(i64, Value)>, StorageError> {
        let device = self.device(device)?;
        let wanted = Self::wanted(device, measurement)?;
        let live = self.live(device, TimeRange::ALL);
        if let Some(newest) = self.last.get(&device.path, &wanted.measurement, self.seq) {
            return Ok(newest.filter(|(time, _)| live.contains(*time)));
        }
        let newest = self.read_last(device, &wanted, live)?;
        // That nothing lives does not say that nothing is there.
        let certain = newest.is_some() || live == TimeRange::ALL;
        self.last.fill(&device.path, &wanted.measurement, self.seq, certain.then_some(&newest));
        Ok(newest)
    }
}

/// The newest value, where a chunk that nothing speaks against ends behind all else.
fn known_last(items: &[Item]) -> Option<(i64, Value)> {
    let newest = items.iter().max_by_key(|item| item.range.end)?;
    let alone = items.iter().filter(|item| item.range.end == newest.range.end).count() == 1;
    let Part::Chunk { cut, chunk } = &newest.part else { return None };
    let time = newest.range.end;
    let hidden = cut.columns[0].1.iter().any(|hidden| hidden.range.contains(time));
    (alone && !hidden && cut.range.contains(time)).then(|| Some((time, chunk.statistics.last()?))).flatten()
}
