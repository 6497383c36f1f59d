//! Rows that came and rows that were expected.
//!
//! Rows are compared in any order, since a batch holds them device by device. Numbers are equal when they are as near as
//! arithmetic in another order could bring them.

use std::{collections::BTreeMap, fmt};

use anyhow::{bail, ensure};
use levada_config::TestCase;
use levada_connector_api::{
    Readings,
    model::{Path, Value, quote_node, unquote_node},
};
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::rehearsal::Played;

/// What was not as expected.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(super) enum Difference {
    /// Rows at a node.
    Rows {
        /// The node.
        node: String,
        /// Expected, and did not come.
        missing: Vec<Json>,
        /// Came, and was not expected.
        unexpected: Vec<Json>,
    },
    /// Rejected records.
    Rejected {
        /// How many were expected.
        expected: u64,
        /// Those there were: by whom and why.
        rejected: Vec<String>,
    },
}

/// What of a test came out otherwise.
///
/// # Errors
/// What the test expects is no row.
pub(super) fn compare(case: &TestCase, played: &Played) -> anyhow::Result<Vec<Difference>> {
    let mut differences = Vec::new();
    for (node, expected) in &case.expect {
        let mut missing: Vec<(Expected, &Json)> = Vec::new();
        for (at, row) in expected.iter().enumerate() {
            let read = Expected::read(row).map_err(|error| error.context(format!("expect.{node}[{at}]")))?;
            missing.push((read, row));
        }
        let mut unexpected = Vec::new();
        for row in played.rows.get(node).into_iter().flatten().flat_map(rows_of) {
            match missing.iter().position(|(expected, _)| expected.is(&row)) {
                Some(at) => drop(missing.remove(at)),
                None => unexpected.push(row.to_json()),
            }
        }
        if !missing.is_empty() || !unexpected.is_empty() {
            let missing = missing.into_iter().map(|(_, row)| row.clone()).collect();
            differences.push(Difference::Rows { node: node.clone(), missing, unexpected });
        }
    }
    if played.rejected.len() as u64 != case.rejected {
        let rejected = played.rejected.iter().map(|(node, reason)| format!("`{node}`: {reason}")).collect();
        differences.push(Difference::Rejected { expected: case.rejected, rejected });
    }
    Ok(differences)
}

/// A row that came.
#[derive(Debug)]
struct Row {
    device: Path,
    time: i64,
    /// By name in canonical form.
    values: BTreeMap<String, Value>,
}

/// A row that should come.
#[derive(Debug)]
struct Expected {
    /// Any where `None`, and so the time.
    device: Option<Path>,
    time: Option<i64>,
    values: BTreeMap<String, Json>,
}

fn rows_of(readings: &Readings) -> impl Iterator<Item = Row> {
    let tablet = &readings.tablet;
    (0..tablet.rows()).map(move |row| Row {
        device: tablet.device().clone(),
        time: tablet.times().value(row),
        values: (tablet.columns().iter())
            .filter_map(|column| column.value(row).map(|value| (column.name.to_string(), value)))
            .collect(),
    })
}

impl Row {
    fn to_json(&self) -> Json {
        let mut row = Map::new();
        row.insert("device".to_owned(), self.device.as_str().into());
        row.insert("time".to_owned(), self.time.into());
        for (name, value) in &self.values {
            let value = match value {
                Value::Boolean(truth) => json!(truth),
                Value::Int32(number) => json!(number),
                Value::Int64(number) | Value::Timestamp(number) => json!(number),
                // By its digits, so that 21.3 is not shown as 21.299999237060547.
                Value::Float(number) => {
                    json!(number.to_string().parse::<f64>().unwrap_or_else(|_| f64::from(*number)))
                }
                Value::Double(number) if number.is_finite() => json!(number),
                other => json!(other.to_string()),
            };
            row.insert(unquote_node(name).into_owned(), value);
        }
        Json::Object(row)
    }
}

impl Expected {
    fn read(row: &Json) -> anyhow::Result<Self> {
        let Json::Object(fields) = row else {
            bail!("expected a mapping with `device`, `time` and measurements, found {row}");
        };
        let mut expected = Self { device: None, time: None, values: BTreeMap::new() };
        for (name, value) in fields {
            match (name.as_str(), value) {
                ("device", Json::String(device)) => expected.device = Some(path(device)),
                ("time", Json::Number(_) | Json::String(_)) => {
                    expected.time = time(value);
                    ensure!(
                        expected.time.is_some(),
                        "`time` is in milliseconds or like 2026-05-01T12:00:00Z, found {value}"
                    );
                }
                ("device" | "time", _) => bail!("`{name}` cannot be {value}"),
                // No value is how a null comes out.
                (_, Json::Null) => {}
                (name, value) => drop(expected.values.insert(measurement(name), value.clone())),
            }
        }
        Ok(expected)
    }

    fn is(&self, row: &Row) -> bool {
        self.device.as_ref().is_none_or(|device| *device == row.device)
            && self.time.is_none_or(|time| time == row.time)
            && self.values.len() == row.values.len()
            && (self.values.iter().zip(&row.values))
                .all(|((name, expected), (came, value))| name == came && is_value(expected, value))
    }
}

fn path(text: &str) -> Path {
    Path::parse(text).unwrap_or_else(|_| Path::from_raw_nodes(text.split('.')))
}

fn measurement(name: &str) -> String {
    match Path::parse(name) {
        Ok(path) if path.nodes().count() == 1 => path.as_str().to_owned(),
        _ => quote_node(name).into_owned(),
    }
}

fn time(value: &Json) -> Option<i64> {
    match value {
        Json::String(text) => {
            levada_model::parse_time(text, &jiff::tz::TimeZone::UTC).ok().map(levada_model::Moment::millis)
        }
        other => other.as_i64(),
    }
}

fn is_value(expected: &Json, value: &Value) -> bool {
    let near = |number: f64, slack: f64| {
        expected
            .as_f64()
            .is_some_and(|expected| (expected - number).abs() <= slack * number.abs().max(1e-300))
    };
    match value {
        Value::Boolean(truth) => expected.as_bool() == Some(*truth),
        Value::Int32(number) => expected.as_f64() == Some(f64::from(*number)),
        Value::Int64(number) => expected.as_i64() == Some(*number),
        Value::Timestamp(moment) => time(expected) == Some(*moment),
        Value::Float(number) => near(f64::from(*number), 1e-6),
        Value::Double(number) => near(*number, 1e-12) || expected.as_str() == Some(&value.to_string()),
        Value::Text(text) | Value::String(text) => expected.as_str() == Some(text),
        Value::Date(_) | Value::Blob(_) => expected.as_str() == Some(&value.to_string()),
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows { node, missing, unexpected } => {
                writeln!(f, "          at `{node}` (- expected, + came):")?;
                missing.iter().try_for_each(|row| writeln!(f, "          - {row}"))?;
                unexpected.iter().try_for_each(|row| writeln!(f, "          + {row}"))
            }
            Self::Rejected { expected, rejected } => {
                writeln!(f, "          rejected: expected {expected}, found {}", rejected.len())?;
                rejected.iter().try_for_each(|rejected| writeln!(f, "          + {rejected}"))
            }
        }
    }
}
