//! What the peer answered to statements, and what we do.
//!
//! `tests/data/*.jsonl` holds one statement a line with the peer's columns, types, rows (as text, times in milliseconds)
//! or code. Statements that change something are carried out here on a store in memory.

use std::{collections::BTreeMap, sync::Arc};

use levada_model::{DataType, Path, PathPattern, SeriesSchema, StatusCode, Value};
use levada_query::{Plan, QueryContext, QueryError};
use levada_sql::{
    ParseContext,
    ast::{Alteration, Constant, Insert, SeriesDefinition, Statement},
};
use levada_storage::SeriesInfo;
use serde_json::Value as Json;

use crate::{
    differential::same_rows,
    memory::{Memory, Series},
};

/// Statements whose answers differ on purpose, and why.
const KNOWN: &[(&str, &str)] = &[
    ("where not b", "the peer fails with 301"),
    ("and not (b = false)", "the peer fails with 301"),
    ("equal_size_bucket_random_sample", "random"),
    ("where 200 < time", "the peer turns the comparison around"),
    ("time > 100ms", "the peer takes the duration for a series"),
    ("show devices where time > 0", "devices of groups that are left out are among them"),
    ("order by count(i) desc limit 2", "rows that are equal by the key come in no order"),
    ("select last * from root.p.d1 order by time asc", "likewise"),
    ("count_time(*) from root.q.** align by device", "the peer gives no rows"),
    ("top_k(l,'k'='2'), i from root.q.d1 order by time desc", "the peer's rows are out of order and torn"),
    ("order by p desc", "an alias may be ordered by"),
    ("order by m", "an alias may be ordered by"),
    ("order by x, time desc align by device", "devices that lack a column have nulls in it"),
    ("where x is null align by device", "the peer fails with 305"),
    ("where not (", "the peer fails with 301"),
    ("where !(", "the peer fails with 301"),
    ("select *1 from root.p.d2", "the peer takes the quotes for part of the name"),
    ("group by count(i, 0)", "the peer runs until its time is up"),
    ("where device contains '1'", "parentheses may be left out"),
    ("round(i, 'places'='1')", "the peer's header says null"),
    ("m4(i,'windowSize'='3','slidingStep'='2')", "the peer leaves a last window out that is not full"),
    ("m4(i,'timeInterval'='4','slidingStep'='2'", "likewise"),
    ("substring(t from 1 for 1)", "the header does not tell the spellings apart"),
    ("(x, y) -> {y + x}", "the peer fails at the first null"),
    ("without null any", "0.13 has it"),
    ("master_repair(", "the engine brings it with its library"),
];

/// The moment of every statement.
const NOW: &str = "1795247808670123";

/// Groups about what is not a query's business.
const ELSEWHERE: &[&str] =
    &["04-ttl", "17-into", "18-auth", "19-udf-pipe-cq-trigger", "20-template", "21-view"];

#[test]
fn answers_are_those_of_the_peer() {
    check(include_str!("../data/iotdb-2.0.1.jsonl"));
}

#[test]
fn answers_to_more_queries_are_those_of_the_peer() {
    check(include_str!("../data/queries-2.0.1.jsonl"));
}

