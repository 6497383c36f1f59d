//! A store in memory, as plain as can be: what queries are tested against.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringArray,
};
use arrow_schema::{DataType as ArrowType, Field, Schema};
use levada_model::{DataType, Path, PathPattern, Value};
use levada_storage::{
    Catalog, DatabaseInfo, DeviceInfo, Direction, LogicalViews, Piece, PieceIterator, Pieces, RowIterator,
    Rows, SeriesInfo, StorageError, Summary, TimeRange, Windows,
};

/// How many rows a batch has where nothing else is said: few, so that batches end in the middle of things.
const BATCH: usize = 3;

/// A series and its points.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) info: SeriesInfo,
    pub(crate) points: BTreeMap<i64, Value>,
}

/// A store that is its own view.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) databases: BTreeMap<Path, Option<i64>>,
    pub(crate) series: BTreeMap<Path, Series>,
    pub(crate) views: Arc<LogicalViews>,
    /// How many rows a batch has.
    pub(crate) batch_rows: Option<usize>,
    /// How many batches of rows were read.
    pub(crate) batches_read: Arc<AtomicUsize>,
    /// How many streams of pieces are open now, and how many were at most.
    pub(crate) streams: Arc<[AtomicUsize; 2]>,
    /// How many streams of pieces were opened.
    pub(crate) opened: Arc<AtomicUsize>,
}

impl Clone for Memory {
    fn clone(&self) -> Self {
        Self {
            databases: self.databases.clone(),
            series: self.series.clone(),
            views: Arc::clone(&self.views),
            batch_rows: self.batch_rows,
            batches_read: Arc::default(),
            streams: Arc::default(),
            opened: Arc::default(),
        }
    }
}

impl Catalog for Memory {
    fn databases(&self, pattern: &PathPattern) -> Vec<DatabaseInfo> {
        let fits = self.databases.iter().filter(|(path, _)| pattern.matches(path));
        fits.map(|(path, ttl)| DatabaseInfo { path: path.clone(), ttl: *ttl, partition: None }).collect()
    }

    fn path_ttls(&self) -> Vec<(PathPattern, i64)> {
        let set = self.databases.iter().filter_map(|(path, ttl)| Some((path, (*ttl)?)));
        let both = |(path, ttl): (&Path, i64)| {
            let many = PathPattern::parse("**").expect("a pattern of one wildcard");
            let path = PathPattern::from(path);
            [(path.join(&many), ttl), (path, ttl)]
        };
        set.flat_map(both).collect()
    }

    fn ttl(&self, device: &Path) -> Option<i64> {
        *self.databases.iter().find(|(path, _)| path.is_prefix_of(device))?.1
    }

    fn views(&self) -> Arc<LogicalViews> {
        Arc::clone(&self.views)
    }

    fn devices(&self, pattern: &PathPattern) -> Vec<DeviceInfo> {
        let mut devices: Vec<DeviceInfo> = self
            .series
            .values()
            .filter(|series| pattern.matches(&series.info.device))
            .map(|series| DeviceInfo {
                path: series.info.device.clone(),
                database: series.info.database.clone(),
                aligned: series.info.aligned,
                template: None,
            })
            .collect();
        devices.sort_by(|a, b| a.path.cmp(&b.path));
        devices.dedup();
        devices
    }

    fn series(&self, pattern: &PathPattern) -> Vec<SeriesInfo> {
        let fits = |info: &SeriesInfo| {
            let by_alias = info.alias.as_ref().map(|alias| info.device.child_raw(alias));
            pattern.matches(&info.path) || by_alias.is_some_and(|path| pattern.matches(&path))
        };
        self.series.values().map(|series| &series.info).filter(|info| fits(info)).cloned().collect()
    }
}

impl Rows for Memory {
    fn scan(
        &self,
        device: &Path,
        measurements: &[Arc<str>],
        range: TimeRange,
        direction: Direction,
    ) -> Result<RowIterator, StorageError> {
        let series: Vec<&Series> =
            measurements.iter().map(|name| self.one(device, name)).collect::<Result<_, _>>()?;
        let mut rows: BTreeMap<i64, Vec<Option<Value>>> = BTreeMap::new();
        for (at, series) in series.iter().enumerate() {
            for (time, value) in series.points.iter().filter(|(time, _)| range.contains(**time)) {
                rows.entry(*time).or_insert_with(|| vec![None; series_count(measurements)])[at] =
                    Some(value.clone());
            }
        }
        let mut rows: Vec<(i64, Vec<Option<Value>>)> = rows.into_iter().collect();
        if direction == Direction::Descending {
            rows.reverse();
        }
        let types: Vec<DataType> = series.iter().map(|series| series.info.schema.data_type).collect();
        let read = Arc::clone(&self.batches_read);
        let batches: Vec<RecordBatch> = rows.chunks(self.batch()).map(|rows| batch(rows, &types)).collect();
        Ok(Box::new(batches.into_iter().map(move |batch| {
            read.fetch_add(1, Ordering::Relaxed);
            Ok(batch)
        })))
    }

