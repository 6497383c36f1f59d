//! `object_store`: rows as JSON lines, CSV, Parquet or TsFiles, in a bucket of S3 or a local folder. Nothing is on disk on the way.
//!
//! ```text
//!   url: s3://plant/rows/{device}.parquet
//!
//!   rows/root.plant.d1-3f9a01c27b44-000000001.parquet     one object for each batch and path, whole when it is there
//!   rows/root.plant.d2-3f9a01c27b44-000000001.parquet
//!   rows/root.plant.d1-3f9a01c27b44-000000002.parquet
//!   rows/_levada/PIPELINE/NODE.json                       the log: which batch is the last, and the positions behind it
//!                                                         the middle of a name: which log, the number of the batch
//! ```
//!
//! # Delivery
//!
//! ```text
//!   log: these objects are pending ─▶ objects are put ─▶ log: the batch counts, nothing is pending ─▶ settled
//! ```
//!
//! The log is one object, replaced at once. It holds the positions behind the last batch that counts, and a source goes on from
//! there; so what comes after a crash is just what did not count. Objects of the batch that was on its way are removed by the next run before
//! anything else, and the batch has the same number again: in the end no row is missing, and none is there twice, however batches are cut
//! the second time; proven by `a_bucket_has_each_row_once_wherever_the_process_dies`. Between a crash and the next run a reader may see objects of
//! the batch that does not count: their number is larger than `batch` in the log.
//!
//! The answer to a put of the log may be lost. The log is then read before anything else is done, so that a batch that counts is not
//! put again.
//!
//! Rows that are rejected hold the batch back: it counts when the runtime says that they are safe, which it does by a write of the
//! positions alone.
//!
//! A log is one process's: another that opens it takes it over, and the first ends with an error at its next batch. (A folder cannot see to
//! that.) A log begins with an identity of its own, which stands in the names; so nothing is overwritten where it is removed, or the pipeline
//! gets another name.

#[cfg(feature = "object-store")]
mod contents;
#[cfg(feature = "object-store")]
mod log;
mod options;
#[cfg(feature = "object-store")]
mod sink;

use std::sync::Arc;

use levada_connector_api::{BuildContext, Guarantee, Problem, Result, Sink, SinkType, With};

pub use self::options::{Keys, ObjectOptions};
#[cfg(feature = "object-store")]
pub use self::sink::ObjectSink;
use crate::lines::{LINE_KEYS, LineOptions};

/// Whether this build has the sink, or only its options.
pub const AVAILABLE: bool = cfg!(feature = "object-store");

/// What to do about a build that has only the options.
const MISSING: &str =
    "this build has no object stores: build it with `cargo build --release --features object-store`";

/// The component `object_store`.
#[derive(Debug)]
pub struct ObjectStore;

impl SinkType for ObjectStore {
    const NAME: &'static str = "object_store";
    const SUMMARY: &'static str = "Writes JSON lines, CSV, Parquet or TsFiles into a bucket of S3 or a local folder: an object for each batch.";
    const GUARANTEE: Option<Guarantee> = Some(Guarantee {
        text: "Exactly once, as soon as the run after a crash has begun. A batch counts as delivered when all its objects are whole in the bucket \
            and the log there, `_levada/PIPELINE/NODE.json`, says so; the log holds the positions, and a source goes on from them. Objects of \
            a batch that did not count are removed by the next run. Until then a reader tells them by their number, which is larger \
            than `batch` in the log. At least once where a source has other sinks, too, or several processes share its splits. Sources that \
            cannot go on from a position give what they give. A build needs the feature `object-store`.",
        tests: &[
            "objects_pass_the_contract",
            "objects_in_a_folder_pass_the_contract",
            "a_bucket_has_each_row_once_wherever_the_process_dies",
        ],
    });
    const ENCODES: Option<&'static [&'static str]> = Some(LINE_KEYS);
    type Options = With<ObjectOptions, LineOptions>;

    fn check(options: &Self::Options) -> Vec<Problem> {
        let mut problems = options.own.problems(&options.group);
        if !AVAILABLE {
            problems.insert(0, Problem::new("", MISSING));
        }
        problems
    }

    fn claims(options: &Self::Options) -> Vec<String> {
        vec![format!("object_store {}", options.own.url)]
    }

    #[cfg(feature = "object-store")]
    fn build(options: Self::Options, context: &BuildContext) -> Result<Arc<dyn Sink>> {
        Ok(Arc::new(ObjectSink::new(&options.own, &options.group, context)?))
    }

    #[cfg(not(feature = "object-store"))]
    fn build(_: Self::Options, _: &BuildContext) -> Result<Arc<dyn Sink>> {
        Err(levada_connector_api::Error::config(MISSING))
    }
}

#[cfg(test)]
mod tests {
    use levada_connector_api::Options;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_build_without_object_stores_says_how_to_build_one() {
        let options = With::read(json!({"url": "s3://plant/rows.jsonl"})).expect("well formed");
        let problems = ObjectStore::check(&options);
        let told = problems.iter().any(|problem| problem.message.contains("--features object-store"));
        assert_eq!(told, !cfg!(feature = "object-store"), "{problems:?}");
        if let Err(error) = ObjectStore::build(options, &BuildContext::new("plant", "objects")) {
            assert!(!AVAILABLE && error.to_string().contains("--features object-store"), "{error}");
        }
    }
}
