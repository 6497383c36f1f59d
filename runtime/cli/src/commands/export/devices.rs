//! Series that a pattern matches, and their rows, device by device.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use anyhow::Context;
use arrow_array::{ArrayRef, RecordBatch, StringArray, new_null_array};
use arrow_schema::{Field, Schema};
use futures::{StreamExt, TryStreamExt, stream};
use levada_model::{
    Compressor, DataType, Encoding, Path, PathPattern, ResultColumn, Rows, SeriesSchema, Session,
    SessionError, StatusCode, Value,
};

use super::ask;
use crate::exit::Failure;

/// A device with some of its series.
#[derive(Clone, Debug)]
pub(super) struct Device {
    pub(super) path: Path,
    pub(super) aligned: bool,
    /// Measurements in canonical form.
    pub(super) series: Vec<(Arc<str>, SeriesSchema)>,
}

impl Device {
    /// The statement that gives its rows.
    fn select(&self) -> String {
        let names: Vec<&str> = self.series.iter().map(|(name, _)| &**name).collect();
        format!("select {} from {}", names.join(", "), self.path)
    }

    /// Its rows: time, then a column for each series.
    pub(super) async fn rows(&self, session: &dyn Session) -> Result<Rows, SessionError> {
        session.query(&self.select()).await
    }
}

/// Devices whose series match, by path.
pub(super) async fn find(session: &dyn Session, pattern: &PathPattern) -> anyhow::Result<Vec<Device>> {
    let mut devices: BTreeMap<Path, Device> = BTreeMap::new();
    let mut all = Table::ask(session, &format!("show timeseries {pattern}")).await?;
    while let Some(row) = all.next(["Timeseries", "DataType", "Encoding", "Compression"]).await? {
        let [series, data_type, encoding, compressor] = &row;
        let path = Path::parse(series).with_context(|| format!("`{series}` is no series"))?;
        let (device, name) = path.split_last().with_context(|| format!("`{series}` is no series"))?;
        let schema = SeriesSchema {
            data_type: data_type.parse::<DataType>()?,
            encoding: encoding.parse::<Encoding>()?,
            compressor: compressor.parse::<Compressor>()?,
        };
        let new = || Device { path: device.clone(), aligned: false, series: Vec::new() };
        devices.entry(device.clone()).or_insert_with(new).series.push((name.into(), schema));
    }
    // A pattern of series says little about devices: all are asked, and those looked up that are wanted.
    let mut all = Table::ask(session, "show devices").await?;
    let mut aligned = HashSet::new();
    while let Some([device, is_aligned]) = all.next(["Device", "IsAligned"]).await? {
        if is_aligned == "true" {
            aligned.insert(device);
        }
    }
    for device in devices.values_mut() {
        device.aligned = aligned.contains(device.path.as_str());
    }
    Ok(devices.into_values().collect())
}

/// All rows of the devices: `Time`, `Device`, and every measurement that one of them has, a column for each of its types.
///
/// # Errors
/// A measurement has several types, and names of columns must be unique.
pub(super) fn rows(session: Arc<dyn Session>, devices: Vec<Device>, unique: bool) -> anyhow::Result<Rows> {
    let mut measurements: BTreeSet<(Arc<str>, DataType)> = BTreeSet::new();
    for (name, schema) in devices.iter().flat_map(|device| &device.series) {
        measurements.insert((Arc::clone(name), schema.data_type));
    }
    let measurements: Vec<(Arc<str>, DataType)> = measurements.into_iter().collect();
    if let Some([(name, one), (_, other)]) =
        measurements.array_windows().find(|[(one, _), (other, _)]| unique && one == other)
    {
        let message = format!(
            "`{name}` is {one} of one device and {other} of another: export them one by one, or as CSV, JSON lines or TsFile"
        );
        return Err(Failure::invalid(message).into());
    }
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
            let rows = session.query(&device.select()).await?;
            let widened = move |batch: Result<_, _>| widen(&device, &batch?, &measurements, &schema);
            Ok::<_, SessionError>(rows.batches.map(widened))
        }
    });
    Ok(Rows { has_time: true, columns, batches: batches.try_flatten().boxed() })
}

/// A device's batch with the columns that other devices have, too.
fn widen(
    device: &Device,
    batch: &RecordBatch,
    measurements: &[(Arc<str>, DataType)],
    schema: &Arc<Schema>,
) -> Result<RecordBatch, SessionError> {
    let count = batch.num_rows();
    let path = StringArray::from_iter_values(std::iter::repeat_n(device.path.as_str(), count));
    let mut arrays: Vec<ArrayRef> = vec![Arc::clone(batch.column(0)), Arc::new(path)];
    for ((name, data_type), field) in measurements.iter().zip(schema.fields().iter().skip(2)) {
        let is_this =
            |(known, schema): &(Arc<str>, SeriesSchema)| known == name && schema.data_type == *data_type;
        let at = device.series.iter().position(is_this);
        let array = at.and_then(|at| batch.columns().get(at + 1)).map(Arc::clone);
        arrays.push(array.unwrap_or_else(|| new_null_array(field.data_type(), count)));
    }
    RecordBatch::try_new(Arc::clone(schema), arrays).map_err(|error| {
        SessionError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).caused_by(error)
    })
}

/// A result of texts, row by row.
struct Table {
    columns: Vec<ResultColumn>,
    rows: Rows,
    batch: Option<RecordBatch>,
    next: usize,
}

impl Table {
    async fn ask(session: &dyn Session, sql: &str) -> anyhow::Result<Self> {
        let rows = ask(session, sql).await?;
        Ok(Self { columns: rows.columns.clone(), rows, batch: None, next: 0 })
    }

    /// Some columns of the next row; a null is an empty text.
    async fn next<const N: usize>(&mut self, names: [&str; N]) -> anyhow::Result<Option<[String; N]>> {
        while self.batch.as_ref().is_none_or(|batch| self.next >= batch.num_rows()) {
            let Some(batch) = self.rows.batches.try_next().await? else { return Ok(None) };
            (self.batch, self.next) = (Some(batch), 0);
        }
        let Some(batch) = &self.batch else { return Ok(None) };
        let row = names.map(|name| {
            let at = self.columns.iter().position(|column| column.name == name)?;
            let array = batch.columns().get(at + usize::from(self.rows.has_time))?;
            Value::at(array, self.columns[at].data_type, self.next).map(|value| value.to_string())
        });
        self.next += 1;
        Ok(Some(row.map(Option::unwrap_or_default)))
    }
}
