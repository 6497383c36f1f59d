//! Rows that cannot be written, gathered by their reason.

use levada_connector_api::Rejection;

/// Adds a row of one of the readings to those that were rejected. Rows of one reason come in their order.
pub(crate) fn reject(rejected: &mut Vec<Rejection>, readings: usize, row: usize, error: String) {
    // An array with 32-bit offsets has no more rows.
    let row = u32::try_from(row).unwrap_or(u32::MAX);
    match rejected.iter_mut().find(|each| each.readings == readings && each.error == error) {
        Some(Rejection { rows: Some(rows), .. }) => rows.push(row),
        _ => rejected.push(Rejection { readings, rows: Some(vec![row]), error }),
    }
}
