//! The shape of a query's rows, and rows from both encodings.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType as ArrowType, Field, Schema, SchemaRef};
use bytes::Bytes;
use levada_model::{DataType, ResultColumn};

use crate::{
    columns::{block, dataset},
    messages::{ExecuteStatementResp, QueryDataSet},
    thrift::WireError,
};

/// A query's columns, and where their values are among those sent: a column selected twice is sent once.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Whether the rows have a time.
    pub has_time: bool,
    /// The columns, without the time.
    pub columns: Vec<ResultColumn>,
    /// For each of `columns` the column sent; `None` for the time.
    sources: Vec<Option<usize>>,
    /// The types of the columns sent.
    sent: Vec<Option<DataType>>,
    schema: SchemaRef,
}

impl Shape {
    /// The shape of an answer that has columns.
    ///
    /// # Errors
    /// Names, types and indexes do not fit together.
    pub fn of(answer: &ExecuteStatementResp) -> Result<Self, WireError> {
        let names = answer.columns.as_deref().unwrap_or_default();
        let types = answer.data_type_list.as_deref().unwrap_or_default();
        if types.len() != names.len() {
            return Err(WireError::Mismatch(format!("{} columns of {} types", names.len(), types.len())));
        }
        let sources = sources(answer, names)?;
        let columns: Vec<_> = names
            .iter()
            .zip(types)
            .enumerate()
            .map(|(index, (name, data_type))| ResultColumn {
                name: full_name(answer, index, name),
                // A column of an unknown type is read as text; if it is not text, decoding fails.
                data_type: data_type.parse().unwrap_or(DataType::Text),
            })
            .collect();
        let count = sources.iter().flatten().max().map_or(0, |most| most + 1);
        let mut sent = vec![None; count];
        for (source, column) in sources.iter().zip(&columns) {
            if let Some(source) = source {
                sent[*source] = Some(column.data_type);
            }
        }
        let has_time = !answer.ignore_time_stamp.unwrap_or(false);
        let time = has_time.then(|| Field::new("Time", ArrowType::Int64, false));
        let fields = columns.iter().map(|column| Field::new(&column.name, column.data_type.arrow(), true));
        let schema = Arc::new(Schema::new(time.into_iter().chain(fields).collect::<Vec<_>>()));
        Ok(Self { has_time, columns, sources, sent, schema })
    }

    /// The rows of a block.
    ///
    /// # Errors
    /// The bytes are not a block, or a block of other columns.
    pub fn block(&self, block: Bytes) -> Result<RecordBatch, WireError> {
        let (times, arrays) = block::decode(block, &self.sent)?;
        self.batch(times, arrays.into_iter().map(|(_, array)| array).collect())
    }

    /// The rows of a data set.
    ///
    /// # Errors
    /// It has other columns.
    pub fn set(&self, set: QueryDataSet) -> Result<RecordBatch, WireError> {
        let types: Vec<_> = self.sent.iter().map(|each| each.unwrap_or(DataType::Text)).collect();
        let (times, arrays) = dataset::decode(set, &types)?;
        self.batch(times, arrays)
    }

    fn batch(&self, times: Int64Array, arrays: Vec<ArrayRef>) -> Result<RecordBatch, WireError> {
        let rows = times.len();
        let times: ArrayRef = Arc::new(times);
        let mut columns = Vec::with_capacity(self.columns.len() + 1);
        if self.has_time {
            columns.push(Arc::clone(&times));
        }
        for source in &self.sources {
            let array = match source {
                None => Some(&times),
                Some(source) => arrays.get(*source),
            };
            let missing = || WireError::Mismatch(format!("a page of {} columns", arrays.len()));
            columns.push(Arc::clone(array.ok_or_else(missing)?));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .map_err(|error| WireError::Mismatch(error.to_string()))
    }
}

/// Where each column's values are. 2.0 says it by index, servers before by name, some not at all.
fn sources(answer: &ExecuteStatementResp, names: &[String]) -> Result<Vec<Option<usize>>, WireError> {
    // No result has more columns than were selected; a greater index is invalid.
    let place = |index: i32| match usize::try_from(index) {
        Ok(index) if index < names.len() => Ok(Some(index)),
        Err(_) if index == -1 => Ok(None),
        _ => Err(WireError::Mismatch(format!("column {index} of {}", names.len()))),
    };
    if let Some(indexes) = &answer.column_index_to_block
        && indexes.len() == names.len()
    {
        return indexes.iter().map(|index| place(*index)).collect();
    }
    let by_name: Option<std::collections::HashMap<_, _>> = answer
        .column_name_index_map
        .as_ref()
        .map(|map| map.0.iter().map(|(name, index)| (name.as_str(), *index)).collect());
    if let Some(map) = by_name
        && names.iter().all(|name| map.contains_key(name.as_str()))
    {
        return names.iter().map(|name| place(map[name.as_str()])).collect();
    }
    let mut seen = std::collections::HashMap::new();
    Ok(names
        .iter()
        .map(|name| {
            let next = seen.len();
            Some(*seen.entry(name.as_str()).or_insert(next))
        })
        .collect())
}

/// 0.13 sends the prefix of a name apart, for names that are not aliases.
fn full_name(answer: &ExecuteStatementResp, index: usize, name: &str) -> String {
    let Some(before) = answer.sg_columns.as_ref().and_then(|before| before.get(index)) else {
        return name.to_owned();
    };
    let bits = answer.alias_columns.as_deref().unwrap_or_default();
    let alias = bits.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1);
    if alias || before.is_empty() { name.to_owned() } else { format!("{before}.{name}") }
}
