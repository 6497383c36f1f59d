mod windows;

use std::{path::Path as FilePath, time::Instant};

use levada_connector_api::{
    Batch, BuildContext, Emitter, Facilities, FieldValue::*, Holds, Options, Transform, TransformType,
};
use levada_engine::{
    Engine, EngineOptions,
    functions::FunctionDefinition,
    functions::udf::{
        Access, Configuration, DataType, Failure, PointCollector, Row, RowWindow, UdfError, UdfFactory,
        UdfLimits, UdfLoader, UdfParameters, Udtf, udtf,
    },
};
use levada_testkit::transform_contract;
use serde_json::{Value as Json, json};

use super::*;
use crate::transform::{
    Sql,
    tests::{applied, batch, lines, rejected},
};

/// The sum of all values so far; behind the last row the sum once more, at a time of its own.
#[derive(Debug, Default)]
struct Total(f64);

impl Udtf for Total {
    fn before_start(&mut self, _: &UdfParameters) -> std::result::Result<Configuration, Failure> {
        Ok(Configuration::new(Access::RowByRow, DataType::Double))
    }

    fn row(&mut self, row: Row<'_>, points: &mut PointCollector) -> std::result::Result<(), Failure> {
        for input in 0..row.width() {
            self.0 += row.number(input)?.unwrap_or(0.0);
        }
        points.put(row.time(), self.0)
    }

    fn terminate(&mut self, points: &mut PointCollector) -> std::result::Result<(), Failure> {
        points.put(1_000, self.0)
    }

    fn save(&self) -> Option<Vec<u8>> {
        Some(self.0.to_le_bytes().to_vec())
    }

    fn restore(&mut self, saved: &[u8]) -> std::result::Result<(), Failure> {
        let saved: [u8; 8] = saved.try_into().map_err(|_| Failure::new("8 bytes were saved"))?;
        self.0 = f64::from_le_bytes(saved);
        Ok(())
    }
}

/// How many rows there were, which it does not save; behind the last row once more.
#[derive(Debug, Default)]
struct Forgetful(i64);

impl Udtf for Forgetful {
    fn before_start(&mut self, _: &UdfParameters) -> std::result::Result<Configuration, Failure> {
        Ok(Configuration::new(Access::RowByRow, DataType::Int64))
    }

    fn row(&mut self, row: Row<'_>, points: &mut PointCollector) -> std::result::Result<(), Failure> {
        self.0 += 1;
        points.put(row.time(), self.0)
    }

    fn terminate(&mut self, points: &mut PointCollector) -> std::result::Result<(), Failure> {
        points.put(2_000, self.0)
    }
}

/// Saves more than may be stored.
#[derive(Debug, Default)]
struct Vast;

impl Udtf for Vast {
    fn before_start(&mut self, _: &UdfParameters) -> std::result::Result<Configuration, Failure> {
        Ok(Configuration::new(Access::RowByRow, DataType::Int64))
    }

    fn row(&mut self, row: Row<'_>, points: &mut PointCollector) -> std::result::Result<(), Failure> {
        points.put(row.time(), 1_i64)
    }

    fn save(&self) -> Option<Vec<u8>> {
        Some(vec![0; 17 << 20])
    }
}

/// Two points for each row, of which one is at another time.
#[derive(Debug, Default)]
struct Twofold;

impl Udtf for Twofold {
    fn before_start(&mut self, _: &UdfParameters) -> std::result::Result<Configuration, Failure> {
        Ok(Configuration::new(Access::RowByRow, DataType::Int64))
    }

    fn row(&mut self, row: Row<'_>, points: &mut PointCollector) -> std::result::Result<(), Failure> {
        points.put(row.time(), 1_i64)?;
        points.put(row.time() + 1, 2_i64)
    }
}

/// How many rows a window has, at its beginning; it saves nothing. Of windows without rows only if that is asked for.
#[derive(Debug, Default)]
struct Windowed {
    gives_empty: bool,
}

impl Udtf for Windowed {
    fn before_start(&mut self, parameters: &UdfParameters) -> std::result::Result<Configuration, Failure> {
        let length = parameters.long_or("length", 2)?;
        self.gives_empty = parameters.string_or("empty", "no") == "yes";
        let access = match parameters.string_or("by", "size") {
            "time" => Access::time(length).every(parameters.long_or("step", length)?),
            "session" => Access::session(length),
            "state" => Access::state(length as f64),
            _ => Access::size(usize::try_from(length)?).every(parameters.long_or("step", length)?),
        };
        Ok(Configuration::new(access, DataType::Int64))
    }

