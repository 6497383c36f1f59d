//! `stdout`: rows as lines on standard output, for looking at a pipeline and for other programs to read.
//!
//! # Delivery
//!
//! At least once, as far as whoever reads: a batch counts as delivered when standard output has taken all its lines. After
//! an error in the middle of a batch its first lines come again; a line that was cut off is ended first. When nobody reads any
//! more (`levada run … | head`) the pipeline ends. Proven by `standard_output_passes_the_contract`.

use std::{
    fmt,
    io::{self, Write},
    sync::Arc,
};

use async_trait::async_trait;
use levada_connector_api::{
    Batch, BuildContext, Delivery, Domain, Error, ErrorKind, Problem, Result, Retry, Sink, SinkCapabilities,
    SinkType, With,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

pub use crate::lines::{CsvForm, LineOptions, TimeFormat};
use crate::lines::{Format, Lines};

/// How rows are printed.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StdoutOptions {
    /// The format of a line.
    #[serde(default)]
    pub format: StdoutFormat,
}

/// What a line looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StdoutFormat {
    /// Time, device and `name=value`, for people; times always as `rfc3339`.
    #[default]
    Text,
    /// A JSON object for each row.
    Jsonl,
    /// Comma-separated values under a header.
    Csv,
}

/// The component `stdout`.
#[derive(Debug)]
pub struct Stdout;

/// Writes rows as lines into a stream. See the [module](self) for what it promises.
pub struct StdoutSink {
    stream: Arc<Mutex<Stream>>,
}

struct Stream {
    to: Box<dyn Write + Send>,
    lines: Lines,
    /// The header that was printed last.
    header: Option<usize>,
    torn: bool,
    buffer: Vec<u8>,
}

impl SinkType for Stdout {
    const NAME: &'static str = "stdout";
    const SUMMARY: &'static str = "Prints rows on standard output, as text, JSON lines or CSV.";
    type Options = With<StdoutOptions, LineOptions>;

    fn check(options: &Self::Options) -> Vec<Problem> {
        options.group.problems(options.own.format == StdoutFormat::Csv)
    }

    fn build(options: Self::Options, _: &BuildContext) -> Result<Arc<dyn Sink>> {
        Ok(Arc::new(StdoutSink::new(&options.own, &options.group, Box::new(io::stdout()))))
    }
}

impl StdoutSink {
    /// A sink into any stream.
    pub fn new(options: &StdoutOptions, lines: &LineOptions, to: Box<dyn Write + Send>) -> Self {
        let format = match options.format {
            StdoutFormat::Text => Format::Text,
            StdoutFormat::Jsonl => Format::Jsonl,
            StdoutFormat::Csv => lines.csv(),
        };
        let lines = Lines::new(format, lines.time);
        let stream = Stream { to, lines, header: None, torn: false, buffer: Vec::new() };
        Self { stream: Arc::new(Mutex::new(stream)) }
    }
}

impl Stream {
    fn write(&mut self, batch: &Batch) -> io::Result<()> {
        self.buffer.clear();
        if self.torn {
            self.buffer.push(b'\n');
        }
        self.lines.meet(batch);
        let header = Some(self.lines.header());
        if self.header != header {
            self.lines.put_header(&mut self.buffer);
        }
        self.lines.put_rows(batch, &mut self.buffer);
        let mut rest = self.buffer.as_slice();
        while !rest.is_empty() {
            match self.to.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.torn = rest[written - 1] != b'\n';
                    rest = &rest[written..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.to.flush()?;
        self.header = header;
        Ok(())
    }
}

#[async_trait]
impl Sink for StdoutSink {
    fn capabilities(&self) -> SinkCapabilities {
        SinkCapabilities { lasting: false, ..SinkCapabilities::default() }
    }

    async fn connect(&self) -> Result<()> {
        Ok(())
    }

    async fn write(&self, batch: &Batch) -> Result<Delivery> {
        if batch.readings.is_empty() {
            return Ok(Delivery::default());
        }
        // Whoever reads a pipe may be slow: that must not hold up the runtime's threads.
        let mut stream = Arc::clone(&self.stream).lock_owned().await;
        let batch = batch.clone();
        let written = tokio::task::spawn_blocking(move || stream.write(&batch)).await;
        match written.map_err(|error| Error::bug(error.to_string()))? {
            Ok(()) => Ok(Delivery::default()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                let message = "nobody reads standard output any more";
                Err(Error::new(ErrorKind::Io, Domain::External, Retry::Never, message).caused_by(error))
            }
            Err(error) => Err(Error::io("cannot write to standard output", error)),
        }
    }

    async fn close(&self) -> Result<()> {
        // A write whose future was dropped may still be under way.
        drop(self.stream.lock().await);
        Ok(())
    }
}

impl fmt::Debug for StdoutSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StdoutSink")
    }
}
