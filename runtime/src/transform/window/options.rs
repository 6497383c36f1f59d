//! The options, and which functions each measurement gets.

use std::{collections::BTreeMap, sync::Arc};

use levada_connector_api::{
    Interval, Problem,
    model::{DataType, PathPattern, unquote_node},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::{memo::Memo, names},
    accumulator::Function,
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
    /// Close the windows of a device that has sent nothing for so long, by the clock; never where not given. Readings that come
    /// after a longer interruption are late then.
    #[serde(default)]
    pub idle: Option<Interval>,
    /// Which time a window's row has.
    #[serde(default)]
    pub time: Stamp,
    /// What is computed: functions by measurement, or by pattern as in `temp*`. A function that a pattern asks for is left out
    /// for values that it does not take; a reading of a measurement that is named is rejected then.
    #[schemars(example = serde_json::json!({"temperature": ["avg", "max"]}))]
    pub aggregates: BTreeMap<String, Vec<Function>>,
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

/// The functions of one measurement, each with the name of its result.
#[derive(Clone, Debug, Default)]
pub(super) struct Functions {
    /// Those that are asked for by name, then those that a pattern asks for.
    all: Vec<(Function, Arc<str>, bool)>,
}

impl Functions {
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// A function that is asked for by name and does not take a type.
    pub(super) fn misfit(&self, data_type: DataType) -> Option<Function> {
        let named = self.all.iter().filter(|(_, _, named)| *named);
        named.map(|(function, ..)| *function).find(|function| !function.takes(data_type))
    }

    /// Whether any of them takes a type.
    pub(super) fn any(&self, data_type: DataType) -> bool {
        self.all.iter().any(|(function, ..)| function.takes(data_type))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Function, Arc<str>)> {
        self.all.iter().map(|(function, name, _)| (*function, Arc::clone(name)))
    }
}

/// Which functions are computed of which measurements.
#[derive(Debug)]
pub(super) struct Wanted {
    named: Vec<(Arc<str>, Vec<Function>)>,
    patterns: Vec<(PathPattern, Vec<Function>)>,
    known: Memo<Arc<Functions>>,
}

impl Wanted {
    /// Of options that have no problems.
    pub(super) fn new(aggregates: &BTreeMap<String, Vec<Function>>) -> Self {
        let (mut named, mut patterns) = (Vec::new(), Vec::new());
        for (name, functions) in aggregates {
            if is_pattern(name) {
                let parsed = names::patterns("", std::slice::from_ref(name), true).0;
                patterns.extend(parsed.into_iter().map(|pattern| (pattern, functions.clone())));
            } else {
                named.push((names::measurement(name), functions.clone()));
            }
        }
        Self { named, patterns, known: Memo::new() }
    }

    /// The functions of a measurement.
    pub(super) fn of(&mut self, measurement: &Arc<str>) -> Arc<Functions> {
        let Self { named, patterns, known } = self;
        known.get_or(measurement, || {
            let named = named.iter().filter(|(name, _)| name == measurement);
            let named = named.flat_map(|(_, functions)| functions).map(|function| (*function, true));
            let fit = patterns.iter().filter(|(pattern, _)| pattern.matches_nodes(&[measurement]));
            let fit = fit.flat_map(|(_, functions)| functions).map(|function| (*function, false));
            let mut functions = Functions::default();
            for (function, is_named) in named.chain(fit) {
                if functions.all.iter().all(|(known, ..)| *known != function) {
                    let name = format!("{}_{}", unquote_node(measurement), function.name());
                    functions.all.push((function, name.into(), is_named));
                }
            }
            Arc::new(functions)
        })
    }
}
