//! What a file of columns is while it is written: its rows, batch by batch, in the order in which they came.
//!
//! Parquet and TsFile are readable only when they are whole, and their columns are known only when all rows are. So a `.part` of
//! these holds frames, which are on disk before a batch counts as delivered; when the file is finished it is made of them.
//!
//! ```text
//!   frame    length u32 │ CRC-32 u32 │ kind u8 │ body          numbers in little-endian, length and sum of kind and body
//!   ROWS     one tablet as an Arrow stream: the device and whether it is aligned in the schema, the time first
//!   MADE     the file that is made of all frames before is whole, under its other name
//! ```
//!
//! Invariants: columns in a journal have a type; in a journal for a TsFile each series has one type; dates are dates. What
//! cannot be so is rejected before it is written, as nobody could be told later.

mod encoder;

use std::{collections::HashMap, io, sync::Arc};

use arrow_array::RecordBatch;
use arrow_ipc::{reader::StreamReader, writer::StreamWriter};
use arrow_schema::{ArrowError, DataType as ArrowType, Field, Schema};
use levada_connector_api::{
    Error, Result,
    model::{Column, DataType, Path},
};

use super::disk::DiskFile;

pub(crate) use encoder::JournalEncoder;

const HEAD: usize = 8;
const ROWS: u8 = 1;
const MADE: u8 = 2;
const DEVICE: &str = "device";
const ALIGNED: &str = "aligned";
const TYPE: &str = "type";

/// The columns of one tablet, as a frame says them.
#[derive(Debug)]
pub(super) struct Heading {
    pub(super) device: Path,
    pub(super) aligned: bool,
    /// Name and type of each column behind the time.
    pub(super) columns: Vec<(Arc<str>, DataType)>,
}

/// The whole frames at the beginning of a journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Whole {
    pub(super) bytes: u64,
    /// Frames with rows.
    pub(super) frames: u64,
    /// Whether the file is made of them already.
    pub(super) made: bool,
}

/// Where a frame's body is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    offset: u64,
    length: usize,
}

/// Adds a frame of rows; nothing where there is no column.
fn put_rows(
    device: &Path,
    aligned: bool,
    times: arrow_array::ArrayRef,
    columns: &[Column],
    out: &mut Vec<u8>,
) -> Result<(), ArrowError> {
    if columns.is_empty() || times.is_empty() {
        return Ok(());
    }
    let mut fields = vec![Field::new("", ArrowType::Int64, false)];
    fields.extend(columns.iter().map(|column| {
        let note = HashMap::from([(TYPE.to_owned(), column.data_type.name().to_owned())]);
        Field::new(&*column.name, column.data_type.arrow(), true).with_metadata(note)
    }));
    let about = HashMap::from([
        (DEVICE.to_owned(), device.as_str().to_owned()),
        (ALIGNED.to_owned(), aligned.to_string()),
    ]);
    let schema = Arc::new(Schema::new_with_metadata(fields, about));
    let mut arrays = vec![times];
    arrays.extend(columns.iter().map(|column| Arc::clone(&column.values)));
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays)?;
    put_frame(ROWS, out, |out| {
        let mut writer = StreamWriter::try_new(out, &schema)?;
        writer.write(&batch)?;
        writer.finish()
    })
}

/// The frame that says that the file is made.
pub(super) fn made() -> Vec<u8> {
    let mut out = Vec::new();
    put_frame(MADE, &mut out, |_| Ok(())).expect("nothing that fails is put");
    out
}

fn put_frame(
    kind: u8,
    out: &mut Vec<u8>,
    body: impl FnOnce(&mut Vec<u8>) -> Result<(), ArrowError>,
) -> Result<(), ArrowError> {
    let start = out.len();
    out.extend_from_slice(&[0; HEAD]);
    out.push(kind);
    if let Err(error) = body(out) {
        out.truncate(start);
        return Err(error);
    }
    let content = &out[start + HEAD..];
    let length = u32::try_from(content.len()).map_err(|_| {
        ArrowError::InvalidArgumentError("rows of 4 GiB at once are more than a file takes".to_owned())
    });
    let (length, sum) = (length?.to_le_bytes(), crc32fast::hash(content).to_le_bytes());
    out[start..start + 4].copy_from_slice(&length);
    out[start + 4..start + HEAD].copy_from_slice(&sum);
    Ok(())
}

