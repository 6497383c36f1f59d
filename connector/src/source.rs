//! A query's rows, for programs.

use std::{fmt, sync::Arc};

use arrow_array::RecordBatch;
use futures::StreamExt;
use levada_connector_api::{
    Error, Result,
    model::{ResultColumn, Rows, Session},
};

use crate::{
    Row,
    target::{Target, store_methods},
};

/// How a row becomes an item.
type Convert<T> = Box<dyn FnMut(Row) -> Result<T> + Send>;

/// The rows of a query, as items of a type.
pub struct IotdbSource<T> {
    session: Arc<dyn Session>,
    rows: Rows,
    columns: Arc<[ResultColumn]>,
    batch: Option<(RecordBatch, usize)>,
    convert: Convert<T>,
    /// Whether the session was opened for this source.
    own: bool,
}

/// Says what an [`IotdbSource`] is to read.
pub struct IotdbSourceBuilder<T> {
    target: Target,
    query: String,
    convert: Convert<T>,
}

impl IotdbSource<Row> {
    /// A source of rows as they are; see [`IotdbSourceBuilder::convert`].
    pub fn builder() -> IotdbSourceBuilder<Row> {
        IotdbSourceBuilder { target: Target::default(), query: String::new(), convert: Box::new(Ok) }
    }
}

impl<T> IotdbSourceBuilder<T> {
    store_methods!();

    /// A session that is there, instead of nodes: that of an embedded engine.
    #[must_use]
    pub fn session(mut self, session: Arc<dyn Session>) -> Self {
        self.target.session = Some(session);
        self
    }

    /// The statement.
    #[must_use]
    pub fn query(mut self, query: impl Into<String>) -> Self {
        self.query = query.into();
        self
    }

    /// How rows become items. An error of it ends the source.
    pub fn convert<U>(self, convert: impl FnMut(Row) -> Result<U> + Send + 'static) -> IotdbSourceBuilder<U> {
        IotdbSourceBuilder { target: self.target, query: self.query, convert: Box::new(convert) }
    }

    /// Connects and asks.
    ///
    /// # Errors
    /// No node answers, or the statement is rejected.
    pub async fn open(self) -> Result<IotdbSource<T>> {
        let session = self.target.open(1).await?;
        let rows = session.query(&self.query).await;
        let rows = rows.map_err(|error| Error::from(error).with("query", &self.query))?;
        let columns = rows.columns.clone().into();
        let own = self.target.session.is_none();
        Ok(IotdbSource { session, rows, columns, batch: None, convert: self.convert, own })
    }
}

impl<T> IotdbSource<T> {
    /// The columns of the rows, without the time.
    pub fn columns(&self) -> &[ResultColumn] {
        &self.columns
    }

    /// The next item; `None` at the end. Cancel safe.
    ///
    /// # Errors
    /// The query fails on its way, or a row cannot be converted.
    pub async fn next(&mut self) -> Result<Option<T>> {
        loop {
            if let Some((batch, at)) = &mut self.batch
                && *at < batch.num_rows()
            {
                let row = Row::of(batch, *at, self.rows.has_time, &self.columns);
                *at += 1;
                return (self.convert)(row).map(Some);
            }
            match self.next_batch().await? {
                Some(batch) => self.batch = Some((batch, 0)),
                None => return Ok(None),
            }
        }
    }

    /// The next batch of rows, column by column: the time first, where rows have one. Rows of a batch that [`IotdbSource::next`] has
    /// begun are not among them. Cancel safe.
    ///
    /// # Errors
    /// The query fails on its way.
    pub async fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        self.rows.batches.next().await.transpose().map_err(Error::from)
    }

    /// Ends the query, and the connection where it was made for it.
    ///
    /// # Errors
    /// The other side did not hear of it.
    pub async fn close(self) -> Result<()> {
        drop(self.rows);
        if self.own {
            self.session.close().await?;
        }
        Ok(())
    }
}

impl<T> fmt::Debug for IotdbSource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IotdbSource").field("columns", &self.columns).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for IotdbSourceBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IotdbSourceBuilder").field("query", &self.query).finish_non_exhaustive()
    }
}
