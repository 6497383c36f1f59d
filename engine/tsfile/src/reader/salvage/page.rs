//! Decodes chunks and compares them with what the index says.

use arrow_array::Int64Array;
use levada_model::{DataType, Value};

use super::{
    super::{ChunkReader, TsFileReader, index::based, read},
    headers::chunk_header,
    size::Size,
    unless_damaged,
};
use crate::{ReadAt, Statistics, TsFileError, layout::ChunkKind, wire::Cursor};

/// The content of a chunk, found by decoding all of it.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) statistics: Statistics,
    size: Size,
    /// Whether pages have statistics of their own, and these agree.
    pub(super) vouched: bool,
    /// The times of a time chunk, by page.
    pub(super) times: Vec<Int64Array>,
}

/// Whether the chunk at a place can be decoded with no other knowledge. A value chunk also needs its times.
pub(super) fn decodes<R: ReadAt>(reader: &TsFileReader<R>, at: u64, limit: u64) -> Result<bool, TsFileError> {
    let Some((header, size)) = chunk_header(reader, at, limit)? else { return Ok(false) };
    if at + (size + header.data_size) as u64 > limit || header.kind == ChunkKind::Value {
        return Ok(false);
    }
    let decoded = unless_damaged(chunk(reader, at, None, None))?;
    Ok(decoded.is_ok_and(|decoded| decoded.statistics.count() > 0))
}

/// Decodes all of a chunk. `told` is what the index says of it, `times` are those of its time chunk.
///
/// # Errors
/// The chunk cannot be read, or is damaged.
pub(super) fn chunk<R: ReadAt>(
    reader: &TsFileReader<R>,
    at: u64,
    told: Option<&Statistics>,
    times: Option<&[Int64Array]>,
) -> Result<Decoded, TsFileError> {
    let damaged = |what: &str| TsFileError::damaged(at, what);
    let (header, size) =
        chunk_header(reader, at, reader.data_end)?.ok_or_else(|| damaged("there is no chunk"))?;
    let end = at + (size + header.data_size) as u64;
    if end > reader.data_end {
        return Err(damaged("a chunk ends outside of the data"));
    }
    let bytes = read(&reader.inner, at, size + header.data_size)?;
    based(Cursor::new(&bytes).u8().map(drop), at)?;
    let base = at + size as u64;
    let (kind, data_type) = (header.kind, header.data_type);
    let many = header.many_pages;
    let told = told.filter(|told| told.data_type() == data_type);
    let chunk = ChunkReader::new(header, base, bytes.slice(size..), told, reader.limits)?;
    let mut decoded = Decoded {
        statistics: Statistics::empty(data_type),
        size: Size::default(),
        vouched: many && !chunk.pages().is_empty(),
        times: Vec::new(),
    };
    if kind == ChunkKind::Value && !chunk.pages().is_empty() {
        let times = times.ok_or_else(|| damaged("its times cannot be read"))?;
        if times.len() != chunk.pages().len() {
            return Err(damaged("a value chunk has other pages than its time chunk"));
        }
    }
    let mut last = None;
    for (index, meta) in chunk.pages().iter().enumerate() {
        let held = Held { kind, data_type, times: times.and_then(|times| times.get(index)) };
        let (page, size) =
            page(&chunk, index, held, &mut decoded.times, &mut last).map_err(|error| match error {
                Wrong::Page(error) => of_page(error, index),
                Wrong::Chunk(what) => damaged(what),
            })?;
        if let Some(said) = meta.statistics().filter(|_| many) {
            let differing = differences(&page, said, size);
            if !differing.is_empty() {
                let what = format!(
                    "page {index} holds other values than its statistics say ({})",
                    differing.join(", ")
                );
                return Err(damaged(&what));
            }
        }
        decoded.statistics.merge(&page);
        decoded.size.add(size);
    }
    Ok(decoded)
}

/// What the pages of a chunk hold.
struct Held<'a> {
    kind: ChunkKind,
    data_type: Option<DataType>,
    /// The times of the page, of a value chunk.
    times: Option<&'a Int64Array>,
}

