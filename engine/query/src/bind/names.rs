//! Which series a name stands for.
//!
//! ```text
//!   from root.plant.**  select s*  ──▶  root.plant.**.s*  ──catalog──▶  d1: s1, s2   d2: s1    device by device
//!                                                         ──order────▶  d1.s2, d2.s1, d1.s1    as columns come
//! ```
//!
//! A pattern may stand for a million series, so nothing is made of each before it is asked for: neither a path nor a name.

use std::{collections::BTreeMap, sync::Arc};

use hashbrown::HashMap;
use levada_model::{DataType, Path, PathPattern};
use levada_sql::ast::{Expression, ExpressionKind, SeriesName};
use levada_storage::{DeviceSeries, View};

use super::schema_order::{self, Place, Purpose};
use crate::{FunctionRegistry, QueryContext, context::SchemaOrder};

/// A series.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) path: Path,
    pub(crate) device: Path,
    /// In canonical form.
    pub(crate) measurement: Arc<str>,
    pub(crate) data_type: DataType,
    /// Empty where series are not grouped by tags.
    pub(crate) tags: BTreeMap<String, String>,
}

/// A series that a name stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Match<'f> {
    pub(crate) device: &'f Path,
    pub(crate) measurement: &'f Arc<str>,
    pub(crate) data_type: DataType,
    /// The second name that it was asked for by.
    pub(crate) alias: Option<&'f str>,
    /// Whether a wildcard stood for the measurement.
    any_measurement: bool,
}

impl Match<'_> {
    /// The path it is shown by: that of its second name, where it was asked for by that.
    pub(crate) fn shown(&self) -> Path {
        self.device.child(self.alias.unwrap_or(self.measurement))
    }
}

/// All series that a name stands for.
#[derive(Debug, Default)]
pub(crate) struct Found {
    parts: Vec<Part>,
    /// Below some prefix it stands for none.
    pub(crate) is_missing: bool,
}

/// What a name stands for below one prefix.
#[derive(Debug)]
struct Part {
    devices: Vec<DeviceSeries>,
    /// In the order of columns.
    order: Vec<Place>,
    /// The measurement that was asked for by name.
    literal: Option<String>,
    any_measurement: bool,
}

impl Found {
    /// How many series there are; one below two prefixes counts twice.
    pub(crate) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.order.len()).sum()
    }

    /// Whether a series may be among them twice.
    pub(crate) fn may_repeat(&self) -> bool {
        self.parts.len() > 1
    }

    /// The series: prefix by prefix, below each in the order of the catalog.
    pub(crate) fn matches(&self) -> impl Iterator<Item = Match<'_>> {
        self.parts.iter().flat_map(|part| {
            part.order.iter().map(|place| {
                let DeviceSeries { device, series } = &part.devices[place.device as usize];
                let (measurement, schema) = &series[place.series as usize];
                let alias = part.literal.as_deref().filter(|name| *name != &**measurement);
                let any_measurement = part.any_measurement;
                Match { device, measurement, data_type: schema.data_type, alias, any_measurement }
            })
        })
    }
}

/// How series are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Show<'a> {
    /// By their whole path.
    Whole,
    /// By their whole path, grouped by levels of it.
    Levels(&'a [u32]),
    /// By their whole path, grouped by the measurement alone.
    Tags,
    /// By the measurement alone.
    Measurement,
}

/// Looks series up and remembers them.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    view: &'a dyn View,
    order: SchemaOrder,
    functions: Arc<FunctionRegistry>,
    prefixes: Vec<PathPattern>,
    show: Show<'a>,
    matches: HashMap<SeriesName, Arc<Found>, foldhash::fast::RandomState>,
    /// What every name that was [noted](Names::note) stands for.
    pub(crate) series: HashMap<SeriesName, Arc<Series>, foldhash::fast::RandomState>,
}

impl<'a> Names<'a> {
    /// Names below some prefixes.
    pub(crate) fn new(
        view: &'a dyn View,
        context: &QueryContext,
        prefixes: Vec<PathPattern>,
        show: Show<'a>,
    ) -> Self {
        Self {
            view,
            order: context.order,
            functions: Arc::clone(&context.functions),
            prefixes,
            show,
            matches: HashMap::default(),
            series: HashMap::default(),
        }
    }

    /// The same, series in the order of their paths.
    pub(crate) fn by_path(self) -> Self {
        Self { order: SchemaOrder::Path, ..self }
    }

