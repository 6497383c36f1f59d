//! Random queries of random rows, answered here and by the plainest evaluation there is: all rows in a table, one loop for
//! each clause.
//!
//! A failure prints the seed of its store: see [`plain::stores`].

// Of the path, as the tests of the whole engine ask the same questions.
#[path = "differential/plain.rs"]
mod plain;

use std::{collections::btree_map::Entry, sync::Arc};

use levada_model::{DataType, Value};
use levada_query::{IntoSeries, Plan, QueryContext, QueryError, define_views};
use levada_sql::ast::{ChangeView, Statement};

use self::plain::{
    About, EACH, Into, Points, Question, Table, Written, answer, plainly, same_points, shown, stores,
};
pub(crate) use self::plain::{Chance, same_cell, same_rows};
use crate::{
    conformance::{change, parsed, run_shared},
    memory::Memory,
};

/// How a query is run: with few rows at a time, or with many.
fn context(chance: &mut Chance) -> QueryContext {
    let mut context = QueryContext::new(0);
    context.batch_rows = chance.one(&[2, 4, 32]);
    context.order = levada_query::SchemaOrder::Path;
    context
}

/// A store of these rows.
fn memory(table: &Table, batch_rows: usize) -> Memory {
    let mut memory = Memory { batch_rows: Some(batch_rows), ..Memory::default() };
    for (device, measurement, data_type, points) in table.series() {
        let path = device.child(measurement);
        change(&mut memory, parsed(&format!("create timeseries {path} {data_type}")));
        memory.series.get_mut(&path).expect("it was made").points.extend(points);
    }
    let bare = Arc::new(memory.clone());
    let defined = table.views().flat_map(|sql| {
        let Statement::ChangeView(ChangeView::Create(definition)) = parsed(&sql) else {
            unreachable!("{sql} makes a view")
        };
        define_views(&definition, Arc::clone(&bare) as _, &QueryContext::new(0)).expect(&sql)
    });
    memory.views = Arc::new(defined.collect());
    memory
}

/// Asks all queries of a store; says which answer is the first that is another one.
fn ask_all(seed: u64, about: About) -> Option<String> {
    let mut chance = Chance::new(seed);
    let table = Table::random(&mut chance, about == About::Views);
    let memory = Arc::new(memory(&table, chance.one(&[2, 3, 8, 64])));
    let found = (0..EACH).find_map(|_| {
        let question = Question::random(&mut chance, about);
        let context = context(&mut chance);
        match question.into {
            None => read(&table, &memory, &question, &context),
            Some(into) => write(&table, &memory, &question, into, &context),
        }
    });
    found.map(|difference| format!("DIFFERENTIAL_SEED={seed}: {difference}\n{table}"))
}

/// Where the answer to a query is another one than it should be: which it is.
fn read(table: &Table, memory: &Arc<Memory>, question: &Question, context: &QueryContext) -> Option<String> {
    let sql = question.sql("");
    let (columns, rows) = answer(table, question);
    match run_shared(Arc::clone(memory), &parsed(&sql), context) {
        Ok(ours) if ours.0 == columns && same_rows(&ours.2, &rows) => None,
        Ok(ours) => Some(format!(
            "{sql}\nours: {:?}\n{}\nplainly: {columns:?}\n{}",
            ours.0,
            shown(&ours.2),
            shown(&rows)
        )),
        Err(error) => Some(format!("{sql}\n{error}")),
    }
}

/// As [`read`], of what a query writes.
fn write(
    table: &Table,
    memory: &Arc<Memory>,
    question: &Question,
    into: Into,
    context: &QueryContext,
) -> Option<String> {
    let (clause, expected) = plainly(table, question, into);
    let sql = question.sql(&clause);
    let Statement::Select(select) = parsed(&sql) else { unreachable!("{sql} is a query") };
    let ours = levada_query::plan_into(&select, Arc::clone(memory) as _, context)
        .and_then(|(plan, targets)| by_plan(plan, &targets));
    match (ours, expected) {
        (Ok(ours), Some(expected)) if same_writes(&ours, &expected) => None,
        (Err(error), None) if error.code().0 == 701 => None,
        (ours, expected) => Some(format!("{sql}\nours: {ours:#?}\nplainly: {expected:#?}")),
    }
}

/// Whether the same is written to the same series, line by line of the report.
fn same_writes(ours: &Written, expected: &Written) -> bool {
    ours.len() == expected.len()
        && ours.iter().zip(expected).all(|(a, b)| (&a.0, &a.1) == (&b.0, &b.1) && same_points(&a.2, &b.2))
}

/// What a plan's rows write.
fn by_plan(plan: Plan, targets: &[IntoSeries]) -> Result<Written, QueryError> {
    let has_time = plan.has_time;
    let line = |target: &IntoSeries| {
        let device = target.source_device.as_ref().map_or(String::new(), |device| format!("{device} "));
        let series = target.device.child(&target.measurement).to_string();
        (format!("{device}{}", target.source), series, Points::new())
    };
    let mut written: Written = targets.iter().map(line).collect();
    for batch in plan.execute() {
        let batch = batch?;
        let columns = &batch.columns()[usize::from(has_time)..];
        for row in 0..batch.num_rows() {
            let time = match has_time.then(|| Value::at(&batch.columns()[0], DataType::Int64, row)) {
                Some(Some(Value::Int64(time))) => time,
                _ => 0,
            };
            let device = || Value::at(&columns[0], DataType::Text, row).map(|device| device.to_string());
            for (target, (.., points)) in targets.iter().zip(&mut written) {
                if target
                    .source_device
                    .as_ref()
                    .is_some_and(|source| device().as_deref() != Some(source.as_str()))
                {
                    continue;
                }
                let Some(value) = Value::at(&columns[target.column], target.data_type, row) else { continue };
                match points.entry(time) {
                    Entry::Vacant(place) => drop(place.insert(value.to_string())),
                    Entry::Occupied(mut place) => drop(place.insert(value.to_string())),
                }
            }
        }
    }
    Ok(written)
}

/// Asks so many random queries, where the environment says nothing else.
fn ask(about: About, queries: u64) {
    let wrong: Vec<String> = stores(queries).filter_map(|seed| ask_all(seed, about)).take(8).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

// Several tests, so that all processors have some: over 100,000 queries in all.

#[test]
fn random_queries_for_rows_are_answered_as_plainly_evaluated() {
    ask(About::Rows, 30_000);
}

#[test]
fn random_queries_for_aggregates_are_answered_as_plainly_evaluated() {
    ask(About::Groups, 30_000);
}

#[test]
fn random_queries_through_views_are_answered_as_plainly_evaluated() {
    ask(About::Views, 20_000);
}

#[test]
fn random_queries_write_what_is_plainly_evaluated() {
    ask(About::Into, 25_000);
}