    fn window(
        &mut self,
        window: RowWindow<'_>,
        points: &mut PointCollector,
    ) -> std::result::Result<(), Failure> {
        match window.len() {
            0 if !self.gives_empty => Ok(()),
            rows => points.put(window.begin(), i64::try_from(rows)?),
        }
    }
}

/// The number of each window, which it saves.
#[derive(Debug, Default)]
struct Numbered(i64);

impl Udtf for Numbered {
    fn before_start(&mut self, _: &UdfParameters) -> std::result::Result<Configuration, Failure> {
        Ok(Configuration::new(Access::size(3), DataType::Int64))
    }

    fn window(
        &mut self,
        window: RowWindow<'_>,
        points: &mut PointCollector,
    ) -> std::result::Result<(), Failure> {
        self.0 += 1;
        points.put(window.end(), self.0)
    }

    fn save(&self) -> Option<Vec<u8>> {
        Some(self.0.to_le_bytes().to_vec())
    }

    fn restore(&mut self, saved: &[u8]) -> std::result::Result<(), Failure> {
        self.0 = i64::from_le_bytes(saved.try_into()?);
        Ok(())
    }
}

/// Reads the same functions from every file.
#[derive(Debug)]
struct Same;

impl UdfLoader for Same {
    fn reads(&self, file: &FilePath) -> bool {
        file.extension().is_some_and(|extension| extension == "wasm")
    }

    fn load(&self, _: &FilePath) -> std::result::Result<Vec<Arc<dyn UdfFactory>>, UdfError> {
        Ok(vec![
            udtf("org.example.Total", Total::default),
            udtf("org.example.Twofold", Twofold::default),
            udtf("org.example.Windowed", Windowed::default),
            udtf("org.example.Numbered", Numbered::default),
            udtf("org.example.Forgetful", Forgetful::default),
            udtf("org.example.Vast", Vast::default),
        ])
    }
}

/// A transform whose functions are those of a folder with so many modules.
fn built(options: Json, modules: usize) -> Result<Box<dyn Transform>> {
    let folder = tempfile::tempdir().expect("a folder");
    for module in 0..modules {
        std::fs::write(folder.path().join(format!("m{module}.wasm")), "").expect("written");
    }
    let mut options = options;
    options["functions"] = json!(folder.path());
    let options = <Sql as TransformType>::Options::read(options).expect("options that fit");
    assert_eq!(Sql::check(&options), []);
    let mut context = BuildContext::new("p", "n");
    context.facilities = context.facilities.with::<Arc<dyn UdfLoader>>(Arc::new(Same));
    Sql::build(options, &context)
}

fn finished(transform: &mut Box<dyn Transform>) -> Vec<(i64, usize)> {
    let mut out = Emitter::new(Instant::now());
    transform.finish(&mut out).expect("it ends");
    let readings = out.take().batch.readings;
    readings
        .iter()
        .flat_map(|each| each.tablet.times().values().iter().map(|time| (*time, each.tablet.columns().len())))
        .collect()
}

#[test]
fn a_function_remembers_each_device_from_one_batch_to_the_next() {
    let mut sql = built(json!({"select": "total(v) as sum, v", "where": "v > 0"}), 1).expect("it works");
    let rows = |from: i64| -> Batch {
        batch(&[
            ("d1", from, &[("v", Double(1.0))]),
            ("d2", from, &[("v", Double(10.0))]),
            ("d1", from + 1, &[("v", Double(-5.0))]),
            ("d1", from + 2, &[("v", Double(2.0))]),
        ])
    };
    let sorted = |batch: &Batch| {
        let mut lines = lines(batch);
        lines.sort();
        lines
    };
    assert_eq!(
        sorted(&applied(&mut sql, rows(1)).expect("it works")),
        ["d1 1: sum=1.0 v=1.0", "d1 3: sum=3.0 v=2.0", "d2 1: sum=10.0 v=10.0"]
    );
    assert_eq!(
        sorted(&applied(&mut sql, rows(11)).expect("it works")),
        ["d1 11: sum=4.0 v=1.0", "d1 13: sum=6.0 v=2.0", "d2 11: sum=20.0 v=10.0"]
    );
    assert_eq!(finished(&mut sql), [(1_000, 1), (1_000, 1)], "what each gives behind its last row");
}

