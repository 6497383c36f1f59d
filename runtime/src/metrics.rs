//! The metrics, their names and their units. All have the labels `pipeline` and `node`.
//!
//! | metric | unit | what |
//! | --- | --- | --- |
//! | `levada_input_received_total` | rows | read by a source |
//! | `levada_input_records` | records | read by a source since it connected, as it counts them |
//! | `levada_input_empty_records` | records | that gave no value, since the source connected |
//! | `levada_input_lag_records` | records | waiting at the other side, where the source knows |
//! | `levada_input_error_total` | attempts | reads and commits that failed |
//! | `levada_input_given_up_total` | splits | that a source gave up: a file that is broken, a partition that may not be read |
//! | `levada_in_flight_rows`, `levada_in_flight_batches` | rows, batches | read by a source and not settled yet |
//! | `levada_transform_received_total`, `levada_transform_sent_total` | rows | into and out of a transform |
//! | `levada_batch_created_total` | batches | closed in front of a sink; `by`: rows, bytes, linger, close, split |
//! | `levada_batch_rows`, `levada_batch_bytes` | rows, bytes | histograms of their sizes |
//! | `levada_output_sent_total` | rows | delivered by a sink |
//! | `levada_output_points_total` | values | that are not null, among them |
//! | `levada_output_rejected_total` | rows | that a sink will never take |
//! | `levada_output_error_total` | attempts | writes that failed |
//! | `levada_output_retries_total` | attempts | writes that were made again |
//! | `levada_output_latency_seconds` | seconds | histogram: from the start of a write to its success |
//! | `levada_output_in_flight` | writes | under way |
//! | `levada_dead_letters_total` | letters | `stage`: decode, transform, write |
//! | `levada_dropped_total` | records, rows | rejected and dropped, where `errors` say so; `stage` as above |
//! | `levada_queue_rows`, `levada_queue_bytes` | rows, bytes | waiting on an edge; `input`: the node it comes from |
//!
//! The registry is handed in: there is no global, so tests read what they caused.

use std::sync::Arc;

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use crate::{batcher::ClosedBy, dead_letters::Stage};

/// Every metric, registered once with a registry.
#[derive(Clone, Debug)]
pub(crate) struct Metrics(Arc<Families>);

#[derive(Debug)]
struct Families {
    input_received: IntCounterVec,
    input_records: IntGaugeVec,
    input_lag: IntGaugeVec,
    input_empty: IntGaugeVec,
    input_error: IntCounterVec,
    input_given_up: IntCounterVec,
    in_flight_rows: IntGaugeVec,
    in_flight_batches: IntGaugeVec,
    transform_received: IntCounterVec,
    transform_sent: IntCounterVec,
    batch_created: IntCounterVec,
    batch_rows: HistogramVec,
    batch_bytes: HistogramVec,
    output_sent: IntCounterVec,
    output_points: IntCounterVec,
    output_rejected: IntCounterVec,
    output_error: IntCounterVec,
    output_retries: IntCounterVec,
    output_latency: HistogramVec,
    output_in_flight: IntGaugeVec,
    dead_letters: IntCounterVec,
    dropped: IntCounterVec,
    queue_rows: IntGaugeVec,
    queue_bytes: IntGaugeVec,
}

/// A source's metrics.
#[derive(Clone, Debug)]
pub(crate) struct SourceMetrics {
    pub(crate) received: IntCounter,
    pub(crate) records: IntGauge,
    pub(crate) lag: IntGauge,
    pub(crate) empty: IntGauge,
    pub(crate) error: IntCounter,
    pub(crate) given_up: IntCounter,
    pub(crate) in_flight_rows: IntGauge,
    pub(crate) in_flight_batches: IntGauge,
}

/// A transform's metrics.
#[derive(Clone, Debug)]
pub(crate) struct TransformMetrics {
    pub(crate) received: IntCounter,
    pub(crate) sent: IntCounter,
}

/// A sink's metrics.
#[derive(Clone, Debug)]
pub(crate) struct SinkMetrics {
    created: [IntCounter; ClosedBy::ALL.len()],
    pub(crate) batch_rows: Histogram,
    pub(crate) batch_bytes: Histogram,
    pub(crate) sent: IntCounter,
    pub(crate) points: IntCounter,
    pub(crate) rejected: IntCounter,
    pub(crate) error: IntCounter,
    pub(crate) retries: IntCounter,
    pub(crate) latency: Histogram,
    pub(crate) in_flight: IntGauge,
}

/// An edge's metrics.
#[derive(Clone, Debug)]
pub(crate) struct EdgeMetrics {
    pub(crate) rows: IntGauge,
    pub(crate) bytes: IntGauge,
}

const NODE: [&str; 2] = ["pipeline", "node"];

struct Registrar<'a>(&'a Registry);

impl Registrar<'_> {
    fn counter(&self, name: &str, help: &str, label: Option<&str>) -> prometheus::Result<IntCounterVec> {
        let labels: Vec<_> = NODE.into_iter().chain(label).collect();
        let family = IntCounterVec::new(Opts::new(name, help), &labels)?;
        self.0.register(Box::new(family.clone()))?;
        Ok(family)
    }

    fn gauge(&self, name: &str, help: &str, label: Option<&str>) -> prometheus::Result<IntGaugeVec> {
        let labels: Vec<_> = NODE.into_iter().chain(label).collect();
        let family = IntGaugeVec::new(Opts::new(name, help), &labels)?;
        self.0.register(Box::new(family.clone()))?;
        Ok(family)
    }

    fn histogram(&self, name: &str, help: &str, buckets: Vec<f64>) -> prometheus::Result<HistogramVec> {
        let family = HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets), &NODE)?;
        self.0.register(Box::new(family.clone()))?;
        Ok(family)
    }
}

