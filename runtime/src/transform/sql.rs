//! `sql`: columns computed and rows kept by the expressions of the engine's SQL.
//!
//! ```text
//!   tablet ──schema──▶ bound expressions (kept for the next tablet of the schema)
//!     │                     │
//!     └── where: mask ──────┴── columns of the rows that fit ──▶ without rows and columns of nulls
//! ```
//!
//! Rows pay for their own faults only:
//! * Where a measurement's type does not fit, the rows that have a value of it are rejected; for the others it is null. Which
//!   measurement it is, is found once for each schema ([`bound`]).
//! * A value that cannot be computed (a text that is no number, in a `cast`) makes a whole column fail. Which rows are to
//!   blame is found by halving.
//! * Values whose type is not known yet are computed with as of the type that a new series gets, and go through as they were
//!   written where a column is a measurement alone; rows in which a measurement is of another kind
//!   are computed by themselves ([`typed`]).
//!
//! Functions of users that make a series are computed before ([`calls`]): each row that fits the condition is given to them, and
//! what they give is a column of it, or of a row of its own.

mod bound;
mod calls;
mod options;
#[cfg(test)]
mod tests;
mod typed;

use std::{collections::HashMap, sync::Arc};

use arrow_array::BooleanArray;
use arrow_buffer::BooleanBufferBuilder;
use levada_connector_api::{
    Batch, BuildContext, Emitter, Error, Facilities, Holds, Problem, Readings, Result, Transform,
    TransformType,
    model::{Column, Tablet},
};
use levada_engine::expressions::{QueryError, RowExpressions, RowQuery};
use tracing::warn;

use super::{
    earliness::Earliness,
    functions,
    rejection::Rejection,
    rows::{compact, kept},
};

use bound::Bound;
use calls::Calls;
pub use options::SqlOptions;

/// Schemas whose bound expressions are kept.
const KEPT_SCHEMAS: usize = 1024;

/// Rows after which a measurement that none of them had is taken for misspelt.
const ROWS_BEFORE_WARNING: usize = 10_000;

/// The component `sql`.
#[derive(Debug)]
pub struct Sql {
    node: String,
    /// As it was written.
    whole: RowQuery,
    /// What is computed of rows that have what the calls give.
    query: RowQuery,
    calls: Option<Stage>,
    /// Where there are calls, which go by each device's own time.
    earliness: Option<Earliness>,
    bound: HashMap<u64, Bound>,
    /// Measurements of the query that no row has had yet, while that is still watched.
    unseen: Vec<String>,
    /// Rows that came so far, while something is unseen.
    rows: usize,
}

/// What comes before: which rows the calls are given, and the calls.
#[derive(Debug)]
struct Stage {
    chosen: Box<Sql>,
    calls: Calls,
}

impl TransformType for Sql {
    const NAME: &'static str = "sql";
    const SUMMARY: &'static str = "Computes columns and keeps rows: `select … where …`, as in SQL.";
    type Options = SqlOptions;

    fn holds(options: &SqlOptions) -> Holds {
        match options.may_remember() {
            true => Holds::State,
            false => Holds::Nothing,
        }
    }

    fn check(options: &SqlOptions) -> Vec<Problem> {
        options.problem().into_iter().collect()
    }

    fn look(options: &SqlOptions, facilities: &Facilities) -> Vec<Problem> {
        let Some(named) = options.functions() else { return Vec::new() };
        let texts = options.texts().into_iter().map(|(path, text)| (path.to_owned(), text));
        let check = |functions: &_| options.query_with(functions).err().into_iter().collect();
        functions::look(named, texts, facilities, check)
    }

    fn build(options: SqlOptions, context: &BuildContext) -> Result<Box<dyn Transform>> {
        let functions = functions::of(options.functions(), &context.facilities)
            .map_err(|message| Error::config(message).with("option", "functions"))?;
        let query = options.query_with(&functions).map_err(|problem| Error::config(problem.message))?;
        let mut sql = Self::of(query, &context.node)?;
        sql.earliness =
            sql.calls.is_some().then(|| Earliness::new(options.allowed_earliness(), &context.facilities));
        Ok(Box::new(sql))
    }
}

impl Transform for Sql {
    fn apply(&mut self, batch: Batch, out: &mut Emitter) -> Result<()> {
        let Batch { readings, positions, mut rejected } = batch;
        let mut rejection = Rejection::default();
        let computed = self.rows(readings, &mut rejection)?;
        rejected.extend(rejection.into_rejected());
        out.pass(Batch { readings: computed, positions, rejected });
        Ok(())
    }

    fn finish(&mut self, out: &mut Emitter) -> Result<()> {
        let rest = self.calls.as_mut().map_or_else(|| Ok(Vec::new()), |stage| stage.calls.finish())?;
        self.emit(rest, out)
    }