#[test]
fn calls_stand_in_expressions_and_in_each_other_and_columns_have_the_names_of_what_was_written() {
    let mut sql = built(json!({"select": "total(total(v) + 1) * 2, *, total(v)"}), 1).expect("it works");
    let rows = batch(&[("d", 1, &[("v", Double(1.0))]), ("d", 2, &[("v", Double(2.0))])]);
    assert_eq!(
        lines(&applied(&mut sql, rows).expect("it works")),
        [
            "d 1: `total(total(v) + 1) * 2`=4.0 v=1.0 `total(v)`=1.0",
            "d 2: `total(total(v) + 1) * 2`=12.0 v=2.0 `total(v)`=3.0"
        ]
    );
}

#[test]
fn points_at_other_times_are_rows_of_their_own() {
    let mut sql = built(json!({"select": "twofold(v) as n, v"}), 1).expect("it works");
    let rows = batch(&[("d", 1, &[("v", Double(1.0))]), ("d", 5, &[("v", Double(2.0))])]);
    let output = applied(&mut sql, rows).expect("it works");
    let mut all = Vec::new();
    for each in &output.readings {
        for (row, time) in each.tablet.times().values().iter().enumerate() {
            let values: Vec<_> =
                each.tablet.columns().iter().filter_map(|column| column.value(row)).collect();
            all.push(format!("{time}: {values:?}"));
        }
    }
    all.sort();
    assert_eq!(
        all,
        ["1: [Int64(1), Double(1.0)]", "2: [Int64(2)]", "5: [Int64(1), Double(2.0)]", "6: [Int64(2)]"]
    );
}

#[test]
fn a_row_that_comes_late_is_rejected_and_the_others_go_on() {
    let mut sql = built(json!({"select": "total(v) as sum"}), 1).expect("it works");
    let value = [("v", Double(1.0))];
    let first = batch(&[("d", 5, &value), ("d", 3, &value), ("d", 6, &value)]);
    let output = applied(&mut sql, first).expect("it works");
    assert_eq!(
        (lines(&output), rejected(&output)),
        (vec!["d 5: sum=1.0".into(), "d 6: sum=2.0".into()], vec!["d 3".into()])
    );
    assert!(
        output.rejected[0].error.contains("d: the row of 3 came behind that of 5"),
        "{}",
        output.rejected[0].error
    );
    let output = applied(&mut sql, batch(&[("d", 6, &value), ("d", 7, &value)])).expect("it works");
    assert_eq!(
        (lines(&output), rejected(&output)),
        (vec!["d 7: sum=3.0".to_owned()], vec!["d 6".to_owned()])
    );
}

#[test]
fn an_input_that_is_missing_is_null_and_one_of_another_type_is_an_error() {
    let mut sql = built(json!({"select": "total(a, b) as sum"}), 1).expect("it works");
    let output = applied(&mut sql, batch(&[("d", 1, &[("a", Double(1.0))])])).expect("it waits for b");
    assert_eq!(lines(&output), [""; 0]);
    let both = batch(&[("d", 2, &[("a", Double(1.0)), ("b", Double(2.0))])]);
    assert_eq!(lines(&applied(&mut sql, both).expect("it works")), ["d 2: sum=3.0"]);
    let output = applied(&mut sql, batch(&[("d", 3, &[("b", Double(4.0))])])).expect("it works");
    assert_eq!(lines(&output), ["d 3: sum=7.0"]);
    let error = applied(&mut sql, batch(&[("d", 4, &[("a", Boolean(true))])])).expect_err("another type");
    assert!(error.to_string().contains("`a` was DOUBLE in the rows before and is BOOLEAN now"), "{error}");
}

