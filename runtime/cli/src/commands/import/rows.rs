//! Rows of a file on their way into the store, whatever the file is.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::Arc,
};

use anyhow::anyhow;
use arrow_array::BooleanArray;
use levada_model::{Column, DataType, Path as DevicePath, Tablet, quote_node, unquote_node};

/// What the store has of a device.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) aligned: bool,
    pub(super) types: HashMap<Arc<str>, DataType>,
}

/// Says what the store has of a device.
pub(super) type Find<'a> = &'a dyn Fn(&DevicePath) -> Known;

/// Rows of a device, and which rows of the file they are.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) tablet: Tablet,
    /// For each row, where it is among those that were read last.
    pub(super) places: Vec<usize>,
}

/// Why rows are none, by where they are among those that were read last.
pub(super) type Rejected = BTreeMap<usize, String>;

/// A file that is read piece by piece. A row that cannot be stored is kept aside, and all others are handed on.
pub(super) trait RowReader {
    /// The next rows; `None` at the end.
    ///
    /// # Errors
    /// The file cannot be read, or what is rejected cannot be kept.
    fn next(&mut self, find: Find<'_>) -> anyhow::Result<Option<Vec<Rows>>>;

    /// Keeps rows aside, of those that were given last.
    ///
    /// # Errors
    /// What is rejected cannot be kept.
    fn reject(&mut self, places: &[usize], reason: &str) -> anyhow::Result<()>;

    /// How many rows were rejected, and where they are; `None` where there are none.
    ///
    /// # Errors
    /// What is rejected cannot be kept.
    fn finish(&mut self) -> anyhow::Result<Option<(u64, PathBuf)>>;
}

/// Rows but those that are rejected; none where none is left.
pub(super) fn without(all: Vec<Rows>, rejected: &Rejected) -> anyhow::Result<Vec<Rows>> {
    if rejected.is_empty() {
        return Ok(all);
    }
    let mut left = Vec::with_capacity(all.len());
    for rows in all {
        let keep: Vec<bool> = rows.places.iter().map(|place| !rejected.contains_key(place)).collect();
        let places =
            rows.places.into_iter().zip(&keep).filter(|(_, keep)| **keep).map(|(place, _)| place).collect();
        let tablet = rows.tablet.filter(&BooleanArray::from(keep))?;
        if tablet.points() > 0 {
            left.push(Rows { tablet, places });
        }
    }
    Ok(left)
}

/// Puts a column beside others of its rows. Columns of one measurement, which has several types, cannot stand together.
pub(super) fn add(columns: &mut Vec<Vec<Column>>, column: Column, names: &mut HashMap<Arc<str>, usize>) {
    let at = names.entry(Arc::clone(&column.name)).or_insert(0);
    match columns.get_mut(*at) {
        Some(columns) => columns.push(column),
        None => columns.push(vec![column]),
    }
    *at += 1;
}

/// What stands above a column.
#[derive(Debug)]
pub(super) struct Heading {
    /// Whose column; `None` where a row says.
    pub(super) device: Option<DevicePath>,
    /// The measurement, in canonical form.
    pub(super) name: Arc<str>,
    /// Its type, where the head says it.
    pub(super) data_type: Option<DataType>,
    /// Where it stands.
    pub(super) index: usize,
}

impl Heading {
    /// `temperature`, `root.plant.d1.temperature`, each with or without `(DOUBLE)`.
    ///
    /// # Errors
    /// It is no series, or what stands in brackets looks like a type and is none.
    pub(super) fn parse(text: &str, index: usize, is_measurement: bool) -> anyhow::Result<Self> {
        let typed = text.strip_suffix(')').and_then(|text| text.rsplit_once('('));
        let (name, data_type) = match typed.map(|(name, inner)| (name, inner, inner.parse::<DataType>())) {
            Some((name, _, Ok(data_type))) => (name, Some(data_type)),
            Some((name, inner, Err(_))) if looks_like_type(inner) => {
                let known = DataType::ALL.map(DataType::name).join(", ");
                return Err(anyhow!("`{inner}`, of `{name}`, is no type; types are {known}"));
            }
            _ => (text, None),
        };
        let (device, name) = if is_measurement { (None, measurement(name)) } else { series(name)? };
        Ok(Self { device, name, data_type, index })
    }
}

/// A measurement as the catalog has it, from its name with or without backquotes.
pub(super) fn measurement(name: &str) -> Arc<str> {
    quote_node(&unquote_node(name)).into()
}

/// The device and the measurement of a series.
///
/// # Errors
/// It is none.
pub(super) fn series(name: &str) -> anyhow::Result<(Option<DevicePath>, Arc<str>)> {
    let path = DevicePath::parse(name).map_err(|error| anyhow!("`{name}` is no series: {error}"))?;
    let (device, name) = path.split_last().ok_or_else(|| {
        anyhow!("`{name}` is no series: write it as in root.plant.d1.{name}, or have a column `Device`")
    })?;
    Ok((Some(device), name.into()))
}

/// Capitals, and perhaps digits, as types are written.
fn looks_like_type(text: &str) -> bool {
    text.len() > 2
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}
