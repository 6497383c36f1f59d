//! Rows on their way between operators.

use std::{borrow::Cow, sync::Arc};

use arrow_array::{
    Array, ArrayRef, BooleanArray, Int64Array, RecordBatch, UInt32Array, cast::AsArray, types::Int64Type,
};
use arrow_select::{filter::FilterBuilder, take::take};
use levada_model::Path;
use levada_sql::path_sql;

use crate::QueryError;

/// Some rows: their times and as many arrays of that length as there are columns.
///
/// Between operators the types of columns are known from the plan, so a schema is only put on what leaves it.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// The time of each row.
    pub times: Int64Array,
    /// The columns, each as long as the times.
    pub columns: Vec<ArrayRef>,
}

/// Chunks as they are pulled; dropping it ends the query.
pub(crate) type Chunks = Box<dyn Iterator<Item = Result<Chunk, QueryError>> + Send>;

impl Chunk {
    /// What a scan gives: the time and then values.
    pub(crate) fn from_scan(batch: &RecordBatch) -> Result<Self, QueryError> {
        let mut columns = batch.columns().to_vec();
        if columns.is_empty() {
            return Err(QueryError::Compute(arrow_schema::ArrowError::SchemaError(
                "a scan gave a batch without times".to_owned(),
            )));
        }
        let times = columns.remove(0);
        let times = times.as_primitive_opt::<Int64Type>().ok_or_else(|| {
            QueryError::Compute(arrow_schema::ArrowError::SchemaError(
                "a scan's times are not Int64".to_owned(),
            ))
        })?;
        Ok(Self { times: times.clone(), columns })
    }

    pub(crate) fn rows(&self) -> usize {
        self.times.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Bytes of memory held.
    pub(crate) fn bytes(&self) -> usize {
        self.times.get_array_memory_size()
            + self.columns.iter().map(|column| column.get_array_memory_size()).sum::<usize>()
    }

    /// Some rows, sharing memory.
    pub(crate) fn slice(&self, from: usize, rows: usize) -> Self {
        Self {
            times: self.times.slice(from, rows),
            columns: self.columns.iter().map(|column| column.slice(from, rows)).collect(),
        }
    }

    /// The rows for which `keep` is true (null is not).
    pub(crate) fn filter(&self, keep: &BooleanArray) -> Result<Self, QueryError> {
        let filter = FilterBuilder::new(keep).optimize().build();
        let times = filter.filter(&self.times)?.as_primitive::<Int64Type>().clone();
        let columns = self.columns.iter().map(|column| filter.filter(column)).collect::<Result<_, _>>()?;
        Ok(Self { times, columns })
    }

    /// The rows at some indexes, in their order.
    pub(crate) fn take(&self, rows: &UInt32Array) -> Result<Self, QueryError> {
        let times = take(&self.times, rows, None)?.as_primitive::<Int64Type>().clone();
        let columns = self.columns.iter().map(|column| take(column, rows, None)).collect::<Result<_, _>>()?;
        Ok(Self { times, columns })
    }

    /// One chunk of several of the same columns.
    pub(crate) fn concat(chunks: &[Self]) -> Result<Self, QueryError> {
        let Some(first) = chunks.first() else {
            return Ok(Self { times: Int64Array::from(Vec::<i64>::new()), columns: Vec::new() });
        };
        if chunks.len() == 1 {
            return Ok(first.clone());
        }
        let times: Vec<&dyn Array> = chunks.iter().map(|chunk| &chunk.times as &dyn Array).collect();
        let times = arrow_select::concat::concat(&times)?.as_primitive::<Int64Type>().clone();
        let columns = (0..first.columns.len())
            .map(|at| {
                let parts: Vec<&dyn Array> = chunks.iter().map(|chunk| &*chunk.columns[at]).collect();
                arrow_select::concat::concat(&parts)
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { times, columns })
    }
}

/// Chunks as an operator makes them: until it has no more, or fails. It is not asked again after either.
pub(crate) fn made_by(
    mut advance: impl FnMut() -> Result<Option<Chunk>, QueryError> + Send + 'static,
) -> Chunks {
    let mut ended = false;
    Box::new(std::iter::from_fn(move || {
        if ended {
            return None;
        }
        let next = advance().transpose();
        ended = !matches!(next, Some(Ok(_)));
        next
    }))
}

/// Chunks that are all there already.
pub(crate) fn ready(chunks: Vec<Chunk>) -> Chunks {
    Box::new(chunks.into_iter().filter(|chunk| !chunk.is_empty()).map(Ok))
}

/// A chunk without a time column of meaning: catalog rows.
pub(crate) fn timeless(columns: Vec<ArrayRef>) -> Chunk {
    let rows = columns.first().map_or(0, |column| column.len());
    Chunk { times: Int64Array::from(vec![0; rows]), columns }
}

/// A text column.
pub(crate) fn texts<'a>(values: impl IntoIterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<arrow_array::StringArray>())
}

/// Paths as they are written in SQL: what `SHOW` says can be asked for again.
pub(crate) fn paths<'a>(paths: impl Iterator<Item = &'a Path>) -> ArrayRef {
    let written: Vec<Cow<'a, str>> = paths.map(|path| path_sql(path.as_str())).collect();
    texts(written.iter().map(|path| Some(&**path)))
}
