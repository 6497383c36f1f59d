//! What is seen of the store, frozen at one moment.
//!
//! ```text
//!   Catalog   databases, devices, series, TTLs      cheap: no row is looked at, and writers take no note of it
//!   Rows      series to scan                        memtables and files are held, and later rows told from earlier ones
//!   View      both, of the same moment              for queries
//! ```
//! Whoever wants names alone takes the catalog alone.

use std::{collections::BTreeMap, fmt, sync::Arc};

use arrow_array::RecordBatch;
use levada_model::{Path, PathPattern, SeriesSchema, Value};

use crate::{Deadband, LogicalViews, StorageError};

/// A database as the catalog has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseInfo {
    /// Its path.
    pub path: Path,
    /// How long rows of its devices live, in milliseconds, where nothing more specific is set; for ever where `None`.
    pub ttl: Option<i64>,
    /// How long its time partitions are said to be, in milliseconds; `None` where nobody said.
    pub partition: Option<i64>,
}

/// A device as the catalog has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    /// Its path.
    pub path: Path,
    /// The database it lies in.
    pub database: Path,
    /// Whether its series share one time column.
    pub aligned: bool,
    /// The template whose series it has, if any.
    pub template: Option<Arc<str>>,
}

/// A template as the catalog has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateInfo {
    /// Its name.
    pub name: Arc<str>,
    /// Whether the series of a device share one time column.
    pub aligned: bool,
    /// Measurements and how they are stored, as they were added.
    pub series: Vec<(Arc<str>, SeriesSchema)>,
    /// Where it is set; by path.
    pub set: Vec<Path>,
}

/// A series as the catalog has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesInfo {
    /// The device's path and the measurement.
    pub path: Path,
    /// The device.
    pub device: Path,
    /// The measurement, in canonical form.
    pub measurement: Arc<str>,
    /// The database it lies in.
    pub database: Path,
    /// Whether the device's series share one time column.
    pub aligned: bool,
    /// Type, encoding, compression.
    pub schema: SeriesSchema,
    /// A second name for the measurement.
    pub alias: Option<String>,
    /// Tags, which can be searched by.
    pub tags: BTreeMap<String, String>,
    /// Attributes, which cannot.
    pub attributes: BTreeMap<String, String>,
    /// The dead band it was made with.
    pub deadband: Option<Deadband>,
    /// What it stands for, as SQL, where it is a logical view: nothing of it is stored.
    pub view: Option<Arc<str>>,
}

/// Series of one device, as a pattern finds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceSeries {
    /// The device.
    pub device: Path,
    /// The measurements, in canonical form, and how they are stored; by measurement.
    pub series: Vec<(Arc<str>, SeriesSchema)>,
}

/// A range of times, both ends included, in milliseconds since 1970 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// The first time.
    pub start: i64,
    /// The last time.
    pub end: i64,
}

impl TimeRange {
    /// All times.
    pub const ALL: Self = Self { start: i64::MIN, end: i64::MAX };

    /// Whether no time is in it.
    pub const fn is_empty(self) -> bool {
        self.start > self.end
    }

    /// Whether a time is in it.
    pub const fn contains(self, time: i64) -> bool {
        self.start <= time && time <= self.end
    }

    /// Whether the two have a time in common.
    pub const fn overlaps(self, other: Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }

    /// The times that are in both.
    pub fn intersect(self, other: Self) -> Self {
        Self { start: self.start.max(other.start), end: self.end.min(other.end) }
    }

    /// The times from the first of both to the last.
    pub fn hull(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// Whether all of `other` is in it.
    pub const fn covers(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }
}

/// In which order of times rows are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Oldest first.
    Ascending,
    /// Newest first.
    Descending,
}

/// What is known of some of a series' rows without reading them.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Values that are not null; more than 0.
    pub count: u64,
    /// The first value's time.
    pub start: i64,
    /// The last value's time.
    pub end: i64,
    /// The first value; `None` where the type keeps none.
    pub first: Option<Value>,
    /// The last value.
    pub last: Option<Value>,
    /// The least value.
    pub min: Option<Value>,
    /// The greatest value.
    pub max: Option<Value>,
    /// The sum of numeric values (for `BOOLEAN`, of the trues).
    pub sum: Option<f64>,
}

/// A part of a series on the way to an aggregate.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Time and value columns, as [`Rows::scan`] gives them.
    Rows(RecordBatch),
    /// All that lies in `summary.start..=summary.end`, unread.
    Summary(Summary),
}

/// Batches of rows, as they are read.
pub type RowIterator = Box<dyn Iterator<Item = Result<RecordBatch, StorageError>> + Send>;

/// Pieces, as they are read.
pub trait Pieces: Iterator<Item = Result<Piece, StorageError>> + Send {
    /// How many bytes it holds, about, while nobody pulls.
    fn held_bytes(&self) -> usize;
}

/// Pieces of one series.
pub type PieceIterator = Box<dyn Pieces>;

/// Pieces of one series after the other; each is opened when it is pulled.
pub type DevicePieces<'a> = Box<dyn Iterator<Item = Result<PieceIterator, StorageError>> + Send + 'a>;

/// The names of a store at one moment: later changes do not show in it. Taking and keeping one is cheap.
///
/// No method blocks, and all may be called from several threads at once.
pub trait Catalog: fmt::Debug + Send + Sync {
    /// The databases a pattern matches, by path.
    fn databases(&self, pattern: &PathPattern) -> Vec<DatabaseInfo>;

