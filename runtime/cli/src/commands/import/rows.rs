//! Rows of a file on their way into the store, whatever the file is.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::Arc,
};

use anyhow::anyhow;
use arrow_array::BooleanArray;
use levada_model::{Column, DataType, Path as DevicePath, Tablet, quote_node, unquote_node};

/// The node that all devices are below.
pub(super) const ROOT: &str = "root";

/// Where rows of a device go: below the prefix, if there is one, instead of below `root`.
pub(super) fn moved(prefix: Option<&DevicePath>, device: &DevicePath) -> DevicePath {
    let Some(prefix) = prefix else { return device.clone() };
    let from_root = device.nodes().next() == Some(ROOT);
    device.nodes().skip(usize::from(from_root)).fold(prefix.clone(), |path, node| path.child(node))
}

/// Places by device, from places by the name that a device has there. A device may have several names; of two rows of one time the
/// later counts. Where `read` says why a name is none, its places are rejected.
pub(super) fn by_device<N: AsRef<str>>(
    by_name: BTreeMap<N, Vec<usize>>,
    prefix: Option<&DevicePath>,
    rejected: &mut Rejected,
    read: impl Fn(&str) -> Result<DevicePath, String>,
) -> BTreeMap<DevicePath, Vec<usize>> {
    let mut by_device: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (name, places) in by_name {
        match read(name.as_ref()) {
            Ok(device) => by_device.entry(moved(prefix, &device)).or_default().extend(places),
            Err(reason) => rejected.extend(places.into_iter().map(|place| (place, reason.clone()))),
        }
    }
    by_device.values_mut().for_each(|places| places.sort_unstable());
    by_device
}

/// What the store has of a device.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) aligned: bool,
    pub(super) types: HashMap<Arc<str>, DataType>,
}

/// Says what the store has of a device.
pub(super) type Find<'a> = &'a dyn Fn(&DevicePath) -> Arc<Known>;

/// Rows of a device, and which rows of the file they are.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) tablet: Tablet,
    /// For each row, where it is among those that were read last.
    pub(super) places: Vec<usize>,
}

/// Why rows are none, by where they are among those that were read last.
pub(super) type Rejected = BTreeMap<usize, String>;

/// What was read at once.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Rows that have a value, but for those that are rejected.
    pub(super) rows: Vec<Rows>,
    /// How many records have no value, but for those that are rejected.
    pub(super) empty: u64,
}

