//! What a function gives for the rows of a file, as CSV.

use arrow_array::{Array, ArrayRef};
use arrow_cast::display::array_value_to_string;
use levada_connector_api::csv::put_field;
use levada_udf::{UdafRun, UdfFactory, UdfKind, UdfLimits, UdfParameters, UdtfRun};

use super::columns::Columns;

/// Rows that are pushed at once.
const ROWS: usize = 4096;

/// The points of a call, or the value of an aggregate, a line each below a head.
///
/// # Errors
/// The function failed; the error names function and method.
pub(super) fn of(
    factory: &dyn UdfFactory,
    parameters: UdfParameters,
    columns: &Columns,
) -> anyhow::Result<String> {
    let mut out = Vec::new();
    match factory.kind() {
        UdfKind::Udtf => {
            out.extend_from_slice(b"Time,value\n");
            let mut run = UdtfRun::open(factory.id(), factory, parameters, UdfLimits::default())?;
            for from in (0..columns.times.len()).step_by(ROWS) {
                let rows = ROWS.min(columns.times.len() - from);
                let arrays = columns.arrays.iter().map(|array| array.slice(from, rows)).collect();
                run.push(columns.times[from..from + rows].to_vec().into(), arrays)?;
                points(&mut run, &mut out)?;
            }
            run.end();
            points(&mut run, &mut out)?;
        }
        UdfKind::Udaf => {
            out.extend_from_slice(b"value\n");
            let mut run = UdafRun::open(factory.id(), factory, parameters)?;
            run.add(0, &columns.times, &columns.arrays, 0..columns.times.len())?;
            let values = run.finish(1)?;
            value(&values, 0, &mut out)?;
            run.close()?;
        }
    }
    Ok(String::from_utf8(out)?)
}

fn points(run: &mut UdtfRun, out: &mut Vec<u8>) -> anyhow::Result<()> {
    while let Some(points) = run.next()? {
        for (row, time) in points.times.iter().enumerate() {
            out.extend_from_slice(format!("{time},").as_bytes());
            value(&points.values, row, out)?;
        }
    }
    Ok(())
}

fn value(values: &ArrayRef, row: usize, out: &mut Vec<u8>) -> anyhow::Result<()> {
    if values.is_valid(row) {
        put_field(&array_value_to_string(values, row)?, b',', false, out);
    }
    out.push(b'\n');
    Ok(())
}
