//! Random queries of random rows, answered here and by the plainest evaluation there is: all rows in a table, one loop for
//! each clause.
//!
//! Every store has a seed, which makes its rows and its queries; a failure prints it. `DIFFERENTIAL_SEED=7` runs that one
//! alone, `DIFFERENTIAL_QUERIES=1000000` runs more, `DIFFERENTIAL_FIRST=5000` begins with another seed.

mod naive;
mod question;
mod table;

use std::sync::Arc;

use levada_query::QueryContext;

use self::{question::Question, table::Table};
use crate::{
    conformance::{Answer, parsed, run_shared, same_cell},
    memory::Memory,
};

/// Queries of one store.
const EACH: usize = 200;
/// Queries of a run, where the environment says nothing else.
const QUERIES: usize = 20_000;

/// A sequence of numbers that a seed determines (splitmix64).
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 on, less than another.
    pub(super) fn below(&mut self, end: usize) -> usize {
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
    pub(super) fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

fn answer(memory: &Arc<Memory>, sql: &str) -> Result<Answer, String> {
    let mut context = QueryContext::new(0);
    context.batch_rows = 4;
    context.order = levada_query::SchemaOrder::Path;
    run_shared(Arc::clone(memory), &parsed(sql), &context).map_err(|error| error.to_string())
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
fn ask_all(seed: u64) -> Option<String> {
    let mut chance = Chance(seed);
    let table = Table::random(&mut chance);
    let memory = Arc::new(table.memory());
    (0..EACH).find_map(|_| {
        let question = Question::random(&mut chance);
        let sql = question.sql();
        let (columns, rows) = naive::answer(&table, &question);
        match answer(&memory, &sql) {
            Ok(ours) if same(&ours, &columns, &rows) => None,
            Ok(ours) => Some(format!(
                "DIFFERENTIAL_SEED={seed}: {sql}\n{table}ours: {:?}\n{}\nplainly: {columns:?}\n{}",
                ours.0,
                shown(&ours.2),
                shown(&rows)
            )),
            Err(error) => Some(format!("DIFFERENTIAL_SEED={seed}: {sql}\n{error}")),
        }
    })
}

fn shown(rows: &[Vec<Option<String>>]) -> String {
    let line = |row: &Vec<Option<String>>| {
        row.iter().map(|cell| cell.as_deref().unwrap_or("-")).collect::<Vec<_>>().join(" ")
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn random_queries_are_answered_as_plainly_evaluated() {
    let stores = match setting("DIFFERENTIAL_SEED") {
        Some(seed) => seed..seed + 1,
        None => {
            let first = setting("DIFFERENTIAL_FIRST").unwrap_or(0);
            let stores = setting("DIFFERENTIAL_QUERIES").unwrap_or(QUERIES as u64).div_ceil(EACH as u64);
            first..first.saturating_add(stores)
        }
    };
    let wrong: Vec<String> = stores.filter_map(ask_all).take(8).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
