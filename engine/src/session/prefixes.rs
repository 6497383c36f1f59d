//! Paths as clients of 0.12 write them: `show timeseries root.a` asks for all below `root.a`, and a `*` at the end of a column's
//! path for all below it.
//!
//! A path that names something itself stands for that. What deletes or writes is left as it is.

use levada_model::PathPattern;
use levada_sql::ast::{Alignment, Count, Expression, ExpressionKind, Select, SeriesName, Show, Statement};
use levada_storage::Catalog;

/// Makes of the paths that a statement reads what they stood for in 0.12.
pub(super) fn widen(statement: &mut Statement, catalog: &dyn Catalog) {
    let series = |pattern: &PathPattern| catalog.has_series(pattern);
    let devices = |pattern: &PathPattern| !catalog.devices(pattern).is_empty();
    match statement {
        Statement::Select(select) => of_select(select, devices),
        Statement::Show(Show::Timeseries(show) | Show::Views(show)) => below(&mut show.pattern, series),
        Statement::Show(Show::Devices(show)) => below(&mut show.pattern, devices),
        Statement::Count(Count::Timeseries { pattern, .. }) => below(pattern, series),
        Statement::Count(Count::Devices { pattern, .. }) => below(pattern, devices),
        Statement::Count(Count::Nodes { pattern, level }) => {
            // The nodes of a level below a path; that at the path itself, where it is of that level.
            let level = *level as usize;
            below(pattern, |pattern| level < pattern.len());
        }
        _ => {}
    }
}

/// All below a pattern, where it is of nothing itself.
fn below(pattern: &mut PathPattern, is_there: impl Fn(&PathPattern) -> bool) {
    if !is_there(pattern) {
        *pattern = pattern.join(&all());
    }
}

fn all() -> PathPattern {
    PathPattern::parse("**").expect("a pattern")
}

fn of_select(select: &mut Select, devices: impl Fn(&PathPattern) -> bool) {
    if select.alignment == Alignment::Device {
        select.from.iter_mut().for_each(|from| below(&mut from.pattern, &devices));
        return;
    }
    select.columns.iter_mut().for_each(|column| star_at_end(&mut column.expression));
}

fn is_star(pattern: &PathPattern) -> bool {
    pattern.nodes().eq(["*"])
}

/// A `*` at the end of a series' name is of every depth.
fn star_at_end(expression: &mut Expression) {
    if let ExpressionKind::Series(name) = &mut expression.kind {
        let widened = match name.pattern().split_last() {
            Some((front, last)) if is_star(&last) => Some(front.join(&all())),
            None if is_star(name.pattern()) => Some(all()),
            _ => None,
        };
        if let Some(widened) = widened {
            *name = if name.is_whole() { SeriesName::whole(widened) } else { SeriesName::suffix(widened) };
        }
    }
    expression.children_mut().into_iter().for_each(star_at_end);
}
