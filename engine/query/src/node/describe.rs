//! A plan in words, a line for each node: the nodes below it stand below it, further in.

use std::ops::Range;

use levada_sql::ast::Expression;
use levada_storage::{Direction, TimeRange};

use super::{Column, Node, Scan, Summaries};
use crate::{expression::Kind, operator::sort::SortKey};

/// How many inputs of a node have lines of their own; those behind share one.
const SHOWN: usize = 8;
/// How many things are listed in a line.
const LISTED: usize = 16;

/// A line, and the nodes it is about by their number: a node comes before those below it, these from the first to the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) nodes: Range<usize>,
}

impl Node {
    /// Its lines and those of the nodes below.
    pub(crate) fn describe(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        self.describe_at(0, &mut 0, &mut lines);
        lines
    }

    fn describe_at(&self, depth: usize, number: &mut usize, lines: &mut Vec<Line>) {
        lines.push(Line {
            text: format!("{:1$}{2}", "", depth * 2, self.line()),
            nodes: *number..*number + 1,
        });
        *number += 1;
        let inputs = self.inputs();
        let alone = if inputs.len() > SHOWN + 1 { SHOWN } else { inputs.len() };
        let (shown, others) = inputs.split_at(alone);
        shown.iter().for_each(|input| input.describe_at(depth + 1, number, lines));
        if !others.is_empty() {
            let first = *number;
            *number += others.iter().map(|input| input.count()).sum::<usize>();
            let text = format!("{:1$}… and {2} more of these", "", depth * 2 + 2, others.len());
            lines.push(Line { text, nodes: first..*number });
        }
    }

    /// How many nodes it is, with those below.
    fn count(&self) -> usize {
        1 + self.inputs().into_iter().map(Self::count).sum::<usize>()
    }

    /// What it does.
    fn line(&self) -> String {
        match self {
            Self::Nothing => "No rows".to_owned(),
            Self::Given(_) => "Rows of the catalog".to_owned(),
            Self::Scan(scan) => scan_line(scan),
            Self::Last { series, .. } => {
                let shown = series.iter().map(|each| each.shown().to_string());
                format!("Last points of {}", listed(series.len(), shown))
            }
            Self::FilledRow(row) => {
                let shown = (0..row.series.len()).map(|at| self.title(at));
                format!("Values at time {}, filled, of {}", row.time, listed(row.series.len(), shown))
            }
            Self::Join { .. } => "Join by time".to_owned(),
            Self::Filter { condition, .. } => format!("Filter {}", condition.written.column_name()),
            Self::Compute { columns, .. } => {
                let shown = (0..columns.len()).map(|at| self.title(at));
                format!("Compute {}", listed(columns.len(), shown))
            }
            Self::Append { call, .. } => format!("Add {}", call.column_name()),
            Self::Function { call, .. } => format!("Run {}", call.column_name()),
            Self::Summaries(summaries) => summaries_line(summaries),
            Self::Windows { aggregates, windows, .. } => {
                format!(
                    "Aggregate {}{}",
                    names(&aggregates.calls),
                    if windows.is_whole() { "" } else { ", by windows of time" }
                )
            }
            Self::Segments { aggregates, segmenter, .. } => {
                format!("Aggregate {}, by windows of {}", names(&aggregates.calls), segmenter.name())
            }
            Self::Fill { .. } => "Fill nulls".to_owned(),
            Self::WithoutNull { columns, all, .. } => {
                let shown = columns.iter().map(|&at| self.title(at));
                let which = if *all { "all" } else { "one" };
                format!("Leave out where {which} of {} is null", listed(columns.len(), shown))
            }
            Self::Sort { input, keys, most } => sort_line(input, keys, *most),
            Self::Limit { offset, most, .. } => limit_line(*offset, *most),
            Self::Label { labels, .. } => format!("Rows of {}", labels.join(", ")),
            Self::Concat(_) => "One after the other".to_owned(),
            Self::Merge { direction, .. } => {
                format!(
                    "Merge by time{}",
                    if *direction == Direction::Descending { ", newest first" } else { "" }
                )
            }
            Self::Analyze(_) => "Analyze".to_owned(),
        }
    }

