//! Random queries of random rows, answered here and by the plainest evaluation there is: all rows in a table, one loop for
//! each clause.
//!
//! Every store has a seed, which makes its rows and its queries; a failure prints it. `DIFFERENTIAL_SEED=7` runs that one
//! alone, `DIFFERENTIAL_QUERIES=1000000` runs more, `DIFFERENTIAL_FIRST=5000` begins with another seed.

mod naive;
mod question;
mod table;
mod written;

use std::sync::Arc;

use levada_query::QueryContext;
use levada_sql::ast::Statement;

use self::{
    question::{About, Into, Question},
    table::Table,
    written::Written,
};
use crate::{
    conformance::{Answer, parsed, run_shared, same_cell},
    memory::Memory,
};

/// Queries of one store.
const EACH: usize = 200;

/// A sequence of numbers that a seed determines (splitmix64).
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    /// That of a seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 on, less than another.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// A number within bounds.
    pub(super) fn within(&mut self, least: i64, end: i64) -> i64 {
        least + (self.next() % (end - least) as u64) as i64
    }

    /// True, once in so many times.
    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of some things.
    pub(crate) fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// How a query is run: with few rows at a time, or with many.
fn context(chance: &mut Chance) -> QueryContext {
    let mut context = QueryContext::new(0);
    context.batch_rows = chance.one(&[2, 4, 32]);
    context.order = levada_query::SchemaOrder::Path;
    context
}

fn same(ours: &Answer, columns: &[String], rows: &[Vec<Option<String>>]) -> bool {
    ours.0 == columns
        && ours.2.len() == rows.len()
        && ours
            .2
            .iter()
            .zip(rows)
            .all(|(a, b)| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_cell(a, b)))
}

/// Asks all queries of a store; says which answer is the first that is another one.
fn ask_all(seed: u64, about: About) -> Option<String> {
    let mut chance = Chance(seed);
    let table = Table::random(&mut chance, about == About::Views);
    let memory = Arc::new(table.memory());
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
    let (columns, rows) = naive::answer(table, question);
    match run_shared(Arc::clone(memory), &parsed(&sql), context) {
        Ok(ours) if same(&ours, &columns, &rows) => None,
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
    let (clause, expected) = written::plainly(table, question, into);
    let sql = question.sql(&clause);
    let Statement::Select(select) = parsed(&sql) else { unreachable!("{sql} is a query") };
    let ours = levada_query::plan_into(&select, Arc::clone(memory) as _, context)
        .and_then(|(plan, targets)| written::by_plan(plan, &targets));
    match (ours, expected) {
        (Ok(ours), Some(expected)) if same_writes(&ours, &expected) => None,
        (Err(error), None) if error.code().0 == 701 => None,
        (ours, expected) => Some(format!("{sql}\nours: {ours:#?}\nplainly: {expected:#?}")),
    }
}

fn same_writes(ours: &Written, expected: &Written) -> bool {
    ours.len() == expected.len()
        && ours.iter().zip(expected).all(|(a, b)| {
            let same = |((a, x), (b, y)): ((&i64, &String), (&i64, &String))| {
                a == b && same_cell(&Some(x.clone()), &Some(y.clone()))
            };
            (&a.0, &a.1, a.2.len()) == (&b.0, &b.1, b.2.len()) && a.2.iter().zip(&b.2).all(same)
        })
}

fn shown(rows: &[Vec<Option<String>>]) -> String {
    let line = |row: &Vec<Option<String>>| {
        row.iter().map(|cell| cell.as_deref().unwrap_or("-")).collect::<Vec<_>>().join(" ")
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Asks so many random queries, where the environment says nothing else.
fn ask(about: About, queries: u64) {
    let stores = match setting("DIFFERENTIAL_SEED") {
        Some(seed) => seed..seed + 1,
        None => {
            let first = setting("DIFFERENTIAL_FIRST").unwrap_or(0);
            let stores = setting("DIFFERENTIAL_QUERIES").unwrap_or(queries).div_ceil(EACH as u64);
            first..first.saturating_add(stores)
        }
    };
    let wrong: Vec<String> = stores.filter_map(|seed| ask_all(seed, about)).take(8).collect();
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
