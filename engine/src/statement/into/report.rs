//! What was written where, and what was not.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int32Array, StringArray};
use levada_model::{DataType, RejectedRows, Rows, SessionError, StatusCode, WriteReport};
use levada_query::IntoSeries;

use super::tablets::Part;
use crate::rows::{column, ready};

/// How many values were written to which series, and how many of each were rejected.
#[derive(Debug, Default)]
pub(in crate::statement) struct Written {
    targets: Vec<IntoSeries>,
    counts: Vec<Count>,
    /// Why the first was rejected.
    first: Option<(StatusCode, String)>,
}

/// Of one series.
#[derive(Clone, Debug, Default)]
struct Count {
    written: u64,
    rejected: u64,
    /// Why the first was rejected.
    reason: Option<String>,
}

impl Written {
    /// Nothing yet.
    pub(super) fn nothing(targets: &[IntoSeries]) -> Self {
        Self { targets: targets.to_vec(), counts: vec![Count::default(); targets.len()], first: None }
    }

    /// Values that were written.
    pub(in crate::statement) fn values(&self) -> u64 {
        self.counts.iter().map(|count| count.written).sum()
    }

    /// Series that something was written to.
    pub(super) fn series(&self) -> usize {
        self.counts.iter().filter(|count| count.written > 0).count()
    }

    /// Values that were rejected.
    pub(in crate::statement) fn rejected(&self) -> u64 {
        self.counts.iter().map(|count| count.rejected).sum()
    }

    /// Why the first value was rejected, if one was.
    pub(in crate::statement) fn first_reason(&self) -> Option<&str> {
        self.first.as_ref().map(|(_, reason)| reason.as_str())
    }

    /// The error of a query of which every value was rejected.
    pub(super) fn nothing_fitted(&self) -> Option<SessionError> {
        let (code, reason) = self.first.as_ref().filter(|_| self.values() == 0)?;
        Some(SessionError::new(*code, reason))
    }

    /// Counts what became of a write.
    pub(super) fn count(&mut self, part: &Part, report: WriteReport) {
        for (tablet, targets) in part.tablets.iter().zip(&part.targets) {
            for (values, &target) in tablet.columns().iter().map(|column| &column.values).zip(targets) {
                self.counts[target].written += (values.len() - values.null_count()) as u64;
            }
        }
        for rejected in report.rejected {
            self.reject(part, rejected);
        }
    }

    fn reject(&mut self, part: &Part, rejected: RejectedRows) {
        let RejectedRows { tablet: at, rows, measurement, code, message } = rejected;
        let Some((tablet, targets)) = part.tablets.get(at).zip(part.targets.get(at)) else { return };
        let concerned = |name: &Arc<str>| measurement.as_ref().is_none_or(|only| only == name);
        for (column, &target) in
            tablet.columns().iter().zip(targets).filter(|(each, _)| concerned(&each.name))
        {
            let values = &column.values;
            let lost = match &rows {
                None => values.len() - values.null_count(),
                // Those that are named by measurement are values; of whole rows some may be null.
                Some(rows) => rows.iter().filter(|row| is_value(values, **row)).count(),
            };
            let count = &mut self.counts[target];
            // A value may be rejected for two reasons.
            let lost = (lost as u64).min(count.written);
            if lost > 0 {
                count.written -= lost;
                count.rejected += lost;
                count.reason.get_or_insert_with(|| message.clone());
            }
        }
        self.first.get_or_insert((code, message));
    }

    /// The rows of the report. Where nothing was rejected, they say nothing of that.
    pub(super) fn report(&self) -> Result<Rows, SessionError> {
        let by_device = self.targets.iter().any(|target| target.source_device.is_some());
        let mut columns = Vec::new();
        let mut arrays: Vec<ArrayRef> = Vec::new();
        let mut add = |name: &str, data_type: DataType, array: ArrayRef| {
            columns.push(column(name, data_type));
            arrays.push(array);
        };
        let targets = || self.targets.iter();
        if by_device {
            let devices = targets().map(|target| target.source_device.as_ref().map(|device| device.as_str()));
            add("SourceDevice", DataType::Text, Arc::new(devices.collect::<StringArray>()));
        }
        let sources = targets().map(|target| Some(target.source.as_str()));
        add("SourceColumn", DataType::Text, Arc::new(sources.collect::<StringArray>()));
        let series = targets().map(|target| Some(target.device.child(&target.measurement).to_string()));
        add("TargetTimeseries", DataType::Text, Arc::new(series.collect::<StringArray>()));
        let counts = |of: fn(&Count) -> u64| -> ArrayRef {
            let counts = self.counts.iter().map(|count| i32::try_from(of(count)).unwrap_or(i32::MAX));
            Arc::new(counts.collect::<Int32Array>())
        };
        add("Written", DataType::Int32, counts(|count| count.written));
        if self.first.is_some() {
            add("Rejected", DataType::Int32, counts(|count| count.rejected));
            let reasons = self.counts.iter().map(|count| count.reason.as_deref());
            add("Reason", DataType::Text, Arc::new(reasons.collect::<StringArray>()));
        }
        ready(false, columns, arrays)
    }
}

fn is_value(values: &ArrayRef, row: u32) -> bool {
    let row = row as usize;
    row < values.len() && values.is_valid(row)
}
