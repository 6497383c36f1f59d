//! Prints what a TsFile holds: `cargo run -p levada-tsfile --example dump -- FILE`.
//!
//! A line for each series (`S`, device, measurement, type, count, first and last time, least, greatest, first and last value,
//! sum) and for each row (`R`, device, measurement, time, value). Floating-point numbers are shown by their bits, strings
//! and blobs by their bytes, so that two dumps are equal only if nothing differs.

use std::{
    fs::File,
    io::{BufWriter, Write, stdout},
};

use anyhow::Context;
use levada_model::Value;
use levada_tsfile::{SeriesMeta, TsFileReader};

fn main() -> anyhow::Result<()> {
    let path = std::env::args().nth(1).context("which file?")?;
    let reader = TsFileReader::salvage(File::open(&path).with_context(|| format!("cannot open {path}"))?)?;
    let mut out = BufWriter::new(stdout().lock());
    for device in reader.devices()? {
        let Some(found) = reader.device(&device)? else { continue };
        for series in found.series {
            print_series(&mut out, &device.to_string(), &series)?;
            let Some(data_type) = series.data_type else { continue };
            for page in reader.scan(&device, &series.measurement)? {
                let page = page.with_context(|| format!("{device}.{}", series.measurement))?;
                for (row, time) in page.times.values().iter().enumerate() {
                    let value = shown(Value::at(&page.values, data_type, row).as_ref());
                    writeln!(out, "R\t{device}\t{}\t{time}\t{value}", series.measurement)?;
                }
            }
        }
    }
    Ok(out.flush()?)
}

fn print_series(out: &mut impl Write, device: &str, series: &SeriesMeta) -> anyhow::Result<()> {
    let all = &series.statistics;
    if all.count() == 0 {
        return Ok(());
    }
    write!(out, "S\t{device}\t{}\t{}", series.measurement, series.data_type.map_or("?", |each| each.name()))?;
    write!(out, "\t{}\t{}\t{}", all.count(), all.start(), all.end())?;
    for value in [all.min(), all.max(), all.first(), all.last()] {
        write!(out, "\t{}", shown(value.as_ref()))?;
    }
    let sum = match all.sum() {
        None => "-".into(),
        Some(sum) if sum.is_nan() => "nan".into(),
        Some(sum) => format!("{:016x}", sum.to_bits()),
    };
    Ok(writeln!(out, "\t{sum}")?)
}

fn shown(value: Option<&Value>) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    match value {
        None => "-".into(),
        Some(Value::Boolean(value)) => value.to_string(),
        Some(Value::Int32(value) | Value::Date(value)) => value.to_string(),
        Some(Value::Int64(value) | Value::Timestamp(value)) => value.to_string(),
        Some(Value::Float(value)) => format!("{:08x}", value.to_bits()),
        Some(Value::Double(value)) => format!("{:016x}", value.to_bits()),
        Some(Value::Text(value) | Value::String(value)) => hex(value.as_bytes()),
        Some(Value::Blob(value)) => hex(value),
    }
}
