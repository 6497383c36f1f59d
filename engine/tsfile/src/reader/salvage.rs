//! Finds everything that can be read in a file, whatever is damaged.
//!
//! ```text
//!   index, as far as it can be read ─► told: which chunk is whose, what it holds ─┐
//!                                                                                ├─► judged: decoded, compared ─► devices
//!   bytes from the beginning on ─────► walked: chunk groups, chunks, gaps ───────┘        and flaws
//! ```
//! For a sound file the two accounts agree. Where they do not, a chunk belongs to the series that both name, or to the one that
//! the bloom filter allows; if that is undecided, the chunk is not used. After damage the walk goes on at the next chunk that
//! the index knows, or at the next chunk group whose first chunk can be decoded.
//!
//! The format has no checksums. Detected are: a structure that does not parse, a page that cannot be decompressed or decoded,
//! times that do not ascend, and statistics that differ from the values: of each page, of each chunk, and of each series. Damage
//! that leaves all of these intact is not detected. In pages that are neither compressed nor encoded, these are:
//!
//! | of | what may change unseen |
//! | --- | --- |
//! | times | those between the first and the last of a page, as long as they ascend |
//! | INT32, INT64, FLOAT, BOOLEAN | two values that make up for each other in the sum, which tells of one; beyond 2^53 its digits |
//! | DOUBLE | the last digits, which adding up all values of the page rounds away |
//! | the same in RLE and TS_2DIFF | less than the decimals that the encoding keeps |
//! | TEXT | all but the first and the last of a page |
//! | STRING, DATE, TIMESTAMP | all but those, the least and the greatest |
//! | BLOB | all |

mod flaw;
mod headers;
mod judge;
mod page;
mod size;
mod told;
mod walk;

use std::collections::BTreeMap;

pub use flaw::{Flaw, Lost, Part};

use super::{Content, FOOT_BYTES, TsFileReader, read};
use crate::{
    ReadAt, ReadLimits, TsFileError, Version,
    layout::{HEAD_BYTES, MAGIC},
};
use told::Told;
use walk::Walked;

/// A file, as far as its head and foot describe it.
struct Opened<R> {
    reader: TsFileReader<R>,
    /// What is wrong with head and foot.
    flaws: Vec<Flaw>,
}

/// Opens a file that may be damaged: by its index if it is structurally sound, otherwise with what can be read.
pub(super) fn salvage<R: ReadAt>(inner: R, limits: ReadLimits) -> Result<TsFileReader<R>, TsFileError> {
    let Opened { mut reader, flaws } = open(inner, limits)?;
    let told = Told::read(&mut reader)?;
    if reader.is_sealed() && flaws.is_empty() && is_sound(&reader, &told)? {
        return Ok(reader);
    }
    survey(&mut reader, told, flaws)?;
    Ok(reader)
}

/// Reads all of a file; returns what can be read, and what is wrong.
pub(super) fn inspect<R: ReadAt>(
    inner: R,
    limits: ReadLimits,
) -> Result<(TsFileReader<R>, Vec<Flaw>), TsFileError> {
    let Opened { mut reader, flaws } = open(inner, limits)?;
    let told = Told::read(&mut reader)?;
    let flaws = survey(&mut reader, told, flaws)?;
    Ok((reader, flaws))
}

/// Whether index and chunks agree, as far as that shows without decoding.
fn is_sound<R: ReadAt>(reader: &TsFileReader<R>, told: &Told) -> Result<bool, TsFileError> {
    if !told.flaws.is_empty() {
        return Ok(false);
    }
    let walked = Walked::read(reader, told)?;
    Ok(walked.gaps.is_empty() && judge::agree(reader, told, &walked)?)
}

fn survey<R: ReadAt>(
    reader: &mut TsFileReader<R>,
    mut told: Told,
    mut flaws: Vec<Flaw>,
) -> Result<Vec<Flaw>, TsFileError> {
    flaws.append(&mut told.flaws);
    if told.data_end.is_none() {
        reader.data_end = reader.length;
    }
    let walked = Walked::read(reader, &told)?;
    reader.data_end = walked.end;
    let devices = judge::judge(reader, &told, &walked, &mut flaws)?;
    reader.content = Content::Salvaged(devices);
    flaws.sort_by_key(|flaw| flaw.offset);
    Ok(flaws)
}

/// Whether an error is in the file's bytes; otherwise nothing can be said about the file.
fn is_damage(error: &TsFileError) -> bool {
    match error {
        // A reader that verifies checksums reports damage this way.
        TsFileError::Io { source, .. } => {
            matches!(source.kind(), std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof)
        }
        _ => true,
    }
}

/// `None` if the bytes are damaged.
fn unless_damaged<T>(result: Result<T, TsFileError>) -> Result<Result<T, TsFileError>, TsFileError> {
    match result {
        Err(error) if !is_damage(&error) => Err(error),
        other => Ok(other),
    }
}

fn open<R: ReadAt>(inner: R, limits: ReadLimits) -> Result<Opened<R>, TsFileError> {
    let length = inner.len().map_err(TsFileError::io("cannot tell the size", 0))?;
    let said = unless_damaged(super::read_version(&inner, length))?;
    let mut flaws = Vec::new();
    let mut opened = None;
    let candidates = match &said {
        Ok(Version::V3) => [Version::V3, Version::V4],
        _ => [Version::V4, Version::V3],
    };
    let mut first_error = None;
    for version in candidates {
        match unless_damaged(TsFileReader::open_as(&inner, length, version, limits))? {
            Ok(reader) => {
                opened = Some((version, reader.data_end, reader.content));
                break;
            }
            Err(error) => drop(first_error.get_or_insert(error)),
        }
    }
    let version = match (&said, &opened) {
        (Ok(said), Some((version, ..))) if said == version => *said,
        (_, Some((version, ..))) => {
            let what =
                format!("the head is damaged; by its index this is a TsFile of version {}", *version as u8);
            flaws.push(Flaw::new(Part::Head, 0, what).spanning(HEAD_BYTES));
            *version
        }
        (Ok(said), None) => *said,
        // A file that neither begins nor ends as a TsFile is not one.
        (Err(_), None) if ends_as_one(&inner, length)? => Version::default(),
        (Err(_), None) => {
            return Err(said.err().unwrap_or_else(|| TsFileError::damaged(0, "this is not a TsFile")));
        }
    };
    let (data_end, content) = match opened {
        Some((_, data_end, content)) => (data_end, content),
        None => {
            let what = match first_error {
                Some(TsFileError::Damaged { reason, .. }) => reason,
                Some(error) => error.to_string(),
                None => "the file is not finished".to_owned(),
            };
            flaws.push(Flaw::new(Part::Foot, length, format!("the end of the file cannot be read: {what}")));
            (length, Content::Salvaged(BTreeMap::new()))
        }
    };
    Ok(Opened { reader: TsFileReader { inner, limits, version, length, data_end, content }, flaws })
}

impl<R: ReadAt> TsFileReader<R> {
    /// Whether the file ends as a finished one does, whatever is wrong with its index.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn ends_as_finished(&self) -> Result<bool, TsFileError> {
        ends_as_one(&self.inner, self.length)
    }
}

fn ends_as_one<R: ReadAt>(inner: &R, length: u64) -> Result<bool, TsFileError> {
    let Some(at) = length.checked_sub(FOOT_BYTES) else { return Ok(false) };
    let foot = unless_damaged(read(inner, at, FOOT_BYTES as usize))?;
    Ok(foot.is_ok_and(|foot| foot.ends_with(MAGIC)))
}
