//! What pipes of IoTDB 1.2 and later send: the bodies of `pipeTransfer`.
//!
//! ```text
//!   kind                          body
//!   0, 1, 50, 51                  who sends: a precision of times, from version 2 on keys and values
//!   2, 3, 6 and 10, 11, 13        rows: plan nodes, tablets, both; the second group names a database behind each
//!   7 and 12                      rows: an entry of the sender's log, in the second with its length before it and a database behind
//!   4, 5 and 8, 9                 a file in pieces, then its seal; the second group with its deletions
//!   100, 200                      changes of the catalog: plan nodes, plans of a config node
//!   101, 102 and 201, 202         the catalog as files in pieces, then their seal
//!   300, 400                      one of these compressed, or a slice of one
//!
//!   text = length: i32, UTF-8 (-1: none)      blob = length: i32, bytes      all numbers big-endian
//! ```
//!
//! The layouts of 1.3 are those of its source, those of 2.0 were read from what a server of 2.0.1-beta sends.

mod node;
mod plan;
mod snapshot;
mod tablet;
mod take;

use bytes::{BufMut, Bytes, BytesMut};
use levada_model::{Path, PathPattern, Series, Tablet};

pub use self::snapshot::{SeriesTree, databases, ttls};
use self::{
    node::{logged, node},
    tablet::{Layout, tablet},
    take::Take,
};
use crate::thrift::WireError;

/// A step of a pipe.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Who sends, and what is expected of the receiver: keys and values.
    Hello(Vec<(String, String)>),
    /// Changes, in the order in which they are to be made.
    Changes(Vec<Change>),
    /// A part of a file.
    Piece(Piece),
    /// Files are complete.
    Seal(Seal),
    /// A step that was compressed.
    Packed(Packed),
    /// A part of a step.
    Slice(Slice),
}

/// A change at the receiver.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Rows come.
    Rows(Vec<Tablet>),
    /// Series are made.
    Series(Vec<NewSeries>),
    /// A series' alias, tags or attributes change.
    Alter(Path, Alteration),
    /// Values of series go, at times from one to another.
    Delete(Vec<PathPattern>, i64, i64),
    /// Series go.
    DeleteSeries(Vec<PathPattern>),
    /// A database is made.
    CreateDatabase(Path),
    /// A database goes.
    DeleteDatabase(Path),
    /// Rows live for so many milliseconds, or for ever.
    Ttl(PathPattern, Option<i64>),
    /// What happens by itself when the rows come that it is about.
    Implied,
    /// Something else, by the number of its kind.
    Unknown(i16),
}

/// A series that is made.
#[derive(Clone, Debug, PartialEq)]
pub struct NewSeries {
    /// The series.
    pub series: Series,
    /// Its second name.
    pub alias: Option<String>,
    /// What it can be found by.
    pub tags: Vec<(String, String)>,
    /// What is told with it.
    pub attributes: Vec<(String, String)>,
}

/// How a series changes.
#[derive(Clone, Debug, PartialEq)]
pub enum Alteration {
    /// A tag or an attribute gets another name.
    Rename(String, String),
    /// Tags or attributes that are there get other values.
    Set(Vec<(String, String)>),
    /// Tags or attributes go.
    Drop(Vec<String>),
    /// Tags are added.
    AddTags(Vec<(String, String)>),
    /// Attributes are added.
    AddAttributes(Vec<(String, String)>),
    /// All this is so from now on.
    Upsert {
        /// The second name.
        alias: Option<String>,
        /// Tags.
        tags: Vec<(String, String)>,
        /// Attributes.
        attributes: Vec<(String, String)>,
    },
}

/// A part of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The file's name.
    pub file: String,
    /// Where it lies in the file, in bytes.
    pub offset: u64,
    /// The bytes.
    pub bytes: Bytes,
}

/// Files are complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// What is in them.
    pub of: Sealed,
    /// Their names and lengths in bytes. Of rows, the last is the TsFile, and those before hold its deletions.
    pub files: Vec<(String, u64)>,
    /// What is said of them.
    pub parameters: Vec<(String, Option<String>)>,
}

