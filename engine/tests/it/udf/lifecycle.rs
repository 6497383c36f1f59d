//! When the methods of a function are called.

use std::sync::Arc;

use levada_engine::functions::udf::{
    Access, Configuration, DataType, Failure, PointCollector, Row, RowWindow, UdfParameters, Udtf, Validator,
};
use levada_model::{Outcome, Session};
use parking_lot::Mutex;

use super::make;
use crate::store::{Store, done, rejection, rows};

type Calls = Arc<Mutex<Vec<String>>>;

/// Tells which of its methods were called. Counts the rows that it was given.
#[derive(Debug)]
struct Recorder {
    calls: Calls,
    name: String,
    rows: i64,
    fails: Option<String>,
}

impl Recorder {
    fn tell(&self, method: &str) -> Result<(), Failure> {
        self.calls.lock().push(format!("{}{method}", self.name));
        match &self.fails {
            Some(fails) if fails == method => Err(Failure::new("as it was told")),
            _ => Ok(()),
        }
    }
}

impl Udtf for Recorder {
    fn validate(&self, validator: &Validator<'_>) -> Result<(), Failure> {
        self.calls.lock().push("validate".to_owned());
        validator.inputs_in(1..=2)?.input_types(&[DataType::Int64])?;
        validator.check(!validator.parameters().has("not"), "it was told not to")?;
        Ok(())
    }

    fn before_start(&mut self, parameters: &UdfParameters) -> Result<Configuration, Failure> {
        self.name = parameters.string_or("name", "").to_owned();
        self.fails = parameters.string("fails").map(str::to_owned);
        self.tell("before_start")?;
        let access = match parameters.string("by") {
            None => Access::RowByRow,
            Some("size") => Access::size(2),
            Some(_) => Access::time(4),
        };
        Ok(Configuration::new(access, DataType::Int64))
    }

    fn row(&mut self, row: Row<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        self.tell("row")?;
        self.rows += 1;
        points.put(row.time(), self.rows)
    }

    fn window(&mut self, window: RowWindow<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        self.tell("window")?;
        points.put(window.begin(), i64::try_from(window.len())?)
    }

    fn terminate(&mut self, points: &mut PointCollector) -> Result<(), Failure> {
        self.tell("terminate")?;
        points.put(1_000, self.rows)?;
        points.put(1_001, -1_i64)
    }

    fn before_destroy(&mut self) {
        drop(self.tell("before_destroy"));
    }
}

/// A store with the recorder and three rows, and what was called.
async fn recorded() -> (Store, Calls) {
    let store = Store::open();
    let calls = Calls::default();
    let told = Arc::clone(&calls);
    make(&store, "recorder", move || Recorder {
        calls: Arc::clone(&told),
        name: String::new(),
        rows: 0,
        fails: None,
    })
    .await;
    let session = store.session();
    done(&session, "create timeseries root.r.d.s INT64").await;
    done(&session, "create timeseries root.r.d.t TEXT").await;
    done(&session, "insert into root.r.d(time, s) values (1, 1), (2, 2), (3, 3)").await;
    assert!(calls.lock().is_empty(), "making a function starts none");
    (store, calls)
}

