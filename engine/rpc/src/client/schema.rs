//! Databases and series.

use levada_model::{Path, Series};

use super::{Client, ClientError};
use crate::messages::{
    CreateAlignedTimeseries, CreateAlignedTimeseriesReq, CreateMultiTimeseries, CreateMultiTimeseriesReq,
    SetStorageGroup,
};

impl Client {
    /// Creates a database: before 1.0 a storage group.
    ///
    /// # Errors
    /// The server refuses it, one that exists among the reasons.
    pub async fn create_database(&mut self, database: &Path) -> Result<(), ClientError> {
        let call = SetStorageGroup { session_id: self.session_id, storage_group: database.to_string() };
        let status = self.connection.call(&call).await?;
        self.check(&status)
    }

    /// Creates series: plain ones of any devices, or aligned ones of one device.
    ///
    /// # Errors
    /// The server refuses one of them, one that exists among the reasons; others may have been created.
    pub async fn create_series(&mut self, series: &[Series]) -> Result<(), ClientError> {
        let Some(first) = series.first() else { return Ok(()) };
        let codes = |code: fn(&Series) -> u8| series.iter().map(|each| i32::from(code(each))).collect();
        let data_types = codes(|each| each.schema.data_type.code());
        let encodings = codes(|each| each.schema.encoding.code());
        let compressors = codes(|each| each.schema.compressor.code());
        let session_id = self.session_id;
        let status = if first.aligned {
            let req = CreateAlignedTimeseriesReq {
                session_id,
                prefix_path: first.device.to_string(),
                measurements: series.iter().map(|each| each.measurement.to_string()).collect(),
                data_types,
                encodings,
                compressors,
                ..CreateAlignedTimeseriesReq::default()
            };
            self.connection.call(&CreateAlignedTimeseries { req }).await?
        } else {
            let req = CreateMultiTimeseriesReq {
                session_id,
                paths: series.iter().map(|each| each.path().to_string()).collect(),
                data_types,
                encodings,
                compressors,
                ..CreateMultiTimeseriesReq::default()
            };
            self.connection.call(&CreateMultiTimeseries { req }).await?
        };
        self.check(&status)
    }
}
