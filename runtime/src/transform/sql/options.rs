//! How a query of rows is written in a pipeline.

use levada_connector_api::Problem;
use levada_engine::expressions::RowQuery;
use schemars::JsonSchema;
use serde::Deserialize;

/// What is computed for each row and which rows are kept, in the engine's SQL, as one text or as two: `select` with
/// expressions of measurements, of `time` and of functions of single values (`sin`, `round`, `upper`, `cast`, `case`, …),
/// and `where` with a condition. There is no `from`: rows come from `inputs`, device by device. A column is named by its
/// alias or by its text; `*` is all measurements; a
/// measurement alone goes through as it is, its type still inferred where it was. Of two columns of one name the later counts. A measurement that a row does
/// not have is null; rows without any value are dropped, and rows whose values cannot be used are rejected. Times without
/// an offset are in UTC.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
#[schemars(example = "select temperature * 1.8 + 32 as temperature_f, status where status = true")]
#[schemars(example = serde_json::json!({"select": "*, cast(level as INT32) as level", "where": "level is not null"}))]
pub enum SqlOptions {
    /// The query in one text.
    Text(String),
    /// The query in two parts.
    Parts {
        /// What is computed: expressions with commas between.
        select: String,
        /// Which rows are kept; all unless given.
        #[serde(rename = "where")]
        condition: Option<String>,
    },
}

impl SqlOptions {
    /// The query, or what is wrong with it and in which part.
    pub(in crate::transform) fn query(&self) -> Result<RowQuery, Problem> {
        let at = |path: &'static str| {
            move |error: levada_engine::expressions::RowQueryError| Problem::new(path, error.to_string())
        };
        match self {
            Self::Text(text) => RowQuery::parse(text).map_err(at("")),
            Self::Parts { select, condition: None } => RowQuery::parse(select).map_err(at("select")),
            Self::Parts { select, condition: Some(condition) } => {
                RowQuery::parse(select).map_err(at("select"))?.and_where(condition).map_err(at("where"))
            }
        }
    }
}
