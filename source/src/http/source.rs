//! The source: bodies become batches, and are answered when those are settled.

use std::{collections::VecDeque, net::SocketAddr};

use async_trait::async_trait;
use levada_connector_api::{
    Batch, BatchBuilder, BuildContext, Decoder, Error, Guarantee, Problem, Progress, Result, Source,
    SourceCapabilities, SourceType,
    model::{Checkpoint, SplitName, SplitPosition, SplitRange},
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, timeout_at},
};

use super::{
    options::HttpOptions,
    server::{Outcome, Request, serve},
};
use crate::decode::Reasons;

/// Requests that may wait for `next`, beside those that wait for their turn.
const QUEUED: usize = 16;

/// The component `http`.
pub struct HttpSource {
    options: HttpOptions,
    split: SplitName,
    decoder: Box<dyn Decoder>,
    running: Option<Running>,
    rows: BatchBuilder,
    /// The position of the first request that is in no batch yet, and of the next.
    range: std::ops::Range<u64>,
    since: Option<Instant>,
    /// Who waits to hear that all up to a position is settled.
    waiting: VecDeque<(u64, Waiting)>,
    read: u64,
}

/// Somebody who waits for an answer, and why parts of what they sent are rejected.
#[derive(Debug)]
struct Waiting {
    answer: oneshot::Sender<Outcome>,
    rejected: Option<String>,
}

#[derive(Debug)]
struct Running {
    address: SocketAddr,
    requests: mpsc::Receiver<Request>,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl std::fmt::Debug for HttpSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpSource").field("running", &self.running).finish_non_exhaustive()
    }
}

impl SourceType for HttpSource {
    const NAME: &'static str = "http";
    const SUMMARY: &'static str = "Requests that bring readings, answered when those are settled.";
    const GUARANTEE: Option<Guarantee> = Some(Guarantee {
        text: "At least once. 200 is answered when all rows of the body are stored or dead-lettered, and not before: who gets another \
            answer, or none, sends again.",
        tests: &[
            "http_passes_the_contract",
            "a_request_is_answered_when_its_rows_are_settled_and_not_before",
        ],
    });
    const DECODES: bool = true;
    const ALONE: bool = true;
    type Options = HttpOptions;

    fn check(options: &HttpOptions) -> Vec<Problem> {
        options.problems()
    }

    fn claims(options: &HttpOptions) -> Vec<String> {
        // Port 0 is any that is free.
        let is_any = options.listen.ends_with(":0");
        (!is_any).then(|| format!("address {}", options.listen)).into_iter().collect()
    }

    fn build(options: HttpOptions, context: &BuildContext) -> Result<Box<dyn Source>> {
        let decoder = context.decoder.clone();
        let decoder =
            decoder.ok_or_else(|| Error::config("http needs `decode`, as in decode: {json: {}}"))?;
        let decoder = decoder.at_once()?.make();
        if decoder.header_lines() > 0 {
            return Err(Error::config("requests have no header line: name the columns with `columns`"));
        }
        Ok(Box::new(Self {
            options,
            split: SplitName::new(context.node.as_str()),
            decoder,
            running: None,
            rows: BatchBuilder::new(),
            range: 0..0,
            since: None,
            waiting: VecDeque::new(),
            read: 0,
        }))
    }
}

#[async_trait]
impl Source for HttpSource {
    fn capabilities(&self) -> SourceCapabilities {
        // Whoever got no answer sends again; by itself it cannot read anything again.
        SourceCapabilities { bounded: false, replayable: false, remembers: true }
    }

    async fn connect(&mut self, stored: &Checkpoint) -> Result<()> {
        self.close().await?;
        let from = stored.get(&self.split).copied().unwrap_or(0).max(self.range.end);
        self.range = from..from;
        self.rows = BatchBuilder::new();
        self.rows.split(&self.split);
        let (sender, requests) = mpsc::channel(QUEUED);
        let (address, served) = serve(self.options.clone(), sender).await?;
        tracing::info!(%address, path = self.options.path, "taking requests over HTTP");
        self.running = Some(Running { address, requests, task: tokio::spawn(served) });
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<Batch>> {
        loop {
            let limits = self.options.batch;
            let deadline = self.since.map(|since| since + limits.linger.0);
            let is_full =
                self.rows.rows() >= limits.rows.max(1) || self.rows.bytes() as u64 >= limits.bytes.0;
            if is_full || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(Some(self.cut()));
            }
            let running = self.running.as_mut().ok_or_else(|| Error::bug("next before connect"))?;
            let request = match deadline {
                Some(deadline) => match timeout_at(deadline, running.requests.recv()).await {
                    Ok(request) => request,
                    Err(_) => return Ok(Some(self.cut())),
                },
                None => running.requests.recv().await,
            };
            match request {
                Some(request) => self.take(request),
                None => return Err(Error::connection("HTTP is not served any more")),
            }
        }
    }

    async fn settle(&mut self, settled: &[SplitPosition]) -> Result<()> {
        let until = settled.iter().find(|each| each.split == self.split).map_or(0, |each| each.position);
        while let Some((_, waiting)) = self.waiting.pop_front_if(|(position, _)| *position < until) {
            let outcome = waiting.rejected.map_or(Outcome::Settled, Outcome::SettledInPart);
            // Whoever asked may have gone.
            drop(waiting.answer.send(outcome));
        }
        Ok(())
    }

    fn progress(&self) -> Progress {
        Progress { read: self.read, total: None, lag: None }
    }

    async fn close(&mut self) -> Result<()> {
        // Who waits is told to send again.
        self.waiting.clear();
        self.running = None;
        self.since = None;
        Ok(())
    }
}

impl HttpSource {
    /// The address that is listened at.
    pub fn address(&self) -> Option<SocketAddr> {
        self.running.as_ref().map(|running| running.address)
    }

    fn take(&mut self, Request { body, answer }: Request) {
        self.read += 1;
        let position = self.range.end;
        self.rows.record(&body, position);
        if let Err(error) = self.decoder.decode(&body, &mut self.rows) {
            self.rows.take_back();
            // Whoever asked may have gone.
            drop(answer.send(Outcome::Malformed(error.message)));
        } else {
            let reasons = self.rows.rejected_parts();
            let rejected = (reasons.len() > 0).then(|| {
                let mut told = Reasons::default();
                reasons.for_each(|reason| told.add(|| reason.to_owned()));
                told.told()
            });
            self.waiting.push_back((position, Waiting { answer, rejected }));
        }
        self.range.end += 1;
        self.since.get_or_insert_with(Instant::now);
    }

    /// A batch of all that was read.
    fn cut(&mut self) -> Batch {
        self.since = None;
        let range = self.range.clone();
        self.range.start = self.range.end;
        self.rows.finish(vec![SplitRange { split: self.split.clone(), range }])
    }
}
