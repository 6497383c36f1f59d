//! CSV as `levada export` and IoTDB's own tools write it.
//!
//! ```text
//!   Time,Device,temperature,status(BOOLEAN)           a device in every row: columns are measurements
//!   Time,root.plant.d1.temperature,root.plant.d2.x    columns are series
//! ```
//!
//! A time is in milliseconds, or a date and time with its offset. A column without a type gets one from the first rows of
//! the file: BOOLEAN where all are true or false, DOUBLE where all are numbers, TEXT otherwise. An empty field is no value: CSV has no
//! empty text.

pub(super) mod column;

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
};

use ::csv::StringRecord;
use anyhow::{Context, anyhow};
use levada_model::{Column, DataType, Path as DevicePath, Tablet, quote_node, unquote_node};

/// Rows that are taken in at once.
const ROWS: usize = 8_192;

/// All files of rows in a folder and the folders in it.
pub(super) fn find(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries =
            std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in entries {
            let path = entry.with_context(|| format!("cannot list {}", folder.display()))?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| {
                let known = ["csv", "jsonl", "ndjson", "parquet"];
                known.iter().any(|known| extension.eq_ignore_ascii_case(known))
            }) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// What stands above a column.
struct Heading {
    /// Whose column; `None` where a row says.
    device: Option<DevicePath>,
    name: Arc<str>,
    /// Its type, where it is known yet.
    data_type: Option<DataType>,
    /// Where it stands.
    index: usize,
}

/// A file that is being read.
pub(super) struct Reader {
    path: PathBuf,
    csv: ::csv::Reader<File>,
    headings: Vec<Heading>,
    /// Where the device stands.
    device: Option<usize>,
}

impl Reader {
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let mut csv = ::csv::ReaderBuilder::new().buffer_capacity(256 << 10).from_reader(file);
        let header = csv.headers().with_context(|| format!("cannot read {}", path.display()))?.clone();
        if !header.get(0).is_some_and(|name| name.eq_ignore_ascii_case("time")) {
            return Err(anyhow!("{}: the first column must be `Time`", path.display()));
        }
        let device = header.iter().position(|name| name.eq_ignore_ascii_case("device"));
        let mut headings = Vec::new();
        for (index, text) in header.iter().enumerate().skip(1).filter(|(index, _)| Some(*index) != device) {
            let heading = heading(text, index, device.is_some());
            headings.push(heading.with_context(|| format!("{}: column {}", path.display(), index + 1))?);
        }
        Ok(Self { path: path.to_owned(), csv, headings, device })
    }

    /// The next rows; `None` at the end.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Vec<Tablet>>> {
        let mut records = Vec::new();
        for record in self.csv.records().take(ROWS) {
            records.push(record.with_context(|| format!("cannot read {}", self.path.display()))?);
        }
        if records.is_empty() {
            return Ok(None);
        }
        for heading in &mut self.headings {
            // A column that is empty so far is asked again.
            heading.data_type = heading
                .data_type
                .or_else(|| column::infer(records.iter().filter_map(|record| record.get(heading.index))));
        }
        let mut tablets = Vec::new();
        for (device, rows) in self.by_device(&records)? {
            tablets.extend(self.tablets(device, &rows)?);
        }
        Ok(Some(tablets))
    }

    /// Rows by the device that they name; all together where columns are series.
    fn by_device<'a>(
        &self,
        records: &'a [StringRecord],
    ) -> anyhow::Result<BTreeMap<Option<DevicePath>, Vec<&'a StringRecord>>> {
        let mut by_text: BTreeMap<Option<&str>, Vec<&StringRecord>> = BTreeMap::new();
        for record in records {
            by_text.entry(self.device.and_then(|index| record.get(index))).or_default().push(record);
        }
        let parsed = by_text.into_iter().map(|(text, rows)| {
            let device = text.map(DevicePath::parse).transpose();
            Ok((device.with_context(|| self.place(rows[0]))?, rows))
        });
        parsed.collect()
    }

    fn tablets(&self, device: Option<DevicePath>, rows: &[&StringRecord]) -> anyhow::Result<Vec<Tablet>> {
        let times: Vec<i64> = rows
            .iter()
            .map(|row| {
                let text = row.get(0).unwrap_or_default();
                column::time(text).with_context(|| format!("{}: `{text}` is no time", self.place(row)))
            })
            .collect::<anyhow::Result<_>>()?;
        let mut columns: BTreeMap<DevicePath, Vec<Column>> = BTreeMap::new();
        for Heading { device: of_column, name, data_type, index } in &self.headings {
            let (Some(owner), Some(data_type)) = (device.as_ref().or(of_column.as_ref()), *data_type) else {
                continue;
            };
            let values = rows.iter().map(|row| row.get(*index).unwrap_or_default());
            let values = column::parse(data_type, values).map_err(|(row, reason)| {
                anyhow!("{}, column {}: {reason}", self.place(rows[row]), index + 1)
            })?;
            if values.null_count() < values.len() {
                let column = Column { name: Arc::clone(name), data_type, values };
                columns.entry(owner.clone()).or_default().push(column);
            }
        }
        let tablets = columns
            .into_iter()
            .map(|(device, columns)| Ok(Tablet::try_new(device, false, times.clone().into(), columns)?));
        tablets.collect()
    }

    fn place(&self, record: &StringRecord) -> String {
        let line = record.position().map_or(0, ::csv::Position::line);
        format!("{}, line {line}", self.path.display())
    }
}

/// `temperature`, `root.plant.d1.temperature`, each with or without `(DOUBLE)`.
fn heading(text: &str, index: usize, is_measurement: bool) -> anyhow::Result<Heading> {
    let typed = text.strip_suffix(')').and_then(|text| text.rsplit_once('('));
    let typed = typed.and_then(|(name, data_type)| Some((name, data_type.parse::<DataType>().ok()?)));
    let (name, data_type) = typed.map_or((text, None), |(name, data_type)| (name, Some(data_type)));
    if is_measurement {
        let name = quote_node(&unquote_node(name)).into();
        return Ok(Heading { device: None, name, data_type, index });
    }
    let path = DevicePath::parse(name).with_context(|| format!("`{name}` is no series"))?;
    let (device, name) = path.split_last().with_context(|| format!("`{name}` is no series"))?;
    Ok(Heading { device: Some(device), name: name.into(), data_type, index })
}
