//! Rows in all the forms in which clients send them.

use std::ops::ControlFlow::{Break, Continue};

use bytes::Bytes;
use levada_model::SessionError;
use levada_rpc::messages::{
    InsertRecord, InsertRecordReq, InsertRecords, InsertRecordsOfOneDevice, InsertStringRecord,
    InsertStringRecords, InsertStringRecordsOfOneDevice, InsertTablet, InsertTabletReq, InsertTablets,
    InsertTabletsReq, Request, Status,
};

use super::{Answered, Replies, statuses};
use crate::{
    conversation::Conversation,
    insert::{self, Gathered, Record, gather, single, text_row},
    status::{done, malformed, of_rows},
};

impl Conversation {
    pub(super) async fn insert_calls(&mut self, replies: Replies<'_>, request: Request) -> Answered {
        Break(match request {
            Request::InsertTablet(InsertTablet { req }) => replies.result(self.tablet(req).await),
            Request::InsertTablets(InsertTablets { req }) => replies.result(self.tablets(req).await),
            Request::InsertRecord(InsertRecord { req }) => replies.result(self.record(req).await),
            Request::InsertStringRecord(InsertStringRecord { req }) => {
                let record = Record {
                    device: &req.prefix_path,
                    time: req.timestamp,
                    measurements: &req.measurements,
                    values: &req.values[..],
                };
                replies.result(self.texts(Ok(vec![record]), req.is_aligned, true).await)
            }
            Request::InsertRecords(InsertRecords { req }) => {
                let values = req.values_list.iter().cloned();
                let records = rows(&req.prefix_paths, &req.measurements_list, &req.timestamps, values);
                replies.result(self.records(records, req.is_aligned).await)
            }
            Request::InsertStringRecords(InsertStringRecords { req }) => {
                let values = req.values_list.iter().map(Vec::as_slice);
                let records = rows(&req.prefix_paths, &req.measurements_list, &req.timestamps, values);
                replies.result(self.texts(records, req.is_aligned, false).await)
            }
            Request::InsertRecordsOfOneDevice(InsertRecordsOfOneDevice { req }) => {
                let values = req.values_list.iter().cloned();
                let records = of_device(&req.prefix_path, &req.measurements_list, &req.timestamps, values);
                replies.result(self.records(records, req.is_aligned).await)
            }
            Request::InsertStringRecordsOfOneDevice(InsertStringRecordsOfOneDevice { req }) => {
                let values = req.values_list.iter().map(Vec::as_slice);
                let records = of_device(&req.prefix_path, &req.measurements_list, &req.timestamps, values);
                replies.result(self.texts(records, req.is_aligned, false).await)
            }
            Request::TestInsertTablet(_)
            | Request::TestInsertTablets(_)
            | Request::TestInsertRecord(_)
            | Request::TestInsertStringRecord(_)
            | Request::TestInsertRecords(_)
            | Request::TestInsertRecordsOfOneDevice(_)
            | Request::TestInsertStringRecords(_) => replies.result(self.known().map(|_| done())),
            other => return Continue(other),
        })
    }

    async fn tablet(&mut self, req: InsertTabletReq) -> Result<Status, SessionError> {
        let session = &self.sender()?.session;
        if req.write_to_table == Some(true) {
            return Err(no_tables());
        }
        if req.is_compressed == Some(true) {
            return Err(SessionError::unsupported("a compressed tablet"));
        }
        let tablet = insert::tablet(
            &req.prefix_path,
            req.is_aligned.unwrap_or(false),
            &req.measurements,
            &req.types,
            req.size,
            req.timestamps,
            req.values,
        )?;
        let report = insert::write(session, vec![tablet]).await?;
        Ok(insert::status(report, 1, |_, _| &[0], true))
    }

