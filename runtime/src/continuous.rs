//! What continuous queries have done, for `/metrics`. All have the label `query`.
//!
//! | metric | unit | what |
//! | --- | --- | --- |
//! | `levada_continuous_query_runs_total` | runs | that came to their end since the process began, failed ones among them |
//! | `levada_continuous_query_failed_total` | runs | that failed, or of which a value was rejected |
//! | `levada_continuous_query_skipped_total` | runs | left out, as they were late |
//! | `levada_continuous_query_points_total` | values | written |
//! | `levada_continuous_query_rejected_total` | values | that do not fit the series they were to be written to |
//! | `levada_continuous_query_late_seconds` | seconds | for which the next run has been due |

use levada_engine::{ContinuousQueryInfo, Engine};
use prometheus::Registry;

use crate::families::{Family, register};

const FAMILIES: [Family<ContinuousQueryInfo>; 6] = [
    Family {
        name: "levada_continuous_query_runs_total",
        help: "Runs of a continuous query.",
        grows: true,
        value: |query| query.runs as f64,
    },
    Family {
        name: "levada_continuous_query_failed_total",
        help: "Runs that failed, or of which a value was rejected.",
        grows: true,
        value: |query| query.failed as f64,
    },
    Family {
        name: "levada_continuous_query_skipped_total",
        help: "Runs that were left out, as they were late.",
        grows: true,
        value: |query| query.skipped as f64,
    },
    Family {
        name: "levada_continuous_query_points_total",
        help: "Values written by a continuous query.",
        grows: true,
        value: |query| query.written as f64,
    },
    Family {
        name: "levada_continuous_query_rejected_total",
        help: "Values that do not fit the series they were to be written to.",
        grows: true,
        value: |query| query.rejected as f64,
    },
    Family {
        name: "levada_continuous_query_late_seconds",
        help: "For how long the next run has been due.",
        grows: false,
        value: |query| query.late_ms as f64 / 1e3,
    },
];

/// Registers the metrics of an engine's continuous queries.
///
/// # Errors
/// They are registered already.
pub fn count_continuous_queries(registry: &Registry, engine: &Engine) -> prometheus::Result<()> {
    let engine = engine.clone();
    register(registry, "query", &FAMILIES, |query| &query.name, move || engine.continuous_queries())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use levada_engine::{Clock, EngineOptions};
    use levada_model::Session;

    use super::*;

    #[derive(Debug)]
    struct Noon;

    impl Clock for Noon {
        fn now(&self) -> i64 {
            43_200_000
        }
    }

    #[tokio::test]
    async fn runs_are_counted_by_the_name_of_their_query() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut options = EngineOptions::new(folder.path());
        options.storage.clock = Arc::new(Noon);
        let engine = Engine::open(options).expect("opens");
        let registry = Registry::new();
        count_continuous_queries(&registry, &engine).expect("registered");
        assert!(registry.gather().is_empty());
        let session = engine.session(None).expect("a session");
        for sql in [
            "insert into root.a.d(time, s) values (43199999, 1)",
            "create cq hourly begin select count(s) into root.b.d(n) from root.a.d group by (1h) end",
        ] {
            session.execute(sql).await.expect(sql);
        }
        engine.run_due_continuous_queries().await;
        let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).expect("text");
        for line in [
            "levada_continuous_query_runs_total{query=\"hourly\"} 1",
            "levada_continuous_query_points_total{query=\"hourly\"} 1",
            "levada_continuous_query_failed_total{query=\"hourly\"} 0",
            "levada_continuous_query_late_seconds{query=\"hourly\"} 0",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        engine.close().await.expect("closed");
    }
}
