//! The options, and which functions each measurement gets.

use std::{collections::BTreeMap, sync::Arc};

use levada_connector_api::{
    Interval, Problem,
    model::{DataType, PathPattern},
};
use levada_engine::{expressions::RowQuery, functions::FunctionRegistry};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::{earliness, memo::Memo, names},
    accumulator::Function,
    call::{Call, result_name, with_input},
    shape::Shape,
};

/// Windows of each device's own time: `size` for windows that follow each other, with `slide` for windows that overlap, or `gap`
/// for sessions. A device's windows are closed by its own latest time. A row of a window has the time at which it starts and for
/// each function a measurement `NAME_FUNCTION`, as in `temperature_avg`. Late rows go to the output `late`: read it as
/// `NODE.late`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = serde_json::json!({"size": "1m", "aggregates": {"temperature": ["avg", "max"]}}))]
#[schemars(example = serde_json::json!({"size": "5m", "slide": "1m", "allowed_lateness": "10s", "aggregates": {"*": ["count"]}}))]
#[schemars(example = serde_json::json!({"gap": "30s", "aggregates": {"speed": ["max"], "position": ["first", "last"]}}))]
pub struct WindowOptions {
    /// How long a window is. Windows begin at whole multiples of it since 1970 UTC.
    #[serde(default)]
    #[schemars(example = &"1m")]
    pub size: Option<Interval>,
    /// How far the beginnings of windows are apart, where they overlap; `size` is a multiple of it.
    #[serde(default)]
    pub slide: Option<Interval>,
    /// Sessions: a window ends where no reading follows for so long.
    #[serde(default)]
    pub gap: Option<Interval>,
    /// How far windows begin behind whole multiples of `size`, or of `slide`.
    #[serde(default = "zero")]
    pub offset: Interval,
    /// For how long a window is kept open, by the device's time, for readings that come out of order.
    #[serde(default = "zero")]
    pub allowed_lateness: Interval,
    /// How far the time of a reading may be ahead of this machine's clock. One that is further ahead is rejected: it would make all
    /// readings of its device late that come after it. Name a longer time for forecasts, and `null` for no bound.
    #[serde(default = "earliness::a_day")]
    #[schemars(example = &"1h")]
    pub allowed_earliness: Option<Interval>,
    /// Close the windows of a device that has sent nothing for so long, by the clock; never where not given. Readings that come
    /// after a longer interruption are late then. After a restart the time is counted anew.
    #[serde(default)]
    pub idle: Option<Interval>,
    /// Which time a window's row has.
    #[serde(default)]
    pub time: Stamp,
    /// What is computed: functions by measurement, or by pattern as in `temp*`. There are `count` (INT64), `sum` and `avg` (DOUBLE),
    /// `min`, `max`, `first` and `last` (of the values' own type), and the aggregates that `functions` names. These may have more
    /// inputs and attributes, behind the measurement, and another name: `weighted(weight, 'k'='2') as load`. A function that a pattern
    /// asks for is left out for values that it does not take; a reading of a measurement that is named is rejected then.
    #[schemars(example = serde_json::json!({"temperature": ["avg", "max"]}))]
    pub aggregates: BTreeMap<String, Vec<String>>,
    /// A folder of modules, whose aggregates may be called by the last part of their ids: `span` is `org.example.Span`. Or `engine`, for
    /// those that `create function` made in the engine of `levada serve`. An aggregate gets the rows in which one of its inputs has a
    /// value at least, in the order in which they come. What it saves of a window is stored with the positions of the rows, so that no
    /// row is left out and none counts twice, whatever ends the process. Of one that does not save, the rows of open windows are stored
    /// instead, up to 16 MiB for each call of a device; a row beyond that is rejected. As long as a device has open windows with a call, its
    /// inputs keep their types: a row with another is rejected.
    #[serde(default)]
    #[schemars(example = &"engine")]
    pub functions: Option<String>,
}

/// Which time a window's row has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stamp {
    /// Where the window starts.
    #[default]
    Start,
    /// Where it ends: the first millisecond behind it.
    End,
}

fn zero() -> Interval {
    Interval(std::time::Duration::ZERO)
}

fn millis(interval: Interval) -> i64 {
    i64::try_from(interval.0.as_millis()).unwrap_or(i64::MAX)
}

/// A reading is in no more windows than this.
const OVERLAPS: i64 = 1_000;