    async fn tablets(&mut self, req: InsertTabletsReq) -> Result<Status, SessionError> {
        let session = &self.sender()?.session;
        let count = req.prefix_paths.len();
        let lists = [
            req.measurements_list.len(),
            req.values_list.len(),
            req.timestamps_list.len(),
            req.types_list.len(),
            req.size_list.len(),
        ];
        same_lengths(count, &lists)?;
        let aligned = req.is_aligned.unwrap_or(false);
        let blobs = req.values_list.into_iter().zip(req.timestamps_list);
        let tablets = blobs.enumerate().map(|(at, (values, timestamps))| {
            let (path, names) = (&req.prefix_paths[at], &req.measurements_list[at]);
            insert::tablet(path, aligned, names, &req.types_list[at], req.size_list[at], timestamps, values)
        });
        let tablets = tablets.collect::<Result<Vec<_>, SessionError>>()?;
        let report = insert::write(session, tablets).await?;
        let parts: Vec<_> = (0..count).collect();
        Ok(insert::status(report, count, |tablet, _| &parts[tablet..=tablet], false))
    }

    /// Writes a record, whose status is that of the call.
    async fn record(&mut self, req: InsertRecordReq) -> Result<Status, SessionError> {
        self.sender()?;
        if req.is_write_to_table == Some(true) {
            return Err(no_tables());
        }
        let record = Record {
            device: &req.prefix_path,
            time: req.timestamp,
            measurements: &req.measurements,
            values: req.values,
        };
        let tablet = single(&mut self.names, record, req.is_aligned.unwrap_or(false))?;
        let Some(tablet) = tablet else { return Ok(done()) };
        let report = insert::write(&self.known()?.session, vec![tablet]).await?;
        Ok(insert::status(report, 1, |_, _| &[0], true))
    }

    async fn records(
        &mut self,
        records: Result<Vec<Record<'_, Bytes>>, SessionError>,
        aligned: Option<bool>,
    ) -> Result<Status, SessionError> {
        let session = &self.sender()?.session;
        let records = records?;
        let count = records.len();
        let Gathered { tablets, origins } = gather(records, aligned.unwrap_or(false))?;
        if tablets.is_empty() {
            return Ok(done());
        }
        let report = insert::write(session, tablets).await?;
        Ok(insert::status(report, count, |tablet, row| origins.of(tablet, row), false))
    }

    /// Writes records whose values are texts.
    async fn texts(
        &mut self,
        records: Result<Vec<Record<'_, &[String]>>, SessionError>,
        aligned: Option<bool>,
        alone: bool,
    ) -> Result<Status, SessionError> {
        let session = &self.sender()?.session;
        let aligned = aligned.unwrap_or(false);
        let rows = records?.iter().map(|record| text_row(record, aligned)).collect();
        let mut parts = statuses(session.insert_texts(rows).await);
        Ok(if alone { parts.pop().unwrap_or_else(done) } else { of_rows(parts) })
    }
}

fn no_tables() -> SessionError {
    SessionError::unsupported("writing to a table")
}

fn same_lengths(count: usize, lists: &[usize]) -> Result<(), SessionError> {
    if lists.iter().any(|length| *length != count) {
        return Err(malformed(format!("{count} devices, and lists of other lengths: {lists:?}")));
    }
    Ok(())
}

fn rows<'a, V>(
    devices: &'a [String],
    measurements: &'a [Vec<String>],
    times: &[i64],
    values: impl ExactSizeIterator<Item = V>,
) -> Result<Vec<Record<'a, V>>, SessionError> {
    same_lengths(devices.len(), &[measurements.len(), times.len(), values.len()])?;
    let each = devices.iter().zip(measurements).zip(times).zip(values);
    Ok(each
        .map(|(((device, measurements), time), values)| Record { device, time: *time, measurements, values })
        .collect())
}

fn of_device<'a, V>(
    device: &'a str,
    measurements: &'a [Vec<String>],
    times: &[i64],
    values: impl ExactSizeIterator<Item = V>,
) -> Result<Vec<Record<'a, V>>, SessionError> {
    same_lengths(measurements.len(), &[times.len(), values.len()])?;
    let each = measurements.iter().zip(times).zip(values);
    Ok(each
        .map(|((measurements, time), values)| Record { device, time: *time, measurements, values })
        .collect())
}
