//! The TsFile format of Apache IoTDB: encodings, compression, reader and writer, usable alone.
//!
//! ```text
//!   "TsFile" version                                   7 bytes, version 3 or 4
//!   ┌ chunk group: 0x00, device ────────────────────┐
//!   │  chunk: marker, measurement, size, type, …    │  plain device: a chunk per series, each with its own times
//!   │    page: sizes [statistics] body              │  aligned device: a time chunk (0x80), then value chunks (0x40)
//!   │    page: …                                    │  whose k-th pages belong together
//!   │  chunk: …                                     │
//!   └───────────────────────────────────────────────┘
//!   … more chunk groups …
//!   0x02                                               the separator, where the metadata begins
//!   series metadata and index nodes                    per device: its series and where their chunks are
//!   index root(s), bloom filter, properties            found from the end of the file
//!   size of these (4 bytes), "TsFile"
//! ```
//!
//! # Writing
//! [`ChunkEncoder`] turns columns into an [`EncodedChunk`] on any thread; [`TsFileWriter`] puts chunks in their place and
//! writes the index when it is finished.
//!
//! # Reading
//! [`TsFileReader`] opens anything that is [`ReadAt`], reads the index only where it is asked to, and hands out whole pages
//! as Arrow arrays. What a page or chunk holds can be told from its [`Statistics`] without reading it. A file that was cut
//! off while it was written is opened by [`TsFileReader::salvage`].
//!
//! # Public interface
//! ```text
//! enum Version { V3, V4 }
//! struct WriterOptions { page_points: usize, page_bytes: usize, index_degree: usize, bloom_error: f64 }  // Default; pages(points, bytes)
//!
//! struct DeviceId            // Clone (cheap), Eq, Ord (the order of the index), Hash, Display (as a path)
//!     From<&Path>; from_segments(..); segments(); to_path() -> Result<Path, PathError>
//!
//! struct ChunkEncoder        // Clone, Send + Sync
//!     new(options: WriterOptions) -> Self
//!     encode(&self, measurement: &str, schema: SeriesSchema, times: &[i64], values: &dyn Array) -> Result<EncodedChunk, TsFileError>
//!     encode_aligned(&self, times: &[i64], columns: &[AlignedColumn<'_>]) -> Result<EncodedAligned, TsFileError>
//! struct AlignedColumn<'a> { measurement: &'a str, schema: SeriesSchema, values: &'a dyn Array }
//! struct EncodedChunk        // Send: measurement(), schema(), statistics(), size() in bytes
//! struct EncodedAligned      // Send: time chunk and value chunks of one chunk group; size()
//!
//! struct TsFileWriter<W: Write>
//!     new(inner: W, version: Version, options: WriterOptions) -> Result<Self, TsFileError>
//!     start_chunk_group(&mut self, device: impl Into<DeviceId>) -> Result<(), TsFileError>
//!     write_series(&mut self, measurement, schema, times, values) -> Result<u64, TsFileError>     // = encode + append
//!     write_aligned(&mut self, times, columns: &[AlignedColumn]) -> Result<u64, TsFileError>
//!     append(&mut self, chunk: EncodedChunk) -> Result<u64, TsFileError>                           // offset of the chunk
//!     append_aligned(&mut self, chunks: EncodedAligned) -> Result<u64, TsFileError>
//!     position(&self) -> u64
//!     finish(self) -> Result<(W, Summary), TsFileError>                                            // does not sync
//! struct Summary { bytes: u64, meta_offset: u64, devices: usize, series: usize, points: u64, start: i64, end: i64 }
//!
//! trait ReadAt: Send + Sync  // File, Bytes, Vec<u8>, Arc<T>
//!     read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()>    len(&self) -> io::Result<u64>
//!     read_bytes(&self, offset: u64, len: usize) -> io::Result<Bytes>  // provided
//!
//! struct TsFileReader<R: ReadAt>   // Send + Sync, all methods take &self
//!     open(inner: R) -> Result<Self, TsFileError>;  open_with(inner: R, limits: ReadLimits)
//!     salvage(inner: R) -> Result<Self, TsFileError>          // also where the tail is missing; is_sealed() tells, data_end() where data ends
//!     version(), devices() -> Result<Vec<DeviceId>, _>, may_contain(&DeviceId, measurement: &str) -> bool
//!     device(&DeviceId) -> Result<Option<DeviceMeta>, _>      // all series of a device
//!     series(&DeviceId, measurement: &str) -> Result<Option<SeriesMeta>, _>  // one, with its time chunks if aligned
//!     read_chunk(&ChunkMeta) -> Result<ChunkReader, _>        // one read of the whole chunk
//!     read_time_chunk(&ChunkMeta) -> Result<ChunkReader, _>   // the time chunk that a value chunk belongs to
//!     copy_chunk(&ChunkMeta) -> Result<EncodedChunk, _>       // as it is, to append to another file without decoding
//!     scan(&DeviceId, measurement) -> Result<impl Iterator<Item = Result<Page, _>>, _>       // all pages, nulls left out
//! struct DeviceMeta { device: DeviceId, time: Option<SeriesMeta>, series: Vec<SeriesMeta> }  // time: the time column, of an aligned device; is_aligned()
//! struct SeriesMeta { measurement: Arc<str>, data_type: Option<DataType> (None: time column), statistics: Statistics, chunks: Vec<ChunkMeta> }
//! struct ChunkMeta  { offset: u64, time_offset: Option<u64> /* of its time chunk, if aligned */, statistics: Statistics }
//! struct ChunkReader               // owned, Send + Sync
//!     header() -> &ChunkHeader { measurement, kind: ChunkKind { Plain, Time, Value }, data_type, encoding, compressor }
//!     pages() -> &[PageMeta { statistics: Option<Statistics> /* None: an all-null page, or the chunk is read without index */ }]
//!     read_page(i) -> Result<Page { times: Int64Array, values: ArrayRef }, _>                // Plain
//!     read_times(i) -> Result<Int64Array, _>                                                 // Plain, Time
//!     read_values(i, rows: usize) -> Result<ArrayRef, _>                                     // Value: a row, maybe null, per time
//!     read_rows(i, times: &Int64Array) -> Result<Page, _>                                    // Value: rows that are not null
//!
//! struct Statistics                // count(), start(), end(), data_type(), first(), last(), min(), max() -> Option<Value>, sum() -> Option<f64>
//!     of(data_type: DataType, times: &[i64], values: &dyn Array) -> Self;  merge(&mut self, other: &Self)
//!
//! enum TsFileError { Io { what, offset, source }, Damaged { offset, reason }, Unsupported { what }, Refused { reason } }
//! ```

mod bits;
mod bloom;
mod chunk_encoder;
mod column;
mod compression;
mod device_id;
mod encoding;
mod error;
mod layout;
mod options;
mod read_at;
mod reader;
mod statistics;
mod wire;
mod writer;

pub use chunk_encoder::{AlignedColumn, ChunkEncoder, EncodedAligned, EncodedChunk};
pub use device_id::DeviceId;
pub use encoding::{decode_values, encode_values};
pub use error::TsFileError;
pub use layout::{ChunkKind, Version};
pub use options::{ReadLimits, WriterOptions};
pub use read_at::ReadAt;
pub use reader::{ChunkHeader, ChunkMeta, ChunkReader, DeviceMeta, Page, PageMeta, SeriesMeta, TsFileReader};
pub use statistics::Statistics;
pub use writer::{Summary, TsFileWriter};