/// Runs the statements of a record one after the other.
fn check(text: &str) {
    let mut memory = Memory::default();
    let (mut right, mut wrong) = (0, Vec::new());
    for line in text.lines() {
        let record: Json = serde_json::from_str(line).expect("a JSON object a line");
        let (sql, group) = (text_of(&record, "sql"), text_of(&record, "group"));
        if ELSEWHERE.contains(&group) || KNOWN.iter().any(|(part, _)| sql.contains(part)) {
            continue;
        }
        let context = ParseContext { zone: jiff::tz::TimeZone::UTC, now: 1_795_247_808_670_123 };
        let Ok(statement) = levada_sql::parse(sql, &context) else { continue };
        if !matches!(statement, Statement::Select(_) | Statement::Show(_) | Statement::Count(_)) {
            // Of an insert that is rejected for one value the others are stored.
            let partly = text_of(&record, "message").starts_with("Fail to insert measurements")
                && !text_of(&record, "message").contains("does not exist");
            if record["ok"] == true || partly {
                change(&mut memory, statement);
            }
            continue;
        }
        match compare(&memory, &statement, &record) {
            Ok(()) => right += 1,
            Err(difference) => wrong.push(format!("{group}: {sql}\n    {difference}")),
        }
    }
    assert!(wrong.is_empty(), "{right} right, {} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn text_of<'a>(record: &'a Json, key: &str) -> &'a str {
    record[key].as_str().unwrap_or_default()
}

/// Runs a query and compares its answer with the record.
fn compare(memory: &Memory, statement: &Statement, record: &Json) -> Result<(), String> {
    let mut context = QueryContext::new(0);
    context.version = "2.0.1-beta".into();
    context.build = "5f31648".into();
    let answer = run(memory, statement, &context);
    if record["ok"] != true {
        let wanted = record["code"].as_i64().unwrap_or_default();
        return match answer {
            Ok(_) => Err(format!("{wanted} {} was expected", text_of(record, "message"))),
            Err(error) if i64::from(error.code().0) == wanted => Ok(()),
            // The peer's own faults are not matched.
            Err(_) if wanted == 305 => Ok(()),
            Err(error) => Err(format!("{wanted} was expected, not {} {error}", error.code())),
        };
    }
    let (columns, types, mut rows) = answer.map_err(|error| format!("{} {error}", error.code()))?;
    let list = |key: &str| -> Vec<String> {
        record[key]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|each| each.as_str().map(str::to_owned))
            .collect()
    };
    let (wanted_columns, wanted_types) = (list("columns"), list("types"));
    if columns != wanted_columns || types != wanted_types {
        return Err(format!("{columns:?} {types:?}\n    {wanted_columns:?} {wanted_types:?}"));
    }
    let mut wanted: Vec<Vec<Option<String>>> = record["rows"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| {
            row.as_array().into_iter().flatten().map(|cell| cell.as_str().map(str::to_owned)).collect()
        })
        .collect();
    let sql = text_of(record, "sql");
    let unordered =
        !matches!(statement, Statement::Select(_)) || sql.contains("by tags") || sql.contains("last ");
    if unordered && !sql.contains("limit") && !sql.contains("order by") {
        rows.sort();
        wanted.sort();
    }
    // Rows inserted without a time have that of the moment.
    rows.retain(|row| row.first().and_then(Option::as_deref) != Some(NOW));
    wanted.retain(|row| row.first().and_then(Option::as_deref) != Some("1795247808670"));
    if sql.contains("ttl") || same_rows(&rows, &wanted) {
        return Ok(());
    }
    Err(format!("{rows:?}\n    {wanted:?}"))
}

/// Columns, types and rows, as text.
pub(crate) type Answer = (Vec<String>, Vec<String>, Vec<Vec<Option<String>>>);

/// A statement that is one.
pub(crate) fn parsed(sql: &str) -> Statement {
    levada_sql::parse(sql, &ParseContext { zone: jiff::tz::TimeZone::UTC, now: 0 }).expect(sql)
}

/// Columns, types and rows as text.
pub(crate) fn run(
    memory: &Memory,
    statement: &Statement,
    context: &QueryContext,
) -> Result<Answer, QueryError> {
    run_shared(Arc::new(memory.clone()), statement, context)
}

/// As [`run`], without a copy of the store.
pub(crate) fn run_shared(
    memory: Arc<Memory>,
    statement: &Statement,
    context: &QueryContext,
) -> Result<Answer, QueryError> {
    read(levada_query::plan(statement, levada_query::with_views(memory, context), context)?)
}

/// The answer of a plan.
pub(crate) fn read(plan: Plan) -> Result<Answer, QueryError> {
    let mut columns: Vec<String> = Vec::new();
    let mut types: Vec<DataType> = Vec::new();
    if plan.has_time {
        columns.push("Time".to_owned());
        types.push(DataType::Int64);
    }
    columns.extend(plan.columns.iter().map(|column| column.name.clone()));
    types.extend(plan.columns.iter().map(|column| column.data_type));
    let mut rows = Vec::new();
    for batch in plan.execute() {
        let batch = batch?;
        for row in 0..batch.num_rows() {
            let cells = batch.columns().iter().zip(&types);
            rows.push(
                cells.map(|(array, kind)| Value::at(array, *kind, row).map(|value| shown(&value))).collect(),
            );
        }
    }
    Ok((columns, types.iter().map(ToString::to_string).collect(), rows))
}

