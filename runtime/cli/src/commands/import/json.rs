//! JSON lines as `levada export` writes them: an object for each row, `Time` and perhaps `Device` in it.
//!
//! Values get the types of their series. Where there is no such series, a boolean is BOOLEAN, a whole number INT64, another number
//! DOUBLE, a text TEXT, by the first rows of the file; a null, or a key that is missing, is no value.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, anyhow};
use arrow_array::{Array, ArrayRef, StringArray};
use levada_model::{Column, DataType, Path as DevicePath, Tablet, quote_node, unquote_node};
use serde_json::{Map, Value};

use super::csv::column;

/// Rows that are taken in at once.
const ROWS: usize = 8_192;

/// Rows of one device: times, and by measurement the values that there are, with their row.
#[derive(Debug, Default)]
pub(super) struct DeviceRows {
    times: Vec<i64>,
    values: BTreeMap<Arc<str>, Vec<(usize, Value)>>,
}

/// A file that is being read.
#[derive(Debug)]
pub(super) struct Reader {
    path: PathBuf,
    lines: BufReader<File>,
    line: usize,
    /// Types of series that the store does not have.
    guessed: HashMap<(DevicePath, Arc<str>), DataType>,
}

impl Reader {
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let lines = BufReader::with_capacity(256 << 10, file);
        Ok(Self { path: path.to_owned(), lines, line: 0, guessed: HashMap::new() })
    }

    /// The next rows, by device; `None` at the end.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<BTreeMap<DevicePath, DeviceRows>>> {
        let mut devices: BTreeMap<DevicePath, DeviceRows> = BTreeMap::new();
        let mut text = String::new();
        let mut count = 0;
        while count < ROWS {
            text.clear();
            let read = self.lines.read_line(&mut text);
            if read.with_context(|| format!("cannot read {}", self.path.display()))? == 0 {
                break;
            }
            self.line += 1;
            if text.trim().is_empty() {
                continue;
            }
            let row: Map<String, Value> = serde_json::from_str(&text).with_context(|| self.place())?;
            take(row, &mut devices).with_context(|| self.place())?;
            count += 1;
        }
        Ok((count > 0).then_some(devices))
    }

    /// Rows of a device as a tablet; `known` has the types of its series.
    pub(super) fn tablet(
        &mut self,
        device: &DevicePath,
        rows: DeviceRows,
        known: &HashMap<Arc<str>, DataType>,
    ) -> anyhow::Result<Option<Tablet>> {
        let count = rows.times.len();
        let mut columns = Vec::with_capacity(rows.values.len());
        for (name, values) in rows.values {
            let data_type = known.get(&name).copied().or_else(|| {
                let guess = || infer(values.iter().map(|(_, value)| value));
                let key = (device.clone(), Arc::clone(&name));
                Some(*self.guessed.entry(key).or_insert(guess()?))
            });
            let Some(data_type) = data_type else { continue };
            let values = array(data_type, count, &values).with_context(|| {
                format!("{}, up to line {}: {device}.{name}", self.path.display(), self.line)
            })?;
            if values.null_count() < count {
                columns.push(Column { name, data_type, values });
            }
        }
        if columns.is_empty() {
            return Ok(None);
        }
        Ok(Some(Tablet::try_new(device.clone(), false, rows.times.into(), columns)?))
    }

    fn place(&self) -> String {
        format!("{}, line {}", self.path.display(), self.line)
    }
}

/// Puts a row where it belongs.
fn take(row: Map<String, Value>, devices: &mut BTreeMap<DevicePath, DeviceRows>) -> anyhow::Result<()> {
    let time = match row.get("Time") {
        Some(Value::Number(time)) => time.as_i64(),
        Some(Value::String(text)) => column::time(text),
        _ => None,
    };
    let time = time.context("it has no `Time` in milliseconds, or as a date and time with its offset")?;
    let device = row.get("Device").and_then(Value::as_str).map(DevicePath::parse).transpose()?;
    for (key, value) in row {
        if key == "Time" || key == "Device" || value.is_null() {
            continue;
        }
        let (device, name) = match &device {
            Some(device) => (device.clone(), quote_node(&unquote_node(&key)).into_owned()),
            None => {
                let path = DevicePath::parse(&key).with_context(|| format!("`{key}` is no series"))?;
                let (device, name) = path.split_last().with_context(|| format!("`{key}` is no series"))?;
                (device, name.to_owned())
            }
        };
        let rows = devices.entry(device).or_default();
        if rows.times.last() != Some(&time) {
            rows.times.push(time);
        }
        rows.values.entry(name.into()).or_default().push((rows.times.len() - 1, value));
    }
    Ok(())
}

fn infer<'a>(values: impl Iterator<Item = &'a Value>) -> Option<DataType> {
    let mut inferred = None;
    for value in values {
        let this = match value {
            Value::Bool(_) => DataType::Boolean,
            Value::Number(number) if number.is_i64() => DataType::Int64,
            Value::Number(_) => DataType::Double,
            _ => return Some(DataType::Text),
        };
        inferred = match (inferred, this) {
            (None, this) => Some(this),
            (Some(before), this) if before == this => Some(this),
            (Some(DataType::Int64 | DataType::Double), DataType::Int64 | DataType::Double) => {
                Some(DataType::Double)
            }
            _ => return Some(DataType::Text),
        };
    }
    inferred
}

/// Values of a type, null where there are none.
fn array(data_type: DataType, count: usize, values: &[(usize, Value)]) -> anyhow::Result<ArrayRef> {
    let mut texts: Vec<Option<String>> = vec![None; count];
    for (row, value) in values {
        texts[*row] = Some(match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
    }
    if data_type.is_text() {
        return Ok(Arc::new(texts.into_iter().collect::<StringArray>()));
    }
    let texts = texts.iter().map(|text| text.as_deref().unwrap_or_default());
    column::parse(data_type, texts).map_err(|(_, reason)| anyhow!(reason))
}
