//! Lines: of a plain file many at a time, of anything else (a named pipe) as they come.
//!
//! ```text
//!   plain file   BufReader ──────────────────────────────────► batches of 8,192 lines
//!   named pipe   thread: open, read ──► chunks ──► lines ────► a batch when nothing comes for a moment, or when it is full
//!                                          ▲ asked to stop: what has come goes out first, and then nothing more is taken
//! ```
//! Nobody can read a pipe's lines again: no line is held for longer than a moment while others are waited for.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    ops::Range,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;

use crate::{exit::Failure, interrupt::Interrupt};

/// Rows that are taken in at once, and bytes.
const ROWS: usize = 8_192;
const BYTES: usize = 8 << 20;
const MARK: &[u8] = "\u{feff}".as_bytes();
/// Bytes that are read at once.
const CHUNK: usize = 256 << 10;
/// Lines of a stream wait so long for more, while more come; and no longer than that where nothing comes.
const LINGER: Duration = Duration::from_secs(1);
const QUIET: Duration = Duration::from_millis(200);
/// How often a signal is looked for.
const LOOK: Duration = Duration::from_millis(50);
/// A stream whose reader is asked to stop is read on for so many bytes at most: what was written before that.
const LAST: usize = 1 << 20;

/// Some lines, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    /// Their numbers and where they are.
    pub(super) lines: Vec<(u64, Range<usize>)>,
}

/// Gives the lines of a file.
#[derive(Debug)]
pub(super) struct Lines {
    path: PathBuf,
    input: Input,
    number: u64,
}

#[derive(Debug)]
enum Input {
    File(BufReader<File>),
    Stream(Stream),
}

impl Lines {
    /// Opens a file; what is no plain file is opened when its first lines are asked for, as that may wait for whoever writes.
    pub(super) fn open(path: &Path, interrupt: &Interrupt) -> anyhow::Result<Self> {
        let input = if is_stream(path) {
            Input::Stream(Stream::open(path, interrupt.clone()).with_context(|| cannot_open(path))?)
        } else {
            let file = File::open(path).with_context(|| cannot_open(path))?;
            Input::File(BufReader::with_capacity(CHUNK, file))
        };
        Ok(Self { path: path.to_owned(), input, number: 0 })
    }

    /// Whether they are given as they come, and cannot be read again.
    pub(super) fn is_stream(&self) -> bool {
        matches!(self.input, Input::Stream(_))
    }

    /// The next lines that may be rows; none at the end.
    ///
    /// # Errors
    /// The file cannot be read; the process is asked to stop, and all lines of a stream were given that had come.
    pub(super) fn next(&mut self, mut batch: Batch) -> anyhow::Result<Batch> {
        batch.bytes.clear();
        batch.lines.clear();
        match &mut self.input {
            Input::File(file) => {
                while batch.has_room() {
                    let from = batch.bytes.len();
                    let read = file.read_until(b'\n', &mut batch.bytes);
                    if read.with_context(|| format!("cannot read {}", self.path.display()))? == 0 {
                        break;
                    }
                    batch.end_line(from, &mut self.number);
                }
            }
            Input::Stream(stream) => stream.next(&mut batch, &mut self.number, &self.path)?,
        }
        Ok(batch)
    }
}

/// Whether a path is there and no plain file.
pub(super) fn is_stream(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| !found.is_file())
}

fn cannot_open(path: &Path) -> String {
    format!("cannot open {}", path.display())
}

impl Batch {
    fn has_room(&self) -> bool {
        self.lines.len() < ROWS && self.bytes.len() < BYTES
    }

    /// The bytes from `from` on are a line. One that is no row is passed over.
    fn end_line(&mut self, mut from: usize, number: &mut u64) {
        *number += 1;
        let start = from;
        if *number == 1 && self.bytes.starts_with(MARK) {
            from += MARK.len();
        }
        let line = self.bytes[from..].trim_ascii_end();
        if line.is_empty() || line.starts_with(b"#") {
            self.bytes.truncate(start);
        } else {
            let range = from..from + line.len();
            self.lines.push((*number, range));
        }
    }
}

