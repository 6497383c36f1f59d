//! The options of the query source, and what can be said of them without touching the world.

use std::collections::BTreeSet;

use levada_connector_api::{Interval, Problem, StoreOptions, With, model::Path};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::{
    query::Query,
    schedule::{Schedule, Ticks},
};

/// What a query is divided into at most.
pub(super) const MOST_PARTS: usize = 10_000;

/// The rows of a query, from the embedded engine or a running Apache IoTDB.
///
/// A row of `align by device` is one of its device. Without it, a column `root.plant.d1.temperature` is the measurement
/// `temperature` of `root.plant.d1`; a column that names no device (`as` in the statement, aggregates over several) belongs to
/// the one device of `from`, or to what the option `as` says. Rows without a time (aggregates without `group by`) get the time at
/// which the query began.
///
/// The query is divided by device, and its parts are read side by side. A position is a time: a run that was killed goes on behind
/// the last row that was settled, and a run after one that ended reads what is newer. With `every` or `schedule` the source has no
/// end: columns are read as far as they are newer, all other queries are asked anew each time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(example = serde_json::json!({"embedded": "./data", "query": "select * from root.plant.** align by device"}))]
#[schemars(example = serde_json::json!({
    "nodes": ["10.0.0.5:6667"], "password": "${IOTDB_PASSWORD}", "every": "10s", "lateness": "1m",
    "query": "select temperature from root.plant.** align by device",
}))]
pub struct QueryOptions {
    /// A `select` statement. Either this or `queries`. Literals of time without an offset are in UTC; `now()` is the time at which
    /// the query began, also after it was killed and goes on.
    #[schemars(example = &"select temperature from root.plant.** where time >= 2026-05-01 align by device")]
    pub query: Option<String>,
    /// Several statements, whose rows come in no particular order.
    #[schemars(example = ["select * from root.a.** align by device", "select * from root.b.** align by device"])]
    pub queries: Vec<String>,
    /// The device of all rows, for statements without `align by device`.
    #[serde(rename = "as")]
    #[schemars(schema_with = "path_schema")]
    pub device: Option<Path>,
    /// Divides each device's rows into slices of time, so wide, that begin at multiples of it since 1970: they are read side by
    /// side. For columns and arithmetic on them; not divided unless given.
    #[schemars(example = &"1d")]
    pub slice: Option<Interval>,
    /// How many parts are read at once; with nodes, each over a connection of its own.
    #[schemars(range(min = 1, max = 64))]
    pub parallel: usize,
    /// Asks again and again, at multiples of this time; once unless given.
    #[schemars(example = &"10s")]
    pub every: Option<Interval>,
    /// Asks at the times of a cron expression (minute, hour, day of the month, month, day of the week) in UTC.
    #[schemars(example = &"0 2 * * *")]
    pub schedule: Option<String>,
    /// `changes`: rows come as soon as they are stored in the embedded engine, in the order in which they are, late ones too; all that
    /// is stored comes first. The statement may only choose measurements, as in `select * from root.plant.**`. Rows that this
    /// pipeline itself stores do not come. What is deleted is not told of.
    pub follow: Option<FollowMode>,
    /// With `every` or `schedule`: rows whose time is no longer ago than this wait for the next time, so that those that reach the
    /// store late are read too. A row that is stored later still, behind newer rows of its device, is not read.
    #[schemars(example = &"1m")]
    pub lateness: Option<Interval>,
}

impl Default for QueryOptions {
    fn default() -> Self {
        Self {
            query: None,
            queries: Vec::new(),
            device: None,
            slice: None,
            parallel: 4,
            every: None,
            schedule: None,
            follow: None,
            lateness: None,
        }
    }
}

fn path_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "format": "path", "examples": ["root.report"]})
}

/// How a store is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FollowMode {
    /// By the change feed of the embedded engine: rows come when they are stored.
    Changes,
}

/// The statement's options, and which store.
pub(super) type All = With<QueryOptions, StoreOptions>;

impl QueryOptions {
    /// The statements, each with its option.
    pub(super) fn statements(&self) -> Vec<(String, &str)> {
        let one = self.query.iter().map(|text| ("query".to_owned(), text.as_str()));
        let more = self.queries.iter().enumerate();
        one.chain(more.map(|(at, text)| (format!("queries[{at}]"), text.as_str()))).collect()
    }

