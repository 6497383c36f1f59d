//! Writes a TsFile with every type in every encoding and compression, on plain and on aligned devices, with and without
//! nulls: `cargo run -p levada-tsfile --example every_kind -- 3|4 FILE`.
//!
//! What it should read back as goes to the standard output, a line for each row as `dump` prints it.

#[path = "../tests/it/columns.rs"]
#[allow(dead_code)]
mod columns;

use std::{
    fs::File,
    io::{BufWriter, Write, stdout},
    sync::Arc,
};

use anyhow::{Context, bail};
use arrow_array::{ArrayRef, Float32Array, Float64Array, Int32Array, Int64Array, StringArray};
use levada_model::{Compressor, DataType, Encoding, Path, SeriesSchema, Value};
use levada_tsfile::{AlignedColumn, TsFileWriter, Version, WriterOptions};

/// A measurement, how it is stored, and what.
type Series = (String, SeriesSchema, ArrayRef);

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let version = match arguments.next().as_deref() {
        Some("3") => Version::V3,
        Some("4") => Version::V4,
        other => bail!("which version, 3 or 4? not {other:?}"),
    };
    let file = File::create(arguments.next().context("which file?")?)?;
    let mut out = BufWriter::new(stdout().lock());
    let options = WriterOptions::default().pages(100, 64 << 10).degree(16);
    let mut writer = TsFileWriter::new(file, version, options)?;
    for rows in [1, 9, 100, 350] {
        for nulls in [false, true] {
            let times = columns::times(rows, 1_700_000_000_000);
            let series = every_series(&Compressor::ALL, |data_type| columns::values(data_type, rows, nulls));
            let name = format!("rows{rows}{}", if nulls { "nulls" } else { "" });
            write_both(&mut writer, &mut out, &name, &times, &series)?;
        }
    }
    let times = columns::times(special(DataType::Double).len(), -3);
    let series = every_series(&[Compressor::Lz4], special);
    write_both(&mut writer, &mut out, "special", &times, &series)?;
    for decimals in [0, 1, 5, 9, 15] {
        let times = columns::times(300, 0);
        let series = every_series(&[Compressor::Lz4], |data_type| scaled(data_type, decimals, times.len()));
        write_both(&mut writer, &mut out, &format!("decimals{decimals}"), &times, &series)?;
    }
    writer.finish()?;
    Ok(out.flush()?)
}

/// Every type in every encoding, with some compressions.
fn every_series(compressors: &[Compressor], values: impl Fn(DataType) -> ArrayRef) -> Vec<Series> {
    let mut all = Vec::new();
    for data_type in DataType::ALL {
        let values = values(data_type);
        for encoding in Encoding::ALL {
            if encoding.supports(data_type) && encoding != Encoding::Regular {
                for &compressor in compressors {
                    let schema = SeriesSchema { data_type, encoding, compressor };
                    all.push((columns::name(schema), schema, Arc::clone(&values)));
                }
            }
        }
    }
    all
}

/// Values that encodings have trouble with.
fn special(data_type: DataType) -> ArrayRef {
    let integers =
        [i64::MIN, 0, i64::MAX, -1, 1, i64::MIN, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 1 << 40, -(1 << 40)];
    let floats = [
        f64::NAN,
        0.0,
        -0.0,
        f64::INFINITY,
        f64::NEG_INFINITY,
        1e-300,
        f64::MAX,
        -1.5,
        0.1,
        1.0 / 3.0,
        f64::NAN,
    ];
    let number = |row: usize| floats.get(row).copied().unwrap_or(row as f64);
    let rows = 0..integers.len();
    match data_type {
        DataType::Int32 => Arc::new(
            rows.map(|row| Some((integers[row] >> 32 | integers[row] & 0xff) as i32)).collect::<Int32Array>(),
        ),
        DataType::Int64 | DataType::Timestamp => Arc::new(Int64Array::from(integers.to_vec())),
        DataType::Float => Arc::new(rows.map(|row| Some(number(row) as f32)).collect::<Float32Array>()),
        DataType::Double => Arc::new(rows.map(|row| Some(number(row))).collect::<Float64Array>()),
        DataType::Text | DataType::String => {
            let text = |row: usize| ["", "ß€😀", "\u{ffff}", "a", "\0"][row % 5].repeat(row);
            Arc::new(rows.map(|row| Some(text(row))).collect::<StringArray>())
        }
        _ => columns::values(data_type, integers.len(), false),
    }
}

/// Floating-point numbers that have some decimals.
fn scaled(data_type: DataType, decimals: i32, rows: usize) -> ArrayRef {
    let number = |row: usize| (row * 7919 % 1009) as f64 * 1.37f64.powi(row as i32 % 20);
    let cut = |row: usize| format!("{:.*}", decimals as usize, number(row) - 300.);
    match data_type {
        DataType::Float => {
            Arc::new((0..rows).map(|row| cut(row).parse::<f32>().ok()).collect::<Float32Array>())
        }
        DataType::Double => {
            Arc::new((0..rows).map(|row| cut(row).parse::<f64>().ok()).collect::<Float64Array>())
        }
        _ => columns::values(data_type, rows, false),
    }
}

/// Writes series to a plain device and to an aligned one.
fn write_both(
    writer: &mut TsFileWriter<File>,
    out: &mut impl Write,
    name: &str,
    times: &[i64],
    series: &[Series],
) -> anyhow::Result<()> {
    let plain = Path::parse(&format!("root.plant.plain.{name}"))?;
    let aligned = Path::parse(&format!("root.plant.aligned.{name}"))?;
    writer.start_chunk_group(&plain)?;
    for (measurement, schema, values) in series {
        writer.write_series(measurement, *schema, times, values)?;
    }
    writer.start_chunk_group(&aligned)?;
    let columns: Vec<_> = series
        .iter()
        .map(|(measurement, schema, values)| AlignedColumn { measurement, schema: *schema, values })
        .collect();
    writer.write_aligned(times, &columns)?;
    for device in [plain, aligned] {
        for (measurement, schema, values) in series {
            for (row, time) in times.iter().enumerate() {
                if let Some(value) = Value::at(values, schema.data_type, row) {
                    writeln!(out, "R\t{device}\t{measurement}\t{time}\t{}", shown(&value))?;
                }
            }
        }
    }
    Ok(())
}

fn shown(value: &Value) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    match value {
        Value::Boolean(value) => value.to_string(),
        Value::Int32(value) | Value::Date(value) => value.to_string(),
        Value::Int64(value) | Value::Timestamp(value) => value.to_string(),
        Value::Float(value) => format!("{:08x}", value.to_bits()),
        Value::Double(value) => format!("{:016x}", value.to_bits()),
        Value::Text(value) | Value::String(value) => hex(value.as_bytes()),
        Value::Blob(value) => hex(value),
    }
}