#[test]
fn what_cannot_be_called_says_why() {
    let error = |options: Json, modules| match built(options, modules) {
        Ok(_) => panic!("it cannot work"),
        Err(error) => error.to_string(),
    };
    let unknown = error(json!({"select": "nofunc(v)"}), 1);
    assert!(unknown.contains("there is no function `nofunc`"), "{unknown}");
    let twice = error(json!({"select": "total(v)"}), 2);
    assert!(twice.contains("two functions are called `Total`") && twice.contains("m1.wasm"), "{twice}");
    let condition = error(json!({"select": "v", "where": "total(v) > 1"}), 1);
    assert!(condition.contains("cannot stand in a condition"), "{condition}");
    let star = error(json!({"select": "total(*)"}), 1);
    assert!(star.contains("its inputs have to be named one by one"), "{star}");
    for select in ["windowed(v) + v", "total(windowed(v), v)", "windowed(v) * windowed(w)"] {
        let mut mixed = built(json!({"select": select}), 1).expect("it is seen when it starts");
        let row = batch(&[("d", 1, &[("v", Double(1.0)), ("w", Double(1.0))])]);
        let error = applied(&mut mixed, row).expect_err("what comes at different times").to_string();
        assert!(error.contains(&format!("`{select}`: what a function of windows gives comes")), "{error}");
    }
    let no_form = <Sql as TransformType>::Options::read(json!({"select": "a b c", "functions": "./f"}));
    let problems = Sql::check(&no_form.expect("options that fit"));
    assert_eq!(problems.iter().map(|problem| problem.path.as_str()).collect::<Vec<_>>(), ["select"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_of_the_engine_are_called_by_the_names_that_they_have_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = Engine::open(EngineOptions::new(folder.path().join("data"))).expect("a new folder");
    let factory = udtf("org.example.Total", Total::default);
    engine
        .register_function(FunctionDefinition::udf("so_far", factory, UdfLimits::default()))
        .expect("a free name");
    let options = json!({"select": "So_Far(v) as sum", "functions": "engine"});
    let read = || <Sql as TransformType>::Options::read(options.clone()).expect("options that fit");
    let mut context = BuildContext::new("p", "n");
    assert!(Sql::build(read(), &context).is_err(), "no engine is lent");
    context.facilities = context.facilities.with(engine.clone());
    let mut sql = Sql::build(read(), &context).expect("it works");
    let output = applied(&mut sql, batch(&[("d", 1, &[("v", Double(1.5))])])).expect("it works");
    assert_eq!(lines(&output), ["d 1: sum=1.5"]);
    engine.close().await.expect("closed");
}

/// Some batches of two devices.
fn batches() -> Vec<Batch> {
    let of = |from: i64| {
        let value = |n: i64| [("v", Double(n as f64 / 2.0)), ("w", Double(1.0))];
        batch(&[
            ("d1", from, &value(from)),
            ("d1", from + 1, &value(-from)),
            ("d2", from, &value(from * 3)),
            ("d1", from + 5, &value(7)),
        ])
    };
    (0..6).map(|n| of(n * 10)).collect()
}

#[test]
fn what_a_function_saves_goes_on_in_another_transform() {
    let options = json!({"select": "total(v, w) * 2 as s, total(v), v", "where": "v > -20"});
    transform_contract(Holds::State, || built(options.clone(), 1).expect("it works"), &batches());
}

/// Each row of a batch: its time, and what it has of the measurements.
fn rows_of(batch: &Batch) -> Vec<std::string::String> {
    let mut rows = Vec::new();
    for each in &batch.readings {
        let tablet = &each.tablet;
        for (row, time) in tablet.times().values().iter().enumerate() {
            let values = tablet.columns().iter().filter_map(|column| {
                let value = column.value(row)?;
                Some(format!(" {}={value}", column.name))
            });
            rows.push((*time, format!("{time}:{}", values.collect::<std::string::String>())));
        }
    }
    rows.sort();
    rows.into_iter().map(|(_, row)| row).collect()
}

#[test]
fn state_is_kept_where_functions_of_users_are_called() {
    let holds = |options: Json| Sql::holds(&<Sql as TransformType>::Options::read(options).expect("options"));
    assert_eq!(holds(json!("select sin(v)")), Holds::Nothing);
    assert_eq!(holds(json!({"select": "sin(v)", "functions": "./f"})), Holds::Nothing);
    assert_eq!(holds(json!({"select": "1 + abs(total(v))", "functions": "./f"})), Holds::State);
    assert_eq!(holds(json!({"select": "total(v)", "functions": "engine"})), Holds::State);
}

#[test]
fn a_function_that_does_not_save_gives_its_rest_where_a_run_stops_and_begins_anew() {
    let make = || built(json!({"select": "forgetful(v) as n, total(v) as sum"}), 1).expect("it works");
    let rows =
        |from: i64| batch(&[("d", from, &[("v", Double(1.0))]), ("d", from + 1, &[("v", Double(2.0))])]);
    let mut first = make();
    assert_eq!(
        lines(&applied(&mut first, rows(1)).expect("it works")),
        ["d 1: n=1 sum=1.0", "d 2: n=2 sum=3.0"]
    );
    let mut out = Emitter::new(Instant::now());
    first.stop(&mut out).expect("it stops");
    let rest: Vec<_> =
        out.take().batch.readings.iter().flat_map(|each| each.tablet.times().values().to_vec()).collect();
    assert_eq!(rest, [2_000], "of the function that does not save");
    let mut state = Vec::new();
    first.save(true, &mut state).expect("it saves");
    let mut second = make();
    second.restore(&state).expect("the calls are the same");
    assert_eq!(
        lines(&applied(&mut second, rows(3)).expect("it works")),
        ["d 3: n=1 sum=4.0", "d 4: n=2 sum=6.0"]
    );
    // Rows that came before are known as such.
    assert_eq!(rejected(&applied(&mut second, rows(1)).expect("it works")), ["d 1", "d 2"]);
}

#[test]
fn a_state_that_cannot_be_gone_on_from_says_what_to_do() {
    let mut first = built(json!({"select": "total(v) as sum"}), 1).expect("it works");
    applied(&mut first, batch(&[("d", 1, &[("v", Double(1.0))])])).expect("it works");
    let mut state = Vec::new();
    first.save(true, &mut state).expect("it saves");
    let restored = |select: &str, state: &[u8]| {
        let mut other = built(json!({"select": select}), 1).expect("it works");
        other.restore(state).map(|()| other)
    };
    for select in ["total(w)", "total(v), total(w)", "v"] {
        let error = restored(select, &state).err().expect("other calls").to_string();
        assert!(error.contains("saved of other calls, `total(v)`") || select == "v", "{error}");
        assert!(error.contains("levada offsets FILE --reset n/state=0"), "{error}");
    }
    // Behind it stands that nothing has changed since.
    let at = state.len() - 8 - 8 - 8;
    let mut shorter = state.clone();
    shorter.remove(state.len() - 8 - 1);
    shorter[at] = 7;
    let mut other = restored("total(v) as sum", &shorter).expect("it is read when rows come");
    let error =
        applied(&mut other, batch(&[("d", 2, &[("v", Double(1.0))])])).expect_err("7 bytes").to_string();
    assert!(error.contains("function total: save: 8 bytes were saved"), "{error}");
    assert!(error.contains("`total(v)` cannot go on") && error.contains("--reset n/state=0"), "{error}");
}

#[test]
fn a_function_that_saves_too_much_is_an_error() {
    let mut vast = built(json!({"select": "vast(v) as n"}), 1).expect("it works");
    applied(&mut vast, batch(&[("d", 1, &[("v", Double(1.0))])])).expect("it works");
    let error = vast.save(true, &mut Vec::new()).expect_err("17 MiB").to_string();
    assert!(error.contains("d: function vast: save: it gave more than the 16777216 bytes"), "{error}");
}

#[test]
fn lint_looks_into_the_folder_and_says_what_it_cannot_see() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("m.wasm"), "").expect("written");
    let facilities = Facilities::default().with::<Arc<dyn UdfLoader>>(Arc::new(Same));
    let look = |options: Json| {
        let options = <Sql as TransformType>::Options::read(options).expect("options that fit");
        let problems = Sql::look(&options, &facilities).into_iter();
        problems.map(|each| (each.path, each.message, each.doubtful)).collect::<Vec<_>>()
    };
    let with = |select: &str, functions: &str| json!({"select": select, "functions": functions});
    let dir = folder.path().display().to_string();
    assert_eq!(look(with("total(v), sin(v)", &dir)), []);
    let near = "line 1, column 12: there is no function `totl`: did you mean `total`?";
    assert_eq!(look(with("sin(v), 1 + totl(v)", &dir)).len(), 1);
    assert_eq!(
        look(with("1 + sin(v + totl(v))", &dir))[0],
        ("select".to_owned(), near.replace("12", "13"), false)
    );
    let condition = look(json!({"select": "v", "where": "totl(v) > 1", "functions": dir}));
    assert_eq!(condition[0].0, "where");
    let missing = look(with("total(v)", "/no/such/folder"));
    assert_eq!(missing, [("functions".to_owned(), "there is no folder /no/such/folder".to_owned(), false)]);
    let of_engine = look(with("sin(v), total(v)", "engine"));
    assert_eq!((of_engine.len(), of_engine[0].0.as_str(), of_engine[0].2), (1, "select", true));
    assert!(of_engine[0].1.contains("`total` is not built in"), "{of_engine:?}");
    let without = look(with("sin(v)", "engine"));
    assert_eq!(without, []);
}
