//! The options of the sink.

use std::path::{Component, Path, PathBuf};

use levada_connector_api::{ByteSize, Interval, Problem};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    names::Names,
    place::{Place, look},
    template::Template,
};

/// Where lines go and what they look like.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileOptions {
    /// The file, `out/readings.jsonl`; its folder is made if missing. More files get a number: `readings-000001.jsonl`. `{device}`,
    /// `{date}`, `{year}`, `{month}`, `{day}` and `{hour}` stand for what rows say, in UTC: `out/{device}/{date}.parquet`. A FIFO
    /// or a character device is written into as it is.
    #[schemars(example = "out/readings.jsonl")]
    pub path: PathBuf,
    /// The format; where nothing is said, that of the path's end (`.csv`, `.parquet`, `.tsfile`), else `jsonl`.
    #[serde(default)]
    #[schemars(example = &"jsonl")]
    pub format: Option<FileFormat>,
    /// When to finish a file and begin the next; where nothing is said, only at the end of the run.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"bytes": "64MiB", "interval": "1h"}))]
    pub rotate: Option<Rotation>,
    /// How many files may be open at once, where the path has places to be filled in. Others are closed and opened again when rows
    /// come for them.
    #[serde(default)]
    #[schemars(range(min = 1), extend("default" = OPEN_FILES))]
    pub open_files: Option<usize>,
}

/// How many files may be open at once where nothing is said.
pub(super) const OPEN_FILES: usize = 100;

/// What a file looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// A JSON object for each row.
    Jsonl,
    /// Comma-separated values under a header.
    Csv,
    /// Apache Parquet: time, device, and a column for each measurement; compressed with zstd. A file is made when it is finished.
    Parquet,
    /// Apache IoTDB's files, for its servers from 2.0 on. A file is made when it is finished.
    Tsfile,
}

impl FileFormat {
    /// What the end of a name says.
    pub(crate) fn of_name(name: &Path) -> Self {
        let is = |end: &str| name.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(end));
        match () {
            () if is("csv") => Self::Csv,
            () if is("parquet") => Self::Parquet,
            () if is("tsfile") => Self::Tsfile,
            () => Self::Jsonl,
        }
    }

    /// That this build does not have the format.
    pub(crate) fn missing(self) -> Option<Problem> {
        (self == Self::Parquet && !cfg!(feature = "parquet"))
            .then(|| Problem::new("format", "this build has no Parquet: it has no feature `parquet`"))
    }

    /// As people write it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "JSON lines",
            Self::Csv => "CSV",
            Self::Parquet => "Parquet",
            Self::Tsfile => "TsFile",
        }
    }

    /// Whether a file is made of columns when it is finished, rather than of lines as they come.
    pub(crate) fn is_of_columns(self) -> bool {
        matches!(self, Self::Parquet | Self::Tsfile)
    }
}

/// When a file is full; the first limit reached counts.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// Bytes after which the next batch goes into another file; of Parquet and TsFile, bytes before they are encoded.
    #[serde(default)]
    pub bytes: Option<ByteSize>,
    /// Rows after which the next batch goes into another file.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub rows: Option<u64>,
    /// How long after its first row a file is finished, also where nothing more comes.
    #[serde(default)]
    pub interval: Option<Interval>,
    /// How long after its last row a file is finished.
    #[serde(default)]
    pub idle: Option<Interval>,
}

