//! The `file` sink against the contract, on a disk that fails and stalls.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use levada_connector_api::{Options, Sink, With};
use levada_sink::file::{FileOptions, FileSink, LineOptions};
use levada_testkit::{NUMBER, Row, SinkHarness, Trouble, sink_contract};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{faulty_disk::FaultyDisk, stdout::row, tables};

struct Harness {
    folder: TempDir,
    name: &'static str,
    more: Value,
    disk: FaultyDisk,
}

pub(crate) fn options(path: PathBuf, more: &Value) -> With<FileOptions, LineOptions> {
    let mut options = more.clone();
    options["path"] = json!(path);
    With::read(options).expect("well formed")
}

impl Harness {
    fn new(name: &'static str, more: Value) -> Self {
        Self { folder: TempDir::new().expect("a folder"), name, more, disk: FaultyDisk::default() }
    }
}

/// The names in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Every row in the finished files of a folder.
pub(crate) fn rows(folder: &Path) -> Vec<Row> {
    let mut rows = Vec::new();
    for name in names(folder) {
        assert!(!name.ends_with(".part"), "{name} was left behind");
        assert!(!name.ends_with(".whole"), "{name} was left behind");
        let path = folder.join(&name);
        let text = || fs::read_to_string(&path).expect("text");
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => rows.extend(csv_rows(&text())),
            Some("tsfile") => rows.extend(tables::tsfile_rows(&path)),
            #[cfg(feature = "parquet")]
            Some("parquet") => rows.extend(tables::parquet_rows(&path)),
            _ => rows.extend(text().lines().map(|line| row(&serde_json::from_str(line).expect("JSON")))),
        }
    }
    rows
}

fn csv_rows(text: &str) -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().expect("a header").clone();
    let numbers = header.iter().position(|name| name == NUMBER);
    let records = reader.records().map(|record| record.expect("CSV"));
    let records = records.filter(|record| numbers.is_some() || record.get(2) == Some(NUMBER));
    records
        .map(|record| Row {
            device: record[1].to_owned(),
            time: record[0].parse().expect("a time"),
            number: record.get(numbers.unwrap_or(3)).and_then(|number| number.parse().ok()),
        })
        .collect()
}

#[async_trait]
impl SinkHarness for Harness {
    async fn fresh(&mut self) {
        self.folder = TempDir::new().expect("a folder");
        self.disk = FaultyDisk::default();
    }

    fn sink(&mut self) -> Arc<dyn Sink> {
        let options = options(self.folder.path().join("out").join(self.name), &self.more);
        let disk = Arc::new(self.disk.clone());
        Arc::new(FileSink::new(&options.own, &options.group, disk).expect("options without problems"))
    }

    async fn stored(&mut self) -> Option<Vec<Row>> {
        Some(rows(&self.folder.path().join("out")))
    }

    fn trouble(&mut self, trouble: Trouble) -> bool {
        match trouble {
            Trouble::Fails => self.disk.fill(),
            Trouble::Stalls => self.disk.stall(),
        }
        true
    }

    fn heal(&mut self) {
        self.disk.heal();
    }
}

#[tokio::test]
async fn files_pass_the_contract() {
    sink_contract(&mut Harness::new("readings.jsonl", json!({}))).await;
    sink_contract(&mut Harness::new("readings.jsonl", json!({"rotate": {"rows": 60}}))).await;
    sink_contract(&mut Harness::new("readings.csv", json!({"rotate": {"bytes": "2KB", "interval": "1h"}})))
        .await;
    sink_contract(&mut Harness::new("readings.csv", json!({"form": "wide"}))).await;
}

#[tokio::test]
async fn files_of_a_template_pass_the_contract() {
    let many = || json!({"open_files": 2, "rotate": {"rows": 40}});
    sink_contract(&mut Harness::new("{device}.jsonl", many())).await;
    sink_contract(&mut Harness::new("{date}-{hour}.csv", json!({}))).await;
}

#[tokio::test]
async fn files_of_columns_pass_the_contract() {
    sink_contract(&mut Harness::new("readings.tsfile", json!({}))).await;
    sink_contract(&mut Harness::new("readings.tsfile", json!({"rotate": {"rows": 60}}))).await;
    sink_contract(&mut Harness::new("{device}.tsfile", json!({"open_files": 1}))).await;
}

#[cfg(feature = "parquet")]
#[tokio::test]
async fn parquet_passes_the_contract() {
    sink_contract(&mut Harness::new("readings.parquet", json!({}))).await;
    sink_contract(&mut Harness::new("readings.parquet", json!({"rotate": {"bytes": "9KB"}}))).await;
    sink_contract(&mut Harness::new("{device}-{date}.parquet", json!({"open_files": 2}))).await;
}
