//! Lines into what takes bytes one after another: standard output, a FIFO, a device.

use std::{
    fmt,
    io::{self, Write},
    sync::Arc,
};

use async_trait::async_trait;
use levada_connector_api::{
    Batch, Delivery, Domain, Encoder, Error, ErrorKind, Rejection, Result, Retry, Sink, SinkCapabilities,
};
use tokio::sync::Mutex;

/// A stream and the lines that go into it. A batch counts as delivered when the stream has taken all its lines; after an error
/// in the middle of one its first lines come again, and a line that was cut off is ended first.
pub(crate) struct Stream {
    /// As messages name it.
    name: String,
    state: Arc<Mutex<State>>,
}

struct State {
    to: Box<dyn Write + Send>,
    lines: Box<dyn Encoder>,
    /// The header that was printed last.
    header: Option<usize>,
    torn: bool,
    buffer: Vec<u8>,
}

impl Stream {
    pub(crate) fn new(name: impl Into<String>, lines: Box<dyn Encoder>, to: Box<dyn Write + Send>) -> Self {
        let state = State { to, lines, header: None, torn: false, buffer: Vec::new() };
        Self { name: name.into(), state: Arc::new(Mutex::new(state)) }
    }
}

#[async_trait]
impl Sink for Stream {
    fn capabilities(&self) -> SinkCapabilities {
        SinkCapabilities { lasting: false, ..SinkCapabilities::default() }
    }

    async fn connect(&self) -> Result<()> {
        Ok(())
    }

    /// Writes a batch on a thread that may block: whoever reads a pipe may be slow, and must not hold up the runtime's.
    ///
    /// # Errors
    /// Nobody reads any more, which ends the pipeline; the system rejects.
    async fn write(&self, batch: &Batch) -> Result<Delivery> {
        if batch.readings.is_empty() {
            return Ok(Delivery::default());
        }
        let mut state = Arc::clone(&self.state).lock_owned().await;
        let batch = batch.clone();
        let written = tokio::task::spawn_blocking(move || {
            state.lines.meet(&batch)?;
            Ok::<_, Error>(state.write(&batch))
        });
        match written.await.map_err(|error| Error::bug(error.to_string()))?? {
            Ok(rejected) => Ok(Delivery { rejected, beside: 0 }),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                let message = format!("nobody reads {} any more", self.name);
                Err(Error::new(ErrorKind::Io, Domain::External, Retry::Never, message).caused_by(error))
            }
            Err(error) => Err(Error::io(format!("cannot write to {}", self.name), error)),
        }
    }

    /// Waits for a write whose future was dropped and that may still be under way.
    async fn close(&self) -> Result<()> {
        drop(self.state.lock().await);
        Ok(())
    }
}

impl State {
    fn write(&mut self, batch: &Batch) -> io::Result<Vec<Rejection>> {
        self.buffer.clear();
        if self.torn {
            self.buffer.push(b'\n');
        }
        let header = Some(self.lines.header());
        if self.header != header {
            self.lines.put_header(&mut self.buffer);
        }
        let rejected = self.lines.put_rows(batch, &mut self.buffer);
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
        Ok(rejected)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("name", &self.name).finish_non_exhaustive()
    }
}
