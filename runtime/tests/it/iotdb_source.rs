//! The iotdb source keeps its contract on the embedded engine, and asks as it should.

use std::{
    path::Path as FilePath,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use async_trait::async_trait;
use levada_connector_api::{
    Batch, BuildContext, EngineTuning, Options, Source, SourceType, StoreTarget, Stores,
    model::{Checkpoint, Outcome, Session, SplitPosition, Value},
};
use levada_runtime::EngineStores;
use levada_source::iotdb::QuerySource;
use levada_testkit::{Row, SourceHarness, numbered, source_contract};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

/// An engine with rows, and queries of them.
struct Store {
    folder: TempDir,
    stores: Arc<EngineStores>,
    session: Arc<dyn Session>,
}

impl Store {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let stores = Arc::new(EngineStores::new());
        let target =
            StoreTarget::Embedded { folder: folder.path().join("data"), tuning: EngineTuning::default() };
        let session = stores.open(&target).await.expect("opened");
        Self { folder, stores, session }
    }

    async fn run(&self, statement: &str) {
        match self.session.execute(statement).await.expect(statement) {
            Outcome::Done(_) => {}
            Outcome::Rows(rows) => panic!("{statement}: {rows:?}"),
        }
    }

    async fn insert(&self, batch: Batch) {
        let tablets = batch.readings.into_iter().map(|each| each.tablet).collect();
        let write = levada_connector_api::model::Write { tablets, ..Default::default() };
        let report = self.session.insert_tablets(write).await.expect("stored");
        assert!(report.rejected.is_empty(), "{report:?}");
    }

    fn source(&self, options: &Json, state: &FilePath, clock: &Arc<AtomicI64>) -> Box<dyn Source> {
        let mut options = options.clone();
        options["embedded"] = json!(self.folder.path().join("data"));
        let context = BuildContext {
            stores: Arc::clone(&self.stores) as Arc<dyn Stores>,
            state_dir: state.to_owned(),
            ..BuildContext::new("pipeline", "in")
        };
        let options = Options::read(options).expect("well formed");
        assert_eq!(QuerySource::check(&options), []);
        let clock = Arc::clone(clock);
        let clock = Arc::new(move || clock.load(Ordering::Relaxed));
        Box::new(QuerySource::new(options, &context, clock).expect("options that work"))
    }
}

/// Points of a batch: device, time, measurement, value.
fn points(batch: &Batch) -> Vec<(String, i64, String, Value)> {
    let mut points = Vec::new();
    for readings in &batch.readings {
        let tablet = &readings.tablet;
        for column in tablet.columns() {
            for row in 0..tablet.rows() {
                if let Some(value) = column.value(row) {
                    let (device, time) = (tablet.device().to_string(), tablet.times().value(row));
                    points.push((device, time, column.name.to_string(), value));
                }
            }
        }
    }
    points.sort_by(|a, b| (&a.0, a.1, &a.2).cmp(&(&b.0, b.1, &b.2)));
    points
}

/// All that is read until the end.
async fn all(source: &mut Box<dyn Source>, stored: &Checkpoint) -> Batch {
    source.connect(stored).await.expect("connected");
    let mut all = Batch::default();
    while let Some(batch) = source.next().await.expect("a batch") {
        all.append(batch);
    }
    all
}

async fn settle(source: &mut Box<dyn Source>, batch: &Batch) {
    let settled = batch.positions.iter();
    let settled: Vec<_> =
        settled.map(|each| SplitPosition { split: each.split.clone(), position: each.range.end }).collect();
    source.settle(&settled).await.expect("settled");
    source.close().await.expect("closed");
}

fn stored(batch: &Batch) -> Checkpoint {
    batch.positions.iter().map(|each| (each.split.clone(), each.range.end)).collect()
}

struct Harness {
    store: Store,
    state: TempDir,
    options: Json,
    expected: Vec<Row>,
}