    fn stop(&mut self, out: &mut Emitter) -> Result<()> {
        let rest = self.calls.as_mut().map_or_else(|| Ok(Vec::new()), |stage| stage.calls.stop())?;
        self.emit(rest, out)
    }

    fn save(&mut self, whole: bool, state: &mut Vec<u8>) -> Result<()> {
        self.calls.as_mut().map_or(Ok(()), |stage| stage.calls.save(whole, state))
    }

    fn restore(&mut self, state: &[u8]) -> Result<()> {
        match &mut self.calls {
            Some(stage) => stage.calls.restore(state),
            None if state.is_empty() => Ok(()),
            None => Err(calls::kept::other_calls(&self.node, "of functions of series")),
        }
    }
}

impl Sql {
    /// The query of these options, for a node.
    ///
    /// # Errors
    /// The query cannot work.
    pub(super) fn new(options: &SqlOptions, node: &str) -> Result<Self> {
        let query = options.query().map_err(|problem| Error::config(problem.message))?;
        Self::of(query, node)
    }

    fn of(query: RowQuery, node: &str) -> Result<Self> {
        let plain = |whole: RowQuery, query, calls| {
            let unseen = whole.measurements().collect();
            let node = node.to_owned();
            Self { node, whole, query, calls, earliness: None, bound: HashMap::new(), unseen, rows: 0 }
        };
        let Some((chosen, calls, rest)) = query.split().map_err(|error| Error::config(error.to_string()))?
        else {
            return Ok(plain(query.clone(), query, None));
        };
        let chosen = Box::new(plain(chosen.clone(), chosen, None));
        let calls = Calls::new(node, &query, calls, &rest);
        Ok(plain(query, rest, Some(Stage { chosen, calls })))
    }

    /// Emits what calls gave behind their last rows. It came of no record, so nothing of it can be rejected.
    fn emit(&mut self, rest: Vec<Tablet>, out: &mut Emitter) -> Result<()> {
        for tablet in rest {
            let computed = self.compute(Readings::synthetic(tablet), None, &mut Rejection::default())?;
            computed.into_iter().for_each(|readings| out.emit(readings));
        }
        Ok(())
    }

    /// What is computed of rows. Those that cannot be are rejected.
    pub(super) fn rows(
        &mut self,
        readings: Vec<Readings>,
        rejection: &mut Rejection,
    ) -> Result<Vec<Readings>> {
        let mut computed = Vec::with_capacity(readings.len());
        let rows = readings.iter().map(|each| each.tablet.rows()).sum();
        let readings = match &mut self.calls {
            Some(stage) => stage.chosen.rows(readings, rejection)?,
            None => readings,
        };
        let readings = match &self.earliness {
            Some(earliness) => {
                let within = readings.into_iter().map(|each| earliness.check(each, rejection));
                within.collect::<Result<Vec<_>>>()?
            }
            None => readings,
        };
        for each in readings.into_iter().flat_map(typed::runs) {
            let (each, written) = typed::typed(each, &self.whole, rejection)?;
            let (each, written, others) = self.called(each, written, rejection)?;
            if let Some(others) = others {
                computed.extend(self.compute(others, None, rejection)?);
            }
            computed.extend(self.compute(each, written, rejection)?);
        }
        self.watch_unseen(rows);
        Ok(computed)
    }

    /// A tablet with what the calls give, and the rows that they give at other times. These are taken to come of the record of
    /// the last row.
    fn called(
        &mut self,
        each: Readings,
        mut written: Option<Tablet>,
        rejection: &mut Rejection,
    ) -> Result<(Readings, Option<Tablet>, Option<Readings>)> {
        let Some(Stage { calls, .. }) = &mut self.calls else { return Ok((each, written, None)) };
        let mut each = each;
        for find in [Calls::in_order, Calls::in_room] {
            let keep = find(calls, &each, rejection)?;
            each = calls::left(each, &keep)?;
            if let Some(keep) = &keep {
                written = filtered(written, keep)?;
            }
        }
        if each.tablet.rows() == 0 {
            return Ok((each, written, None));
        }
        let computed = calls.compute(&each.tablet)?;
        let others = computed.others.map(|tablet| {
            let records = each.records.as_ref().and_then(|(records, rows)| {
                let last = *rows.last()?;
                Some((Arc::clone(records), std::iter::repeat_n(last, tablet.rows()).collect()))
            });
            Readings { tablet, records }
        });
        Ok((Readings { tablet: computed.tablet, records: each.records }, written, others))
    }

