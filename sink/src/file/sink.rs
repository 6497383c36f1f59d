//! The sink: the writer on a thread that may block, and a clock that finishes files.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use levada_connector_api::{
    Batch, BuildContext, Delivery, EncoderFactory, Error, Guarantee, Problem, Repeats, Result, Sink,
    SinkCapabilities, SinkType, With,
};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio_util::task::AbortOnDropHandle;

use super::{
    device,
    disk::{Disk, SystemDisk},
    journal::JournalEncoder,
    options::{FileFormat, FileOptions, OPEN_FILES},
    place::{Place, look},
    recovery::Content,
    writer::Plan,
    writers::Writers,
};
use crate::lines::{LINE_KEYS, LineOptions, Of, TimeFormat, encoders};

/// A failure that repeats gets a line in the log at most this often.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// The component `file`.
#[derive(Debug)]
pub struct File;

/// How long finishing files of columns may take, which are made then.
const MAKING: Duration = Duration::from_secs(60 * 60);

/// Writes rows into files. See the [module](super) for what it promises.
#[derive(Debug)]
pub struct FileSink {
    writers: Arc<Mutex<Writers>>,
    /// The shortest time after which a file is finished.
    interval: Option<Duration>,
    makes: bool,
    clock: parking_lot::Mutex<Option<AbortOnDropHandle<()>>>,
}

impl SinkType for File {
    const NAME: &'static str = "file";
    const SUMMARY: &'static str =
        "Writes JSON lines, CSV, Parquet or TsFiles: files that appear when they are whole.";
    const GUARANTEE: Option<Guarantee> = Some(Guarantee {
        text: "At least once. A batch counts as delivered when its lines are on the disk (`fsync`). After a crash the next run cuts the file \
            that was being written behind its last whole line or batch, and finishes it; rows of a batch that was not delivered yet may \
            be in it twice. A finished file is whole, and never touched again.",
        tests: &[
            "files_pass_the_contract",
            "files_of_columns_pass_the_contract",
            "a_file_of_columns_comes_into_being_once_wherever_the_process_dies",
        ],
    });
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
        let encoder = match &context.encoder {
            Some(encoder) => encoder.clone().of_lines()?,
            None => encoder_of(own.format(), &group),
        };
        let content = match own.format() {
            // An encoder was said: it stands in place of the format.
            _ if context.encoder.is_some() => Content::Lines { csv: encoder.has_header() },
            _ => content_of(&own, &encoder),
        };
        let sink = FileSink::encoding(&own, &group, &encoder, content, Arc::new(SystemDisk))?;
        let fixed = own.template().ok().and_then(|template| template.fixed());
        Ok(match fixed.as_deref().map(look) {
            Some(Ok(Place::Stream)) => device::sink(&own, &encoder),
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
        let encoder = encoder_of(options.format(), lines);
        let content = content_of(options, &encoder);
        Self::encoding(options, lines, &encoder, content, disk)
    }

    fn encoding(
        options: &FileOptions,
        lines: &LineOptions,
        encoder: &EncoderFactory,
        content: Content,
        disk: Arc<dyn Disk>,
    ) -> Result<Self> {
        if let Some(problem) = problems(options, lines).into_iter().next() {
            return Err(Error::config(problem.message).with("option", problem.path));
        }
        let template = options.template().map_err(Error::config)?;
        let plan = Plan { disk, rotate: options.rotate, encoder: encoder.clone(), content };
        let writers = Writers::new(plan, template, options.open_files.unwrap_or(OPEN_FILES));
        let limits = options.rotate.map(|rotate| [rotate.interval, rotate.idle]);
        Ok(Self {
            writers: Arc::new(Mutex::new(writers)),
            interval: limits.into_iter().flatten().flatten().map(|limit| limit.0).min(),
            makes: matches!(content, Content::Journal(_)),
            clock: parking_lot::Mutex::default(),
        })
    }

    /// Runs work on the writers where it may block. Their turn is waited for before a thread is taken, so that a disk
    /// that stalls holds one thread and not one for each attempt.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Writers) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        run(Arc::clone(&self.writers).lock_owned().await, work).await
    }

    /// Lets files be finished by age while nothing is written. Ends when the sink is closed or dropped.
    fn start_clock(&self) {
        let Some(interval) = self.interval else { return };
        let writers = Arc::downgrade(&self.writers);
        let every = (interval / 4).clamp(Duration::from_millis(50), Duration::from_secs(10));
        let mut failures = Repeats::new(SAID_EVERY);
        let clock = tokio::spawn(async move {
            loop {
                tokio::time::sleep(every).await;
                let Some(writers) = writers.upgrade() else { return };
                if let Err(error) = run(writers.lock_owned().await, Writers::tick).await
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
    problems.extend(problems_of_lines(options.format(), lines));
    problems
}

/// What of the options of lines cannot work with a format.
pub(crate) fn problems_of_lines(format: FileFormat, lines: &LineOptions) -> Vec<Problem> {
    let mut problems = lines.problems(match format {
        FileFormat::Csv => Of::Csv,
        FileFormat::Jsonl => Of::Jsonl,
        FileFormat::Parquet | FileFormat::Tsfile => Of::Other,
    });
    if format.is_of_columns() && lines.time != TimeFormat::default() {
        let message = format!("times in {} are times: this is for lines of text", format.name());
        problems.push(Problem::new("time", message));
    }
    problems
}

fn content_of(options: &FileOptions, encoder: &EncoderFactory) -> Content {
    match options.format() {
        format if format.is_of_columns() => Content::Journal(format),
        _ => Content::Lines { csv: encoder.has_header() },
    }
}

/// How rows look in a file being written where no encoder says so.
pub(crate) fn encoder_of(format: FileFormat, lines: &LineOptions) -> EncoderFactory {
    match format {
        FileFormat::Csv => encoders::factory(lines.csv(), lines.time),
        FileFormat::Jsonl => encoders::factory(lines.jsonl(), lines.time),
        FileFormat::Parquet => EncoderFactory::new(|| Box::new(JournalEncoder::default())),
        FileFormat::Tsfile => EncoderFactory::new(|| Box::new(JournalEncoder::of_one_type())),
    }
}

async fn run<T: Send + 'static>(
    mut writers: OwnedMutexGuard<Writers>,
    work: impl FnOnce(&mut Writers) -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(move || work(&mut writers)).await;
    done.unwrap_or_else(|error| Err(Error::bug(error.to_string())))
}

#[async_trait]
impl Sink for FileSink {
    fn capabilities(&self) -> SinkCapabilities {
        SinkCapabilities { closing: self.makes.then_some(MAKING), ..SinkCapabilities::default() }
    }

    async fn connect(&self) -> Result<()> {
        self.run(Writers::connect).await?;
        self.start_clock();
        Ok(())
    }

    async fn write(&self, batch: &Batch) -> Result<Delivery> {
        if batch.readings.is_empty() {
            return Ok(Delivery::default());
        }
        let batch = batch.clone();
        let rejected = self.run(move |writers| writers.write(&batch)).await?;
        Ok(Delivery { rejected, beside: 0 })
    }

    async fn close(&self) -> Result<()> {
        drop(self.clock.lock().take());
        self.run(Writers::finish).await
    }
}
