//! What every sink that writes lines lets its user choose.

use levada_connector_api::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Format;

/// What a line of CSV holds, and how times are written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LineOptions {
    /// CSV: one value a line, or one row.
    pub form: CsvForm,
    /// CSV, wide: the measurements that become columns, in this order; others are left out. Where nothing is said, columns
    /// come as they are met, and when there are more the header is written again: at the head of the next file, or between
    /// the lines where there are no files.
    #[schemars(example = ["temperature", "humidity"])]
    pub columns: Option<Vec<String>>,
    /// Say types, so that what is read back has the same: in wide CSV behind the name of a column, `temperature(DOUBLE)`, and not
    /// together with `columns`; in JSON lines where a reader would see another, in an object `types` of the line.
    pub types: bool,
    /// How times are written.
    pub time: TimeFormat,
}

/// How times are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TimeFormat {
    /// Milliseconds since 1970 UTC.
    #[default]
    Milliseconds,
    /// `2024-05-01T08:00:00.000Z`
    Rfc3339,
}

/// What a line of CSV holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CsvForm {
    /// One value: time, device, measurement, value.
    #[default]
    Long,
    /// One row: time, device, and a column for each measurement.
    Wide,
}

/// What lines are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Csv,
    Jsonl,
    /// Neither.
    Other,
}

impl LineOptions {
    /// JSON lines in the form that is wanted.
    pub(crate) fn jsonl(&self) -> Format {
        if self.types { Format::JsonlTyped } else { Format::Jsonl }
    }

    /// CSV in the form that is wanted.
    pub(crate) fn csv(&self) -> Format {
        match self.form {
            CsvForm::Long => Format::CsvLong,
            CsvForm::Wide => Format::CsvWide { columns: self.columns.clone(), typed: self.types },
        }
    }

    /// What cannot work.
    pub(crate) fn problems(&self, of: Of) -> Vec<Problem> {
        let csv = of == Of::Csv;
        let wide = csv && self.form == CsvForm::Wide;
        let mut problems = Vec::new();
        if self.form == CsvForm::Wide && !csv {
            problems.push(Problem::new("form", "only `format: csv` has a form"));
        }
        match &self.columns {
            Some(_) if !wide => {
                problems.push(Problem::new("columns", "columns are for `format: csv` with `form: wide`"));
            }
            Some(columns) if columns.is_empty() => {
                problems.push(Problem::new("columns", "name at least one measurement, or leave it out"));
            }
            _ => {}
        }
        if self.types && of != Of::Jsonl && (!wide || self.columns.is_some()) {
            let message = "types are for `format: jsonl`, and for `format: csv` with `form: wide` whose columns come as they are met";
            problems.push(Problem::new("types", message));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_cannot_work_is_named() {
        let paths = |of, value| {
            let options: LineOptions = serde_json::from_value(value).expect("well formed");
            options.problems(of).into_iter().map(|each| each.path).collect::<Vec<_>>()
        };
        assert_eq!(paths(Of::Csv, json!({"form": "wide", "columns": ["t"]})), [""; 0]);
        assert_eq!(paths(Of::Csv, json!({"form": "wide", "types": true})), [""; 0]);
        assert_eq!(paths(Of::Other, json!({"form": "wide"})), ["form"]);
        assert_eq!(paths(Of::Csv, json!({"columns": ["t"]})), ["columns"]);
        assert_eq!(paths(Of::Csv, json!({"form": "wide", "columns": []})), ["columns"]);
        assert_eq!(paths(Of::Csv, json!({"form": "wide", "columns": ["t"], "types": true})), ["types"]);
        assert_eq!(paths(Of::Csv, json!({"types": true})), ["types"]);
        assert_eq!(paths(Of::Other, json!({"types": true})), ["types"]);
        assert_eq!(paths(Of::Jsonl, json!({"types": true})), [""; 0]);
    }
}