/// A value as it was recorded: dates as numbers.
fn shown(value: &Value) -> String {
    match value {
        Value::Date(number) => number.to_string(),
        other => other.to_string(),
    }
}

/// Carries a statement out that the peer carried out.
pub(crate) fn change(memory: &mut Memory, statement: Statement) {
    match statement {
        Statement::CreateDatabase(create) => {
            memory.databases.insert(create.path, None);
        }
        Statement::CreateTimeseries(create) => {
            define(memory, &create.path, false, &create.definition);
        }
        Statement::CreateAlignedTimeseries(create) => {
            for (name, definition) in &create.series {
                define(memory, &create.device.child(name), true, definition);
            }
        }
        Statement::Insert(insert) => write(memory, &insert),
        Statement::Delete(delete) => {
            for series in memory.series.values_mut() {
                let fits = |pattern: &PathPattern| {
                    pattern.matches(&series.info.path) || pattern.matches(&series.info.device)
                };
                if delete.patterns.iter().any(fits) {
                    series.points.retain(|time, _| *time < delete.start || *time > delete.end);
                }
            }
        }
        Statement::DeleteTimeseries { patterns } => {
            memory.series.retain(|path, _| !patterns.iter().any(|pattern| pattern.matches(path)));
        }
        Statement::DeleteDatabases { patterns } => {
            let gone = |path: &Path| patterns.iter().any(|pattern| pattern.matches(path));
            memory.series.retain(|_, series| !gone(&series.info.database));
            memory.databases.retain(|path, _| !gone(path));
        }
        Statement::AlterTimeseries(alter) => {
            if let Some(series) = memory.series.get_mut(&alter.path) {
                change_tags(&mut series.info, alter.change);
            }
        }
        _ => {}
    }
}

fn change_tags(info: &mut SeriesInfo, alteration: Alteration) {
    match alteration {
        Alteration::Rename { from, to } => {
            for map in [&mut info.tags, &mut info.attributes] {
                if let Some(value) = map.remove(&from) {
                    map.insert(to.clone(), value);
                }
            }
        }
        Alteration::Set(pairs) => {
            for (key, value) in pairs {
                for map in [&mut info.tags, &mut info.attributes] {
                    if let Some(place) = map.get_mut(&key) {
                        *place = value.clone();
                    }
                }
            }
        }
        Alteration::Drop(keys) => {
            for key in keys {
                info.tags.remove(&key);
                info.attributes.remove(&key);
            }
        }
        Alteration::AddTags(pairs) => info.tags.extend(pairs),
        Alteration::AddAttributes(pairs) => info.attributes.extend(pairs),
        Alteration::Upsert { alias, tags, attributes } => {
            info.alias = alias.or(info.alias.take());
            info.tags.extend(tags);
            info.attributes.extend(attributes);
        }
    }
}

fn database_of(memory: &mut Memory, path: &Path) -> Path {
    if let Some(found) = memory.databases.keys().find(|database| database.is_prefix_of(path)) {
        return found.clone();
    }
    let nodes: Vec<&str> = path.nodes().take(2).collect();
    let database = Path::parse(&nodes.join(".")).expect("nodes of a path");
    memory.databases.insert(database.clone(), None);
    database
}

fn define(memory: &mut Memory, path: &Path, aligned: bool, definition: &SeriesDefinition) {
    let (device, measurement) = path.split_last().expect("a series lies below a device");
    let mut schema = SeriesSchema::default_for(definition.data_type);
    schema.encoding = definition.encoding.unwrap_or(schema.encoding);
    schema.compressor = definition.compressor.unwrap_or(schema.compressor);
    let info = SeriesInfo {
        path: path.clone(),
        device,
        measurement: measurement.into(),
        database: database_of(memory, path),
        aligned,
        schema,
        alias: definition.alias.clone(),
        tags: definition.tags.iter().cloned().collect(),
        attributes: definition.attributes.iter().cloned().collect(),
        deadband: None,
        view: None,
    };
    memory.series.insert(path.clone(), Series { info, points: BTreeMap::new() });
}

