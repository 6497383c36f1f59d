//! The lines of one file, with their positions.

use std::{
    fs::{File, Metadata},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use levada_connector_api::{csv::RecordReader, packing_of};

use super::{
    excerpt::{Excerpt, is_packed},
    unpack::Unpacked,
};

const BUFFER: usize = 256 << 10;
/// The longest line that is taken as one record.
pub(super) const MAX_LINE_BYTES: u64 = 256 << 20;
/// Bytes before a position by which the file is known again.
const MARK: u64 = 256;

enum Input {
    Plain(BufReader<File>),
    Packed(BufReader<Unpacked>),
}

/// Lines, or records of several lines, with their positions.
pub(super) struct Lines {
    input: Input,
    records: RecordReader,
    /// Where the next line begins.
    pub(super) position: u64,
    line: Vec<u8>,
    /// The line before, whose end is where `line` begins.
    before: Vec<u8>,
    /// What is kept of the last line is not all of it.
    torn: bool,
}

/// A line.
pub(super) struct Line<'a> {
    /// Without its line break.
    pub(super) bytes: &'a [u8],
    pub(super) position: u64,
    /// The line goes on behind these bytes, but that was left out.
    pub(super) cut: bool,
    /// It has a line break, or is the last of a packed file that was unpacked to its end: it will not grow.
    pub(super) ended: bool,
}

impl Lines {
    /// `separator` is that of CSV, of which a record may take several lines.
    pub(super) fn open(path: &Path, separator: Option<u8>) -> io::Result<Self> {
        let mut file = BufReader::with_capacity(BUFFER, File::open(path)?);
        if !is_packed(path)
            && let Some(packing) = packing_of(file.fill_buf()?)
        {
            let message = match packing {
                "gzip" => {
                    "it is packed with gzip, and its name does not end in .gz: rename or unpack it".to_owned()
                }
                other => format!("it is packed with {other}, which is not read: unpack it first"),
            };
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let input = if is_packed(path) {
            Input::Packed(BufReader::with_capacity(BUFFER, Unpacked::checked(file)?))
        } else {
            Input::Plain(file)
        };
        let records = RecordReader::new(separator);
        Ok(Self { input, records, position: 0, line: Vec::new(), before: Vec::new(), torn: false })
    }

    /// Of the file that is open, whatever has its name now.
    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        match &self.input {
            Input::Plain(file) => file.get_ref().metadata(),
            Input::Packed(file) => file.get_ref().metadata(),
        }
    }

    /// Whether bytes behind what was unpacked were passed over, as they are nothing that is packed.
    pub(super) fn has_trailing(&self) -> bool {
        matches!(&self.input, Input::Packed(file) if file.get_ref().has_trailing())
    }

    /// Whether the file has been cut before what was read of it.
    pub(super) fn is_cut(&self) -> io::Result<bool> {
        Ok(matches!(self.input, Input::Plain(_)) && self.metadata()?.len() < self.position)
    }

    /// What stands before the position, where that can be told.
    pub(super) fn mark(&self) -> Option<Excerpt> {
        let start = self.position.saturating_sub(MARK);
        if let Input::Plain(file) = &self.input {
            let mut bytes = vec![0; (self.position - start) as usize];
            read_at(file.get_ref(), &mut bytes, start).ok()?;
            return Some(Excerpt::of(start, &bytes));
        }
        let last = if self.line.is_empty() { &self.before } else { &self.line };
        (!last.is_empty() && !self.torn).then(|| Excerpt::of(self.position - last.len() as u64, last))
    }

    /// Goes on at a position behind this one.
    ///
    /// # Errors
    /// The file ends before.
    pub(super) fn seek(&mut self, position: u64) -> io::Result<()> {
        self.records.restart();
        let reached = match &mut self.input {
            Input::Plain(file) => {
                file.seek(SeekFrom::Start(position))?;
                position.min(file.get_ref().metadata()?.len())
            }
            Input::Packed(file) => {
                let skipped = position - self.position;
                self.position + io::copy(&mut file.take(skipped), &mut io::sink())?
            }
        };
        if reached < position {
            let message =
                format!("it has {reached} bytes, but {position} were read of it before: is it another file?");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        self.position = position;
        Ok(())
    }

    /// The next line, `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        std::mem::swap(&mut self.line, &mut self.before);
        let packed = matches!(self.input, Input::Packed(_));
        let input: &mut dyn BufRead = match &mut self.input {
            Input::Plain(file) => file,
            Input::Packed(file) => file,
        };
        let position = self.position;
        self.line.clear();
        let read = match self.records.read(input, MAX_LINE_BYTES, &mut self.line) {
            Ok(read) => read as u64,
            Err(error) => {
                // What came of the line before the error is none of what was read.
                self.line.clear();
                return Err(error);
            }
        };
        self.position += read;
        if read == 0 {
            return Ok(None);
        }
        self.torn = false;
        let mut cut = false;
        if read == MAX_LINE_BYTES && !self.line.ends_with(b"\n") {
            (cut, self.torn) = (true, true);
            self.position += input.skip_until(b'\n')? as u64;
            self.line.truncate(BUFFER);
        }
        let bytes = self.line.strip_suffix(b"\n");
        let ended = cut || packed || bytes.is_some();
        let bytes = bytes.unwrap_or(&self.line);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        Ok(Some(Line { bytes, position, cut, ended }))
    }
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], position: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, position)
}

/// Reading moves the file's place, which a reader beside depends on: there is no mark here.
#[cfg(not(unix))]
fn read_at(_: &File, _: &mut [u8], _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
