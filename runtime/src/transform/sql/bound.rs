//! The query, bound to a schema: what is computed for its tablets, and which measurements do not fit.

use std::{
    hash::{BuildHasher, Hash, Hasher},
    sync::Arc,
};

use arrow_array::{Array, BooleanArray};
use arrow_buffer::BooleanBuffer;
use foldhash::fast::FixedState;
use levada_connector_api::{
    Error, Result,
    model::{Column, DataType, Tablet},
};
use levada_engine::expressions::{RowExpressions, RowQuery, RowSchema};

/// The query on tablets of a schema.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    schema: RowSchema,
    /// Columns whose type does not fit, by their place in the schema, and why.
    misfits: Vec<(usize, String)>,
    /// For tablets without the misfits; `None` where nothing can be computed even then.
    expressions: Option<RowExpressions>,
}

/// Rows that have a value of a type that does not fit.
#[derive(Debug)]
pub(super) struct Misfit<'b> {
    columns: Vec<(usize, Option<BooleanBuffer>, &'b str)>,
    /// The rows that have none.
    pub(super) others: BooleanArray,
}

impl Bound {
    pub(super) fn new(query: &RowQuery, tablet: &Tablet) -> Self {
        let schema = RowExpressions::schema_of(tablet);
        let mut misfits: Vec<(usize, String)> = Vec::new();
        let bind =
            |left_out: &[usize]| query.bind(&without(&schema, left_out)).map_err(|error| error.to_string());
        loop {
            let known: Vec<usize> = misfits.iter().map(|(at, _)| *at).collect();
            let reason = match bind(&known) {
                Ok(expressions) => return Self { schema, misfits, expressions: Some(expressions) },
                Err(reason) => reason,
            };
            // The culprit is the column without which there is no error, or another one.
            let outcome = |at: &usize| bind(&[known.as_slice(), &[*at]].concat()).err();
            let others = || (0..schema.len()).filter(|at| !known.contains(at));
            let culprit = others()
                .find(|at| outcome(at).is_none())
                .or_else(|| others().find(|at| outcome(at).is_some_and(|other| other != reason)));
            match culprit {
                Some(at) => misfits.push((at, reason)),
                None => {
                    misfits = (0..schema.len()).map(|at| (at, reason.clone())).collect();
                    return Self { schema, misfits, expressions: None };
                }
            }
        }
    }

    pub(super) fn expressions(&self) -> Option<&RowExpressions> {
        self.expressions.as_ref()
    }

    pub(super) fn fits(&self, tablet: &Tablet) -> bool {
        let columns = tablet.columns();
        let same = |((name, data_type), column): (&(Arc<str>, DataType), &Column)| {
            *data_type == column.data_type && *name == column.name
        };
        self.schema.len() == columns.len() && self.schema.iter().zip(columns).all(same)
    }

    /// The rows of a tablet that have a value that does not fit; `None` where its schema has no such measurement.
    pub(super) fn misfit(&self, tablet: &Tablet) -> Option<Misfit<'_>> {
        if self.misfits.is_empty() {
            return None;
        }
        let mut others = BooleanBuffer::new_set(tablet.rows());
        let mut columns = Vec::with_capacity(self.misfits.len());
        for (at, reason) in &self.misfits {
            let valid = tablet.columns()[*at].values.nulls().map(|nulls| nulls.inner().clone());
            others = match &valid {
                Some(valid) => &others & &!valid,
                None => BooleanBuffer::new_unset(tablet.rows()),
            };
            columns.push((*at, valid, reason.as_str()));
        }
        Some(Misfit { columns, others: BooleanArray::new(others, None) })
    }
}

impl Misfit<'_> {
    /// Those rows, and why each is one.
    pub(super) fn rows(&self) -> impl Iterator<Item = (usize, &str)> {
        (0..self.others.len()).filter(|&row| !self.others.value(row)).map(|row| {
            let has = |valid: &Option<BooleanBuffer>| valid.as_ref().is_none_or(|valid| valid.value(row));
            let reason =
                self.columns.iter().find(|(_, valid, _)| has(valid)).map_or("", |(_, _, reason)| reason);
            (row, reason)
        })
    }

    /// The other rows, without the columns that do not fit and are null in them.
    pub(super) fn without(&self, tablet: &Tablet) -> Result<Tablet> {
        let tablet = tablet.filter(&self.others).map_err(|error| Error::bug(error.to_string()))?;
        let is_misfit = |at: usize| self.columns.iter().any(|(misfit, ..)| *misfit == at);
        let columns = tablet.columns().iter().enumerate().filter(|(at, _)| !is_misfit(*at));
        let columns = columns.map(|(_, column)| column.clone()).collect();
        tablet.with_columns(columns).map_err(|error| Error::bug(error.to_string()))
    }
}

/// A schema without the columns at some places.
fn without(schema: &[(Arc<str>, DataType)], left_out: &[usize]) -> RowSchema {
    let kept = schema.iter().enumerate().filter(|(at, _)| !left_out.contains(at));
    kept.map(|(_, column)| column.clone()).collect()
}

/// A number for the schema of a tablet; different schemas may have one by chance.
pub(super) fn hash_of(tablet: &Tablet) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    for column in tablet.columns() {
        column.name.hash(&mut hasher);
        column.data_type.hash(&mut hasher);
    }
    hasher.finish()
}