/// What comes from something that is no plain file.
#[derive(Debug)]
struct Stream {
    chunks: Receiver<io::Result<Vec<u8>>>,
    /// What came last, and how much of it was taken.
    chunk: Vec<u8>,
    taken: usize,
    /// The beginning of a line whose end has not come.
    begun: Vec<u8>,
    interrupt: Interrupt,
    /// Bytes that came since the process was asked to stop.
    last: usize,
}

/// What is known of a stream's next bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Came,
    /// Nothing came for a while.
    Quiet,
    /// The process is asked to stop.
    Stop,
    End,
}

impl Stream {
    /// Begins to read on a thread of its own, which ends when all is read, or with the process.
    fn open(path: &Path, interrupt: Interrupt) -> io::Result<Self> {
        let (send, chunks) = sync_channel(1);
        let path = path.to_owned();
        thread::Builder::new().name("import".to_owned()).spawn(move || {
            let failed = match File::open(path) {
                Ok(mut file) => loop {
                    let mut chunk = vec![0; CHUNK];
                    match file.read(&mut chunk) {
                        Ok(0) => return,
                        Ok(count) => {
                            chunk.truncate(count);
                            if send.send(Ok(chunk)).is_err() {
                                return;
                            }
                        }
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(error) => break error,
                    }
                },
                Err(error) => error,
            };
            // Nobody may want to know any more.
            drop(send.send(Err(failed)));
        })?;
        let (chunk, begun) = Default::default();
        Ok(Self { chunks, chunk, taken: 0, begun, interrupt, last: 0 })
    }

    fn next(&mut self, batch: &mut Batch, number: &mut u64, path: &Path) -> anyhow::Result<()> {
        let mut first = None;
        let mut from = 0;
        batch.bytes.append(&mut self.begun);
        // A line is whole, however long it is.
        while batch.lines.len() < ROWS && from < BYTES {
            let rest = self.chunk.get(self.taken..).unwrap_or_default();
            if rest.is_empty() {
                let patience = (!batch.lines.is_empty()).then(|| {
                    let first = *first.get_or_insert_with(Instant::now);
                    QUIET.min(LINGER.saturating_sub(first.elapsed()))
                });
                let next = self.come(patience).with_context(|| format!("cannot read {}", path.display()))?;
                match next {
                    Next::Came => continue,
                    Next::Stop if batch.lines.is_empty() => {
                        return Err(
                            Failure::interrupted("interrupted; what had come by then is stored").into()
                        );
                    }
                    Next::End if batch.bytes.len() > from => batch.end_line(from, number),
                    Next::Quiet | Next::Stop => self.begun = batch.bytes.split_off(from),
                    Next::End => {}
                }
                return Ok(());
            }
            let end = rest.iter().position(|byte| *byte == b'\n');
            let count = end.map_or(rest.len(), |at| at + 1);
            batch.bytes.extend_from_slice(&rest[..count]);
            self.taken += count;
            if end.is_some() {
                batch.end_line(from, number);
                from = batch.bytes.len();
            }
        }
        Ok(())
    }

    /// Waits for bytes: as long as it takes, or for so long.
    fn come(&mut self, patience: Option<Duration>) -> io::Result<Next> {
        let start = Instant::now();
        loop {
            let is_asked = self.interrupt.is_asked();
            if is_asked && self.last >= LAST {
                return Ok(Next::Stop);
            }
            let left = patience.map(|patience| patience.saturating_sub(start.elapsed()));
            match self.chunks.recv_timeout(left.map_or(LOOK, |left| left.min(LOOK))) {
                Ok(chunk) => {
                    (self.chunk, self.taken) = (chunk?, 0);
                    if is_asked {
                        self.last += self.chunk.len();
                    }
                    return Ok(Next::Came);
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(Next::End),
                Err(RecvTimeoutError::Timeout) => {
                    if is_asked && start.elapsed() >= QUIET {
                        return Ok(Next::Stop);
                    }
                    if patience.is_some_and(|patience| start.elapsed() >= patience) {
                        return Ok(Next::Quiet);
                    }
                }
            }
        }
    }
}
