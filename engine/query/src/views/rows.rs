//! Rows of names, those of views among them.

use std::sync::Arc;

use arrow_arith::boolean::is_not_null;
use arrow_array::{Array, ArrayRef, RecordBatch, new_null_array};
use arrow_schema::{DataType as ArrowType, Field, Schema, SchemaRef};
use arrow_select::filter::filter_record_batch;
use levada_model::{Path, Value};
use levada_storage::{
    DevicePieces, Direction, Piece, PieceIterator, Pieces, RowIterator, Rows, StorageError, TimeRange, View,
    Windows,
};

use super::{Viewed, source::Source};
use crate::{QueryContext, QueryError};

impl Viewed<dyn View, QueryContext> {
    fn has_view(&self, device: &Path, names: &[Arc<str>]) -> bool {
        self.views.has_device(device) && names.iter().any(|name| self.views.get(device, name).is_some())
    }

    fn rows(
        &self,
        names: &[Arc<str>],
        sources: &[Source<'_>],
        range: TimeRange,
        direction: Direction,
    ) -> Result<RowIterator, StorageError> {
        let schema = schema_of(names, sources);
        if let Some((device, measurements)) = of_one_device(sources) {
            let rows = self.inner.scan(&device, &measurements, range, direction)?;
            let named = move |batch: RecordBatch| {
                RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec()).map_err(arrow)
            };
            return Ok(Box::new(rows.map(move |batch| batch.and_then(&named))));
        }
        if sources.iter().all(|source| matches!(source, Source::Nothing(_))) || range.is_empty() {
            return Ok(Box::new(std::iter::empty()));
        }
        let rows = self.computed(sources, range, direction).map_err(storage)?;
        let present: Vec<Option<ArrowType>> = sources
            .iter()
            .map(|source| matches!(source, Source::Nothing(_)).then(|| source.data_type().arrow()))
            .collect();
        Ok(Box::new(rows.map(move |batch| {
            let batch = batch.map_err(storage)?;
            let mut computed = batch.columns().iter();
            let mut columns: Vec<ArrayRef> = computed.next().cloned().into_iter().collect();
            for missing in &present {
                match missing {
                    Some(data_type) => columns.push(new_null_array(data_type, batch.num_rows())),
                    None => columns.extend(computed.next().cloned()),
                }
            }
            RecordBatch::try_new(Arc::clone(&schema), columns).map_err(arrow)
        })))
    }
}

impl Rows for Viewed<dyn View, QueryContext> {
    fn scan(
        &self,
        device: &Path,
        measurements: &[Arc<str>],
        range: TimeRange,
        direction: Direction,
    ) -> Result<RowIterator, StorageError> {
        if !self.has_view(device, measurements) {
            return self.inner.scan(device, measurements, range, direction);
        }
        let sources = measurements.iter().map(|name| self.source(device, name));
        self.rows(measurements, &sources.collect::<Result<Vec<_>, _>>()?, range, direction)
    }

    fn pieces(
        &self,
        device: &Path,
        measurement: &Arc<str>,
        range: TimeRange,
        windows: Option<Windows>,
    ) -> Result<PieceIterator, StorageError> {
        let names = std::slice::from_ref(measurement);
        if !self.has_view(device, names) {
            return self.inner.pieces(device, measurement, range, windows);
        }
        match self.source(device, measurement)? {
            Source::Series { device, measurement, .. } => {
                self.inner.pieces(&device, &measurement, range, windows)
            }
            source => Ok(Box::new(Computed(self.rows(names, &[source], range, Direction::Ascending)?))),
        }
    }

    fn pieces_of<'a>(
        &'a self,
        device: &'a Path,
        measurements: &'a [Arc<str>],
        range: TimeRange,
        windows: Option<Windows>,
    ) -> Result<DevicePieces<'a>, StorageError> {
        if !self.has_view(device, measurements) {
            return self.inner.pieces_of(device, measurements, range, windows);
        }
        let pieces = move |measurement| self.pieces(device, measurement, range, windows);
        Ok(Box::new(measurements.iter().map(pieces)))
    }

    fn last(&self, device: &Path, measurement: &Arc<str>) -> Result<Option<(i64, Value)>, StorageError> {
        let names = std::slice::from_ref(measurement);
        if !self.has_view(device, names) {
            return self.inner.last(device, measurement);
        }
        let source = self.source(device, measurement)?;
        if let Source::Series { device, measurement, .. } = &source {
            return self.inner.last(device, measurement);
        }
        let data_type = source.data_type();
        for batch in self.rows(names, &[source], TimeRange::ALL, Direction::Descending)? {
            let batch = batch?;
            let values = batch.column(1);
            let newest =
                (0..batch.num_rows()).find_map(|row| Some((row, Value::at(values, data_type, row)?)));
            if let Some((row, value)) = newest
                && let Some(Value::Int64(time)) =
                    Value::at(batch.column(0), levada_model::DataType::Int64, row)
            {
                return Ok(Some((time, value)));
            }
        }
        Ok(None)
    }
}

/// Computed rows on the way to an aggregate.
struct Computed(RowIterator);

impl Iterator for Computed {
    type Item = Result<Piece, StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        // A series has no rows without a value, and what is added up need not look for any.
        let valued = |batch: RecordBatch| -> Result<RecordBatch, StorageError> {
            let values = batch.column(1);
            if values.null_count() == 0 {
                return Ok(batch);
            }
            filter_record_batch(&batch, &is_not_null(values).map_err(arrow)?).map_err(arrow)
        };
        loop {
            match self.0.next()?.and_then(valued) {
                Ok(batch) if batch.num_rows() == 0 => {}
                batch => return Some(batch.map(Piece::Rows)),
            }
        }
    }
}

impl Pieces for Computed {
    fn held_bytes(&self) -> usize {
        0
    }
}

/// The device and the measurements that all rows come from, where it is one device, and each measurement is there once.
fn of_one_device(sources: &[Source<'_>]) -> Option<(Path, Vec<Arc<str>>)> {
    let mut of: Option<(Path, Vec<Arc<str>>)> = None;
    for source in sources {
        let Source::Series { device, measurement, .. } = source else { return None };
        let (known, measurements) = of.get_or_insert_with(|| (device.clone(), Vec::new()));
        if known != device || measurements.contains(measurement) {
            return None;
        }
        measurements.push(Arc::clone(measurement));
    }
    of
}

fn schema_of(names: &[Arc<str>], sources: &[Source<'_>]) -> SchemaRef {
    let time = Field::new("time", ArrowType::Int64, false);
    let columns = names.iter().zip(sources);
    let columns = columns.map(|(name, source)| Field::new(&**name, source.data_type().arrow(), true));
    Arc::new(Schema::new(std::iter::once(time).chain(columns).collect::<Vec<_>>()))
}

/// The error of a view's query as an error of reading.
fn storage(error: QueryError) -> StorageError {
    match error {
        QueryError::Storage(error) => error,
        other => StorageError::rejected(other.code(), other.to_string()),
    }
}

fn arrow(error: arrow_schema::ArrowError) -> StorageError {
    storage(error.into())
}
