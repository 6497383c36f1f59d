//! A query's rows, page by page.
//!
//! ```text
//!   batches ─► cut to pages ─► blocks, one for each batch     V2 methods, from 1.0 on
//!                           └► one data set                   the methods of all versions
//! ```
//!
//! A page has as many rows as its client asks for, or more to the end of a batch, and ends early at some megabytes: answers must
//! fit into the frames that clients read. Whether there are more rows is known before a page is sent, so that most queries
//! take one call.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, cast::AsArray, types::Int64Type};
use bytes::Bytes;
use futures::StreamExt;
use levada_model::{DataType, Rows, SessionError, StatusCode};
use levada_rpc::{
    columns::{block, dataset},
    messages::{ExecuteStatementResp, FetchResultsResp, QueryDataSet},
    thrift::Pairs,
};
use tokio::sync::OwnedSemaphorePermit;

use crate::{client::Client, shared::Shared, status::done};

/// A page ends at so many bytes.
pub(crate) const PAGE_BYTES: usize = 8 << 20;
/// Rows of a page where the client does not say.
const PAGE_ROWS: usize = 5_000;

/// In which form rows are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `TSQueryDataSet`.
    Set,
    /// `TsBlock`s.
    Blocks,
}

/// How the rows of a statement are wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) form: Form,
    pub(crate) fetch_size: Option<i32>,
    /// Milliseconds.
    pub(crate) timeout: Option<i64>,
    pub(crate) statement_id: i64,
}

/// An open query. Dropping it ends it.
pub(crate) struct Query {
    id: i64,
    statement_id: i64,
    rows: Rows,
    form: Form,
    page_rows: usize,
    client: Client,
    /// For each column of the rows where it is among those sent.
    places: Vec<usize>,
    /// For each column sent which one of the rows it is.
    sent: Vec<usize>,
    /// Rows that were taken from the stream and not sent yet.
    held: Option<RecordBatch>,
    _permit: OwnedSemaphorePermit,
}

impl Query {
    /// A query, to be read in pages.
    ///
    /// # Errors
    /// There are too many open queries.
    pub(crate) fn open(
        shared: &Arc<Shared>,
        rows: Rows,
        wanted: Wanted,
        client: Client,
    ) -> Result<Self, SessionError> {
        let permit = open_permit(shared)?;
        let id = rows.query.map_or_else(|| shared.next_id(), |query| query.0);
        let (places, sent) = places(&rows, client);
        Ok(Self {
            id,
            statement_id: wanted.statement_id,
            rows,
            form: wanted.form,
            page_rows: page_rows(wanted.fetch_size),
            client,
            places,
            sent,
            held: None,
            _permit: permit,
        })
    }

    pub(crate) fn id(&self) -> i64 {
        self.id
    }

    pub(crate) fn statement_id(&self) -> i64 {
        self.statement_id
    }

    /// Whether rows are left.
    pub(crate) fn has_more(&self) -> bool {
        self.held.is_some()
    }

    /// The answer to the statement, with the first page.
    pub(crate) async fn first(&mut self) -> Result<ExecuteStatementResp, SessionError> {
        let page = self.page(self.page_rows).await?;
        let columns = &self.rows.columns;
        let names = columns.iter().map(|column| column.name.clone());
        let by_name = self.sent.iter().enumerate().filter(|(_, of)| {
            // Of columns with the same name the first is found by it.
            columns.iter().position(|column| column.name == columns[**of].name) == Some(**of)
        });
        let by_name = by_name.map(|(place, of)| (columns[*of].name.clone(), place as i32)).collect();
        let mut answer = ExecuteStatementResp {
            status: done(),
            query_id: Some(self.id),
            columns: Some(names.collect()),
            ignore_time_stamp: Some(!self.rows.has_time),
            data_type_list: Some(columns.iter().map(|column| self.type_name(column.data_type)).collect()),
            column_name_index_map: Some(Pairs(by_name)),
            sg_columns: Some(Vec::new()),
            alias_columns: Some(Vec::new()),
            more_data: Some(self.has_more()),
            table_model: Some(false),
            ..ExecuteStatementResp::default()
        };
        if self.client == Client::V2 {
            answer.column_index_to_block = Some(self.places.iter().map(|place| *place as i32).collect());
        }
        match self.form {
            Form::Blocks => answer.query_result = Some(self.blocks(&page)),
            Form::Set => answer.query_data_set = Some(self.set(&page)?),
        }
        Ok(answer)
    }

    /// The next page.
    pub(crate) async fn next(
        &mut self,
        form: Form,
        fetch_size: i32,
    ) -> Result<FetchResultsResp, SessionError> {
        let page = self.page(page_rows(Some(fetch_size))).await?;
        let mut answer = FetchResultsResp {
            status: done(),
            has_result_set: !page.is_empty(),
            is_align: true,
            more_data: Some(self.has_more()),
            ..FetchResultsResp::default()
        };
        match form {
            Form::Blocks => answer.query_result = Some(self.blocks(&page)),
            Form::Set => answer.query_data_set = Some(self.set(&page)?),
        }
        Ok(answer)
    }