    fn pieces(
        &self,
        device: &Path,
        measurement: &Arc<str>,
        range: TimeRange,
        windows: Option<Windows>,
    ) -> Result<PieceIterator, StorageError> {
        let series = self.one(device, measurement)?;
        let points: Vec<(i64, Value)> = series
            .points
            .iter()
            .filter(|(time, _)| range.contains(**time))
            .map(|(time, value)| (*time, value.clone()))
            .collect();
        let window = |time: i64| windows.map(|windows| (time - windows.origin).div_euclid(windows.width));
        let data_type = series.info.schema.data_type;
        let read = Arc::clone(&self.batches_read);
        let pieces: Vec<Piece> = points
            .chunk_by(|a, b| window(a.0) == window(b.0))
            .enumerate()
            .flat_map(|(at, part)| {
                // Every third stretch comes as rows, as a store would give those that a deletion touches.
                if at % 3 == 2 {
                    let rows: Vec<_> =
                        part.iter().map(|(time, value)| (*time, vec![Some(value.clone())])).collect();
                    let batches = rows.chunks(self.batch());
                    batches.map(|rows| Piece::Rows(batch(rows, &[data_type]))).collect::<Vec<_>>()
                } else {
                    vec![Piece::Summary(summary(part))]
                }
            })
            .collect();
        let pieces = pieces.into_iter().map(move |piece| {
            if matches!(piece, Piece::Rows(_)) {
                read.fetch_add(1, Ordering::Relaxed);
            }
            piece
        });
        self.opened.fetch_add(1, Ordering::Relaxed);
        let open = self.streams[0].fetch_add(1, Ordering::Relaxed) + 1;
        self.streams[1].fetch_max(open, Ordering::Relaxed);
        Ok(Box::new(Stream { pieces: Box::new(pieces), streams: Arc::clone(&self.streams) }))
    }

    fn last(&self, device: &Path, measurement: &Arc<str>) -> Result<Option<(i64, Value)>, StorageError> {
        let series = self.one(device, measurement)?;
        Ok(series.points.last_key_value().map(|(time, value)| (*time, value.clone())))
    }
}

/// Pieces that say they hold a kilobyte.
struct Stream {
    pieces: Box<dyn Iterator<Item = Piece> + Send>,
    streams: Arc<[AtomicUsize; 2]>,
}

impl Iterator for Stream {
    type Item = Result<Piece, StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.pieces.next().map(Ok)
    }
}

impl Pieces for Stream {
    fn held_bytes(&self) -> usize {
        1 << 10
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.streams[0].fetch_sub(1, Ordering::Relaxed);
    }
}

impl Memory {
    fn batch(&self) -> usize {
        self.batch_rows.unwrap_or(BATCH)
    }

    fn one(&self, device: &Path, measurement: &str) -> Result<&Series, StorageError> {
        self.series.get(&device.child(measurement)).ok_or_else(|| {
            StorageError::rejected(
                levada_model::StatusCode::PATH_NOT_EXIST,
                format!("{device}.{measurement} does not exist"),
            )
        })
    }
}

fn series_count(measurements: &[Arc<str>]) -> usize {
    measurements.len()
}

fn summary(points: &[(i64, Value)]) -> Summary {
    let numbers: Vec<f64> = points.iter().filter_map(|(_, value)| number(value)).collect();
    let ordered = |greatest: bool| {
        let values = points.iter().map(|(_, value)| value);
        let compare = |a: &&Value, b: &&Value| match (a, b) {
            (Value::String(a), Value::String(b)) => a.cmp(b),
            _ => number(a).partial_cmp(&number(b)).unwrap_or(std::cmp::Ordering::Equal),
        };
        let found = if greatest { values.max_by(compare) } else { values.min_by(compare) };
        found.filter(|value| !matches!(value, Value::Text(_) | Value::Blob(_) | Value::Boolean(_))).cloned()
    };
    Summary {
        count: points.len() as u64,
        start: points[0].0,
        end: points[points.len() - 1].0,
        first: points.first().map(|(_, value)| value.clone()),
        last: points.last().map(|(_, value)| value.clone()),
        min: ordered(false),
        max: ordered(true),
        sum: (!numbers.is_empty()).then(|| numbers.iter().sum()),
    }
}

/// A number's or a truth's value.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Boolean(value) => Some(f64::from(u8::from(*value))),
        Value::Int32(value) | Value::Date(value) => Some(f64::from(*value)),
        Value::Int64(value) | Value::Timestamp(value) => Some(*value as f64),
        Value::Float(value) => Some(f64::from(*value)),
        Value::Double(value) => Some(*value),
        _ => None,
    }
}

fn batch(rows: &[(i64, Vec<Option<Value>>)], types: &[DataType]) -> RecordBatch {
    let mut fields = vec![Field::new("Time", ArrowType::Int64, false)];
    let mut arrays: Vec<ArrayRef> = vec![Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>())];
    for (at, data_type) in types.iter().enumerate() {
        fields.push(Field::new(format!("{at}"), data_type.arrow(), true));
        arrays.push(array(rows.iter().map(|row| row.1[at].as_ref()), *data_type));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("columns of the types of their fields")
}

fn array<'a>(values: impl Iterator<Item = Option<&'a Value>>, data_type: DataType) -> ArrayRef {
    macro_rules! of {
        ($array:ty, $($variant:ident)|+) => {
            Arc::new(values.map(|value| match value {
                $(Some(Value::$variant(value)) => Some(value.clone()),)+
                _ => None,
            }).collect::<$array>())
        };
    }
    match data_type {
        DataType::Boolean => of!(BooleanArray, Boolean),
        DataType::Int32 | DataType::Date => of!(Int32Array, Int32 | Date),
        DataType::Int64 | DataType::Timestamp => of!(Int64Array, Int64 | Timestamp),
        DataType::Float => of!(Float32Array, Float),
        DataType::Double => of!(Float64Array, Double),
        DataType::Text | DataType::String => of!(StringArray, Text | String),
        DataType::Blob => {
            let bytes: Vec<Option<&[u8]>> = values
                .map(|value| match value {
                    Some(Value::Blob(bytes)) => Some(bytes.as_slice()),
                    _ => None,
                })
                .collect();
            Arc::new(bytes.into_iter().collect::<BinaryArray>())
        }
    }
}
