//! The options of the sink.

use std::path::{Component, PathBuf};

use levada_connector_api::{ByteSize, Interval, Problem};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    names::Names,
    place::{Place, look},
};

/// Where lines go and what they look like.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileOptions {
    /// The file, `out/readings.jsonl`; its folder is made if missing. More files get a number: `readings-000001.jsonl`. A FIFO or
    /// a character device is written into as it is.
    #[schemars(example = "out/readings.jsonl")]
    pub path: PathBuf,
    /// The format; where nothing is said, `csv` for a path that ends in `.csv`, else `jsonl`.
    #[serde(default)]
    #[schemars(example = &"jsonl")]
    pub format: Option<FileFormat>,
    /// When to finish a file and begin the next; where nothing is said, only at the end of the run.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"bytes": "64MiB", "interval": "1h"}))]
    pub rotate: Option<Rotation>,
}

/// What a line looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// A JSON object for each row.
    Jsonl,
    /// Comma-separated values under a header.
    Csv,
}

/// When a file is full; the first limit reached counts.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// Bytes after which the next batch goes into another file.
    #[serde(default)]
    pub bytes: Option<ByteSize>,
    /// Rows after which the next batch goes into another file.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub rows: Option<u64>,
    /// How long after its first row a file is finished, also where nothing more comes.
    #[serde(default)]
    pub interval: Option<Interval>,
}

impl FileOptions {
    /// Options with nothing but a path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), format: None, rotate: None }
    }

    /// Whether lines are CSV, by what is said or by the name.
    pub(super) fn is_csv(&self) -> bool {
        let by_name = || self.path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        self.format.map_or_else(by_name, |format| format == FileFormat::Csv)
    }

    /// What cannot work. Looks at what stands at the path.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let ends_in_slash = self.path.as_os_str().to_string_lossy().ends_with(['/', '\\']);
        if ends_in_slash || Names::of(&self.path).is_none() {
            let message =
                format!("`{}` names no file: write a name, as in out/readings.jsonl", self.path.display());
            problems.push(Problem::new("path", message));
        } else {
            match look(&self.path) {
                Ok(Place::Stream) if self.rotate.is_some() => {
                    let message = format!(
                        "`{}` is no file, and cannot be rotated: leave this out",
                        self.path.display()
                    );
                    problems.push(Problem::new("rotate", message));
                }
                Ok(_) => {}
                Err(message) => problems.push(Problem::new("path", message)),
            }
        }
        if self.path.extension().is_some_and(|extension| extension == "part") {
            problems.push(Problem::new(
                "path",
                "`.part` is the name of files that are being written: take another",
            ));
        }
        if let Some(Rotation { bytes, rows, interval }) = self.rotate {
            if bytes.is_none() && rows.is_none() && interval.is_none() {
                problems.push(Problem::new("rotate", "name a limit: `bytes`, `rows` or `interval`"));
            }
            let zero = [
                ("rotate.bytes", bytes.is_some_and(|bytes| bytes.0 == 0)),
                ("rotate.rows", rows == Some(0)),
                ("rotate.interval", interval.is_some_and(|interval| interval.0.is_zero())),
            ];
            let zero = zero.into_iter().filter(|(_, zero)| *zero);
            problems.extend(
                zero.map(|(option, _)| Problem::new(option, "0 is no limit: leave it out, or write more")),
            );
        }
        problems
    }

    /// The path without detours, for telling whether two sinks mean the same file.
    pub(super) fn claim(&self) -> String {
        let path: PathBuf =
            self.path.components().filter(|part| !matches!(part, Component::CurDir)).collect();
        format!("file {}", path.display())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn options(options: serde_json::Value) -> FileOptions {
        serde_json::from_value(options).expect("well formed")
    }

    #[test]
    fn the_format_follows_the_name_unless_it_is_said() {
        let is_csv = |value| options(value).is_csv();
        assert!(is_csv(json!({"path": "a.csv"})));
        assert!(is_csv(json!({"path": "a.CSV"})));
        assert!(!is_csv(json!({"path": "a.csv", "format": "jsonl"})));
        assert!(!is_csv(json!({"path": "a.txt"})));
    }

    #[test]
    fn what_cannot_work_is_named() {
        let paths = |value| options(value).problems().into_iter().map(|each| each.path).collect::<Vec<_>>();
        assert_eq!(paths(json!({"path": "out/a.csv", "rotate": {"rows": 5}})), [""; 0]);
        assert_eq!(paths(json!({"path": "out/"})), ["path"]);
        assert_eq!(paths(json!({"path": "/"})), ["path"]);
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(paths(json!({"path": folder.path()})), ["path"]);
        #[cfg(unix)]
        {
            assert_eq!(paths(json!({"path": "/dev/null"})), [""; 0]);
            assert_eq!(paths(json!({"path": "/dev/null", "rotate": {"rows": 5}})), ["rotate"]);
        }
        assert_eq!(paths(json!({"path": "a.part"})), ["path"]);
        assert_eq!(paths(json!({"path": "a.csv", "rotate": {}})), ["rotate"]);
        let zero = json!({"path": "a", "rotate": {"rows": 0, "bytes": "0B", "interval": "0s"}});
        assert_eq!(paths(zero), ["rotate.bytes", "rotate.rows", "rotate.interval"]);
    }

    #[test]
    fn a_detour_claims_the_same_file() {
        let claim = |path: &str| FileOptions::new(path).claim();
        assert_eq!(claim("./out/./a.jsonl"), claim("out//a.jsonl"));
        assert_ne!(claim("out/a.jsonl"), claim("/out/a.jsonl"));
    }
}
