//! A query that is ready to run, and its rows.

use std::{collections::HashMap, fmt, sync::Arc};

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType as ArrowType, Field, FieldRef, Fields, Schema, SchemaRef};
use levada_model::{DataType, ResultColumn};

use crate::{
    QueryError,
    chunk::{Chunk, Chunks},
    execute::Environment,
    node::Node,
};

/// Columns of a result whose fields have names in its batches, at most.
const NAMED: usize = 1 << 14;

/// A query that is bound to a view and ready to run.
pub struct Plan {
    /// Whether the rows have a time.
    pub has_time: bool,
    /// The columns, without the time.
    pub columns: Vec<ResultColumn>,
    root: Node,
    environment: Environment,
}

/// A query that is bound, before it is known what it is run with.
#[derive(Debug)]
pub(crate) struct Bound {
    has_time: bool,
    columns: Vec<ResultColumn>,
    pub(crate) root: Node,
}

impl Bound {
    /// The columns, without the time, and what gives them.
    pub(crate) fn new(has_time: bool, columns: Vec<ResultColumn>, root: Node) -> Self {
        Self { has_time, columns, root }
    }

    /// The columns, without the time.
    pub(crate) fn columns(&self) -> &[ResultColumn] {
        &self.columns
    }

    /// A result that is all there: rows of the catalog.
    pub(crate) fn ready(columns: Vec<ResultColumn>, values: Vec<ArrayRef>) -> Self {
        Self::new(false, columns, Node::Given(crate::chunk::ready(vec![crate::chunk::timeless(values)])))
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("has_time", &self.has_time)
            .field("columns", &self.columns)
            .field("root", &self.root)
            .finish()
    }
}

impl Plan {
    /// What is bound, with what it is run with.
    pub(crate) fn new(bound: Bound, environment: Environment) -> Self {
        let Bound { has_time, columns, root } = bound;
        Self { has_time, columns, root, environment }
    }

    /// The schema of every batch: `Time` first where [`Plan::has_time`] holds, then [`Plan::columns`]. Of more than 16,384
    /// columns the fields say the types alone, and their names are empty: a million named fields take 160 MB.
    pub fn schema(&self) -> SchemaRef {
        let time = self.has_time.then(|| Arc::new(Field::new("Time", ArrowType::Int64, false)));
        let mut unnamed: HashMap<DataType, FieldRef> = HashMap::new();
        let is_named = self.columns.len() <= NAMED;
        let columns = self.columns.iter().map(|ResultColumn { name, data_type }| {
            if is_named {
                return Arc::new(Field::new(name, data_type.arrow(), true));
            }
            let field = || Arc::new(Field::new("", data_type.arrow(), true));
            Arc::clone(unnamed.entry(*data_type).or_insert_with(field))
        });
        Arc::new(Schema::new(time.into_iter().chain(columns).collect::<Fields>()))
    }

    /// Runs it: batches are computed as they are pulled, on the thread that pulls, which blocks for reads. Dropping the
    /// iterator ends the query. After an error there is nothing more. No batch is empty.
    pub fn execute(self) -> Rows {
        self.into_rows().1
    }

    /// Its columns, and [its rows](Plan::execute).
    pub fn into_rows(self) -> (Vec<ResultColumn>, Rows) {
        let schema = self.schema();
        let chunks = self.environment.execute(self.root);
        (self.columns, Rows { has_time: self.has_time, schema, chunks: Some(chunks) })
    }
}

/// A running query's rows.
pub struct Rows {
    has_time: bool,
    schema: SchemaRef,
    /// `None` after an error or the end.
    chunks: Option<Chunks>,
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl Rows {
    fn batch(&self, chunk: Chunk) -> Result<RecordBatch, QueryError> {
        let rows = chunk.rows();
        let mut arrays = chunk.columns;
        if self.has_time {
            arrays.insert(0, Arc::new(chunk.times));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)?)
    }
}

impl Iterator for Rows {
    type Item = Result<RecordBatch, QueryError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let next = self.chunks.as_mut()?.next();
            let result = match next {
                Some(Ok(chunk)) if chunk.is_empty() => continue,
                Some(Ok(chunk)) => self.batch(chunk),
                Some(Err(error)) => Err(error),
                None => {
                    self.chunks = None;
                    return None;
                }
            };
            if result.is_err() {
                self.chunks = None;
            }
            return Some(result);
        }
    }
}

/// A result column.
pub(crate) fn column(name: impl Into<String>, data_type: DataType) -> ResultColumn {
    let mut name = name.into();
    name.shrink_to_fit();
    ResultColumn { name, data_type }
}