    /// Whether an expression is a call of a function that a factory makes.
    pub(crate) fn is_added(&self, expression: &Expression) -> bool {
        let ExpressionKind::Function(call) = &expression.kind else { return false };
        self.functions.find(&call.name).is_some_and(|found| found.is_udf())
    }

    /// The series a suffix, or a whole path, stands for.
    pub(crate) fn find(&mut self, name: &SeriesName) -> Arc<Found> {
        if let Some(found) = self.matches.get(name) {
            return Arc::clone(found);
        }
        let is_whole = name.is_whole() && !matches!(self.show, Show::Measurement);
        let patterns: Vec<PathPattern> = if is_whole {
            vec![name.pattern().clone()]
        } else {
            self.prefixes.iter().map(|prefix| prefix.join(name.pattern())).collect()
        };
        let mut found = Found::default();
        for pattern in patterns {
            let part = self.part(&pattern);
            found.is_missing |= part.order.is_empty();
            found.parts.push(part);
        }
        let found = Arc::new(found);
        self.matches.insert(name.clone(), Arc::clone(&found));
        found
    }

    fn part(&self, pattern: &PathPattern) -> Part {
        let devices = self.view.series_by_device(pattern);
        let order = if pattern.has_wildcard() { self.order } else { SchemaOrder::Path };
        let order = schema_order::places(&devices, order, Purpose::Select);
        let last = pattern.split_last().map(|(_, last)| last);
        let literal = last.as_ref().filter(|last| !last.has_wildcard()).map(ToString::to_string);
        let any_measurement = last.as_ref().is_some_and(PathPattern::has_wildcard);
        Part { devices, order, literal, any_measurement }
    }

    /// How a series is named in expressions, and how `group by` shows it, where that is another name. From now on the first
    /// of the two stands for it.
    pub(crate) fn note(&mut self, series: &Match<'_>) -> (SeriesName, Option<SeriesName>) {
        let (shown, grouped) = self.named(series);
        if !self.series.contains_key(&shown) {
            let Match { device, measurement, data_type, .. } = *series;
            let path = device.child(measurement);
            let (device, measurement) = (device.clone(), Arc::clone(measurement));
            let tags = self.tags(&device, &measurement);
            let series = Series { path, device, measurement, data_type, tags };
            self.series.insert(shown.clone(), Arc::new(series));
        }
        (shown, grouped)
    }

    /// How a series is named in expressions, and how `group by` shows it, where that is another name.
    pub(crate) fn named(&self, series: &Match<'_>) -> (SeriesName, Option<SeriesName>) {
        let node = || PathPattern::of_node(series.alias.unwrap_or(series.measurement));
        if let Show::Measurement = self.show {
            return (SeriesName::suffix(node()), None);
        }
        let path = series.shown();
        let grouped = match self.show {
            Show::Levels(levels) => Some(SeriesName::whole(grouped(&path, levels, series.any_measurement))),
            Show::Tags => Some(SeriesName::suffix(node())),
            Show::Whole | Show::Measurement => None,
        };
        let shown = SeriesName::whole(PathPattern::from(&path));
        let grouped = grouped.filter(|grouped| *grouped != shown);
        (shown, grouped)
    }

    /// A series' tags, where series are grouped by them.
    fn tags(&self, device: &Path, measurement: &Arc<str>) -> BTreeMap<String, String> {
        if !matches!(self.show, Show::Tags) {
            return BTreeMap::new();
        }
        let found = self.view.series_named(device, std::slice::from_ref(measurement));
        found.into_iter().next().map(|series| series.tags).unwrap_or_default()
    }
}

/// A path with a star for every node whose level is not asked for; the measurement stays unless it came of a wildcard.
fn grouped(path: &Path, levels: &[u32], any_measurement: bool) -> PathPattern {
    let nodes: Vec<&str> = path.nodes().collect();
    let last = nodes.len().saturating_sub(1);
    let kept = |at: usize| {
        if at == last {
            !any_measurement
        } else {
            at == 0 || levels.iter().any(|&level| level as usize == at)
        }
    };
    let text: Vec<&str> =
        nodes.iter().enumerate().map(|(at, node)| if kept(at) { node } else { "*" }).collect();
    PathPattern::parse(&text.join(".")).unwrap_or_else(|_| PathPattern::from(path))
}
