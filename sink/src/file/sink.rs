//! The sink: the writer on a thread that may block, and a clock that finishes files.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use levada_connector_api::{
    Batch, BuildContext, Delivery, EncoderFactory, Error, Problem, Repeats, Result, Sink, SinkType, With,
};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio_util::task::AbortOnDropHandle;

use super::{
    device,
    disk::{Disk, SystemDisk},
    names::Names,
    options::FileOptions,
    place::{Place, look},
    writer::Writer,
};
use crate::lines::{Format, LINE_KEYS, LineOptions, encoders};

/// A failure that repeats gets a line in the log at most this often.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// The component `file`.
#[derive(Debug)]
pub struct File;

/// Writes rows as lines into files. See the [module](super) for what it promises.
#[derive(Debug)]
pub struct FileSink {
    writer: Arc<Mutex<Writer>>,
    interval: Option<Duration>,
    clock: parking_lot::Mutex<Option<AbortOnDropHandle<()>>>,
}

impl SinkType for File {
    const NAME: &'static str = "file";
    const SUMMARY: &'static str = "Writes JSON lines or CSV into files that appear when they are whole.";
    const ENCODES: Option<&'static [&'static str]> = Some(LINE_KEYS);
    type Options = With<FileOptions, LineOptions>;

    fn check(options: &Self::Options) -> Vec<Problem> {
        problems(&options.own, &options.group)
    }

    fn claims(options: &Self::Options) -> Vec<String> {
        vec![options.own.claim()]
    }

    fn build(options: Self::Options, context: &BuildContext) -> Result<Arc<dyn Sink>> {
        let With { own, group } = options;
        let encoder = context.encoder.clone().unwrap_or_else(|| encoder_of(&own, &group));
        let sink = FileSink::encoding(&own, &group, &encoder, Arc::new(SystemDisk))?;
        Ok(match look(&own.path) {
            Ok(Place::Stream) => device::sink(&own, &encoder),
            _ => Arc::new(sink),
        })
    }
}

impl FileSink {
    /// A sink on any disk. Touches nothing yet.
    ///
    /// # Errors
    /// The options cannot work; the first problem is the message.
    pub fn new(options: &FileOptions, lines: &LineOptions, disk: Arc<dyn Disk>) -> Result<Self> {
        Self::encoding(options, lines, &encoder_of(options, lines), disk)
    }

    fn encoding(
        options: &FileOptions,
        lines: &LineOptions,
        encoder: &EncoderFactory,
        disk: Arc<dyn Disk>,
    ) -> Result<Self> {
        if let Some(problem) = problems(options, lines).into_iter().next() {
            return Err(Error::config(problem.message).with("option", problem.path));
        }
        let names =
            Names::of(&options.path).ok_or_else(|| Error::bug("a path without problems names a file"))?;
        Ok(Self {
            writer: Arc::new(Mutex::new(Writer::new(options.rotate, encoder, names, disk))),
            interval: options.rotate.and_then(|rotate| rotate.interval).map(|interval| interval.0),
            clock: parking_lot::Mutex::default(),
        })
    }

    /// Runs work on the writer where it may block. The writer's turn is waited for before a thread is taken, so that a disk
    /// that stalls holds one thread and not one for each attempt.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Writer) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        run(Arc::clone(&self.writer).lock_owned().await, work).await
    }

    /// Lets files be finished by age while nothing is written. Ends when the sink is closed or dropped.
    fn start_clock(&self) {
        let Some(interval) = self.interval else { return };
        let writer = Arc::downgrade(&self.writer);
        let every = (interval / 4).clamp(Duration::from_millis(50), Duration::from_secs(10));
        let mut failures = Repeats::new(SAID_EVERY);
        let clock = tokio::spawn(async move {
            loop {
                tokio::time::sleep(every).await;
                let Some(writer) = writer.upgrade() else { return };
                if let Err(error) = run(writer.lock_owned().await, Writer::tick).await
                    && let Some(attempts) = failures.note(1, std::time::Instant::now())
                {
                    tracing::warn!(%error, attempts, "a file could not be finished, and will be tried again");
                }
            }
        });
        *self.clock.lock() = Some(AbortOnDropHandle::new(clock));
    }
}

fn problems(options: &FileOptions, lines: &LineOptions) -> Vec<Problem> {
    let mut problems = options.problems();
    problems.extend(lines.problems(options.is_csv()));
    problems
}

/// How lines look where no encoder says so.
fn encoder_of(options: &FileOptions, lines: &LineOptions) -> EncoderFactory {
    let format = if options.is_csv() { lines.csv() } else { Format::Jsonl };
    encoders::factory(format, lines.time)
}

async fn run<T: Send + 'static>(
    mut writer: OwnedMutexGuard<Writer>,
    work: impl FnOnce(&mut Writer) -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(move || work(&mut writer)).await;
    done.unwrap_or_else(|error| Err(Error::bug(error.to_string())))
}

#[async_trait]
impl Sink for FileSink {
    async fn connect(&self) -> Result<()> {
        self.run(Writer::connect).await?;
        self.start_clock();
        Ok(())
    }

    async fn write(&self, batch: &Batch) -> Result<Delivery> {
        if batch.readings.is_empty() {
            return Ok(Delivery::default());
        }
        let batch = batch.clone();
        let rejected = self.run(move |writer| writer.write(&batch)).await?;
        Ok(Delivery { rejected, beside: 0 })
    }

    async fn close(&self) -> Result<()> {
        drop(self.clock.lock().take());
        self.run(Writer::finish).await
    }
}