    /// What a column of its rows is.
    fn title(&self, column: usize) -> String {
        match self {
            Self::Scan(Scan { device, measurements, .. }) => {
                measurements.get(column).map(|measurement| device.child(measurement).to_string())
            }
            Self::FilledRow(row) => {
                row.series.get(column).map(|(device, measurement, _)| device.child(measurement).to_string())
            }
            Self::Join { inputs, .. } => {
                let mut before = 0;
                inputs.iter().find_map(|input| {
                    let at = column - before;
                    before += input.types.len();
                    (column < before).then(|| input.node.title(at))
                })
            }
            Self::Compute { input, columns } => columns.get(column).map(|output| match output {
                Column::Taken(at, _) => input.title(*at),
                Column::Computed(computed) => computed.written.column_name(),
            }),
            Self::Function { call, .. } => Some(call.column_name()),
            Self::Summaries(Summaries { calls, are_columns: true, .. }) => {
                calls.get(column).map(Expression::column_name)
            }
            Self::Windows { aggregates, .. } => aggregates.calls.get(column).map(Expression::column_name),
            Self::Segments { aggregates, .. } => {
                let call = aggregates.calls.get(column).map(Expression::column_name);
                Some(call.unwrap_or_else(|| "the last time".to_owned()))
            }
            Self::Filter { input, .. }
            | Self::Fill { input, .. }
            | Self::WithoutNull { input, .. }
            | Self::Sort { input, .. }
            | Self::Limit { input, .. } => Some(input.title(column)),
            _ => None,
        }
        .unwrap_or_else(|| format!("column {}", column + 1))
    }
}

fn scan_line(Scan { device, measurements, range, direction }: &Scan) -> String {
    let mut line = format!(
        "Scan {device} [{}]",
        listed(measurements.len(), measurements.iter().map(|name| name.to_string()))
    );
    line.push_str(&times(*range));
    if *direction == Direction::Descending {
        line.push_str(", newest first");
    }
    line
}

fn times(range: TimeRange) -> String {
    match (range.start, range.end) {
        (i64::MIN, i64::MAX) => ", all times".to_owned(),
        (start, end) => format!(", times {start}..={end}"),
    }
}

fn summaries_line(Summaries { asked, calls, windows, range, .. }: &Summaries) -> String {
    let series: usize = asked.inputs.iter().map(|input| input.paths().len()).sum();
    let shown = asked.inputs.iter().flat_map(|input| input.paths().map(|path| path.to_string()));
    let mut line = String::from("Aggregate ");
    line.push_str(&names(calls));
    line.push_str(", from statistics where these do, of ");
    line.push_str(&listed(series, shown));
    line.push_str(&times(*range));
    line.push_str(if windows.is_whole() { "" } else { ", by windows of time" });
    line
}

fn sort_line(input: &Node, keys: &[SortKey], most: Option<usize>) -> String {
    let keys: Vec<String> = keys
        .iter()
        .map(|key| {
            let by = match key.expression.kind {
                Kind::Column(at) => input.title(at),
                _ => "Time".to_owned(),
            };
            format!("{by}{}", if key.descending { " descending" } else { "" })
        })
        .collect();
    let most = most.map(|most| format!(", the first {most}")).unwrap_or_default();
    format!("Sort by {}{most}", keys.join(", "))
}

fn limit_line(offset: usize, most: Option<usize>) -> String {
    match (offset, most) {
        (0, Some(most)) => format!("Limit {most}"),
        (offset, Some(most)) => format!("Limit {most}, offset {offset}"),
        (offset, None) => format!("Offset {offset}"),
    }
}

fn names(calls: &[Expression]) -> String {
    listed(calls.len(), calls.iter().map(Expression::column_name))
}

/// The first of some things, and how many more there are.
fn listed(count: usize, things: impl Iterator<Item = String>) -> String {
    let shown: Vec<String> = things.take(if count > LISTED + 1 { LISTED } else { count }).collect();
    match count - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
