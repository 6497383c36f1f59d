//! From what a store rejects to what a sink reports.

use std::collections::{BTreeMap, HashMap, HashSet};

use arrow_array::Array as _;

use levada_connector_api::{
    Batch, Rejection,
    model::{Column, RejectedRows, WriteReport},
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

/// Values of rejected rows that are stored all the same, as only other measurements of those rows were rejected.
pub(super) fn stored_beside(batch: &Batch, readings: &[usize], report: &WriteReport) -> usize {
    // Of each row the measurements that were rejected, or all of them.
    let mut by_row: HashMap<(usize, u32), Option<HashSet<&str>>> = HashMap::new();
    for RejectedRows { tablet, rows, measurement, .. } in &report.rejected {
        let Some(each) = readings.get(*tablet).and_then(|&index| batch.readings.get(index)) else { continue };
        let all = || (0..u32::try_from(each.tablet.rows()).unwrap_or(u32::MAX)).collect();
        for row in rows.clone().unwrap_or_else(all) {
            let known = by_row.entry((*tablet, row)).or_insert_with(|| Some(HashSet::new()));
            match (measurement, known.as_mut()) {
                (Some(measurement), Some(known)) => drop(known.insert(measurement)),
                _ => *known = None,
            }
        }
    }
    let stored = |((tablet, row), rejected): (&(usize, u32), &Option<HashSet<&str>>)| {
        let (Some(rejected), Some(&index)) = (rejected, readings.get(*tablet)) else { return 0 };
        let columns = batch.readings.get(index).map_or(&[][..], |each| each.tablet.columns());
        let is_stored = |column: &&Column| {
            let row = *row as usize;
            row < column.values.len() && column.values.is_valid(row) && !rejected.contains(&*column.name)
        };
        columns.iter().filter(is_stored).count()
    };
    by_row.iter().map(stored).sum()
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
            let known = reasons_by_row.entry(row).or_default();
            if !known.contains(&reason) {
                known.push(reason);
            }
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
    fn values_beside_those_that_were_rejected_are_stored() {
        let batch = numbered("s", 0..8, 2);
        let report = WriteReport {
            rejected: vec![
                rejected(0, Some(vec![0, 1]), Some("n")),
                rejected(0, Some(vec![1, 99]), Some("temperature")),
                rejected(0, Some(vec![2]), None),
                rejected(1, None, Some("n")),
                rejected(9, None, Some("n")),
            ],
        };
        assert_eq!(stored_beside(&batch, &[0, 1], &report), 5, "one of the first device, four of the second");
    }

    #[test]
    fn a_row_rejected_for_two_measurements_is_rejected_once() {
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