impl WindowOptions {
    /// What cannot work.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let Self { size, slide, gap, idle, .. } = self;
        match (size, gap) {
            (None, None) => problems.push(Problem::new("", "name `size`, or `gap` for sessions")),
            (Some(_), Some(_)) => {
                problems.push(Problem::new("gap", "sessions have no `size`: name one of the two"));
            }
            _ => {}
        }
        if gap.is_some() && slide.is_some() {
            problems
                .push(Problem::new("slide", "sessions do not overlap: `slide` is for windows of a `size`"));
        }
        if gap.is_some() && millis(self.offset) != 0 {
            problems.push(Problem::new(
                "offset",
                "sessions begin with a reading: `offset` is for windows of a `size`",
            ));
        }
        let lengths = [("size", *size), ("slide", *slide), ("gap", *gap), ("idle", *idle)];
        let lengths = lengths.into_iter().filter_map(|(name, length)| Some((name, length?, false)));
        let others = [("offset", self.offset, true), ("allowed_lateness", self.allowed_lateness, true)];
        for (name, length, may_be_zero) in lengths.chain(others) {
            if length.0.is_zero() && !may_be_zero {
                problems.push(Problem::new(name, "a length of 0 is none"));
            } else if !length.0.subsec_nanos().is_multiple_of(1_000_000) {
                problems.push(Problem::new(name, "times are whole milliseconds"));
            }
        }
        if let (true, Some(size), Some(slide)) = (problems.is_empty(), *size, *slide) {
            let (size, slide) = (millis(size), millis(slide));
            if size % slide != 0 {
                problems.push(Problem::new("slide", "`size` is no multiple of it"));
            } else if size / slide > OVERLAPS {
                problems.push(Problem::new(
                    "slide",
                    format!("a reading would be in more than {OVERLAPS} windows"),
                ));
            }
        }
        if self.aggregates.is_empty() {
            problems.push(Problem::new(
                "aggregates",
                "name a measurement and its functions: `temperature: [avg]`",
            ));
        }
        for (name, functions) in &self.aggregates {
            let option = format!("aggregates.{name}");
            if functions.is_empty() {
                problems.push(Problem::new(&*option, "name at least one function"));
            }
            if is_pattern(name) {
                let (_, wrong) = names::patterns(&option, std::slice::from_ref(name), true);
                problems.extend(wrong.into_iter().map(|each| Problem::new(&*option, each.message)));
            }
        }
        match self.functions {
            None => problems.extend(self.wrong_calls(&FunctionRegistry::builtin())),
            Some(_) => problems.extend(self.calls().into_iter().filter_map(|(option, call)| {
                let error = RowQuery::check_form(&call).err()?;
                Some(Problem::new(option, error.message))
            })),
        }
        problems
    }

    /// What is asked for beside the window's own functions, as calls, with the options that they are.
    pub(super) fn calls(&self) -> Vec<(String, String)> {
        let of = |(name, functions): (&String, &Vec<String>)| {
            let input = input_of(name);
            let others = functions.iter().enumerate().filter(|(_, text)| Function::of_name(text).is_none());
            let call = |(at, text): (usize, &String)| (option_of(name, at), with_input(text, &input));
            others.map(call).collect::<Vec<_>>()
        };
        self.aggregates.iter().flat_map(of).collect()
    }

    /// What is wrong with the calls, where these are the functions that there are.
    pub(super) fn wrong_calls(&self, functions: &Arc<FunctionRegistry>) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut all: Vec<Arc<str>> = Vec::new();
        for (name, texts) in &self.aggregates {
            // What the measurements are that a pattern fits is not known.
            let mut of_pattern = Vec::new();
            let known = if is_pattern(name) { &mut of_pattern } else { &mut all };
            let own = texts.iter().filter_map(|text| Function::of_name(text));
            known.extend(own.map(|function| result_name(&input_of(name), function.name())));
            for (at, text) in texts.iter().enumerate().filter(|(_, text)| Function::of_name(text).is_none()) {
                match Call::new(text, &input_of(name), false, functions) {
                    Ok(call) if known.contains(&call.name) => {
                        let message = "another function gives a measurement of this name: give one of them another, `… as NAME`";
                        problems.push(Problem::new(option_of(name, at), message));
                    }
                    Ok(call) => known.push(call.name),
                    Err(message) => {
                        let own = Function::ALL.map(Function::name).join(", ");
                        let hint = if self.functions.is_some() {
                            ""
                        } else {
                            ", and those of modules that `functions` names"
                        };
                        problems.push(Problem::new(
                            option_of(name, at),
                            format!("{message}; windows have {own}{hint}"),
                        ));
                    }
                }
            }
        }
        problems
    }

    /// Where windows lie; `None` where there are problems.
    pub(super) fn shape(&self) -> Option<Shape> {
        if let Some(gap) = self.gap {
            return Some(Shape::Session { gap: millis(gap) });
        }
        let size = millis(self.size?);
        let slide = self.slide.map_or(size, millis);
        Some(Shape::Panes { size, slide, offset: millis(self.offset) })
    }

    pub(super) fn lateness(&self) -> i64 {
        millis(self.allowed_lateness)
    }

    /// What of the options the state depends on.
    pub(super) fn fingerprint(&self) -> String {
        match (self.gap, self.size) {
            (Some(gap), _) => format!("gap {gap}"),
            (None, Some(size)) => {
                format!("size {size}, slide {}, offset {}", self.slide.unwrap_or(size), self.offset)
            }
            (None, None) => String::new(),
        }
    }
}