#[async_trait]
impl SourceHarness for Harness {
    fn source(&mut self) -> Box<dyn Source> {
        self.store.source(&self.options, self.state.path(), &Arc::new(AtomicI64::new(1)))
    }

    async fn fresh(&mut self) {
        self.state = tempfile::tempdir().expect("a folder");
    }

    fn expected(&self) -> Vec<Row> {
        self.expected.clone()
    }
}

const ROWS: u64 = 30_000;

async fn contract(options: Json, of: impl Fn(i64) -> Option<Option<i64>>) {
    let store = Store::new().await;
    for from in (0..ROWS).step_by(6_000) {
        store.insert(numbered("s", from..from + 6_000, 7)).await;
    }
    let row = |row: u64| {
        let number = i64::try_from(row).expect("few rows");
        let device = format!("root.contract.d{}", row % 7);
        of(number).map(|value| Row { device, time: number, number: value })
    };
    let expected = (0..ROWS).filter_map(row).collect();
    let state = tempfile::tempdir().expect("a folder");
    source_contract(&mut Harness { store, state, options, expected }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_query_source_keeps_its_contract() {
    let all = |number| Some(Some(number));
    contract(json!({"query": "select * from root.contract.** align by device"}), all).await;
    contract(json!({"query": "select n from root.contract.*", "parallel": 1}), all).await;
    let sliced = json!({"query": "select n from root.contract.** align by device", "slice": "5s"});
    contract(sliced, all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_query_source_keeps_its_contract_with_statements_that_cannot_be_divided() {
    let some = |number: i64| (number > 20_000 && number % 7 == 3).then_some(Some(number));
    contract(json!({"query": "select n from root.contract.d3 where n > 20000"}), some).await;
    let computed = json!({"query": "select abs(n) as n from root.contract.** align by device"});
    contract(computed, |number| Some(Some(number))).await;
    let several = json!({"queries": [
        "select n from root.contract.d1, root.contract.d2",
        "select n from root.contract.d4 align by device",
    ]});
    contract(several, |number: i64| matches!(number % 7, 1 | 2 | 4).then_some(Some(number))).await;
}

async fn small() -> Store {
    let store = Store::new().await;
    for row in 0..10 {
        store.run(&format!("insert into root.a.d1(time, s, t) values ({row}, {row}, 'x')")).await;
        store.run(&format!("insert into root.a.d2(time, s) values ({}, {row})", row * 10)).await;
    }
    store
}

#[tokio::test(flavor = "multi_thread")]
async fn aggregates_are_rows_of_the_moment_at_which_the_query_began() {
    let store = small().await;
    let state = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(AtomicI64::new(5_000));
    let options = json!({"query": "select count(s), sum(s) as total from root.a.** align by device"});
    let mut source = store.source(&options, state.path(), &clock);
    let first = all(&mut source, &Checkpoint::new()).await;
    let found: Vec<_> =
        points(&first).into_iter().map(|(device, time, name, _)| (device, time, name)).collect();
    let row = |device: &str, name: &str| (device.to_owned(), 5_000, name.to_owned());
    let expected = [
        row("root.a.d1", "`count(s)`"),
        row("root.a.d1", "total"),
        row("root.a.d2", "`count(s)`"),
        row("root.a.d2", "total"),
    ];
    assert_eq!(found, expected);
    assert_eq!(points(&first)[0].3, Value::Int64(10));
    // Killed before anything was settled: the same moment. Ended: another.
    clock.store(9_000, Ordering::Relaxed);
    drop(source);
    let mut again = store.source(&options, state.path(), &clock);
    let second = all(&mut again, &Checkpoint::new()).await;
    assert_eq!(points(&second), points(&first));
    settle(&mut again, &second).await;
    let third = all(&mut store.source(&options, state.path(), &clock), &stored(&second)).await;
    assert_eq!(points(&third)[0].1, 9_000);
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_an_error_and_is_not_made() {
    let store = small().await;
    let context = BuildContext {
        stores: Arc::clone(&store.stores) as Arc<dyn Stores>,
        state_dir: store.folder.path().join("state"),
        ..BuildContext::new("pipeline", "in")
    };
    let mistyped = store.folder.path().join("dara");
    let options = json!({"embedded": mistyped, "query": "select s from root.d"});
    let options = Options::read(options).expect("well formed");
    let mut source = QuerySource::new(options, &context, Arc::new(|| 0)).expect("options that work");
    let error = source.connect(&Checkpoint::new()).await.expect_err("no folder");
    assert!(error.to_string().contains("there is no such data folder"), "{error}");
    assert!(!mistyped.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_after_one_that_ended_reads_what_is_newer() {
    let store = small().await;
    let state = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(AtomicI64::new(5_000));
    for (query, count) in
        [("select s from root.a.** align by device", 20), ("select s from root.a.d1 where s >= 0", 10)]
    {
        let options = json!({"query": query});
        let mut source = store.source(&options, state.path(), &clock);
        let first = all(&mut source, &Checkpoint::new()).await;
        assert_eq!(points(&first).len(), count, "{query}");
        settle(&mut source, &first).await;
        store.run("insert into root.a.d1(time, s) values (1000, 7)").await;
        let second = all(&mut store.source(&options, state.path(), &clock), &stored(&first)).await;
        let row = ("root.a.d1".to_owned(), 1_000, "s".to_owned(), Value::Double(7.0));
        assert_eq!(points(&second), [row], "{query}");
        store.run("delete from root.a.d1.s where time = 1000").await;
    }
}

/// The batches until nothing comes for a while of the paused clock.
async fn follow(source: &mut Box<dyn Source>) -> Batch {
    let mut all = Batch::default();
    let wait = std::time::Duration::from_secs(3);
    while let Ok(batch) = tokio::time::timeout(wait, source.next()).await {
        all.append(batch.expect("a batch").expect("no end"));
    }
    all
}

#[tokio::test(start_paused = true)]
async fn a_query_that_follows_reads_each_row_once_when_it_is_no_longer_late() {
    let store = small().await;
    let state = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(AtomicI64::new(10_050));
    let options =
        json!({"query": "select s from root.a.** align by device", "every": "10s", "lateness": "5s"});
    let mut source = store.source(&options, state.path(), &clock);
    source.connect(&Checkpoint::new()).await.expect("connected");
    store.run("insert into root.a.d1(time, s) values (4999, 1), (5000, 2), (17000, 3)").await;
    let first = follow(&mut source).await;
    assert_eq!(points(&first).len(), 21, "what was there, and 4999");
    // It comes late, and behind nothing that was read.
    store.run("insert into root.a.d1(time, s) values (14000, 4)").await;
    clock.store(20_000, Ordering::Relaxed);
    let times = |batch: &Batch| points(batch).iter().map(|point| point.1).collect::<Vec<_>>();
    let second = follow(&mut source).await;
    assert_eq!(times(&second), [5_000, 14_000]);
    clock.store(30_000, Ordering::Relaxed);
    assert_eq!(times(&follow(&mut source).await), [17_000]);
    // Killed behind the second: the third comes again.
    let known = stored(&first).into_iter().chain(stored(&second)).collect();
    let mut again = store.source(&options, state.path(), &clock);
    again.connect(&known).await.expect("connected");
    assert_eq!(times(&follow(&mut again).await), [17_000]);
}

#[tokio::test(start_paused = true)]
async fn what_is_computed_is_computed_anew_each_time_it_is_asked() {
    let store = small().await;
    let state = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(AtomicI64::new(0));
    let options = json!({"query": "select count(s) as n from root.a.d1", "schedule": "*/5 * * * *"});
    let mut source = store.source(&options, state.path(), &clock);
    source.connect(&Checkpoint::new()).await.expect("connected");
    assert!(follow(&mut source).await.is_empty(), "nothing before its time");
    let row = |time, count| [("root.a.d1".to_owned(), time, "n".to_owned(), Value::Int64(count))];
    clock.store(300_000, Ordering::Relaxed);
    assert_eq!(points(&follow_longer(&mut source).await), row(300_000, 10));
    store.run("insert into root.a.d1(time, s) values (4999, 1)").await;
    clock.store(600_010, Ordering::Relaxed);
    assert_eq!(points(&follow_longer(&mut source).await), row(600_000, 11));
}

/// As [`follow`], where the source looks at its clock once a minute.
async fn follow_longer(source: &mut Box<dyn Source>) -> Batch {
    let first = source.next().await.expect("a batch").expect("no end");
    let mut all = first;
    all.append(follow(source).await);
    all
}

#[tokio::test(start_paused = true)]
async fn changes_come_when_they_are_stored_and_once_and_go_on_after_a_kill() {
    let store = small().await;
    let state = tempfile::tempdir().expect("a folder");
    let mut options = json!({"query": "select s from root.a.*", "follow": "changes"});
    options["embedded"] = json!(store.folder.path().join("data"));
    let following = || {
        let stores = Arc::clone(&store.stores) as Arc<dyn Stores>;
        let context = BuildContext {
            stores,
            state_dir: state.path().to_owned(),
            ..BuildContext::new("pipeline", "in")
        };
        let options = Options::read(options.clone()).expect("well formed");
        assert_eq!(QuerySource::check(&options), []);
        QuerySource::build(options, &context).expect("options that work")
    };
    let times = |batch: &Batch| points(batch).iter().map(|point| point.1).collect::<Vec<_>>();
    let mut source = following();
    source.connect(&Checkpoint::new()).await.expect("connected");
    let first = follow(&mut source).await;
    assert_eq!(points(&first).len(), 20, "what is stored, of `s` alone");
    store.run("insert into root.a.d1(time, s, t) values (-5, 1, 'y'), (6, null, 'z')").await;
    store.run("insert into root.b.d1(time, s) values (7, 1)").await;
    let own = levada_connector_api::model::Write {
        tablets: numbered("s", 0..1, 1).readings.into_iter().map(|each| each.tablet).collect(),
        owner: Some("pipeline/store".into()),
        positions: numbered("s", 0..1, 1).positions,
        ..Default::default()
    };
    store.session.insert_tablets(own).await.expect("stored");
    let second = follow(&mut source).await;
    assert_eq!(times(&second), [-5], "of what was asked for, and not before it was stored");
    assert!(second.positions[0].range.start >= first.positions[0].range.end);
    // Killed behind the first: the second comes again, and nothing else does.
    drop(source);
    store.run("insert into root.a.d2(time, s) values (1000, 1)").await;
    let mut again = following();
    again.connect(&stored(&first)).await.expect("connected");
    assert_eq!(times(&follow(&mut again).await), [-5, 1_000]);
    again.close().await.expect("closed");
}

#[test]
fn changes_are_chosen_and_not_computed() {
    let problems = |options: Json| {
        let options = Options::read(options).expect("well formed");
        let problems = QuerySource::check(&options);
        problems.into_iter().map(|problem| problem.path).collect::<Vec<_>>()
    };
    let follow = |query: &str| json!({"embedded": "x", "query": query, "follow": "changes"});
    assert_eq!(problems(follow("select s, t from root.a.**, root.b")), [""; 0]);
    for query in
        ["select s + 1 from root.a", "select s from root.a where time > 5", "select avg(s) from root.a"]
    {
        assert_eq!(problems(follow(query)), ["query"], "{query}");
    }
    let nodes =
        json!({"nodes": ["h:6667"], "query": "select s from root.a", "follow": "changes", "every": "1s"});
    assert_eq!(problems(nodes), ["every", "follow"]);
}
