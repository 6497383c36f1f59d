//! The contract that every sink keeps.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use axum::body::Bytes;
use levada_connector_api::{BuildContext, Options, Sink, With};
use levada_sink::{
    file::LineOptions,
    object_store::{ObjectOptions, ObjectSink},
};
use levada_testkit::{Row, SinkHarness, Trouble as Wanted, sink_contract};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    read::rows,
    s3::{S3, Trouble},
};

/// A sink, as a freshly started process builds it.
pub(crate) fn sink(options: Value) -> Arc<dyn Sink> {
    let options = With::<ObjectOptions, LineOptions>::read(options).expect("well formed");
    let context = BuildContext::new("plant", "objects");
    Arc::new(ObjectSink::new(&options.own, &options.group, &context).expect("options without problems"))
}

/// Options of a bucket.
pub(crate) fn options(s3: &S3, names: &str, more: &Value) -> Value {
    let mut options = json!({
        "url": format!("s3://plant/{names}"),
        "endpoint": s3.endpoint,
        "allow_http": true,
        "keys": {"access": "key", "secret": "secret"},
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        options[key] = value.clone();
    }
    options
}

struct Harness {
    s3: S3,
    names: &'static str,
    more: Value,
    fails: Trouble,
}

impl Harness {
    async fn new(names: &'static str, more: Value, fails: Trouble) -> Self {
        Self { s3: S3::start().await, names, more, fails }
    }
}

#[async_trait::async_trait]
impl SinkHarness for Harness {
    async fn fresh(&mut self) {
        self.s3 = S3::start().await;
    }

    fn sink(&mut self) -> Arc<dyn Sink> {
        sink(options(&self.s3, self.names, &self.more))
    }

    async fn stored(&mut self) -> Option<Vec<Row>> {
        Some(self.s3.objects().iter().flat_map(|(name, bytes)| rows(name, bytes)).collect())
    }

    fn trouble(&mut self, trouble: Wanted) -> bool {
        self.s3.trouble(match trouble {
            Wanted::Fails => self.fails,
            Wanted::Stalls => Trouble::Stalls,
        });
        true
    }

    fn heal(&mut self) {
        self.s3.trouble(Trouble::None);
    }
}

const SLOW_DOWN: Trouble = Trouble::Says(503, "SlowDown");

#[tokio::test]
async fn objects_pass_the_contract() {
    sink_contract(&mut Harness::new("rows.jsonl", json!({}), SLOW_DOWN).await).await;
    sink_contract(&mut Harness::new("rows/{device}/{date}.jsonl", json!({"uploads": 2}), SLOW_DOWN).await)
        .await;
    sink_contract(&mut Harness::new("{device}.csv", json!({"form": "wide"}), Trouble::LosesAnswers).await)
        .await;
}

#[tokio::test]
async fn objects_of_columns_pass_the_contract() {
    sink_contract(&mut Harness::new("rows.parquet", json!({}), Trouble::LosesAnswers).await).await;
    sink_contract(&mut Harness::new("{device}.tsfile", json!({}), Trouble::Says(500, "InternalError")).await)
        .await;
}

struct Folder {
    folder: TempDir,
    names: &'static str,
}

fn files(folder: &Path, under: &str, all: &mut BTreeMap<String, Bytes>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = format!("{under}{}", entry.file_name().to_string_lossy());
        // What is on its way has a name of its own, `NAME#1`: a write whose caller left may still go on.
        if name.rsplit_once('#').is_some_and(|(_, number)| number.bytes().all(|byte| byte.is_ascii_digit())) {
            continue;
        }
        match entry.file_type().expect("a type").is_dir() {
            true => files(&entry.path(), &format!("{name}/"), all),
            false => drop(all.insert(name, fs::read(entry.path()).expect("a file").into())),
        }
    }
}

#[async_trait::async_trait]
impl SinkHarness for Folder {
    async fn fresh(&mut self) {
        self.folder = TempDir::new().expect("a folder");
    }

    fn sink(&mut self) -> Arc<dyn Sink> {
        sink(json!({"url": format!("file://{}/out/{}", self.folder.path().display(), self.names)}))
    }

    async fn stored(&mut self) -> Option<Vec<Row>> {
        let mut all = BTreeMap::new();
        files(self.folder.path(), "", &mut all);
        Some(all.iter().flat_map(|(name, bytes)| rows(name, bytes)).collect())
    }
}

#[tokio::test]
async fn objects_in_a_folder_pass_the_contract() {
    for names in ["rows.jsonl", "{device}/{date}.parquet", "{device}.tsfile"] {
        sink_contract(&mut Folder { folder: TempDir::new().expect("a folder"), names }).await;
    }
}
