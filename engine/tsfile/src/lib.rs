//! The TsFile format of Apache IoTDB: encodings, compression, reader and writer, usable alone.
//!
//! # A file
//! ```text
//!   "TsFile" version                                   7 bytes; version 3 or 4
//!   ┌ chunk group: 0x00, device ────────────────────┐
//!   │  chunk: marker, measurement, size, type,      │  plain device: a chunk for each series, each with its own times
//!   │         compression, encoding                 │  aligned device: a time chunk (0x80), then value chunks (0x40),
//!   │    page: sizes [statistics] body              │  whose k-th pages have the same rows
//!   │    page: …                                    │
//!   │  chunk: …                                     │
//!   └───────────────────────────────────────────────┘
//!   … more chunk groups …
//!   0x02                                               where the metadata begins
//!   series metadata, index nodes                       per device: its series, their statistics, where their chunks are
//!   index root(s), bloom filter, properties            found from the end of the file
//!   size of these (4 bytes), "TsFile"
//! ```
//! Servers from 0.12 to 1.3 write and open version 3; servers from 2.0, and PyPI's `tsfile`, write version 4. Data looks the same
//! in both; the index does not.
//!
//! # A page's body, compressed as a whole
//! ```text
//!   plain:          size of the times: uvar   times   values
//!   aligned times:  times
//!   aligned values: rows: i32   a bit for each row (is there a value?)   values that there are
//! ```
//!
//! # Using it
//! [`TsFileWriter`] writes a file from beginning to end; [`ChunkEncoder`] makes chunks for it on other threads.
//! [`TsFileReader`] opens anything that is [`ReadAt`], reads the index on demand, and returns whole pages as Arrow arrays.
//! [`Statistics`] describe a page, chunk or series without reading it. [`TsFileReader::salvage`] opens a file that was cut off
//! while it was written.
//!
//! ```
//! use arrow_array::{Array, Float64Array, cast::AsArray, types::Float64Type};
//! use bytes::Bytes;
//! use levada_model::{DataType, Path, SeriesSchema, Value};
//! use levada_tsfile::{DeviceId, TsFileReader, TsFileWriter, Version, WriterOptions};
//!
//! let device = Path::parse("root.plant.d1")?;
//! let schema = SeriesSchema::default_for(DataType::Double);
//! let mut writer = TsFileWriter::new(Vec::new(), Version::V4, WriterOptions::default())?;
//! writer.start_chunk_group(&device)?;
//! writer.write_series("temperature", schema, &[1000, 2000, 3000], &Float64Array::from(vec![21.3, 21.4, 21.2]))?;
//! let (bytes, summary) = writer.finish()?;
//! assert_eq!(summary.points, 3);
//!
//! let reader = TsFileReader::open(Bytes::from(bytes))?;
//! let device = DeviceId::from(&device);
//! let series = reader.series(&device, "temperature")?.expect("it was written");
//! assert_eq!(series.statistics.max(), Some(Value::Double(21.4)));
//! for page in reader.scan(&device, "temperature")? {
//!     let page = page?;
//!     assert_eq!(page.times.values(), &[1000, 2000, 3000]);
//!     assert_eq!(page.values.as_primitive::<Float64Type>().value(1), 21.4);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What holds
//! * Every value reads back bit for bit. Where an encoding would round numbers (RLE and TS_2DIFF of floating-point numbers), or
//!   Apache's readers would misread what it makes of these values (SPRINTZ with large errors, GORILLA_V1 with NaN), the chunk
//!   is written in another encoding; its header says which.
//! * Floating-point numbers in RLBE have two forms, and a file does not say which it uses. Files of version 3 get the one that
//!   readers of version 3 know, files of version 4 that of Java's 2.1.0. **Java's 2.0.1 and servers with it, such as
//!   2.0.1-beta, still read the other one in files of version 4**: choose another encoding for those. This crate's reader finds
//!   the form by the page's statistics, and treats values that fit neither as damage.
//! * No input makes a reader panic. Its allocations are bounded by the file's size and by [`ReadLimits`], whatever the file
//!   says. The format has no checksums: damage that leaves lengths intact shows as other values.
//! * Everything returned is owned, `Send` and `Sync`; a reader's methods take `&self`.
//!
//! Times are `i64` in the caller's unit; the format does not define one.

mod bits;
mod bloom;
mod chunk_encoder;
mod column;
mod compression;
mod device_id;
mod encoding;
mod error;
mod join;
mod layout;
mod options;
mod read_at;
mod reader;
mod statistics;
mod wire;
mod writer;

pub use chunk_encoder::{AlignedColumn, ChunkEncoder, EncodedAligned, EncodedChunk, is_written};
pub use compression::decompress_bytes;
pub use device_id::DeviceId;
pub use encoding::{decode_values, encode_values, smallest_encoding};
pub use error::TsFileError;
pub use layout::{ChunkKind, Version};
pub use options::{LONGEST_VALUE, ReadLimits, WriterOptions};
pub use read_at::ReadAt;
pub use reader::{
    ChunkHeader, ChunkMeta, ChunkReader, DeviceMeta, Flaw, Lost, Page, PageMeta, Part, SeriesMeta,
    TsFileReader,
};
pub use statistics::Statistics;
pub use writer::{Summary, TsFileWriter};