fn is_pattern(name: &str) -> bool {
    name.contains('*')
}

/// Where a function stands.
fn option_of(name: &str, at: usize) -> String {
    format!("aggregates.{name}[{at}]")
}

/// The measurement that an option names, or any where it is a pattern.
fn input_of(name: &str) -> Arc<str> {
    if is_pattern(name) { "any".into() } else { names::measurement(name) }
}

/// The functions of one measurement, each with the name of its result: those that are asked for by name, then those that a pattern
/// asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct Functions {
    own: Vec<(Function, Arc<str>, bool)>,
    /// Of users.
    pub(super) calls: Vec<Arc<Call>>,
}

impl Functions {
    /// Whether there is none of the window's own.
    pub(super) fn is_empty(&self) -> bool {
        self.own.is_empty()
    }

    /// A function that is asked for by name and does not take a type.
    pub(super) fn misfit(&self, data_type: DataType) -> Option<Function> {
        let named = self.own.iter().filter(|(_, _, named)| *named);
        named.map(|(function, ..)| *function).find(|function| !function.takes(data_type))
    }

    /// Whether any of them takes a type.
    pub(super) fn any(&self, data_type: DataType) -> bool {
        self.own.iter().any(|(function, ..)| function.takes(data_type))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Function, Arc<str>)> {
        self.own.iter().map(|(function, name, _)| (*function, Arc::clone(name)))
    }
}

/// Which functions are computed of which measurements.
#[derive(Debug)]
pub(super) struct Wanted {
    named: Vec<(Arc<str>, Vec<String>)>,
    patterns: Vec<(PathPattern, Vec<String>)>,
    functions: Arc<FunctionRegistry>,
    known: Memo<Arc<Functions>>,
}

impl Wanted {
    /// Of options that have no problems, where these are the functions of users.
    pub(super) fn new(aggregates: &BTreeMap<String, Vec<String>>, functions: Arc<FunctionRegistry>) -> Self {
        let (mut named, mut patterns) = (Vec::new(), Vec::new());
        for (name, wanted) in aggregates {
            if is_pattern(name) {
                let parsed = names::patterns("", std::slice::from_ref(name), true).0;
                patterns.extend(parsed.into_iter().map(|pattern| (pattern, wanted.clone())));
            } else {
                named.push((names::measurement(name), wanted.clone()));
            }
        }
        Self { named, patterns, functions, known: Memo::new() }
    }

    /// The functions of a measurement.
    pub(super) fn of(&mut self, measurement: &Arc<str>) -> Arc<Functions> {
        let Self { named, patterns, functions, known } = self;
        known.get_or(measurement, || {
            let named = named.iter().filter(|(name, _)| name == measurement);
            let named = named.flat_map(|(_, wanted)| wanted).map(|text| (text, true));
            let fit = patterns.iter().filter(|(pattern, _)| pattern.matches_nodes(&[measurement]));
            let fit = fit.flat_map(|(_, wanted)| wanted).map(|text| (text, false));
            let mut found = Functions::default();
            for (text, is_named) in named.chain(fit) {
                if let Some(function) = Function::of_name(text) {
                    if found.own.iter().all(|(known, ..)| *known != function) {
                        let name = result_name(measurement, function.name());
                        found.own.push((function, name, is_named));
                    }
                } else if let Ok(call) = Call::new(text, measurement, is_named, functions)
                    && found.calls.iter().all(|known| known.name != call.name)
                {
                    found.calls.push(Arc::new(call));
                }
            }
            Arc::new(found)
        })
    }

    /// The call of a measurement that is written like this.
    pub(super) fn call(&mut self, measurement: &str, text: &str) -> Option<Arc<Call>> {
        let found = self.of(&measurement.into());
        found.calls.iter().find(|call| call.call.text() == text).cloned()
    }
}
