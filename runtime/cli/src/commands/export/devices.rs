//! Series that a pattern matches, and their rows, device by device.
//!
//! The series come from the catalog and are read as they are: no statement is made of their names, which may be words of SQL.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use arrow_array::{ArrayRef, RecordBatch, StringArray, new_null_array};
use arrow_schema::{DataType as ArrowType, Field, Schema};
use futures::{StreamExt, TryStreamExt, stream};
use levada_model::{DataType, PathPattern, ResultColumn, Rows, Session, SessionError, StatusCode};
pub(super) use levada_sink::table::tsfile::TableDevice as Device;

/// A device's rows: time, then a column for each series.
///
/// # Errors
/// The store cannot say.
pub(super) async fn rows_of(device: &Device, session: &dyn Session) -> Result<Rows, SessionError> {
    session.rows_of(&device.path, &device.series).await
}

/// What a pattern matches.
#[derive(Debug)]
pub(super) struct Found {
    /// Devices with their series, by path.
    pub(super) devices: Vec<Device>,
    /// How many views match that are not among them.
    pub(super) views_left_out: usize,
}

/// What a pattern matches; views only where they are wanted.
///
/// # Errors
/// The store cannot say.
pub(super) async fn find(
    session: &dyn Session,
    pattern: &PathPattern,
    with_views: bool,
) -> Result<Found, SessionError> {
    let mut found = session.find_series(pattern).await?;
    let views = session.find_views(pattern).await?;
    let views_left_out = if with_views { 0 } else { views.len() };
    if with_views && !views.is_empty() {
        found.extend(views);
        found.sort_by(|a, b| (&a.device, &a.measurement).cmp(&(&b.device, &b.measurement)));
    }
    let mut devices: Vec<Device> = Vec::new();
    for series in found {
        let of_series = (series.measurement, series.schema);
        match devices.last_mut().filter(|device| device.path == series.device) {
            Some(device) => device.series.push(of_series),
            None => {
                let (path, aligned) = (series.device, series.aligned);
                devices.push(Device { path, aligned, series: vec![of_series] });
            }
        }
    }
    Ok(Found { devices, views_left_out })
}

/// All rows of the devices: `Time`, `Device`, and every measurement that one of them has, by name, a column for each of its
/// types.
pub(super) fn rows(session: Arc<dyn Session>, devices: Vec<Device>) -> Rows {
    let mut measurements: BTreeSet<(Arc<str>, DataType)> = BTreeSet::new();
    for (name, schema) in devices.iter().flat_map(|device| &device.series) {
        measurements.insert((Arc::clone(name), schema.data_type));
    }
    let measurements: Vec<(Arc<str>, DataType)> = measurements.into_iter().collect();
    let mut columns = vec![ResultColumn { name: "Device".to_owned(), data_type: DataType::Text }];
    columns.extend(
        measurements
            .iter()
            .map(|(name, data_type)| ResultColumn { name: name.to_string(), data_type: *data_type }),
    );
    let mut fields = vec![Field::new("Time", DataType::Int64.arrow(), false)];
    fields.extend(columns.iter().map(|column| Field::new(&column.name, column.data_type.arrow(), true)));
    let (measurements, schema) = (Arc::new(measurements), Arc::new(Schema::new(fields)));
    let batches = stream::iter(devices).then(move |device| {
        let (session, measurements, schema) =
            (Arc::clone(&session), Arc::clone(&measurements), Arc::clone(&schema));
        async move {
            let rows = rows_of(&device, &*session).await?;
            let places = places(&device, &measurements);
            let widened = move |batch: Result<_, _>| widen(&device, &batch?, &places, &schema);
            Ok::<_, SessionError>(rows.batches.map(widened))
        }
    });
    Rows::new(true, columns, batches.try_flatten().boxed())
}

/// Where each measurement is among the series of a device, if it has it. Both are by name.
fn places(device: &Device, measurements: &[(Arc<str>, DataType)]) -> Vec<Option<usize>> {
    let mut series = device.series.iter().enumerate().peekable();
    let place = |(name, data_type): &(Arc<str>, DataType)| {
        series
            .next_if(|(_, (known, schema))| known == name && schema.data_type == *data_type)
            .map(|(at, _)| at)
    };
    measurements.iter().map(place).collect()
}

/// A device's batch with the columns that other devices have, too.
fn widen(
    device: &Device,
    batch: &RecordBatch,
    places: &[Option<usize>],
    schema: &Arc<Schema>,
) -> Result<RecordBatch, SessionError> {
    let count = batch.num_rows();
    let path = StringArray::from_iter_values(std::iter::repeat_n(device.path.as_str(), count));
    let mut arrays: Vec<ArrayRef> = vec![Arc::clone(batch.column(0)), Arc::new(path)];
    // Columns of one type that the device does not have share their nulls.
    let mut nulls: HashMap<&ArrowType, ArrayRef> = HashMap::new();
    for (place, field) in places.iter().zip(schema.fields().iter().skip(2)) {
        let array = place.and_then(|at| batch.columns().get(at + 1));
        let array = array.unwrap_or_else(|| {
            nulls.entry(field.data_type()).or_insert_with(|| new_null_array(field.data_type(), count))
        });
        arrays.push(Arc::clone(array));
    }
    RecordBatch::try_new(Arc::clone(schema), arrays).map_err(|error| {
        SessionError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).caused_by(error)
    })
}