    /// The devices a pattern matches, by path.
    fn devices(&self, pattern: &PathPattern) -> Vec<DeviceInfo>;

    /// A device by its path.
    fn device(&self, path: &Path) -> Option<DeviceInfo> {
        self.devices(&PathPattern::from(path)).pop()
    }

    /// The series a pattern matches (an alias counts as a name of the measurement), by path.
    fn series(&self, pattern: &PathPattern) -> Vec<SeriesInfo>;

    /// The series a pattern matches, as [`Catalog::series`] finds them, device by device, devices by path. A query of a million
    /// series holds some 24 bytes of each: measurements that many devices have are shared, and there are no paths.
    fn series_by_device(&self, pattern: &PathPattern) -> Vec<DeviceSeries> {
        let mut devices: BTreeMap<Path, Vec<(Arc<str>, SeriesSchema)>> = BTreeMap::new();
        for each in self.series(pattern) {
            devices.entry(each.device).or_default().push((each.measurement, each.schema));
        }
        devices.into_iter().map(|(device, series)| DeviceSeries { device, series }).collect()
    }

    /// Whether a pattern matches any series.
    fn has_series(&self, pattern: &PathPattern) -> bool {
        !self.series(pattern).is_empty()
    }

    /// Those of a device's series that some names stand for, as measurement or as alias. One that two names stand for may come
    /// twice. The other series of the device are not copied, however many it has.
    fn series_named(&self, device: &Path, names: &[Arc<str>]) -> Vec<SeriesInfo> {
        names.iter().flat_map(|name| self.series(&PathPattern::from(&device.child(name)))).collect()
    }

    /// The logical views. What the other methods find are series that are stored, and no views.
    fn views(&self) -> Arc<LogicalViews> {
        Arc::default()
    }

    /// The templates, by name.
    fn templates(&self) -> Vec<TemplateInfo> {
        Vec::new()
    }

    /// The template that is set for a path, there or above.
    fn template_above(&self, path: &Path) -> Option<TemplateInfo> {
        let is_above = |template: &TemplateInfo| template.set.iter().any(|set| set.is_prefix_of(path));
        self.templates().into_iter().find(is_above)
    }

    /// All lives of rows that are set, in milliseconds (`i64::MAX`: for ever), by the text of the pattern. One that is
    /// set for a database is here twice, as the database's path and as that with `.**` behind it.
    fn path_ttls(&self) -> Vec<(PathPattern, i64)>;

    /// How long rows of a device live, whether it is there or not, in milliseconds; for ever where `None`.
    fn ttl(&self, device: &Path) -> Option<i64>;
}

/// The rows of a store at one moment: later writes, flushes and compactions do not show in it. Files that it may read stay
/// until it is dropped.
///
/// All methods block for at most a file's read, and may be called from several threads at once.
pub trait Rows: fmt::Debug + Send + Sync {
    /// The rows of some series of **one** device within a time range.
    ///
    /// Every batch is `time: Int64` and then a column for each of `measurements`, in their order and of the Arrow type
    /// that belongs to the series. Times grow strictly (or fall strictly) over the whole iterator; of each time there is
    /// one row, the last written; a row where every column is null is left out; deletions and TTL are applied. Batches
    /// have at most about 8,192 rows and at least one.
    ///
    /// # Errors
    /// There is no such series, or a file cannot be read: the error names file and place.
    fn scan(
        &self,
        device: &Path,
        measurements: &[Arc<str>],
        range: TimeRange,
        direction: Direction,
    ) -> Result<RowIterator, StorageError>;

    /// The rows of one series within a time range, ascending, where a stretch that lies wholly within one of the
    /// windows `[start, start + width)`, beginning at `origin` (all of `range` where `width` is `None`), may come as its
    /// summary instead.
    ///
    /// # Errors
    /// As [`Rows::scan`].
    fn pieces(
        &self,
        device: &Path,
        measurement: &Arc<str>,
        range: TimeRange,
        windows: Option<Windows>,
    ) -> Result<PieceIterator, StorageError>;

    /// [`Rows::pieces`] of some series of **one** device, in their order. The device and what files know of it are looked up
    /// once for all of them.
    ///
    /// # Errors
    /// As [`Rows::scan`]; what is wrong with one series is said in its place.
    fn pieces_of<'a>(
        &'a self,
        device: &'a Path,
        measurements: &'a [Arc<str>],
        range: TimeRange,
        windows: Option<Windows>,
    ) -> Result<DevicePieces<'a>, StorageError> {
        let pieces = move |measurement| self.pieces(device, measurement, range, windows);
        Ok(Box::new(measurements.iter().map(pieces)))
    }

    /// The newest value of one series, deletions and TTL applied.
    ///
    /// # Errors
    /// As [`Rows::scan`].
    fn last(&self, device: &Path, measurement: &Arc<str>) -> Result<Option<(i64, Value)>, StorageError>;
}

/// The names and rows of a store at one and the same moment.
pub trait View: Catalog + Rows {}

impl<T: Catalog + Rows> View for T {}

/// Windows of equal width, one beside the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Where a window begins.
    pub origin: i64,
    /// How wide each is, in milliseconds; more than 0.
    pub width: i64,
}