    /// Batches of at least so many rows, if there are as many and they are not too large.
    async fn page(&mut self, rows: usize) -> Result<Vec<RecordBatch>, SessionError> {
        let (mut page, mut taken, mut bytes) = (Vec::new(), 0, 0);
        loop {
            let Some(batch) = self.batch().await? else { return Ok(page) };
            let (batch, size, rest) = cut(batch, PAGE_BYTES);
            self.held = rest;
            taken += batch.num_rows();
            bytes += size;
            page.push(batch);
            if taken >= rows || bytes >= PAGE_BYTES {
                if self.held.is_none() {
                    self.held = self.batch().await?;
                }
                return Ok(page);
            }
        }
    }

    /// The next batch that has rows.
    async fn batch(&mut self) -> Result<Option<RecordBatch>, SessionError> {
        if let Some(held) = self.held.take() {
            return Ok(Some(held));
        }
        while let Some(batch) = self.rows.batches.next().await {
            let batch = batch?;
            if batch.num_rows() > 0 {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    /// Times and columns as they are sent. Rows without a time have 0.
    fn parts(&self, batch: &RecordBatch) -> (Int64Array, Vec<(DataType, ArrayRef)>) {
        let first = usize::from(self.rows.has_time);
        let times = if self.rows.has_time {
            batch.column(0).as_primitive::<Int64Type>().clone()
        } else {
            Int64Array::from_value(0, batch.num_rows())
        };
        let column = |of: &usize| (self.rows.columns[*of].data_type, Arc::clone(batch.column(first + of)));
        (times, self.sent.iter().map(column).collect())
    }

    fn blocks(&self, page: &[RecordBatch]) -> Vec<Bytes> {
        let encode = |batch| {
            let (times, columns) = self.parts(batch);
            block::encode(&times, &columns)
        };
        page.iter().map(encode).collect()
    }

    fn set(&self, page: &[RecordBatch]) -> Result<QueryDataSet, SessionError> {
        let Some(first) = page.first() else {
            let none = vec![Bytes::new(); self.sent.len()];
            return Ok(QueryDataSet { time: Bytes::new(), value_list: none.clone(), bitmap_list: none });
        };
        let whole = arrow_select::concat::concat_batches(&first.schema(), page).map_err(|error| {
            SessionError::new(StatusCode::QUERY_PROCESS_ERROR, error.to_string()).caused_by(error)
        })?;
        let (times, columns) = self.parts(&whole);
        Ok(dataset::encode(&times, &columns))
    }

    /// A type by its name. Clients before 1.0 know the first six only, and read the others by what they are sent as.
    fn type_name(&self, data_type: DataType) -> String {
        let shown = if self.client.is_old() { old_name(data_type) } else { data_type };
        shown.to_string()
    }
}

/// Where columns are among those sent, and which are sent. Clients before 2.0 find them by name, and expect as many as there
/// are names.
fn places(rows: &Rows, client: Client) -> (Vec<usize>, Vec<usize>) {
    if client == Client::V2 {
        let each: Vec<_> = (0..rows.columns.len()).collect();
        return (each.clone(), each);
    }
    let mut by_name = std::collections::HashMap::new();
    let mut sent = Vec::new();
    let places = rows.columns.iter().enumerate().map(|(of, column)| {
        *by_name.entry(column.name.as_str()).or_insert_with(|| {
            sent.push(of);
            sent.len() - 1
        })
    });
    (places.collect(), sent)
}

/// Room for one more open query.
///
/// # Errors
/// There are too many.
pub(crate) fn open_permit(shared: &Arc<Shared>) -> Result<OwnedSemaphorePermit, SessionError> {
    const TOO_MANY: StatusCode = StatusCode(717);
    Arc::clone(&shared.queries).try_acquire_owned().map_err(|_| {
        let message = format!("{} queries are open, and more may not be: close some", shared.options.queries);
        SessionError::new(TOO_MANY, message)
    })
}

/// The type that clients before 1.0 know a type by.
pub(crate) fn old_name(data_type: DataType) -> DataType {
    match data_type {
        DataType::Timestamp => DataType::Int64,
        DataType::Date => DataType::Int32,
        DataType::String | DataType::Blob => DataType::Text,
        other => other,
    }
}

pub(crate) fn page_rows(fetch_size: Option<i32>) -> usize {
    fetch_size.and_then(|rows| usize::try_from(rows).ok()).filter(|rows| *rows > 0).unwrap_or(PAGE_ROWS)
}

/// The first rows of a batch that are no more than so many bytes together, but one row at least; their bytes, and the rows behind.
pub(crate) fn cut(batch: RecordBatch, most: usize) -> (RecordBatch, usize, Option<RecordBatch>) {
    let (mut front, mut bytes) = (batch.clone(), bytes_of(&batch));
    // The first rows may be larger than the others.
    while bytes > most && front.num_rows() > 1 {
        let share = front.num_rows() as u128 * most as u128 / bytes as u128;
        let rows = usize::try_from(share).unwrap_or(usize::MAX).clamp(1, front.num_rows() - 1);
        front = batch.slice(0, rows);
        bytes = bytes_of(&front);
    }
    let behind = batch.num_rows() - front.num_rows();
    let rest = (behind > 0).then(|| batch.slice(front.num_rows(), behind));
    (front, bytes, rest)
}

/// Bytes of the rows of a batch, which may be a small part of what its memory holds.
fn bytes_of(batch: &RecordBatch) -> usize {
    let columns = batch.columns().iter();
    columns.map(|column| column.to_data().get_slice_memory_size().unwrap_or(0)).sum()
}