/// A file that is read piece by piece. A row that cannot be stored is kept aside, and all others are handed on.
pub(super) trait RowReader {
    /// The next rows; `None` at the end.
    ///
    /// # Errors
    /// The file cannot be read, or what is rejected cannot be kept.
    fn next(&mut self, find: Find<'_>) -> anyhow::Result<Option<Taken>>;

    /// Whether it stops by itself where the process is asked to: what it gives cannot be read again, and is stored before that.
    fn hears_signals(&self) -> bool {
        false
    }

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

/// Leaves out rows that are rejected, and those without a value; `records` is how many were read.
pub(super) fn sifted(all: Vec<Rows>, rejected: &Rejected, records: usize) -> anyhow::Result<Taken> {
    let mut is_empty = vec![true; records];
    let mut note = |place: usize| {
        if let Some(empty) = is_empty.get_mut(place) {
            *empty = false;
        }
    };
    rejected.keys().for_each(|&place| note(place));
    let mut left = Vec::with_capacity(all.len());
    for Rows { tablet, places } in all {
        let valued = valued(&tablet);
        if valued.is_none() && rejected.is_empty() {
            places.iter().for_each(|&place| note(place));
            left.push(Rows { tablet, places });
            continue;
        }
        let has_value = |row: usize| valued.as_ref().is_none_or(|valued| valued.value(row));
        let rows = places.iter().enumerate();
        let keep: Vec<bool> =
            rows.map(|(row, place)| has_value(row) && !rejected.contains_key(place)).collect();
        let kept = places.into_iter().zip(&keep).filter(|(_, keep)| **keep).map(|(place, _)| place);
        let kept: Vec<usize> = kept.inspect(|&place| note(place)).collect();
        if !kept.is_empty() {
            let tablet = tablet.filter(&BooleanArray::from(keep))?;
            // A series of which only rejected rows have values is not made.
            let columns =
                tablet.columns().iter().filter(|column| column.values.null_count() < column.values.len());
            let columns = columns.cloned().collect();
            left.push(Rows { tablet: tablet.with_columns(columns)?, places: kept });
        }
    }
    let empty = is_empty.into_iter().filter(|empty| *empty).count();
    Ok(Taken { rows: left, empty: empty as u64 })
}

/// Which rows have a value; `None` where all have one.
fn valued(tablet: &Tablet) -> Option<BooleanArray> {
    let mut valued = BooleanArray::from(vec![false; tablet.rows()]).values().clone();
    for column in tablet.columns() {
        // A column without nulls has one in every row.
        valued = &valued | column.values.logical_nulls()?.inner();
    }
    Some(BooleanArray::new(valued, None))
}

/// Puts a column beside others of its rows. Columns of one measurement, which has several types, cannot stand together; a row has a
/// value in one of them at most, or it is rejected.
pub(super) fn add(
    columns: &mut Vec<Vec<Column>>,
    column: Column,
    names: &mut HashMap<Arc<str>, usize>,
    places: &[usize],
    rejected: &mut Rejected,
) {
    let at = names.entry(Arc::clone(&column.name)).or_insert(0);
    for known in columns.iter().take(*at).flatten().filter(|known| known.name == column.name) {
        let both = |row: &usize| known.values.is_valid(*row) && column.values.is_valid(*row);
        for row in (0..places.len()).filter(both) {
            rejected.entry(places[row]).or_insert_with(|| two_values(&column.name));
        }
    }
    match columns.get_mut(*at) {
        Some(columns) => columns.push(column),
        None => columns.push(vec![column]),
    }
    *at += 1;
}

/// What is said of a row that has two values of one series.
pub(super) fn two_values(name: &str) -> String {
    format!("two values are named `{name}`")
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
        let (device, name) = if is_measurement { (None, measurement(name)?) } else { series(name)? };
        Ok(Self { device, name, data_type, index })
    }
}

/// What is wrong with a head in which a name stands twice.
pub(super) fn named_twice(names: &[String]) -> Option<String> {
    let mut known = HashMap::new();
    names.iter().enumerate().find_map(|(at, name)| {
        let before = known.insert(name, at)?;
        Some(format!("columns {} and {} are both named `{name}`", before + 1, at + 1))
    })
}

/// What is wrong with a head in which two columns are of one series. Only types that both name, and that differ, tell columns of
/// one series apart: such a measurement has other types below other devices.
pub(super) fn of_one_series(names: &[String], headings: &[Heading]) -> Option<String> {
    let mut by_series: HashMap<_, Vec<&Heading>> = HashMap::new();
    for heading in headings {
        let known = by_series.entry((&heading.device, &heading.name)).or_default();
        let is_other = |known: &&Heading| {
            known.data_type.is_some() && heading.data_type.is_some() && known.data_type != heading.data_type
        };
        if let Some(before) = known.iter().find(|known| !is_other(known)) {
            let (one, two) = (before.index, heading.index);
            return Some(format!(
                "columns {} and {}, `{}` and `{}`, are of one series",
                one + 1,
                two + 1,
                names.get(one)?,
                names.get(two)?
            ));
        }
        known.push(heading);
    }
    None
}

/// A measurement as the catalog has it, from its name with or without backquotes.
///
/// # Errors
/// The name is empty: no statement could name such a series.
pub(super) fn measurement(name: &str) -> anyhow::Result<Arc<str>> {
    match &*unquote_node(name) {
        "" => Err(anyhow!("a measurement's name is empty")),
        name => Ok(quote_node(name).into()),
    }
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
