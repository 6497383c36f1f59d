//! The registry of functions: what is listed, and functions that are added to it.

use std::{ops::Range, sync::Arc};

use arrow_array::{Array, ArrayRef, Int32Array, Int64Array, cast::AsArray};
use levada_model::DataType;
use levada_query::{
    Accumulator, AggregateFunction, Call, Chunk, FunctionDefinition, FunctionRegistry, InputRows,
    QueryContext, QueryError, RowFunction, SeriesFunction,
};
use parking_lot::Mutex;
use serde_json::Value as Json;

use crate::{
    conformance::{change, parsed, run},
    memory::Memory,
};

/// `a` INT32 and `b` INT32 of `root.u.d1`, at times 1 to 3.
fn memory() -> Memory {
    let mut memory = Memory::default();
    for sql in [
        "create timeseries root.u.d1.a with datatype=INT32",
        "create timeseries root.u.d1.b with datatype=INT32",
        "insert into root.u.d1(time, a, b) values (1, 1, 10), (2, 2, 20), (3, 3, 30)",
    ] {
        change(&mut memory, parsed(sql));
    }
    memory
}

fn with(definition: FunctionDefinition) -> QueryContext {
    let functions = FunctionRegistry::builtin().with(definition).expect("a free name");
    QueryContext { functions: Arc::new(functions), ..QueryContext::new(0) }
}

fn asked(context: &QueryContext, sql: &str) -> Result<(Vec<String>, Vec<String>), QueryError> {
    let (columns, _, rows) = run(&memory(), &parsed(sql), context)?;
    let shown = |row: Vec<Option<String>>| {
        row.into_iter().map(|cell| cell.unwrap_or_else(|| "-".to_owned())).collect::<Vec<_>>().join(" ")
    };
    Ok((columns, rows.into_iter().map(shown).collect()))
}

#[test]
fn functions_are_listed_as_the_peer_lists_its_own() {
    let record = include_str!("../data/iotdb-2.0.1.jsonl")
        .lines()
        .map(|line| serde_json::from_str::<Json>(line).expect("a JSON object a line"))
        .find(|record| record["sql"] == "show functions")
        .expect("a record");
    let texts = |list: &Json| -> Vec<String> {
        list.as_array()
            .expect("a list")
            .iter()
            .map(|each| each.as_str().expect("a text").to_owned())
            .collect()
    };
    let (columns, types, ours) =
        run(&Memory::default(), &parsed("show functions"), &QueryContext::new(0)).expect("an answer");
    assert_eq!((columns, types), (texts(&record["columns"]), texts(&record["types"])));
    let mut theirs: Vec<Vec<String>> = record["rows"].as_array().expect("rows").iter().map(texts).collect();
    // The engine brings it with its library.
    theirs.retain(|row| row[0] != "MASTER_REPAIR");
    let mut ours: Vec<Vec<String>> =
        ours.into_iter().map(|row| row.into_iter().map(Option::unwrap_or_default).collect()).collect();
    let kinds = |rows: &[Vec<String>]| {
        let mut kinds: Vec<String> = rows.iter().map(|row| row[1].clone()).collect();
        kinds.dedup();
        kinds
    };
    assert_eq!(kinds(&ours), kinds(&theirs), "they are listed by kind");
    ours.sort();
    theirs.sort();
    assert_eq!(ours, theirs);
}

/// The input once more, one batch after the other.
#[derive(Debug)]
struct Echo;

impl SeriesFunction for Echo {
    fn rows(&mut self, times: &[i64], inputs: &[ArrayRef]) -> Result<Chunk, QueryError> {
        Ok(Chunk { times: times.to_vec().into(), columns: vec![Arc::clone(&inputs[0])] })
    }
}