impl FileOptions {
    /// Options with nothing but a path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), format: None, rotate: None, open_files: None }
    }

    /// The format, by what is said or by the name.
    pub(super) fn format(&self) -> FileFormat {
        self.format.unwrap_or_else(|| FileFormat::of_name(&self.path))
    }

    /// The path, read.
    ///
    /// # Errors
    /// It is no template; the message says why.
    pub(super) fn template(&self) -> Result<Template, String> {
        match self.path.to_str() {
            Some(path) => Template::parse(path, "path"),
            None => Err(format!("`{}` is not UTF-8", self.path.display())),
        }
    }

    /// What cannot work. Looks at what stands at the path.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = self.path_problems();
        problems.extend(self.format().missing());
        if self.open_files == Some(0) {
            problems.push(Problem::new("open_files", "0 files hold no row: leave it out, or write more"));
        }
        if self.path.extension().is_some_and(|extension| extension == "part") {
            problems.push(Problem::new(
                "path",
                "`.part` is the name of files that are being written: take another",
            ));
        }
        let extension = self.path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if ["gz", "zst", "xz", "bz2", "lz4", "zip"]
            .iter()
            .any(|packed| extension.eq_ignore_ascii_case(packed))
        {
            let message =
                format!("what ends in `.{extension}` is packed, and this sink packs nothing: leave it out");
            problems.push(Problem::new("path", message));
        }
        if let Some(Rotation { bytes, rows, interval, idle }) = self.rotate {
            if bytes.is_none() && rows.is_none() && interval.is_none() && idle.is_none() {
                problems.push(Problem::new("rotate", "name a limit: `bytes`, `rows`, `interval` or `idle`"));
            }
            let zero = [
                ("rotate.bytes", bytes.is_some_and(|bytes| bytes.0 == 0)),
                ("rotate.rows", rows == Some(0)),
                ("rotate.interval", interval.is_some_and(|interval| interval.0.is_zero())),
                ("rotate.idle", idle.is_some_and(|idle| idle.0.is_zero())),
            ];
            let zero = zero.into_iter().filter(|(_, zero)| *zero);
            problems.extend(
                zero.map(|(option, _)| Problem::new(option, "0 is no limit: leave it out, or write more")),
            );
        }
        problems
    }

    fn path_problems(&self) -> Vec<Problem> {
        let no = |option: &str, message: String| vec![Problem::new(option, message)];
        let template = match self.template() {
            Ok(template) => template,
            Err(message) => return no("path", message),
        };
        let fixed = template.fixed();
        let path = fixed.clone().unwrap_or_else(|| template.example());
        let shown = self.path.display();
        let ends_in_slash = self.path.as_os_str().to_string_lossy().ends_with(['/', '\\']);
        if ends_in_slash || Names::of(&path).is_none() {
            return no("path", format!("`{shown}` names no file: write a name, as in out/readings.jsonl"));
        }
        match fixed.map_or(Ok(Place::Files), |path| look(&path)) {
            Ok(Place::Stream) if self.rotate.is_some() => {
                no("rotate", format!("`{shown}` is no file, and cannot be rotated: leave this out"))
            }
            Ok(Place::Stream) if self.format().is_of_columns() => no(
                "path",
                format!("`{shown}` is no file: {} is written into files only", self.format().name()),
            ),
            Ok(_) => Vec::new(),
            Err(message) => no("path", message),
        }
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
        let format = |value| options(value).format();
        assert_eq!(format(json!({"path": "a.csv"})), FileFormat::Csv);
        assert_eq!(format(json!({"path": "{device}/{date}.CSV"})), FileFormat::Csv);
        assert_eq!(format(json!({"path": "a.csv", "format": "jsonl"})), FileFormat::Jsonl);
        assert_eq!(format(json!({"path": "a.txt"})), FileFormat::Jsonl);
        assert_eq!(format(json!({"path": "a.parquet"})), FileFormat::Parquet);
        assert_eq!(format(json!({"path": "a.tsfile"})), FileFormat::Tsfile);
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
            assert_eq!(paths(json!({"path": "/dev/null", "format": "tsfile"})), ["path"]);
        }
        assert_eq!(paths(json!({"path": "out/{device}/{date}.csv", "open_files": 1})), [""; 0]);
        assert_eq!(paths(json!({"path": "out/{devcie}.csv", "open_files": 0})), ["path", "open_files"]);
        assert_eq!(paths(json!({"path": "out/{device}/"})), ["path"]);
        assert_eq!(paths(json!({"path": "a.part"})), ["path"]);
        assert_eq!(paths(json!({"path": "out/{device}.jsonl.GZ"})), ["path"]);
        assert_eq!(paths(json!({"path": "a.csv", "rotate": {}})), ["rotate"]);
        let zero = json!({"path": "a", "rotate": {"rows": 0, "bytes": "0B", "interval": "0s", "idle": "0s"}});
        assert_eq!(paths(zero), ["rotate.bytes", "rotate.rows", "rotate.interval", "rotate.idle"]);
    }

    #[test]
    fn a_detour_claims_the_same_file() {
        let claim = |path: &str| FileOptions::new(path).claim();
        assert_eq!(claim("./out/./a.jsonl"), claim("out//a.jsonl"));
        assert_ne!(claim("out/a.jsonl"), claim("/out/a.jsonl"));
    }
}
