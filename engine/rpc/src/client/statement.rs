//! Statements, and the pages of their rows.

use std::collections::VecDeque;

use arrow_array::RecordBatch;
use bytes::Bytes;

use super::{Client, ClientError, Generation, rows::Shape};
use crate::{
    messages::{
        CloseOperation, CloseOperationReq, ExecuteQueryStatement, ExecuteQueryStatementV2, ExecuteStatement,
        ExecuteStatementReq, ExecuteStatementResp, ExecuteStatementV2, FetchResults, FetchResultsReq,
        FetchResultsV2, QueryDataSet,
    },
    thrift::WireError,
};

/// What a statement gave.
#[derive(Debug)]
pub enum Answer {
    /// It is done; the server's message, if any.
    Done(String),
    /// It has rows: [`Client::next_batch`] gives them.
    Rows(Box<Cursor>),
}

/// A client's place in the rows of a query.
#[derive(Debug)]
pub struct Cursor {
    statement: String,
    query_id: i64,
    shape: Shape,
    blocks: VecDeque<Bytes>,
    set: Option<QueryDataSet>,
    more: bool,
}

impl Cursor {
    /// The rows' columns.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }
}

impl Client {
    /// Runs a statement.
    ///
    /// # Errors
    /// The server rejects the statement, or it fails.
    pub async fn execute(&mut self, sql: &str) -> Result<Answer, ClientError> {
        let req = self.request(sql);
        let answer = if self.server().generation < Generation::V1 {
            self.connection.call(&ExecuteStatement { req }).await?
        } else {
            self.connection.call(&ExecuteStatementV2 { req }).await?
        };
        self.answer(sql, answer)
    }

    /// Runs a statement as a query. Servers run other statements this way too.
    ///
    /// # Errors
    /// The server rejects the statement, or it fails.
    pub async fn query(&mut self, sql: &str) -> Result<Answer, ClientError> {
        let req = self.request(sql);
        let answer = if self.server().generation < Generation::V1 {
            self.connection.call(&ExecuteQueryStatement { req }).await?
        } else {
            self.connection.call(&ExecuteQueryStatementV2 { req }).await?
        };
        self.answer(sql, answer)
    }

    fn request(&self, sql: &str) -> ExecuteStatementReq {
        ExecuteStatementReq {
            session_id: self.session_id,
            statement: sql.to_owned(),
            statement_id: self.statement_id,
            fetch_size: Some(self.fetch_size),
            timeout: Some(self.timeout_ms),
            enable_redirect_query: Some(false),
            jdbc_query: None,
        }
    }

    fn answer(&self, sql: &str, answer: ExecuteStatementResp) -> Result<Answer, ClientError> {
        self.check(&answer.status)?;
        if answer.columns.is_none() {
            return Ok(Answer::Done(String::new()));
        }
        let shape = Shape::of(&answer).map_err(|error| self.nonsense(&error))?;
        // Before 1.0 only an empty page says that there are no more.
        let more = answer.more_data.unwrap_or(answer.query_result.is_none());
        Ok(Answer::Rows(Box::new(Cursor {
            statement: sql.to_owned(),
            query_id: answer.query_id.unwrap_or(-1),
            shape,
            blocks: answer.query_result.unwrap_or_default().into(),
            set: answer.query_data_set,
            more,
        })))
    }

    /// The next rows of a query, fetching another page if necessary; `None` at the end, when the query is closed at the server.
    ///
    /// # Errors
    /// The query failed.
    pub async fn next_batch(&mut self, cursor: &mut Cursor) -> Result<Option<RecordBatch>, ClientError> {
        loop {
            if let Some(block) = cursor.blocks.pop_front() {
                let batch = cursor.shape.block(block).map_err(|error| self.nonsense(&error))?;
                if batch.num_rows() > 0 {
                    return Ok(Some(batch));
                }
                continue;
            }
            if let Some(set) = cursor.set.take() {
                let batch = cursor.shape.set(set).map_err(|error| self.nonsense(&error))?;
                if batch.num_rows() > 0 {
                    return Ok(Some(batch));
                }
            }
            if !cursor.more {
                self.close_query(cursor).await?;
                return Ok(None);
            }
            self.fetch(cursor).await?;
        }
    }

    async fn fetch(&mut self, cursor: &mut Cursor) -> Result<(), ClientError> {
        let req = FetchResultsReq {
            session_id: self.session_id,
            statement: cursor.statement.clone(),
            fetch_size: self.fetch_size,
            query_id: cursor.query_id,
            is_align: true,
            timeout: Some(self.timeout_ms),
            statement_id: Some(self.statement_id),
        };
        let page = if self.server().generation < Generation::V1 {
            self.connection.call(&FetchResults { req }).await?
        } else {
            self.connection.call(&FetchResultsV2 { req }).await?
        };
        self.check(&page.status)?;
        cursor.more = page.has_result_set && page.more_data.unwrap_or(true);
        if page.has_result_set {
            cursor.blocks = page.query_result.unwrap_or_default().into();
            cursor.set = page.query_data_set;
        }
        Ok(())
    }

    /// Ends a query, whether or not it has more rows.
    ///
    /// # Errors
    /// The other side did not receive the request.
    pub async fn close_query(&mut self, cursor: &mut Cursor) -> Result<(), ClientError> {
        cursor.more = false;
        cursor.blocks.clear();
        cursor.set = None;
        let req = CloseOperationReq {
            session_id: self.session_id,
            query_id: Some(cursor.query_id),
            statement_id: Some(self.statement_id),
            prepared_statement_name: None,
        };
        let status = self.connection.call(&CloseOperation { req }).await?;
        self.check(&status)
    }

    fn nonsense(&self, error: &WireError) -> ClientError {
        ClientError::Lost {
            node: self.node().to_owned(),
            reason: format!("the rows it sent cannot be read: {error}"),
            timed_out: false,
        }
    }
}
