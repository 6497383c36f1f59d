//! Every statement of the peer's records that is in scope gets the peer's answer.
//!
//! `tests/data/*.jsonl` hold what a real server said, statement by statement; those of a file are run in order, on one
//! engine whose clock stands at the moment of recording. `tests/data/skipped.txt` lists whose answers
//! may differ, and why; an entry that is not needed any more is printed.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::{pending, ready},
    sync::Arc,
};

use futures::{FutureExt, future::BoxFuture};
use levada_engine::{PipeDefinition, PipeRunner, PipeWork};
use serde_json::Value as Json;

use crate::{
    differential::plain::same_rows,
    store::{Answer, Store, ask},
};

const SKIPPED: &str = include_str!("../data/skipped.txt");

/// A line of the records.
struct Record {
    group: String,
    sql: String,
    /// The rows, or the code of the rejection.
    answer: Result<Answer, i64>,
}

fn records(text: &str) -> Vec<Record> {
    let texts = |json: &Json| -> Vec<String> {
        let items = json.as_array().cloned().unwrap_or_default();
        items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    let row = |row: &Json| -> Vec<Option<String>> {
        row.as_array().into_iter().flatten().map(|cell| cell.as_str().map(str::to_owned)).collect()
    };
    let record = |line: &str| {
        let json: Json = serde_json::from_str(line).expect("the records are JSON lines");
        let rows = json["rows"].as_array().into_iter().flatten().map(row).collect();
        let answer = Answer { columns: texts(&json["columns"]), types: texts(&json["types"]), rows };
        let text = |key: &str| json[key].as_str().unwrap_or_default().to_owned();
        let answer =
            if json["ok"] == true { Ok(answer) } else { Err(json["code"].as_i64().unwrap_or_default()) };
        Record { group: text("group"), sql: text("sql"), answer }
    };
    text.lines().map(record).collect()
}

/// What is left out: a group, or one statement; and why. A line is `what | why`; `#` begins a comment.
fn skipped() -> Vec<(&'static str, &'static str)> {
    let lines = SKIPPED.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once(" | ").expect("`what | why`")).collect()
}

/// Rows without the moment at which what they show was made.
fn timeless(answer: &Answer) -> Vec<Vec<Option<String>>> {
    let mut rows = answer.rows.clone();
    if let Some(at) = answer.columns.iter().position(|column| column == "CreationTime") {
        rows.iter_mut().for_each(|row| row[at] = None);
    }
    rows
}

/// How an answer differs from the peer's.
fn difference(ours: &Result<Answer, (i64, String)>, theirs: &Result<Answer, i64>) -> Option<String> {
    match (ours, theirs) {
        (Err((code, _)), Err(theirs)) if code == theirs => None,
        (Err((code, message)), Err(theirs)) => Some(format!("code {code} ({message}) instead of {theirs}")),
        (Err((code, message)), Ok(_)) => Some(format!("rejected: {code} {message}")),
        (Ok(_), Err(theirs)) => Some(format!("carried out instead of rejected with {theirs}")),
        (Ok(ours), Ok(theirs)) if ours.columns != theirs.columns => {
            Some(format!("columns {:?}\n      instead of {:?}", ours.columns, theirs.columns))
        }
        (Ok(ours), Ok(theirs)) if ours.types != theirs.types => {
            Some(format!("types {:?}\n      instead of {:?}", ours.types, theirs.types))
        }
        (Ok(ours), Ok(theirs)) if !same_rows(&timeless(ours), &timeless(theirs)) => {
            Some(format!("rows {:?}\n      instead of {:?}", ours.rows, theirs.rows))
        }
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_the_peers() {
    check(include_str!("../data/iotdb-2.0.1.jsonl")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_statements_get_the_peers_answers() {
    check(include_str!("../data/odd-2.0.1.jsonl")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_of_scripts_and_dashboards_get_the_peers_answers() {
    check(include_str!("../data/scripts-2.0.1.jsonl")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_live_as_long_as_at_the_peer() {
    check(include_str!("../data/ttl-2.0.1.jsonl")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pipes_are_made_changed_and_shown_as_at_the_peer() {
    let store = Store::open();
    store.engine().run_pipes(Arc::new(Nowhere)).await.expect("pipes run");
    check_on(&store, include_str!("../data/pipes-2.0.1.jsonl")).await;
}

/// Runs pipes that have nothing to send.
#[derive(Debug)]
struct Nowhere;

impl PipeRunner for Nowhere {
    fn run(&self, _: PipeWork) -> BoxFuture<'static, ()> {
        pending().boxed()
    }

    fn reach(&self, _: PipeDefinition) -> BoxFuture<'static, Result<(), String>> {
        ready(Ok(())).boxed()
    }
}

/// What became of the statements of a group.
#[derive(Debug, Default)]
struct Counts {
    passed: usize,
    failed: usize,
    /// Answered otherwise on purpose, as `skipped.txt` says.
    known: usize,
}

/// Runs the statements of a record on a store of their own, and prints how many of each group pass, fail and are known to be answered
/// otherwise, these with the reason: `cargo test -p levada-engine --test it conformance -- --nocapture`.
async fn check(text: &str) {
    check_on(&Store::open(), text).await;
}

async fn check_on(store: &Store, text: &str) {
    let skipped = skipped();
    let reason = |record: &Record| {
        skipped.iter().find(|(what, _)| *what == record.group || *what == record.sql).copied()
    };
    let session = store.session();
    let (mut groups, mut failures, mut known) = (BTreeMap::<String, Counts>::new(), Vec::new(), Vec::new());
    let (mut needed, mut met) = (BTreeSet::new(), BTreeSet::new());
    for record in records(text) {
        met.extend(reason(&record).map(|(what, _)| what));
        let ours = ask(&session, &record.sql).await.map_err(|error| (i64::from(error.code.0), error.message));
        let difference = difference(&ours, &record.answer);
        let counts = groups.entry(record.group.clone()).or_default();
        match (difference, reason(&record)) {
            (None, _) => counts.passed += 1,
            (Some(_), Some((what, why))) => {
                counts.known += 1;
                needed.insert(what);
                known.push(format!("known: [{}] {}: {why}", record.group, record.sql));
            }
            (Some(difference), None) => {
                counts.failed += 1;
                failures.push(format!("[{}] {}\n      {difference}", record.group, record.sql));
            }
        }
    }
    println!("{}", known.join("\n"));
    for (group, Counts { passed, failed, known }) in &groups {
        println!("{group:24} {passed:4} passed {failed:4} failed {known:4} known");
    }
    for what in met.difference(&needed) {
        println!("need not be left out any more: {what}");
    }
    assert!(failures.is_empty(), "{} differ:\n{}", failures.len(), failures.join("\n"));
}
