//! How a query of rows is written in a pipeline.

use std::sync::Arc;

use levada_connector_api::{Interval, Problem};
use levada_engine::{expressions::RowQuery, functions::FunctionRegistry};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::transform::earliness;

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
        /// A folder of modules, whose functions may be called by the last part of their ids: `adder` is `org.example.Adder`. Or
        /// `engine`, for those that `create function` made in the engine of `levada serve`. A function takes rows one by one or in
        /// windows, in order of time, device by device; a row that comes late is rejected. What a function remembers of a device it
        /// remembers from one batch to the next. One that offers save and restore goes on behind a restart or a crash where it was:
        /// what it saved is stored with the positions of the rows, so that no row is left out and none counts twice. One that does
        /// not begins anew with each run, which the log says once; where a run is stopped, it gives first what it gives behind its
        /// last row. Rows that wait for their window are stored in any case, up to 16 MiB for each call of a device, and a row beyond that
        /// is rejected until the window is complete; what a function
        /// of windows gives comes when a window is complete, as rows of their own, and can be computed with nothing else. Of windows
        /// of time without rows, more than 1000 in a row are left out: a row whose time leaps by years is one row more, and no more.
        functions: Option<String>,
        /// Where a function of series is called: how far the time of a row may be ahead of this machine's clock. One that is further
        /// ahead is rejected: it would make all rows of its device late that come after it. Name a longer time for forecasts, and
        /// `null` for no bound.
        #[serde(default = "earliness::a_day")]
        #[schemars(example = &"1h")]
        allowed_earliness: Option<Interval>,
    },
}

impl SqlOptions {
    /// The query, or what is wrong with it and in which part.
    pub(in crate::transform) fn query(&self) -> Result<RowQuery, Problem> {
        self.query_with(&FunctionRegistry::builtin())
    }

    /// As [`SqlOptions::query`], of which functions may be called.
    pub(super) fn query_with(&self, functions: &Arc<FunctionRegistry>) -> Result<RowQuery, Problem> {
        let parse = |text| RowQuery::parse_with(text, functions);
        let at = |path: &'static str| {
            move |error: levada_engine::expressions::RowQueryError| Problem::new(path, error.to_string())
        };
        match self {
            Self::Text(text) => parse(text).map_err(at("")),
            Self::Parts { select, condition: None, .. } => parse(select).map_err(at("select")),
            Self::Parts { select, condition: Some(condition), .. } => {
                parse(select).map_err(at("select"))?.and_where(condition).map_err(at("where"))
            }
        }
    }

    /// What is wrong, as far as it can be told without the functions that the query may call.
    pub(super) fn problem(&self) -> Option<Problem> {
        match self {
            Self::Parts { select, condition, functions: Some(_), .. } => {
                let of = |path: &'static str, text: &str| {
                    RowQuery::check_form(text).err().map(|error| Problem::new(path, error.to_string()))
                };
                let condition = || condition.as_deref().and_then(|text| of("where", &with_condition(text)));
                of("select", select).or_else(condition)
            }
            _ => self.query().err(),
        }
    }

    /// Whether it calls functions that may remember something: those of users, of which it is not known here what they are.
    pub(super) fn may_remember(&self) -> bool {
        let is_other = |(_, text): (&str, String)| {
            let unknown = RowQuery::unknown_functions(&text, &FunctionRegistry::builtin());
            unknown.is_ok_and(|unknown| !unknown.is_empty())
        };
        self.functions().is_some() && self.texts().into_iter().any(is_other)
    }

    /// The texts in which functions can be called, with the options that they are.
    pub(super) fn texts(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Text(text) => vec![("", text.clone())],
            Self::Parts { select, condition, .. } => {
                let condition = condition.as_deref().map(|text| ("where", with_condition(text)));
                [("select", select.clone())].into_iter().chain(condition).collect()
            }
        }
    }

    /// How far ahead of the clock rows may be.
    pub(super) fn allowed_earliness(&self) -> Option<Interval> {
        match self {
            Self::Text(_) => None,
            Self::Parts { allowed_earliness, .. } => *allowed_earliness,
        }
    }

    /// The option that names functions.
    pub(super) fn functions(&self) -> Option<&str> {
        match self {
            Self::Text(_) => None,
            Self::Parts { functions, .. } => functions.as_deref(),
        }
    }
}

/// A query that has only a condition.
fn with_condition(condition: &str) -> String {
    format!("time where {condition}")
}
