//! Some rows on the way through a read: sorted times and columns.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_buffer::{NullBuffer, ScalarBuffer};
use arrow_schema::{Field, Schema, SchemaRef};
use arrow_select::filter::FilterBuilder;
use levada_model::DataType;

use crate::TimeRange;

/// Blocks and batches have at most so many rows.
pub(crate) const BLOCK_ROWS: usize = 8192;

/// Rows with strictly growing times; at least one. A column that is `None` holds nulls only.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) times: ScalarBuffer<i64>,
    pub(crate) columns: Vec<Option<ArrayRef>>,
}

impl Block {
    pub(crate) fn rows(&self) -> usize {
        self.times.len()
    }

    /// Bytes of its values, about.
    pub(crate) fn bytes(&self) -> usize {
        let sliced = |array: &ArrayRef| array.to_data().get_slice_memory_size().unwrap_or(0);
        self.rows() * 8 + self.columns.iter().flatten().map(sliced).sum::<usize>()
    }

    pub(crate) fn first(&self) -> i64 {
        self.times[0]
    }

    pub(crate) fn last(&self) -> i64 {
        self.times[self.times.len() - 1]
    }

    pub(crate) fn slice(&self, from: usize, rows: usize) -> Self {
        Self {
            times: self.times.slice(from, rows),
            columns: self
                .columns
                .iter()
                .map(|column| column.as_ref().map(|array| array.slice(from, rows)))
                .collect(),
        }
    }

    /// The rows within a range; `None` where there are none.
    pub(crate) fn within(&self, range: TimeRange) -> Option<Self> {
        let from = self.times.partition_point(|&time| time < range.start);
        let to = self.times.partition_point(|&time| time <= range.end);
        match to.saturating_sub(from) {
            0 => None,
            rows if rows == self.rows() => Some(self.clone()),
            rows => Some(self.slice(from, rows)),
        }
    }

    /// Without the rows in which every column is null; `None` where none is left.
    pub(crate) fn without_empty_rows(self) -> Option<Self> {
        if self.columns.iter().flatten().any(|array| array.null_count() == 0) {
            return Some(self);
        }
        let mut kept: Option<arrow_buffer::BooleanBuffer> = None;
        for nulls in self.columns.iter().flatten().filter_map(|array| array.nulls()) {
            kept = Some(match kept {
                None => nulls.inner().clone(),
                Some(kept) => &kept | nulls.inner(),
            });
        }
        let kept = kept?;
        match kept.count_set_bits() {
            0 => None,
            rows if rows == self.rows() => Some(self),
            _ => Some(self.filtered(&kept)),
        }
    }

    fn filtered(&self, kept: &arrow_buffer::BooleanBuffer) -> Self {
        let predicate = arrow_array::BooleanArray::new(kept.clone(), None);
        let filter = FilterBuilder::new(&predicate).optimize().build();
        let times = kept.set_indices().map(|row| self.times[row]).collect::<Vec<_>>().into();
        let columns = self
            .columns
            .iter()
            .map(|column| {
                // Filtering fails only where lengths differ or memory cannot be had.
                column.as_ref().map(|array| filter.filter(array).expect("columns are as long as the times"))
            })
            .collect();
        Self { times, columns }
    }

    /// Makes null the values of a column within a range.
    pub(crate) fn hide(&mut self, column: usize, range: TimeRange) {
        let Some(array) = &self.columns[column] else { return };
        let from = self.times.partition_point(|&time| time < range.start);
        let to = self.times.partition_point(|&time| time <= range.end);
        if from >= to {
            return;
        }
        let rows = self.times.len();
        if to - from == rows {
            self.columns[column] = None;
            return;
        }
        let mut valid = arrow_buffer::BooleanBufferBuilder::new(rows);
        valid.append_n(from, true);
        valid.append_n(to - from, false);
        valid.append_n(rows - to, true);
        let nulls = NullBuffer::union(array.nulls(), Some(&NullBuffer::new(valid.finish())));
        self.columns[column] =
            array.to_data().into_builder().nulls(nulls).build().ok().map(arrow_array::make_array);
    }

    /// As a batch of a schema whose first field is the time.
    pub(crate) fn to_batch(&self, schema: &SchemaRef, reverse: bool) -> RecordBatch {
        let rows = self.rows();
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.columns.len() + 1);
        arrays.push(Arc::new(arrow_array::Int64Array::new(self.times.clone(), None)));
        // Columns of one type without a value share their nulls.
        let mut nulls: Vec<ArrayRef> = Vec::new();
        for (column, field) in self.columns.iter().zip(&schema.fields()[1..]) {
            let kind = field.data_type();
            arrays.push(match column {
                Some(array) => Arc::clone(array),
                None => match nulls.iter().find(|known| known.data_type() == kind) {
                    Some(known) => Arc::clone(known),
                    None => {
                        nulls.push(new_null_array(kind, rows));
                        nulls.last().map(Arc::clone).expect("one was added")
                    }
                },
            });
        }
        if reverse {
            let order = arrow_array::UInt32Array::from_iter_values((0..rows as u32).rev());
            for array in &mut arrays {
                *array = arrow_select::take::take(array, &order, None)
                    .expect("the order is of the rows there are");
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)
            .expect("columns have the type of their series")
    }
}

/// The schema of batches of some series: the time, then each.
pub(crate) fn schema_of<'a>(columns: impl Iterator<Item = (&'a str, DataType)>) -> SchemaRef {
    let time = Field::new("time", arrow_schema::DataType::Int64, false);
    let fields = columns.map(|(name, data_type)| Field::new(name, data_type.arrow(), true));
    Arc::new(Schema::new(std::iter::once(time).chain(fields).collect::<Vec<_>>()))
}

/// Blocks that follow each other as one; `None` where there are none. `types` are those of the columns.
pub(crate) fn concat(mut blocks: Vec<Block>, types: &[DataType]) -> Option<Block> {
    if blocks.len() <= 1 {
        return blocks.pop();
    }
    let times: Vec<i64> = blocks.iter().flat_map(|block| block.times.iter().copied()).collect();
    let columns = types
        .iter()
        .enumerate()
        .map(|(place, data_type)| {
            if blocks.iter().all(|block| block.columns[place].is_none()) {
                return None;
            }
            let parts: Vec<ArrayRef> = blocks
                .iter()
                .map(|block| match &block.columns[place] {
                    Some(array) => Arc::clone(array),
                    None => new_null_array(&data_type.arrow(), block.rows()),
                })
                .collect();
            let parts: Vec<&dyn Array> = parts.iter().map(|array| &**array).collect();
            Some(arrow_select::concat::concat(&parts).expect("parts of a column have one type"))
        })
        .collect();
    Some(Block { times: times.into(), columns })
}
