//! Reading the lines of one file into batches.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    ops::ControlFlow,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use flate2::read::MultiGzDecoder;
use levada_connector_api::{
    BatchBuilder, DecoderFactory, Error, Result,
    model::{Checkpoint, SplitName, SplitRange},
};

use crate::feed::Outlet;

/// When a batch is handed on.
const BATCH_ROWS: usize = 10_000;
const BATCH_BYTES: usize = 4 << 20;
const BUFFER: usize = 256 << 10;
/// The longest line that is taken as one record.
const LONGEST: u64 = 256 << 20;

/// What reading a file needs.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) node: String,
    pub(super) decoder: DecoderFactory,
    /// Where to begin, for files that were read in part.
    pub(super) from: Checkpoint,
    /// Counts records.
    pub(super) read: Arc<AtomicU64>,
}

impl Reader {
    /// Reads a file to its end; breaks where nobody listens any more.
    pub(super) fn file(&self, path: &Path, outlet: &Outlet) -> Result<ControlFlow<()>> {
        let split = SplitName::new(format!("{}/{}", self.node, path.display()));
        let from = self.from.get(&split).copied().unwrap_or(0);
        let failed = |error| Error::io(format!("cannot read {}", path.display()), error);
        let mut lines = Lines::open(path).map_err(failed)?;
        let mut decoder = self.decoder.make();
        let mut rows = BatchBuilder::new();
        rows.split(&split);
        for _ in 0..decoder.header_lines() {
            if let Some(line) = lines.next().map_err(failed)? {
                decoder
                    .decode(line.bytes, &mut rows)
                    .map_err(|error| Error::data(format!("{}: {error}", path.display())))?;
            }
        }
        if from > lines.position {
            lines.seek(from).map_err(failed)?;
        }
        let mut start = from;
        loop {
            let line = lines.next().map_err(failed)?;
            let ended = line.is_none();
            if let Some(line) = line
                && !line.bytes.trim_ascii().is_empty()
            {
                rows.record(line.bytes, line.position);
                let decoded = if line.cut {
                    Err(format!("the line is longer than {LONGEST} bytes; this is its beginning"))
                } else {
                    decoder.decode(line.bytes, &mut rows).map_err(|error| error.message)
                };
                if let Err(message) = decoded {
                    rows.reject(message);
                }
                self.read.fetch_add(1, Ordering::Relaxed);
            }
            let full = rows.rows() >= BATCH_ROWS || rows.bytes() >= BATCH_BYTES;
            if (ended && lines.position > start) || full {
                let range = start..lines.position;
                start = lines.position;
                if outlet.send(rows.finish(vec![SplitRange { split: split.clone(), range }])).is_err() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            if ended {
                return Ok(ControlFlow::Continue(()));
            }
        }
    }
}

/// Unpacking keeps a good deal of state, and there is one of these for each open file.
#[allow(clippy::large_enum_variant, reason = "one for each open file")]
enum Input {
    Plain(BufReader<File>),
    Packed(BufReader<MultiGzDecoder<BufReader<File>>>),
}

/// Lines with their positions.
struct Lines {
    input: Input,
    /// Where the next line begins.
    position: u64,
    line: Vec<u8>,
}

struct Line<'a> {
    /// Without its line break.
    bytes: &'a [u8],
    position: u64,
    /// The line goes on behind these bytes, but that was left out.
    cut: bool,
}

impl Lines {
    fn open(path: &Path) -> io::Result<Self> {
        let file = BufReader::with_capacity(BUFFER, File::open(path)?);
        let packed = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
        let input = if packed {
            Input::Packed(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file)))
        } else {
            Input::Plain(file)
        };
        Ok(Self { input, position: 0, line: Vec::new() })
    }

    fn seek(&mut self, position: u64) -> io::Result<()> {
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

    fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        let input: &mut dyn BufRead = match &mut self.input {
            Input::Plain(file) => file,
            Input::Packed(file) => file,
        };
        let position = self.position;
        self.line.clear();
        let read = input.take(LONGEST).read_until(b'\n', &mut self.line)? as u64;
        self.position += read;
        if read == 0 {
            return Ok(None);
        }
        let mut cut = false;
        if read == LONGEST && !self.line.ends_with(b"\n") {
            cut = true;
            self.position += input.skip_until(b'\n')? as u64;
            self.line.truncate(BUFFER);
        }
        let bytes = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        Ok(Some(Line { bytes, position, cut }))
    }
}