/// Visits the frames of rows at the beginning of a journal, up to the first that is not whole.
///
/// # Errors
/// The disk fails, or the visitor.
pub(super) fn visit(
    file: &mut dyn DiskFile,
    mut rows: impl FnMut(Place, &[u8]) -> io::Result<()>,
) -> io::Result<Whole> {
    let length = file.length()?;
    let mut whole = Whole::default();
    let mut content = Vec::new();
    loop {
        let mut head = [0; HEAD];
        let left = length.saturating_sub(whole.bytes);
        if left < HEAD as u64 {
            return Ok(whole);
        }
        file.read_at(whole.bytes, &mut head)?;
        let (size, sum) = head.split_at(4);
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0u32, |sum, &byte| sum << 8 | u32::from(byte));
        let (size, sum) = (number(size), number(sum));
        if size == 0 || u64::from(size) > left - HEAD as u64 {
            return Ok(whole);
        }
        content.resize(size as usize, 0);
        let offset = whole.bytes + HEAD as u64;
        file.read_at(offset, &mut content)?;
        if crc32fast::hash(&content) != sum {
            return Ok(whole);
        }
        match content.split_first() {
            Some((&ROWS, body)) => {
                rows(Place { offset: offset + 1, length: body.len() }, body)?;
                whole.frames += 1;
            }
            Some((&MADE, _)) => whole.made = true,
            _ => return Ok(whole),
        }
        whole.bytes = offset + u64::from(size);
    }
}

/// What a frame's rows are.
///
/// # Errors
/// The frame is none of this program's.
pub(super) fn heading(body: &[u8]) -> Result<Heading> {
    read_heading(&StreamReader::try_new(body, None).map_err(strange)?.schema())
}

/// The rows of a frame: the time, then a column for each that its [`heading`] names.
///
/// # Errors
/// The frame is none of this program's.
pub(super) fn rows(body: &[u8]) -> Result<RecordBatch> {
    let mut reader = StreamReader::try_new(body, None).map_err(strange)?;
    let batch = reader.next().ok_or_else(|| Error::data("a journal's frame is without rows"))?;
    batch.map_err(strange)
}

/// The rows of a frame that was visited.
///
/// # Errors
/// The disk fails; the frame is none of this program's.
pub(super) fn rows_at(file: &mut dyn DiskFile, place: Place) -> Result<RecordBatch> {
    let mut body = vec![0; place.length];
    file.read_at(place.offset, &mut body).map_err(|error| Error::io("cannot read a journal", error))?;
    rows(&body)
}

fn read_heading(schema: &Schema) -> Result<Heading> {
    let about = |key: &str| {
        let known = schema.metadata().get(key);
        known.ok_or_else(|| Error::data(format!("a journal's frame does not say its {key}")))
    };
    let device = Path::parse(about(DEVICE)?).map_err(|error| Error::data(error.to_string()))?;
    let mut columns = Vec::with_capacity(schema.fields().len());
    for field in schema.fields().iter().skip(1) {
        let data_type = field.metadata().get(TYPE).and_then(|name| name.parse::<DataType>().ok());
        let data_type =
            data_type.ok_or_else(|| Error::data("a journal's frame does not say the type of a column"))?;
        columns.push((Arc::from(field.name().as_str()), data_type));
    }
    Ok(Heading { device, aligned: about(ALIGNED)? == "true", columns })
}

fn strange(error: ArrowError) -> Error {
    Error::data(format!("a journal's frame cannot be read: {error}")).caused_by(error)
}
