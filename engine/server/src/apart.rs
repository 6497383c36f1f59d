//! Rows of a query with `disable align`, page by page: each column has times of its own, and comes from a query of its own.

use std::sync::Arc;

use arrow_array::{Array, BooleanArray, Int64Array, RecordBatch, cast::AsArray, types::Int64Type};
use arrow_select::{concat::concat_batches, filter::filter_record_batch};
use bytes::Bytes;
use futures::StreamExt;
use levada_model::{DataType, Rows, SessionError, StatusCode};
use levada_rpc::{
    columns::dataset,
    messages::{ExecuteStatementResp, FetchResultsResp, QueryNonAlignDataSet},
    thrift::Pairs,
};
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    results::{PAGE_BYTES, Wanted, cut, old_name, open_permit, page_rows},
    shared::Shared,
    status::done,
};

/// A column, and its rows that were taken and not sent yet.
struct Column {
    rows: Rows,
    held: Option<RecordBatch>,
}

/// An open query of columns that have times of their own. Dropping it ends it.
pub(crate) struct Apart {
    id: i64,
    statement_id: i64,
    columns: Vec<Column>,
    page_rows: usize,
    _permit: OwnedSemaphorePermit,
}

impl Apart {
    /// A query, to be read in pages.
    ///
    /// # Errors
    /// There are too many open queries.
    pub(crate) fn open(
        shared: &Arc<Shared>,
        columns: Vec<Rows>,
        wanted: Wanted,
    ) -> Result<Self, SessionError> {
        let permit = open_permit(shared)?;
        let id = shared.next_id();
        let columns = columns.into_iter().map(|rows| Column { rows, held: None }).collect();
        let page_rows = page_rows(wanted.fetch_size);
        Ok(Self { id, statement_id: wanted.statement_id, columns, page_rows, _permit: permit })
    }

    pub(crate) fn id(&self) -> i64 {
        self.id
    }

    pub(crate) fn statement_id(&self) -> i64 {
        self.statement_id
    }

    /// The answer to the statement, with the first page.
    pub(crate) async fn first(&mut self) -> Result<ExecuteStatementResp, SessionError> {
        let page = self.page(self.page_rows).await?;
        let columns = || self.columns.iter().flat_map(|column| &column.rows.columns);
        let names: Vec<String> = columns().map(|column| column.name.clone()).collect();
        let by_name = names.iter().enumerate().map(|(place, name)| (name.clone(), place as i32)).collect();
        Ok(ExecuteStatementResp {
            status: done(),
            query_id: Some(self.id),
            columns: Some(names),
            ignore_time_stamp: Some(false),
            data_type_list: Some(columns().map(|column| old_name(column.data_type).to_string()).collect()),
            column_name_index_map: Some(Pairs(by_name)),
            non_align_query_data_set: Some(page),
            ..ExecuteStatementResp::default()
        })
    }

    /// The next page; of a query that is over one without rows.
    pub(crate) async fn next(&mut self, fetch_size: i32) -> Result<FetchResultsResp, SessionError> {
        let page = self.page(page_rows(Some(fetch_size))).await?;
        Ok(FetchResultsResp {
            status: done(),
            has_result_set: page.time_list.iter().any(|times| !times.is_empty()),
            is_align: false,
            non_align_query_data_set: Some(page),
            ..FetchResultsResp::default()
        })
    }

    /// So many values of each column, or fewer where it has no more or they are too large: a page has as many bytes as one of rows,
    /// and each column an equal share of them.
    async fn page(&mut self, rows: usize) -> Result<QueryNonAlignDataSet, SessionError> {
        let mut page = QueryNonAlignDataSet::default();
        let share = PAGE_BYTES / self.columns.len().max(1);
        for column in &mut self.columns {
            let (times, values) = column.take(rows, share).await?;
            page.time_list.push(times);
            page.value_list.push(values);
        }
        Ok(page)
    }
}

impl Column {
    /// The times and values of so many rows, as they are sent; of fewer where they have so many bytes, but of one at least.
    async fn take(&mut self, rows: usize, bytes: usize) -> Result<(Bytes, Bytes), SessionError> {
        let mut taken: Vec<RecordBatch> = Vec::new();
        let (mut left, mut room) = (rows, bytes);
        while left > 0 && (room > 0 || taken.is_empty()) {
            let batch = match self.held.take() {
                Some(held) => held,
                None => match self.rows.batches.next().await {
                    Some(batch) => valued(&batch?)?,
                    None => break,
                },
            };
            if batch.num_rows() == 0 {
                continue;
            }
            let (front, size, _) = cut(batch.slice(0, left.min(batch.num_rows())), room);
            if size > room && !taken.is_empty() {
                self.held = Some(batch);
                break;
            }
            let behind = batch.num_rows() - front.num_rows();
            self.held = (behind > 0).then(|| batch.slice(front.num_rows(), behind));
            left -= front.num_rows();
            room = room.saturating_sub(size);
            taken.push(front);
        }
        let Some(first) = taken.first() else { return Ok((Bytes::new(), Bytes::new())) };
        let whole = concat_batches(&first.schema(), &taken).map_err(failed)?;
        let times: Int64Array = whole.column(0).as_primitive::<Int64Type>().clone();
        let data_type = self.rows.columns.first().map_or(DataType::Int64, |column| column.data_type);
        let mut set = dataset::encode(&times, &[(data_type, Arc::clone(whole.column(1)))]);
        Ok((set.time, set.value_list.pop().unwrap_or_default()))
    }
}

/// The rows that have a value.
fn valued(batch: &RecordBatch) -> Result<RecordBatch, SessionError> {
    let values = batch.column(1);
    if values.null_count() == 0 {
        return Ok(batch.clone());
    }
    let keep: BooleanArray = (0..values.len()).map(|row| Some(values.is_valid(row))).collect();
    filter_record_batch(batch, &keep).map_err(failed)
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> SessionError {
    SessionError::new(StatusCode::QUERY_PROCESS_ERROR, error.to_string()).caused_by(error)
}