    /// The columns of a tablet's rows that fit the condition; `None` where no row with a value is left.
    fn compute(
        &mut self,
        readings: Readings,
        mut written: Option<Tablet>,
        rejection: &mut Rejection,
    ) -> Result<Option<Readings>> {
        let Readings { mut tablet, mut records } = readings;
        let bound = self.bound(&tablet);
        if let Some(misfit) = bound.misfit(&tablet) {
            for (row, reason) in misfit.rows() {
                rejection.rows(&records, [row], &format!("{}: {reason}", tablet.device()))?;
            }
            records = kept(&records, &misfit.others);
            tablet = misfit.without(&tablet)?;
            written = filtered(written, &misfit.others)?;
        }
        let Some(expressions) = bound.expressions() else { return Ok(None) };
        let (computed, mask) = match evaluate(expressions, &tablet) {
            Ok(done) => done,
            Err(error) if records.is_none() => {
                return Err(Error::data(format!("{}: {error}", tablet.device())));
            }
            Err(_) => {
                let keep = reject_bad(expressions, &tablet, |row, reason| {
                    rejection.rows(&records, [row], &format!("{}: {reason}", tablet.device()))
                })?;
                tablet = tablet.filter(&keep).map_err(|error| Error::bug(error.to_string()))?;
                records = kept(&records, &keep);
                written = filtered(written, &keep)?;
                evaluate(expressions, &tablet).map_err(|error| Error::data(error.to_string()))?
            }
        };
        let records = match &mask {
            Some(mask) => {
                written = filtered(written, mask)?;
                kept(&records, mask)
            }
            None => records,
        };
        let computed = match &written {
            Some(written) => unchanged(expressions, &tablet, computed, written)?,
            None => computed,
        };
        compact(computed, records)
    }

    /// The query, bound to the schema of a tablet.
    fn bound(&mut self, tablet: &Tablet) -> &Bound {
        if self.bound.len() >= KEPT_SCHEMAS {
            self.bound.clear();
        }
        let hash = bound::hash_of(tablet);
        if self.bound.get(&hash).is_none_or(|bound| !bound.fits(tablet)) {
            self.unseen.retain(|name| tablet.columns().iter().all(|column| *column.name != **name));
            self.bound.insert(hash, Bound::new(&self.query, tablet));
        }
        &self.bound[&hash]
    }

    /// A name that is misspelt is null for ever: the log says so, once.
    fn watch_unseen(&mut self, rows: usize) {
        if self.unseen.is_empty() {
            return;
        }
        self.rows += rows;
        if self.rows >= ROWS_BEFORE_WARNING {
            let measurements = std::mem::take(&mut self.unseen).join(", ");
            warn!(node = %self.node, %measurements, rows = self.rows, "none of the rows had a value of these: are the names right?");
        }
    }
}

/// The rows that `keep` is true for.
fn filtered(tablet: Option<Tablet>, keep: &BooleanArray) -> Result<Option<Tablet>> {
    let filtered = tablet.map(|tablet| tablet.filter(keep)).transpose();
    filtered.map_err(|error| Error::bug(error.to_string()))
}

/// What was computed of a tablet, but for measurements that go through: those are as they were written.
fn unchanged(
    expressions: &RowExpressions,
    tablet: &Tablet,
    computed: Tablet,
    written: &Tablet,
) -> Result<Tablet> {
    let as_written = |at: usize| {
        let name = &tablet.columns().get(at)?.name;
        written.columns().iter().find(|column| column.is_written() && column.name == *name)
    };
    let mut columns = computed.columns().to_vec();
    for (column, at) in columns.iter_mut().zip(expressions.unchanged()) {
        if let Some(source) = at.and_then(as_written) {
            *column = Column { name: Arc::clone(&column.name), ..source.clone() };
        }
    }
    computed.with_columns(columns).map_err(|error| Error::bug(error.to_string()))
}

/// The computed rows, and which of the tablet's rows they are; `None` for all.
fn evaluate(
    expressions: &RowExpressions,
    tablet: &Tablet,
) -> Result<(Tablet, Option<BooleanArray>), QueryError> {
    let mask = expressions.matching(tablet)?;
    let computed = expressions.compute(tablet, mask.as_ref())?;
    Ok((computed, mask))
}

/// Finds, by halving, the rows that cannot be computed and rejects each; gives the others.
fn reject_bad(
    expressions: &RowExpressions,
    tablet: &Tablet,
    mut reject: impl FnMut(usize, &str) -> Result<()>,
) -> Result<BooleanArray> {
    let mut keep = BooleanBufferBuilder::new(tablet.rows());
    keep.append_n(tablet.rows(), true);
    // Where each stretch begins and how many rows it has.
    let mut suspects = vec![(0, tablet.rows())];
    while let Some((from, rows)) = suspects.pop() {
        let Err(error) = evaluate(expressions, &tablet.slice(from, rows)) else { continue };
        if rows == 1 {
            reject(from, &error.to_string())?;
            keep.set_bit(from, false);
        } else {
            let half = rows / 2;
            suspects.extend([(from + half, rows - half), (from, half)]);
        }
    }
    Ok(BooleanArray::new(keep.finish(), None))
}