fn write(memory: &mut Memory, insert: &Insert) {
    let aligned = memory
        .series
        .values()
        .find(|series| series.info.device == insert.device)
        .map_or(insert.aligned, |series| series.info.aligned);
    for row in &insert.rows {
        for (name, value) in insert.measurements.iter().zip(row.values.iter().map(|value| &value.constant)) {
            let mut path = insert.device.child(name);
            let by_alias = memory.series.values().find(|series| {
                series.info.device == insert.device && series.info.alias.as_deref() == Some(name)
            });
            if let Some(series) = by_alias {
                path = series.info.path.clone();
            }
            if *value == Constant::Null {
                continue;
            }
            if !memory.series.contains_key(&path) {
                let data_type = match value {
                    Constant::Boolean(_) => DataType::Boolean,
                    Constant::Text(_) => DataType::Text,
                    Constant::Blob(_) => DataType::Blob,
                    _ => DataType::Double,
                };
                let definition = SeriesDefinition {
                    data_type,
                    encoding: None,
                    compressor: None,
                    alias: None,
                    tags: Vec::new(),
                    attributes: Vec::new(),
                    properties: Vec::new(),
                };
                define(memory, &path, aligned, &definition);
            }
            let series = memory.series.get_mut(&path).expect("it was made");
            if let Some(value) = typed(value, series.info.schema.data_type) {
                series.points.insert(row.time, value);
            }
        }
    }
}

fn typed(value: &Constant, data_type: DataType) -> Option<Value> {
    let number = match value {
        Constant::Integer { value, .. } | Constant::Time(value) => Some(*value as f64),
        Constant::Real { value, .. } => Some(*value),
        _ => None,
    };
    let whole = match value {
        Constant::Integer { value, .. } | Constant::Time(value) => Some(*value),
        _ => None,
    };
    let text = match value {
        Constant::Text(text) => Some(text.clone()),
        Constant::Integer { text, .. } | Constant::Real { text, .. } => Some(text.clone()),
        _ => None,
    };
    Some(match data_type {
        DataType::Boolean => match value {
            Constant::Boolean(value) => Value::Boolean(*value),
            _ => Value::Boolean(whole? != 0),
        },
        DataType::Int32 => Value::Int32(whole?.try_into().ok()?),
        DataType::Int64 => Value::Int64(whole?),
        DataType::Timestamp => Value::Timestamp(whole?),
        DataType::Float => Value::Float(number? as f32),
        DataType::Double => Value::Double(number?),
        DataType::Text => Value::Text(text?),
        DataType::String => Value::String(text?),
        DataType::Date => Value::Date(text?.replace('-', "").parse().ok()?),
        DataType::Blob => match value {
            Constant::Blob(bytes) => Value::Blob(bytes.clone()),
            _ => return None,
        },
    })
}

#[test]
fn a_statement_that_is_no_query_is_rejected() {
    let error = levada_query::plan(&parsed("flush"), Arc::new(Memory::default()), &QueryContext::new(0));
    assert_eq!(error.expect_err("rejected").code(), StatusCode::QUERY_NOT_ALLOWED);
}

#[test]
fn long_expressions_do_not_overflow_the_stack() {
    let mut memory = Memory::default();
    change(&mut memory, parsed("insert into root.a.d(time, s) values(1, 2)"));
    for (operator, expected) in [(" + ", "900.0"), (" - ", "-896.0")] {
        let sum = vec!["s"; 450].join(operator);
        let sql = format!("select {sum} from root.a.* where {sum} != 1 and {sum} > -1000");
        let (_, _, rows) = run(&memory, &parsed(&sql), &QueryContext::new(0)).expect("an answer");
        assert_eq!(rows, [[Some("1".to_owned()), Some(expected.to_owned())]]);
    }
    let nested = format!("select {}s{} from root.a.d", "(1 + ".repeat(60), ")".repeat(60));
    run(&memory, &parsed(&nested), &QueryContext::new(0)).expect("an answer");
    let many = format!("select s from root.a.d where {}", vec!["s = 2"; 400].join(" or "));
    assert_eq!(run(&memory, &parsed(&many), &QueryContext::new(0)).expect("an answer").2.len(), 1);
}
