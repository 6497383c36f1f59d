//! Every source that needs no server against the contract.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use levada_connector_api::{BuildContext, ComponentKind, Registry, Source};
use levada_testkit::{Row, SourceHarness, source_contract};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A source by its options, over an input that stays as it is.
struct Harness {
    kind: &'static str,
    options: Value,
    decode: Option<(&'static str, Value)>,
    state: TempDir,
    expected: Vec<Row>,
    /// A file that can be broken, what it holds, and the rows in it.
    breakable: Option<(PathBuf, Vec<u8>, Vec<Row>)>,
}

#[async_trait]
impl SourceHarness for Harness {
    fn source(&mut self) -> Box<dyn Source> {
        let decode = self.decode.as_ref().map(|(name, options)| (*name, options));
        built(self.kind, &self.options, decode, self.state.path())
    }

    async fn fresh(&mut self) {
        self.state = folder();
        if let Some((path, whole, _)) = &self.breakable {
            fs::write(path, whole).expect("written");
        }
    }

    async fn break_one(&mut self) -> Option<Vec<Row>> {
        let (path, _, rows) = self.breakable.as_ref()?;
        fs::write(path, "no packed file at all").expect("written");
        Some(rows.clone())
    }

    fn expected(&self) -> Vec<Row> {
        self.expected.clone()
    }
}

/// A source as a pipeline has it, by its name and its options, and those of its decoder.
pub(crate) fn built(
    kind: &str,
    options: &Value,
    decode: Option<(&str, &Value)>,
    state: &Path,
) -> Box<dyn Source> {
    let registry = levada_source::register(Registry::new());
    let mut context = BuildContext::new("contract", "in");
    context.state_dir = state.to_owned();
    if let Some((name, options)) = decode {
        let decoder = registry.get(ComponentKind::Decoder, name).expect("registered");
        context.decoder = Some(decoder.decoder(options.clone(), &context).expect("options that work"));
    }
    let source = registry.get(ComponentKind::Source, kind).expect("registered");
    let (problems, _) = source.inspect(options).expect("well formed");
    assert_eq!(problems, []);
    source.source(options.clone(), &context).expect("options that work")
}

fn folder() -> TempDir {
    TempDir::new().expect("a folder")
}

/// Sensors that start in May 2026 and say something every 250 ms; the first `rows` of their rows.
fn sensors(mut options: Value, rows: i64) -> Harness {
    const START: i64 = 1_777_593_600_000;
    options["start"] = json!("2026-05-01T00:00:00Z");
    options["interval"] = json!("250ms");
    options["devices"] = json!(3);
    let row = |row: i64| Row {
        device: format!("sensors.d{}", row % 3 + 1),
        time: START + row / 3 * 250,
        number: None,
    };
    Harness {
        kind: "sensor",
        options,
        decode: None,
        state: folder(),
        expected: (0..rows).map(row).collect(),
        breakable: None,
    }
}

#[tokio::test(start_paused = true)]
async fn sensors_pass_the_contract() {
    source_contract(&mut sensors(json!({"rows": 70_001}), 70_001)).await;
    source_contract(&mut sensors(json!({"rows": 900, "rate": 1_000.0}), 900)).await;
    source_contract(&mut sensors(json!({"rate": 1_000.0}), 900)).await;
    source_contract(&mut sensors(json!({}), 50_000)).await;
}

/// Files of these numbers of rows, each row a line made by `line`.
async fn files(name: &str, decode: (&'static str, Value), header: &str, line: fn(i64) -> String) {
    let input = folder();
    let mut expected = Vec::new();
    for (file, rows) in (0i64..).zip([400, 0, 1, 23_000, 7]) {
        let mut text = header.to_owned();
        for number in file * 100_000..file * 100_000 + rows {
            writeln!(text, "{}", line(number)).expect("a string takes everything");
            expected.push(Row { device: "hall.d1".to_owned(), time: time(number), number: Some(number) });
        }
        fs::write(input.path().join(format!("{file}-{name}")), text).expect("written");
    }
    let mut lost = Vec::new();
    let mut text = header.to_owned();
    for number in 900_000..900_100 {
        writeln!(text, "{}", line(number)).expect("a string takes everything");
        lost.push(Row { device: "hall.d1".to_owned(), time: time(number), number: Some(number) });
    }
    expected.extend(lost.clone());
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text.as_bytes()).expect("packed");
    let packed = packed.finish().expect("packed");
    // In the middle, so that others are behind it.
    let path = input.path().join(format!("2-{name}.gz"));
    fs::write(&path, &packed).expect("written");
    let options = json!({"paths": format!("{}/*-{name}*", input.path().display())});
    let mut harness = Harness {
        kind: "file",
        options,
        decode: Some(decode),
        state: folder(),
        expected,
        breakable: Some((path, packed, lost)),
    };
    source_contract(&mut harness).await;
}

fn time(number: i64) -> i64 {
    1_777_593_600_000 + number
}

#[tokio::test]
async fn files_pass_the_contract() {
    files("readings.jsonl", ("json", json!({"cast": {"n": "INT64"}})), "", |number| {
        json!({"device": "hall.d1", "time": time(number), "n": number}).to_string()
    })
    .await;
    files("readings.csv", ("csv", json!({})), "time,device,n(INT64)\n", |number| {
        format!("{},hall.d1,{number}", time(number))
    })
    .await;
}
