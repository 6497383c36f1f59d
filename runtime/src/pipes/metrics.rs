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

use levada_engine::{Engine, PipeInfo};
use prometheus::Registry;

use crate::families::{Family, register};

const FAMILIES: [Family<PipeInfo>; 8] = [
    Family {
        name: "levada_pipe_running",
        help: "Whether a pipe is started.",
        grows: false,
        value: |pipe| f64::from(u8::from(pipe.running)),
    },
    Family {
        name: "levada_pipe_points_total",
        help: "Values delivered by a pipe.",
        grows: true,
        value: |pipe| pipe.points as f64,
    },
    Family {
        name: "levada_pipe_bytes_total",
        help: "Bytes of rows delivered by a pipe.",
        grows: true,
        value: |pipe| pipe.bytes as f64,
    },
    Family {
        name: "levada_pipe_rejected_total",
        help: "Values that a pipe's receiver rejected.",
        grows: true,
        value: |pipe| pipe.rejected as f64,
    },
    Family {
        name: "levada_pipe_lag_writes",
        help: "Writes that a pipe has not delivered.",
        grows: false,
        value: |pipe| pipe.lag_writes as f64,
    },
    Family {
        name: "levada_pipe_lag_points",
        help: "Values that a pipe has not delivered, about.",
        grows: false,
        value: |pipe| pipe.lag_points as f64,
    },
    Family {
        name: "levada_pipe_lag_bytes",
        help: "Bytes that are kept for a pipe.",
        grows: false,
        value: |pipe| pipe.lag_bytes as f64,
    },
    Family {
        name: "levada_pipe_lag_seconds",
        help: "For how long something has been waiting to be delivered.",
        grows: false,
        value: |pipe| pipe.lag_ms as f64 / 1e3,
    },
];

/// Registers the metrics of an engine's pipes.
///
/// # Errors
/// They are registered already.
pub fn count_pipes(registry: &Registry, engine: &Engine) -> prometheus::Result<()> {
    let engine = engine.clone();
    register(registry, "pipe", &FAMILIES, |pipe| &pipe.name, move || engine.pipes())
}
