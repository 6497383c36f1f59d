//! The few statements that the store in memory understands.

use std::{collections::BTreeMap, sync::Arc};

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use futures::StreamExt;
use levada_connector_api::model::{
    Compressor, DataType, Encoding, Outcome, Path, ResultColumn, Rows, SeriesSchema, SessionError, StatusCode,
};

use super::{Series, State};

type Result<T> = std::result::Result<T, SessionError>;

pub(super) fn execute(state: &mut State, statement: &str) -> Result<Outcome> {
    let mut words = statement.trim().trim_end_matches(';').split_whitespace();
    let first_two = format!("{} {}", words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let rest: Vec<&str> = words.collect();
    match (first_two.to_ascii_lowercase().as_str(), rest.as_slice()) {
        ("create database", [path]) if !state.old_dialect => create_database(state, path),
        ("set storage", [group, to, path]) if *group == "group" && *to == "to" => {
            create_database(state, path)
        }
        ("create timeseries", [path, with, options @ ..]) if with.eq_ignore_ascii_case("with") => {
            let (device, measurement) = series_path(path)?;
            create_series(state, &device, &measurement, false, &options.concat())
        }
        ("create aligned", [_, definition @ ..]) => create_aligned(state, &definition.join(" ")),
        ("show timeseries", [path]) => Ok(show_series(state, path)),
        ("show databases", []) => {
            Ok(rows(&["Database"], state.databases.iter().map(|each| vec![each.clone()]).collect()))
        }
        _ => Err(SessionError::new(StatusCode::SQL_PARSE_ERROR, format!("not understood: {statement}"))),
    }
}

fn create_database(state: &mut State, path: &str) -> Result<Outcome> {
    let path = parse(path)?;
    let related = |known: &String| {
        Path::parse(known).is_ok_and(|known| known.is_prefix_of(&path) || path.is_prefix_of(&known))
    };
    if state.databases.iter().any(|known| known == path.as_str()) {
        return Err(SessionError::new(
            StatusCode::DATABASE_ALREADY_EXISTS,
            format!("{path} has already been created as database"),
        ));
    }
    if let Some(known) = state.databases.iter().find(|known| related(known)) {
        return Err(SessionError::new(
            StatusCode::DATABASE_CONFLICT,
            format!("{known} has already been created as database"),
        ));
    }
    state.databases.push(path.to_string());
    Ok(Outcome::Done(String::new()))
}

fn parse(path: &str) -> Result<Path> {
    Path::parse(path).map_err(|error| SessionError::new(StatusCode::ILLEGAL_PATH, error.to_string()))
}

fn series_path(path: &str) -> Result<(String, String)> {
    let path = parse(path)?;
    let (device, measurement) = path
        .split_last()
        .ok_or_else(|| SessionError::new(StatusCode::ILLEGAL_PATH, format!("{path} is no series")))?;
    Ok((device.to_string(), measurement.to_owned()))
}

/// `root.d(s1 DOUBLE encoding=… compressor=…)`, one measurement.
fn create_aligned(state: &mut State, definition: &str) -> Result<Outcome> {
    let wrong = || SessionError::new(StatusCode::SQL_PARSE_ERROR, format!("not understood: {definition}"));
    let (device, inner) = definition.split_once('(').ok_or_else(wrong)?;
    let inner = inner.trim_end().strip_suffix(')').ok_or_else(wrong)?;
    let mut words = inner.split_whitespace();
    let (measurement, data_type) = (words.next().ok_or_else(wrong)?, words.next().ok_or_else(wrong)?);
    let options = format!("datatype={data_type},{}", words.collect::<Vec<_>>().join(","));
    let device = parse(device.trim())?;
    create_series(state, device.as_str(), measurement, true, &options)
}

fn create_series(
    state: &mut State,
    device: &str,
    measurement: &str,
    aligned: bool,
    options: &str,
) -> Result<Outcome> {
    let refused = |message: String| SessionError::new(StatusCode::SEMANTIC_ERROR, message);
    let options: BTreeMap<String, &str> = options
        .split(',')
        .filter_map(|option| option.split_once('='))
        .map(|(key, value)| (key.to_ascii_lowercase(), value))
        .collect();
    let data_type: DataType = options
        .get("datatype")
        .ok_or_else(|| refused("datatype is missing".to_owned()))?
        .parse()
        .map_err(|error| refused(format!("{error}")))?;
    let mut schema = SeriesSchema::default_for(data_type);
    if let Some(encoding) = options.get("encoding") {
        schema.encoding = encoding.parse::<Encoding>().map_err(|error| refused(error.to_string()))?;
    }
    if let Some(compressor) = options.get("compressor") {
        schema.compressor = compressor.parse::<Compressor>().map_err(|error| refused(error.to_string()))?;
    }
    let key = (device.to_owned(), measurement.to_owned());
    if state.series.contains_key(&key) {
        let message = format!("Timeseries [{device}.{measurement}] already exists");
        return Err(SessionError::new(StatusCode::TIMESERIES_ALREADY_EXIST, message));
    }
    state.series.insert(key, Series { schema, aligned, values: BTreeMap::new() });
    Ok(Outcome::Done(String::new()))
}

fn show_series(state: &State, path: &str) -> Outcome {
    let found =
        state.series.iter().filter(|((device, measurement), _)| format!("{device}.{measurement}") == path);
    let found = found
        .map(|(_, Series { schema, .. })| {
            let [data_type, encoding, compressor] =
                [schema.data_type.name(), schema.encoding.name(), schema.compressor.name()];
            vec![path.to_owned(), data_type.to_owned(), encoding.to_owned(), compressor.to_owned()]
        })
        .collect();
    rows(&["Timeseries", "DataType", "Encoding", "Compression"], found)
}

fn rows(headers: &[&str], rows: Vec<Vec<String>>) -> Outcome {
    let columns = headers
        .iter()
        .map(|name| ResultColumn { name: (*name).to_owned(), data_type: DataType::Text })
        .collect();
    let arrays = headers.iter().enumerate().map(|(column, &name)| {
        let values: StringArray = rows.iter().map(|row| row.get(column).cloned()).collect();
        (name, Arc::new(values) as ArrayRef)
    });
    let batch = RecordBatch::try_from_iter(arrays)
        .map_err(|error| SessionError::new(StatusCode::QUERY_PROCESS_ERROR, error.to_string()));
    Outcome::Rows(Rows { has_time: false, columns, batches: futures::stream::iter([batch]).boxed() })
}