#[test]
fn the_binder_of_a_series_function_sees_paths_types_and_attributes() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&seen);
    let context =
        with(FunctionDefinition::series("Echo", "(any, any): like any", "The input.", move |call| {
            call.expect(2, &[DataType::Int32])?;
            let paths: Vec<String> = call.paths().collect();
            let attributes: Vec<String> =
                call.attributes().map(|(key, value)| format!("{key}={value}")).collect();
            let step: i64 = call.parsed_required("Step")?;
            let line = format!("{} {paths:?} {:?} {attributes:?} {step}", call.name(), call.types());
            note.lock().push(line);
            Ok((Box::new(Echo), call.types()[0]))
        }));
    let (columns, rows) =
        asked(&context, "select ECHO(a, b, 'step'='7'), a + 1 from root.u.d1").expect("an answer");
    assert_eq!(columns, ["Time", "ECHO(root.u.d1.a, root.u.d1.b, \"step\"=\"7\")", "root.u.d1.a + 1"],);
    assert_eq!(rows, ["1 1 2.0", "2 2 3.0", "3 3 4.0"]);
    assert_eq!(*seen.lock(), [r#"ECHO ["root.u.d1.a", "root.u.d1.b"] [Int32, Int32] ["step=7"] 7"#],);
    let error = asked(&context, "select echo(a, b) from root.u.d1").expect_err("no step");
    assert!(error.to_string().contains("echo: attribute \"Step\" is required"), "{error}");
    let error = asked(&context, "select echo(a, 'step'='1') from root.u.d1").expect_err("one input");
    assert!(error.to_string().contains("expected: 2. actual: 1."), "{error}");
}

/// The row's time beside a number.
#[derive(Debug)]
struct TimeOf;

impl RowFunction for TimeOf {
    fn evaluate(&self, times: &Int64Array, _: &[ArrayRef]) -> Result<ArrayRef, QueryError> {
        Ok(Arc::new(times.clone()))
    }
}

fn time_of(call: &Call<'_>) -> Result<(Arc<dyn RowFunction>, DataType), QueryError> {
    Ok((Arc::new(TimeOf), call.types().first().map_or(DataType::Int64, |_| DataType::Int64)))
}

#[test]
fn an_added_function_stands_wherever_a_built_in_one_does() {
    let context = with(FunctionDefinition::row("time_of", "(any): INT64", "The time.", time_of));
    let (_, rows) =
        asked(&context, "select Time_Of(a) * 2, difference(time_of(a)) from root.u.d1 where TIME_OF(b) > 1")
            .expect("an answer");
    assert_eq!(rows, ["2 4.0 -", "3 6.0 1"]);
    let (_, rows) = asked(&context, "select sum(time_of(b)) from root.u.d1").expect("an answer");
    assert_eq!(rows, ["6.0"]);
    let (_, listed) = asked(&context, "show functions").expect("an answer");
    assert_eq!(listed.last().map(String::as_str), Some("TIME_OF external UDTF  AVAILABLE"));

    let error = asked(&QueryContext::new(0), "select time_of(a) from root.u.d1").expect_err("not there");
    assert!(error.to_string().contains("UDF TIME_OF has not been registered"), "{error}");
}

/// The width of INT32 values: the greatest less the least.
#[derive(Debug)]
struct Width;

impl AggregateFunction for Width {
    fn accumulator(&self) -> Box<dyn Accumulator> {
        Box::new(Widths(Vec::new()))
    }
}

#[derive(Debug)]
struct Widths(Vec<Option<(i32, i32)>>);

impl Accumulator for Widths {
    fn reserve(&mut self, groups: usize) {
        self.0.resize(self.0.len().max(groups), None);
    }

    fn rows(&mut self, group: usize, rows: InputRows<'_>, range: Range<usize>) -> Result<(), QueryError> {
        let values: &Int32Array = rows.inputs[0].as_primitive();
        for value in range.filter(|&row| values.is_valid(row)).map(|row| values.value(row)) {
            let (least, greatest) = self.0[group].unwrap_or((value, value));
            self.0[group] = Some((least.min(value), greatest.max(value)));
        }
        Ok(())
    }

    fn finish(&mut self, groups: usize) -> Result<ArrayRef, QueryError> {
        let width = |group: Option<(i32, i32)>| group.map(|(least, greatest)| greatest - least);
        Ok(Arc::new(self.0.drain(..groups).map(width).collect::<Int32Array>()))
    }
}

#[test]
fn an_added_aggregate_stands_wherever_a_built_in_one_does() {
    let context = with(FunctionDefinition::aggregate("Width", "(INT32): INT32", "The width.", |call| {
        call.expect(1, &[DataType::Int32])?;
        Ok((Arc::new(Width), DataType::Int32))
    }));
    for (query, expected) in [
        ("select width(a), WIDTH(b) from root.u.d1", vec!["2 20"]),
        ("select width(*) from root.u.**", vec!["2 20"]),
        ("select width(a) from root.u.d1 where a > 1", vec!["1"]),
        ("select width(b) + 1, count(a) from root.u.d1", vec!["21.0 3"]),
        ("select width(a) from root.u.d1 group by ([1,5),2ms)", vec!["1 1", "3 0"]),
        ("select width(a) from root.u.d1 group by ([1,5),2ms) having width(a) > 0", vec!["1 1"]),
        ("select width(*) from root.u.** group by level=1", vec!["29"]),
        ("select width(a) from root.u.d1 group by count(a, 2)", vec!["1 1"]),
        ("select width(b) from root.u.* align by device", vec!["root.u.d1 20"]),
        ("select difference(width(a)) from root.u.d1 group by ([1,5),2ms)", vec!["3 -1"]),
    ] {
        let (_, rows) = asked(&context, query).unwrap_or_else(|error| panic!("{query}: {error}"));
        assert_eq!(rows, expected, "{query}");
    }
    let (_, listed) = asked(&context, "show functions").expect("an answer");
    assert_eq!(listed.last().map(String::as_str), Some("WIDTH external UDAF  AVAILABLE"));
    let error = asked(&context, "select width(a, b) from root.u.d1").expect_err("two inputs");
    assert!(error.to_string().contains("expected: 1. actual: 2."), "{error}");
    let error = asked(&context, "select a, width(a) from root.u.d1").expect_err("rows and groups");
    assert!(error.to_string().contains("aggregation hybrid"), "{error}");
}