/// What is in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealed {
    /// Rows.
    Rows,
    /// The series of a database.
    Series,
    /// Databases, or how long rows live.
    Databases,
}

/// A step that was compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// By which methods, in the order in which they were applied, and how many bytes there were before each.
    pub codecs: Vec<(Codec, usize)>,
    /// What came out.
    pub bytes: Bytes,
}

/// How a step was compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is its method")]
pub enum Codec {
    Snappy,
    Gzip,
    Lz4,
    Zstd,
    Lzma2,
}

/// A part of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The number of the step.
    pub order: i32,
    /// Its kind.
    pub kind: i16,
    /// The bytes of its whole body.
    pub length: usize,
    /// Which part this is, and how many there are.
    pub part: (usize, usize),
    /// The part.
    pub bytes: Bytes,
}

/// A step's body; `None` where there is no such kind of step.
///
/// # Errors
/// The bytes are no such body.
pub fn read(kind: i16, body: Bytes) -> Result<Option<Step>, WireError> {
    let mut from = Take(body);
    Ok(Some(match kind {
        0 | 1 => Step::Hello(vec![("timestampPrecision".to_owned(), from.text()?)]),
        50 | 51 => Step::Hello(pairs(&mut from)?),
        2 | 10 => Step::Changes(vec![node(&mut from)?]),
        3 => either(&from, |from, layout| Ok(vec![Change::Rows(vec![tablet(from, layout)?])]))?,
        11 => {
            let tablet = tablet(&mut from, Layout::V2)?;
            from.nullable_text()?;
            Step::Changes(vec![Change::Rows(vec![tablet])])
        }
        6 => either(&from, |from, layout| batch(from, layout, false))?,
        13 => Step::Changes(batch(&mut from, Layout::V2, true)?),
        7 => Step::Changes(vec![logged(&mut from)?]),
        12 => Step::Changes(vec![logged(&mut Take(from.blob()?))?]),
        4 | 8 | 101 | 201 => {
            let (file, offset) = (from.text()?, from.i64()?);
            Step::Piece(Piece { file, offset: length(offset)?, bytes: from.blob()? })
        }
        5 => {
            let files = vec![(from.text()?, length(from.i64()?)?)];
            Step::Seal(Seal { of: Sealed::Rows, files, parameters: Vec::new() })
        }
        9 => Step::Seal(seal(&mut from, Sealed::Rows)?),
        102 => Step::Seal(seal(&mut from, Sealed::Series)?),
        202 => Step::Seal(seal(&mut from, Sealed::Databases)?),
        100 => Step::Changes(vec![node(&mut from)?]),
        200 => Step::Changes(vec![plan::plan(&mut from)?]),
        300 => Step::Packed(packed(from)?),
        400 => {
            let (order, kind, length) = (from.i32()?, from.i16()?, from.count()?);
            let bytes = from.blob()?;
            Step::Slice(Slice { order, kind, length, part: (from.count()?, from.count()?), bytes })
        }
        _ => return Ok(None),
    }))
}

/// The body of a step that brings a part of a file: kind 4.
pub(crate) fn piece(file: &str, offset: usize, bytes: &[u8]) -> Bytes {
    let mut body = BytesMut::with_capacity(bytes.len() + file.len() + 16);
    put_text(&mut body, file);
    body.put_i64(offset as i64);
    body.put_i32(bytes.len() as i32);
    body.put_slice(bytes);
    body.freeze()
}

/// The body of a step that says that a file with rows is complete: kind 5.
pub(crate) fn sealed(file: &str, length: usize) -> Bytes {
    let mut body = BytesMut::with_capacity(file.len() + 12);
    put_text(&mut body, file);
    body.put_i64(length as i64);
    body.freeze()
}

fn put_text(body: &mut BytesMut, text: &str) {
    body.put_i32(text.len() as i32);
    body.put_slice(text.as_bytes());
}

/// What a compressed step holds: its version, its kind and its body.
///
/// # Errors
/// The bytes are none.
pub fn unpacked(bytes: Bytes) -> Result<(i8, i16, Bytes), WireError> {
    let mut from = Take(bytes);
    Ok((from.i8()?, from.i16()?, from.0))
}