impl Metrics {
    /// Registers every metric.
    pub(crate) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let to = Registrar(registry);
        let rows = prometheus::exponential_buckets(1.0, 4.0, 10)?;
        let bytes = prometheus::exponential_buckets(256.0, 8.0, 8)?;
        let seconds =
            vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
        Ok(Self(Arc::new(Families {
            input_received: to.counter("levada_input_received_total", "Rows read by a source.", None)?,
            input_records: to.gauge(
                "levada_input_records",
                "Records read since the source connected.",
                None,
            )?,
            input_lag: to.gauge("levada_input_lag_records", "Records waiting at the other side.", None)?,
            input_empty: to.gauge("levada_input_empty_records", "Records that gave no value.", None)?,
            input_error: to.counter("levada_input_error_total", "Reads and commits that failed.", None)?,
            input_given_up: to.counter(
                "levada_input_given_up_total",
                "Splits that a source gave up.",
                None,
            )?,
            in_flight_rows: to.gauge("levada_in_flight_rows", "Rows read and not settled.", None)?,
            in_flight_batches: to.gauge("levada_in_flight_batches", "Batches read and not settled.", None)?,
            transform_received: to.counter(
                "levada_transform_received_total",
                "Rows into a transform.",
                None,
            )?,
            transform_sent: to.counter("levada_transform_sent_total", "Rows out of a transform.", None)?,
            batch_created: to.counter(
                "levada_batch_created_total",
                "Batches made for a sink.",
                Some("by"),
            )?,
            batch_rows: to.histogram("levada_batch_rows", "Rows of a batch made for a sink.", rows)?,
            batch_bytes: to.histogram("levada_batch_bytes", "Bytes of a batch made for a sink.", bytes)?,
            output_sent: to.counter("levada_output_sent_total", "Rows delivered by a sink.", None)?,
            output_points: to.counter("levada_output_points_total", "Values delivered by a sink.", None)?,
            output_rejected: to.counter(
                "levada_output_rejected_total",
                "Rows a sink will never take.",
                None,
            )?,
            output_error: to.counter("levada_output_error_total", "Writes that failed.", None)?,
            output_retries: to.counter("levada_output_retries_total", "Writes made again.", None)?,
            output_latency: to.histogram(
                "levada_output_latency_seconds",
                "Seconds a write took.",
                seconds,
            )?,
            output_in_flight: to.gauge("levada_output_in_flight", "Writes under way.", None)?,
            dead_letters: to.counter("levada_dead_letters_total", "Dead letters written.", Some("stage"))?,
            dropped: to.counter("levada_dropped_total", "Records and rows dropped.", Some("stage"))?,
            queue_rows: to.gauge("levada_queue_rows", "Rows waiting on an edge.", Some("input"))?,
            queue_bytes: to.gauge("levada_queue_bytes", "Bytes waiting on an edge.", Some("input"))?,
        })))
    }

    pub(crate) fn source(&self, pipeline: &str, node: &str) -> SourceMetrics {
        let (all, labels) = (&*self.0, &[pipeline, node]);
        SourceMetrics {
            received: all.input_received.with_label_values(labels),
            records: all.input_records.with_label_values(labels),
            lag: all.input_lag.with_label_values(labels),
            empty: all.input_empty.with_label_values(labels),
            error: all.input_error.with_label_values(labels),
            given_up: all.input_given_up.with_label_values(labels),
            in_flight_rows: all.in_flight_rows.with_label_values(labels),
            in_flight_batches: all.in_flight_batches.with_label_values(labels),
        }
    }

    pub(crate) fn transform(&self, pipeline: &str, node: &str) -> TransformMetrics {
        let (all, labels) = (&*self.0, &[pipeline, node]);
        TransformMetrics {
            received: all.transform_received.with_label_values(labels),
            sent: all.transform_sent.with_label_values(labels),
        }
    }

    pub(crate) fn sink(&self, pipeline: &str, node: &str) -> SinkMetrics {
        let (all, labels) = (&*self.0, &[pipeline, node]);
        SinkMetrics {
            created: ClosedBy::ALL
                .map(|by| all.batch_created.with_label_values(&[pipeline, node, by.name()])),
            batch_rows: all.batch_rows.with_label_values(labels),
            batch_bytes: all.batch_bytes.with_label_values(labels),
            sent: all.output_sent.with_label_values(labels),
            points: all.output_points.with_label_values(labels),
            rejected: all.output_rejected.with_label_values(labels),
            error: all.output_error.with_label_values(labels),
            retries: all.output_retries.with_label_values(labels),
            latency: all.output_latency.with_label_values(labels),
            in_flight: all.output_in_flight.with_label_values(labels),
        }
    }

    pub(crate) fn edge(&self, pipeline: &str, from: &str, to: &str) -> EdgeMetrics {
        EdgeMetrics {
            rows: self.0.queue_rows.with_label_values(&[pipeline, to, from]),
            bytes: self.0.queue_bytes.with_label_values(&[pipeline, to, from]),
        }
    }

    pub(crate) fn dead_letters(&self, pipeline: &str, node: &str, stage: Stage) -> IntCounter {
        self.0.dead_letters.with_label_values(&[pipeline, node, stage.name()])
    }

    pub(crate) fn dropped(&self, pipeline: &str, node: &str, stage: Stage) -> IntCounter {
        self.0.dropped.with_label_values(&[pipeline, node, stage.name()])
    }
}

impl SinkMetrics {
    pub(crate) fn created(&self, by: ClosedBy) -> &IntCounter {
        &self.created[by as usize]
    }
}