/// What keeps a page from being decoded.
enum Wrong {
    Page(TsFileError),
    Chunk(&'static str),
}

impl From<TsFileError> for Wrong {
    fn from(error: TsFileError) -> Self {
        Self::Page(error)
    }
}

/// Decodes a page: its statistics, and how large its values are. The times of a time chunk are kept in `kept`,
/// the last of them in `last`.
fn page(
    chunk: &ChunkReader,
    index: usize,
    held: Held<'_>,
    kept: &mut Vec<Int64Array>,
    last: &mut Option<i64>,
) -> Result<(Statistics, Size), Wrong> {
    Ok(match (held.kind, held.data_type, held.times) {
        (ChunkKind::Time, ..) => {
            let times = chunk.read_times(index)?;
            ascending(&times, last).map_err(Wrong::Chunk)?;
            let page = Statistics::of_times(times.values());
            kept.push(times);
            (page, Size::default())
        }
        (ChunkKind::Plain, Some(data_type), _) => {
            let page = chunk.read_page(index)?;
            ascending(&page.times, last).map_err(Wrong::Chunk)?;
            let statistics = Statistics::of(data_type, page.times.values(), &page.values);
            (statistics, Size::of(&page.values, data_type, chunk.decimals(index)?))
        }
        (ChunkKind::Value, Some(data_type), Some(times)) => {
            let values = chunk.read_values(index, times.len())?;
            let size = Size::of(&values, data_type, chunk.decimals(index)?);
            (Statistics::of(data_type, times.values(), &values), size)
        }
        _ => return Err(Wrong::Chunk("a chunk has no type")),
    })
}

impl Decoded {
    /// How the chunk differs from what the index says.
    pub(super) fn differences(&self, said: &Statistics) -> Vec<&'static str> {
        differences(&self.statistics, said, self.size)
    }

    /// Whether damage of values or times cannot explain these differences: a changed value would change the sum as well. A
    /// first or last value may differ because two values changed places, which keeps the sum.
    pub(super) fn vouches_against(&self, differing: &[&str]) -> bool {
        let summed = self.statistics.sum().is_some()
            && !matches!(self.statistics.data_type(), Some(DataType::Boolean));
        self.vouched || summed && matches!(differing, ["least value" | "greatest value"])
    }
}

/// Adds the page to an error in its bytes.
fn of_page(error: TsFileError, index: usize) -> TsFileError {
    match error {
        TsFileError::Damaged { offset, reason } => {
            TsFileError::Damaged { offset, reason: format!("page {index}: {reason}") }
        }
        other => other,
    }
}

fn ascending(times: &Int64Array, last: &mut Option<i64>) -> Result<(), &'static str> {
    for &time in times.values() {
        if last.is_some_and(|last| last >= time) {
            return Err("times do not ascend");
        }
        *last = Some(time);
    }
    Ok(())
}

/// In what two statistics differ; `size` says of the values of the first how far sums and values may be off.
pub(super) fn differences(found: &Statistics, said: &Statistics, size: Size) -> Vec<&'static str> {
    if found.count() == 0 && said.count() == 0 {
        return Vec::new();
    }
    let mut differing = Vec::new();
    let mut check = |agree: bool, what| {
        if !agree {
            differing.push(what);
        }
    };
    check(found.count() == said.count(), "count");
    check(found.start() == said.start(), "first time");
    check(found.end() == said.end(), "last time");
    check(same(found.min(), said.min(), size), "least value");
    check(same(found.max(), said.max(), size), "greatest value");
    check(same(found.first(), said.first(), size), "first value");
    check(same(found.last(), said.last(), size), "last value");
    let sums = match (found.sum(), said.sum()) {
        (Some(found_sum), Some(said)) => size.allows(found_sum, said, found.count()),
        _ => true,
    };
    check(sums, "sum");
    differing
}

/// Whether two statistics values agree, if both are there: a least or greatest value that is NaN is not.
fn same(found: Option<Value>, said: Option<Value>, size: Size) -> bool {
    let number = |value: &Value| match value {
        Value::Float(value) => Some((f64::from(*value), f64::from(f32::EPSILON))),
        Value::Double(value) => Some((*value, f64::EPSILON)),
        _ => None,
    };
    match (found, said) {
        (Some(found), Some(said)) => match (number(&found), number(&said)) {
            (Some((a, precision)), Some((b, _))) => {
                a == b || a.is_nan() && b.is_nan() || size.is_near(a, b, precision)
            }
            _ => found == said,
        },
        _ => true,
    }
}