/// What a pipe of 1.0 or 1.1 says it has sent, or wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Sent {
    /// The file of this name is complete.
    File(String),
    /// A deletion.
    Delete(Change),
}

/// Reads [`Sent`]: the body of `sendPipeData`.
///
/// # Errors
/// The bytes are no such body.
pub fn read_sent(body: Bytes) -> Result<Sent, WireError> {
    let mut from = Take(body);
    let kind = from.u8()?;
    // Its number, and the folder or the database it is of.
    from.i64()?;
    from.nullable_text()?;
    Ok(match kind {
        0 => Sent::File(from.text()?),
        1 => {
            let (start, end) = (from.i64()?, from.i64()?);
            Sent::Delete(Change::Delete(vec![take::pattern(&from.text()?)?], start, end))
        }
        kind => return Err(WireError::Code { what: "kind of what a pipe sends", code: kind.into() }),
    })
}

/// What servers of 2.0 send, or, where that makes no sense, of 1.3: both call it the same.
fn either(
    from: &Take,
    read: impl Fn(&mut Take, Layout) -> Result<Vec<Change>, WireError>,
) -> Result<Step, WireError> {
    let whole = |layout| {
        let mut from = from.clone();
        let changes = read(&mut from, layout)?;
        match from.0.len() {
            0 => Ok(Step::Changes(changes)),
            left => Err(WireError::Mismatch(format!("{left} bytes are left behind rows"))),
        }
    };
    whole(Layout::V2).or_else(|_| whole(Layout::V1))
}

fn batch(from: &mut Take, layout: Layout, names_databases: bool) -> Result<Vec<Change>, WireError> {
    let mut changes = Vec::new();
    // Servers of 1.2 send rows that have left their memory in the layout of their log.
    for _ in 0..from.count_of(4)? {
        changes.push(logged(&mut Take(from.blob()?))?);
        if names_databases {
            from.nullable_text()?;
        }
    }
    for _ in 0..from.count()? {
        changes.push(node(from)?);
        node::end(from)?;
        if names_databases {
            from.nullable_text()?;
        }
    }
    let mut tablets = Vec::new();
    for _ in 0..from.count()? {
        tablets.push(tablet(from, layout)?);
        if names_databases {
            from.nullable_text()?;
        }
    }
    if !tablets.is_empty() {
        changes.push(Change::Rows(tablets));
    }
    Ok(changes)
}

fn pairs(from: &mut Take) -> Result<Vec<(String, String)>, WireError> {
    (0..from.count()?).map(|_| Ok((from.text()?, from.nullable_text()?.unwrap_or_default()))).collect()
}

fn seal(from: &mut Take, of: Sealed) -> Result<Seal, WireError> {
    let names = (0..from.count()?).map(|_| from.text()).collect::<Result<Vec<_>, _>>()?;
    let count = from.count()?;
    if count != names.len() {
        return Err(WireError::Mismatch(format!("{count} lengths of {} files", names.len())));
    }
    let lengths = (0..count).map(|_| length(from.i64()?)).collect::<Result<Vec<_>, _>>()?;
    let count = from.count()?;
    let parameters = (0..count).map(|_| Ok((from.text()?, from.nullable_text()?)));
    let parameters = parameters.collect::<Result<_, WireError>>()?;
    Ok(Seal { of, files: names.into_iter().zip(lengths).collect(), parameters })
}

fn length(number: i64) -> Result<u64, WireError> {
    let wrong = |_| WireError::Length { what: "a file", length: number, left: 0 };
    u64::try_from(number).map_err(wrong)
}

fn packed(mut from: Take) -> Result<Packed, WireError> {
    let mut codecs = Vec::new();
    for _ in 0..from.u8()? {
        let codec = match from.u8()? {
            0 => Codec::Snappy,
            1 => Codec::Gzip,
            2 => Codec::Lz4,
            3 => Codec::Zstd,
            4 => Codec::Lzma2,
            code => return Err(WireError::Code { what: "compressor", code: code.into() }),
        };
        codecs.push((codec, from.count()?));
    }
    Ok(Packed { codecs, bytes: from.0 })
}