fn taken(calls: &Calls) -> Vec<String> {
    std::mem::take(&mut *calls.lock())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_methods_are_called_in_their_order_and_each_end_once() {
    let (store, calls) = recorded().await;
    assert_eq!(
        rows(&store.session(), "select recorder(s) from root.r.d").await,
        ["1,1", "2,2", "3,3", "1000,3", "1001,-1"]
    );
    assert_eq!(
        taken(&calls),
        ["validate", "before_start", "row", "row", "row", "terminate", "before_destroy"]
    );
}

/// Says what its call gave it.
#[derive(Debug, Default)]
struct Given(String);

impl Udtf for Given {
    fn before_start(&mut self, parameters: &UdfParameters) -> Result<Configuration, Failure> {
        for path in parameters.paths() {
            self.0.push_str(&format!("{path} {}, ", parameters.data_type_of(path)?));
        }
        self.0.push_str(&format!(
            "{:?} {:?} {:?} {}",
            parameters.string("key1"),
            parameters.float("key2")?,
            parameters.double("key3")?,
            parameters.int_or("key4", 678)?
        ));
        Ok(Configuration::new(Access::RowByRow, DataType::Text))
    }

    fn terminate(&mut self, points: &mut PointCollector) -> Result<(), Failure> {
        points.put(0, self.0.as_str())
    }

    fn row(&mut self, _: Row<'_>, _: &mut PointCollector) -> Result<(), Failure> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_the_paths_with_their_types_and_the_attributes_of_which_some_may_be_absent() {
    let (store, _) = recorded().await;
    make(&store, "given", Given::default).await;
    let sql = "select given(s, t, 'key1'='iotdb', 'key2'='123.45') from root.r.d";
    let given = "root.r.d.s INT64, root.r.d.t TEXT, Some(\"iotdb\") Some(123.45) None 678";
    assert_eq!(rows(&store.session(), sql).await, [format!("0,{given}")]);
    // Of the two, only attributes may be missing.
    let without = rows(&store.session(), "select given(s) from root.r.d").await;
    assert_eq!(without, ["0,root.r.d.s INT64, None None None 678"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_strategy_decides_which_transform_is_called() {
    let (store, calls) = recorded().await;
    assert_eq!(
        rows(&store.session(), "select recorder(s, 'by'='size') from root.r.d").await[..2],
        ["1,2", "3,1"]
    );
    assert_eq!(
        taken(&calls),
        ["validate", "before_start", "window", "window", "terminate", "before_destroy"]
    );
    done(&store.session(), "select recorder(s, 'by'='time') from root.r.d").await;
    assert_eq!(taken(&calls), ["validate", "before_start", "window", "terminate", "before_destroy"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_query_has_an_instance_of_its_own() {
    let (store, calls) = recorded().await;
    let first = rows(&store.session(), "select recorder(s) from root.r.d").await;
    assert_eq!(first, rows(&store.session(), "select recorder(s) from root.r.d").await);
    let calls = taken(&calls);
    assert_eq!(calls.iter().filter(|call| *call == "before_start").count(), 2);
    assert_eq!(calls.iter().filter(|call| *call == "before_destroy").count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_of_one_statement_do_not_see_each_other() {
    let (store, calls) = recorded().await;
    let sql = "select recorder(s, 'name'='a.'), recorder(s, 'name'='b.') from root.r.d";
    assert_eq!(rows(&store.session(), sql).await[..3], ["1,1,1", "2,2,2", "3,3,3"]);
    let calls = taken(&calls);
    for name in ["a.", "b."] {
        let own: Vec<_> = calls.iter().filter_map(|call| call.strip_prefix(name)).collect();
        assert_eq!(own, ["before_start", "row", "row", "row", "terminate", "before_destroy"], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn validate_limits_number_and_types_of_inputs_and_checks_attributes() {
    let (store, calls) = recorded().await;
    let session = store.session();
    for (sql, message) in [
        ("select recorder(s, s, s) from root.r.d", "3"),
        ("select recorder(t) from root.r.d", "TEXT"),
        ("select recorder(s, 'not'='') from root.r.d", "it was told not to"),
    ] {
        let (code, told) = rejection(&session, sql).await;
        assert_eq!(code, 701, "{told}");
        assert!(told.starts_with("function recorder: validate: ") && told.contains(message), "{told}");
        assert_eq!(taken(&calls), ["validate"], "what was not started is not ended");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_ended_once_also_behind_a_failure() {
    let (store, calls) = recorded().await;
    let session = store.session();
    for (fails, code, before) in [("before_start", 701, 2), ("row", 301, 3), ("terminate", 301, 6)] {
        let sql = format!("select recorder(s, 'fails'='{fails}') from root.r.d");
        let method = if fails == "row" { "transform" } else { fails };
        assert_eq!(
            rejection(&session, &sql).await,
            (code, format!("function recorder: {method}: as it was told"))
        );
        let calls = taken(&calls);
        assert_eq!(
            (calls.len(), calls.last().map(String::as_str)),
            (before + 1, Some("before_destroy")),
            "{calls:?}"
        );
        assert_eq!(calls.iter().filter(|call| *call == "before_destroy").count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_ended_where_nobody_wants_its_rows_any_more() {
    let (store, calls) = recorded().await;
    let session = store.session();
    assert_eq!(rows(&session, "select recorder(s) from root.r.d limit 1").await, ["1,1"]);
    assert_eq!(taken(&calls).last().map(String::as_str), Some("before_destroy"));
    let Outcome::Rows(dropped) = session.execute("select recorder(s) from root.r.d").await.expect("rows")
    else {
        panic!("a query gives rows")
    };
    drop(dropped);
    done(&session, "explain select recorder(s) from root.r.d").await;
    let calls = taken(&calls);
    let count = |method: &str| calls.iter().filter(|call| *call == method).count();
    assert_eq!((count("before_start"), count("before_destroy")), (2, 2), "{calls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_of_many_devices_has_few_instances_that_wait() {
    let (store, calls) = recorded().await;
    let session = store.session();
    for device in 0..200 {
        done(&session, &format!("create timeseries root.m.d{device}.s INT64")).await;
        done(&session, &format!("insert into root.m.d{device}(time, s) values (1, {device})")).await;
    }
    let Outcome::Rows(first) =
        session.execute("select recorder(s) from root.m.* limit 1 align by device").await.expect("rows")
    else {
        panic!("a query gives rows")
    };
    let calls = taken(&calls);
    let count = |method: &str| calls.iter().filter(|call| *call == method).count();
    assert!(count("before_start") - count("before_destroy") <= 64, "{}", count("before_start"));
    drop(first);
    let all = rows(&session, "select recorder(s) from root.m.* align by device").await;
    assert_eq!(all.len(), 600);
}

#[tokio::test(flavor = "multi_thread")]
async fn terminate_gives_points_of_what_all_rows_were() {
    for store in super::stores().await {
        assert_eq!(rows(&store.session(), "select max(s3) from root.sg.d1").await, ["2,9"]);
    }
}
