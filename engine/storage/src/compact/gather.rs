//! Chunks and rows on their way into a file, put together until they are worth a chunk.

use levada_model::DataType;
use levada_tsfile::{EncodedAligned, EncodedChunk};

use crate::{
    StorageError, TimeRange,
    block::{Block, concat},
    sealed::{ChunkSink, SeriesColumn},
};

/// Rows that make a chunk worth copying as it is, or a page.
pub(super) const PAGE_ROWS: u64 = 1024;

/// A chunk is large enough at so many rows, or bytes.
const CHUNK_ROWS: u64 = 64 << 10;
const CHUNK_BYTES: usize = 1 << 20;

/// Rows of a chunk take about so many bytes of memory while it is made.
const ROW_BYTES: usize = 16 << 20;

/// A chunk of a plain device, or a chunk group of an aligned one, as it was read.
pub(super) enum Raw {
    Plain(EncodedChunk),
    Aligned(EncodedAligned),
}

/// How much is in a raw chunk.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    pub(super) range: TimeRange,
    pub(super) rows: u64,
    pub(super) points: u64,
}

/// Takes what belongs to some series of a device, in the order of its times, and writes it.
pub(super) struct Gather<'a> {
    writer: &'a mut dyn ChunkSink,
    series: &'a [SeriesColumn<'a>],
    types: Vec<DataType>,
    aligned: bool,
    blocks: Vec<Block>,
    raw: Vec<(Raw, Extent)>,
    rows: u64,
    bytes: usize,
}

impl<'a> Gather<'a> {
    pub(super) fn new(writer: &'a mut dyn ChunkSink, series: &'a [SeriesColumn<'a>], aligned: bool) -> Self {
        let types = series.iter().map(|(_, _, schema)| schema.data_type).collect();
        Self { writer, series, types, aligned, blocks: Vec::new(), raw: Vec::new(), rows: 0, bytes: 0 }
    }

    /// Whether a chunk of so many rows had better be decoded: there are rows before it that are too few to stand alone.
    pub(super) fn wants_rows(&self, rows: u64) -> bool {
        !self.blocks.is_empty() && self.rows < PAGE_ROWS && rows < CHUNK_ROWS
    }

    /// Takes decoded rows.
    pub(super) fn rows(&mut self, block: Block) -> Result<(), StorageError> {
        if !self.raw.is_empty() {
            self.write()?;
        }
        self.rows += block.rows() as u64;
        self.bytes += block.bytes();
        self.blocks.push(block);
        if self.bytes >= ROW_BYTES { self.write() } else { Ok(()) }
    }

    /// Takes a chunk as it is.
    pub(super) fn raw(&mut self, raw: Raw, extent: Extent) -> Result<(), StorageError> {
        let size = raw.size();
        let large = extent.rows >= CHUNK_ROWS || size >= CHUNK_BYTES;
        let joins = self.raw.last().is_some_and(|(last, _)| !large && last.joins(&raw));
        if !joins {
            self.write()?;
        }
        self.rows += extent.rows;
        self.bytes += size;
        self.raw.push((raw, extent));
        if self.rows >= CHUNK_ROWS || self.bytes >= CHUNK_BYTES { self.write() } else { Ok(()) }
    }

    /// Writes what there is.
    pub(super) fn write(&mut self) -> Result<(), StorageError> {
        (self.rows, self.bytes) = (0, 0);
        if let Some(rows) = concat(std::mem::take(&mut self.blocks), &self.types) {
            if self.aligned {
                self.writer.aligned(&rows, self.series)?;
            } else if let [series] = self.series {
                self.writer.plain(&rows, *series)?;
            }
        }
        let raw = std::mem::take(&mut self.raw);
        let Some(extent) = raw.iter().map(|(_, extent)| *extent).reduce(Extent::with) else { return Ok(()) };
        let (mut plain, mut aligned) = (Vec::new(), Vec::new());
        for (raw, _) in raw {
            match raw {
                Raw::Plain(chunk) => plain.push(chunk),
                Raw::Aligned(chunks) => aligned.push(chunks),
            }
        }
        self.writer.plain_chunks(plain)?;
        self.writer.aligned_chunks(aligned, extent.range, extent.points)
    }

    /// The bytes that the file has.
    pub(super) fn position(&self) -> u64 {
        self.writer.position()
    }
}

impl Raw {
    fn size(&self) -> usize {
        match self {
            Self::Plain(chunk) => chunk.size(),
            Self::Aligned(chunks) => chunks.size(),
        }
    }

    fn joins(&self, next: &Self) -> bool {
        match (self, next) {
            (Self::Plain(chunk), Self::Plain(next)) => chunk.joins(next),
            (Self::Aligned(chunks), Self::Aligned(next)) => chunks.joins(next),
            _ => false,
        }
    }
}

impl Extent {
    fn with(self, other: Self) -> Self {
        Self {
            range: self.range.hull(other.range),
            rows: self.rows + other.rows,
            points: self.points + other.points,
        }
    }
}