    /// When it is asked again; `None` for once.
    ///
    /// # Errors
    /// `schedule` is not well formed.
    pub(super) fn ticks(&self) -> Result<Option<Ticks>, String> {
        Ok(match (&self.every, &self.schedule) {
            (Some(every), _) => Some(Ticks::Every(millis(*every))),
            (None, Some(schedule)) => Some(Ticks::Schedule(Schedule::parse(schedule)?)),
            (None, None) => None,
        })
    }

    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        match (&self.query, self.queries.as_slice()) {
            (Some(_), [_, ..]) => {
                problems
                    .push(Problem::new("queries", "take `query` or `queries` away: it is one or the other"));
            }
            (None, []) => problems.push(Problem::new("query", "what is asked is missing: give a `select`")),
            _ => {}
        }
        let mut seen = BTreeSet::new();
        for (option, text) in self.statements() {
            if !seen.insert(text.trim()) {
                problems.push(Problem::new(option.clone(), "the statement is in the list twice"));
            }
            match Query::parse(text, 0) {
                Err(message) => problems.push(Problem::new(option, message)),
                Ok(query) => problems.extend(self.of_statement(&option, &query)),
            }
        }
        if !(1..=64).contains(&self.parallel) {
            problems.push(Problem::new("parallel", format!("{} is not from 1 to 64", self.parallel)));
        }
        for (option, interval) in [("every", self.every), ("slice", self.slice)] {
            if interval.is_some_and(|interval| millis(interval) == 0) {
                problems.push(Problem::new(option, "a millisecond is the least"));
            }
        }
        if self.every.is_some() && self.schedule.is_some() {
            problems
                .push(Problem::new("schedule", "take `every` or `schedule` away: it is one or the other"));
        }
        if let Some(Err(message)) = self.schedule.as_deref().map(Schedule::parse) {
            problems.push(Problem::new("schedule", message));
        }
        if self.follow.is_some() {
            problems.extend(self.of_following());
        }
        if self.lateness.is_some() && self.every.is_none() && self.schedule.is_none() {
            problems.push(Problem::new(
                "lateness",
                "nothing comes late where it is asked once: give `every` too",
            ));
        }
        if let Some(device) = &self.device
            && (device.nodes().next() != Some("root") || device.nodes().count() < 2)
        {
            let message =
                format!("`{device}` is no device: write `root` and at least one node, as in root.report");
            problems.push(Problem::new("as", message));
        }
        problems
    }

    fn of_following(&self) -> Vec<Problem> {
        let others = [
            ("as", self.device.is_some()),
            ("slice", self.slice.is_some()),
            ("every", self.every.is_some()),
            ("schedule", self.schedule.is_some()),
        ];
        let given = others.into_iter().filter(|(_, given)| *given);
        let misplaced = given.map(|(option, _)| {
            Problem::new(option, "with `follow: changes` rows come as they are stored: take it away")
        });
        let statements = self
            .statements()
            .into_iter()
            .filter(|(_, text)| Query::parse(text, 0).is_ok_and(|query| !query.is_choice()));
        let message = "with `follow: changes` a statement only chooses measurements, as in `select * from root.plant.**`: compute and leave out in a transform";
        misplaced.chain(statements.map(|(option, _)| Problem::new(option, message))).collect()
    }

    fn of_statement(&self, option: &str, query: &Query) -> Vec<Problem> {
        let mut problems = Vec::new();
        if query.by_device() && self.device.is_some() {
            problems.push(Problem::new(
                "as",
                "rows of `align by device` say their device: take one of the two away",
            ));
        }
        if self.slice.is_some() && !query.is_plain() {
            let message =
                "only columns and arithmetic on them can be read by slices of time: take `slice` away";
            problems.push(Problem::new("slice", message));
        }
        if self.device.is_none()
            && let Some(column) = query.homeless()
        {
            let message =
                format!("column `{column}` belongs to no one device: give it one with `as: root.…`");
            problems.push(Problem::new(option, message));
        }
        problems
    }
}

/// An interval in whole milliseconds.
pub(super) fn millis(interval: Interval) -> i64 {
    i64::try_from(interval.0.as_millis()).unwrap_or(i64::MAX)
}
