//! What pipes have done, and how far behind they are, for `/metrics`. All have the label `pipe`.
//!
//! | metric | unit | what |
//! | --- | --- | --- |
//! | `levada_pipe_running` | 0, 1 | whether it is started |
//! | `levada_pipe_points_total` | values | delivered since the process began |
//! | `levada_pipe_bytes_total` | bytes | of rows delivered, as they are in memory |
//! | `levada_pipe_rejected_total` | values | that the receiver rejected |
//! | `levada_pipe_lag_writes` | writes | not delivered yet: about one for each tablet |
//! | `levada_pipe_lag_points` | values | of those, about; of sealed files too while what was stored is sent |
//! | `levada_pipe_lag_bytes` | bytes | of the log and of files that are kept for it |
//! | `levada_pipe_lag_seconds` | seconds | for which something has been waiting to be delivered |

use std::collections::HashMap;

use levada_engine::{Engine, PipeInfo};
use prometheus::{
    Registry,
    core::{Collector, Desc},
    proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType},
};

type Value = fn(&PipeInfo) -> f64;

/// Name, what it says, whether it only grows, and where it is.
const FAMILIES: [(&str, &str, bool, Value); 8] = [
    ("levada_pipe_running", "Whether a pipe is started.", false, |pipe| f64::from(u8::from(pipe.running))),
    ("levada_pipe_points_total", "Values delivered by a pipe.", true, |pipe| pipe.points as f64),
    ("levada_pipe_bytes_total", "Bytes of rows delivered by a pipe.", true, |pipe| pipe.bytes as f64),
    ("levada_pipe_rejected_total", "Values that a pipe's receiver rejected.", true, |pipe| {
        pipe.rejected as f64
    }),
    ("levada_pipe_lag_writes", "Writes that a pipe has not delivered.", false, |pipe| pipe.lag_writes as f64),
    ("levada_pipe_lag_points", "Values that a pipe has not delivered, about.", false, |pipe| {
        pipe.lag_points as f64
    }),
    ("levada_pipe_lag_bytes", "Bytes that are kept for a pipe.", false, |pipe| pipe.lag_bytes as f64),
    ("levada_pipe_lag_seconds", "For how long something has been waiting to be delivered.", false, |pipe| {
        pipe.lag_ms as f64 / 1e3
    }),
];

/// The pipes of an engine, looked at when somebody asks.
struct Pipes {
    engine: Engine,
    descriptions: Vec<Desc>,
}

/// Registers the metrics of an engine's pipes.
///
/// # Errors
/// They are registered already.
pub fn count_pipes(registry: &Registry, engine: &Engine) -> prometheus::Result<()> {
    let label = || vec!["pipe".to_owned()];
    let describe = |(name, help, ..): &(&str, &str, bool, Value)| {
        Desc::new((*name).to_owned(), (*help).to_owned(), label(), HashMap::new())
    };
    let descriptions = FAMILIES.iter().map(describe).collect::<prometheus::Result<_>>()?;
    registry.register(Box::new(Pipes { engine: engine.clone(), descriptions }))
}

impl Collector for Pipes {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let pipes = self.engine.pipes();
        if pipes.is_empty() {
            return Vec::new();
        }
        let family = |(name, help, grows, value): &(&str, &str, bool, Value)| {
            let metric = |pipe: &PipeInfo| {
                let mut label = LabelPair::default();
                label.set_name("pipe".to_owned());
                label.set_value(pipe.name.clone());
                let mut metric = Metric::from_label(vec![label]);
                if *grows {
                    let mut counter = Counter::default();
                    counter.set_value(value(pipe));
                    metric.set_counter(counter);
                } else {
                    let mut gauge = Gauge::default();
                    gauge.set_value(value(pipe));
                    metric.set_gauge(gauge);
                }
                metric
            };
            let mut family = MetricFamily::default();
            family.set_name((*name).to_owned());
            family.set_help((*help).to_owned());
            family.set_field_type(if *grows { MetricType::COUNTER } else { MetricType::GAUGE });
            family.set_metric(pipes.iter().map(metric).collect());
            family
        };
        FAMILIES.iter().map(family).collect()
    }
}
