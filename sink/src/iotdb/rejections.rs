//! From what a store refuses to what a sink reports.

use std::collections::{BTreeMap, HashMap};

use levada_connector_api::{
    Batch, Rejection,
    model::{RejectedRows, WriteReport},
};

/// The store's report as rejections: each row at most once, with all the reasons there are for it, and rows with the same
/// reasons together.
///
/// `readings` holds, for each tablet that was written, the index of its readings.
pub(super) fn rejections(batch: &Batch, readings: &[usize], report: WriteReport) -> Vec<Rejection> {
    let mut by_readings: BTreeMap<usize, Vec<RejectedRows>> = BTreeMap::new();
    for rejected in report.rejected {
        if let Some(&index) = readings.get(rejected.tablet) {
            by_readings.entry(index).or_default().push(rejected);
        }
    }
    let mut rejections = Vec::new();
    for (index, rejected) in by_readings {
        let rows = batch.readings.get(index).map_or(0, |readings| readings.tablet.rows());
        match rejected.as_slice() {
            [single] => rejections.push(Rejection {
                readings: index,
                rows: single.rows.clone(),
                error: reason(single),
            }),
            several => rejections.extend(grouped(index, rows, several)),
        }
    }
    rejections
}

fn reason(rejected: &RejectedRows) -> String {
    let RejectedRows { measurement, code, message, .. } = rejected;
    match measurement {
        Some(measurement) => format!("{measurement}: {message} ({code})"),
        None => format!("{message} ({code})"),
    }
}

fn grouped(readings: usize, rows: usize, rejected: &[RejectedRows]) -> Vec<Rejection> {
    let mut reasons: Vec<String> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut reasons_by_row: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for each in rejected {
        let reason = *places.entry(reason(each)).or_insert_with_key(|text| {
            reasons.push(text.clone());
            reasons.len() - 1
        });
        let all = || (0..u32::try_from(rows).unwrap_or(u32::MAX)).collect();
        for row in each.rows.clone().unwrap_or_else(all) {
            reasons_by_row.entry(row).or_default().push(reason);
        }
    }
    let mut rows_by_reasons: BTreeMap<Vec<usize>, Vec<u32>> = BTreeMap::new();
    for (row, reasons) in reasons_by_row {
        rows_by_reasons.entry(reasons).or_default().push(row);
    }
    rows_by_reasons
        .into_iter()
        .map(|(indexes, rows)| {
            let reasons: Vec<_> = indexes.into_iter().map(|index| reasons[index].as_str()).collect();
            Rejection { readings, rows: Some(rows), error: reasons.join("; ") }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use levada_connector_api::model::StatusCode;
    use levada_testkit::numbered;

    use super::*;

    fn rejected(tablet: usize, rows: Option<Vec<u32>>, measurement: Option<&str>) -> RejectedRows {
        RejectedRows {
            tablet,
            rows,
            measurement: measurement.map(Into::into),
            code: StatusCode::DATA_TYPE_MISMATCH,
            message: "no".to_owned(),
        }
    }

    #[test]
    fn a_row_refused_for_two_measurements_is_rejected_once() {
        let batch = numbered("s", 0..8, 2);
        let report = WriteReport {
            rejected: vec![
                rejected(0, Some(vec![0]), Some("a")),
                rejected(0, Some(vec![2]), Some("a")),
                rejected(0, Some(vec![5]), Some("a")),
                rejected(0, Some(vec![2, 3]), Some("b")),
                rejected(1, None, None),
                rejected(9, None, None),
            ],
        };
        let found = rejections(&batch, &[1, 0], report);
        let found: Vec<_> =
            found.iter().map(|each| (each.readings, each.rows.clone(), each.error.as_str())).collect();
        let (a, b) = ("a: no (614 DATA_TYPE_MISMATCH)", "b: no (614 DATA_TYPE_MISMATCH)");
        assert_eq!(
            found,
            [
                (0, None, "no (614 DATA_TYPE_MISMATCH)"),
                (1, Some(vec![0, 5]), a),
                (1, Some(vec![2]), format!("{a}; {b}").as_str()),
                (1, Some(vec![3]), b),
            ]
        );
    }
}
